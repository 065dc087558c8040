// The server side of CLIENT TRACKING (redis 7.0 tracking.c).

#include <algorithm>

#include "core/server/server.h"
#include "core/table/table.h"

namespace resprobe {
namespace {

constexpr std::string_view kChannel = "__redis__:invalidate";

}  // namespace

// The effect of CLIENT CACHING stays, and so do the client's earlier prefixes.
void Server::EnableTracking(Client& client, const TrackingMode& mode, uint64_t redirect,
                            std::span<const std::string_view> prefixes) {
  if (!client.tracking) ++tracking_clients_;
  client.tracking = true;
  client.tracking_mode = mode;
  client.redirect = redirect;
  client.broken_redirect = false;
  if (!mode.bcast) return;
  if (prefixes.empty()) prefix_table_.Add("", client.id);
  for (const std::string_view prefix : prefixes) prefix_table_.Add(prefix, client.id);
}

void Server::DisableTracking(Client& client) {
  if (!client.tracking) return;
  if (client.tracking_mode.bcast) prefix_table_.Remove(client.id);
  --tracking_clients_;
  client.tracking = client.broken_redirect = client.caching = false;
  client.tracking_mode = {};
}

// Called after a read-only command, whatever it replied.
void Server::RememberKeys(Client& client, const Command& command,
                          std::span<const std::string_view> args) {
  const TrackingMode& mode = client.tracking_mode;
  if (mode.bcast || (mode.optin && !client.caching) || (mode.optout && client.caching)) return;
  scratch_.positions.clear();
  if (!KeyPositions(command, args, scratch_.positions)) return;
  for (const int i : scratch_.positions) {
    tracking_table_.Remember(args[static_cast<size_t>(i)], client.id);
  }
}

// Notifies the clients that hold the key, and forgets them.
void Server::Invalidate(std::string_view key) {
  if (!tracking_table_.Take(key, &taken_)) return;
  for (const uint64_t id : taken_) {
    Client* target = FindOpenClient(id);
    if (target == nullptr || !target->tracking || target->tracking_mode.bcast) continue;
    if (target == current_) {
      if (target->tracking_mode.noloop) continue;
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

// Begins an invalidation for the client; the caller writes its value into `out`. False if there is
// no recipient: the client speaks RESP2 without redirection; or the redirection's target speaks
// RESP2 and has not subscribed to anything; or the target is gone, which the client is told if it
// speaks RESP3.
bool Server::BeginInvalidation(Client& client, resp::Writer* out) {
  Client* target = &client;
  if (client.redirect != 0) {
    target = FindOpenClient(client.redirect);
    if (target == nullptr) {
      client.broken_redirect = true;
      if (client.protocol < 3) return false;
      *out = call_depth_ > 0 ? MessageWriter(client) : PushWriter(client);
      out->PushHeader(2);
      out->BulkString("tracking-redir-broken");
      out->Integer(static_cast<int64_t>(client.redirect));
      return false;
    }
  }
  if (target->protocol < 3 && (client.redirect == 0 || !target->subscribed)) return false;
  *out = call_depth_ > 0 ? MessageWriter(*target) : PushWriter(*target);
  if (target->protocol >= 3) {
    out->PushHeader(2);
    out->BulkString("invalidate");
  } else {
    out->PushHeader(3);
    out->BulkString("message");
    out->BulkString(kChannel);
  }
  return true;
}

// Without a key: everything. The null is encoded for the client's protocol, not for that of the
// connection it is redirected to: if this client uses RESP3 and the target RESP2, servers send a
// RESP3 null on a RESP2 connection.
void Server::SendInvalidation(Client& client, const std::string_view* key) {
  resp::Writer out(&discarded_);
  if (!BeginInvalidation(client, &out)) return;
  if (key == nullptr) {
    out.set_protocol(client.protocol);
    out.NullBulk();
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

// Ends a turn of the event loop: sends one push for each prefix under which keys have changed.
void Server::BroadcastPending() {
  for (const PrefixTable::Prefix& prefix : prefix_table_.prefixes()) {
    if (prefix.keys.empty()) continue;
    broadcast_.clear();
    for (size_t i = 0; i < prefix.keys.size(); ++i) broadcast_.push_back(i);
    std::ranges::sort(broadcast_, {},
                      [&](size_t i) -> std::string_view { return prefix.keys.at(i).key; });
    for (const uint64_t id : prefix.clients) {
      Client* client = FindOpenClient(id);
      if (client != nullptr) SendBroadcast(*client, prefix.keys);
    }
  }
  prefix_table_.Sent();
}

// With NOLOOP, a key is left out if this client was the last to change it.
void Server::SendBroadcast(Client& client, const Dict<PrefixTable::Key>& keys) {
  const auto left_out = [&](size_t i) {
    return client.tracking_mode.noloop && keys.at(i).value.writer == client.id;
  };
  const auto count = static_cast<size_t>(
      std::ranges::count_if(broadcast_, [&](size_t i) { return !left_out(i); }));
  resp::Writer out(&discarded_);
  if (count == 0 || !BeginInvalidation(client, &out)) return;
  out.ArrayHeader(count);
  for (const size_t i : broadcast_) {
    if (!left_out(i)) out.BulkString(keys.at(i).key);
  }
}

void Server::OnFlush(int db) {
  if (watcher_ != nullptr) [[unlikely]]
    watcher_->OnDatabase(db);
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

// If the table has too many keys, tells the clients that some have changed, and forgets those. The
// server picks them at random; here they are the oldest slots.
void Server::LimitTrackingTable() {
  const size_t most = config_.tracking_table_max_keys;
  if (most == 0) return;
  while (tracking_table_.size() > most) {
    scratch_.text.assign(tracking_table_.keys().at(0).key);
    Invalidate(scratch_.text);
  }
}

}  // namespace resprobe
