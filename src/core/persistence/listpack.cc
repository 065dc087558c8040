#include "core/persistence/listpack.h"

#include "core/keyspace/integers.h"
#include "core/persistence/little_endian.h"

namespace resprobe {
namespace {

constexpr size_t kListpackHeader = 6;
constexpr uint64_t kUnknownCount = 65535;
constexpr char kListpackEnd = '\xff';

// An entry's code and the length of what follows it. `size` is that of the entry without its
// backward length.
struct Entry {
  size_t size = 0;
  PackedElement element;
};

int64_t SignExtend(uint64_t value, int bits) {
  return static_cast<int64_t>(value << (64 - bits)) >> (64 - bits);
}

// False if the code is unknown, or the entry does not lie in `rest`.
bool ParseEntry(std::string_view rest, Entry* entry) {
  const auto byte = [rest](size_t i) { return uint64_t{static_cast<uint8_t>(rest[i])}; };
  const auto is_number = [&](size_t size, int64_t value) {
    entry->size = size;
    entry->element = {{}, value, true};
    return true;
  };
  const auto is_text = [&](size_t header, uint64_t length) {
    if (length > rest.size() - header) return false;
    entry->size = header + length;
    entry->element = {rest.substr(header, length), 0, false};
    return true;
  };
  if (rest.empty()) return false;
  const uint64_t code = byte(0);
  if (code < 0x80) return is_number(1, static_cast<int64_t>(code));
  if (code < 0xc0) return is_text(1, code & 0x3f);
  if (code < 0xe0) {
    return rest.size() >= 2 && is_number(2, SignExtend((code & 0x1f) << 8 | byte(1), 13));
  }
  if (code < 0xf0) return rest.size() >= 2 && is_text(2, (code & 0xf) << 8 | byte(1));
  if (code == 0xf0) {
    return rest.size() >= 5 && is_text(5, LoadLittleEndian(rest.substr(1), 4));
  }
  if (code > 0xf4) return false;
  const size_t width = code == 0xf4 ? 8 : code - 0xf1 + 2;
  return rest.size() > width && is_number(1 + width, LoadSigned(rest.substr(1), width));
}

size_t BackwardLengthSize(uint64_t size) {
  return size <= 127 ? 1 : size < 16383 ? 2 : size < 2097151 ? 3 : size < 268435455 ? 4 : 5;
}

// Reads a backward length that ends before `end`; UINT64_MAX if it has more than five bytes.
uint64_t BackwardLength(std::string_view blob, size_t end) {
  uint64_t value = 0;
  for (int shift = 0; shift <= 28 && end > 0; shift += 7) {
    const uint64_t byte = static_cast<uint8_t>(blob[--end]);
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  return UINT64_MAX;
}

}  // namespace

bool ListpackReader::HeaderFits() const {
  return blob_.size() > kListpackHeader && LoadLittleEndian(blob_, 4) == blob_.size() &&
         blob_.back() == kListpackEnd;
}

bool ListpackReader::DeclaresFewerThan(size_t elements) const {
  return LoadLittleEndian(blob_.substr(4), 2) < elements;
}

PackedStep ListpackReader::Next(PackedElement* element) {
  if (blob_[at_] == kListpackEnd) return PackedStep::kEnd;
  // The last byte of the blob is its end mark, which belongs to no entry.
  const std::string_view rest = blob_.substr(at_, blob_.size() - 1 - at_);
  Entry entry;
  if (!ParseEntry(rest, &entry)) return PackedStep::kBroken;
  const size_t backward = BackwardLengthSize(entry.size);
  if (backward > rest.size() - entry.size) return PackedStep::kBroken;
  at_ += entry.size + backward;
  if (BackwardLength(blob_, at_) != entry.size) return PackedStep::kBroken;
  ++count_;
  *element = entry.element;
  return PackedStep::kElement;
}

bool ListpackReader::EndsWell() const {
  const uint64_t declared = LoadLittleEndian(blob_.substr(4), 2);
  return at_ == blob_.size() - 1 && (declared == kUnknownCount || declared == count_);
}

ListpackWriter::ListpackWriter(std::string* out) : out_(out), begin_(out->size()) {
  out->append(kListpackHeader, '\0');
}

void ListpackWriter::EndEntry(size_t begin) {
  const uint64_t size = out_->size() - begin;
  for (int shift = 7 * static_cast<int>(BackwardLengthSize(size) - 1); shift >= 0; shift -= 7) {
    const bool first = shift == 7 * static_cast<int>(BackwardLengthSize(size) - 1);
    *out_ += static_cast<char>((size >> shift & 0x7f) | (first ? 0 : 0x80));
  }
  ++count_;
}

void ListpackWriter::Append(std::string_view text) {
  const ParsedInt64 number = ParseInt64(text);
  if (number.ok) return Append(number.value);
  const size_t begin = out_->size();
  const size_t size = text.size();
  if (size < 64) {
    *out_ += static_cast<char>(0x80 | size);
  } else if (size < 4096) {
    *out_ += static_cast<char>(0xe0 | size >> 8);
    *out_ += static_cast<char>(size & 0xff);
  } else {
    *out_ += '\xf0';
    AppendLittleEndian(size, 4, out_);
  }
  out_->append(text);
  EndEntry(begin);
}

void ListpackWriter::Append(int64_t number) {
  const size_t begin = out_->size();
  const auto value = static_cast<uint64_t>(number);
  if (number >= 0 && number < 128) {
    *out_ += static_cast<char>(number);
  } else if (number >= -4096 && number < 4096) {
    *out_ += static_cast<char>(0xc0 | (value >> 8 & 0x1f));
    *out_ += static_cast<char>(value & 0xff);
  } else {
    const size_t width = number >= INT16_MIN && number <= INT16_MAX   ? 2
                         : number >= -(1 << 23) && number < 1 << 23   ? 3
                         : number >= INT32_MIN && number <= INT32_MAX ? 4
                                                                      : 8;
    *out_ += width == 8 ? '\xf4' : static_cast<char>(0xf1 + width - 2);
    AppendLittleEndian(value, width, out_);
  }
  EndEntry(begin);
}

void ListpackWriter::Finish() {
  *out_ += kListpackEnd;
  StoreLittleEndian(size(), 4, begin_, out_);
  StoreLittleEndian(count_ < kUnknownCount ? count_ : kUnknownCount, 2, begin_ + 4, out_);
}

}  // namespace resprobe
