#ifndef RESPROBE_SIM_NETWORK_H_
#define RESPROBE_SIM_NETWORK_H_

// A network of N endpoints (machines, by number) as programs see TCP: a connection has two ends,
// and in each direction a stream of bytes that arrive in order, in any slices, or never.
//
// Bytes move in one of two ways:
// - By the tape. The world takes what arrives at an end (Take), as many bytes as an op says. Time
//   and toxics are not involved.
// - By time. An endpoint with a receiver (Attach) gets its connections, bytes and ends as events of
//   the scheduler, when the delays of the stream have passed. A world that wants to move the bytes
//   itself, but by time, attaches no receiver and calls Next(); the scheduler knows when there will
//   be more.
//
// Faults of a stream are toxics (toxic.h), as in front of real clients: latency and jitter (ms),
// bandwidth (KB/s), slices (bytes), a cut after n bytes, silence, a reset. SetToxics() puts them
// between two endpoints. Faults of machines are defined here:
// - CutAt: no byte from an offset on arrives, and no end.
// - Block: a partition. Nothing crosses from some endpoints to others until Unblock(); both ends
//   stay open, and what was sent arrives then. One way or both.
// - Farewell::kNone: an end is gone and its peer is not notified, so that the peer's end is
//   half-open until it is (TellPeer).
// Each fault counts how often it has had an effect.
//
// Events of the same microsecond, such as bytes that arrive on two connections, are ordered by the
// scheduler's tie seed. Within a stream nothing is reordered.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/byte_stream.h"
#include "sim/scheduler.h"
#include "sim/toxic.h"
#include "sim/toxic_stream.h"

namespace resprobe {

class Network : private Scheduler::Handler {
 public:
  static constexpr size_t kMaxEndpoints = 64;
  using Endpoint = uint8_t;
  using EndpointSet = uint64_t;  // bit i: endpoint i

  // One end of a connection. Invalid once both ends are closed; not reused in the same run.
  enum class End : uint64_t { kNone = 0 };

  // How an end closes.
  enum class Farewell : uint8_t {
    kFin,    // after all that it has sent
    kReset,  // at once; what is in flight in either direction is lost
    kNone,   // without notification: power loss, or a router that dropped the connection
  };

  // The events of an endpoint, always called by the scheduler.
  class Receiver {
   public:
    virtual ~Receiver() = default;
    // Another endpoint has dialled this one; `end` is this endpoint's end.
    virtual void OnAccept(End end) = 0;
    // A connection that this endpoint has dialled is established.
    virtual void OnConnected(End end) = 0;
    // Valid during the call.
    virtual void OnBytes(End end, std::string_view bytes) = 0;
    // The other end is gone, or (`refused`) a dialled connection was refused. The receiver closes
    // its own end at any later time.
    virtual void OnEnd(End end, Farewell how, bool refused) = 0;
  };

  struct Counts {
    uint64_t blocked = 0;    // arrivals delayed by a partition
    uint64_t half_open = 0;  // ends closed without notification while their peer was open
    uint64_t resets = 0;     // connections reset by an end
    uint64_t cuts = 0;       // streams cut at a byte
    uint64_t refused = 0;    // dialled connections without a listener
    ToxicCounts toxics;
  };

  explicit Network(Scheduler* scheduler) : scheduler_(scheduler) {}
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  // Starts a run with this many endpoints, at most kMaxEndpoints, without connections, faults or
  // receivers. Reset the scheduler before.
  void Reset(size_t endpoints);

  // --- Endpoints.

  size_t endpoints() const { return endpoints_; }

  // From now on the receiver (not owned) gets the endpoint's events. nullptr: no listener; dialled
  // connections are refused.
  void Attach(Endpoint at, Receiver* receiver);

  // Creates a connection at once; returns the end of `from`. The seed determines the jitter and the
  // slices of its toxics; 0: a different one for each connection.
  End Connect(Endpoint from, Endpoint to, uint64_t seed = 0);
  // Establishes a connection over time: the acceptor is notified after the delay from here to
  // there, the dialler after the delay back. The dialler may send at once.
  End Dial(Endpoint from, Endpoint to);

  static End Peer(End end) { return static_cast<End>(static_cast<uint64_t>(end) ^ 1); }
  // False for kNone and once both ends are closed.
  bool Exists(End end) const { return Find(end) != nullptr; }
  // The end's own endpoint.
  Endpoint EndpointOf(End end) const { return At(end).ends[Side(end)].endpoint; }
  // A number that the endpoint's owner stores with its end; initially 0, and 0 for an end that does
  // not exist.
  void set_label(End end, uint64_t label) { At(end).ends[Side(end)].label = label; }
  uint64_t label(End end) const {
    const Connection* const connection = Find(end);
    return connection == nullptr ? 0 : connection->ends[Side(end)].label;
  }

  // --- Operations of an end.

  // Ignored on a closed end. Bytes to a closed peer are answered by a reset when they arrive.
  void Send(End end, std::string_view bytes);
  // The same for an owner that appends by itself: calls append(label, std::string*), unless the
  // label is 0. Returns what it has appended; valid until the stream to the peer changes.
  template <class Append>
  std::string_view SendFrom(End end, const Append& append) {
    Connection* const connection = Find(end);
    const uint64_t name = connection == nullptr ? 0 : connection->ends[Side(end)].label;
    if (name == 0) return {};
    Direction& towards = connection->ends[1 - Side(end)].towards;
    if (towards.direct) [[likely]] {
      std::string* const out = towards.stream.bytes().buffer();
      const size_t before = out->size();
      append(name, out);
      return {out->data() + before, out->size() - before};
    }
    sending_.clear();
    append(name, &sending_);
    Send(end, sending_);
    return sending_;
  }
  void Close(End end, Farewell farewell = Farewell::kFin);
  // Removes both ends at once, with all that is in flight and without notification: the owner of
  // both no longer needs the connection.
  void Remove(End end);
  // False once the end has closed; unknown ends are closed.
  bool IsOpen(End end) const {
    const Connection* const connection = Find(end);
    return connection != nullptr && connection->ends[Side(end)].open;
  }

  // --- Arrivals at an end, by the tape.

  // The bytes in flight to this end. The connection must exist.
  ByteStream& Incoming(End end) { return Towards(end).stream.bytes(); }
  const ByteStream& Incoming(End end) const { return Towards(end).stream.bytes(); }
  // The next `count` bytes arrive, or all if there are fewer; none while they are blocked. Valid
  // until the next call about this connection.
  std::string_view Take(End end, size_t count) {
    return any_blocked_ && HoldsBack(end) ? std::string_view() : Incoming(end).Take(count);
  }
  // True if all that the peer has sent has arrived, and this end can know that no more will come.
  bool SeesEnd(End end) const {
    const Connection* const connection = Find(end);
    if (connection == nullptr) return false;
    const EndState& peer = connection->ends[1 - Side(end)];
    return !peer.open && !peer.silent && Incoming(end).at_end() &&
           !Blocked(peer.endpoint, EndpointOf(end));
  }

  // --- Arrivals at an end, by time, without a receiver.

  // The next step of the stream to this end; after kData the owner calls Taken(). All other steps
  // except kWait end the stream.
  ToxicStream::Step Next(End end);
  void Taken(End end, size_t count);
  // How many bytes the peer may send now (toxic never_read); at most `most`.
  size_t Room(End end, size_t most) {
    ToxicStream& stream = Towards(end).stream;
    return stream.finished() ? most : stream.Room(most);  // bytes after the end are discarded
  }

  // --- Faults.

  // Sets the toxics between two endpoints, for all current and future connections, as `client` sees
  // them: upstream is what it sends. Toxics of other places (toxic.h) are ignored.
  void SetToxics(Endpoint client, Endpoint server, std::span<const Toxic> toxics);
  // No byte from this offset of the stream to `end` arrives.
  void CutAt(End end, uint64_t offset);
  // Nothing crosses from any of `from` to any of `to`.
  void Block(EndpointSet from, EndpointSet to);
  void BlockBothWays(EndpointSet a, EndpointSet b) {
    Block(a, b);
    Block(b, a);
  }
  // Removes all blocks.
  void Unblock();
  bool Blocked(Endpoint from, Endpoint to) const { return (blocked_[from] >> to & 1) != 0; }
  // True if the peer of this end is gone without a notification.
  bool HalfOpen(End end) const;
  // A half-open end is notified that its peer is gone: by keep-alive, a time-out, a router's reset.
  void TellPeer(End end);

  const Counts& counts() const { return counts_; }
  // Until the next Reset(), counts the toxics of future connections there.
  void CountToxicsIn(ToxicCounts* counts) { toxic_counts_ = counts; }
  // Ends that exist and have not closed.
  size_t open_ends() const { return open_ends_; }

 private:
  // One direction of a connection, towards one of its ends.
  struct Direction {
    ToxicStream stream;
    Scheduler::Event timer;
    int64_t timer_us = kNever;
    Farewell farewell = Farewell::kFin;  // how the stream ends
    bool told = false;                   // the receiver was notified of the end
    // Bytes can be appended directly: the stream is open, and time is not involved.
    bool direct = false;
  };
  struct EndState {
    Endpoint endpoint = 0;
    bool open = false;
    bool silent = false;  // closed without notification
    uint64_t label = 0;
    Direction towards;
  };
  struct Connection {
    uint32_t generation = kUnused;
    bool accepted = false;
    std::array<EndState, 2> ends;  // the dialler, the acceptor
  };
  struct Link {
    Endpoint client;
    Endpoint server;
    std::vector<Toxic> toxics;
  };
  // The kind of an event, in the low bits of its tag; the end is in the high bits.
  enum class What : uint8_t { kArrival, kAccept, kConnected, kRefused };

  static constexpr uint32_t kUnused = UINT32_MAX;

  static size_t Side(End end) { return static_cast<uint64_t>(end) & 1; }
  static size_t SlotOf(End end) { return static_cast<uint32_t>(end) >> 1; }
  const Connection* Find(End end) const {
    const size_t slot = SlotOf(end);
    if (slot >= connections_.size()) return nullptr;
    const Connection* const connection = connections_[slot].get();
    return connection->generation == static_cast<uint64_t>(end) >> 32 ? connection : nullptr;
  }
  Connection* Find(End end) {
    return const_cast<Connection*>(static_cast<const Network*>(this)->Find(end));
  }
  Connection& At(End end) { return *connections_[SlotOf(end)]; }
  const Connection& At(End end) const { return *connections_[SlotOf(end)]; }
  Direction& Towards(End end) { return At(end).ends[Side(end)].towards; }
  const Direction& Towards(End end) const { return At(end).ends[Side(end)].towards; }

  // Updates `direct` of the stream to this end.
  void UpdateDirect(End end);
  // True if a partition holds what is in flight to this end.
  bool HoldsBack(End end);

  void OnDue(uint64_t tag) override;
  void Schedule(int64_t at_us, What what, End end);
  void Accept(End dialler);
  void Arrive(End end);
  // Updates the event of the stream to this end; `at_us`: when the stream has more, kNever for
  // not before a change.
  void Reschedule(End end);
  void Reschedule(End end, int64_t at_us);
  void RescheduleAll();
  void Release(End end);
  const Link* LinkBetween(Endpoint a, Endpoint b) const;

  Scheduler* const scheduler_;
  size_t endpoints_ = 0;
  std::array<Receiver*, kMaxEndpoints> receivers_{};
  std::array<EndpointSet, kMaxEndpoints> blocked_{};  // [from]: to
  bool any_blocked_ = false;
  std::vector<std::unique_ptr<Connection>> connections_;  // unused ones keep memory
  std::vector<uint32_t> free_;  // the lowest last, of those that this run has not used
  size_t used_ = 0;             // the first that this run has not used
  std::vector<Link> links_;     // the first link_count_ are used; the others keep memory
  size_t link_count_ = 0;
  size_t open_ends_ = 0;
  uint32_t made_ = 0;  // connections in this run
  bool any_receiver_ = false;
  Counts counts_;
  ToxicCounts* toxic_counts_ = &counts_.toxics;
  std::string arriving_;
  std::string sending_;
};

}  // namespace resprobe

#endif  // RESPROBE_SIM_NETWORK_H_
