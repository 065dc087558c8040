#include "worlds/io_chaos/sent_requests.h"

#include <algorithm>

#include "core/resp/writer.h"

namespace resprobe {
namespace {

constexpr size_t kMuch = 32 * 1024;  // bytes

}  // namespace

void SentRequests::Reset() {
  commands_.clear();
  bytes_.clear();
  forgotten_ = dropped_ = received_ = 0;
}

uint64_t SentRequests::Add(uint64_t command, std::span<const std::string_view> words) {
  const uint64_t place = dropped_ + bytes_.size();
  resp::AppendRequest(&bytes_, words);
  commands_.push_back(command);
  return place;
}

void SentRequests::TakeBack(uint64_t place) {
  bytes_.resize(place - dropped_);
  commands_.pop_back();
}

std::string_view SentRequests::Next(size_t size) const {
  return std::string_view(bytes_).substr(std::min<uint64_t>(received_ - dropped_, bytes_.size()),
                                         size);
}

void SentRequests::Received(size_t size) {
  received_ += size;
  const uint64_t done = received_ - dropped_;
  if (done < kMuch || done * 2 < bytes_.size()) [[likely]]
    return;
  const auto drop = static_cast<size_t>(std::min<uint64_t>(done, bytes_.size()));
  bytes_.erase(0, drop);
  dropped_ += drop;
}

void SentRequests::ForgetBefore(uint64_t request) {
  if (request <= forgotten_) return;
  const uint64_t count = std::min<uint64_t>(request - forgotten_, commands_.size());
  commands_.erase(commands_.begin(), commands_.begin() + static_cast<ptrdiff_t>(count));
  forgotten_ += count;
}

}  // namespace resprobe
