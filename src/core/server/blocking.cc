// Blocked clients: they wait for a key (BLPOP …) or for a time-out (redis 7.0 blocked.c,
// timeout.c).

#include <algorithm>
#include <utility>

#include "core/server/server.h"
#include "core/server/wait.h"
#include "core/table/table.h"

namespace resprobe {
namespace {

bool WaitsFor(const Client& client, int db, std::string_view key) {
  if (client.db != db) return false;
  for (size_t i = 0; i < client.wait.keys; ++i) {
    if (client.waiting.argument(client.wait.first_key + i) == key) return true;
  }
  return false;
}

}  // namespace

void Server::Block(CommandContext& context, const Wait& wait) {
  Client& client = context.client;
  client.blocked = true;
  blocked_.push_back(&client);
  // A command that was run again keeps waiting, after the clients that already wait.
  if (serving_ == &client) return;
  client.wait = wait;
  client.waiting.Clear();
  client.waiting.Add(context.command, context.args);
}

bool Server::Unblock(Client& client, bool with_error) {
  // A postponed client cannot be unblocked; the servers crash there
  // (docs/findings/unblock-paused-client.md).
  if (!client.blocked || client.postponed) return false;
  resp::Writer reply = ReplyWriter(client);
  if (with_error) {
    reply.SimpleError("UNBLOCKED client unblocked via CLIENT UNBLOCK");
  } else {
    ReplyNothing(*this, reply, client.wait);
  }
  EndWait(client);
  return true;
}

// Ends the wait of clients that have called WAIT, if the replica's report makes enough of them.
void Server::Acknowledged(const Client& replica, uint64_t offset) {
  source_.Acknowledge(replica, offset);
  for (size_t i = 0; i < blocked_.size();) {
    Client& client = *blocked_[i];
    const Wait& wait = client.wait;
    if (wait.nothing == Wait::Nothing::kReplicas &&
        source_.CountAcknowledged(wait.offset) >= wait.replicas) {
      Unblock(client, /*with_error=*/false);
    } else {
      ++i;
    }
  }
}

bool Server::IsDurable(const Wait& wait) const {
  return (!wait.local || persistence_.IsDurable(wait.mark)) &&
         source_.CountDurable(wait.offset) >= wait.replicas;
}

// Ends the wait of clients that have called WAITAOF, if what they have written is durable now.
void Server::AnswerDurable() {
  for (size_t i = 0; i < blocked_.size();) {
    Client& client = *blocked_[i];
    if (client.wait.nothing == Wait::Nothing::kDurable && IsDurable(client.wait)) {
      Unblock(client, /*with_error=*/false);
    } else {
      ++i;
    }
  }
}

// Ends the client's wait, whatever its reply was. Resume() will read the input that it sent
// meanwhile.
void Server::EndWait(Client& client) {
  StopWaiting(client);
  EndRequest(client);
  resumed_.push_back(&client);
}

// This server becomes a replica: nothing that its clients wait for is to happen (redis 7.0
// blocked.c, disconnectAllBlockedClients).
void Server::DropBlocked() {
  while (!blocked_.empty()) {
    Client& client = *blocked_.front();
    ReplyWriter(client).SimpleError(
        "UNBLOCKED force unblock from blocking operation, instance state changed (master -> "
        "replica?)");
    StopWaiting(client);
    Disconnect(client);
  }
}

void Server::StopWaiting(Client& client) {
  std::vector<Client*>& list = client.postponed ? postponed_ : blocked_;
  client.blocked = client.postponed = false;
  list.erase(std::find(list.begin(), list.end(), &client));
}

// A key has been created while clients wait. They are served after the command that changed it.
void Server::NoteReady(int db, std::string_view key) {
  for (const Client* client : blocked_) {
    if (!WaitsFor(*client, db, key)) continue;
    for (size_t i = ready_next_; i < ready_count_; ++i) {
      if (ready_[i].db == db && ready_[i].key == key) return;
    }
    if (ready_count_ == ready_.size()) ready_.emplace_back();
    ready_[ready_count_].db = db;
    ready_[ready_count_++].key.assign(key);
    return;
  }
}

// Marks all keys of the database as ready: it has new contents.
void Server::NoteAllReady(int db) {
  for (const Client* client : blocked_) {
    if (client->db != db) continue;
    for (size_t i = 0; i < client->wait.keys; ++i) {
      const std::string_view key = client->waiting.argument(client->wait.first_key + i);
      if (keyspace_.Peek(db, key) != nullptr) NoteReady(db, key);
    }
  }
}

// Serving a client can make another key ready.
void Server::ServeReady() {
  while (ready_next_ < ready_count_) {
    const int db = ready_[ready_next_].db;
    served_key_.swap(ready_[ready_next_].key);
    ++ready_next_;
    ServeKey(db);
  }
  ready_next_ = ready_count_ = 0;
}

// Serves the clients that wait for the key, in order of arrival, while the key exists.
void Server::ServeKey(int db) {
  // A client that waits again moves to the end of the list, and is not tried again.
  size_t left = blocked_.size();
  for (size_t i = 0; left > 0; --left) {
    Client& client = *blocked_[i];
    const Object* object = keyspace_.Peek(db, served_key_);
    if (object == nullptr) return;
    if (object->type() != client.wait.type || !WaitsFor(client, db, served_key_)) {
      ++i;
      continue;
    }
    Serve(client);
  }
}

// Runs the client's command again: for the key that is ready, or as a whole, by profile.
void Server::Serve(Client& client) {
  StopWaiting(client);
  client.waiting.Arguments(&served_args_);
  const Command& command = *client.waiting.entry(0).command;
  Client* const before = current_;
  current_ = &client;
  serving_ = &client;
  writer_ = ReplyWriter(client);
  Call(client, command, served_args_);
  current_ = before;
  serving_ = nullptr;
  if (!discarded_.empty()) discarded_.clear();
  if (client.blocked) return;
  EndRequest(client);
  resumed_.push_back(&client);
}

// redis 7.0's t_list.c serveClientBlockedOnList() does not signal a change of the list that it pops
// from: the push has just signalled it.
bool Server::PopsInSilence(std::string_view key) const {
  if (serving_ == nullptr || TraitsOf(config_.profile).waits_run_again) return false;
  if (serving_->wait.type != ObjectType::kList || key != served_key_) return false;
  const Command& command = *serving_->waiting.entry(0).command;
  if (command.HasTrait(kSignalsPop)) return false;  // BLMPOP shares the code of LMPOP
  // BLMOVE onto the same list also pushes.
  return !(command.HasTrait(kMovesElement) && serving_->waiting.argument(2) == key);
}

// Unblocks the clients whose time-out has passed, the earliest first.
void Server::TimeOut() {
  const int64_t now = keyspace_.now_ms();
  while (true) {
    Client* first = nullptr;
    for (Client* client : blocked_) {
      const int64_t until = client->wait.until;
      if (until == 0 || until > now) continue;
      if (first == nullptr || until < first->wait.until ||
          (until == first->wait.until && client->id < first->id)) {
        first = client;
      }
    }
    if (first == nullptr) return;
    Unblock(*first, /*with_error=*/false);
  }
}

// Reads the input that clients sent while they waited; that can block them again, or unblock
// others.
void Server::Resume() {
  for (size_t i = 0; i < resumed_.size(); ++i) {
    Client& client = *resumed_[i];
    if (client.primary && client.open) [[unlikely]] {
      const std::string bytes = std::move(client.unread);
      client.unread.clear();
      ReadPrimary(client, bytes);
      continue;
    }
    if (client.open && client.runs_postponed) RunPostponed(client);
    if (!client.open || client.blocked || client.unread.empty()) continue;
    if (!client.refused.empty()) continue;  // a replica that is about to be disconnected
    std::string& bytes = resumed_bytes_;
    bytes.swap(client.unread);
    client.unread.clear();
    Read(client, bytes);
  }
  resumed_.clear();
}

}  // namespace resprobe
