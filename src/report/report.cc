#include "report/report.h"

#include <absl/time/clock.h>
#include <absl/time/time.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>

#include "runner/json_fields.h"
#include "runner/process.h"
#include "runner/text.h"
#include "runner/user_error.h"

namespace resprobe::report {
namespace {

Json ToJson(const Result& result) {
  Json json = {{"name", runner::JsonText(result.name)},
               {"status", NameOf(result.status)},
               {"passed", result.status == Status::kPassed},
               {"seed", result.seed ? Json(*result.seed) : Json()},
               {"duration_ms", 1000 * result.seconds}};
  json["error"] = result.note.empty() ? Json() : Json(runner::JsonText(result.note));
  if (!result.command.empty()) json["command"] = runner::JsonText(result.command);
  return json;
}

Result ReadResult(const Json& json) {
  Result result;
  result.name = runner::TextField(json, "name");
  const auto* const at = std::ranges::find(kStatusNames, runner::TextField(json, "status"));
  result.status = at == std::end(kStatusNames)
                      ? Status::kUnknown
                      : static_cast<Status>(std::distance(std::begin(kStatusNames), at));
  result.note = runner::TextField(json, "error");
  result.command = runner::TextField(json, "command");
  result.seed = runner::UintField(json, "seed");
  result.seconds = runner::NumberField(json, "duration_ms") / 1000;
  return result;
}

Json ToJson(const Plot& plot) {
  Json json = {{"title", runner::JsonText(plot.title)},
               {"x", plot.x},
               {"y", plot.y},
               {"lines", Json::array()}};
  for (const Plot::Line& line : plot.lines) {
    Json points = Json::array();
    for (const auto& [x, y] : line.points) points.push_back({x, y});
    json["lines"].push_back({{"name", runner::JsonText(line.name)}, {"points", points}});
  }
  return json;
}

Plot ReadPlot(const Json& json) {
  Plot plot = {.title = runner::TextField(json, "title"),
               .x = runner::TextField(json, "x"),
               .y = runner::TextField(json, "y")};
  for (const Json& one : runner::ListField(json, "lines")) {
    Plot::Line line = {.name = runner::TextField(one, "name"), .points = {}};
    for (const Json& point : runner::ListField(one, "points")) {
      if (!point.is_array() || point.size() != 2) continue;
      if (!point[0].is_number() || !point[1].is_number()) continue;
      line.points.emplace_back(point[0].get<double>(), point[1].get<double>());
    }
    plot.lines.push_back(std::move(line));
  }
  return plot;
}

// The keys of the schema on the top level; all others are the verb's own.
constexpr const char* kKeys[] = {"schema",  "schema_version", "metadata",     "summary",
                                 "results", "findings",       "failed_seeds", "plots",
                                 "reports", "seconds",        "interrupted",  "vacuous"};

void Add(const Report& report, Summary* summary) {
  for (const Check& check : ChecksOf(report)) {
    ++summary->total;
    switch (check.status) {
      case Status::kPassed:
        ++summary->passed;
        break;
      case Status::kFailed:
        ++summary->failed;
        break;
      case Status::kSkipped:
        ++summary->skipped;
        break;
      case Status::kUnknown:
        ++summary->unknown;
        break;
    }
  }
  for (const Report& one : report.reports) Add(one, summary);
}

Check CheckOf(const Finding& finding) {
  Check check;
  check.name = (finding.harness.empty() ? "" : finding.harness + ": ") + finding.signature;
  check.status = finding.fails ? Status::kFailed : Status::kSkipped;
  check.kind = finding.kind.empty() ? "finding" : finding.kind;
  check.message =
      (finding.fails ? "" : "known from an earlier run: ") +
      (finding.statement.empty() ? finding.signature : "does not hold: " + finding.statement);
  const auto add = [&](const char* name, const std::string& text) {
    if (!text.empty()) check.text += std::string(name) + text + "\n";
  };
  add("at op:    ", finding.at);
  add("expected: ", finding.expected);
  add("seen:     ", finding.seen);
  for (const std::string& frame : finding.frames) add("  ", frame);
  add("", finding.case_text);
  add("run it again: ", finding.replay);
  check.command = finding.replay;
  check.seed = finding.seed;
  check.finding = &finding;
  return check;
}

}  // namespace

std::string NameOf(Status status) { return kStatusNames[static_cast<size_t>(status)]; }

Finding FindingOf(const Json& json) {
  Finding finding;
  finding.json = json;
  finding.signature = runner::TextField(json, "signature");
  finding.kind = runner::TextField(json, "kind");
  if (finding.kind.empty()) finding.kind = finding.signature.substr(0, finding.signature.find(':'));
  finding.invariant = runner::TextField(json, "invariant");
  finding.statement = runner::TextField(json, "statement");
  finding.harness = runner::TextField(json, "harness");
  const Json server = runner::ObjectField(json, "server");
  for (const char* key : {"version", "start", "address", "unix"}) {
    if (finding.server.empty()) finding.server = runner::TextField(server, key);
  }
  if (const auto op = runner::UintField(json, "op")) {
    const auto after = runner::UintField(runner::ObjectField(json, "size"), "ops_after");
    finding.at = after && *op >= *after ? "the end" : "#" + std::to_string(*op);
  }
  finding.expected = runner::TextField(json, "expected");
  finding.seen = runner::TextField(json, "seen");
  for (const Json& frame : runner::ListField(json, "frames")) {
    if (frame.is_string()) finding.frames.push_back(frame.get<std::string>());
  }
  finding.case_text = runner::TextField(json, "case");
  finding.from = runner::TextField(json, "from");
  finding.folder = runner::TextField(json, "folder");
  finding.replay = runner::TextField(json, "replay");
  finding.seed = runner::UintField(json, "seed");
  finding.met = runner::UintField(json, "repeats").value_or(0) + 1;
  finding.known = runner::BoolField(json, "known");
  finding.fails = runner::BoolField(json, "fails", true);
  for (const auto& [name, text] : runner::ObjectField(json, "attachments").items()) {
    if (text.is_string()) finding.attachments[name] = text.get<std::string>();
  }
  return finding;
}

Report NewReport(const std::string& verb, double seconds) {
  Report report;
  report.verb = verb;
  report.arguments = runner::ProgramArguments();
  report.version = RESPROBE_VERSION;
  char host[256] = {};
  if (gethostname(host, sizeof(host) - 1) == 0) report.host = host;
  report.started = absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::Now() - absl::Seconds(seconds),
                                    absl::UTCTimeZone());
  report.seconds = seconds;
  return report;
}

std::vector<Check> ChecksOf(const Report& report) {
  std::vector<Check> checks;
  for (const Result& result : report.results) {
    Check check;
    check.name = result.name;
    check.status = result.status;
    if (result.status == Status::kFailed) check.kind = "failed";
    if (result.status == Status::kUnknown) check.kind = "unknown";
    check.message = result.note;
    check.command = result.command;
    if (!result.command.empty()) check.text = "run it again: " + result.command + "\n";
    check.seed = result.seed;
    check.seconds = result.seconds;
    checks.push_back(std::move(check));
  }
  for (const Finding& finding : report.findings) checks.push_back(CheckOf(finding));
  if (!report.vacuous.empty()) {
    checks.push_back({.name = report.verb + ": it shows something",
                      .status = Status::kUnknown,
                      .kind = "vacuous",
                      .message = report.vacuous,
                      .text = "",
                      .command = "",
                      .seed = std::nullopt});
  }
  if (report.interrupted) {
    checks.push_back({.name = report.verb + ": it ran to its end",
                      .status = Status::kUnknown,
                      .kind = "interrupted",
                      .message = "interrupted: this is what was done by then",
                      .text = "",
                      .command = "",
                      .seed = std::nullopt});
  }
  const bool all_well = std::ranges::all_of(checks, [](const Check& check) {
    return check.status == Status::kPassed || check.status == Status::kSkipped;
  });
  // An exit code that no check explains is one of its own; that nothing has passed explains it.
  const bool passed = checks.empty() || std::ranges::any_of(checks, [](const Check& check) {
                        return check.status == Status::kPassed;
                      });
  if (all_well && passed && report.exit_code != runner::kAllWell && report.reports.empty()) {
    checks.push_back({.name = report.verb + ": exit code",
                      .status = Status::kFailed,
                      .kind = "failed",
                      .message = "exit code " + std::to_string(report.exit_code),
                      .text = "",
                      .command = "",
                      .seed = std::nullopt});
  }
  if (checks.empty() && report.reports.empty()) {
    checks.push_back({.name = report.verb + ": nothing found",
                      .status = Status::kPassed,
                      .kind = "",
                      .message = "",
                      .text = "",
                      .command = "",
                      .seed = std::nullopt,
                      .seconds = report.seconds});
  }
  return checks;
}

Summary SummaryOf(const Report& report) {
  Summary summary;
  Add(report, &summary);
  return summary;
}

Status StatusOf(const Summary& summary) {
  if (summary.failed > 0) return Status::kFailed;
  if (summary.unknown > 0 || summary.passed == 0) return Status::kUnknown;
  return Status::kPassed;
}

std::string CommandOf(const Report& report) {
  if (report.arguments.empty()) return "";
  std::string text = "./resprobe";
  for (const std::string& word : report.arguments) text += " " + runner::ShellWord(word);
  return text;
}

Json ToJson(const Report& report) {
  const Summary summary = SummaryOf(report);
  Json arguments = Json::array();
  for (const std::string& word : report.arguments) arguments.push_back(runner::JsonText(word));
  const uint64_t judged = summary.total - summary.skipped;
  Json json = {{"schema", kSchema},
               {"schema_version", kSchemaVersion},
               {"metadata",
                {{"tool", "resprobe"},
                 {"version", report.version},
                 {"timestamp", report.started},
                 {"suite", report.verb},
                 {"host", runner::JsonText(report.host)},
                 {"arguments", arguments},
                 {"command", runner::JsonText(CommandOf(report))},
                 {"noun", report.noun}}},
               {"summary",
                {{"status", NameOf(StatusOf(summary))},
                 {"exit_code", report.exit_code},
                 {"total", summary.total},
                 {"passed", summary.passed},
                 {"failed", summary.failed},
                 {"skipped", summary.skipped},
                 {"unknown", summary.unknown},
                 {"duration_ms", 1000 * report.seconds},
                 {"success_rate", judged == 0 ? Json()
                                              : Json(static_cast<double>(summary.passed) /
                                                     static_cast<double>(judged))}}}};
  const auto is_key = [](const std::string& key) {
    return std::ranges::find(kKeys, key) != std::end(kKeys);
  };
  for (const auto& [key, value] : report.own.items()) {
    if (!is_key(key)) json[key] = value;
  }
  json["seconds"] = report.seconds;
  json["interrupted"] = report.interrupted;
  json["vacuous"] = report.vacuous.empty() ? Json() : Json(runner::JsonText(report.vacuous));
  json["results"] = Json::array();
  for (const Result& result : report.results) json["results"].push_back(ToJson(result));
  json["findings"] = Json::array();
  for (const Finding& finding : report.findings) json["findings"].push_back(finding.json);
  json["failed_seeds"] = Json::array();
  for (const Check& check : ChecksOf(report)) {
    if (check.status == Status::kPassed || check.status == Status::kSkipped || !check.seed)
      continue;
    json["failed_seeds"].push_back({{"seed", *check.seed},
                                    {"test", runner::JsonText(check.name)},
                                    {"error", runner::JsonText(check.message)},
                                    {"replay_command", runner::JsonText(check.command)}});
  }
  json["plots"] = Json::array();
  for (const Plot& plot : report.plots) json["plots"].push_back(ToJson(plot));
  if (!report.reports.empty()) {
    json["reports"] = Json::array();
    for (const Report& one : report.reports) json["reports"].push_back(ToJson(one));
  }
  return json;
}

Report ReadReport(const Json& json, const std::string& where) {
  if (!json.is_object() || runner::TextField(json, "schema") != kSchema) {
    throw runner::UserError(where + ": is no report: name the file of --format json --output FILE");
  }
  if (runner::UintField(json, "schema_version").value_or(0) != kSchemaVersion) {
    throw runner::UserError(where + ": a report of schema " +
                            (json.contains("schema_version") ? json["schema_version"].dump() : "") +
                            ", and this program reads " + std::to_string(kSchemaVersion));
  }
  const Json metadata = runner::ObjectField(json, "metadata");
  Report report;
  report.verb = runner::TextField(metadata, "suite");
  for (const Json& word : runner::ListField(metadata, "arguments")) {
    if (word.is_string()) report.arguments.push_back(word.get<std::string>());
  }
  report.version = runner::TextField(metadata, "version");
  report.host = runner::TextField(metadata, "host");
  report.started = runner::TextField(metadata, "timestamp");
  report.noun = runner::TextField(metadata, "noun");
  report.seconds = runner::NumberField(json, "seconds");
  report.interrupted = runner::BoolField(json, "interrupted");
  report.vacuous = runner::TextField(json, "vacuous");
  report.exit_code =
      static_cast<int>(runner::NumberField(runner::ObjectField(json, "summary"), "exit_code"));
  for (const Json& one : runner::ListField(json, "results"))
    report.results.push_back(ReadResult(one));
  for (const Json& one : runner::ListField(json, "findings"))
    report.findings.push_back(FindingOf(one));
  for (const Json& one : runner::ListField(json, "plots")) report.plots.push_back(ReadPlot(one));
  for (const auto& [key, value] : json.items()) {
    if (std::ranges::find(kKeys, key) == std::end(kKeys)) report.own[key] = value;
  }
  for (const Json& one : runner::ListField(json, "reports"))
    report.reports.push_back(ReadReport(one, where));
  return report;
}

}  // namespace resprobe::report
