#include "sim/sim_epoll.h"

#include <algorithm>
#include <bit>
#include <cerrno>

namespace resprobe {

int SimEpoll::Open() {
  const int descriptor = std::countr_one(open_);
  if (static_cast<size_t>(descriptor) >= kMost) return -EMFILE;
  open_ |= uint32_t{1} << descriptor;
  return descriptor;
}

int SimEpoll::Close(int descriptor) {
  if (!IsOpen(descriptor)) return -EBADF;
  open_ &= ~(uint32_t{1} << descriptor);
  std::erase_if(watches_, [&](const Watch& watch) { return watch.loop == descriptor; });
  return 0;
}

size_t SimEpoll::open() const { return static_cast<size_t>(std::popcount(open_)); }

int SimEpoll::Control(int loop, Change change, const Watch& watch) {
  if (!IsOpen(loop)) return -EBADF;
  const auto at = std::find_if(watches_.begin(), watches_.end(), [&](const Watch& old) {
    return old.loop == loop && old.fd == watch.fd;
  });
  if (change == Change::kAdd) {
    if (at != watches_.end()) return -EEXIST;
    watches_.push_back(watch);
    return 0;
  }
  if (at == watches_.end()) return -ENOENT;
  if (change == Change::kDelete) {
    watches_.erase(at);
  } else {
    *at = watch;
  }
  return 0;
}

void SimEpoll::Forget(int socket) {
  std::erase_if(watches_, [&](const Watch& watch) { return watch.socket == socket; });
}

}  // namespace resprobe
