#ifndef RESPROBE_CORE_SERVER_SERVER_H_
#define RESPROBE_CORE_SERVER_SERVER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/keyspace/keyspace.h"
#include "core/keyspace/random.h"
#include "core/persistence/persistence.h"
#include "core/resp/writer.h"
#include "core/server/client.h"
#include "core/server/host.h"
#include "core/server/propagation.h"
#include "core/server/pubsub.h"
#include "core/server/replica_link.h"
#include "core/server/replication_source.h"
#include "core/server/watcher.h"
#include "core/table/command.h"
#include "core/table/profile.h"
#include "core/tracking/prefix_table.h"
#include "core/tracking/tracking_mode.h"
#include "core/tracking/tracking_table.h"

namespace resprobe {

// How a server takes part in replication.
struct ReplicationSettings {
  // repl-backlog-size: the bytes of the stream that are kept for replicas that come back.
  size_t backlog_bytes = 1 << 20;
  // repl-ping-replica-period and repl-timeout, in milliseconds. 0: no pings, and no time-outs: a
  // peer that is gone without notice is not missed.
  int64_t ping_ms = 0;
  int64_t timeout_ms = 0;
};

struct ServerConfig {
  Profile profile = Profile::kRedis70;
  int databases = 16;
  // Where the virtual clock starts, in milliseconds since 1970.
  int64_t start_ms = 1'700'000'000'000;
  // proto-max-bulk-len: the longest argument, and the longest string that commands may create.
  int64_t max_bulk = 512ll << 20;
  // tracking-table-max-keys; 0 is no limit.
  size_t tracking_table_max_keys = 1'000'000;
  // Enables the active expiry cycle; without it keys expire only when they are looked up (DEBUG
  // SET-ACTIVE-EXPIRE 0).
  bool active_expiry = true;
  // Of a server with files.
  PersistenceSettings persistence = {};
  ReplicationSettings replication = {};
};

// The core as a server: bytes in and bytes out per connection, and a clock that the caller moves.
// It follows redis 7.0.15 (networking.c, server.c processCommand and call, multi.c, pubsub.c,
// tracking.c). A run is a function of the calls: the server has no clock, threads or randomness of
// its own.
//
// All commands run inside Receive(). One Receive() corresponds to one event loop turn of a real
// server: when it returns, what other connections get (messages, invalidations) is in their output.
// So are the broadcasts at the end of a turn.
class Server : private KeyspaceObserver {
 public:
  explicit Server(const ServerConfig& config = {});
  ~Server() override;
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Resets to a fresh server without connections, at the clock's start, keeping memory. The cost is
  // proportional to what the last run left.
  void Reset();

  // --- The interface of a server under test.

  // Opens a connection. Ids count from 1 and are not reused until Reset().
  uint64_t Connect();
  // Takes bytes from the client, in any slices. Ignored once the connection is closed.
  void Receive(uint64_t client, std::string_view bytes);
  // The bytes to be sent to the client; the caller erases what it has sent. They remain after the
  // server has closed the connection, until Close(). For an unknown id: an empty string.
  std::string& Output(uint64_t client);
  // True if there are such bytes.
  bool HasOutput(uint64_t client) const {
    const Client* const found = Lookup(client);
    return found != nullptr && !found->output.empty();
  }
  // False once the server or the caller has closed the connection.
  bool IsOpen(uint64_t client) const;
  // Closes the connection from the client's side; unsent output is lost.
  void Close(uint64_t client);
  // Moves the clock and runs the active expiry cycle (see Keyspace::AdvanceTo).
  void Advance(uint64_t ms);
  // Evicts the key, between two commands, like one chosen by the eviction timer when memory is
  // short (evict.c performEvictions). False if it does not exist.
  bool Evict(int db, std::string_view key);
  uint64_t now_ms() const { return static_cast<uint64_t>(keyspace_.now_ms()); }

  // --- Replication.

  // The machine on which the server runs (not owned), also after Reset(). Without one (nullptr, as
  // at first) the commands of replication are refused.
  void set_host(ServerHost* host) { host_ = host; }
  ServerHost* host() const { return host_; }
  // True for a read-only replica (REPLICAOF). It does not expire keys by itself, and refuses writes
  // except those of its primary, which are not answered and find expired keys.
  bool replica() const { return replica_; }
  Propagation& propagation() { return propagation_; }
  ReplicationSource& source() { return source_; }
  const ReplicationSource& source() const { return source_; }
  // The client becomes a replica (ReplicationSource::AddReplica()).
  void AddReplica(Client& client, std::string_view id, int64_t offset);
  ReplicaLink& link() { return link_; }
  const ReplicaLink& link() const { return link_; }

  // --- Files.

  // A process starts, after construction or Reset(), with these files (not owned; nullptr: none, as
  // at first): it loads its keys. `process` is in the names of its temporary files. `log` (not
  // owned, may be nullptr) gets what it logs about its files. False if the process exits instead.
  //
  // With files, the caller takes Output() of all connections after each call of Receive() and
  // Advance(), as a process hands its replies to the kernel, and calls Persistence::StepChild() and
  // RunThread(), which are what other processes and threads do.
  bool Start(FileSystem* files, uint64_t process, PersistenceLog* log);
  // Without files the commands of persistence are refused.
  FileSystem* files() const { return persistence_.files(); }
  Persistence& persistence() { return persistence_; }
  const Persistence& persistence() const { return persistence_; }
  // True after the process has exited: SHUTDOWN, or a log that cannot be written with appendfsync
  // always. All its connections are closed, and what was not sent is lost.
  bool exited() const { return exited_; }
  // True if it has exited for the second reason, or has refused to start.
  bool failed() const { return failed_; }

  // --- For invariants.

  // Gets every change of a key from now on, also after Reset() (not owned; nullptr: none).
  void set_watcher(ServerWatcher* watcher) { watcher_ = watcher; }
  // The configuration, including changes by CONFIG SET.
  const ServerConfig& config() const { return config_; }
  Keyspace& keyspace() { return keyspace_; }
  const Keyspace& keyspace() const { return keyspace_; }
  // True if, according to the tracking table, the client may hold the key.
  bool Tracks(uint64_t client, std::string_view key) const {
    return tracking_table_.Contains(key, client);
  }
  // Applies until Reset(), like CONFIG SET.
  void set_tracking_table_max_keys(size_t most) { config_.tracking_table_max_keys = most; }
  size_t tracking_table_max_keys() const { return config_.tracking_table_max_keys; }
  const TrackingTable& tracking_table() const { return tracking_table_; }
  // Drops the key from the tracking table and notifies its clients, as a full table does with a key
  // of the server's choice. Not while a command runs.
  void GiveUpTracking(std::string_view key) { Invalidate(key); }
  const PrefixTable& prefix_table() const { return prefix_table_; }
  // The state of a connection, nullptr for an unknown id.
  const Client* FindClient(uint64_t client) const;
  // The number of connections that neither side has closed.
  size_t client_count() const { return active_.size(); }
  // The number of commands run since the start, including those inside EXEC.
  uint64_t commands_run() const { return commands_run_; }

  // --- For command handlers.

  // The destination of the current command's replies: the client's output, or nowhere (CLIENT
  // REPLY, a closing client). Call it again after a change of those.
  resp::Writer ReplyWriter(Client& client);
  // The destination of pushes and messages to a client, whatever its reply mode.
  resp::Writer PushWriter(Client& client);
  // The same for messages: one to the current client may come after its reply.
  resp::Writer MessageWriter(Client& client);
  // True if the current turn has written unsent output to the client.
  static bool OwesReply(const Client& client) { return client.output.size() > client.turn; }
  bool AcceptsPushes(const Client& client) const { return client.open && !client.closing; }

  // Closes the connection after the reply of the current command.
  void CloseAfterReply(Client& client) {
    client.closing = true;
    writer_ = ReplyWriter(client);
  }
  // Closes another client's connection at once.
  void Kill(Client& client) { Disconnect(client); }
  std::span<Client* const> active_clients() const { return active_; }
  Client* FindOpenClient(uint64_t client);

  // Blocks the client instead of answering the current command.
  void Block(CommandContext& context, const Wait& wait);
  // Ends a client's wait, as its time-out does or with an error. False if it does not wait.
  bool Unblock(Client& client, bool with_error);
  // A replica has reported its offset in the stream.
  void Acknowledged(const Client& replica, uint64_t offset);
  // CLIENT PAUSE: until that time, in absolute milliseconds, commands that change something, or all
  // commands, are postponed. Has no effect if the time has passed.
  void Pause(int64_t until, bool all);
  void Unpause();
  // Whether what WAITAOF waits for has happened.
  bool IsDurable(const Wait& wait) const;
  // A replica has reported what of the stream is durable there.
  void AcknowledgedDurable(const Client& replica, uint64_t offset) {
    source_.AcknowledgeDurable(replica, offset);
  }
  // True while commands of a transaction run.
  bool in_exec() const { return call_depth_ > 1; }
  // True while the command for which the client has waited runs.
  bool Serves(const Client& client) const { return serving_ == &client; }
  // True if a command of the client may use this key: after a wait, only the key that has become
  // ready.
  bool MayServe(const Client& client, std::string_view key) const {
    return serving_ != &client || served_key_ == key || TraitsOf(config_.profile).waits_run_again;
  }

  void Watch(Client& client, int db, std::string_view key);
  void UnwatchAll(Client& client);
  void DiscardTransaction(Client& client);
  // Runs the queued commands and writes their replies.
  void ExecQueue(CommandContext& context);
  // True if a key that the client watches has expired since.
  bool WatchedKeyExpired(const Client& client) const;
  void SwapDatabases(int a, int b);

  // Whether CLIENT PAUSE is in effect. EndPause() ends it early, as its time-out does.
  bool paused() const { return pause_until_ != 0; }
  void EndPause();

  // CONFIG SET, until Reset(). Returns the name of the setting that could not be applied; then
  // nothing has changed.
  std::string_view Configure(const ServerConfig& config);
  // The process exits when the current command has ended.
  void Exit() { exits_ = true; }

  Subscriptions& channels() { return channels_; }
  Subscriptions& patterns() { return patterns_; }
  Subscriptions& shards() { return shards_; }
  // Sends the message; returns the number of receivers.
  int64_t Publish(std::string_view channel, std::string_view message);
  int64_t PublishToShard(std::string_view channel, std::string_view message);
  // Drops all subscriptions of the client without sending anything.
  void UnsubscribeAll(Client& client);

  // `redirect`: the id of the client that receives the invalidations, or 0. `prefixes` count with
  // mode.bcast only; an empty list means all keys.
  void EnableTracking(Client& client, const TrackingMode& mode, uint64_t redirect,
                      std::span<const std::string_view> prefixes);
  void DisableTracking(Client& client);
  void ResetConnection(Client& client);

 private:
  friend class ReplicaLink;

  // KeyspaceObserver.
  void OnKeyModified(int db, std::string_view key, bool added) override;
  void OnKeyGone(int db, std::string_view key) override;
  void OnFlush(int db) override;

  Client* Lookup(uint64_t client) const {
    return client == 0 || client > by_id_.size() ? nullptr : by_id_[client - 1];
  }
  int64_t Send(const Subscriptions& channels, std::string_view what, std::string_view channel,
               std::string_view message);
  void Disconnect(Client& client);
  void Release(Client& client);

  void Read(Client& client, std::string_view bytes);
  // Reads the stream of this server's primary, whose commands find expired keys.
  [[gnu::noinline]] void ReadPrimary(Client& client, std::string_view bytes);
  void SetReplica(bool replica);
  void SetExpiry();
  void DropReplicas();
  [[gnu::cold, gnu::noinline]] void DisconnectRefused();
  // Where what is for the client goes: a replica gets the stream and nothing else.
  static std::string* OutputOf(Client& client) {
    return client.replica ? &client.refused : &client.output;
  }
  void TendReplicas();
  void DropBlocked();
  // A command has run, for which the keyspace was `dirty` before.
  [[gnu::cold, gnu::noinline]] void Propagate(const CommandContext& context, uint64_t dirty);
  // Hands the recorded effects to all who take them. `framed`: they are one transaction.
  [[gnu::cold, gnu::noinline]] void SendEffects(bool framed);
  // Records the effects of commands from now on, if anything takes them.
  void UpdateRecording();
  [[gnu::cold, gnu::noinline]] void RejectNonsense(Client& client);

  // loading.cc
  class Loader;
  // The end of an event loop turn with files.
  [[gnu::cold, gnu::noinline]] void EndTurn(bool good);

  // blocking.cc
  void EndWait(Client& client);
  void AnswerDurable();
  // Ends a request that has been answered.
  static void EndRequest(Client& client) {
    if (client.reply_skip || client.reply_skip_next) {
      client.reply_skip = client.reply_skip_next;
      client.reply_skip_next = false;
    }
  }
  // Ends a request without arguments, which no command sees: redis 7.0 networking.c resetClient().
  static void EndEmptyRequest(Client& client) {
    EndRequest(client);
    if (!client.multi) client.caching = false;
  }
  void StopWaiting(Client& client);
  void NoteReady(int db, std::string_view key);
  void NoteAllReady(int db);
  void ServeReady();
  void ServeKey(int db);
  void Serve(Client& client);
  bool PopsInSilence(std::string_view key) const;
  void TimeOut();
  void Resume();

  // pause.cc
  bool IsPaused(const Client& client, const Command& command) const;
  void Postpone(Client& client, const Command& command, std::span<const std::string_view> args);
  void RunPostponed(Client& client);

  // execute.cc
  void Process(Client& client, std::span<const std::string_view> args);
  void Dispatch(Client& client, std::span<const std::string_view> args);
  void Call(Client& client, const Command& command, std::span<const std::string_view> args);
  void Reject(Client& client, const Command* command, std::string_view error);
  void RejectUnknown(Client& client, std::span<const std::string_view> args);
  [[gnu::noinline]] void RejectArity(Client& client, const Command& command);
  static bool Writes(const Client& client, const Command& command);
  bool RefusesWrites(const Client& client, const Command& command);
  [[gnu::noinline]] void RejectSubscribed(Client& client, const Command& command);
  [[gnu::noinline]] void RejectUnsubscribed(Client& client, const Command& command);

  // watch.cc
  void TouchWatched(int db, std::string_view key);
  void TouchAllWatched(int db, const int* replaced_with);

  // invalidate.cc
  void RememberKeys(Client& client, const Command& command, std::span<const std::string_view> args);
  void Invalidate(std::string_view key);
  bool BeginInvalidation(Client& client, resp::Writer* out);
  void SendInvalidation(Client& client, const std::string_view* key);
  void SendBroadcast(Client& client, const Dict<PrefixTable::Key>& keys);
  void BroadcastPending();
  void Broadcast() {
    if (prefix_table_.pending()) [[unlikely]]
      BroadcastPending();
  }
  void SendPendingInvalidations();
  void LimitTrackingTable();

  const ServerConfig initial_;
  ServerConfig config_;
  Keyspace keyspace_;
  Random random_;

  std::vector<std::unique_ptr<Client>> clients_;  // every client object ever created
  std::vector<Client*> idle_;
  std::vector<Client*> by_id_;   // id - 1 -> client; nullptr after Close()
  std::vector<Client*> active_;  // the open ones, by id
  std::string no_output_;

  Client* current_ = nullptr;  // whose command is being processed
  // Of the current command, and of the one that EXEC runs.
  std::optional<CommandContext> contexts_[2];
  int call_depth_ = 0;        // > 0 while a handler runs
  resp::Writer writer_;       // the replies of the current command
  std::string own_messages_;  // messages to the current client, for after its reply
  std::string discarded_;     // replies and pushes that no connection gets
  CommandContext::Scratch scratch_;
  std::vector<std::string_view> exec_args_;
  std::string error_;
  uint64_t commands_run_ = 0;
  bool replica_ = false;
  ServerHost* host_ = nullptr;
  ServerWatcher* watcher_ = nullptr;
  Propagation propagation_;
  Persistence persistence_{&keyspace_, &config_.persistence, initial_.profile};
  bool exits_ = false;
  bool exited_ = false;
  bool failed_ = false;
  ReplicationSource source_;
  ReplicaLink link_{this};

  std::vector<Client*> blocked_;  // in the order in which they began to wait
  std::vector<Client*> resumed_;  // no longer waiting; their unread input is to be read
  // Changed keys that clients wait for: [ready_next_, ready_count_). The others keep memory.
  struct Ready {
    int db = 0;
    std::string key;
  };
  std::vector<Ready> ready_;
  size_t ready_next_ = 0;
  size_t ready_count_ = 0;
  const Client* serving_ = nullptr;  // the client whose waiting command runs now
  std::string served_key_;
  std::vector<std::string_view> served_args_;
  std::string resumed_bytes_;

  int64_t pause_until_ = 0;  // 0: no pause
  bool pauses_all_ = false;
  std::vector<Client*> postponed_;  // in order of arrival
  CommandQueue postponed_command_;
  std::vector<std::string_view> postponed_args_;

  size_t watching_ = 0;  // clients that watch a key
  Subscriptions channels_;
  Subscriptions patterns_;
  Subscriptions shards_;

  TrackingTable tracking_table_;
  PrefixTable prefix_table_;
  std::vector<size_t> broadcast_;  // the changed keys of a prefix in byte order
  size_t tracking_clients_ = 0;
  ClientIds taken_;
  // Keys whose invalidation waits for the end of the current client's command; without a key:
  // everything. The first pending_count_ are in use; the others keep memory.
  struct Pending {
    bool everything = false;
    std::string key;
  };
  std::vector<Pending> pending_;
  size_t pending_count_ = 0;
};

}  // namespace resprobe

#endif  // RESPROBE_CORE_SERVER_SERVER_H_
