#ifndef RESPROBE_SIM_SIM_EPOLL_H_
#define RESPROBE_SIM_SIM_EPOLL_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace resprobe {

// The descriptors of an event loop in a program under test: epoll(7), and what a loop opens besides
// (an eventfd, a pipe for signals), on which nothing ever happens. Sockets are those of SimPosix,
// which says what is ready. Level-triggered; errors are negative errno values.
class SimEpoll {
 public:
  static constexpr size_t kMost = 16;  // descriptors
  // EPOLLIN, EPOLLOUT.
  static constexpr uint32_t kIn = 1;
  static constexpr uint32_t kOut = 4;
  enum class Change : uint8_t { kAdd, kDelete, kModify };

  struct Watch {
    int loop;    // a descriptor
    int fd;      // as the program names it
    int socket;  // an index of SimPosix; -1: another descriptor
    uint32_t events;
    uint64_t data;
  };
  struct Ready {
    uint32_t events;
    uint64_t data;
  };

  void Reset() {
    watches_.clear();
    open_ = 0;
  }

  // A new descriptor, from 0; -EMFILE.
  int Open();
  // 0 or -EBADF.
  int Close(int descriptor);
  size_t open() const;

  // epoll_ctl(2).
  int Control(int loop, Change change, const Watch& watch);
  // The watches of all loops, in the order in which they were added.
  const std::vector<Watch>& watches() const { return watches_; }
  // The socket was closed.
  void Forget(int socket);

 private:
  bool IsOpen(int descriptor) const {
    return descriptor >= 0 && static_cast<size_t>(descriptor) < kMost &&
           (open_ >> descriptor & 1) != 0;
  }

  std::vector<Watch> watches_;
  uint32_t open_ = 0;  // bit d: descriptor d
};

}  // namespace resprobe

#endif  // RESPROBE_SIM_SIM_EPOLL_H_
