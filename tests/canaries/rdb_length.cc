// rdb with a reader that allocates what the length of a list of strings announces.

#include "driver/fuzz_main.h"
#include "engine/raw_harness.h"
#include "worlds/rdb/rdb_loader.h"

namespace resprobe {
namespace {

struct LengthTrusted : CoreRdb {
  RdbResult Read(std::string_view payload, const RdbReadOptions& options, std::string_view key,
                 Keyspace* keyspace) {
    RdbResult result = ReadDumpPayload(payload, options, 0, key, keyspace);
    if (result.error != RdbError::kShortRead || !payload.starts_with("\x01\x80")) return result;
    keyspace->Overwrite(0, key, ObjectType::kString).string().assign(1 << 20, '\0');
    return {};
  }
};

}  // namespace
}  // namespace resprobe

RESPROBE_HARNESS(resprobe::RawHarness<resprobe::RdbLoader<resprobe::LengthTrusted>>)
