#include "worlds/durability/durability_counts.h"

#include <algorithm>

namespace resprobe {

std::string_view MishapName(size_t mishap) {
  constexpr std::string_view kNames[] = {"sync_fails_late", "crash_in_write", "request_cut",
                                         "reply_cut",       "memory_refusal", "eviction"};
  static_assert(kDiskFaultKinds + std::size(kNames) == kMishaps);
  return mishap < kDiskFaultKinds ? DiskFaultNames()[mishap] : kNames[mishap - kDiskFaultKinds];
}

void DurabilityCounts::Fired(size_t mishap, uint64_t times) {
  if (times == 0) return;
  fired[mishap] += times;
  here_[mishap] = true;
}

void DurabilityCounts::FaultsActed(const DiskFaultCounts& now, const DiskFaultCounts& before) {
  const uint64_t late = now.late() - before.late();
  for (size_t i = 0; i < kDiskFaultKinds; ++i) {
    const auto kind = static_cast<DiskFaultKind>(i);
    const uint64_t told = kind == DiskFaultKind::kSyncFails ? late : 0;
    Fired(i, now[kind] - before[kind] - told);
  }
  Fired(kLateSync, late);
}

void DurabilityCounts::Recovered(DurabilityOutcome outcome) {
  Each([&](Results& results) { ++results.outcomes[static_cast<size_t>(outcome)]; });
}

void DurabilityCounts::Excused() {
  Each([](Results& results) { ++results.excused; });
}

void DurabilityCounts::Refused(std::string_view line) {
  Recovered(DurabilityOutcome::kUnavailable);
  std::string kind;
  for (size_t at = 0; at < line.size();) {
    if (line[at] == '(') {
      kind += "(…)";
      at = std::min(line.find(')', at), line.size() - 1) + 1;
    } else if (line[at] >= '0' && line[at] <= '9') {
      kind += 'N';
      while (at < line.size() && line[at] >= '0' && line[at] <= '9') ++at;
    } else {
      kind += line[at++];
    }
  }
  ++refusals[kind];
}

void DurabilityCounts::RefusedWrite() {
  Each([](Results& results) { ++results.refused_writes; });
}

void DurabilityCounts::Add(const DurabilityCounts& more) {
  const auto add = [](Results* to, const Results& results) {
    for (size_t i = 0; i < kOutcomes; ++i) to->outcomes[i] += results.outcomes[i];
    to->excused += results.excused;
    to->refused_writes += results.refused_writes;
  };
  crashes += more.crashes;
  probes += more.probes;
  lives += more.lives;
  add(&all, more.all);
  for (const auto& [line, times] : more.refusals) refusals[line] += times;
  adopted += more.adopted;
  for (size_t i = 0; i < kMishaps; ++i) {
    fired[i] += more.fired[i];
    add(&after[i], more.after[i]);
  }
}

}  // namespace resprobe
