#ifndef RESPROBE_ENGINE_MUTATE_H_
#define RESPROBE_ENGINE_MUTATE_H_

// Mutation and crossover of cases at the level of ops. The bytes of a text are mutated by the
// engine's own mutator, which knows the dictionary and the comparisons that the subject made.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>
#include <variant>

#include "engine/codec.h"
#include "engine/fields.h"
#include "engine/generate.h"
#include "engine/harness.h"

namespace resprobe {

// Field visitor: changes one field of an op, selected by a first pass that counts the fields.
class FieldMutator {
 public:
  FieldMutator(Gen* gen, ByteMutator mutate_bytes, size_t target)
      : gen_(gen), mutate_bytes_(mutate_bytes), target_(target) {}

  template <class T>
  void operator()(std::string_view name, T& field) {
    if (count_++ != target_) return;
    if constexpr (std::is_same_v<T, Text>) {
      field.bytes = Mutated(field.bytes);
    } else if constexpr (std::is_same_v<T, Args>) {
      MutateWords(field);
    } else if constexpr (std::is_same_v<T, Number> || std::is_same_v<T, Count>) {
      Rng& rng = gen_->rng();
      if (rng.OneIn(2)) {
        (*gen_)(name, field);
      } else {
        const auto delta = static_cast<uint64_t>(rng.Between(-8, 8));
        field.value =
            static_cast<decltype(field.value)>(static_cast<uint64_t>(field.value) + delta);
      }
    } else {
      (*gen_)(name, field);
    }
  }

  size_t count() const { return count_; }

 private:
  std::string_view Mutated(std::string_view bytes) {
    constexpr size_t kRoom = 64;
    char* copy = gen_->arena().Bytes(bytes.size() + kRoom);
    if (!bytes.empty()) std::memcpy(copy, bytes.data(), bytes.size());
    const size_t size =
        mutate_bytes_(reinterpret_cast<uint8_t*>(copy), bytes.size(), bytes.size() + kRoom);
    return {copy, size};
  }

  void MutateWords(Args& field) {
    Rng& rng = gen_->rng();
    const size_t old_count = field.words.size();
    // One more place, for a word that may be added.
    std::span<std::string_view> words = gen_->arena().Words(old_count + 1);
    std::copy(field.words.begin(), field.words.end(), words.begin());
    const auto new_word = [&] { return rng.OneIn(2) ? gen_->EdgeNumberText() : gen_->ShortText(); };
    const size_t at = rng.Below(old_count);
    switch (old_count == 0 ? 0 : rng.Below(6)) {
      case 0: {  // add
        const size_t place = rng.Below(old_count + 1);
        std::copy_backward(words.begin() + static_cast<ptrdiff_t>(place), words.end() - 1,
                           words.end());
        words[place] = new_word();
        field.words = words;
        return;
      }
      case 1:  // remove
        std::copy(words.begin() + static_cast<ptrdiff_t>(at) + 1, words.end() - 1,
                  words.begin() + static_cast<ptrdiff_t>(at));
        field.words = words.first(old_count - 1);
        return;
      case 2:
        std::swap(words[at], words[rng.Below(old_count)]);
        break;
      case 3:
        words[at] = words[rng.Below(old_count)];
        break;
      case 4:
        words[at] = new_word();
        break;
      default:
        words[at] = Mutated(words[at]);
    }
    field.words = words.first(old_count);
  }

  Gen* gen_;
  ByteMutator mutate_bytes_;
  size_t target_;
  size_t count_ = 0;
};

template <class Struct>
void MutateFields(Gen& gen, ByteMutator mutate_bytes, Struct& fields) {
  FieldMutator count(&gen, mutate_bytes, SIZE_MAX);
  VisitFields(fields, count);
  if (count.count() == 0) return;
  FieldMutator mutator(&gen, mutate_bytes, gen.rng().Below(count.count()));
  VisitFields(fields, mutator);
}

// Makes one to four changes to a case: ops added, removed, repeated, moved, changed. As many are
// removed as added: cases that grow are kept, since they reach more at once, and soon all are long.
template <class World>
void Mutate(Gen& gen, ByteMutator mutate_bytes, Case<World>* c) {
  Rng& rng = gen.rng();
  const KindWeights<World> weights(gen);
  auto& ops = c->ops;
  const auto place = [&](size_t i) { return ops.begin() + static_cast<ptrdiff_t>(i); };
  for (uint64_t changes = 1 + rng.Below(4); changes > 0; --changes) {
    const size_t at = rng.Below(ops.size());
    switch (ops.empty() ? 0 : rng.Below(15)) {
      case 0:
      case 1:
      case 2: {  // insert a short run of new ops
        const size_t where = rng.Below(ops.size() + 1);
        for (uint64_t n = 1 + rng.Below(3); n > 0; --n) {
          typename World::Op op;
          GenerateOp<World>(gen, weights, op);
          ops.insert(place(where), op);
        }
        break;
      }
      case 3:
      case 4:
      case 5:
      case 6: {  // delete a run
        const size_t count =
            std::min<size_t>(1 + rng.Below(uint64_t{1} << rng.Below(4)), ops.size() - at);
        ops.erase(place(at), place(at + count));
        break;
      }
      case 7: {  // repeat a run
        const size_t count = std::min<size_t>(1 + rng.Below(4), ops.size() - at);
        const std::vector<typename World::Op> run(place(at), place(at + count));
        ops.insert(place(rng.Below(ops.size() + 1)), run.begin(), run.end());
        break;
      }
      case 8:
        std::swap(ops[at], ops[rng.Below(ops.size())]);
        break;
      case 9: {  // move one op
        const typename World::Op op = ops[at];
        ops.erase(place(at));
        ops.insert(place(rng.Below(ops.size() + 1)), op);
        break;
      }
      case 10:
        GenerateFields<World>(gen, ops[at]);
        break;
      case 11:
        MutateFields(gen, mutate_bytes, c->config);
        break;
      default:
        std::visit([&](auto& fields) { MutateFields(gen, mutate_bytes, fields); }, ops[at]);
    }
  }
}

// Joins a prefix of one case and a suffix of the other.
template <class World>
void CrossOver(Rng& rng, const Case<World>& a, const Case<World>& b, Case<World>* out) {
  out->config = rng.OneIn(2) ? a.config : b.config;
  const size_t head = rng.Below(a.ops.size() + 1);
  const size_t tail = rng.Below(b.ops.size() + 1);
  out->ops.assign(a.ops.begin(), a.ops.begin() + static_cast<ptrdiff_t>(head));
  out->ops.insert(out->ops.end(), b.ops.begin() + static_cast<ptrdiff_t>(tail), b.ops.end());
}

// Deletes runs of ops until there are no more than a limit drawn from 16 to 512, so that short
// cases, which run several times as often, and long ones, which fill things, both have their share.
template <class World>
void LimitOps(Rng& rng, Case<World>* c) {
  auto& ops = c->ops;
  const size_t limit = size_t{16} << rng.Below(6);
  while (ops.size() > limit) {
    const size_t count = std::min<size_t>(1 + rng.Below(8), ops.size() - limit);
    const auto begin = ops.begin() + static_cast<ptrdiff_t>(rng.Below(ops.size() - count + 1));
    ops.erase(begin, begin + static_cast<ptrdiff_t>(count));
  }
}

}  // namespace resprobe

#endif  // RESPROBE_ENGINE_MUTATE_H_
