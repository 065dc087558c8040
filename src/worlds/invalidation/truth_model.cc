#include "worlds/invalidation/truth_model.h"

#include <utility>

namespace resprobe::invalidation {

bool Change::Is(const Change& other) const {
  if (what != other.what) return false;
  switch (what) {
    case What::kFlushAll:
    case What::kSwapDb:
      return true;
    case What::kFlushDb:
      return db == other.db;
    case What::kValues:
    case What::kExpiry:
      break;
  }
  return db == other.db && count == other.count && slots[0] == other.slots[0] &&
         values[0] == other.values[0] && expire_at == other.expire_at &&
         (count < 2 || (slots[1] == other.slots[1] && values[1] == other.values[1]));
}

bool TruthModel::Affects(const Change& change) const {
  if (change.what != Change::What::kValues || change.values[0] != 0) return true;
  const auto& slots = truths_[change.db];
  return slots[change.slots[0]].value != 0 ||
         (change.count > 1 && slots[change.slots[1]].value != 0);
}

// A key never holds an earlier value again (except after a failover, where the truth restarts), so
// a version ends exactly when the value changes.
void TruthModel::Make(const Change& change) {
  switch (change.what) {
    case Change::What::kValues:
      for (size_t i = 0; i < change.count; ++i) {
        Truth& one = truths_[change.db][change.slots[i]];
        if (one.value != change.values[i]) one.version = change.version;
        one.value = change.values[i];
        one.may_expire = change.expire_at != 0;
      }
      break;
    case Change::What::kExpiry:
      truths_[change.db][change.slots[0]].may_expire = true;
      break;
    case Change::What::kFlushAll:
    case Change::What::kFlushDb:
      for (size_t db = 0; db < kDatabases; ++db) {
        if (db != change.db && change.what == Change::What::kFlushDb) continue;
        // This includes keys that did not exist: each client is notified of each key.
        Empty(db, change.version);
      }
      break;
    case Change::What::kSwapDb:
      for (size_t slot = 0; slot < kSlots; ++slot) {
        Truth& a = truths_[0][slot];
        Truth& b = truths_[1][slot];
        std::swap(a.value, b.value);
        std::swap(a.may_expire, b.may_expire);
        a.version = b.version = change.version;
      }
      break;
  }
}

void TruthModel::Limit(std::array<std::array<uint64_t, kSlots>, kDatabases>* versions) const {
  for (size_t db = 0; db < kDatabases; ++db) {
    for (size_t slot = 0; slot < kSlots; ++slot) {
      uint64_t& version = (*versions)[db][slot];
      version = std::min(version, truths_[db][slot].version);
    }
  }
}

}  // namespace resprobe::invalidation
