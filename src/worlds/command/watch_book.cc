#include "worlds/command/watch_book.h"

#include <algorithm>
#include <span>

namespace resprobe {

void WatchBook::Reset() {
  for (Client& client : clients_) {
    client.count = 0;
    client.lost = false;
  }
  watched_count_ = 0;
  StartRequest();
}

void WatchBook::Watch(size_t client, int db, std::string_view key) {
  Client& watcher = clients_[client];
  if (watcher.count == watcher.keys.size()) watcher.keys.emplace_back();
  Watched& watched = watcher.keys[watcher.count++];
  ++watched_count_;
  const Object* const object = keyspace_->keys(db).Find(key);
  watched.db = db;
  watched.key.assign(key);
  watched.digest = keyspace_->Digest(db, key);
  watched.was_expired = object != nullptr && keyspace_->Expired(*object);
  watched.touched = watched.unsure = false;
}

void WatchBook::Unwatch(size_t client) {
  watched_count_ -= clients_[client].count;
  clients_[client].count = 0;
  clients_[client].lost = false;
}

WatchBook::Verdict WatchBook::Of(size_t client) const {
  const Client& watcher = clients_[client];
  if (watcher.lost) return Verdict::kUnknown;
  Verdict verdict = Verdict::kRuns;
  for (const Watched& watched : std::span(watcher.keys).first(watcher.count)) {
    if (watched.touched || keyspace_->Digest(watched.db, watched.key) != watched.digest) {
      return Verdict::kAborts;
    }
    if (watched.unsure) verdict = Verdict::kUnknown;
  }
  return verdict;
}

bool WatchBook::Reported(int db, std::string_view key) const {
  return whole_database_ ||
         std::ranges::any_of(std::span(reported_).first(reported_count_), [&](const Key& reported) {
           return reported.db == db && reported.key == key;
         });
}

void WatchBook::OnKey(int db, std::string_view key) {
  if (reported_count_ == reported_.size()) reported_.emplace_back();
  Key& reported = reported_[reported_count_++];
  reported.db = db;
  reported.key.assign(key);
  if (watched_count_ == 0) return;
  for (Client& client : clients_) {
    for (Watched& watched : std::span(client.keys).first(client.count)) {
      if (watched.db != db || watched.key != key) continue;
      // SWAPDB may have put a key that has expired where there was none: its deletion is no change.
      const bool as_before = watched.unsure && keyspace_->Digest(db, key) == watched.digest;
      if ((watched.was_expired || as_before) && !keyspace_->keys(db).Contains(key)) {
        watched.was_expired = false;
      } else {
        watched.touched = true;
      }
    }
  }
}

void WatchBook::OnDatabase(int db) {
  whole_database_ = true;
  for (Client& client : clients_) {
    for (Watched& watched : std::span(client.keys).first(client.count)) {
      if (db == -1 || watched.db == db) watched.unsure = true;
    }
  }
}

}  // namespace resprobe
