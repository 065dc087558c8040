#include "worlds/invalidation/session_checker.h"

#include <string>

#include "worlds/invalidation/invalidation_names.h"

namespace resprobe::invalidation {

uint64_t SessionChecker::ArrivedFor(const Read& read) const {
  if (read.announced == Read::Announced::kNone) return 0;
  uint64_t arrived = known_[read.client].arrived[read.db][read.slot];
  if (read.announced == Read::Announced::kOwn) return arrived;
  for (size_t i = 0; i < clients_; ++i) Raise(&arrived, known_[i].arrived[read.db][read.slot]);
  return arrived;
}

void SessionChecker::Check(const Read& read, RunContext& run) const {
  const uint64_t arrived = ArrivedFor(read);
  if (read.version < std::max(arrived, std::max(read.written, read.seen))) [[unlikely]]
    TooOld(read, arrived, run);
}

void SessionChecker::TooOld(const Read& read, uint64_t arrived, RunContext& run) {
  const auto seen = [&] {
    return "client " + std::to_string(read.client) + ": a " +
           (read.hit ? "hit on " : "reply for ") + SlotName(read.slot) + " of version " +
           std::to_string(read.version);
  };
  const auto at_least = [&](uint64_t least, std::string_view why) {
    return "version " + std::to_string(least) + " or newer, " + std::string(why);
  };
  run.Check(
      read.version >= arrived, "bounded_staleness",
      [&] { return at_least(arrived, "whose invalidation has arrived"); }, seen);
  run.Check(
      read.version >= read.written, "read_your_writes",
      [&] { return at_least(read.written, "which is the client's own write"); }, seen);
  run.Check(
      read.version >= read.seen, "monotonic_reads",
      [&] { return at_least(read.seen, "which the client has read"); }, seen);
}

void SessionChecker::Limit(const TruthModel& truth) {
  for (size_t i = 0; i < clients_; ++i) {
    for (Versions* versions : {&known_[i].seen, &known_[i].written, &known_[i].arrived})
      truth.Limit(versions);
  }
}

}  // namespace resprobe::invalidation
