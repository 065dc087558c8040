#include "worlds/properties/property_world.h"

#include <algorithm>
#include <iterator>

namespace resprobe {

RESPROBE_WORLD_TEMPLATES(, PropertyWorld);

namespace {

// Above the limits of all encodings that the settings can choose.
constexpr size_t kMostSize = 40;
constexpr uint32_t kMostPassMs = 50;

}  // namespace

void PropertyWorld::Generate(Gen& gen, Check& op) {
  Rng& rng = gen.rng();
  op.property = static_cast<PropertyId>(rng.Below(kPropertyCount));
  op.seed.value = static_cast<int64_t>(rng.Below(1'000'000));
  op.size.value = static_cast<uint32_t>(rng.Below(rng.OneIn(4) ? kMostSize : 6));
  op.number.value = gen.EdgeNumber();
}

void PropertyWorld::Generate(Gen& gen, Setting& op) {
  op.setting = static_cast<PropertySetting>(gen.rng().Below(std::size(kPropertySettingNames)));
  op.value.value = static_cast<uint32_t>(1 + gen.rng().Below(16));
}

void PropertyWorld::Generate(Gen& gen, Pass& op) {
  op.ms.value = static_cast<uint32_t>(1 + gen.rng().Below(kMostPassMs));
}

void PropertyWorld::Start(const Config& config, RunContext& run) {
  trouble_.clear();
  if (server_.Reset(config.valkey ? Profile::kValkey80 : Profile::kRedis70, &trouble_)) return;
  run.Fail("answers", "a server that runs", trouble_);
}

void PropertyWorld::Apply(const Check& op, RunContext& run) {
  if (run.violated()) return;
  const auto at = static_cast<size_t>(op.property);
  const Property& property = Properties()[at];
  const PropertyTrial::Choices choices{.seed = static_cast<uint64_t>(op.seed.value),
                                       .size = std::min<size_t>(op.size.value, kMostSize),
                                       .number = op.number.value};
  PropertyTrial trial(property.name, choices,
                      options_.plant == nullptr ? nullptr : options_.plant->plant, &server_, &run);
  property.check(trial);
  Tally& tally = tallies_[at];
  if (!trial.absent().empty()) {
    ++tally.left_out;
    tally.absent = trial.absent();
    // The next trial needs no transaction that was begun.
    for (const char* const word : {"DISCARD", "UNWATCH"}) {
      server_.Ask(std::array{std::string(word)});
    }
  } else {
    ++(run.violated() ? tally.failed : tally.held);
  }
}

void PropertyWorld::Apply(const Setting& op, RunContext& run) {
  if (run.violated() || !options_.settings) return;
  const std::string words[] = {"CONFIG", "SET",
                               std::string(kPropertySettingNames[static_cast<size_t>(op.setting)]),
                               std::to_string(1 + op.value.value % 64)};
  // A server without the setting, or without CONFIG, stays as it is.
  if (!server_.Ask(words)) run.Fail("answers", "a reply to CONFIG SET", server_.WhyNone());
}

void PropertyWorld::Apply(const Pass& op, RunContext& run) {
  if (!run.violated()) server_.Pass(std::min(op.ms.value, kMostPassMs));
}

}  // namespace resprobe
