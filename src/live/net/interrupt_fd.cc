#include "live/net/interrupt_fd.h"

#include <sys/signalfd.h>
#include <unistd.h>

namespace resprobe::live {

InterruptFd::InterruptFd() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, &before_);
  fd_.Reset(signalfd(-1, &signals, SFD_CLOEXEC));
}

bool InterruptFd::Finish() {
  signalfd_siginfo info;
  if (read(fd_.get(), &info, sizeof(info)) < 0) return false;
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  return true;
}

}  // namespace resprobe::live
