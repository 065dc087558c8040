// chaos-peer: the evil peer on a port, until Ctrl-C.

#include "live/proxy/chaos_peer.h"

#include <poll.h>

#include <cerrno>
#include <cstdio>
#include <memory>

#include "cli/proxy/toxic_options.h"
#include "cli/verbs.h"
#include "live/net/interrupt_fd.h"
#include "runner/files.h"
#include "runner/user_error.h"
#include "runner/whole_number.h"

namespace resprobe::cli {
namespace {

struct ChaosPeerOptions {
  uint16_t port = 0;
  std::string script;
  std::string seed;
  bool forked = false;
  bool print = false;
  std::string log = "-";
};

live::PeerScript ScriptOf(const ChaosPeerOptions& options) {
  if (options.script.empty() == options.seed.empty()) {
    throw UserError("chaos-peer: give --script FILE or --seed S");
  }
  if (!options.seed.empty()) {
    return live::GeneratePeerScript(std::strtoull(options.seed.c_str(), nullptr, 10));
  }
  std::string error;
  const std::optional<live::PeerScript> script =
      live::ParsePeerScript(ReadFile(options.script), &error);
  if (!script) {
    // "line 3: what" -> "file:3: what"
    throw UserError(options.script + ":" + error.substr(std::string_view("line ").size()));
  }
  return *script;
}

int RunChaosPeer(const ChaosPeerOptions& options) {
  const live::PeerScript script = ScriptOf(options);
  if (options.print) {
    std::fputs(script.Print().c_str(), stdout);
    return kAllWell;
  }
  const LogFile log(options.log);
  live::InterruptFd interrupted;
  if (!interrupted.valid()) throw UserError("the system refuses a signal descriptor");
  std::string error;
  const std::unique_ptr<live::ChaosPeer> peer = live::ChaosPeer::Start(
      script,
      {.place = options.forked ? live::ChaosPeer::Place::kProcess : live::ChaosPeer::Place::kThread,
       .port = options.port,
       .log_fd = log.fd()},
      &error);
  if (peer == nullptr) throw UserError("--listen: " + error + ": choose another port, or 0");
  // The log has standard output to itself.
  std::FILE* const out = options.log == "-" ? stderr : stdout;
  std::fprintf(out, "evil peer on 127.0.0.1:%d", peer->port());
  if (options.forked) std::fprintf(out, " in process %d", static_cast<int>(peer->pid()));
  std::fprintf(out, "; Ctrl-C ends it\n");
  std::fflush(out);
  pollfd one = {interrupted.get(), POLLIN, 0};
  while (poll(&one, 1, -1) < 0 && errno == EINTR) {
  }
  const live::ChaosPeer::Report report = peer->Stop();
  std::fprintf(out, "%llu connections; fired: %s\n",
               static_cast<unsigned long long>(report.connections),
               FiredText(report.fired).c_str());
  std::fflush(out);
  if (!interrupted.Finish()) throw UserError("cannot read the signal");
  return kAllWell;
}

}  // namespace

void AddChaosPeer(CLI::App& app, int* code) {
  CLI::App* verb = app.add_subcommand(
      "chaos-peer", "An evil server on a port of 127.0.0.1: it answers, and torments its clients");
  verb->footer(
      "A script is lines: toxics, 'connection N' before those of the N-th connection only,\n"
      "'seed S', 'send_buffer BYTES', 'receive_buffer BYTES', 'reply \"+OK\\r\\n\" …' (else the\n"
      "core answers); # begins a comment. What happened on the sockets goes to the log as JSON\n"
      "lines. Toxics, with what their numbers are if left out; 'upstream' is what the client "
      "sends:\n" +
      ToxicsHelp() + "Exit code: 0 ended by Ctrl-C or SIGTERM, 2 wrong use.");
  const auto options = std::make_shared<ChaosPeerOptions>();
  verb->add_option("--listen", options->port, "Port; 0 picks a free one")
      ->required()
      ->check(WholeNumber(0, 65535));
  verb->add_option("--script", options->script, "What it does")->type_name("FILE");
  verb->add_option("--seed", options->seed, "Makes a script of a number")
      ->type_name("S")
      ->check(WholeNumber(0, UINT64_MAX));
  verb->add_flag("--forked", options->forked, "In a process of its own");
  verb->add_flag("--print", options->print, "Print the script and end");
  verb->add_option("--log", options->log,
                   "Where the log goes; a file that is there is begun anew; - is standard output")
      ->type_name("FILE")
      ->capture_default_str();
  verb->callback([=] { *code = RunChaosPeer(*options); });
}

}  // namespace resprobe::cli
