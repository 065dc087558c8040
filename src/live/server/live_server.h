#ifndef RESPROBE_LIVE_SERVER_LIVE_SERVER_H_
#define RESPROBE_LIVE_SERVER_LIVE_SERVER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "core/table/profile.h"
#include "live/net/unique_fd.h"
#include "live/server/crash_report.h"
#include "live/server/server_process.h"

namespace resprobe::live {

struct TargetOptions {
  // Exactly one of these three.
  std::string server = {};     // HOST:PORT
  std::string unix_path = {};  // a socket
  // redis-server, valkey-server, or what takes their command line; options may stand behind it.
  std::string start = {};
  // More of the command line of what is started.
  std::vector<std::string> arguments = {};
  // "NAME=VALUE" for the environment of what is started.
  std::vector<std::string> environment = {};
  bool allow_remote = false;
  bool flush = false;         // a server that holds keys may lose them
  size_t most_megabytes = 0;  // of address space for what is started; 0: no limit
  // A server that takes connections and says nothing for so long, when it is asked what it is,
  // hangs.
  int hang_ms = 10'000;
  // Once this is true, the server is not waited for any longer.
  std::function<bool()> stop = [] { return false; };
};

// Why a server that does not answer does not.
struct ServerEnd {
  bool ended = false;          // else it hangs
  bool out_of_memory = false;  // it was refused memory, and said so
  std::string what;            // "signal 11: f|g|h", by its crash report or else by how it ended
  std::string command;         // that was running, by its report; or ""

  // "server has ended: signal 11: f|g|h", "server hangs".
  std::string Text() const;
};

// The live server that the core is compared with: one that is there, or a private one (own folder,
// a unix socket, no persistence) that is restarted when it has died.
class LiveServer {
 public:
  // Starts what is to be started, and asks the server what it is. nullptr with one line in `error`:
  // no such server, no RESP server, one that holds keys (without `flush`).
  static std::unique_ptr<LiveServer> Open(const TargetOptions& options, std::string* error);
  ~LiveServer();

  UniqueFd Connect(std::string* error) const;
  // Whether waiting is to stop, for whoever waits on a connection of Connect()'s.
  const std::function<bool()>& stop() const { return options_.stop; }
  int hang_ms() const { return options_.hang_ms; }
  // Started by us.
  bool own() const { return !options_.start.empty(); }
  // To be called when nothing answers any more: looks at the process that we started, if any, for
  // up to `ms`. One that hangs is ended; if it reports crashes (redis and valkey do), its log then
  // says where it was. A server that is not ours counts as ended, unless it takes connections.
  // Where waiting is to stop, that it has not ended says nothing.
  ServerEnd FindEnd(int ms) const;
  // A new process in the place of the old one. False with `error` if it does not start.
  bool Restart(std::string* error);
  // What the started server has logged, its last `most` bytes; empty for any other.
  std::string Log(size_t most = 64 << 10) const;
  // The crash report, if there is one, in what has been logged since the last call of this, or
  // since the start.
  std::optional<CrashReport> NewReport();
  // The most memory that the process that we started ever had resident; 0 if we started none.
  size_t PeakKilobytes() const { return process_ == nullptr ? 0 : process_->PeakKilobytes(); }

  // "redis 7.0.15", "valkey 8.0.1".
  const std::string& version() const { return version_; }
  // The profile whose server this is; false if the core has none for it, and then `profile` is the
  // nearest.
  bool ProfileOf(Profile* profile) const;
  // Whether the server has the command ("get", "client|list"), in lower case.
  bool Has(std::string_view full_name) const { return commands_.contains(full_name); }
  // Its proto-max-bulk-len.
  int64_t max_bulk() const { return max_bulk_; }
  // Its tracking-table-max-keys; empty if it has none.
  const std::string& most_tracked() const { return most_tracked_; }
  // By how much its clock is ahead of ours.
  int64_t clock_ahead_ms() const { return clock_ahead_ms_; }
  // Whether its active expiry cycle could be switched off.
  bool active_expiry_off() const { return active_expiry_off_; }
  // "-s PATH" or "-h HOST -p PORT", for redis-cli.
  std::string CliArguments() const;

 private:
  explicit LiveServer(TargetOptions options) : options_(std::move(options)) {}
  bool Start(std::string* error);
  bool Interview(std::string* error);
  std::string NewLog();
  std::string LogFrom(size_t file, uintmax_t start) const;

  TargetOptions options_;
  std::unique_ptr<ServerProcess> process_;
  bool modern_ = true;                      // it takes the options of redis 7.0
  std::array<uintmax_t, 2> log_seen_ = {};  // bytes of each file of the log
  std::string version_;
  std::set<std::string, std::less<>> commands_;
  int64_t max_bulk_ = 512ll << 20;
  std::string most_tracked_;
  int64_t clock_ahead_ms_ = 0;
  bool active_expiry_off_ = false;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_SERVER_LIVE_SERVER_H_
