#include "live/server/started_subject.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <vector>

#include "live/server/target.h"

namespace resprobe::live {

void StartedSubject::LeaveToParent() {
  if (owner_ != 0 && owner_ != getpid()) static_cast<void>(subject_.release());
}

void StartedSubject::Open() {
  const auto give_up = [this](const std::string& why) {
    std::fprintf(stderr, "resprobe: %s: %s\n", harness_.c_str(), why.c_str());
    std::fflush(stderr);
    std::_Exit(2);
  };
  const char* start = std::getenv("RESPROBE_ORACLE_START");
  std::string error;
  const std::optional<std::vector<std::string>> words =
      WordsOfCommand(start == nullptr || *start == '\0' ? "redis-server" : start, &error);
  if (!words) give_up(error);
  sandbox::SandboxSubject::Options options;
  options.program = words->front();
  options.arguments.assign(words->begin() + 1, words->end());
  options.cpu = sandbox::PinToThisProcessor();
  subject_ = sandbox::SandboxSubject::Make(options, &error);
  if (subject_ == nullptr) give_up(error);
  owner_ = getpid();
}

void StartedSubject::Check() const {
  if (!subject_->error().empty()) {
    std::fprintf(stderr, "resprobe: %s: %s\n", harness_.c_str(), subject_->error().c_str());
    std::fflush(stderr);
    std::_Exit(2);
  }
  if (subject_->ending().empty()) return;
  std::fprintf(stderr, "resprobe: %s: the server has ended: %s\n", harness_.c_str(),
               subject_->ending().c_str());
  std::abort();
}

void StartedSubject::Reset() {
  if (owner_ != getpid()) {
    LeaveToParent();
    Open();
  }
  subject_->Reset();
}

}  // namespace resprobe::live
