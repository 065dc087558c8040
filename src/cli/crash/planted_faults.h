#ifndef RESPROBE_CLI_CRASH_PLANTED_FAULTS_H_
#define RESPROBE_CLI_CRASH_PLANTED_FAULTS_H_

#include <memory>
#include <string>

#include "core/persistence/forwarding_files.h"
#include "worlds/durability/durability_world.h"

namespace resprobe::cli {

// Injected faults, as --plant and the runner's option "plant" name them.
inline constexpr const char* kPlantNoFsync = "no-fsync";             // fsync does nothing
inline constexpr const char* kPlantCutRequest = "cut-request-runs";  // a cut request arrives whole

// The first one, of the core: an fsync of a file reports success, and is none.
class NoFsync : public ForwardingFiles {
 public:
  using ForwardingFiles::ForwardingFiles;
  int Sync(int) override { return 0; }
  int SyncUpTo(int, uint64_t) override { return 0; }
};

// What a world of the core with this fault puts over its disk.
inline DurabilityWorld::Wrap FilesWith(const std::string& plant) {
  if (plant != kPlantNoFsync) return nullptr;
  return [](FileSystem* real) { return std::make_unique<NoFsync>(real); };
}

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_CRASH_PLANTED_FAULTS_H_
