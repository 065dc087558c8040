#include "cli/cache/stale_options.h"

#include <algorithm>
#include <cstdio>
#include <random>

#include "cachelab/subject/live_commands.h"
#include "live/net/resp3_client.h"
#include "live/net/socket.h"
#include "runner/files.h"
#include "runner/process.h"
#include "runner/user_error.h"
#include "runner/whole_number.h"

namespace resprobe::cli {
namespace {

constexpr std::pair<const char*, live::TrackingMode> kTrackingModes[] = {
    {"default", live::TrackingMode::kDefault},
    {"noloop", live::TrackingMode::kNoloop},
    {"optin", live::TrackingMode::kOptin},
    {"bcast", live::TrackingMode::kBcast}};

std::vector<std::string> Split(const std::string& list) {
  std::vector<std::string> words;
  for (size_t at = 0; at < list.size();) {
    const size_t end = std::min(list.find(',', at), list.size());
    if (end > at) words.push_back(list.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

std::string InjectedFaultNames() {
  std::string names;
  for (const live::InjectedFaultInfo& info : live::kInjectedFaults) {
    names += (names.empty() ? "" : ", ") + std::string(info.name);
  }
  return names;
}

// A number of seconds, 0 included.
std::string CheckDelay(const std::string& text) {
  char* end = nullptr;
  const double seconds = std::strtod(text.c_str(), &end);
  if (!text.empty() && *end == '\0' && seconds >= 0 && seconds <= kMostSeconds) return "";
  return "'" + text + "' is not a number of seconds";
}

}  // namespace

void PoolVerbOptions::AddTo(CLI::App* verb, bool with_writers) {
  CLI::Option* const host_option =
      verb->add_option("--host", host, "Host of a server that is there")->capture_default_str();
  CLI::Option* const port_option =
      verb->add_option("--port", port, "Its port")->type_name("PORT")->check(WholeNumber(1, 65535));
  host_option->needs(port_option);
  CLI::Option* const unix_option =
      verb->add_option("--unix", unix_path, "A server that is there, by its socket")
          ->type_name("PATH");
  CLI::Option* const start_option =
      verb->add_option("--start", start,
                       "Start a private server: redis-server, valkey-server or a program that "
                       "takes their command line")
          ->type_name("BINARY");
  port_option->excludes(unix_option)->excludes(start_option);
  unix_option->excludes(start_option);
  verb->add_option("--server-arg", server_arguments,
                   "A word of the command line of what is started; may be given again")
      ->type_name("WORD")
      ->allow_extra_args(false)
      ->needs(start_option);
  verb->add_flag("--allow-remote", allow_remote, "Let the server be on another machine");
  verb->add_option("--workers", workers, "Worker processes that share the cache")
      ->type_name("N")
      ->check(WholeNumber(1, live::kMaxWorkers))
      ->capture_default_str();
  if (with_writers) {
    verb->add_option("--writers", writers,
                     "Of them, those that put entries: each has its connection with tracking and "
                     "its lease. The others only read")
        ->type_name("N")
        ->check(WholeNumber(0, live::kMaxWriters))
        ->default_str("all, " + std::to_string(live::kMaxWriters) + " at most");
  }
  verb->add_option("--tracking", tracking,
                   "CLIENT TRACKING of the writers: default, noloop, optin, bcast")
      ->type_name("MODE")
      ->check(CLI::IsMember({"default", "noloop", "optin", "bcast"}))
      ->capture_default_str();
  verb->add_option("--cache-slots", slots, "Entries that the cache has room for")
      ->type_name("N")
      ->check(WholeNumber(16, 1 << 20))
      ->capture_default_str();
  verb->add_option("--plant", injected_fault,
                   "Give the workers a fault, to see it found: " + InjectedFaultNames())
      ->type_name("FAULT")
      ->check([](const std::string& name) -> std::string {
        return live::ParseInjectedFault(name)
                   ? ""
                   : "there is no '" + name + "': use " + InjectedFaultNames();
      });
  verb->add_option("--hang", hang_seconds,
                   "A worker, or the server, that says nothing for so long hangs")
      ->type_name("SECONDS")
      ->check(WholeNumber(1, kMostSeconds))
      ->capture_default_str();
}

void PoolVerbOptions::Check(const std::string& verb) const {
  if (port == 0 && unix_path.empty() && start.empty()) {
    throw UserError(verb + ": name a server with --start redis-server, --port PORT or --unix PATH");
  }
  if (Writers() > workers) {
    const std::string wanted = std::to_string(Writers());
    throw UserError("--writers " + wanted + ": there are " + std::to_string(workers) +
                    " workers, of which the writers are a part: add --workers " + wanted);
  }
}

std::string PoolVerbOptions::Typed() const {
  std::string typed = !start.empty() ? "--start " + ShellWord(start)
                      : !unix_path.empty()
                          ? "--unix " + ShellWord(unix_path)
                          : "--host " + ShellWord(host) + " --port " + std::to_string(port);
  for (const std::string& word : server_arguments) typed += " --server-arg=" + ShellWord(word);
  typed += " --workers " + std::to_string(workers);
  if (tracking != "default") typed += " --tracking " + tracking;
  const PoolVerbOptions usual;
  if (slots != usual.slots) typed += " --cache-slots " + std::to_string(slots);
  if (hang_seconds != usual.hang_seconds) typed += " --hang " + std::to_string(hang_seconds);
  if (!injected_fault.empty()) typed += " --plant " + injected_fault;
  return typed;
}

std::unique_ptr<live::LiveServer> PoolVerbOptions::OpenServer(bool holds_keys) const {
  live::TargetOptions options;
  if (port != 0) options.server = live::Address{host, static_cast<uint16_t>(port)}.ToText();
  options.unix_path = unix_path;
  options.start = start;
  options.hang_ms = hang_seconds * 1000;
  options.stop = [] { return Interrupted(); };
  options.arguments = server_arguments;
  options.allow_remote = allow_remote;
  options.flush = overwrite || holds_keys;
  std::string error;
  std::unique_ptr<live::LiveServer> server = live::LiveServer::Open(options, &error);
  if (server == nullptr) {
    if (const size_t flag = error.find("--flush"); flag != std::string::npos) {
      error.replace(flag, 7, "--overwrite");
    }
    ThrowServerError(error);
  }
  if (!server->own()) {
    // Its interview switches active expiry off, which is no business of ours.
    live::Resp3Client link([&](std::string* why) { return server->Connect(why); },
                           [](const resp::ReplyView&) {});
    link.LimitWaiting(hang_seconds * 1000, [] { return Interrupted(); });
    if (link.Open("", 0, &error) && link.Send("DEBUG SET-ACTIVE-EXPIRE 1\r\n")) link.Await(1);
  }
  return server;
}

live::PoolOptions PoolVerbOptions::Pool(const live::LiveServer* server, int value_bytes) const {
  live::PoolOptions options;
  options.workers = workers;
  options.writers = Writers();
  options.cache.slots = static_cast<uint32_t>(slots);
  options.cache.slot_bytes = static_cast<uint32_t>(value_bytes);
  options.connect = [server](std::string* error) { return server->Connect(error); };
  for (const auto& [name, mode] : kTrackingModes) {
    if (tracking == name) options.tracking = mode;
  }
  options.injected_fault =
      live::ParseInjectedFault(injected_fault).value_or(live::InjectedFault::kNone);
  options.hang_seconds = hang_seconds;
  return options;
}

void StaleVerbOptions::AddTo(CLI::App* verb) {
  verb->add_option("--url", url,
                   "A cache behind the endpoint of ./resprobe workers, instead of workers of its "
                   "own: http://127.0.0.1:8080/cmd")
      ->type_name("URL");
  verb->add_flag("--overwrite", pool.overwrite, "The server may hold keys; they are deleted");
  verb->add_option("--iterations", iterations,
                   "Rounds; 0, the default without --case: until Ctrl-C")
      ->type_name("N")
      ->check(WholeNumber(0, UINT64_MAX / 2));
  verb->add_option_function<uint64_t>(
          "--seed",
          [this](const uint64_t& given) {
            seed = given;
            seed_given = true;
          },
          "Decides everything that the driver decides; default: a random one, which is printed")
      ->type_name("S")
      ->check(WholeNumber(0, UINT64_MAX));
  verb->add_option("--delay", delay, "Pause after each round, in seconds")
      ->type_name("S")
      ->check(CheckDelay)
      ->capture_default_str();
  verb->add_option("--keys", keys.keys, "Keys")
      ->type_name("N")
      ->check(WholeNumber(1, kMostKeys))
      ->capture_default_str();
  verb->add_option("--members", keys.members, "Elements of a set, list, hash, sorted set or stream")
      ->type_name("N")
      ->check(WholeNumber(1, kMostMembers))
      ->capture_default_str();
  verb->add_option("--value-size", keys.value_size, "Bytes of a value")
      ->type_name("N")
      ->check(WholeNumber(1, kMostValue))
      ->capture_default_str();
  verb->add_option("--key-prefix", keys.prefix, "What the keys' names begin with")
      ->type_name("TEXT")
      ->capture_default_str();
  verb->add_option("--types", types, "Of string,set,list,hash,zset,stream; default: all")
      ->type_name("TYPE,…");
  verb->add_option("--commands", commands, "Only these; --list-commands names them")
      ->type_name("COMMAND,…");
  verb->add_flag("--list-commands", list_commands, "Print the commands with their groups, and end");
  verb->add_flag("--show-last", show_last, "Print what was last read after every round");
  verb->add_flag("--trace", trace, "Print every step");
  verb->add_option("--failure-log", failure_log,
                   "Where failures are written, as JSON: a file, or a folder (which exists, or "
                   "ends with '/'); default: work/findings")
      ->type_name("FILE|DIR");
  verb->add_flag("--stop-on-failure", stop_on_failure, "End at the first failure");
  verb->add_option("--case", case_file,
                   "Run the case of a failure's log, --iterations times (default 10)")
      ->type_name("FILE");
  output.AddTo(verb);
}

bool StaleVerbOptions::LogIsFolder() const {
  std::error_code error;
  return failure_log.ends_with('/') || fs::is_directory(failure_log, error);
}

void StaleVerbOptions::Read(const std::string& verb) {
  output.Check();
  if (list_commands) return;
  if (!failure_log.empty()) {
    if (LogIsFolder()) MakeFolder(failure_log);
    CheckWritable(LogIsFolder() ? fs::path(failure_log) / (verb + ".json") : fs::path(failure_log));
  }
  if (url.empty()) {
    pool.Check(verb);
  } else if (pool.port != 0 || !pool.unix_path.empty() || !pool.start.empty()) {
    throw UserError(verb +
                    ": --url is a cache with its own server: leave out --start, --port, --unix");
  }
  if (!types.empty()) keys.types = Split(types);
  for (const std::string& type : keys.types) {
    const auto all = live::LiveTypes();
    if (std::find(all.begin(), all.end(), type) == all.end()) {
      throw UserError("--types: there is no '" + type +
                      "': use some of string,set,list,hash,zset,stream");
    }
  }
  if (keys.types.empty()) throw UserError("--types: name one at least");
  for (std::string& name : keys.commands = Split(commands)) {
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 0x20) : c; });
    const auto all = live::LiveCommands();
    if (std::none_of(all.begin(), all.end(),
                     [&](const live::LiveCommand& command) { return command.name() == name; })) {
      throw UserError("--commands: there is no '" + name + "': --list-commands names them");
    }
  }
  for (const std::string& type : keys.types) {
    for (const bool read : {true, false}) {
      const auto all = live::LiveCommands();
      if (std::none_of(all.begin(), all.end(), [&](const live::LiveCommand& command) {
            return command.read == read && (command.type == type || command.type == "generic") &&
                   keys.Allows(command);
          })) {
        throw UserError("--commands: none of them " + std::string(read ? "reads" : "writes") +
                        " a " + type + ": add one, or leave the type out of --types");
      }
    }
  }
  if (!seed_given) seed = std::random_device{}();
  if (pool.slot_bytes == 0) {
    // The largest reply: a list or stream that some writes have grown.
    const int64_t aggregate = int64_t{keys.members} * (keys.value_size + 96) * 4;
    pool.slot_bytes = static_cast<int>(std::clamp<int64_t>(aggregate, 4096, 64 << 20));
    const int64_t room = int64_t{1} << 30;
    pool.slots = static_cast<int>(std::clamp<int64_t>(room / pool.slot_bytes, 16, pool.slots));
  }
}

void PrintCommands() {
  std::string_view type;
  for (const live::LiveCommand& command : live::LiveCommands()) {
    if (command.type != type)
      std::printf("%.*s\n", static_cast<int>(command.type.size()), command.type.data());
    type = command.type;
    std::printf("  %-6s %.*s\n", command.read ? "read" : "write",
                static_cast<int>(command.form.size()), command.form.data());
  }
}

}  // namespace resprobe::cli
