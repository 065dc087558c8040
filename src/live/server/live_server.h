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

#include "core/resp/reply.h"
#include "core/table/profile.h"
#include "live/net/unique_fd.h"
#include "live/server/crash_report.h"
#include "live/server/started_server.h"
#include "live/server/target.h"

namespace resprobe::live {

// Why a server does not answer.
struct ServerEnd {
  bool ended = false;          // otherwise it hangs
  bool out_of_memory = false;  // an allocation failed, according to its log
  std::string what;            // "signal 11: f|g|h", from its crash report, or otherwise how it
                               // ended
  std::string command;         // the running command, from its report; or ""

  // "server has ended: signal 11: f|g|h", "server hangs".
  std::string Text() const;
};

// The live server that the core is compared with: an existing one, or a private one (own folder, a
// unix socket, no persistence) that is restarted after a crash.
class LiveServer {
 public:
  // Starts the server if requested, and probes it. nullptr with one line in `error` if there is no
  // such server, it does not speak RESP, or it has keys (without `flush`).
  static std::unique_ptr<LiveServer> Open(const TargetOptions& options, std::string* error);
  ~LiveServer();

  // A connection to it. Not valid(), with one line in `error`, if there is none.
  Link Dial(std::string* error) const;
  // The same for a server that has sockets: not in a sandbox.
  UniqueFd Connect(std::string* error) const;
  // True if waits must end; for code that waits on a connection.
  const std::function<bool()>& stop() const { return options_.stop; }
  int hang_ms() const { return options_.hang_ms; }
  // True if this object has started the server.
  bool own() const { return !options_.start.empty(); }
  // How the server has ended, if it does so within `ms`; one that accepts connections gets 200 ms,
  // and 3 s if it writes a crash report, after which it is killed. A server started elsewhere has
  // ended if it accepts no connections.
  std::optional<ServerEnd> AwaitEnd(int ms) const;
  // The same, when the server does not answer: a process that has not ended hangs, and is killed.
  // If it writes crash reports (redis and valkey do), its log then shows where it was. If `stop`
  // returns true, `ended` == false has no meaning.
  ServerEnd FindEnd(int ms) const;
  // Replaces the old process with a new one. False with `error` if it does not start.
  bool Restart(std::string* error);
  // The last `most` bytes of the started server's log; empty for any other server.
  std::string Log(size_t most = 64 << 10) const;
  // The crash report, if any, in the log since the last call of this function, or since the start.
  std::optional<CrashReport> NewReport();
  // The peak resident memory of the started process; 0 if there is none.
  size_t PeakKilobytes() const { return process_ == nullptr ? 0 : process_->PeakKilobytes(); }

  // The started process, and its folder; 0 and "" for any other server.
  int pid() const { return process_ == nullptr ? 0 : process_->pid(); }
  std::string folder() const { return process_ == nullptr ? "" : process_->folder(); }

  // True if its time passes only as SetClock() says, or while this program waits for it.
  bool has_virtual_time() const { return process_ != nullptr && process_->has_virtual_time(); }
  // What its clock shows, ms since 1970.
  int64_t now_ms() const;
  // Only with virtual time: sets the clock.
  void SetClock(int64_t ms) { process_->SetClock(ms); }

  // "redis 7.0.15", "valkey 8.0.1".
  const std::string& version() const { return version_; }
  // Sets the core's profile for this server; false if there is none, and then `profile` is the
  // nearest.
  bool ProfileOf(Profile* profile) const;
  // True if it is redis or valkey by its own account, and has all commands of the profile: it then
  // handles requests in the order of their arrival, one at a time.
  bool IsRedis(Profile profile) const;
  // True if the server has the command ("get", "client|list"), given in lower case.
  bool Has(std::string_view full_name) const { return commands_.contains(full_name); }
  // Its proto-max-bulk-len.
  int64_t max_bulk() const { return max_bulk_; }
  // Its tracking-table-max-keys; empty if it lacks the setting.
  const std::string& most_tracked() const { return most_tracked_; }
  // By how much that may be wrong: the round trip of TIME. 0 of a server on this machine without
  // it.
  int64_t clock_uncertainty_ms() const { return clock_uncertainty_ms_; }
  // True if the server's active expiry cycle could be switched off.
  bool active_expiry_off() const { return active_expiry_off_; }
  // "-s PATH" or "-h HOST -p PORT", for redis-cli.
  std::string CliArguments() const;

 private:
  explicit LiveServer(TargetOptions options) : options_(std::move(options)) {}
  bool Start(std::string* error);
  bool Interview(std::string* error);
  void ReadCommands(const resp::ReplyView& table);
  std::string NewLog();
  // What NewLog() would return.
  std::string UnreadLog() const;
  // Sets `end` to where the log ends, if it is given and there is something new.
  std::string LogFrom(size_t file, uintmax_t start, uintmax_t* end = nullptr) const;

  TargetOptions options_;
  std::unique_ptr<StartedServer> process_;
  bool modern_ = true;                      // it accepts the options of redis 7.0
  std::array<uintmax_t, 2> log_seen_ = {};  // bytes read of each log file
  std::string version_;
  std::set<std::string, std::less<>> commands_;
  int64_t max_bulk_ = 512ll << 20;
  std::string most_tracked_;
  int64_t clock_ahead_ms_ = 0;  // of this process's
  int64_t clock_uncertainty_ms_ = 0;
  bool active_expiry_off_ = false;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_SERVER_LIVE_SERVER_H_
