#ifndef RESPROBE_WORLDS_PROPERTIES_PROPERTY_WORLD_H_
#define RESPROBE_WORLDS_PROPERTIES_PROPERTY_WORLD_H_

// Model: none. One server, one client, and the laws of property.h about its replies.
//
// Faults: none; settings of the server change at which sizes it changes encodings, and keys hold
// values of any type when a property begins.
//
// Promise: each property holds, whatever is at its keys before.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/generate.h"
#include "engine/instantiate.h"
#include "engine/op.h"
#include "engine/run_context.h"
#include "worlds/properties/property.h"
#include "worlds/properties/property_server.h"

namespace resprobe {

// One of Properties(), by its place.
enum class PropertyId : uint8_t {};
inline constexpr auto kPropertyNames = [] {
  std::array<std::string_view, kPropertyCount> names;
  for (size_t i = 0; i < kPropertyCount; ++i) names[i] = kPropertyInfos[i].name;
  return names;
}();
constexpr std::span<const std::string_view> EnumNames(PropertyId) { return kPropertyNames; }

// Settings that decide about encodings.
enum class PropertySetting : uint8_t {
  kListSize,
  kHashEntries,
  kHashValue,
  kSetEntries,
  kZsetEntries,
  kZsetValue,
};
inline constexpr std::string_view kPropertySettingNames[] = {
    "list-max-listpack-size", "hash-max-listpack-entries", "hash-max-listpack-value",
    "set-max-intset-entries", "zset-max-listpack-entries", "zset-max-listpack-value"};
constexpr std::span<const std::string_view> EnumNames(PropertySetting) {
  return kPropertySettingNames;
}

class PropertyWorld {
 public:
  static constexpr std::string_view kName = "properties";
  static constexpr std::string_view kSummary = "laws that each server keeps, checked by themselves";

  static constexpr std::span<const InvariantInfo> kInvariants = kPropertyInfos;

  struct Config {
    bool valkey = false;  // the profile of the simulated server
  };

  struct Check {
    static constexpr std::string_view kName = "check";
    static constexpr int kWeight = 10;
    PropertyId property{};
    Number seed;
    Count size;
    Number number;
  };
  struct Setting {
    static constexpr std::string_view kName = "setting";
    PropertySetting setting = PropertySetting::kListSize;
    Count value;
  };
  struct Pass {
    static constexpr std::string_view kName = "pass";
    static constexpr bool kAddsUp = true;
    Count ms;
  };
  using Op = std::variant<Check, Setting, Pass>;

  // What became of the trials of one property, in all runs.
  struct Tally {
    uint64_t held = 0;
    uint64_t failed = 0;
    uint64_t left_out = 0;
    std::string absent;  // what the server lacks
  };

  struct Options {
    const Property* plant = nullptr;  // the fault of this property
    bool settings = true;             // false: the server keeps its settings
  };
  // `server` must outlive the world.
  explicit PropertyWorld(PropertyServer* server) : PropertyWorld(server, Options()) {}
  PropertyWorld(PropertyServer* server, const Options& options)
      : server_(*server), options_(options), tallies_(Properties().size()) {}

  // In the order of Properties().
  const std::vector<Tally>& tallies() const { return tallies_; }
  // Why the last run could not begin; "" if it could.
  const std::string& trouble() const { return trouble_; }

  static void Generate(Gen& gen, Check& op);
  static void Generate(Gen& gen, Setting& op);
  static void Generate(Gen& gen, Pass& op);

  void Start(const Config& config, RunContext& run);
  void Apply(const Check& op, RunContext& run);
  void Apply(const Setting& op, RunContext& run);
  void Apply(const Pass& op, RunContext& run);
  void Settle(RunContext& /*run*/) {}

 private:
  PropertyServer& server_;
  const Options options_;
  std::vector<Tally> tallies_;
  std::string trouble_;
};

// Compiled in property_world.cc.
RESPROBE_WORLD_TEMPLATES(extern, PropertyWorld);

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_PROPERTIES_PROPERTY_WORLD_H_
