#ifndef RESPROBE_CLI_CACHE_STALE_OPTIONS_H_
#define RESPROBE_CLI_CACHE_STALE_OPTIONS_H_

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "cachelab/hunt/stale_case.h"
#include "cachelab/hunt/stale_target.h"
#include "cachelab/subject/worker_pool.h"
#include "live/server/live_server.h"
#include "runner/output.h"

namespace resprobe::cli {

// The largest KeyPlan.
inline constexpr int kMostKeys = 100'000;
inline constexpr int kMostMembers = 1000;
inline constexpr int kMostValue = 256 << 10;

// Which server, and which workers before it: for invalidate, kill and workers.
struct PoolVerbOptions {
  std::string host = "127.0.0.1";
  int port = 0;  // 0: none given
  std::string unix_path;
  std::string start;
  std::vector<std::string> server_arguments;
  bool overwrite = false;
  bool allow_remote = false;
  int workers = 4;
  std::optional<int> writers;  // at most `workers`; none given: as many as there can be
  int slots = 4096;
  int slot_bytes = 0;  // 0: what the values take
  std::string tracking = "default";
  std::string injected_fault;
  int hang_seconds = 10;

  // With `writers`, --writers is their number.
  void AddTo(CLI::App* verb, bool writers);
  // Throws UserError. What it does not take is `--url`.
  void Check(const std::string& verb) const;
  // As one would type it again.
  std::string Typed() const;

  // The server. `holds_keys`: one that holds keys will do. Throws UserError.
  std::unique_ptr<live::LiveServer> OpenServer(bool holds_keys) const;
  // What a pool is started with. `server` must outlive it.
  live::PoolOptions Pool(const live::LiveServer* server, int value_bytes) const;
  int Writers() const { return writers.value_or(std::min<int>(live::kMaxWriters, workers)); }
};

// What both hunts share.
struct StaleVerbOptions {
  PoolVerbOptions pool;
  std::string url;                     // a foreign cache instead
  std::optional<uint64_t> iterations;  // 0: until Ctrl-C
  uint64_t seed = 0;
  bool seed_given = false;
  double delay = 0;  // seconds between iterations
  live::KeyPlan keys;
  std::string types;     // comma-separated; empty: all
  std::string commands;  // the same
  std::string failure_log;
  std::string case_file;
  bool list_commands = false;
  bool stop_on_failure = false;
  bool show_last = false;
  bool trace = false;
  OutputOptions output;

  void AddTo(CLI::App* verb);
  // Throws UserError; fills keys.types and keys.commands, and the seed if none is given.
  void Read(const std::string& verb);
  // Whether --failure-log names a folder.
  bool LogIsFolder() const;
};

// Prints --list-commands.
void PrintCommands();

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_CACHE_STALE_OPTIONS_H_
