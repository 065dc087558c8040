#ifndef RESPROBE_SANDBOX_BUS_CAPTURE_H_
#define RESPROBE_SANDBOX_BUS_CAPTURE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "core/cluster/bus_codec.h"
#include "sandbox/sandbox.h"

namespace resprobe::sandbox {

// A packet that has arrived whole.
struct BusArrival {
  size_t from;  // nodes, or Sandbox::kHost
  size_t to;
  uint64_t connection;
  bool to_dialler;
  int64_t at_us;
  std::string_view bytes;
};

// Cuts what arrives on the bus of a cluster into packets. It is the observer of its sandbox, which
// must outlive it.
class BusCapture {
 public:
  // `bus_port`: of all nodes; without `cluster-port` their port and 10000.
  BusCapture(Sandbox* sandbox, std::function<void(const BusArrival&)> see,
             uint16_t bus_port = 16379);
  ~BusCapture() { sandbox_->Observe(nullptr); }
  BusCapture(const BusCapture&) = delete;
  BusCapture& operator=(const BusCapture&) = delete;

  // Of the last stream that was no sequence of packets: what was wrong; empty if none was.
  const std::string& error() const { return error_; }

 private:
  void See(const SandboxArrival& arrival);

  Sandbox* const sandbox_;
  const std::function<void(const BusArrival&)> see_;
  const uint16_t bus_port_;
  // By connection and side.
  std::map<std::pair<uint64_t, bool>, cluster::PacketSplitter> streams_;
  std::string error_;
};

}  // namespace resprobe::sandbox

#endif  // RESPROBE_SANDBOX_BUS_CAPTURE_H_
