#ifndef RESPROBE_CLI_ORACLE_ADDRESS_SPACE_H_
#define RESPROBE_CLI_ORACLE_ADDRESS_SPACE_H_

#include <cstddef>

namespace resprobe::cli {

// The limit of a server's address space, in MB, for one that may touch `memory_mb` (0: no limit): a
// program maps more than it touches.
constexpr size_t AddressSpace(size_t memory_mb) {
  constexpr size_t kMapped = 2048;
  return memory_mb == 0 ? 0 : 2 * memory_mb + kMapped;
}

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_ORACLE_ADDRESS_SPACE_H_
