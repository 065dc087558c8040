#include "sandbox/bus_capture.h"

namespace resprobe::sandbox {

BusCapture::BusCapture(Sandbox* sandbox, std::function<void(const BusArrival&)> see,
                       uint16_t bus_port)
    : sandbox_(sandbox), see_(std::move(see)), bus_port_(bus_port) {
  sandbox_->Observe([this](const SandboxArrival& arrival) { See(arrival); });
}

void BusCapture::See(const SandboxArrival& arrival) {
  using cluster::BusError;
  if (arrival.port != bus_port_) return;
  // No server sends what only redis takes for a full header: a type with the bit of a light one.
  const auto [at, fresh] = streams_.try_emplace({arrival.connection, arrival.to_dialler},
                                                cluster::PacketSplitter(Profile::kValkey80));
  cluster::PacketSplitter& stream = at->second;
  stream.Append(arrival.bytes);
  std::string_view packet;
  cluster::BusResult result;
  while ((result = stream.Next(&packet)).ok()) {
    see_({.from = arrival.from,
          .to = arrival.to,
          .connection = arrival.connection,
          .to_dialler = arrival.to_dialler,
          .at_us = arrival.at_us,
          .bytes = packet});
  }
  if (result.error != BusError::kTruncated) {
    error_ = "from node " + std::to_string(arrival.from) + " to node " +
             std::to_string(arrival.to) + ", byte " + std::to_string(stream.offset()) + ": " +
             std::string(cluster::BusErrorText(result.error));
  }
}

}  // namespace resprobe::sandbox
