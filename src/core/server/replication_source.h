#ifndef RESPROBE_CORE_SERVER_REPLICATION_SOURCE_H_
#define RESPROBE_CORE_SERVER_REPLICATION_SOURCE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/keyspace/keyspace.h"
#include "core/server/client.h"
#include "core/table/command.h"
#include "core/table/profile.h"

namespace resprobe {

// The stream of a server's changes, which it sends to its replicas (redis 7.0 replication.c,
// server.c propagateNow): write commands as requests, SELECT before one in another database, and
// MULTI and EXEC around what belongs together. A command that does not mean the same on a replica
// is replaced by its effect: a time to live is an absolute time, an expired key is deleted by a
// command, a random choice is spelled out, a blocking command is the one that does not block.
//
// Nothing is recorded before the first replica asks for the stream (records()).
class ReplicationSource {
 public:
  // The bytes of the stream that are kept for replicas that come back (repl-backlog-size).
  static constexpr size_t kBacklogBytes = 1 << 20;
  static constexpr size_t kIdSize = 40;  // hexadecimal digits

  // A replica that gets the stream.
  struct Replica {
    Client* client;
    uint64_t acknowledged = 0;  // the offset that it has reported
    int64_t acknowledged_at = 0;
  };

  ReplicationSource(const Keyspace* keyspace, Profile profile)
      : keyspace_(keyspace), profile_(profile) {}

  // Forgets the stream and the replicas.
  void Reset();

  // True while changes of this server's commands are recorded.
  bool records() const { return records_; }

  // --- What the current command has done. Only while records().

  // The command is replaced by this one, or by several: those of all calls.
  void Instead(int db, std::span<const std::string_view> words);
  // The command has changed nothing, although it called Modified().
  void Nothing() { said_ = Said::kReplaced; }
  // The command is sent, although it has changed nothing.
  void Always() { said_ = Said::kAlways; }
  // The server has deleted a key by itself.
  void Deleted(int db, std::string_view key);
  // A command has ended. `changed`: it has changed keys.
  void Ran(const CommandContext& command, bool changed);
  // Sends what has been recorded since the last call. `framed`: with MULTI and EXEC around it if it
  // is more than one command.
  void Send(bool framed);

  // "DEL", or by profile "UNLINK": how the stream deletes a key by itself.
  std::string_view deletion() const {
    return TraitsOf(profile_).deletes_by_unlink ? "UNLINK" : "DEL";
  }

  // --- Replicas.

  // Handles PSYNC: the client becomes a replica, and is sent the bytes from `offset` on, if `id`
  // names this stream and the backlog has them, or all keys. Both begin with a line that says so.
  // `process` makes the id of a new stream.
  void AddReplica(Client& client, std::string_view id, int64_t offset, uint64_t process);
  void RemoveReplica(const Client& client);
  void Acknowledge(const Client& client, uint64_t offset);
  std::span<const Replica> replicas() const { return replicas_; }
  // How many replicas have reported this offset or a later one.
  int64_t CountAcknowledged(uint64_t offset) const;
  // Asks all replicas to report their offsets.
  void AskForAcknowledgement();

  // --- The stream itself. Its owner changes when this server follows another one.

  // The bytes sent so far since the stream began.
  uint64_t offset() const { return offset_; }
  // Empty before there is a stream.
  std::string_view id() const { return id_; }
  // The stream that this one continues, up to previous_end(); empty if there is none.
  std::string_view previous_id() const { return previous_id_; }
  uint64_t previous_end() const { return previous_end_; }
  uint64_t backlog_begin() const { return offset_ - backlog_.size(); }
  size_t backlog_size() const { return backlog_.size(); }
  bool started() const { return !id_.empty(); }
  // The database that the stream has selected; 0 if it has selected none.
  int selected_db() const { return std::max(db_, 0); }

  // This server follows another one, whose stream it passes on.
  void FollowStream() { records_ = false; }
  // It begins at this point of another stream.
  void Adopt(std::string_view id, uint64_t offset);
  // It goes on in a stream that may have a new id.
  void Continue(std::string_view id);
  // Bytes of the primary's stream have been applied here.
  void PassOn(std::string_view bytes) { Feed(bytes); }
  // This server becomes a primary: its stream continues the one that it has followed.
  void Branch(uint64_t process);

 private:
  enum class Said : uint8_t { kNothing, kReplaced, kAlways };
  struct Effect {
    int db;
    size_t end;  // in effects_bytes_
  };

  void Record(int db, std::span<const std::string_view> words);
  void Select(int db);
  void Feed(std::string_view bytes);
  bool Has(std::string_view id, int64_t offset) const;
  void MakeId(uint64_t process);

  const Keyspace* const keyspace_;
  const Profile profile_;

  bool records_ = false;
  Said said_ = Said::kNothing;  // by the current command
  std::vector<Effect> effects_;
  std::string effects_bytes_;

  std::string id_;
  std::string previous_id_;
  uint64_t previous_end_ = 0;
  uint64_t offset_ = 0;
  std::string backlog_;
  int db_ = -1;  // selected in the stream; -1: unknown
  uint64_t ids_made_ = 0;
  std::vector<Replica> replicas_;
  std::string bytes_;
};

}  // namespace resprobe

#endif  // RESPROBE_CORE_SERVER_REPLICATION_SOURCE_H_
