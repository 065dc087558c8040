#ifndef RESPROBE_WORLDS_IO_CHAOS_HIREDIS_ADAPTERS_H_
#define RESPROBE_WORLDS_IO_CHAOS_HIREDIS_ADAPTERS_H_

// hiredis with the adapters that come with it, on the real event loops: libevent, libuv, and none
// (adapters/poll.h). The loops run on the simulation: its epoll, its clock (driver/libc_shim.h).
// The adapters are of the hiredis that is compiled in; an adapter that it does not have, or whose
// library this build does not have, is left out (RESPROBE_LIBEVENT_VERSION,
// RESPROBE_LIBUV_VERSION).

#include "worlds/io_chaos/hiredis_client.h"

#ifdef RESPROBE_LIBEVENT_VERSION
#include <hiredis/adapters/libevent.h>
#endif
#ifdef RESPROBE_LIBUV_VERSION
#include <hiredis/adapters/libuv.h>
#endif
#if __has_include(<hiredis/adapters/poll.h>)
#define RESPROBE_HIREDIS_HAS_POLL
#include <hiredis/adapters/poll.h>
#endif

#include <memory>
#include <utility>
#include <vector>

namespace resprobe {

// The allocator of an event loop: tracked as the client's memory, but it never fails.
struct LoopHeap {
  static void* Malloc(size_t size) { return SimPosix::current()->AllocateOfLoop(size, false); }
  static void* Calloc(size_t count, size_t size) {
    return SimPosix::current()->AllocateOfLoop(count * size, true);
  }
  static void* Realloc(void* old, size_t size) {
    return SimPosix::current()->ReallocateOfLoop(old, size);
  }
  static void Free(void* block) {
    // libuv frees again when the process ends.
    if (SimPosix::current() != nullptr) SimPosix::current()->Free(block);
  }
};

#ifdef RESPROBE_LIBEVENT_VERSION
struct LibeventAdapter {
  using Events = redisLibeventEvents;
  static constexpr bool kTimerRepeats = true;  // it adds events with EV_PERSIST and a timeout

  static void Prepare() {
    event_set_mem_functions(LoopHeap::Malloc, LoopHeap::Realloc, LoopHeap::Free);
  }
  void Open() { base_ = event_base_new(); }
  void Close() { event_base_free(std::exchange(base_, nullptr)); }
  bool Attach(redisAsyncContext* context) {
    return redisLibeventAttach(context, base_) == REDIS_OK;
  }
  void Now() {}
  void Turn(redisAsyncContext*) { event_base_loop(base_, EVLOOP_ONCE | EVLOOP_NONBLOCK); }

 private:
  event_base* base_ = nullptr;
};
#endif

#ifdef RESPROBE_LIBUV_VERSION
struct LibuvAdapter {
  using Events = redisLibuvEvents;
  static constexpr bool kTimerRepeats = false;

  // What the process has once, a pipe among it, is made outside the simulation.
  static void Prepare() {
    uv_loop_t first;
    uv_loop_init(&first);
    uv_loop_close(&first);
    uv_replace_allocator(LoopHeap::Malloc, LoopHeap::Realloc, LoopHeap::Calloc, LoopHeap::Free);
  }
  void Open() { uv_loop_init(&loop_); }
  void Close() {
    uv_run(&loop_, UV_RUN_NOWAIT);  // the callbacks of what was closed
    uv_loop_close(&loop_);
  }
  bool Attach(redisAsyncContext* context) { return redisLibuvAttach(context, &loop_) == REDIS_OK; }
  // A timer that is set between two turns counts from now, as if it were set in a callback.
  void Now() { uv_update_time(&loop_); }
  void Turn(redisAsyncContext*) { uv_run(&loop_, UV_RUN_NOWAIT); }

 private:
  uv_loop_t loop_;
};
#endif

#ifdef RESPROBE_HIREDIS_HAS_POLL
struct PollAdapter {
  using Events = redisPollEvents;
  static constexpr bool kTimerRepeats = false;

  static void Prepare() {}
  void Open() {}
  void Close() {}
  bool Attach(redisAsyncContext* context) { return redisPollAttach(context) == REDIS_OK; }
  void Now() {}
  void Turn(redisAsyncContext* context) { redisPollTick(context, 0); }
};
#endif

// The event loop of a program: opened by the first of its clients in a run, closed after the last.
template <class Adapter, class Client>
class ProgramLoop {
 public:
  ProgramLoop() {
    // Once in a process: from then on, libuv's memory is the simulation's.
    [[maybe_unused]] static const bool prepared = (Adapter::Prepare(), true);
  }

  bool Attach(Client* client, redisAsyncContext* context) {
    if (clients_.empty()) adapter_.Open();
    clients_.push_back(client);
    adapter_.Now();
    if (!adapter_.Attach(context)) return false;
    // It may be called back, and end, in the turn in which it has begun.
    if (turning_) {
      client->BeginTurn();
      called_.push_back(client);
    }
    return true;
  }
  void Leave(Client* client) {
    std::erase(clients_, client);
    if (clients_.empty() && !turning_) adapter_.Close();
  }
  void Now() {
    if (!turning_) adapter_.Now();
  }
  // Any of the clients may be called back, and end.
  void Turn(redisAsyncContext* context) {
    if (turning_) return;  // a loop does not turn inside its own callbacks
    turning_ = true;
    called_ = clients_;
    for (Client* client : called_) client->BeginTurn();
    adapter_.Turn(context);
    // A client that has ended may be followed by another one, which joins them.
    for (size_t i = 0; i < called_.size(); ++i) called_[i]->EndTurn();
    turning_ = false;
    if (clients_.empty()) adapter_.Close();
  }
  // The simulation has taken back everything.
  void Drop() {
    clients_.clear();
    turning_ = false;
  }

 private:
  Adapter adapter_;
  std::vector<Client*> clients_;
  std::vector<Client*> called_;
  bool turning_ = false;
};

// The hooks that hiredis calls are the adapter's; this class notes what hiredis asks for, and hands
// it on.
template <class Adapter>
class HiredisAdapted : public HiredisAsync {
 public:
  using Loop = ProgramLoop<Adapter, HiredisAdapted>;

  explicit HiredisAdapted(std::shared_ptr<Loop> loop) : loop_(std::move(loop)) {}

  void Start(SimPosix* system, IoClientOwner* owner) override {
    if (ac_ != nullptr) loop_->Drop();
    HiredisAsync::Start(system, owner);
  }
  bool has_loop() const override { return true; }
  bool Command(uint64_t number, IoAnswer answer, std::span<const std::string_view> args) override {
    if (ac_ != nullptr) {
      const ClientScope inside = Inside();
      loop_->Now();
    }
    return HiredisAsync::Command(number, answer, args);
  }
  void Turn(bool readable, bool writable) override {
    if (ac_ == nullptr || cleaned_ || depth_ > 0) return;
    const ClientScope inside = Inside();
    system_->Pretend(descriptor(), readable, writable);
    loop_->Turn(ac_);
    system_->Pretend(-1, false, false);
  }

  // For the loop.
  void BeginTurn() {
    BeginCall();
    due_us_ = timer_ ? timer_us_ : SimPosix::kNever;
  }
  void EndTurn() {
    if (timer_ && timer_us_ == due_us_ && due_us_ <= system_->now_us()) {
      // It has fired, or does within the millisecond that loops count in, and was not set again.
      timer_ = Adapter::kTimerRepeats;
      timer_us_ = system_->now_us() + period_us_;
    }
    EndCall();
  }

 protected:
  bool Attach() override {
    if (!loop_->Attach(this, ac_)) {
      if (options_.spares_failed_attach) ac_->ev = {};
      loop_->Leave(this);
      return false;
    }
    hooks_ = ac_->ev;
    ac_->ev.addRead = [](void* data) {
      Of(data)->reading_ = true;
      Of(data)->hooks_.addRead(data);
    };
    ac_->ev.delRead = [](void* data) {
      Of(data)->reading_ = false;
      Of(data)->hooks_.delRead(data);
    };
    ac_->ev.addWrite = [](void* data) {
      Of(data)->writing_ = true;
      Of(data)->hooks_.addWrite(data);
    };
    ac_->ev.delWrite = [](void* data) {
      Of(data)->writing_ = false;
      Of(data)->hooks_.delWrite(data);
    };
    ac_->ev.cleanup = [](void* data) {
      HiredisAdapted* const self = Of(data);
      self->CleanedUp();
      self->hooks_.cleanup(data);
    };
#if HIREDIS_MAJOR >= 1
    if (hooks_.scheduleTimer != nullptr) {
      ac_->ev.scheduleTimer = [](void* data, timeval time) {
        Of(data)->Schedule(time);
        Of(data)->hooks_.scheduleTimer(data, time);
      };
    }
#endif
    return true;
  }
  void Gone() override {
    const ClientScope inside = Inside();
    loop_->Leave(this);
  }

 private:
  static HiredisAdapted* Of(void* data) {
    return static_cast<HiredisAdapted*>(
        Self(static_cast<typename Adapter::Events*>(data)->context));
  }

  std::shared_ptr<Loop> loop_;
  decltype(redisAsyncContext::ev) hooks_{};
  int64_t due_us_ = 0;  // when the turn began
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_IO_CHAOS_HIREDIS_ADAPTERS_H_
