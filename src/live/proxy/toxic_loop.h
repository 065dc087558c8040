#ifndef RESPROBE_LIVE_PROXY_TOXIC_LOOP_H_
#define RESPROBE_LIVE_PROXY_TOXIC_LOOP_H_

#include <poll.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "live/net/unique_fd.h"
#include "live/proxy/toxic_gate.h"

namespace resprobe::live {

// Serves gates in one thread. The caller owns the gates, and adds and removes them on that thread.
class ToxicLoop {
 public:
  ToxicLoop();

  void Add(ToxicGate* gate) { gates_.push_back(gate); }
  void Remove(ToxicGate* gate);
  // Calls `on_readable` whenever the descriptor is readable; if it returns false, Run() ends.
  void Watch(int fd, std::function<bool()> on_readable);

  // Serves until a watch ends it. False with one line in `error` after a system error.
  bool Run(std::string* error);
  // Called from another thread: runs `work` on the loop's thread, and waits for it. False, without
  // running it, if Run() has returned.
  bool Call(const std::function<void()>& work);

 private:
  struct Watched {
    int fd;
    std::function<bool()> on_readable;
  };

  void DoCalls();

  std::vector<ToxicGate*> gates_;
  std::vector<Watched> watched_;
  std::vector<pollfd> polled_;

  std::mutex mutex_;
  std::condition_variable called_;
  std::vector<const std::function<void()>*> calls_;  // not yet run
  uint64_t asked_ = 0;
  uint64_t done_ = 0;
  bool ended_ = false;
  UniqueFd wake_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_PROXY_TOXIC_LOOP_H_
