// The reading part of RobustnessRunner: which replies have arrived, and whether more will come.

#include <algorithm>
#include <utility>

#include "live/robustness/robustness_runner.h"

namespace resprobe::live {
namespace {

// How long a client waits before a fence on a second connection checks whether the server goes on.
constexpr int kPatienceMs = 20;

// The number of consecutive reads from a connection whose replies cannot be counted. Its output may
// never end: a connection in MONITOR receives every fence that looks for the end.
constexpr int kMostHeard = 16;

}  // namespace

void RobustnessRunner::Send(Peer& peer) {
  if (peer.link.out().empty()) return;
  peer.sent += peer.link.out().size();
  peer.link.Send();
  ++counts_.writes;
}

void RobustnessRunner::Collect(Peer& peer) {
  Send(peer);
  for (int heard = 0; going() && Take(peer); ++heard) {
    if (peer.counted && peer.owed.empty()) break;
    Wait wait = WaitFor(peer);
    if (wait == Wait::kMore && !peer.counted && heard == kMostHeard) wait = Wait::kNever;
    if (wait == Wait::kMore) continue;
    if (wait == Wait::kFailed) return;
    const bool waits = !peer.owed.empty() && asked_[peer.owed.front()].may_wait;
    if (wait == Wait::kNever && peer.counted && waits) break;
    if (wait == Wait::kNever && !peer.counted && !peer.nonsense) {
      // Replies are not counted here, so a missing one cannot be detected.
      peer.owed.clear();
      break;
    }
    if (may_close_ || peer.nonsense) {
      // A child of the server (BGSAVE) may keep a connection open for a while after the server has
      // closed it.
      peer.owed.clear();
      peer.link.Drop();
      break;
    }
    if (wait == Wait::kClosed) return Fail(Fault::Kind::kClosed, "", &peer);
    if (ComesLate(peer)) continue;
    return Fail(Fault::Kind::kNoReply, "", &peer);
  }
  if (audit_) CheckServer();
}

void RobustnessRunner::Settle(Peer& peer) {
  Collect(peer);
  while (going() && peer.link.connected() && !peer.owed.empty()) {
    const size_t before = peer.owed.size();
    if (!Control(Request({"CLIENT", "UNBLOCK", peer.id}))) return;
    Collect(peer);
    if (going() && peer.owed.size() == before && !ComesLate(peer)) {
      return Fail(Fault::Kind::kNoReply, "", &peer);
    }
  }
}

// A server with several threads, or one whose kernel holds a short reply back until the one before
// it is acknowledged (Nagle's algorithm), answers the fence first.
bool RobustnessRunner::ComesLate(Peer& peer) {
  return peer.link.Read(options_.hang_ms) != RespConnection::Got::kNothing || options_.stop();
}

// Processes the replies that have arrived; false after a fault.
bool RobustnessRunner::Take(Peer& peer) {
  using Status = resp::ReplyParser::Status;
  while (!peer.link.in().empty()) {
    const resp::ReplyParser::Result result = peer.replies.Parse(peer.link.in());
    if (result.status == Status::kError) {
      Fail(Fault::Kind::kNoResp, peer.replies.error().message(), &peer);
      return false;
    }
    peer.link.Take(result.consumed);
    if (result.status == Status::kNeedMore) return true;
    const resp::ReplyView reply = peer.replies.reply().root();
    if (reply.type() == resp::Type::kPush) continue;
    if (peer.owed.empty()) {
      if (!peer.counted) continue;
      Fail(Fault::Kind::kExtraReply, "", nullptr);
      return false;
    }
    const Asked& asked = asked_[peer.owed.front()];
    if (const std::optional<size_t> silent = Unanswered(peer, reply)) {
      Fail(Fault::Kind::kNoReply, "", &peer);
      Blame(*silent);
      return false;
    }
    peer.owed.pop_front();
    if (reply.is_error()) continue;
    if (asked.is_id) peer.id = std::to_string(reply.integer());
    if (asked.count != nullptr) ++asked.count->accepted;
    lasting_ |= asked.lasting;
  }
  return true;
}

std::optional<size_t> RobustnessRunner::Unanswered(Peer& peer, const resp::ReplyView& reply) {
  if (!marks_) return std::nullopt;
  const size_t at = peer.owed.front();
  const auto took_mark = [this](size_t asked, const resp::ReplyView& its) {
    return !asked_[asked].is_mark && its.text() == kMark;
  };
  if (took_mark(at, reply)) return at;
  if (reply.type() == resp::Type::kSimpleString && reply.text() == "QUEUED") {
    peer.queued.push_back(at);
    return std::nullopt;
  }
  const Command* const command = FindCommand(asked_[at].args[0]);
  const CommandRole role = command == nullptr ? CommandRole::kPlain : command->role;
  if (role != CommandRole::kExec && role != CommandRole::kDiscard && role != CommandRole::kReset) {
    return std::nullopt;
  }
  size_t i = 0;
  for (const resp::ReplyView its : reply) {
    if (role != CommandRole::kExec || i == peer.queued.size()) break;
    if (took_mark(peer.queued[i], its)) return peer.queued[i];
    ++i;
  }
  peer.queued.clear();
  return std::nullopt;
}

RobustnessRunner::Wait RobustnessRunner::WaitFor(Peer& peer) {
  const bool may_wait =
      paused_ || !peer.counted || (!peer.owed.empty() && asked_[peer.owed.front()].may_wait);
  RespConnection::Got got = peer.link.Read(may_wait ? 0 : kPatienceMs);
  if (got != RespConnection::Got::kBytes) {
    if (!Fence(std::exchange(peer.sent, 0))) return Wait::kFailed;
    if (got == RespConnection::Got::kNothing) got = peer.link.Read(0);
  }
  if (got == RespConnection::Got::kBytes) return Wait::kMore;
  return got == RespConnection::Got::kClosed ? Wait::kClosed : Wait::kNever;
}

// When this returns, the server has processed all input sent before, and has sent its replies as
// far as there was room. Each round is a turn of its event loop, which reads some 16 KB from each
// client.
bool RobustnessRunner::Fence(uint64_t sent) {
  constexpr uint64_t kRounds = 4;
  constexpr uint64_t kBytesARound = 8 << 10;
  for (uint64_t i = 0; i < kRounds + sent / kBytesARound; ++i) {
    const std::string ping = Request({"PING"});
    if (!(paused_ ? Control(Request({"CLIENT", "UNPAUSE"}) + ping, 2) : Control(ping)))
      return false;
  }
  return true;
}

bool RobustnessRunner::Control(std::string_view requests, int replies) {
  // A client may have closed this connection (CLIENT KILL), so reconnect.
  constexpr int kTries = 3;
  for (int i = 0; i < kTries && going(); ++i) {
    if (!control_.connected() && !ConnectControl()) break;
    control_.Take(control_.in().size());
    control_.out() = requests;
    control_.Send();
    for (;;) {
      const std::string_view in = control_.in();
      if (std::count(in.begin(), in.end(), '\n') >= replies) return true;
      const RespConnection::Got got = control_.Read(options_.hang_ms);
      if (got == RespConnection::Got::kBytes) continue;
      if (got == RespConnection::Got::kNothing) {
        ServerGone();
        return false;
      }
      break;
    }
    control_.Drop();
  }
  ServerGone();
  return false;
}

}  // namespace resprobe::live
