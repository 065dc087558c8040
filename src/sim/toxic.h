#ifndef RESPROBE_SIM_TOXIC_H_
#define RESPROBE_SIM_TOXIC_H_

// What a peer, a network or the client's own system can do to a client: one vocabulary for the
// simulation, the peer over real sockets and the proxy. A toxic is only a kind and a few numbers.
// ToxicStream (toxic_stream.h) applies those that act on a stream of bytes, EditReply
// (toxic_reply.h) those that act on replies; the owner of the connection applies those on
// connections and calls.
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
  // The client's calls; the last, since a case names a toxic by its number.
  kFullBacklog,
};
inline constexpr size_t kToxicKinds = 29;

std::span<const std::string_view> ToxicNames();
inline std::span<const std::string_view> EnumNames(ToxicKind) { return ToxicNames(); }

// What a toxic acts on, and therefore who applies it.
enum class ToxicPlace : uint8_t {
  kStream,   // ToxicStream
  kConnect,  // whoever accepts connections
  kCall,     // the client's connect, read, write and poll; not possible over real sockets
  kReply,    // EditReply
  kMemory,   // the client's allocator; not possible over real sockets
};

struct ToxicAttribute {
  std::string_view name;
  std::string_view unit;  // "ms", "us", "bytes", "KB/s", …
  int64_t usual;          // the default
  int64_t least;
  int64_t most;
};
inline constexpr size_t kToxicAttributes = 3;

struct ToxicInfo {
  ToxicKind kind;
  std::string_view name;
  ToxicPlace place;
  std::string_view summary;      // what happens
  std::string_view client_sees;  // observable facts: errno, EOF, order of events
  std::array<ToxicAttribute, kToxicAttributes> attributes;  // entries without a name are unused

  std::span<const ToxicAttribute> named() const {
    size_t count = 0;
    while (count < attributes.size() && !attributes[count].name.empty()) ++count;
    return {attributes.data(), count};
  }
};

// All of them; kind k is at index k.
std::span<const ToxicInfo> Toxics();
inline const ToxicInfo& InfoOf(ToxicKind kind) { return Toxics()[static_cast<size_t>(kind)]; }
const ToxicInfo* FindToxic(std::string_view name);

// As in Toxiproxy, from the client's view: upstream is what it sends.
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

// A toxic with the default of every attribute.
Toxic MakeToxic(ToxicKind kind, ToxicDirection direction = ToxicDirection::kDownstream);
// The same with the first attributes given; values out of range are clamped.
Toxic MakeToxic(ToxicKind kind, ToxicDirection direction, std::span<const int64_t> values);

// Sets an attribute by name; false (and `*error`: what is wrong, how to fix it) if there is no such
// attribute or the value is out of range.
bool SetAttribute(Toxic* toxic, std::string_view name, int64_t value, std::string* error);

// Prints "latency upstream latency=100 jitter=10"; omits downstream and default values.
std::string PrintToxic(const Toxic& toxic);
// Parses that form. On failure returns nothing, and `*error` says what is wrong and how to fix it.
std::optional<Toxic> ParseToxic(std::string_view text, std::string* error);

// How often each kind had an effect, as opposed to having been switched on.
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
