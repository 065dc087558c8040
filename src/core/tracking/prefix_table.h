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

// Broadcasting (redis 7.0 tracking.c, PrefixTable): prefix -> the clients that listen to it, and
// the keys under it that were changed since the last broadcast, each with the client that changed
// it last. Prefixes stand in the order of their bytes. A prefix that nobody listens to is not kept,
// and its keys go with it.
class PrefixTable {
 public:
  struct Key {
    uint64_t writer = 0;  // the id of the last client that changed it; 0: nobody's command did
    friend void RecycleSlot(Key& key) { key.writer = 0; }
  };
  struct Prefix {
    std::string text;
    ClientIds clients;  // in the order of their ids
    Dict<Key> keys;
  };

  bool empty() const { return count_ == 0; }
  std::span<const Prefix> prefixes() const { return {prefixes_.data(), count_}; }
  bool Listens(std::string_view prefix, uint64_t client) const;
  // The prefixes of the client, in their order.
  void PrefixesOf(uint64_t client, std::vector<std::string_view>* texts) const;
  // Whether a change of the key waits for the next broadcast to the client.
  bool Waits(uint64_t client, std::string_view key) const;

  void Add(std::string_view prefix, uint64_t client);
  // Takes the client away from all its prefixes.
  void Remove(uint64_t client);
  // The key was changed.
  void Note(std::string_view key, uint64_t writer);
  // Whether a changed key waits under any prefix.
  bool pending() const { return pending_; }
  // What waited has been sent.
  void Sent();
  void Clear();

 private:
  std::vector<Prefix> prefixes_;  // the first count_; the others keep memory
  size_t count_ = 0;
  bool pending_ = false;
};

}  // namespace resprobe

#endif  // RESPROBE_CORE_TRACKING_PREFIX_TABLE_H_
