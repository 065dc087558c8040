#ifndef RESPROBE_LIVE_ROBUSTNESS_ROBUSTNESS_GENERATE_H_
#define RESPROBE_LIVE_ROBUSTNESS_ROBUSTNESS_GENERATE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/arena.h"
#include "engine/codec.h"
#include "engine/generate.h"
#include "live/robustness/robustness_docs.h"
#include "worlds/command/command_world.h"

namespace resprobe::live {

struct CallOptions {
  size_t ops = 0;                   // in each case; 0: varies
  std::vector<std::string> groups;  // command groups, as the server names them; empty: all
  std::string protocol = "both";    // the initial protocol of clients: "2", "3" or "both"
  bool own = true;                  // the server is private
  bool dangerous = false;           // also send requests that are otherwise never sent
};

// Generates cases of CommandWorld from a server's own documentation. A case creates keys of every
// type, then calls commands that the core does not have, with arguments that follow their grammar
// and hostile values: extreme numbers, non-numbers, empty and very long strings, NULs, keys of the
// wrong type, wrong counts. Ordinary commands on the same keys are mixed in.
class CallGenerator {
 public:
  // `table` must outlive the generator.
  CallGenerator(const DocTable* table, const CallOptions& options);

  // Generates the case of a seed; the same for servers with the same table. Texts are stored in the
  // arena.
  void Generate(uint64_t seed, Arena* arena, Case<CommandWorld>* out) const;

  // The commands that are called: those that the core does not have and that are not denied.
  const std::vector<const DocCommand*>& callable() const { return callable_; }
  // The number of commands that the core does not have and that are never sent.
  size_t denied() const { return denied_; }

 private:
  CallOptions options_;
  const DocTable* table_;
  std::vector<const DocCommand*> callable_;
  size_t denied_ = 0;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_ROBUSTNESS_ROBUSTNESS_GENERATE_H_
