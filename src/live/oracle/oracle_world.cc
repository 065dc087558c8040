#include "live/oracle/oracle_world.h"

#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace resprobe::live {
namespace {

constexpr size_t kShapes = 1 << 13;
// libFuzzer clears this section before each run, and reads it afterwards.
[[gnu::section("__libfuzzer_extra_counters"), gnu::used]] uint8_t shapes[kShapes];

[[noreturn]] void GiveUp(const std::string& why) {
  std::fprintf(stderr, "resprobe: command_oracle: %s\n", why.c_str());
  std::fflush(stderr);
  std::_Exit(2);
}

}  // namespace

void OracleWorld::Open() {
  TargetOptions options;
  const char* start = std::getenv("RESPROBE_ORACLE_START");
  options.start = start == nullptr || *start == '\0' ? "redis-server" : start;
  std::string error;
  target_ = LiveServer::Open(options, &error);
  if (target_ == nullptr) GiveUp(error);
  OracleOptions oracle;
  if (!target_->ProfileOf(&oracle.profile)) {
    GiveUp("there is no profile for " + target_->version() + ": start another server");
  }
  oracle_ = std::make_unique<Oracle>(target_.get(), oracle);
  oracle_->ObserveShapes(shapes);
}

void OracleWorld::Start(const Config& config, RunContext&) {
  if (oracle_ == nullptr) Open();
  if (!prepared_ || owner_ != getpid()) {
    std::string error;
    // The server may be gone because a forked child restarted it.
    if (!oracle_->Prepare(&error) && !(target_->Restart(&error) && oracle_->Prepare(&error))) {
      GiveUp(error);
    }
    prepared_ = true;
    owner_ = getpid();
  }
  finished_ = false;
  oracle_->Begin(config);
}

void OracleWorld::Settle(RunContext& run) {
  oracle_->Finish();
  finished_ = true;
  Report(run);
}

void OracleWorld::Report(RunContext& run) {
  const std::optional<Difference>& difference = oracle_->difference();
  if (!difference) return;
  const std::string_view kind = difference->kind;
  run.Fail(difference->fatal                                          ? "server_alive"
           : difference->command.starts_with("state:")                ? "same_state"
           : kind.starts_with("push:") || kind == "value of messages" ? "same_push"
                                                                      : "same_reply",
           difference->request + ": " + difference->core, difference->server);
  if (!finished_) oracle_->Finish();
  prepared_ = !difference->fatal;
}

}  // namespace resprobe::live
