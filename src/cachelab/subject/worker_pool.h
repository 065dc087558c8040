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

namespace resprobe::cachelab {

inline constexpr size_t kMostCrashes = 16;

struct PoolOptions {
  int workers = 4;  // 1 to kMaxWorkers
  int writers = 4;  // of them; 0 to min(workers, kMaxWriters)
  CacheLimits cache = {};
  live::Resp3Client::Connector connect = {};
  TrackingMode tracking = TrackingMode::kDefault;
  InjectedFault injected_fault = InjectedFault::kNone;
  // A worker that is silent for this long hangs.
  int hang_seconds = 10;
  // Polled while waiting; returning true ends all waiting.
  std::function<bool()> stop = [] { return false; };
  // Called around each wait for events, for an owner with several threads: it can release a mutex
  // that guards the pool.
  std::function<void()> before_poll = [] {};
  std::function<void()> after_poll = [] {};
};

// The workers of one cache: forks them, drives them, and does what the master process of a web
// server does. It replaces a worker that ends. A stopped worker (SIGSTOP) cannot process its
// invalidations, so its lease is revoked; if it stopped at the cache's lock it is killed, since
// nothing else releases the lock.
//
// Not thread-safe. SIGCHLD is blocked in the calling thread while the pool exists.
class WorkerPool {
 public:
  // On failure returns nullptr with one line in `error`.
  static std::unique_ptr<WorkerPool> Start(PoolOptions options, std::string* error);
  // Ends the workers and waits for them.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  int size() const { return static_cast<int>(workers_.size()); }
  int writers() const { return options_.writers; }

  // Sends a command, which the worker runs after the earlier ones. Returns its ticket.
  uint64_t Cached(int worker, std::span<const std::string> command);
  uint64_t Direct(int worker, std::span<const std::string> command);
  // Waits for the answer: kLost also if the worker ends, hangs or stops first.
  WorkerAnswer Wait(uint64_t ticket);

  // True if Wait() would return at once.
  bool Done(uint64_t ticket) const;
  // Waits for one event and handles it. False if there will be none: a worker hangs, or `stop`
  // returned true.
  bool Pump();

  // When the worker next reaches the point it waits there for Go(), or raises the signal. Returns
  // when the worker is armed, so after it has finished earlier commands; it must not be held.
  void Hold(int worker, Failpoint point);
  void SignalAt(int worker, Failpoint point, int signal);
  // Waits until the worker is held (true) or the command is finished (false).
  bool WaitHeld(int worker, uint64_t ticket);
  void Go(int worker);

  // Returns when every invalidation that the server had sent before the call is applied to the
  // cache: each tracked connection has answered a ping, or is known to be lost. False if a worker
  // hangs.
  bool Barrier();
  // The same in two steps: returns the tickets to wait for.
  std::vector<uint64_t> StartBarrier();

  // Sends the signal and waits until it has had its effect on the process.
  void Signal(int worker, int signal);
  // Resumes stopped workers.
  void Resume();
  // The server's ids of the connections of workers that have ended; each is reported once.
  std::vector<int64_t> TakeOrphans();

  pid_t pid(int worker) const { return workers_[Index(worker)].pid; }
  bool stopped(int worker) const { return workers_[Index(worker)].stopped; }
  bool held(int worker) const { return workers_[Index(worker)].held; }
  SharedCache& cache() { return *cache_; }

  // The number of workers that ended because of a signal from outside: the driver's, or that of an
  // armed failpoint. Excludes crashes.
  uint64_t deaths() const { return deaths_; }
  // The number of workers that ended by themselves: by a fault, abort(), or an exit.
  uint64_t crashes() const { return crashes_; }
  // The oldest crash that was not taken yet. At most kMostCrashes are kept.
  std::optional<WorkerCrash> TakeCrash();
  uint64_t stops() const { return stops_; }
  // The number of workers killed because they had stopped at the lock.
  uint64_t freed() const { return freed_; }
  // Why waiting failed, if a worker hung; empty otherwise.
  const std::string& hung() const { return hung_; }
  // Kills and replaces the workers that hang; their pending commands are kLost. Waiting is then
  // possible again. False if none hangs, or no new one can be started.
  bool ReplaceHung();

 private:
  struct Worker {
    int index = 0;
    pid_t pid = -1;
    live::UniqueFd control;
    resp::ReplyParser parser;
    std::vector<uint64_t> waiting;  // tickets, in the order of their requests
    size_t answered = 0;            // of `waiting`
    bool held = false;
    bool stopped = false;
    int ordered = 0;         // the signal that the driver sent, or that the worker announced
    int armed = 0;           // the signal of its failpoint
    live::UniqueFd written;  // its stderr
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
  live::UniqueFd children_;  // SIGCHLD
  sigset_t mask_before_;
  uint64_t deaths_ = 0;
  uint64_t crashes_ = 0;
  std::deque<WorkerCrash> kept_crashes_;
  uint64_t stops_ = 0;
  uint64_t freed_ = 0;
  std::string hung_;
};

}  // namespace resprobe::cachelab

#endif  // RESPROBE_CACHELAB_SUBJECT_WORKER_POOL_H_
