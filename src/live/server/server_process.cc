#include "live/server/server_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <utility>

#include "live/net/resp_connection.h"
#include "live/net/socket.h"
#include "live/server/system_error.h"

namespace resprobe::live {
namespace {

constexpr std::string_view kPortWord = "{port}";
constexpr std::string_view kSocketWord = "{socket}";

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kReadyWithin(30);
constexpr std::chrono::seconds kForeignFor(2);
constexpr int kEndWithinMs = 5000;
// A port that is free now may be taken a moment later.
constexpr int kPortTries = 5;

UniqueFd OpenPidFd(pid_t pid) {
  return UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
}

// This process's environment; `more` replaces variables with the same names.
std::vector<std::string> Environment(const std::vector<std::string>& more) {
  std::vector<std::string> all = more;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view name(*variable, strcspn(*variable, "="));
    const auto given = [&](const std::string& other) {
      return other.starts_with(name) && other.substr(name.size()).starts_with('=');
    };
    if (std::none_of(more.begin(), more.end(), given)) all.emplace_back(*variable);
  }
  return all;
}

std::string Replaced(std::string word, std::string_view what, const std::string& by) {
  for (size_t at = 0; (at = word.find(what, at)) != word.npos; at += by.size()) {
    word.replace(at, what.size(), by);
  }
  return word;
}

// Of the files in the folder; holes in them take nothing.
uintmax_t DiskBytes(const std::string& folder) {
  constexpr uintmax_t kBlock = 512;
  uintmax_t bytes = 0;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    struct stat file;
    if (lstat(at->path().c_str(), &file) == 0)
      bytes += static_cast<uintmax_t>(file.st_blocks) * kBlock;
  }
  return bytes;
}

bool HoldsSocket(pid_t pid, uint64_t inode) {
  const std::string wanted = "socket:[" + std::to_string(inode) + "]";
  std::error_code error;
  for (std::filesystem::directory_iterator at("/proc/" + std::to_string(pid) + "/fd", error), end;
       !error && at != end; at.increment(error)) {
    std::error_code gone;
    if (std::filesystem::read_symlink(at->path(), gone) == wanted) return true;
  }
  return false;
}

// Runs in the child: executes the program, or writes errno to `report`.
[[noreturn]] void Exec(const char* folder, char* const* argv, char** environment, pid_t parent,
                       int output, int report, size_t most_megabytes) {
  // All calls below are permitted between fork() and exec().
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const rlimit no_core = {0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  if (most_megabytes > 0) {
    const rlimit space = {most_megabytes << 20, most_megabytes << 20};
    setrlimit(RLIMIT_AS, &space);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  const int null = open("/dev/null", O_RDWR);
  if (null >= 0 && getppid() == parent && chdir(folder) == 0 && dup2(null, 0) >= 0 &&
      dup2(output, 1) >= 0 && dup2(output, 2) >= 0) {
    execvpe(argv[0], argv, environment);
  }
  const int reason = errno;
  if (write(report, &reason, sizeof(reason)) < 0) _exit(126);
  _exit(127);
}

}  // namespace

bool ServerProcessOptions::Mentions(std::string_view what) const {
  return std::ranges::any_of(arguments,
                             [&](const std::string& word) { return word.contains(what); });
}

bool ServerProcessOptions::own_words() const {
  return Mentions(kPortWord) || Mentions(kSocketWord);
}

std::unique_ptr<ServerProcess> ServerProcess::Start(const ServerProcessOptions& options,
                                                    std::string* error) {
  for (int i = 0;; ++i) {
    std::unique_ptr<ServerProcess> process(new ServerProcess);
    if (process->Launch(options, error) && process->AwaitReady(options, error)) return process;
    const bool port_taken = error->find("in use") != std::string::npos;
    if (process->port_ == 0 || !port_taken || i + 1 == kPortTries) return nullptr;
  }
}

bool ServerProcess::Launch(const ServerProcessOptions& options, std::string* error) {
  std::error_code code;
  std::filesystem::path temporary = std::filesystem::temp_directory_path(code);
  if (code) {
    *error = "TMPDIR is no folder: create it, or set TMPDIR to one";
    return false;
  }
  // The path of a unix socket may have at most 107 bytes.
  if (temporary.native().size() > 70) temporary = "/tmp";
  std::string folder = temporary / "resprobe-server-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) {
    *error = SystemError("cannot make a temporary folder");
    return false;
  }
  folder_ = folder;
  socket_path_ = folder_ + "/socket";
  const bool by_port = options.Mentions(kPortWord);
  const bool by_socket = options.Mentions(kSocketWord);
  by_tcp_ = options.by_tcp && !options.own_words();
  if (options.tcp || by_port) {
    reserved_ = ReservePort(&port_, error);
    if (!reserved_.valid()) return false;
  }
  watch_ = UniqueFd(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!watch_.valid() ||
      inotify_add_watch(watch_.get(), folder_.c_str(), IN_CREATE | IN_MODIFY) < 0) {
    *error = SystemError("cannot watch the server's folder");
    return false;
  }

  std::vector<std::string> words = {options.program};
  if (!options.own_words()) {
    words.insert(words.end(),
                 {"--port", std::to_string(port_), "--bind", "127.0.0.1", "--unixsocket",
                  socket_path_, "--unixsocketperm", "700", "--dir", folder_, "--save", "",
                  "--appendonly", "no", "--daemonize", "no", "--logfile", folder_ + "/log"});
  }
  for (const std::string& word : options.arguments) {
    words.push_back(
        Replaced(Replaced(word, kPortWord, std::to_string(port_)), kSocketWord, socket_path_));
  }
  if (by_port && !by_socket) socket_path_.clear();
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::vector<std::string> variables = Environment(options.environment);
  std::vector<char*> environment;
  for (std::string& variable : variables) environment.push_back(variable.data());
  environment.push_back(nullptr);

  UniqueFd output;
  output_ = OutputKeeper::Make(folder_ + "/output", &output, error);
  if (output_ == nullptr) return false;
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) {
    *error = SystemError("cannot make a pipe");
    return false;
  }
  UniqueFd from_child(report[0]);
  UniqueFd to_parent(report[1]);
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0)
    Exec(folder_.c_str(), argv.data(), environment.data(), parent, output.get(), to_parent.get(),
         options.most_megabytes);
  if (pid_ < 0) {
    *error = SystemError("cannot start a process");
    return false;
  }
  pid_fd_ = OpenPidFd(pid_);
  to_parent.Reset();
  output.Reset();
  int reason = 0;
  ssize_t size;
  do {
    size = read(from_child.get(), &reason, sizeof(reason));
  } while (size < 0 && errno == EINTR);
  if (size > 0) {
    *error = "cannot start '" + options.program + "': " + strerror(reason);
    return false;
  }
  if (!pid_fd_.valid()) {
    *error = SystemError("cannot watch the server's process");
    return false;
  }
  if (options.most_disk_megabytes > 0) LimitDisk(options.most_disk_megabytes);
  return true;
}

void ServerProcess::LimitDisk(size_t megabytes) {
  output_->Watch([this, megabytes] {
    if (killed_above_ > 0 || DiskBytes(folder_) >> 20 < megabytes) return;
    killed_above_ = megabytes;
    Signal(SIGKILL);
  });
}

bool ServerProcess::AwaitReady(const ServerProcessOptions& options, std::string* error) {
  const Clock::time_point give_up = Clock::now() + kReadyWithin;
  std::optional<Clock::time_point> foreign_until;
  int wait_ms = 1;
  for (;;) {
    const Answer answer = Ask(options);
    // Another program may have taken the port in the meantime, and even left it again: then the
    // server is about to end. One that has another process listen, which is not below it, is given
    // a moment.
    if (answer == Answer::kReady && OwnsPort()) return true;
    if (answer == Answer::kReady && !foreign_until) foreign_until = Clock::now() + kForeignFor;
    if (foreign_until && Clock::now() >= *foreign_until && !AwaitEnd(0)) return true;
    if (answer == Answer::kNever && !AwaitEnd(0)) {
      *error = "the server accepts a connection but sends nothing for " +
               std::to_string(options.hang_ms / 1000) + " s: " + LastLogLine();
      Signal(SIGKILL);  // a server that hangs may ignore SIGTERM
      return false;
    }
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(give_up - Clock::now()).count();
    if (left <= 0) {
      *error =
          "nothing answers PING " +
          (socket_path_.empty() || by_tcp_ ? "on port " + std::to_string(port_) : "on its socket") +
          " within " + std::to_string(kReadyWithin.count()) + " s: " + LastLogLine();
      return false;
    }
    if (options.stop()) {
      *error = "waiting for the server was stopped";
      Signal(SIGKILL);  // a server that hangs may ignore SIGTERM
      return false;
    }
    // A server that becomes ready changes its folder (its socket, its log), which wakes this poll.
    // But the socket is there a moment before it accepts, and one with a port changes nothing: the
    // timeout, which is short at first, is for these.
    constexpr int kLongestMs = 20;
    pollfd polled[] = {{pid_fd_.get(), POLLIN, 0}, {watch_.get(), POLLIN, 0}};
    const bool changed = poll(polled, 2, wait_ms) > 0;
    wait_ms = changed ? 1 : std::min(2 * wait_ms, kLongestMs);
    if (polled[0].revents != 0) {
      *error = "the server has ended at once: " +
               (killed_above_ > 0 ? AwaitEnd(0).value_or("") : LastLogLine());
      return false;
    }
    char events[4096];
    while (read(watch_.get(), events, sizeof(events)) > 0) {
    }
  }
}

ServerProcess::Answer ServerProcess::Ask(const ServerProcessOptions& options) const {
  std::string ignored;
  UniqueFd fd = Connect(&ignored);
  if (!fd.valid()) return Answer::kNotYet;
  RespConnection link;
  link.Use(std::move(fd), options.hang_ms, options.stop);
  link.out() = "*1\r\n$4\r\nPING\r\n";
  link.Send();
  while (!link.in().ends_with('\n')) {
    const RespConnection::Got got = link.Read(options.hang_ms);
    if (got == RespConnection::Got::kBytes) continue;
    return got == RespConnection::Got::kNothing && !options.stop() ? Answer::kNever
                                                                   : Answer::kNotYet;
  }
  return link.in().starts_with("-LOADING") ? Answer::kNotYet : Answer::kReady;
}

bool ServerProcess::OwnsPort() const {
  if (!socket_path_.empty() && !by_tcp_) return true;
  const std::optional<uint64_t> inode = ListenerInode(port_);
  if (!inode || HoldsSocket(pid_, *inode)) return true;
  std::error_code error;
  for (std::filesystem::directory_iterator at("/proc", error), end; !error && at != end;
       at.increment(error)) {
    pid_t pid = 0;
    const std::string name = at->path().filename();
    const auto [rest, code] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (code != std::errc() || pid == pid_) continue;
    if (getpgid(pid) == pid_ && HoldsSocket(pid, *inode)) return true;
  }
  return false;
}

UniqueFd ServerProcess::Connect(std::string* error) const {
  if (!socket_path_.empty() && !by_tcp_) return ConnectUnix(socket_path_, error);
  return live::Connect(Address{"127.0.0.1", port_}, /*allow_remote=*/false, error);
}

std::string ServerProcess::CliArguments() const {
  if (!socket_path_.empty()) return "-s " + socket_path_;
  return "-h 127.0.0.1 -p " + std::to_string(port_);
}

std::string ServerProcess::LastLogLine() const {
  std::string last = "it says nothing";
  if (output_ != nullptr) output_->CatchUp();
  for (const char* name : {"/output", "/log"}) {
    uintmax_t end = 0;
    std::istringstream text(ReadOutput(folder_ + name, 0, &end));
    for (std::string line; std::getline(text, line);) {
      if (!line.empty()) last = line;
    }
  }
  return last;
}

std::optional<std::string> ServerProcess::AwaitEnd(int ms) {
  pollfd ended = {pid_fd_.get(), POLLIN, 0};
  int ready;
  do {
    ready = poll(&ended, 1, ms);
  } while (ready < 0 && errno == EINTR);
  siginfo_t info = {};
  // It stays a zombie until the destructor reaps it.
  if (ready != 1 ||
      waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
      info.si_pid == 0) {
    return std::nullopt;
  }
  if (killed_above_ > 0) {
    return "its files take over " + std::to_string(killed_above_) + " MB, and it was killed";
  }
  const std::string number = std::to_string(info.si_status);
  return (info.si_code == CLD_EXITED ? "exit code " : "signal ") + number;
}

void ServerProcess::Signal(int signal) { kill(signal == SIGKILL ? -pid_ : pid_, signal); }

size_t ServerProcess::PeakKilobytes() const {
  std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
  constexpr std::string_view kPeak = "VmHWM:";
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(kPeak)) return std::strtoull(line.c_str() + kPeak.size(), nullptr, 10);
  }
  return 0;
}

ServerProcess::~ServerProcess() {
  if (pid_ > 0) {
    // Its number may belong to another process once it is reaped.
    if (output_ != nullptr) output_->Watch(nullptr);
    kill(pid_, SIGTERM);
    pollfd ended = {pid_fd_.get(), POLLIN, 0};
    if (!pid_fd_.valid() || poll(&ended, 1, kEndWithinMs) != 1) kill(pid_, SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  output_.reset();
  if (!folder_.empty()) {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
}

}  // namespace resprobe::live
