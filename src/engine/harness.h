#ifndef RESPROBE_ENGINE_HARNESS_H_
#define RESPROBE_ENGINE_HARNESS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/run_context.h"

namespace resprobe {

using Tape = std::vector<uint8_t>;

// True if the candidate fails in the same way as the original (the same invariant, or the same top
// frames).
using FailsTheSame = std::function<bool(Bytes candidate)>;

// Changes `data[0, size)` in place, up to `max_size`; returns the new size. The engine's own byte
// mutator (LLVMFuzzerMutate), or a plain one.
using ByteMutator = size_t (*)(uint8_t* data, size_t size, size_t max_size);

// One fuzz target. Every way of driving it (libFuzzer, AFL++, a plain seed, a file) uses this
// interface; see fuzz_main.h for the entry points.
//
// An instance is reused from run to run. Run() must leave no state that the next run could observe.
class Harness {
 public:
  virtual ~Harness() = default;

  virtual std::string_view name() const = 0;
  virtual std::string_view summary() const = 0;  // one line: what it checks
  virtual std::span<const InvariantInfo> invariants() const = 0;
  // "ops" or "bytes".
  virtual std::string_view input_kind() const = 0;
  // True if it keeps memory for the next cases, so that one that frees less than it allocates is no
  // sign of a leak.
  virtual bool keeps_memory() const { return false; }

  // Runs one tape to its end or to its first violation. Any bytes are a valid tape.
  virtual void Run(Bytes tape, RunContext& run) = 0;
  // Runs the endless stream of ops that a seed stands for (op_source.h), up to that many ops, in
  // memory that does not grow with them. If that fails, returns a case that fails in the same way;
  // empty if none was found. Harnesses over raw bytes have no stream: nothing is run.
  virtual Tape RunStream(uint64_t seed, uint64_t ops, RunContext& run) {
    (void)seed, (void)ops, (void)run;
    return {};
  }
  // The first ops of that stream as one case, which is not run. Empty for harnesses over raw bytes.
  virtual Tape StreamTape(uint64_t seed, uint64_t ops) {
    (void)seed, (void)ops;
    return {};
  }
  // How many ops the tape holds; 1 for raw bytes.
  virtual size_t OpCount(Bytes tape) = 0;

  // The tape in readable form: `.ops` text, or an annotated dump of raw bytes.
  virtual std::string Show(Bytes tape) = 0;
  // Converts `.ops` text to a tape (ops_text.h; for raw bytes bytes_text.h). On failure returns
  // nothing and sets `error` to "line N: what is wrong: how to fix it".
  virtual std::optional<Tape> Parse(std::string_view text, std::string* error) = 0;

  // Generates the tape of a seed.
  virtual Tape Generate(uint64_t seed) = 0;
  // Mutates in place; returns the new size, at most `max_size`.
  virtual size_t Mutate(uint8_t* data, size_t size, size_t max_size, uint32_t seed,
                        ByteMutator mutate_bytes) = 0;
  virtual size_t CrossOver(Bytes a, Bytes b, uint8_t* out, size_t max_size, uint32_t seed) = 0;
  // The smallest tape found that still fails in the same way. Tries at most `max_candidates`.
  virtual Tape Shrink(Bytes tape, const FailsTheSame& fails, size_t max_candidates) = 0;
};

// A harness over raw bytes, from a plain class:
//
//   struct RespParser {
//     static constexpr std::string_view kName = "resp_parser";
//     static constexpr std::string_view kSummary = "…";
//     static constexpr InvariantInfo kInvariants[] = {{"name", "statement"}, …};
//     void Run(Bytes input, RunContext& run);
//     std::string Show(Bytes input);                       // an annotated dump
//     void Generate(uint64_t seed, Tape& out);             // plausible input from a seed
//     // Optional: a changed tape, by the fields of the format. False: the engine's own mutator is
//     to
//     // do it.
//     bool Mutate(Bytes tape, uint64_t seed, Tape* out);
//     // Optional: keeps_memory().
//     static constexpr bool kKeepsMemory = true;
//     // Optional: the plainest bytes of the format, the plainest first, to which a minimized tape
//     // goes; without it '0', '1' and 'a'.
//     static constexpr uint8_t kPlainBytes[] = {0};
//     // Optional: for formats with dependent parts (a length and what it counts). One pass that
//     // tries smaller tapes and keeps those that still fail; true if there was any.
//     bool Simplify(Tape* tape, const std::function<bool(const Tape&)>& still_fails);
//   };
//
// The implementation is in raw_harness.h.
template <class T>
class RawHarness;

}  // namespace resprobe

#endif  // RESPROBE_ENGINE_HARNESS_H_
