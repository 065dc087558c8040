#ifndef RESPROBE_ENGINE_OP_SOURCE_H_
#define RESPROBE_ENGINE_OP_SOURCE_H_

// Sources of the ops of a run. A run pulls one op at a time, so its length is not limited:
//
//   const Config& config();
//   const Op* Next();   // nullptr: that was the last one. Valid until the next call.
//
// CaseSource is a case, that is a tape or .ops text. SeedStream is endless: it needs a seed, and
// memory that does not grow with the number of ops. It stores the last ops, and regenerates any
// older ones from the seed, so that a failure after hours becomes a case with the ops that it
// needs.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/arena.h"
#include "engine/codec.h"
#include "engine/generate.h"
#include "engine/ops_text.h"
#include "engine/run_context.h"
#include "engine/world.h"

namespace resprobe {

// The ops of one case.
template <class World>
class CaseSource {
 public:
  explicit CaseSource(const Case<World>& c) : case_(c) {}

  const typename World::Config& config() const { return case_.config; }
  const typename World::Op* Next() {
    return next_ == case_.ops.size() ? nullptr : &case_.ops[next_++];
  }

 private:
  const Case<World>& case_;
  size_t next_ = 0;
};

// Endless ops from a seed.
//
// The stream is a sequence of eras of kEra ops each. Every era has a seed of its own, derived from
// the stream's, and with it its own swarm weights: some kinds of ops are disabled, others frequent.
// So a long run covers as many mixtures as many short ones do, and any part of the stream can be
// generated without the parts before it.
template <class World>
class SeedStream {
 public:
  using Config = typename World::Config;
  using Op = typename World::Op;

  static constexpr uint64_t kEra = 256;        // ops
  static constexpr size_t kWindow = 4 * kEra;  // ops stored; window() has at least as many

  explicit SeedStream(uint64_t seed) : seed_(seed) {
    Gen gen(EraSeed(UINT64_MAX), &arena_);
    if constexpr (requires { World::Generate(gen, config_); }) {
      World::Generate(gen, config_);
    } else {
      VisitFields(config_, gen);
    }
  }
  SeedStream(const SeedStream&) = delete;
  SeedStream& operator=(const SeedStream&) = delete;

  const Config& config() const { return config_; }

  const Op* Next() {
    if (next_ % kEra == 0) Begin(next_ / kEra);
    arena_.Reset();
    GenerateOp<World>(era_->gen, era_->weights, op_);
    // Two buffers alternate: the full one stays until the other one is full too.
    std::vector<uint8_t>& half = kept_[next_ / kWindow % 2];
    if (next_ % kWindow == 0) half.clear();
    AppendOp<World>(op_, &half);
    ++next_;
    return &op_;
  }

  // The number of ops so far.
  uint64_t count() const { return next_; }
  // The bytes of memory that the stream uses; does not grow with count().
  size_t memory() const { return kept_[0].capacity() + kept_[1].capacity() + arena_.capacity(); }

  // The last kWindow to 2 * kWindow ops, or all if there were fewer, as a separate case.
  Tape window() const {
    Tape tape = Beginning();
    const uint64_t half = (next_ == 0 ? 0 : next_ - 1) / kWindow;
    if (half > 0)
      tape.insert(tape.end(), kept_[(half - 1) % 2].begin(), kept_[(half - 1) % 2].end());
    tape.insert(tape.end(), kept_[half % 2].begin(), kept_[half % 2].end());
    return tape;
  }
  // At least the last `ops` ops so far, regenerated: whole eras.
  Tape Again(uint64_t ops) const {
    SeedStream other(seed_);
    other.next_ = (next_ - std::min(ops, next_)) / kEra * kEra;
    Tape tape = Beginning();
    while (other.next_ < next_) AppendOp<World>(*other.Next(), &tape);
    return tape;
  }

 private:
  struct Era {
    Era(uint64_t seed, Arena* arena) : gen(seed, arena), weights(gen) {}
    Gen gen;
    KindWeights<World> weights;
  };

  uint64_t EraSeed(uint64_t era) const {
    Rng rng(seed_ ^ (era * 0x9e3779b97f4a7c15));
    return rng.Next();
  }
  void Begin(uint64_t era) { era_.emplace(EraSeed(era), &arena_); }
  Tape Beginning() const {
    Tape tape;
    Encode(Case<World>{config_, {}}, &tape);
    return tape;
  }

  const uint64_t seed_;
  Arena arena_;  // of one op
  Config config_;
  std::optional<Era> era_;
  Op op_;
  uint64_t next_ = 0;
  std::array<std::vector<uint8_t>, 2> kept_;  // encoded
};

namespace internal {

// A function of its own: AddressSanitizer makes each call of a function dearer that has a string on
// its stack, and few runs are traced.
template <class Op>
[[gnu::noinline, gnu::cold]] void TraceOp(const Op& op, size_t number, Trace* trace) {
  std::string line = "#" + std::to_string(number) + " ";
  PrintOp(op, &line);
  trace->Line(line);
}

}  // namespace internal

// Runs the ops of a source to its end, up to `most` ops or to the first violation; a run without a
// violation settles.
template <class World, class Source>
void RunSource(World& world, Source& source, RunContext& run, uint64_t most = UINT64_MAX) {
  run.set_op(0);
  world.Start(source.config(), run);
  size_t i = 0;
  for (; i < most && !run.violated(); ++i) {
    const typename World::Op* const op = source.Next();
    if (op == nullptr) break;
    run.set_op(i);
    if (run.trace().on()) [[unlikely]]
      internal::TraceOp(*op, i, &run.trace());
    std::visit([&](const auto& one) { world.Apply(one, run); }, *op);
  }
  if (run.violated()) return;
  run.set_op(i);
  if (run.trace().on()) run.trace().Line("settle");
  world.Settle(run);
}

// Runs a stream for `most` ops. If it fails, returns a case that fails in the same way: the stored
// ops if they are enough, otherwise as many of the last ops as needed, up to `longest`. Empty if
// `run` is not violated, or if even those are not enough.
template <class World>
Tape RunStream(World& world, uint64_t seed, uint64_t most, RunContext& run,
               uint64_t longest = uint64_t{1} << 20) {
  using Cases = CasesOf<World>;
  SeedStream<Cases> stream(seed);
  RunSource(world, stream, run, most);
  if (!run.violated()) return {};
  Arena arena;
  Case<Cases> c;
  Tape tape = stream.window();
  for (uint64_t ops = 2 * stream.kWindow;; ops *= 4) {
    arena.Reset();
    Decode(Bytes(tape), &arena, &c);
    RunContext again;
    CaseSource<Cases> source(c);
    RunSource(world, source, again);
    if (again.violated() && again.violation().invariant == run.violation().invariant) return tape;
    if (ops / 4 >= stream.count() || ops > longest) return {};
    tape = stream.Again(ops);
  }
}

}  // namespace resprobe

#endif  // RESPROBE_ENGINE_OP_SOURCE_H_
