#ifndef RESPROBE_WORLDS_CLUSTER_WRITE_LEDGER_H_
#define RESPROBE_WORLDS_CLUSTER_WRITE_LEDGER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace resprobe {

// Which writes a cluster may have, and which it must. It knows what redis and valkey promise
// (cluster specification, "Write safety"), and no server.
//
// Model: writes are numbered from 1, over all keys; a later one replaces an earlier one of the same
// key. A write without an answer may be made at any later time.
//
// Promise: a write that was accepted while nothing was wrong (Calm()) is kept until something is
// (Disturb()). One that WAIT has confirmed then, for all nodes of its shard, is kept as long as one
// of these has it and none of the others becomes primary in its place: a process that ends without
// a log loses it, and one that returns empty before another has taken over takes it from the
// others.
class WriteLedger {
 public:
  static constexpr size_t kMostKeys = 8;
  using NodeSet = uint32_t;

  void Reset(size_t keys);

  // A client sends a write. Returns its number.
  uint32_t Send(size_t key);
  void Accept(uint32_t write);
  void Refuse(uint32_t write);

  // Everything is healed, and the cluster has `value` (0: nothing) for a key.
  void Found(size_t key, uint32_t value);
  void Calm() { calm_ = true; }
  bool calm() const { return calm_; }
  // From here on, what is accepted may be lost.
  void Disturb();
  // The last accepted write of a key, if it must be kept, is on all nodes of its shard.
  void Confirm(size_t key, NodeSet shard);
  // A node has lost what it had, or may have.
  void Gone(size_t node);
  // A node without the write may become the primary of those that have it.
  void MayReplace(size_t node);
  // Of a key, or all keys, only what no fault has disturbed is still promised.
  void ForgetHolders(size_t key);
  void ForgetAllHolders();
  // Nothing is promised for a key any more.
  void Drop(size_t key);

  // The nodes that must have the confirmed write of a key.
  NodeSet Holders(size_t key) const { return keys_[key].holders; }
  // True if a node may serve it: it was sent for that key, and not refused.
  bool MayServe(size_t key, uint32_t write) const;
  // The last write of a key that must be kept; 0: none.
  uint32_t MustHave(size_t key) const;
  // True if `found` (0: nothing) is what the cluster may have where it must have `write`.
  bool Replaces(size_t key, uint32_t found, uint32_t write) const;
  std::string Describe(uint32_t write) const;
  size_t keys() const { return count_; }

 private:
  struct Write {
    size_t key;
    bool accepted = false;
    bool refused = false;
  };
  struct Key {
    uint32_t undisturbed = 0;  // while calm_
    uint32_t confirmed = 0;
    NodeSet holders = 0;
    NodeSet shard = 0;
  };

  size_t count_ = 0;
  bool calm_ = true;
  std::vector<Write> writes_;
  std::array<Key, kMostKeys> keys_;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_CLUSTER_WRITE_LEDGER_H_
