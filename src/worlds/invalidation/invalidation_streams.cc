// What goes over the links of the world `invalidation`, and what the world learns from it.

#include <algorithm>

#include "core/resp/reply.h"
#include "core/resp/writer.h"
#include "core/server/server.h"
#include "worlds/invalidation/invalidation_names.h"
#include "worlds/invalidation/invalidation_world.h"

namespace resprobe {
namespace {

// With the output limit: how many bytes may wait for a client before the server closes the
// connection, and how many of them have left the server by then.
constexpr size_t kOutputLimit = 256;
constexpr size_t kOnTheWay = 48;

}  // namespace

// --- Bytes arrive at the server, which answers; then the output for all clients is inspected.

void InvalidationWorld::DeliverToServer(Client& client, size_t index, size_t bytes,
                                        RunContext& run) {
  Wire& wire = client.wires[index];
  if (bytes == 0 || !Whole(wire)) return;
  const std::string_view arrived = network_.Take(ServersEnd(wire), bytes);
  if (arrived.empty()) return;
  if (run.trace().on()) [[unlikely]] {
    size_t whole = 0;
    while (whole < wire.requests_on_way.size() &&
           wire.requests_on_way[whole].end <= ToServer(wire).delivered()) {
      const Message& request = wire.requests_on_way[whole++];
      run.trace().Line("  " + NodeName(wire.node) + " gets " + request.text + " of c" +
                       std::to_string(Number(client)) + " (#" + std::to_string(request.number) +
                       ")");
    }
    if (whole == 0) {
      run.trace().Line("  " + NodeName(wire.node) + " gets " + std::to_string(arrived.size()) +
                       " bytes of c" + std::to_string(Number(client)));
    }
    wire.requests_on_way.erase(wire.requests_on_way.begin(),
                               wire.requests_on_way.begin() + static_cast<ptrdiff_t>(whole));
  }
  NodeOf(wire).node.Deliver(ServersEnd(wire), arrived);
  ReadStream(run);
  // The writer's replies first: they determine the version that the pushes to the others refer to.
  Collect(client, 0, run);
  SeeVanished(run);
  CollectAll(run);
  if (run.violated()) return;
  const bool unanswered = index == 0 ? client.requests.Next(ToServer(wire).delivered()) != nullptr
                                     : wire.unanswered > 0 && ToServer(wire).in_flight() == 0;
  run.Check(
      !unanswered || !Whole(wire), "framing", "a reply to each request that has arrived", [&] {
        return "no reply to a request of " + Name(client) + " on wire " + std::to_string(index);
      });
  CheckTable(run);
}

// Moves the server's output onto the link and parses it.
void InvalidationWorld::Collect(Client& client, size_t index, RunContext& run) {
  Wire& wire = client.wires[index];
  if (wire.connection == 0) return;
  std::string_view fresh = NodeOf(wire).node.Collect(ServersEnd(wire));
  if (fresh.empty()) return;
  while (!run.violated()) {
    const resp::ReplyParser::Result result = wire.replies.Parse(fresh);
    if (result.status == resp::ReplyParser::Status::kError) {
      run.Check(false, "framing", "replies and pushes",
                [&] { return "to " + Name(client) + ": " + wire.replies.error().message(); });
      return;
    }
    fresh.remove_prefix(result.consumed);
    if (result.status == resp::ReplyParser::Status::kNeedMore) break;
    const resp::ReplyView reply = wire.replies.reply().root();
    const uint64_t end = ToClient(wire).sent() - fresh.size();
    const bool push = reply.type() == resp::Type::kPush;
    const bool message = index == 1 && config_.wires == cache::Wires::kTwoResp2 &&
                         reply.type() == resp::Type::kArray && reply.size() == 3 &&
                         reply[0].text() == "message";
    if (run.trace().on()) [[unlikely]] {
      wire.messages_on_way.push_back({end, ++messages_, resp::ToText(reply)});
      run.trace().Line("  " + NodeName(wire.node) + (push || message ? " pushes " : " sends ") +
                       resp::ToText(reply) + " to c" + std::to_string(Number(client)) +
                       (index == 0 ? "" : " on wire 1") + " (#" + std::to_string(messages_) + ")");
    }
    if (push || message) {
      Pushed(client, wire, end, reply, run);
      continue;
    }
    if (index == 1) {
      if (!run.Check(wire.unanswered > 0, "framing", "replies to requests that have arrived", [&] {
            return "a reply to " + Name(client) +
                   " on wire 1 that nothing asked for: " + resp::ToText(reply);
          })) {
        return;
      }
      --wire.unanswered;
      continue;
    }
    Sent* const sent = client.requests.Next(ToServer(wire).delivered());
    if (!run.Check(sent != nullptr, "framing", "replies to requests that have arrived", [&] {
          return "a reply to " + Name(client) + " that nothing asked for: " + resp::ToText(reply);
        })) {
      return;
    }
    client.requests.Answered();
    Ran(client, *sent, reply, run);
  }
  if (config_.output_limit) LimitOutput(client, wire, run);
}

void InvalidationWorld::CollectAll(RunContext& run) {
  const size_t wires = two_wires() ? 2 : 1;
  for (size_t i = 0; i < client_count_ && !run.violated(); ++i) {
    for (size_t wire = 0; wire < wires && !run.violated(); ++wire) Collect(clients_[i], wire, run);
  }
  for (TrackedNode& node : nodes_) {
    for (const Network::End ghost : node.ghosts) {
      node.node.Collect(ghost);
      network_.Incoming(Network::Peer(ghost)).Lose();
    }
  }
  CheckCoverage(run);
}

// The server closes the connection of a client with too much unread output. What has not left the
// server is lost, possibly in the middle of a value.
void InvalidationWorld::LimitOutput(Client& client, Wire& wire, RunContext& run) {
  if (ToClient(wire).in_flight() <= kOutputLimit) return;
  if (run.trace().on()) {
    run.trace().Line("  " + NodeName(wire.node) + " closes the connection of c" +
                     std::to_string(Number(client)) + ": its output limit");
  }
  CloseServersEnd(wire, Network::Farewell::kFin);
  ToClient(wire).Keep(kOnTheWay);
  const uint64_t end = ToClient(wire).sent();
  while (wire.pushes.size() > wire.next_push && wire.pushes.back().end > end) {
    wire.pushes.pop_back();
  }
  std::erase_if(wire.messages_on_way, [&](const Message& message) { return message.end > end; });
}

void InvalidationWorld::Pushed(Client& client, Wire& wire, uint64_t end, resp::ReplyView push,
                               RunContext& run) {
  const bool resp2 = push.type() != resp::Type::kPush;
  if (!resp2 && push.size() == 2 && push[0].text() == "tracking-redir-broken") {
    if (push[1].integer() == static_cast<int64_t>(client.wires[1].connection)) {
      wire.pushes.push_back({Push::What::kBroken, 0, end, {}});
    }
    return;
  }
  const size_t value = resp2 ? 2 : 1;
  const bool understood = push.size() == value + 1 &&
                          push[0].text() == (resp2 ? "message" : "invalidate") &&
                          (push[value].is_null() || push[value].is_aggregate());
  if (!run.Check(understood, "framing", "pushes of the kind 'invalidate'",
                 [&] { return "to " + Name(client) + ": " + resp::ToText(push); })) {
    return;
  }
  if (push[value].is_null()) {
    // For each slot, its version at that time: a write that the server ran after the flush may be
    // known by now, but the flush does not cover it.
    wire.pushes.push_back({Push::What::kEverything, 0, end, {}});
    for (size_t slot = 0; slot < kSlots; ++slot) NotePush(wire, end, slot);
    if (!two_wires()) client.to_tell.fill(0);
    return;
  }
  PushedKeys(client, wire, end, push[value], run);
}

void InvalidationWorld::NotePush(Wire& wire, uint64_t end, size_t slot) {
  const TruthModel& truths = NodeOf(wire).truth;
  wire.pushes.push_back({Push::What::kSlot,
                         static_cast<uint8_t>(slot),
                         end,
                         {truths[0][slot].version, truths[1][slot].version}});
}

void InvalidationWorld::PushedKeys(Client& client, Wire& wire, uint64_t end, resp::ReplyView keys,
                                   RunContext& run) {
  for (const resp::ReplyView name : keys) {
    const size_t first = SlotOfKey(name.text());
    if (!run.Check(first < kSlots, "framing", "invalidations of keys that were read",
                   [&] { return resp::ToText(keys); })) {
      return;
    }
    const bool bcast = config_.mode == cache::Mode::kBroadcast;
    const bool listens = !config_.prefixes || (first != 2 && first != 3);
    run.Check(
        bcast ? listens : client.to_tell[first] > 0, "precision",
        [&] {
          return bcast ? "keys under the prefixes of " + Name(client)
                       : "a key that " + Name(client) + " has read since it was last told of it";
        },
        [&] { return "an invalidation of " + std::string(name.text()); });
    // With two connections the order of this push and a later read is unknown.
    if (!two_wires() && client.to_tell[first] > 0) --client.to_tell[first];
    for (size_t slot = first; slot < first + SlotsOfKey(first); ++slot) {
      for (size_t db = 0; db < kDatabases && time_passes_; ++db) {
        const Truth& truth = primary().truth[db][slot];
        if (truth.value != 0 && truth.may_expire && primary().subject->core() == nullptr) {
          Gone(db, slot, run);
        }
      }
      NotePush(wire, end, slot);
    }
  }
}

// --- Bytes arrive at a client.

void InvalidationWorld::DeliverToClient(Client& client, size_t index, size_t bytes,
                                        RunContext& run) {
  Wire& wire = client.wires[index];
  if (wire.connection == 0) return;
  size_t left = std::min(bytes, ToClient(wire).in_flight());
  // If nothing arrives, nothing has changed since the last check.
  if (left == 0 && !network_.SeesEnd(wire.end)) return;
  while (left > 0 && !run.violated() && wire.connection != 0) {
    // Stop at the end of the next invalidation, to know when the client has received it.
    size_t step = left;
    if (wire.next_push < wire.pushes.size()) {
      step = std::min<size_t>(step, wire.pushes[wire.next_push].end - ToClient(wire).delivered());
    }
    const std::string_view arrived = network_.Take(wire.end, step);
    left -= step;
    wire.heard_ms = now();
    if (run.trace().on()) NoteArrivals(client, index, arrived.size(), run);
    client.cache->OnBytes(arrived, now(), static_cast<cache::Wire>(index));
    Completed(client, run);
    Follow(client, run);
    while (wire.next_push < wire.pushes.size() &&
           wire.pushes[wire.next_push].end == ToClient(wire).delivered()) {
      Arrived(client, wire, wire.pushes[wire.next_push++]);
    }
    if (wire.next_push == wire.pushes.size()) {
      wire.pushes.clear();
      wire.next_push = 0;
    }
  }
  if (run.violated()) return;
  run.Check(client.cache->state() != cache::CachingClient::State::kBroken, "framing",
            "a stream that the client can follow",
            [&] { return Name(client) + ": " + std::string(client.cache->broken_because()); });
  if (run.violated()) return;
  if (wire.connection != 0 && network_.SeesEnd(wire.end)) {
    SeeEnd(client, index, run);
  } else {
    CheckCoverage(run);
  }
  DropLost(client, run);
}

void InvalidationWorld::NoteArrivals(Client& client, size_t index, size_t bytes, RunContext& run) {
  Wire& wire = client.wires[index];
  size_t whole = 0;
  while (whole < wire.messages_on_way.size() &&
         wire.messages_on_way[whole].end <= ToClient(wire).delivered()) {
    const Message& message = wire.messages_on_way[whole++];
    Note(run, client, "gets " + message.text + " (#" + std::to_string(message.number) + ")");
  }
  if (whole == 0) Note(run, client, "gets " + std::to_string(bytes) + " bytes");
  wire.messages_on_way.erase(wire.messages_on_way.begin(),
                             wire.messages_on_way.begin() + static_cast<ptrdiff_t>(whole));
}

void InvalidationWorld::Arrived(Client& client, const Wire& wire, const Push& push) {
  switch (push.what) {
    case Push::What::kBroken:
      ++client.epoch;
      break;
    case Push::What::kEverything:
      for (size_t i = 0; i < client_count_; ++i) {
        if (&clients_[i] == &client || config_.shared) ++clients_[i].epoch;
      }
      break;
    case Push::What::kSlot:
      // Invalidations of a server that has died permanently do not bind another one.
      if (!NodeOf(wire).up) break;
      sessions_.Arrived(Number(client), push.slot, push.versions);
      break;
  }
}

void InvalidationWorld::SeeEnd(Client& client, size_t index, RunContext& run) {
  Wire& wire = client.wires[index];
  network_.Close(wire.end);
  wire.connection = 0;
  wire.pushes.clear();
  wire.next_push = 0;
  ++client.epoch;
  if (run.trace().on()) {
    Note(run, client, index == 0 ? "sees the end" : "sees the end of wire 1");
  }
  client.cache->OnDisconnected(static_cast<cache::Wire>(index));
  Completed(client, run);
}

// A client disconnects if it knows that its connection for invalidations is lost.
void InvalidationWorld::DropLost(Client& client, RunContext& run) {
  Wire& wire = client.wires[1];
  if (!two_wires() || !client.cache->invalidations_lost() || wire.connection == 0) return;
  if (Whole(wire)) NodeOf(wire).node.Close(ServersEnd(wire));
  SeeEnd(client, 1, run);
}

// Ends half-open connections, and delivers everything.
void InvalidationWorld::Drain(RunContext& run) {
  for (TrackedNode& node : nodes_) {
    for (const Network::End ghost : node.ghosts) node.node.Close(ghost);
    node.ghosts.clear();
  }
  const size_t wires = two_wires() ? 2 : 1;
  for (bool moved = true; moved && !run.violated();) {
    moved = stream_.in_flight() > 0;
    DeliverToReplica(SIZE_MAX, run);
    for (size_t i = 0; i < client_count_ && !run.violated(); ++i) {
      for (size_t w = 0; w < wires && !run.violated(); ++w) {
        Wire& wire = clients_[i].wires[w];
        if (wire.connection == 0) continue;
        network_.TellPeer(wire.end);
        moved |= InFlight(wire, false) + InFlight(wire, true) > 0;
        DeliverToServer(clients_[i], w, SIZE_MAX, run);
        DeliverToClient(clients_[i], w, SIZE_MAX, run);
      }
    }
  }
}

}  // namespace resprobe
