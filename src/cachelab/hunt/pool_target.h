#ifndef RESPROBE_CACHELAB_HUNT_POOL_TARGET_H_
#define RESPROBE_CACHELAB_HUNT_POOL_TARGET_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cachelab/hunt/stale_target.h"
#include "cachelab/subject/worker_pool.h"
#include "live/net/resp3_client.h"

namespace resprobe::cachelab {

// A target with a private pool of workers.
class PoolTarget : public StaleTarget {
 public:
  // On failure returns nullptr with one line in `error`.
  static std::unique_ptr<PoolTarget> Open(PoolOptions options, std::string* error);

  int workers() const override { return pool_->size(); }
  int writers() const override { return pool_->writers(); }
  uint64_t Start(int worker, const Words& words, bool unordered) override;
  TargetAnswer Finish(uint64_t ticket) override;
  bool Direct(std::span<const DirectRequest> requests, std::vector<std::string>* texts) override;
  bool Barrier() override { return pool_->Barrier(); }
  bool exact() const override { return true; }
  bool writes_are_seen() const override { return true; }
  bool has_points() const override { return true; }
  void Hold(int worker, Failpoint point) override { pool_->Hold(worker, point); }
  bool WaitHeld(int worker, uint64_t ticket) override { return pool_->WaitHeld(worker, ticket); }
  bool held(int worker) const override { return pool_->held(worker); }
  void Go(int worker) override { pool_->Go(worker); }
  void SignalAt(int worker, Failpoint point, int signal) override {
    pool_->SignalAt(worker, point, signal);
  }
  bool KillClient(int worker) override;
  bool KillWorker(int worker, int signal) override;
  bool Settle() override;
  bool Reset() override;
  std::optional<WorkerCrash> TakeCrash() override { return pool_->TakeCrash(); }
  uint64_t deaths() const override { return pool_->deaths(); }
  uint64_t stops() const override { return pool_->stops(); }
  std::string failure() const override { return failure_.empty() ? pool_->hung() : failure_; }
  bool WorkerHangs() override;

  WorkerPool& pool() { return *pool_; }

 private:
  explicit PoolTarget(const PoolOptions& options);

  std::unique_ptr<WorkerPool> pool_;
  int hang_seconds_;
  live::Resp3Client direct_;
  std::map<uint64_t, bool> unordered_;  // by ticket
  std::string failure_;
};

}  // namespace resprobe::cachelab

#endif  // RESPROBE_CACHELAB_HUNT_POOL_TARGET_H_
