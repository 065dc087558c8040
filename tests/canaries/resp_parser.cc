// resp_parser with a reply parser that forgets the type if a slice ends right after the type byte:
// a boolean continues as a simple string.

#include "worlds/resp/resp_parser.h"

#include "driver/fuzz_main.h"
#include "engine/raw_harness.h"

namespace resprobe {
namespace {

class Forgetful : public resp::ReplyParser {
 public:
  using ReplyParser::ReplyParser;
  Result Parse(std::string_view input) { return ReplyParser::Parse(input == "#" ? "+" : input); }
};

}  // namespace
}  // namespace resprobe

RESPROBE_HARNESS(resprobe::RawHarness<resprobe::RespParser<resprobe::Forgetful>>)
