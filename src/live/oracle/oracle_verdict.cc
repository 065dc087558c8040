#include "live/oracle/oracle_verdict.h"

#include <algorithm>
#include <utility>

#include "core/resp/writer.h"
#include "core/table/command.h"
#include "engine/quote.h"
#include "worlds/command/command_syntax.h"

namespace resprobe::live {
namespace {

// Calls take(key) for each key of the request, and of those that it ran (EXEC).
template <class Take>
void ForEachKey(const Asked& asked, const Take& take) {
  for (const Asked& queued : asked.queued) ForEachKey(queued, take);
  if (asked.command == nullptr) return;
  const std::vector<std::string_view> words(asked.args.begin(), asked.args.end());
  std::vector<int> positions;
  if (!KeyPositions(*asked.command, words, positions)) return;
  for (const int at : positions) take(words[static_cast<size_t>(at)]);
}

bool HasKeys(const Asked& asked) {
  bool any = false;
  ForEachKey(asked, [&](std::string_view) { any = true; });
  return any;
}

// True if the request, or one that it ran, has one of these flags.
bool HasFlag(const Asked& asked, uint32_t flags) {
  return (asked.command != nullptr && asked.command->Has(flags)) ||
         std::ranges::any_of(asked.queued,
                             [&](const Asked& queued) { return HasFlag(queued, flags); });
}

// Of a text, and of bytes that are no reply.
constexpr size_t kMostText = 1 << 20;
constexpr size_t kMostBytes = 4 << 10;

std::string Cut(std::string text, size_t most) {
  if (text.size() <= most) return text;
  const size_t size = text.size();
  text.resize(most);
  return text + " … (" + std::to_string(size) + " bytes)";
}

}  // namespace

void OracleVerdict::Restart() {
  difference_.reset();
  given_up_ = false;
  target_->NewReport();  // discard earlier reports
  logged_ = log_->case_number();
}

void OracleVerdict::Keep(const Difference& difference, bool fatal) {
  difference_ = difference;
  difference_->fatal = difference_->fatal || fatal;
}

std::string CommandWithOptions(const Command& command, const std::vector<std::string>& args) {
  std::string text(command.full_name());
  for (const std::string_view literal : LiteralsOf(command.spec->syntax)) {
    const bool given = std::ranges::any_of(
        args, [&](const std::string& word) { return CommandContext::IsWord(word, literal); });
    if (given) text.append(" ").append(literal);
  }
  return text;
}

// The last request of the case before this one that writes one of its keys; "" if there is none.
std::string OracleVerdict::LastWrite(size_t number) const {
  const Asked& asked = log_->At(number);
  if (!HasFlag(asked, kReadonly)) return "";
  std::set<std::string_view> keys;
  ForEachKey(asked, [&](std::string_view key) { keys.insert(key); });
  for (size_t i = number; i-- > log_->first();) {
    const Asked& before = log_->At(i);
    if (before.case_number != asked.case_number) break;
    if (before.part != Asked::Part::kCase || !HasFlag(before, kWrite)) continue;
    bool same = keys.empty();
    ForEachKey(before, [&](std::string_view key) { same |= keys.contains(key); });
    if (same && before.command != nullptr) return CommandWithOptions(*before.command, before.args);
  }
  return "";
}

bool OracleVerdict::IsDoubtful(const Asked& asked) const {
  if (asked.case_number != doubtful_case_) return false;
  if (all_doubtful_) return HasFlag(asked, kReadonly | kWrite);
  if (doubtful_keys_.empty()) return false;
  bool doubtful = false;
  ForEachKey(asked, [&](std::string_view key) { doubtful |= doubtful_keys_.contains(key); });
  // What is about no key is about all: DBSIZE, KEYS, FLUSHALL.
  return doubtful || (!HasKeys(asked) && HasFlag(asked, kReadonly | kWrite));
}

void OracleVerdict::Doubt(const Asked& asked) {
  if (asked.case_number != doubtful_case_) {
    doubtful_keys_.clear();
    all_doubtful_ = false;
  }
  doubtful_case_ = asked.case_number;
  ForEachKey(asked, [&](std::string_view key) { doubtful_keys_.emplace(key); });
  all_doubtful_ |= !HasKeys(asked);  // FLUSHALL, SWAPDB
}

bool OracleVerdict::ValueDiffers(size_t number, const Mismatch& mismatch, std::string core,
                                 std::string server) {
  const Asked& asked = log_->At(number);
  if (known_ != nullptr && IsDoubtful(asked)) {
    ++doubtful_;
    if (HasFlag(asked, kWrite)) Doubt(asked);
    return false;
  }
  Differ(number, mismatch.kind, std::move(core), std::move(server), mismatch.command);
  difference_->out_of_step = difference_->behind_known = false;
  difference_->cause = mismatch.cause;
  if (finds_causes_ && mismatch.cause.empty() && !mismatch.is_error && !HasFlag(asked, kWrite)) {
    // No write makes DBSIZE an array.
    if (HasKeys(asked) || mismatch.kind.starts_with("value of")) {
      difference_->after = LastWrite(number);
    }
  }
  if (known_ == nullptr) return true;
  const std::string signature = difference_->Signature();
  if (!known_->contains(signature)) return true;
  difference_.reset();
  ++met_[signature];
  if (HasFlag(asked, kWrite) && !mismatch.only_form) Doubt(asked);
  return false;
}

void OracleVerdict::Differ(size_t asked, std::string kind, std::string core, std::string server,
                           std::string command) {
  if (difference_) return;
  Difference& d = difference_.emplace();
  d.out_of_step = true;
  d.suspects = std::max<uint64_t>(unsettled(), 1);
  if (!log_->empty()) {
    const Asked& a = log_->At(asked);
    d.behind_known = (all_doubtful_ || !doubtful_keys_.empty()) && a.case_number == doubtful_case_;
    d.op = a.op;
    d.request = WordsLine(a.args);
    d.cases_ago = log_->case_number() - a.case_number;
    if (command.empty()) {
      command = a.command != nullptr ? std::string(a.command->full_name()) : "unknown command";
    }
    if (a.part == Asked::Part::kState) {
      command = "state: " + command;
      for (size_t i = log_->first(); i < asked; ++i) {
        const Asked& before = log_->At(i);
        const bool wrote = before.case_number == a.case_number &&
                           before.part == Asked::Part::kCase && HasFlag(before, kWrite);
        if (wrote && before.op + 1 >= a.op && before.command != nullptr) {
          d.left_by = CommandWithOptions(*before.command, before.args);
        }
      }
    }
    for (size_t i = log_->first(); i <= asked; ++i) {
      const Asked& before = log_->At(i);
      if (before.case_number != a.case_number) continue;
      const std::string who =
          before.client == kOracleControl ? "oracle" : std::to_string(before.client);
      d.session.push_back(who + "> " + WordsLine(before.args));
    }
  }
  d.command = std::move(command);
  d.kind = std::move(kind);
  d.core = Cut(std::move(core), kMostText);
  d.server = Cut(std::move(server), kMostText);
}

void OracleVerdict::DifferAtEnd(const OracleClient& client, std::string kind, std::string core,
                                std::string server) {
  const size_t asked = !client.silent.empty()              ? client.silent.front()
                       : client.connection->chunks.empty() ? log_->last()
                                                           : client.connection->chunks.back().asked;
  Differ(asked, std::move(kind), std::move(core), std::move(server));
}

void OracleVerdict::NoEnd(const OracleClient& client, std::string_view bytes) {
  if (difference_) return;
  std::string seen = std::to_string(bytes.size()) + " bytes without its end: ";
  resp::AppendEscaped(&seen, bytes.substr(0, kMostBytes));
  DifferAtEnd(client, "a reply without end", "a reply", std::move(seen));
}

void OracleVerdict::NoResp(const OracleClient& client, const std::string& why,
                           std::string_view bytes) {
  if (difference_) return;
  std::string seen = why + ": ";
  resp::AppendEscaped(&seen, bytes.substr(0, kMostBytes));
  DifferAtEnd(client, "no RESP", "RESP", std::move(seen));
  if (finds_causes_) difference_->cause = "no RESP: " + why;
}

void OracleVerdict::NoReply(size_t asked, const std::string& kind, const resp::ReplyView& core,
                            std::string server) {
  if (difference_) return;
  Differ(asked, kind, resp::ToText(core), std::move(server));
  if (finds_causes_ && core.is_error()) difference_->cause = kind + " where the core has an error";
}

bool OracleVerdict::ClosedInstead(size_t asked, const resp::ReplyView& core) {
  Mismatch mismatch;
  mismatch.kind = "connection closed";
  mismatch.cause = "connection closed where the core has an error";
  mismatch.is_error = mismatch.only_form = true;
  return ValueDiffers(asked, mismatch, resp::ToText(core), "nothing: it has closed the connection");
}

void OracleVerdict::ClosedAfter(size_t asked, bool error) {
  if (difference_) return;
  Differ(asked, "connection closed after the reply", "an open connection", "a closed one");
  if (finds_causes_ && error) difference_->cause = "connection closed after an error";
}

void OracleVerdict::ServerFailed() {
  if (!going()) return;
  const ServerEnd end = target_->FindEnd(hang_ms_);
  if (!end.ended && target_->stop()()) {
    given_up_ = true;
    return;
  }
  Differ(log_->last(), end.Text(), "goes on", "does not", end.command);
  difference_->fatal = true;
  difference_->behind_known = false;
}

void OracleVerdict::CheckLog() {
  const std::optional<CrashReport> report = target_->NewReport();
  const uint64_t since = log_->case_number() - std::exchange(logged_, log_->case_number());
  if (!report || difference_) return;
  Differ(log_->last(), "crash report: " + report->Text(), "nothing to say", "a crash report",
         report->command);
  difference_->fatal = true;
  difference_->behind_known = false;
  difference_->suspects = std::max(difference_->suspects, since);
}

}  // namespace resprobe::live
