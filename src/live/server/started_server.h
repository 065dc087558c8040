#ifndef RESPROBE_LIVE_SERVER_STARTED_SERVER_H_
#define RESPROBE_LIVE_SERVER_STARTED_SERVER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "live/net/channel.h"

namespace resprobe::live {

// A server's process that this program has started, in a folder of its own. The destructor ends it.
class StartedServer {
 public:
  virtual ~StartedServer() = default;

  // Connects to it. Not valid(), with one line in `error`, if that fails.
  virtual Link Dial(std::string* error) = 0;
  // "-s PATH" or "-h HOST -p PORT", for redis-cli; empty if it cannot be reached so.
  virtual std::string CliArguments() const = 0;
  // Its output is in `output` there, its log in `log`; ReadOutput() reads both.
  virtual const std::string& folder() const = 0;
  // Its process; 0 if it is none of this system's own.
  virtual int pid() const { return 0; }
  // Returns when `output` has what it has written before the call.
  virtual void CatchUpOutput() {}
  // How it ended, "signal 11" or "exit code 1"; nullopt if it still runs after `ms`.
  virtual std::optional<std::string> AwaitEnd(int ms) = 0;
  // Sends it a signal; SIGKILL also goes to its forked children.
  virtual void Signal(int signal) = 0;
  // Its peak resident memory in kilobytes; 0 if unknown.
  virtual size_t PeakKilobytes() const = 0;

  // True if its time passes only as this program says: SetClock(), or while it is waited for.
  virtual bool has_virtual_time() const { return false; }
  // What its clock shows, ms since 1970; only with virtual time.
  virtual int64_t now_ms() const { return 0; }
  // Sets its clock, and runs its timers if it is set forwards by enough for them to see it.
  virtual void SetClock(int64_t ms) { (void)ms; }
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_SERVER_STARTED_SERVER_H_
