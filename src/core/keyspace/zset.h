#ifndef RESPROBE_CORE_KEYSPACE_ZSET_H_
#define RESPROBE_CORE_KEYSPACE_ZSET_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/keyspace/dict.h"

namespace resprobe {

// The value of a sorted set. Two indexes over the same members: a dict member -> score, and a
// vector sorted by (score, member bytes) that refers to the dict's positions. A rank is a position
// in that vector, from 0 at the lowest score.
class ZSet {
 public:
  size_t size() const { return scores_.size(); }
  bool empty() const { return scores_.empty(); }
  size_t bytes() const { return bytes_; }
  // Members and scores by dict position, and Scan(). Not sorted.
  const Dict<double>& scores() const { return scores_; }

  const double* Find(std::string_view member) const { return scores_.Find(member); }

  // By rank; rank < size().
  const std::string& member_at(size_t rank) const { return scores_.at(order_[rank].slot).key; }
  double score_at(size_t rank) const { return order_[rank].score; }

  // The rank of a member; size() if it does not exist.
  size_t RankOf(std::string_view member) const;

  // The number of members with score < bound, or <= bound if `inclusive`. So the ranks of the
  // range [min, max] are [CountBelow(min, false), CountBelow(max, true)), of (min, max)
  // [CountBelow(min, true), CountBelow(max, false)).
  size_t CountBelow(double bound, bool inclusive) const;
  // The same over the member bytes, for the lexicographic ranges: counts by binary search, which
  // like the server's own assumes that all scores are equal. (If they differ, the server's answer
  // is unspecified; this one is a function of the contents.)
  size_t CountLexBelow(std::string_view bound, bool inclusive) const;

  // The score that a server would return after storing this one for the member: its compact
  // encoding stores whole numbers as integers, so -0 becomes 0.
  double AsStored(std::string_view member, double score) const;

  // Adds the member or changes its score; the score must not be NaN. Returns true if the member is
  // new. A score equal to the old one changes nothing, so 0 stays when -0 is set.
  bool Set(std::string_view member, double score);
  bool Erase(std::string_view member);
  // Removes the ranks [first, first + count), which must lie inside.
  void EraseRanks(size_t first, size_t count);
  void Clear();
  void CopyFrom(const ZSet& other);
  void swap(ZSet& other) noexcept;

  // True if a real server would still report "listpack": the set has never held more than 128
  // members, nor one over 64 bytes.
  bool compact() const { return compact_; }
  // zset-max-listpack-entries and zset-max-listpack-value.
  static constexpr size_t kCompactMembers = 128;
  static constexpr size_t kCompactBytes = 64;  // of a member
  // Some commands convert a sorted set to the large encoding (SORT, for the one that it reads).
  void MakeLarge() { compact_ = false; }
  // A server that loads a sorted set in its compact encoding keeps that, unless there are too many
  // members, whatever their sizes.
  void KeepPacked() { compact_ = size() <= kCompactMembers; }

  const char* Check() const;

 private:
  struct Ranked {
    double score;
    uint32_t slot;  // position in scores_
  };

  // The first rank whose entry is not less than (score, member).
  size_t LowerBound(double score, std::string_view member) const;
  void EraseRank(size_t rank);

  Dict<double> scores_;
  std::vector<Ranked> order_;
  size_t bytes_ = 0;
  bool compact_ = true;
};

}  // namespace resprobe

#endif  // RESPROBE_CORE_KEYSPACE_ZSET_H_
