#include "core/keyspace/zset.h"

#include <algorithm>
#include <cmath>

#include "core/keyspace/accounting.h"

namespace resprobe {
namespace {

size_t MemberBytes(std::string_view member) { return ElementBytes(member) + sizeof(double); }

}  // namespace

size_t ZSet::LowerBound(double score, std::string_view member) const {
  const auto at = std::partition_point(order_.begin(), order_.end(), [&](const Ranked& r) {
    return r.score < score || (r.score == score && scores_.at(r.slot).key < member);
  });
  return static_cast<size_t>(at - order_.begin());
}

size_t ZSet::RankOf(std::string_view member) const {
  const double* score = Find(member);
  return score == nullptr ? size() : LowerBound(*score, member);
}

size_t ZSet::CountBelow(double bound, bool inclusive) const {
  const auto at = std::partition_point(order_.begin(), order_.end(), [&](const Ranked& r) {
    return inclusive ? r.score <= bound : r.score < bound;
  });
  return static_cast<size_t>(at - order_.begin());
}

size_t ZSet::CountLexBelow(std::string_view bound, bool inclusive) const {
  const auto at = std::partition_point(order_.begin(), order_.end(), [&](const Ranked& r) {
    const int order = std::string_view(scores_.at(r.slot).key).compare(bound);
    return inclusive ? order <= 0 : order < 0;
  });
  return static_cast<size_t>(at - order_.begin());
}

double ZSet::AsStored(std::string_view member, double score) const {
  if (score != 0 || !std::signbit(score)) return score;
  const bool stays_compact =
      compact_ &&
      (Find(member) != nullptr || (member.size() <= kCompactBytes && size() < kCompactMembers));
  return stays_compact ? 0.0 : score;
}

bool ZSet::Set(std::string_view member, double score) {
  const auto [slot, added] = scores_.InsertAt(member);
  double& stored = scores_.at(slot).value;
  if (added) {
    stored = score;
    bytes_ += MemberBytes(member);
    const size_t rank = LowerBound(score, member);
    order_.insert(order_.begin() + static_cast<ptrdiff_t>(rank),
                  {score, static_cast<uint32_t>(slot)});
    if (member.size() > kCompactBytes || size() > kCompactMembers) compact_ = false;
    return true;
  }
  if (stored == score) return false;
  const auto from = static_cast<ptrdiff_t>(LowerBound(stored, member));
  const auto to = static_cast<ptrdiff_t>(LowerBound(score, member));
  stored = score;
  order_[static_cast<size_t>(from)].score = score;
  if (to > from) {
    std::rotate(order_.begin() + from, order_.begin() + from + 1, order_.begin() + to);
  } else {
    std::rotate(order_.begin() + to, order_.begin() + from, order_.begin() + from + 1);
  }
  return false;
}

void ZSet::EraseRank(size_t rank) {
  const size_t slot = order_[rank].slot;
  order_.erase(order_.begin() + static_cast<ptrdiff_t>(rank));
  bytes_ -= MemberBytes(scores_.at(slot).key);
  const size_t last = scores_.size() - 1;
  if (slot != last) {
    // The dict moves its last entry into the gap.
    const auto& moved = scores_.at(last);
    order_[LowerBound(moved.value, moved.key)].slot = static_cast<uint32_t>(slot);
  }
  scores_.EraseAt(slot);
}

bool ZSet::Erase(std::string_view member) {
  const size_t rank = RankOf(member);
  if (rank == size()) return false;
  EraseRank(rank);
  return true;
}

void ZSet::EraseRanks(size_t first, size_t count) {
  for (size_t i = count; i > 0; --i) EraseRank(first + i - 1);
}

void ZSet::Clear() {
  scores_.Clear();
  order_.clear();
  if (order_.capacity() > kMaxIdleSlots) order_.shrink_to_fit();
  bytes_ = 0;
  compact_ = true;
}

void ZSet::CopyFrom(const ZSet& other) {
  Clear();
  for (size_t i = 0; i < other.size(); ++i) {
    Set(other.scores_.at(i).key, other.scores_.at(i).value);
  }
  compact_ = other.compact_;
}

void ZSet::swap(ZSet& other) noexcept {
  scores_.swap(other.scores_);
  order_.swap(other.order_);
  std::swap(bytes_, other.bytes_);
  std::swap(compact_, other.compact_);
}

const char* ZSet::Check() const {
  if (order_.size() != scores_.size()) return "zset: the two indexes differ in size";
  size_t bytes = 0;
  for (size_t rank = 0; rank < order_.size(); ++rank) {
    const Ranked& here = order_[rank];
    if (here.slot >= scores_.size()) return "zset: an index entry points outside";
    const auto& entry = scores_.at(here.slot);
    if (std::isnan(here.score)) return "zset: a score is not a number";
    if (entry.value != here.score) return "zset: the two indexes differ in a score";
    bytes += MemberBytes(entry.key);
    if (rank == 0) continue;
    // The order must be strictly ascending, which also rules out duplicates.
    const Ranked& before = order_[rank - 1];
    if (!(before.score < here.score ||
          (before.score == here.score && scores_.at(before.slot).key < entry.key))) {
      return "zset: not sorted";
    }
  }
  if (bytes != bytes_) return "zset: byte count is wrong";
  return scores_.Check();
}

}  // namespace resprobe
