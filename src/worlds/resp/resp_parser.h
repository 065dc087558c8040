#ifndef RESPROBE_WORLDS_RESP_RESP_PARSER_H_
#define RESPROBE_WORLDS_RESP_RESP_PARSER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "core/resp/reply_parser.h"
#include "core/resp/request_parser.h"
#include "engine/harness.h"
#include "worlds/resp/resp_dump.h"
#include "worlds/resp/resp_generate.h"
#include "worlds/resp/resp_reply_checks.h"
#include "worlds/resp/resp_request_checks.h"
#include "worlds/resp/resp_shrink.h"
#include "worlds/resp/resp_slices.h"

namespace resprobe {

// The harness `resp_parser`: the core's two parsers over raw bytes, read as a stream of replies and
// as a stream of requests. Tests plant faulty parsers.
//
// To keep an execution cheap, not every check runs on every input. The reply parser refuses bytes
// that do not begin a reply at once; bytes that do are mostly not parsed as requests. Up to kAlways
// bytes, all checks of a side run; for a longer input, while an engine fuzzes, the digest selects
// one or none besides the parse of the whole, so that similar inputs get different checks.
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
      {"reply_reading",
       "a naive second reading gives the same replies, and the same error at the same byte"},
      {"request_reading",
       "a naive second reading gives the same requests, and the same error at the same byte"},
      {"equal_values", "two replies count as equal exactly if a second reading finds the same"},
  };
  static constexpr size_t kAlways = 8;
  // While an engine fuzzes: how many inputs are read a second time, which takes as long as twenty
  // parses, and up to which size.
  static constexpr uint32_t kReadAgainOneIn = 64;
  static constexpr size_t kMostReadAgain = 1024;

  void Run(Bytes input, RunContext& run) {
    const std::string_view bytes = AsText(input);
    const uint64_t digest = Digest(bytes);
    const char first = bytes.empty() ? '*' : bytes[0];
    // Bytes that can begin both a reply and a request are checked as both.
    const bool is_reply = first == '*' || StartsReply(first);
    if (is_reply || (digest & 0x700) == 0) {
      if (!RunReplies(bytes, digest, run)) return;
    }
    if (first == '*' || !is_reply || (digest & 0x3800) == 0) RunRequests(bytes, digest, run);
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

  bool Simplify(Tape* tape, const std::function<bool(const Tape&)>& still_fails) {
    return ShrinkResp(tape, still_fails);
  }

 private:
  static bool StartsReply(char c) {
    constexpr std::string_view kTypes = "+-:$_#,(!=%~|>";
    for (const char type : kTypes) {
      if (type == c) return true;
    }
    return false;
  }

  // One input in four gets limits that inputs of its size can reach.
  static bool Tight(uint64_t digest) { return digest >> 62 == 3; }

  bool RunReplies(std::string_view bytes, uint64_t digest, RunContext& run) {
    ReplyChecks<ReplyParser>& checks = Tight(digest) ? tight_replies_ : replies_;
    const bool all = bytes.size() <= kAlways || !run.samples();
    const uint64_t pick = (digest >> 32) % 6;
    return checks.Whole(bytes, all || pick == 0, run) &&
           (!(all || pick == 1) || checks.Sliced(bytes, digest, Slicer::How::kSingle, run)) &&
           (!(all || pick == 2) || checks.Sliced(bytes, digest, Slicer::How::kFew, run)) &&
           (!ReadsAgain(bytes, run) || checks.ReadAgain(bytes, run));
  }

  static bool ReadsAgain(std::string_view bytes, const RunContext& run) {
    return run.Makes(kReadAgainOneIn) && (!run.samples() || bytes.size() <= kMostReadAgain);
  }

  bool RunRequests(std::string_view bytes, uint64_t digest, RunContext& run) {
    RequestChecks<RequestParser>& checks = Tight(digest) ? tight_requests_ : requests_;
    const bool all = bytes.size() <= kAlways || !run.samples();
    const bool authenticated = (digest & 32) != 0;
    const uint64_t pick = (digest >> 40) % 4;
    return checks.Whole(bytes, authenticated, run) &&
           (!(all || pick == 1) || checks.Sliced(bytes, digest, Slicer::How::kSingle, run)) &&
           (!(all || pick == 2) || checks.Sliced(bytes, digest, Slicer::How::kFew, run)) &&
           (!ReadsAgain(bytes, run) || checks.ReadAgain(bytes, authenticated, run));
  }

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

#endif  // RESPROBE_WORLDS_RESP_RESP_PARSER_H_
