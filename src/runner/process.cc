#include "runner/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fstream>
#include <sstream>

#include "runner/user_error.h"

namespace resprobe::runner {
namespace {

volatile sig_atomic_t interrupted = 0;

volatile sig_atomic_t first_signal = 0;

void OnInterrupt(int signal) {
  interrupted = 1;
  if (first_signal == 0) first_signal = signal;
}

void SetNonBlocking(int fd) { fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }

std::vector<std::string> MakeEnvironment(const Command& command) {
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::string_view name = text.substr(0, text.find('='));
    const bool replaced = std::any_of(command.environment.begin(), command.environment.end(),
                                      [&](const auto& own) { return own.first == name; });
    if (!replaced) environment.emplace_back(text);
  }
  for (const auto& [name, value] : command.environment) environment.push_back(name + "=" + value);
  return environment;
}

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& text : strings) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string>& OwnArguments() {
  static auto* const words = new std::vector<std::string>;
  return *words;
}

}  // namespace

void CatchInterrupts() {
  struct sigaction action = {};
  action.sa_handler = OnInterrupt;
  sigemptyset(&action.sa_mask);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaction(signal, &action, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

bool Interrupted() { return interrupted != 0; }

int InterruptSignal() { return first_signal; }

void ForgetInterrupts() { interrupted = 0; }

void ThrowServerError(const std::string& error) {
  if (Interrupted()) throw Interruption();
  const bool files = error.find("Too many open files") != std::string::npos;
  throw UserError(error + (files ? ": raise the limit, as with `ulimit -n 65536`" : ""));
}

void SetProgramArguments(std::vector<std::string> words) { OwnArguments() = std::move(words); }

const std::vector<std::string>& ProgramArguments() { return OwnArguments(); }

double Now() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

Process::Process(const Command& command) {
  int out_pipe[2];
  int err_pipe[2];
  int failure[2];
  if (pipe2(out_pipe, O_CLOEXEC) != 0 || pipe2(err_pipe, O_CLOEXEC) != 0 ||
      pipe2(failure, O_CLOEXEC) != 0) {
    throw UserError("no pipe for a child process: " + std::string(std::strerror(errno)) +
                    ": raise the limit on open files (ulimit -n)");
  }
  std::vector<std::string> arguments = command.argv;
  std::vector<std::string> environment = MakeEnvironment(command);
  const std::vector<char*> argv = Pointers(arguments);
  const std::vector<char*> envp = Pointers(environment);
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) {
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) ::signal(number, SIG_DFL);
    const int null = open("/dev/null", O_RDONLY);
    if (null >= 0) dup2(null, STDIN_FILENO);
    dup2(out_pipe[1], STDOUT_FILENO);
    dup2(err_pipe[1], STDERR_FILENO);
    execvpe(argv[0], argv.data(), envp.data());
    const int why = errno;
    if (write(failure[1], &why, sizeof(why)) < 0) _exit(126);
    _exit(127);
  }
  const int fork_error = errno;
  close(out_pipe[1]);
  close(err_pipe[1]);
  close(failure[1]);
  int why = pid_ < 0 ? fork_error : 0;
  if (pid_ > 0) {
    setpgid(pid_, pid_);
    if (read(failure[0], &why, sizeof(why)) != sizeof(why)) why = 0;
  }
  close(failure[0]);
  if (why != 0) {
    close(out_pipe[0]);
    close(err_pipe[0]);
    if (pid_ > 0) waitpid(pid_, nullptr, 0);
    throw UserError(command.argv[0] + ": cannot be started: " + std::strerror(why));
  }
  out_fd_ = out_pipe[0];
  err_fd_ = err_pipe[0];
  SetNonBlocking(out_fd_);
  SetNonBlocking(err_fd_);
  pid_fd_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  running_ = true;
}

Process::~Process() {
  if (running_) {
    Signal(SIGKILL);
    Reap(true);
  }
  if (out_fd_ >= 0) close(out_fd_);
  if (err_fd_ >= 0) close(err_fd_);
  if (pid_fd_ >= 0) close(pid_fd_);
}

void Process::Drain(int* fd, std::string* into) {
  char buffer[65536];
  while (*fd >= 0) {
    const ssize_t size = read(*fd, buffer, sizeof(buffer));
    if (size > 0) {
      into->append(buffer, static_cast<size_t>(size));
    } else if (size == 0) {
      close(*fd);
      *fd = -1;
    } else if (errno != EINTR) {
      return;
    }
  }
}

void Process::Reap(bool block) {
  int status = 0;
  pid_t ended = 0;
  do {
    ended = waitpid(pid_, &status, block ? 0 : WNOHANG);
  } while (ended < 0 && errno == EINTR);
  if (ended != pid_) return;
  running_ = false;
  exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  signal_ = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

bool Process::Pump(double seconds) {
  pollfd waiting[3];
  nfds_t count = 0;
  // Its end too: a process that has closed its output may end later.
  for (const int fd : {out_fd_, err_fd_, pid_fd_}) {
    if (fd >= 0) waiting[count++] = {fd, POLLIN, 0};
  }
  // A signal interrupts the wait, as intended.
  if (running_ && seconds > 0) poll(waiting, count, static_cast<int>(seconds * 1000));
  if (running_) Reap(false);
  Drain(&out_fd_, &out);
  Drain(&err_fd_, &err);
  return running_;
}

void Process::Signal(int number) {
  if (running_) kill(-pid_, number);
}

size_t Process::ResidentMb() const {
  if (!running_) return 0;
  const std::string path = "/proc/" + std::to_string(pid_) + "/statm";
  std::FILE* file = std::fopen(path.c_str(), "r");
  if (file == nullptr) return 0;
  unsigned long total = 0;
  unsigned long resident = 0;
  const int fields = std::fscanf(file, "%lu %lu", &total, &resident);
  std::fclose(file);
  return fields == 2 ? resident * static_cast<size_t>(sysconf(_SC_PAGESIZE)) >> 20 : 0;
}

double Process::CpuSeconds() const {
  if (!running_) return 0;
  std::ifstream file("/proc/" + std::to_string(pid_) + "/stat");
  std::string text;
  std::getline(file, text);
  // The name of the program, in brackets, may hold anything.
  std::istringstream fields(text.substr(std::min(text.rfind(')') + 1, text.size())));
  constexpr int kBefore = 11;
  std::string skipped;
  for (int i = 0; i < kBefore; ++i) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

RunResult RunToEnd(const Command& command, const Limits& limits) {
  Process process(command);
  RunResult result;
  double progress = Now();
  size_t seen = 0;
  while (process.Pump(0.1)) {
    if (Interrupted()) {
      process.Signal(SIGKILL);
      throw Interruption();
    }
    if (process.out.size() != seen) {
      seen = process.out.size();
      progress = Now();
    }
    if (limits.timeout_seconds > 0 && Now() - progress > limits.timeout_seconds) {
      result.timed_out = true;
    }
    if (limits.rss_mb > 0 && process.ResidentMb() > limits.rss_mb) result.out_of_memory = true;
    result.stopped = result.stopped || limits.stop();
    if (result.timed_out || result.out_of_memory || result.stopped) process.Signal(SIGKILL);
  }
  if (Interrupted()) throw Interruption();
  result.exit_code = process.exit_code();
  result.signal = process.signal();
  result.out = std::move(process.out);
  result.err = std::move(process.err);
  return result;
}

void TakeLines(std::string* text, const std::function<void(std::string_view)>& take) {
  size_t start = 0;
  for (size_t end = 0; (end = text->find('\n', start)) != std::string::npos; start = end + 1) {
    take(std::string_view(*text).substr(start, end - start));
  }
  text->erase(0, start);
}

}  // namespace resprobe::runner
