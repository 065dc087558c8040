// What moves between client and peer in the world `io_chaos`, and when events fire.

#include <algorithm>

#include "worlds/io_chaos/io_chaos_limits.h"
#include "worlds/io_chaos/io_chaos_world.h"

namespace resprobe {
namespace {

using io_chaos::kAll;

// The maximum number of consecutive rounds in which nothing moves.
constexpr int kMostIdleRounds = 300;

// A message as servers send it, or a push of another kind.
bool IsWellFormedMessage(resp::ReplyView value) {
  if (value.size() == 0 || value[0].type() != resp::Type::kBulkString) return false;
  const std::string_view word = value[0].text();
  const bool known = word == "message" || word == "pmessage" || word.ends_with("subscribe");
  // hiredis compares a prefix, from seven bytes on, after a p, ignoring case.
  if (!known) return value.type() == resp::Type::kPush && (word == "invalidate" || word.empty());
  const size_t wanted = word == "pmessage" ? 4 : 3;
  if (value.size() != wanted) return false;
  const resp::Type second = value[1].type();
  if (second != resp::Type::kBulkString && second != resp::Type::kNull) return false;
  return word.ends_with("message") || value[2].type() == resp::Type::kInteger;
}

const char* NameOfStep(ToxicStream::Step::Kind kind) {
  constexpr const char* kNames[] = {"sends", "half-closes", "closes", "resets", "waits"};
  return kNames[static_cast<size_t>(kind)];
}

}  // namespace

// --- The network.

bool IoChaosWorld::Move(int socket, bool up, bool down, size_t most) {
  Line& line = lines_[static_cast<size_t>(socket)];
  if (!Whole(line) || !system_.Connected(socket)) return false;
  bool moved = false;
  using Kind = ToxicStream::Step::Kind;
  const auto end = [&](const ToxicStream::Step& step) {
    system_.log().Add(now_us(), ChaosLog::Who::kPeer, NameOfStep(step.kind), socket,
                      static_cast<int64_t>(step.cause));
    system_.End(socket, step.kind == Kind::kRst   ? PeerEnd::kReset
                        : step.kind == Kind::kFin ? PeerEnd::kClose
                                                  : PeerEnd::kHalfClose);
    if (step.kind != Kind::kHalfClose) EndLine(line);
    moved = true;
  };
  if (up) {
    if (const size_t waiting = system_.Waiting(socket); waiting > 0) {
      const size_t room = network_.Room(PeersEnd(line), waiting);
      if (room > 0) {
        network_.Send(line.end, system_.Take(socket, room));
        moved = true;
      }
    }
    const ToxicStream::Step step = network_.Next(PeersEnd(line));
    if (step.kind == Kind::kData) {
      const std::string_view bytes = step.bytes.substr(0, most);
      Slot& slot = slots_[static_cast<size_t>(line.slot)];
      const std::string_view wanted =
          std::string_view(slot.expected)
              .substr(std::min<size_t>(slot.received, slot.expected.size()), bytes.size());
      slot.received += bytes.size();
      system_.log().Add(now_us(), ChaosLog::Who::kPeer, "receives", socket,
                        static_cast<int64_t>(bytes.size()));
      if (!evil_memory_ && !slot.client->has_handshake() &&
          !run_->Check(
              bytes == wanted, "prefix", [&] { return "\"" + std::string(wanted) + "\""; },
              [&] { return "\"" + std::string(bytes) + "\""; })) {
        return true;
      }
      if (!replaying_) line.peer.Receive(bytes, toxics_);
      network_.Taken(PeersEnd(line), bytes.size());
      moved = true;
    } else if (step.kind == Kind::kHalfClose) {
      network_.Close(PeersEnd(line));  // a server that sees the end closes, after what it has sent
      moved = true;
    } else if (step.kind != Kind::kWait) {
      end(step);
    }
  }
  if (down && line.open && !line.ended && !replaying_) {
    line.peer.Collect(toxics_);
    if (!line.peer.output().empty()) {
      network_.Send(PeersEnd(line), line.peer.output());
      line.peer.output().clear();
    }
    const ToxicStream::Step step = network_.Next(line.end);
    if (step.kind == Kind::kData) {
      const std::string_view bytes = step.bytes.substr(0, most);
      system_.Send(socket, bytes);
      system_.log().Add(now_us(), ChaosLog::Who::kPeer, "arrives", socket,
                        static_cast<int64_t>(bytes.size()));
      network_.Taken(line.end, bytes.size());
      moved = true;
      LookAhead(socket);
    } else if (step.kind == Kind::kHalfClose && !step.caused) {
      end({.kind = Kind::kFin, .cause = ToxicKind::kSlowClose});  // a server closes both ways
    } else if (step.kind != Kind::kWait) {
      end(step);
    }
  }
  return moved;
}

// hiredis accesses the elements of a supposed message without checking how many there are.
void IoChaosWorld::LookAhead(int socket) {
  Line& line = lines_[static_cast<size_t>(socket)];
  if (line.peer.honest() || !Avoids(KnownFault::kSubscribeShape)) return;
  const SimPosix::Socket& s = system_.SocketAt(socket);
  if (slots_[static_cast<size_t>(line.slot)].stays && s.readable() > 0 &&
      Avoids(KnownFault::kStaleCallback)) {
    return Abandon(InfoOf(KnownFault::kStaleCallback));
  }
  while (line.ahead < s.arrived.size()) {
    const resp::ReplyParser::Result result =
        line.ahead_parser.Parse(std::string_view(s.arrived).substr(line.ahead));
    line.ahead += result.consumed;
    if (result.status == resp::ReplyParser::Status::kError &&
        line.ahead_parser.error().code != resp::ParseErrorCode::kUnknownType &&
        slots_[static_cast<size_t>(line.slot)].stays) {
      // hiredis accepts most of what the core refuses (known_differences.cc: a nested push, bad
      // line ends …), and what it reads after that cannot be predicted.
      return Abandon(InfoOf(KnownFault::kSubscribeShape));
    }
    if (result.status != resp::ReplyParser::Status::kValue) return;
    if (line.ahead <= s.read) continue;  // after it
    const resp::ReplyView root = line.ahead_parser.reply().root();
    const bool push = root.type() == resp::Type::kPush;
    if (!push && root.type() != resp::Type::kArray) continue;
    if (!push && !slots_[static_cast<size_t>(line.slot)].stays) continue;
    if (IsWellFormedMessage(root)) continue;
    return Abandon(InfoOf(KnownFault::kSubscribeShape));
  }
}

void IoChaosWorld::EndLine(Line& line) {
  line.ended = true;
  line.peer.Close();
  network_.Remove(line.end);
}

bool IoChaosWorld::Wait(int socket, bool readable, bool writable, int64_t until_us) {
  while (rounds_left_-- > 0) {
    if ((readable && system_.Readable(socket)) || (writable && system_.Writable(socket))) {
      return true;
    }
    if (Move(socket, true, true, kAll)) continue;
    const int64_t wake = scheduler_.next_us();
    if (wake > until_us || (wake == SimPosix::kNever && until_us != SimPosix::kNever)) {
      PassTime(until_us);
      return false;
    }
    if (wake == SimPosix::kNever) {
      // Nothing would ever arrive: the peer closes the connection.
      system_.End(socket, PeerEnd::kClose);
      EndLine(lines_[static_cast<size_t>(socket)]);
      continue;
    }
    PassTime(wake);
  }
  if (until_us != SimPosix::kNever) PassTime(until_us);
  return false;
}

void IoChaosWorld::Refresh() { network_.SetToxics(kClientMachine, kPeerMachine, toxics_); }

// --- The scheduler.

void IoChaosWorld::FireOne(Slot& slot, IoClient::Event event, bool spurious) {
  IoClient& client = *slot.client;
  if (!client.exists() || !client.wants(event)) return;
  const int socket = client.descriptor();
  if (!client.blocking() && !spurious) {
    if (event == IoClient::Event::kReadable && !system_.Readable(socket)) return;
    if (event == IoClient::Event::kWritable && !system_.Writable(socket)) return;
  }
  if (event == IoClient::Event::kTimeout) {
    PassTime(client.timer_us());
    slot.plain = false;
  }
  system_.log().Add(now_us(), ChaosLog::Who::kScheduler, "fires", socket,
                    static_cast<int64_t>(event));
  in_timeout_ = event == IoClient::Event::kTimeout;
  client.Fire(event);
  in_timeout_ = false;
}

bool IoChaosWorld::FireAll() {
  bool fired = false;
  for (Slot& slot : slots_) {
    IoClient& client = *slot.client;
    for (const IoClient::Event event : {IoClient::Event::kWritable, IoClient::Event::kReadable}) {
      if (!client.exists() || !client.wants(event)) continue;
      const int socket = client.descriptor();
      if (!client.blocking() && !(event == IoClient::Event::kReadable ? system_.Readable(socket)
                                                                      : system_.Writable(socket))) {
        continue;
      }
      FireOne(slot, event, false);
      fired = true;
      if (run_->violated()) return false;
    }
  }
  return fired;
}

void IoChaosWorld::RunUntilQuiet() {
  int idle = 0;  // rounds in which the client was active without effect
  while (rounds_left_-- > 0 && idle < kMostIdleRounds) {
    bool moved = false;
    for (size_t i = 0; i < lines_.size(); ++i) {
      if (lines_[i].open) moved |= Move(static_cast<int>(i), true, true, kAll);
    }
    if (run_->violated() || over_) return;
    const bool fired = FireAll();
    if (run_->violated() || over_) return;
    idle = fired && !moved ? idle + 1 : 0;
    if (fired || moved) continue;
    const int64_t wake = scheduler_.next_us();
    if (wake == kNever) return;
    PassTime(wake);
  }
  if (idle == kMostIdleRounds) {
    run_->Fail("no_hang", "rest, once nothing moves",
               std::to_string(idle) + " rounds of events for nothing");
  }
}

}  // namespace resprobe
