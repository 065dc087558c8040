#include "worlds/io_chaos/caching_io_client.h"

#include <algorithm>
#include <cerrno>

namespace resprobe {
namespace {

constexpr size_t kReadAtOnce = 4096;

// A reply as the cache delivers it: text or null.
class CachedReply : public IoReply {
 public:
  CachedReply(std::string_view text, bool null, bool from_cache)
      : text_(text), null_(null), from_cache_(from_cache) {}
  bool Same(const resp::Reply& value) const override {
    const resp::ReplyView root = value.root();
    return null_ ? root.is_null() : !root.is_null() && root.text() == text_;
  }
  std::string Text() const override { return null_ ? "(nil)" : std::string(text_); }
  bool from_cache() const override { return from_cache_; }

 private:
  std::string_view text_;
  bool null_;
  bool from_cache_;
};

}  // namespace

void CachingIoClient::Start(SimPosix* system, IoClientOwner* owner) {
  system_ = system;
  owner_ = owner;
  open_ = connected_ = freeing_ = false;
  depth_ = 0;
  socket_ = -1;
  error_ = IoError::kNone;
  asked_.clear();
  cache_.Reset({});
}

bool CachingIoClient::Connect(const IoClientOptions&) {
  Start(system_, owner_);
  socket_ = system_->OpenSocket();
  if (socket_ < 0) return false;
  system_->SocketAt(socket_).nonblocking = true;
  system_->Connect(socket_);
  open_ = true;
  return true;
}

bool CachingIoClient::wants(Event event) const {
  if (!open_ || depth_ > 0) return false;
  switch (event) {
    case Event::kReadable:
      return connected_;
    case Event::kWritable:
      return !connected_ || !const_cast<cache::CachingClient&>(cache_).output().empty();
    case Event::kTimeout:
      return false;
  }
  return false;
}

bool CachingIoClient::Command(uint64_t number, IoAnswer, std::span<const std::string_view> args) {
  using State = cache::CachingClient::State;
  if (!connected_ || freeing_ || cache_.state() == State::kDown ||
      cache_.state() == State::kBroken) {
    return false;
  }
  if (args[0] == "GET") {
    const cache::CachingClient::Lookup found = cache_.Get(args[1], system_->now_us() / 1000);
    if (found.hit != nullptr) {
      const CachedReply reply(found.hit->value, found.hit->null, true);
      owner_->OnReply(*this, number, &reply);
    } else {
      asked_.push_back({found.request, number});
    }
    return true;
  }
  if (args[0] == "SET") {
    asked_.push_back({cache_.Write(args.subspan(1, 1), args), number});
    return true;
  }
  if (args[0] == "PING") {
    asked_.push_back({cache_.Ping(), number});
    return true;
  }
  return false;
}

void CachingIoClient::Fire(Event event) {
  if (!wants(event)) return;
  ++depth_;
  if (!connected_) {
    const int result = system_->Connect(socket_);
    if (result == 0 || result == -EISCONN) {
      connected_ = true;
      cache_.OnConnected();
      owner_->OnConnect(*this, true);
    } else if (result != -EALREADY && result != -EINPROGRESS && result != -EAGAIN) {
      error_ = IoError::kSystem;
      freeing_ = true;
      owner_->OnConnect(*this, false);
    }
  } else if (event == Event::kWritable) {
    std::string& output = cache_.output();
    const int64_t result = system_->Write(socket_, output.data(), output.size(), true);
    if (result > 0) output.erase(0, static_cast<size_t>(result));
    if (result < 0 && result != -EAGAIN && result != -EINTR) {
      error_ = IoError::kSystem;
      freeing_ = true;
    }
  } else {
    char buffer[kReadAtOnce];
    const int64_t result = system_->Read(socket_, buffer, sizeof(buffer));
    if (result > 0) {
      cache_.OnBytes({buffer, static_cast<size_t>(result)}, system_->now_us() / 1000);
      Deliver();
      if (cache_.state() == cache::CachingClient::State::kBroken) {
        error_ = IoError::kProtocol;
        freeing_ = true;
      }
    } else if (result != -EAGAIN && result != -EINTR) {
      error_ = result == 0 ? IoError::kEnd : IoError::kSystem;
      freeing_ = true;
    }
  }
  --depth_;
  if (freeing_) Finish();
}

void CachingIoClient::Deliver() {
  using Kind = cache::CachingClient::Completion::Kind;
  completions_.assign(cache_.completions().begin(), cache_.completions().end());
  cache_.TakeCompletions();
  for (const cache::CachingClient::Completion& done : completions_) {
    const auto asked = std::find_if(asked_.begin(), asked_.end(), [&](const Asked& each) {
      return each.request == done.request;
    });
    if (asked == asked_.end()) continue;
    const uint64_t number = asked->number;
    asked_.erase(asked);
    // For a write, only its completion is reported.
    const CachedReply reply(done.value, done.null, !done.is_read);
    owner_->OnReply(*this, number, done.kind == Kind::kLost || freeing_ ? nullptr : &reply);
  }
}

void CachingIoClient::Free() {
  if (!open_) return;
  freeing_ = true;
  if (depth_ == 0) Finish();
}

void CachingIoClient::Finish() {
  ++depth_;
  freeing_ = true;
  cache_.OnDisconnected();
  Deliver();
  if (connected_) owner_->OnDisconnect(*this, error_ == IoError::kNone);
  system_->Close(socket_);
  socket_ = -1;
  open_ = false;
  --depth_;
  owner_->OnGone(*this);
}

}  // namespace resprobe
