#include "cli/cache/stale_options.h"

#include <algorithm>
#include <cstdio>
#include <random>

#include "cachelab/subject/live_commands.h"
#include "cli/output_options.h"
#include "live/net/resp3_client.h"
#include "live/net/socket.h"
#include "runner/files.h"
#include "runner/process.h"
#include "runner/user_error.h"
#include "runner/whole_number.h"

namespace resprobe::cli {
namespace {

constexpr std::pair<const char*, cachelab::TrackingMode> kTrackingModes[] = {
    {"default", cachelab::TrackingMode::kDefault},
    {"noloop", cachelab::TrackingMode::kNoloop},
    {"optin", cachelab::TrackingMode::kOptin},
    {"bcast", cachelab::TrackingMode::kBcast}};

}  // namespace

void PoolVerbOptions::AddTo(Verb* verb, bool with_writers, bool with_flush) {
  server.AddTo(verb,
               {.flush = with_flush, .required = true, .instead = {"--url", "--list-commands"}});
  verb->Group("Workers and their cache");
  verb->Number("--workers", "N", &workers, 1, cachelab::kMaxWorkers,
               "Worker processes that share the cache")
      .ShowDefault();
  if (with_writers) {
    verb->Number("--writers", "N", &writers, 0, cachelab::kMaxWriters,
                 "Workers among them that put entries: each has its connection with tracking and "
                 "its lease. The others only read")
        .ShowDefault("all, " + std::to_string(cachelab::kMaxWriters) + " at most");
  }
  verb->Choice("--tracking", {"default", "noloop", "optin", "bcast"}, &tracking,
               "CLIENT TRACKING of the writers")
      .ShowDefault();
  verb->Number("--cache-slots", "N", &slots, 16, 1 << 20, "Entries that the cache has room for")
      .ShowDefault();
  std::vector<std::string> faults;
  for (const cachelab::InjectedFaultInfo& info : cachelab::kInjectedFaults) {
    faults.emplace_back(info.name);
  }
  verb->Choice("--plant", faults, &injected_fault, "Give the workers a fault, to see it found")
      .value = "FAULT";
  verb->Group("");
}

void PoolVerbOptions::Check() const {
  if (Writers() > workers) {
    const std::string wanted = std::to_string(Writers());
    throw runner::UserError("--writers " + wanted + ": there are " + std::to_string(workers) +
                            " workers, of which the writers are a part: add --workers " + wanted);
  }
}

std::unique_ptr<live::LiveServer> PoolVerbOptions::OpenServer(bool holds_keys) const {
  live::TargetOptions options = server.Target();
  options.flush |= holds_keys;
  std::string error;
  std::unique_ptr<live::LiveServer> live = live::LiveServer::Open(options, &error);
  if (live == nullptr) runner::ThrowServerError(error);
  if (!live->own()) {
    // Undo what LiveServer::Open() did: DEBUG SET-ACTIVE-EXPIRE 0.
    live::Resp3Client link([&](std::string* why) { return live->Connect(why); },
                           [](const resp::ReplyView&) {});
    link.LimitWaiting(options.hang_ms, [] { return runner::Interrupted(); });
    if (link.Open("", 0, &error) && link.Send("DEBUG SET-ACTIVE-EXPIRE 1\r\n")) link.Await(1);
  }
  return live;
}

cachelab::PoolOptions PoolVerbOptions::Pool(const live::LiveServer* before, int value_bytes) const {
  cachelab::PoolOptions options;
  options.workers = workers;
  options.writers = Writers();
  options.cache.slots = static_cast<uint32_t>(slots);
  options.cache.slot_bytes = static_cast<uint32_t>(value_bytes);
  options.connect = [before](std::string* error) { return before->Connect(error); };
  for (const auto& [name, mode] : kTrackingModes) {
    if (tracking == name) options.tracking = mode;
  }
  options.injected_fault =
      cachelab::ParseInjectedFault(injected_fault).value_or(cachelab::InjectedFault::kNone);
  options.hang_seconds = server.hang_seconds;
  return options;
}

void StaleVerbOptions::AddTo(Verb* verb) {
  verb->Text("--url", "URL", &url,
             "A cache that the endpoint of ./resprobe workers serves, instead of workers of this "
             "run: http://127.0.0.1:8080/cmd");
  verb->Number("--iterations", "N", &iterations, 0, UINT64_MAX / 2,
               "Rounds; 0, the default without --case: until Ctrl-C");
  verb->Number("--seed", "S", &given_seed, 0, UINT64_MAX,
               "The seed of the first case; each next case has the next one. Default: a random "
               "one, which is printed");
  verb->Seconds("--delay", "S", &delay, true, "Pause after each round, in seconds").ShowDefault();
  verb->Flag("--stop-on-failure", &stop_on_failure, "End at the first failure");
  verb->Text("--case", "FILE", &case_file,
             "Run a case, --iterations times (default 30), with its own keys, workers, writers and "
             "tracking: an .ops file, or the report or log of a failure. Its failures are printed, "
             "not filed")
      .Complete(Completion::kFile);
  verb->Group("Keys and commands");
  verb->Number("--keys", "N", &keys.keys, 1, kMostKeys, "Keys").ShowDefault();
  verb->Number("--members", "N", &keys.members, 1, cachelab::stale::kMostMembers,
               "Elements of a set, list, hash, sorted set or stream")
      .ShowDefault();
  verb->Size("--value-size", &keys.value_size, 1, cachelab::stale::kMostValueBytes,
             "Bytes of a value")
      .ShowDefault();
  verb->Text("--key-prefix", "TEXT", &keys.prefix, "What the keys' names begin with").ShowDefault();
  verb->Text("--types", "TYPE,…", &types, "Of string,set,list,hash,zset,stream; default: all");
  verb->Text("--commands", "COMMAND,…", &commands, "Only these; --list-commands names them");
  verb->Flag("--list-commands", &list_commands, "Print the commands with their groups, and end");
  verb->Group("");
  AddReportOptions(verb, &output);
  AddWatchOption(verb, &output);
  verb->Group("Output");
  verb->Flag("--show-last", &show_last, "Print what was last read after every round");
  verb->Flag("--trace", &trace, "Print every step");
  verb->Text("--failure-log", "FILE|DIR", &failure_log,
             "Also write the failures here, as JSON, at the end: a file, or a folder (which "
             "exists, or "
             "ends with '/')")
      .Complete(Completion::kFile);
  verb->Group("");
}

bool StaleVerbOptions::LogIsFolder() const {
  std::error_code error;
  return failure_log.ends_with('/') || fs::is_directory(failure_log, error);
}

void StaleVerbOptions::Read(const std::string& verb) {
  output.Check();
  if (list_commands) return;
  if (!failure_log.empty()) {
    if (LogIsFolder()) runner::MakeFolder(failure_log);
    runner::CheckWritable(LogIsFolder() ? fs::path(failure_log) / (verb + ".json")
                                        : fs::path(failure_log));
  }
  if (!url.empty() && !pool.injected_fault.empty()) {
    throw runner::UserError(
        "--plant: the workers behind --url are not of this run: give the fault to " +
        std::string("./resprobe workers --plant ") + pool.injected_fault);
  }
  if (url.empty()) {
    pool.Check();
  } else if (pool.server.given()) {
    throw runner::UserError(
        verb + ": --url is a cache with its own server: leave out --start, --server, --unix");
  }
  if (!types.empty()) keys.types = SplitList(types);
  for (const std::string& type : keys.types) {
    const auto all = cachelab::LiveTypes();
    if (std::find(all.begin(), all.end(), type) == all.end()) {
      throw runner::UserError("--types: there is no '" + type +
                              "': use some of string,set,list,hash,zset,stream");
    }
  }
  if (keys.types.empty()) throw runner::UserError("--types: name one at least");
  for (std::string& name : keys.commands = SplitList(commands)) {
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 0x20) : c; });
    const auto all = cachelab::LiveCommands();
    if (std::none_of(all.begin(), all.end(), [&](const cachelab::LiveCommand& command) {
          return command.name() == name;
        })) {
      throw runner::UserError("--commands: there is no '" + name + "': --list-commands names them");
    }
  }
  for (const std::string& type : keys.types) {
    for (const bool read : {true, false}) {
      const auto all = cachelab::LiveCommands();
      if (std::none_of(all.begin(), all.end(), [&](const cachelab::LiveCommand& command) {
            return command.read == read && (command.type == type || command.type == "generic") &&
                   keys.Allows(command);
          })) {
        throw runner::UserError("--commands: none of them " +
                                std::string(read ? "reads" : "writes") + " a " + type +
                                ": add one, or leave the type out of --types");
      }
    }
  }
  seed = given_seed ? *given_seed : std::random_device{}();
}

void StaleVerbOptions::CheckPlanted(
    const std::map<cachelab::InjectedFault, std::string>& impossible) const {
  const auto fault = cachelab::ParseInjectedFault(pool.injected_fault);
  if (!fault || !case_file.empty()) return;
  const auto found = impossible.find(*fault);
  if (found == impossible.end()) return;
  throw runner::UserError("--plant " + pool.injected_fault +
                          ": no case can show it: " + found->second);
}

void PoolVerbOptions::FitSlots(const cachelab::KeyPlan& keys) {
  // The largest reply: a list or stream that some writes have grown.
  const int64_t aggregate = int64_t{keys.members} * (keys.value_size + 96) * 4;
  slot_bytes = static_cast<int>(std::clamp<int64_t>(aggregate, 4096, 64 << 20));
  const int64_t room = int64_t{1} << 30;
  slots = static_cast<int>(std::clamp<int64_t>(room / slot_bytes, 16, slots));
}

void PrintCommands() {
  std::string_view type;
  for (const cachelab::LiveCommand& command : cachelab::LiveCommands()) {
    if (command.type != type)
      std::printf("%.*s\n", static_cast<int>(command.type.size()), command.type.data());
    type = command.type;
    std::printf("  %-6s %.*s\n", command.read ? "read" : "write",
                static_cast<int>(command.form.size()), command.form.data());
  }
}

}  // namespace resprobe::cli
