#include "live/proxy/toxic_loop.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

namespace resprobe::live {

ToxicLoop::ToxicLoop() : wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  Watch(wake_.get(), [this] {
    DoCalls();
    return true;
  });
}

void ToxicLoop::Remove(ToxicGate* gate) { std::erase(gates_, gate); }

void ToxicLoop::Watch(int fd, std::function<bool()> on_readable) {
  watched_.push_back({fd, std::move(on_readable)});
}

bool ToxicLoop::Run(std::string* error) {
  bool well = true;
  for (bool going = true; going;) {
    polled_.clear();
    for (const Watched& one : watched_) polled_.push_back({one.fd, POLLIN, 0});
    int64_t wake = ToxicStream::Step::kNever;
    for (const ToxicGate* gate : gates_) {
      gate->AddEvents(&polled_);
      wake = std::min(wake, gate->ready() ? 0 : gate->wake_us());
    }
    const int64_t left = std::max<int64_t>(wake - SteadyUs(), 0);
    const timespec timeout = {.tv_sec = left / 1'000'000, .tv_nsec = left % 1'000'000 * 1000};
    const bool for_ever = wake == ToxicStream::Step::kNever;
    if (ppoll(polled_.data(), polled_.size(), for_ever ? nullptr : &timeout, nullptr) < 0) {
      if (errno == EINTR) continue;
      *error = std::string("poll failed: ") + std::strerror(errno);
      well = false;
      break;
    }
    // The gates first: the poll results are in the order in which the gates were added.
    size_t at = watched_.size();
    for (ToxicGate* gate : gates_) {
      const size_t count = 1 + 2 * gate->open_connections();
      gate->Serve(polled_.data() + at);
      at += count;
    }
    for (size_t i = 0; i < watched_.size() && going; ++i) {
      if (polled_[i].revents != 0) going = watched_[i].on_readable();
    }
  }
  const std::lock_guard lock(mutex_);
  ended_ = true;
  calls_.clear();
  called_.notify_all();
  return well;
}

bool ToxicLoop::Call(const std::function<void()>& work) {
  std::unique_lock lock(mutex_);
  if (ended_) return false;
  calls_.push_back(&work);
  const uint64_t ticket = ++asked_;
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_.get(), &one, sizeof(one));
  called_.wait(lock, [&] { return done_ >= ticket || ended_; });
  return done_ >= ticket;
}

void ToxicLoop::DoCalls() {
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t size = read(wake_.get(), &count, sizeof(count));
  const std::lock_guard lock(mutex_);
  for (const std::function<void()>* work : calls_) {
    (*work)();
    ++done_;
  }
  calls_.clear();
  called_.notify_all();
}

}  // namespace resprobe::live
