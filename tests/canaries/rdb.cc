// rdb with a reader that does not look at the checksum of a payload.

#include "driver/fuzz_main.h"
#include "engine/raw_harness.h"
#include "worlds/rdb/rdb_loader.h"

namespace resprobe {
namespace {

struct ChecksumUnchecked : CoreRdb {
  bool Fits(std::string_view payload, Profile profile) {
    return DumpPayloadFits(payload, profile, false);
  }
};

}  // namespace
}  // namespace resprobe

RESPROBE_HARNESS(resprobe::RawHarness<resprobe::RdbLoader<resprobe::ChecksumUnchecked>>)
