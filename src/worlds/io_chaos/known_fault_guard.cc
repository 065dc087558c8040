#include "worlds/io_chaos/known_fault_guard.h"

#include <csetjmp>
#include <string>

namespace resprobe {
namespace {

// The target of a failing assert of the client under test.
std::jmp_buf trap;
const KnownFaultGuard* trapped = nullptr;
const KnownFaultInfo* trapped_fault = nullptr;

bool Concerns(const KnownFaultInfo& info, const IoSubject& subject) {
  if (!info.adapter.empty() && info.adapter != subject.adapter) return false;
  switch (info.fault) {
    case KnownFault::kNesting:
    case KnownFault::kAllocationsUnchecked:
    case KnownFault::kAttributeAsReply:
    case KnownFault::kSigpipe:
    case KnownFault::kElementsAhead:
      return true;
    case KnownFault::kInterruptedConnect:
    case KnownFault::kFullBacklogBlocking:
      return !subject.hiredis_async;
    default:
      return subject.hiredis_async;
  }
}

}  // namespace

void KnownFaultGuard::Start(const IoSubject& subject) {
  over_ = false;
  if (subject_ == &subject) return;
  subject_ = &subject;
  avoided_ = {};
  if (subject.hiredis_version == 0) return;
  for (const KnownFaultInfo& info : KnownFaults()) {
    if (go_to_.Has(info.fault) || !Concerns(info, subject)) continue;
    if (HasFault(subject.hiredis_version, info.fault)) avoided_.Add(info.fault);
  }
}

void KnownFaultGuard::OnAssert(const char* expression, const char* function) {
  if (trapped == nullptr) return;
  const KnownFaultInfo* const fault =
      FaultOfAssert(trapped->subject_->hiredis_version, expression, function);
  if (fault == nullptr || trapped->go_to_.Has(fault->fault)) return;
  const ClientScope ours(&trapped->run_->system, false);
  if (!trapped->is_caused_(fault->fault)) return;
  trapped_fault = fault;
  std::longjmp(trap, 1);  // NOLINT(cert-err52-cpp): over frames of C
}

void KnownFaultGuard::RunTrapped(void (*call)(const void*), const void* function) {
  if (trapped != nullptr) return call(function);
  trapped = this;
  TheAssertTrap().handler = OnAssert;
  trapped_fault = nullptr;
  if (setjmp(trap) == 0) call(function);  // NOLINT(cert-err52-cpp)
  trapped = nullptr;
  TheAssertTrap().handler = nullptr;
  if (trapped_fault != nullptr) Abandon(trapped_fault->fault);
}

void KnownFaultGuard::Abandon(KnownFault fault) {
  over_ = true;
  run_->in_timeout = false;
  run_->system.Reclaim();
  slots_->DropAll();
  if (run_->trace().on()) run_->trace().Line("known fault: " + std::string(InfoOf(fault).id));
}

}  // namespace resprobe
