#ifndef RESPROBE_ENGINE_GENERATE_H_
#define RESPROBE_ENGINE_GENERATE_H_

// Seed -> ops, with swarm weights: each seed disables some kinds of op and boosts others, since a
// run in which everything is equally likely never fills one queue, drops all keys or keeps one
// transaction open for long (Groce et al., "Swarm Testing", ISSTA 2012).
//
// A world can customize this:
//   static constexpr int kWeight = 8;                    in an op: how common it is, default 1
//   static void Generate(Gen& g, Call& op);              in the world: fills the fields of an op

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include "engine/arena.h"
#include "engine/codec.h"
#include "engine/fields.h"
#include "engine/op.h"
#include "engine/rng.h"

namespace resprobe {

// False: all seeds have the same weights, so that what swarm weights are worth can be measured
// (driver/ablations.h).
inline bool swarm_enabled = true;

class Gen {
 public:
  Gen(uint64_t seed, Arena* arena) : rng_(seed), swarm_seed_(rng_.Next()), arena_(arena) {}

  Rng& rng() { return rng_; }
  Arena& arena() { return *arena_; }

  // The weight that this seed gives to the item `id` of any numbering that the world chooses: 0
  // (off) for a quarter of all ids, else 1, 2, 4 or 8. Constant for one seed.
  uint32_t Swarm(uint64_t id) const {
    if (!swarm_enabled) return 1;
    Rng hash = SwarmRng(id);
    return hash.OneIn(4) ? 0 : uint32_t{1} << hash.Below(4);
  }
  // A number that is constant for one seed.
  uint64_t SwarmBits(uint64_t id) const { return swarm_enabled ? SwarmRng(id).Next() : 0; }

  // An integer that is likely to expose bugs: small, near a power of two, or at the ends of the
  // range.
  int64_t EdgeNumber();
  // Such an integer, a float, or text that almost is a number.
  std::string_view EdgeNumberText();
  // A short byte string: mostly one of a few that recur, so that ops share them.
  std::string_view ShortText();

  // Field visitor: fills fixed and tail fields by their types.
  void operator()(std::string_view, bool& field) { field = rng_.OneIn(2); }
  void operator()(std::string_view, Index& field) {
    field.value = static_cast<uint8_t>(rng_.Below(8));
  }
  void operator()(std::string_view, Count& field) {
    field.value =
        rng_.OneIn(3) ? 0 : static_cast<uint32_t>(1 + rng_.Below(uint64_t{1} << rng_.Below(9)));
  }
  void operator()(std::string_view, Number& field) { field.value = EdgeNumber(); }
  template <NamedEnum E>
  void operator()(std::string_view, E& field) {
    field = static_cast<E>(rng_.Below(EnumNames(E{}).size()));
  }
  void operator()(std::string_view, Text& field) { field.bytes = ShortText(); }
  void operator()(std::string_view, Args& field) {
    std::span<std::string_view> words = arena_->Words(rng_.Below(5));
    for (std::string_view& word : words) word = ShortText();
    field.words = words;
  }

 private:
  Rng SwarmRng(uint64_t id) const { return Rng(swarm_seed_ ^ (id * 0x9e3779b97f4a7c15)); }

  Rng rng_;
  uint64_t swarm_seed_;
  Arena* arena_;
};

namespace internal {

template <class T>
constexpr int WeightOf() {
  if constexpr (requires { T::kWeight; }) {
    return T::kWeight;
  } else {
    return 1;
  }
}

}  // namespace internal

// The probability of each kind of op under one seed.
template <class World>
class KindWeights {
 public:
  static constexpr size_t kKinds = std::variant_size_v<typename World::Op>;

  explicit KindWeights(const Gen& gen) {
    size_t kind = 0;
    ForEachKind<typename World::Op>([&](auto tag) {
      constexpr int kBase = internal::WeightOf<typename decltype(tag)::type>();
      weights_[kind] = static_cast<uint32_t>(kBase) * gen.Swarm(kind);
      total_ += weights_[kind];
      ++kind;
    });
    if (total_ == 0) {
      weights_.fill(1);
      total_ = kKinds;
    }
  }

  size_t Pick(Rng& rng) const {
    uint64_t left = rng.Below(total_);
    size_t kind = 0;
    while (left >= weights_[kind]) left -= weights_[kind++];
    return kind;
  }

 private:
  std::array<uint32_t, kKinds> weights_;
  uint64_t total_ = 0;
};

// Fills the fields of `op`, whose kind is already chosen.
template <class World>
void GenerateFields(Gen& gen, typename World::Op& op) {
  std::visit(
      [&](auto& fields) {
        if constexpr (requires { World::Generate(gen, fields); }) {
          World::Generate(gen, fields);
        } else {
          VisitFields(fields, gen);
        }
      },
      op);
}

template <class World>
void GenerateOp(Gen& gen, const KindWeights<World>& weights, typename World::Op& op) {
  EmplaceKind(op, weights.Pick(gen.rng()));
  GenerateFields<World>(gen, op);
}

// Generates the case of `seed`. Texts are allocated in the arena.
template <class World>
void Generate(uint64_t seed, Arena* arena, Case<World>* out) {
  Gen gen(seed, arena);
  const KindWeights<World> weights(gen);
  out->config = {};
  if constexpr (requires { World::Generate(gen, out->config); }) {
    World::Generate(gen, out->config);
  } else {
    VisitFields(out->config, gen);
  }
  out->ops.clear();
  const uint64_t count = 1 + gen.rng().Below(uint64_t{8} << gen.rng().Below(5));
  for (uint64_t i = 0; i < count; ++i) GenerateOp<World>(gen, weights, out->ops.emplace_back());
}

}  // namespace resprobe

#endif  // RESPROBE_ENGINE_GENERATE_H_
