#ifndef RESPROBE_WORLDS_INVALIDATION_TRACKED_SERVERS_H_
#define RESPROBE_WORLDS_INVALIDATION_TRACKED_SERVERS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "engine/run_context.h"
#include "sim/network.h"
#include "sim/node.h"
#include "sim/scheduler.h"
#include "sim/server_subject.h"
#include "worlds/invalidation/truth_model.h"

namespace resprobe::invalidation {

// A server: its process and machine, and what it holds as the world knows it.
struct TrackedServer {
  ServerSubject* subject = nullptr;
  Node node;
  bool up = false;   // in service: it has not died permanently
  uint64_t run = 0;  // number of its process: 1 is the first primary, 2 the replica, others have
                     // restarted
  TruthModel truth;
};

// The servers of a run: a primary, and possibly a replica that may replace it. It owns their
// processes and machines, and which of them is the primary. The endpoints of the network with their
// numbers, 0 and 1, are theirs.
class TrackedServers {
 public:
  static constexpr size_t kCount = 2;

  // Starts a run, after the network was reset. No `second`: there is no replica.
  void Start(Scheduler* scheduler, Network* network, ServerSubject* first, ServerSubject* second,
             bool small_table);
  // Clears what the run has left in the servers.
  void Clear();

  TrackedServer& operator[](size_t i) { return servers_[i]; }
  const TrackedServer& operator[](size_t i) const { return servers_[i]; }
  TrackedServer* begin() { return servers_.data(); }
  TrackedServer* end() { return servers_.data() + kCount; }
  const TrackedServer* begin() const { return servers_.data(); }
  const TrackedServer* end() const { return servers_.data() + kCount; }
  // The number of the primary.
  size_t first() const { return primary_; }
  TrackedServer& primary() { return servers_[primary_]; }
  const TrackedServer& primary() const { return servers_[primary_]; }
  TrackedServer& replica() { return servers_[1 - primary_]; }
  // Name in the trace; two servers keep their names during a run, except the one that replaces the
  // other.
  std::string Name(size_t server) const;
  // The primary's time, in milliseconds since 1970.
  int64_t now_ms() const { return static_cast<int64_t>(primary().subject->now_ms()); }

  // The primary, which has crashed, starts again as another process.
  void RestartPrimary();
  // The primary, which has crashed, does not come back; the replica takes its place.
  void ReplacePrimary();
  // Sends one command to a server over a connection of its own; it must succeed (server_value).
  bool Command(TrackedServer& server, std::initializer_list<std::string_view> words,
               RunContext& run);

 private:
  void Configure(TrackedServer& server) const;

  std::array<TrackedServer, kCount> servers_;
  size_t primary_ = 0;
  uint64_t runs_ = 0;  // processes started so far
  bool small_table_ = false;
  std::string scratch_;
};

}  // namespace resprobe::invalidation

#endif  // RESPROBE_WORLDS_INVALIDATION_TRACKED_SERVERS_H_
