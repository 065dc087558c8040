#ifndef RESPROBE_LIVE_NET_INTERRUPT_FD_H_
#define RESPROBE_LIVE_NET_INTERRUPT_FD_H_

#include <signal.h>

#include "live/net/unique_fd.h"

namespace resprobe::live {

// SIGINT and SIGTERM as data: from its making on, a descriptor becomes readable in their place, so
// that none can cut work short and one that comes early is not lost.
class InterruptFd {
 public:
  InterruptFd();

  bool valid() const { return fd_.valid(); }
  int get() const { return fd_.get(); }
  // Takes the signal that has come, and gives the signals back their effect. False if none can be
  // read.
  bool Finish();

 private:
  sigset_t before_;
  UniqueFd fd_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_NET_INTERRUPT_FD_H_
