#include "live/history/live_life.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string_view>
#include <utility>

#include "live/net/resp_probe.h"
#include "live/net/socket.h"
#include "live/server/system_error.h"

namespace resprobe::live {
namespace {

using Clock = std::chrono::steady_clock;
using history::Life;
using history::Part;

constexpr int kPollMs = 100;
// A server that drops this many connections in a life, although nothing was wrong with them, is of
// no use.
constexpr uint64_t kMostDropped = 200;

// The server's order of requests, read while they run.
class Monitor {
 public:
  // False if the server does not offer it.
  bool Open(LiveServer* server);
  int fd() const { return fd_.get(); }
  // Reads what has arrived, without waiting.
  void Read();
  // Reads until the line that shows this word, for `ms` at most. False if it does not come.
  bool ReadUntil(std::string_view word, int ms);
  // The requests before that line. `clients`: by the ports of their connections.
  std::vector<history::Executed> Take(std::string_view word,
                                      const std::map<uint16_t, uint32_t>& clients);

 private:
  UniqueFd fd_;
  std::string text_;
  bool lost_ = false;
};

bool Monitor::Open(LiveServer* server) {
  std::string ignored;
  fd_ = server->Connect(&ignored);
  if (!fd_.valid() || !SendAll(fd_.get(), "*1\r\n$7\r\nMONITOR\r\n")) return false;
  if (!ReadUntil("+OK\r\n", server->hang_ms())) return false;
  text_.erase(0, text_.find("+OK\r\n") + 5);
  return true;
}

void Monitor::Read() {
  char buffer[64 << 10];
  for (;;) {
    const ssize_t got = recv(fd_.get(), buffer, sizeof(buffer), MSG_DONTWAIT);
    if (got > 0) {
      text_.append(buffer, static_cast<size_t>(got));
      continue;
    }
    lost_ |= got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
    return;
  }
}

bool Monitor::ReadUntil(std::string_view word, int ms) {
  const Clock::time_point end = Clock::now() + std::chrono::milliseconds(ms);
  size_t searched = 0;
  while (!lost_) {
    Read();
    if (text_.find(word, searched) != text_.npos) return true;
    searched = text_.size() - std::min(text_.size(), word.size());
    if (Clock::now() >= end) return false;
    pollfd polled = {fd_.get(), POLLIN, 0};
    poll(&polled, 1, kPollMs);
  }
  return false;
}

std::vector<history::Executed> Monitor::Take(std::string_view word,
                                             const std::map<uint16_t, uint32_t>& clients) {
  std::vector<history::Executed> executed;
  std::string_view rest = text_;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find("\r\n"));
    rest.remove_prefix(std::min(rest.size(), line.size() + 2));
    if (line.find(word) != line.npos) break;
    history::MonitorLine parsed = history::ParseMonitorLine(line);
    if (parsed.words.empty()) continue;
    history::Executed& one = executed.emplace_back();
    one.words = std::move(parsed.words);
    const std::string_view address = parsed.address;
    const std::string_view digits = address.substr(address.rfind(':') + 1);
    uint16_t port = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (const auto at = clients.find(port); port != 0 && at != clients.end()) {
      one.client = at->second;
    }
  }
  return executed;
}

// The clients of one life.
class Connections {
 public:
  Connections(LiveServer* server, Life* life, LiveLife* result)
      : server_(*server), life_(*life), result_(*result), start_(Clock::now()) {}

  void set_monitor(Monitor* monitor) { monitor_ = monitor; }
  // False with `error` if the server cannot be reached.
  bool Run(std::string* error);
  // The clients of the history by the ports of their connections. A port that two of them had is
  // left out.
  const std::map<uint16_t, uint32_t>& ports() const { return ports_; }

 private:
  uint64_t NowUs() const {
    const auto passed = Clock::now() - start_;
    return static_cast<uint64_t>(
               std::chrono::duration_cast<std::chrono::microseconds>(passed).count()) +
           1;
  }
  bool Connect(uint32_t slot, std::string* error);
  // What an idle client does next.
  bool Act(uint32_t slot, std::string* error);
  void Strangers(uint32_t count);
  bool Receive(uint32_t slot, std::string* error);
  bool Dropped(uint32_t slot, std::string* error);
  bool CrashServer(std::string* error);
  void Fail(std::string why) {
    if (result_.failure.empty()) result_.failure = std::move(why);
  }

  LiveServer& server_;
  Life& life_;
  LiveLife& result_;
  const Clock::time_point start_;
  Monitor* monitor_ = nullptr;
  std::vector<UniqueFd> fds_;
  std::map<uint16_t, uint32_t> ports_;
  uint64_t dropped_ = 0;
  char buffer_[64 << 10];
};

bool Connections::Connect(uint32_t slot, std::string* error) {
  fds_[slot] = server_.Connect(error);
  if (const uint16_t port = fds_[slot].valid() ? LocalPort(fds_[slot].get()) : 0; port != 0) {
    if (!ports_.try_emplace(port, life_.number(slot)).second) {
      ports_[port] = history::Executed::kAnyClient;
    }
  }
  if (fds_[slot].valid() || server_.stop()()) return true;
  const std::optional<ServerEnd> end = server_.AwaitEnd(server_.hang_ms());
  if (!end) return false;
  Fail(end->Text());
  return true;
}

void Connections::Strangers(uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) {
    std::string ignored;
    const UniqueFd fd = server_.Connect(&ignored);
    if (fd.valid() && i % 2 == 1) SendAll(fd.get(), "*2\r\n$4\r\nECHO\r\n$10\r\nhal");
  }
}

bool Connections::Act(uint32_t slot, std::string* error) {
  for (;;) {
    const Life::Turn turn = life_.Next(slot, NowUs());
    switch (turn.step) {
      case Life::Turn::Step::kRest:
      case Life::Turn::Step::kOver:
        return true;
      case Life::Turn::Step::kReconnect:
        fds_[slot].Reset();
        Strangers(turn.strangers);
        if (!Connect(slot, error)) return false;
        if (!fds_[slot].valid()) return true;
        continue;
      case Life::Turn::Step::kCut:
        SendAll(fds_[slot].get(), turn.bytes);
        fds_[slot].Reset();
        life_.Lost(slot);
        if (!Connect(slot, error)) return false;
        if (!fds_[slot].valid()) return true;
        continue;
      case Life::Turn::Step::kSend:
        // A connection that the server has closed shows when it is read.
        SendAll(fds_[slot].get(), turn.bytes);
        return true;
    }
  }
}

bool Connections::Dropped(uint32_t slot, std::string* error) {
  life_.Lost(slot);
  fds_[slot].Reset();
  if (const std::optional<ServerEnd> end = server_.AwaitEnd(0)) {
    Fail(end->Text());
    return true;
  }
  if (++dropped_ > kMostDropped) {
    Fail("server closes connections");
    return true;
  }
  return Connect(slot, error) && (!fds_[slot].valid() || Act(slot, error));
}

bool Connections::Receive(uint32_t slot, std::string* error) {
  const ssize_t got = recv(fds_[slot].get(), buffer_, sizeof(buffer_), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return true;
  if (got <= 0) return Dropped(slot, error);
  const std::string_view bytes(buffer_, static_cast<size_t>(got));
  switch (life_.Arrived(slot, bytes, NowUs())) {
    case Life::Heard::kWaits:
      return true;
    case Life::Heard::kBroken:
      Fail("server sends what is no reply");
      return true;
    case Life::Heard::kIdle:
      return Act(slot, error);
  }
  return true;
}

bool Connections::CrashServer(std::string* error) {
  // It is killed, and a new process has read its files.
  if (!server_.Restart(error)) return false;
  // What the old one had sent is still there.
  for (uint32_t slot = 0; slot < life_.slots(); ++slot) {
    for (ssize_t got = 1; got > 0 && fds_[slot].valid();) {
      got = recv(fds_[slot].get(), buffer_, sizeof(buffer_), MSG_DONTWAIT);
      if (got > 0) life_.Arrived(slot, {buffer_, static_cast<size_t>(got)}, NowUs());
    }
  }
  life_.Crashed(NowUs());
  for (uint32_t slot = 0; slot < life_.slots(); ++slot) {
    if (!Connect(slot, error)) return false;
    if (fds_[slot].valid() && !Act(slot, error)) return false;
  }
  return true;
}

bool Connections::Run(std::string* error) {
  fds_.resize(life_.slots());
  for (uint32_t slot = 0; slot < life_.slots(); ++slot) {
    if (!Connect(slot, error)) return false;
  }
  for (uint32_t slot = 0; slot < life_.slots(); ++slot) {
    if (fds_[slot].valid() && !Act(slot, error)) return false;
  }
  std::vector<pollfd> polled;
  int silent_ms = 0;
  while (!life_.over() && result_.failure.empty()) {
    if (server_.stop()()) {
      result_.stopped = true;
      return true;
    }
    if (life_.CrashIsDue() && !CrashServer(error)) return false;
    polled.clear();
    for (const UniqueFd& fd : fds_) polled.push_back({fd.get(), POLLIN, 0});
    if (monitor_ != nullptr) polled.push_back({monitor_->fd(), POLLIN, 0});
    const int ready = poll(polled.data(), polled.size(), kPollMs);
    if (ready <= 0) {
      bool waits = false;
      for (uint32_t slot = 0; slot < life_.slots(); ++slot) waits |= life_.waits(slot);
      if (waits && (silent_ms += kPollMs) >= server_.hang_ms()) {
        const ServerEnd end = server_.FindEnd(0);
        if (!server_.stop()()) Fail(end.Text());
      }
    } else {
      silent_ms = 0;
    }
    for (uint32_t slot = 0; slot < life_.slots() && result_.failure.empty(); ++slot) {
      if (polled[slot].revents != 0 && !Receive(slot, error)) return false;
    }
    if (monitor_ != nullptr && polled.back().revents != 0) monitor_->Read();
    // The clients that had nothing to do while others were busy.
    if (!life_.over() && result_.failure.empty() && !life_.waits(0) && fds_[0].valid() &&
        !Act(0, error)) {
      return false;
    }
  }
  return true;
}

}  // namespace

std::unique_ptr<LiveLives> LiveLives::Open(const TargetOptions& options, std::string* error) {
  std::unique_ptr<LiveLives> lives(new LiveLives(options));
  TargetOptions any = options;
  any.any = true;
  any.tcp = true;
  lives->options_ = any;
  lives->server_ = LiveServer::Open(any, error);
  if (lives->server_ == nullptr) return nullptr;
  lives->server_->ProfileOf(&lives->profile_);
  constexpr double kSurveySeconds = 60;
  lives->survey_ =
      ServerSurvey::Make(lives->server_.get(), lives->profile_, kSurveySeconds, {}, error);
  if (!lives->survey_) return nullptr;
  const ServerSurvey& survey = *lives->survey_;
  const history::Workload workload(
      {.profile = lives->profile_, .has = [&](std::string_view name) { return survey.Has(name); }});
  if (!workload.possible()) {
    *error = "the server has no command that a history can be made of (GET, SET, INCR, LPUSH …)";
    return nullptr;
  }
  return lives;
}

std::string LiveLives::WhyNot(Part part) const {
  if (part != Part::kCrash) return "";
  if (options_.start.empty()) return "only a server that is started here (--start) is killed";
  std::string ignored;
  const std::optional<ServerProcessOptions> process = ProcessOf(options_, &ignored);
  if (!survey_->redis() || !process || process->own_words()) {
    return "the server is neither redis nor valkey, so it is not known how it is told to keep its "
           "data";
  }
  return "";
}

bool LiveLives::Clear(LiveServer* server, std::string* error) {
  RespProbe probe([server](std::string* why) { return server->Dial(why); }, server->hang_ms(),
                  server->stop());
  const bool all = survey_->Has("flushall");
  if (!all && !survey_->Has("flushdb")) {
    *error = "the server has neither FLUSHALL nor FLUSHDB, and a life begins without keys";
    if (!server->own()) return false;
    return server->Restart(error);
  }
  const std::optional<resp::ReplyView> reply = probe.Ask(all ? "FLUSHALL" : "FLUSHDB");
  if (reply && !reply->is_error()) return true;
  *error = reply ? "the server does not delete its keys: " + std::string(reply->text())
                 : "the server does not answer FLUSHALL: " + probe.error();
  return false;
}

bool LiveLives::Run(const Options& options, LiveLife* life, std::string* error) {
  *life = {};
  ++lives_;
  LiveServer* server = server_.get();
  std::unique_ptr<LiveServer> recovering;
  std::string folder;
  const auto remove_folder = [&] {
    recovering.reset();
    std::error_code ignored;
    if (!folder.empty()) std::filesystem::remove_all(folder, ignored);
  };
  if (options.part == Part::kCrash) {
    std::error_code code;
    folder = std::filesystem::temp_directory_path(code) / "resprobe-lives-XXXXXX";
    if (code || mkdtemp(folder.data()) == nullptr) {
      *error = SystemError("cannot make a temporary folder");
      return false;
    }
    TargetOptions durable = options_;
    durable.any = false;
    for (const char* word : {"--dir", folder.c_str(), "--appendonly", "yes", "--appendfsync",
                             "always", "--save", ""}) {
      durable.arguments.emplace_back(word);
    }
    recovering = LiveServer::Open(durable, error);
    if (recovering == nullptr) {
      remove_folder();
      return false;
    }
    server = recovering.get();
  } else if (!Clear(server, error)) {
    // A server that an earlier life has killed or hung is started again.
    if (!server->own() || server->stop()() || !server->Restart(error) || !Clear(server, error)) {
      return false;
    }
  }

  Life made({.workload = {.seed = options.seed,
                          .clients = options.clients,
                          .keys = options.keys,
                          .profile = profile_,
                          .has = [this](std::string_view name) { return survey_->Has(name); }},
             .part = options.part,
             .operations = options.operations});
  Monitor monitor;
  const bool monitored = options.monitor && options.part != Part::kCrash &&
                         server->Has("monitor") && server->Has("echo") && monitor.Open(server);
  Connections connections(server, &made, life);
  if (monitored) connections.set_monitor(&monitor);
  const bool ran = connections.Run(error);
  life->stopped |= server->stop()();
  if (ran && monitored && life->failure.empty() && !life->stopped) {
    // When this is in its order, everything else is.
    const std::string last = "the-end-of-life-" + std::to_string(lives_);
    RespProbe probe([server](std::string* why) { return server->Dial(why); }, server->hang_ms(),
                    server->stop());
    life->ordered = probe.Ask("ECHO " + last) && monitor.ReadUntil(last, server->hang_ms());
    if (life->ordered) life->executed = monitor.Take(last, connections.ports());
  }
  remove_folder();
  life->history = made.Finish();
  life->counts = made.counts();
  return ran;
}

}  // namespace resprobe::live
