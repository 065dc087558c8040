#include "live/server/server_clock.h"

#include <sys/mman.h>
#include <unistd.h>

namespace resprobe::live {

std::unique_ptr<ServerClock> ServerClock::Make(int64_t now_ms) {
  std::unique_ptr<ServerClock> clock(new ServerClock);
  clock->fd_ = UniqueFd(memfd_create("resprobe-server-clock", MFD_CLOEXEC));
  constexpr size_t kSize = sizeof(*clock->now_us_);
  if (!clock->fd_.valid() || ftruncate(clock->fd_.get(), kSize) != 0) return nullptr;
  void* const page = mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED, clock->fd_.get(), 0);
  if (page == MAP_FAILED) return nullptr;
  clock->now_us_ = static_cast<volatile int64_t*>(page);
  clock->Set(now_ms);
  clock->environment_ = {"LD_PRELOAD=" RESPROBE_CLOCK_LIBRARY,
                         "RESPROBE_SERVER_CLOCK=/proc/" + std::to_string(getpid()) + "/fd/" +
                             std::to_string(clock->fd_.get())};
  return clock;
}

ServerClock::~ServerClock() {
  if (now_us_ != nullptr) munmap(const_cast<int64_t*>(now_us_), sizeof(*now_us_));
}

}  // namespace resprobe::live
