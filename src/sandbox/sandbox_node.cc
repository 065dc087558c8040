#include "sandbox/sandbox_node.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "sandbox/elf.h"
#include "sandbox/sandbox.h"

namespace resprobe::sandbox {
namespace {

constexpr int kMemoryFd = 3;
constexpr int64_t kMaxDriftPpm = 500'000;

// Where the library is: beside the program, or where it was built.
std::string LibraryPath() {
  std::error_code ignored;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", ignored);
  const std::filesystem::path built = RESPROBE_SANDBOX_LIBRARY;
  for (const std::filesystem::path& folder :
       {self.parent_path(), self.parent_path().parent_path() / "lib"}) {
    if (std::filesystem::exists(folder / built.filename(), ignored)) {
      return folder / built.filename();
    }
  }
  return built;
}

struct Child {
  const char* directory;
  const char* program;
  char* const* argv;
  char** environment;
  pid_t parent;
  int memory;
  int report;
  int cpu;
};

// Runs in the child: executes the program, or writes errno to `report`. Only calls that are
// permitted between fork() and exec().
[[noreturn]] void Exec(const Child& child) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  personality(ADDR_NO_RANDOMIZE);
  const rlimit no_core = {0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  rlimit files = {};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (child.cpu >= 0) {
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(static_cast<size_t>(child.cpu), &cpus);
    sched_setaffinity(0, sizeof(cpus), &cpus);
  }
  // The report's number must not be one of those that are taken now.
  const int report = fcntl(child.report, F_DUPFD_CLOEXEC, 10);
  const int memory = fcntl(child.memory, F_DUPFD_CLOEXEC, 10);
  const int null = open("/dev/null", O_RDWR);
  if (report >= 0 && memory >= 0 && null >= 0 && getppid() == child.parent &&
      chdir(child.directory) == 0 && dup2(null, 0) >= 0) {
    const int out = open("output", O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (out >= 0 && dup2(out, 1) >= 0 && dup2(out, 2) >= 0 && dup2(memory, kMemoryFd) >= 0) {
      syscall(SYS_close_range, kMemoryFd + 1, ~0U, CLOSE_RANGE_CLOEXEC);
      execve(child.program, child.argv, child.environment);
    }
  }
  const int reason = errno;
  if (write(report, &reason, sizeof(reason)) < 0) _exit(126);
  _exit(127);
}

std::vector<char*> Pointers(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

SandboxNode::SandboxNode(Sandbox* sandbox, size_t number, const SandboxNodeOptions& options)
    : sandbox_(sandbox), number_(number), options_(options) {
  disk_.Reset();
}

SandboxNode::~SandboxNode() { Kill(); }

SandboxMachine& SandboxNode::shared() const { return sandbox_->memory_->node[number_]; }

std::string SandboxNode::LastLine() const {
  std::string last = "it says nothing";
  std::ifstream file(options_.directory + "/output");
  for (std::string line; std::getline(file, line);) {
    if (!line.empty()) last = line;
  }
  return last;
}

bool SandboxNode::Launch(const std::string& program, std::string* error) {
  char number[8];
  snprintf(number, sizeof(number), "%d %02zu", kMemoryFd, number_);
  std::vector<std::string> environment = {
      "PATH=/usr/bin:/bin",
      "LC_ALL=C",
      "TZ=UTC",
      // Its own thread would run beside the event loop.
      "MALLOC_CONF=narenas:4,background_thread:false",
      "LD_PRELOAD=" + LibraryPath(),
      std::string("RESPROBE_SANDBOX=") + number,
  };
  if (const char* const libraries = std::getenv("LD_LIBRARY_PATH"); libraries != nullptr) {
    environment.push_back(std::string("LD_LIBRARY_PATH=") + libraries);
  }
  environment.insert(environment.end(), options_.environment.begin(), options_.environment.end());
  std::vector<std::string> words = {program};
  words.insert(words.end(), options_.arguments.begin(), options_.arguments.end());
  const std::vector<char*> argv = Pointers(words);
  std::vector<char*> variables = Pointers(environment);

  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) {
    *error = std::string("cannot make a pipe: ") + strerror(errno);
    return false;
  }
  const Child child = {options_.directory.c_str(),
                       program.c_str(),
                       argv.data(),
                       variables.data(),
                       getpid(),
                       sandbox_->shared_->fd(),
                       report[1],
                       sandbox_->options_.cpu};
  pid_ = fork();
  if (pid_ == 0) Exec(child);
  close(report[1]);
  if (pid_ < 0) {
    *error = std::string("cannot start a process: ") + strerror(errno);
    close(report[0]);
    return false;
  }
  int reason = 0;
  ssize_t size;
  do {
    size = read(report[0], &reason, sizeof(reason));
  } while (size < 0 && errno == EINTR);
  close(report[0]);
  if (size > 0) {
    Kill();
    *error = "cannot start '" + program + "' in " + options_.directory + ": " + strerror(reason);
    return false;
  }
  return true;
}

bool SandboxNode::Begin(std::string* error) {
  if (sandbox_->failed()) {
    *error = sandbox_->error();
    return false;
  }
  const std::string program = FindProgram(options_.program);
  const std::string why = program.empty() ? "there is no such program" : WhyNoPreload(program);
  if (!why.empty()) {
    *error = "cannot run '" + options_.program + "' in the sandbox: " + why;
    return false;
  }
  SandboxMemory& memory = *sandbox_->memory_;
  SandboxMachine& machine = shared();
  std::error_code code;
  const std::string directory = std::filesystem::canonical(options_.directory, code);
  if (directory.size() >= sizeof(machine.directory)) {
    *error = "the name of the directory is too long: " + directory;
    return false;
  }
  snprintf(machine.directory, sizeof(machine.directory), "%s", directory.c_str());
  // What the host has written until now arrives before the process lives.
  SandboxAnnounce(&memory, memory.time_ns);
  memory.down &= ~(uint64_t{1} << number_);
  ++machine.process;
  machine.virtual_pid = kSandboxFirstPid + static_cast<int32_t>(number_) * 1000;
  machine.next_virtual_pid = machine.virtual_pid + 1 + static_cast<int32_t>(machine.process) * 20;
  machine.now_ns = machine.cur_ns = memory.time_ns;
  machine.deadline_ns = SANDBOX_NEVER;
  machine.pending = 0;
  machine.signal = 0;
  machine.helpers = 0;
  machine.attached = 0;
  machine.state = kSandboxNodeRunning;
  machine.wake = 0;  // it waits for the turn before it does anything
  memset(machine.children, 0, sizeof(machine.children));
  memory.runner = static_cast<uint32_t>(number_);
  memory.turns_until = ++memory.turns;  // no other node runs before the host is back
  memory.until_ns = memory.time_ns;
  memory.stop_on_host = 0;
  ++machine.turns;
  if (!Launch(program, error)) {
    machine.state = kSandboxNodeDown;
    memory.runner = kSandboxHost;
    memory.turns_until = UINT64_MAX;
    return false;
  }
  machine.tid = pid_;
  return true;
}

bool SandboxNode::CheckStarted(bool ended, std::string* error) {
  sandbox_->CheckRefusal();
  if (!prepared_) sandbox_->memory_->turns_until = UINT64_MAX;
  if (!ended && !sandbox_->failed()) return true;
  *error = sandbox_->failed()
               ? sandbox_->error()
               : "'" + options_.program + "' has ended at once (" + ending_ + "): " + LastLine();
  return false;
}

bool SandboxNode::Start(std::string* error) {
  using Stop = Sandbox::Stop;
  if (!prepared_ && !Begin(error)) return false;
  const Stop stop = prepared_ ? sandbox_->GoOn() : sandbox_->GiveTurn(sandbox_->memory_->runner);
  return CheckStarted(stop == Stop::kEnd, error);
}

bool SandboxNode::Prepare(std::string* error) {
  if (!Begin(error)) return false;
  preparing_ = true;
  const Sandbox::Stop stop = sandbox_->GiveTurn(sandbox_->memory_->runner);
  preparing_ = false;
  return CheckStarted(stop == Sandbox::Stop::kEnd, error);
}

SandboxRole SandboxNode::caller() const {
  return static_cast<SandboxRole>(sandbox_->memory_->call.role);
}

bool SandboxNode::Reap(bool wait) {
  if (pid_ <= 0) return false;
  siginfo_t info = {};
  const int flags = WEXITED | WNOWAIT | (wait ? 0 : WNOHANG);
  while (waitid(P_PID, static_cast<id_t>(pid_), &info, flags) != 0 && errno == EINTR) {
  }
  if (info.si_pid == 0) return false;
  ending_ =
      (info.si_code == CLD_EXITED ? "exit code " : "signal ") + std::to_string(info.si_status);
  Kill();
  disk_.Crash(CrashKind::kProcess);
  SandboxMemory* const memory = sandbox_->memory_;
  SandboxNodeGone(memory, static_cast<uint32_t>(number_), /*power_loss=*/0);
  SandboxNoteDown(memory, kSandboxNoteEnd, static_cast<uint32_t>(number_), 0,
                  info.si_code == CLD_EXITED ? 0 : 1, static_cast<uint64_t>(info.si_status), 0);
  return true;
}

// Its forked children are in its process group, and are killed with it. A copy that has just been
// forked may have no group of its own yet.
void SandboxNode::SendKill() const {
  if (pid_ <= 0) return;
  if (kill(-pid_, SIGKILL) != 0) kill(pid_, SIGKILL);
}

void SandboxNode::Kill() {
  if (pid_ <= 0) return;
  SendKill();
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  prepared_ = false;
  if (sandbox_->halted_ == this) sandbox_->TakeTurn();
}

void SandboxNode::Crash(CrashKind kind) {
  if (!up()) return;
  Kill();
  disk_.Crash(kind);
  ending_ = "signal 9";
  const bool power_loss = kind == CrashKind::kMachine;
  SandboxMemory* const memory = sandbox_->memory_;
  if (power_loss) memory->down |= uint64_t{1} << number_;
  SandboxNodeGone(memory, static_cast<uint32_t>(number_), power_loss);
  SandboxNoteDown(memory, kSandboxNoteEnd, static_cast<uint32_t>(number_), 0, 1, SIGKILL,
                  power_loss);
}

void SandboxNode::Signal(int signal) {
  shared().signal = signal;
  shared().pending = 1;
}

int64_t SandboxNode::now_ms() const {
  const SandboxMachine& machine = shared();
  return (SandboxMonotonic(&machine, sandbox_->memory_->time_ns) + machine.wall_ns) / 1'000'000;
}

void SandboxNode::SetDrift(int64_t ppm) {
  SandboxMachine& machine = shared();
  const int64_t now = sandbox_->memory_->time_ns;
  machine.clock_shows_ns = SandboxMonotonic(&machine, now);
  machine.clock_base_ns = now;
  machine.drift_ppm = std::clamp(ppm, -kMaxDriftPpm, kMaxDriftPpm);
}

}  // namespace resprobe::sandbox
