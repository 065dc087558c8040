// The server side of CLIENT TRACKING in default mode (redis 7.0 tracking.c).

#include "core/commands/table.h"
#include "core/server/server.h"

namespace resprobe {

void Server::EnableTracking(Client& client, bool noloop, bool optin, bool optout) {
  if (!client.tracking) ++tracking_clients_;
  client.tracking = true;
  client.noloop = noloop;
  client.optin = optin;
  client.optout = optout;
}

void Server::DisableTracking(Client& client) {
  if (!client.tracking) return;
  --tracking_clients_;
  client.tracking = client.noloop = client.optin = client.optout = client.caching = false;
}

// Called after a read-only command, whatever it replied.
void Server::RememberKeys(Client& client, const Command& command,
                          std::span<const std::string_view> args) {
  if ((client.optin && !client.caching) || (client.optout && client.caching)) return;
  scratch_.positions.clear();
  if (!KeyPositions(command, args, scratch_.positions)) return;
  for (const int i : scratch_.positions) {
    tracking_table_.Remember(args[static_cast<size_t>(i)], client.id);
  }
}

void Server::Invalidate(std::string_view key) {
  if (!tracking_table_.Take(key, &taken_)) return;
  for (const uint64_t id : taken_) {
    Client* target = FindOpenClient(id);
    if (target == nullptr || !target->tracking) continue;
    if (target == current_) {
      if (target->noloop) continue;
      if (call_depth_ > 0) {
        if (pending_count_ == pending_.size()) pending_.emplace_back();
        Pending& pending = pending_[pending_count_++];
        pending.everything = false;
        pending.key.assign(key);
        continue;
      }
    }
    SendInvalidation(*target, &key);
  }
}

// Without a key: everything. In RESP2 nothing can be sent, and the server says nothing of it.
void Server::SendInvalidation(Client& client, const std::string_view* key) {
  if (client.protocol < 3) return;
  resp::Writer out = PushWriter(client);
  out.PushHeader(2);
  out.BulkString("invalidate");
  if (key == nullptr) {
    out.Null();
  } else {
    out.ArrayHeader(1);
    out.BulkString(*key);
  }
}

void Server::SendPendingInvalidations() {
  for (size_t i = 0; i < pending_count_; ++i) {
    const std::string_view key = pending_[i].key;
    SendInvalidation(*current_, pending_[i].everything ? nullptr : &key);
  }
  pending_count_ = 0;
}

void Server::OnFlush(int db) {
  if (watching_ > 0) {
    for (int i = 0; i < keyspace_.databases(); ++i) {
      if (db == -1 || db == i) TouchAllWatched(i, nullptr);
    }
  }
  if (tracking_clients_ > 0) {
    for (Client* client : active_) {
      if (!client->tracking) continue;
      if (client == current_) {
        if (pending_count_ == pending_.size()) pending_.emplace_back();
        pending_[pending_count_++].everything = true;
      } else {
        SendInvalidation(*client, nullptr);
      }
    }
  }
  tracking_table_.Clear();
}

// Too many keys: the clients are told that they have changed, and they are forgotten. The server
// picks them at random; here it is the oldest slots.
void Server::LimitTrackingTable() {
  const size_t most = config_.tracking_table_max_keys;
  if (most == 0) return;
  while (tracking_table_.size() > most) {
    scratch_.text.assign(tracking_table_.keys().at(0).key);
    Invalidate(scratch_.text);
  }
}

}  // namespace resprobe
