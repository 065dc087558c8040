// What moves between client and peer in the world `io_chaos`, and what fires when.

#include <algorithm>

#include "worlds/io_chaos/io_chaos_limits.h"
#include "worlds/io_chaos/io_chaos_world.h"

namespace resprobe {
namespace {

using io_chaos::kAll;

// Rounds of moving and firing in a row in which nothing moves.
constexpr int kMostIdleRounds = 300;

// As servers send them, or a push of another kind.
bool IsWellFormedMessage(resp::ReplyView value) {
  if (value.size() == 0 || value[0].type() != resp::Type::kBulkString) return false;
  const std::string_view word = value[0].text();
  const bool known = word == "message" || word == "pmessage" || word.ends_with("subscribe");
  // hiredis compares as many bytes as there are, from seven on, after a p, in any case.
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
  if (!line.open || line.ended || !system_.Connected(socket)) return false;
  bool moved = false;
  using Kind = ToxicStream::Step::Kind;
  const auto end = [&](const ToxicStream::Step& step) {
    system_.log().Add(now_us_, ChaosLog::Who::kPeer, NameOfStep(step.kind), socket,
                      static_cast<int64_t>(step.cause));
    system_.End(socket, step.kind == Kind::kRst   ? PeerEnd::kReset
                        : step.kind == Kind::kFin ? PeerEnd::kClose
                                                  : PeerEnd::kHalfClose);
    if (step.kind != Kind::kHalfClose) {
      line.ended = true;
      line.peer.Close();
    }
    moved = true;
  };
  if (up) {
    if (const size_t waiting = system_.Waiting(socket); waiting > 0) {
      const size_t room = line.up.finished() ? waiting : line.up.Room(waiting);
      if (room > 0) {
        line.up.Put(system_.Take(socket, room), now_us_);
        moved = true;
      }
    }
    const ToxicStream::Step step = line.up.Next(now_us_);
    if (step.kind == Kind::kData) {
      const std::string_view bytes = step.bytes.substr(0, most);
      Slot& slot = slots_[static_cast<size_t>(line.slot)];
      const std::string_view wanted =
          std::string_view(slot.expected)
              .substr(std::min<size_t>(slot.received, slot.expected.size()), bytes.size());
      slot.received += bytes.size();
      system_.log().Add(now_us_, ChaosLog::Who::kPeer, "receives", socket,
                        static_cast<int64_t>(bytes.size()));
      if (!evil_memory_ && !slot.client->has_handshake() &&
          !run_->Check(
              bytes == wanted, "prefix", [&] { return "\"" + std::string(wanted) + "\""; },
              [&] { return "\"" + std::string(bytes) + "\""; })) {
        return true;
      }
      if (!replaying_) line.peer.Receive(bytes, toxics_);
      line.up.Taken(bytes.size(), now_us_);
      moved = true;
    } else if (step.kind == Kind::kHalfClose) {
      line.down.End(now_us_);  // a server that sees the end closes, behind what it has to say
      moved = true;
    } else if (step.kind != Kind::kWait) {
      end(step);
    }
  }
  if (down && line.open && !line.ended && !replaying_) {
    line.peer.Collect(toxics_);
    if (!line.peer.output().empty()) {
      line.down.Put(line.peer.output(), now_us_);
      line.peer.output().clear();
    }
    const ToxicStream::Step step = line.down.Next(now_us_);
    if (step.kind == Kind::kData) {
      const std::string_view bytes = step.bytes.substr(0, most);
      system_.Send(socket, bytes);
      system_.log().Add(now_us_, ChaosLog::Who::kPeer, "arrives", socket,
                        static_cast<int64_t>(bytes.size()));
      line.down.Taken(bytes.size(), now_us_);
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

// hiredis looks into what calls itself a message without asking whether it has so many elements.
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
      // Most of what the core refuses hiredis takes (known_differences.cc: a nested push, bad ends
      // of lines …), and what it sees behind that cannot be foreseen.
      return Abandon(InfoOf(KnownFault::kSubscribeShape));
    }
    if (result.status != resp::ReplyParser::Status::kValue) return;
    if (line.ahead <= s.read) continue;  // behind it
    const resp::ReplyView root = line.ahead_parser.reply().root();
    const bool push = root.type() == resp::Type::kPush;
    if (!push && root.type() != resp::Type::kArray) continue;
    if (!push && !slots_[static_cast<size_t>(line.slot)].stays) continue;
    if (IsWellFormedMessage(root)) continue;
    return Abandon(InfoOf(KnownFault::kSubscribeShape));
  }
}

int64_t IoChaosWorld::NextWake() {
  int64_t wake = SimPosix::kNever;
  for (size_t i = 0; i < lines_.size(); ++i) {
    Line& line = lines_[i];
    if (!line.open || line.ended) continue;
    const SimPosix::Socket& s = system_.SocketAt(static_cast<int>(i));
    if (s.state == SimPosix::Socket::State::kConnecting) {
      wake = std::min(wake, s.connect_us);
      continue;
    }
    for (ToxicStream* stream : {&line.up, &line.down}) {
      const ToxicStream::Step step = stream->Next(now_us_);
      if (step.kind == ToxicStream::Step::Kind::kWait) wake = std::min(wake, step.at_us);
    }
  }
  return std::max(wake, now_us_);
}

bool IoChaosWorld::Wait(int socket, bool readable, bool writable, int64_t until_us) {
  while (rounds_left_-- > 0) {
    if ((readable && system_.Readable(socket)) || (writable && system_.Writable(socket))) {
      return true;
    }
    if (Move(socket, true, true, kAll)) continue;
    const int64_t wake = NextWake();
    if (wake == now_us_ && wake != SimPosix::kNever) return true;
    if (wake > until_us || (wake == SimPosix::kNever && until_us != SimPosix::kNever)) {
      now_us_ = until_us;
      return false;
    }
    if (wake == SimPosix::kNever) {
      // Nothing would ever come: the peer hangs up.
      system_.End(socket, PeerEnd::kClose);
      lines_[static_cast<size_t>(socket)].ended = true;
      lines_[static_cast<size_t>(socket)].peer.Close();
      continue;
    }
    now_us_ = wake;
  }
  now_us_ = until_us == SimPosix::kNever ? now_us_ : until_us;
  return false;
}

void IoChaosWorld::Refresh() {
  for (Line& line : lines_) {
    if (!line.open) continue;
    line.up.SetToxics(toxics_, now_us_);
    line.down.SetToxics(toxics_, now_us_);
  }
}

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
    now_us_ = std::max(now_us_, client.timer_us());
    slot.plain = false;
  }
  system_.log().Add(now_us_, ChaosLog::Who::kScheduler, "fires", socket,
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
  int idle = 0;  // rounds in which the client was busy with nothing
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
    const int64_t wake = NextWake();
    if (wake == SimPosix::kNever || wake == now_us_) return;
    now_us_ = wake;
  }
  if (idle == kMostIdleRounds) {
    run_->Fail("no_hang", "rest, once nothing moves",
               std::to_string(idle) + " rounds of events for nothing");
  }
}

}  // namespace resprobe
