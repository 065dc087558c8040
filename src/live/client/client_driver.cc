#include "live/client/client_driver.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <thread>
#include <utility>
#include <vector>

#include "live/net/socket.h"
#include "live/server/target.h"

namespace resprobe::live {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kHelloWithin(20);
constexpr std::chrono::milliseconds kEndWithin(500);
constexpr size_t kMostErrorText = 2000;  // bytes
constexpr size_t kMostRead = 1 << 20;    // bytes at a time
constexpr size_t kMostLine = 64 << 20;   // bytes
constexpr size_t kShownOutputBytes = 200;

bool MakePipe(UniqueFd* read_end, UniqueFd* write_end) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  read_end->Reset(ends[0]);
  write_end->Reset(ends[1]);
  return true;
}

// Appends what can be read without waiting, but not without end; false at the end.
bool Drain(int fd, std::string* text) {
  char bytes[4096];
  for (size_t read_now = 0; read_now < kMostRead;) {
    const ssize_t got = read(fd, bytes, sizeof(bytes));
    if (got > 0) {
      text->append(bytes, static_cast<size_t>(got));
      read_now += static_cast<size_t>(got);
      continue;
    }
    if (got < 0 && errno == EINTR) continue;
    return got < 0 && errno == EAGAIN;
  }
  return true;
}

// Ignores SIGPIPE while it exists: a driver may have ended.
class IgnoredSigpipe {
 public:
  IgnoredSigpipe() {
    struct sigaction ignore = {};
    ignore.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &ignore, &before_);
  }
  ~IgnoredSigpipe() { sigaction(SIGPIPE, &before_, nullptr); }
  IgnoredSigpipe(const IgnoredSigpipe&) = delete;
  IgnoredSigpipe& operator=(const IgnoredSigpipe&) = delete;

 private:
  struct sigaction before_ = {};
};

// The numbers that name entries of a folder.
std::vector<pid_t> NumbersIn(const std::string& folder) {
  std::vector<pid_t> numbers;
  DIR* const open = opendir(folder.c_str());
  if (open == nullptr) return numbers;
  while (const dirent* entry = readdir(open)) {
    pid_t number = 0;
    const std::string_view name = entry->d_name;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error == std::errc() && end == name.data() + name.size()) numbers.push_back(number);
  }
  closedir(open);
  return numbers;
}

struct ThreadState {
  bool sleeps = false;
  uint64_t switches = 0;
};

ThreadState StateOf(const std::string& task) {
  ThreadState state;
  std::ifstream status(task + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("State:")) {
      state.sleeps = line.find("\tS") != line.npos || line.find("\tZ") != line.npos;
    } else if (line.find("voluntary_ctxt_switches:") != line.npos) {
      state.switches += std::strtoull(line.c_str() + line.find(':') + 1, nullptr, 10);
    }
  }
  return state;
}

// Adds the threads of a process and of those that it has started; false if one of them is awake.
bool AddThreads(pid_t pid, std::map<pid_t, uint64_t>* switches) {
  const std::string tasks = "/proc/" + std::to_string(pid) + "/task";
  bool sleep = true;
  for (const pid_t thread : NumbersIn(tasks)) {
    const std::string task = tasks + "/" + std::to_string(thread);
    const ThreadState state = StateOf(task);
    (*switches)[thread] = state.switches;
    sleep = sleep && state.sleeps;
    std::ifstream children(task + "/children");
    for (pid_t child = 0; children >> child;) {
      const bool child_sleeps = AddThreads(child, switches);
      sleep = sleep && child_sleeps;
    }
  }
  return sleep;
}

}  // namespace

std::unique_ptr<ClientDriver> ClientDriver::Start(const std::string& command,
                                                  const std::function<bool()>& stop,
                                                  std::string* error) {
  std::unique_ptr<ClientDriver> driver(new ClientDriver);
  if (!driver->Launch(command, error)) return nullptr;
  const Clock::time_point end = Clock::now() + kHelloWithin;
  std::string line;
  while (!driver->NextLine(&line)) {
    if (driver->ended()) {
      *error = "the driver '" + command + "' ends at once: " + driver->HowEnded();
      return nullptr;
    }
    if (driver->rambles()) {
      *error = "the driver '" + command + "' prints a first line without an end";
      return nullptr;
    }
    if (Clock::now() > end) {
      *error = "the driver '" + command + "' prints no first line within " +
               std::to_string(kHelloWithin.count()) +
               R"( s: it has to begin with {"driver":1,"client":…} (docs/client-drivers.md))";
      return nullptr;
    }
    if (stop()) {
      *error = "interrupted before the driver '" + command + "' had printed its first line";
      return nullptr;
    }
    pollfd one = {driver->output_.get(), POLLIN, 0};
    poll(&one, 1, 100);
    driver->Exchange();
  }
  const nlohmann::json hello = nlohmann::json::parse(line, nullptr, false);
  if (!hello.is_object() || hello.value("driver", 0) != 1 || !hello.contains("client") ||
      !hello["client"].is_string()) {
    *error = "the driver '" + command + "' begins with " + line.substr(0, kShownOutputBytes) +
             R"(, and not with {"driver":1,"client":…} (docs/client-drivers.md))";
    return nullptr;
  }
  driver->name_ = hello["client"].get<std::string>();
  if (const auto can = hello.find("can"); can != hello.end() && can->is_array()) {
    for (const nlohmann::json& what : *can) {
      if (what.is_string()) driver->abilities_.insert(what.get<std::string>());
    }
  }
  return driver;
}

bool ClientDriver::Launch(const std::string& command, std::string* error) {
  const std::optional<std::vector<std::string>> words = WordsOfCommand(command, error);
  if (!words) return false;
  if (words->empty()) {
    *error = "the driver's command is empty";
    return false;
  }
  UniqueFd input;
  UniqueFd output;
  UniqueFd errors;
  UniqueFd failed;
  UniqueFd report;
  if (!MakePipe(&input, &input_) || !MakePipe(&output_, &output) || !MakePipe(&errors_, &errors) ||
      !MakePipe(&failed, &report)) {
    *error = std::string("cannot make a pipe: ") + std::strerror(errno);
    return false;
  }
  std::vector<char*> argv;
  for (const std::string& word : *words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ < 0) {
    *error = std::string("cannot fork: ") + std::strerror(errno);
    return false;
  }
  if (pid_ == 0) {
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    signal(SIGPIPE, SIG_DFL);
    if (getppid() == parent && dup2(input.get(), 0) >= 0 && dup2(output.get(), 1) >= 0 &&
        dup2(errors.get(), 2) >= 0) {
      execvp(argv[0], argv.data());
    }
    const int reason = errno;
    if (write(report.get(), &reason, sizeof(reason)) < 0) _exit(126);
    _exit(127);
  }
  report.Reset();
  int reason = 0;
  if (read(failed.get(), &reason, sizeof(reason)) > 0) {
    *error = "cannot start the driver " + words->front() + ": " + std::strerror(reason);
    return false;
  }
  return StartGuard(error) && SetNonBlocking(input_.get()) && SetNonBlocking(output_.get()) &&
         SetNonBlocking(errors_.get());
}

// The kernel kills the driver with this process, but not the processes that the driver has started,
// such as redis-cli. A second process, the guard, kills those.
bool ClientDriver::StartGuard(std::string* error) {
  UniqueFd end;
  if (!MakePipe(&end, &guard_line_)) {
    *error = std::string("cannot make a pipe: ") + std::strerror(errno);
    return false;
  }
  guard_ = fork();
  if (guard_ < 0) {
    *error = std::string("cannot fork: ") + std::strerror(errno);
    return false;
  }
  if (guard_ > 0) return true;
  // Only calls that are safe after a fork. Without a terminal no Ctrl-C reaches it; without other
  // descriptors it keeps no pipe open.
  setsid();
  dup2(end.get(), 0);
  close_range(1, ~0U, 0);
  char byte = 0;
  ssize_t got = 0;
  while ((got = read(0, &byte, 1)) < 0 && errno == EINTR) {
  }
  if (got == 0) kill(-pid_, SIGKILL);
  _exit(0);
}

ClientDriver::~ClientDriver() {
  if (pid_ <= 0) return;
  kill(-pid_, SIGKILL);
  const auto wait_for = [](pid_t pid) {
    while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
  };
  if (status_ < 0) wait_for(pid_);
  if (guard_ <= 0) return;
  {
    // The group is gone, and its number may be another's soon.
    const IgnoredSigpipe ignored;
    if (write(guard_line_.get(), "x", 1) < 0) guard_line_.Reset();
  }
  wait_for(guard_);
}

void ClientDriver::Send(const nlohmann::json& request) {
  unsent_ += request.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace) + "\n";
  Write();
}

void ClientDriver::Write() {
  if (unsent_.empty()) return;
  const IgnoredSigpipe ignored;
  while (!unsent_.empty()) {
    const ssize_t sent = write(input_.get(), unsent_.data(), unsent_.size());
    if (sent > 0) unsent_.erase(0, static_cast<size_t>(sent));
    if (sent < 0 && errno != EINTR) break;
  }
}

void ClientDriver::AddTo(std::vector<pollfd>* fds) const {
  fds->push_back({output_.get(), POLLIN, 0});
  if (!unsent_.empty()) fds->push_back({input_.get(), POLLOUT, 0});
}

bool ClientDriver::rambles() const { return pending_.size() > kMostLine; }

void ClientDriver::ReadErrors() {
  Drain(errors_.get(), &error_text_);
  if (error_text_.size() > kMostErrorText) {
    error_text_.erase(0, error_text_.size() - kMostErrorText);
  }
}

void ClientDriver::Exchange() {
  if (ended_) return;
  Write();
  ReadErrors();
  const size_t before = pending_.size();
  ended_ = !Drain(output_.get(), &pending_);
  size_t start = 0;
  for (size_t end = before; (end = pending_.find('\n', end)) != pending_.npos; start = ++end) {
    lines_.push_back(pending_.substr(start, end - start));
  }
  pending_.erase(0, start);
}

bool ClientDriver::NextLine(std::string* line) {
  if (lines_.empty()) return false;
  *line = std::move(lines_.front());
  lines_.pop_front();
  return true;
}

std::string ClientDriver::HowEnded() {
  for (const Clock::time_point end = Clock::now() + kEndWithin; status_ < 0;) {
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) == pid_) {
      status_ = status;
    } else if (Clock::now() > end) {
      break;
    } else {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  ReadErrors();
  std::string how = status_ < 0            ? "it has closed its output"
                    : WIFSIGNALED(status_) ? "signal " + std::to_string(WTERMSIG(status_))
                                           : "exit code " + std::to_string(WEXITSTATUS(status_));
  std::string last;  // line that names an error, or else the last one
  bool told = false;
  std::istringstream text(error_text_);
  for (std::string line; std::getline(text, line);) {
    const bool says_why = line.find("rror") != line.npos;
    if (says_why || (!line.empty() && !told)) last = line;
    told = told || says_why;
  }
  if (!last.empty()) how += ": " + last;
  return how;
}

bool ClientDriver::Asleep() {
  std::map<pid_t, uint64_t> now;
  const bool sleep = AddThreads(pid_, &now);
  const bool same = now == switches_;
  switches_ = std::move(now);
  return sleep && same;
}

}  // namespace resprobe::live
