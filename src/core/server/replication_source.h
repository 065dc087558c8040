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
#include "core/server/propagation.h"
#include "core/table/profile.h"

namespace resprobe {

struct ReplicationSettings;

// The stream of a server's changes, which it sends to its replicas (redis 7.0 replication.c): the
// effects of its commands (propagation.h).
//
// There is no stream before the first replica asks for it.
class ReplicationSource {
 public:
  static constexpr size_t kIdSize = 40;  // hexadecimal digits

  // A replica that gets the stream.
  struct Replica {
    Client* client;
    uint64_t acknowledged = 0;  // the offset that it has reported
    int64_t acknowledged_at = 0;
    uint64_t durable = 0;  // that of its own log (REPLCONF ACK … FACK)
  };

  // `settings` are not owned, and may change.
  ReplicationSource(const Keyspace* keyspace, Profile profile, const ReplicationSettings* settings)
      : keyspace_(keyspace), profile_(profile), settings_(*settings) {}

  // Forgets the stream and the replicas.
  void Reset();

  // True while the effects of this server's own commands go to the stream.
  bool leads() const { return leads_; }
  // Appends the effects of commands. Only while leads().
  void Append(const Propagation& effects, bool framed);

  // --- Replicas.

  // Handles PSYNC: the client becomes a replica, and is sent the bytes from `offset` on, if `id`
  // names this stream and the backlog has them, or all keys. Both begin with a line that says so.
  // `process` makes the id of a new stream.
  void AddReplica(Client& client, std::string_view id, int64_t offset, uint64_t process);
  void RemoveReplica(const Client& client);
  void Acknowledge(const Client& client, uint64_t offset);
  std::span<const Replica> replicas() const { return replicas_; }
  void AcknowledgeDurable(const Client& client, uint64_t offset);
  // How many replicas have reported this offset or a later one.
  int64_t CountAcknowledged(uint64_t offset) const;
  int64_t CountDurable(uint64_t offset) const;
  // Time has passed: sends a ping when one is due (redis 7.0 replication.c replicationCron).
  void Tick();
  // A replica that has reported nothing for longer than the time-out; nullptr: there is none. The
  // caller disconnects it (redis 7.0 replication.c replicationCron).
  Client* SilentReplica() const;
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
  // The database that the stream has selected, which is that of its next command unless a SELECT
  // comes first; 0 if it has selected none.
  int selected_db() const { return std::max(db_, 0); }

  // This server follows another one, whose stream it passes on.
  void FollowStream() { leads_ = false; }
  // It begins at this point of another stream, where that has selected a database.
  void Adopt(std::string_view id, uint64_t offset, int db);
  // It goes on in a stream that may have a new id; true if it has.
  bool Continue(std::string_view id);
  // Bytes of the primary's stream have been applied here, after which it has selected a database.
  void PassOn(std::string_view bytes, int db) {
    Feed(bytes);
    db_ = db;
  }
  // This server becomes a primary: its stream continues the one that it has followed.
  void Branch(uint64_t process);

 private:
  void Feed(std::string_view bytes);
  bool Has(std::string_view id, int64_t offset) const;
  void MakeId(uint64_t process);

  const Keyspace* const keyspace_;
  const Profile profile_;
  const ReplicationSettings& settings_;

  bool leads_ = false;
  std::string id_;
  std::string previous_id_;
  uint64_t previous_end_ = 0;
  uint64_t offset_ = 0;
  std::string backlog_;
  int db_ = -1;  // selected in the stream; -1: none, so that a SELECT has to come
  uint64_t ids_made_ = 0;
  std::vector<Replica> replicas_;
  int64_t ping_at_ = 0;  // milliseconds
  std::string bytes_;
};

}  // namespace resprobe

#endif  // RESPROBE_CORE_SERVER_REPLICATION_SOURCE_H_
