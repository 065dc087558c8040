#include "live/oracle/oracle_requests.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "core/commands/sampling.h"
#include "core/resp/writer.h"
#include "core/table/letter_case.h"
#include "core/table/numbers.h"
#include "live/oracle/oracle_compare.h"

namespace resprobe::live {
namespace {

constexpr int64_t kDayMs = 86'400'000;
// Relative times below three years are short. 1 becomes 100,000 (1 ms: 100,000 s): more than any
// run takes. Each rewritten time adds a step to those that follow, so that they are in the same
// order on both sides.
constexpr int64_t kShort = 100'000'000;
constexpr int64_t kFactor = 100'000;
constexpr int64_t kStepMs = 20'000'000;
constexpr int64_t kShiftMs = 3'000'000'000'000;

// More keys than a case can touch.
constexpr int64_t kMostTracked = 100'000;

bool IsAny(std::string_view word, std::initializer_list<std::string_view> list) {
  return std::any_of(list.begin(), list.end(),
                     [&](std::string_view w) { return CommandContext::IsWord(word, w); });
}

}  // namespace

std::vector<std::string_view> Views(const std::vector<std::string>& args) {
  return {args.begin(), args.end()};
}

void AppendWire(std::string* wire, const std::vector<std::string>& args) {
  resp::AppendRequest(wire, Views(args));
}

void TimeRewriter::Reset(int64_t case_now_ms, int64_t now_ms) {
  case_now_ms_ = case_now_ms;
  now_ms_ = now_ms;
  rewritten_ = 0;
}

bool TimeRewriter::Rewrite(const Command& command, std::vector<std::string>* args) {
  const TimeArgument& time = command.traits().time;
  if (exact_ && time.kind != TimeArgument::Kind::kTimeout) return false;
  const size_t at =
      time.at < 0 ? args->size() - static_cast<size_t>(-time.at) : static_cast<size_t>(time.at);
  const auto word = [&](size_t i) { return i < args->size() ? &(*args)[i] : nullptr; };
  switch (time.kind) {
    case TimeArgument::Kind::kNone:
      return false;
    case TimeArgument::Kind::kFromNow:
      return FromNow(word(at), time.unit_ms);
    case TimeArgument::Kind::kPoint:
      return Point(word(at), time.unit_ms);
    case TimeArgument::Kind::kTimeout:
      return ForEver(word(at));
    case TimeArgument::Kind::kOptions:
      break;
  }
  bool any = false;
  for (size_t i = at; i + 1 < args->size(); ++i) {
    const std::string& option = (*args)[i];
    if (IsAny(option, {"EX"})) {
      any |= FromNow(word(++i), 1000);
    } else if (IsAny(option, {"PX"})) {
      any |= FromNow(word(++i), 1);
    } else if (IsAny(option, {"EXAT"})) {
      any |= Point(word(++i), 1000);
    } else if (IsAny(option, {"PXAT"})) {
      any |= Point(word(++i), 1);
    }
  }
  return any;
}

// Makes a blocking client block until it is served; the word is in seconds, with a fraction.
bool TimeRewriter::ForEver(std::string* word) {
  double value = 0;
  constexpr double kLong = 1e8;
  if (word == nullptr || !ParseDouble(*word, &value) || !(value > 0 && value < kLong)) return false;
  *word = "0";
  return true;
}

bool TimeRewriter::FromNow(std::string* word, int64_t unit_ms) {
  int64_t value = 0;
  if (word == nullptr || !ParseInt64(*word, &value) || value <= 0 || value >= kShort) return false;
  // Confusing the two units still shows.
  value *= kFactor * (unit_ms == 1 ? 1000 : 1);
  *word = std::to_string(value + rewritten_++ * (kStepMs / unit_ms));
  return true;
}

bool TimeRewriter::Point(std::string* word, int64_t unit_ms) {
  int64_t value = 0;
  if (word == nullptr || !ParseInt64(*word, &value)) return false;
  if (value <= case_now_ms_ / unit_ms || value > (now_ms_ + 10 * kDayMs) / unit_ms) return false;
  *word = std::to_string(value + kShiftMs / unit_ms);
  return true;
}

namespace {

// Servers look names up by a hash of all of their bytes, with a random seed per process, and then
// compare up to a NUL: a name followed by a NUL is sometimes found
// (docs/findings/name-with-nul.md).
std::string ByChance(const std::string& container, const std::string& word, Profile profile,
                     const LiveServer& target) {
  const size_t nul = word.find('\0');
  if (nul == std::string::npos) return "";
  const std::string name = container + LowerCase(word.substr(0, nul));
  const bool known =
      target.Has(name) || (container.empty() && FindCommand(name, profile) != nullptr);
  return known ? "a name with a NUL behind it, which a server finds by chance" : "";
}

// Requests that the profile's table lacks.
std::string LeftOutUnknown(const std::vector<std::string>& args, Profile profile,
                           const LiveServer& target) {
  const std::string name = LowerCase(args[0]);
  if (FindCommand(name, profile) == nullptr) {
    return target.Has(name) ? "not in the core: " + name : ByChance("", name, profile, target);
  }
  if (args.size() < 2) return "";
  const std::string full_name = name + "|" + LowerCase(args[1]);
  return target.Has(full_name) ? "not in the core: " + full_name
                               : ByChance(name + "|", args[1], profile, target);
}

}  // namespace

bool OutOfRange(const std::vector<std::string>& args) {
  constexpr size_t kDigits = 300;  // without an exponent it needs more digits
  return std::any_of(args.begin(), args.end(), [](const std::string& word) {
    const size_t start = word.find_first_not_of("( \t\n\v\f\r");
    if (start == word.npos) return false;
    const char first = word[start];
    if ((first < '0' || first > '9') && first != '.' && first != '-' && first != '+') return false;
    if (word.size() < kDigits && word.find_first_of("eEpP") == word.npos) return false;
    errno = 0;
    std::strtod(word.c_str() + start, nullptr);
    return errno == ERANGE;
  });
}

std::string LeftOut(const Command* command, const std::vector<std::string>& args, Profile profile,
                    const LiveServer& target) {
  if (command == nullptr) return LeftOutUnknown(args, profile, target);
  if (command->HasTrait(kNotCompared)) {
    return "about one server alone: " + std::string(command->full_name());
  }
  if (command->HasTrait(kNamesCommands)) {
    for (size_t i = 2; i < args.size(); ++i) {
      const std::string why = ByChance("", args[i], profile, target);
      if (!why.empty()) return why;
    }
  }
  const bool set = command->role == CommandRole::kConfigSet;
  if (set || command->role == CommandRole::kConfigGet) {
    // Settings that the core lacks would be read in vain, or changed on one side only.
    for (size_t i = 2; i < args.size(); i += set ? 2 : 1) {
      if (!IsAny(args[i], {"databases", "tracking-table-max-keys"}) &&
          !(!set && IsAny(args[i], {"proto-max-bulk-len"}))) {
        return "not in the core: the setting";
      }
      int64_t value = 0;
      if (set && i + 1 < args.size() && ParseInt64(args[i + 1], &value) && value > 0 &&
          value < kMostTracked) {
        return "CONFIG SET of a small tracking table, which gives up any of its keys";
      }
    }
  }
  if (command->HasTrait(kSorts) && command->Has(kWrite)) {
    bool by = false;
    bool alpha = false;
    bool store = false;
    for (size_t i = 2; i < args.size(); ++i) {
      by |= IsAny(args[i], {"BY"});
      alpha |= IsAny(args[i], {"ALPHA"});
      store |= IsAny(args[i], {"STORE"});
    }
    const bool unsorted = std::any_of(args.begin() + 2, args.end(), [](const std::string& word) {
      return word.find('*') == std::string::npos;
    });
    if (store && by && (alpha || unsorted)) return "SORT BY that stores what may have any order";
  }
  if (command->role == CommandRole::kPauseClients && (args.size() == 3 || args.size() == 4)) {
    int64_t ms = 0;
    if (ParseInt64(args[2], &ms) && ms > 0 &&
        (args.size() == 3 || IsAny(args[3], {"ALL", "WRITE"}))) {
      return "CLIENT PAUSE, which holds back all connections to the server for real time";
    }
  }
  if (command->HasTrait(kFindsKeys)) {
    // The core cannot determine the keys of commands that it lacks.
    const std::string called = args.size() > 2 ? LowerCase(args[2]) : "";
    if (!called.empty() && FindCommand(called, profile) == nullptr && target.Has(called)) {
      return "not in the core: the keys of " + called;
    }
  }
  if (command->role == CommandRole::kKillClient && args.size() > 3) {
    for (size_t i = 2; i < args.size(); i += 2) {
      if (IsAny(args[i], {"ID"})) return "";
    }
    return "CLIENT KILL that reaches other connections";
  }
  if (command->traits().freedom == Freedom::kPick && args.size() > 2) {
    int64_t count = 0;
    if (ParseInt64(args[2], &count) && count < -kMaxRepeats) {
      return "not in the core: random elements, over 16384 times";
    }
  }
  return "";
}

}  // namespace resprobe::live
