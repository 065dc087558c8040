// chaos-peer: serves the hostile peer on a port, until Ctrl-C.

#include "live/proxy/chaos_peer.h"

#include <absl/strings/str_format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <optional>

#include "cli/proxy/toxic_options.h"
#include "cli/verbs.h"
#include "live/net/interrupt_fd.h"
#include "runner/files.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

struct ChaosPeerOptions {
  uint16_t port = 0;
  std::string script;
  std::optional<uint64_t> seed;
  bool forked = false;
  bool print = false;
  std::string log = "-";
};

live::PeerScript ScriptOf(const ChaosPeerOptions& options) {
  if (options.script.empty() == !options.seed) {
    throw runner::UserError("chaos-peer: give --script FILE or --seed S");
  }
  if (options.seed) return live::GeneratePeerScript(*options.seed);
  std::string error;
  const std::optional<live::PeerScript> script =
      live::ParsePeerScript(runner::ReadFile(options.script), &error);
  if (!script) {
    // "line 3: what" -> "file:3: what"
    throw runner::UserError(options.script + ":" + error.substr(std::string_view("line ").size()));
  }
  return *script;
}

int RunChaosPeer(const ChaosPeerOptions& options) {
  const live::PeerScript script = ScriptOf(options);
  if (options.print) {
    std::fputs(script.Print().c_str(), stdout);
    return runner::kAllWell;
  }
  const LogFile log(options.log);
  live::InterruptFd interrupted;
  if (!interrupted.valid()) throw runner::UserError("the system refuses a signal descriptor");
  // If the log goes to standard output, nothing else does.
  std::FILE* const out = options.log == "-" ? stderr : stdout;
  // Before the first line of the log, which is the whole script.
  const auto print_ready = [&](uint16_t port) {
    std::fprintf(out, "evil peer on 127.0.0.1:%d", port);
    if (options.forked) std::fprintf(out, " in process %d", static_cast<int>(getpid()));
    std::fprintf(out, "; Ctrl-C ends it\n");
    std::fflush(out);
  };
  std::string error;
  const std::unique_ptr<live::ChaosPeer> peer = live::ChaosPeer::Start(
      script,
      {.place = options.forked ? live::ChaosPeer::Place::kProcess : live::ChaosPeer::Place::kThread,
       .port = options.port,
       .log_fd = log.fd(),
       .on_ready = print_ready},
      &error);
  if (peer == nullptr)
    throw runner::UserError("--listen: " + error + ": choose another port, or 0");
  pollfd one = {interrupted.get(), POLLIN, 0};
  while (poll(&one, 1, -1) < 0 && errno == EINTR) {
  }
  const live::ChaosPeer::Report report = peer->Stop();
  absl::FPrintF(out, "%d connections; fired: %s\n", report.connections, FiredText(report.fired));
  std::fflush(out);
  if (!interrupted.Finish()) throw runner::UserError("cannot read the signal");
  return runner::kAllWell;
}

}  // namespace

Verb ChaosPeerVerb() {
  const auto options = std::make_shared<ChaosPeerOptions>();
  Verb verb("chaos-peer", "an evil server on a TCP port");
  verb.details =
      "It listens on 127.0.0.1, answers, and torments its clients.\n"
      "A script is lines: toxics, 'connection N' before those of the N-th connection only, 'seed "
      "S', 'send_buffer BYTES', 'receive_buffer BYTES', 'reply \"+OK\\r\\n\" …' (else the core "
      "answers); # begins a comment. What happened on the sockets goes to the log as JSON lines.\n"
      "Toxics, with the defaults of their numbers; 'upstream' is what the client sends:\n" +
      ToxicsHelp();
  verb.examples = {{"chaos-peer --listen 7001 --seed 7", "does what seed 7 says"},
                   {"chaos-peer --listen 0 --script evil.txt --log evil.jsonl",
                    "follows a script and keeps a log"}};
  verb.exit_codes = "0 ended by Ctrl-C or SIGTERM, 2 wrong use.";
  verb.Number("--listen", "PORT", &options->port, 0, 65535, "Port; 0 picks a free one").Required();
  verb.Text("--script", "FILE", &options->script, "What it does").Complete(Completion::kFile);
  verb.Number("--seed", "S", &options->seed, 0, UINT64_MAX, "Generate a script from this number");
  verb.Flag("--forked", &options->forked, "Run in a separate process");
  verb.Flag("--print", &options->print, "Print the script and end");
  AddLogOption(&verb, &options->log).ShowDefault();
  verb.run = [=] { return RunChaosPeer(*options); };
  return verb;
}

}  // namespace resprobe::cli
