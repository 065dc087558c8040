#ifndef RESPROBE_WORLDS_INVALIDATION_TRUTH_MODEL_H_
#define RESPROBE_WORLDS_INVALIDATION_TRUTH_MODEL_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "worlds/invalidation/invalidation_ops.h"

namespace resprobe::invalidation {

// A change that a primary has made, and its replica will make.
struct Change {
  enum class What : uint8_t { kValues, kExpiry, kFlushAll, kFlushDb, kSwapDb };
  What what = What::kValues;
  uint8_t db = 0;
  uint8_t count = 0;  // slots
  std::array<uint8_t, 2> slots{};
  std::array<uint64_t, 2> values{};  // 0: deleted
  int64_t expire_at = 0;             // milliseconds since 1970; 0: never
  uint64_t version = 0;              // the version that begins with it
  uint64_t end = 0;                  // its end in the replication stream

  // True if it is the same change, whatever its version and end.
  bool Is(const Change& other) const;
};

// The truth about a slot.
struct Truth {
  uint64_t version = 1;     // of its last change
  uint64_t value = 0;       // number of its value; 0: nil
  bool may_expire = false;  // it was given a time to live
};

// The model of a server: its state after the changes that it has made, in their order.
class TruthModel {
 public:
  void Reset() {
    for (size_t db = 0; db < kDatabases; ++db) Empty(db, Truth().version);
  }

  const std::array<Truth, kSlots>& operator[](size_t db) const { return truths_[db]; }

  // True if the change has an effect.
  bool Affects(const Change& change) const;
  void Make(const Change& change);
  // Limits the versions to those that this server has: newer ones were lost with another server.
  void Limit(std::array<std::array<uint64_t, kSlots>, kDatabases>* versions) const;

 private:
  // Field by field: AddressSanitizer makes a call of each assignment of a whole Truth.
  void Empty(size_t db, uint64_t version) {
    for (Truth& truth : truths_[db]) {
      truth.version = version;
      truth.value = 0;
      truth.may_expire = false;
    }
  }

  std::array<std::array<Truth, kSlots>, kDatabases> truths_;
};

}  // namespace resprobe::invalidation

#endif  // RESPROBE_WORLDS_INVALIDATION_TRUTH_MODEL_H_
