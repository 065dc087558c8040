// proxy: toxics in front of a real server, changed over HTTP at run time.

#include <absl/strings/str_format.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>

#include "cli/proxy/proxy_api.h"
#include "cli/proxy/toxic_options.h"
#include "cli/proxy/toxiproxy.h"
#include "cli/server_options.h"
#include "cli/verbs.h"
#include "live/net/interrupt_fd.h"
#include "live/proxy/toxic_loop.h"
#include "live/proxy/upstream.h"
#include "runner/process.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

struct ProxyOptions {
  uint16_t listen_port = 0;
  ServerOptions server;
  std::vector<std::string> toxics;
  uint16_t api_port = 8474;
  std::string name = "redis";
  uint64_t seed = 1;
  std::string log;
  std::string toxiproxy;
  std::string tag;
  double back_within = 5;
};

// Runs a real Toxiproxy in front of the server instead of our proxy.
int RunToxiproxy(const ProxyOptions& options, const live::Upstream& server,
                 const std::vector<live::GateToxic>& toxics) {
  Toxiproxy toxiproxy({.where = options.toxiproxy,
                       .api_port = options.api_port,
                       .allow_remote = options.server.allow_remote});
  live::InterruptFd interrupted;
  if (!interrupted.valid()) throw runner::UserError("the system refuses a signal descriptor");
  if (runner::Interrupted()) throw runner::Interruption();
  const std::string listen =
      toxiproxy.AddProxy(options.name,
                         (options.server.allow_remote ? "0.0.0.0:" : "127.0.0.1:") +
                             std::to_string(options.listen_port),
                         server.ToText());
  for (const live::GateToxic& toxic : toxics) toxiproxy.AddToxic(toxic);

  live::ToxicLoop loop;
  loop.Watch(interrupted.get(), [] { return false; });
  std::optional<std::string> last_words;
  toxiproxy.WatchIn(&loop, [&](const std::string& line) { last_words = line; });
  std::printf("%s on %s before %s; API on %s; Ctrl-C ends it\n", toxiproxy.title().c_str(),
              listen.c_str(), server.ToText().c_str(), toxiproxy.api().c_str());
  std::fflush(stdout);
  std::string error;
  if (!loop.Run(&error)) throw runner::UserError(error);
  if (last_words) {
    throw runner::UserError("--toxiproxy: " + toxiproxy.title() +
                            " has ended by itself: " + *last_words);
  }
  std::printf("%s\n", toxiproxy.Figures().c_str());
  std::fflush(stdout);
  toxiproxy.Remove();
  if (!interrupted.Finish()) throw runner::UserError("cannot read the signal");
  return runner::kAllWell;
}

int RunProxy(const ProxyOptions& options) {
  std::string all;
  for (const std::string& one : options.toxics) all += one + ";";
  const std::vector<live::GateToxic> toxics = ParseToxics("--toxics", all);
  std::string error = WrongInName(options.name);
  if (!error.empty()) throw runner::UserError("--name: " + error);
  const std::unique_ptr<live::Upstream> server =
      live::Upstream::Open(options.server.Target(), &error);
  if (server == nullptr) runner::ThrowServerError(error);
  if (!options.toxiproxy.empty()) return RunToxiproxy(options, *server, toxics);
  const LogFile file(options.log);
  live::SocketLog log = file.fd() >= 0 ? live::SocketLog(file.fd()) : live::SocketLog();
  live::InterruptFd interrupted;
  if (!interrupted.valid()) throw runner::UserError("the system refuses a signal descriptor");
  if (runner::Interrupted()) throw runner::Interruption();

  live::ToxicLoop loop;
  loop.Watch(interrupted.get(), [] { return false; });
  ProxySet proxies(&loop, &log, server.get(),
                   {.seed = options.seed,
                    .allow_remote = options.server.allow_remote,
                    .tag = options.tag,
                    .back_within_us = static_cast<int64_t>(options.back_within * 1e6)});
  error = proxies.Create(options.name, std::to_string(options.listen_port), server->ToText(), true,
                         toxics);
  if (!error.empty()) throw runner::UserError("--listen: " + error + ": choose another port, or 0");
  ProxyApi api(&loop, &proxies);
  const uint16_t api_port = api.Start(options.api_port);
  if (api_port == 0) {
    throw runner::UserError("--api: port " + std::to_string(options.api_port) +
                            " is not available: choose another, or 0 for a free one");
  }
  // If the log goes to standard output, nothing else does.
  std::FILE* const out = options.log == "-" ? stderr : stdout;
  std::fprintf(out, "proxy on %s:%d before %s; API on http://127.0.0.1:%d; Ctrl-C ends it\n",
               options.server.allow_remote ? "0.0.0.0" : "127.0.0.1",
               proxies.Find(options.name)->port(), server->ToText().c_str(), api_port);
  std::fflush(out);
  if (!loop.Run(&error)) throw runner::UserError(error);
  if (const live::ToxicGate* gate = proxies.Find(options.name)) {
    absl::FPrintF(out, "%d connections; fired: %s\n", gate->connections(),
                  FiredText(gate->counts()));
    std::fputs(proxies.VerdictOn(options.name).ToText().c_str(), out);
    std::fflush(out);
  }
  if (!interrupted.Finish()) throw runner::UserError("cannot read the signal");
  if (proxies.Find(options.name) == nullptr) return runner::kAllWell;
  const auto wrongs = proxies.VerdictOn(options.name).Wrongs();
  const bool wrong =
      std::ranges::any_of(wrongs, [](const auto& one) { return one.second.times > 0; });
  return wrong ? runner::kFinding : runner::kAllWell;
}

}  // namespace

Verb ProxyVerb() {
  const auto options = std::make_shared<ProxyOptions>();
  Verb verb("proxy", "toxics between any client and a real server");
  verb.details =
      "Toxics are changed over HTTP while it runs. The API is Toxiproxy's: /proxies, "
      "/proxies/NAME/toxics, /reset, /version; with /proxies/NAME/counts (what toxics really did) "
      "and /toxics added. docs/io-chaos-live.md shows how.\n"
      "At the end, and in /counts, it says what the client did that it must not: go on after a "
      "protocol error, take replies of other commands (--tag), not come back when the faults are "
      "over, connect in a storm.\n"
      "Jitter, slices and which connections are hit (toxicity=0…1) come from the seed.\n"
      "Toxics, with the defaults of their numbers; 'upstream' is what the client sends:\n" +
      ToxicsHelp();
  verb.examples = {
      {"proxy --listen 7001 --start redis-server", "puts a private server behind port 7001"},
      {"proxy --listen 7001 --server 127.0.0.1:6379 --toxics 'latency latency=50 jitter=20'",
       "delays every reply by about 50 ms"},
      {"proxy --listen 7001 --server 127.0.0.1:6379 --toxiproxy",
       "does the same with a real toxiproxy-server"}};
  verb.exit_codes =
      "0 ended by Ctrl-C or SIGTERM, 1 ended so, and the client did what it must not, 2 wrong use.";
  verb.Number("--listen", "PORT", &options->listen_port, 0, 65535,
              "Port for the clients; 0 picks a free one")
      .Required();
  options->server.AddTo(&verb, {.flush = false, .hang = false, .listens = true, .required = true});
  verb.Texts("--toxics", "TEXT", &options->toxics,
             "Toxics from the start, such as 'latency latency=50 jitter=20; rst bytes=1000 "
             "toxicity=0.1'");
  verb.Number("--api", "PORT", &options->api_port, 0, 65535,
              "Port of the HTTP API; 0 picks a free one")
      .ShowDefault();
  verb.Text("--name", "NAME", &options->name, "The proxy's name in the API").ShowDefault();
  verb.Text("--toxiproxy", "WHICH", &options->toxiproxy,
            "A real Toxiproxy instead of this program's own proxy: the program (without a value: "
            "toxiproxy-server), or HOST:PORT of the API of one that runs")
      .ValueIfAlone("toxiproxy-server")
      .Excludes("--unix")
      .Complete(Completion::kProgram);
  verb.Number("--seed", "N", &options->seed, 0, UINT64_MAX, "Seed of all random choices")
      .ShowDefault()
      .Excludes("--toxiproxy");
  AddLogOption(&verb, &options->log).Excludes("--toxiproxy");
  verb.Group("The verdict on the client");
  verb.Text("--tag", "WORD", &options->tag,
            "The program names its commands WORD:ID, as in ECHO WORD:7, and tells what it got by "
            "WORD:7=REPLY: then a reply that another command has taken is seen")
      .Excludes("--toxiproxy");
  verb.Time("--back-within", &options->back_within,
            "A client without a reply for so long since the faults are over has not come back")
      .ShowDefault()
      .Excludes("--toxiproxy");
  verb.Group("");
  verb.run = [=] { return RunProxy(*options); };
  return verb;
}

}  // namespace resprobe::cli
