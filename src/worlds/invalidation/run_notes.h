#ifndef RESPROBE_WORLDS_INVALIDATION_RUN_NOTES_H_
#define RESPROBE_WORLDS_INVALIDATION_RUN_NOTES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/resp/reply.h"
#include "engine/run_context.h"
#include "worlds/invalidation/client.h"
#include "worlds/invalidation/client_wires.h"
#include "worlds/invalidation/invalidation_ops.h"
#include "worlds/invalidation/tracked_servers.h"

namespace resprobe::invalidation {

// The trace of a run as people read it: each message when it is sent and when it has arrived, under
// the same number, and what the caches hold whenever that changes. It owns the numbers, the texts
// of the messages in flight, and what was last written of each cache. Callers test
// RunContext::trace().on() first, where nothing else is said.
class RunNotes {
 public:
  // Starts a run.
  void Reset();
  // The client has opened this wire: nothing is in flight.
  void Connected(const Wire& wire);

  // What a client does.
  static void Does(RunContext& run, const Client& client, std::string_view what);
  // The same with what the callable returns, unless the trace is off.
  template <class What>
    requires std::is_invocable_v<What>
  static void Does(RunContext& run, const Client& client, const What& what) {
    run.trace().Line([&] { return Doing(client, what()); });
  }
  // The client has sent a request, which ends at this offset of the stream if it arrives.
  void Sends(RunContext& run, const Client& client, const Wire& wire,
             std::span<const std::string_view> words, uint64_t end, bool arrives);
  // The server has sent a reply or a push.
  void Sends(RunContext& run, const TrackedServers& servers, const Wire& wire,
             resp::ReplyView message, bool push, uint64_t end);
  // `bytes` have arrived, with which all up to the offset `delivered` has.
  void ServerGets(RunContext& run, const TrackedServers& servers, const Wire& wire,
                  uint64_t delivered, size_t bytes);
  void ClientGets(RunContext& run, const Client& client, const Wire& wire, uint64_t delivered,
                  size_t bytes);
  // What the caches hold, if that has changed.
  void Entries(RunContext& run, const Clients& clients);

 private:
  // A message in flight.
  struct Message {
    uint64_t end = 0;
    uint64_t number = 0;
    std::string text;
  };
  struct OnTheWay {
    std::vector<Message> to_server;
    std::vector<Message> to_client;
  };

  static std::string Doing(const Client& client, std::string_view what);
  OnTheWay& Of(const Wire& wire) { return on_the_way_[wire.client][wire.index]; }

  uint64_t messages_ = 0;
  std::array<std::array<OnTheWay, 2>, kMaxClients> on_the_way_;
  std::array<std::string, kMaxClients> held_;
};

}  // namespace resprobe::invalidation

#endif  // RESPROBE_WORLDS_INVALIDATION_RUN_NOTES_H_
