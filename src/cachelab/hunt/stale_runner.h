#ifndef RESPROBE_CACHELAB_HUNT_STALE_RUNNER_H_
#define RESPROBE_CACHELAB_HUNT_STALE_RUNNER_H_

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cachelab/hunt/stale_case.h"
#include "cachelab/hunt/stale_target.h"
#include "cachelab/hunt/version_history.h"

namespace resprobe::live {

// One step, as it happened.
struct StaleEvent {
  double ms = 0;  // since the runner's start
  uint64_t round = 0;
  std::string what;  // "read", "write", "answer", …
  int worker = kDriver;
  std::string command;
  std::string reply;
  std::string note;  // versions, hit or miss, who put it
};

struct StaleViolation {
  std::string invariant;  // one of kStaleInvariants
  std::string signature;  // the same failure, whatever the keys and versions
  std::string expected;
  std::string seen;
  uint64_t round = 0;  // of those run by the runner, from 0
};

struct StaleInvariant {
  std::string_view name;
  std::string_view statement;
};
inline constexpr StaleInvariant kStaleInvariants[] = {
    {"no_stale_after_barrier",
     "once every invalidation connection has answered a ping, every worker reads the newest value"},
    {"bounded_staleness",
     "a read that overlaps writes sees a version no older than the last barrier, or the last write "
     "through the cache, before it began; one that went to the server none older than the last "
     "acknowledged write"},
    {"no_invented_value",
     "every value read is one that the key held: no mixture, no other field's"},
    {"no_torn_entry", "the checksum of every entry that is served is right"},
    {"no_lock_left", "every worker answers, whoever died wherever"},
};

struct StaleCounts {
  uint64_t rounds = 0;
  uint64_t reads = 0;    // answered
  uint64_t checked = 0;  // compared with what the server held
  uint64_t hits = 0;
  uint64_t misses = 0;
  uint64_t unknown = 0;  // answers that do not say whether they were hits
  uint64_t lost = 0;     // commands whose worker or connection went first
  uint64_t writes = 0;   // also those through the cache
  uint64_t cached_writes = 0;
  uint64_t writes_refused = 0;  // answered with an error
  uint64_t values = 0;          // writes that bring a value of their own
  uint64_t values_refused = 0;
  uint64_t flushes = 0;
  uint64_t barriers = 0;
  uint64_t races = 0;    // reads during which their key was written
  uint64_t held = 0;     // of these, reads held at a point meanwhile
  uint64_t refused = 0;  // replies that were not cached because of an invalidation on the way
  uint64_t client_kills = 0;
  uint64_t worker_kills = 0;  // deaths and stops
  uint64_t confirmed = 0;     // kConfirm: was a hit
  uint64_t not_cached = 0;    // kConfirm: was none
};

// Runs rounds on a target and checks what is read. After a violation the run can go on: the same
// stale value is reported once a round at most.
class StaleRunner {
 public:
  // Of `keep` rounds the events are kept.
  StaleRunner(StaleTarget* target, const KeyPlan& plan, size_t keep = 64);

  // Empties cache and database, and asks what an absent key answers; also to begin again. False:
  // the target's failure().
  bool Begin();
  // Runs the round. False if the target fails, which is a violation if it is a worker that hangs
  // and not the server.
  bool Run(const Round& round);

  // Since the last call.
  std::vector<StaleViolation> TakeViolations();
  const StaleCounts& counts() const { return counts_; }
  // What the server said to the last write that it refused.
  const std::string& last_refusal() const { return last_refusal_; }
  const std::deque<StaleEvent>& events() const { return events_; }

 private:
  // A read, from its sending on.
  struct Read {
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

  bool Do(const Action& action);
  bool StartRead(const Action& action, bool check);
  bool FinishRead(Read& read);
  bool Write(const Action& action);
  bool FinishWrite(int key);
  bool FinishWrites();
  void CountRefusal(const std::string& reply, bool brings_value);
  bool Flush(bool all);
  bool ReadBack(int key, std::vector<DirectRequest> requests, std::string* reply = nullptr);
  bool SettleLost();
  bool Barrier();
  bool Finish();
  bool Check(const std::vector<Action>& checks);
  void Verify(const Read& read);
  bool ReadAgain(Read& read);
  void Violate(const Read& read, std::string_view invariant, const std::string& expected);
  void Note(std::string_view what, int worker, std::string command, std::string reply,
            std::string note);
  bool Fence();
  void Release(int worker);
  void ReleaseAll();

  StaleTarget* target_;
  KeyPlan plan_;
  size_t keep_;
  VersionHistory book_;
  StaleCounts counts_;
  std::string last_refusal_;
  std::deque<StaleEvent> events_;
  std::vector<StaleViolation> violations_;
  std::chrono::steady_clock::time_point start_;

  // Of the round.
  std::deque<Read> reads_;
  std::map<int, PendingWrite> writes_;  // by key
  std::vector<int> lost_writes_;        // keys
  std::set<int> holds_;                 // workers that wait, or will, for Go()
  std::vector<std::string> faults_;     // kills and flushes, for the signature
};

}  // namespace resprobe::live

#endif  // RESPROBE_CACHELAB_HUNT_STALE_RUNNER_H_
