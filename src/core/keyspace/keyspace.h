#ifndef RESPROBE_CORE_KEYSPACE_KEYSPACE_H_
#define RESPROBE_CORE_KEYSPACE_KEYSPACE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/keyspace/dict.h"
#include "core/keyspace/object.h"

namespace resprobe {

// Receives every change of a key, for WATCH and tracking.
class KeyspaceObserver {
 public:
  virtual ~KeyspaceObserver() = default;
  // Called after a command has changed, created (`added`) or deleted the key.
  virtual void OnKeyModified(int db, std::string_view key, bool added) = 0;
  // Called after the server has deleted the key by itself, because it expired or was evicted.
  virtual void OnKeyGone(int db, std::string_view key) = 0;
  // Called before all keys of one database, or of all (db == -1), are removed.
  virtual void OnFlush(int db) = 0;
};

// The databases.
//
// Expiry: an expired key is deleted when a command looks it up (lazily), or by the active cycle,
// whichever is first; both report it as a modification. Until then it occupies memory and counts in
// DBSIZE, as on a server, but no lookup returns it.
//
// Every writing command ends with Modified(db, key) for each key that it changed; only that
// function deletes empty containers, updates the memory account, counts the change and notifies the
// observer.
class Keyspace {
 public:
  // Who expires keys.
  enum class Expiry : uint8_t {
    kOwn,      // this server
    kPrimary,  // its primary, by sending a DEL; until then an expired key stays but is not found
    kIgnored,  // none: an expired key is found, as by the commands of a primary's stream
  };

  static constexpr size_t kMaxStringBytes = 512u << 20;

  explicit Keyspace(int databases = 16);
  ~Keyspace();
  Keyspace(const Keyspace&) = delete;
  Keyspace& operator=(const Keyspace&) = delete;

  // Resets to an empty state at time `now_ms`, keeping memory. Does not notify the observer.
  void Reset(int64_t now_ms);
  void set_observer(KeyspaceObserver* observer) { observer_ = observer; }
  KeyspaceObserver* observer() const { return observer_; }

  int databases() const { return static_cast<int>(dbs_.size()); }
  int64_t now_ms() const { return now_ms_; }

  // --- Lookups. The result is valid until the next insertion or deletion in the database.

  // Returns the live value, or nullptr. Deletes the key if it has expired. Counts as a use of the
  // value (Object::used_at()), unless set_marks_use() says otherwise.
  Object* Find(int db, std::string_view key);
  // The same, but does not count as a use.
  Object* Look(int db, std::string_view key);
  // The same, without deleting.
  const Object* Peek(int db, std::string_view key) const;

  // --- Changes. None of these notifies the observer of its change: Modified() does. A key that is
  // to get a value and has expired is deleted first, as by a lookup, and then is a new one.

  // Returns the value of the key, after creating an empty one of that type if there is no live one.
  // An existing value must be of the type.
  Object& FindOrCreate(int db, std::string_view key, ObjectType type);
  // Creates a new empty value for the key, replacing any previous value and, unless `keep_expiry`,
  // its expiry.
  Object& Overwrite(int db, std::string_view key, ObjectType type, bool keep_expiry = false);
  // Overwrites the key with a string.
  void SetString(int db, std::string_view key, std::string_view value, bool keep_expiry = false);
  // Sets (or with kNoExpiry removes) the expiry of an existing key.
  void SetExpiry(int db, std::string_view key, int64_t at_ms);
  // Sets the time of the last use of an existing key to `seconds` ago.
  void SetIdle(int db, std::string_view key, uint64_t seconds);
  // Deletes the key without checking its expiry; false if it does not exist.
  bool Remove(int db, std::string_view key);
  // Moves the value and its expiry, replacing the destination. The source must exist.
  void Rename(int db, std::string_view from, int to_db, std::string_view to);
  // Copies them, replacing the destination. The source must exist and differ from the destination.
  void Copy(int db, std::string_view from, int to_db, std::string_view to);

  // Call this once for every key that a command changed, after the change. Deletes the key if its
  // container is empty.
  void Modified(int db, std::string_view key);

  // Deletes the key and reports a modification; false if the key did not exist or had expired.
  bool Delete(int db, std::string_view key);
  // The same for a key whether it has expired or not, as a command does with a destination for
  // which it has nothing (redis 7.0 db.c dbDelete).
  bool DeleteEvenExpired(int db, std::string_view key);
  // Deletes the key, live or not, as a server does at its maxmemory; false if it does not exist.
  // Like expiry, this is not attributed to a command and does not count in dirty().
  bool Evict(int db, std::string_view key);

  // --- Whole databases.

  void Flush(int db);  // -1: all. Notifies the observer first.
  void Swap(int a, int b);
  // As counted by DBSIZE: includes keys that have expired but are not yet deleted.
  size_t KeyCount(int db) const { return dbs_[db].keys.size(); }
  // How many of those have an expiry, and how many have expired.
  size_t VolatileCount(int db) const { return dbs_[db].with_expiry; }
  size_t ExpiredCount(int db) const;
  // For KEYS, SCAN, RANDOMKEY. Check Expired() before showing an entry.
  const Dict<Object>& keys(int db) const { return dbs_[db].keys; }
  // A key is still live in the millisecond of its expiry time (redis 7.0 db.c keyIsExpired).
  bool Expired(const Object& object) const {
    return object.expire_at() != kNoExpiry && object.expire_at() < now_ms_ &&
           expiry_ != Expiry::kIgnored;
  }
  // True if a command that sets this expiry time deletes the key instead (redis 7.0 expire.c
  // checkAlreadyExpired).
  bool AlreadyExpired(int64_t at_ms) const { return at_ms <= now_ms_ && expiry_ == Expiry::kOwn; }

  // --- The clock and the memory account.

  // Sets the clock, which never goes back. When it passes a multiple of kCyclePeriodMs, the active
  // expiry cycle runs once: in every database it checks kCycleKeys keys that have an expiry, and
  // continues while more than a tenth of them had expired. So expired keys can remain until a
  // lookup finds them.
  void AdvanceTo(int64_t now_ms);
  static constexpr int64_t kCyclePeriodMs = 100;
  static constexpr size_t kCycleKeys = 20;
  void set_active_expiry(bool on) { active_expiry_ = on; }
  // kOwn after Reset().
  void set_expiry(Expiry expiry) { expiry_ = expiry; }
  // While this is set, expired keys are not found but stay, and no cycle runs.
  void HoldExpiry(bool hold) { expiry_held_ = hold; }
  // Sets whether Find() counts as a use; true by default.
  void set_marks_use(bool marks) { marks_use_ = marks; }

  // Modifications by commands, and deletions by expiry, since the start.
  uint64_t dirty() const { return dirty_; }
  uint64_t expired() const { return expired_; }
  // Bytes accounted to keys and values: a cost model that is a function of the contents alone.
  // Exactly 0 when there are no keys.
  size_t used_memory() const { return used_memory_; }

  // --- Self-checks. They return the first inconsistency found, or an empty string.

  std::string CheckIntegrity() const;
  std::string CheckKey(int db, std::string_view key) const;
  // A digest of type, value (lists and sorted sets in order, the others as sets) and expiry; 0 if
  // the key does not exist or has expired.
  uint64_t Digest(int db, std::string_view key) const;
  // The same without the expiry.
  uint64_t ValueDigest(int db, std::string_view key) const;
  // A digest over all keys of all databases.
  uint64_t Digest() const;

 private:
  struct Database {
    Dict<Object> keys;
    size_t with_expiry = 0;
    size_t cycle_cursor = 0;  // where the active cycle continues
  };
  static uint64_t DigestOf(const Object& value, int64_t expire_at);
  template <class T>
  struct Pool {
    std::vector<std::unique_ptr<T>> all;
    std::vector<T*> idle;
    T* Take();
    void Give(T* item);
  };

  void MakeContainer(Object& object, ObjectType type);
  bool DeletesExpired() const { return !expiry_held_ && expiry_ == Expiry::kOwn; }
  Object& Insert(int db, std::string_view key);
  void DropValue(Database& db, Object& object);
  void DropAccount(Object& object);
  void EraseAt(Database& db, size_t i);
  void DropAt(int db, size_t i);
  void ExpireAt(int db, size_t i);
  void Cycle(int db);
  void Empty(Database& db);
  std::string CheckEntry(int db, size_t i) const;

  std::vector<Database> dbs_;
  Pool<List> lists_;
  Pool<Hash> hashes_;
  Pool<Set> sets_;
  Pool<ZSet> zsets_;
  KeyspaceObserver* observer_ = nullptr;
  int64_t now_ms_ = 0;
  uint64_t dirty_ = 0;
  uint64_t expired_ = 0;
  size_t used_memory_ = 0;
  std::string scratch_key_;
  bool active_expiry_ = true;
  bool expiry_held_ = false;
  Expiry expiry_ = Expiry::kOwn;
  bool marks_use_ = true;
};

}  // namespace resprobe

#endif  // RESPROBE_CORE_KEYSPACE_KEYSPACE_H_
