#ifndef RESPROBE_WORLDS_INVALIDATION_REPLICATION_WATCH_H_
#define RESPROBE_WORLDS_INVALIDATION_REPLICATION_WATCH_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/resp/request_parser.h"
#include "sim/network.h"
#include "sim/node.h"
#include "worlds/invalidation/truth_model.h"

namespace resprobe::invalidation {

// Watches the connection that a replica has dialled to its primary, and moves its bytes. It reads
// what the primary sends as a list of changes, which
// 1. the primary has made: the world names them, in their order, as it learns of them from the
//    replies of clients (Match), or takes those that no client has seen (TakeUnseen);
// 2. the replica will make, each when all bytes of its command have arrived, or of the EXEC after
//    it (Deliver).
// What the replica sends arrives at once.
class ReplicationWatch {
 public:
  // The connection that the replica's process has dialled; there must be one. The primary accepts
  // it, and both talk until the primary has answered PSYNC. False if they do not come so far.
  bool Begin(Network* network, Node* primary, Node* replica, bool texts);
  // Forgets the connection and all changes.
  void End();

  bool open() const { return end_ != Network::End::kNone; }
  // The replica's end.
  Network::End end() const { return end_; }
  // Bytes in flight to the replica.
  size_t in_flight() const { return open() ? network_->Incoming(end_).in_flight() : 0; }
  // The number of changes that have not arrived completely.
  size_t unmade() const { return changes_.size() - next_; }

  // Reads what the primary has sent since the last call. False if it is not a stream of changes
  // that the world knows; see unknown().
  bool Read();
  const std::string& unknown() const { return unknown_; }

  // The next change that the primary has made and the world has not named; nullptr if there is
  // none.
  Change* Next() { return named_ < changes_.size() ? &changes_[named_] : nullptr; }
  // The command of the next change, if the watch was begun with `texts`.
  const std::string& NextText() const { return texts_[named_]; }
  // The next change has a version now.
  void Name(uint64_t version) { changes_[named_++].version = version; }
  // The next change had no effect.
  void Drop();

  // Bytes arrive at the replica. Calls made(change) for each change that it has now made.
  template <class Made>
  void Deliver(size_t bytes, const Made& made) {
    replica_->Deliver(end_, network_->Take(end_, bytes));
    const uint64_t arrived = network_->Incoming(end_).delivered();
    while (next_ < named_ && changes_[next_].end <= arrived) made(changes_[next_++]);
    if (next_ == changes_.size()) Forget();
  }
  // What the replica sends arrives at the primary.
  void DeliverToPrimary();

 private:
  enum class Phase : uint8_t { kHandshake, kSize, kKeys, kCommands };

  void Forget();
  bool ReadCommand(std::span<const std::string_view> words, uint64_t end);
  void Add(const Change& change, uint64_t end, std::string_view text);
  bool ReadPrelude(std::string_view* bytes);

  Network* network_ = nullptr;
  Node* primary_ = nullptr;
  Node* replica_ = nullptr;
  Network::End end_ = Network::End::kNone;
  bool with_texts_ = false;

  Phase phase_ = Phase::kHandshake;
  std::string line_;
  size_t keys_left_ = 0;
  resp::RequestParser parser_;
  uint8_t db_ = 0;      // selected
  bool multi_ = false;  // between MULTI and EXEC
  // [next_, named_) have a version and have not arrived; [named_, size()) have none.
  std::vector<Change> changes_;
  std::vector<std::string> texts_;
  size_t next_ = 0;
  size_t named_ = 0;
  std::string unknown_;
};

}  // namespace resprobe::invalidation

#endif  // RESPROBE_WORLDS_INVALIDATION_REPLICATION_WATCH_H_
