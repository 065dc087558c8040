#ifndef RESPROBE_WORLDS_INVALIDATION_PUSH_BOOK_H_
#define RESPROBE_WORLDS_INVALIDATION_PUSH_BOOK_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/resp/reply.h"
#include "engine/run_context.h"
#include "worlds/invalidation/client_wires.h"
#include "worlds/invalidation/invalidation_ops.h"
#include "worlds/invalidation/run_settings.h"
#include "worlds/invalidation/server_model.h"

namespace resprobe::invalidation {

// The invalidations that servers have sent: for each wire those in flight, with the versions that
// they announce, and for each client the keys that the server must announce, because the client has
// read them. Checks precision, and the form of pushes (framing).
class PushBook {
 public:
  struct Push {
    enum class What : uint8_t { kSlot, kEverything, kBroken } what = What::kSlot;
    uint8_t slot = 0;
    uint64_t end = 0;  // its end in the stream
    std::array<uint64_t, kDatabases> versions{};
  };

  PushBook(const RunSettings* settings, const TrackedServers* servers, const ClientWires* wires,
           ServerModel* model)
      : settings_(settings), servers_(servers), wires_(wires), model_(model) {}

  // Starts a run.
  void Reset() { to_tell_ = {}; }
  // The client has opened this wire.
  void Connected(const Wire& wire);
  // The connection has ended: nothing is in flight.
  void Forget(const Wire& wire) { Of(wire).Clear(); }

  // The server has answered a tracked read of the slot.
  void HasRead(size_t client, size_t slot);
  // The server has sent a push that ends at this offset of the stream. RESP2: a message.
  void Sent(const Wire& wire, uint64_t end, resp::ReplyView push, RunContext& run);

  // An invalidation of the slot is in flight on the wire.
  bool OnItsWay(const Wire& wire, size_t slot) const;
  // Calls arrived(push) for each push that ends at this offset, up to which all has arrived.
  template <class Arrived>
  void Deliver(const Wire& wire, uint64_t delivered, const Arrived& arrived) {
    Queue& queue = Of(wire);
    while (queue.next < queue.pushes.size() && queue.pushes[queue.next].end == delivered) {
      arrived(queue.pushes[queue.next++]);
    }
    if (queue.next == queue.pushes.size()) queue.Clear();
  }
  // The next bytes to deliver at once: at most `bytes`, and only up to the end of the next push, to
  // know when the client has received it.
  size_t Step(const Wire& wire, uint64_t delivered, size_t bytes) const {
    const Queue& queue = Of(wire);
    if (queue.next == queue.pushes.size()) return bytes;
    return std::min<size_t>(bytes, queue.pushes[queue.next].end - delivered);
  }

 private:
  struct Queue {
    std::vector<Push> pushes;  // [next, size()) have not arrived
    size_t next = 0;

    void Clear() {
      pushes.clear();
      next = 0;
    }
  };

  Queue& Of(const Wire& wire) { return queues_[wire.client][wire.index]; }
  const Queue& Of(const Wire& wire) const { return queues_[wire.client][wire.index]; }
  void Note(const Wire& wire, uint64_t end, size_t slot);
  void SentKeys(const Wire& wire, uint64_t end, resp::ReplyView keys, RunContext& run);

  const RunSettings* const settings_;
  const TrackedServers* const servers_;
  const ClientWires* const wires_;
  ServerModel* const model_;
  std::array<std::array<Queue, 2>, kMaxClients> queues_;
  // How often the server may announce each slot to each client.
  std::array<std::array<uint8_t, kSlots>, kMaxClients> to_tell_{};
  // Of the primary's flushes (ServerModel::flushes()) those before the client's connection, and
  // those that were announced to it since.
  std::array<uint64_t, kMaxClients> flushes_told_{};
};

}  // namespace resprobe::invalidation

#endif  // RESPROBE_WORLDS_INVALIDATION_PUSH_BOOK_H_
