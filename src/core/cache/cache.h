#ifndef RESPROBE_CORE_CACHE_CACHE_H_
#define RESPROBE_CORE_CACHE_CACHE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/keyspace/dict.h"

namespace resprobe::cache {

class CachingClient;

// What is known about a key, or about one field of a hash.
struct Entry {
  bool valid = false;                    // else PENDING: a read of it is in flight
  bool poisoned = false;                 // PENDING, and its reply must not be stored
  bool null = false;                     // VALID: the key or field does not exist
  uint64_t request = 0;                  // the owner's read that it comes from
  uint64_t epoch = 0;                    // the owner's epoch when that read was sent
  int64_t deadline_ms = 0;               // 0: none
  const CachingClient* owner = nullptr;  // the client that the server sends invalidations to
  std::string value;

  friend void RecycleSlot(Entry& entry) {
    RecycleString(entry.value);
    entry.valid = entry.poisoned = entry.null = false;
    entry.request = entry.epoch = 0;
    entry.deadline_ms = 0;
    entry.owner = nullptr;
  }
};

// The entries of one caching client, or of several that share them (CachingClient::Share). Not
// thread-safe. The name of a field's entry is the length of its key (4 bytes), the key, the field.
class Cache {
 public:
  Dict<Entry> keys;
  Dict<Entry> fields;

  static void FieldName(std::string_view key, std::string_view field, std::string* name);
  static std::string_view KeyOfField(std::string_view name);
  static std::string_view FieldOf(std::string_view name);

  const std::vector<CachingClient*>& members() const { return members_; }
  void Join(CachingClient* client) { members_.push_back(client); }
  // Removes all entries and members.
  void Reset();

 private:
  std::vector<CachingClient*> members_;
};

}  // namespace resprobe::cache

#endif  // RESPROBE_CORE_CACHE_CACHE_H_
