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

// What hears of every change of a key: WATCH and tracking.
class KeyspaceObserver {
 public:
  virtual ~KeyspaceObserver() = default;
  // A command has changed the key, made it (`added`) or deleted it. Called after the change.
  virtual void OnKeyModified(int db, std::string_view key, bool added) = 0;
  // The server has deleted the key by itself: its time had come, or it was evicted. Called after
  // that.
  virtual void OnKeyGone(int db, std::string_view key) = 0;
  // All keys of one database, or of all (db == -1), are about to go. Called before.
  virtual void OnFlush(int db) = 0;
};

// The databases.
//
// Expiry: a key whose time has come is deleted when a command looks it up (lazily), or by the
// active cycle, whichever is first; both report it as a modification. Until then it takes memory
// and counts in DBSIZE, as on a server, but no lookup returns it.
//
// Every writing command ends with Modified(db, key) for each key that it changed; that is the one
// place that deletes an empty container, keeps the memory account, counts the change and tells the
// observer.
class Keyspace {
 public:
  // Who lets keys expire.
  enum class Expiry : uint8_t {
    kOwn,      // this server
    kPrimary,  // its primary, whose DEL is to come: till then an expired key is not found, but
               // stays
    kIgnored,  // nobody: it is found, as by the commands of a primary's stream
  };

  static constexpr size_t kMaxStringBytes = 512u << 20;

  explicit Keyspace(int databases = 16);
  ~Keyspace();
  Keyspace(const Keyspace&) = delete;
  Keyspace& operator=(const Keyspace&) = delete;

  // Back to empty at time `now_ms`, keeping memory. Tells no observer.
  void Reset(int64_t now_ms);
  void set_observer(KeyspaceObserver* observer) { observer_ = observer; }

  int databases() const { return static_cast<int>(dbs_.size()); }
  int64_t now_ms() const { return now_ms_; }

  // --- Looking up. The result is valid until the next insertion or deletion in the database.

  // The live value, or nullptr. Deletes the key if its time has come. This is a use of the value
  // (Object::used_at()), unless set_marks_use() says otherwise.
  Object* Find(int db, std::string_view key);
  // The same, and no use.
  Object* Look(int db, std::string_view key);
  // The same without deleting.
  const Object* Peek(int db, std::string_view key) const;

  // --- Changing. None of these tells the observer: Modified() does.

  // The value under the key, made empty of that type if there was no (live) one. An existing value
  // must be of the type.
  Object& FindOrCreate(int db, std::string_view key, ObjectType type);
  // A new empty value under the key; what was there before goes, and its expiry with it unless
  // `keep_expiry`.
  Object& Overwrite(int db, std::string_view key, ObjectType type, bool keep_expiry = false);
  // Overwrite as a string.
  void SetString(int db, std::string_view key, std::string_view value, bool keep_expiry = false);
  // Sets (or with kNoExpiry removes) the expiry of an existing key.
  void SetExpiry(int db, std::string_view key, int64_t at_ms);
  // Deletes the key without a lookup's expiry; false if there is none.
  bool Remove(int db, std::string_view key);
  // Moves the value and its expiry, replacing what is at the destination. The source must exist.
  void Rename(int db, std::string_view from, int to_db, std::string_view to);
  // Copies likewise. The source must exist and differ from the destination.
  void Copy(int db, std::string_view from, int to_db, std::string_view to);

  // To be called once for every key that a command changed, after the change. Deletes the key if
  // its container is empty.
  void Modified(int db, std::string_view key);

  // Delete (live or not; reports a modification): false if the key was not there or had expired.
  bool Delete(int db, std::string_view key);
  // Deletes the key, live or not, as a server at its maxmemory does; false if there is none. Like
  // expiry it is no command's doing, and no modification of dirty().
  bool Evict(int db, std::string_view key);

  // --- Whole databases.

  void Flush(int db);  // -1: all. Tells the observer first.
  void Swap(int a, int b);
  // As DBSIZE counts: keys that have expired and are not yet deleted are included.
  size_t KeyCount(int db) const { return dbs_[db].keys.size(); }
  // How many of them have an expiry; how many have expired.
  size_t VolatileCount(int db) const { return dbs_[db].with_expiry; }
  size_t ExpiredCount(int db) const;
  // For KEYS, SCAN, RANDOMKEY. Check Expired() before showing an entry.
  const Dict<Object>& keys(int db) const { return dbs_[db].keys; }
  // Not yet in the millisecond that it is given until (redis 7.0 db.c keyIsExpired).
  bool Expired(const Object& object) const {
    return object.expire_at() != kNoExpiry && object.expire_at() < now_ms_ &&
           expiry_ != Expiry::kIgnored;
  }
  // Whether a command that lets a key expire at that time deletes it (redis 7.0 expire.c
  // checkAlreadyExpired).
  bool AlreadyExpired(int64_t at_ms) const { return at_ms <= now_ms_ && expiry_ == Expiry::kOwn; }

  // --- The clock and the account.

  // Sets the clock, which never goes back. When it passes a multiple of kCyclePeriodMs, the active
  // expiry cycle runs once: in every database it looks at kCycleKeys keys with an expiry, and goes
  // on while more than a tenth of them had expired. Keys can so stay behind, to be found lazily.
  void AdvanceTo(int64_t now_ms);
  static constexpr int64_t kCyclePeriodMs = 100;
  static constexpr size_t kCycleKeys = 20;
  void set_active_expiry(bool on) { active_expiry_ = on; }
  // kOwn after Reset().
  void set_expiry(Expiry expiry) { expiry_ = expiry; }
  // While it is held, keys whose time has come are not found, but stay, and no cycle runs.
  void HoldExpiry(bool hold) { expiry_held_ = hold; }
  // Whether Find() counts as a use; true until told otherwise.
  void set_marks_use(bool marks) { marks_use_ = marks; }

  // Modifications by commands since the start, and deletions by expiry.
  uint64_t dirty() const { return dirty_; }
  uint64_t expired() const { return expired_; }
  // Bytes accounted to keys and values: a model of memory that is a function of the contents
  // alone. Exactly 0 when there are no keys.
  size_t used_memory() const { return used_memory_; }

  // --- Self checks. Empty if all is well, else the first inconsistency found.

  std::string CheckIntegrity() const;
  std::string CheckKey(int db, std::string_view key) const;
  // A number that differs when type, value (lists and sorted sets in order, the others as sets) or
  // expiry differ; 0 if the key does not exist or has expired.
  uint64_t Digest(int db, std::string_view key) const;
  // Over all keys of all databases.
  uint64_t Digest() const;

 private:
  struct Database {
    Dict<Object> keys;
    size_t with_expiry = 0;
    size_t cycle_cursor = 0;  // where the active cycle goes on
  };
  template <class T>
  struct Pool {
    std::vector<std::unique_ptr<T>> all;
    std::vector<T*> idle;
    T* Take();
    void Give(T* item);
  };

  void MakeContainer(Object& object, ObjectType type);
  void DropValue(Database& db, Object& object);
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
