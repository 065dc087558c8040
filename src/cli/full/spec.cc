#include "cli/full/spec.h"

#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "cli/crash/fault_plan.h"
#include "cli/yaml/block.h"
#include "core/table/profile.h"
#include "core/table/table.h"
#include "live/load/load_run.h"
#include "runner/duration.h"
#include "runner/files.h"
#include "runner/text.h"
#include "runner/user_error.h"
#include "worlds/durability/durability_world.h"

namespace resprobe::cli {
namespace {

constexpr int kMostCount = 1'000'000'000;

struct Expectation {
  std::string_view name;
  std::string_view means;  // in a report of chaos
};
constexpr Expectation kExpectations[] = {
    {"error_returned", "a write was refused with an error"},
    {"corruption_detected", "a server did not start on what is corrupt"},
    {"consistent_after_restart", "nothing was lost or mixed that may not be"},
    {"eventual_completion", "no server was stuck"}};

// What a search for an order of all operations shows: each of these says that replies are those of
// the commands before them.
const std::vector<std::string> kOfLives = {"linearizable",       "set_get_roundtrip",
                                           "incr_monotonic",     "list_order_preserved",
                                           "hash_fields_unique", "sorted_set_ordering"};
const std::vector<std::string> kOfLivesAndRestarts = {
    "linearizable",       "set_get_roundtrip",   "incr_monotonic",           "list_order_preserved",
    "hash_fields_unique", "sorted_set_ordering", "crash_recovery_consistent"};

// What chaos shows.
std::vector<std::string> OfDurability() {
  std::vector<std::string> names = {"crash_recovery_consistent"};
  for (const InvariantInfo& info : DurabilityWorld::kInvariants) names.emplace_back(info.name);
  return names;
}

std::string Lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

// The result of an expectation, from the counts of a report of chaos ("asked": by fault and by what
// has happened).
report::Result Judge(const std::string& expectation, const report::Report& report) {
  report::Result result = {.name = "expect " + expectation};
  uint64_t refused = 0;
  uint64_t stuck = 0;
  const auto add = [](const Json& came, const char* key, uint64_t* sum) {
    const auto at = came.find(key);
    if (at != came.end() && at->is_number_unsigned()) *sum += at->get<uint64_t>();
  };
  const auto asked = report.own.find("asked");
  if (asked != report.own.end()) {
    for (const Json& fault : *asked) {
      for (const Json& came : fault) {
        if (!came.is_object()) continue;
        add(came, "refused_writes", &refused);
        add(came, "stuck", &stuck);
      }
    }
  }
  uint64_t not_started = 0;
  if (const auto lines = report.own.find("did_not_start"); lines != report.own.end()) {
    for (const Json& times : *lines) {
      if (times.is_number_unsigned()) not_started += times.get<uint64_t>();
    }
  }
  bool holds = true;
  if (expectation == "error_returned") {
    holds = refused > 0;
    result.note = absl::StrFormat("%d writes were refused", refused);
  } else if (expectation == "corruption_detected") {
    holds = not_started > 0;
    result.note = absl::StrFormat("%d times a server did not start", not_started);
  } else if (expectation == "consistent_after_restart") {
    holds = report.findings.empty();
    result.note = absl::StrFormat("%d findings", report.findings.size());
  } else {
    holds = stuck == 0;
    result.note = absl::StrFormat("%d servers were stuck", stuck);
  }
  if (!holds) result.status = report::Status::kFailed;
  return result;
}

// Whether the lives of a report of simulate have had an answer to the command.
report::Result WasAsked(const std::string& command, const report::Report& report) {
  report::Result result = {.name = "operation " + command, .status = report::Status::kUnknown};
  result.note = "was never answered without an error";
  const auto commands = report.own.find("commands");
  if (commands == report.own.end()) return result;
  const auto at = commands->find(command);
  if (at == commands->end()) return result;
  const uint64_t times = at->value("without_error", uint64_t{0});
  if (times == 0) return result;
  result.status = report::Status::kPassed;
  result.note = absl::StrFormat("answered %d times", times);
  return result;
}

class SpecReader {
 public:
  explicit SpecReader(const std::string& file) { spec_.file = file; }

  Spec Read(const YAML::Node& root) {
    Block block(spec_.file, "", root, 1);
    block.Need("version");
    std::string version;
    block.Get("version", &version);
    if (version != "1" && version != "1.0") block.FailAt("version", "must be 1");
    ReadDeclared(block, "invariants", {"description", "category"}, &invariants_);
    ReadDeclared(block, "faults", {"description", "severity", "recovery"}, &faults_);
    for (const std::string& fault : faults_) CheckFault(block, "faults", fault);
    for (const std::string& name : invariants_) {
      if (std::ranges::find(kOfLivesAndRestarts, name) != kOfLivesAndRestarts.end()) continue;
      const std::vector<std::string> disk = OfDurability();
      if (std::ranges::find(disk, name) != disk.end()) continue;
      block.FailAt("invariants", "has '" + name + "', which no test here checks: use " +
                                     absl::StrJoin(kOfLivesAndRestarts, ", ") + ", " +
                                     absl::StrJoin(disk, ", "));
    }
    ReadScenarios(block.Inner("scenarios"));
    ReadOracle(block.Inner("oracle"));
    ReadSimulation(block.Inner("simulation"));
    block.End();
    if (spec_.tests.empty()) block.FailAt("scenarios", "has no test, and neither has the rest");
    return std::move(spec_);
  }

 private:
  // Names with texts about them, which are for readers of the file.
  void ReadDeclared(Block& root, const std::string& key, const std::vector<std::string>& texts,
                    std::vector<std::string>* names) {
    if (!root.has(key)) {
      (void)root.Inner(key);
      return;
    }
    const YAML::Node list = root.List(key);
    for (size_t i = 0; i < list.size(); ++i) {
      Block one = Entry(key, list, i);
      one.Need("name");
      std::string name;
      one.Get("name", &name);
      names->push_back(name);
      for (const std::string& text : texts) {
        std::string ignored;
        one.Get(text, &ignored);
      }
      one.End();
    }
  }
  Block Entry(const std::string& key, const YAML::Node& list, size_t i) const {
    return Block(spec_.file, key + "[" + std::to_string(i) + "]", list[i], list[i].Mark().line + 1);
  }
  static void CheckFault(const Block& block, const std::string& key, const std::string& fault) {
    if (std::ranges::find(ChaosFaults(), fault, &NamedFault::name) != ChaosFaults().end()) return;
    block.FailAt(key, "has '" + fault + "', no fault of chaos: use " + NamesOf(ChaosFaults()));
  }

  void ReadScenarios(Block block) {
    using Test = void (SpecReader::*)(Block&, SpecTest, int);
    const std::pair<const char*, Test> kinds[] = {{"smoke", &SpecReader::ReadSmoke},
                                                  {"chaos", &SpecReader::ReadChaosTest},
                                                  {"stress", &SpecReader::ReadStress},
                                                  {"soak", &SpecReader::ReadSoak}};
    for (const auto& [kind, read] : kinds) {
      Block scenario = block.Inner(kind);
      if (scenario.empty()) continue;
      std::string description;
      scenario.Get("description", &description);
      int seeds = 0;
      scenario.Get("default_seeds", &seeds, 1, kMostCount);
      if (seeds > 0 && std::string_view(kind) != "chaos") {
        scenario.FailAt("default_seeds",
                        "is of chaos: a test of " + std::string(kind) + " has one seed");
      }
      const YAML::Node tests = scenario.List("tests");
      scenario.End();
      for (size_t i = 0; i < tests.size(); ++i) {
        Block one = Entry("scenarios." + std::string(kind) + ".tests", tests, i);
        one.Need("name");
        SpecTest test;
        one.Get("name", &test.name);
        test.name = std::string(kind) + ": " + test.name;
        std::string text;
        one.Get("description", &text);
        (this->*read)(one, std::move(test), seeds);
        one.End();
      }
    }
    block.End();
  }

  // Those that a test names are declared, and are such as its verb checks.
  void CheckInvariants(Block& one, const std::vector<std::string>& checked) const {
    std::vector<std::string> names;
    one.Get("invariants", &names);
    for (const std::string& name : names) {
      if (std::ranges::find(invariants_, name) == invariants_.end()) {
        one.FailAt("invariants", "has '" + name + "', which invariants does not declare");
      }
      if (std::ranges::find(checked, name) == checked.end()) {
        one.FailAt("invariants", "has '" + name +
                                     "', which such a test does not check: it checks " +
                                     absl::StrJoin(checked, ", "));
      }
    }
  }

  // The names of load tests for commands.
  static std::string LoadTestsOf(Block& one) {
    std::vector<std::string> operations;
    one.Need("operations");
    one.Get("operations", &operations);
    for (std::string& operation : operations) {
      const std::string name = operation;
      operation = Lower(operation);
      if (std::ranges::find(live::LoadTests(), operation, &live::LoadTest::name) ==
          live::LoadTests().end()) {
        std::vector<std::string> all;
        for (const live::LoadTest& test : live::LoadTests()) all.emplace_back(test.name);
        one.FailAt("operations", "has '" + name + "', for which there is no load: use " +
                                     absl::StrJoin(all, ", ") +
                                     "; or oracle.command_groups, for any command");
      }
    }
    return absl::StrJoin(operations, ",");
  }

  static void Add(std::vector<std::string>* words, const std::string& option, int value) {
    if (value == 0) return;
    words->push_back(option);
    words->push_back(std::to_string(value));
  }

  void ReadSmoke(Block& one, SpecTest test, int /*seeds*/) {
    std::vector<std::string> operations;
    int keys = 0;
    int iterations = 0;
    bool restart = false;
    one.Need("operations");
    one.Get("operations", &operations);
    for (const std::string& operation : operations) {
      const std::string name = Lower(operation);
      if (std::ranges::none_of(Commands(Profile::kRedis70), [&](const Command& command) {
            return command.full_name() == name;
          })) {
        one.FailAt("operations", "has '" + operation + "', no command of the core");
      }
      test.asked.push_back(name);
    }
    one.Get("keys", &keys, 1, kMostCount);
    one.Get("iterations", &iterations, 1, kMostCount);
    one.Get("include_restart", &restart);
    CheckInvariants(one, restart ? kOfLivesAndRestarts : kOfLives);
    // Lives, of which each has only some of the types.
    constexpr int kLives = 5;
    constexpr int kLeast = 200;
    constexpr int kUsual = 1000;
    test.words = {"simulate", "--parts",
                  restart ? "concurrent_operations,crash_recovery" : "concurrent_operations"};
    Add(&test.words, "--seeds", kLives);
    Add(&test.words, "--keys", keys);
    Add(&test.words, "--ops", std::max(kLeast, (iterations > 0 ? iterations : kUsual) / kLives));
    spec_.tests.push_back(std::move(test));
  }

  void ReadChaosTest(Block& one, SpecTest test, int seeds) {
    std::vector<std::string> faults;
    one.Need("faults");
    one.Get("faults", &faults);
    for (const std::string& fault : faults) CheckFault(one, "faults", fault);
    CheckInvariants(one, OfDurability());
    int iterations = 0;
    one.Get("iterations", &iterations, 1, kMostCount);
    if (one.has("expect")) {
      one.Get("expect", &test.expect);
      for (const std::string& name : test.expect) {
        if (std::ranges::find(kExpectations, name, &Expectation::name) == std::end(kExpectations)) {
          std::vector<std::string> all;
          for (const Expectation& known : kExpectations) all.emplace_back(known.name);
          one.FailAt("expect", "has '" + name + "': use " + absl::StrJoin(all, ", "));
        }
      }
    } else {
      one.Get("expect", &test.expect);
    }
    test.words = {"chaos", "--faults", absl::StrJoin(faults, ",")};
    constexpr int kUsual = 100;
    Add(&test.words, "--seeds", iterations > 0 ? iterations : seeds > 0 ? seeds : kUsual);
    spec_.tests.push_back(std::move(test));
  }

  // Checks the names of the measures. Nothing is selected: `stress` and `soak` always measure all.
  static void CheckMeasures(Block& one, const std::vector<std::string>& known) {
    std::vector<std::string> measures;
    one.Get("measure", &measures);
    for (const std::string& measure : measures) {
      if (std::ranges::find(known, measure) == known.end()) {
        one.FailAt("measure",
                   "has '" + measure + "', which is not: use " + absl::StrJoin(known, ", "));
      }
    }
  }

  void ReadStress(Block& one, SpecTest test, int /*seeds*/) {
    int connections = 0;
    int keys = 0;
    int each = 0;
    int rate = 0;
    std::vector<std::string> sizes;
    if (one.has("operations")) {
      test.words = {"stress", "--tests", LoadTestsOf(one)};
    } else {
      std::vector<std::string> none;
      one.Get("operations", &none);
      test.words = {"stress"};
    }
    one.Get("connections", &connections, 1, 50'000);
    one.Get("keys", &keys, 1, kMostCount);
    one.Get("operations_per_connection", &each, 1, 1'000'000);
    one.Get("operations_per_second", &rate, 1, 100'000'000);
    one.Get("value_sizes", &sizes);
    CheckMeasures(
        one, {"throughput", "latency", "p50", "p95", "p99", "p99.9", "max", "memory", "errors"});
    test.needs_server = true;
    constexpr int kUsual = 100;
    Add(&test.words, "--connections", connections);
    Add(&test.words, "--keys", keys);
    Add(&test.words, "--rate", rate);
    if (each > 0) {
      const int64_t all = int64_t{each} * (connections > 0 ? connections : kUsual);
      test.words.insert(test.words.end(), {"--ops", std::to_string(all)});
    }
    if (sizes.empty()) {
      spec_.tests.push_back(std::move(test));
      return;
    }
    for (const std::string& size : sizes) {
      const bool number =
          !size.empty() && size.size() < 10 &&
          std::ranges::all_of(size, [](unsigned char c) { return std::isdigit(c); });
      if (!number || size == "0") {
        one.FailAt("value_sizes", "has '" + size + "', no number of bytes");
      }
      SpecTest sized = test;
      sized.name += ", values of " + size + " bytes";
      sized.words.insert(sized.words.end(), {"--value-size", size});
      spec_.tests.push_back(std::move(sized));
    }
  }

  void ReadSoak(Block& one, SpecTest test, int /*seeds*/) {
    int connections = 0;
    int keys = 0;
    int rate = 0;
    std::string duration = "10m";
    one.Get("duration", &duration);
    one.Get("connections", &connections, 1, 50'000);
    one.Get("keys", &keys, 1, kMostCount);
    one.Get("operations_per_second", &rate, 1, 100'000'000);
    CheckMeasures(one,
                  {"memory", "rss", "throughput", "latency", "descriptors", "threads", "files"});
    double seconds = 0;
    try {
      seconds = runner::ParseTime("duration", duration);
    } catch (const runner::UserError&) {
      one.FailAt("duration", "must be a time: 30s, 10m, 1h");
    }
    // Sixty samples, a second apart at least.
    constexpr double kSamples = 60;
    const double interval = std::max(1.0, seconds / kSamples);
    constexpr double kFewest = 23;
    if (seconds / interval < kFewest) {
      one.FailAt("duration", "is too short to say anything: give 23s at least");
    }
    test.needs_server = true;
    test.words = {"soak", "--duration", duration, "--interval", absl::StrFormat("%g", interval)};
    Add(&test.words, "--connections", connections);
    Add(&test.words, "--keys", keys);
    Add(&test.words, "--rate", rate);
    Block threshold = one.Inner("alert_threshold");
    double growth = 0;
    double drop = 0;
    threshold.Get("rss_growth_percent", &growth);
    threshold.Get("throughput_drop_percent", &drop);
    // --growth is that of used_memory; resident memory may grow by twice as much.
    if (threshold.has("rss_growth_percent")) {
      test.words.insert(test.words.end(), {"--growth", absl::StrFormat("%g", growth / 2)});
    }
    if (threshold.has("throughput_drop_percent")) {
      test.words.insert(test.words.end(), {"--drop", absl::StrFormat("%g", drop)});
    }
    threshold.End();
    spec_.tests.push_back(std::move(test));
  }

  void ReadOracle(Block block) {
    if (block.empty()) return;
    std::string description;
    std::string reference;
    block.Get("description", &description);
    block.Need("reference");
    block.Get("reference", &reference);
    const bool address = reference.contains(':') && !reference.contains(' ');
    Block groups = block.Inner("command_groups");
    if (groups.empty()) block.FailAt("command_groups", "must have a group at least");
    for (const std::string& name : groups.Keys()) {
      Block group = groups.Inner(name);
      std::vector<std::string> commands;
      int cases = 0;
      group.Need("commands");
      group.Get("commands", &commands);
      group.Get("test_cases", &cases, 1, kMostCount);
      group.End();
      for (std::string& command : commands) command = Lower(command);
      SpecTest test = {.name = "oracle: " + name,
                       .words = {"oracle", address ? "--server" : "--start", reference,
                                 "--commands", absl::StrJoin(commands, ",")},
                       .needs_server = false,
                       .expect = {},
                       .asked = {}};
      constexpr int kUsual = 100;
      Add(&test.words, "--seeds", cases > 0 ? cases : kUsual);
      spec_.tests.push_back(std::move(test));
    }
    groups.End();
    block.End();
  }

  void ReadSimulation(Block block) {
    if (block.empty()) return;
    std::string description;
    block.Get("description", &description);
    Block config = block.Inner("default_config");
    int seeds = 0;
    int operations = 0;
    int clients = 0;
    config.Get("seeds", &seeds, 1, kMostCount);
    config.Get("operations_per_seed", &operations, 1, 1'000'000);
    config.Get("clients", &clients, 1, 1024);
    config.End();
    const YAML::Node list = block.List("scenarios");
    block.End();
    for (size_t i = 0; i < list.size(); ++i) {
      Block one = Entry("simulation.scenarios", list, i);
      int part = 0;
      std::string text;
      one.Need("name");
      const std::vector<std::string> parts = {"concurrent_operations", "crash_recovery",
                                              "connection_storm", "replicas"};
      one.GetOne("name", parts, &part);
      one.Get("description", &text);
      one.End();
      const std::string& name = parts[static_cast<size_t>(part)];
      SpecTest test = {.name = "simulate: " + name,
                       .words = {"simulate", "--parts", name},
                       .needs_server = false,
                       .expect = {},
                       .asked = {}};
      Add(&test.words, "--seeds", seeds);
      Add(&test.words, "--ops", operations);
      Add(&test.words, "--clients", clients);
      spec_.tests.push_back(std::move(test));
    }
  }

  Spec spec_;
  std::vector<std::string> invariants_;
  std::vector<std::string> faults_;
};

}  // namespace

Spec ReadSpec(const std::string& file) {
  const std::string text = runner::ReadFile(file);
  try {
    return SpecReader(file).Read(YAML::Load(text));
  } catch (const YAML::Exception& error) {
    const int line = error.mark.is_null() ? 1 : error.mark.line + 1;
    throw runner::UserError(file + ":" + std::to_string(line) + ": " + error.msg);
  }
}

std::vector<Part> PartsOf(const Spec& spec, const ServerOptions& server) {
  const std::string core =
      runner::ShellWord(fs::read_symlink("/proc/self/exe").string()) + " serve --port {port}";
  std::vector<Part> parts;
  for (const SpecTest& test : spec.tests) {
    Part part = {.name = test.name, .words = test.words};
    // The oracle has the server that the file names.
    const bool own = test.words.front() == "oracle";
    if (!own && server.given()) {
      for (const std::string& word : server.Words()) part.words.push_back(word);
    } else if (!own && test.needs_server) {
      part.words.insert(part.words.end(), {"--start", core});
    }
    if (!test.expect.empty() || !test.asked.empty()) {
      part.judge = [expect = test.expect, asked = test.asked](report::Report* report) {
        for (const std::string& one : expect) report->results.push_back(Judge(one, *report));
        for (const std::string& command : asked) {
          report->results.push_back(WasAsked(command, *report));
        }
      };
    }
    parts.push_back(std::move(part));
  }
  return parts;
}

}  // namespace resprobe::cli
