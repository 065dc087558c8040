#ifndef RESPROBE_WORLDS_INVALIDATION_CLIENT_TRAFFIC_H_
#define RESPROBE_WORLDS_INVALIDATION_CLIENT_TRAFFIC_H_

#include <cstddef>
#include <cstdint>

#include "core/resp/reply.h"
#include "engine/run_context.h"
#include "worlds/invalidation/client.h"
#include "worlds/invalidation/client_wires.h"
#include "worlds/invalidation/entry_checker.h"
#include "worlds/invalidation/push_book.h"
#include "worlds/invalidation/read_checker.h"
#include "worlds/invalidation/run_notes.h"
#include "worlds/invalidation/run_settings.h"
#include "worlds/invalidation/server_model.h"
#include "worlds/invalidation/tracked_servers.h"

namespace resprobe::invalidation {

// What goes between clients and servers. It lets bytes arrive, parses what clients and servers
// send, and hands each message to the part of the world that it concerns: requests to the client's
// ClientRequests, replies to the ServerModel, invalidations to the PushBook, and what the client
// makes of them to the checkers. Checks framing: one reply a request, in order, and a reply to each
// request that has arrived. It owns only the order in which the parts work.
class ClientTraffic {
 public:
  ClientTraffic(const RunSettings* settings, Clients* clients, ClientWires* wires,
                TrackedServers* servers, ServerModel* model, PushBook* pushes,
                EntryChecker* entries, ReadChecker* reads, RunNotes* notes)
      : settings_(settings),
        clients_(clients),
        wires_(wires),
        servers_(servers),
        model_(model),
        pushes_(pushes),
        entries_(entries),
        reads_(reads),
        notes_(notes) {}

  // The client connects this wire, which must be down.
  void Open(Client& client, size_t index, RunContext& run);
  // The client has seen the end of this wire, or closes it. `ghost`: the server notices nothing.
  void Close(Client& client, size_t index, bool ghost, RunContext& run);
  // Moves what the client wants to send on this wire to the network.
  void Send(Client& client, size_t index, RunContext& run);
  // Takes the requests that the client has completed.
  void TakeCompletions(Client& client, RunContext& run);

  // At most `bytes` arrive at the server, which answers; then the output for all clients is
  // inspected.
  void DeliverToServer(Client& client, size_t index, size_t bytes, RunContext& run);
  void DeliverToClient(Client& client, size_t index, size_t bytes, RunContext& run);
  // At most `bytes` of the replication stream arrive.
  void DeliverToReplica(size_t bytes, RunContext& run);
  // The output of the servers for all clients, after any event; then every entry is checked.
  void CollectAll(RunContext& run);
  // Ends half-open connections, and delivers everything.
  void Drain(RunContext& run);
  // Servers send no notification of SWAPDB, so the program that swaps the databases notifies the
  // clients of each server when the swap has happened there.
  void TellOfSwap(size_t server);

 private:
  void SendAll(Client& client, RunContext& run);
  void Collect(Client& client, size_t index, RunContext& run);
  void CollectOutput(Client& client, Wire& wire, RunContext& run);
  void Answered(Client& client, Sent& sent, resp::ReplyView reply, RunContext& run);
  void Arrived(Client& client, const Wire& wire, const PushBook::Push& push);
  void DropLost(Client& client, RunContext& run);
  void CheckEntries(RunContext& run);

  const RunSettings* const settings_;
  Clients* const clients_;
  ClientWires* const wires_;
  TrackedServers* const servers_;
  ServerModel* const model_;
  PushBook* const pushes_;
  EntryChecker* const entries_;
  ReadChecker* const reads_;
  RunNotes* const notes_;
};

}  // namespace resprobe::invalidation

#endif  // RESPROBE_WORLDS_INVALIDATION_CLIENT_TRAFFIC_H_
