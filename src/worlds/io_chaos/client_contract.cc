#include "worlds/io_chaos/client_contract.h"

#include <algorithm>

namespace resprobe {
namespace {

std::string NameOf(const IoCommand& command) {
  return "command " + std::to_string(command.number) + " (" +
         std::string(kClientStepNames[static_cast<size_t>(command.request.step)]) + ")";
}
std::string Callback(const IoCommand& command) { return NameOf(command) + " is called back"; }

}  // namespace

bool ClientContract::IsOfACommand(uint64_t number, bool was_given) {
  return run_->context->Check(was_given, "called_once", "the callback of a command",
                              [&] { return "command " + std::to_string(number); });
}

bool ClientContract::IsCalledOnce(uint64_t number, const IoCommand* command,
                                  const ClientSlot& slot) {
  if (command == nullptr) {
    run_->context->Fail("called_once", "one callback a command",
                        "command " + std::to_string(number) + " is called back again");
    return false;
  }
  if (!run_->context->Check(!command->refused && command->client == slot.index, "called_once",
                            "no callback for a command that was refused",
                            [&] { return Callback(*command); })) {
    return false;
  }
  return run_->context->Check(command->stays || command->calls() == 1, "called_once",
                              "one callback a command",
                              [&] { return Callback(*command) + " again"; });
}

bool ClientContract::WasCalled(const IoCommand& command) {
  return run_->context->Check(command.calls() == 1, "called_once", "one callback a command", [&] {
    return "none for " + NameOf(command) + ", and the client is gone";
  });
}

bool ClientContract::IsInOrder(const IoCommand& command, const ClientSlot& slot, bool from_cache) {
  // A cached value may overtake commands that were sent.
  return run_->context->Check(
      command.number > slot.last_called || from_cache, "in_order",
      [&] { return "commands after " + std::to_string(slot.last_called); },
      [&] { return Callback(command); });
}

bool ClientContract::IsBeforeTheEnd(const IoCommand& command, const ClientSlot& slot,
                                    const IoReply& reply) {
  return run_->context->Check(!slot.freed && !slot.disconnected, "no_reply_after_end",
                              "no reply after free or disconnect",
                              [&] { return Callback(command) + " with " + reply.Text(); });
}

bool ClientContract::IsBeforeTheEnd(const ClientSlot& slot, const IoReply& push) {
  return run_->context->Check(!slot.freed && !slot.disconnected, "no_reply_after_end",
                              "no push after free or disconnect", [&] { return push.Text(); });
}

bool ClientContract::ConnectsOnce(const ClientSlot& slot) {
  return run_->context->Check(!slot.connected, "disconnect_once",
                              "one connect callback for a connection", "another one");
}

bool ClientContract::DisconnectsOnce(const ClientSlot& slot) {
  return run_->context->Check(!slot.disconnected, "disconnect_once", "one disconnect callback",
                              "another") &&
         run_->context->Check(slot.connected, "disconnect_once", "a connect callback before it",
                              "none");
}

bool ClientContract::ToldOfItsEnd(const ClientSlot& slot) {
  return run_->context->Check(!slot.connected || slot.disconnected, "disconnect_once",
                              "a disconnect callback for a connection",
                              "none, and the client is gone");
}

void ClientContract::ReportUnread(uint64_t gone, const IoReply& reply) {
  run_->context->Fail("faithful",
                      "one of the values that were read and not handed out yet, of which " +
                          std::to_string(gone) + " are gone",
                      reply.Text());
}

bool ClientContract::IsItsReply(uint64_t number, uint64_t owner, bool message) {
  return run_->context->Check(
      owner == number, "own_reply",
      [&] { return "the reply to command " + std::to_string(number); },
      [&] {
        return message ? std::string("a message or a push")
                       : "the reply to command " + std::to_string(owner);
      });
}

bool ClientContract::IsItsChannel(const IoCommand& command, std::string_view channel,
                                  std::span<const std::string_view> names) {
  return run_->context->Check(std::find(names.begin(), names.end(), channel) != names.end(),
                              "own_channel", "the callback of a subscription to it", [&] {
                                return Callback(command) + " for \"" + std::string(channel) + "\"";
                              });
}

bool ClientContract::IsWhatWasGiven(std::string_view received, std::string_view given) {
  return run_->context->Check(
      received == given, "prefix", [&] { return "\"" + std::string(given) + "\""; },
      [&] { return "\"" + std::string(received) + "\""; });
}

bool ClientContract::HasNothingPending(const ClientSlot& slot) {
  return run_->context->Check(slot.pending == 0, "no_hang", "no command that waits", [&] {
    return std::to_string(slot.pending) + " commands wait for ever";
  });
}

bool ClientContract::HasConnected(const ClientSlot& slot) {
  return run_->context->Check(
      slot.connected, "no_hang", "a connect callback, once the peer has accepted",
      [&] { return "none on socket " + std::to_string(slot.socket) + ", and all is quiet"; });
}

void ClientContract::ReportWaiting(std::string_view why) {
  run_->context->Fail("no_hang", "a blocking call that waits for what may come",
                      "it waits for ever: " + std::string(why));
}

void ClientContract::ReportUnrest(int rounds) {
  run_->context->Fail("no_hang", "rest, once nothing moves",
                      std::to_string(rounds) + " rounds of events for nothing");
}

bool ClientContract::HoldsNothing() {
  const SimPosix& system = run_->system;
  return run_->context->Check(
      system.live_blocks() == 0 && system.open_sockets() == 0 && system.epoll().open() == 0,
      "nothing_leaks", "no memory, no socket and no event loop", [&] {
        return std::to_string(system.live_blocks()) + " blocks, " +
               std::to_string(system.open_sockets()) + " sockets and " +
               std::to_string(system.epoll().open()) + " descriptors of loops";
      });
}

bool ClientContract::IsTheError(const IoClient& client, int socket) {
  const SimPosix::Socket& s = run_->system.SocketAt(socket);
  const IoError error = client.error();
  const bool plausible = (error == IoError::kEnd && s.told_end && s.told_error == 0) ||
                         (error == IoError::kSystem && (s.told_error != 0 || client.blocking())) ||
                         (error == IoError::kTimeout && (run_->in_timeout || client.blocking())) ||
                         error == IoError::kProtocol || error == IoError::kOther ||
                         error == IoError::kMemory;
  return run_->context->Check(
      plausible, "true_error",
      [&] {
        return s.told_error != 0 ? "errno " + std::to_string(s.told_error)
               : s.told_end      ? std::string("the end of the stream")
                                 : std::string("no error of the connection");
      },
      [&] { return std::string(resprobe::NameOf(error)); });
}

bool ClientContract::MayTimeOut(const IoCommand& command, const ClientSlot& slot,
                                bool command_timeout) {
  return run_->context->Check(
      !run_->in_timeout || !slot.connected || command_timeout ||
          (slot.client->has_loop() && slot.client->error() != IoError::kTimeout),
      "belated_timer", "no command to fail of a timer that was for connecting",
      [&] { return Callback(command); });
}

void ClientContract::ReportIdleTimer(const ClientSlot& slot) {
  run_->context->Fail("timer_ends", "the commands that wait to end when their timer fires",
                      std::to_string(slot.pending) + " commands go on waiting");
}

void ClientContract::ReportImpatience(const char* why, IoError error) {
  run_->context->Fail("patient_connect",
                      "connecting to go on after " + std::string(why) + ", which is no failure",
                      "the attempt fails: " + std::string(resprobe::NameOf(error)));
}

void ClientContract::ReportSignal(int socket) {
  run_->context->Fail(
      "no_signal", "a write with MSG_NOSIGNAL",
      "SIGPIPE: it was written to socket " + std::to_string(socket) + ", whose peer is gone");
}

void ClientContract::ReportGreed(size_t bytes) {
  run_->context->Fail("memory", "memory in proportion to the bytes that were given and received",
                      std::to_string(bytes) + " bytes are asked for");
}

}  // namespace resprobe
