#ifndef RESPROBE_TESTS_ENGINE_TOY_WORLD_H_
#define RESPROBE_TESTS_ENGINE_TOY_WORLD_H_

#include <array>
#include <cstdint>
#include <string_view>
#include <variant>

#include "engine/ops_harness.h"

namespace resprobe {

enum class Colour : uint8_t { kRed, kGreen, kBlue };
inline constexpr std::string_view kColourNames[] = {"red", "green", "blue"};
constexpr std::span<const std::string_view> EnumNames(Colour) { return kColourNames; }

// A world with every type of field, and one planted fault: after a `put` of a value that begins
// with "bad" into a box, an `open` of the same box violates `no_bad_box`.
class ToyWorld {
 public:
  static constexpr std::string_view kName = "toy";
  static constexpr std::string_view kSummary = "boxes with values";
  static constexpr InvariantInfo kInvariants[] = {
      {"no_bad_box", "an opened box holds nothing bad"},
      {"few_boxes", "the config asks for at most 200 boxes"},
  };

  struct Config {
    bool strict = false;
    Index boxes;
  };
  struct Put {
    static constexpr std::string_view kName = "put";
    static constexpr int kWeight = 4;
    Index box;
    Text value;
  };
  struct Open {
    static constexpr std::string_view kName = "open";
    Index box;
    Colour lamp = Colour::kRed;
  };
  struct Shake {
    static constexpr std::string_view kName = "shake";
    Count times;
    Number force;
    Args words;
  };
  using Op = std::variant<Put, Open, Shake>;

  void Start(const Config& config, RunContext& run) {
    bad_.fill(false);
    run.Check(config.boxes.value <= 200, "few_boxes", "at most 200", "more");
  }
  void Apply(const Put& op, RunContext&) {
    bad_[op.box.Of(bad_.size())] = op.value.bytes.starts_with("bad");
  }
  void Apply(const Open& op, RunContext& run) {
    run.Check(!bad_[op.box.Of(bad_.size())], "no_bad_box", "nothing bad", "something bad");
  }
  void Apply(const Shake&, RunContext&) {}
  void Settle(RunContext&) {}

 private:
  std::array<bool, 8> bad_;
};

}  // namespace resprobe

#endif  // RESPROBE_TESTS_ENGINE_TOY_WORLD_H_
