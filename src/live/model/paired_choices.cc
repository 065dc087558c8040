// Choices of a live server that the model copies: the keys that a full tracking table evicts, and
// the order in which keys expire. Also the things that a live server cannot be made to do.

#include <algorithm>
#include <chrono>

#include "live/model/paired_server.h"

namespace resprobe::live {

// --- The tracking table's limit: the server evicts random keys, and sends invalidations for them.

void PairedServer::TellLimit() {
  const size_t limit = model().tracking_table_max_keys();
  if (limit == told_limit_) return;
  Ask("CONFIG SET tracking-table-max-keys " + std::to_string(limit));
  told_limit_ = limit;
}

// True if any client is notified by name when a key of these clients is evicted.
bool PairedServer::Named(const ClientIds& ids) {
  return std::ranges::any_of(ids, [&](uint64_t id) {
    const Client* const client = model().FindClient(id);
    if (client == nullptr || !client->open || !client->tracking || client->bcast()) return false;
    if (client->redirect == 0) return client->protocol == 3;
    const Client* const target = model().FindClient(client->redirect);
    return target != nullptr && target->open && (target->protocol == 3 || target->subscribed);
  });
}

// The key that the live server evicted next, derived from its surplus pushes: the first of the
// surplus of each connection that was notified.
std::optional<std::string> PairedServer::NextEviction() {
  for (const auto& one : connections_) {
    if (one->server.size() <= one->model.size()) continue;
    const std::optional<std::string> key = InvalidatedKey(one->server[one->model.size()]);
    if (!key || !model().tracking_table().keys().Contains(*key)) continue;
    const bool first = std::ranges::none_of(connections_, [&](const auto& other) {
      for (size_t i = other->model.size() + 1; i < other->server.size(); ++i) {
        if (InvalidatedKey(other->server[i]) == key) {
          return InvalidatedKey(other->server[other->model.size()]) != key;
        }
      }
      return false;
    });
    if (first) return key;
  }
  return std::nullopt;
}

void PairedServer::TakeEvictions() {
  const size_t most = model().tracking_table_max_keys();
  const auto& table = model().tracking_table();
  const bool anybody = std::ranges::any_of(model().active_clients(),
                                           [](const Client* client) { return client->tracking; });
  if (most == 0 || !anybody || table.size() <= most || !going()) return;
  while (table.size() > most) {
    const std::optional<std::string> key = NextEviction();
    if (!key) break;
    model().GiveUpTracking(*key);
    TakeModelOutput();
    ++counts_.free["keys given up by a full tracking table"];
  }
  if (table.size() <= most) return;
  std::vector<std::string> unnamed;
  for (size_t i = 0; i < table.size(); ++i) {
    if (!Named(table.keys().at(i).value)) unnamed.emplace_back(table.keys().at(i).key);
  }
  if (unnamed.size() > table.size() - most) {
    return GiveUp("a full tracking table gave up one of several keys and did not name it");
  }
  for (const std::string& key : unnamed) model().GiveUpTracking(key);
  // For all others some client should have been notified.
  while (table.size() > most) model().GiveUpTracking(std::string(table.keys().at(0).key));
  TakeModelOutput();
}

// --- Time.

void PairedServer::Advance(uint64_t ms) {
  if (!going()) return core_.Advance(ms);
  if (clock_ == nullptr) {
    for (int db = 0; db < model().keyspace().databases(); ++db) {
      const auto& keys = model().keyspace().keys(db);
      for (size_t i = 0; i < keys.size(); ++i) {
        const int64_t at = keys.at(i).value.expire_at();
        const auto now = static_cast<int64_t>(core_.now_ms());
        if (at == kNoExpiry || now + static_cast<int64_t>(ms) < at) continue;
        ms = static_cast<uint64_t>(std::max<int64_t>(at - now - 1, 0));
        ++counts_.left_out["time that would let a key expire, on a server whose clock is its own"];
      }
    }
  }
  const uint64_t expired = model().keyspace().expired();
  core_.Advance(ms);
  if (clock_ == nullptr) return;
  session_.push_back("time: " + std::to_string(ms) + " ms");
  command_ = "advance";
  clock_->Set(static_cast<int64_t>(core_.now_ms()));
  if (model().keyspace().expired() != expired) ExpireActively();
}

// The live server's own cycle deletes what the core's cycle has deleted: all expired keys.
void PairedServer::ExpireActively() {
  Ask("DEBUG SET-ACTIVE-EXPIRE 1");
  // Each round is a turn of its event loop; its cycle runs 500 times a second.
  for (int db = 0; db < model().keyspace().databases() && going(); ++db) {
    if (db > 1 && model().keyspace().KeyCount(db) == 0) continue;
    Ask("SELECT " + std::to_string(db));
    const auto all = static_cast<int64_t>(model().keyspace().KeyCount(db));
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::milliseconds(hang_ms_);
    for (;;) {
      const std::optional<resp::ReplyView> size = Ask("DBSIZE");
      if (!size || size->integer() <= all) break;
      if (target_->stop()()) {
        given_up_ = true;
        break;
      }
      if (std::chrono::steady_clock::now() < give_up) continue;
      Differ("keys that expired are not deleted").model = std::to_string(all) + " keys";
      difference_->server = std::to_string(size->integer()) + " keys";
      break;
    }
  }
  Ask("SELECT 0");
  Ask("DEBUG SET-ACTIVE-EXPIRE 0");
  if (!going() || !Fence()) return;
  ReadAll();
  TakeModelOutput();
  // The server chooses which of them goes first.
  CompareTurn(/*any_order=*/true);
}

// --- Memory.

// A live server chooses itself which key to evict. A DEL on a separate connection leaves the same
// state and causes the same notifications.
bool PairedServer::Evict(int database, std::string_view key) {
  const bool evicted = core_.Evict(database, key);
  if (!evicted || !going()) return evicted;
  const std::string number = std::to_string(database);
  session_.push_back("evicted from database " + number + ": " + std::string(key));
  command_ = "evict";
  ++counts_.left_out["eviction: DEL by a connection of our own in its place"];
  Ask("SELECT " + number);
  Ask("DEL " + std::string(key));
  Ask("SELECT 0");
  if (Fence()) EndTurn();
  return true;
}

// The run cannot control how much of the replication stream has arrived.
ReplicaSubject* PairedServer::replica() {
  ++counts_.left_out["replica: the case runs on one server"];
  return nullptr;
}

}  // namespace resprobe::live
