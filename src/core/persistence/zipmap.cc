#include "core/persistence/zipmap.h"

#include "core/persistence/little_endian.h"

namespace resprobe {
namespace {

constexpr uint8_t kLongLength = 254;
constexpr uint8_t kZipmapEnd = 255;

}  // namespace

bool ZipmapReader::HeaderFits() const {
  return blob_.size() >= 2 && static_cast<uint8_t>(blob_.back()) == kZipmapEnd;
}

bool ZipmapReader::ReadLength(size_t* length) {
  const size_t end = blob_.size() - 1;
  *length = static_cast<uint8_t>(blob_[at_]);
  if (*length < kLongLength) {
    ++at_;
    return true;
  }
  if (end - at_ < 5) return false;
  *length = LoadLittleEndian(blob_.substr(at_ + 1), 4);
  at_ += 5;
  return true;
}

PackedStep ZipmapReader::Next(PackedElement* element) {
  const size_t end = blob_.size() - 1;
  const bool is_value = elements_ % 2 != 0;
  if (!is_value && static_cast<uint8_t>(blob_[at_]) == kZipmapEnd) return PackedStep::kEnd;
  if (at_ == end) return PackedStep::kBroken;
  size_t length;
  if (!ReadLength(&length)) return PackedStep::kBroken;
  size_t unused = 0;  // bytes after a value
  if (is_value) {
    if (at_ == end) return PackedStep::kBroken;
    unused = static_cast<uint8_t>(blob_[at_++]);
  }
  if (length > end - at_ || unused > end - at_ - length) return PackedStep::kBroken;
  *element = {blob_.substr(at_, length), 0, false};
  at_ += length + unused;
  ++elements_;
  return PackedStep::kElement;
}

bool ZipmapReader::EndsWell() const {
  const uint8_t declared = static_cast<uint8_t>(blob_[0]);
  return at_ == blob_.size() - 1 && elements_ > 0 &&
         (declared == kLongLength || declared == elements_ / 2);
}

}  // namespace resprobe
