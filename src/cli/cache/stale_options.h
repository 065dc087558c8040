#ifndef RESPROBE_CLI_CACHE_STALE_OPTIONS_H_
#define RESPROBE_CLI_CACHE_STALE_OPTIONS_H_

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "cachelab/hunt/stale_ops.h"
#include "cachelab/hunt/stale_target.h"
#include "cachelab/subject/injected_fault.h"
#include "cachelab/subject/worker_pool.h"
#include "cli/command_line/verb.h"
#include "cli/server_options.h"
#include "live/server/live_server.h"
#include "runner/output.h"

namespace resprobe::cli {

// A case uses no more than stale::kMostKeys of them.
inline constexpr int kMostKeys = 100'000;
// The minimum number of rounds for which races and kills are required.
inline constexpr uint64_t kEnoughRounds = 20;

// The server and the workers in front of it, for invalidate, kill and workers.
struct PoolVerbOptions {
  ServerOptions server;
  int workers = 4;
  std::optional<int> writers;  // at most `workers`; none given: as many as possible
  int slots = 4096;
  int slot_bytes = 0;  // 0: derived from the values
  std::string tracking = "default";
  std::string injected_fault;

  // With `writers`, --writers is their number; with `flush`, --flush is the server's.
  void AddTo(Verb* verb, bool writers, bool flush);
  // Throws UserError. It does not support `--url`.
  void Check() const;

  // Opens the server. `holds_keys`: its database may contain keys. Throws UserError.
  std::unique_ptr<live::LiveServer> OpenServer(bool holds_keys) const;
  // The options of the pool. `before` must outlive it.
  cachelab::PoolOptions Pool(const live::LiveServer* before, int value_bytes) const;
  // Makes the cache's slots large enough for such values, and limits their number to fit into 1
  // GiB.
  void FitSlots(const cachelab::KeyPlan& keys);
  int Writers() const { return writers.value_or(std::min<int>(cachelab::kMaxWriters, workers)); }
};

// Common to both hunts.
struct StaleVerbOptions {
  PoolVerbOptions pool;
  std::string url;                     // a foreign cache instead
  std::optional<uint64_t> iterations;  // 0: until Ctrl-C
  std::optional<uint64_t> given_seed;
  uint64_t seed = 0;  // that seed, or a random one
  double delay = 0;   // seconds between iterations
  cachelab::KeyPlan keys;
  std::string types;     // comma-separated; empty: all
  std::string commands;  // likewise
  std::string failure_log;
  std::string case_file;
  bool list_commands = false;
  bool stop_on_failure = false;
  bool show_last = false;
  bool trace = false;
  runner::OutputOptions output;

  void AddTo(Verb* verb);
  // Throws UserError; fills keys.types and keys.commands, and the seed if none is given.
  void Read(const std::string& verb);
  // Throws UserError if --plant names one of these faults, which the cases of this run cannot show,
  // unless a case is given. The text says what to add.
  void CheckPlanted(const std::map<cachelab::InjectedFault, std::string>& impossible) const;
  // True if --failure-log names a folder.
  bool LogIsFolder() const;
};

// Prints --list-commands.
void PrintCommands();

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_CACHE_STALE_OPTIONS_H_
