// A server with files: its start, the end of a turn, changes of its settings.

#include <utility>

#include "core/persistence/rdb.h"
#include "core/server/server.h"
#include "core/table/table.h"

namespace resprobe {

// Runs what the files hold, through a client whose replies go nowhere.
class Server::Loader : public AofSink {
 public:
  Loader(Server& server, PersistenceLog* log) : server_(server), log_(log) { Open(); }
  ~Loader() override { server_.Close(client_->id); }

  void BeginFile() override { client_->db = 0; }
  bool Knows(std::span<const std::string_view> args) override {
    const Command* const command = FindCommand(args[0], server_.config_.profile);
    if (command == nullptr || command->subcommands.empty() || args.size() < 2) {
      return command != nullptr;
    }
    return FindSubcommand(*command, args[1]) != nullptr;
  }
  void Run(std::span<const std::string_view> args) override {
    server_.Process(*client_, args);
    if (client_->blocked) server_.StopWaiting(*client_);
    if (client_->open) return;
    // The command has closed its connection, which a server's loader survives.
    server_.Close(client_->id);
    Open();
  }
  bool BeginTransaction() override {
    return !client_->dirty_cas && !server_.WatchedKeyExpired(*client_);
  }
  void EndTransaction() override {
    server_.UnwatchAll(*client_);
    client_->dirty_cas = false;
  }
  Rdb LoadRdb(std::string_view bytes) override {
    const ServerConfig& config = server_.config_;
    const RdbReadOptions options = {.profile = config.profile,
                                    .keep_expired = config.persistence.appendonly,
                                    .checksum = config.persistence.rdb_checksum};
    RdbReport report;
    const RdbResult result = resprobe::LoadRdb(bytes, options, &server_.keyspace_, &report);
    if (!result.ok() && log_ != nullptr) log_->Line(result.text);
    const bool refused = result.error == RdbError::kVersion || result.error == RdbError::kSignature;
    return {result.ok() ? Rdb::Status::kLoaded
            : refused   ? Rdb::Status::kRefused
                        : Rdb::Status::kFatal,
            report.size};
  }

 private:
  void Open() {
    client_ = server_.Lookup(server_.Connect());
    client_->primary = true;  // its commands are those of a server that has run them before
  }

  Server& server_;
  PersistenceLog* const log_;
  Client* client_ = nullptr;
};

bool Server::Start(FileSystem* files, uint64_t process, PersistenceLog* log) {
  persistence_.Start(files, process, log);
  if (files == nullptr) return true;
  keyspace_.set_expiry(Keyspace::Expiry::kIgnored);
  bool good = false;
  {
    Loader loader(*this, log);
    good = persistence_.Load(&loader);
  }
  // The first connection is number 1, as without files.
  by_id_.clear();
  SetExpiry();
  UpdateRecording();
  commands_run_ = 0;
  EndTurn(good);
  return good;
}

void Server::EndTurn(bool good) {
  if (exited_) return;
  if (good && !exits_) {
    if (!blocked_.empty()) AnswerDurable();
    return;
  }
  exited_ = true;
  failed_ = !good;
  while (!active_.empty()) Disconnect(*active_.back());
  for (Client* const client : by_id_) {
    if (client != nullptr) client->output.clear();
  }
}

std::string_view Server::Configure(const ServerConfig& config) {
  const bool wants_log = config.persistence.appendonly;
  const bool has_log = persistence_.aof() != Persistence::Aof::kOff;
  if (files() == nullptr || wants_log == config_.persistence.appendonly || wants_log == has_log) {
    config_ = config;
    return {};
  }
  ServerConfig before = std::exchange(config_, config);
  if (has_log) {
    persistence_.TurnOff();
  } else if (persistence_.TurnOn(in_exec()) == Persistence::Result::kFailed) {
    config_ = std::move(before);
    return "appendonly";
  }
  UpdateRecording();
  return {};
}

}  // namespace resprobe
