#include "sim/toxic_stream.h"

#include <algorithm>

namespace resprobe {
namespace {

// Toxiproxy passes a throttled stream on in portions; so that a slow rate is seen as many short
// reads, each holds what arrives in this time.
constexpr int64_t kPortionUs = 10'000;

}  // namespace

void ToxicStream::Reset(uint64_t seed, ToxicDirection direction, ToxicCounts* counts) {
  direction_ = direction;
  counts_ = counts;
  random_ = seed;
  on_.fill(false);
  bytes_.clear();
  start_ = 0;
  stamps_.clear();
  first_stamp_ = 0;
  put_ = 0;
  passed_ = 0;
  ended_ = false;
  finished_ = false;
  end_us_ = 0;
  next_slice_us_ = 0;
  slice_left_ = 0;
  rate_from_us_ = 0;
}

void ToxicStream::SetToxics(std::span<const Toxic> toxics, int64_t now_us) {
  const auto was_on = on_;
  on_.fill(false);
  for (const Toxic& toxic : toxics) {
    if (toxic.direction != direction_ || InfoOf(toxic.kind).place != ToxicPlace::kStream) continue;
    const auto kind = static_cast<size_t>(toxic.kind);
    if (!was_on[kind] || !(toxics_[kind] == toxic)) since_us_[kind] = now_us;
    on_[kind] = true;
    toxics_[kind] = toxic;
  }
}

const Toxic* ToxicStream::Find(ToxicKind kind) const {
  return on_[static_cast<size_t>(kind)] ? &toxics_[static_cast<size_t>(kind)] : nullptr;
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
  if (start_ == bytes_.size()) {
    bytes_.clear();
    start_ = 0;
  }
  bytes_.append(bytes);
  put_ += bytes.size();
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
  // Nothing overtakes.
  if (first_stamp_ < stamps_.size()) at = std::max(at, stamps_.back().at_us);
  if (first_stamp_ < stamps_.size() && stamps_.back().at_us == at) {
    stamps_.back().end = put_;
  } else {
    stamps_.push_back({put_, at});
  }
}

void ToxicStream::End(int64_t now_us) {
  if (ended_ || finished_) return;
  ended_ = true;
  end_us_ = now_us;
  if (const Toxic* slow = Find(ToxicKind::kSlowClose)) {
    end_us_ += slow->values[0] * 1000;
    if (end_us_ > now_us) counts_->Fired(ToxicKind::kSlowClose);
  }
}

size_t ToxicStream::Room(size_t most) {
  const uint64_t limit = Limit(ToxicKind::kNeverRead);
  if (limit == kNowhere || put_ + most <= limit) return most;
  counts_->Fired(ToxicKind::kNeverRead);
  return put_ >= limit ? 0 : static_cast<size_t>(limit - put_);
}

ToxicStream::Step ToxicStream::Finish(Step::Kind kind, ToxicKind cause, bool caused) {
  finished_ = true;
  if (caused) counts_->Fired(cause);
  bytes_.clear();
  start_ = 0;
  return {.kind = kind, .cause = cause, .caused = caused};
}

ToxicStream::Step ToxicStream::Next(int64_t now_us) {
  using Kind = Step::Kind;
  if (finished_) return {};
  if (Find(ToxicKind::kDown) != nullptr) return Finish(Kind::kFin, ToxicKind::kDown, true);

  // What acts after a time.
  int64_t wake = Step::kNever;
  const auto due = [&](ToxicKind kind) {
    const int64_t at = since_us_[static_cast<size_t>(kind)] + Find(kind)->values[0] * 1000;
    if (at > now_us) wake = std::min(wake, at);
    return at <= now_us;
  };
  if (Find(ToxicKind::kResetPeer) != nullptr && due(ToxicKind::kResetPeer)) {
    return Finish(Kind::kRst, ToxicKind::kResetPeer, true);
  }
  if (const Toxic* timeout = Find(ToxicKind::kTimeout)) {
    if (timeout->values[0] > 0 && due(ToxicKind::kTimeout)) {
      return Finish(Kind::kFin, ToxicKind::kTimeout, true);
    }
    if (held() > 0 || ended_) counts_->Fired(ToxicKind::kTimeout);
    return {.at_us = wake};
  }

  // What acts at a place in the stream.
  struct Stop {
    ToxicKind kind;
    Kind step;
  };
  constexpr Stop kStops[] = {{ToxicKind::kRst, Kind::kRst},
                             {ToxicKind::kFin, Kind::kFin},
                             {ToxicKind::kLimitData, Kind::kFin},
                             {ToxicKind::kHalfClose, Kind::kHalfClose}};
  uint64_t stop = kNowhere;
  for (const Stop& at : kStops) {
    const uint64_t limit = Limit(at.kind);
    if (limit <= passed_) return Finish(at.step, at.kind, true);
    stop = std::min(stop, limit);
  }

  if (held() == 0) {
    if (!ended_) return {.at_us = wake};
    if (end_us_ > now_us) return {.at_us = std::min(wake, end_us_)};
    return Finish(Kind::kHalfClose, ToxicKind::kSlowClose, false);
  }
  while (stamps_[first_stamp_].end <= passed_) ++first_stamp_;
  if (stamps_[first_stamp_].at_us > now_us) {
    return {.at_us = std::min(wake, stamps_[first_stamp_].at_us)};
  }
  uint64_t end = passed_;
  for (size_t i = first_stamp_; i < stamps_.size() && stamps_[i].at_us <= now_us; ++i) {
    end = stamps_[i].end;
  }
  end = std::min(end, stop);
  auto count = static_cast<size_t>(end - passed_);

  if (const Toxic* slicer = Find(ToxicKind::kSlicer)) {
    if (next_slice_us_ > now_us) return {.at_us = std::min(wake, next_slice_us_)};
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
    if (rate == 0) {
      counts_->Fired(ToxicKind::kBandwidth);
      return {.at_us = wake};
    }
    if (rate_from_us_ > now_us) {
      counts_->Fired(ToxicKind::kBandwidth);
      return {.at_us = std::min(wake, rate_from_us_)};
    }
    count = std::min(count, static_cast<size_t>(std::max<int64_t>(rate * kPortionUs / 1000, 1)));
  }
  return {.kind = Kind::kData, .bytes = std::string_view(bytes_).substr(start_, count)};
}

void ToxicStream::Taken(size_t count, int64_t now_us) {
  count = std::min(count, held());
  start_ += count;
  passed_ += count;
  if (start_ == bytes_.size()) {
    stamps_.clear();
    first_stamp_ = 0;
  }
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
