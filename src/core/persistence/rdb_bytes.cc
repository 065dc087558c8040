#include "core/persistence/rdb_bytes.h"

#include <algorithm>
#include <cstdio>
#include <limits>

#include "core/keyspace/integers.h"
#include "core/persistence/little_endian.h"
#include "core/persistence/rdb_format.h"

namespace resprobe {
namespace {

constexpr size_t kLongestNumber = 11;
constexpr size_t kLongestUncompressed = 20;
constexpr size_t kLeastSaved = 4;

}  // namespace

bool RdbBytes::Take(uint64_t count, std::string_view* taken) {
  if (count > bytes_.size() - at_) return false;
  *taken = bytes_.substr(at_, count);
  at_ += count;
  return true;
}

bool RdbBytes::Byte(uint8_t* byte) {
  if (at_ == bytes_.size()) return false;
  *byte = static_cast<uint8_t>(bytes_[at_++]);
  return true;
}

bool RdbBytes::Word(size_t size, uint64_t* value) {
  std::string_view taken;
  if (!Take(size, &taken)) return false;
  *value = LoadLittleEndian(taken, size);
  return true;
}

bool RdbBytes::LengthOrEncoding(uint64_t* length, bool* encoded) {
  if (at_ == bytes_.size()) return false;
  const auto first = static_cast<uint8_t>(bytes_[at_++]);
  *encoded = first >= 0xc0;
  *length = first & 0x3f;
  if (first < 0x40 || *encoded) return true;
  if (first > 0x81) return Corrupt("Unknown length encoding 2 in rdbLoadLen()");
  size_t more = first == 0x80 ? 4 : 8;
  if (first < 0x80) {
    more = 1;
  } else {
    *length = 0;
  }
  std::string_view taken;
  if (!Take(more, &taken)) return false;
  for (const char byte : taken) *length = *length << 8 | static_cast<uint8_t>(byte);
  return true;
}

bool RdbBytes::Length(uint64_t* length) {
  bool encoded;
  // As on the server, where a length is expected, the code of an encoding is one, and the greatest
  // number is an error.
  return LengthOrEncoding(length, &encoded) && *length != UINT64_MAX;
}

bool RdbBytes::Text(std::string_view* text, std::string* buffer) {
  // Most are short.
  const size_t left = bytes_.size() - at_;
  if (left > 0 && static_cast<uint8_t>(bytes_[at_]) < std::min<size_t>(left, 0x40)) {
    const auto size = static_cast<uint8_t>(bytes_[at_]);
    *text = bytes_.substr(at_ + 1, size);
    at_ += size_t{1} + size;
    return true;
  }
  return LongText(text, buffer);
}

bool RdbBytes::LongText(std::string_view* text, std::string* buffer) {
  uint64_t length;
  bool encoded;
  if (!LengthOrEncoding(&length, &encoded)) return false;
  if (!encoded) return Take(length, text);
  if (length == rdb::kLzf) return Compressed(text, buffer);
  if (length > rdb::kLzf) return Corrupt("Unknown RDB string encoding type");
  const size_t size = size_t{1} << length;
  std::string_view taken;
  if (!Take(size, &taken)) return false;
  char digits[kLongestNumber];
  *text = buffer->assign(FormatInt64(LoadSigned(taken, size), digits));
  return true;
}

bool RdbBytes::Compressed(std::string_view* text, std::string* buffer) {
  uint64_t size;
  uint64_t plain_size;
  std::string_view compressed;
  if (!Length(&size) || !Length(&plain_size) || !Take(size, &compressed)) return false;
  if (!LzfDecompress(compressed, plain_size, buffer)) {
    return Corrupt("Invalid LZF compressed string");
  }
  *text = *buffer;
  return true;
}

bool RdbBytes::TextScore(double* score) {
  uint8_t size;
  if (!Byte(&size)) return false;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (size == 253) *score = std::numeric_limits<double>::quiet_NaN();
  if (size == 254) *score = kInfinity;
  if (size == 255) *score = -kInfinity;
  if (size >= 253) return true;
  std::string_view taken;
  if (!Take(size, &taken)) return false;
  char text[256] = {};
  taken.copy(text, taken.size());
  // As the servers read it: strtod() finds a 0 in "0x" and an infinity in "infi".
  // NOLINTNEXTLINE(cert-err34-c): what is out of range is an infinity or a zero there, too.
  return std::sscanf(text, "%lg", score) == 1;
}

void RdbTextWriter::Length(uint64_t length) {
  if (length < 1U << 6) return Byte(static_cast<uint8_t>(length));
  if (length < 1U << 14) {
    Byte(static_cast<uint8_t>(0x40 | length >> 8));
    return Byte(static_cast<uint8_t>(length & 0xff));
  }
  const bool wide = length > UINT32_MAX;
  Byte(wide ? 0x81 : 0x80);
  for (int shift = wide ? 56 : 24; shift >= 0; shift -= 8) {
    Byte(static_cast<uint8_t>(length >> shift & 0xff));
  }
}

bool RdbTextWriter::Number(int64_t value) {
  if (value < INT32_MIN || value > INT32_MAX) return false;
  const rdb::StringEncoding encoding = value >= INT8_MIN && value <= INT8_MAX     ? rdb::kInt8
                                       : value >= INT16_MIN && value <= INT16_MAX ? rdb::kInt16
                                                                                  : rdb::kInt32;
  Byte(static_cast<uint8_t>(0xc0 | encoding));
  AppendLittleEndian(static_cast<uint64_t>(value), size_t{1} << encoding, out_);
  return true;
}

void RdbTextWriter::Text(std::string_view text) {
  if (text.size() <= kLongestNumber) {
    const ParsedInt64 number = ParseInt64(text);
    if (number.ok && Number(number.value)) return;
  }
  if (compress_ && text.size() > kLongestUncompressed &&
      compressor_.Compress(text, text.size() - kLeastSaved, &compressed_)) {
    Byte(static_cast<uint8_t>(0xc0 | rdb::kLzf));
    Length(compressed_.size());
    Length(text.size());
    out_->append(compressed_);
    return;
  }
  Length(text.size());
  out_->append(text);
}

}  // namespace resprobe
