#ifndef RESPROBE_LIVE_RESTORE_RESTORE_TRAFFIC_H_
#define RESPROBE_LIVE_RESTORE_RESTORE_TRAFFIC_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/generate.h"
#include "live/restore/payload_mutator.h"
#include "live/restore/restore_world.h"
#include "live/server/live_server.h"
#include "worlds/command/command_generate.h"

namespace resprobe::live {

// What the commands on a value expect it to be.
enum class ValueKind : uint8_t { kString, kList, kSet, kZSet, kHash, kStream, kNone };
ValueKind KindOf(RdbType type);

// Makes cases: broken values, and calls on them of commands of their type. A seed always makes the
// same case of the same values.
class RestoreGenerator {
 public:
  // `dumped`: values without footers, of DUMP. `strings`: those that something else is read from.
  // Calls of commands that the server lacks are left out.
  RestoreGenerator(const std::vector<std::string>& dumped, std::vector<std::string> strings,
                   const LiveServer& server);

  // Texts are allocated in the arena.
  void Generate(uint64_t seed, bool sanitize, Arena* arena, RestoreCase* c) const;

  // The commands that may be called on a value of this kind, by their full names; for tests.
  std::vector<std::string> CommandsOf(ValueKind kind) const;

 private:
  struct Pool {
    std::unique_ptr<CommandChoice> table;     // of the command table
    std::vector<std::string_view> templates;  // of this file
  };

  void AddCall(Gen& gen, ValueKind kind, RestoreCase* c) const;
  std::span<const std::string_view> FromTemplate(Gen& gen, std::string_view line) const;
  std::span<const std::string_view> FromTable(Gen& gen, const CommandChoice& choice) const;

  PayloadMutator mutator_;
  std::vector<std::string> strings_;
  std::vector<Pool> pools_;  // by ValueKind
  Pool generic_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_RESTORE_RESTORE_TRAFFIC_H_
