#include "tests/canaries/invalidation_bugs.h"

#include "core/server/server.h"
#include "tests/worlds/faulty_subject.h"

namespace resprobe {
namespace {

using cache::Cache;
using cache::CachingClient;
using cache::Policy;

// Before a read it drains the other connections of the pool to process their invalidations. It
// discards replies that other tasks wait for.
class DrainsOthers : public CachingClient {
 public:
  void Reset(const Policy& policy) override {
    drained_ = false;
    CachingClient::Reset(policy);
  }
  Lookup Get(std::string_view key, int64_t now_ms) override {
    for (CachingClient* member : cache().members()) {
      if (member != this && member->pending() > 0) {
        static_cast<DrainsOthers*>(member)->drained_ = true;
      }
    }
    return CachingClient::Get(key, now_ms);
  }

 protected:
  void HandleReply(resp::ReplyView reply, int64_t now_ms) override {
    if (std::exchange(drained_, false) && !IsHandshake()) return;
    CachingClient::HandleReply(reply, now_ms);
  }
  bool IsHandshake() const { return state() != State::kTracked; }

 private:
  bool drained_ = false;
};

// Before a read it drains its own connection, without knowing that another task has borrowed it and
// waits for a reply: the drain ends at that reply, and the task takes the next reply instead.
class DrainsBorrowed : public CachingClient {
 public:
  void Reset(const Policy& policy) override {
    borrowed_ = false;
    CachingClient::Reset(policy);
  }
  Lookup Get(std::string_view key, int64_t now_ms) override {
    borrowed_ |= pending() > 0 && state() == State::kTracked;
    return CachingClient::Get(key, now_ms);
  }

 protected:
  void HandleReply(resp::ReplyView reply, int64_t now_ms) override {
    if (std::exchange(borrowed_, false)) return;
    CachingClient::HandleReply(reply, now_ms);
  }

 private:
  bool borrowed_ = false;
};

// Caches a field under its key alone.
class ForgetsField : public CachingClient {
 protected:
  void NameField(std::string_view key, std::string_view, std::string* name) override {
    Cache::FieldName(key, "", name);
  }
};

// When the next connection leads to the replica, it reuses what was cached from the primary, on the
// wrong assumption that a promoted replica holds the same data.
class KeepsOverFailover : public CachingClient {
 public:
  void Reset(const Policy& policy) override {
    kept_.clear();
    CachingClient::Reset(policy);
  }
  void OnDisconnected(cache::Wire wire) override {
    if (wire == cache::Wire::kData) {
      kept_.clear();
      from_ = link(wire).server;
      const Dict<Entry>& entries = cache().keys;
      for (size_t i = 0; i < entries.size(); ++i) {
        const Entry& entry = entries.at(i).value;
        if (entry.valid && entry.owner == this) kept_.emplace_back(entries.at(i).key, entry);
      }
    }
    CachingClient::OnDisconnected(wire);
  }
  void OnConnected(cache::Wire wire, uint64_t server) override {
    CachingClient::OnConnected(wire, server);
    if (wire != cache::Wire::kData || server != kReplica || server == from_) return;
    for (const auto& [key, entry] : kept_) {
      if (const auto [place, added] = mutable_cache().keys.Insert(key); added) {
        place = entry;
        place.epoch = epoch();
      }
    }
  }

 private:
  static constexpr uint64_t kReplica = 2;  // its number in the world

  std::vector<std::pair<std::string, Entry>> kept_;
  uint64_t from_ = 0;
};

// When memory is short, the server deletes a key without notifying the clients that track it.
class EvictsInSilence : public FaultySubject {
 public:
  bool Evict(int database, std::string_view key) override {
    return core()->keyspace().Remove(database, key);
  }
};

template <class Client>
std::unique_ptr<CachingClient> Make() {
  return std::make_unique<Client>();
}

constexpr InvalidationBug kBugs[] = {
    {"put_after_invalidation",
     "an invalidation between the read and the put is forgotten",
     {.poison_pending = false}},
    {"no_flush_on_reconnect",
     "what was cached on a lost connection is kept",
     {.flush_on_loss = false}},
    {"reads_before_tracking",
     "after a reconnect reads are sent again before tracking is on",
     {.track_before_reads = false, .replay_reads = true}},
    {"null_push_ignored", "a flush is not heard", {.flush_on_null_push = false}},
    {"drains_others", "a read takes what has come for another connection", {}, Make<DrainsOthers>},
    {"pending_for_ever",
     "a read that fails leaves its entry in progress",
     {.flush_on_loss = false, .release_pending = false}},
    {"field_not_in_name", "all fields of a hash are one entry", {}, Make<ForgetsField>},
    {"first_key_of_push", "of a push only the first key is dropped", {.drop_all_named = false}},
    {"drains_borrowed",
     "a connection is drained that another task has borrowed",
     {},
     Make<DrainsBorrowed>},
    {"own_write_noloop",
     "after an own DEL the entry stays, and NOLOOP keeps the push away",
     {.drop_own_writes = false, .noloop = true}},
    {"own_push_not_seen",
     "a read after an own write does not wait for the push",
     {.drop_own_writes = false}},
    {"cache_per_connection", "each connection of a pool has its own cache", {.one_cache = false}},
    {"kept_over_failover",
     "what was cached from the lost primary is kept for the replica that takes over",
     {},
     Make<KeepsOverFailover>},
    {"eviction_in_silence",
     "the server evicts a key and tells nobody",
     {},
     nullptr,
     []() -> std::unique_ptr<ServerSubject> { return std::make_unique<EvictsInSilence>(); }},
};

}  // namespace

std::span<const InvalidationBug> InvalidationBugs() { return kBugs; }

}  // namespace resprobe
