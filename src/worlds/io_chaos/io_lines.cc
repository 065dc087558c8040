#include "worlds/io_chaos/io_lines.h"

namespace resprobe {
namespace {

using Kind = ToxicStream::Step::Kind;

const char* NameOfStep(Kind kind) {
  constexpr const char* kNames[] = {"sends", "half-closes", "closes", "resets", "waits"};
  return kNames[static_cast<size_t>(kind)];
}

}  // namespace

void IoLines::Reset(ServerSubject* server) {
  server_ = server;
  network_.Reset(2);
  network_.CountToxicsIn(&run_->system.counts());
  for (Line& line : lines_) line.open = false;
  open_ = 0;
}

void IoLines::Refresh() { network_.SetToxics(kClientMachine, kPeerMachine, toxics_->list()); }

void IoLines::Open(int socket, const ClientSlot& slot) {
  Line& line = At(socket);
  const ActiveToxics::Outcome outcome = toxics_->Connecting();
  SimPosix::Socket& s = run_->system.SocketAt(socket);
  s.accepts = outcome.accepts;
  s.connect_us = run_->now_us() + outcome.late_us;
  if (outcome.late_us > 0) line.connects = run_->scheduler.At(s.connect_us, this, 0);
  line.end = network_.Connect(kClientMachine, kPeerMachine, static_cast<uint64_t>(socket) + 1);
  line.open = true;
  open_ |= uint32_t{1} << socket;
  line.ended = line.hung_up = false;
  line.slot = slot.index;
  line.peer.Open(server_, &run_->system.counts());
}

void IoLines::Close(int socket) {
  Line& line = At(socket);
  if (line.open) line.peer.Close();
  run_->scheduler.Cancel(line.connects);
  if (Whole(line)) network_.Remove(line.end);
  line.open = false;
  open_ &= ~(uint32_t{1} << socket);
}

void IoLines::Drop(Line& line) {
  line.ended = true;
  line.peer.Close();
  network_.Remove(line.end);
}

void IoLines::End(int socket, PeerEnd how) {
  run_->system.End(socket, how);
  Drop(At(socket));
}

void IoLines::Hangup(int socket) {
  if (!whole(socket)) return;
  At(socket).hung_up = true;
  network_.Close(PeersEnd(At(socket)));
}

void IoLines::EndBy(Line& line, int socket, const ToxicStream::Step& step) {
  run_->Log(ChaosLog::Who::kPeer, NameOfStep(step.kind), socket, static_cast<int64_t>(step.cause));
  run_->system.End(socket, step.kind == Kind::kRst   ? PeerEnd::kReset
                           : step.kind == Kind::kFin ? PeerEnd::kClose
                                                     : PeerEnd::kHalfClose);
  line.hung_up = true;
  if (step.kind != Kind::kHalfClose) Drop(line);
}

bool IoLines::MoveUp(Line& line, int socket, size_t most, bool* moved) {
  if (const size_t waiting = run_->system.Waiting(socket); waiting > 0) {
    const size_t room = network_.Room(PeersEnd(line), waiting);
    if (room > 0) {
      network_.Send(line.end, run_->system.Take(socket, room));
      *moved = true;
    }
  }
  const ToxicStream::Step step = network_.Next(PeersEnd(line));
  if (step.kind == Kind::kWait) return true;
  *moved = true;
  if (step.kind == Kind::kData) {
    const std::string_view bytes = step.bytes.substr(0, most);
    ClientSlot& slot = (*slots_)[line.slot];
    run_->Log(ChaosLog::Who::kPeer, "receives", socket, static_cast<int64_t>(bytes.size()));
    if (!toxics_->evil_memory() && !slot.client->has_handshake() &&
        !contract_->IsWhatWasGiven(bytes, slot.sent.Next(bytes.size()))) {
      return false;
    }
    slot.sent.Received(bytes.size());
    line.peer.Receive(bytes, toxics_->list());
    network_.Taken(PeersEnd(line), bytes.size());
  } else if (step.kind == Kind::kHalfClose) {
    network_.Close(PeersEnd(line));  // a server that sees the end closes, after what it has sent
  } else {
    EndBy(line, socket, step);
  }
  return true;
}

bool IoLines::MoveDown(Line& line, int socket, size_t most) {
  line.peer.Collect(toxics_->list());
  if (!line.peer.output().empty()) {
    network_.Send(PeersEnd(line), line.peer.output());
    line.peer.output().clear();
  }
  const ToxicStream::Step step = network_.Next(line.end);
  if (step.kind == Kind::kWait) return false;
  if (step.kind == Kind::kData) {
    const std::string_view bytes = step.bytes.substr(0, most);
    run_->system.Send(socket, bytes);
    run_->Log(ChaosLog::Who::kPeer, "arrives", socket, static_cast<int64_t>(bytes.size()));
    network_.Taken(line.end, bytes.size());
    if (!line.peer.honest()) ahead_->Look(socket, (*slots_)[line.slot].stays);
  } else if (step.kind == Kind::kHalfClose && !step.caused) {
    // A server closes both ways.
    EndBy(line, socket, {.kind = Kind::kFin, .cause = ToxicKind::kSlowClose});
  } else {
    EndBy(line, socket, step);
  }
  return true;
}

bool IoLines::Move(int socket, bool up, bool down, size_t most) {
  Line& line = At(socket);
  if (!Whole(line) || !run_->system.Connected(socket)) return false;
  bool moved = false;
  if (up && !MoveUp(line, socket, most, &moved)) return true;
  if (down && Whole(line)) moved |= MoveDown(line, socket, most);
  return moved;
}

bool IoLines::MoveAll(bool up, bool down, size_t most) {
  bool moved = false;
  for (size_t i = 0; i < kLines; ++i) {
    if ((open_ >> i & 1) != 0) moved |= Move(static_cast<int>(i), up, down, most);
  }
  return moved;
}

void IoLines::LookAgain(int socket, bool stays) {
  ahead_->Restart(socket);
  if (!At(socket).peer.honest()) ahead_->Look(socket, stays);
}

size_t IoLines::InFlight(int socket) {
  Line& line = At(socket);
  if (!Whole(line)) return 0;
  return network_.Incoming(line.end).in_flight() + network_.Incoming(PeersEnd(line)).in_flight() +
         line.peer.output().size();
}

}  // namespace resprobe
