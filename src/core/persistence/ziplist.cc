#include "core/persistence/ziplist.h"

#include "core/persistence/little_endian.h"

namespace resprobe {
namespace {

constexpr size_t kZiplistHeader = 10;
constexpr uint64_t kUnknownCount = 65535;
constexpr uint8_t kZiplistEnd = 0xff;
constexpr uint8_t kLongBefore = 0xfe;

// What follows the size of the entry before: the code, the length of a string, the data. Returns
// its size; 0 if the code is unknown, or the entry does not lie in `rest`.
size_t ParseEntry(std::string_view rest, PackedElement* element) {
  const auto byte = [rest](size_t i) { return size_t{static_cast<uint8_t>(rest[i])}; };
  const auto text = [&](size_t header, size_t length) -> size_t {
    if (length > rest.size() - header) return 0;
    *element = {rest.substr(header, length), 0, false};
    return header + length;
  };
  const auto number = [&](size_t width) -> size_t {
    if (width > rest.size() - 1) return 0;
    *element = {{}, LoadSigned(rest.substr(1), width), true};
    return 1 + width;
  };
  if (rest.empty()) return 0;
  const size_t code = byte(0);
  if (code < 0x40) return text(1, code);
  if (code < 0x80) return rest.size() < 2 ? 0 : text(2, (code & 0x3f) << 8 | byte(1));
  if (code < 0xc0) {
    if (rest.size() < 5) return 0;
    return text(5, byte(1) << 24 | byte(2) << 16 | byte(3) << 8 | byte(4));
  }
  switch (code) {
    case 0xc0:
      return number(2);
    case 0xd0:
      return number(4);
    case 0xe0:
      return number(8);
    case 0xf0:
      return number(3);
    case 0xfe:
      return number(1);
    default:
      break;
  }
  if (code < 0xf1 || code > 0xfd) return 0;
  *element = {{}, static_cast<int64_t>(code - 0xf1), true};
  return 1;
}

}  // namespace

bool ZiplistReader::HeaderFits() const {
  return blob_.size() > kZiplistHeader && LoadLittleEndian(blob_, 4) == blob_.size() &&
         static_cast<uint8_t>(blob_.back()) == kZiplistEnd &&
         LoadLittleEndian(blob_.substr(4), 4) < blob_.size();
}

PackedStep ZiplistReader::Next(PackedElement* element) {
  if (static_cast<uint8_t>(blob_[at_]) == kZiplistEnd) return PackedStep::kEnd;
  // The last byte of the blob is its end mark, which belongs to no entry.
  const std::string_view rest = blob_.substr(at_, blob_.size() - 1 - at_);
  if (rest.empty()) return PackedStep::kBroken;
  size_t size = 1;
  uint64_t before = static_cast<uint8_t>(rest[0]);
  if (before == kLongBefore) {
    size = 5;
    if (rest.size() < size) return PackedStep::kBroken;
    before = LoadLittleEndian(rest.substr(1), 4);
  }
  const size_t rest_size = ParseEntry(rest.substr(size), element);
  if (rest_size == 0 || before != size_before_) return PackedStep::kBroken;
  size += rest_size;
  last_ = at_;
  at_ += size;
  size_before_ = size;
  ++count_;
  return PackedStep::kElement;
}

bool ZiplistReader::EndsWell() const {
  const uint64_t declared = LoadLittleEndian(blob_.substr(8), 2);
  return at_ == blob_.size() - 1 &&
         (count_ == 0 || last_ == LoadLittleEndian(blob_.substr(4), 4)) &&
         (declared == kUnknownCount || declared == count_);
}

}  // namespace resprobe
