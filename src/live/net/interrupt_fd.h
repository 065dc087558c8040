#ifndef RESPROBE_LIVE_NET_INTERRUPT_FD_H_
#define RESPROBE_LIVE_NET_INTERRUPT_FD_H_

#include <signal.h>

#include "live/net/unique_fd.h"

namespace resprobe::live {

// SIGINT, SIGTERM and SIGHUP as data: while it exists, each makes a descriptor readable instead of
// interrupting. So a signal cannot cut work short, and an early one is not lost.
class InterruptFd {
 public:
  InterruptFd();

  bool valid() const { return fd_.valid(); }
  int get() const { return fd_.get(); }
  // Consumes the pending signal and restores the signals' normal effect. False if none is pending.
  bool Finish();

 private:
  sigset_t before_;
  UniqueFd fd_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_NET_INTERRUPT_FD_H_
