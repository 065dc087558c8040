#include "cli/crash/fault_plan.h"

#include <absl/strings/str_join.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "cli/command_line/verb.h"
#include "runner/text.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

using By = NamedFault::By;
using World = DurabilityWorld;
using enum DiskFaultKind;

size_t MishapOf(DiskFaultKind kind) { return static_cast<size_t>(kind); }

NamedFault OfDisk(std::string_view name, std::vector<DiskFaultKind> kinds) {
  NamedFault fault{.name = name};
  for (const DiskFaultKind kind : kinds) {
    fault.kinds.push_back({.kind = kind});
    fault.mishaps.push_back(MishapOf(kind));
  }
  return fault;
}

std::vector<std::string> Names(const std::vector<NamedFault>& faults) {
  std::vector<std::string> names;
  for (const NamedFault& fault : faults) names.emplace_back(fault.name);
  return names;
}

// It acts while a process loads its files.
bool ActsOnReading(DiskFaultKind kind) {
  return kind == kReadError || kind == kShortRead || kind == kReadFlip || kind == kRestFlip;
}

// It acts on what a snapshot and a rewrite do, and, but for appendfsync always, on little else.
bool ActsOnSaving(DiskFaultKind kind) {
  return kind == kSyncFails || kind == kSlowSync || kind == kSyncLost || kind == kRenameError ||
         kind == kOpenError;
}

}  // namespace

const std::vector<NamedFault>& CrashFaults() {
  static const std::vector<NamedFault> faults = {
      {.name = "power", .by = By::kPower},
      {.name = "kill", .by = By::kKill},
      OfDisk("enospc", {kNoSpace}),
      OfDisk("eio", {kWriteError, kReadError, kOpenError, kRenameError, kSyncFails}),
      OfDisk("short", {kShortRead, kShortWrite}),
      OfDisk("eintr", {kInterrupted}),
      OfDisk("slow_fsync", {kSlowSync}),
      {.name = "lying_fsync",
       .kinds = {{.kind = kSyncFails, .how = SyncFailure::kLate}},
       .mishaps = {kLateSync}},
      OfDisk("bitflip", {kReadFlip, kRestFlip}),
  };
  return faults;
}

const std::vector<NamedFault>& ChaosFaults() {
  static const std::vector<NamedFault> faults = {
      {.name = "crash_mid_write", .by = By::kCrashInWrite, .mishaps = {kCrashInWrite}},
      OfDisk("corrupt_read", {kReadFlip}),
      OfDisk("corrupt_write", {kWriteFlip}),
      OfDisk("disk_full", {kNoSpace}),
      OfDisk("slow_write", {kSlowWrite}),
      OfDisk("fsync_lost", {kSyncLost}),
      {.name = "connection_drop", .by = By::kDrop, .mishaps = {kRequestCut, kReplyCut}},
      {.name = "memory_pressure", .by = By::kMemory, .mishaps = {kMemoryRefusal, kEviction}},
  };
  return faults;
}

std::string NamesOf(const std::vector<NamedFault>& faults) {
  return absl::StrJoin(Names(faults), ", ");
}

std::vector<size_t> ChosenOf(const std::string& option, const std::string& list,
                             const std::vector<std::string>& known) {
  std::vector<size_t> chosen;
  if (list == "all") {
    for (size_t i = 0; i < known.size(); ++i) chosen.push_back(i);
    return chosen;
  }
  for (const std::string& word : SplitList(list)) {
    const auto found = std::ranges::find(known, word);
    if (found == known.end()) {
      throw runner::UserError(option + " " + word + ": no such name: choose from " +
                              absl::StrJoin(known, ", "));
    }
    const auto index = static_cast<size_t>(found - known.begin());
    if (std::ranges::find(chosen, index) == chosen.end()) chosen.push_back(index);
  }
  if (chosen.empty()) throw runner::UserError(option + ": it names nothing");
  return chosen;
}

FaultPlan::FaultPlan(const std::vector<NamedFault>& all, const std::string& list) {
  for (const size_t i : ChosenOf("--faults", list, Names(all))) {
    faults_.push_back(&all[i]);
    kinds_.insert(kinds_.end(), all[i].kinds.begin(), all[i].kinds.end());
  }
}

bool FaultPlan::Has(NamedFault::By by) const {
  return std::ranges::any_of(faults_, [&](const NamedFault* fault) { return fault->by == by; });
}

void FaultPlan::Use(const NamedFault::Kind& kind, DurabilityWorld::Fault* fault) {
  fault->kind = kind.kind;
  if (kind.how) fault->variant.value = static_cast<uint8_t>(*kind.how);
}

void FaultPlan::Apply(uint64_t seed, bool sweeps, bool core, Arena* arena,
                      std::vector<Op>* ops) const {
  Rng rng(seed);
  // Which faults this case has.
  const bool alone = rng.OneIn(3);
  std::vector<const NamedFault*> here;
  for (size_t i = 0; i < faults_.size(); ++i) {
    if (i == seed % faults_.size() || (!alone && rng.OneIn(2))) here.push_back(faults_[i]);
  }
  const auto has = [&](By by) {
    return std::ranges::any_of(here, [&](const NamedFault* fault) { return fault->by == by; });
  };
  std::vector<NamedFault::Kind> kinds;
  for (const NamedFault* fault : here) {
    kinds.insert(kinds.end(), fault->kinds.begin(), fault->kinds.end());
  }
  std::vector<Op> kept;
  for (Op& op : *ops) {
    const bool own =
        std::holds_alternative<World::Child>(op) || std::holds_alternative<World::Thread>(op);
    if (own && !core) continue;
    if (std::holds_alternative<World::Kill>(op) && (sweeps || !Has(By::kKill))) continue;
    if (std::holds_alternative<World::PowerLoss>(op) && (sweeps || !Has(By::kPower))) continue;
    if (std::holds_alternative<World::CrashInWrite>(op) && (sweeps || !has(By::kCrashInWrite))) {
      continue;
    }
    if (std::holds_alternative<World::Drop>(op) && (sweeps || !has(By::kDrop))) continue;
    if (std::holds_alternative<World::Memory>(op) && (sweeps || !has(By::kMemory))) continue;
    if (auto* fault = std::get_if<World::Fault>(&op)) {
      if (sweeps || kinds.empty()) continue;
      Use(rng.Pick(std::span<const NamedFault::Kind>(kinds)), fault);
    }
    kept.push_back(op);
  }
  *ops = std::move(kept);
  if (sweeps) return;
  for (const NamedFault* fault : here) {
    for (uint64_t times = 1 + rng.Below(2); times > 0; --times) Insert(*fault, &rng, arena, ops);
  }
}

// The fault at some place, followed by what it can act on.
void FaultPlan::Insert(const NamedFault& fault, Rng* rng, Arena* arena,
                       std::vector<Op>* ops) const {
  std::vector<Op> more;
  const auto call = [&] {
    constexpr std::string_view kKeys[] = {"a", "b", "c"};
    const std::span<std::string_view> words = arena->Words(3);
    words[0] = "SET";
    words[1] = rng->Pick(kKeys);
    words[2] = rng->OneIn(2) ? "1" : "a longer value, of several words";
    return World::Call{.client = {static_cast<uint8_t>(rng->Below(2))}, .args = {words}};
  };
  const auto save = [&] {
    return World::Save{.kind = rng->OneIn(2) ? SaveKind::kRewrite : SaveKind::kBgSave};
  };
  switch (fault.by) {
    case By::kKill:
    case By::kPower:
      return;  // there are such ops, and each case ends with one
    case By::kDisk: {
      World::Fault op;
      Use(rng->Pick(std::span<const NamedFault::Kind>(fault.kinds)), &op);
      if (!fault.kinds[0].how) op.variant.value = static_cast<uint8_t>(rng->Below(256));
      const bool reading = ActsOnReading(op.kind);
      op.after.value = static_cast<uint8_t>(rng->OneIn(2) ? 0 : rng->Below(reading ? 8 : 3));
      op.times.value = static_cast<uint8_t>(rng->OneIn(4) ? 0 : 1 + rng->Below(3));
      if (reading) more.emplace_back(call());
      more.emplace_back(op);
      if (reading) {
        if (Has(By::kPower) && !Has(By::kKill)) {
          more.emplace_back(World::PowerLoss{.after = {}, .choices = {}});
        } else {
          more.emplace_back(World::Kill{.after = {}});
        }
      } else {
        if (ActsOnSaving(op.kind)) more.emplace_back(save());
        more.emplace_back(call());
        more.emplace_back(World::Advance{.ms = {1000}});
        more.emplace_back(World::Child{.calls = {}});
        more.emplace_back(World::Thread{.which = {}});
        more.emplace_back(call());
      }
      if (rng->OneIn(2)) more.emplace_back(World::Heal{});
      break;
    }
    case By::kCrashInWrite:
      more.emplace_back(World::CrashInWrite{.after = {static_cast<uint8_t>(rng->Below(3))},
                                            .part = {static_cast<uint8_t>(rng->Below(256))},
                                            .power = rng->OneIn(2),
                                            .choices = {}});
      if (rng->OneIn(2)) more.emplace_back(save());
      more.emplace_back(call());
      more.emplace_back(World::Child{.calls = {}});
      more.emplace_back(call());
      break;
    case By::kDrop:
      more.emplace_back(World::Drop{.client = {static_cast<uint8_t>(rng->Below(2))},
                                    .cut = static_cast<Cut>(rng->Below(std::size(kCutNames))),
                                    .at = {static_cast<uint8_t>(rng->Below(256))},
                                    .args = call().args});
      break;
    case By::kMemory:
      more.emplace_back(call());
      more.emplace_back(World::Memory{
          .policy = static_cast<MemoryPolicy>(1 + rng->Below(std::size(kMemoryPolicyNames) - 1)),
          .room = {static_cast<uint8_t>(rng->Below(32))}});
      more.emplace_back(call());
      more.emplace_back(call());
      if (rng->OneIn(3))
        more.emplace_back(World::Memory{.policy = MemoryPolicy::kEnough, .room = {}});
      break;
  }
  const auto at = static_cast<std::ptrdiff_t>(rng->Below(ops->size() + 1));
  ops->insert(ops->begin() + at, more.begin(), more.end());
}

std::vector<std::string> FaultPlan::NotFired(const DurabilityCounts& counts) const {
  std::vector<std::string> names;
  for (const NamedFault* fault : faults_) {
    const bool fired = fault->mishaps.empty() ||
                       std::ranges::any_of(fault->mishaps,
                                           [&](size_t mishap) { return counts.fired[mishap] > 0; });
    if (!fired) names.emplace_back(fault->name);
  }
  return names;
}

}  // namespace resprobe::cli
