#include "cli/server_options.h"

#include "core/table/profile.h"
#include "live/net/socket.h"
#include "runner/process.h"
#include "runner/text.h"
#include "runner/user_error.h"
#include "runner/whole_number.h"

namespace resprobe::cli {
namespace {

const std::vector<std::string> kUsualServers = {"redis-server", "valkey-server"};

}  // namespace

void ServerOptions::AddTo(Verb* verb, bool with_flush) {
  verb->Group("Which server");
  verb->Text("--start", "COMMAND", &start,
             "Start a private server: redis-server, valkey-server or a program that takes their "
             "command line; options may follow it")
      .Offer(kUsualServers);
  verb->Text("--server", "HOST:PORT", &server, "A running server").Excludes("--start");
  verb->Text("--unix", "PATH", &unix_path, "A running server, by its unix socket")
      .Excludes("--start")
      .Excludes("--server")
      .Complete(Completion::kFile);
  verb->Texts("--server-arg", "WORD", &arguments, "An argument for the program of --start")
      .Needs("--start");
  if (with_flush) {
    verb->Flag("--flush", &flush, "Accept a server that holds keys, and delete them")
        .Alias("--overwrite");
  }
  verb->Flag("--allow-remote", &allow_remote, "Accept a server on another machine");
  verb->Number("--hang", "SECONDS", &hang_seconds, 1, kMostSeconds,
               "A server that does not answer for this long counts as hanging")
      .ShowDefault();
  verb->Text("--host", "HOST", &host_, "").Needs("--port").Hide();
  verb->Number("--port", "PORT", &port_, 1, 65535, "")
      .Excludes("--start")
      .Excludes("--server")
      .Excludes("--unix")
      .Hide();
  verb->Group("");
}

void ServerOptions::Require(const std::string& verb) const {
  if (given()) return;
  throw UserError(verb +
                  ": name a server with --start redis-server, --server HOST:PORT or --unix PATH");
}

std::string ServerOptions::Address() const {
  if (port_ == 0) return server;
  return live::Address{host_, static_cast<uint16_t>(port_)}.ToText();
}

live::TargetOptions ServerOptions::Target() const {
  live::TargetOptions options;
  options.server = Address();
  options.unix_path = unix_path;
  options.start = start;
  options.arguments = arguments;
  options.allow_remote = allow_remote;
  options.flush = flush;
  options.hang_ms = hang_seconds * 1000;
  options.stop = [] { return Interrupted(); };
  return options;
}

std::string ServerOptions::Typed() const {
  std::string typed = !start.empty()       ? "--start " + ShellWord(start)
                      : !unix_path.empty() ? "--unix " + ShellWord(unix_path)
                                           : "--server " + ShellWord(Address());
  for (const std::string& word : arguments) typed += " --server-arg=" + ShellWord(word);
  if (hang_seconds != ServerOptions().hang_seconds) {
    typed += " --hang " + std::to_string(hang_seconds);
  }
  if (flush) typed += " --flush";
  if (allow_remote) typed += " --allow-remote";
  return typed;
}

std::vector<std::string> ProfileNames() {
  std::vector<std::string> names;
  for (const ProfileTraits& traits : kProfileTraits) names.emplace_back(traits.name);
  return names;
}

Option& AddProfile(Verb* verb, std::string* profile, const std::string& what) {
  std::vector<std::string> offered = ProfileNames();
  offered.emplace_back("auto");
  return verb
      ->Text("--profile", "NAME", profile,
             "The server that " + what + " follows: auto, redis-7.0, …")
      .ShowDefault()
      .Offer(offered);
}

void AddServerBehind(Verb* verb, std::string* server, bool* allow_remote) {
  verb->Text("--server", "HOST:PORT", server, "The server to forward to").Required();
  verb->Flag("--allow-remote", allow_remote,
             "Accept a server on another machine, and clients from other machines");
}

Option& AddServerOfHarness(Verb* verb, std::string* start) {
  return verb
      ->Text("--start", "COMMAND", start,
             "The command that starts the server of a live harness, with its options")
      .Offer(kUsualServers)
      .ShowDefault("redis-server");
}

}  // namespace resprobe::cli
