// resp_differential with a reader that treats its strings as C strings: they end at a NUL.

#include "worlds/resp/resp_differential.h"

#include <cstring>

#include "driver/fuzz_main.h"
#include "engine/raw_harness.h"

namespace resprobe {
namespace {

class Terminated : public HiredisReader {
 public:
  Outcome Next(const redisReply** reply) {
    const Outcome outcome = HiredisReader::Next(reply);
    if (outcome == Outcome::kValue && (*reply)->type == REDIS_REPLY_STRING) {
      shortened_ = **reply;
      shortened_.len = static_cast<decltype(shortened_.len)>(std::strlen(shortened_.str));
      *reply = &shortened_;
    }
    return outcome;
  }

 private:
  redisReply shortened_ = {};
};

}  // namespace
}  // namespace resprobe

RESPROBE_HARNESS(resprobe::RawHarness<resprobe::RespDifferential<resprobe::Terminated>>)
