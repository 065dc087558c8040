#include "core/keyspace/keyspace.h"

#include <algorithm>
#include <utility>

#include "core/keyspace/accounting.h"

namespace resprobe {
namespace {

constexpr size_t kNone = Dict<Object>::kNone;

}  // namespace

template <class T>
T* Keyspace::Pool<T>::Take() {
  if (idle.empty()) {
    all.push_back(std::make_unique<T>());
    return all.back().get();
  }
  T* item = idle.back();
  idle.pop_back();
  return item;
}

template <class T>
void Keyspace::Pool<T>::Give(T* item) {
  item->Clear();
  idle.push_back(item);
}

Keyspace::Keyspace(int databases) : dbs_(static_cast<size_t>(databases)) {}
Keyspace::~Keyspace() = default;

void Keyspace::Reset(int64_t now_ms) {
  for (Database& db : dbs_) Empty(db);
  now_ms_ = now_ms;
  dirty_ = 0;
  expired_ = 0;
  expiry_held_ = false;
  expiry_ = Expiry::kOwn;
  marks_use_ = true;
}

void Keyspace::Empty(Database& db) {
  if (db.keys.empty()) return;
  for (size_t i = 0; i < db.keys.size(); ++i) {
    Object& object = db.keys.at(i).value;
    DropValue(db, object);
    DropAccount(object);
  }
  db.keys.Clear();
  db.cycle_cursor = 0;
}

// --- Values.

void Keyspace::MakeContainer(Object& object, ObjectType type) {
  object.type_ = type;
  object.string_form_ = Object::StringForm::kNatural;
  object.used_at_ = now_ms_;
  switch (type) {
    case ObjectType::kList:
      object.container_.list = lists_.Take();
      break;
    case ObjectType::kHash:
      object.container_.hash = hashes_.Take();
      break;
    case ObjectType::kSet:
      object.container_.set = sets_.Take();
      break;
    case ObjectType::kZset:
      object.container_.zset = zsets_.Take();
      break;
    case ObjectType::kString:
    case ObjectType::kNone:
      break;
  }
}

// Removes the object's value and expiry; the caller updates its account.
void Keyspace::DropValue(Database& db, Object& object) {
  switch (object.type_) {
    case ObjectType::kList:
      lists_.Give(object.container_.list);
      break;
    case ObjectType::kHash:
      hashes_.Give(object.container_.hash);
      break;
    case ObjectType::kSet:
      sets_.Give(object.container_.set);
      break;
    case ObjectType::kZset:
      zsets_.Give(object.container_.zset);
      break;
    case ObjectType::kString:
      RecycleString(object.string_);
      break;
    case ObjectType::kNone:
      break;
  }
  object.container_.list = nullptr;
  object.type_ = ObjectType::kNone;
  object.string_form_ = Object::StringForm::kNatural;
  if (object.expire_at_ != kNoExpiry) {
    object.expire_at_ = kNoExpiry;
    --db.with_expiry;
  }
}

// Modified() takes the key for a new one then.
void Keyspace::DropAccount(Object& object) {
  used_memory_ -= object.accounted_;
  object.accounted_ = 0;
}

void Keyspace::EraseAt(Database& db, size_t i) {
  Object& object = db.keys.at(i).value;
  DropValue(db, object);
  DropAccount(object);
  db.keys.EraseAt(i);
}

// Deletes a key without a command asking for it.
void Keyspace::DropAt(int db, size_t i) {
  scratch_key_.assign(dbs_[db].keys.at(i).key);
  EraseAt(dbs_[db], i);
  if (observer_ != nullptr) observer_->OnKeyGone(db, scratch_key_);
}

void Keyspace::ExpireAt(int db, size_t i) {
  ++expired_;
  DropAt(db, i);
}

bool Keyspace::Evict(int db, std::string_view key) {
  const size_t i = dbs_[db].keys.IndexOf(key);
  if (i == kNone) return false;
  DropAt(db, i);
  return true;
}

// --- Lookups.

Object* Keyspace::Find(int db, std::string_view key) {
  Object* object = Look(db, key);
  if (object != nullptr && marks_use_) object->used_at_ = now_ms_;
  return object;
}

Object* Keyspace::Look(int db, std::string_view key) {
  Dict<Object>& keys = dbs_[db].keys;
  const size_t i = keys.IndexOf(key);
  if (i == kNone) return nullptr;
  Object& object = keys.at(i).value;
  if (Expired(object)) [[unlikely]] {
    if (DeletesExpired()) ExpireAt(db, i);
    return nullptr;
  }
  return &object;
}

const Object* Keyspace::Peek(int db, std::string_view key) const {
  const Object* object = dbs_[db].keys.Find(key);
  return object == nullptr || Expired(*object) ? nullptr : object;
}

// --- Changes.

Object& Keyspace::FindOrCreate(int db, std::string_view key, ObjectType type) {
  Object* found = Find(db, key);
  if (found != nullptr) return *found;
  Object& object = Insert(db, key);
  MakeContainer(object, type);
  return object;
}

// The entry of a key that is to get a value. All that can replace a key goes through here, so that
// no command can replace one that has expired without deleting it first (redis 7.0 db.c setKey,
// which looks the key up).
Object& Keyspace::Insert(int db, std::string_view key) {
  Dict<Object>& keys = dbs_[db].keys;
  const auto [i, added] = keys.InsertAt(key);
  Object& object = keys.at(i).value;
  if (added || !Expired(object)) [[likely]]
    return object;
  if (DeletesExpired()) {
    ExpireAt(db, i);
    return keys.Insert(key).first;
  }
  DropValue(dbs_[db], object);
  DropAccount(object);
  return object;
}

Object& Keyspace::Overwrite(int db, std::string_view key, ObjectType type, bool keep_expiry) {
  Database& database = dbs_[db];
  Object& object = Insert(db, key);
  if (object.type_ != ObjectType::kNone) {
    const int64_t expiry = object.expire_at_;
    DropValue(database, object);
    if (keep_expiry && expiry != kNoExpiry) {
      object.expire_at_ = expiry;
      ++database.with_expiry;
    }
  }
  MakeContainer(object, type);
  return object;
}

void Keyspace::SetString(int db, std::string_view key, std::string_view value, bool keep_expiry) {
  Overwrite(db, key, ObjectType::kString, keep_expiry).string_.assign(value);
}

void Keyspace::SetExpiry(int db, std::string_view key, int64_t at_ms) {
  Object* object = dbs_[db].keys.Find(key);
  if (object == nullptr) return;
  dbs_[db].with_expiry += (at_ms != kNoExpiry) - (object->expire_at_ != kNoExpiry);
  object->expire_at_ = at_ms;
}

void Keyspace::SetIdle(int db, std::string_view key, uint64_t seconds) {
  constexpr uint64_t kMostSeconds = 1 << 24;  // server.h LRU_CLOCK_MAX
  Object* object = dbs_[db].keys.Find(key);
  if (object == nullptr) return;
  object->used_at_ = now_ms_ - static_cast<int64_t>(std::min(seconds, kMostSeconds)) * 1000;
}

bool Keyspace::Remove(int db, std::string_view key) {
  const size_t i = dbs_[db].keys.IndexOf(key);
  if (i == kNone) return false;
  EraseAt(dbs_[db], i);
  return true;
}

bool Keyspace::Delete(int db, std::string_view key) {
  return Find(db, key) != nullptr && DeleteEvenExpired(db, key);
}

bool Keyspace::DeleteEvenExpired(int db, std::string_view key) {
  if (!Remove(db, key)) return false;
  Modified(db, key);
  return true;
}

void Keyspace::Rename(int db, std::string_view from, int to_db, std::string_view to) {
  Database& source = dbs_[db];
  const size_t i = source.keys.IndexOf(from);
  Object moved = std::move(source.keys.at(i).value);
  // The moved-from object owns nothing.
  Object& left = source.keys.at(i).value;
  left.type_ = ObjectType::kNone;
  left.expire_at_ = kNoExpiry;
  source.with_expiry -= moved.expire_at_ != kNoExpiry;
  EraseAt(source, i);

  Database& target = dbs_[to_db];
  Object& object = Insert(to_db, to);
  DropValue(target, object);
  DropAccount(object);
  moved.accounted_ = 0;  // a new key
  object = std::move(moved);
  target.with_expiry += object.expire_at_ != kNoExpiry;
}

void Keyspace::Copy(int db, std::string_view from, int to_db, std::string_view to) {
  const ObjectType type = dbs_[db].keys.Find(from)->type_;
  Object& copy = Overwrite(to_db, to, type);
  DropAccount(copy);  // a new key
  const Object& original = *dbs_[db].keys.Find(from);
  switch (type) {
    case ObjectType::kString:
      copy.string_ = original.string_;
      break;
    case ObjectType::kList:
      copy.list().CopyFrom(original.list());
      break;
    case ObjectType::kHash:
      copy.hash().CopyFrom(original.hash());
      break;
    case ObjectType::kSet:
      copy.set().CopyFrom(original.set());
      break;
    case ObjectType::kZset:
      copy.zset().CopyFrom(original.zset());
      break;
    case ObjectType::kNone:
      break;
  }
  copy.string_form_ = original.string_form_ == Object::StringForm::kNatural
                          ? Object::StringForm::kCopied
                          : original.string_form_;
  SetExpiry(to_db, to, original.expire_at_);
}

void Keyspace::Modified(int db, std::string_view key) {
  Database& database = dbs_[db];
  const size_t i = database.keys.IndexOf(key);
  bool added = false;
  if (i != kNone) {
    Object& object = database.keys.at(i).value;
    if (object.size() == 0) {
      EraseAt(database, i);
    } else {
      added = object.accounted_ == 0;
      const size_t bytes = object.bytes() + key.size() + kKeyOverhead;
      used_memory_ += bytes - object.accounted_;
      object.accounted_ = bytes;
    }
  }
  ++dirty_;
  if (observer_ != nullptr) observer_->OnKeyModified(db, key, added);
}

// --- Whole databases.

void Keyspace::Flush(int db) {
  if (observer_ != nullptr) observer_->OnFlush(db);
  for (int i = 0; i < databases(); ++i) {
    if (db == -1 || db == i) {
      dirty_ += dbs_[i].keys.size();
      Empty(dbs_[i]);
    }
  }
}

void Keyspace::Swap(int a, int b) {
  if (a == b) return;
  dbs_[a].keys.swap(dbs_[b].keys);
  std::swap(dbs_[a].with_expiry, dbs_[b].with_expiry);
  std::swap(dbs_[a].cycle_cursor, dbs_[b].cycle_cursor);
}

size_t Keyspace::ExpiredCount(int db) const {
  const Database& database = dbs_[db];
  if (database.with_expiry == 0) return 0;
  size_t count = 0;
  for (size_t i = 0; i < database.keys.size(); ++i) count += Expired(database.keys.at(i).value);
  return count;
}

// --- The clock.

void Keyspace::AdvanceTo(int64_t now_ms) {
  if (now_ms <= now_ms_) return;
  const bool due = now_ms / kCyclePeriodMs != now_ms_ / kCyclePeriodMs;
  now_ms_ = now_ms;
  if (!due || !active_expiry_ || !DeletesExpired()) return;
  for (int db = 0; db < databases(); ++db) {
    if (dbs_[db].with_expiry > 0) Cycle(db);
  }
}

// Walks downwards from where the last cycle stopped, at most once around.
void Keyspace::Cycle(int db) {
  Database& database = dbs_[db];
  size_t at = database.cycle_cursor;
  if (at == 0 || at > database.keys.size()) at = database.keys.size();
  size_t looked = 0;
  size_t expired = 0;
  while (at > 0) {
    const Object& object = database.keys.at(--at).value;
    if (object.expire_at() == kNoExpiry) continue;
    ++looked;
    if (Expired(object)) {
      ExpireAt(db, at);
      ++expired;
    }
    if (looked == kCycleKeys) {
      if (expired * 10 <= looked) break;
      looked = 0;
      expired = 0;
    }
  }
  database.cycle_cursor = at;
}

}  // namespace resprobe
