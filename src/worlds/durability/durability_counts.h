#ifndef RESPROBE_WORLDS_DURABILITY_DURABILITY_COUNTS_H_
#define RESPROBE_WORLDS_DURABILITY_DURABILITY_COUNTS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "sim/disk/disk_fault.h"
#include "worlds/durability/judge.h"

namespace resprobe {

// What can happen to a server: the faults of its disk, with the numbers of DiskFaultKind, and
// these.
enum Mishap : size_t {
  kLateSync = kDiskFaultKinds,  // a failed fsync that was told one fsync late
  kCrashInWrite,                // a crash after a part of a write
  kRequestCut,                  // a connection ended within a request, or before its reply
  kReplyCut,                    // the same within the reply
  kMemoryRefusal,               // a request was refused for want of memory
  kEviction,                    // keys were evicted
  kMishaps,
};
std::string_view MishapName(size_t mishap);

// What has happened in a case, and what has come of it.
struct DurabilityCounts {
  static constexpr size_t kOutcomes = 7;  // of DurabilityOutcome
  struct Results {
    std::array<uint64_t, kOutcomes> outcomes{};  // of recoveries
    uint64_t excused = 0;         // broken or unavailable, but as docs/durability.md explains
    uint64_t refused_writes = 0;  // with -MISCONF or -OOM
  };

  uint64_t crashes = 0;  // of the run itself
  uint64_t probes = 0;
  uint64_t lives = 0;  // processes, those of probes included
  Results all;
  // Why servers did not start: the last lines of their logs, with N for numbers and … for what is
  // in brackets, and how often.
  std::map<std::string, uint64_t> refusals;
  // Replies that differed from the core's: its state was replaced by the server's.
  uint64_t adopted = 0;
  std::array<uint64_t, kMishaps> fired{};
  // What came later, on the same disk.
  std::array<Results, kMishaps> after{};

  void Fired(size_t mishap, uint64_t times = 1);
  void FaultsActed(const DiskFaultCounts& now, const DiskFaultCounts& before);
  void Recovered(DurabilityOutcome outcome);
  void Excused();
  // A server has not started: its last line.
  void Refused(std::string_view line);
  void RefusedWrite();
  // A new disk: nothing has happened to it.
  void NewDisk() { here_.fill(false); }
  void Add(const DurabilityCounts& more);

 private:
  template <class Count>
  void Each(const Count& count) {
    count(all);
    for (size_t i = 0; i < kMishaps; ++i) {
      if (here_[i]) count(after[i]);
    }
  }

  std::array<bool, kMishaps> here_{};
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_DURABILITY_DURABILITY_COUNTS_H_
