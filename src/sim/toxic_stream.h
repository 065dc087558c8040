#ifndef RESPROBE_SIM_TOXIC_STREAM_H_
#define RESPROBE_SIM_TOXIC_STREAM_H_

// One direction of a connection with toxics on it: bytes go in as they are sent, and come out as
// the toxics let them. It neither waits nor reads a clock; its owner passes the time, moves the
// bytes, and asks again at the given time. So it works with virtual time as well as in a poll loop.
//
//   stream.Put(bytes, now);                    // the sender has sent
//   stream.End(now);                           // … and has closed its direction
//   for (;;) {
//     const ToxicStream::Step step = stream.Next(now);
//     kData:      forward step.bytes, as many as possible, then stream.Taken(count)
//     kHalfClose: end this direction at the receiver (SHUT_WR)
//     kFin, kRst: close the whole connection, gracefully or by a reset
//     kWait:      nothing before step.at_us, unless something is put in or changed
//   }

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "sim/byte_stream.h"
#include "sim/clock.h"
#include "sim/toxic.h"

namespace resprobe {

class ToxicStream {
 public:
  struct Step {
    enum class Kind : uint8_t { kData, kHalfClose, kFin, kRst, kWait };
    static constexpr int64_t kNever = resprobe::kNever;

    Kind kind = Kind::kWait;
    std::string_view bytes = {};         // of kData; valid until the next call
    int64_t at_us = kNever;              // of kWait: when to ask again
    ToxicKind cause = ToxicKind::kDown;  // of kFin, kRst, and a kHalfClose that is `caused`
    bool caused = false;                 // kHalfClose: by a toxic, not by the sender's End()
  };

  // A new stream without toxics. The seed determines jitter and the sizes of slices.
  void Reset(uint64_t seed, ToxicDirection direction, ToxicCounts* counts);

  // Sets the active toxics; those of the other direction and of other places are ignored. May
  // change at any time: what has been delayed already stays delayed.
  void SetToxics(std::span<const Toxic> toxics, int64_t now_us);

  void Put(std::string_view bytes, int64_t now_us);
  // The sender will send no more. The receiver sees this after all that was sent.
  void End(int64_t now_us);
  // True if any toxic is active, or was when the held bytes were put in.
  bool toxic() const { return on_ != 0 || first_stamp_ < stamps_.size(); }
  // True if something in the stream may be due later than now: a toxic is active, or a delay that
  // one has imposed has not passed.
  bool waits(int64_t now_us) const { return toxic() || end_us_ > now_us; }
  // Sets the direction, which selects the active toxics of the next SetToxics().
  void set_direction(ToxicDirection direction) { direction_ = direction; }
  // The delay in microseconds that the toxic latency adds to a byte that is put in now, without its
  // jitter.
  int64_t delay_us() const {
    const Toxic* latency = Find(ToxicKind::kLatency);
    return latency == nullptr ? 0 : latency->values[0] * 1000;
  }
  // The number of bytes that the sender may put in now: none if a never_read has fired, so that its
  // send buffer fills; at most `most`.
  size_t Room(size_t most);

  Step Next(int64_t now_us);
  // When Next() returns something other than kWait: `now_us` if at once, kNever if only a change
  // can cause it. Changes nothing.
  int64_t NextDue(int64_t now_us) const { return WhenDue(now_us).at_us; }
  // `count` bytes of the last kData were forwarded.
  void Taken(size_t count, int64_t now_us);

  size_t held() const { return bytes_.in_flight(); }  // put in and not forwarded
  uint64_t passed() const { return bytes_.delivered(); }
  uint64_t put() const { return bytes_.sent(); }
  // The held bytes, for an owner that forwards them without regard to toxics and time: when the
  // tape decides how many arrive.
  ByteStream& bytes() { return bytes_; }
  const ByteStream& bytes() const { return bytes_; }
  // After kFin, kRst or kHalfClose there is nothing more.
  bool finished() const { return finished_; }

 private:
  // A part of the held bytes: from `begin` on (an offset in the stream), not before `at_us`.
  struct Stamp {
    uint64_t begin;
    int64_t at_us;
  };
  // When something is due, and which toxic holds bytes until then, if it counts that.
  struct Due {
    int64_t at_us = kNever;
    ToxicKind held_by = ToxicKind::kDown;
    bool held = false;
  };

  Due WhenDue(int64_t now_us) const;
  // The first stamp whose delay has not passed, or nullptr: up to its beginning the delays have.
  const Stamp* FirstDelayed(int64_t now_us) const {
    for (size_t i = first_stamp_; i < stamps_.size(); ++i) {
      if (stamps_[i].at_us > now_us) return &stamps_[i];
    }
    return nullptr;
  }

  static constexpr uint32_t Bit(ToxicKind kind) { return uint32_t{1} << static_cast<size_t>(kind); }
  const Toxic* Find(ToxicKind kind) const {
    return (on_ & Bit(kind)) != 0 ? &toxics_[static_cast<size_t>(kind)] : nullptr;
  }
  Step Finish(Step::Kind kind, ToxicKind cause, bool caused);
  // The offset in the stream at which a toxic of this kind acts, if it is active; else kNowhere.
  uint64_t Limit(ToxicKind kind) const;
  // Derived from the seed; in [0, bound).
  uint64_t Random(uint64_t bound);

  static constexpr uint64_t kNowhere = UINT64_MAX;

  ToxicDirection direction_ = ToxicDirection::kDownstream;
  ToxicCounts* counts_ = nullptr;
  uint64_t random_ = 0;
  static_assert(kToxicKinds <= 32);
  uint32_t on_ = 0;          // Bit() of each active toxic
  bool had_toxics_ = false;  // one was active since Reset()

  ByteStream bytes_;
  std::vector<Stamp> stamps_;  // [first_stamp_, size()) may not have come yet
  size_t first_stamp_ = 0;
  bool ended_ = false;
  bool finished_ = false;
  int64_t end_us_ = 0;  // when the end was put in, or later by slow_close
  int64_t next_slice_us_ = 0;
  size_t slice_left_ = 0;                    // of the slice being forwarded
  int64_t rate_from_us_ = 0;                 // bandwidth: available from then on
  std::array<Toxic, kToxicKinds> toxics_{};  // by kind
  std::array<int64_t, kToxicKinds> since_us_{};
};

}  // namespace resprobe

#endif  // RESPROBE_SIM_TOXIC_STREAM_H_
