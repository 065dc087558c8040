#include "worlds/aof/aof_reference.h"

#include "core/table/letter_case.h"
#include "worlds/aof/aof_events.h"

namespace resprobe {
namespace {

constexpr size_t kMaxDigits = 9;
constexpr size_t kMaxAnnotation = 1000;

}  // namespace

// A header: its type, a number without leading zeros, CRLF.
AofReference::Part AofReference::ReadCount(char type, size_t* count) {
  *count = 0;
  if (at_ == bytes_.size()) return Part::kShort;
  if (bytes_[at_] != type) return Part::kStrange;
  const size_t first = ++at_;
  for (; at_ < bytes_.size() && bytes_[at_] >= '0' && bytes_[at_] <= '9'; ++at_) {
    if (at_ > first && *count == 0) return Part::kStrange;
    if (at_ - first == kMaxDigits) return Part::kStrange;
    *count = *count * 10 + static_cast<size_t>(bytes_[at_] - '0');
  }
  if (type == '*' && at_ > first && *count == 0) return Part::kStrange;
  const size_t left = bytes_.size() - at_;
  if (left == 0) return Part::kShort;
  if (at_ == first || bytes_[at_] != '\r') return Part::kStrange;
  if (left == 1) return Part::kShort;
  if (bytes_[at_ + 1] != '\n') return Part::kStrange;
  at_ += 2;
  return Part::kWhole;
}

AofReference::Part AofReference::ReadCommand() {
  size_t count = 0;
  if (const Part part = ReadCount('*', &count); part != Part::kWhole) return part;
  args_.clear();
  for (size_t i = 0; i < count; ++i) {
    size_t size = 0;
    if (const Part part = ReadCount('$', &size); part != Part::kWhole) return part;
    if (bytes_.size() - at_ < size + 2) return Part::kShort;
    if (bytes_[at_ + size] != '\r' || bytes_[at_ + size + 1] != '\n') return Part::kStrange;
    args_.emplace_back(bytes_.data() + at_, size);
    at_ += size + 2;
  }
  return Part::kWhole;
}

bool AofReference::Read(std::string_view bytes, Profile profile) {
  bytes_ = bytes;
  at_ = end_ = 0;
  commands_.clear();
  units_.clear();
  short_ = annotation_ = unknown_ = false;
  bool multi = false;
  size_t before_multi = 0;  // commands
  while (at_ < bytes.size()) {
    if (bytes[at_] == '#') {
      const size_t newline = bytes.find('\n', at_);
      const bool whole = newline != std::string_view::npos;
      if ((whole ? newline : bytes.size()) - at_ > kMaxAnnotation) return false;
      if (!whole) {
        annotation_ = true;
        break;
      }
      at_ = newline + 1;
      continue;
    }
    const Part part = ReadCommand();
    if (part == Part::kStrange) return false;
    if (part == Part::kShort) {
      short_ = true;
      break;
    }
    if (!KnowsCommand(args_, profile)) {
      unknown_ = true;
      break;
    }
    if (EqualsIgnoringCase(args_[0], "multi")) {
      if (!multi) before_multi = commands_.size();
      multi = true;
      continue;
    }
    if (multi && EqualsIgnoringCase(args_[0], "exec")) {
      multi = false;
    } else {
      commands_.push_back(CommandDigest(args_));
    }
    if (multi) continue;
    units_.push_back(commands_.size());
    end_ = at_;
  }
  if (multi) {
    commands_.resize(before_multi);
    short_ = short_ || !unknown_;
  }
  return true;
}

}  // namespace resprobe
