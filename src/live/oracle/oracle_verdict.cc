#include "live/oracle/oracle_verdict.h"

#include <algorithm>
#include <utility>

#include "core/resp/writer.h"
#include "core/table/command.h"
#include "engine/quote.h"
#include "worlds/command/command_syntax.h"

namespace resprobe::live {
namespace {

bool HasKeys(const Asked& asked) {
  bool any = false;
  ForEachKey(asked, [&](std::string_view) { any = true; });
  return any;
}

// True if the request, or one that it ran, has one of these flags.
bool HasFlag(const Asked& asked, uint32_t flags) {
  return RunsAny(asked, [&](const Command& command) { return command.Has(flags); });
}

constexpr std::string_view kClosed = "connection closed";
constexpr std::string_view kWhereError = " where the core has an error";
// Kinds of differences where the core has no value to read.
constexpr std::string_view kWithoutValue[] = {
    " where the core has null", " where the core has error", "error text", kNotMinusTwo};

bool IsOfValue(std::string_view kind) {
  return std::ranges::none_of(kWithoutValue,
                              [&](std::string_view without) { return kind.contains(without); });
}

constexpr std::string_view kClosedInstead = "connection closed where the core has an error";
constexpr std::string_view kClosedAfterError = "connection closed after an error";
constexpr std::string_view kClosedAfterEach = "connection closed after each reply";
constexpr std::string_view kTooManyAfterError = "a reply too many after an error";
constexpr std::string_view kOfState = "state: ";
constexpr std::string_view kInExec = "exec: ";
constexpr std::string_view kAfter = " after ";

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

void OracleVerdict::BeginCase() {
  Clear();
  differing_.clear();
  leaving_.clear();
  closing_.clear();
  misreading_.clear();
  closes_after_errors_ = false;
  if (known_ == nullptr) return;
  for (const std::string& signature : *known_) {
    closes_after_errors_ |= signature == kClosedAfterError || signature == kClosedInstead;
    std::string_view name = signature;
    for (const std::string_view place : {kOfState, kInExec}) {
      if (name.starts_with(place)) name.remove_prefix(place.size());
    }
    const size_t end = name.find(": ");
    if (end == name.npos) continue;
    const std::string_view kind = name.substr(end + 2);
    name = name.substr(0, end);
    if (const size_t after = name.find(kAfter); after != name.npos) {
      const std::string writer(name.substr(after + kAfter.size()));
      leaving_.emplace(writer);
      // The write is known to be the cause, and not what reads the data.
      if (known_->contains(writer + ": " + std::string(kLeavesOtherData))) continue;
      name = name.substr(0, after);
    }
    (kind == kLeavesOtherData || kind == kLeavesOtherExpiry ? leaving_ : differing_).emplace(name);
    if (kind.starts_with(kClosed)) closing_.emplace(name);
    // What it refuses with some option says nothing of how it reads without.
    const bool refuses = kind.starts_with("error") && !signature.starts_with(kOfState);
    if (IsOfValue(kind) && !refuses) misreading_.emplace(name);
  }
}

bool OracleVerdict::InStep(size_t number) const {
  return number == log_->last() && log_->At(number).part == Asked::Part::kCase;
}

bool OracleVerdict::LeavesOtherData(const Asked& asked) const {
  if (asked.command == nullptr || leaving_.empty()) return false;
  return leaving_.contains(CommandWithOptions(*asked.command, asked.args)) ||
         std::ranges::any_of(asked.queued,
                             [&](const Asked& queued) { return LeavesOtherData(queued); });
}

bool OracleVerdict::MustBeAlone(const Asked& asked) const {
  return LeavesOtherData(asked) ||
         (!differing_.empty() && RunsAny(asked, [&](const Command& command) {
           return closing_.contains(command.full_name()) ||
                  (command.Has(kWrite) && differing_.contains(command.full_name()));
         }));
}

void OracleVerdict::TakeOver(size_t number) {
  const Asked& asked = log_->At(number);
  const std::optional<Adopted> adopted =
      InStep(number) && adopt_ ? adopt_(asked) : std::optional<Adopted>();
  if (!adopted) return Doubt(asked);
  ++counts_->taken_over;
  CountLeft(asked, *adopted);
  if (asked.case_number != doubtful_case_) return;
  ForEachKey(asked, [&](std::string_view key) { doubtful_keys_.erase(std::string(key)); });
}

void OracleVerdict::CountLeft(const Asked& asked, const Adopted& adopted) {
  for (const Asked& queued : asked.queued) CountLeft(queued, adopted);
  if (asked.command == nullptr || known_ == nullptr) return;
  const std::string writer = CommandWithOptions(*asked.command, asked.args) + ": ";
  for (const auto& [left, kind] :
       {std::pair(adopted.data, kLeavesOtherData), std::pair(adopted.expiry, kLeavesOtherExpiry)}) {
    const std::string signature = writer + std::string(kind);
    if (left && known_->contains(signature)) ++met_[signature];
  }
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

void OracleVerdict::SpreadDoubt(size_t number) {
  const Asked& asked = log_->At(number);
  if (known_ == nullptr || !HasFlag(asked, kWrite) || !HasKeys(asked)) return;
  if (IsDoubtful(asked)) Doubt(asked);
}

bool OracleVerdict::ValueDiffers(size_t number, const Mismatch& mismatch, std::string core,
                                 std::string server) {
  const Asked& asked = log_->At(number);
  if (known_ != nullptr && IsDoubtful(asked)) {
    ++counts_->doubtful;
    if (HasFlag(asked, kWrite)) TakeOver(number);
    return false;
  }
  Differ(number, mismatch.kind, std::move(core), std::move(server), mismatch.command);
  difference_->out_of_step = difference_->behind_known = false;
  SetCause(mismatch.cause);
  if (finds_causes_ && mismatch.cause.empty() && !mismatch.is_error && !HasFlag(asked, kWrite)) {
    // No write makes DBSIZE an array.
    if (HasKeys(asked) || mismatch.kind.starts_with("value of") ||
        mismatch.kind == kOrderOfElements) {
      difference_->after = LastWrite(number);
    }
  }
  if (known_ == nullptr) return true;
  std::string signature = difference_->Signature();
  if (finds_causes_ && signature.starts_with(kOfState) && !known_->contains(signature)) {
    // What is read wrongly is so in a case and after it.
    signature.erase(0, kOfState.size());
  }
  if (!known_->contains(signature)) signature = ReadersOwn(*difference_);
  if (!known_->contains(signature)) return true;
  difference_.reset();
  ++met_[signature];
  if (HasFlag(asked, kWrite) && !mismatch.only_form) TakeOver(number);
  // What the server has refused has no effect on other clients.
  if (mismatch.is_error && !mismatch.only_form) {
    for (OracleConnection& connection : *connections_) connection.Forgive(number);
  }
  return false;
}

// A command that is known to read wrongly does so whatever was written before. But what a write
// leaves shows in the values that these commands read.
std::string OracleVerdict::ReadersOwn(const Difference& difference) {
  constexpr std::string_view kStateReaders[] = {"type",   "pttl",   "ttl",     "pexpiretime",
                                                "get",    "lrange", "hgetall", "smembers",
                                                "zrange", "dbsize", "exists",  "keys"};
  if (difference.after.empty()) return "";
  Difference own = difference;
  own.after.clear();
  if (own.command.starts_with(kOfState)) own.command.erase(0, kOfState.size());
  const bool shows_writes =
      std::ranges::find(kStateReaders, own.command) != std::end(kStateReaders) &&
      IsOfValue(own.kind);
  return shows_writes ? "" : own.Signature();
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
    d.words = a.args;
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

void OracleVerdict::SetCause(std::string_view cause) {
  difference_->cause = cause;
  if (cause.empty()) return;
  std::string_view command = difference_->command;
  for (const std::string_view place : {kOfState, kInExec}) {
    if (command.starts_with(place)) command.remove_prefix(place.size());
  }
  commands_of_[std::string(cause)].emplace(command);
}

void OracleVerdict::DifferAtEnd(const OracleClient& client, std::string kind, std::string core,
                                std::string server) {
  const size_t asked = !client.silent.empty()              ? client.silent.front()
                       : client.connection->chunks.empty() ? log_->last()
                                                           : client.connection->chunks.back().asked;
  Differ(asked, std::move(kind), std::move(core), std::move(server));
}

void OracleVerdict::NoEnd(const OracleClient& client, std::optional<size_t> asked,
                          std::string_view bytes) {
  if (difference_) return;
  std::string seen = std::to_string(bytes.size()) + " bytes without its end: ";
  resp::AppendEscaped(&seen, bytes.substr(0, kMostBytes));
  if (asked) return Differ(*asked, "a reply without end", "a reply", std::move(seen));
  DifferAtEnd(client, "a reply without end", "a reply", std::move(seen));
}

void OracleVerdict::NoResp(const OracleClient& client, std::optional<size_t> asked,
                           const std::string& why, std::string_view bytes) {
  if (difference_) return;
  std::string seen = why + ": ";
  resp::AppendEscaped(&seen, bytes.substr(0, kMostBytes));
  if (asked) {
    Differ(*asked, "no RESP", "RESP", std::move(seen));
  } else {
    DifferAtEnd(client, "no RESP", "RESP", std::move(seen));
  }
  if (finds_causes_) SetCause("no RESP: " + why);
}

void OracleVerdict::NoReply(size_t asked, const std::string& kind, const resp::ReplyView& core,
                            std::string server) {
  if (difference_) return;
  Differ(asked, kind, resp::ToText(core), std::move(server));
  if (finds_causes_ && core.is_error()) SetCause(kind + std::string(kWhereError));
}

bool OracleVerdict::Closed(size_t number, const resp::ReplyView& core) {
  if (difference_) return true;
  const Asked& asked = log_->At(number);
  const bool in_step = InStep(number);
  const bool doubtful = known_ != nullptr && IsDoubtful(asked);
  NoReply(number, std::string(kClosed), core, "nothing: it has closed the connection");
  difference_->closed = true;
  difference_->out_of_step = !in_step;
  if (!in_step || known_ == nullptr) return true;
  difference_->behind_known = false;
  const std::string signature = difference_->Signature();
  if (!doubtful && !known_->contains(signature)) return true;
  difference_.reset();
  if (doubtful) {
    ++counts_->doubtful;
  } else {
    ++met_[signature];
  }
  if (HasFlag(asked, kWrite) && !core.is_error()) TakeOver(number);
  return false;
}

void OracleVerdict::ClosedAfter(size_t asked, bool error) {
  if (difference_) return;
  Differ(asked, "connection closed after the reply", "an open connection", "a closed one");
  difference_->closed = true;
  if (finds_causes_ && error) SetCause(kClosedAfterError);
}

bool OracleVerdict::ClosedAfterEach(size_t asked) {
  if (difference_) return true;
  if (known_ != nullptr && known_->contains(kClosedAfterEach)) {
    ++met_[std::string(kClosedAfterEach)];
    return false;
  }
  ClosedAfter(asked, /*error=*/false);
  SetCause(kClosedAfterEach);
  return true;
}

void OracleVerdict::TooMany(size_t asked, bool error, std::string server) {
  if (difference_) return;
  Differ(asked, "a reply too many", "nothing more", std::move(server));
  if (finds_causes_ && error) SetCause(kTooManyAfterError);
}

bool OracleVerdict::UnaskedPush(const OracleClient& client, std::string server) {
  if (difference_) return true;
  if (known_ != nullptr && known_->contains(kUnaskedPush)) {
    ++met_[std::string(kUnaskedPush)];
    return false;
  }
  DifferAtEnd(client, "a push too many", "nothing of the kind", std::move(server));
  SetCause(kUnaskedPush);
  // The replies follow the requests.
  difference_->out_of_step = false;
  return true;
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
