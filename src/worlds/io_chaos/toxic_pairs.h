#ifndef RESPROBE_WORLDS_IO_CHAOS_TOXIC_PAIRS_H_
#define RESPROBE_WORLDS_IO_CHAOS_TOXIC_PAIRS_H_

#include <array>
#include <cstddef>

#include "sim/toxic.h"
#include "worlds/io_chaos/command_book.h"
#include "worlds/io_chaos/io_run.h"

namespace resprobe {

// Which toxics have had an effect while which requests were pending, for the trace only: tools add
// this up over many runs, to show the pairs that no case has.
class ToxicPairs {
 public:
  explicit ToxicPairs(IoRun* run) : run_(run) {}

  void Reset();
  // Notes what has happened since the last call; does nothing unless the run is traced.
  void Note(CommandBook* book) {
    if (run_->trace().on()) [[unlikely]]
      NoteTraced(book);
  }
  // Adds to the trace how often each toxic has fired, and the pairs.
  void Write();

 private:
  void NoteTraced(CommandBook* book);

  IoRun* const run_;
  ToxicCounts noted_;
  std::array<std::array<bool, std::size(kClientStepNames)>, kToxicKinds> pairs_{};
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_IO_CHAOS_TOXIC_PAIRS_H_
