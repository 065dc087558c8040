#include "report/diff.h"

#include <absl/strings/str_format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>
#include <utility>

#include "report/tables.h"
#include "runner/process.h"
#include "runner/text.h"
#include "runner/user_error.h"

namespace resprobe::report {
namespace {

// Fields that say how long it took are another number each time.
bool IsChance(const std::string& name) {
  return name.ends_with("seed") || name.ends_with("Seed") || name.ends_with("Milliseconds");
}

struct Side {
  std::map<std::pair<std::string, std::string>, Check> failing;  // by where and name
  std::map<std::string, bool> ran;                               // by where: to its end
  std::map<std::pair<std::string, std::string>, Status> others;
  std::map<std::pair<std::string, std::string>, double> numbers;
};

void AddNumbers(const std::string& where, const std::string& name, const Json& value, Side* side) {
  if (value.is_number()) {
    side->numbers[{where, name}] = value.get<double>();
  } else if (value.is_object()) {
    for (const auto& [key, one] : value.items()) {
      std::string title = TitleOf(key);
      AddNumbers(where, name.empty() ? title : name + ": " + key, one, side);
    }
  } else if (value.is_array()) {
    // Those with a name of their own.
    for (const Json& one : value) {
      if (!one.is_object()) return;
      const auto named =
          std::ranges::find_if(one, [](const Json& cell) { return cell.is_string(); });
      if (named == one.end()) return;
      AddNumbers(where, name + ": " + named->get<std::string>(), one, side);
    }
  }
}

void Collect(const Report& report, const std::string& prefix, Side* side) {
  const std::string where = prefix + report.verb;
  side->ran[where] = !report.interrupted;
  for (Check check : ChecksOf(report)) {
    check.finding = nullptr;  // the report may be gone
    const auto key = std::pair(where, check.name);
    if (check.status == Status::kFailed || check.status == Status::kUnknown) {
      side->failing.emplace(key, std::move(check));
    } else {
      side->others[key] = check.status;
    }
  }
  for (const auto& [key, value] : report.own.items()) {
    if (key != report.noun + "s") AddNumbers(where, TitleOf(key), value, side);
  }
  for (const Report& one : report.reports) Collect(one, where + ": ", side);
}

const char* NameOf(Difference::Side side) {
  switch (side) {
    case Difference::Side::kNew:
      return "new";
    case Difference::Side::kGone:
      return "gone";
    case Difference::Side::kSame:
      return "same";
  }
  return "";
}

}  // namespace

Diff Compare(const Report& before, const Report& after) {
  Side old_side;
  Side new_side;
  Collect(before, "", &old_side);
  Collect(after, "", &new_side);
  Diff diff;
  const auto add = [&](Difference::Side side, const auto& entry) {
    const auto& [key, check] = entry;
    diff.checks.push_back({side, key.first, key.second, check.message, check.command});
  };
  for (const auto& entry : new_side.failing) {
    if (!old_side.failing.contains(entry.first)) add(Difference::Side::kNew, entry);
  }
  for (const auto& entry : old_side.failing) {
    if (new_side.failing.contains(entry.first)) continue;
    const auto ran = new_side.ran.find(entry.first.first);
    const auto other = new_side.others.find(entry.first);
    const bool skipped = other != new_side.others.end() && other->second == Status::kSkipped;
    if (ran == new_side.ran.end() || !ran->second || skipped) {
      diff.untested.push_back(entry.first.first + ": " + entry.first.second);
    } else {
      add(Difference::Side::kGone, entry);
    }
  }
  for (const auto& entry : new_side.failing) {
    if (old_side.failing.contains(entry.first)) add(Difference::Side::kSame, entry);
  }
  for (const auto& [key, value] : new_side.numbers) {
    const auto was = old_side.numbers.find(key);
    if (was == old_side.numbers.end() || was->second == value || IsChance(key.second)) continue;
    diff.changes.push_back({key.first, key.second, was->second, value});
  }
  const auto ratio = [](const Change& change) {
    if (change.before <= 0 || change.after <= 0) return HUGE_VAL;
    return std::abs(std::log(change.after / change.before));
  };
  std::ranges::sort(diff.changes, [&](const Change& a, const Change& b) {
    return std::tuple(-ratio(a), a.where, a.name) < std::tuple(-ratio(b), b.where, b.name);
  });
  return diff;
}

Report ReportOf(const Diff& diff, const Report& before, const Report& after) {
  Report report = NewReport("report diff", 0);
  report.own["before"] = before.verb + ", " + before.started;
  report.own["after"] = after.verb + ", " + after.started;
  for (const Difference& one : diff.checks) {
    Result result = {.name = std::string(NameOf(one.side)) + ": " + one.where + ": " + one.name,
                     .note = one.message,
                     .command = one.command};
    if (one.side == Difference::Side::kNew) {
      result.status = Status::kFailed;
      report.exit_code = runner::kFinding;
    } else if (one.side == Difference::Side::kSame) {
      result.status = Status::kSkipped;
      result.note = "fails in both: " + one.message;
    }
    report.results.push_back(std::move(result));
  }
  for (const std::string& name : diff.untested) {
    report.results.push_back({.name = "not tried again: " + name,
                              .status = Status::kSkipped,
                              .note = "it failed before, and the later run did not look for it"});
  }
  for (const Change& change : diff.changes) {
    report.own["changed"].push_back({{"number", change.where + ": " + change.name},
                                     {"before", change.before},
                                     {"after", change.after}});
  }
  return report;
}

std::string TextOf(const Diff& diff) {
  std::map<Difference::Side, size_t> counts;
  std::string text;
  for (const Difference& one : diff.checks) {
    ++counts[one.side];
    text += absl::StrFormat("%-5s %s: %s\n", NameOf(one.side), one.where,
                            runner::TerminalText(one.name));
    if (one.side == Difference::Side::kNew && !one.command.empty()) {
      text += "      " + runner::TerminalText(one.command) + "\n";
    }
  }
  for (const std::string& name : diff.untested) {
    text += "not tried again: " + runner::TerminalText(name) + "\n";
  }
  constexpr size_t kMost = 20;
  for (size_t i = 0; i < diff.changes.size() && i < kMost; ++i) {
    const Change& change = diff.changes[i];
    text +=
        absl::StrFormat("      %s: %s: %s -> %s\n", change.where, runner::TerminalText(change.name),
                        CellText(change.name, change.before), CellText(change.name, change.after));
  }
  if (diff.changes.size() > kMost) {
    text += absl::StrFormat("      and %d more numbers: --format json has them\n",
                            diff.changes.size() - kMost);
  }
  return text +
         absl::StrFormat("%d new, %d gone, %d the same", counts[Difference::Side::kNew],
                         counts[Difference::Side::kGone], counts[Difference::Side::kSame]) +
         (diff.untested.empty()
              ? ""
              : ", " + std::to_string(diff.untested.size()) + " not tried again") +
         "\n";
}

}  // namespace resprobe::report
