#include "live/robustness/robustness_runner.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "core/resp/writer.h"
#include "core/table/letter_case.h"
#include "engine/quote.h"
#include "live/robustness/robustness_rules.h"

namespace resprobe::live {
namespace {

// A longer pipeline is sent even if the same client has more requests.
constexpr size_t kMostPipelined = 12 << 10;
constexpr size_t kMostOwed = 64;

}  // namespace

std::string_view FaultName(Fault::Kind kind) {
  constexpr std::string_view kNames[] = {"server has ended", "crash report",     "server hangs",
                                         "memory",           "no RESP",          "no reply",
                                         "a reply too many", "connection closed"};
  return kNames[static_cast<size_t>(kind)];
}

std::string Fault::Key() const {
  std::string key(FaultName(kind));
  if (!detail.empty()) key += ": " + detail;
  // With a stack the command adds nothing.
  const bool stack = kind <= Kind::kReport && detail.find(": ") != std::string::npos;
  return stack ? key : key + ": " + command;
}

std::string Fault::Signature() const {
  std::string signature = Key();
  const std::string end = ": " + command;
  if (!signature.ends_with(end)) signature += end;
  return signature;
}

RobustnessRunner::RobustnessRunner(LiveServer* target, const DocTable* table,
                                   const RobustnessOptions& options)
    : target_(target), table_(table), options_(options) {}

bool RobustnessRunner::Prepare(bool fresh, std::string* error) {
  stale_ = true;
  if (target_->own() && (fresh || (fault_ && fault_->fatal()) || lasting_)) {
    if (!target_->Restart(error)) return false;
    ++counts_.restarts;
  }
  for (Peer& peer : peers_) peer.link.Drop();
  fault_.reset();
  lasting_ = false;
  target_->NewReport();  // discards older reports
  if (!ConnectControl() || !Control(Request({"FLUSHALL"}))) {
    *error = "the server does not answer FLUSHALL";
    return false;
  }
  stale_ = false;
  return true;
}

bool RobustnessRunner::ConnectControl() {
  std::string ignored;
  UniqueFd fd = target_->Connect(&ignored);
  if (!fd.valid()) return false;
  control_.Use(std::move(fd), options_.hang_ms, options_.stop);
  return true;
}

std::optional<Fault> RobustnessRunner::Run(const Case<CommandWorld>& c) {
  ++counts_.cases;
  marks_ = false;
  RunOnce(c);
  if (fault_ && fault_->kind == Fault::Kind::kNoReply) {
    // Later replies have taken the place of the missing one, so the request that seems to lack a
    // reply is not the culprit.
    Fault seen = *fault_;
    std::string ignored;
    if (Prepare(false, &ignored)) {
      marks_ = true;
      RunOnce(c);
      if (fault_ && fault_->kind == seen.kind) {
        seen.op = fault_->op;
        seen.command = fault_->command;
        seen.request = fault_->request;
      }
    }
    if (!fault_ || !fault_->fatal()) fault_ = std::move(seen);
  }
  stale_ = !going() || lasting_;
  return fault_;
}

void RobustnessRunner::RunOnce(const Case<CommandWorld>& c) {
  fault_.reset();
  op_ = 0;
  audit_ = c.config.audit;
  may_close_ = paused_ = false;
  undo_.clear();
  asked_.clear();
  active_ = nullptr;
  clients_ = 1 + c.config.clients.Of(kMaxClients);
  for (size_t i = 0; i < clients_; ++i) {
    peers_[i].protocol3 = (c.config.protocol3.value >> i & 1) != 0;
    peers_[i].unsent.clear();
  }
  for (; op_ < c.ops.size() && going(); ++op_) {
    std::visit([&](const auto& op) { Apply(op); }, c.ops[op_]);
  }
  if (going()) Finish();
  if (going()) Reset();
}

void RobustnessRunner::Apply(const CommandWorld::Call& op) {
  if (op.args.words.empty()) return;
  Peer& peer = Use(op.client);
  resp::AppendRequest(&peer.unsent, op.args.words);
  Deliver(peer, std::exchange(peer.unsent, {}));
}

void RobustnessRunner::Apply(const CommandWorld::Queue& op) {
  if (!op.args.words.empty()) resp::AppendRequest(&Use(op.client).unsent, op.args.words);
}

void RobustnessRunner::Apply(const CommandWorld::Deliver& op) {
  Peer& peer = Use(op.client);
  const size_t bytes = op.bytes.UpTo(peer.unsent.size());
  const std::string part = peer.unsent.substr(0, bytes);
  peer.unsent.erase(0, bytes);
  Deliver(peer, part);
}

void RobustnessRunner::Apply(const CommandWorld::Raw& op) {
  Use(op.client).unsent.append(op.bytes.bytes);
}

void RobustnessRunner::Apply(const CommandWorld::Reconnect& op) {
  Turn(nullptr);
  Peer& peer = peers_[op.client.Of(clients_)];
  if (going() && !peer.link.Close(options_.hang_ms)) ServerGone();
}

RobustnessRunner::Peer& RobustnessRunner::Use(Index client) {
  Peer& peer = peers_[client.Of(clients_)];
  if (going() && (!peer.link.connected() || peer.nonsense)) Connect(peer);
  return peer;
}

bool RobustnessRunner::Connect(Peer& peer) {
  if (active_ == &peer) Turn(nullptr);
  peer.link.Drop();
  peer.requests.Reset();
  peer.replies.Reset();
  peer.owed.clear();
  peer.queued.clear();
  peer.nonsense = false;
  peer.counted = true;
  peer.id.clear();
  std::string ignored;
  UniqueFd fd = target_->Connect(&ignored);
  if (!fd.valid()) {
    ServerGone();
    return false;
  }
  peer.link.Use(std::move(fd), options_.hang_ms, options_.stop);
  Ask(peer, {"CLIENT", "ID"}).is_id = true;
  if (peer.protocol3) Ask(peer, {"HELLO", "3"});
  return true;
}

// Splits the bytes into requests, so that each can be checked.
void RobustnessRunner::Deliver(Peer& peer, std::string_view bytes) {
  using Status = resp::RequestParser::Status;
  while (!bytes.empty() && going() && !peer.nonsense && peer.link.connected()) {
    const resp::RequestParser::Result result = peer.requests.Parse(bytes);
    if (result.status == Status::kNeedMore) return;
    if (result.status == Status::kError) {
      // The server reports an error and closes; it reads nothing after it.
      Turn(&peer);
      peer.link.out() += bytes;
      peer.nonsense = true;
      peer.counted = false;
      return;
    }
    bytes.remove_prefix(result.consumed);
    const auto args = peer.requests.args();
    Execute(peer, {args.begin(), args.end()});
  }
}

void RobustnessRunner::Execute(Peer& peer, std::vector<std::string> args) {
  if (!options_.dangerous) {
    const std::string_view denied = WhyDenied(args, target_->own());
    if (!denied.empty()) {
      ++counts_.left_out[FullName(args) + ": " + std::string(denied)];
      return;
    }
  }
  Turn(&peer);
  if (!going() || !peer.link.connected()) return;
  BoundTimes(args);
  if (std::string* number = ClientNumber(args)) {
    const Peer& named = peers_[static_cast<size_t>((*number)[0] - '1')];
    if (named.link.connected() && !named.id.empty()) *number = named.id;
  }
  const uint32_t effects = EffectsOf(args);
  const std::string name = FullName(args);
  const DocCommand* const known = table_->Find(name);
  if (std::string undo = UndoOf(args); !undo.empty()) undo_.insert(std::move(undo));
  Asked& asked = Ask(peer, std::move(args));
  asked.may_wait = (known != nullptr && known->blocking) || (effects & kMayWait) != 0;
  asked.lasting = (effects & kLasting) != 0;
  asked.count = known == nullptr ? nullptr : &counts_.commands[name];
  if (asked.count != nullptr) ++asked.count->called;
  may_close_ |= (effects & kMayClose) != 0;
  paused_ |= (effects & kPauses) != 0;
  if ((effects & kUncounted) != 0) peer.counted = false;
  ++counts_.requests;
  if (marks_ && peer.counted) Ask(peer, {"ECHO", std::string(kMark)}).is_mark = true;
  if (audit_ || peer.owed.size() >= kMostOwed || peer.link.out().size() >= kMostPipelined) {
    Collect(peer);
  }
}

RobustnessRunner::Asked& RobustnessRunner::Ask(Peer& peer, std::vector<std::string> args) {
  resp::AppendRequest(&peer.link.out(), std::vector<std::string_view>(args.begin(), args.end()));
  peer.owed.push_back(asked_.size());
  Asked& asked = asked_.emplace_back();
  asked.args = std::move(args);
  asked.op = op_;
  asked.client = static_cast<size_t>(&peer - peers_.data());
  return asked;
}

// Gives `peer` the turn; with nullptr, only ends the current turn.
void RobustnessRunner::Turn(Peer* peer) {
  if (peer == active_ || !going()) return;
  if (active_ != nullptr && active_->link.connected()) Collect(*active_);
  active_ = peer;
  // A client left blocked is unblocked now.
  if (peer != nullptr && going() && !peer->owed.empty()) Settle(*peer);
}

// Sends the remaining input and checks for late faults.
void RobustnessRunner::Finish() {
  for (size_t i = 0; i < clients_ && going(); ++i) {
    Peer& peer = peers_[i];
    if (peer.unsent.empty() || !peer.link.connected()) continue;
    Deliver(peer, std::exchange(peer.unsent, {}));
  }
  Turn(nullptr);
  uint64_t sent = 0;
  for (size_t i = 0; i < clients_ && going(); ++i) {
    if (!peers_[i].link.connected()) continue;
    Settle(peers_[i]);
    sent += peers_[i].sent;
  }
  if (going()) Fence(sent);
  for (size_t i = 0; i < clients_ && going(); ++i) {
    Peer& peer = peers_[i];
    if (!peer.link.connected()) continue;
    if (peer.link.Read(0) == RespConnection::Got::kBytes) Take(peer);
  }
  CheckServer();
}

// Resets the state: closes all connections, deletes all keys, undoes what can be undone.
void RobustnessRunner::Reset() {
  for (size_t i = 0; i < clients_ && going(); ++i) {
    if (!peers_[i].link.Close(options_.hang_ms)) ServerGone();
  }
  std::string wire = Request({"FLUSHALL"});
  for (const std::string& undo : undo_) wire += undo;
  if (going()) Control(wire, 1 + static_cast<int>(undo_.size()));
}

void RobustnessRunner::CheckServer() {
  if (!going() || !target_->own()) return;
  if (options_.memory_mb > 0 && target_->PeakKilobytes() / 1024 >= options_.memory_mb) {
    return Fail(Fault::Kind::kMemory, "", active_);
  }
  if (const std::optional<CrashReport> report = target_->NewReport()) {
    Fail(Fault::Kind::kReport, report->Text(), active_);
    if (!report->command.empty()) fault_->command = report->command;
  }
}

void RobustnessRunner::ServerGone() {
  if (!going()) return;
  const ServerEnd end = target_->FindEnd(options_.hang_ms);
  Fail(end.out_of_memory ? Fault::Kind::kMemory
       : end.ended       ? Fault::Kind::kEnded
                         : Fault::Kind::kHangs,
       end.out_of_memory ? "" : end.what, active_);
  if (!end.command.empty()) fault_->command = end.command;
}

std::string RobustnessRunner::FullName(const std::vector<std::string>& args) const {
  std::string name = LowerCase(args[0]);
  if (args.size() > 1 && table_->Find(name) == nullptr) {
    const std::string full_name = name + "|" + LowerCase(args[1]);
    if (table_->Find(full_name) != nullptr) return full_name;
  }
  return name;
}

std::string RobustnessRunner::Request(std::initializer_list<std::string_view> words) {
  std::string wire;
  resp::AppendRequest(&wire, {words.begin(), words.size()});
  return wire;
}

void RobustnessRunner::Blame(size_t asked) {
  fault_->op = asked_[asked].op;
  fault_->command = FullName(asked_[asked].args);
  fault_->request = WordsLine(asked_[asked].args);
}

// Reports the fault at the first request of `peer` without a reply, or otherwise at the last
// request.
void RobustnessRunner::Fail(Fault::Kind kind, std::string detail, const Peer* peer) {
  if (fault_) return;
  Fault& fault = fault_.emplace();
  fault.kind = kind;
  fault.detail = std::move(detail);
  fault.op = op_;
  fault.command = "nothing";
  if (!asked_.empty()) {
    const size_t at =
        peer != nullptr && !peer->owed.empty() ? peer->owed.front() : asked_.size() - 1;
    Blame(at);
  }
  for (const Asked& asked : asked_) {
    fault.session.push_back(std::to_string(asked.client) + "> " + WordsLine(asked.args));
  }
  fault.log = target_->Log();
}

}  // namespace resprobe::live
