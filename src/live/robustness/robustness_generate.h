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
  size_t ops = 0;                   // in each case; 0: it varies
  std::vector<std::string> groups;  // of commands, as the server calls them; none: all
  std::string protocol = "both";    // what clients begin with: "2", "3" or "both"
  bool own = true;                  // the server is a private one
  bool dangerous = false;           // also what is never sent otherwise
};

// Cases of CommandWorld whose calls follow a server's own documentation: keys of every type are
// made, then commands that the core does not have are called, with arguments after their grammar
// and values that break things: numbers at the ends, no numbers, empty and very long strings, NULs,
// keys of the wrong type, counts that lie. Ordinary commands are mixed in, on the same keys.
class CallGenerator {
 public:
  // `table` must outlive the generator.
  CallGenerator(const DocTable* table, const CallOptions& options);

  // The case that `seed` is the short name of, for servers with the same table. Texts go into the
  // arena.
  void Generate(uint64_t seed, Arena* arena, Case<CommandWorld>* out) const;

  // What is called: commands that the core does not have, and that are not denied.
  const std::vector<const DocCommand*>& callable() const { return callable_; }
  // What the core does not have, and is never sent.
  size_t denied() const { return denied_; }

 private:
  CallOptions options_;
  const DocTable* table_;
  std::vector<const DocCommand*> callable_;
  size_t denied_ = 0;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_ROBUSTNESS_ROBUSTNESS_GENERATE_H_
