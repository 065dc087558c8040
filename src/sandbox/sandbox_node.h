#ifndef RESPROBE_SANDBOX_SANDBOX_NODE_H_
#define RESPROBE_SANDBOX_SANDBOX_NODE_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sandbox/preload/shared.h"
#include "sim/disk/disk.h"

namespace resprobe::sandbox {

class Sandbox;

struct SandboxNodeOptions {
  // The program, looked up in PATH, and its arguments.
  std::string program = "redis-server";
  std::vector<std::string> arguments = {};
  // A directory of the system, which must exist: for what the program writes to its standard output
  // (the file "output"). Its files are on the node's disk.
  std::string directory = {};
  // "NAME=VALUE", on top of the few variables that each node gets.
  std::vector<std::string> environment = {};
  // How long a forked child (BGSAVE, BGREWRITEAOF) seems to run, in microseconds.
  int64_t child_us = 0;
  // An injected fault: each fsync reports success, and is none.
  bool ignores_fsync = false;
};

// A machine of a sandbox, and the server's process on it. Like the core's Node (sim/node.h): it
// starts from nothing but its disk, crashes, and has a clock of its own.
class SandboxNode {
 public:
  ~SandboxNode();
  SandboxNode(const SandboxNode&) = delete;
  SandboxNode& operator=(const SandboxNode&) = delete;

  // --- The process.

  // Starts a process, and lets it run until it waits for the first time. None may be running. False
  // with a line in `error` if it ends before that, or cannot run here. True with disk().frozen() if
  // the disk freezes before.
  bool Start(std::string* error);
  // Starts a process, and halts it when it makes its first call on the disk; Start() lets it go on.
  // Nothing else can run until then. A prepared system can be copied, so that a process need not be
  // executed again and again; the disk may be replaced before it goes on. False as Start().
  bool Prepare(std::string* error);
  bool prepared() const { return prepared_; }
  // The process is killed, with its children, and the disk crashes. kProcess: the kernel closes its
  // connections. kMachine: no peer is told, and nothing arrives here until the next Start().
  void Crash(CrashKind kind);
  // Raises a signal (SIGTERM: an orderly end) in the next turn of the process.
  void Signal(int signal);
  bool up() const { return pid_ > 0; }
  // The number of processes of this node so far.
  uint64_t process() const { return shared().process; }
  // How the last process has ended: "signal 11", "exit code 1"; empty: none has.
  const std::string& ending() const { return ending_; }
  pid_t pid() const { return pid_; }
  size_t number() const { return number_; }
  const SandboxNodeOptions& options() const { return options_; }
  void set_arguments(const std::vector<std::string>& arguments) { options_.arguments = arguments; }
  // The last line that it has written to its standard output, or that there is none.
  std::string LastLine() const;

  // It gets no turns, as by SIGSTOP, until Resume().
  void Pause() { shared().paused = 1; }
  void Resume() { shared().paused = 0; }

  // --- Its disk, which all its processes use. Relative paths of the server are on it.

  Disk& disk() { return disk_; }
  const Disk& disk() const { return disk_; }
  // Which thread has made the call that an observer of the disk sees.
  SandboxRole caller() const;

  // --- Its clock. Timers follow the monotonic clock, which drifts but never jumps.

  // What its wall clock shows, in milliseconds since 1970.
  int64_t now_ms() const;
  // The wall clock is set: it shows `us` more from now on (or less).
  void JumpClock(int64_t us) { shared().wall_ns += us * 1000; }
  // Both clocks gain `ppm` microseconds a second from now on; from -500'000 to 500'000.
  void SetDrift(int64_t ppm);
  int64_t drift_ppm() const { return shared().drift_ppm; }

  uint64_t turns() const { return shared().turns; }
  // How many counters of coverage its program has; 0: it is not instrumented.
  uint32_t counters() const { return shared().counters; }

 private:
  friend class Sandbox;
  SandboxNode(Sandbox* sandbox, size_t number, const SandboxNodeOptions& options);

  SandboxMachine& shared() const;
  bool Begin(std::string* error);
  bool Launch(const std::string& program, std::string* error);
  bool CheckStarted(bool ended, std::string* error);
  // If the process has ended: reaps it, and closes what it had. `wait`: it is about to.
  bool Reap(bool wait);
  void SendKill() const;
  void Kill();

  Sandbox* const sandbox_;
  const size_t number_;
  SandboxNodeOptions options_;
  Disk disk_;
  pid_t pid_ = -1;
  bool preparing_ = false;
  bool prepared_ = false;
  std::string ending_;
};

}  // namespace resprobe::sandbox

#endif  // RESPROBE_SANDBOX_SANDBOX_NODE_H_
