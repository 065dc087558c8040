#ifndef RESPROBE_WORLDS_IO_CHAOS_EVENT_LOOP_H_
#define RESPROBE_WORLDS_IO_CHAOS_EVENT_LOOP_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "sim/sim_posix.h"
#include "worlds/io_chaos/client_contract.h"
#include "worlds/io_chaos/client_slots.h"
#include "worlds/io_chaos/io_client.h"
#include "worlds/io_chaos/io_lines.h"
#include "worlds/io_chaos/io_run.h"
#include "worlds/io_chaos/known_fault_guard.h"
#include "worlds/io_chaos/read_values.h"

namespace resprobe {

// When things happen: the event loop of the program that uses the clients, and the waiting of calls
// that block. It moves the lines, fires the events that clients wait for, and lets time pass until
// the next thing is due. A budget of rounds bounds it: toxics can make a stream very slow.
class EventLoop : public SimPosix::World {
 public:
  // A client's own loop may fire a timer this much too soon or too late.
  static constexpr int64_t kTimerSlackUs = 1000;

  EventLoop(IoRun* run, ClientSlots* slots, KnownFaultGuard* guard, IoLines* lines,
            ReadValues* values, LookAhead* ahead, ClientContract* contract)
      : run_(run),
        slots_(slots),
        guard_(guard),
        lines_(lines),
        values_(values),
        ahead_(ahead),
        contract_(contract) {}

  // From now on, at most this many rounds.
  void set_rounds(int rounds) { rounds_left_ = rounds; }
  // A client's commands have a time limit in this run.
  void set_command_timeout(bool on) { command_timeout_ = on; }

  // An event of a client fires, if it waits for it and something has happened; with `spurious`,
  // even if nothing has. A client that blocks fetches a reply. A timer lets time pass until it is
  // due. True if it has fired.
  bool Fire(ClientSlot& slot, IoClient::Event event, bool spurious);
  // The same for several events of one tick, in this order. A client with a loop of its own has one
  // turn of it.
  bool Fire(ClientSlot& slot, std::span<const IoClient::Event> events, bool spurious);
  // Moves and fires until nothing is left to do, or the rounds are over. Events without end and
  // effect are a violation of `no_hang`.
  void RunUntilQuiet();

  // SimPosix::World.
  int64_t now_us() const override { return run_->now_us(); }
  void OnConnecting(int socket) override;
  void OnClosed(int socket) override { lines_->Close(socket); }
  bool Wait(int socket, bool readable, bool writable, int64_t until_us) override;
  void OnResult(const char* call, int socket, int64_t result) override;
  void OnSignal(int socket) override;
  void OnGreed(size_t bytes, size_t held, size_t most) override;

 private:
  // True if the client waits for the event, and its call would not be in vain.
  bool IsDue(const IoClient& client, IoClient::Event event);
  bool FireAll();
  // An event that the client waits for; it has no loop of its own.
  void FireWanted(ClientSlot& slot, IoClient::Event event);
  bool Turn(ClientSlot& slot, std::span<const IoClient::Event> events, bool spurious);
  // A command timer fires while `fire` runs: what waited for it must have ended.
  template <class Body>
  void FireTimer(ClientSlot& slot, const Body& fire);
  // Why a blocking client that waits on this socket will never get anything, although nothing of
  // what it was given or sent is held up; "" if it may.
  std::string_view WhyInVain(int socket);

  IoRun* const run_;
  ClientSlots* const slots_;
  KnownFaultGuard* const guard_;
  IoLines* const lines_;
  ReadValues* const values_;
  LookAhead* const ahead_;
  ClientContract* const contract_;
  int rounds_left_ = 0;
  bool command_timeout_ = false;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_IO_CHAOS_EVENT_LOOP_H_
