#include "cli/simulate/life_judge.h"

#include <absl/strings/str_join.h>

#include <algorithm>
#include <utility>

#include "core/table/letter_case.h"
#include "engine/quote.h"
#include "history/picture.h"
#include "runner/files.h"
#include "runner/process.h"
#include "runner/text.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

constexpr std::string_view kLifeLine = "# Life: ";
constexpr std::string_view kFirstLine = "ops lives\n";

std::optional<Profile> ProfileNamed(const std::string& name) {
  for (uint8_t i = 0; !ProfileName(static_cast<Profile>(i)).empty(); ++i) {
    if (ProfileName(static_cast<Profile>(i)) == name) return static_cast<Profile>(i);
  }
  return std::nullopt;
}

std::optional<LifeSpec> ReadLife(const std::string& line, const std::string& where) {
  const Json json = Json::parse(line, nullptr, false);
  LifeSpec life;
  const auto number = [&](const char* key, uint64_t least, uint64_t most) {
    const auto at = json.find(key);
    if (at == json.end() || !at->is_number_unsigned() || at->get<uint64_t>() < least ||
        at->get<uint64_t>() > most) {
      throw runner::UserError(where + ": its line '# Life:' has no valid '" + std::string(key) +
                              "': it must be a number from " + std::to_string(least) + " to " +
                              std::to_string(most));
    }
    return at->get<uint64_t>();
  };
  if (!json.is_object()) {
    throw runner::UserError(where + ": its line '# Life:' is no JSON: remove it, or mend it");
  }
  life.seed = number("seed", 0, UINT64_MAX);
  life.operations = number("ops", 1, UINT32_MAX);
  life.clients = static_cast<uint32_t>(number("clients", 1, 1024));
  life.keys = static_cast<uint32_t>(number("keys", 1, 1'000'000));
  const std::string part = json.value("part", "");
  const auto found = std::ranges::find(history::kPartNames, part);
  const std::optional<Profile> profile = ProfileNamed(json.value("profile", ""));
  if (found == std::end(history::kPartNames) || !profile) {
    throw runner::UserError(where + ": its line '# Life:' has no valid part or profile");
  }
  life.part = static_cast<history::Part>(found - std::begin(history::kPartNames));
  life.profile = *profile;
  return life;
}

// What the command of the misfit is, in lower case: "get", "multi".
std::string CommandOf(const history::Operation& operation) {
  std::vector<std::vector<std::string>> requests;
  if (!RequestsOf(operation, &requests)) return "request";
  return LowerCase(requests[0][0]);
}

}  // namespace

std::string CaseOf(const std::optional<LifeSpec>& life, const history::History& history) {
  std::string text(kFirstLine);
  if (life) {
    const Json json = {{"seed", life->seed},         {"ops", life->operations},
                       {"clients", life->clients},   {"keys", life->keys},
                       {"part", NameOf(life->part)}, {"profile", ProfileName(life->profile)}};
    text += std::string(kLifeLine) + json.dump() + "\n";
  }
  return text + Print(history);
}

void ReadCaseOf(const fs::path& file, history::History* history, std::optional<LifeSpec>* life) {
  life->reset();
  std::string text = runner::ReadFile(file);
  // Its number of lines stays.
  if (text.starts_with(kFirstLine)) text[0] = '#';
  for (size_t at = 0; at < text.size() && text[at] == '#';) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    if (line.starts_with(kLifeLine)) {
      *life = ReadLife(line.substr(kLifeLine.size()), file.string());
    }
    at = end + 1;
  }
  std::string error;
  if (!Parse(text, history, &error)) {
    throw runner::UserError(file.string() + ": " + error);
  }
}

LifeVerdict Judge(const history::History& history, const std::vector<history::Executed>* order,
                  Profile profile) {
  LifeVerdict verdict;
  if (order != nullptr) {
    verdict.no_witness = CheckWitness(history, *order, profile);
    verdict.by_witness = verdict.no_witness.empty();
  }
  if (verdict.by_witness) {
    verdict.search.operations = history.operations.size();
    return verdict;
  }
  history::LinearizerLimits limits;
  limits.stop = [] { return runner::Interrupted(); };
  verdict.search = CheckHistory(history, profile, limits);
  verdict.verdict = verdict.search.verdict;
  verdict.why = verdict.search.why;
  return verdict;
}

findings::CaseOutcome OutcomeOf(const LifeSpec& life, const history::History& history,
                                const LifeVerdict& verdict, const std::string& failure) {
  findings::CaseOutcome outcome;
  outcome.ops = history.operations.size();
  findings::Symptom& what = outcome.what;
  const bool durable = life.part == history::Part::kCrash;
  if (verdict.verdict == history::Verdict::kViolation) {
    outcome.word = "violation";
    what.kind = "violation";
    what.invariant = durable ? "durable_linearizable" : "linearizable";
    what.statement =
        durable ? "one order of the operations explains all replies, before and after each crash"
                : "one order of the operations explains all replies";
    const history::Operation& misfit = history.operations[verdict.search.misfit];
    what.signature = "violation:" + what.invariant + ":" + CommandOf(misfit);
    std::string seen;
    AppendQuoted(&seen, misfit.replies);
    std::vector<std::string> expected;
    for (const std::string& reply : verdict.search.expected) {
      AppendQuoted(&expected.emplace_back(), reply);
    }
    what.seen = runner::JsonText("client " + std::to_string(misfit.client) + ": " +
                                 RequestsText(misfit) + " -> " + seen);
    what.expected = runner::JsonText(expected.empty() ? "no such reply in any order"
                                                      : absl::StrJoin(expected, " or "));
    const std::string picture =
        "  (---: no reply in what is shown; !: its reply fits in no order)\n" +
        Picture(history, verdict.search);
    outcome.text = "  expected: " + what.expected + "\n  seen:     " + what.seen +
                   "\n  keys:     " + absl::StrJoin(verdict.search.keys, " ") + "\n" + picture;
    outcome.files["picture.txt"] = picture;
    outcome.files["picture.svg"] = PictureSvg(history, verdict.search);
  } else if (!failure.empty()) {
    outcome.word = "violation";
    what.kind = "liveness";
    what.invariant = "liveness";
    what.statement = "each request is answered, and the life comes to its end";
    what.signature = "liveness:" + runner::JsonText(failure);
    what.seen = runner::JsonText(failure);
    what.expected = "a reply";
    outcome.text = "  seen:     " + what.seen + "\n";
  } else {
    return outcome;
  }
  what.details = {{"part", NameOf(life.part)}, {"seed", life.seed}};
  outcome.files["history.txt"] = CaseOf(life, history);
  return outcome;
}

}  // namespace resprobe::cli
