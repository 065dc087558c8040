#include "worlds/io_chaos/client_user.h"

#include <algorithm>
#include <utility>

namespace resprobe {

void ClientUser::Start(const Options& options) {
  options_ = options;
  connections_ = 0;
  StopReacting();
}

// --- The user's actions.

void ClientUser::Connect() {
  ClientSlot* const slot = with_.slots->FindIdle();
  if (slot == nullptr) return;
  with_.slots->set_current(*slot);
  if (++connections_ > 1) with_.split->Spoil();
  slot->Begin(connections_);
  with_.run->system.ForgetNewest();
  if (!slot->client->Connect(options_.client)) {
    CheckPatience(*slot, with_.run->system.newest());
    return CheckGone();
  }
  if (slot->socket < 0) slot->socket = slot->client->descriptor();
  if (options_.resp3) Give(*slot, {.step = ClientStep::kHello}, ClientAction::kNothing);
}

void ClientUser::CheckGone() {
  if (with_.slots->AllIdle()) with_.contract->HoldsNothing();
}

void ClientUser::CheckPatience(const ClientSlot& slot, int socket) {
  const IoError error = slot.client->error();
  if (socket < 0 || slot.freed || error != IoError::kSystem || with_.toxics->evil_memory()) return;
  const SimPosix::Socket& s = with_.run->system.SocketAt(socket);
  // It has failed for a reason, or has waited in vain.
  if (s.told_error != 0 || s.told_end || s.waited_out) return;
  const bool blocking = slot.client->blocking();
  if (s.backlogged) {
    const KnownFault known = blocking ? KnownFault::kFullBacklogBlocking : KnownFault::kFullBacklog;
    if (!with_.guard->Avoids(known)) with_.contract->ReportImpatience("EAGAIN", error);
  } else if (s.interrupted && !with_.guard->Avoids(KnownFault::kInterruptedConnect)) {
    with_.contract->ReportImpatience("EINTR", error);
  }
}

bool ClientUser::MayGive(const ClientSlot& slot, ClientStep step) const {
  const KnownFaultGuard& guard = *with_.guard;
  // The lines of MONITOR look like replies: a connection that monitors does nothing else.
  if (slot.monitors) return false;
  if (Stays(step) || IsUnsubscription(step)) {
    // A queued command has another reply, which the user must know.
    if (slot.queues) return false;
    if (with_.toxics->evil_memory() && guard.Avoids(KnownFault::kSubscribeOutOfMemory)) {
      return false;
    }
    if (IsUnsubscription(step)) return !guard.Avoids(KnownFault::kStaleCallback);
    return step != ClientStep::kMonitor || !guard.Avoids(KnownFault::kMonitorRepush) ||
           (slot.pending == 0 && !slot.stays);
  }
  if (!slot.stays) return true;
  const bool makes_array = step == ClientStep::kMulti || step == ClientStep::kExec;
  if (makes_array && !slot.client->blocking() && guard.Avoids(KnownFault::kArrayWhileSubscribed)) {
    return false;
  }
  return !guard.Avoids(KnownFault::kCommandWhileSubscribed);
}

uint64_t ClientUser::Give(ClientSlot& slot, IoRequest request, ClientAction then) {
  const ClientStep step = request.step;
  CommandBook& book = *with_.book;
  const auto over = [&](const IoCommand& command) {
    return (*with_.slots)[command.client].connection != command.connection;
  };
  if (!slot.client->exists() || !book.MakeRoom(over)) return 0;
  const bool blocking = slot.client->blocking();
  const bool stays = Stays(step);
  bool unanswered = false;
  if (blocking && (stays || IsUnsubscription(step))) {
    if (step == ClientStep::kMonitor) return 0;
    // In RESP2 the next value that a blocking client reads may be a message. In RESP3 it may be a
    // push, if pushes are handed out as replies are; if not, the confirmation is no reply to wait
    // for.
    if (slot.resp3 && !options_.client.pushes_as_replies) {
      // HELLO may have been refused, or not have arrived yet.
      const bool connected = slot.socket >= 0 && with_.run->system.Connected(slot.socket);
      if (!options_.client.push_handler ||
          (connected && with_.lines->peer(slot.socket).protocol() < 3)) {
        return 0;
      }
      unanswered = true;
    }
    request.size = 1;
    slot.stays = true;
  }
  if (!MayGive(slot, step)) return 0;
  if (step == ClientStep::kMulti) slot.queues = true;
  if (step == ClientStep::kExec) slot.queues = false;
  if (step == ClientStep::kMonitor) slot.monitors = true;
  if (step == ClientStep::kHello) slot.resp3 = true;
  const bool silent = unanswered || (IsUnsubscription(step) && !blocking);
  const bool ordinary = !silent && (!stays || blocking);
  const uint64_t number = book.Add({.connection = slot.connection,
                                    .request = request,
                                    .then = then,
                                    .client = slot.index,
                                    .stays = stays && !blocking})
                              .number;
  const std::span<const std::string_view> words = with_.words->Of(request);
  const uint64_t place = slot.sent.Add(number, words);
  size_t given = 0;  // bytes
  for (const std::string_view word : words) given += word.size();
  with_.run->system.Earn(given);
  // Count before the call: it may call back.
  if (ordinary) ++slot.pending;
  if (slot.socket >= 0 && with_.run->system.SocketAt(slot.socket).read > 0) with_.split->Spoil();
  const IoAnswer answer = silent               ? IoAnswer::kNone
                          : stays && !blocking ? IoAnswer::kMessages
                                               : IoAnswer::kReply;
  const bool accepted = slot.client->Command(number, answer, words);
  with_.run->Log(ChaosLog::Who::kClient, "command", static_cast<int64_t>(number),
                 accepted ? 0 : -1);
  IoCommand* const command = book.Find(number);
  if (!accepted) {
    if (ordinary && command != nullptr && command->calls() == 0) --slot.pending;
    if (command != nullptr) command->refused = true;
    slot.sent.TakeBack(place);
    return 0;
  }
  if (IsSubscription(step) || IsUnsubscription(step)) {
    slot.owed_confirmations += std::max<size_t>(words.size() - 1, 1);
  } else {
    ++slot.owed;
  }
  if (command != nullptr) command->silent = silent;
  if (stays && !slot.stays) {
    slot.stays = true;
    // What has arrived and is unread will be read by a subscribed connection.
    if (slot.socket >= 0) with_.lines->LookAgain(slot.socket, true);
  }
  return number;
}

bool ClientUser::MayEnd(const ClientSlot& slot, ClientCallback inside, ClientAction action) const {
  const KnownFaultGuard& guard = *with_.guard;
  switch (inside) {
    case ClientCallback::kPush:
      // The callback runs inside a blocking call, which needs its context when it returns.
      if (slot.client->blocking()) return false;
      return action == ClientAction::kDisconnect || !guard.Avoids(KnownFault::kFreeInPush);
    case ClientCallback::kConnect:
      if (guard.Avoids(KnownFault::kFreeInConnect)) return false;
      return !slot.ending || !guard.Avoids(KnownFault::kFreeIgnored);
    case ClientCallback::kDisconnect:
      return !guard.Avoids(KnownFault::kFreeInDisconnect);
    case ClientCallback::kReply:
    case ClientCallback::kNoReply:
      return true;
  }
  return true;
}

void ClientUser::Act(ClientSlot& slot, ClientAction action, std::optional<ClientCallback> inside) {
  if (action == ClientAction::kNothing || with_.run->violated()) return;
  if (inside && action != ClientAction::kCommand && !MayEnd(slot, *inside, action)) return;
  with_.split->Spoil();
  with_.run->Log(ChaosLog::Who::kClient, "act", static_cast<int64_t>(action), inside ? 1 : 0);
  switch (action) {
    case ClientAction::kNothing:
      break;
    case ClientAction::kCommand:
      Give(slot, {.step = ClientStep::kPing}, ClientAction::kNothing);
      break;
    case ClientAction::kDisconnect:
      slot.ending = true;
      slot.client->Disconnect();
      break;
    case ClientAction::kFree:
    case ClientAction::kReconnect:
      if (slot.client->exists()) slot.freed = true;
      slot.client->Free();
      if (action == ClientAction::kReconnect) Connect();
      break;
  }
}

void ClientUser::ReactTo(ClientSlot& slot, ClientCallback callback) {
  Act(slot, std::exchange(reactions_[static_cast<size_t>(callback)], ClientAction::kNothing),
      callback);
}

// --- The client's callbacks.

void ClientUser::OnConnect(IoClient& client, bool ok) {
  ClientSlot& slot = with_.slots->Of(client);
  notes_.Connect(client, ok);
  with_.contract->ConnectsOnce(slot);
  slot.connected = ok;
  if (!ok) CheckPatience(slot, slot.socket >= 0 ? slot.socket : client.descriptor());
  ReactTo(slot, ClientCallback::kConnect);
}

void ClientUser::OnReply(IoClient& client, uint64_t number, const IoReply* reply) {
  ClientSlot& slot = with_.slots->Of(client);
  ClientContract& contract = *with_.contract;
  notes_.Reply(number, reply);
  if (!contract.IsOfACommand(number, with_.book->WasGiven(number))) return;
  IoCommand* const command = with_.book->Find(number);
  if (command != nullptr) (reply != nullptr ? command->live : command->failed) += 1;
  if (!contract.IsCalledOnce(number, command, slot)) return;
  const bool from_cache = reply != nullptr && reply->from_cache();
  if (!command->stays) {
    if (!contract.IsInOrder(*command, slot, from_cache)) return;
    if (!from_cache) slot.last_called = number;
    --slot.pending;
  }
  if (reply != nullptr) {
    if (!TakeReply(slot, *command, *reply)) return;
  } else if (!contract.MayTimeOut(*command, slot, options_.client.command_timeout_ms > 0)) {
    return;
  }
  if (with_.run->violated()) return;
  const ClientCallback here = reply != nullptr ? ClientCallback::kReply : ClientCallback::kNoReply;
  const ClientAction action = std::exchange(command->then, ClientAction::kNothing);
  if (action == ClientAction::kNothing) return ReactTo(slot, here);
  Act(slot, action, here);
}

bool ClientUser::TakeReply(ClientSlot& slot, const IoCommand& command, const IoReply& reply) {
  if (!with_.contract->IsBeforeTheEnd(command, slot, reply)) return false;
  if (reply.from_cache()) return true;
  const uint64_t value = with_.values->Match(slot, reply);
  if (value == ReadValues::kNoValue) return false;
  with_.split->Record(command.number, value);
  CheckOwner(slot, command, value);
  CheckChannel(slot, command);
  return true;
}

void ClientUser::CheckChannel(const ClientSlot& slot, const IoCommand& command) {
  if (!command.stays || command.request.step == ClientStep::kMonitor ||
      !with_.lines->peer(slot.socket).honest()) {
    return;
  }
  const resp::Reply* const value = with_.values->matched(slot.socket);
  if (value == nullptr || value->root().size() < 3) return;
  const std::string_view kind = value->root()[0].text();
  const bool pattern = kind.starts_with('p') && kind != "ping";
  if (!kind.ends_with("message") && !kind.ends_with("subscribe")) return;
  const std::span<const std::string_view> words = with_.words->Of(command.request);
  const bool same_kind = pattern == (command.request.step == ClientStep::kPsubscribe);
  with_.contract->IsItsChannel(command, value->root()[1].text(),
                               same_kind ? words.subspan(1) : words.first(0));
}

void ClientUser::CheckOwner(ClientSlot& slot, const IoCommand& command, uint64_t value) {
  const uint64_t origin = with_.lines->peer(slot.socket).OriginOf(value);
  if (origin == IoPeer::kUnknown || with_.values->foreign(slot.socket)) return;
  if (command.stays || slot.client->has_handshake() || slot.shifted) return;
  const bool message = origin == IoPeer::kMessage;
  const uint64_t owner = slot.sent.CommandOf(origin);
  // A value of RESP2 that a blocking client reads may be a message. From then on all its replies
  // are those of earlier commands, in RESP3 too.
  if (slot.client->blocking() && slot.stays &&
      with_.lines->peer(slot.socket).ProtocolOf(value) < 3) {
    slot.shifted = message || owner != command.number;
    return;
  }
  with_.contract->IsItsReply(command.number, owner, message);
}

void ClientUser::OnPush(IoClient& client, const IoReply& push) {
  ClientSlot& slot = with_.slots->Of(client);
  notes_.Push(push);
  if (!with_.contract->IsBeforeTheEnd(slot, push)) return;
  const uint64_t value = with_.values->Match(slot, push);
  if (value == ReadValues::kNoValue) return;
  with_.split->Record(SplitCheck::kPushed, value);
  ReactTo(slot, ClientCallback::kPush);
}

void ClientUser::OnDisconnect(IoClient& client, bool ok) {
  ClientSlot& slot = with_.slots->Of(client);
  notes_.Disconnect(client, slot.socket, ok);
  if (!with_.contract->DisconnectsOnce(slot)) return;
  slot.disconnected = true;
  if (!ok && slot.socket >= 0 && !slot.freed && !with_.toxics->evil_memory()) {
    with_.contract->IsTheError(client, slot.socket);
  }
  ReactTo(slot, ClientCallback::kDisconnect);
}

void ClientUser::OnGone(IoClient& client) {
  const ClientSlot& slot = with_.slots->Of(client);
  notes_.Gone(slot.socket);
  with_.contract->ToldOfItsEnd(slot);
  if (with_.toxics->evil_memory()) return;
  // Every command that was accepted has been called back by now.
  for (const IoCommand& command : with_.book->held()) {
    if (command.client != slot.index || command.connection != slot.connection || command.stays ||
        command.silent || command.refused) {
      continue;
    }
    if (!with_.contract->WasCalled(command)) return;
  }
}

}  // namespace resprobe
