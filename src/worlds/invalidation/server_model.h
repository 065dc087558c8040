#ifndef RESPROBE_WORLDS_INVALIDATION_SERVER_MODEL_H_
#define RESPROBE_WORLDS_INVALIDATION_SERVER_MODEL_H_

#include <cstddef>
#include <cstdint>

#include "core/resp/reply.h"
#include "core/server/server.h"
#include "engine/run_context.h"
#include "sim/network.h"
#include "worlds/invalidation/client_requests.h"
#include "worlds/invalidation/replication_watch.h"
#include "worlds/invalidation/run_settings.h"
#include "worlds/invalidation/tracked_servers.h"
#include "worlds/invalidation/truth_model.h"

namespace resprobe::invalidation {

// The model of what the servers hold. It makes each change of the primary that the world learns of,
// from a reply to a client or from a key that has vanished, gives it the next version, and keeps
// the truth of both servers (TrackedServer::truth) up to date. If there is a replica, each change
// must be in the stream to it, in the same order, and the replica makes it when it arrives there.
//
// It owns the versions and the watch of the stream. Checks server_value and framing.
class ServerModel {
 public:
  ServerModel(const RunSettings* settings, TrackedServers* servers, Network* network)
      : settings_(settings), servers_(servers), network_(network) {}

  // Starts a run, after the servers have started; the replica follows its primary from now on.
  void Start(RunContext& run);

  // --- What the world learns of the primary.

  // Reads what the primary has sent to the replica. Call this before reading the replies to its
  // clients: the stream gives the order of the changes that those replies confirm.
  void ReadStream(RunContext& run);
  // A client has sent this request.
  void NoteRequest(const Sent& sent) { may_vanish_ |= sent.LetsVanish(); }
  // The primary has run this write; notes its versions in it.
  void RanWrite(Sent& sent, resp::ReplyView reply, RunContext& run);
  // How many flushes the primaries of this run have run for clients.
  uint64_t flushes() const { return flushes_; }
  // A server has answered a read with this value; false if that is not the truth.
  bool Observe(size_t server, size_t db, size_t slot, resp::ReplyView reply, RunContext& run);
  // A change on the primary. If it has an effect, it is the next one in the stream to its replica.
  void Changed(Change& change, RunContext& run);
  // The primary has deleted by itself the key whose first slot this is.
  void Gone(size_t db, size_t slot, RunContext& run);
  // Finds keys that the primary has deleted without a command, because they had expired. A replica
  // deletes none.
  void SeeVanished(RunContext& run);
  // Changes sent to the replica that are still unknown: the primary has deleted keys by itself.
  void TakeUnseen(RunContext& run);
  // While time passes, invalidations are caused by expiry.
  void set_time_passes(bool passes) { time_passes_ = passes; }
  // The server invalidates a slot, while time may pass.
  void Invalidated(size_t slot, RunContext& run);

  // --- Replication.

  const ReplicationWatch& stream() const { return stream_; }
  // The server that a client connects to.
  size_t Home(size_t client) const {
    const bool reads = stream_.open() && settings_->config.replica == Replica::kReads;
    return reads && client % 2 == 1 ? 1 - servers_->first() : servers_->first();
  }
  // Bytes arrive at the replica. Returns the number of SWAPDBs that it has now made.
  size_t DeliverToReplica(size_t bytes, RunContext& run);
  // What the replica sends arrives at the primary.
  void DeliverToPrimary() {
    if (stream_.open()) stream_.DeliverToPrimary();
  }
  // The primary was started again, empty; its replica begins anew.
  void Restarted(RunContext& run);
  // The primary has crashed for good; the replica takes its place, without what is in the stream.
  // False if it refuses.
  bool FailOver(RunContext& run);

 private:
  void BeginStream(RunContext& run);
  void FollowPrimary(RunContext& run);
  void SeeVanishedFrom(const Server& core, RunContext& run);
  bool MatchStream(const Change& change, RunContext& run);
  bool TakeDeletion(RunContext& run);
  void Replicated(RunContext& run);

  const RunSettings* const settings_;
  TrackedServers* const servers_;
  Network* const network_;
  ReplicationWatch stream_;
  uint64_t flushes_ = 0;
  uint64_t version_ = 1;      // of the last change of any slot
  bool may_vanish_ = false;   // keys can disappear without a command
  bool time_passes_ = false;  // pushes sent now are caused by expiry
};

}  // namespace resprobe::invalidation

#endif  // RESPROBE_WORLDS_INVALIDATION_SERVER_MODEL_H_
