#ifndef RESPROBE_WORLDS_IO_CHAOS_CLIENT_CONTRACT_H_
#define RESPROBE_WORLDS_IO_CHAOS_CLIENT_CONTRACT_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "worlds/io_chaos/client_slots.h"
#include "worlds/io_chaos/command_book.h"
#include "worlds/io_chaos/io_client.h"
#include "worlds/io_chaos/io_peer.h"
#include "worlds/io_chaos/io_run.h"

namespace resprobe {

// The checkers: one function for each clause of a client's contract with its user, named after its
// invariant (IoChaosWorld::kInvariants). Each gets the facts that it judges and changes none of
// them; on a violation it records what was expected and what was seen, and returns false.
//
// split_invariance is checked by SplitCheck, which needs a client of its own.
class ClientContract {
 public:
  explicit ClientContract(IoRun* run) : run_(run) {}

  // called_once. `command` is nullptr for a command that is not known any more.
  bool IsOfACommand(uint64_t number, bool was_given);
  bool IsCalledOnce(uint64_t number, const IoCommand* command, const ClientSlot& slot);
  bool WasCalled(const IoCommand& command);

  // in_order: `number` comes after all ordinary commands that were called back.
  bool IsInOrder(const IoCommand& command, const ClientSlot& slot, bool from_cache);

  // no_reply_after_end
  bool IsBeforeTheEnd(const IoCommand& command, const ClientSlot& slot, const IoReply& reply);
  bool IsBeforeTheEnd(const ClientSlot& slot, const IoReply& push);

  // disconnect_once
  bool ConnectsOnce(const ClientSlot& slot);
  bool DisconnectsOnce(const ClientSlot& slot);
  bool ToldOfItsEnd(const ClientSlot& slot);

  // faithful: reports a value that is none of those that were read; `gone` of these were handed
  // out.
  void ReportUnread(uint64_t gone, const IoReply& reply);

  // own_reply: `owner` is the command that the peer has answered with it; `message`: it is none.
  bool IsItsReply(uint64_t number, uint64_t owner, bool message);

  // prefix
  bool IsWhatWasGiven(std::string_view received, std::string_view given);

  // own_channel: `channel` is what the message or the confirmation is for, `names` are those that
  // the command has subscribed to.
  bool IsItsChannel(const IoCommand& command, std::string_view channel,
                    std::span<const std::string_view> names);

  // no_hang
  bool HasNothingPending(const ClientSlot& slot);
  bool HasConnected(const ClientSlot& slot);
  void ReportWaiting(std::string_view why);
  void ReportUnrest(int rounds);

  // nothing_leaks
  bool HoldsNothing();

  // true_error: the error that the client reports is what its system calls have returned.
  bool IsTheError(const IoClient& client, int socket);

  // belated_timer: a command has failed while a timer fired on a connection that is made.
  bool MayTimeOut(const IoCommand& command, const ClientSlot& slot, bool command_timeout);

  // timer_ends: reports that a command timer has fired, and nothing came of it.
  void ReportIdleTimer(const ClientSlot& slot);

  // patient_connect: reports that an attempt has failed for what is no failure.
  void ReportImpatience(const char* why, IoError error);

  // no_signal: reports that a write has raised SIGPIPE.
  void ReportSignal(int socket);

  // memory: reports that the client asks for `bytes`, and would hold too much.
  void ReportGreed(size_t bytes);

 private:
  IoRun* const run_;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_IO_CHAOS_CLIENT_CONTRACT_H_
