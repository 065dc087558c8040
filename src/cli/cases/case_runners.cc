#include "cli/cases/case_runners.h"

#include <unistd.h>

#include <cstdlib>
#include <sstream>
#include <utility>

#include "cli/cache/workers_runner.h"
#include "cli/client/client_runner.h"
#include "cli/crash/crash_runner.h"
#include "cli/oracle/check_runner.h"
#include "cli/oracle/live_runners.h"
#include "cli/oracle/query_runner.h"
#include "cli/oracle/restore_runner.h"
#include "cli/properties/property_runner.h"
#include "cli/proxy/qdisc.h"
#include "cli/simulate/life_runner.h"
#include "engine/ops_text.h"
#include "findings/finding_store.h"
#include "findings/process_runner.h"
#include "live/server/target.h"
#include "runner/case_file.h"
#include "runner/harness_process.h"
#include "runner/project.h"
#include "runner/text.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

constexpr std::string_view kRunLine = "# Run: ";

template <class Runner>
std::unique_ptr<findings::CaseRunner> Open(const runner::Project& project,
                                           const findings::RunSpec& spec) {
  return std::make_unique<Runner>(project, spec);
}

std::unique_ptr<findings::CaseRunner> OpenIo(const runner::Project& project,
                                             const findings::RunSpec& spec) {
  if (const Json qdisc = spec.options.value("qdisc", Json()); qdisc.is_string()) {
    // Once for the whole process.
    static const auto* const entered = new std::string(qdisc.get<std::string>());
    static const bool first = (EnterNetworkWith(*entered), true);
    if (first && *entered != qdisc.get<std::string>()) {
      throw runner::UserError("it was found with --qdisc '" + qdisc.get<std::string>() +
                              "', and this run is in a network with '" + *entered +
                              "' already: run it by itself");
    }
  }
  return std::make_unique<findings::ProcessRunner>(project, spec);
}

struct RunnerKind {
  std::string_view name;
  std::string_view verb;  // the usual one
  bool live;              // it requires spec.server, or the option "url"
  bool traces;            // it can print what happens, and compare two runs
  // How many runs decide about a case of which chance decides too; 1: the case alone decides.
  int (*attempts)(const findings::RunSpec& spec);
  std::unique_ptr<findings::CaseRunner> (*open)(const runner::Project& project,
                                                const findings::RunSpec& spec);
};

int Once(const findings::RunSpec& /*spec*/) { return 1; }

template <class Runner>
int Often(const findings::RunSpec& /*spec*/) {
  return Runner::kAttempts;
}

constexpr RunnerKind kRunners[] = {
    {"process", "fuzz", false, true, Once, Open<findings::ProcessRunner>},
    {"io", "io", false, true, Once, OpenIo},
    {"oracle", "oracle", true, false, Once, Open<OracleCaseRunner>},
    {"robustness", "oracle --unmodelled", true, false, Once, Open<RobustnessCaseRunner>},
    {"model", "model-check", true, false, Once, Open<ModelCaseRunner>},
    {"query", "oracle --query", true, false, Once, Open<QueryCaseRunner>},
    {"restore", "oracle --restore", true, false, Once, Open<RestoreCaseRunner>},
    {"check_tools", "oracle --check-tools", true, false, Once, Open<CheckCaseRunner>},
    {"crash", "crash", true, true, Once, Open<CrashCaseRunner>},
    {"planted", "chaos", false, true, Once, Open<PlantedCaseRunner>},
    {"client", "client", false, true, Often<ClientCaseRunner>, Open<ClientCaseRunner>},
    {"properties", "properties", false, true, Once, Open<PropertyCaseRunner>},
    {"life", "simulate", false, false, LifeCaseRunner::AttemptsOf, Open<LifeCaseRunner>},
    {"workers", "invalidate or kill", true, false, Often<WorkersCaseRunner>,
     Open<WorkersCaseRunner>},
};

const RunnerKind* FindRunner(std::string_view name) {
  for (const RunnerKind& kind : kRunners) {
    if (kind.name == name) return &kind;
  }
  return nullptr;
}

// Splits a command into its program and the options after it.
std::pair<std::string, std::vector<std::string>> SplitProgram(const std::string& command) {
  std::string error;
  std::optional<std::vector<std::string>> words = live::WordsOfCommand(command, &error);
  if (!words) throw runner::UserError("--start " + command + ": " + error);
  std::string program = std::move(words->front());
  words->erase(words->begin());
  return {std::move(program), std::move(*words)};
}

// The program with this name in PATH; empty if there is none.
fs::path InPath(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (access((folder + "/" + name).c_str(), X_OK) == 0) return fs::path(folder) / name;
  }
  return {};
}

// A form of the command that is also valid in another clone on another machine: the program by its
// name if it is in PATH, otherwise by its path relative to the repository, as are the files that
// its options name.
std::string Portable(const runner::Project& project, const std::string& command) {
  auto [program, options] = SplitProgram(command);
  std::error_code error;
  const std::vector<std::string> given = options;
  for (std::string& word : options) {
    if (word.starts_with('/') && fs::is_regular_file(word, error)) word = project.Shown(word);
  }
  if (program.find('/') == std::string::npos) {
    return options == given ? command : runner::CommandLine(runner::ShellWord(program), options);
  }
  const std::string name = fs::path(program).filename();
  const fs::path found = InPath(name);
  const bool by_name = !found.empty() && fs::equivalent(found, program, error);
  return runner::CommandLine(runner::ShellWord(by_name ? name : project.Shown(program)), options);
}

// The "# Run:" line of `.ops` text, from the comments at its beginning.
std::optional<findings::RunSpec> RunLineOf(const fs::path& file) {
  if (file.extension() != ".ops") return std::nullopt;
  std::istringstream lines(runner::ReadFile(file));
  std::string line;
  std::getline(lines, line);  // "ops HARNESS"
  while (std::getline(lines, line) && line.starts_with('#')) {
    if (!line.starts_with(kRunLine)) continue;
    const std::string where = file.string() + ": its line '# Run:'";
    const Json json = Json::parse(line.substr(kRunLine.size()), nullptr, false);
    if (!json.is_object()) throw runner::UserError(where + " is no JSON: freeze the finding again");
    return findings::ReadRunSpec(json, where);
  }
  return std::nullopt;
}

void Limit(const RunOverrides& overrides, findings::RunSpec* spec) {
  const findings::RunLimits usual;
  if (overrides.limits.timeout_seconds != usual.timeout_seconds) {
    spec->limits.timeout_seconds = overrides.limits.timeout_seconds;
  }
  if (overrides.limits.rss_mb != usual.rss_mb) spec->limits.rss_mb = overrides.limits.rss_mb;
}

template <class World>
std::string TextOf(const fs::path& file) {
  Arena arena;
  Case<World> c;
  runner::ReadCase<World>(file, &arena, &c);
  return Print(c);
}

std::string TextOfLife(const fs::path& file) {
  history::History history;
  std::optional<LifeSpec> life;
  ReadCaseOf(file, &history, &life);
  return CaseOf(life, history);
}

// A world whose cases run on a live server, and which is no harness.
struct LiveWorld {
  std::string_view name;
  std::string_view runner;
  // "is a case of … : add --start COMMAND"; "": they also run without a server.
  std::string_view needs;
  std::string (*text)(const fs::path& file);
};

constexpr LiveWorld kLiveWorlds[] = {
    {cachelab::StaleWorld::kName, "workers", "workers in front of a server",
     TextOf<cachelab::StaleWorld>},
    {live::RestoreWorld::kName, "restore", "values for a server", TextOf<live::RestoreWorld>},
    {kLives, "life", "", TextOfLife},
    {PropertyWorld::kName, "properties", "", TextOf<PropertyWorld>},
    {CheckWorld::kName, "check_tools", "files for the tools of a server", TextOf<CheckWorld>},
};

// The world of such a case; nullptr if it is the case of a harness.
const LiveWorld* LiveWorldOf(const fs::path& file, const std::string& harness) {
  const std::string name = harness.empty() ? ops_text::HarnessOf(runner::ReadFile(file)) : harness;
  for (const LiveWorld& world : kLiveWorlds) {
    if (world.name == name) return &world;
  }
  return nullptr;
}

// A harness starts the server that is named.
findings::RunSpec ByHarness(findings::RunSpec spec, const std::string& harness) {
  if (spec.server.start.empty()) {
    throw runner::UserError("the harness " + harness + " starts its server: give --start COMMAND");
  }
  spec.runner = "process";
  spec.harness = harness;
  return spec;
}

// The harness that runs the cases of this one on a live server.
const runner::HarnessEntry& WithServer(const runner::Project& project, const fs::path& file,
                                       const runner::HarnessEntry& harness) {
  for (const runner::HarnessEntry& other : project.all) {
    if (other.with_server() && other.corpus == harness.corpus) return project.Find(other.name);
  }
  throw runner::UserError(file.string() + ": is a case of " + harness.name +
                          ", which does not run against a server");
}

// Runs on the server that the user names.
findings::RunSpec OnGivenServer(const runner::Project& project, const fs::path& file,
                                const RunOverrides& overrides,
                                const std::optional<findings::RunSpec>& filed) {
  findings::RunSpec spec = *overrides.live;
  const bool as_filed = filed && IsLive(filed->runner) && overrides.harness.empty();
  if (as_filed && spec.runner == "oracle") {
    spec.runner = filed->runner;
    spec.harness = filed->harness;
    spec.options = filed->options;
    spec.options.erase("url");
    return spec;
  }
  if (const LiveWorld* world = LiveWorldOf(file, overrides.harness)) {
    if (spec.runner == "robustness") {
      throw runner::UserError("--unmodelled is for cases of command_handler, not of " +
                              std::string(world->name));
    }
    spec.runner = world->runner;
    spec.harness = world->name;
    return spec;
  }
  const runner::HarnessEntry& harness = project.HarnessOfCase(file, overrides.harness);
  if (!overrides.harness.empty() && harness.with_server()) {
    return ByHarness(std::move(spec), harness.name);
  }
  if (harness.corpus == "invalidation") {
    if (spec.runner == "robustness") {
      throw runner::UserError("--unmodelled is for cases of command_handler, not of invalidation");
    }
    spec.runner = "model";
  } else if (harness.corpus == "query_parser") {
    if (spec.runner == "robustness") {
      throw runner::UserError("--unmodelled is for cases of command_handler, not of query_parser");
    }
    spec.runner = "query";
  } else if (harness.corpus == DurabilityWorld::kName) {
    spec.runner = "crash";
  } else if (harness.corpus != "command_handler") {
    return ByHarness(std::move(spec), WithServer(project, file, harness).name);
  }
  spec.harness = harness.corpus;
  return spec;
}

}  // namespace

bool IsLive(std::string_view runner) {
  const RunnerKind* kind = FindRunner(runner);
  return kind != nullptr && kind->live;
}

bool RunsInHarness(std::string_view runner) { return runner == "process" || runner == "io"; }

int AttemptsOf(const findings::RunSpec& spec) {
  const RunnerKind* kind = FindRunner(spec.runner);
  return kind == nullptr ? 1 : kind->attempts(spec);
}

bool Traces(std::string_view runner) {
  const RunnerKind* kind = FindRunner(runner);
  return kind == nullptr || kind->traces;
}

std::string VerbOf(const findings::Failure& failure) {
  if (!failure.verb.empty()) return failure.verb;
  const RunnerKind* kind = FindRunner(failure.run.runner);
  return kind == nullptr ? failure.run.runner : std::string(kind->verb);
}

std::unique_ptr<findings::CaseRunner> OpenRunner(const runner::Project& project,
                                                 findings::RunSpec spec) {
  const RunnerKind* kind = FindRunner(spec.runner);
  if (kind == nullptr) {
    throw runner::UserError("there is no runner '" + spec.runner +
                            "': the report is of another version of resprobe");
  }
  if (kind->live && !spec.server.given() && !spec.options.contains("url")) {
    throw runner::UserError(
        "the report does not say how its server was started: add --start COMMAND, "
        "--server HOST:PORT or --unix PATH");
  }
  // A path in a frozen case is relative to the repository.
  auto [program, options] = SplitProgram(spec.server.start);
  const auto find = [&](std::string* word) {
    std::error_code error;
    if (word->find('/') == std::string::npos || fs::path(*word).is_absolute() ||
        fs::exists(*word, error) || !fs::is_regular_file(project.source / *word, error)) {
      return false;
    }
    *word = (project.source / *word).string();
    return true;
  };
  bool found = find(&program);
  for (std::string& word : options) found |= find(&word);
  if (found) spec.server.start = runner::CommandLine(runner::ShellWord(program), options);
  return kind->open(project, spec);
}

findings::RunSpec SpecOf(const runner::Project& project, const fs::path& file,
                         const RunOverrides& overrides) {
  std::optional<findings::RunSpec> filed;
  std::string missing;
  if (std::optional<findings::StoredFailure> stored = findings::FindingOfCase(file)) {
    missing = std::move(stored->missing);
    filed = std::move(stored->failure.run);
  } else if (overrides.harness.empty()) {
    filed = RunLineOf(file);
  }
  if (overrides.live) return OnGivenServer(project, file, overrides, filed);
  findings::RunSpec spec;
  if (filed && overrides.harness.empty()) {
    if (!missing.empty()) throw runner::UserError(file.parent_path().string() + ": " + missing);
    spec = *filed;
  } else {
    const LiveWorld* const world = LiveWorldOf(file, overrides.harness);
    if (world != nullptr && world->needs.empty()) {
      spec.runner = world->runner;
      spec.harness = world->name;
      return spec;
    }
    if (world != nullptr) {
      throw runner::UserError(file.string() + ": is a case of " + std::string(world->needs) +
                              ": add --start COMMAND");
    }
    spec.harness = project.HarnessOfCase(file, overrides.harness).name;
    if (filed) spec.limits = filed->limits;
  }
  Limit(overrides, &spec);
  return spec;
}

std::string TextOfCase(const runner::Project& project, const fs::path& file,
                       const std::string& harness) {
  if (const LiveWorld* world = LiveWorldOf(file, harness)) return world->text(file);
  return ShowCase(project.HarnessOfCase(file, harness), file);
}

std::string RunLine(const runner::Project& project, const findings::RunSpec& spec) {
  if (spec.runner == "process") return "";
  findings::RunSpec portable = spec;
  portable.server.start = Portable(project, spec.server.start);
  return std::string(kRunLine) + ToJson(portable).dump() + "\n";
}

}  // namespace resprobe::cli
