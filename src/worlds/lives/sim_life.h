#ifndef RESPROBE_WORLDS_LIVES_SIM_LIFE_H_
#define RESPROBE_WORLDS_LIVES_SIM_LIFE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/persistence/persistence_log.h"
#include "core/table/profile.h"
#include "engine/rng.h"
#include "history/life.h"
#include "sim/core_subject.h"
#include "sim/disk/disk.h"
#include "sim/disk/disk_choices.h"
#include "sim/disk/disk_files.h"
#include "sim/network.h"
#include "sim/node.h"
#include "sim/scheduler.h"

namespace resprobe {

// A fault of the server, put in on purpose so that a campaign can be seen to find it.
enum class LifePlant : uint8_t {
  kNone,
  kNoFsync,    // an fsync does nothing
  kStaleRead,  // some replies to GET are those of an earlier GET of that key
};

// Lives of the core in the simulated system: the clients of history::Life on a machine of their
// own, the server on a node with a disk, a network between them whose delays vary, and virtual
// time. A life is a function of its options.
//
// crash_recovery kills the process or cuts the power, as the seed says, and starts a process on
// what is left of the disk. The server syncs its append-only file before each reply, so that an
// answered operation must not be lost.
class SimLives : private Network::Receiver, private Scheduler::Handler {
 public:
  struct Options {
    uint64_t seed = 1;
    uint32_t clients = 8;
    uint32_t keys = 100;
    uint64_t operations = 1000;
    history::Part part = history::Part::kConcurrent;
    LifePlant plant = LifePlant::kNone;
  };
  struct Result {
    history::History history;
    history::Life::Counts counts;
    std::string failure;  // why the life did not reach its end; "" if it did
  };

  // Seeds alternate between the profiles.
  static Profile ProfileOf(uint64_t seed) {
    return seed % 2 == 0 ? Profile::kRedis70 : Profile::kValkey80;
  }

  SimLives() = default;
  SimLives(const SimLives&) = delete;
  SimLives& operator=(const SimLives&) = delete;

  Result Run(const Options& options);

 private:
  using End = Network::End;
  class Log : public PersistenceLog {
   public:
    void Line(std::string_view text) override { last = text; }
    std::string last;
  };

  // Network::Receiver, of the clients' machine.
  void OnAccept(End) override {}
  void OnConnected(End end) override;
  void OnBytes(End end, std::string_view bytes) override;
  void OnEnd(End end, Network::Farewell how, bool refused) override;
  // Scheduler::Handler: a client acts.
  void OnDue(uint64_t slot) override;

  uint64_t NowUs() const { return static_cast<uint64_t>(scheduler_.now_us()) + 1; }
  bool StartServer();
  void Crash();
  void Dial(uint32_t slot);
  void Act(uint32_t slot);
  void ActLater(uint32_t slot, int64_t least_us = 0);
  void Strangers(uint32_t count);
  std::optional<uint32_t> SlotOf(End end) const;

  Options options_;
  Scheduler scheduler_;
  Network network_{&scheduler_};
  Disk disk_;
  SeededChoices choices_{0};
  std::unique_ptr<FileSystem> files_;
  DiskFiles disk_files_{&disk_};
  std::unique_ptr<CoreSubject> core_;
  std::unique_ptr<ServerSubject> server_;
  Node node_;
  Log log_;
  std::optional<history::Life> life_;
  Rng rng_{0};
  std::vector<End> ends_;
  uint64_t think_us_ = 0;
  int64_t heard_us_ = 0;  // when a client last heard something
  std::string failure_;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_LIVES_SIM_LIFE_H_
