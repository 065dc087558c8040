#ifndef RESPROBE_CACHELAB_SUBJECT_WORKER_POOL_H_
#define RESPROBE_CACHELAB_SUBJECT_WORKER_POOL_H_

#include <signal.h>
#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cachelab/subject/cache_worker.h"
#include "cachelab/subject/shared_cache.h"
#include "cachelab/subject/worker_answer.h"
#include "cachelab/subject/worker_crash.h"
#include "core/resp/reply_parser.h"
#include "live/net/unique_fd.h"

namespace resprobe::live {

inline constexpr size_t kMostCrashes = 16;

struct PoolOptions {
  int workers = 4;  // 1 to kMaxWorkers
  int writers = 4;  // of them; 0 to min(workers, kMaxWriters)
  CacheLimits cache = {};
  Resp3Client::Connector connect = {};
  TrackingMode tracking = TrackingMode::kDefault;
  InjectedFault injected_fault = InjectedFault::kNone;
  // A worker that says nothing for so long hangs.
  int hang_seconds = 10;
  // Asked while it waits; true makes all waiting end.
  std::function<bool()> stop = [] { return false; };
  // Called around each wait for something to happen, for an owner with several threads: a mutex
  // that guards the pool can be given up meanwhile.
  std::function<void()> before_poll = [] {};
  std::function<void()> after_poll = [] {};
};

// The workers of one cache: forks them, drives them, and does for them what the master process of a
// web server does. One that ends is replaced. One that is stopped (SIGSTOP) cannot take its
// invalidations, so its lease is revoked; if it stopped at the cache's lock it is killed, since
// nothing else gives the lock back.
//
// Not thread-safe. SIGCHLD is blocked in the calling thread as long as the pool is.
class WorkerPool {
 public:
  // nullptr with one line in `error`.
  static std::unique_ptr<WorkerPool> Start(PoolOptions options, std::string* error);
  // Ends the workers and waits for them.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  int size() const { return static_cast<int>(workers_.size()); }
  int writers() const { return options_.writers; }

  // Sends a command, which the worker runs when it is done with those before. Returns its ticket.
  uint64_t Cached(int worker, std::span<const std::string> command);
  uint64_t Direct(int worker, std::span<const std::string> command);
  // Waits for the answer: kLost also if the worker ends or hangs first, or stops.
  WorkerAnswer Wait(uint64_t ticket);

  // Whether Wait() would return at once.
  bool Done(uint64_t ticket) const;
  // Waits for one thing to happen, whatever it is, and sees to it. False if nothing will: a worker
  // hangs, or waiting is to stop.
  bool Pump();

  // The worker's next arrival at the point: it waits there for Go(), or raises the signal. Returns
  // when the worker knows, so after what was sent to it before; it must not be held.
  void Hold(int worker, Failpoint point);
  void SignalAt(int worker, Failpoint point, int signal);
  // Waits until the worker is held (true) or the command is done (false).
  bool WaitHeld(int worker, uint64_t ticket);
  void Go(int worker);

  // Returns when every invalidation that the server had sent when it was called is in the cache:
  // each tracked connection has answered a ping, or is known to be lost. False if a worker hangs.
  bool Barrier();
  // The same in two steps: the tickets to wait for.
  std::vector<uint64_t> StartBarrier();

  // Sends the signal and waits until it has had its effect on the process.
  void Signal(int worker, int signal);
  // Lets stopped workers go on.
  void Resume();
  // The connections at the server that workers who have ended leave behind; told once.
  std::vector<int64_t> TakeOrphans();

  pid_t pid(int worker) const { return workers_[Index(worker)].pid; }
  bool stopped(int worker) const { return workers_[Index(worker)].stopped; }
  bool held(int worker) const { return workers_[Index(worker)].held; }
  SharedCache& cache() { return *cache_; }

  // Workers that ended because of a signal from outside: the driver's, or that of an armed
  // failpoint. Crashes are not in it.
  uint64_t deaths() const { return deaths_; }
  // Workers that ended by themselves: by a fault of their own, abort(), or an exit.
  uint64_t crashes() const { return crashes_; }
  // The oldest crash that was not taken yet. After kMostCrashes no more are kept.
  std::optional<WorkerCrash> TakeCrash();
  uint64_t stops() const { return stops_; }
  // Workers that were killed because they had stopped at the lock.
  uint64_t freed() const { return freed_; }
  // Why waiting failed, if a worker hung; empty otherwise.
  const std::string& hung() const { return hung_; }
  // Kills and replaces the workers that hang; what they were asked for is kLost. Then waiting goes
  // on. False if there is none, or no new one can be started.
  bool ReplaceHung();

 private:
  struct Worker {
    int index = 0;
    pid_t pid = -1;
    UniqueFd control;
    resp::ReplyParser parser;
    std::vector<uint64_t> waiting;  // tickets, in the order of their requests
    size_t answered = 0;            // of `waiting`
    bool held = false;
    bool stopped = false;
    int ordered = 0;   // the signal that the driver sent, or that the worker said it would raise
    int armed = 0;     // the signal of its failpoint
    UniqueFd written;  // what it writes to stderr
  };

  explicit WorkerPool(PoolOptions options) : options_(std::move(options)) {}
  static size_t Index(int worker) { return static_cast<size_t>(worker); }
  bool Fork(Worker& worker, std::string* error);
  uint64_t Send(Worker& worker, std::string_view verb, std::span<const std::string> command);
  void Tell(Worker& worker, std::span<const std::string_view> words);
  void Receive(Worker& worker);
  void Reap(Worker& worker, bool ended);
  bool IsCrash(const Worker& worker, const siginfo_t& end) const;
  void KeepCrash(const Worker& worker, const siginfo_t& end);
  void LoseWaiting(Worker& worker, std::string_view why);
  void Replace(Worker& worker);

  PoolOptions options_;
  std::unique_ptr<SharedCache> cache_;
  std::vector<Worker> workers_;
  uint64_t next_ticket_ = 1;
  std::map<uint64_t, std::optional<WorkerAnswer>> answers_;
  std::vector<int64_t> orphans_;
  UniqueFd children_;  // SIGCHLD
  sigset_t mask_before_;
  uint64_t deaths_ = 0;
  uint64_t crashes_ = 0;
  std::deque<WorkerCrash> kept_crashes_;
  uint64_t stops_ = 0;
  uint64_t freed_ = 0;
  std::string hung_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_CACHELAB_SUBJECT_WORKER_POOL_H_
