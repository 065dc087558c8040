#ifndef RESPROBE_WORLDS_DURABILITY_STATE_HISTORY_H_
#define RESPROBE_WORLDS_DURABILITY_STATE_HISTORY_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/keyspace/dict.h"
#include "core/keyspace/keyspace.h"
#include "core/server/watcher.h"

namespace resprobe {

// Every state that a keyspace has had: version 0 is empty, and each unit of changes makes the next
// one. Answers which of them a recovered keyspace is. The cost of a version is the number of keys
// that it changed; values are kept as digests.
class StateHistory : public ServerWatcher {
 public:
  // Begins again with version 0, an empty keyspace. `keyspace` is not owned.
  void Reset(const Keyspace* keyspace);

  // ServerWatcher.
  void OnKey(int db, std::string_view key) override;
  void OnDatabase(int db) override;
  void OnUnit() override { Commit(); }

  // Ends the current unit, if anything has changed. Returns the version.
  uint32_t Commit();
  uint32_t version() const { return version_; }

  // Compares all versions with another keyspace, at its time, which a server has recovered: keys
  // whose time to live has passed do not count. `accept(version)` says which versions may be
  // recovered.
  struct Match {
    std::optional<uint32_t> accepted;  // the latest of those that are accepted
    std::optional<uint32_t> any;       // the latest of all
  };
  template <class Accept>
  Match Find(const Keyspace& recovered, const Accept& accept);
  // The keys in which a version differs from that keyspace: "db0/key is missing", at most four.
  std::string Difference(const Keyspace& recovered, uint32_t version);

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

  void Touch(size_t key);
  size_t IndexOf(int db, std::string_view key);
  static State StateOf(const Keyspace& keyspace, std::string_view name);
  bool Differs(const Key& key) const;
  // Notes what the recovered keyspace holds; returns the number of keys in which the latest version
  // differs from it.
  size_t Compare(const Keyspace& recovered);

  const Keyspace* keyspace_ = nullptr;
  Dict<Key> keys_;  // by a byte for the database, and the name
  std::vector<size_t> touched_;
  std::vector<Change> changes_;
  uint32_t version_ = 0;
  int64_t recovered_ms_ = 0;  // the time of the recovered keyspace
  std::string name_;
};

template <class Accept>
StateHistory::Match StateHistory::Find(const Keyspace& recovered, const Accept& accept) {
  size_t wrong = Compare(recovered);
  Match match;
  size_t next = changes_.size();
  for (uint32_t version = version_;; --version) {
    if (wrong == 0) {
      if (!match.any) match.any = version;
      if (accept(version)) {
        match.accepted = version;
        break;
      }
    }
    if (version == 0) break;
    for (; next > 0 && changes_[next - 1].version == version; --next) {
      Key& key = keys_.at(changes_[next - 1].key).value;
      wrong -= Differs(key) ? 1 : 0;
      key.state = changes_[next - 1].before;
      wrong += Differs(key) ? 1 : 0;
    }
  }
  for (; next < changes_.size(); ++next)
    keys_.at(changes_[next].key).value.state = changes_[next].after;
  return match;
}

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_DURABILITY_STATE_HISTORY_H_
