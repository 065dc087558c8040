#ifndef RESPROBE_WORLDS_RESP_RESP_REPLY_CHECKS_H_
#define RESPROBE_WORLDS_RESP_RESP_REPLY_CHECKS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/resp/reply.h"
#include "core/resp/reply_parser.h"
#include "core/resp/writer.h"
#include "engine/run_context.h"
#include "worlds/resp/resp_reading.h"
#include "worlds/resp/resp_slices.h"

namespace resprobe {

// The half of the harness `resp_parser` that parses the bytes as a stream of replies. The stream is
// parsed in one piece first; every other way of feeding it must give the same result. Nothing here
// allocates once the buffers have grown.
template <class Parser>
class ReplyChecks {
 public:
  explicit ReplyChecks(const resp::ReplyLimits& limits)
      : limits_(limits), whole_(limits), sliced_(limits) {}

  // Parses all bytes in one piece and checks consumption, memory, the final error and, if
  // requested, the round trip of each value. False on a violation.
  bool Whole(std::string_view bytes, bool round_trip, RunContext& run) {
    whole_.Reset();
    count_ = 0;
    std::string_view rest = bytes;
    for (;;) {
      if (count_ == values_.size()) values_.emplace_back();
      Value& value = values_[count_];
      const size_t allocated = whole_.reply().memory_allocated();
      const auto result = whole_.Parse(rest);
      if (!Consumed(result, rest.size()) || !MemoryFits(whole_.reply(), allocated, rest.size()))
          [[unlikely]] {
        run.set_op(bytes.size() - rest.size());
        return ReportWhole(result, whole_.reply(), allocated, rest, run);
      }
      if (result.status != Status::kValue) {
        if (run.trace().on()) run.trace().Line("replies: " + End(whole_));
        return result.status != Status::kError || ErrorIsFinal(run);
      }
      value.end = whole_.offset();
      whole_.Take(&value.reply);
      if (run.trace().on()) run.trace().Line("reply: " + resp::ToText(value.reply.root()));
      if (round_trip && !RoundTrip(value.reply)) [[unlikely]] {
        run.set_op(bytes.size() - rest.size());
        return ReportRoundTrip(value.reply, run);
      }
      ++count_;
      rest.remove_prefix(result.consumed);
    }
  }

  // Parses the same bytes in slices, after Whole(), and checks for the same values, offsets and
  // end.
  bool Sliced(std::string_view bytes, uint64_t digest, Slicer::How how, RunContext& run) {
    sliced_.Reset();
    size_t count = 0;
    bool failed = false;
    Slicer slicer(bytes, digest, how);
    for (std::string_view slice; !failed && slicer.Next(slice);) {
      for (;;) {
        const auto result = sliced_.Parse(slice);
        if (!Consumed(result, slice.size())) [[unlikely]] {
          return ReportConsumed(result, slice.size(), run);
        }
        if (result.status == Status::kNeedMore) break;
        if (result.status == Status::kError) {
          failed = true;
          break;
        }
        if (count >= count_ || sliced_.offset() != values_[count].end ||
            !SameReply(values_[count].reply, sliced_.reply())) [[unlikely]] {
          return ReportValue(count, how, run);
        }
        ++count;
        slice.remove_prefix(result.consumed);
      }
    }
    if (count != count_ || !SameEnd(failed)) [[unlikely]]
      return ReportEnd(count, how, run);
    return true;
  }

  // Reads the same bytes a second time, after Whole(): the values must be the same, and so must the
  // end. Checks as well that Equal() says of neighbours what the readings say, and that a server
  // that sends a double sends that one.
  bool ReadAgain(std::string_view bytes, RunContext& run) {
    const RepliesReading reading = ReadReplies(bytes, limits_);
    // A reading has no limit of memory.
    const bool ends_early = whole_.error().code == resp::ParseErrorCode::kTooMuchMemory;
    bool same = ends_early ? count_ <= reading.values.size() : EndsAsRead(reading);
    for (size_t i = 0; i < count_ && same; ++i) {
      same =
          values_[i].end == reading.values[i].end && IsReadAs(values_[i].reply, reading.values[i]);
    }
    if (!same) [[unlikely]]
      return ReportReading(reading, run);
    for (size_t i = 0; i < count_; ++i) {
      const resp::ReplyView value = values_[i].reply.root();
      if (i > 0 && resp::Equal(values_[i - 1].reply.root(), value) !=
                       SameValue(reading.values[i - 1], reading.values[i])) [[unlikely]] {
        return ReportEqual(i, run);
      }
      for (const RespReadNode& node : reading.values[i].nodes) {
        if (node.type == resp::Type::kDouble && !WritesDouble(node.real)) [[unlikely]] {
          return ReportDouble(node, run);
        }
      }
    }
    return true;
  }

 private:
  using Status = typename Parser::Status;
  using Result = typename Parser::Result;

  // A reply parsed in one piece, and its end offset.
  struct Value {
    resp::Reply reply;
    uint64_t end = 0;
  };

  // A node takes 16 bytes and represents at least three bytes of the stream ("_\r\n"), which are
  // stored as well. There are two buffers; each grows by doubling at most, or starts with 64 bytes.
  static constexpr size_t kUsedPerByte = 7;
  static size_t MostUsed(size_t given) { return kUsedPerByte * given + sizeof(resp::Reply::Node); }
  static size_t MostAllocated(size_t before, size_t given) {
    return before + 2 * MostUsed(given) + 128;
  }

  static bool Consumed(const Result& result, size_t given) {
    switch (result.status) {
      case Status::kNeedMore:
        return result.consumed == given;
      case Status::kValue:
        return result.consumed > 0 && result.consumed <= given;
      default:
        return result.consumed == 0;
    }
  }
  static bool MemoryFits(const resp::Reply& reply, size_t allocated_before, size_t given) {
    return reply.memory_used() <= MostUsed(given) &&
           reply.memory_allocated() <= MostAllocated(allocated_before, given);
  }

  bool RoundTrip(const resp::Reply& reply) {
    written_.clear();
    resp::AppendReply(&written_, reply.root());
    again_.Reset();
    const auto result = again_.Parse(written_);
    return result.status == Status::kValue && result.consumed == written_.size() &&
           resp::Equal(reply.root(), again_.reply().root());
  }

  bool EndsAsRead(const RepliesReading& reading) const {
    const resp::ParseError& error = whole_.error();
    if (count_ != reading.values.size() || error.code != reading.code) return false;
    switch (error.code) {
      case resp::ParseErrorCode::kNone:
        return whole_.idle() == reading.idle && whole_.token_offset() == reading.offset;
      case resp::ParseErrorCode::kBadInteger:
      case resp::ParseErrorCode::kBadDouble:
        return error.offset >= reading.offset;  // the reading does not say which byte is wrong
      default:
        return error.offset == reading.offset;
    }
  }

  // What a server sends for a double is that double again.
  bool WritesDouble(double real) {
    written_.clear();
    resp::Writer(&written_, 3).Double(real);
    again_.Reset();
    if (again_.Parse(written_).status != Status::kValue) return false;
    const double read = again_.reply().root().real();
    return read == real || (read != read && real != real);
  }

  // Equal in value, framing and spelling.
  static bool SameReply(const resp::Reply& a, const resp::Reply& b) {
    if (!resp::Equal(a.root(), b.root())) return false;
    const auto x = a.nodes();
    const auto y = b.nodes();
    for (size_t i = 0; i < x.size(); ++i) {
      if (x[i].flags != y[i].flags || x[i].text_length != y[i].text_length) return false;
    }
    return true;
  }

  static bool Same(const resp::ParseError& a, const resp::ParseError& b) {
    return a.code == b.code && a.offset == b.offset && a.subject == b.subject;
  }

  bool SameEnd(bool failed) const {
    if (!Same(whole_.error(), sliced_.error())) return false;
    return failed || (whole_.idle() == sliced_.idle() && whole_.offset() == sliced_.offset() &&
                      whole_.token_offset() == sliced_.token_offset());
  }

  bool ErrorIsFinal(RunContext& run) {
    const resp::ParseError before = whole_.error();
    const auto result = whole_.Parse("+OK\r\n");
    if (result.status == Status::kError && result.consumed == 0 && Same(before, whole_.error()))
        [[likely]] {
      return true;
    }
    run.set_op(static_cast<size_t>(before.offset));
    run.Fail("final_error", Describe(before),
             result.status == Status::kError ? Describe(whole_.error()) : "the error gone");
    return false;
  }

  // The following run once, on a violation. All return false.
  [[gnu::cold]] static bool ReportConsumed(const Result& result, size_t given, RunContext& run) {
    run.Fail("consumption",
             result.status == Status::kError   ? "0 bytes consumed with the error"
             : result.status == Status::kValue ? "1 to " + std::to_string(given) + " bytes consumed"
                                               : std::to_string(given) + " bytes consumed",
             std::to_string(result.consumed) + " bytes consumed");
    return false;
  }
  [[gnu::cold]] static bool ReportWhole(const Result& result, const resp::Reply& reply,
                                        size_t allocated_before, std::string_view given,
                                        RunContext& run) {
    if (!Consumed(result, given.size())) return ReportConsumed(result, given.size(), run);
    run.Fail("memory",
             "at most " + std::to_string(MostUsed(given.size())) + " bytes used and " +
                 std::to_string(MostAllocated(allocated_before, given.size())) + " allocated for " +
                 std::to_string(given.size()) + " bytes of input",
             std::to_string(reply.memory_used()) + " bytes used, " +
                 std::to_string(reply.memory_allocated()) + " allocated");
    return false;
  }
  [[gnu::cold]] bool ReportRoundTrip(const resp::Reply& reply, RunContext& run) {
    std::string written = "\"";
    resp::AppendEscaped(&written, written_);
    run.Fail(
        "round_trip", resp::ToText(reply.root()),
        (again_.reply().empty() ? std::string("no value") : resp::ToText(again_.reply().root())) +
            " from " + written + "\"");
    return false;
  }
  [[gnu::cold]] bool ReportValue(size_t i, Slicer::How how, RunContext& run) {
    run.set_op(i == 0 ? 0 : static_cast<size_t>(values_[i - 1].end));
    run.Fail("reply_slicing",
             i < count_ ? resp::ToText(values_[i].reply.root()) + " up to byte " +
                              std::to_string(values_[i].end)
                        : std::to_string(count_) + " values, then " + End(whole_),
             resp::ToText(sliced_.reply().root()) + " up to byte " +
                 std::to_string(sliced_.offset()) + ", parsed " + std::string(Name(how)));
    return false;
  }
  [[gnu::cold]] bool ReportEnd(size_t count, Slicer::How how, RunContext& run) {
    const bool failed = sliced_.error().code != resp::ParseErrorCode::kNone;
    run.set_op(static_cast<size_t>(failed ? sliced_.error().offset : sliced_.offset()));
    run.Fail("reply_slicing", std::to_string(count_) + " values, then " + End(whole_),
             std::to_string(count) + " values, then " + End(sliced_) + ", parsed " +
                 std::string(Name(how)));
    return false;
  }

  [[gnu::cold]] bool ReportReading(const RepliesReading& reading, RunContext& run) {
    std::string seen;
    for (size_t i = 0; i < count_; ++i) {
      seen += resp::ToText(values_[i].reply.root()) + " up to byte " +
              std::to_string(values_[i].end) + "; ";
    }
    run.Fail("reply_reading", ToText(reading), seen + End(whole_));
    return false;
  }
  [[gnu::cold]] bool ReportEqual(size_t i, RunContext& run) {
    run.set_op(static_cast<size_t>(values_[i - 1].end));
    const bool equal = resp::Equal(values_[i - 1].reply.root(), values_[i].reply.root());
    run.Fail("equal_values", equal ? "two different values" : "the same value twice",
             (equal ? "equal: " : "different: ") + resp::ToText(values_[i - 1].reply.root()) +
                 " and " + resp::ToText(values_[i].reply.root()));
    return false;
  }
  [[gnu::cold]] bool ReportDouble(const RespReadNode& node, RunContext& run) {
    run.Fail("round_trip", "the double " + node.text, written_);
    return false;
  }

  static std::string Describe(const resp::ParseError& error) {
    return "error at byte " + std::to_string(error.offset) + ": " + error.message();
  }
  static std::string End(const Parser& parser) {
    if (parser.error().code != resp::ParseErrorCode::kNone) return Describe(parser.error());
    if (parser.idle()) return "the end at byte " + std::to_string(parser.offset());
    return "more needed from byte " + std::to_string(parser.token_offset()) + " on";
  }

  const resp::ReplyLimits limits_;
  Parser whole_;
  Parser sliced_;
  Parser again_;  // parses the written bytes, without tight limits
  // Kept between runs only to reuse their memory.
  std::vector<Value> values_;
  size_t count_ = 0;
  std::string written_;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_RESP_RESP_REPLY_CHECKS_H_
