#ifndef RESPROBE_WORLDS_REPLICATION_WRITE_BOOK_H_
#define RESPROBE_WORLDS_REPLICATION_WRITE_BOOK_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace resprobe {

// Which servers may have which writes, and which must. It knows what replication promises (redis
// documentation, "Redis replication" and WAIT), and no server.
//
// Model: writes are numbered from 1, over all keys; a later one replaces an earlier one of the same
// key. A server has what clients have written to it, and what a server that it follows has, or had.
//
// Promise: a primary keeps what it has accepted until its process ends or it follows another
// server. What WAIT has confirmed for all servers that followed it is kept by each of these as
// well, until its process ends or it follows a server that runs without it. There is no other
// promise: replication is asynchronous.
class WriteBook {
 public:
  static constexpr size_t kMostNodes = 8;

  // Servers that follow none.
  void Reset(size_t nodes);

  // --- What has happened.

  // A client sends a write to a server. Returns its number.
  uint32_t Send(size_t node, size_t key);
  // How the server has answered; a write without an answer may be made at any later time.
  void Accept(uint32_t write);
  void Refuse(uint32_t write);
  // The server follows another one, or (`of` == node) none. `may`: there was no answer.
  void Follow(size_t node, size_t of, bool may = false);
  void Crash(size_t node);
  void Start(size_t node, size_t of);
  // WAIT has confirmed these writes, which one server has accepted, for `count` replicas.
  void Confirm(std::span<const uint32_t> writes, int64_t count);

  // --- What follows.

  // True if that server has been told to follow another one, and has answered.
  bool IsReplica(size_t node) const { return (replicas_ >> node & 1) != 0; }
  // True if that server, or one whose data it may have taken, was sent this write.
  bool MayHave(size_t node, uint32_t write) const { return (Of(write).had >> node & 1) != 0; }
  bool IsOfKey(uint32_t write, size_t key) const {
    return write >= 1 && write <= writes_.size() && Of(write).key == key;
  }
  // The last write of a key that the server must have, unless a later one has replaced it; 0: none.
  uint32_t MustHave(size_t node, size_t key) const;
  // True if `found` (0: nothing) is what the server may have where it must have `write`.
  bool Replaces(uint32_t found, uint32_t write) const;
  size_t writes() const { return writes_.size(); }
  // "write 7, accepted by server 0, confirmed for 2 replicas".
  std::string Describe(uint32_t write) const;

 private:
  using NodeSet = uint8_t;

  struct Write {
    uint8_t node;
    uint8_t key;
    bool accepted = false;
    bool refused = false;
    NodeSet had = 0;        // who may have it, or may have had it
    NodeSet holders = 0;    // who must have it
    NodeSet followers = 0;  // who may have followed `node` since it was accepted
    uint64_t accepted_at = 0;
    int64_t confirmed = 0;
  };

  static NodeSet Bit(size_t node) { return static_cast<NodeSet>(1U << node); }
  const Write& Of(uint32_t write) const { return writes_[write - 1]; }
  Write& Of(uint32_t write) { return writes_[write - 1]; }
  void Spread(Write& write) const;
  void Drop(Write& write) const;
  void Update();

  size_t nodes_ = 0;
  std::vector<Write> writes_;
  std::array<NodeSet, kMostNodes> follows_{};  // whom it may follow
  NodeSet replicas_ = 0;                       // who follows another one for sure
  NodeSet up_ = 0;
  std::array<uint64_t, kMostNodes> disturbed_at_{};  // by a crash, or by a new primary
  uint64_t now_ = 0;                                 // counts what has happened
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_REPLICATION_WRITE_BOOK_H_
