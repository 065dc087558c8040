#ifndef RESPROBE_WORLDS_IO_CHAOS_HIREDIS_CLIENT_H_
#define RESPROBE_WORLDS_IO_CHAOS_HIREDIS_CLIENT_H_

// hiredis as clients under test, from 0.13 on; its headers give the version at compile time. All of
// its I/O from connect() on goes through the libc shim (driver/libc_shim.h); with `functions`,
// reading and writing go through our own redisContextFuncs (1.0 and later).

// Include this before hiredis.h, which includes it in some versions without the extern "C" that it
// needs.
extern "C" {
#include <hiredis/sds.h>
}

#include <hiredis/async.h>
#include <hiredis/hiredis.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "worlds/io_chaos/io_client.h"
#include "worlds/resp/hiredis_compare.h"

namespace resprobe {

class HiredisReply : public IoReply {
 public:
  HiredisReply(const redisReply* reply, HiredisComparer* comparer)
      : reply_(reply), comparer_(comparer) {}
  bool Same(const resp::Reply& value) const override { return comparer_->Same(value, reply_); }
  std::string Text() const override { return DescribeHiredis(reply_); }

 private:
  const redisReply* reply_;
  HiredisComparer* comparer_;
};

// The common part of both clients.
class HiredisClient : public IoClient {
 public:
  void Start(SimPosix* system, IoClientOwner* owner) override {
    system_ = system;
    owner_ = owner;
    Forget();
  }

 protected:
  static constexpr const char* kPath = "/resprobe";
  static constexpr int kMostArgs = 16;

  // Scopes in which the client's code runs, or ours, in a callback.
  ClientScope Inside() { return ClientScope(system_, true); }
  ClientScope Ours() { return ClientScope(system_, false); }

  virtual void Forget() = 0;

  static timeval ToTimeval(int64_t ms) {
    timeval time = {};
    time.tv_sec = static_cast<decltype(time.tv_sec)>(ms / 1000);
    time.tv_usec = static_cast<decltype(time.tv_usec)>(ms % 1000 * 1000);
    return time;
  }
  static int SocketOf(const redisContext& context) {
    return SimPosix::IsFake(context.fd) ? context.fd - SimPosix::kFirstFd : -1;
  }
  static IoError ErrorOf(int err) {
    switch (err) {
      case 0:
        return IoError::kNone;
      case REDIS_ERR_IO:
        return IoError::kSystem;
      case REDIS_ERR_EOF:
        return IoError::kEnd;
      case REDIS_ERR_PROTOCOL:
        return IoError::kProtocol;
      case REDIS_ERR_OOM:
        return IoError::kMemory;
#ifdef REDIS_ERR_TIMEOUT
      case REDIS_ERR_TIMEOUT:
        return IoError::kTimeout;
#endif
      default:
        return IoError::kOther;
    }
  }
  int Split(std::span<const std::string_view> args) {
    int count = 0;
    for (const std::string_view arg : args) {
      if (count == kMostArgs) break;
      words_[static_cast<size_t>(count)] = arg.data();
      lengths_[static_cast<size_t>(count)] = arg.size();
      ++count;
    }
    return count;
  }

#if HIREDIS_MAJOR >= 1
  // The contract of redisContextFuncs: bytes moved; 0 to try again; -1 with the error set.
  static ssize_t Moved(redisContext* c, int64_t result) {
    if (result > 0) return static_cast<ssize_t>(result);
    const int error = static_cast<int>(-result);
    if (error == EINTR || (error == EAGAIN && (c->flags & REDIS_BLOCK) == 0)) return 0;
    c->err = error == 0 ? REDIS_ERR_EOF : REDIS_ERR_IO;
    const char* const text = error == 0 ? "the peer has closed" : "a call to the system failed";
    std::memcpy(c->errstr, text, std::strlen(text) + 1);
    return -1;
  }
  static ssize_t ReadOwn(redisContext* c, char* to, size_t size) {
    return Moved(c, SimPosix::current()->Read(SocketOf(*c), to, size));
  }
  static ssize_t WriteOwn(redisContext* c) {
    const int64_t result = SimPosix::current()->Write(SocketOf(*c), c->obuf, sdslen(c->obuf), true);
    return result == 0 ? 0 : Moved(c, result);
  }
  void UseOwnFunctions(redisContext* c) {
    functions_ = *c->funcs;
    functions_.read = ReadOwn;
    functions_.write = WriteOwn;
    c->funcs = &functions_;
  }
  redisContextFuncs functions_ = {};
#endif

  SimPosix* system_ = nullptr;
  IoClientOwner* owner_ = nullptr;
  HiredisComparer comparer_;
  std::array<const char*, kMostArgs> words_{};
  std::array<size_t, kMostArgs> lengths_{};
};

// redisAsyncContext, with a passive event adapter: it records what hiredis waits for, and the world
// decides what happens.
//
// hiredis frees a context by itself in many places; this class does not access the context after
// its cleanup hook was called, except inside the callbacks that follow.
class HiredisAsync : public HiredisClient {
 public:
  bool Connect(const IoClientOptions& options) override {
    Forget();
    options_ = options;
    const Call call(this);
#if HIREDIS_MAJOR >= 1
    redisOptions ropts = {};
    REDIS_OPTIONS_SET_UNIX(&ropts, kPath);
    const timeval connect = ToTimeval(options.connect_timeout_ms);
    const timeval command = ToTimeval(options.command_timeout_ms);
    if (options.connect_timeout_ms > 0) ropts.connect_timeout = &connect;
    if (options.command_timeout_ms > 0) ropts.command_timeout = &command;
    if (options.push_handler) ropts.async_push_cb = PushCallback;
    ac_ = redisAsyncConnectWithOptions(&ropts);
#else
    ac_ = redisAsyncConnectUnix(kPath);
#endif
    if (ac_ == nullptr) return false;
    if (ac_->err != 0) {
      error_ = ErrorOf(ac_->err);
      redisAsyncFree(ac_);
      ac_ = nullptr;
      return false;
    }
    ac_->data = this;
    if (!Attach()) {
      redisAsyncFree(ac_);
      ac_ = nullptr;
      return false;
    }
#if HIREDIS_MAJOR >= 1
    if (options.functions) UseOwnFunctions(&ac_->c);

    ac_->c.reader->maxelements = options.unlimited ? 0 : kMostElements;
#endif
    redisAsyncSetConnectCallback(ac_, ConnectCallback);
    redisAsyncSetDisconnectCallback(ac_, DisconnectCallback);
    return true;
  }

  bool Command(uint64_t number, IoAnswer, std::span<const std::string_view> args) override {
    if (!usable()) return false;
    const Call call(this);
    const int count = Split(args);
    // NOLINTNEXTLINE(performance-no-int-to-ptr): hiredis only hands the pointer back.
    return redisAsyncCommandArgv(ac_, ReplyCallback, reinterpret_cast<void*>(number), count,
                                 words_.data(), lengths_.data()) == REDIS_OK;
  }
  void Disconnect() override {
    if (!usable()) return;
    const Call call(this);
    redisAsyncDisconnect(ac_);
  }
  void Free() override {
    if (!usable()) return;
    const Call call(this);
    redisAsyncFree(ac_);
  }

  bool exists() const override { return ac_ != nullptr; }
  int descriptor() const override {
    // A context that was cleaned up may be freed already, though the call that did it goes on.
    if (ac_ == nullptr) return -1;
    return cleaned_ ? last_socket_ : SocketOf(ac_->c);
  }
  bool wants(Event event) const override {
    if (ac_ == nullptr || cleaned_) return false;
    switch (event) {
      case Event::kReadable:
        return reading_;
      case Event::kWritable:
        return writing_;
      case Event::kTimeout:
        return timer_;
    }
    return false;
  }
  void Fire(Event event) override {
    if (ac_ == nullptr || cleaned_ || depth_ > 0) return;
    const Call call(this);
    switch (event) {
      case Event::kReadable:
        redisAsyncHandleRead(ac_);
        break;
      case Event::kWritable:
        redisAsyncHandleWrite(ac_);
        break;
      case Event::kTimeout:
        timer_ = false;
#if HIREDIS_MAJOR >= 1
        redisAsyncHandleTimeout(ac_);
#endif
        break;
    }
  }
  int64_t timer_us() const override { return timer_us_; }
  IoError error() const override { return error_; }

  static constexpr long long kMostElements = 1024;

 protected:
  // A call into hiredis. When the outermost call ends, a context that was cleaned up no longer
  // exists.
  class Call {
   public:
    explicit Call(HiredisAsync* client) : client_(client), scope_(client->system_, true) {
      client_->BeginCall();
    }
    ~Call() { client_->EndCall(); }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

   private:
    HiredisAsync* client_;
    ClientScope scope_;
  };

  // Gives hiredis the hooks of an event loop. False: it has failed, and the context is freed.
  virtual bool Attach() {
    ac_->ev.data = this;
    ac_->ev.addRead = [](void* self) { Self(self)->reading_ = true; };
    ac_->ev.delRead = [](void* self) { Self(self)->reading_ = false; };
    ac_->ev.addWrite = [](void* self) { Self(self)->writing_ = true; };
    ac_->ev.delWrite = [](void* self) { Self(self)->writing_ = false; };
    ac_->ev.cleanup = [](void* self) { Self(self)->CleanedUp(); };
#if HIREDIS_MAJOR >= 1
    ac_->ev.scheduleTimer = [](void* self, timeval time) { Self(self)->Schedule(time); };
#endif
    return true;
  }
  // The context is freed, and no call into hiredis is left.
  virtual void Gone() {}
  void BeginCall() { ++depth_; }
  void EndCall() {
    if (--depth_ > 0 || !cleaned_) return;
    ac_ = nullptr;
    cleaned_ = false;
    const ClientScope ours(system_, false);
    owner_->OnGone(*this);
    Gone();
  }

  static HiredisAsync* Self(void* self) { return static_cast<HiredisAsync*>(self); }
  static HiredisAsync* Self(const redisAsyncContext* ac) { return Self(ac->data); }

  static void ConnectCallback(const redisAsyncContext* ac, int status) {
    HiredisAsync* const self = Self(ac);
    const ClientScope ours = self->Ours();
    self->NoteError(ac);
    self->owner_->OnConnect(*self, status == REDIS_OK);
  }
  static void DisconnectCallback(const redisAsyncContext* ac, int status) {
    HiredisAsync* const self = Self(ac);
    const ClientScope ours = self->Ours();
    self->NoteError(ac);
    self->disconnecting_ = true;
    self->owner_->OnDisconnect(*self, status == REDIS_OK);
    self->disconnecting_ = false;
  }
  static void ReplyCallback(redisAsyncContext* ac, void* reply, void* number) {
    HiredisAsync* const self = Self(ac);
    const ClientScope ours = self->Ours();
    if (reply == nullptr) {
      self->NoteError(ac);
      self->owner_->OnReply(*self, reinterpret_cast<uint64_t>(number), nullptr);
      return;
    }
    const HiredisReply seen(static_cast<const redisReply*>(reply), &self->comparer_);
    self->owner_->OnReply(*self, reinterpret_cast<uint64_t>(number), &seen);
  }
#if HIREDIS_MAJOR >= 1
  static void PushCallback(redisAsyncContext* ac, void* reply) {
    HiredisAsync* const self = Self(ac);
    const ClientScope ours = self->Ours();
    self->owner_->OnPush(*self,
                         HiredisReply(static_cast<const redisReply*>(reply), &self->comparer_));
  }
  void Schedule(timeval time) {
    if (time.tv_sec == 0 && time.tv_usec == 0) return;
    timer_ = true;
    period_us_ = int64_t{time.tv_sec} * 1'000'000 + time.tv_usec;
    timer_us_ = system_->now_us() + period_us_;
  }
#endif

  void NoteError(const redisAsyncContext* ac) { error_ = ErrorOf(ac->c.err); }
  void CleanedUp() {
    cleaned_ = true;
    last_socket_ = SocketOf(ac_->c);
    reading_ = writing_ = timer_ = false;
  }
  bool usable() const { return ac_ != nullptr && (!cleaned_ || disconnecting_); }
  void Forget() override {
    ac_ = nullptr;
    depth_ = 0;
    cleaned_ = disconnecting_ = reading_ = writing_ = timer_ = false;
    timer_us_ = period_us_ = 0;
    error_ = IoError::kNone;
  }

  redisAsyncContext* ac_ = nullptr;
  IoClientOptions options_;
  int depth_ = 0;               // calls into hiredis that have not returned
  bool cleaned_ = false;        // hiredis frees the context before the outermost call returns
  int last_socket_ = -1;        // of a context that was cleaned up
  bool disconnecting_ = false;  // inside the disconnect callback
  bool reading_ = false;
  bool writing_ = false;
  bool timer_ = false;
  int64_t timer_us_ = 0;
  int64_t period_us_ = 0;
  IoError error_ = IoError::kNone;
};

// redisContext: commands are appended; Fire(kReadable) is redisGetReply(), which sends them all and
// waits. A context that has failed can only be freed (or reconnected with redisReconnect()).
class HiredisSync : public HiredisClient {
 public:
  bool Connect(const IoClientOptions& options) override {
    Forget();
    {
      const ClientScope inside = Inside();
#if HIREDIS_MAJOR >= 1
      redisOptions ropts = {};
      REDIS_OPTIONS_SET_UNIX(&ropts, kPath);
      const timeval connect = ToTimeval(options.connect_timeout_ms);
      const timeval command = ToTimeval(options.command_timeout_ms);
      if (options.connect_timeout_ms > 0) ropts.connect_timeout = &connect;
      if (options.command_timeout_ms > 0) ropts.command_timeout = &command;
      if (options.push_handler) ropts.push_cb = PushCallback;
      if (options.pushes_as_replies) ropts.options |= REDIS_OPT_NO_PUSH_AUTOFREE;
      ropts.privdata = this;
      context_ = redisConnectWithOptions(&ropts);
#else
      context_ = options.connect_timeout_ms > 0
                     ? redisConnectUnixWithTimeout(kPath, ToTimeval(options.connect_timeout_ms))
                     : redisConnectUnix(kPath);
      if (context_ != nullptr && context_->err == 0 && options.command_timeout_ms > 0) {
        redisSetTimeout(context_, ToTimeval(options.command_timeout_ms));
      }
#endif
    }
    if (context_ == nullptr) return false;
    error_ = ErrorOf(context_->err);
    if (error_ != IoError::kNone) {
      Release();
      return false;
    }
#if HIREDIS_MAJOR >= 1
    if (options.functions) UseOwnFunctions(context_);
    context_->reader->maxelements = options.unlimited ? 0 : HiredisAsync::kMostElements;
#endif
    owner_->OnConnect(*this, true);
    return true;
  }

  bool Command(uint64_t number, IoAnswer answer, std::span<const std::string_view> args) override {
    if (context_ == nullptr || freeing_ || context_->err != 0) return false;
    {
      const ClientScope inside = Inside();
      const int count = Split(args);
      if (redisAppendCommandArgv(context_, count, words_.data(), lengths_.data()) != REDIS_OK) {
        return false;
      }
    }
    if (next_ == pending_.size()) {
      pending_.clear();
      next_ = 0;
    }
    if (answer != IoAnswer::kNone) pending_.push_back(number);
    return true;
  }
  void Disconnect() override { Free(); }
  void Free() override {
    if (context_ == nullptr || freeing_) return;
    freeing_ = true;
    if (fetching_) return;  // called from its own callback: done when that returns
    Finish();
  }

  bool exists() const override { return context_ != nullptr; }
  int descriptor() const override { return context_ == nullptr ? -1 : SocketOf(*context_); }
  bool wants(Event event) const override {
    return event == Event::kReadable && context_ != nullptr && next_ < pending_.size();
  }
  void Fire(Event event) override {
    if (event != Event::kReadable || context_ == nullptr || fetching_) return;
    void* reply = nullptr;
    int status = REDIS_OK;
    fetching_ = true;
    {
      const ClientScope inside = Inside();
      status = redisGetReply(context_, &reply);
    }
    if (status == REDIS_OK && reply != nullptr) {
      const auto* const value = static_cast<const redisReply*>(reply);
      const HiredisReply seen(value, &comparer_);
      if (IsOnlyPush(*value)) {
        owner_->OnPush(*this, seen);
      } else if (next_ < pending_.size()) {
        owner_->OnReply(*this, pending_[next_++], &seen);
      }
      const ClientScope inside = Inside();
      freeReplyObject(reply);
    }
    fetching_ = false;
    if (status != REDIS_OK) {
      error_ = ErrorOf(context_->err);
      freeing_ = true;
    }
    if (freeing_) Finish();
  }
  bool blocking() const override { return true; }
  IoError error() const override { return error_; }

 private:
#if HIREDIS_MAJOR >= 1
  static void PushCallback(void* self, void* reply) {
    auto* const client = static_cast<HiredisSync*>(self);
    {
      const ClientScope ours = client->Ours();
      client->owner_->OnPush(
          *client, HiredisReply(static_cast<const redisReply*>(reply), &client->comparer_));
    }
    freeReplyObject(reply);
  }
#endif
  // True for a push that answers no command: all but the confirmations of subscriptions.
  static bool IsOnlyPush([[maybe_unused]] const redisReply& reply) {
#ifdef REDIS_REPLY_PUSH
    if (reply.type != REDIS_REPLY_PUSH) return false;
    if (reply.elements == 0 || reply.element[0]->str == nullptr) return true;
    return !std::string_view(reply.element[0]->str, reply.element[0]->len).ends_with("subscribe");
#else
    return false;
#endif
  }
  // Fails the pending commands; then reports the end.
  void Finish() {
    while (next_ < pending_.size()) owner_->OnReply(*this, pending_[next_++], nullptr);
    owner_->OnDisconnect(*this, error_ == IoError::kNone);
    Release();
    owner_->OnGone(*this);
  }
  void Release() {
    const ClientScope inside = Inside();
    redisFree(context_);
    context_ = nullptr;
  }
  void Forget() override {
    context_ = nullptr;
    pending_.clear();
    next_ = 0;
    fetching_ = freeing_ = false;
    error_ = IoError::kNone;
  }

  redisContext* context_ = nullptr;
  std::vector<uint64_t> pending_;
  size_t next_ = 0;
  bool fetching_ = false;
  bool freeing_ = false;
  IoError error_ = IoError::kNone;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_IO_CHAOS_HIREDIS_CLIENT_H_
