// The actions of a client's user in the world `io_chaos`, and the client's callbacks.

#include <algorithm>
#include <utility>

#include "core/resp/writer.h"
#include "worlds/io_chaos/io_chaos_limits.h"
#include "worlds/io_chaos/io_chaos_world.h"

namespace resprobe {
namespace {

using io_chaos::kKeys;
using io_chaos::kMostBytes;

constexpr std::string_view kPatterns[] = {"*", "a*", "b"};
constexpr size_t kMostCommands = 400;

bool IsSubscription(ClientStep step) {
  return step == ClientStep::kSubscribe || step == ClientStep::kPsubscribe;
}
bool IsUnsubscription(ClientStep step) {
  return step == ClientStep::kUnsubscribe || step == ClientStep::kPunsubscribe;
}

}  // namespace

// --- The user's actions.

std::span<const std::string_view> IoChaosWorld::Arguments(ClientStep step, size_t which,
                                                          size_t size) {
  const std::string_view key = kKeys[which % std::size(kKeys)];
  const auto words = [&](std::initializer_list<std::string_view> list) {
    std::copy(list.begin(), list.end(), words_.begin());
    return std::span<const std::string_view>(words_.data(), list.size());
  };
  // A command with `size` names, starting with number `which`.
  const auto named = [&](std::string_view command, std::span<const std::string_view> names) {
    words_[0] = command;
    size_t count = 1;
    for (size_t i = 0; i < std::min(size, names.size()); ++i) {
      words_[count++] = names[(which + i) % names.size()];
    }
    return std::span<const std::string_view>(words_.data(), count);
  };
  switch (step) {
    case ClientStep::kPing:
      return words({"PING"});
    case ClientStep::kSet:
      return words({"SET", key, "value"});
    case ClientStep::kGet:
      return words({"GET", key});
    case ClientStep::kDownload:
      // A reply of the requested size, without an upload before it.
      return words({"ECHO", std::string_view(blob_).substr(0, std::min(size, kMostBytes / 8))});
    case ClientStep::kUpload:
      return words({"SET", "u", std::string_view(blob_).substr(0, std::min(size, kMostBytes))});
    case ClientStep::kMulti:
      return words({"MULTI"});
    case ClientStep::kExec:
      return words({"EXEC"});
    case ClientStep::kSubscribe:
      size = std::max<size_t>(size, 1);
      return named("SUBSCRIBE", kKeys);
    case ClientStep::kPsubscribe:
      size = std::max<size_t>(size, 1);
      return named("PSUBSCRIBE", kPatterns);
    case ClientStep::kUnsubscribe:
      return named("UNSUBSCRIBE", kKeys);
    case ClientStep::kPunsubscribe:
      return named("PUNSUBSCRIBE", kPatterns);
    case ClientStep::kMonitor:
      return words({"MONITOR"});
    case ClientStep::kHello:
      return words({"HELLO", "3"});
    case ClientStep::kTracking:
      return words({"CLIENT", "TRACKING", "ON", "BCAST"});
  }
  return {};
}

uint64_t IoChaosWorld::Give(Slot& slot, ClientStep step, size_t which, size_t size,
                            ClientAction then) {
  if (!slot.client->exists() || commands_.size() >= kMostCommands) return 0;
  const bool stays = step == ClientStep::kMonitor || IsSubscription(step);
  if (slot.client->blocking() && (stays || IsUnsubscription(step))) {
    // A push has no reply to wait for; in RESP2 the next value that a blocking client reads may be
    // a message.
    if (config_.resp3 || step == ClientStep::kMonitor) return 0;
    size = 1;
    slot.stays = true;
  }
  // The lines of MONITOR look like replies: a connection that monitors does nothing else.
  if (slot.stays_monitor) return 0;
  // A queued command has another reply, which the user must know.
  const bool plain = !stays && !IsUnsubscription(step);
  if (slot.queues && !plain) return 0;
  if (!plain && evil_memory_ && Avoids(KnownFault::kSubscribeOutOfMemory)) return 0;
  if (IsUnsubscription(step) && Avoids(KnownFault::kStaleCallback)) return 0;
  if (plain && slot.stays && Avoids(KnownFault::kCommandWhileSubscribed)) return 0;
  if (step == ClientStep::kMulti) slot.queues = true;
  if (step == ClientStep::kExec) slot.queues = false;
  if (step == ClientStep::kMonitor) {
    if (Avoids(KnownFault::kMonitorRepush) && (slot.pending > 0 || slot.stays)) return 0;
    slot.stays_monitor = true;
  }
  const std::span<const std::string_view> args = Arguments(step, which, size);
  const uint64_t number = commands_.size() + 1;
  commands_.push_back({.client = static_cast<uint8_t>(&slot - slots_.data()),
                       .step = step,
                       .then = then,
                       .stays = stays && !slot.client->blocking()});
  given_.push_back({step, which, size});
  const size_t before = slot.expected.size();
  resp::AppendRequest(&slot.expected, args);
  slot.requests.push_back(number);
  const bool silent = IsUnsubscription(step) && !slot.client->blocking();
  // Count before the call: it may call back.
  const bool ordinary = !commands_.back().stays && !silent;
  if (ordinary) ++slot.pending;
  if (slot.socket >= 0 && system_.SocketAt(slot.socket).read > 0) slot.plain = false;
  const bool accepted = slot.client->Command(number, commands_[number - 1].stays, args);
  system_.log().Add(now_us(), ChaosLog::Who::kClient, "command", static_cast<int64_t>(number),
                    accepted ? 0 : -1);
  if (!accepted) {
    if (ordinary && commands_[number - 1].live + commands_[number - 1].failed == 0) --slot.pending;
    commands_[number - 1].refused = true;
    slot.expected.resize(before);
    slot.requests.pop_back();
    return 0;
  }
  commands_[number - 1].silent = silent;
  if (stays && !slot.stays) {
    slot.stays = true;
    if (slot.socket >= 0) {
      // What has arrived and is unread will be read by a subscribed connection.
      Line& line = LineOf(slot);
      line.ahead = 0;
      line.ahead_parser.Reset();
      LookAhead(slot.socket);
    }
  }
  return number;
}

void IoChaosWorld::Do(Slot& slot, ClientAction action, const ClientCallback* inside) {
  if (action == ClientAction::kNothing || run_->violated()) return;
  const bool ends = action != ClientAction::kCommand;
  if (inside != nullptr && ends) {
    // The callback runs inside a blocking call, which needs its context when it returns.
    if (*inside == ClientCallback::kPush && slot.client->blocking()) return;
    if (*inside == ClientCallback::kConnect && Avoids(KnownFault::kFreeInConnect)) return;
    if (*inside == ClientCallback::kConnect && slot.ending && Avoids(KnownFault::kFreeIgnored)) {
      return;
    }
    if (*inside == ClientCallback::kDisconnect && Avoids(KnownFault::kFreeInDisconnect)) return;
    if (*inside == ClientCallback::kPush && action != ClientAction::kDisconnect &&
        Avoids(KnownFault::kFreeInPush)) {
      return;
    }
  }
  ++acted_;
  slot.plain = false;
  system_.log().Add(now_us(), ChaosLog::Who::kClient, "act", static_cast<int64_t>(action),
                    inside != nullptr ? 1 : 0);
  switch (action) {
    case ClientAction::kNothing:
      break;
    case ClientAction::kCommand:
      Give(slot, ClientStep::kPing, 0, 0, ClientAction::kNothing);
      break;
    case ClientAction::kDisconnect:
      slot.ending = true;
      slot.client->Disconnect();
      break;
    case ClientAction::kFree:
      if (slot.client->exists()) slot.freed = true;
      slot.client->Free();
      break;
    case ClientAction::kReconnect:
      if (slot.client->exists()) slot.freed = true;
      slot.client->Free();
      Connect();
      break;
  }
}

// --- The client's callbacks.

void IoChaosWorld::OnConnect(IoClient& client, bool ok) {
  Slot& slot = SlotOf(client);
  system_.log().Add(now_us(), ChaosLog::Who::kClient, "connected", slot.client->descriptor(), ok);
  if (run_->trace().on()) {
    run_->trace().Line(ok ? "connected" : "not connected: " + std::string(NameOf(client.error())));
  }
  run_->Check(!slot.connected, "disconnect_once", "one connect callback for a connection",
              "another one");
  slot.connected = ok;
  if (ok) slot.connected_us = now_us();
  constexpr auto kHere = ClientCallback::kConnect;
  const ClientAction action =
      std::exchange(reactions_[static_cast<size_t>(kHere)], ClientAction::kNothing);
  Do(slot, action, &kHere);
}

void IoChaosWorld::OnReply(IoClient& client, uint64_t number, const IoReply* reply) {
  Slot& slot = SlotOf(client);
  system_.log().Add(now_us(), ChaosLog::Who::kClient, "reply", static_cast<int64_t>(number),
                    reply != nullptr);
  if (run_->trace().on()) {
    run_->trace().Line("callback " + std::to_string(number) + " " +
                       (reply == nullptr ? "none" : reply->Text()));
  }
  if (!run_->Check(number >= 1 && number <= commands_.size(), "called_once",
                   "the callback of a command",
                   [&] { return "command " + std::to_string(number); })) {
    return;
  }
  if (replaying_) {
    if (reply != nullptr) again_.push_back({number, Match(slot, *reply)});
    return;
  }
  Command& command = commands_[number - 1];
  const bool ordinary = !command.stays;
  const auto told = [&] {
    return "command " + std::to_string(number) + " (" +
           std::string(kClientStepNames[static_cast<size_t>(command.step)]) + ") is called back";
  };
  (reply != nullptr ? command.live : command.failed) += 1;
  if (!run_->Check(!command.refused && &slots_[command.client] == &slot, "called_once",
                   "no callback for a command that was refused", told)) {
    return;
  }
  if (ordinary) {
    if (!run_->Check(command.live + command.failed == 1, "called_once", "one callback a command",
                     [&] { return told() + " again"; }) ||
        !run_->Check(
            // A cached value may overtake commands that were sent.
            number > slot.last_called || (reply != nullptr && reply->from_cache()), "in_order",
            [&] { return "commands after " + std::to_string(slot.last_called); }, told)) {
      return;
    }
    if (reply == nullptr || !reply->from_cache()) slot.last_called = number;
    --slot.pending;
  }
  if (reply != nullptr) {
    if (!run_->Check(!slot.freed && !slot.disconnected, "no_reply_after_end",
                     "no reply after free or disconnect",
                     [&] { return told() + " with " + reply->Text(); })) {
      return;
    }
    if (!reply->from_cache()) {
      const uint64_t value = Match(slot, *reply);
      if (value == kNoValue) return;
      callbacks_.push_back({number, value});
      CheckOwner(slot, number, value);
    }
  } else {
    run_->Check(!in_timeout_ || !slot.connected || config_.command_timeout, "belated_timer",
                "no command to fail of a timer that was for connecting", told);
  }
  if (run_->violated()) return;
  const ClientCallback here = reply != nullptr ? ClientCallback::kReply : ClientCallback::kNoReply;
  ClientAction action = std::exchange(command.then, ClientAction::kNothing);
  if (action == ClientAction::kNothing) {
    action = std::exchange(reactions_[static_cast<size_t>(here)], ClientAction::kNothing);
  }
  Do(slot, action, &here);
}

void IoChaosWorld::OnPush(IoClient& client, const IoReply& push) {
  Slot& slot = SlotOf(client);
  system_.log().Add(now_us(), ChaosLog::Who::kClient, "push", 0, 0);
  if (run_->trace().on()) run_->trace().Line("push " + push.Text());
  if (replaying_) {
    again_.push_back({kPushed, Match(slot, push)});
    return;
  }
  if (!run_->Check(!slot.freed && !slot.disconnected, "no_reply_after_end",
                   "no push after free or disconnect", [&] { return push.Text(); })) {
    return;
  }
  const uint64_t value = Match(slot, push);
  if (value == kNoValue) return;
  callbacks_.push_back({kPushed, value});
  constexpr auto kHere = ClientCallback::kPush;
  const ClientAction action =
      std::exchange(reactions_[static_cast<size_t>(kHere)], ClientAction::kNothing);
  Do(slot, action, &kHere);
}

void IoChaosWorld::OnDisconnect(IoClient& client, bool ok) {
  Slot& slot = SlotOf(client);
  system_.log().Add(now_us(), ChaosLog::Who::kClient, "disconnected", slot.socket, ok);
  if (run_->trace().on()) {
    run_->trace().Line(ok ? "disconnected"
                          : "disconnected: " + std::string(NameOf(client.error())));
  }
  if (replaying_) return;
  if (!run_->Check(!slot.disconnected, "disconnect_once", "one disconnect callback", "another") ||
      !run_->Check(slot.connected, "disconnect_once", "a connect callback before it", "none")) {
    return;
  }
  slot.disconnected = true;
  if (!ok && slot.socket >= 0 && !evil_memory_ && !slot.freed) {
    const SimPosix::Socket& s = system_.SocketAt(slot.socket);
    const IoError error = client.error();
    const bool plausible =
        (error == IoError::kEnd && s.told_end && s.told_error == 0) ||
        (error == IoError::kSystem && (s.told_error != 0 || client.blocking())) ||
        (error == IoError::kTimeout && (in_timeout_ || client.blocking())) ||
        error == IoError::kProtocol || error == IoError::kOther || error == IoError::kMemory;
    run_->Check(
        plausible, "true_error",
        [&] {
          return s.told_error != 0 ? "errno " + std::to_string(s.told_error)
                 : s.told_end      ? std::string("the end of the stream")
                                   : std::string("no error of the connection");
        },
        [&] { return std::string(NameOf(error)); });
  }
  constexpr auto kHere = ClientCallback::kDisconnect;
  const ClientAction action =
      std::exchange(reactions_[static_cast<size_t>(kHere)], ClientAction::kNothing);
  Do(slot, action, &kHere);
}

void IoChaosWorld::OnGone(IoClient& client) {
  Slot& slot = SlotOf(client);
  system_.log().Add(now_us(), ChaosLog::Who::kClient, "gone", slot.socket, 0);
  if (run_->trace().on()) run_->trace().Line("gone");
  if (replaying_) return;
  if (slot.connected) {
    run_->Check(slot.disconnected, "disconnect_once", "a disconnect callback for a connection",
                "none, and the client is gone");
  }
  // Every accepted command has been called back by now.
  const auto index = static_cast<uint8_t>(&slot - slots_.data());
  for (const uint64_t number : slot.requests) {
    const Command& command = commands_[number - 1];
    if (command.client != index || command.stays || command.silent) continue;
    if (evil_memory_) break;
    if (!run_->Check(command.live + command.failed == 1, "called_once", "one callback a command",
                     [&] {
                       return "none for command " + std::to_string(number) + " (" +
                              std::string(kClientStepNames[static_cast<size_t>(command.step)]) +
                              "), and the client is gone";
                     })) {
      return;
    }
  }
}

uint64_t IoChaosWorld::Match(Slot& slot, const IoReply& reply) {
  if (slot.socket < 0) return kNoValue;
  Line& line = LineOf(slot);
  const SimPosix::Socket& s = system_.SocketAt(slot.socket);
  if (line.foreign) return line.values;
  while (line.parsed < s.read) {
    const resp::ReplyParser::Result result =
        line.parser.Parse(std::string_view(s.arrived).substr(line.parsed, s.read - line.parsed));
    line.parsed += result.consumed;
    if (result.status == resp::ReplyParser::Status::kNeedMore) break;
    if (result.status == resp::ReplyParser::Status::kError) {
      const resp::ParseErrorCode code = line.parser.error().code;
      // resp_differential checks what the two parsers read differently; a length that both know is
      // not checked there.
      if (code == resp::ParseErrorCode::kTooManyElements) break;
      line.foreign = true;
      return line.values;
    }
    ++line.values;
    if (reply.Same(line.parser.reply())) return line.values - 1;
  }
  run_->Fail("faithful",
             "one of the values that were read and not handed out yet, of which " +
                 std::to_string(line.values) + " are gone",
             reply.Text());
  return kNoValue;
}

void IoChaosWorld::CheckOwner(Slot& slot, uint64_t number, uint64_t value) {
  const Line& line = LineOf(slot);
  if (line.foreign || !line.peer.honest() || value >= line.peer.tags().size()) return;
  const Command& command = commands_[number - 1];
  if (command.stays || slot.client->has_handshake() || (slot.client->blocking() && slot.stays))
    return;
  const IoPeer::Tag& tag = line.peer.tags()[value];
  const uint64_t owner = tag.request < slot.requests.size() ? slot.requests[tag.request] : 0;
  run_->Check(
      owner == number, "own_reply",
      [&] { return "the reply to command " + std::to_string(number); },
      [&] {
        return tag.request == IoPeer::Tag::kMessage
                   ? std::string("a message or a push")
                   : "the reply to command " + std::to_string(owner);
      });
}

}  // namespace resprobe
