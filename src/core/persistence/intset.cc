#include "core/persistence/intset.h"

#include "core/persistence/little_endian.h"

namespace resprobe {
namespace {

constexpr size_t kIntsetHeader = 8;

size_t WidthOf(int64_t number) {
  if (number >= INT16_MIN && number <= INT16_MAX) return 2;
  return number >= INT32_MIN && number <= INT32_MAX ? 4 : 8;
}

}  // namespace

bool IntsetReader::HeaderFits() {
  if (blob_.size() < kIntsetHeader) return false;
  const uint64_t width = LoadLittleEndian(blob_, 4);
  if (width != 2 && width != 4 && width != 8) return false;
  const uint64_t count = LoadLittleEndian(blob_.substr(4), 4);
  if (count == 0 || kIntsetHeader + count * width != blob_.size()) return false;
  width_ = width;
  return true;
}

PackedStep IntsetReader::Next(PackedElement* element) {
  if (at_ == blob_.size()) return PackedStep::kEnd;
  const bool first = at_ == kIntsetHeader;
  const int64_t number = LoadSigned(blob_.substr(at_), width_);
  at_ += width_;
  const bool ascends = first || number > before_;
  before_ = number;
  *element = {{}, number, true};
  return ascends ? PackedStep::kElement : PackedStep::kBroken;
}

void AppendIntset(std::span<const int64_t> numbers, std::string* out) {
  const size_t first = numbers.empty() ? 2 : WidthOf(numbers.front());
  const size_t last = numbers.empty() ? 2 : WidthOf(numbers.back());
  const size_t width = first > last ? first : last;
  AppendLittleEndian(width, 4, out);
  AppendLittleEndian(numbers.size(), 4, out);
  for (const int64_t number : numbers) {
    AppendLittleEndian(static_cast<uint64_t>(number), width, out);
  }
}

}  // namespace resprobe
