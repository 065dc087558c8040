#ifndef RESPROBE_WORLDS_IO_CHAOS_CLIENT_USER_H_
#define RESPROBE_WORLDS_IO_CHAOS_CLIENT_USER_H_

#include <array>
#include <cstdint>
#include <optional>

#include "worlds/io_chaos/active_toxics.h"
#include "worlds/io_chaos/callback_notes.h"
#include "worlds/io_chaos/client_contract.h"
#include "worlds/io_chaos/client_slots.h"
#include "worlds/io_chaos/command_book.h"
#include "worlds/io_chaos/io_client.h"
#include "worlds/io_chaos/io_lines.h"
#include "worlds/io_chaos/io_run.h"
#include "worlds/io_chaos/io_steps.h"
#include "worlds/io_chaos/known_fault_guard.h"
#include "worlds/io_chaos/read_values.h"
#include "worlds/io_chaos/request_words.h"
#include "worlds/io_chaos/split_check.h"

namespace resprobe {

// The program that uses the clients: it connects them, gives them commands, cancels, disconnects
// and frees, also inside their callbacks. It keeps to what a client may demand of its user, and
// away from known faults; so an action that is not allowed is left out. Each callback goes to the
// model (what was given, what was read) and is judged by the contract.
class ClientUser : public IoClientOwner {
 public:
  struct Options {
    IoClientOptions client;
    bool resp3 = false;  // each connection starts with HELLO 3
  };
  // The other parts of the world.
  struct Parts {
    IoRun* run;
    ClientSlots* slots;
    KnownFaultGuard* guard;
    ActiveToxics* toxics;
    IoLines* lines;
    CommandBook* book;
    RequestWords* words;
    ReadValues* values;
    ClientContract* contract;
    SplitCheck* split;
  };

  explicit ClientUser(const Parts& parts) : with_(parts), notes_(parts.run) {}

  // Starts a run, without a connection.
  void Start(const Options& options);
  const Options& options() const { return options_; }

  // Connects an idle client, which is then the current one; does nothing if none is idle.
  void Connect();
  // Gives a client a command; the callback of its reply performs `then`. Returns its number; 0 if
  // it was left out, or the client has refused it.
  uint64_t Give(ClientSlot& slot, IoRequest request, ClientAction then);
  // Acts outside any callback.
  void Act(ClientSlot& slot, ClientAction action) { Act(slot, action, std::nullopt); }

  // The next callback of this kind performs the action, unless its command says otherwise.
  void React(ClientCallback callback, ClientAction action) {
    reactions_[static_cast<size_t>(callback)] = action;
  }
  void StopReacting() { reactions_.fill(ClientAction::kNothing); }

  // Once no client exists, nothing may be left of any.
  void CheckGone();

 private:
  // IoClientOwner.
  void OnConnect(IoClient& client, bool ok) override;
  void OnReply(IoClient& client, uint64_t command, const IoReply* reply) override;
  void OnPush(IoClient& client, const IoReply& push) override;
  void OnDisconnect(IoClient& client, bool ok) override;
  void OnGone(IoClient& client) override;

  bool MayGive(const ClientSlot& slot, ClientStep step) const;
  // True if a callback may end its connection.
  bool MayEnd(const ClientSlot& slot, ClientCallback inside, ClientAction action) const;
  void Act(ClientSlot& slot, ClientAction action, std::optional<ClientCallback> inside);
  void ReactTo(ClientSlot& slot, ClientCallback callback);
  // False after a violation.
  bool TakeReply(ClientSlot& slot, const IoCommand& command, const IoReply& reply);
  // From an honest peer, a command gets the reply to this command.
  void CheckOwner(ClientSlot& slot, const IoCommand& command, uint64_t value);
  // … and a subscription what belongs to its channels.
  void CheckChannel(const ClientSlot& slot, const IoCommand& command);
  // An attempt to connect has failed.
  void CheckPatience(const ClientSlot& slot, int socket);

  const Parts with_;
  CallbackNotes notes_;
  Options options_;
  uint64_t connections_ = 0;  // in this run
  std::array<ClientAction, std::size(kClientCallbackNames)> reactions_{};
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_IO_CHAOS_CLIENT_USER_H_
