#include "live/durability/durability_live_world.h"

#include <unistd.h>

#include <cstdint>
#include <string>
#include <vector>

#include "live/server/harness_server.h"

namespace resprobe::live {
namespace {

constexpr std::string_view kHarness = "durability_live";
constexpr uint32_t kShapes = 1 << 13;
// libFuzzer clears this section before each run, and reads it afterwards.
[[gnu::section("__libfuzzer_extra_counters"), gnu::used]] uint8_t shapes[kShapes];

}  // namespace

void DurabilityLiveWorld::LeaveToParent() {
  if (owner_ == 0 || owner_ == getpid()) return;
  static_cast<void>(world_.release());
  static_cast<void>(prepared_.release());
}

void DurabilityLiveWorld::Open() {
  const std::vector<std::string> words = HarnessCommand(kHarness);
  DurableServerOptions options;
  options.program = words.front();
  options.arguments.assign(words.begin() + 1, words.end());
  options.cpu = sandbox::PinToThisProcessor();
  prepared_ = std::make_unique<PreparedServers>(options);
  // The name is all that is known before it runs.
  const bool valkey = options.program.find("valkey") != std::string::npos;
  world_ = std::make_unique<LiveDurability>(prepared_.get(),
                                            valkey ? Profile::kValkey80 : Profile::kRedis70);
  owner_ = getpid();
  uint32_t last = 0;
  world_->set_on_call([last](uint32_t place, bool failed) mutable {
    const uint32_t now = place * 2 + (failed ? 1 : 0);
    uint8_t& count = shapes[(last * 31 + now) % kShapes];
    if (count < UINT8_MAX) ++count;
    last = now * 31;
  });
}

void DurabilityLiveWorld::CheckSupport() {
  if (!world_->unsupported().empty()) EndHarness(kHarness, world_->unsupported());
}

void DurabilityLiveWorld::Start(const Config& config, RunContext& run) {
  if (owner_ != getpid()) {
    LeaveToParent();
    Open();
  }
  world_->Start(config, run);
  CheckSupport();
}

void DurabilityLiveWorld::Settle(RunContext& run) {
  world_->Settle(run);
  CheckSupport();
}

}  // namespace resprobe::live
