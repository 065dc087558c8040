#ifndef RESPROBE_CLI_CRASH_FAULT_PLAN_H_
#define RESPROBE_CLI_CRASH_FAULT_PLAN_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/arena.h"
#include "engine/op.h"
#include "engine/rng.h"
#include "worlds/durability/durability_counts.h"
#include "worlds/durability/durability_world.h"

namespace resprobe::cli {

// A fault as the user names it: for crash, or for chaos.
struct NamedFault {
  enum class By : uint8_t { kDisk, kKill, kPower, kCrashInWrite, kDrop, kMemory };
  struct Kind {
    DiskFaultKind kind;
    std::optional<SyncFailure> how = {};
  };
  std::string_view name;
  By by = By::kDisk;
  std::vector<Kind> kinds = {};      // of By::kDisk
  std::vector<size_t> mishaps = {};  // any of them shows that it has fired; none: it always does
};

const std::vector<NamedFault>& CrashFaults();
const std::vector<NamedFault>& ChaosFaults();
// "power, kill, …".
std::string NamesOf(const std::vector<NamedFault>& faults);

// What happens in the cases of a campaign, besides requests: the faults that were asked for. Each
// case has some of them, one by turns and others by chance, and those often.
class FaultPlan {
 public:
  using Op = DurabilityWorld::Op;

  // `list`: names of `all`, or "all". Throws UserError.
  FaultPlan(const std::vector<NamedFault>& all, const std::string& list);

  const std::vector<const NamedFault*>& faults() const { return faults_; }
  bool Has(NamedFault::By by) const;
  // Those of the disk.
  const std::vector<NamedFault::Kind>& kinds() const { return kinds_; }

  // Of the ops keeps those that the plan allows, and adds its faults. `sweeps`: no faults. `core`:
  // the ops of children and threads, which a real server has in its own hands, stay.
  void Apply(uint64_t seed, bool sweeps, bool core, Arena* arena, std::vector<Op>* ops) const;
  static void Use(const NamedFault::Kind& kind, DurabilityWorld::Fault* fault);

  // The asked faults that have not fired.
  std::vector<std::string> NotFired(const DurabilityCounts& counts) const;

 private:
  void Insert(const NamedFault& fault, Rng* rng, Arena* arena, std::vector<Op>* ops) const;

  std::vector<const NamedFault*> faults_;
  std::vector<NamedFault::Kind> kinds_;
};

// The words of a list, each of which must be one of `known`, as their indices; "all": all of them.
// Throws UserError.
std::vector<size_t> ChosenOf(const std::string& option, const std::string& list,
                             const std::vector<std::string>& known);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_CRASH_FAULT_PLAN_H_
