#include "sim/sim_posix.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace resprobe {
namespace {

SimPosix* current_system = nullptr;

}  // namespace

SimPosix* SimPosix::current() { return current_system; }

AssertTrap& TheAssertTrap() {
  static AssertTrap trap;
  return trap;
}

void BlockTable::Grow() {
  std::vector<Slot> old(slots_.size() * 2);
  old.swap(slots_);
  mask_ = slots_.size() - 1;
  size_ = bytes_ = 0;
  for (const Slot& each : old) {
    if (each.block != nullptr) Insert(each.block, each.bytes);
  }
}

void BlockTable::Insert(void* block, size_t bytes) {
  if (size_ > mask_ / 2) [[unlikely]]
    Grow();
  size_t at = Home(block);
  while (slots_[at].block != nullptr) at = (at + 1) & mask_;
  slots_[at] = {block, bytes};
  ++size_;
  bytes_ += bytes;
}

size_t BlockTable::SizeOf(const void* block) const {
  for (size_t at = Home(block); slots_[at].block != nullptr; at = (at + 1) & mask_) {
    if (slots_[at].block == block) return slots_[at].bytes;
  }
  return 0;
}

void BlockTable::Erase(void* block) {
  size_t at = Home(block);
  while (slots_[at].block != block) {
    if (slots_[at].block == nullptr) return;
    at = (at + 1) & mask_;
  }
  --size_;
  bytes_ -= slots_[at].bytes;
  // Move up later entries of the probe sequence, so that no search ends too soon.
  for (size_t next = (at + 1) & mask_; slots_[next].block != nullptr; next = (next + 1) & mask_) {
    const size_t home = Home(slots_[next].block);
    if (((next - home) & mask_) < ((next - at) & mask_)) continue;
    slots_[at] = slots_[next];
    at = next;
  }
  slots_[at].block = nullptr;
}

SimPosix::~SimPosix() {
  Reclaim();
  if (current_system != this) return;
  current_system = nullptr;
  ChaosLog::set_current(nullptr);
}

void SimPosix::Start(World* world, size_t send_buffer) {
  Reclaim();
  current_system = this;
  world_ = world;
  memory_.set_send_buffer(send_buffer);
  ClearCallToxics();
  earned_ = 0;
  newest_ = -1;
  counts_.Reset();
  log_.Reset();
  ChaosLog::set_current(&log_);
}

void SimPosix::UseWire(SocketApi* wire) {
  Reclaim();
  wire_ = wire == nullptr ? &memory_ : wire;
}

void SimPosix::Reclaim() {
  inside_ = false;
  blocks_.Drain([](void* block) { std::free(block); });
  taken_blocks_ = taken_bytes_ = 0;
  for (Socket& socket : sockets_) socket.state = Socket::State::kFree;
  wire_->Reset();
  epoll_.Reset();
  pretended_ = {};
  open_ = 0;
}

void SimPosix::SetCallToxic(const Toxic& toxic) {
  const auto& v = toxic.values;
  switch (toxic.kind) {
    case ToxicKind::kEintr:
      eintr_ = {v[0] - 1, v[1], 0};
      break;
    case ToxicKind::kEagain:
      eagain_ = {v[0] - 1, v[1], 0};
      break;
    case ToxicKind::kShortWrite:
      short_write_ = {v[0] - 1, v[2], v[1]};
      break;
    case ToxicKind::kFullBacklog:
      full_backlog_ = {v[0] - 1, v[1], 0};
      break;
    case ToxicKind::kAllocFailure:
      alloc_failure_ = {v[0] - 1, v[1], 0};
      break;
    default:
      break;
  }
}

void SimPosix::ClearCallToxics() {
  eintr_ = {};
  eagain_ = {};
  short_write_ = {};
  full_backlog_ = {};
  alloc_failure_ = {};
}

bool SimPosix::Acts(CallToxic* toxic, ToxicKind kind) {
  if (toxic->times == 0) return false;
  if (toxic->skip > 0) {
    --toxic->skip;
    return false;
  }
  --toxic->times;
  counts_.Fired(kind);
  return true;
}

int64_t SimPosix::Log(const char* what, int socket, int64_t result) {
  log_.Add(world_->now_us(), ChaosLog::Who::kSystem, what, socket, result);
  if (result < 0 && result != -EAGAIN && result != -EINTR && result != -EALREADY &&
      result != -EINPROGRESS && result != -EISCONN && socket >= 0) {
    sockets_[static_cast<size_t>(socket)].told_error = static_cast<int>(-result);
  }
  if (result == -EINTR && socket >= 0) {
    sockets_[static_cast<size_t>(socket)].interrupted = true;
  }
  world_->OnResult(what, socket, result);
  return result;
}

// --- Sockets.

int SimPosix::OpenSocket() {
  const ClientScope ours(this, false);
  for (size_t i = 0; i < kSockets; ++i) {
    Socket& socket = sockets_[i];
    if (socket.state != Socket::State::kFree) continue;
    socket.Open();
    ++open_;
    const auto index = static_cast<int>(i);
    newest_ = index;
    wire_->Open(index);
    Log("socket", index, 0);
    return index;
  }
  return -EMFILE;
}

SimPosix::Socket& SimPosix::Settled(int index) {
  Socket& s = SocketAt(index);
  if (s.state == Socket::State::kConnecting && s.connect_us <= world_->now_us()) {
    s.state = s.accepts ? Socket::State::kConnected : Socket::State::kRefused;
    wire_->Establish(index, s.accepts);
  }
  return s;
}

bool SimPosix::Connected(int index) { return Settled(index).state == Socket::State::kConnected; }

int SimPosix::Connect(int index) {
  const ClientScope ours(this, false);
  Socket& s = Settled(index);
  switch (s.state) {
    case Socket::State::kFree:
      return static_cast<int>(Log("connect", index, -EBADF));
    case Socket::State::kNew:
      if (s.nonblocking && Acts(&full_backlog_, ToxicKind::kFullBacklog)) {
        s.backlogged = true;
        return static_cast<int>(Log("connect", index, -EAGAIN));
      }
      s.state = Socket::State::kConnecting;
      s.backlogged = false;
      world_->OnConnecting(index);
      if (s.nonblocking) return static_cast<int>(Log("connect", index, -EINPROGRESS));
      if (Acts(&eintr_, ToxicKind::kEintr)) return static_cast<int>(Log("connect", index, -EINTR));
      world_->Wait(index, false, true, kNever);
      return Connect(index);
    case Socket::State::kConnecting:
      return static_cast<int>(Log("connect", index, -EALREADY));
    case Socket::State::kConnected:
    case Socket::State::kRefused: {
      const int result = wire_->Connect(index);
      // A failed connect() can be repeated.
      if (result < 0 && result != -EISCONN) s.state = Socket::State::kNew;
      return static_cast<int>(Log("connect", index, result));
    }
  }
  return -EBADF;
}

bool SimPosix::Readable(int index) {
  return Settled(index).state >= Socket::State::kConnected && wire_->Readable(index);
}

bool SimPosix::Writable(int index) {
  const Socket& s = Settled(index);
  if (s.state == Socket::State::kNew) return s.backlogged;  // unix_poll() of Linux
  return s.state >= Socket::State::kConnected && wire_->Writable(index);
}

int SimPosix::Poll(int index, bool readable, bool writable, int64_t timeout_ms, bool* is_readable,
                   bool* is_writable) {
  const ClientScope ours(this, false);
  if (Acts(&eintr_, ToxicKind::kEintr)) return static_cast<int>(Log("poll", index, -EINTR));
  const auto look = [&] {
    const bool pretends = pretended_.socket == index;
    *is_readable = readable && (Readable(index) || (pretends && pretended_.readable));
    *is_writable = writable && (Writable(index) || (pretends && pretended_.writable));
    return *is_readable || *is_writable;
  };
  if (!look() && timeout_ms != 0) {
    world_->Wait(index, readable, writable,
                 timeout_ms < 0 ? kNever : world_->now_us() + timeout_ms * 1000);
    if (!look()) SocketAt(index).waited_out = true;
  }
  return static_cast<int>(Log("poll", index, *is_readable || *is_writable ? 1 : 0));
}

int SimPosix::EpollWait(int loop, SimEpoll::Ready* ready, size_t most) {
  const ClientScope ours(this, false);
  if (Acts(&eintr_, ToxicKind::kEintr)) return static_cast<int>(Log("epoll", -1, -EINTR));
  size_t count = 0;
  for (const SimEpoll::Watch& watch : epoll_.watches()) {
    if (watch.loop != loop || watch.socket < 0 || count == most) continue;
    const bool pretends = pretended_.socket == watch.socket;
    const bool readable = Readable(watch.socket) || (pretends && pretended_.readable);
    const bool writable = Writable(watch.socket) || (pretends && pretended_.writable);
    const uint32_t events =
        watch.events & ((readable ? SimEpoll::kIn : 0) | (writable ? SimEpoll::kOut : 0));
    if (events != 0) ready[count++] = {events, watch.data};
  }
  return static_cast<int>(count);
}

int64_t SimPosix::Read(int index, char* to, size_t size) {
  const ClientScope ours(this, false);
  if (Acts(&eintr_, ToxicKind::kEintr)) return Log("read", index, -EINTR);
  if (Acts(&eagain_, ToxicKind::kEagain)) return Log("read", index, -EAGAIN);
  Socket& s = Settled(index);
  const auto read = [&]() -> int64_t {
    if (Settled(index).state == Socket::State::kConnecting) return -EAGAIN;
    return wire_->Read(index, to, size);
  };
  int64_t result = read();
  if (result == -EAGAIN && !s.nonblocking &&
      world_->Wait(index, true, false,
                   s.timeout_us == 0 ? kNever : world_->now_us() + s.timeout_us)) {
    result = read();
  }
  if (result > 0) s.read += static_cast<size_t>(result);
  if (result == 0 && size > 0) s.told_end = true;
  return Log("read", index, result);
}

int64_t SimPosix::Write(int index, const char* from, size_t size, bool quiet) {
  const ClientScope ours(this, false);
  if (Acts(&eintr_, ToxicKind::kEintr)) return Log("write", index, -EINTR);
  if (Acts(&eagain_, ToxicKind::kEagain)) return Log("write", index, -EAGAIN);
  Socket& s = SocketAt(index);
  if (size > 1 && Acts(&short_write_, ToxicKind::kShortWrite)) {
    size = std::min(size, static_cast<size_t>(short_write_.bytes));
  }
  const auto write = [&]() -> int64_t {
    if (Settled(index).state == Socket::State::kConnecting) return -EAGAIN;
    return wire_->Write(index, from, size);
  };
  int64_t result = write();
  if (result == -EAGAIN && !s.nonblocking &&
      world_->Wait(index, false, true,
                   s.timeout_us == 0 ? kNever : world_->now_us() + s.timeout_us)) {
    result = write();
  }
  Log("write", index, result);
  if (result == -EPIPE && !quiet) world_->OnSignal(index);
  return result;
}

int SimPosix::Close(int index) {
  const ClientScope ours(this, false);
  Socket& s = SocketAt(index);
  if (s.state == Socket::State::kFree) return static_cast<int>(Log("close", index, -EBADF));
  Log("close", index, 0);
  world_->OnClosed(index);
  epoll_.Forget(index);
  wire_->Close(index);
  s.state = Socket::State::kFree;
  --open_;
  return 0;
}

int SimPosix::TakeError(int index) {
  const ClientScope ours(this, false);
  const int error = Settled(index).state >= Socket::State::kConnected ? wire_->TakeError(index) : 0;
  Log("error", index, -error);
  return error;
}

void SimPosix::Send(int index, std::string_view bytes) {
  wire_->Send(index, bytes);
  SocketAt(index).arrived.append(bytes);
  earned_ += bytes.size();
}

void SimPosix::Forget(int index, size_t count) {
  Socket& s = SocketAt(index);
  count = std::min(count, s.read);
  s.arrived.erase(0, count);
  s.read -= count;
}

// --- The heap.

bool SimPosix::AllocationFails(size_t size, size_t freed) {
  const size_t held = blocks_.bytes() + taken_bytes_ - freed;
  if (held > kFreeMemory || size > kFreeMemory - held) [[unlikely]] {
    const size_t most = kFreeMemory + kMemoryOfByte * earned_;
    if (held > most || size > most - held) {
      world_->OnGreed(size, held + std::min(size, SIZE_MAX - held), most);
    }
  }
  if (size <= kMostMemory && !Acts(&alloc_failure_, ToxicKind::kAllocFailure)) return false;
  log_.Add(world_->now_us(), ChaosLog::Who::kSystem, "malloc", static_cast<int64_t>(size), -ENOMEM);
  return true;
}

void* SimPosix::Allocate(size_t size, bool zeroed) {
  const ClientScope ours(this, false);
  if (AllocationFails(size)) {
    errno = ENOMEM;
    return nullptr;
  }
  void* block = zeroed ? std::calloc(1, size) : std::malloc(size);
  blocks_.Insert(block, size);
  return block;
}

void* SimPosix::Reallocate(void* old, size_t size) {
  const ClientScope ours(this, false);
  if (old == nullptr) return Allocate(size, false);
  // For a moment both may exist, but a growing buffer is not greedy for that.
  if (AllocationFails(size, blocks_.SizeOf(old))) {
    errno = ENOMEM;
    return nullptr;
  }
  blocks_.Erase(old);
  void* block = std::realloc(old, size);
  blocks_.Insert(block, size);
  return block;
}

void* SimPosix::AllocateOfLoop(size_t size, bool zeroed) {
  const ClientScope ours(this, false);
  void* block = zeroed ? std::calloc(1, size) : std::malloc(size);
  blocks_.Insert(block, size);
  return block;
}

void* SimPosix::ReallocateOfLoop(void* old, size_t size) {
  const ClientScope ours(this, false);
  if (old != nullptr) blocks_.Erase(old);
  void* block = std::realloc(old, size);
  blocks_.Insert(block, size);
  return block;
}

bool SimPosix::TakeBlock(size_t size) {
  if (AllocationFails(size)) return false;
  ++taken_blocks_;
  taken_bytes_ += size;
  return true;
}

void SimPosix::Free(void* block) {
  const ClientScope ours(this, false);
  if (block == nullptr) return;
  blocks_.Erase(block);
  std::free(block);  // the sanitizer reports blocks that are not the client's or were freed before
}

}  // namespace resprobe
