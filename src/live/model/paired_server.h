#ifndef RESPROBE_LIVE_MODEL_PAIRED_SERVER_H_
#define RESPROBE_LIVE_MODEL_PAIRED_SERVER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/table/profile.h"
#include "live/model/pair_control.h"
#include "live/model/pair_evictions.h"
#include "live/model/pair_streams.h"
#include "live/model/pair_verdict.h"
#include "live/server/live_server.h"
#include "live/server/server_clock.h"
#include "sim/core_subject.h"
#include "sim/server_subject.h"

namespace resprobe::live {

struct PairOptions {
  TargetOptions target;
  std::optional<Profile> profile = {};  // the model's profile; if not given, derived from the
                                        // server's version
  // A server that owes an answer and sends nothing for this long hangs.
  int hang_ms = 10'000;
  // Of the restarts of a server that the target started, one in this many is SIGKILL and a new
  // process. The others close all connections and flush, which leaves the same but for the numbers
  // of connections.
  uint64_t restart_every = 1;
};

// The core and a live server as one server subject: both receive the same bytes, and what the live
// one sends must be what the core sends, on every connection and turn by turn: values, their order,
// and nothing else. The subject returns what was read from the sockets (with the core's connection
// ids), and core() for the checks that inspect the server.
//
// A turn is one Send() that completes a request. After it a separate connection pings the server
// often enough that its event loop has turned: then everything that the turn caused is written, and
// what is missing does not come. Nothing waits for time to pass.
//
// Time: a server started by this process uses the virtual wall clock (ServerClock), so keys expire
// at the same time on both, lazily or by its own active cycle, which is enabled only while the
// core's runs. On other servers nothing expires: times to live are sent with ten days added,
// Advance() stops before the first of them expires, and this is counted as left out.
//
// After a difference, and where a server's choice is not visible, the core continues alone until
// the end of the case.
class PairedServer final : public ServerSubject {
 public:
  // On failure returns nullptr with one line in `error`.
  static std::unique_ptr<PairedServer> Open(const PairOptions& options, std::string* error);

  // Connects and resets the server. Call it before the first case, after a fatal difference (it
  // then restarts a server that this process started), and in a forked child.
  bool Prepare(std::string* error);

  // Call these around a case: a Reset() between the two is a restart of the server.
  void BeginCase();
  // What follows until the next Reset() ends the case; Reset() then compares the final state.
  void EndCase();

  const std::optional<PairDifference>& difference() const { return verdict_.difference(); }
  const PairCounts& counts() const { return verdict_.counts(); }
  LiveServer& target() const { return *target_; }
  Profile profile() const { return profile_; }
  // True if keys expire on the live server when the case says so.
  bool sets_clock() const { return clock_ != nullptr; }
  void set_hang_ms(int ms) { verdict_.set_hang_ms(ms); }
  int hang_ms() const { return verdict_.hang_ms(); }

  // ServerSubject.
  void Reset() override;
  uint64_t Connect() override;
  void Send(uint64_t connection, std::string_view bytes) override;
  void Receive(uint64_t connection, std::string* append) override;
  bool IsOpen(uint64_t connection) const override { return core_.IsOpen(connection); }
  void Close(uint64_t connection) override;
  void Advance(uint64_t ms) override;
  uint64_t now_ms() const override { return core_.now_ms(); }
  bool Evict(int database, std::string_view key) override;
  ServerSubject* replica() override;
  Server* core() override { return core_.core(); }

 private:
  enum class Phase { kNone, kRunning, kEnding };

  PairedServer(std::unique_ptr<LiveServer> target, std::unique_ptr<ServerClock> clock,
               Profile profile, const PairOptions& options);

  Server& model() { return *core_.core(); }
  void Turn(PairConnection& connection, std::string_view bytes);
  void EndTurn();
  void Restart();
  void ExpireActively();
  void CountExpired();

  std::unique_ptr<LiveServer> target_;
  std::unique_ptr<ServerClock> clock_;
  Profile profile_;
  uint64_t restart_every_;
  CoreSubject core_;
  PairVerdict verdict_;
  PairControl control_;
  PairStreams streams_;
  PairEvictions evictions_;
  Phase phase_ = Phase::kNone;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_MODEL_PAIRED_SERVER_H_
