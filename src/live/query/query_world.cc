#include "live/query/query_world.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <optional>

namespace resprobe::live {
namespace {

[[noreturn]] void GiveUp(const std::string& why) {
  std::fprintf(stderr, "resprobe: query_oracle: %s\n", why.c_str());
  std::fflush(stderr);
  std::_Exit(2);
}

}  // namespace

void QueryWorld::Open() {
  TargetOptions options;
  const char* start = std::getenv("RESPROBE_ORACLE_START");
  options.start = WithSearchModule(start == nullptr || *start == '\0' ? "redis-server" : start);
  std::string error;
  target_ = LiveServer::Open(options, &error);
  if (target_ == nullptr) GiveUp(error);
  oracle_ = std::make_unique<QueryOracle>(target_.get(), QueryOracleOptions{});
}

void QueryWorld::Run(Bytes input, RunContext& run) {
  if (oracle_ == nullptr) Open();
  if (oracle_->stale() || owner_ != getpid()) {
    std::string error;
    // The server may be gone because a forked child restarted it.
    if (!oracle_->Prepare(false, &error) && !oracle_->Prepare(true, &error)) GiveUp(error);
    owner_ = getpid();
  }
  const std::optional<QueryFailure> failure = oracle_->Run(input);
  if (!failure) return;
  using Kind = QueryFailure::Kind;
  run.Fail(failure->is_fault()            ? "server_alive"
           : failure->kind == Kind::kTree ? "same_tree"
                                          : "same_acceptance",
           failure->request + ": " + failure->expected,
           failure->Signature() + "\n" + failure->seen);
}

}  // namespace resprobe::live
