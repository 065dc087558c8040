#include "sim/toxic_stream.h"

#include <algorithm>

namespace resprobe {
namespace {

// Toxiproxy forwards a throttled stream in portions; each holds what arrives in this time, so that
// a slow rate appears as many short reads.
constexpr int64_t kPortionUs = 10'000;

// Toxics that act at an offset of the stream, in the order of precedence.
struct Stop {
  ToxicKind kind;
  ToxicStream::Step::Kind step;
};
constexpr Stop kStops[] = {{ToxicKind::kRst, ToxicStream::Step::Kind::kRst},
                           {ToxicKind::kFin, ToxicStream::Step::Kind::kFin},
                           {ToxicKind::kLimitData, ToxicStream::Step::Kind::kFin},
                           {ToxicKind::kHalfClose, ToxicStream::Step::Kind::kHalfClose}};
constexpr uint32_t kStopBits = [] {
  uint32_t bits = 0;
  for (const Stop& stop : kStops) bits |= uint32_t{1} << static_cast<size_t>(stop.kind);
  return bits;
}();

}  // namespace

void ToxicStream::Reset(uint64_t seed, ToxicDirection direction, ToxicCounts* counts) {
  direction_ = direction;
  counts_ = counts;
  random_ = seed;
  bytes_.Reset();
  ended_ = false;
  finished_ = false;
  end_us_ = 0;
  if (!had_toxics_) return;
  // The following changes only by toxics.
  had_toxics_ = false;
  on_ = 0;
  stamps_.clear();
  first_stamp_ = 0;
  next_slice_us_ = 0;
  slice_left_ = 0;
  rate_from_us_ = 0;
}

void ToxicStream::SetToxics(std::span<const Toxic> toxics, int64_t now_us) {
  const uint32_t was_on = on_;
  on_ = 0;
  for (const Toxic& toxic : toxics) {
    if (toxic.direction != direction_ || InfoOf(toxic.kind).place != ToxicPlace::kStream) continue;
    const auto kind = static_cast<size_t>(toxic.kind);
    if ((was_on & Bit(toxic.kind)) == 0 || !(toxics_[kind] == toxic)) since_us_[kind] = now_us;
    on_ |= Bit(toxic.kind);
    had_toxics_ = true;
    toxics_[kind] = toxic;
  }
}

uint64_t ToxicStream::Limit(ToxicKind kind) const {
  const Toxic* toxic = Find(kind);
  return toxic == nullptr ? kNowhere : static_cast<uint64_t>(toxic->values[0]);
}

uint64_t ToxicStream::Random(uint64_t bound) {  // splitmix64
  random_ += 0x9e3779b97f4a7c15;
  uint64_t z = random_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  z ^= z >> 31;
  return bound == 0 ? 0 : z % bound;
}

void ToxicStream::Put(std::string_view bytes, int64_t now_us) {
  if (ended_ || finished_ || bytes.empty()) return;
  int64_t at = now_us;
  if (const Toxic* latency = Find(ToxicKind::kLatency)) {
    const int64_t jitter = latency->values[1];
    at += latency->values[0] * 1000;
    if (jitter > 0) {
      at += static_cast<int64_t>(Random(static_cast<uint64_t>(2 * jitter * 1000 + 1))) -
            jitter * 1000;
    }
    at = std::max(at, now_us);
    if (at > now_us) counts_->Fired(ToxicKind::kLatency);
  }
  // Nothing is reordered.
  const bool delayed = first_stamp_ < stamps_.size();
  if (delayed) at = std::max(at, stamps_.back().at_us);
  if (at > now_us && (!delayed || stamps_.back().at_us != at)) stamps_.push_back({put(), at});
  bytes_.Put(bytes);
}

void ToxicStream::End(int64_t now_us) {
  if (ended_ || finished_) return;
  ended_ = true;
  bytes_.End();
  end_us_ = now_us;
  if (const Toxic* slow = Find(ToxicKind::kSlowClose)) {
    end_us_ += slow->values[0] * 1000;
    if (end_us_ > now_us) counts_->Fired(ToxicKind::kSlowClose);
  }
}

size_t ToxicStream::Room(size_t most) {
  const uint64_t limit = Limit(ToxicKind::kNeverRead);
  if (limit == kNowhere || put() + most <= limit) return most;
  counts_->Fired(ToxicKind::kNeverRead);
  return put() >= limit ? 0 : static_cast<size_t>(limit - put());
}

ToxicStream::Step ToxicStream::Finish(Step::Kind kind, ToxicKind cause, bool caused) {
  finished_ = true;
  if (caused) counts_->Fired(cause);
  bytes_.Lose();
  return {.kind = kind, .cause = cause, .caused = caused};
}

ToxicStream::Due ToxicStream::WhenDue(int64_t now_us) const {
  if (finished_) return {};
  int64_t wake = kNever;
  if (on_ != 0) {
    if (Find(ToxicKind::kDown) != nullptr) return {.at_us = now_us};
    // Toxics that act after a time.
    const auto due = [&](ToxicKind kind) {
      const int64_t at = since_us_[static_cast<size_t>(kind)] + Find(kind)->values[0] * 1000;
      wake = std::min(wake, std::max(at, now_us));
    };
    if (Find(ToxicKind::kResetPeer) != nullptr) due(ToxicKind::kResetPeer);
    if (wake == now_us) return {.at_us = now_us};
    if (const Toxic* timeout = Find(ToxicKind::kTimeout)) {
      if (timeout->values[0] > 0) due(ToxicKind::kTimeout);
      return {.at_us = wake, .held_by = ToxicKind::kTimeout, .held = held() > 0 || ended_};
    }
    // Toxics that act at an offset of the stream.
    if ((on_ & kStopBits) != 0) {
      for (const Stop& at : kStops) {
        if (Limit(at.kind) <= passed()) return {.at_us = now_us};
      }
    }
  }
  if (held() == 0) {
    return {.at_us = ended_ ? std::min(wake, std::max(end_us_, now_us)) : wake};
  }
  const Stamp* const delayed = FirstDelayed(now_us);
  if (delayed != nullptr && delayed->begin <= passed()) {
    return {.at_us = std::min(wake, delayed->at_us)};
  }
  if (on_ == 0) return {.at_us = now_us};
  if (Find(ToxicKind::kSlicer) != nullptr && next_slice_us_ > now_us) {
    return {.at_us = std::min(wake, next_slice_us_)};
  }
  if (const Toxic* bandwidth = Find(ToxicKind::kBandwidth)) {
    const Due slow = {.at_us = wake, .held_by = ToxicKind::kBandwidth, .held = true};
    if (bandwidth->values[0] == 0) return slow;
    if (rate_from_us_ > now_us) {
      return {.at_us = std::min(wake, rate_from_us_), .held_by = slow.held_by, .held = true};
    }
  }
  return {.at_us = now_us};
}

ToxicStream::Step ToxicStream::Next(int64_t now_us) {
  using Kind = Step::Kind;
  const Due due = WhenDue(now_us);
  if (due.at_us > now_us) {
    if (due.held) counts_->Fired(due.held_by);
    return {.at_us = due.at_us};
  }
  uint64_t stop = kNowhere;
  if (on_ != 0) {
    if (Find(ToxicKind::kDown) != nullptr) return Finish(Kind::kFin, ToxicKind::kDown, true);
    const auto is_due = [&](ToxicKind kind) {
      const Toxic* toxic = Find(kind);
      return toxic != nullptr &&
             since_us_[static_cast<size_t>(kind)] + toxic->values[0] * 1000 <= now_us;
    };
    if (is_due(ToxicKind::kResetPeer)) return Finish(Kind::kRst, ToxicKind::kResetPeer, true);
    if (Find(ToxicKind::kTimeout) != nullptr) return Finish(Kind::kFin, ToxicKind::kTimeout, true);
    if ((on_ & kStopBits) != 0) {
      for (const Stop& at : kStops) {
        const uint64_t limit = Limit(at.kind);
        if (limit <= passed()) return Finish(at.step, at.kind, true);
        stop = std::min(stop, limit);
      }
    }
  }
  if (held() == 0) return Finish(Kind::kHalfClose, ToxicKind::kSlowClose, false);
  const Stamp* const delayed = FirstDelayed(now_us);
  stop = std::min(stop, delayed == nullptr ? put() : delayed->begin);
  auto count = static_cast<size_t>(stop - passed());
  if (on_ == 0) return {.kind = Kind::kData, .bytes = bytes_.Peek(count)};
  if (const Toxic* slicer = Find(ToxicKind::kSlicer)) {
    if (slice_left_ == 0) {
      const int64_t variation = slicer->values[1];
      int64_t size = slicer->values[0];
      if (variation > 0) {
        size += static_cast<int64_t>(Random(static_cast<uint64_t>(2 * variation + 1))) - variation;
      }
      slice_left_ = static_cast<size_t>(std::max<int64_t>(size, 1));
    }
    if (count > slice_left_) {
      count = slice_left_;
      counts_->Fired(ToxicKind::kSlicer);
    }
  }
  if (const Toxic* bandwidth = Find(ToxicKind::kBandwidth)) {
    const int64_t rate = bandwidth->values[0];
    count = std::min(count, static_cast<size_t>(std::max<int64_t>(rate * kPortionUs / 1000, 1)));
  }
  return {.kind = Kind::kData, .bytes = bytes_.Peek(count)};
}

void ToxicStream::Taken(size_t count, int64_t now_us) {
  count = bytes_.Take(count).size();
  if (held() == 0) {
    stamps_.clear();
    first_stamp_ = 0;
  }
  while (first_stamp_ < stamps_.size() && stamps_[first_stamp_].at_us <= now_us) ++first_stamp_;
  if (on_ == 0) return;
  if (const Toxic* slicer = Find(ToxicKind::kSlicer)) {
    slice_left_ -= std::min(slice_left_, count);
    if (slice_left_ == 0) next_slice_us_ = now_us + slicer->values[2];
  }
  if (const Toxic* bandwidth = Find(ToxicKind::kBandwidth)) {
    const int64_t rate = bandwidth->values[0];
    if (rate > 0) rate_from_us_ = now_us + static_cast<int64_t>(count) * 1000 / rate;
  }
}

}  // namespace resprobe
