#ifndef RESPROBE_SIM_BYTE_STREAM_H_
#define RESPROBE_SIM_BYTE_STREAM_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace resprobe {

// The bytes in flight in one direction of a connection, in order. Nothing moves by itself: the
// owner of the stream takes what arrives. Offsets count from the start of the stream, in bytes.
//
// Memory is kept; once the stream has reached its largest size, nothing is allocated.
class ByteStream {
 public:
  static constexpr uint64_t kNowhere = UINT64_MAX;

  // Starts a new stream.
  void Reset() {
    bytes_.clear();
    taken_ = 0;
    delivered_ = 0;
    cut_at_ = kNowhere;
    ended_ = false;
  }

  // Adds bytes. Ignored after End(), and beyond a cut.
  void Put(std::string_view bytes) {
    if (ended_) return;
    Compact();
    bytes_.append(bytes);
    if (cut_at_ != kNowhere) [[unlikely]]
      Trim();
  }
  // For an owner that appends by itself; nothing else may be called meanwhile.
  std::string* buffer() {
    if (taken_ == bytes_.size()) Clear();
    return &bytes_;
  }

  // The sender is gone: what is in flight can still arrive, and then the end is seen.
  void End() { ended_ = true; }
  // What is in flight is lost.
  void Lose() { Clear(); }
  // Only the first `count` bytes in flight will arrive.
  void Keep(size_t count) {
    if (in_flight() > count) bytes_.resize(taken_ + count);
  }
  // The stream is cut at this offset: no byte from there on ever arrives, whether it was sent
  // already or not. The receiver sees an end only if the stream has one (End()).
  void CutAt(uint64_t offset) {
    cut_at_ = offset;
    Trim();
  }
  bool cut() const { return cut_at_ != kNowhere; }

  // The next bytes, `count` or all if there are fewer, without taking them. Valid until the next
  // call that changes the stream.
  std::string_view Peek(size_t count) const {
    return std::string_view(bytes_).substr(taken_, count);
  }
  // The next `count` bytes arrive, or all if there are fewer. Valid until the next
  // Put(), buffer() or Take().
  std::string_view Take(size_t count) {
    Compact();
    const std::string_view arrived = Peek(count);
    taken_ += arrived.size();
    delivered_ += arrived.size();
    return arrived;
  }

  size_t in_flight() const { return bytes_.size() - taken_; }
  std::string_view bytes_in_flight() const { return std::string_view(bytes_).substr(taken_); }
  uint64_t delivered() const { return delivered_; }
  uint64_t sent() const { return delivered_ + in_flight(); }
  bool ended() const { return ended_; }
  // The end has been reached: all that was sent has arrived, and no more will come.
  bool at_end() const { return ended_ && in_flight() == 0; }

 private:
  void Clear() {
    bytes_.clear();
    taken_ = 0;
  }
  // Discards what has arrived, if that is cheap.
  void Compact() {
    constexpr size_t kMuch = 4096;
    if (taken_ == bytes_.size()) {
      Clear();
    } else if (taken_ >= kMuch && taken_ >= bytes_.size() / 2) [[unlikely]] {
      bytes_.erase(0, taken_);
      taken_ = 0;
    }
  }
  void Trim() {
    const uint64_t left = cut_at_ > delivered_ ? cut_at_ - delivered_ : 0;
    Keep(static_cast<size_t>(std::min<uint64_t>(left, in_flight())));
  }

  std::string bytes_;  // [taken_, size()) are on their way
  size_t taken_ = 0;
  uint64_t delivered_ = 0;
  uint64_t cut_at_ = kNowhere;
  bool ended_ = false;
};

}  // namespace resprobe

#endif  // RESPROBE_SIM_BYTE_STREAM_H_
