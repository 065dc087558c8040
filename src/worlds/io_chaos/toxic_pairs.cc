#include "worlds/io_chaos/toxic_pairs.h"

#include <string>

namespace resprobe {

void ToxicPairs::Reset() {
  if (!run_->trace().on()) return;
  noted_.Reset();
  for (auto& row : pairs_) row.fill(false);
}

void ToxicPairs::NoteTraced(CommandBook* book) {
  const ToxicCounts& counts = run_->system.counts();
  for (size_t t = 0; t < kToxicKinds; ++t) {
    const auto kind = static_cast<ToxicKind>(t);
    if (counts[kind] == noted_[kind]) continue;
    for (const IoCommand& command : book->held()) {
      // A command that a toxic has ended was pending then.
      if (command.refused || command.noted) continue;
      pairs_[t][static_cast<size_t>(command.request.step)] = true;
    }
  }
  for (IoCommand& command : book->held()) {
    command.noted = !command.stays && command.calls() > 0;
  }
  noted_ = counts;
}

void ToxicPairs::Write() {
  Trace& trace = run_->trace();
  if (!trace.on()) return;
  const ToxicCounts& counts = run_->system.counts();
  for (const ToxicInfo& info : Toxics()) {
    if (counts[info.kind] == 0) continue;
    trace.Line("fired " + std::string(info.name) + " " + std::to_string(counts[info.kind]));
  }
  for (size_t t = 0; t < kToxicKinds; ++t) {
    for (size_t s = 0; s < std::size(kClientStepNames); ++s) {
      if (!pairs_[t][s]) continue;
      trace.Line("pair " + std::string(ToxicNames()[t]) + " " + std::string(kClientStepNames[s]));
    }
  }
}

}  // namespace resprobe
