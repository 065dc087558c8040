#ifndef RESPROBE_CORE_TRACKING_TRACKING_TABLE_H_
#define RESPROBE_CORE_TRACKING_TRACKING_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/keyspace/dict.h"
#include "core/tracking/client_ids.h"

namespace resprobe {

// Maps a key to the clients that may have it in their cache. Keys of all databases share one name
// space. Ids of clients that have disconnected or no longer track stay until the key is modified,
// as on the server (redis 7.0 tracking.c): the caller of Take() skips those.
class TrackingTable {
 public:
  size_t size() const { return keys_.size(); }
  bool empty() const { return keys_.empty(); }

  void Remember(std::string_view key, uint64_t client);
  bool Contains(std::string_view key, uint64_t client) const;

  // Removes the key from the table and moves its clients into `ids` (replacing its contents). False
  // if the key is not there.
  bool Take(std::string_view key, ClientIds* ids);

  void Clear() { keys_.Clear(); }
  const Dict<ClientIds>& keys() const { return keys_; }

 private:
  Dict<ClientIds> keys_;
};

}  // namespace resprobe

#endif  // RESPROBE_CORE_TRACKING_TRACKING_TABLE_H_
