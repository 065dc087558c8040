#include "live/server/started_subject.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "live/server/harness_server.h"

namespace resprobe::live {

void StartedSubject::LeaveToParent() {
  if (owner_ != 0 && owner_ != getpid()) static_cast<void>(subject_.release());
}

void StartedSubject::Open() {
  const std::vector<std::string> words = HarnessCommand(harness_);
  sandbox::SandboxSubject::Options options;
  options.program = words.front();
  options.arguments.assign(words.begin() + 1, words.end());
  options.cpu = sandbox::PinToThisProcessor();
  std::string error;
  subject_ = sandbox::SandboxSubject::Make(options, &error);
  if (subject_ == nullptr) EndHarness(harness_, error);
  owner_ = getpid();
}

void StartedSubject::Check() const {
  FollowCoverage(subject_->sandbox());
  if (!subject_->error().empty()) EndHarness(harness_, subject_->error());
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
