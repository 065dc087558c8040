#include "sim/toxic.h"

#include <algorithm>
#include <charconv>
#include <iterator>

namespace resprobe {
namespace {

constexpr int64_t kMostMs = 3'600'000;
constexpr int64_t kMostBytes = int64_t{1} << 40;
constexpr int64_t kMostCalls = 1'000'000;

// Which reply a toxic acts on.
constexpr ToxicAttribute kAt = {"at", "number of the reply from 1; 0: every one", 0, 0, kMostCalls};
// Which of the client's calls.
constexpr ToxicAttribute kCall = {"call", "calls from now", 1, 1, kMostCalls};
constexpr ToxicAttribute kTimes = {"times", "calls", 1, 1, kMostCalls};
constexpr ToxicAttribute kAfterBytes = {"bytes", "bytes of the stream before it", 0, 0, kMostBytes};

constexpr ToxicInfo kToxics[] = {
    {ToxicKind::kLatency,
     "latency",
     ToxicPlace::kStream,
     "what is sent arrives later",
     "EAGAIN gaps; races with timeouts",
     {{{"latency", "ms", 100, 0, kMostMs}, {"jitter", "ms", 0, 0, kMostMs}}}},
    {ToxicKind::kBandwidth,
     "bandwidth",
     ToxicPlace::kStream,
     "at most N kilobytes arrive per second",
     "short reads; when writing a part is accepted, then EAGAIN",
     {{{"rate", "KB/s", 100, 0, 1'000'000}}}},
    {ToxicKind::kSlicer,
     "slicer",
     ToxicPlace::kStream,
     "what is sent arrives in slices, one at a time",
     "reads that end at any byte of a token",
     {{{"average_size", "bytes", 1, 1, kMostBytes},
       {"size_variation", "bytes", 0, 0, kMostBytes},
       {"delay", "us", 0, 0, kMostMs * 1000}}}},
    {ToxicKind::kLimitData,
     "limit_data",
     ToxicPlace::kStream,
     "the connection is closed after N bytes",
     "EOF, in the middle of a reply; what it writes later: RST, EPIPE",
     {{{"bytes", "bytes", 0, 0, kMostBytes}}}},
    {ToxicKind::kTimeout,
     "timeout",
     ToxicPlace::kStream,
     "nothing passes any more, and after a time the connection is closed; 0: it stays open",
     "silence, its own timeouts, then EOF",
     {{{"timeout", "ms", 0, 0, kMostMs}}}},
    {ToxicKind::kResetPeer,
     "reset_peer",
     ToxicPlace::kStream,
     "after a time the connection is reset",
     "ECONNRESET; what it writes then: EPIPE",
     {{{"timeout", "ms", 0, 0, kMostMs}}}},
    {ToxicKind::kSlowClose,
     "slow_close",
     ToxicPlace::kStream,
     "the end of the stream arrives later",
     "a connection that is open longer than its peer",
     {{{"delay", "ms", 1000, 0, kMostMs}}}},
    {ToxicKind::kDown,
     "down",
     ToxicPlace::kStream,
     "open connections are closed, new ones refused",
     "EOF, then ECONNREFUSED",
     {}},

    {ToxicKind::kNeverRead,
     "never_read",
     ToxicPlace::kStream,
     "after N bytes the receiver takes nothing more",
     "the send buffer fills, write gives EAGAIN, writable does not come",
     {{kAfterBytes}}},
    {ToxicKind::kHalfClose,
     "half_close",
     ToxicPlace::kStream,
     "after N bytes the sender ends its direction (SHUT_WR) and goes on reading",
     "EOF when reading, while writing still works",
     {{kAfterBytes}}},
    {ToxicKind::kFin,
     "fin",
     ToxicPlace::kStream,
     "after N bytes the connection is closed",
     "EOF; what it writes later: RST, EPIPE",
     {{kAfterBytes}}},
    {ToxicKind::kRst,
     "rst",
     ToxicPlace::kStream,
     "after N bytes the connection is reset; what was under way is lost",
     "ECONNRESET; what it writes then: EPIPE",
     {{kAfterBytes}}},

    {ToxicKind::kRefuse,
     "refuse",
     ToxicPlace::kConnect,
     "N connections are refused",
     "ECONNREFUSED",
     {{{"connections", "connections; 0: all", 0, 0, kMostCalls}}}},
    {ToxicKind::kLateConnect,
     "late_connect",
     ToxicPlace::kConnect,
     "connecting takes a time",
     "EINPROGRESS, writable late; a timeout first, and then a connection after all",
     {{{"delay", "ms", 1000, 0, kMostMs}}}},

    {ToxicKind::kEintr,
     "eintr",
     ToxicPlace::kCall,
     "calls are interrupted by a signal",
     "EINTR",
     {{kCall, kTimes}}},
    {ToxicKind::kEagain,
     "eagain",
     ToxicPlace::kCall,
     "calls find nothing to do, although they were told so",
     "EAGAIN after readable or writable",
     {{kCall, kTimes}}},
    {ToxicKind::kShortWrite,
     "short_write",
     ToxicPlace::kCall,
     "a write is accepted in part",
     "fewer bytes written than asked for",
     {{kCall, {"bytes", "bytes accepted", 1, 1, kMostBytes}, kTimes}}},

    {ToxicKind::kDuplicateReply,
     "duplicate_reply",
     ToxicPlace::kReply,
     "a reply comes twice",
     "a reply too many: everything after it belongs to another command",
     {{kAt}}},
    {ToxicKind::kMissingReply,
     "missing_reply",
     ToxicPlace::kReply,
     "a reply does not come",
     "a reply too few",
     {{kAt}}},
    {ToxicKind::kUnsolicitedReply,
     "unsolicited_reply",
     ToxicPlace::kReply,
     "a reply that nobody asked for comes before a reply",
     "a reply too many, also before the first command",
     {{kAt}}},
    {ToxicKind::kPush,
     "push",
     ToxicPlace::kReply,
     "a push comes before a reply, or inside it",
     "between replies: the push callback; inside: a protocol error",
     {{kAt, {"inside", "0 or 1", 0, 0, 1}, {"form", "which push", 0, 0, 7}}}},
    {ToxicKind::kAttribute,
     "attribute",
     ToxicPlace::kReply,
     "a reply is annotated, before it or inside it",
     "the reply as it is, or a protocol error if attributes are not known",
     {{kAt, {"inside", "0 or 1", 0, 0, 1}}}},
    {ToxicKind::kWrongType,
     "wrong_type",
     ToxicPlace::kReply,
     "a reply has another type byte",
     "another value, or a protocol error",
     {{kAt, {"type", "the byte", '+', 0, 255}}}},
    {ToxicKind::kWrongArity,
     "wrong_arity",
     ToxicPlace::kReply,
     "an aggregate has elements more or fewer, and says so; what is none becomes one",
     "a reply of a shape that the command does not have",
     {{kAt, {"delta", "elements", -1, -8, 8}}}},
    {ToxicKind::kLyingLength,
     "lying_length",
     ToxicPlace::kReply,
     "the length of a bulk or an aggregate is not what follows",
     "a protocol error, a wait for what never comes, or memory taken in advance",
     {{kAt, {"length", "as it is written", 1LL << 32, INT64_MIN, INT64_MAX}}}},
    {ToxicKind::kNesting,
     "nesting",
     ToxicPlace::kReply,
     "a reply is inside N arrays of one element",
     "a deep reply, or a protocol error at the limit of depth",
     {{kAt, {"depth", "arrays", 9, 1, 100'000}}}},
    {ToxicKind::kGarbage,
     "garbage",
     ToxicPlace::kReply,
     "bytes that are no reply come before a reply",
     "a protocol error",
     {{kAt, {"bytes", "bytes", 8, 1, 65536}}}},

    {ToxicKind::kAllocFailure,
     "alloc_failure",
     ToxicPlace::kMemory,
     "an allocation fails",
     "an error of its own, nothing lost",
     {{{"nth", "allocations from now", 1, 1, kMostCalls},
       {"times", "allocations", 1, 1, kMostCalls}}}},

    // unix(7): connect() with O_NONBLOCK. The socket stays unconnected, and writable.
    {ToxicKind::kFullBacklog,
     "full_backlog",
     ToxicPlace::kCall,
     "there is no room in the server's backlog",
     "EAGAIN of connect(), and a socket that is writable nevertheless",
     {{kCall, kTimes}}},
};
static_assert(std::size(kToxics) == kToxicKinds);

static_assert([] {
  for (size_t i = 0; i < kToxicKinds; ++i) {
    if (static_cast<size_t>(kToxics[i].kind) != i) return false;
  }
  return true;
}());

constexpr auto kNames = [] {
  std::array<std::string_view, kToxicKinds> names;
  for (size_t i = 0; i < kToxicKinds; ++i) names[i] = kToxics[i].name;
  return names;
}();

std::string_view NextWord(std::string_view* text) {
  constexpr std::string_view kBlanks = " \t,";
  text->remove_prefix(std::min(text->find_first_not_of(kBlanks), text->size()));
  const std::string_view word = text->substr(0, text->find_first_of(kBlanks));
  text->remove_prefix(word.size());
  return word;
}

}  // namespace

std::span<const std::string_view> ToxicNames() { return kNames; }
std::span<const ToxicInfo> Toxics() { return kToxics; }

const ToxicInfo* FindToxic(std::string_view name) {
  for (const ToxicInfo& info : kToxics) {
    if (info.name == name) return &info;
  }
  return nullptr;
}

Toxic MakeToxic(ToxicKind kind, ToxicDirection direction) { return MakeToxic(kind, direction, {}); }

Toxic MakeToxic(ToxicKind kind, ToxicDirection direction, std::span<const int64_t> values) {
  Toxic toxic = {.kind = kind, .direction = direction};
  const std::span<const ToxicAttribute> named = InfoOf(kind).named();
  for (size_t i = 0; i < named.size(); ++i) {
    toxic.values[i] =
        i < values.size() ? std::clamp(values[i], named[i].least, named[i].most) : named[i].usual;
  }
  return toxic;
}

bool SetAttribute(Toxic* toxic, std::string_view name, int64_t value, std::string* error) {
  const ToxicInfo& info = InfoOf(toxic->kind);
  const std::span<const ToxicAttribute> named = info.named();
  for (size_t i = 0; i < named.size(); ++i) {
    if (named[i].name != name) continue;
    if (value < named[i].least || value > named[i].most) {
      *error = std::string(info.name) + " " + std::string(name) + "=" + std::to_string(value) +
               ": give a number from " + std::to_string(named[i].least) + " to " +
               std::to_string(named[i].most) + " (" + std::string(named[i].unit) + ")";
      return false;
    }
    toxic->values[i] = value;
    return true;
  }
  *error = std::string(info.name) + " has no '" + std::string(name) + "': it has ";
  for (size_t i = 0; i < named.size(); ++i) {
    if (i > 0) *error += ", ";
    *error += named[i].name;
  }
  if (named.empty()) *error += "no attributes";
  return false;
}

std::string PrintToxic(const Toxic& toxic) {
  const ToxicInfo& info = InfoOf(toxic.kind);
  std::string out(info.name);
  if (toxic.direction == ToxicDirection::kUpstream) out += " upstream";
  const std::span<const ToxicAttribute> named = info.named();
  for (size_t i = 0; i < named.size(); ++i) {
    if (toxic.values[i] == named[i].usual) continue;
    out += ' ';
    out += named[i].name;
    out += '=';
    out += std::to_string(toxic.values[i]);
  }
  return out;
}

std::optional<Toxic> ParseToxic(std::string_view text, std::string* error) {
  const std::string_view name = NextWord(&text);
  const ToxicInfo* info = FindToxic(name);
  if (info == nullptr) {
    *error = "there is no toxic '" + std::string(name) + "': use one of";
    for (const ToxicInfo& known : kToxics) {
      // Toxics that act inside a client cannot be requested as text.
      if (known.place == ToxicPlace::kCall || known.place == ToxicPlace::kMemory) continue;
      *error += " " + std::string(known.name);
    }
    return std::nullopt;
  }
  Toxic toxic = MakeToxic(info->kind);
  for (std::string_view word = NextWord(&text); !word.empty(); word = NextWord(&text)) {
    if (word == "upstream" || word == "downstream") {
      toxic.direction =
          word == "upstream" ? ToxicDirection::kUpstream : ToxicDirection::kDownstream;
      continue;
    }
    const size_t equals = word.find('=');
    int64_t value = 0;
    const std::string_view digits = equals == std::string_view::npos ? "" : word.substr(equals + 1);
    const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (status == std::errc::result_out_of_range) {
      *error = std::string(name) + ": '" + std::string(word) + "': the number is too large";
      return std::nullopt;
    }
    if (digits.empty() || status != std::errc() || end != digits.data() + digits.size()) {
      *error = std::string(name) + ": '" + std::string(word) +
               "' is neither a direction nor ATTRIBUTE=NUMBER";
      return std::nullopt;
    }
    if (!SetAttribute(&toxic, word.substr(0, equals), value, error)) return std::nullopt;
  }
  return toxic;
}

}  // namespace resprobe
