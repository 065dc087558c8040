#include "core/server/server.h"

#include <algorithm>

#include "core/table/glob.h"

namespace resprobe {

Server::Server(const ServerConfig& config)
    : initial_(config),
      config_(config),
      keyspace_(config.databases),
      writer_(&discarded_),
      propagation_(config.profile),
      source_(&keyspace_, config.profile, &config_.replication) {
  keyspace_.set_observer(this);
  keyspace_.set_active_expiry(config.active_expiry);
  keyspace_.Reset(config.start_ms);
}

Server::~Server() = default;

void Server::Reset() {
  // Only commands change the rest: those of a connection, or of the files.
  const bool has_run = !by_id_.empty() || files() != nullptr;
  config_ = initial_;
  keyspace_.Reset(config_.start_ms);
  persistence_.Reset();
  exits_ = exited_ = failed_ = false;
  if (!has_run) return;
  for (Client* client : by_id_) {
    if (client != nullptr) idle_.push_back(client);
  }
  by_id_.clear();
  active_.clear();
  random_.Reset();
  commands_run_ = 0;
  replica_ = false;
  propagation_.Reset();
  source_.Reset();
  link_.Reset();
  own_messages_.clear();
  blocked_.clear();
  resumed_.clear();
  ready_next_ = ready_count_ = 0;
  served_key_.clear();
  served_args_.clear();
  resumed_bytes_.clear();
  pause_until_ = 0;
  pauses_all_ = false;
  postponed_.clear();
  postponed_command_.Clear();
  postponed_args_.clear();
  watching_ = 0;
  channels_.Clear();
  patterns_.Clear();
  shards_.Clear();
  tracking_table_.Clear();
  prefix_table_.Clear();
  broadcast_.clear();
  tracking_clients_ = 0;
  pending_count_ = 0;
  taken_.clear();
  scratch_.Clear();
  exec_args_.clear();
}

// --- Connections.

uint64_t Server::Connect() {
  if (idle_.empty()) {
    resp::RequestLimits limits;
    limits.max_bulk = config_.max_bulk;
    clients_.push_back(std::make_unique<Client>(limits));
    clients_.back()->parser.set_blanks_keep_inline(TraitsOf(config_.profile).blanks_keep_inline);
    idle_.push_back(clients_.back().get());
  }
  Client* client = idle_.back();
  idle_.pop_back();
  by_id_.push_back(client);
  active_.push_back(client);
  client->Reset(by_id_.size());
  client->connected_at = keyspace_.now_ms();
  return client->id;
}

const Client* Server::FindClient(uint64_t client) const { return Lookup(client); }

Client* Server::FindOpenClient(uint64_t client) {
  Client* found = Lookup(client);
  return found != nullptr && found->open ? found : nullptr;
}

bool Server::IsOpen(uint64_t client) const {
  const Client* found = Lookup(client);
  return found != nullptr && found->open;
}

std::string& Server::Output(uint64_t client) {
  Client* found = Lookup(client);
  if (found != nullptr) return found->output;
  no_output_.clear();
  return no_output_;
}

void Server::Close(uint64_t client) {
  Client* found = Lookup(client);
  if (found == nullptr) return;
  Disconnect(*found);
  by_id_[client - 1] = nullptr;
  idle_.push_back(found);
}

// Drops all state that the server holds for the client. Its id stays in the tracking table, as on
// the server: ids are not reused.
void Server::Disconnect(Client& client) {
  if (!client.open) return;
  client.open = false;
  if (client.blocked) StopWaiting(client);
  DisableTracking(client);
  DiscardTransaction(client);
  UnsubscribeAll(client);
  if (client.replica) [[unlikely]]
    source_.RemoveReplica(client);
  if (client.primary) [[unlikely]]
    link_.Ended(client);
  active_.erase(std::find(active_.begin(), active_.end(), &client));
}

// Resets to the state of a new connection, except the output (networking.c
// clearClientConnectionState).
void Server::ResetConnection(Client& client) {
  DisableTracking(client);
  client.db = 0;
  client.protocol = 2;
  DiscardTransaction(client);
  UnsubscribeAll(client);
  client.name.clear();
  client.subscribed = false;
  client.reply_off = false;
  client.reply_skip_next = false;
  client.no_touch = false;
}

void Server::Receive(uint64_t id, std::string_view bytes) {
  Client* client = Lookup(id);
  if (client == nullptr) return;
  if (client->blocked) {
    client->unread.append(bytes);
    return;
  }
  if (client->primary) [[unlikely]] {
    ReadPrimary(*client, bytes);
  } else {
    Read(*client, bytes);
  }
  if (!resumed_.empty()) Resume();
  Broadcast();
  if (files() != nullptr) [[unlikely]]
    EndTurn(persistence_.BeforeSleep());
  if (!source_.replicas().empty()) [[unlikely]]
    DisconnectRefused();
}

// A protocol error ends the connection.
void Server::RejectNonsense(Client& client) {
  const std::string& text = client.parser.error().text;
  if (!text.empty()) {
    error_.assign("ERR ").append(text);
    ReplyWriter(client).SimpleError(error_);
    discarded_.clear();
  }
  Disconnect(client);
}

void Server::Read(Client& client, std::string_view bytes) {
  client.turn = client.output.size();
  while (client.open) {
    const resp::RequestParser::Result result = client.parser.Parse(bytes);
    if (result.status == resp::RequestParser::Status::kNeedMore) return;
    for (uint32_t i = client.parser.skipped(); i > 0; --i) EndEmptyRequest(client);
    if (result.status == resp::RequestParser::Status::kError) {
      RejectNonsense(client);
      return;
    }
    Process(client, client.parser.args());
    if (result.consumed == bytes.size()) return;
    bytes.remove_prefix(result.consumed);
    if (client.blocked) {
      client.unread.assign(bytes);
      return;
    }
  }
}

void Server::Advance(uint64_t ms) {
  keyspace_.AdvanceTo(keyspace_.now_ms() + static_cast<int64_t>(ms));
  if (pause_until_ != 0 && pause_until_ < keyspace_.now_ms()) Unpause();
  if (!blocked_.empty()) TimeOut();
  if (!resumed_.empty()) Resume();
  if (!propagation_.empty()) [[unlikely]]
    SendEffects(/*framed=*/false);
  if (link_.follows()) [[unlikely]]
    link_.Tick();
  if (!source_.replicas().empty()) [[unlikely]]
    TendReplicas();
  Broadcast();
  if (files() != nullptr) [[unlikely]]
    EndTurn(persistence_.Cron() && persistence_.BeforeSleep());
  if (!source_.replicas().empty()) [[unlikely]]
    DisconnectRefused();
}

bool Server::Evict(int db, std::string_view key) {
  const bool evicted = keyspace_.Evict(db, key);
  if (!propagation_.empty()) [[unlikely]]
    SendEffects(/*framed=*/false);
  Broadcast();
  return evicted;
}

// --- Replication.

void Server::SetReplica(bool replica) {
  replica_ = replica;
  SetExpiry();
}

void Server::SetExpiry() {
  keyspace_.set_expiry(replica_ ? Keyspace::Expiry::kPrimary : Keyspace::Expiry::kOwn);
}

void Server::ReadPrimary(Client& client, std::string_view bytes) {
  keyspace_.set_expiry(Keyspace::Expiry::kIgnored);
  if (client.runs_postponed) {
    RunPostponed(client);
    link_.Applied(client);
  }
  if (client.blocked) {
    client.unread.append(bytes);
  } else {
    link_.Receive(client, bytes);
  }
  SetExpiry();
}

void Server::TendReplicas() {
  source_.Tick();
  while (Client* const silent = source_.SilentReplica()) Disconnect(*silent);
}

// A replica that was to get a reply or a push is disconnected (redis 7.0 networking.c
// _addReplyToBufferOrList).
void Server::DisconnectRefused() {
  const auto was_refused = [](const ReplicationSource::Replica& replica) {
    return !replica.client->refused.empty();
  };
  while (true) {
    const auto found = std::ranges::find_if(source_.replicas(), was_refused);
    if (found == source_.replicas().end()) return;
    Disconnect(*found->client);
  }
}

void Server::DropReplicas() {
  while (!source_.replicas().empty()) Disconnect(*source_.replicas().front().client);
}

// The effects of a whole transaction are sent at its end.
void Server::Propagate(const CommandContext& context, uint64_t dirty) {
  propagation_.Ran(context, keyspace_.dirty() != dirty);
  if (call_depth_ > 1) {
    if (watcher_ != nullptr) watcher_->OnStep();
  } else if (!propagation_.empty()) {
    const uint64_t before = persistence_.log().appended();
    SendEffects(/*framed=*/true);
    const uint64_t after = persistence_.log().appended();
    if (after != before) context.client.written_mark = after;
  }
}

void Server::SendEffects(bool framed) {
  if (source_.leads()) source_.Append(propagation_, framed);
  if (persistence_.appends()) {
    propagation_.ForEach(
        Propagation::Receiver::kFile, framed,
        [this](int db, std::string_view request) { persistence_.Append(db, request); });
  }
  propagation_.Clear();
  if (watcher_ != nullptr) watcher_->OnUnit();
}

void Server::UpdateRecording() {
  propagation_.set_records(source_.leads() || persistence_.aof() != Persistence::Aof::kOff);
  if (!propagation_.records()) propagation_.Clear();
}

void Server::AddReplica(Client& client, std::string_view id, int64_t offset) {
  source_.AddReplica(client, id, offset, host_->process_number());
  UpdateRecording();
}

// --- Output.

resp::Writer Server::ReplyWriter(Client& client) {
  const bool silent = client.reply_off || client.reply_skip || client.closing || client.primary;
  return resp::Writer(silent ? &discarded_ : OutputOf(client), client.protocol);
}

resp::Writer Server::PushWriter(Client& client) {
  return resp::Writer(AcceptsPushes(client) ? OutputOf(client) : &discarded_, client.protocol);
}

resp::Writer Server::MessageWriter(Client& client) {
  if (&client == current_ && AcceptsPushes(client) && TraitsOf(config_.profile).own_messages_last) {
    return resp::Writer(&own_messages_, client.protocol);
  }
  return PushWriter(client);
}

// --- Pub/sub.

int64_t Server::Send(const Subscriptions& channels, std::string_view what, std::string_view channel,
                     std::string_view message) {
  const ClientIds* ids = channels.Find(channel);
  if (ids == nullptr) return 0;
  for (const uint64_t id : *ids) {
    resp::Writer out = MessageWriter(*Lookup(id));
    out.PushHeader(3);
    out.BulkString(what);
    out.BulkString(channel);
    out.BulkString(message);
  }
  return static_cast<int64_t>(ids->size());
}

int64_t Server::PublishToShard(std::string_view channel, std::string_view message) {
  return Send(shards_, "smessage", channel, message);
}

int64_t Server::Publish(std::string_view channel, std::string_view message) {
  int64_t receivers = Send(channels_, "message", channel, message);
  const Dict<ClientIds>& patterns = patterns_.names();
  for (size_t i = 0; i < patterns.size(); ++i) {
    if (!GlobMatch(patterns.at(i).key, channel)) continue;
    for (const uint64_t id : patterns.at(i).value) {
      resp::Writer out = MessageWriter(*Lookup(id));
      out.PushHeader(4);
      out.BulkString("pmessage");
      out.BulkString(patterns.at(i).key);
      out.BulkString(channel);
      out.BulkString(message);
      ++receivers;
    }
  }
  return receivers;
}

void Server::UnsubscribeAll(Client& client) {
  const auto leave = [&](Dict<Nothing>& names, Subscriptions& registry) {
    for (size_t i = 0; i < names.size(); ++i) registry.Remove(names.at(i).key, client.id);
    names.Clear();
  };
  leave(client.channels, channels_);
  leave(client.patterns, patterns_);
  leave(client.shards, shards_);
}

// --- Changes of keys.

void Server::OnKeyModified(int db, std::string_view key, bool added) {
  if (watcher_ != nullptr) [[unlikely]]
    watcher_->OnKey(db, key);
  if (PopsInSilence(key)) return;
  if (watching_ > 0) TouchWatched(db, key);
  if (added && !blocked_.empty()) NoteReady(db, key);
  if (!prefix_table_.empty()) prefix_table_.Note(key, current_ == nullptr ? 0 : current_->id);
  if (!tracking_table_.empty()) Invalidate(key);
}

// Not attributed to a client, even if a client's lookup found it.
void Server::OnKeyGone(int db, std::string_view key) {
  if (watcher_ != nullptr) [[unlikely]]
    watcher_->OnKey(db, key);
  if (propagation_.records()) [[unlikely]]
    propagation_.Deleted(db, key);
  if (watching_ > 0) TouchWatched(db, key);
  if (!prefix_table_.empty()) prefix_table_.Note(key, /*writer=*/0);
  if (!tracking_table_.empty()) Invalidate(key);
}

}  // namespace resprobe
