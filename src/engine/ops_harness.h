#ifndef RESPROBE_ENGINE_OPS_HARNESS_H_
#define RESPROBE_ENGINE_OPS_HARNESS_H_

#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <variant>

#include "engine/codec.h"
#include "engine/digest.h"
#include "engine/generate.h"
#include "engine/harness.h"
#include "engine/mutate.h"
#include "engine/op_source.h"
#include "engine/ops_text.h"
#include "engine/shrink.h"
#include "engine/world.h"

namespace resprobe {

// A harness over ops, from a world:
//
//   class MyWorld {
//    public:
//     static constexpr std::string_view kName = "my_world";
//     static constexpr std::string_view kSummary = "…";
//     static constexpr InvariantInfo kInvariants[] = {{"name", "statement"}, …};
//     struct Config { bool audit = false; … };   // chosen once for a run
//     using Op = std::variant<Call, …>;          // plain structs (op.h)
//     // Optional: Harness::keeps_memory().
//     static constexpr bool kKeepsMemory = true;
//     // Resets everything; keeps allocated memory.
//     void Start(const Config& config, RunContext& run);
//     void Apply(const Call& op, RunContext& run);   // one for each kind
//     // Heals faults and drains links; then checks what must hold at the end.
//     void Settle(RunContext& run);
//   };
//
// A world that runs the cases of another one, on another subject, says so with
// `using Cases = OtherWorld;`, and shares its Config, Op and Generate().
//
// A run ends at its first violation.
template <class World>
class OpsHarness : public Harness {
  using Cases = CasesOf<World>;

 public:
  // The cases of plain seeds with which an engine begins, in each process.
  static constexpr uint64_t kFirstSeeds = 8192;

  OpsHarness() = default;
  // Passes its arguments to the world: a faulty subject, a live server.
  template <class... WorldArgs>
  explicit OpsHarness(std::in_place_t, WorldArgs&&... args)
      : world_(std::forward<WorldArgs>(args)...) {}

  World& world() { return world_; }

  std::string_view name() const override { return World::kName; }
  std::string_view summary() const override { return World::kSummary; }
  std::span<const InvariantInfo> invariants() const override { return World::kInvariants; }
  std::string_view input_kind() const override { return "ops"; }
  bool keeps_memory() const override {
    if constexpr (requires { World::kKeepsMemory; }) return World::kKeepsMemory;
    return false;
  }

  void Run(Bytes tape, RunContext& run) override {
    arena_.Reset();
    Decode(tape, &arena_, &case_);
    if (run.samples()) {
      run.set_digest(Digest({reinterpret_cast<const char*>(tape.data()), tape.size()}));
    }
    RunCase(case_, run);
    case_.ops.clear();
  }

  void RunCase(const Case<Cases>& c, RunContext& run) {
    CaseSource<Cases> source(c);
    RunSource(world_, source, run);
  }

  Tape RunStream(uint64_t seed, uint64_t ops, RunContext& run) override {
    return resprobe::RunStream(world_, seed, ops, run);
  }

  Tape StreamTape(uint64_t seed, uint64_t ops) override {
    SeedStream<Cases> stream(seed);
    while (stream.count() < ops) stream.Next();
    return stream.Again(ops);
  }

  size_t OpCount(Bytes tape) override {
    arena_.Reset();
    Decode(tape, &arena_, &case_);
    return case_.ops.size();
  }

  std::string Show(Bytes tape) override {
    arena_.Reset();
    Decode(tape, &arena_, &case_);
    return Print(case_);
  }

  std::optional<Tape> Parse(std::string_view text, std::string* error) override {
    arena_.Reset();
    *error = resprobe::Parse(text, &arena_, &case_);
    if (!error->empty()) return std::nullopt;
    Tape tape;
    Encode(case_, &tape);
    return tape;
  }

  Tape Generate(uint64_t seed) override {
    arena_.Reset();
    resprobe::Generate(seed, &arena_, &case_);
    Tape tape;
    Encode(case_, &tape);
    return tape;
  }

  size_t Mutate(uint8_t* data, size_t size, size_t max_size, uint32_t seed,
                ByteMutator mutate_bytes) override {
    arena_.Reset();
    Gen gen(seed, &arena_);
    if (size <= kNextToNothing || IsPlainSeedDue(gen.rng())) {
      return WriteSeed(gen.rng(), data, max_size);
    }
    // Sometimes the engine's own mutator gets the whole tape: it inserts dictionary words and
    // compared values anywhere.
    constexpr uint64_t kBytesOneIn = 6;
    if (gen.rng().OneIn(kBytesOneIn)) return mutate_bytes(data, size, max_size);
    Decode({data, size}, &arena_, &case_);
    resprobe::Mutate(gen, mutate_bytes, &case_);
    LimitOps(gen.rng(), &case_);
    return WriteBack(data, max_size);
  }

  size_t CrossOver(Bytes a, Bytes b, uint8_t* out, size_t max_size, uint32_t seed) override {
    arena_.Reset();
    Rng rng(seed);
    if (IsPlainSeedDue(rng)) return WriteSeed(rng, out, max_size);
    Decode(a, &arena_, &case_);
    Decode(b, &arena_, &other_);
    Case<Cases> crossed;
    resprobe::CrossOver(rng, case_, other_, &crossed);
    case_ = std::move(crossed);
    LimitOps(rng, &case_);
    return WriteBack(out, max_size);
  }

  Tape Shrink(Bytes tape, const FailsTheSame& fails, size_t max_candidates) override {
    // A separate arena: running a candidate in this process resets arena_.
    Arena arena;
    Case<Cases> c;
    Decode(tape, &arena, &c);
    Tape encoded;
    size_t tried = 0;
    resprobe::Shrink<Cases>(
        [&](const Case<Cases>& candidate) {
          if (tried++ >= max_candidates) return false;
          Encode(candidate, &encoded);
          return fails(encoded);
        },
        &arena, &c);
    Encode(c, &encoded);
    return encoded;
  }

 private:
  // A tape this short has a config and practically no op; engines begin with one byte.
  static constexpr size_t kNextToNothing = 2;

  // True if the next case is that of a plain seed, and owes nothing to the corpus: for all of the
  // first ones, and for half of the others. A seed has its own swarm weights, while mutation stays
  // within those of the corpus; most faults that plain seeds find at all they find within some
  // thousands.
  bool IsPlainSeedDue(Rng& rng) {
    constexpr uint64_t kOneIn = 2;
    if (asked_ < kFirstSeeds) {
      ++asked_;
      return true;
    }
    return rng.OneIn(kOneIn);
  }

  size_t WriteSeed(Rng& rng, uint8_t* data, size_t max_size) {
    resprobe::Generate(rng.Next(), &arena_, &case_);
    return WriteBack(data, max_size);
  }

  // Encodes case_, without its last ops if it is too long.
  size_t WriteBack(uint8_t* data, size_t max_size) {
    Encode(case_, &tape_);
    while (tape_.size() > max_size && !case_.ops.empty()) {
      case_.ops.resize(case_.ops.size() - (case_.ops.size() + 3) / 4);
      Encode(case_, &tape_);
    }
    const size_t size = std::min(tape_.size(), max_size);
    if (size > 0) std::memcpy(data, tape_.data(), size);
    return size;
  }

  World world_;
  Arena arena_;
  Case<Cases> case_;
  Case<Cases> other_;
  Tape tape_;
  uint64_t asked_ = 0;  // for cases, by an engine; no further than the first ones
};

template <class World>
  requires(!OpsWorld<World>)
class OpsHarness<World> : public internal::NoHarness {
 public:
  using NoHarness::NoHarness;
  static_assert(internal::CheckWorld<World, /*kReport=*/true>() || true);
};

}  // namespace resprobe

#endif  // RESPROBE_ENGINE_OPS_HARNESS_H_
