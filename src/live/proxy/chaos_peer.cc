#include "live/proxy/chaos_peer.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <map>
#include <utility>

#include "live/net/socket.h"
#include "live/proxy/scripted_subject.h"
#include "live/proxy/subject_backend.h"
#include "live/proxy/toxic_loop.h"
#include "sim/core_subject.h"

namespace resprobe::live {
namespace {

// The control channel carries lines in both directions, the same to a thread and to a process:
//   toxics CONNECTION TOXIC;CONNECTION TOXIC;…  -> ok
//   report                                      -> CONNECTIONS OPEN COUNT COUNT …
//   stop                                        -> the same, and it ends

bool ReadLine(int fd, std::string* line) {
  line->clear();
  for (;;) {
    char c = 0;
    const ssize_t got = read(fd, &c, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    if (c == '\n') return true;
    *line += c;
  }
}

std::string Describe(const ToxicGate& gate) {
  std::string text =
      std::to_string(gate.connections()) + " " + std::to_string(gate.open_connections());
  for (size_t i = 0; i < kToxicKinds; ++i) {
    text += " " + std::to_string(gate.counts()[static_cast<ToxicKind>(i)]);
  }
  return text;
}

ChaosPeer::Report ReadReport(std::string_view text) {
  std::vector<uint64_t> numbers;
  while (!text.empty()) {
    uint64_t number = 0;
    const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (status != std::errc()) break;
    numbers.push_back(number);
    text.remove_prefix(std::min(static_cast<size_t>(end - text.data()) + 1, text.size()));
  }
  ChaosPeer::Report report;
  if (numbers.size() != 2 + kToxicKinds) return report;
  report.connections = numbers[0];
  report.open = numbers[1];
  for (size_t i = 0; i < kToxicKinds; ++i) {
    for (uint64_t n = numbers[2 + i]; n > 0; --n) report.fired.Fired(static_cast<ToxicKind>(i));
  }
  return report;
}

std::vector<GateToxic> ReadToxics(std::string_view text) {
  std::vector<GateToxic> toxics;
  while (!text.empty()) {
    const std::string_view one = text.substr(0, text.find(';'));
    text.remove_prefix(std::min(one.size() + 1, text.size()));
    uint64_t connection = 0;
    const auto [end, status] = std::from_chars(one.data(), one.data() + one.size(), connection);
    std::string error;
    const std::optional<Toxic> toxic =
        ParseToxic(one.substr(static_cast<size_t>(end - one.data())), &error);
    if (status == std::errc() && toxic) {
      toxics.push_back({PrintToxic(*toxic), *toxic, 1, connection});
    }
  }
  return toxics;
}

// Runs the peer, in a thread or process. First writes "ok" or an error to the control channel.
void Live(const PeerScript& script, const ChaosPeer::Options& options, int control) {
  SocketLog log = options.log_fd >= 0 ? SocketLog(options.log_fd) : SocketLog();
  log.Hold();
  log.Text("script", script.Print());
  std::unique_ptr<ServerSubject> subject;
  if (options.subject) {
    subject = options.subject();
  } else if (!script.replies.empty()) {
    subject = std::make_unique<ScriptedSubject>(script.replies);
  } else {
    subject = std::make_unique<CoreSubject>();
  }
  subject->Reset();
  ToxicGate gate(
      {.port = options.port,
       .seed = script.seed,
       .send_buffer = script.send_buffer,
       .receive_buffer = script.receive_buffer},
      [&](std::string*) { return std::make_unique<SubjectBackend>(subject.get()); }, &log);
  gate.SetToxics(script.toxics);
  std::string error;
  if (!gate.Open(&error)) {
    SendAll(control, error + "\n");
    return;
  }
  if (options.on_ready) options.on_ready(gate.port());
  log.Release();
  SendAll(control, "ok " + std::to_string(gate.port()) + "\n");
  ToxicLoop loop;
  loop.Add(&gate);
  loop.Watch(control, [&] {
    std::string line;
    if (!ReadLine(control, &line)) return false;  // the owner has ended
    if (line.starts_with("toxics ")) {
      gate.SetToxics(ReadToxics(std::string_view(line).substr(7)));
      SendAll(control, "ok\n");
      return true;
    }
    if (line == "stop") return false;
    SendAll(control, Describe(gate) + "\n");
    return true;
  });
  if (!loop.Run(&error)) log.Text("error", error);
  const std::string last = Describe(gate);
  gate.Enable(false);
  SendAll(control, last + "\n");
}

}  // namespace

std::unique_ptr<ChaosPeer> ChaosPeer::Start(const PeerScript& script, const Options& options,
                                            std::string* error) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    *error = std::string("cannot make a control channel: ") + std::strerror(errno);
    return nullptr;
  }
  std::unique_ptr<ChaosPeer> peer(new ChaosPeer);
  peer->control_.Reset(ends[0]);
  UniqueFd theirs(ends[1]);
  if (options.place == Place::kThread) {
    peer->thread_ =
        std::thread([script, options, fd = std::move(theirs)] { Live(script, options, fd.get()); });
  } else {
    std::fflush(nullptr);
    const pid_t parent = getpid();
    peer->pid_ = fork();
    if (peer->pid_ < 0) {
      *error = std::string("cannot fork: ") + std::strerror(errno);
      return nullptr;
    }
    if (peer->pid_ == 0) {
      peer->control_.Reset();
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      signal(SIGINT, SIG_IGN);  // the owner ends it
      if (getppid() == parent) Live(script, options, theirs.get());
      _exit(0);
    }
    theirs.Reset();
  }
  std::string answer;
  if (!ReadLine(peer->control_.get(), &answer)) answer = "the peer ended while it started";
  if (!answer.starts_with("ok ")) {
    *error = answer;
    return nullptr;
  }
  std::from_chars(answer.data() + 3, answer.data() + answer.size(), peer->port_);
  return peer;
}

ChaosPeer::~ChaosPeer() { Stop(); }

std::string ChaosPeer::Talk(const std::string& line) {
  std::string answer;
  if (!control_.valid() || !SendAll(control_.get(), line + "\n") ||
      !ReadLine(control_.get(), &answer)) {
    return "";
  }
  return answer;
}

bool ChaosPeer::SetToxics(const std::vector<GateToxic>& toxics) {
  std::string line = "toxics ";
  for (const GateToxic& one : toxics) {
    line += std::to_string(one.connection) + " " + PrintToxic(one.toxic) + ";";
  }
  return Talk(line) == "ok";
}

ChaosPeer::Report ChaosPeer::Ask() { return ReadReport(Talk("report")); }

ChaosPeer::Report ChaosPeer::Stop() {
  const Report report = ReadReport(Talk("stop"));
  control_.Reset();
  if (thread_.joinable()) thread_.join();
  if (pid_ > 0) {
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
  }
  return report;
}

}  // namespace resprobe::live
