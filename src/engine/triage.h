#ifndef RESPROBE_ENGINE_TRIAGE_H_
#define RESPROBE_ENGINE_TRIAGE_H_

// What a failure is, read from what the failing process wrote to stderr. Two failures with equal
// signatures are taken to be one finding.

#include <string>
#include <string_view>
#include <vector>

namespace resprobe {

struct Signature {
  // "violation", "asan", "ubsan", "leak", "oom", "timeout", "signal"; "" if nothing failed.
  std::string kind;
  // The invariant, or the sanitizer's name of the error, or where UBSan saw it (file:line).
  std::string detail;
  // Top frames of the subject's code, innermost first, at most kFrames; empty for violations.
  std::vector<std::string> frames;

  static constexpr size_t kFrames = 3;

  bool empty() const { return kind.empty(); }
  // "asan:heap-buffer-overflow:Parse|Feed|Run". Fit for a file name after Slug().
  std::string Text() const;
  // The same in letters, digits, '-' and '_', at most 80 bytes.
  std::string Slug() const;
  bool operator==(const Signature&) const = default;
};

// Reads a report of resprobe, AddressSanitizer, UndefinedBehaviorSanitizer, LeakSanitizer or
// libFuzzer. The first report in the text counts.
Signature ReadSignature(std::string_view report);

// The stack that goes with it, as the sanitizer printed it; "" if there is none.
std::string ReadStack(std::string_view report);

}  // namespace resprobe

#endif  // RESPROBE_ENGINE_TRIAGE_H_
