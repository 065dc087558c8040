#ifndef RESPROBE_ENGINE_TRIAGE_H_
#define RESPROBE_ENGINE_TRIAGE_H_

// Derives the signature of a failure from the stderr of the failing process. Two failures with
// equal signatures are treated as one finding.

#include <string>
#include <string_view>
#include <vector>

namespace resprobe {

struct Signature {
  // "violation", "asan", "ubsan", "leak", "oom", "timeout", "assert", "signal"; "" if nothing
  // failed.
  std::string kind;
  // The invariant, the sanitizer's name of the error, the location that UBSan reported (file:line),
  // or an assertion: "file:line function `expression'".
  std::string detail;
  // Top frames of the subject's code, innermost first, at most kFrames, without those of the C
  // library and the sanitizers; empty for violations.
  std::vector<std::string> frames;

  static constexpr size_t kFrames = 3;

  bool empty() const { return kind.empty(); }
  // "asan:heap-buffer-overflow:Parse|Feed|Run". Use Slug() for a file name.
  std::string Text() const;
  // The same in letters, digits, '-' and '_', at most 80 bytes.
  std::string Slug() const;
  bool operator==(const Signature&) const = default;
};

// Parses a report of resprobe, AddressSanitizer, UndefinedBehaviorSanitizer, LeakSanitizer or
// libFuzzer. The first report in the text counts.
Signature ReadSignature(std::string_view report);

// The stack of that report, as the sanitizer printed it; "" if there is none.
std::string ReadStack(std::string_view report);

}  // namespace resprobe

#endif  // RESPROBE_ENGINE_TRIAGE_H_
