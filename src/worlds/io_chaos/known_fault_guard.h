#ifndef RESPROBE_WORLDS_IO_CHAOS_KNOWN_FAULT_GUARD_H_
#define RESPROBE_WORLDS_IO_CHAOS_KNOWN_FAULT_GUARD_H_

#include <functional>
#include <utility>

#include "worlds/io_chaos/client_slots.h"
#include "worlds/io_chaos/io_known_faults.h"
#include "worlds/io_chaos/io_run.h"

namespace resprobe {

// Keeps a run away from the known faults of its clients (io_known_faults.h): says which to avoid,
// and ends the run where one cannot be avoided any more, or where the client fails one of its own
// asserts because of it. Such a run is over: it violates nothing, and nothing more happens in it.
class KnownFaultGuard {
 public:
  // Says of a fault that fails an assert whether this run has its cause: the same assert may fail
  // for another reason, and then is no known fault.
  using IsCaused = std::function<bool(KnownFault)>;

  // The faults in `go_to` are not avoided.
  KnownFaultGuard(IoRun* run, ClientSlots* slots, KnownFaultSet go_to, IsCaused is_caused)
      : run_(run), slots_(slots), go_to_(go_to), is_caused_(std::move(is_caused)) {}

  // Starts a run with clients of this subject.
  void Start(const IoSubject& subject);
  bool over() const { return over_; }

  bool Avoids(KnownFault fault) const { return avoided_.Has(fault); }
  // Ends the run: drops the clients and what they hold.
  void Abandon(KnownFault fault);

  // Runs `body`, which calls a client; if the client fails an assert of a known fault, abandons the
  // run there. The destructors of what `body` has on its stack do not run then.
  template <class Body>
  void Run(const Body& body) {
    RunTrapped([](const void* function) { (*static_cast<const Body*>(function))(); }, &body);
  }

 private:
  void RunTrapped(void (*call)(const void*), const void* function);
  static void OnAssert(const char* expression, const char* function);

  IoRun* const run_;
  ClientSlots* const slots_;
  const KnownFaultSet go_to_;
  const IsCaused is_caused_;
  const IoSubject* subject_ = nullptr;
  KnownFaultSet avoided_;  // of the subject
  bool over_ = false;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_IO_CHAOS_KNOWN_FAULT_GUARD_H_
