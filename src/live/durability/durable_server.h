#ifndef RESPROBE_LIVE_DURABILITY_DURABLE_SERVER_H_
#define RESPROBE_LIVE_DURABILITY_DURABLE_SERVER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/server/server.h"
#include "sandbox/sandbox.h"
#include "sandbox/sandbox_client.h"
#include "sandbox/scratch_folder.h"

namespace resprobe::live {

inline constexpr int64_t kMsUs = 1000;  // microseconds in a millisecond
// When a server's time begins, in ms since 1970.
inline constexpr int64_t kDurableStartMs = 1'700'000'000'000;
// proto-max-bulk-len of the servers: the least that they take.
inline constexpr int64_t kDurableMaxBulk = 1 << 20;

// What a server is started with.
struct DurableServerOptions {
  // redis-server, valkey-server, or a program with their command line, looked up in PATH; and
  // arguments on top of those that a run needs.
  std::string program = "redis-server";
  std::vector<std::string> arguments = {};
  // The processor on which the servers run; -1: any.
  int cpu = -1;
  // An injected fault: each fsync reports success, and is none.
  bool ignores_fsync = false;
  // An injected fault: a request whose connection is cut within it arrives whole.
  bool runs_cut_requests = false;
};

// Processes of a server that are about to read their files. What comes before that (loading the
// program and its libraries, reading the settings) is done once for each list of settings; then
// processes are copied.
class PreparedServers {
 public:
  explicit PreparedServers(const DurableServerOptions& options) : options_(options) {}
  const DurableServerOptions& options() const { return options_; }
  PreparedServers(const PreparedServers&) = delete;
  PreparedServers& operator=(const PreparedServers&) = delete;

  // A system of its own with a prepared node, and its folder, for Delete(). nullptr with one line
  // in `error` if the server cannot run.
  std::unique_ptr<sandbox::Sandbox> Take(const std::vector<std::string>& settings,
                                         std::string* folder, std::string* error);
  void Delete(std::string* folder) const { folder_.Delete(folder); }

 private:
  static constexpr size_t kMostKept = 24;

  DurableServerOptions options_;
  sandbox::ScratchFolder folder_;
  std::map<std::vector<std::string>, std::unique_ptr<sandbox::Sandbox>> kept_;
};

// One value of a server, as DUMP gives it.
struct DumpedKey {
  int db = 0;
  std::string key;
  std::string payload;
  int64_t expire_at = kNoExpiry;  // ms since 1970
};

// A server on a simulated disk, in a sandbox, and its clients: one life after another.
class DurableServer {
 public:
  static constexpr size_t kClients = 2;

  // Not owned.
  explicit DurableServer(PreparedServers* prepared) : prepared_(prepared) {}
  ~DurableServer() { End(); }
  DurableServer(const DurableServer&) = delete;
  DurableServer& operator=(const DurableServer&) = delete;

  // A process starts on a copy of a disk, `at_us` after the start of the sandbox's time. False if
  // it ends before it accepts connections; why() says why. True with frozen() if the disk has
  // frozen.
  bool Start(const std::vector<std::string>& settings, const Disk& disk, int64_t at_us,
             DiskChoices* choices, DiskObserver* observer);
  // The process is gone; disk() is what it has left.
  void Crash(CrashKind kind) { node().Crash(kind); }
  // The same, and the disk is gone, too.
  void End();

  bool up() const { return sandbox_ != nullptr && node().up(); }
  bool frozen() const { return node().disk().frozen(); }
  // Why it ended, or did not start: its last line, or what the sandbox cannot do.
  const std::string& why() const { return why_; }
  // The same without the process and the time that a line of a log begins with: "1000:M 14 Nov 2023
  // 22:13:20.000 # Bad file format".
  std::string_view reason() const;
  // Something that the sandbox cannot simulate: nothing can be said of the server.
  bool unsupported() const { return unsupported_; }
  Disk& disk() const { return node().disk(); }
  // Which thread makes the call that an observer of the disk sees.
  SandboxRole caller() const;
  sandbox::SandboxNode& node() const { return sandbox_->node(0); }

  // Sends a request, and returns the reply as SandboxClient does; nothing if none comes within
  // `within_ms`, and the connection is closed.
  std::optional<std::string> Ask(size_t client, std::span<const std::string_view> words,
                                 int64_t within_ms = kPatienceMs);
  std::optional<std::string> Ask(std::initializer_list<std::string_view> words) {
    return Ask(kClients, std::span(words.begin(), words.size()));
  }
  void Disconnect(size_t client) { clients_[client]->Disconnect(); }
  // A request whose connection ends: after `share` 255ths of it, or after all (255), or, if
  // `in_reply`, when a reply begins to arrive. The server has seen the end when this returns.
  // Returns whether the reply has begun.
  bool SendAndCut(size_t client, std::span<const std::string_view> words, uint8_t share,
                  bool in_reply);
  // Time passes; false if the process has ended, or its disk has frozen.
  bool Pass(int64_t us);
  int64_t now_us() const { return sandbox_->now_us(); }
  int64_t now_ms() const { return node().now_ms(); }
  // The same in the midst of a turn (Sandbox::call_us()).
  int64_t call_us() const { return sandbox_->call_us(); }

  // All keys of all databases. False if the process is gone, or its disk has frozen.
  bool Read(std::vector<DumpedKey>* keys);
  // A field of INFO; empty: there is none. Update() first.
  std::string_view Info(std::string_view field) const;
  // Asks for a section of INFO, which replaces the one before. False if the process is gone.
  bool Update(std::string_view section = "persistence");

 private:
  static constexpr int64_t kPatienceMs = 60'000;
  static constexpr int kDatabases = 16;

  void Connect();

  PreparedServers* const prepared_;
  std::unique_ptr<sandbox::Sandbox> sandbox_;
  std::string folder_;
  std::unique_ptr<sandbox::SandboxClient> clients_[kClients + 1];  // the last one is for questions
  std::string request_;
  std::string info_;
  std::string why_;
  bool unsupported_ = false;
};

// Gives a server of the core these values, and no others. Empty, or why it cannot take one.
std::string Load(std::span<const DumpedKey> keys, Server* server);
// The same for a fresh server at this time. (RESTORE takes no value whose time to live ends in this
// very millisecond, in which it can still be read.)
std::string LoadAt(std::span<const DumpedKey> keys, int64_t now_ms, Server* server);

// True if the server refuses a request for a reason that has nothing to do with its disk, so that
// its settings do not suit a run.
bool IsUnsuited(std::string_view reply);

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_DURABILITY_DURABLE_SERVER_H_
