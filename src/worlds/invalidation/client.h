#ifndef RESPROBE_WORLDS_INVALIDATION_CLIENT_H_
#define RESPROBE_WORLDS_INVALIDATION_CLIENT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "core/cache/caching_client.h"
#include "worlds/invalidation/client_requests.h"
#include "worlds/invalidation/invalidation_ops.h"

namespace resprobe::invalidation {

// A caching client under test, and what its user knows of it.
struct Client {
  uint8_t number = 0;
  uint8_t db = 0;      // selected by the client
  uint64_t epoch = 0;  // incremented by each event that invalidates all its entries, as far as the
                       // client has seen it
  std::unique_ptr<cache::CachingClient> cache;
  ClientRequests requests;  // on its first connection

  std::string name() const { return "client " + std::to_string(number); }
};

// The clients of a run: the first size() of kMaxClients.
class Clients {
 public:
  using MakeClient = std::unique_ptr<cache::CachingClient> (*)();

  explicit Clients(MakeClient make) {
    for (size_t i = 0; i < kMaxClients; ++i) {
      clients_[i].number = static_cast<uint8_t>(i);
      clients_[i].cache = make();
    }
  }

  // Starts a run. The owner resets the caches.
  void Reset(size_t size) {
    size_ = size;
    for (Client& client : *this) {
      client.requests.Reset();
      client.db = 0;
      client.epoch = 0;
    }
  }

  size_t size() const { return size_; }
  Client& operator[](size_t i) { return clients_[i]; }
  const Client& operator[](size_t i) const { return clients_[i]; }
  Client* begin() { return clients_.data(); }
  Client* end() { return clients_.data() + size_; }
  const Client* begin() const { return clients_.data(); }
  const Client* end() const { return clients_.data() + size_; }

 private:
  std::array<Client, kMaxClients> clients_;
  size_t size_ = 1;
};

}  // namespace resprobe::invalidation

#endif  // RESPROBE_WORLDS_INVALIDATION_CLIENT_H_
