// From a parsed request to its reply (redis 7.0 server.c: processCommand, call).

#include <algorithm>

#include "core/server/server.h"
#include "core/table/table.h"

namespace resprobe {
namespace {

// The text as a one-line error may show it: up to a NUL, at most `limit` bytes.
std::string_view Preview(std::string_view text, size_t limit) {
  return text.substr(0, std::min(limit, text.find('\0')));
}

void MaskLineEnds(std::string& text) {
  for (char& c : text) {
    if (c == '\r' || c == '\n') c = ' ';
  }
}

}  // namespace

void Server::Process(Client& client, std::span<const std::string_view> args) {
  current_ = &client;
  writer_ = ReplyWriter(client);
  Dispatch(client, args);
  if (!discarded_.empty()) discarded_.clear();
  if (!client.refused.empty()) [[unlikely]]
    client.closing = true;
  if (!client.blocked) EndRequest(client);
  current_ = nullptr;
  if (ready_count_ > 0) ServeReady();
  if (client.closing) Disconnect(client);
}

void Server::Dispatch(Client& client, std::span<const std::string_view> args) {
  const Command* command = FindCommand(args[0], config_.profile);
  if (command == nullptr &&
      (CommandContext::IsWord(args[0], "HOST:") || CommandContext::IsWord(args[0], "POST"))) {
    // An HTTP client: close without a reply.
    client.closing = true;
    return;
  }
  if (command != nullptr && !command->subcommands.empty() && args.size() > 1) {
    command = FindSubcommand(*command, args[1]);
  }
  if (command == nullptr) {
    RejectUnknown(client, args);
  } else if (!command->ArityFits(args.size())) {
    RejectArity(client, *command);
  } else if (client.multi && command->Has(kNoMulti)) {
    Reject(client, command, "ERR Command not allowed inside a transaction");
  } else {
    if (tracking_clients_ > 0) LimitTrackingTable();
    if (client.replica && command->Has(kReadonly | kWrite | kMayReplicate)) [[unlikely]] {
      Reject(client, command, "ERR Replica can't interact with the keyspace");
    } else if (files() != nullptr && RefusesWrites(client, *command)) [[unlikely]] {
      Reject(client, command, persistence_.Refusal());
    } else if (replica_ && !client.primary && Writes(client, *command)) [[unlikely]] {
      Reject(client, command, "READONLY You can't write against a read only replica.");
    } else if (client.subscribed && client.protocol == 2 && !command->runs_subscribed) {
      RejectSubscribed(client, *command);
    } else if (command->unsubscribes && !client.subscribed &&
               TraitsOf(config_.profile).unsubscribe_needs_subscription) {
      RejectUnsubscribed(client, *command);
    } else if (pause_until_ != 0 && IsPaused(client, *command)) {
      Postpone(client, *command, args);
      return;
    } else if (client.multi && !command->runs_in_multi) {
      if (!client.dirty_cas && !client.dirty_exec) client.queue.Add(*command, args);
      writer_.SimpleString("QUEUED");
    } else {
      Call(client, *command, args);
    }
  }
  // CLIENT CACHING applies to one command; before MULTI, to the whole transaction.
  if (client.caching && !client.multi && (command == nullptr || !command->keeps_caching)) {
    client.caching = false;
  }
}

void Server::Call(Client& client, const Command& command, std::span<const std::string_view> args) {
  ++commands_run_;
  // Not on the stack, where AddressSanitizer would poison and unpoison it on every call.
  CommandContext& context =
      contexts_[call_depth_++].emplace(*this, client, keyspace_, random_, writer_, scratch_,
                                       command, config_.profile, client.db, args);
  keyspace_.set_marks_use(!client.no_touch || command.marks_use);
  const uint64_t dirty = keyspace_.dirty();
  command.spec->handler(context);
  if (propagation_.records()) [[unlikely]]
    Propagate(context, dirty);
  if (client.tracking && command.Has(kReadonly)) RememberKeys(client, command, args);
  if (--call_depth_ > 0) return;
  if (!own_messages_.empty()) [[unlikely]] {
    client.output.append(own_messages_);
    own_messages_.clear();
  }
  if (pending_count_ > 0) SendPendingInvalidations();
}

// Whether it is a write, or an EXEC that would run one (redis 7.0 server.c processCommand,
// is_write_command).
bool Server::Writes(const Client& client, const Command& command) {
  if (command.Has(kWrite)) return true;
  if (!command.is_exec || !client.multi) return false;
  for (size_t i = 0; i < client.queue.size(); ++i) {
    if (client.queue.entry(i).command->Has(kWrite)) return true;
  }
  return false;
}

// While files cannot be written, neither writes nor PING are run (redis 7.0 server.c
// processCommand).
bool Server::RefusesWrites(const Client& client, const Command& command) {
  return !client.primary && (command.reports_refusal || Writes(client, command)) &&
         !persistence_.Refusal().empty();
}

// Replies with an error that keeps a command from running or, inside MULTI, from being queued. A
// rejected EXEC ends the transaction.
void Server::Reject(Client& client, const Command* command, std::string_view error) {
  if (client.multi) client.dirty_exec = true;
  if (command != nullptr && command->is_exec) {
    DiscardTransaction(client);
    error.remove_prefix(error.starts_with("ERR ") ? 4 : 0);
    std::string& text = scratch_.text;
    text.assign("EXECABORT Transaction discarded because of: ").append(error);
    writer_.SimpleError(text);
    return;
  }
  writer_.SimpleError(error);
}

void Server::RejectUnknown(Client& client, std::span<const std::string_view> args) {
  const Command* container = FindCommand(args[0], config_.profile);
  if (container != nullptr) {
    error_.assign("ERR unknown subcommand '").append(Preview(args[1], 128)).append("'. Try ");
    for (const char c : container->name()) {
      error_ += c >= 'a' && c <= 'z' ? static_cast<char>(c - 0x20) : c;
    }
    error_ += " HELP.";
  } else {
    constexpr size_t kMost = 128;
    std::string& list = scratch_.text;
    list.clear();
    for (size_t i = 1; i < args.size() && list.size() < kMost; ++i) {
      const std::string_view preview = Preview(args[i], kMost - list.size());
      list.append("'").append(preview).append("' ");
    }
    error_.assign("ERR unknown command '").append(Preview(args[0], kMost));
    error_.append("', with args beginning with: ").append(list);
  }
  MaskLineEnds(error_);
  Reject(client, nullptr, error_);
}

void Server::RejectSubscribed(Client& client, const Command& command) {
  error_.assign("ERR Can't execute '").append(command.full_name());
  error_ +=
      "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this "
      "context";
  Reject(client, &command, error_);
}

void Server::RejectUnsubscribed(Client& client, const Command& command) {
  error_.assign("NOSUB '").append(command.full_name());
  error_ += "' command executed not in subscribed mode";
  Reject(client, &command, error_);
}

void Server::RejectArity(Client& client, const Command& command) {
  error_.assign("ERR wrong number of arguments for '").append(command.full_name());
  error_.append("' command");
  Reject(client, &command, error_);
}

}  // namespace resprobe
