#ifndef RESPROBE_WORLDS_INVALIDATION_REPLICATION_STREAM_H_
#define RESPROBE_WORLDS_INVALIDATION_REPLICATION_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/network.h"
#include "sim/server_subject.h"
#include "worlds/invalidation/truth_model.h"

namespace resprobe::invalidation {

// The connection of a replica to its primary. The world writes the primary's side of it from the
// changes that it sees, as a primary would: write commands, a time to live as an absolute time, and
// DEL for what the primary has deleted by itself (redis 7.0 server.c propagateNow). The replica
// applies a change when its command has arrived completely.
class ReplicationStream {
 public:
  // Starts a stream to a replica that has the same state as its primary.
  void Begin(Network* network, Network::Endpoint primary, Network::Endpoint at,
             ReplicaSubject* replica);
  // Ends the stream; what has not arrived is lost.
  void End();
  // Forgets the stream of the previous run.
  void Reset() { connection_ = 0; }

  bool open() const { return connection_ != 0; }
  // Bytes in flight.
  size_t in_flight() const { return open() ? network_->Incoming(end_).in_flight() : 0; }
  // The number of changes whose commands have not arrived completely.
  size_t unmade() const { return changes_.size() - next_; }

  // The primary has made the change. Returns the words of its command; valid until the next call.
  std::span<const std::string> Send(Change change);
  // Bytes arrive. Calls made(change) for each change that the replica has now applied.
  template <class Made>
  void Deliver(size_t bytes, const Made& made) {
    replica_->Send(connection_, network_->Take(end_, bytes));
    const uint64_t arrived = network_->Incoming(end_).delivered();
    while (next_ < changes_.size() && changes_[next_].end <= arrived) made(changes_[next_++]);
    if (next_ < changes_.size()) return;
    changes_.clear();
    next_ = 0;
  }

 private:
  Network* network_ = nullptr;
  ReplicaSubject* replica_ = nullptr;
  Network::End end_ = Network::End::kNone;  // the replica's
  uint64_t connection_ = 0;                 // the replica's id of it; 0: there is no stream
  uint8_t db_ = 0;                          // selected
  std::vector<Change> changes_;             // [next_, size()) have not arrived
  size_t next_ = 0;
  std::vector<std::string> words_;  // of the last command
  std::string bytes_;
};

}  // namespace resprobe::invalidation

#endif  // RESPROBE_WORLDS_INVALIDATION_REPLICATION_STREAM_H_
