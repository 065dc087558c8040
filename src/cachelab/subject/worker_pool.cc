#include "cachelab/subject/worker_pool.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "core/resp/writer.h"
#include "live/net/socket.h"

namespace resprobe::cachelab {
namespace {

using Clock = std::chrono::steady_clock;

// How often a wait polls `stop`; all other events wake it.
constexpr int kLookMs = 200;

// In the child: closes everything inherited from the driver except the shared memory.
int KeepOnly(int fd) {
  constexpr int kControl = 3;
  if (fd != kControl) dup2(fd, kControl);
  close_range(kControl + 1, ~0U, 0);
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) sigaction(signal, &action, nullptr);
  ReportCrashes();
  sigset_t none;
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, nullptr);
  return kControl;
}

}  // namespace

std::unique_ptr<WorkerPool> WorkerPool::Start(PoolOptions options, std::string* error) {
  std::unique_ptr<WorkerPool> pool(new WorkerPool(std::move(options)));
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  pthread_sigmask(SIG_BLOCK, &child, &pool->mask_before_);
  pool->children_.Reset(signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!pool->children_.valid()) {
    *error = std::string("the system refuses a signal descriptor: ") + std::strerror(errno);
    return nullptr;
  }
  pool->cache_ = SharedCache::Create(pool->options_.cache, error);
  if (pool->cache_ == nullptr) return nullptr;
  pool->cache_->Attach(kMaxWorkers, pool->options_.injected_fault, [](Failpoint) {});
  pool->workers_ = std::vector<Worker>(Index(pool->options_.workers));
  for (Worker& worker : pool->workers_) {
    worker.index = static_cast<int>(&worker - pool->workers_.data());
    if (!pool->Fork(worker, error)) return nullptr;
  }
  if (pool->Barrier()) return pool;
  *error = pool->hung_.empty() ? "interrupted" : pool->hung_;
  return nullptr;
}

WorkerPool::~WorkerPool() {
  for (Worker& worker : workers_) {
    worker.control.Reset();
    if (worker.pid > 0) kill(worker.pid, SIGKILL);
  }
  for (const Worker& worker : workers_) {
    while (worker.pid > 0 && waitpid(worker.pid, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  children_.Reset();
  pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
}

bool WorkerPool::Fork(Worker& worker, std::string* error) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    *error = std::string("cannot make a socket: ") + std::strerror(errno);
    return false;
  }
  live::UniqueFd written(memfd_create("resprobe-worker-stderr", MFD_CLOEXEC));
  live::UniqueFd ours(ends[0]);
  live::UniqueFd theirs(ends[1]);
  WorkerConfig config{.index = worker.index,
                      .writer = worker.index < options_.writers ? worker.index : kNoWriter,
                      .connect = options_.connect,
                      .tracking = options_.tracking,
                      .injected_fault = options_.injected_fault};
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) {
    // Ctrl-C goes to the driver, which then ends the workers.
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent) {
      if (written.valid()) dup2(written.get(), STDERR_FILENO);
      CacheWorker(cache_.get(), std::move(config), live::UniqueFd(KeepOnly(theirs.get()))).Run();
    }
    _exit(0);
  }
  if (pid < 0) {
    *error = std::string("cannot start a worker: ") + std::strerror(errno);
    return false;
  }
  setpgid(pid, pid);
  worker.pid = pid;
  worker.control = std::move(ours);
  worker.parser.Reset();
  worker.held = false;
  worker.stopped = false;
  worker.ordered = 0;
  worker.armed = 0;
  worker.written = std::move(written);
  return true;
}

void WorkerPool::Tell(Worker& worker, std::span<const std::string_view> words) {
  std::string request;
  resp::AppendRequest(&request, words);
  live::SendAll(worker.control.get(), request);
}

uint64_t WorkerPool::Send(Worker& worker, std::string_view verb,
                          std::span<const std::string> command) {
  std::vector<std::string_view> words = {verb};
  words.insert(words.end(), command.begin(), command.end());
  const uint64_t ticket = next_ticket_++;
  const auto answer = answers_.emplace(ticket, std::nullopt).first;
  if (worker.stopped) {
    answer->second.emplace();
    answer->second->why = "the worker is stopped";
    return ticket;
  }
  worker.waiting.push_back(ticket);
  // A worker that has ended reads nothing; its end completes the ticket.
  Tell(worker, words);
  return ticket;
}

uint64_t WorkerPool::Cached(int worker, std::span<const std::string> command) {
  return Send(workers_[Index(worker)], "cached", command);
}

uint64_t WorkerPool::Direct(int worker, std::span<const std::string> command) {
  return Send(workers_[Index(worker)], "direct", command);
}

WorkerAnswer WorkerPool::Wait(uint64_t ticket) {
  const auto found = answers_.find(ticket);
  if (found == answers_.end()) return {};
  while (!found->second && Pump()) {
  }
  WorkerAnswer answer = found->second ? std::move(*found->second) : WorkerAnswer();
  if (!found->second) answer.why = "given up";
  answers_.erase(found);
  return answer;
}

void WorkerPool::Hold(int worker, Failpoint point) { SignalAt(worker, point, 0); }

void WorkerPool::SignalAt(int worker, Failpoint point, int signal) {
  const std::string words[] = {std::string(FailpointName(point)), std::to_string(signal)};
  workers_[Index(worker)].held = false;
  workers_[Index(worker)].armed = signal;
  Wait(Send(workers_[Index(worker)], "arm", words));
}

bool WorkerPool::WaitHeld(int worker, uint64_t ticket) {
  const auto found = answers_.find(ticket);
  const Worker& w = workers_[Index(worker)];
  while (found != answers_.end() && !found->second && !w.held && Pump()) {
  }
  return w.held;
}

void WorkerPool::Go(int worker) {
  Worker& w = workers_[Index(worker)];
  const std::string_view go[] = {"go"};
  Tell(w, go);
  w.held = false;
}

std::vector<uint64_t> WorkerPool::StartBarrier() {
  std::vector<uint64_t> tickets;
  for (Worker& worker : workers_) {
    if (!worker.stopped) tickets.push_back(Send(worker, "barrier", {}));
  }
  return tickets;
}

bool WorkerPool::Barrier() {
  for (const uint64_t ticket : StartBarrier()) Wait(ticket);
  return hung_.empty() && !options_.stop();
}

bool WorkerPool::Done(uint64_t ticket) const {
  const auto found = answers_.find(ticket);
  return found == answers_.end() || found->second;
}

void WorkerPool::Signal(int worker, int signal) {
  Worker& w = workers_[Index(worker)];
  const pid_t pid = w.pid;
  w.ordered = signal;
  if (kill(w.pid, signal) != 0) return;
  const bool stops_it =
      signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
  const bool harmless = signal == 0 || signal == SIGCONT || signal == SIGCHLD ||
                        signal == SIGWINCH || signal == SIGURG || signal == SIGPIPE;
  // A stopped process dies only of SIGKILL.
  if (harmless || (w.stopped && signal != SIGKILL)) return;
  while (w.pid == pid && !(stops_it && w.stopped) && Pump()) {
  }
}

void WorkerPool::Resume() {
  for (Worker& worker : workers_) {
    if (!worker.stopped) continue;
    worker.stopped = false;
    kill(worker.pid, SIGCONT);
  }
}

std::vector<int64_t> WorkerPool::TakeOrphans() { return std::exchange(orphans_, {}); }

bool WorkerPool::Pump() {
  const Clock::time_point give_up = Clock::now() + std::chrono::seconds(options_.hang_seconds);
  std::vector<pollfd> polled;
  for (const Worker& worker : workers_) polled.push_back({worker.control.get(), POLLIN, 0});
  polled.push_back({children_.get(), POLLIN, 0});
  for (;;) {
    if (options_.stop()) return false;
    options_.before_poll();
    const int ready = poll(polled.data(), polled.size(), kLookMs);
    options_.after_poll();
    if (ready > 0) break;
    if (Clock::now() < give_up) continue;
    for (const Worker& worker : workers_) {
      if (worker.answered < worker.waiting.size() && !worker.stopped) {
        hung_ = "worker " + std::to_string(worker.index) + " (pid " + std::to_string(worker.pid) +
                ") says nothing for " + std::to_string(options_.hang_seconds) + " s";
      }
    }
    return false;
  }
  // The result of read() decides: a signal that arrives after poll() has returned is read here, and
  // no later poll() reports it again.
  bool child = false;
  signalfd_siginfo info;
  while (read(children_.get(), &info, sizeof(info)) > 0) child = true;
  for (size_t i = 0; i < workers_.size(); ++i) {
    if (polled[i].revents != 0) Receive(workers_[i]);
    if (child) Reap(workers_[i], false);
  }
  return true;
}

bool WorkerPool::ReplaceHung() {
  const std::string why = std::exchange(hung_, {});
  bool any = false;
  for (Worker& worker : workers_) {
    if (worker.answered == worker.waiting.size() || worker.stopped || worker.pid <= 0) continue;
    any = true;
    LoseWaiting(worker, why + "; it was replaced");
    kill(worker.pid, SIGKILL);
    Reap(worker, true);
  }
  if (!any) hung_ = why;
  return any && hung_.empty();
}

void WorkerPool::Receive(Worker& worker) {
  char bytes[64 << 10];
  const ssize_t size = recv(worker.control.get(), bytes, sizeof(bytes), MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0) {
    Reap(worker, true);
    return;
  }
  std::string_view rest(bytes, static_cast<size_t>(size));
  while (!rest.empty()) {
    const resp::ReplyParser::Result result = worker.parser.Parse(rest);
    if (result.status == resp::ReplyParser::Status::kError) break;
    rest.remove_prefix(result.consumed);
    if (result.status == resp::ReplyParser::Status::kNeedMore) break;
    const resp::ReplyView message = worker.parser.reply().root();
    if (message.type() == resp::Type::kPush) {
      if (message.size() == 1 && message[0].text() == "raise") {
        worker.ordered = worker.armed;
      } else {
        worker.held = true;
      }
      continue;
    }
    if (worker.answered == worker.waiting.size()) continue;
    WorkerAnswer answer;
    if (!ReadAnswer(message, &answer)) answer.why = "the worker's answer makes no sense";
    const auto found = answers_.find(worker.waiting[worker.answered++]);
    if (found != answers_.end() && !found->second) found->second = std::move(answer);
  }
  if (worker.answered == worker.waiting.size()) {
    worker.waiting.clear();
    worker.answered = 0;
  }
}

// Checks whether the process has stopped or ended; with `ended` it is certain to end.
void WorkerPool::Reap(Worker& worker, bool ended) {
  if (worker.pid <= 0) return;
  siginfo_t info = {};
  int result;
  do {
    info = {};
    result = waitid(P_PID, static_cast<id_t>(worker.pid), &info,
                    WEXITED | (ended ? 0 : WSTOPPED | WNOHANG));
  } while (result != 0 && errno == EINTR);
  if (result != 0 || info.si_pid == 0) return;
  if (info.si_code == CLD_STOPPED) {
    if (worker.stopped) return;
    worker.stopped = true;
    ++stops_;
    if (worker.index < options_.writers &&
        options_.injected_fault != InjectedFault::kTrustTheDead) {
      cache_->Revoke(worker.index);
    }
    // When it is resumed it still answers them, but the answers are ignored.
    LoseWaiting(worker, "the worker was stopped");
    if (!cache_->AtLock(worker.index)) return;
    ++freed_;
    kill(worker.pid, SIGKILL);
    Reap(worker, true);
    return;
  }
  worker.pid = -1;
  // Read its earlier answers.
  const auto open = [&worker] { return worker.waiting.size() - worker.answered; };
  size_t before;
  do {
    before = open();
    Receive(worker);
  } while (before != open() && open() > 0);
  if (IsCrash(worker, info)) {
    KeepCrash(worker, info);
    LoseWaiting(worker, "the worker crashed");
  } else {
    ++deaths_;
    LoseWaiting(worker, "the worker was killed");
  }
  worker.waiting.clear();
  worker.answered = 0;
  const SharedCache::WorkerRecord record = cache_->Worker(worker.index);
  for (const int64_t id : {record.tracked_id, record.plain_id}) {
    if (id != 0) orphans_.push_back(id);
  }
  cache_->SetWorker(worker.index, {});
  Replace(worker);
}

// A worker exits only when its control socket ends, and only the pool closes that.
bool WorkerPool::IsCrash(const Worker& worker, const siginfo_t& end) const {
  if (end.si_code == CLD_EXITED) return true;
  return end.si_status != worker.ordered && IsCrashSignal(end.si_status);
}

void WorkerPool::KeepCrash(const Worker& worker, const siginfo_t& end) {
  ++crashes_;
  if (kept_crashes_.size() >= kMostCrashes) return;
  WorkerCrash crash{.worker = worker.index, .pid = end.si_pid, .how = {}, .report = {}};
  const char* const name = sigabbrev_np(end.si_status);
  crash.how = end.si_code == CLD_EXITED ? "exit status " + std::to_string(end.si_status)
                                        : std::string("SIG") + (name == nullptr ? "?" : name);
  constexpr size_t kMostReport = 64 << 10;
  crash.report.resize(kMostReport);
  const ssize_t size = pread(worker.written.get(), crash.report.data(), kMostReport, 0);
  crash.report.resize(size > 0 ? static_cast<size_t>(size) : 0);
  kept_crashes_.push_back(std::move(crash));
}

std::optional<WorkerCrash> WorkerPool::TakeCrash() {
  if (kept_crashes_.empty()) return std::nullopt;
  WorkerCrash crash = std::move(kept_crashes_.front());
  kept_crashes_.pop_front();
  return crash;
}

void WorkerPool::LoseWaiting(Worker& worker, std::string_view why) {
  for (size_t i = worker.answered; i < worker.waiting.size(); ++i) {
    const auto found = answers_.find(worker.waiting[i]);
    if (found == answers_.end() || found->second) continue;
    found->second.emplace();
    found->second->why = why;
  }
}

void WorkerPool::Replace(Worker& worker) {
  std::string error;
  if (!Fork(worker, &error)) hung_ = error;
}

}  // namespace resprobe::cachelab
