// Tracks what the clients of the world `invalidation` send.

#include "worlds/invalidation/invalidation_names.h"
#include "worlds/invalidation/invalidation_world.h"

namespace resprobe {
namespace {

std::string Words(std::span<const std::string_view> args) {
  std::string text;
  for (const std::string_view arg : args) {
    if (!text.empty()) text += ' ';
    text.append(arg);
  }
  return text;
}

}  // namespace

// Output without a request: the handshake continues, or a read is resent.
void InvalidationWorld::Follow(Client& client, RunContext& run) {
  const size_t before = client.requests.size();
  FollowRequests(client, 0, run);
  // These reads are not caused by an op.
  const bool replays = config_.replay || policy_.replay_reads;
  for (size_t i = before; replays && i < client.requests.size(); ++i) {
    if (client.requests[i].kind == Sent::Kind::kRead) client.requests.MatchReplay(i);
  }
  if (two_wires()) FollowRequests(client, 1, run);
}

// Moves the client's output onto the link, and parses it.
void InvalidationWorld::FollowRequests(Client& client, size_t index, RunContext& run) {
  Wire& wire = client.wires[index];
  std::string& output = client.cache->output(static_cast<cache::Wire>(index));
  if (output.empty()) return;
  std::string_view bytes = output;
  const bool arrives = Whole(wire);
  uint64_t end = arrives ? ToServer(wire).sent() : 0;
  if (arrives) ToServer(wire).Put(bytes);
  while (!bytes.empty()) {
    const resp::RequestParser::Result result = wire.requests.Parse(bytes);
    if (!run.Check(result.status == resp::RequestParser::Status::kRequest, "framing",
                   "whole requests", [&] { return Name(client) + " sent " + output; })) {
      break;
    }
    bytes.remove_prefix(result.consumed);
    end += result.consumed;
    const std::span<const std::string_view> args = wire.requests.args();
    if (run.trace().on()) [[unlikely]] {
      wire.requests_on_way.push_back({end, ++messages_, Words(args)});
      Note(run, client,
           (index == 0 ? "sends " : "sends on wire 1 ") + Words(args) + " (#" +
               std::to_string(messages_) + ")" + (arrives ? "" : ", which is lost"));
    }
    if (index == 1) {
      ++wire.unanswered;
      continue;
    }
    Sent& sent = client.requests.Add(args, config_.mode);
    may_vanish_ |= sent.LetsVanish();
    sent.end = arrives ? end : UINT64_MAX;
  }
  output.clear();
}

// The client has given this number to the last request that it has sent.
void InvalidationWorld::Remember(Client& client, uint64_t number, size_t slot, size_t position,
                                 bool read) {
  Asked& asked = client.requests.Number(number, slot, position, read,
                                        /*connected=*/client.wires[0].connection != 0);
  sessions_.Remember(SessionOf(client), client.db, slot, &asked);
  asked.own_write = client.requests.last_write(client.db, slot);
}

}  // namespace resprobe
