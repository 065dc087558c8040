#ifndef RESPROBE_WORLDS_DURABILITY_STATE_HISTORY_H_
#define RESPROBE_WORLDS_DURABILITY_STATE_HISTORY_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/keyspace/dict.h"
#include "core/keyspace/keyspace.h"
#include "core/server/watcher.h"
#include "worlds/durability/judge.h"

namespace resprobe {

// Every state that a keyspace has had: version 0 is empty, and each unit of changes makes the next
// one, and so does each command of a transaction before its end. Answers which of them a recovered
// keyspace is. The cost of a version is the number of keys that it changed; values are kept as
// digests.
class StateHistory : public ServerWatcher {
 public:
  // Begins again with version 0, an empty keyspace. `keyspace` is not owned.
  void Reset(const Keyspace* keyspace);

  // ServerWatcher.
  void OnKey(int db, std::string_view key) override;
  void OnDatabase(int db) override;
  void OnUnit() override { Commit(); }
  void OnStep() override;

  // Ends the current unit, if anything has changed. Returns the version.
  uint32_t Commit();
  uint32_t version() const { return version_; }

  // Compares all versions with another keyspace, at its time, which a server has recovered: keys
  // whose time to live has passed do not count. Gives the judge those that are equal, from the
  // latest on.
  DurabilityVerdict Judge(const Keyspace& recovered, DurabilityJudge* judge);
  // The keys in which a version differs from that keyspace: "db0/key is missing", at most four.
  std::string Difference(const Keyspace& recovered, uint32_t version);
  // The keys that a version has changed: "db0/key", at most four.
  std::string Describe(uint32_t version) const;
  // True if that keyspace differs from a version only in keys that were touched after it, in any
  // database, or that no version has. (A keyspace that is the result of a log whose end is
  // garbage.) `or_missing`: or in keys that it lacks. (Keys were evicted.)
  bool DiffersOnlySince(const Keyspace& recovered, uint32_t version, bool or_missing = false);

  // The keyspace has been loaded anew, without reports: what it is now is the latest version, a new
  // one if it differs from the one before.
  uint32_t Reload();

 private:
  struct State {
    uint64_t digest = 0;  // 0: no such key
    int64_t expire_at = kNoExpiry;
    bool operator==(const State&) const = default;
  };
  struct Key {
    State state;    // in the version that is being looked at
    State current;  // of the recovered keyspace, while versions are compared
    bool touched = false;

    friend void RecycleSlot(Key& key) { key = {}; }
  };
  struct Change {
    uint32_t version;  // that made it
    uint32_t key;      // index in keys_
    State before;
    State after;
  };

  static constexpr size_t kMostNamed = 4;

  // Makes a version of what has changed, if anything has.
  bool Advance();
  // Whether the value, and only the time to live of a key differ.
  enum class Differs : uint8_t { kNone, kTime, kValue };
  Differs DifferenceOf(const Key& key) const;
  std::string NameOf(size_t key) const;
  // All keys have the state of this version, until Restore().
  void GoTo(uint32_t version);
  void Restore();
  void Touch(size_t key);
  size_t IndexOf(int db, std::string_view key);
  static State StateOf(const Keyspace& keyspace, std::string_view name);
  // Notes what the recovered keyspace holds.
  void Compare(const Keyspace& recovered);

  const Keyspace* keyspace_ = nullptr;
  Dict<Key> keys_;  // by a byte for the database, and the name
  std::vector<size_t> touched_;
  std::vector<Change> changes_;
  size_t next_ = 0;  // GoTo() has taken back the changes from here on
  // Keys that were touched and stayed as they were: the version then, and the index in keys_.
  std::vector<std::pair<uint32_t, uint32_t>> unchanged_;
  std::vector<uint32_t> flushes_;  // versions that have touched every key of a database
  bool flushed_ = false;
  uint32_t unit_ = 0;             // the version at the end of the last unit
  std::vector<uint32_t> inside_;  // versions in the midst of a unit, ascending
  uint32_t version_ = 0;
  int64_t recovered_ms_ = 0;  // the time of the recovered keyspace
  std::string name_;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_DURABILITY_STATE_HISTORY_H_
