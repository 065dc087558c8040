#ifndef RESPROBE_LIVE_RESTORE_PERSISTENCE_FILES_H_
#define RESPROBE_LIVE_RESTORE_PERSISTENCE_FILES_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/table/profile.h"
#include "engine/rng.h"
#include "live/restore/payload_mutator.h"

namespace resprobe::live {

// Makes RDB files and append-only files that are almost right, for the programs that check and
// repair them.
class PersistenceFiles {
 public:
  // `values`: as for PayloadMutator. `rdb_version`: of the server's files.
  PersistenceFiles(const std::vector<std::string>& values, uint16_t rdb_version);

  std::string MakeRdb(Rng& rng) const;
  // Some begin with an RDB file.
  std::string MakeAof(Rng& rng) const;

 private:
  std::string Rdb(Rng& rng, bool broken) const;

  PayloadMutator values_;
  uint16_t rdb_version_;
};

// How many bytes of an append-only file are whole commands and whole transactions: what a repair
// must keep. Only what a server writes counts. nullopt if the file begins with an RDB file that the
// core cannot read.
std::optional<size_t> WholeAofBytes(std::string_view file, Profile profile);

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_RESTORE_PERSISTENCE_FILES_H_
