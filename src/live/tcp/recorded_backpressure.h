#ifndef RESPROBE_LIVE_TCP_RECORDED_BACKPRESSURE_H_
#define RESPROBE_LIVE_TCP_RECORDED_BACKPRESSURE_H_

#include <cstdint>
#include <vector>

#include "sim/sim_sockets.h"

namespace resprobe::live {

// SimSockets that replay the send-buffer space recorded from a kernel run (KernelSockets::writes(),
// writables()). If the results are then equal, the send buffer was the only difference.
class RecordedBackpressure : public SimSockets {
 public:
  void Tell(const std::vector<int64_t>& writes, const std::vector<int64_t>& writables) {
    writes_ = writes;
    writables_ = writables;
    write_ = writable_ = 0;
  }

  int64_t Write(int socket, const char* from, size_t size) override {
    told_ = write_ < writes_.size();
    if (told_) room_ = writes_[write_++] > 0 ? static_cast<size_t>(writes_[write_ - 1]) : 0;
    const int64_t result = SimSockets::Write(socket, from, size);
    told_ = false;
    return result;
  }
  bool Writable(int socket) override {
    if (writable_ == writables_.size()) return SimSockets::Writable(socket);
    return writables_[writable_++] != 0;
  }

 protected:
  size_t Room(int socket) override { return told_ ? room_ : SimSockets::Room(socket); }

 private:
  std::vector<int64_t> writes_;
  std::vector<int64_t> writables_;
  size_t write_ = 0;
  size_t writable_ = 0;
  bool told_ = false;
  size_t room_ = 0;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_TCP_RECORDED_BACKPRESSURE_H_
