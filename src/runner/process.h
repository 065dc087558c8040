#ifndef RESPROBE_RUNNER_PROCESS_H_
#define RESPROBE_RUNNER_PROCESS_H_

#include <sys/types.h>

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace resprobe::runner {

// Makes SIGINT, SIGTERM and SIGHUP set a flag instead of ending the program.
void CatchInterrupts();
bool Interrupted();
// The first signal that has set the flag, also after ForgetInterrupts(); 0 if none has.
int InterruptSignal();
// Clears the flag, for work that must be done after a Ctrl-C.
void ForgetInterrupts();
// Throws the reason why a server cannot be started or reached; after Ctrl-C, an Interruption.
[[noreturn]] void ThrowServerError(const std::string& error);

// The words of this program's command line, for the record of what it finds; empty until they are
// set.
void SetProgramArguments(std::vector<std::string> words);
const std::vector<std::string>& ProgramArguments();

// Seconds on a monotonic clock.
double Now();

struct Command {
  std::vector<std::string> argv;  // argv[0] is looked up in PATH unless it holds a slash
  std::vector<std::pair<std::string, std::string>> environment;  // added to this process's
                                                                 // environment
};

// A child process in its own process group, so that Ctrl-C does not reach it directly. Its stdin is
// empty, its output is captured. It is killed when this program exits or the object is destroyed.
class Process {
 public:
  explicit Process(const Command& command);  // throws UserError if it cannot be started
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // Reads output and reaps the child; waits at most `seconds` for either. Returns false once the
  // process has ended and all its output was read.
  bool Pump(double seconds);
  void Signal(int signal);  // to the whole group

  // Output read so far that the caller has not erased.
  std::string out;
  std::string err;

  bool running() const { return running_; }
  int exit_code() const { return exit_code_; }  // -1 if a signal ended it
  int signal() const { return signal_; }        // that signal, or 0
  size_t ResidentMb() const;
  double CpuSeconds() const;  // that it has used, user and system; 0 once it has ended
  int out_fd() const { return out_fd_; }
  int err_fd() const { return err_fd_; }

 private:
  void Drain(int* fd, std::string* into);
  void Reap(bool block);

  pid_t pid_ = -1;
  int out_fd_ = -1;
  int err_fd_ = -1;
  int pid_fd_ = -1;  // readable once it has ended; -1 where there is no such thing
  bool running_ = false;
  int exit_code_ = -1;
  int signal_ = 0;
};

struct Limits {
  double timeout_seconds = 0;  // limit without any output on stdout; 0: none
  size_t rss_mb = 0;           // 0: no limit
  // Asked ten times a second: true ends the process.
  std::function<bool()> stop = [] { return false; };
};

struct RunResult {
  int exit_code = -1;
  int signal = 0;
  bool timed_out = false;
  bool out_of_memory = false;
  bool stopped = false;  // by Limits::stop
  std::string out;
  std::string err;
};

// Runs the command to its end. On Ctrl-C throws Interruption after the child has ended.
RunResult RunToEnd(const Command& command, const Limits& limits = {});

// Removes complete lines from the front of `*text` and passes each to `take`.
void TakeLines(std::string* text, const std::function<void(std::string_view)>& take);

}  // namespace resprobe::runner

#endif  // RESPROBE_RUNNER_PROCESS_H_
