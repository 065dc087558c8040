// WATCH and transactions (redis 7.0 multi.c).

#include "core/server/server.h"
#include "core/table/table.h"

namespace resprobe {

void Server::Watch(Client& client, int db, std::string_view key) {
  for (size_t i = 0; i < client.watched_count; ++i) {
    if (client.watched[i].db == db && client.watched[i].key == key) return;
  }
  if (client.watched_count == 0) ++watching_;
  if (client.watched_count == client.watched.size()) client.watched.emplace_back();
  WatchedKey& watched = client.watched[client.watched_count++];
  watched.db = db;
  watched.key.assign(key);
  const Object* object = keyspace_.keys(db).Find(key);
  watched.expired = object != nullptr && keyspace_.Expired(*object);
}

void Server::UnwatchAll(Client& client) {
  if (client.watched_count == 0) return;
  for (size_t i = 0; i < client.watched_count; ++i) RecycleString(client.watched[i].key);
  client.watched_count = 0;
  --watching_;
}

void Server::DiscardTransaction(Client& client) {
  client.queue.Clear();
  client.multi = client.dirty_cas = client.dirty_exec = false;
  UnwatchAll(client);
}

bool Server::WatchedKeyExpired(const Client& client) const {
  for (size_t i = 0; i < client.watched_count; ++i) {
    const WatchedKey& watched = client.watched[i];
    if (watched.expired) continue;
    const Object* object = keyspace_.keys(watched.db).Find(watched.key);
    if (object != nullptr && keyspace_.Expired(*object)) return true;
  }
  return false;
}

void Server::TouchWatched(int db, std::string_view key) {
  for (Client* client : active_) {
    for (size_t i = 0; i < client->watched_count; ++i) {
      WatchedKey& watched = client->watched[i];
      if (watched.db != db || watched.key != key) continue;
      if (watched.expired) {
        // The key had expired before WATCH: deleting it now changes nothing for the client.
        if (keyspace_.keys(db).Contains(key)) return;
        watched.expired = false;
        break;
      }
      client->dirty_cas = true;
      UnwatchAll(*client);
      break;
    }
  }
}

// A database is about to be emptied, or to be replaced by another. Watched keys that exist in
// neither are not touched.
void Server::TouchAllWatched(int db, const int* replaced_with) {
  for (Client* client : active_) {
    for (size_t i = 0; i < client->watched_count; ++i) {
      WatchedKey& watched = client->watched[i];
      if (watched.db != db) continue;
      const bool before = keyspace_.keys(db).Contains(watched.key);
      const Object* after =
          replaced_with == nullptr ? nullptr : keyspace_.keys(*replaced_with).Find(watched.key);
      if (!before && after == nullptr) continue;
      const bool after_expired = after != nullptr && keyspace_.Expired(*after);
      if (watched.expired) {
        if (after == nullptr) {
          watched.expired = false;  // expired, now deleted
          continue;
        }
        if (after_expired) continue;
      } else if (!before && after_expired) {
        watched.expired = true;
        continue;
      }
      client->dirty_cas = true;
    }
  }
}

void Server::SwapDatabases(int a, int b) {
  if (a == b) return;
  if (watching_ > 0) {
    TouchAllWatched(a, &b);
    TouchAllWatched(b, &a);
  }
  keyspace_.Swap(a, b);
  if (watcher_ != nullptr) [[unlikely]] {
    watcher_->OnDatabase(a);
    watcher_->OnDatabase(b);
  }
  if (!blocked_.empty()) {
    NoteAllReady(a);
    NoteAllReady(b);
  }
}

void Server::ExecQueue(CommandContext& context) {
  Client& client = context.client;
  UnwatchAll(client);
  // Commands cannot change the queue while it runs: those that would are never queued.
  client.queue.Arguments(&exec_args_);
  writer_.ArrayHeader(client.queue.size());
  for (size_t i = 0; i < client.queue.size(); ++i) {
    const CommandQueue::Entry& entry = client.queue.entry(i);
    Call(client, *entry.command, std::span(exec_args_).subspan(entry.first, entry.argc));
  }
  DiscardTransaction(client);
}

}  // namespace resprobe
