#include "live/model/invalidation_live_world.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace resprobe::live {
namespace {

// Starting a process takes as long as ten cases.
constexpr uint64_t kRestartEvery = 16;

[[noreturn]] void EndProcess(const std::string& why) {
  std::fprintf(stderr, "resprobe: invalidation_live: %s\n", why.c_str());
  std::fflush(stderr);
  std::_Exit(2);
}

}  // namespace

InvalidationLiveWorld::InvalidationLiveWorld() = default;
InvalidationLiveWorld::~InvalidationLiveWorld() = default;

InvalidationLiveWorld::InvalidationLiveWorld(PairedServer* server)
    : server_(server),
      world_(std::make_unique<InvalidationWorld>(server, invalidation::Scope::kAll)),
      owner_(getpid()) {}

void InvalidationLiveWorld::Open() {
  PairOptions options;
  options.restart_every = kRestartEvery;
  const char* start = std::getenv("RESPROBE_ORACLE_START");
  options.target.start = start == nullptr || *start == '\0' ? "redis-server" : start;
  std::string error;
  own_ = PairedServer::Open(options, &error);
  if (own_ == nullptr) EndProcess(error);
  server_ = own_.get();
  world_ = std::make_unique<InvalidationWorld>(server_, invalidation::Scope::kAll);
  owner_ = getpid();
}

void InvalidationLiveWorld::Start(const Config& config, RunContext& run) {
  if (server_ == nullptr) Open();
  if (server_->difference().has_value() || owner_ != getpid()) {
    std::string error;
    // The server may be gone because a forked child restarted it.
    if (!server_->Prepare(&error) &&
        !(server_->target().Restart(&error) && server_->Prepare(&error))) {
      EndProcess(error);
    }
    owner_ = getpid();
  }
  server_->BeginCase();
  world_->Start(config, run);
  Report(run);
}

void InvalidationLiveWorld::Settle(RunContext& run) {
  server_->EndCase();
  world_->Settle(run);
  Report(run);
}

void InvalidationLiveWorld::Report(RunContext& run) {
  const std::optional<PairDifference>& difference = server_->difference();
  if (!difference) return;
  const std::string_view kind = difference->kind;
  const auto about = [&](std::string_view word) { return kind.find(word) != kind.npos; };
  run.Fail(difference->fatal                                     ? "server_alive"
           : difference->command == "state"                      ? "same_state"
           : about("push") || about("order") || about("expired") ? "same_push"
                                                                 : "same_reply",
           difference->request + "\n" + difference->where + ":\n" + difference->model,
           difference->Signature() + "\n" + difference->where + ":\n" + difference->server);
}

}  // namespace resprobe::live
