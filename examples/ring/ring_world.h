#ifndef RESPROBE_EXAMPLES_RING_RING_WORLD_H_
#define RESPROBE_EXAMPLES_RING_RING_WORLD_H_

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <variant>

#include "engine/op.h"
#include "engine/run_context.h"
#include "examples/ring/ring.h"

// Pushes and pops numbers, and does the same with a std::deque.
class RingWorld {
 public:
  static constexpr std::string_view kName = "ring_queue";
  static constexpr std::string_view kSummary = "a ring buffer is a queue of limited length";
  static constexpr resprobe::InvariantInfo kInvariants[] = {
      {"bounded", "a push is refused if and only if the ring is full"},
      {"first_in_first_out", "a pop gives the oldest number, and none only if there is none"},
  };

  // Chosen once for a run.
  struct Config {
    bool half_full = false;
  };

  struct Push {
    static constexpr std::string_view kName = "push";
    static constexpr int kWeight = 3;
    resprobe::Number number;
  };
  // Pops `count` numbers, or all if `count` is 0.
  struct Pop {
    static constexpr std::string_view kName = "pop";
    resprobe::Count count;
  };
  using Op = std::variant<Push, Pop>;

  explicit RingWorld(bool faulty) : ring_(faulty) {}

  void Start(const Config& config, resprobe::RunContext& run) {
    ring_.Clear();
    model_.clear();
    if (!config.half_full) return;
    for (int64_t i = 0; i < static_cast<int64_t>(ring::Ring::kCapacity / 2); ++i) {
      Apply(Push{{i}}, run);
    }
  }

  void Apply(const Push& op, resprobe::RunContext& run) {
    const bool pushed = ring_.Push(op.number.value);
    if (run.trace().on()) run.trace().Line(pushed ? "  pushed" : "  refused");
    const bool room = model_.size() < ring::Ring::kCapacity;
    run.Check(pushed == room, "bounded", room ? "room for a number" : "a full ring",
              [&] { return std::to_string(ring_.size()) + " numbers in it"; });
    if (pushed) model_.push_back(op.number.value);
  }

  void Apply(const Pop& op, resprobe::RunContext& run) {
    for (size_t left = op.count.UpTo(model_.size()); left > 0 && !run.violated(); --left) {
      int64_t number = 0;
      const bool popped = ring_.Pop(&number);
      run.Check(
          popped && number == model_.front(), "first_in_first_out",
          [&] { return std::to_string(model_.front()); },
          [&] { return popped ? std::to_string(number) : "nothing"; });
      model_.pop_front();
    }
  }

  // There is nothing to heal: removes what is left.
  void Settle(resprobe::RunContext& run) {
    Apply(Pop{}, run);
    int64_t number = 0;
    if (!run.violated())
      run.Check(!ring_.Pop(&number), "first_in_first_out", "nothing", "a number");
  }

 private:
  ring::Ring ring_;
  std::deque<int64_t> model_;
};

#endif  // RESPROBE_EXAMPLES_RING_RING_WORLD_H_
