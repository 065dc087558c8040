// replication on servers with the fault that $RESPROBE_BUG names: the core, whose bytes from and to
// others are changed.

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "driver/fuzz_main.h"
#include "sim/core_subject.h"
#include "worlds/replication/core_servers.h"
#include "worlds/replication/replication_harness.h"

namespace resprobe {
namespace {

class FaultyServer : public ServerSubject {
 public:
  explicit FaultyServer(const ServerConfig& config) : real_(config) {}

  void Reset() override {
    replicas_.clear();
    real_.Reset();
  }
  uint64_t Connect() override { return real_.Connect(); }
  void Send(uint64_t connection, std::string_view bytes) override {
    if (bytes.find("\r\nPSYNC\r\n") != bytes.npos) replicas_.insert(connection);
    std::string changed(bytes);
    ChangeRequest(connection, &changed);
    real_.Send(connection, changed);
  }
  void Receive(uint64_t connection, std::string* append) override {
    std::string bytes;
    real_.Receive(connection, &bytes);
    ChangeOutput(connection, &bytes);
    append->append(bytes);
  }
  bool HasOutput(uint64_t connection) const override { return real_.HasOutput(connection); }
  bool IsOpen(uint64_t connection) const override { return real_.IsOpen(connection); }
  void Close(uint64_t connection) override { real_.Close(connection); }
  void Advance(uint64_t ms) override { real_.Advance(ms); }
  uint64_t now_ms() const override { return real_.now_ms(); }
  void set_host(ServerHost* host) override { real_.set_host(host); }
  Server* core() override { return real_.core(); }

 protected:
  virtual void ChangeRequest(uint64_t, std::string*) {}
  virtual void ChangeOutput(uint64_t, std::string*) {}
  bool IsReplica(uint64_t connection) const { return replicas_.contains(connection); }
  Server& server() { return *real_.core(); }

 private:
  CoreSubject real_;
  std::set<uint64_t> replicas_;
};

// Some commands of the stream become another one of the same length.
class ChangedCommand : public FaultyServer {
 public:
  using FaultyServer::FaultyServer;
  void ChangeOutput(uint64_t connection, std::string* bytes) override {
    const size_t at = IsReplica(connection) ? bytes->find("\r\nSADD\r\n") : bytes->npos;
    if (at != bytes->npos) bytes->replace(at, 8, "\r\nSREM\r\n");
  }
};

// WAIT counts replicas that are behind.
class WaitCountsAll : public FaultyServer {
 public:
  using FaultyServer::FaultyServer;
  void ChangeRequest(uint64_t connection, std::string* bytes) override {
    waits_ = bytes->starts_with("*3\r\n$4\r\nWAIT\r\n") ? connection : 0;
  }
  void ChangeOutput(uint64_t connection, std::string* bytes) override {
    if (connection != waits_ || !bytes->starts_with(":")) return;
    *bytes = ":" + std::to_string(server().source().replicas().size()) + "\r\n";
    waits_ = 0;
  }

 private:
  uint64_t waits_ = 0;
};

// A replica may go on at its offset in any history.
class AnyHistory : public FaultyServer {
 public:
  using FaultyServer::FaultyServer;
  void ChangeRequest(uint64_t, std::string* bytes) override {
    constexpr std::string_view kPsync = "\r\nPSYNC\r\n$40\r\n";
    const size_t at = bytes->find(kPsync);
    const std::string_view id = server().source().id();
    if (at != bytes->npos && !id.empty()) bytes->replace(at + kPsync.size(), id.size(), id);
  }
};

// A replica takes writes of clients.
class WritableReplica : public FaultyServer {
 public:
  using FaultyServer::FaultyServer;
  void ChangeOutput(uint64_t, std::string* bytes) override {
    if (bytes->starts_with("-READONLY")) *bytes = "+OK\r\n";
  }
};

// Times to live are sent as what is left of them, a second too long.
class LaterExpiry : public FaultyServer {
 public:
  using FaultyServer::FaultyServer;
  void ChangeOutput(uint64_t connection, std::string* bytes) override {
    constexpr std::string_view kExpiry = "\r\nPXAT\r\n$13\r\n";
    const size_t at = IsReplica(connection) ? bytes->find(kExpiry) : bytes->npos;
    if (at == bytes->npos) return;
    char& digit = (*bytes)[at + kExpiry.size() + 9];  // of seconds
    if (digit < '9') ++digit;
  }
};

struct Bug {
  std::string_view name;
  CoreServers::Make make;
};
template <class T>
std::unique_ptr<ServerSubject> Make(const ServerConfig& config) {
  return std::make_unique<T>(config);
}
const Bug kBugs[] = {
    {"any_history", Make<AnyHistory>},           {"changed_command", Make<ChangedCommand>},
    {"wait_counts_all", Make<WaitCountsAll>},    {"later_expiry", Make<LaterExpiry>},
    {"writable_replica", Make<WritableReplica>},
};

// The first one unless $RESPROBE_BUG names another.
std::unique_ptr<ReplicatedServers> Servers() {
  const char* const name = std::getenv("RESPROBE_BUG");
  if (name == nullptr) return std::make_unique<CoreServers>(kBugs[0].make);
  for (const Bug& bug : kBugs) {
    if (bug.name == name) return std::make_unique<CoreServers>(bug.make);
  }
  std::fprintf(stderr, "RESPROBE_BUG is to name one of:\n");
  for (const Bug& bug : kBugs) std::fprintf(stderr, "  %s\n", std::string(bug.name).c_str());
  std::exit(2);
}

}  // namespace
}  // namespace resprobe

RESPROBE_HARNESS(resprobe::OpsHarness<resprobe::ReplicationWorld>(std::in_place,
                                                                  resprobe::Servers()))
