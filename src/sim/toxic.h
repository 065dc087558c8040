#ifndef RESPROBE_SIM_TOXIC_H_
#define RESPROBE_SIM_TOXIC_H_

// What a peer, a network or the client's own system can do to a client: one vocabulary for the
// simulation, for the peer over real sockets and for the proxy. A toxic is a kind and a few
// numbers; it does nothing by itself. ToxicStream (toxic_stream.h) applies those that act on a
// stream of bytes, EditReply (toxic_reply.h) those that act on replies; the ones on connections and
// calls are for whoever owns the connection.
//
// Names and attributes of the first eight are Toxiproxy's (github.com/Shopify/toxiproxy#toxics).

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace resprobe {

enum class ToxicKind : uint8_t {
  // Toxiproxy's.
  kLatency,
  kBandwidth,
  kSlicer,
  kLimitData,
  kTimeout,
  kResetPeer,
  kSlowClose,
  kDown,
  // The stream.
  kNeverRead,
  kHalfClose,
  kFin,
  kRst,
  // Connecting.
  kRefuse,
  kLateConnect,
  // The client's calls.
  kEintr,
  kEagain,
  kShortWrite,
  // Replies.
  kDuplicateReply,
  kMissingReply,
  kUnsolicitedReply,
  kPush,
  kAttribute,
  kWrongType,
  kWrongArity,
  kLyingLength,
  kNesting,
  kGarbage,
  // The client's memory.
  kAllocFailure,
};
inline constexpr size_t kToxicKinds = 28;

std::span<const std::string_view> ToxicNames();
inline std::span<const std::string_view> EnumNames(ToxicKind) { return ToxicNames(); }

// What a toxic acts on, and so who applies it.
enum class ToxicPlace : uint8_t {
  kStream,   // ToxicStream
  kConnect,  // whoever accepts
  kCall,     // the client's read, write and poll; over real sockets out of reach
  kReply,    // EditReply
  kMemory,   // the client's allocator; over real sockets out of reach
};

struct ToxicAttribute {
  std::string_view name;
  std::string_view unit;  // "ms", "us", "bytes", "KB/s", …
  int64_t usual;          // if it is not given
  int64_t least;
  int64_t most;
};
inline constexpr size_t kToxicAttributes = 3;

struct ToxicInfo {
  ToxicKind kind;
  std::string_view name;
  ToxicPlace place;
  std::string_view summary;      // what happens
  std::string_view client_sees;  // facts of the field: errno, EOF, order of events
  std::array<ToxicAttribute, kToxicAttributes> attributes;  // those without a name are not there

  std::span<const ToxicAttribute> named() const {
    size_t count = 0;
    while (count < attributes.size() && !attributes[count].name.empty()) ++count;
    return {attributes.data(), count};
  }
};

// All of them; the one of kind k stands at index k.
std::span<const ToxicInfo> Toxics();
inline const ToxicInfo& InfoOf(ToxicKind kind) { return Toxics()[static_cast<size_t>(kind)]; }
const ToxicInfo* FindToxic(std::string_view name);

// As Toxiproxy has them, from the client's view: upstream is what it sends.
enum class ToxicDirection : uint8_t { kDownstream, kUpstream };
inline constexpr std::string_view kToxicDirectionNames[] = {"downstream", "upstream"};
constexpr std::span<const std::string_view> EnumNames(ToxicDirection) {
  return kToxicDirectionNames;
}

struct Toxic {
  ToxicKind kind = ToxicKind::kLatency;
  ToxicDirection direction = ToxicDirection::kDownstream;
  std::array<int64_t, kToxicAttributes> values{};  // in the order of InfoOf(kind).attributes

  bool operator==(const Toxic&) const = default;
};

// A toxic with every attribute as usual.
Toxic MakeToxic(ToxicKind kind, ToxicDirection direction = ToxicDirection::kDownstream);
// The same with the first attributes given; what is out of range is taken to the end of the range.
Toxic MakeToxic(ToxicKind kind, ToxicDirection direction, std::span<const int64_t> values);

// Sets an attribute by name; false (and `*error`: what is wrong, how to mend it) if there is none
// of that name or the value is out of range.
bool SetAttribute(Toxic* toxic, std::string_view name, int64_t value, std::string* error);

// "latency upstream latency=100 jitter=10"; downstream is left out, and so is what is as usual.
std::string PrintToxic(const Toxic& toxic);
// The reverse. On failure nothing, and `*error` says what is wrong and how to mend it.
std::optional<Toxic> ParseToxic(std::string_view text, std::string* error);

// How often each kind really did something, as opposed to having been switched on.
class ToxicCounts {
 public:
  void Fired(ToxicKind kind) { ++counts_[static_cast<size_t>(kind)]; }
  uint64_t operator[](ToxicKind kind) const { return counts_[static_cast<size_t>(kind)]; }
  void Reset() { counts_.fill(0); }

 private:
  std::array<uint64_t, kToxicKinds> counts_{};
};

}  // namespace resprobe

#endif  // RESPROBE_SIM_TOXIC_H_
