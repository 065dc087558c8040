#include "cli/server_options.h"

#include <absl/strings/str_join.h>

#include "live/net/socket.h"
#include "runner/process.h"
#include "runner/text.h"
#include "runner/user_error.h"
#include "runner/whole_number.h"

namespace resprobe::cli {
namespace {

const std::vector<std::string> kOfferedServers = {"redis-server", "valkey-server"};

std::string CheckAddress(const std::string& text) {
  std::string error;
  return live::ParseAddress(text, &error) ? "" : error;
}

std::string CheckCommand(const std::string& command) {
  std::string error;
  return live::WordsOfCommand(command, &error) ? "" : error;
}

// The options that name a server, the old ones too.
const std::vector<std::string> kServers = {"--start", "--server", "--unix", "--port"};

}  // namespace

void ServerOptions::AddTo(Verb* verb, ServerTraits traits) {
  verb->Group("Which server");
  Option& starts = verb->Add(
      {.name = "--start",
       .value = "COMMAND",
       .help =
           std::string("Start a private server: redis-server, valkey-server or a program that "
                       "takes their command line; options may follow it, quoted as for a shell; or "
                       "any command with {port} or {socket} in it") +
           (traits.several ? "; several servers are used one after the other" : ""),
       .count = traits.several ? Option::Count::kList : Option::Count::kOnce,
       .set = [this](const std::vector<std::string>& values) {
         start = values.front();
         more_.assign(values.begin() + 1, values.end());
       }});
  starts.NotBlank("names no program: give redis-server, valkey-server or another")
      .Check(CheckCommand)
      .Offer(kOfferedServers);
  if (!traits.usual.empty()) starts.ShowDefault(absl::StrJoin(traits.usual, " "));
  if (traits.running) {
    verb->Text("--server", "HOST:PORT", &server, "A running server")
        .Check(CheckAddress)
        .Syntax("address")
        .Excludes("--start");
    verb->Text("--unix", "PATH", &unix_path, "A running server, by its unix socket")
        .NotBlank("names no socket: give the path of one")
        .Excludes("--start")
        .Excludes("--server")
        .Complete(Completion::kFile);
  }
  verb->Texts("--server-arg", "WORD", &arguments, "An argument for the program of --start")
      .Needs("--start");
  if (traits.sandbox) {
    verb->Flag(
            "--sandbox", &sandbox,
            "The server of --start runs in virtual time and without sockets: what depends on the "
            "time is compared to the millisecond")
        .Needs("--start");
  }
  if (traits.flush) {
    verb->Flag("--flush", &flush, "Accept a server that holds keys, and delete them")
        .Alias("--overwrite");
  }
  if (traits.running) {
    verb->Flag("--allow-remote", &allow_remote,
               traits.listens
                   ? "Accept a server on another machine, and clients from other machines"
                   : "Accept a server on another machine");
  }
  if (traits.hang) {
    verb->Number("--hang", "SECONDS", &hang_seconds, 1, runner::kMostSeconds,
                 "A server that does not answer for this long counts as hanging")
        .ShowDefault();
  }
  if (traits.running) {
    verb->Text("--host", "HOST", &host_, "").Needs("--port").Hide();
    verb->Number("--port", "PORT", &port_, 1, 65535, "")
        .Excludes("--start")
        .Excludes("--server")
        .Excludes("--unix")
        .Hide();
  }
  verb->Group("");
  if (!traits.required) return;
  std::vector<std::string> options = kServers;
  options.insert(options.end(), traits.instead.begin(), traits.instead.end());
  verb->RequireOneOf(
      options, traits.running
                   ? "name a server with --start redis-server, --server HOST:PORT or --unix PATH"
                   : "name a server with --start redis-server");
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
  options.sandbox = sandbox;
  options.flush = flush;
  options.hang_ms = hang_seconds * 1000;
  options.stop = [] { return runner::Interrupted(); };
  return options;
}

std::vector<std::string> ServerOptions::Words() const {
  std::vector<std::string> words;
  if (!start.empty()) {
    words = {"--start", start};
  } else if (!unix_path.empty()) {
    words = {"--unix", unix_path};
  } else {
    words = {"--server", Address()};
  }
  for (const std::string& word : arguments) words.push_back("--server-arg=" + word);
  if (hang_seconds != ServerOptions().hang_seconds) {
    words.insert(words.end(), {"--hang", std::to_string(hang_seconds)});
  }
  if (sandbox) words.emplace_back("--sandbox");
  if (flush) words.emplace_back("--flush");
  if (allow_remote) words.emplace_back("--allow-remote");
  return words;
}

std::vector<ServerOptions> ServerOptions::Each() const {
  std::vector<ServerOptions> each = {*this};
  each[0].more_.clear();
  for (const std::string& command : more_) {
    each.push_back(each[0]);
    each.back().start = command;
  }
  return each;
}

ServerTraits HarnessServerTraits() {
  return {.running = false, .flush = false, .hang = false, .usual = {"redis-server"}};
}

}  // namespace resprobe::cli
