#ifndef RESPROBE_TESTS_CANARIES_CLUSTER_BUS_SIZES_H_
#define RESPROBE_TESTS_CANARIES_CLUSTER_BUS_SIZES_H_

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>

#include "core/cluster/big_endian.h"
#include "worlds/cluster_bus/cluster_bus.h"

namespace resprobe {

// A parser that adds the sizes of channel and message in 32 bits, as servers do.
struct SizesOverflow : CoreBus {
  cluster::BusResult Parse(std::string_view bytes, Profile profile, cluster::Packet* packet) {
    const cluster::BusResult result = CoreBus::Parse(bytes, profile, packet);
    if (result.error != cluster::BusError::kLength ||
        !std::holds_alternative<cluster::PublishBody>(packet->body)) {
      return result;
    }
    const size_t data = packet->header.light ? cluster::kLightHeaderBytes : cluster::kHeaderBytes;
    if (bytes.size() < data + 8) return result;
    const uint64_t sum = cluster::LoadBigEndian(bytes.substr(data), 4) +
                         cluster::LoadBigEndian(bytes.substr(data + 4), 4);
    return static_cast<uint32_t>(sum) == bytes.size() - data - 8 ? cluster::BusResult() : result;
  }
};

}  // namespace resprobe

#endif  // RESPROBE_TESTS_CANARIES_CLUSTER_BUS_SIZES_H_
