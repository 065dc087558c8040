#ifndef RESPROBE_CORE_TRACKING_PREFIX_TABLE_H_
#define RESPROBE_CORE_TRACKING_PREFIX_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/keyspace/dict.h"
#include "core/tracking/client_ids.h"

namespace resprobe {

// Broadcasting (redis 7.0 tracking.c, PrefixTable): maps a prefix to the clients that listen to it,
// and to the keys under it that changed since the last broadcast, each with the client that changed
// it last. Prefixes are in byte order. A prefix without listeners is removed together with its
// keys.
class PrefixTable {
 public:
  struct Key {
    uint64_t writer = 0;  // the id of the last client that changed it; 0: changed without a
                          // client's command
    friend void RecycleSlot(Key& key) { key.writer = 0; }
  };
  struct Prefix {
    std::string text;
    ClientIds clients;  // in order of id
    Dict<Key> keys;
  };

  bool empty() const { return count_ == 0; }
  std::span<const Prefix> prefixes() const { return {prefixes_.data(), count_}; }
  bool Listens(std::string_view prefix, uint64_t client) const;
  // Sets `texts` to the client's prefixes, in order.
  void PrefixesOf(uint64_t client, std::vector<std::string_view>* texts) const;
  // True if the next broadcast will tell the client of a change of the key.
  bool Waits(uint64_t client, std::string_view key) const;

  void Add(std::string_view prefix, uint64_t client);
  // Removes the client from all its prefixes.
  void Remove(uint64_t client);
  // Records a change of the key.
  void Note(std::string_view key, uint64_t writer);
  // True if a changed key is pending under any prefix.
  bool pending() const { return pending_; }
  // Drops the pending changes after they have been sent.
  void Sent();
  void Clear();

 private:
  std::vector<Prefix> prefixes_;  // the first count_ are in use; the others keep memory
  size_t count_ = 0;
  bool pending_ = false;
};

}  // namespace resprobe

#endif  // RESPROBE_CORE_TRACKING_PREFIX_TABLE_H_
