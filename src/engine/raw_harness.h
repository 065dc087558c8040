#ifndef RESPROBE_ENGINE_RAW_HARNESS_H_
#define RESPROBE_ENGINE_RAW_HARNESS_H_

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "engine/bytes_text.h"
#include "engine/digest.h"
#include "engine/harness.h"
#include "engine/rng.h"
#include "engine/shrink.h"
#include "engine/world.h"

namespace resprobe {

// See harness.h for the requirements on T.
template <class T>
class RawHarness : public Harness {
 public:
  RawHarness() = default;
  template <class... Args>
  explicit RawHarness(std::in_place_t, Args&&... args) : target_(std::forward<Args>(args)...) {}

  std::string_view name() const override { return T::kName; }
  std::string_view summary() const override { return T::kSummary; }
  std::span<const InvariantInfo> invariants() const override { return T::kInvariants; }
  std::string_view input_kind() const override { return "bytes"; }
  bool keeps_memory() const override {
    if constexpr (requires { T::kKeepsMemory; }) return T::kKeepsMemory;
    return false;
  }

  void Run(Bytes tape, RunContext& run) override {
    if (run.trace().on()) run.trace().Data("input", AsText(tape));
    run.set_digest(Digest(AsText(tape)));
    target_.Run(tape, run);
  }
  size_t OpCount(Bytes) override { return 1; }
  std::string Show(Bytes tape) override { return target_.Show(tape); }
  std::optional<Tape> Parse(std::string_view text, std::string* error) override {
    std::string bytes;
    *error = ParseBytes(T::kName, text, &bytes);
    if (!error->empty()) return std::nullopt;
    return Tape(bytes.begin(), bytes.end());
  }
  Tape Generate(uint64_t seed) override {
    Tape tape;
    target_.Generate(seed, tape);
    return tape;
  }

  size_t Mutate(uint8_t* data, size_t size, size_t max_size, uint32_t seed,
                ByteMutator mutate_bytes) override {
    // The engine's mutator, and sometimes a newly generated input, whole or as the end of the old
    // one.
    Rng rng(seed);
    if (!rng.OneIn(32)) {
      if constexpr (internal::kMutates<T>) {
        if (target_.Mutate(Bytes(data, size), rng.Next(), &changed_) &&
            changed_.size() <= max_size) {
          if (!changed_.empty()) std::memcpy(data, changed_.data(), changed_.size());
          return changed_.size();
        }
      }
      return mutate_bytes(data, size, max_size);
    }
    const Tape fresh = Generate(rng.Next());
    const size_t keep = rng.OneIn(2) ? 0 : rng.Below(size + 1);
    const size_t added = std::min(fresh.size(), max_size - std::min(keep, max_size));
    if (added > 0) std::memcpy(data + keep, fresh.data(), added);
    return keep + added;
  }

  size_t CrossOver(Bytes a, Bytes b, uint8_t* out, size_t max_size, uint32_t seed) override {
    Rng rng(seed);
    const size_t head = std::min(rng.Below(a.size() + 1), max_size);
    const size_t from = rng.Below(b.size() + 1);
    const size_t tail = std::min(b.size() - from, max_size - head);
    if (head > 0) std::memcpy(out, a.data(), head);
    if (tail > 0) std::memcpy(out + head, b.data() + from, tail);
    return head + tail;
  }

  Tape Shrink(Bytes tape, const FailsTheSame& fails, size_t max_candidates) override {
    Tape smallest(tape.begin(), tape.end());
    size_t tried = 0;
    const auto still_fails = [&](const Tape& candidate) {
      return tried++ < max_candidates && fails(candidate);
    };
    for (bool again = true; again;) {
      if constexpr (requires { target_.Simplify(&smallest, still_fails); }) {
        while (target_.Simplify(&smallest, still_fails)) {
        }
      }
      while (DeleteRuns(&smallest, still_fails)) {
      }
      again = (smallest.size() <= kCollapseAtMost && CollapseRuns(&smallest, still_fails)) ||
              (smallest.size() <= kPairsAtMost && DeletePair(&smallest, still_fails));
    }
    if constexpr (requires { T::kPlainBytes; }) {
      MakePlain(&smallest, T::kPlainBytes, T::kPlainBytes, still_fails);
    } else {
      // In the order of readability; the ends of lines stay.
      constexpr uint8_t kPlain[] = {'0', '1', 'a'};
      constexpr uint8_t kKept[] = {'0', '1', 'a', '\r', '\n'};
      MakePlain(&smallest, kPlain, kKept, still_fails);
    }
    return smallest;
  }

 private:
  // Replaces bytes by simpler ones, unless they are of `kept`.
  template <class StillFails>
  static void MakePlain(Tape* tape, std::span<const uint8_t> plain, std::span<const uint8_t> kept,
                        const StillFails& still_fails) {
    for (uint8_t& byte : *tape) {
      const uint8_t old = byte;
      if (std::ranges::find(kept, old) != kept.end()) continue;
      for (const uint8_t candidate : plain) {
        byte = candidate;
        if (still_fails(*tape)) break;
        byte = old;
      }
    }
  }

  // Above this size, trying all runs costs more than it gains.
  static constexpr size_t kCollapseAtMost = 256;
  static constexpr size_t kLongestCollapse = 64;
  static constexpr size_t kPairsAtMost = 64;

  // Deletes a pair of brackets or quotes together.
  template <class StillFails>
  static bool DeletePair(Tape* tape, const StillFails& still_fails) {
    Tape candidate;
    for (size_t first = 0; first < tape->size(); ++first) {
      for (size_t second = first + 1; second < tape->size(); ++second) {
        candidate = *tape;
        candidate.erase(candidate.begin() + static_cast<std::ptrdiff_t>(second));
        candidate.erase(candidate.begin() + static_cast<std::ptrdiff_t>(first));
        if (!still_fails(candidate)) continue;
        tape->swap(candidate);
        return true;
      }
    }
    return false;
  }

  // Replaces a run of bytes by one simple byte: what is between brackets can often be anything
  // except empty. True if it replaced a run.
  template <class StillFails>
  static bool CollapseRuns(Tape* tape, const StillFails& still_fails) {
    bool any = false;
    Tape candidate;
    for (size_t run = std::min(tape->size(), kLongestCollapse); run >= 2; --run) {
      for (size_t start = 0; start + run <= tape->size(); ++start) {
        const auto begin = tape->begin() + static_cast<std::ptrdiff_t>(start);
        candidate.assign(tape->begin(), begin);
        candidate.push_back('a');
        candidate.insert(candidate.end(), begin + static_cast<std::ptrdiff_t>(run), tape->end());
        if (!still_fails(candidate)) continue;
        tape->swap(candidate);
        any = true;
      }
    }
    return any;
  }

  static std::string_view AsText(Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  T target_;
  Tape changed_;  // kept for its memory
};

template <class T>
  requires(!RawTarget<T>)
class RawHarness<T> : public internal::NoHarness {
 public:
  using NoHarness::NoHarness;
  static_assert(internal::CheckRawTarget<T, /*kReport=*/true>() || true);
};

}  // namespace resprobe

#endif  // RESPROBE_ENGINE_RAW_HARNESS_H_
