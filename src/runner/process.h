#ifndef RESPROBE_RUNNER_PROCESS_H_
#define RESPROBE_RUNNER_PROCESS_H_

#include <sys/types.h>

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace resprobe::cli {

// Makes SIGINT, SIGTERM and SIGHUP set a flag instead of ending the program.
void CatchInterrupts();
bool Interrupted();
// For what is left to do after a Ctrl-C.
void ForgetInterrupts();
// Why a server cannot be had, as an exception; after Ctrl-C that is the reason.
[[noreturn]] void ThrowServerError(const std::string& error);

// Seconds on a clock that only goes forward.
double Now();

struct Command {
  std::vector<std::string> argv;  // argv[0] is looked up in PATH unless it holds a slash
  std::vector<std::pair<std::string, std::string>> environment;  // on top of our own
};

// A child process in a process group of its own, so that Ctrl-C reaches it only through us. Its
// stdin is empty, its output is captured. It is killed when this program or the object dies.
class Process {
 public:
  explicit Process(const Command& command);  // throws UserError if it cannot be started
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // Takes what was written and notices the end; waits at most `seconds` for either. False once the
  // process has ended and everything it wrote was taken.
  bool Pump(double seconds);
  void Signal(int signal);  // to the whole group

  // What was written so far and not dropped by the caller.
  std::string out;
  std::string err;

  bool running() const { return running_; }
  int exit_code() const { return exit_code_; }  // -1 if a signal ended it
  int signal() const { return signal_; }        // that signal, or 0
  size_t ResidentMb() const;
  int out_fd() const { return out_fd_; }
  int err_fd() const { return err_fd_; }

 private:
  void Drain(int* fd, std::string* into);
  void Reap(bool block);

  pid_t pid_ = -1;
  int out_fd_ = -1;
  int err_fd_ = -1;
  bool running_ = false;
  int exit_code_ = -1;
  int signal_ = 0;
};

struct Limits {
  double timeout_seconds = 0;  // without any output on stdout; 0 is for ever
  size_t rss_mb = 0;           // 0 is no limit
};

struct RunResult {
  int exit_code = -1;
  int signal = 0;
  bool timed_out = false;
  bool out_of_memory = false;
  std::string out;
  std::string err;
};

// Runs the command to its end. Throws Interruption, after the child is gone, on Ctrl-C.
RunResult RunToEnd(const Command& command, const Limits& limits = {});

// Takes whole lines off the front of `*text` and hands each to `take`.
void TakeLines(std::string* text, const std::function<void(std::string_view)>& take);

}  // namespace resprobe::cli

#endif  // RESPROBE_RUNNER_PROCESS_H_
