#ifndef RESPROBE_CORE_CLUSTER_BUS_CODEC_H_
#define RESPROBE_CORE_CLUSTER_BUS_CODEC_H_

// Bytes of the cluster bus to packets (bus_packet.h), and packets to bytes.
//
// A packet is accepted if a server would handle it: the checks are those of clusterReadHandler()
// and clusterProcessPacket() in src/cluster.c of redis 7.0.15, and of clusterIsValidPacket() in
// src/cluster_legacy.c of valkey 8.0.1, in their order. Where these read past the end of a packet
// or calculate with 16 or 32 bits (docs/cluster.md), the packet is refused. Whether an identifier,
// an address or an epoch makes sense is not asked.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/cluster/bus_packet.h"

namespace resprobe::cluster {

enum class BusError : uint8_t {
  kNone,
  kTruncated,      // more bytes are needed
  kSignature,      // not "RCmb"
  kTotalTooSmall,  // the total length is less than that of a header
  kTooLarge,       // it is over the limit of a PacketSplitter; servers have none
  kLightType,      // a light header, and a type that never has one
  kVersion,        // not 1
  kLength,         // the total length is not that of the contents
  kExtension,      // an extension's length is no multiple of 8, less than 8, or more than is left
};

// What a server does with what it does not accept.
enum class BusFate : uint8_t { kHandled, kWaits, kClosesLink, kIgnored };
BusFate FateOf(BusError error);
// "the total length is not that of the contents"; "" for kNone.
std::string_view BusErrorText(BusError error);

struct BusResult {
  BusError error = BusError::kNone;
  // Of the field that is wrong, in bytes from the start of the packet, and inside it; of
  // kTruncated: how many bytes there were.
  uint32_t offset = 0;

  bool ok() const { return error == BusError::kNone; }
  bool operator==(const BusResult&) const = default;
};

// What the first bytes of a packet say of it. kTruncated before the profile's server would look
// (BusTraits::first_bytes); otherwise kSignature, kTotalTooSmall, or kNone and the total length.
struct PacketFrame {
  BusResult result;
  uint32_t total = 0;
};
PacketFrame ReadFrame(std::string_view bytes, Profile profile);

// Reads a packet, which must be all of `bytes`: kTruncated if its total length is more, kLength if
// it is less. Takes memory in proportion to `bytes`, and reuses that of `packet`. After an error
// `packet` has what was read before.
BusResult ParsePacket(std::string_view bytes, Profile profile, Packet* packet);

// A field whose value no packet has: the writer knows it.
enum class DerivedKind : uint8_t {
  kSignature,
  kTotal,
  kVersion,
  kGossipCount,
  kExtensionCount,
  kTextSize,
  kExtensionSize,
};
inline constexpr size_t kDerivedKinds = 7;
struct DerivedField {
  DerivedKind kind;
  uint8_t size;     // in bytes: 2 or 4
  uint32_t offset;  // from the start of the packet
};

// Appends the bytes of a packet, as the servers send it. Signature, version and all lengths and
// counts are what they must be, whatever the header says; the caller sees to it that all is below
// 2^32 bytes, and each list below 2^16 entries. Appends where these fields are to `derived`, unless
// that is null.
void WritePacket(const Packet& packet, std::string* out,
                 std::vector<DerivedField>* derived = nullptr);

// What an extension says, if it is of a known type, and its bytes are those that servers would
// send.
std::optional<ExtensionData> DataOf(const Extension& extension);
// An extension as servers send it. `data` must be what its type has.
Extension MakeExtension(ExtensionType type, const ExtensionData& data);

// Cuts a stream of bytes into packets. Keeps at most one packet that is not whole.
class PacketSplitter {
 public:
  // `most`: the largest packet, in bytes.
  explicit PacketSplitter(Profile profile, size_t most = size_t{1} << 24)
      : profile_(profile), most_(most) {}

  void Append(std::string_view bytes);
  // The next packet, as the frame says, whether ParsePacket() accepts it or not; valid until the
  // next call. kTruncated: more bytes are needed. Any other error is final, as a server closes the
  // link.
  BusResult Next(std::string_view* packet);
  // The number of bytes of all packets until now.
  uint64_t offset() const { return offset_; }
  void Reset();

 private:
  Profile profile_;
  size_t most_;
  std::string bytes_;
  size_t begin_ = 0;
  uint64_t offset_ = 0;
};

}  // namespace resprobe::cluster

#endif  // RESPROBE_CORE_CLUSTER_BUS_CODEC_H_
