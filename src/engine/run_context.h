#ifndef RESPROBE_ENGINE_RUN_CONTEXT_H_
#define RESPROBE_ENGINE_RUN_CONTEXT_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace resprobe {

using Bytes = std::span<const uint8_t>;

// A named property of the subject that a harness checks.
struct InvariantInfo {
  std::string_view name;       // snake_case, unique in the harness
  std::string_view statement;  // one line: what must hold
};

// A violated invariant. `op` is the number of the op at which it was detected, from 0; for
// harnesses over raw bytes it is the byte offset, where there is one.
struct Violation {
  std::string invariant;
  size_t op = 0;
  std::string expected;
  std::string seen;
};

// Records what happened in one run. Off by default, so that a run under a fuzzing engine does not
// pay for it. If two runs of one case have different hashes, the case is not deterministic.
class Trace {
 public:
  enum class Mode { kOff, kHash, kText };

  explicit Trace(Mode mode = Mode::kOff) : mode_(mode) {}

  bool on() const { return mode_ != Mode::kOff; }
  // Records one line. Callers that build the line test on() first.
  void Line(std::string_view line);
  // The line that `build` returns, if on. Out of line, as RunContext::Describe().
  template <class Build>
    requires std::is_invocable_v<Build>
  void Line(const Build& build) {
    if (on()) [[unlikely]]
      LineOf(build);
  }
  // Records bytes under a label, escaped in the text as redis-cli does.
  void Data(std::string_view label, std::string_view bytes);

  uint64_t hash() const { return hash_; }
  const std::string& text() const { return text_; }

  // Clears the record; keeps the mode.
  void Reset();

 private:
  template <class Build>
  [[gnu::noinline, gnu::cold]] void LineOf(Build build) {
    Line(std::string_view(build()));
  }

  static constexpr uint64_t kSeed = 0xcbf29ce484222325;  // FNV-1a, 64 bits

  Mode mode_;
  uint64_t hash_ = kSeed;
  std::string text_;
};

// The output of one run: its trace, its first violation, its counts.
class RunContext {
 public:
  explicit RunContext(Trace::Mode mode = Trace::Mode::kOff) : trace_(mode) {}

  Trace& trace() { return trace_; }
  const Trace& trace() const { return trace_; }

  // The number of the op that is being applied; the runner sets it.
  size_t op() const { return op_; }
  void set_op(size_t op) { op_ = op; }

  // True if a harness may skip expensive checks of an input, because similar inputs get them: while
  // an engine fuzzes. Replay and shrinking make all checks.
  bool samples() const { return samples_; }
  void set_samples(bool samples) { samples_ = samples; }
  // True if this run makes a check that one input in `one_in` gets while an engine fuzzes. The
  // input's digest decides.
  bool Makes(uint32_t one_in) const { return !samples_ || digest_ % one_in == 0; }
  uint64_t digest() const { return digest_; }
  void set_digest(uint64_t digest) { digest_ = digest; }

  // Unless `holds`, records the violation of `invariant` (only the first one of a run is kept) and
  // returns false. `expected` and `seen` are strings or callables that return one, called only on
  // failure.
  template <class Expected, class Seen>
  bool Check(bool holds, std::string_view invariant, Expected&& expected, Seen&& seen) {
    if (holds) [[likely]]
      return true;
    Describe<std::decay_t<Expected>, std::decay_t<Seen>>(std::forward<Expected>(expected),
                                                         std::forward<Seen>(seen), invariant.data(),
                                                         invariant.size());
    return false;
  }
  void Fail(std::string_view invariant, std::string expected, std::string seen);

  // Prepares for another run; keeps the memory.
  void Reset();

  bool violated() const { return violated_; }
  const Violation& violation() const { return violation_; }

 private:
  // Out of line and by value: AddressSanitizer guards, in every call of a function, all objects
  // that any of its paths has on the stack. Without the strings of failures in the functions that
  // check, a run of the world invalidation takes 1 to 2% less. Callables with one or two captures
  // stay in registers; for that the name is not one argument.
  template <class Expected, class Seen>
  // NOLINTNEXTLINE(performance-unnecessary-value-param): the reason is above.
  [[gnu::noinline, gnu::cold]] void Describe(Expected expected, Seen seen, const char* name,
                                             size_t name_size) {
    if (!violated_) Fail(std::string_view(name, name_size), Text(expected), Text(seen));
  }

  template <class T>
  static std::string Text(T&& t) {
    if constexpr (std::is_invocable_v<T>) {
      return std::string(t());
    } else {
      return std::string(t);
    }
  }

  Trace trace_;
  size_t op_ = 0;
  bool violated_ = false;
  bool samples_ = false;
  uint64_t digest_ = 0;
  Violation violation_;
};

}  // namespace resprobe

#endif  // RESPROBE_ENGINE_RUN_CONTEXT_H_
