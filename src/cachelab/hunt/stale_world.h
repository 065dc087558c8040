#ifndef RESPROBE_CACHELAB_HUNT_STALE_WORLD_H_
#define RESPROBE_CACHELAB_HUNT_STALE_WORLD_H_

// The world `shared_cache`: worker processes that share one cache in front of one server.
//
// Model: every version of every key, with the reply of each way of reading it. The replies are not
// computed but read from the server, bypassing the cache, right after each write
// (version_history.h). Faults: connections and workers are killed or stopped, some of them at
// failpoints; reads and invalidations are held at failpoints while their keys change. Promise:
// kInvariants.
//
// It runs in real time on real processes and sockets, so it is in cachelab and not in worlds: two
// runs of one case execute the same commands in the same order, but may interleave differently.

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cachelab/hunt/stale_ops.h"
#include "cachelab/hunt/stale_target.h"
#include "cachelab/hunt/version_history.h"
#include "engine/codec.h"
#include "engine/generate.h"
#include "engine/run_context.h"

namespace resprobe::cachelab {

inline constexpr int kDriver = -1;  // instead of a worker: the driver's own connection

// One executed step.
struct StaleEvent {
  double ms = 0;  // since the start of the run
  size_t op = 0;
  std::string what;  // "read", "write", "answer", …
  int worker = kDriver;
  std::string command;
  std::string reply;
  std::string note;  // versions, hit or miss, who put it
};

struct StaleCounts {
  uint64_t rounds = 0;
  uint64_t reads = 0;    // answered
  uint64_t checked = 0;  // compared with what the server held
  uint64_t hits = 0;
  uint64_t misses = 0;
  uint64_t unknown = 0;  // answers that do not say whether they were hits
  uint64_t lost = 0;     // commands whose worker or connection was lost first
  uint64_t writes = 0;   // including those through the cache
  uint64_t cached_writes = 0;
  uint64_t writes_refused = 0;  // answered with an error
  uint64_t values = 0;          // writes that add a value
  uint64_t values_refused = 0;
  uint64_t flushes = 0;
  uint64_t barriers = 0;
  uint64_t races = 0;    // reads during which their key was written
  uint64_t held = 0;     // of these, reads held at a point meanwhile
  uint64_t refused = 0;  // replies not cached because of an invalidation in the meantime
  uint64_t client_kills = 0;
  uint64_t worker_kills = 0;  // deaths and stops
  uint64_t confirmed = 0;     // Wait::kHit: it was a hit
  uint64_t not_cached = 0;    // Wait::kHit: it was not a hit

  StaleCounts& operator+=(const StaleCounts& other);
};

// The ops of a case up to a `settle`, and their result.
struct StaleRound {
  size_t begin = 0;
  size_t end = 0;  // after its last op; 0: a violation ended the run inside this round
  uint64_t kills = 0;
  uint64_t confirmed = 0;
  uint64_t not_cached = 0;
};

class StaleWorld {
 public:
  static constexpr std::string_view kName = "shared_cache";
  static constexpr std::string_view kSummary =
      "workers that share a client-side cache before a real server read nothing stale";
  static constexpr InvariantInfo kInvariants[] = {
      {"no_stale_after_barrier",
       "once every invalidation connection has answered a ping, every worker reads the newest "
       "value"},
      {"bounded_staleness",
       "a read that overlaps writes sees a version no older than the last barrier, or the last "
       "write through the cache, before it began; one that went to the server none older than the "
       "last acknowledged write"},
      {"no_invented_value",
       "every value read is one that the key held: no mixture, no other field's"},
      {"no_torn_entry", "the checksum of every entry that is served is right"},
      {"no_lock_left", "every worker answers, whichever process died at whichever point"},
      {"no_worker_crash", "no worker ends by itself: by a fault, a sanitizer's report, or an exit"},
  };
  using Config = stale::Config;
  using Op = stale::Op;

  // For the engine's mutator. The hunts have generators of their own (stale_generate.h).
  static void Generate(Gen& gen, Config& config);

  explicit StaleWorld(StaleTarget* target) : target_(target), history_(KeyPlan()) {}

  // Empties cache and database, and reads the replies for absent keys.
  void Start(const Config& config, RunContext& run);
  void Apply(const stale::Read& op, RunContext& run);
  void Apply(const stale::DirectWrite& op, RunContext& run);
  void Apply(const stale::CachedWrite& op, RunContext& run);
  void Apply(const stale::Flush& op, RunContext& run);
  void Apply(const stale::Barrier& op, RunContext& run);
  void Apply(const stale::Hold& op, RunContext& run);
  void Apply(const stale::Arm& op, RunContext& run);
  void Apply(const stale::KillConnection& op, RunContext& run);
  void Apply(const stale::KillWorker& op, RunContext& run);
  void Apply(const stale::Check& op, RunContext& run);
  void Apply(const stale::Settle& op, RunContext& run);
  // Ends the last round.
  void Settle(RunContext& run);

  // Releases and disarms the workers, which a run that ended at a violation may have left held or
  // armed. Afterwards another world can use the target.
  void LeaveTarget();

  // Called at the end of each round.
  void OnRound(std::function<void()> call) { on_round_ = std::move(call); }

  // All of the following refer to the run since Start().

  // True if all ops had their effect. If not, the target failed (StaleTarget::failure()) and the
  // other ops did nothing. If workers caused that, it is a violation as well.
  bool sound() const { return sound_; }
  // The violated invariant and the faults before it, without keys and versions.
  const std::string& signature() const { return signature_; }
  const StaleCounts& counts() const { return counts_; }
  const std::vector<StaleRound>& rounds() const { return rounds_; }
  // The server's answer to the last write that it refused.
  const std::string& last_refusal() const { return last_refusal_; }
  const std::vector<StaleEvent>& events() const { return events_; }

 private:
  // A read that has been sent.
  struct PendingRead {
    uint64_t ticket = 0;
    int worker = 0;
    int key = 0;
    size_t form = 0;
    bool check = false;  // after the barrier
    bool held = false;
    VersionHistory::Bounds at_start;
    uint64_t high = 0;
    TargetAnswer answer;
    bool done = false;
  };
  struct PendingWrite {
    uint64_t ticket = 0;
    int worker = 0;
    bool brings_value = false;
  };

  // Runs one op: `act` returns false if the target failed. Every op except a check ends the checks
  // in flight.
  template <class Act>
  void Step(RunContext& run, bool is_check, const Act& act);
  int WorkerOf(Index worker) const;
  int KeyOf(Index key) const;

  bool StartRead(int worker, int key, int command, int member, bool check);
  bool FinishRead(PendingRead& read);
  bool Write(int worker, int key, int command, int member);
  bool FinishWrite(int key);
  bool FinishWrites();
  void CountRefusal(const std::string& reply, bool brings_value);
  bool FlushKeys(bool all);
  bool ReadBack(int key, std::vector<DirectRequest> requests, std::string* reply = nullptr);
  bool SettleLost();
  bool PassBarrier();
  bool FinishAll();
  bool FinishChecks();
  bool EndRound(size_t end);
  // Sets the counts of the last round: what was counted since the round before it.
  void CountRound();
  void Verify(const PendingRead& read);
  bool ReadAgain(PendingRead& read);
  void Violate(const PendingRead& read, std::string_view invariant, const std::string& expected);
  void Note(std::string_view what, int worker, std::string command, std::string reply,
            std::string note);
  bool Fence();
  void ArmAt(int worker, Failpoint point, int signal);
  void Release(int worker);
  void ReleaseAll();
  bool Disarm();

  StaleTarget* target_;
  std::function<void()> on_round_ = [] {};
  std::set<int> armed_;  // workers that may not have reached their failpoint yet

  RunContext* run_ = nullptr;
  bool sound_ = true;
  KeyPlan keys_;
  VersionHistory history_;
  StaleCounts counts_;
  std::vector<StaleRound> rounds_;
  std::string signature_;
  std::string last_refusal_;
  std::vector<StaleEvent> events_;
  std::chrono::steady_clock::time_point start_;

  // State of the round.
  bool checking_ = false;
  bool unfinished_ = false;  // ops were applied since the last barrier that ends a round's actions
  StaleCounts before_;
  std::deque<PendingRead> reads_;
  std::map<int, PendingWrite> writes_;  // by key
  std::vector<int> lost_writes_;        // keys
  std::set<int> holds_;                 // workers that are held, or will be, until Go()
  std::set<std::string> faults_;        // kills and flushes, for the signature
};

using StaleCase = Case<StaleWorld>;

}  // namespace resprobe::cachelab

#endif  // RESPROBE_CACHELAB_HUNT_STALE_WORLD_H_
