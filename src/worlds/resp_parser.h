#ifndef RESPROBE_WORLDS_RESP_PARSER_H_
#define RESPROBE_WORLDS_RESP_PARSER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/resp/reply_parser.h"
#include "core/resp/request_parser.h"
#include "engine/harness.h"
#include "worlds/resp_dump.h"
#include "worlds/resp_generate.h"
#include "worlds/resp_reply_checks.h"
#include "worlds/resp_request_checks.h"
#include "worlds/resp_slices.h"

namespace resprobe {

// The harness `resp_parser`: the core's two parsers over raw bytes, as if they were a stream of
// replies and as if they were a stream of requests. Tests plant faulty parsers.
//
// Up to kAlways bytes, every check is made. Of a longer input, the digest picks one of the further
// checks on each side: an execution stays cheap, an input that differs in a byte gets another, and
// a shrunk input gets them all.
template <class ReplyParser = resp::ReplyParser, class RequestParser = resp::RequestParser>
class RespParser {
 public:
  static constexpr std::string_view kName = "resp_parser";
  static constexpr std::string_view kSummary =
      "the reply and the request parser: slicing, round trip, memory, final errors";
  static constexpr InvariantInfo kInvariants[] = {
      {"reply_slicing",
       "a stream of replies gives the same values, offsets and error however it is sliced"},
      {"request_slicing",
       "a stream of requests gives the same arguments, offsets and error however it is sliced"},
      {"consumption", "a parser consumes what it was given, no more, and goes forward"},
      {"round_trip", "a value that is written and parsed again is the same value"},
      {"memory", "a parser takes memory in proportion to the bytes that came"},
      {"final_error", "after an error a parser takes nothing more and keeps its answer"},
  };
  static constexpr size_t kAlways = 32;

  RESPROBE_NO_COVERAGE void Run(Bytes input, RunContext& run) {
    const std::string_view bytes = AsText(input);
    const uint64_t digest = Digest(bytes);
    // One input in four meets limits that inputs of this size can reach.
    const bool tight = digest >> 62 == 3;
    const bool all = bytes.size() <= kAlways;

    ReplyChecks<ReplyParser>& replies = tight ? tight_replies_ : replies_;
    const uint64_t pick = (digest >> 32) % 3;
    if (!replies.Whole(bytes, all || pick == 0, run)) return;
    if ((all || pick == 1) && !replies.Sliced(bytes, digest, Slicer::How::kSingle, run)) return;
    if ((all || pick == 2) && !replies.Sliced(bytes, digest, Slicer::How::kFew, run)) return;

    RequestChecks<RequestParser>& requests = tight ? tight_requests_ : requests_;
    const bool authenticated = (digest & 32) != 0;
    const bool single = (digest & 64) != 0;
    if (!requests.Whole(bytes, authenticated, run)) return;
    if ((all || single) && !requests.Sliced(bytes, digest, Slicer::How::kSingle, run)) return;
    if (all || !single) requests.Sliced(bytes, digest, Slicer::How::kFew, run);
  }

  std::string Show(Bytes input) { return DumpReplies(AsText(input)) + DumpRequests(AsText(input)); }

  void Generate(uint64_t seed, Tape& out) {
    Rng rng(seed);
    const RespMix mix = RespMix::Swarm(rng);
    if (rng.OneIn(3)) {
      GenerateRequests(rng, mix, &out);
    } else {
      GenerateReplies(rng, mix, &out);
    }
  }

 private:
  static constexpr resp::ReplyLimits kTightReplies = {
      .max_depth = 3, .max_elements = 5, .max_bulk = 24, .max_line = 32, .max_memory = 400};
  static constexpr resp::RequestLimits kTightRequests = {.max_args = 4,
                                                         .max_bulk = 24,
                                                         .max_line = 24,
                                                         .max_request = 80,
                                                         .max_args_unauthenticated = 2,
                                                         .max_bulk_unauthenticated = 8};

  ReplyChecks<ReplyParser> replies_{resp::ReplyLimits()};
  ReplyChecks<ReplyParser> tight_replies_{kTightReplies};
  RequestChecks<RequestParser> requests_{resp::RequestLimits()};
  RequestChecks<RequestParser> tight_requests_{kTightRequests};
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_RESP_PARSER_H_
