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

void PointerSet::Insert(void* pointer) {
  if ((size_ + 1) * 2 > slots_.size()) {
    std::vector<void*> old(slots_.size() * 2);
    old.swap(slots_);
    size_ = 0;
    for (void* each : old) {
      if (each != nullptr) Insert(each);
    }
  }
  size_t at = Home(pointer);
  while (slots_[at] != nullptr) at = (at + 1) & (slots_.size() - 1);
  slots_[at] = pointer;
  ++size_;
}

bool PointerSet::Erase(void* pointer) {
  const size_t mask = slots_.size() - 1;
  size_t at = Home(pointer);
  while (slots_[at] != pointer) {
    if (slots_[at] == nullptr) return false;
    at = (at + 1) & mask;
  }
  --size_;
  // Move up later entries of the probe sequence, so that no search ends too soon.
  for (size_t next = (at + 1) & mask; slots_[next] != nullptr; next = (next + 1) & mask) {
    const size_t home = Home(slots_[next]);
    if (((next - home) & mask) < ((next - at) & mask)) continue;
    slots_[at] = slots_[next];
    at = next;
  }
  slots_[at] = nullptr;
  return true;
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
  taken_blocks_ = 0;
  for (Socket& socket : sockets_) socket.state = Socket::State::kFree;
  wire_->Reset();
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
      s.state = Socket::State::kConnecting;
      world_->OnConnecting(index);
      if (s.nonblocking) return static_cast<int>(Log("connect", index, -EINPROGRESS));
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
  return Settled(index).state >= Socket::State::kConnected && wire_->Writable(index);
}

int SimPosix::Poll(int index, bool readable, bool writable, int64_t timeout_ms, bool* is_readable,
                   bool* is_writable) {
  const ClientScope ours(this, false);
  if (Acts(&eintr_, ToxicKind::kEintr)) return static_cast<int>(Log("poll", index, -EINTR));
  const auto look = [&] {
    *is_readable = readable && Readable(index);
    *is_writable = writable && Writable(index);
    return *is_readable || *is_writable;
  };
  if (!look() && timeout_ms != 0) {
    world_->Wait(index, readable, writable,
                 timeout_ms < 0 ? kNever : world_->now_us() + timeout_ms * 1000);
    look();
  }
  return static_cast<int>(Log("poll", index, *is_readable || *is_writable ? 1 : 0));
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

int64_t SimPosix::Write(int index, const char* from, size_t size) {
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
  return Log("write", index, result);
}

int SimPosix::Close(int index) {
  const ClientScope ours(this, false);
  Socket& s = SocketAt(index);
  if (s.state == Socket::State::kFree) return static_cast<int>(Log("close", index, -EBADF));
  Log("close", index, 0);
  world_->OnClosed(index);
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
}

void SimPosix::Forget(int index, size_t count) {
  Socket& s = SocketAt(index);
  count = std::min(count, s.read);
  s.arrived.erase(0, count);
  s.read -= count;
}

// --- The heap.

bool SimPosix::AllocationFails(size_t size) {
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
  blocks_.Insert(block);
  return block;
}

void* SimPosix::Reallocate(void* old, size_t size) {
  const ClientScope ours(this, false);
  if (old == nullptr) return Allocate(size, false);
  if (AllocationFails(size)) {
    errno = ENOMEM;
    return nullptr;
  }
  blocks_.Erase(old);
  void* block = std::realloc(old, size);
  blocks_.Insert(block);
  return block;
}

bool SimPosix::TakeBlock(size_t size) {
  if (AllocationFails(size)) return false;
  ++taken_blocks_;
  return true;
}

void SimPosix::Free(void* block) {
  const ClientScope ours(this, false);
  if (block == nullptr) return;
  blocks_.Erase(block);
  std::free(block);  // the sanitizer reports blocks that are not the client's or were freed before
}

}  // namespace resprobe
