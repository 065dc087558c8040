#include "live/restore/restore_runner.h"

#include <algorithm>
#include <utility>

#include "core/resp/writer.h"
#include "core/table/letter_case.h"
#include "engine/quote.h"
#include "live/oracle/oracle_requests.h"
#include "live/restore/payload.h"
#include "live/restore/value_script.h"
#include "worlds/command/reply_model.h"

namespace resprobe::live {
namespace {

// After this silence a second connection is asked whether the server has more to send.
constexpr int kSilenceMs = 20;
// How long a batch waits for a server; whether it hangs is found out with one case.
constexpr int kBatchPatienceMs = 3000;
constexpr std::string_view kMark = "resprobe: up to here";
constexpr size_t kKilobytes = 1024;

std::string KeyOf(Index key) {
  return std::string(RestoreWorld::kKeyNames[key.Of(static_cast<size_t>(RestoreWorld::kKeys))]);
}

// True for the server's own assertions, and for those of the C library, which only abort.
bool IsAssertion(std::string_view what, const std::string& log) {
  return what.starts_with("assertion ") || what.starts_with("panic ") ||
         (what.starts_with("signal 6") && log.find("Assertion `") != log.npos);
}

}  // namespace

std::string_view RestoreFailureName(RestoreFailure::Kind kind) {
  constexpr std::string_view kNames[] = {
      "server has ended",  "assertion",     "server hangs",   "memory",
      "crash report",      "no RESP",       "no whole reply", "a reply too many",
      "connection closed", "another shape", "another verdict"};
  return kNames[static_cast<size_t>(kind)];
}

std::string HangIn(std::string_view command) { return "hangs: " + std::string(command); }

std::string RestoreFailure::Signature() const {
  std::string text(RestoreFailureName(kind));
  if (!detail.empty()) text += ": " + detail;
  // With a stack the command adds nothing.
  const bool stack =
      (kind <= Kind::kAssertion || kind == Kind::kReport) && detail.find(": ") != std::string::npos;
  if (!stack && !command.empty()) text += ": " + command;
  return sanitize ? text + " (sanitized)" : text;
}

RestoreRunner::RestoreRunner(LiveServer* target, const RestoreOptions& options)
    : target_(target), options_(options) {
  if (target_->ProfileOf(&profile_)) model_.emplace(profile_);
  in_order_ = target_->IsRedis(profile_);
}

bool RestoreRunner::Prepare(bool fresh, std::string* error) {
  stale_ = true;
  sent_.clear();
  const bool restart = target_->own() && (fresh || must_restart_);
  if (restart && !Restart(error)) return false;
  failure_.reset();
  // What a case has left may end the server now.
  if (!Begin(error) && (restart || !target_->own() || !Restart(error) || !Begin(error))) {
    return false;
  }
  if (rdb_version_ == 0) {
    Query({"SET", std::string(RestoreWorld::kKeyNames[0]), "1"});
    const auto dump = Query({"DUMP", std::string(RestoreWorld::kKeyNames[0])});
    const auto split =
        dump && !dump->is_error() && !dump->is_aggregate() ? SplitDump(dump->text()) : std::nullopt;
    if (!split) {
      *error = "the server does not answer DUMP with a payload";
      return false;
    }
    rdb_version_ = split->version;
    const auto setting = Query({"CONFIG", "SET", "sanitize-dump-payload", "no"});
    has_sanitize_ = setting && !setting->is_error();
    Query({"FLUSHALL"});
  }
  stale_ = false;
  return true;
}

bool RestoreRunner::Restart(std::string* error) {
  must_restart_ = true;
  if (!target_->Restart(error)) return false;
  must_restart_ = false;
  ++counts_.restarts;
  return true;
}

bool RestoreRunner::Begin(std::string* error) {
  sanitize_.reset();
  target_->NewReport();  // discards older reports
  if (!Connect()) {
    *error = "the server accepts no connection";
    return false;
  }
  if (Query({"FLUSHALL"})) return true;
  *error = "the server does not answer FLUSHALL";
  return false;
}

bool RestoreRunner::Connect() {
  std::string ignored;
  for (RespConnection* connection : {&link_, &control_}) {
    UniqueFd fd = target_->Connect(&ignored);
    if (!fd.valid()) return false;
    connection->Use(std::move(fd), options_.hang_ms, options_.stop);
  }
  replies_.Reset();
  unanswered_ = 0;
  return true;
}

std::optional<resp::ReplyView> RestoreRunner::Query(const std::vector<std::string>& words) {
  AppendWire(&link_.out(), words);
  link_.Send();
  if (TakeReply(options_.hang_ms) != Got::kReply) return std::nullopt;
  return replies_.reply().root();
}

void RestoreRunner::ReadValues(std::vector<std::string>* dumped,
                               std::vector<std::string>* strings) {
  const ValueScript script = MakeValueScript();
  for (const auto& words : script.requests) Query(words);
  for (const std::string& key : script.keys) {
    const auto reply = Query({"DUMP", key});
    if (!reply || reply->is_error() || reply->is_aggregate()) continue;
    if (auto split = SplitDump(reply->text())) dumped->push_back(std::move(split->value));
  }
  for (const std::string& key : script.strings) {
    const auto reply = Query({"GET", key});
    if (!reply || reply->is_error() || reply->is_aggregate() || reply->text().empty()) continue;
    strings->emplace_back(reply->text());
  }
  Query({"FLUSHALL"});
}

std::vector<std::string> RestoreRunner::WordsOf(const RestoreWorld::Op& op) const {
  if (const auto* restore = std::get_if<RestoreWorld::Restore>(&op)) {
    return {"RESTORE", KeyOf(restore->key), "0",
            JoinDump(restore->value.bytes, restore->footer, rdb_version_), "REPLACE"};
  }
  if (const auto* set = std::get_if<RestoreWorld::Set>(&op)) {
    return {"SET", KeyOf(set->key), std::string(set->value.bytes)};
  }
  const auto& words = std::get<RestoreWorld::Call>(op).args.words;
  return {words.begin(), words.end()};
}

void RestoreRunner::Ask(Batch* batch, std::vector<std::string_view> words, Asked asked) {
  ++counts_.requests;
  resp::AppendRequest(&link_.out(), words);
  if (asked.what == Asked::What::kCall) asked.command = ReplyModel::Find(words, profile_);
  if (asked.what == Asked::What::kValue && model_ && words[0] == "RESTORE") {
    asked.expected = model_->Judge(words[3], asked.sanitized);
  }
  batch->push_back(asked);
}

void RestoreRunner::AskForCase(Batch* batch, const RestoreCase& c, uint32_t which) {
  using What = Asked::What;
  if (has_sanitize_ && sanitize_ != c.config.sanitize) {
    sanitize_ = c.config.sanitize;
    Ask(batch, {"CONFIG", "SET", "sanitize-dump-payload", c.config.sanitize ? "yes" : "no"},
        {.what = What::kSetting, .which = which});
  }
  const bool sanitized = has_sanitize_ && c.config.sanitize;
  for (const RestoreWorld::Op& op : c.ops) {
    if (const auto* call = std::get_if<RestoreWorld::Call>(&op)) {
      if (call->args.words.empty()) continue;
      Ask(batch, {call->args.words.begin(), call->args.words.end()},
          {.what = What::kCall, .which = which, .sanitized = sanitized});
      continue;
    }
    const std::vector<std::string> words = WordsOf(op);
    Ask(batch, {words.begin(), words.end()},
        {.what = What::kValue, .which = which, .sanitized = sanitized});
  }
  Ask(batch,
      {"DEL", RestoreWorld::kKeyNames[0], RestoreWorld::kKeyNames[1], RestoreWorld::kKeyNames[2]},
      {.what = What::kCleanUp, .which = which});
  Ask(batch, {"ECHO", kMark}, {.what = What::kMark, .which = which});
}

void RestoreRunner::Send(const std::vector<RestoreCase>& cases) {
  Batch& batch = sent_.emplace_back();
  for (size_t i = 0; i < cases.size(); ++i) {
    AskForCase(&batch, cases[i], static_cast<uint32_t>(i));
  }
  if (!batch.empty()) {
    Ask(&batch, {"FLUSHALL"},
        {.what = Asked::What::kCleanUp, .which = static_cast<uint32_t>(cases.size() - 1)});
  }
  link_.Send();
}

bool RestoreRunner::Fits(const Command& command, const resp::ReplyView& reply, bool sanitized) {
  constexpr int kProtocol = 2;
  const auto [at, added] = shapes_.try_emplace({&command, sanitized}, command.reply);
  if (added) {
    std::string text(command.spec->reply);
    // The table names the types that the core has.
    if (text.starts_with("status(")) text = "status";
    // A value that is not sanitized may have an element twice.
    for (size_t set; !sanitized && (set = text.find("set<")) != text.npos;) {
      text.replace(set, 3, "array");
    }
    if (std::optional<Shape> shape = Shape::Compile(text)) at->second = *std::move(shape);
  }
  return at->second.Matches(reply, kProtocol);
}

std::optional<RestoreFailure::Kind> RestoreRunner::Judge(const Asked& asked,
                                                         const resp::ReplyView& reply) {
  using Kind = RestoreFailure::Kind;
  switch (asked.what) {
    case Asked::What::kMark:
      if (reply.is_aggregate() || reply.is_error() || reply.text() != kMark) {
        return Kind::kExtraReply;
      }
      return std::nullopt;
    case Asked::What::kValue:
      ++counts_.payloads;
      if (!reply.is_error()) {
        ++counts_.accepted;
      } else if (auto at = counts_.refusals.find(reply.text()); at != counts_.refusals.end()) {
        ++at->second;
      } else {
        ++counts_.refusals[std::string(reply.text())];
      }
      if (asked.expected.known) {
        ++counts_.compared;
        if (!DifferenceOf(asked, reply).empty()) return Kind::kVerdict;
      }
      break;
    case Asked::What::kCall: {
      if (reply.is_error() || asked.command == nullptr) return std::nullopt;
      if (!Fits(*asked.command, reply, asked.sanitized)) return Kind::kShape;
      return std::nullopt;
    }
    case Asked::What::kCleanUp:
    case Asked::What::kSetting:
      break;
  }
  if (reply.is_aggregate()) return Kind::kShape;
  return std::nullopt;
}

std::string RestoreRunner::DifferenceOf(const Asked& asked, const resp::ReplyView& reply) const {
  const std::string_view seen = reply.is_error() ? reply.text() : "";
  if (seen == asked.expected.error) return "";
  if (seen.empty()) {
    return "the core refuses (" +
           std::string(asked.expected.reason.empty() ? asked.expected.error
                                                     : asked.expected.reason) +
           ")";
  }
  return asked.expected.error.empty() ? "the core accepts" : "another error: " + std::string(seen);
}

void RestoreRunner::Ping() {
  control_.out() += "PING\r\n";
  control_.Send();
  ++unanswered_;
}

bool RestoreRunner::Answers(int hang_ms, int waited_ms) {
  // Twice: before the second answer it has read what was sent before the first request.
  for (int i = 0; i < 2; ++i) {
    if (i > 0 || unanswered_ == 0) Ping();
    for (;;) {
      const std::string_view in = control_.in();
      unanswered_ -= std::min(unanswered_, static_cast<size_t>(std::ranges::count(in, '\n')));
      control_.Take(in.size());
      if (unanswered_ == 0) break;
      const int ms = i == 0 ? std::max(hang_ms - waited_ms, kSilenceMs) : hang_ms;
      if (control_.Read(ms) != RespConnection::Got::kBytes) return false;
    }
  }
  return true;
}

RestoreRunner::Got RestoreRunner::TakeReply(int hang_ms) {
  for (;;) {
    if (!link_.in().empty()) {
      const resp::ReplyParser::Result result = replies_.Parse(link_.in());
      link_.Take(result.consumed);
      if (result.status == resp::ReplyParser::Status::kValue) return Got::kReply;
      if (result.status == resp::ReplyParser::Status::kError) return Got::kNoResp;
    }
    switch (link_.Read(kSilenceMs)) {
      case RespConnection::Got::kBytes:
        continue;
      case RespConnection::Got::kClosed:
        return Got::kClosed;
      case RespConnection::Got::kNothing:
        break;
    }
    if (options_.stop()) return Got::kSilent;
    // Both connections are waited for at once.
    if (unanswered_ == 0) Ping();
    if (!in_order_ && link_.Read(hang_ms) == RespConnection::Got::kBytes) continue;
    if (!Answers(hang_ms, in_order_ ? 0 : hang_ms)) return Got::kSilent;
    if (link_.Read(0) != RespConnection::Got::kBytes) return Got::kNothing;
  }
}

std::optional<RestoreRunner::Suspects> RestoreRunner::Receive() {
  if (sent_.empty()) return std::nullopt;
  const Batch batch = std::move(sent_.front());
  sent_.pop_front();
  Suspects suspects;
  const int patience = std::min(options_.hang_ms, kBatchPatienceMs);
  bool wrong = false;
  for (const Asked& asked : batch) {
    suspects.first = asked.which;
    const Got got = TakeReply(patience);
    if (options_.stop()) {
      stale_ = true;
      return std::nullopt;
    }
    wrong = got != Got::kReply || Judge(asked, replies_.reply().root());
    if (!wrong) continue;
    if (got == Got::kSilent || (got == Got::kClosed && !Answers(patience))) {
      const ServerEnd end = target_->FindEnd(patience);
      must_restart_ = true;
      if (end.ended) {
        suspects.cause = end.what;
        suspects.ended = true;
        suspects.assertion = IsAssertion(end.what, target_->Log());
      } else if (const auto report = ReadCrashReport(target_->Log())) {
        suspects.cause = HangIn(report->command);
      }
    }
    break;
  }
  if (!wrong && target_->own()) {
    if (options_.memory_mb > 0 && target_->PeakKilobytes() / kKilobytes >= options_.memory_mb) {
      wrong = must_restart_ = true;
      suspects.first = 0;
    } else if (target_->NewReport()) {
      wrong = true;
      suspects.first = 0;
    }
  }
  if (!wrong) return std::nullopt;
  stale_ = true;
  sent_.clear();
  return suspects;
}

std::optional<RestoreFailure> RestoreRunner::Run(const RestoreCase& c) {
  failure_.reset();
  Batch batch;
  const auto ask = [&](std::vector<std::string_view> words, Asked::What what, size_t op) {
    batch.clear();
    Ask(&batch, std::move(words), {.what = what, .sanitized = has_sanitize_ && c.config.sanitize});
    link_.Send();
    const Got got = TakeReply(options_.hang_ms);
    if (options_.stop()) return;
    using Kind = RestoreFailure::Kind;
    switch (got) {
      case Got::kReply:
        if (const auto kind = Judge(batch.back(), replies_.reply().root())) {
          const bool verdict = *kind == Kind::kVerdict;
          Fail(*kind, verdict ? DifferenceOf(batch.back(), replies_.reply().root()) : "", c, op);
        } else if (!link_.in().empty()) {
          Fail(Kind::kExtraReply, "", c, op);
        } else {
          CheckServer(c, op);
        }
        break;
      case Got::kNothing:
        Fail(Kind::kNoReply, "", c, op);
        break;
      case Got::kNoResp:
        Fail(Kind::kNoResp, "", c, op);
        break;
      case Got::kClosed:
        if (Answers(options_.hang_ms)) {
          Fail(Kind::kClosed, "", c, op);
          break;
        }
        [[fallthrough]];
      case Got::kSilent:
        ServerGone(c, op);
    }
  };
  if (has_sanitize_ && sanitize_ != c.config.sanitize) {
    sanitize_ = c.config.sanitize;
    ask({"CONFIG", "SET", "sanitize-dump-payload", c.config.sanitize ? "yes" : "no"},
        Asked::What::kSetting, 0);
  }
  size_t op = 0;
  for (; op < c.ops.size() && going(); ++op) {
    const std::vector<std::string> words = WordsOf(c.ops[op]);
    if (words.empty()) continue;
    const bool call = std::holds_alternative<RestoreWorld::Call>(c.ops[op]);
    ask({words.begin(), words.end()}, call ? Asked::What::kCall : Asked::What::kValue, op);
  }
  if (going()) {
    ask({"DEL", RestoreWorld::kKeyNames[0], RestoreWorld::kKeyNames[1], RestoreWorld::kKeyNames[2]},
        Asked::What::kCleanUp, c.ops.size());
  }
  if (going()) ask({"FLUSHALL"}, Asked::What::kCleanUp, c.ops.size());
  stale_ = !going();
  must_restart_ |= failure_ && failure_->fatal();
  return failure_;
}

void RestoreRunner::CheckServer(const RestoreCase& c, size_t op) {
  if (!target_->own()) return;
  if (options_.memory_mb > 0 && target_->PeakKilobytes() / kKilobytes >= options_.memory_mb) {
    return Fail(RestoreFailure::Kind::kMemory, "", c, op);
  }
  if (const std::optional<CrashReport> report = target_->NewReport()) {
    Fail(RestoreFailure::Kind::kReport, report->Text(), c, op);
  }
}

void RestoreRunner::ServerGone(const RestoreCase& c, size_t op) {
  const ServerEnd end = target_->FindEnd(options_.hang_ms);
  if (options_.stop()) return;
  using Kind = RestoreFailure::Kind;
  Kind kind = Kind::kHangs;
  if (end.out_of_memory) {
    kind = Kind::kMemory;
  } else if (end.ended) {
    // What upstream tolerates.
    const bool tolerated =
        has_sanitize_ && !c.config.sanitize && IsAssertion(end.what, target_->Log());
    kind = tolerated ? Kind::kAssertion : Kind::kEnded;
  }
  Fail(kind, end.out_of_memory ? "" : end.what, c, op);
}

void RestoreRunner::Fail(RestoreFailure::Kind kind, std::string detail, const RestoreCase& c,
                         size_t op) {
  if (failure_) return;
  RestoreFailure& failure = failure_.emplace();
  failure.kind = kind;
  failure.detail = std::move(detail);
  failure.sanitize = c.config.sanitize && has_sanitize_;
  failure.op = op;
  if (has_sanitize_) {
    failure.session.push_back(std::string("CONFIG SET sanitize-dump-payload ") +
                              (c.config.sanitize ? "yes" : "no"));
  }
  for (size_t i = 0; i <= op && i < c.ops.size(); ++i) {
    failure.session.push_back(WordsLine(WordsOf(c.ops[i])));
  }
  if (kind == RestoreFailure::Kind::kVerdict) {
    const auto& value = std::get<RestoreWorld::Restore>(c.ops[op]).value.bytes;
    failure.detail += ": type " + std::to_string(value.empty() ? 0 : value[0] & 0xFF);
  }
  if (op < c.ops.size()) {
    const std::vector<std::string> words = WordsOf(c.ops[op]);
    failure.request = failure.session.back();
    const Command* command =
        ReplyModel::Find(std::vector<std::string_view>(words.begin(), words.end()), profile_);
    failure.command = command != nullptr ? std::string(command->full_name()) : LowerCase(words[0]);
    if (kind == RestoreFailure::Kind::kShape && command != nullptr) {
      failure.detail = "not " + std::string(command->spec->reply);
    }
  } else {
    failure.request = "DEL k0 k1 k2";
    failure.session.push_back(failure.request);
    failure.command = "del";
  }
  failure.log = target_->Log();
}

}  // namespace resprobe::live
