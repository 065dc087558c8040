#ifndef RESPROBE_ENGINE_CODEC_H_
#define RESPROBE_ENGINE_CODEC_H_

// Tape <-> ops.
//
// A tape is a sequence of segments that end with a byte 0xFF: the first is the config, each other
// one an op. Empty segments are ignored. A segment contains the kind (one byte, modulo the number
// of kinds), the fixed fields, and the tail, in which 0xFD starts each word of an argument list.
// 0xFE escapes: FE 00 is FE, FE 01 is FF, FE 02 is FD.
//
// So every byte string is a valid tape, and an edit stays local: a byte changed, added or removed
// inside one op leaves all other ops unchanged, because no length spans ops. Missing fields read as
// 0, surplus bytes are ignored.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/arena.h"
#include "engine/fields.h"
#include "engine/harness.h"
#include "engine/op.h"

namespace resprobe {

// One decoded run: its configuration and its ops. Texts and argument lists point into the arena or
// into the decoded tape.
template <class World>
struct Case {
  typename World::Config config;
  std::vector<typename World::Op> ops;
};

namespace codec {

inline constexpr uint8_t kEnd = 0xFF;
inline constexpr uint8_t kEscape = 0xFE;
inline constexpr uint8_t kWord = 0xFD;

inline uint8_t Unescape(uint8_t code) {
  constexpr uint8_t kMeaning[] = {kEscape, kEnd, kWord};
  return kMeaning[code % 3];
}

// The first byte of [from, to) that has a meaning, or `to`: kWord, kEscape and kEnd are the largest
// byte values, so eight bytes that are all ASCII contain none. Words are short, and sanitizers make
// every call of memchr expensive.
inline const uint8_t* SkipPlain(const uint8_t* from, const uint8_t* to) {
  constexpr uint64_t kNotAscii = 0x8080808080808080;
  while (to - from >= 8) {
    uint64_t eight;
    std::memcpy(&eight, from, sizeof(eight));
    if constexpr (std::endian::native == std::endian::big) eight = __builtin_bswap64(eight);
    const uint64_t high = eight & kNotAscii;
    if (high == 0) {
      from += 8;
      continue;
    }
    from += std::countr_zero(high) / 8;
    if (*from >= kWord) return from;
    ++from;
  }
  while (from != to && *from < kWord) ++from;
  return from;
}
// The first occurrence of `byte`, which must be one of those, or `to`.
inline const uint8_t* Find(const uint8_t* from, const uint8_t* to, uint8_t byte) {
  while ((from = SkipPlain(from, to)) != to && *from != byte) ++from;
  return from;
}

// Reads the fields of one segment. Never reads outside of it.
class SegmentReader {
 public:
  SegmentReader(const uint8_t* begin, const uint8_t* end, Arena* arena)
      : at_(begin), end_(end), arena_(arena) {}

  uint8_t Byte() {
    if (at_ == end_) return 0;
    const uint8_t byte = *at_++;
    if (byte != kEscape || at_ == end_) return byte;
    return Unescape(*at_++);
  }

  void operator()(std::string_view, bool& field) { field = (Byte() & 1) != 0; }
  void operator()(std::string_view, Index& field) { field.value = Byte(); }
  void operator()(std::string_view, Count& field) { field.value = static_cast<uint32_t>(Varint()); }
  void operator()(std::string_view, Number& field) {
    const uint64_t zigzag = Varint();
    field.value = static_cast<int64_t>((zigzag >> 1) ^ (~(zigzag & 1) + 1));
  }
  template <NamedEnum E>
  void operator()(std::string_view, E& field) {
    field = static_cast<E>(Byte() % EnumNames(E{}).size());
  }
  void operator()(std::string_view, Text& field) {
    field.bytes = Plain(at_, end_);
    at_ = end_;
  }
  void operator()(std::string_view, Args& field) {
    if (at_ == end_) {
      field.words = {};
      return;
    }
    const uint8_t* start = *at_ == kWord ? at_ + 1 : at_;
    size_t count = 1;
    bool escaped = false;
    for (const uint8_t* p = start; (p = SkipPlain(p, end_)) != end_; ++p) {
      count += *p == kWord ? 1 : 0;
      escaped |= *p == kEscape;
    }
    std::span<std::string_view> words = arena_->Words(count);
    for (std::string_view& word : words) {
      const uint8_t* const stop = Find(start, end_, kWord);
      word = escaped ? Plain(start, stop) : AsText(start, stop);
      start = stop + 1;
    }
    field.words = words;
    at_ = end_;
  }

 private:
  // LEB128, truncated to 64 bits.
  uint64_t Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const uint8_t byte = Byte();
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if ((byte & 0x80) == 0) break;
    }
    return value;
  }

  static std::string_view AsText(const uint8_t* from, const uint8_t* to) {
    if (from >= to) return {};
    return {reinterpret_cast<const char*>(from), static_cast<size_t>(to - from)};
  }

  // The bytes without escapes; copied only if there is an escape.
  std::string_view Plain(const uint8_t* from, const uint8_t* to) {
    if (from >= to) return {};
    const auto size = static_cast<size_t>(to - from);
    if (Find(from, to, kEscape) == to) return AsText(from, to);
    char* plain = arena_->Bytes(size);
    size_t used = 0;
    while (from != to) {
      uint8_t byte = *from++;
      if (byte == kEscape && from != to) byte = Unescape(*from++);
      plain[used++] = static_cast<char>(byte);
    }
    return {plain, used};
  }

  const uint8_t* at_;
  const uint8_t* end_;
  Arena* arena_;
};

// Writes the fields of one segment in canonical form.
class SegmentWriter {
 public:
  explicit SegmentWriter(Tape* out) : out_(out) {}

  void Byte(uint8_t byte) {
    if (byte < kWord) {
      out_->push_back(byte);
      return;
    }
    out_->push_back(kEscape);
    out_->push_back(byte == kEscape ? 0 : byte == kEnd ? 1 : 2);
  }
  void End() { out_->push_back(kEnd); }

  void operator()(std::string_view, const bool& field) { Byte(field ? 1 : 0); }
  void operator()(std::string_view, const Index& field) { Byte(field.value); }
  void operator()(std::string_view, const Count& field) { Varint(field.value); }
  void operator()(std::string_view, const Number& field) {
    Varint((static_cast<uint64_t>(field.value) << 1) ^ static_cast<uint64_t>(field.value >> 63));
  }
  template <NamedEnum E>
  void operator()(std::string_view, const E& field) {
    Byte(static_cast<uint8_t>(field));
  }
  void operator()(std::string_view, const Text& field) { Bytes(field.bytes); }
  void operator()(std::string_view, const Args& field) {
    for (const std::string_view word : field.words) {
      out_->push_back(kWord);
      Bytes(word);
    }
  }

 private:
  void Varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) Byte(static_cast<uint8_t>(value | 0x80));
    Byte(static_cast<uint8_t>(value));
  }
  void Bytes(std::string_view bytes) {
    for (const char c : bytes) Byte(static_cast<uint8_t>(c));
  }

  Tape* out_;
};

}  // namespace codec

// Decodes any bytes. The result points into `tape` and `arena`; both must outlive it.
template <class World>
void Decode(Bytes tape, Arena* arena, Case<World>* out) {
  using Op = typename World::Op;
  static_assert(std::variant_size_v<Op> <= 250);
  const uint8_t* at = tape.data();
  const uint8_t* const end = at + tape.size();
  const auto segment_end = [&](const uint8_t* from) { return codec::Find(from, end, codec::kEnd); };

  out->ops.clear();
  out->config = {};
  const uint8_t* stop = segment_end(at);
  codec::SegmentReader config(at, stop, arena);
  VisitFields(out->config, config);
  while (stop != end) {
    at = stop + 1;
    stop = segment_end(at);
    if (at == stop) continue;
    codec::SegmentReader segment(at, stop, arena);
    Op& op = out->ops.emplace_back();
    EmplaceKind(op, segment.Byte() % std::variant_size_v<Op>);
    std::visit([&](auto& fields) { VisitFields(fields, segment); }, op);
  }
}

// The canonical bytes of one op, as they stand in a tape after the config or another op.
template <class World>
void AppendOp(const typename World::Op& op, Tape* out) {
  codec::SegmentWriter writer(out);
  writer.Byte(static_cast<uint8_t>(op.index()));
  std::visit([&](const auto& fields) { VisitFields(fields, writer); }, op);
  writer.End();
}

// The canonical tape: Decode(Encode(c)) == c.
template <class World>
void Encode(const Case<World>& c, Tape* out) {
  out->clear();
  codec::SegmentWriter writer(out);
  VisitFields(c.config, writer);
  writer.End();
  for (const auto& op : c.ops) AppendOp<World>(op, out);
}

}  // namespace resprobe

#endif  // RESPROBE_ENGINE_CODEC_H_
