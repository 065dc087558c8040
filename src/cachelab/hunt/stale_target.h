#ifndef RESPROBE_CACHELAB_HUNT_STALE_TARGET_H_
#define RESPROBE_CACHELAB_HUNT_STALE_TARGET_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cachelab/subject/failpoint.h"
#include "cachelab/subject/live_commands.h"
#include "cachelab/subject/worker_crash.h"

namespace resprobe::cachelab {

struct TargetAnswer {
  enum class Status : uint8_t { kReply, kError, kLost };
  Status status = Status::kLost;
  std::string text;  // Canonical(), or why the answer was lost
  bool hit_known = false;
  bool hit = false;
  bool torn = false;      // the cache itself detected a torn entry
  bool refused = false;   // the reply was not cached: its key was invalidated in the meantime
  pid_t pid = 0;          // for a hit the process that put it, otherwise the one that read it
  int64_t client_id = 0;  // likewise
};

struct DirectRequest {
  Words words;
  bool unordered = false;
};

// A cache that several worker processes share, and the server that it caches: this program's pool,
// or a foreign cache that is reached through its HTTP endpoint. Workers are numbered from 0, the
// writers first.
class StaleTarget {
 public:
  virtual ~StaleTarget() = default;

  // The prefix of the keys' names.
  const std::string& key_prefix() const { return key_prefix_; }
  void set_key_prefix(std::string prefix) { key_prefix_ = std::move(prefix); }

  virtual int workers() const = 0;
  virtual int writers() const = 0;

  // Sends a command through the cache. Finish() waits for its answer.
  virtual uint64_t Start(int worker, const Words& words, bool unordered) = 0;
  virtual TargetAnswer Finish(uint64_t ticket) = 0;
  // Sends commands that bypass the cache, in order, with no other command of this program in
  // between. False with failure() if the server does not answer.
  virtual bool Direct(std::span<const DirectRequest> requests, std::vector<std::string>* texts) = 0;
  // Returns when every invalidation that the server has sent is in the cache. False: failure().
  virtual bool Barrier() = 0;
  // True if Barrier() is reliable. Otherwise a check reads repeatedly for some time.
  virtual bool exact() const = 0;
  // True if a write through the cache is seen by all reads that begin after its answer.
  virtual bool writes_are_seen() const = 0;

  // True if workers can be held and armed.
  virtual bool has_points() const = 0;
  virtual void Hold(int worker, Failpoint point) = 0;
  virtual bool WaitHeld(int worker, uint64_t ticket) = 0;
  virtual bool held(int worker) const = 0;
  virtual void Go(int worker) = 0;
  virtual void SignalAt(int worker, Failpoint point, int signal) = 0;

  // True if there was something to kill.
  virtual bool KillClient(int worker) = 0;
  virtual bool KillWorker(int worker, int signal) = 0;
  // Resumes stopped workers; returns when the server has closed the connections of dead workers.
  virtual bool Settle() = 0;
  // Empties the cache and the database.
  virtual bool Reset() = 0;

  // A worker that crashed by itself, reported once.
  virtual std::optional<WorkerCrash> TakeCrash() { return std::nullopt; }
  virtual uint64_t deaths() const = 0;
  virtual uint64_t stops() const = 0;
  // Why a call failed: a worker hangs, the server is gone. Empty if none failed.
  virtual std::string failure() const = 0;
  // True if a worker caused the failure: it is silent although the server, which is pinged now,
  // answers. If the server does not, failure() says so.
  virtual bool WorkerHangs() = 0;

 private:
  std::string key_prefix_ = "resprobe:";
};

}  // namespace resprobe::cachelab

#endif  // RESPROBE_CACHELAB_HUNT_STALE_TARGET_H_
