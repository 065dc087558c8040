#include "cli/mutants/mutant_table.h"

#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "runner/duration.h"
#include "runner/text.h"

namespace resprobe::cli {
namespace {

double MedianOf(std::vector<double> values) {
  std::ranges::sort(values);
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

std::string NumberText(double value, int digits) {
  if (digits > 0) return absl::StrFormat("%.*f", digits, value);
  return runner::Grouped(static_cast<uint64_t>(std::llround(value)));
}

std::string ShortSignature(const std::string& signature) {
  const std::string violation = "violation:";
  return signature.starts_with(violation) ? signature.substr(violation.size())
                                          : signature.substr(0, signature.find('|'));
}

// "command_handler reply_model", with how often each of several has found it.
std::string FoundBy(const SourceOutcome& outcome) {
  if (outcome.found_by.size() == 1) return outcome.found_by.begin()->first;
  std::vector<std::pair<uint64_t, std::string>> parts;
  for (const auto& [by, count] : outcome.found_by) parts.emplace_back(count, by);
  std::ranges::sort(parts, std::greater<>());
  return absl::StrJoin(parts, ", ", [](std::string* out, const auto& part) {
    *out += part.second + " (" + std::to_string(part.first) + ")";
  });
}

std::string HowOften(const SourceOutcome& outcome) {
  if (outcome.trials == 0) return "";
  if (outcome.detected() == 0) return "no";
  if (outcome.detected() == outcome.trials) return "yes";
  return absl::StrFormat("%d of %d", outcome.detected(), outcome.trials);
}

std::string NotDetected(const SourceOutcome& outcome) {
  return outcome.triggered ? "triggered, and nothing showed it"
         : outcome.reached ? "reached, and never triggered"
                           : "not reached";
}

std::string SourceText(const std::string& source) {
  if (source == "committed") return "fuzzing from the committed corpus";
  if (source == "none") return "fuzzing from an empty corpus";
  if (source == "seeds") return "generated seeds alone";
  return "random bytes";
}

struct Share {
  uint64_t measured = 0;
  uint64_t detected = 0;  // in more than half of the trials
  uint64_t ever = 0;
  std::vector<double> seconds;
  std::vector<double> executions;
};

// All sources of a fault together.
SourceOutcome Anywhere(const MutantRow& row) {
  SourceOutcome all;
  for (const auto& [source, outcome] : row.sources) {
    all.trials += outcome.trials;
    all.reached |= outcome.reached;
    all.triggered |= outcome.triggered;
    for (const auto& [by, count] : outcome.found_by) all.found_by[by] += count;
    all.executions.insert(all.executions.end(), outcome.executions.begin(),
                          outcome.executions.end());
    all.ops.insert(all.ops.end(), outcome.ops.begin(), outcome.ops.end());
    all.bytes.insert(all.bytes.end(), outcome.bytes.begin(), outcome.bytes.end());
  }
  return all;
}

bool IsDetected(const SourceOutcome& outcome) { return 2 * outcome.detected() > outcome.trials; }

bool IsDetectedAnywhere(const MutantRow& row) {
  return std::ranges::any_of(row.sources, [](const auto& one) { return IsDetected(one.second); });
}

Share ShareOf(const MutantTable& table, const std::string& source) {
  Share share;
  for (const MutantRow& row : table.rows) {
    const auto at = row.sources.find(source);
    if (at == row.sources.end()) continue;
    ++share.measured;
    share.detected += IsDetected(at->second) ? 1 : 0;
    if (at->second.detected() == 0) continue;
    ++share.ever;
    share.seconds.push_back(MedianOf(at->second.seconds));
    share.executions.push_back(MedianOf(at->second.executions));
  }
  return share;
}

// From at least one source.
Share ShareOfAll(const MutantTable& table) {
  Share share;
  for (const MutantRow& row : table.rows) {
    if (row.sources.empty()) continue;
    ++share.measured;
    share.detected += IsDetectedAnywhere(row) ? 1 : 0;
  }
  return share;
}

// True if from `source` only faults were measured that `other` does not detect: its share says
// nothing of all faults then.
bool HasOnlyWhatIsLeftBy(const MutantTable& table, const std::string& source,
                         const std::string& other) {
  return std::ranges::none_of(table.rows, [&](const MutantRow& row) {
    const auto left = row.sources.find(other);
    return row.sources.contains(source) && (left == row.sources.end() || IsDetected(left->second));
  });
}

std::string Percent(uint64_t part, uint64_t whole) {
  return absl::StrFormat(
      "%.0f%%", whole == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

const SourceOutcome& OutcomeOf(const MutantRow& row, const std::string& source) {
  static const auto* const none = new SourceOutcome();
  const auto at = row.sources.find(source);
  return at == row.sources.end() ? *none : at->second;
}

// The sources of which there is any result.
std::vector<std::string> Measured(const MutantTable& table) {
  std::vector<std::string> sources;
  for (const char* const source : kCaseSources) {
    if (ShareOf(table, source).measured > 0) sources.emplace_back(source);
  }
  return sources;
}

}  // namespace

Trial MutantPlan::TrialOf(const mutants::Mutant& mutant, const std::string& harness,
                          const std::string& source, uint64_t number) const {
  const auto build = builds.find(harness);
  return {.mutant = mutant.name,
          .harness = harness,
          .source = source,
          .without = without,
          .seconds = seconds,
          .number = number,
          .fault = FaultId(mutant),
          .build = build == builds.end() ? "" : build->second};
}

MutantTable Tabulate(const MutantPlan& plan, const ResultStore& store) {
  // The result of this build, or else any of an earlier one.
  std::map<Trial, const TrialResult*> earlier;
  for (const auto& [trial, result] : store.all()) {
    Trial any = trial;
    any.build.clear();
    earlier[any] = &result;
  }
  MutantTable table;
  const auto find = [&](Trial trial) -> const TrialResult* {
    if (const TrialResult* const result = store.Find(trial)) return result;
    trial.build.clear();
    const auto at = earlier.find(trial);
    if (at == earlier.end()) return nullptr;
    ++table.older;
    return at->second;
  };
  for (const mutants::Mutant& mutant : plan.mutants) {
    MutantRow row = {.mutant = mutant, .sources = {}};
    for (const char* const source : kCaseSources) {
      SourceOutcome outcome;
      for (uint64_t number = 0; number < plan.trials; ++number) {
        bool any = false;
        for (const std::string& harness : mutant.harnesses) {
          const TrialResult* const result = find(plan.TrialOf(mutant, harness, source, number));
          if (result == nullptr) continue;
          any = true;
          outcome.reached |= result->reached > 0;
          outcome.triggered |= result->triggered;
          if (!result->detected()) continue;
          ++outcome.found_by[harness + " " + ShortSignature(result->signature)];
          outcome.executions.push_back(static_cast<double>(result->executions));
          outcome.seconds.push_back(result->seconds);
          if (result->ops > 0) outcome.ops.push_back(static_cast<double>(result->ops));
          if (result->bytes > 0) outcome.bytes.push_back(static_cast<double>(result->bytes));
          break;
        }
        outcome.trials += any;
      }
      if (outcome.trials > 0) row.sources[source] = std::move(outcome);
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::string MedianAndRange(std::vector<double> values, int digits) {
  if (values.empty()) return "";
  std::string text = NumberText(MedianOf(values), digits);
  const auto [least, most] = std::ranges::minmax(values);
  if (values.size() > 1) {
    text += " (" + NumberText(least, digits) + "–" + NumberText(most, digits) + ")";
  }
  return text;
}

std::string TableText(const MutantPlan& plan, const MutantTable& table) {
  std::string text;
  for (const MutantRow& row : table.rows) {
    if (row.sources.empty() || IsDetectedAnywhere(row)) continue;
    text += absl::StrFormat("not detected: %s: %s (%s)\n", row.mutant.name,
                            NotDetected(Anywhere(row)), absl::StrJoin(row.mutant.harnesses, ", "));
  }
  const std::vector<std::string> sources = Measured(table);
  for (const std::string& source : sources) {
    const Share share = ShareOf(table, source);
    text += absl::StrFormat("%s: %d of %d faults detected within %s (%s)", SourceText(source),
                            share.detected, share.measured, runner::TimeText(plan.seconds),
                            Percent(share.detected, share.measured));
    if (!share.seconds.empty()) {
      text += absl::StrFormat("; median %.1f s, %s executions", MedianOf(share.seconds),
                              NumberText(MedianOf(share.executions), 0));
    }
    text += "\n";
  }
  if (sources.size() > 1) {
    const Share share = ShareOfAll(table);
    text += absl::StrFormat("any of these: %d of %d (%s)\n", share.detected, share.measured,
                            Percent(share.detected, share.measured));
  }
  if (table.older > 0) {
    text += absl::StrFormat("%d results are of an earlier build\n", table.older);
  }
  return text;
}

std::string TableMarkdown(const MutantPlan& plan, const MutantTable& table,
                          const std::string& command) {
  std::string text =
      "# The bench of planted faults\n\n"
      "Written by `" +
      command +
      "`; do not edit it.\n\n"
      "mutants/*.txt lists small faults that somebody could have made in the core: a bound that is "
      "one\n"
      "off, a flag that is lost, a case that is missing. None of them crashes by construction. "
      "They were\n"
      "written from the core's sources alone, without a look at the checks. The build makes copies "
      "of the\n"
      "sources with all of them, and links these into variants of the harnesses, where one fault "
      "at a time\n"
      "is switched on; nothing of it is in what users run. With none on, such a harness runs every "
      "seed as\n"
      "the harness itself does, to the same hash of the trace; `mutants` checks that first.\n\n"
      "A fault runs in the harnesses that its entry names, one after the other, until one detects "
      "it. Only\n"
      "an invariant, a sanitizer, a time-out or the oracle (command_oracle: a real server beside\n"
      "the core) counts. Times are of one process, from its start to the report, on a "
      "machine that\n"
      "other work may share.\n\n";
  const std::vector<std::string> sources = Measured(table);
  text += absl::StrFormat(
      "%d faults, %d trial%s of each, %s for each harness%s; %d trial%s side by side on "
      "%d cores.\n\n",
      table.rows.size(), plan.trials, plan.trials == 1 ? "" : "s", runner::TimeText(plan.seconds),
      plan.without.empty() ? "" : ", without " + plan.without, plan.jobs, plan.jobs == 1 ? "" : "s",
      plan.cores);
  text += "| cases from | faults | detected | | median seconds | median executions |\n";
  text += "|---|---:|---:|---:|---:|---:|\n";
  for (const std::string& source : sources) {
    const Share share = ShareOf(table, source);
    text +=
        absl::StrFormat("| %s | %d | %d | %s | %s | %s |\n", SourceText(source), share.measured,
                        share.detected, Percent(share.detected, share.measured),
                        share.seconds.empty() ? "" : NumberText(MedianOf(share.seconds), 1),
                        share.executions.empty() ? "" : NumberText(MedianOf(share.executions), 0));
  }
  if (sources.size() > 1) {
    const Share share = ShareOfAll(table);
    text += absl::StrFormat("| any of these | %d | %d | %s | | |\n", share.measured, share.detected,
                            Percent(share.detected, share.measured));
  }
  text +=
      "\nA fault counts as detected if more than half of its trials detect it. A source has only "
      "the faults that were\nmeasured from it.\n";
  for (const std::string& source : sources) {
    for (const std::string& other : sources) {
      if (source == other || !HasOnlyWhatIsLeftBy(table, source, other)) continue;
      text += "From the source \"" + SourceText(source) + "\" only faults were measured that \"" +
              SourceText(other) + "\" does not detect.\n";
    }
  }
  if (table.older > 0) {
    text += absl::StrFormat("%d results are of an earlier build.\n", table.older);
  }
  text += "\n## Not detected\n\n";
  text +=
      "*Triggered*: the faulty expression had another value than the original one, or the faulty "
      "statement was executed.\n\n";
  bool all = true;
  for (const MutantRow& row : table.rows) {
    if (row.sources.empty() || IsDetectedAnywhere(row)) continue;
    all = false;
    const SourceOutcome outcome = Anywhere(row);
    text += absl::StrFormat("- `%s`: %s In %s: %s", row.mutant.name, row.mutant.breaks,
                            absl::StrJoin(row.mutant.harnesses, ", "), NotDetected(outcome));
    if (outcome.detected() > 0) {
      text += absl::StrFormat(" in %d of %d trials", outcome.trials - outcome.detected(),
                              outcome.trials);
    }
    text += ".\n";
  }
  if (all) text += "None.\n";
  text += "\n## Each fault\n\n";
  text +=
      "Executions and seconds until it was found: the median, and the range in brackets. A shrunk "
      "case "
      "has that many\nops, or bytes in harnesses over raw bytes.\n\n";
  text += "| fault | what a user loses | place | found by | shrunk |";
  for (const std::string& source : sources)
    text += " " + SourceText(source) + ": | executions | seconds |";
  text += "\n|---|---|---|---|---:|";
  for (size_t i = 0; i < sources.size(); ++i) text += "---|---:|---:|";
  text += "\n";
  for (const MutantRow& row : table.rows) {
    const SourceOutcome all_sources = Anywhere(row);
    // A harness over raw bytes has one op.
    const bool raw = !all_sources.ops.empty() && std::ranges::max(all_sources.ops) <= 1 &&
                     !all_sources.bytes.empty();
    text += absl::StrFormat("| %s | %s | %s | %s | %s |", row.mutant.name, row.mutant.breaks,
                            all_sources.triggered ? "triggered"
                            : all_sources.reached ? "reached"
                                                  : "not reached",
                            all_sources.found_by.empty() ? "" : FoundBy(all_sources),
                            raw ? NumberText(MedianOf(all_sources.bytes), 0) + " bytes"
                            : all_sources.ops.empty() ? ""
                                                      : NumberText(MedianOf(all_sources.ops), 0));
    for (const std::string& source : sources) {
      const SourceOutcome& outcome = OutcomeOf(row, source);
      text += absl::StrFormat(" %s | %s | %s |", HowOften(outcome),
                              MedianAndRange(outcome.executions, 0),
                              MedianAndRange(outcome.seconds, 1));
    }
    text += "\n";
  }
  return text;
}

Json TableJson(const MutantPlan& plan, const MutantTable& table) {
  Json json = {{"trial_seconds", plan.seconds}, {"trials", plan.trials},
               {"without", plan.without},       {"older_results", table.older},
               {"mutants", Json::array()},      {"detected_from", Json::object()}};
  for (const MutantRow& row : table.rows) {
    Json one = {{"name", row.mutant.name},
                {"file", row.mutant.file},
                {"breaks", row.mutant.breaks},
                {"harnesses", row.mutant.harnesses},
                {"sources", Json::object()}};
    for (const auto& [source, outcome] : row.sources) {
      one["sources"][source] = {{"trials", outcome.trials},     {"detected", outcome.detected()},
                                {"reached", outcome.reached},   {"triggered", outcome.triggered},
                                {"found_by", outcome.found_by}, {"executions", outcome.executions},
                                {"seconds", outcome.seconds},   {"ops", outcome.ops},
                                {"bytes", outcome.bytes}};
    }
    json["mutants"].push_back(std::move(one));
  }
  for (const std::string& source : Measured(table)) {
    const Share share = ShareOf(table, source);
    json["detected_from"][source] = {
        {"measured", share.measured}, {"detected", share.detected}, {"ever", share.ever}};
  }
  return json;
}

}  // namespace resprobe::cli
