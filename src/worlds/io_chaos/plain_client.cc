#include "worlds/io_chaos/plain_client.h"

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "core/resp/writer.h"

namespace resprobe {
namespace {

constexpr size_t kBlock = 64;  // bytes that a connection holds

class PlainReply : public IoReply {
 public:
  PlainReply(const resp::Reply& value, bool shortened) : value_(value), shortened_(shortened) {}
  bool Same(const resp::Reply& value) const override {
    const std::string_view text = value.root().text();
    if (shortened_ && text.size() > 64) return false;
    return Equal(value.root(), value_.root());
  }
  std::string Text() const override { return ToText(value_.root()); }

 private:
  const resp::Reply& value_;
  bool shortened_;
};

bool IsMessage(const resp::Reply& value) {
  const resp::ReplyView root = value.root();
  if (root.type() == resp::Type::kPush) return true;
  if (root.type() != resp::Type::kArray || root.size() < 3) return false;
  const std::string_view kind = root[0].text();
  return kind == "message" || kind == "pmessage" || kind.ends_with("subscribe");
}

}  // namespace

void PlainClient::Start(SimPosix* system, IoClientOwner* owner) {
  system_ = system;
  owner_ = owner;
  open_ = connected_ = ending_ = freeing_ = writing_ = timer_ = staying_ = false;
  depth_ = 0;
  in_advance_ = 0;
  socket_ = -1;
  error_ = IoError::kNone;
  output_.clear();
  input_.clear();
  pending_.clear();
  subscriptions_.clear();
  next_ = 0;
  parser_.Reset();
}

bool PlainClient::Connect(const IoClientOptions& options) {
  Start(system_, owner_);
  options_ = options;
  socket_ = system_->OpenSocket();
  if (socket_ < 0) return false;
  system_->SocketAt(socket_).nonblocking = true;
  if (!system_->TakeBlock(kBlock)) {
    system_->Close(socket_);
    socket_ = -1;
    return false;
  }
  if (system_->Connect(socket_) == -EAGAIN && fault_ == Fault::kGivesUp) {
    system_->GiveBlock(kBlock);
    system_->Close(socket_);
    error_ = IoError::kSystem;
    return false;
  }
  open_ = true;
  writing_ = true;
  if (options.connect_timeout_ms > 0) {
    timer_ = true;
    timer_us_ = system_->now_us() + options.connect_timeout_ms * 1000;
  }
  return true;
}

bool PlainClient::wants(Event event) const {
  if (!open_ || depth_ > 0) return false;
  switch (event) {
    case Event::kReadable:
      return connected_;
    case Event::kWritable:
      return writing_;
    case Event::kTimeout:
      return timer_;
  }
  return false;
}

bool PlainClient::Command(uint64_t number, IoAnswer answer,
                          std::span<const std::string_view> args) {
  if (!open_ || ending_ || freeing_ || error_ != IoError::kNone) return false;
  resp::AppendRequest(&output_, args);
  const bool stays = answer == IoAnswer::kMessages;
  if (answer != IoAnswer::kNone) {
    pending_.push_back({number, stays});
    if (stays) subscriptions_.push_back({number, {args.begin(), args.end()}});
  }
  staying_ |= stays;
  writing_ = true;
  if (options_.command_timeout_ms > 0 && connected_) {
    timer_ = true;
    timer_us_ = system_->now_us() + options_.command_timeout_ms * 1000;
  }
  return true;
}

void PlainClient::Fire(Event event) {
  if (!wants(event)) return;
  ++depth_;
  if (!connected_ && event != Event::kTimeout) {
    // The first event shows the result of connecting.
    const int result = system_->Connect(socket_);
    if (result == -EALREADY || result == -EINPROGRESS || result == -EAGAIN) {
      --depth_;
      return;
    }
    if (result == 0 || result == -EISCONN) {
      connected_ = true;
      if (fault_ != Fault::kOldTimer) timer_ = false;
      owner_->OnConnect(*this, true);
    } else {
      error_ = IoError::kSystem;
      owner_->OnConnect(*this, false);
      freeing_ = true;
    }
  }
  if (!freeing_) {
    switch (event) {
      case Event::kReadable:
        Readable();
        break;
      case Event::kWritable:
        Writable();
        break;
      case Event::kTimeout:
        timer_ = false;
        if (!connected_) {
          error_ = IoError::kTimeout;
          owner_->OnConnect(*this, false);
          freeing_ = true;
        } else if (next_ < pending_.size() && fault_ != Fault::kSleepsOn) {
          End(IoError::kTimeout);
        }
        break;
    }
  }
  --depth_;
  if (ending_ && next_ >= pending_.size() && output_.empty()) freeing_ = true;
  if (freeing_) Finish();
}

void PlainClient::Writable() {
  if (output_.empty()) {
    writing_ = false;
    return;
  }
  const int64_t result =
      system_->Write(socket_, output_.data(), output_.size(), fault_ != Fault::kRaisesSignals);
  if (result == -EAGAIN || result == -EINTR) return;
  if (result < 0) return End(IoError::kSystem);
  const auto count = static_cast<size_t>(result);
  const bool whole = count == output_.size();
  if (whole || fault_ != Fault::kSendsTwice) output_.erase(0, count);
  writing_ = !whole && fault_ != Fault::kForgetsToWrite;
}

void PlainClient::Readable() {
  const int64_t result = system_->Read(socket_, buffer_.data(), buffer_.size());
  if (result == -EAGAIN || result == -EINTR) return;
  if (result < 0) {
    const bool wrong = fault_ == Fault::kTakesResetForTheEnd && result == -ECONNRESET;
    return End(wrong ? IoError::kEnd : IoError::kSystem);
  }
  if (result == 0) return End(IoError::kEnd);
  input_.append(buffer_.data(), static_cast<size_t>(result));
  if (fault_ == Fault::kTakesInAdvance) TakeInAdvance();
  Take();
}

void PlainClient::TakeInAdvance() {
  if (in_advance_ > 0 || input_[0] != '*') return;
  uint32_t elements = 0;
  std::from_chars(input_.data() + 1, input_.data() + input_.size(), elements);
  const size_t bytes = elements * sizeof(void*);
  if (bytes > 0 && system_->TakeBlock(bytes)) in_advance_ = bytes;
}

void PlainClient::Take() {
  size_t at = 0;
  bool holding = false;
  while (at < input_.size() && (!freeing_ || fault_ == Fault::kAnswersAfterFree)) {
    const resp::ReplyParser::Result result = parser_.Parse(std::string_view(input_).substr(at));
    at += result.consumed;
    if (result.status == resp::ReplyParser::Status::kError) return End(IoError::kProtocol);
    if (result.status == resp::ReplyParser::Status::kNeedMore) {
      if (fault_ == Fault::kStopsAtSlices) parser_.Reset();
      break;
    }
    if (fault_ == Fault::kSwapsOwners && !IsMessage(parser_.reply()) &&
        pending_.size() - next_ > 1) {
      if (!holding) {
        parser_.Take(&held_);
        holding = true;
        continue;
      }
      HandOut(parser_.reply());
      holding = false;
      HandOut(held_);
    } else {
      HandOut(parser_.reply());
    }
    if (error_ != IoError::kNone) return;
  }
  if (holding) HandOut(held_);
  input_.clear();
  if (next_ == pending_.size() && !staying_) {
    pending_.clear();
    next_ = 0;
  }
}

void PlainClient::HandOut(const resp::Reply& value) {
  const PlainReply reply(value, fault_ == Fault::kShortensStrings);
  if (value.root().type() == resp::Type::kPush && !IsMessage(value)) {
    owner_->OnPush(*this, reply);
    return;
  }
  if (IsMessage(value)) {
    if (const Subscription* subscription = SubscriptionOf(value)) {
      owner_->OnReply(*this, subscription->number, &reply);
      return;
    }
    if (options_.push_handler) owner_->OnPush(*this, reply);
    return;
  }
  while (next_ < pending_.size() && pending_[next_].stays) ++next_;
  if (next_ == pending_.size()) {
    // A line of MONITOR, or an unsolicited reply.
    for (size_t i = pending_.size(); i-- > 0;) {
      if (!pending_[i].stays) continue;
      owner_->OnReply(*this, pending_[i].number, &reply);
      return;
    }
    return End(IoError::kProtocol);
  }
  if (options_.command_timeout_ms > 0) {
    timer_us_ = system_->now_us() + options_.command_timeout_ms * 1000;
  }
  owner_->OnReply(*this, pending_[next_++].number, &reply);
}

const PlainClient::Subscription* PlainClient::SubscriptionOf(const resp::Reply& value) const {
  if (subscriptions_.empty() || value.root().size() < 2) return nullptr;
  if (fault_ == Fault::kFirstSubscription) return subscriptions_.data();
  const std::string_view wanted =
      value.root()[0].text().starts_with('p') ? "PSUBSCRIBE" : "SUBSCRIBE";
  // The last one that names it, as in hiredis.
  const auto last =
      std::find_if(subscriptions_.rbegin(), subscriptions_.rend(), [&](const auto& subscription) {
        const std::vector<std::string>& names = subscription.names;
        return names[0] == wanted &&
               std::find(names.begin() + 1, names.end(), value.root()[1].text()) != names.end();
      });
  return last == subscriptions_.rend() ? nullptr : &*last;
}

void PlainClient::End(IoError error) {
  if (error_ == IoError::kNone) error_ = error;
  freeing_ = true;
}

void PlainClient::Disconnect() {
  if (!open_) return;
  ending_ = true;
  while (next_ < pending_.size() && pending_[next_].stays) ++next_;
  if (depth_ == 0 && next_ >= pending_.size()) Finish();
}

void PlainClient::Free() {
  if (!open_) return;
  freeing_ = true;
  if (depth_ == 0) Finish();
}

void PlainClient::Finish() {
  ++depth_;
  freeing_ = true;
  const bool forgets = fault_ == Fault::kForgetsAtTheEnd && error_ == IoError::kEnd;
  if (fault_ == Fault::kCancelsBackwards) {
    std::reverse(pending_.begin() + static_cast<ptrdiff_t>(std::min(next_, pending_.size())),
                 pending_.end());
  }
  for (size_t i = 0; i < pending_.size() && !forgets; ++i) {
    if (i < next_ && !pending_[i].stays) continue;
    owner_->OnReply(*this, pending_[i].number, nullptr);
  }
  const bool was_connected = connected_;
  const bool refused = !connected_ && error_ == IoError::kSystem;
  if (was_connected) {
    owner_->OnDisconnect(*this, error_ == IoError::kNone);
    if (fault_ == Fault::kSaysGoodbyeTwice) owner_->OnDisconnect(*this, true);
  }
  if (socket_ >= 0) system_->Close(socket_);
  if (!(refused && fault_ == Fault::kLeaksWhenRefused)) system_->GiveBlock(kBlock);
  if (in_advance_ > 0) system_->GiveBlock(in_advance_);
  in_advance_ = 0;
  socket_ = -1;
  open_ = false;
  --depth_;
  owner_->OnGone(*this);
}

}  // namespace resprobe
