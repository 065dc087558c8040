#ifndef RESPROBE_SIM_LINK_H_
#define RESPROBE_SIM_LINK_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace resprobe {

// One direction of a connection: an ordered stream of bytes on its way. Nothing moves by itself;
// the world takes off as many bytes as the tape says. Offsets count from the start of the stream.
class Link {
 public:
  // A new stream.
  void Reset() {
    bytes_.clear();
    taken_ = 0;
    delivered_ = 0;
    ended_ = false;
  }

  // Puts bytes on the way. Ignored after End().
  void Put(std::string_view bytes) {
    if (!ended_) bytes_.append(bytes);
  }
  // Where the receiver appends by itself; nothing else may be called meanwhile.
  std::string* buffer() { return &bytes_; }

  // The sender is gone: what is on its way can still arrive, and then the end is seen.
  void End() { ended_ = true; }
  // What is on its way never arrives.
  void Lose() {
    bytes_.clear();
    taken_ = 0;
  }

  // Of what is on its way only the first `count` bytes will arrive.
  void Keep(size_t count) {
    if (in_flight() > count) bytes_.resize(taken_ + count);
  }

  // The next `count` bytes arrive, or all if there are fewer. Valid until the next Put() or Take().
  std::string_view Take(size_t count) {
    if (taken_ == bytes_.size()) Lose();
    const std::string_view arrived = std::string_view(bytes_).substr(taken_, count);
    taken_ += arrived.size();
    delivered_ += arrived.size();
    return arrived;
  }

  size_t in_flight() const { return bytes_.size() - taken_; }
  std::string_view bytes_in_flight() const { return std::string_view(bytes_).substr(taken_); }
  uint64_t delivered() const { return delivered_; }
  uint64_t sent() const { return delivered_ + in_flight(); }
  // The end has been reached: all that was sent has arrived, and no more will come.
  bool at_end() const { return ended_ && in_flight() == 0; }

 private:
  std::string bytes_;
  size_t taken_ = 0;
  uint64_t delivered_ = 0;
  bool ended_ = false;
};

}  // namespace resprobe

#endif  // RESPROBE_SIM_LINK_H_
