#ifndef RESPROBE_CORE_SERVER_PUBSUB_H_
#define RESPROBE_CORE_SERVER_PUBSUB_H_

#include <cstdint>
#include <string_view>

#include "core/keyspace/dict.h"
#include "core/tracking/client_ids.h"

namespace resprobe {

// Maps a name to its subscribers: one instance for channels, one for patterns, one for shard
// channels. Subscribers are in order of subscription. A name without subscribers is removed.
class Subscriptions {
 public:
  // False if the client was already subscribed.
  bool Add(std::string_view name, uint64_t client);
  // False if the client was not subscribed.
  bool Remove(std::string_view name, uint64_t client);

  const ClientIds* Find(std::string_view name) const { return names_.Find(name); }
  const Dict<ClientIds>& names() const { return names_; }
  void Clear() { names_.Clear(); }

 private:
  Dict<ClientIds> names_;
};

}  // namespace resprobe

#endif  // RESPROBE_CORE_SERVER_PUBSUB_H_
