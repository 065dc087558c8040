// CLIENT PAUSE (redis 7.0 networking.c pauseClients() and what follows, server.c processCommand).

#include <algorithm>

#include "core/server/server.h"
#include "core/table/table.h"

namespace resprobe {

// Of two pauses, the longer time and the stricter mode apply.
void Server::Pause(int64_t until, bool all) {
  if (until <= keyspace_.now_ms()) return;
  pause_until_ = std::max(pause_until_, until);
  pauses_all_ |= all;
  // The data stays unchanged, but expired keys are hidden.
  keyspace_.HoldExpiry(true);
}

void Server::Unpause() {
  if (pause_until_ == 0) return;
  pause_until_ = 0;
  pauses_all_ = false;
  keyspace_.HoldExpiry(false);
  for (Client* client : postponed_) {
    client->blocked = client->postponed = false;
    client->runs_postponed = true;
    resumed_.push_back(client);
  }
  postponed_.clear();
}

void Server::EndPause() {
  Unpause();
  if (!resumed_.empty()) Resume();
  Broadcast();
}

bool Server::IsPaused(const Client& client, const Command& command) const {
  constexpr uint32_t kChanges = kWrite | kMayReplicate;
  if (client.replica) return false;
  if (pauses_all_ || command.Has(kChanges)) return true;
  if (!command.is_exec || !client.multi) return false;
  for (size_t i = 0; i < client.queue.size(); ++i) {
    if (client.queue.entry(i).command->Has(kChanges)) return true;
  }
  return false;
}

// The whole command waits: so far only its existence has been checked.
void Server::Postpone(Client& client, const Command& command,
                      std::span<const std::string_view> args) {
  client.blocked = client.postponed = true;
  client.waiting.Clear();
  client.waiting.Add(command, args);
  postponed_.push_back(&client);
}

void Server::RunPostponed(Client& client) {
  client.runs_postponed = false;
  // The command may be postponed again.
  std::swap(client.waiting, postponed_command_);
  postponed_command_.Arguments(&postponed_args_);
  client.turn = client.output.size();
  Process(client, postponed_args_);
}

}  // namespace resprobe
