#ifndef RESPROBE_WORLDS_RESP_RESP_DIFFERENTIAL_H_
#define RESPROBE_WORLDS_RESP_RESP_DIFFERENTIAL_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/resp/reply.h"
#include "core/resp/reply_parser.h"
#include "core/resp/request_parser.h"
#include "engine/harness.h"
#include "worlds/resp/hiredis_compare.h"
#include "worlds/resp/hiredis_reader.h"
#include "worlds/resp/known_differences.h"
#include "worlds/resp/resp_dump.h"
#include "worlds/resp/resp_generate.h"
#include "worlds/resp/resp_shrink.h"
#include "worlds/resp/resp_slices.h"

namespace resprobe {

// The harness `resp_differential`: the core's reply parser and hiredis's reader get the same bytes
// in the same slices and must agree on whether there is a reply, and on its value. If they do not,
// both get the bytes again one by one, up to the first byte after which they differ; that
// divergence must be in the table of known differences (known_differences.h). Tests plant faulty
// readers.
template <class Reader = HiredisReader>
class RespDifferential {
 public:
  static constexpr std::string_view kName = "resp_differential";
  static constexpr std::string_view kSummary =
      "the core's reply parser against hiredis's reader: outcomes and values";
  static constexpr InvariantInfo kInvariants[] = {
      {"same_outcome",
       "core and hiredis both accept, both need more or both refuse, or the difference is known"},
      {"same_value", "a reply that both accept is the same value to both"},
      {"same_end", "after a reply that both accept, both have the same bytes left"},
      {"hiredis_slicing", "what hiredis says does not depend on how the bytes are sliced"},
      {"inline_split",
       "the first line as an inline request has the arguments that sdssplitargs finds"},
  };

  void Run(Bytes input, RunContext& run) {
    std::string_view bytes = AsText(input);
    CheckInline(bytes, run);
    if (run.violated()) return;
    if (bytes.size() >= kCanBeTooDeep) bytes = BeforeTooDeep(bytes);
    if (Agree(bytes, run)) {
      if (run.trace().on()) {
        run.trace().Line(bytes.size() == input.size() ? "agreed to the end"
                                                      : "agreed before what nests too deep");
      }
      return;
    }
    const First first = FindFirst(bytes);
    if (first.found == Found::kNothing) {
      run.Fail("hiredis_slicing", "agreement, as when the bytes come one by one",
               "core: " + std::string(Name(core_said_)) +
                   ", hiredis: " + std::string(Name(hiredis_said_)) + ", in a few slices");
      return;
    }
    const KnownDifference* known = resprobe::Explain(first.divergence);
    if (known != nullptr) {
      if (run.trace().on()) run.trace().Line("known difference: " + std::string(known->id));
      return;
    }
    Report(first, run);
  }

  std::string Show(Bytes input) {
    const std::string_view bytes = AsText(input);
    return DumpReplies(bytes) + DumpHiredis(bytes);
  }

  void Generate(uint64_t seed, Tape& out) {
    constexpr uint64_t kInlineOneIn = 6;
    if (seed % kInlineOneIn == 0) {
      Rng rng(seed);
      return GenerateInline(rng, &out);
    }
    Rng rng(seed);
    RespMix mix = RespMix::Swarm(rng);
    // Generate mainly what both understand; a difference ends the comparison.
    if (kHiredisVersion < HiredisVersion(1, 0, 0)) {
      if (!rng.OneIn(8)) mix.KeepResp2();
    } else if (!rng.OneIn(8)) {
      mix.weights[RespMix::kAttribute] = 0;
      mix.weights[RespMix::kBulkError] = 0;
      mix.weights[RespMix::kStreamedString] = 0;
      mix.weights[RespMix::kStreamedAggregate] = 0;
    }
    GenerateReplies(rng, mix, &out);
  }

  bool Simplify(Tape* tape, const std::function<bool(const Tape&)>& still_fails) {
    return ShrinkResp(tape, still_fails);
  }

 private:
  using Status = resp::ReplyParser::Status;

  static constexpr resp::ReplyLimits kLimits = {.max_elements = Reader::kMaxElements};
  // The fewest bytes that nest deeper than the core allows.
  static constexpr size_t kCanBeTooDeep = size_t{4} * kLimits.max_depth;

  // A server's inline requests are split by the function of which hiredis has a copy.
  void CheckInline(std::string_view bytes, RunContext& run) {
    constexpr size_t kMostLine = 4096;
    const size_t end = bytes.substr(0, kMostLine).find('\n');
    if (end == bytes.npos || bytes[0] == '*') return;
    std::string_view line = bytes.substr(0, end);
    if (line.contains('\0')) return;  // the server waits for the end of the line
    if (line.ends_with('\r')) line.remove_suffix(1);
    const bool balanced = reader_.Split(line, &inline_args_);
    requests_.Reset();
    const resp::RequestParser::Result result = requests_.Parse(bytes.substr(0, end + 1));
    using RequestStatus = resp::RequestParser::Status;
    const auto expected = !balanced              ? RequestStatus::kError
                          : inline_args_.empty() ? RequestStatus::kNeedMore
                                                 : RequestStatus::kRequest;
    const bool same =
        result.status == expected &&
        (expected != RequestStatus::kRequest || std::ranges::equal(requests_.args(), inline_args_));
    run.Check(
        same, "inline_split",
        [&] { return balanced ? ListText(inline_args_) : std::string("unbalanced quotes"); },
        [&] {
          return result.status == RequestStatus::kError ? requests_.error().text
                 : result.status == RequestStatus::kNeedMore
                     ? std::string("no request")
                     : ListText({requests_.args().begin(), requests_.args().end()});
        });
  }
  static std::string ListText(const std::vector<std::string>& words) {
    std::string text = std::to_string(words.size()) + " arguments:";
    for (const std::string& word : words) {
      text += " \"";
      resp::AppendEscaped(&text, word);
      text += '"';
    }
    return text;
  }

  static Outcome ToOutcome(Status status) {
    switch (status) {
      case Status::kValue:
        return Outcome::kValue;
      case Status::kNeedMore:
        return Outcome::kNeedMore;
      default:
        return Outcome::kError;
    }
  }

  // The bytes before the aggregate that the core refuses because too many are open; all bytes if
  // there is none. hiredis up to 1.4.0 accepts any depth, and its recursive free overflows the
  // stack (docs/findings/hiredis-nesting.md).
  std::string_view BeforeTooDeep(std::string_view bytes) {
    core_.Reset();
    std::string_view rest = bytes;
    for (;;) {
      const auto result = core_.Parse(rest);
      if (result.status == Status::kValue) {
        rest.remove_prefix(result.consumed);
        continue;
      }
      const bool too_deep = core_.error().code == resp::ParseErrorCode::kTooDeep;
      return too_deep ? bytes.substr(0, static_cast<size_t>(core_.error().offset)) : bytes;
    }
  }

  // Both parse the bytes in a few slices. False at the first difference.
  bool Agree(std::string_view bytes, RunContext& run) {
    core_.Reset();
    reader_.Reset();
    Slicer slicer(bytes, Digest(bytes), Slicer::How::kFew);
    for (std::string_view slice; slicer.Next(slice);) {
      reader_.Feed(slice);
      for (;;) {
        const auto result = core_.Parse(slice);
        const redisReply* other = nullptr;
        const Outcome hiredis = reader_.Next(&other);
        const Outcome core = ToOutcome(result.status);
        if (core != hiredis) [[unlikely]]
          return Differ(core, hiredis);
        if (core == Outcome::kError) return true;
        if (core == Outcome::kNeedMore) break;
        if (!comparer_.Same(core_.reply(), other)) [[unlikely]]
          return Differ(core, hiredis);
        slice.remove_prefix(result.consumed);
        if (reader_.unread() != slice.size()) [[unlikely]]
          return Differ(core, hiredis);
        if (run.trace().on()) run.trace().Line("reply: " + resp::ToText(core_.reply().root()));
      }
    }
    return true;
  }
  bool Differ(Outcome core, Outcome hiredis) {
    core_said_ = core;
    hiredis_said_ = hiredis;
    return false;
  }

  enum class Found : uint8_t { kNothing, kOutcome, kValue, kEnd };
  struct First {
    Found found = Found::kNothing;
    Divergence divergence;
    std::string core;
    std::string hiredis;
  };

  // Both parse the bytes one by one, up to the first divergence.
  First FindFirst(std::string_view bytes) {
    First first;
    core_.Reset();
    reader_.Reset();
    for (size_t i = 0; i < bytes.size(); ++i) {
      const auto token = static_cast<size_t>(core_.token_offset());
      const uint32_t depth = core_.depth();
      const auto result = core_.Parse(bytes.substr(i, 1));
      reader_.Feed(bytes.substr(i, 1));
      const redisReply* other = nullptr;
      const Outcome hiredis = reader_.Next(&other);
      const Outcome core = ToOutcome(result.status);
      if (core != hiredis) {
        first.found = Found::kOutcome;
      } else if (core == Outcome::kError) {
        break;
      } else if (core == Outcome::kValue && !comparer_.Same(core_.reply(), other)) {
        first.found = Found::kValue;
      } else if (core == Outcome::kValue && reader_.unread() != 0) {
        first.found = Found::kEnd;
      } else {
        continue;
      }
      first.divergence = {.version = kHiredisVersion,
                          .at = i,
                          .core = core,
                          .hiredis = hiredis,
                          .core_error = core_.error(),
                          .hiredis_error = reader_.error(),
                          .token = bytes.substr(token, i + 1 - token),
                          .depth = depth,
                          .attribute_seen = AttributeSeen()};
      first.core = Describe(core);
      first.hiredis = Describe(hiredis, other);
      break;
    }
    return first;
  }

  bool AttributeSeen() const {
    for (const resp::Reply::Node& node : core_.reply().nodes()) {
      if (node.type == resp::Type::kAttribute) return true;
    }
    return false;
  }

  std::string Describe(Outcome core) const {
    switch (core) {
      case Outcome::kValue:
        return resp::ToText(core_.reply().root());
      case Outcome::kError:
        return "error at byte " + std::to_string(core_.error().offset) + ": " +
               core_.error().message();
      default:
        return "more needed";
    }
  }
  std::string Describe(Outcome hiredis, const redisReply* reply) const {
    switch (hiredis) {
      case Outcome::kValue:
        return DescribeHiredis(reply);
      case Outcome::kError:
        return "error: " + std::string(reader_.error());
      default:
        return "more needed";
    }
  }

  [[gnu::cold]] static void Report(const First& first, RunContext& run) {
    run.set_op(first.divergence.at);
    run.Fail(first.found == Found::kOutcome ? "same_outcome"
             : first.found == Found::kValue ? "same_value"
                                            : "same_end",
             "core, after byte " + std::to_string(first.divergence.at) + ": " + first.core,
             "hiredis " + VersionText() + ": " + first.hiredis);
  }

  static std::string VersionText() {
    return std::to_string(HIREDIS_MAJOR) + "." + std::to_string(HIREDIS_MINOR) + "." +
           std::to_string(HIREDIS_PATCH);
  }

  std::string DumpHiredis(std::string_view bytes) {
    std::string out = "as hiredis " + VersionText() + "\n";
    const bool cut = BeforeTooDeep(bytes).size() != bytes.size();
    bytes = BeforeTooDeep(bytes);
    reader_.Reset();
    reader_.Feed(bytes);
    for (;;) {
      const redisReply* reply = nullptr;
      const size_t at = bytes.size() - reader_.unread();
      const Outcome outcome = reader_.Next(&reply);
      if (outcome != Outcome::kNeedMore || at != bytes.size()) {
        std::string offset = std::to_string(at);
        if (offset.size() < 8) offset.insert(0, 8 - offset.size(), ' ');
        out += offset + "  " + Describe(outcome, reply) + "\n";
      }
      if (outcome != Outcome::kValue) break;
    }
    if (cut) out += "not given to hiredis: what nests too deep\n";
    const First first = FindFirst(bytes);
    if (first.found == Found::kNothing) return out;
    const KnownDifference* known = resprobe::Explain(first.divergence);
    out += "differ after byte " + std::to_string(first.divergence.at) + ": ";
    out += known == nullptr
               ? std::string("not known")
               : "known as " + std::string(known->id) + " (hiredis: " + std::string(known->what) +
                     "; " + std::string(known->why) + ")";
    return out + "\n";
  }

  resp::ReplyParser core_{kLimits};
  Reader reader_;
  resp::RequestParser requests_;
  std::vector<std::string> inline_args_;
  HiredisComparer comparer_;
  // The outcomes of the last Agree() that returned false.
  Outcome core_said_ = Outcome::kNeedMore;
  Outcome hiredis_said_ = Outcome::kNeedMore;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_RESP_RESP_DIFFERENTIAL_H_
