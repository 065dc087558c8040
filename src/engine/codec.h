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

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>
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

// Reads the fields of the segments of a tape, one after the other. A segment ends at the first kEnd
// or at the end of the tape, and no field reads beyond either. Each byte is looked at once.
class SegmentReader {
 public:
  SegmentReader(Bytes tape, Arena* arena)
      : at_(tape.data()), end_(tape.data() + tape.size()), arena_(arena) {}

  // True if the segment has no more bytes.
  bool done() const { return at_ == end_ || *at_ == kEnd; }

  // Skips what no field has read, and goes to the next segment. False if there is none.
  bool NextSegment() {
    while (!done()) at_ = SkipPlain(at_ + 1, end_);
    if (at_ == end_) return false;
    ++at_;
    return true;
  }

  uint8_t Byte() {
    if (done()) return 0;
    const uint8_t byte = *at_++;
    if (byte != kEscape || done()) return byte;
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
  void operator()(std::string_view, Text& field) { field.bytes = Word</*kOne=*/false>(); }
  void operator()(std::string_view, Args& field) {
    if (done()) {
      field.words = {};
      return;
    }
    if (*at_ == kWord) ++at_;
    for (;;) {
      arena_->Add(Word</*kOne=*/true>());
      if (done()) break;
      ++at_;
    }
    field.words = arena_->TakeWords();
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

  // The bytes up to the end of the segment (kOne: or to the next kWord), without escapes; copied
  // only if there is an escape.
  template <bool kOne>
  std::string_view Word() {
    const uint8_t* const from = at_;
    bool escaped = false;
    while ((at_ = SkipPlain(at_, end_)) != end_ && *at_ != kEnd) {
      if (*at_ == kWord) {
        if (kOne) break;
      } else {
        escaped = true;
      }
      ++at_;
    }
    const auto size = static_cast<size_t>(at_ - from);
    if (size == 0) return {};
    if (escaped) [[unlikely]]
      return Unescaped(from, at_);
    return {reinterpret_cast<const char*>(from), size};
  }

  std::string_view Unescaped(const uint8_t* from, const uint8_t* to) {
    char* const plain = arena_->Bytes(static_cast<size_t>(to - from));
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

namespace codec {

// Appends an op of one kind, and reads its fields.
template <class Op, size_t kKind>
void ReadOp(SegmentReader& segment, std::vector<Op>* out) {
  Op& op = out->emplace_back(std::in_place_index<kKind>);
  VisitFields(*std::get_if<kKind>(&op), segment);
}

// ReadOp() of each kind. One call by a table is a third of the time of a default op, an emplaced
// one and a visit.
template <class Op>
inline constexpr auto kReaders = []<size_t... kKind>(std::index_sequence<kKind...>) {
  return std::array{&ReadOp<Op, kKind>...};
}(std::make_index_sequence<std::variant_size_v<Op>>());

}  // namespace codec

// Decodes any bytes. The result points into `tape` and `arena`; both must outlive it.
template <class World>
void Decode(Bytes tape, Arena* arena, Case<World>* out) {
  using Op = typename World::Op;
  static_assert(std::variant_size_v<Op> <= 250);
  out->ops.clear();
  out->config = {};
  codec::SegmentReader segment(tape, arena);
  VisitFields(out->config, segment);
  while (segment.NextSegment()) {
    if (segment.done()) continue;
    const size_t kind = segment.Byte() % std::variant_size_v<Op>;
    codec::kReaders<Op>[kind](segment, &out->ops);
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
