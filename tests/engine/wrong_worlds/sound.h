#pragma once

// The valid parts of this folder's worlds and raw targets: each of them hides or omits one thing.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>

#include "engine/ops_harness.h"
#include "engine/raw_harness.h"

using resprobe::InvariantInfo;
using resprobe::RunContext;

struct Named {
  static constexpr std::string_view kName = "name";
  static constexpr std::string_view kSummary = "summary";
  static constexpr InvariantInfo kInvariants[] = {{"name", "statement"}};
};

struct Push {
  static constexpr std::string_view kName = "push";
  resprobe::Index box;
  resprobe::Text value;
};

// A world without Config and Op.
struct Steps : Named {
  void Start(const auto& config, RunContext& run);
  void Apply(const auto& op, RunContext& run);
  void Settle(RunContext& run);
};

struct Sound : Named {
  struct Config {
    bool strict = false;
  };
  using Op = std::variant<Push>;
  void Start(const Config& config, RunContext& run);
  void Apply(const Push& op, RunContext& run);
  void Settle(RunContext& run);
};
static_assert(resprobe::OpsWorld<Sound>);

// A world with one kind of op.
template <class Kind>
struct WorldOf : Steps {
  struct Config {};
  using Op = std::variant<Kind>;
};
static_assert(resprobe::OpsWorld<WorldOf<Push>>);

struct Target : Named {
  void Run(resprobe::Bytes input, RunContext& run);
  std::string Show(resprobe::Bytes input);
  void Generate(uint64_t seed, resprobe::Tape& out);
};
static_assert(resprobe::RawTarget<Target>);

template <class Parser>
struct TargetTemplate {
  static constexpr std::string_view kName = "name";
  static constexpr std::string_view kSummary = "summary";
  static constexpr InvariantInfo kInvariants[] = {{"name", "statement"}};
  void Run(resprobe::Bytes input, RunContext& run);
  std::string Show(resprobe::Bytes input);
  void Generate(uint64_t seed, resprobe::Tape& out);
};
static_assert(resprobe::RawTarget<TargetTemplate<int>>);
