#ifndef RESPROBE_WORLDS_RESP_RESP_REQUEST_CHECKS_H_
#define RESPROBE_WORLDS_RESP_RESP_REQUEST_CHECKS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "core/resp/flat_buffer.h"
#include "core/resp/request_parser.h"
#include "engine/run_context.h"
#include "worlds/resp/resp_dump.h"
#include "worlds/resp/resp_reading.h"
#include "worlds/resp/resp_slices.h"

namespace resprobe {

// The half of the harness `resp_parser` that parses the bytes as a stream of requests; like
// ReplyChecks.
template <class Parser>
class RequestChecks {
 public:
  explicit RequestChecks(const resp::RequestLimits& limits)
      : limits_(limits), whole_(limits), sliced_(limits) {}

  // Parses all bytes in one piece and checks consumption, memory and the final error. False on a
  // violation.
  bool Whole(std::string_view bytes, bool authenticated, RunContext& run) {
    whole_.Reset();
    whole_.set_authenticated(authenticated);
    sliced_.set_authenticated(authenticated);
    whole_log_.Clear();
    const size_t allocated = whole_.memory_allocated();
    const Fed fed = Feed(bytes, whole_, whole_log_, run);
    if (fed == Fed::kViolation) return false;
    if (whole_.memory_used() > MostUsed(bytes.size()) ||
        whole_.memory_allocated() > MostAllocated(allocated, bytes.size())) [[unlikely]] {
      return ReportMemory(allocated, bytes.size(), run);
    }
    if (run.trace().on()) {
      run.trace().Data("arguments", {whole_log_.bytes.data(), whole_log_.bytes.size()});
      run.trace().Line("requests: " + End(whole_, fed == Fed::kStopped));
    }
    return fed != Fed::kStopped || ErrorIsFinal(run);
  }

  // Parses the same bytes in slices, after Whole(), and checks for the same requests, offsets and
  // end.
  bool Sliced(std::string_view bytes, uint64_t digest, Slicer::How how, RunContext& run) {
    sliced_.Reset();
    sliced_log_.Clear();
    Fed fed = Fed::kOn;
    Slicer slicer(bytes, digest, how);
    for (std::string_view slice; fed == Fed::kOn && slicer.Next(slice);) {
      fed = Feed(slice, sliced_, sliced_log_, run);
    }
    if (fed == Fed::kViolation) return false;
    if (!SameLogs() || !SameEnd(fed == Fed::kStopped)) [[unlikely]] {
      return ReportSlicing(bytes, how, fed == Fed::kStopped, run);
    }
    return true;
  }

  // Parses the same bytes once more, whole, and reads them a second time: the requests must be the
  // same, and so must the end.
  bool ReadAgain(std::string_view bytes, bool authenticated, RunContext& run) {
    const RequestsReading reading = ReadRequests(bytes, limits_, authenticated);
    whole_.Reset();
    whole_.set_authenticated(authenticated);
    std::string_view rest = bytes;
    size_t count = 0;
    for (;;) {
      const auto result = whole_.Parse(rest);
      const bool failed = result.status == Status::kError;
      if (result.status != Status::kRequest) {
        const bool same = count == reading.requests.size() && failed == reading.failed &&
                          (failed ? whole_.error().text == reading.error &&
                                        whole_.error().offset == reading.offset
                                  : whole_.skipped() == reading.skipped);
        return same || ReportReading(reading, count, failed, run);
      }
      if (count == reading.requests.size()) return ReportReading(reading, count, false, run);
      const RequestsReading::Request& read = reading.requests[count++];
      if (!std::ranges::equal(whole_.args(), read.args) || whole_.offset() != read.end ||
          whole_.skipped() != read.skipped) {
        return ReportReading(reading, count - 1, false, run);
      }
      rest.remove_prefix(result.consumed);
    }
  }

 private:
  using Status = typename Parser::Status;
  using Result = typename Parser::Result;
  // The result of a stream: for each request its end offset and the sizes of its arguments, and the
  // arguments' bytes one after the other.
  struct Log {
    resp::FlatBuffer<uint64_t> numbers;
    resp::FlatBuffer<char> bytes;
    void Clear() {
      numbers.clear();
      bytes.clear();
    }
  };
  enum class Fed : uint8_t { kOn, kStopped, kViolation };

  // An argument takes 24 bytes and represents at least two bytes of the stream ("a b\n"), which are
  // stored twice. There are four buffers; each grows by doubling at most, or starts with 64 bytes.
  static size_t MostUsed(size_t given) { return 16 * given + 64; }
  static size_t MostAllocated(size_t before, size_t given) {
    return before + 2 * MostUsed(given) + 256;
  }

  // Parses a slice and logs the result.
  static Fed Feed(std::string_view slice, Parser& parser, Log& log, RunContext& run) {
    for (;;) {
      const auto result = parser.Parse(slice);
      if (!Consumed(result, slice.size())) [[unlikely]] {
        return ReportConsumed(result, slice.size(), run);
      }
      if (result.status != Status::kRequest) {
        return result.status == Status::kNeedMore ? Fed::kOn : Fed::kStopped;
      }
      log.numbers.push_back(parser.offset());
      for (const std::string_view arg : parser.args()) {
        log.numbers.push_back(arg.size());
        log.bytes.Append(arg.data(), arg.size());
      }
      slice.remove_prefix(result.consumed);
    }
  }

  static bool Consumed(const Result& result, size_t given) {
    switch (result.status) {
      case Status::kNeedMore:
        return result.consumed == given;
      case Status::kRequest:
        return result.consumed > 0 && result.consumed <= given;
      default:
        return result.consumed == 0;
    }
  }

  template <class T>
  static bool Same(const resp::FlatBuffer<T>& a, const resp::FlatBuffer<T>& b) {
    return a.size() == b.size() &&
           (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
  }
  bool SameLogs() const {
    return Same(whole_log_.numbers, sliced_log_.numbers) &&
           Same(whole_log_.bytes, sliced_log_.bytes);
  }
  bool SameEnd(bool failed) const {
    if (whole_.error().offset != sliced_.error().offset ||
        whole_.error().text != sliced_.error().text) {
      return false;
    }
    return failed || (whole_.idle() == sliced_.idle() && whole_.offset() == sliced_.offset());
  }

  bool ErrorIsFinal(RunContext& run) {
    before_.assign(whole_.error().text);
    const uint64_t offset = whole_.error().offset;
    const auto result = whole_.Parse("PING\r\n");
    if (result.status == Status::kError && result.consumed == 0 &&
        whole_.error().offset == offset && whole_.error().text == before_) [[likely]] {
      return true;
    }
    run.set_op(static_cast<size_t>(offset));
    run.Fail("final_error", before_ + " at byte " + std::to_string(offset),
             result.status == Status::kError ? End(whole_, true) : "the error gone");
    return false;
  }

  // The following run once, on a violation.
  [[gnu::cold]] static Fed ReportConsumed(const Result& result, size_t given, RunContext& run) {
    run.Fail("consumption",
             (result.status == Status::kError     ? std::string("0")
              : result.status == Status::kRequest ? "1 to " + std::to_string(given)
                                                  : std::to_string(given)) +
                 " bytes of a slice of requests consumed",
             std::to_string(result.consumed) + " bytes consumed");
    return Fed::kViolation;
  }
  [[gnu::cold]] bool ReportMemory(size_t allocated_before, size_t given, RunContext& run) {
    run.Fail("memory",
             "at most " + std::to_string(MostUsed(given)) + " bytes used and " +
                 std::to_string(MostAllocated(allocated_before, given)) + " allocated for " +
                 std::to_string(given) + " bytes of requests",
             std::to_string(whole_.memory_used()) + " bytes used, " +
                 std::to_string(whole_.memory_allocated()) + " allocated");
    return false;
  }
  [[gnu::cold]] bool ReportSlicing(std::string_view bytes, Slicer::How how, bool failed,
                                   RunContext& run) {
    run.set_op(static_cast<size_t>(failed ? sliced_.error().offset : sliced_.offset()));
    run.Fail("request_slicing", DumpRequests(bytes),
             std::string(SameLogs() ? "the same requests" : "other requests") + ", then " +
                 End(sliced_, failed) + ", parsed " + std::string(Name(how)));
    return false;
  }

  [[gnu::cold]] bool ReportReading(const RequestsReading& reading, size_t count, bool failed,
                                   RunContext& run) {
    std::string seen = std::to_string(count) + " such requests, then ";
    for (const std::string_view arg : whole_.args()) {
      seen += '"';
      resp::AppendEscaped(&seen, arg);
      seen += "\" ";
    }
    run.Fail(
        "request_reading", ToText(reading),
        seen + "after " + std::to_string(whole_.skipped()) + " empty ones, " + End(whole_, failed));
    return false;
  }

  static std::string End(const Parser& parser, bool failed) {
    if (failed) {
      return "error '" + parser.error().text + "' at byte " + std::to_string(parser.error().offset);
    }
    return (parser.idle() ? "the end at byte " : "more needed after byte ") +
           std::to_string(parser.offset());
  }

  const resp::RequestLimits limits_;
  Parser whole_;
  Parser sliced_;
  // Kept between runs only to reuse their memory.
  Log whole_log_;
  Log sliced_log_;
  std::string before_;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_RESP_RESP_REQUEST_CHECKS_H_
