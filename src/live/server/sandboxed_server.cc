#include "live/server/sandboxed_server.h"

#include <signal.h>

#include <utility>

namespace resprobe::live {
namespace {

using sandbox::Sandbox;

// A timer that runs 10 times a second has run once within it.
constexpr int64_t kCronMs = 101;
constexpr int64_t kMsUs = 1000;

class SandboxChannel : public Channel {
 public:
  SandboxChannel(std::shared_ptr<Sandbox> sandbox, uint64_t connection)
      : sandbox_(std::move(sandbox)), connection_(connection) {}
  ~SandboxChannel() override { sandbox_->Close(connection_); }

  void Send(std::string_view bytes, int ms) override {
    bytes.remove_prefix(sandbox_->Write(connection_, bytes));
    // The rest goes where the server has read.
    for (int64_t until = sandbox_->now_us() + ms * kMsUs; !bytes.empty();) {
      if (sandbox_->AtEnd(connection_)) return;
      const Sandbox::Stop stop = sandbox_->RunUntilArrival(until);
      const size_t sent = sandbox_->Write(connection_, bytes);
      bytes.remove_prefix(sent);
      if (sent > 0) {
        until = sandbox_->now_us() + ms * kMsUs;
      } else if (stop != Sandbox::Stop::kArrival) {
        return;
      }
    }
  }

  Got Read(int ms, std::string* append) override {
    const int64_t until = sandbox_->now_us() + ms * kMsUs;
    const size_t before = append->size();
    for (;;) {
      const bool open = sandbox_->Read(connection_, append);
      if (append->size() > before) return Got::kBytes;
      if (!open) return Got::kClosed;
      // After the end of the process what it has sent still arrives.
      const Sandbox::Stop stop = sandbox_->RunUntilArrival(until);
      if (stop == Sandbox::Stop::kFailed) return Got::kClosed;
      if (stop == Sandbox::Stop::kTime) return Got::kNothing;
    }
  }

  void Shut() override { sandbox_->Shut(connection_); }

 private:
  const std::shared_ptr<Sandbox> sandbox_;
  const uint64_t connection_;
};

}  // namespace

std::unique_ptr<SandboxedServer> SandboxedServer::Start(const ServerProcessOptions& options,
                                                        std::string* error) {
  std::unique_ptr<SandboxedServer> server(new SandboxedServer);
  if (!server->folder_.Make(error)) return nullptr;
  // Questions for the time cost next to nothing: within a case the time stands still.
  server->sandbox_ = Sandbox::Make(
      {.call_ns = 1, .turn_limit_ms = options.hang_ms, .cpu = sandbox::PinToThisProcessor()},
      error);
  if (server->sandbox_ == nullptr) return nullptr;
  sandbox::SandboxNodeOptions node;
  node.program = options.program;
  node.directory = server->folder_.path();
  node.environment = options.environment;
  const std::string port = std::to_string(kPort);
  if (!options.own_words()) {
    node.arguments = {"--port", port, "--bind",       "0.0.0.0", "--protected-mode", "no",
                      "--save", "",   "--appendonly", "no",      "--daemonize",      "no"};
  }
  for (std::string word : options.arguments) {
    constexpr std::string_view kPortWord = "{port}";
    for (size_t at = 0; (at = word.find(kPortWord, at)) != word.npos; at += port.size()) {
      word.replace(at, kPortWord.size(), port);
    }
    node.arguments.push_back(word);
  }
  if (!server->sandbox_->AddNode(node).Start(error)) return nullptr;
  return server;
}

SandboxedServer::~SandboxedServer() {
  if (sandbox_ != nullptr && sandbox_->size() > 0) {
    sandbox_->node(0).Crash(CrashKind::kProcess);  // it has nothing to save
  }
}

Link SandboxedServer::Dial(std::string* error) {
  if (sandbox_->failed()) {
    *error = sandbox_->error();
    return {};
  }
  if (!sandbox_->node(0).up()) {
    *error = "cannot connect: the server has ended (" + sandbox_->node(0).ending() + ")";
    return {};
  }
  return Link(std::make_unique<SandboxChannel>(sandbox_, sandbox_->Dial(0, kPort)));
}

std::optional<std::string> SandboxedServer::AwaitEnd(int ms) {
  const sandbox::SandboxNode& node = sandbox_->node(0);
  if (node.up() && ms > 0) sandbox_->RunFor(ms * kMsUs);
  if (sandbox_->failed()) return sandbox_->error();
  if (node.up()) return std::nullopt;
  return node.ending();
}

void SandboxedServer::Signal(int signal) {
  sandbox::SandboxNode& node = sandbox_->node(0);
  if (signal == SIGKILL) return node.Crash(CrashKind::kProcess);
  node.Signal(signal);
  sandbox_->RunFor(0);
}

void SandboxedServer::SetClock(int64_t ms) {
  const int64_t ahead = ms - now_ms();
  sandbox::SandboxNode& node = sandbox_->node(0);
  if (ahead <= 0) return node.JumpClock(ahead * kMsUs);
  // What the server derives from the time now and then (the clock of OBJECT IDLETIME) follows.
  if (ahead > kCronMs) node.JumpClock((ahead - kCronMs) * kMsUs);
  sandbox_->RunFor((ms - now_ms()) * kMsUs);
}

}  // namespace resprobe::live
