// conformance: runs the oracle against real servers, and records what was compared.

#include <signal.h>

#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <utility>

#include "cli/server_options.h"
#include "cli/verbs.h"
#include "core/table/table.h"
#include "live/oracle/oracle_compare.h"
#include "runner/files.h"
#include "runner/json.h"
#include "runner/output.h"
#include "runner/process.h"
#include "runner/project.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

struct ConformanceOptions {
  ServerOptions server;
  uint64_t requests = 10'000'000;
  uint64_t seed = 1;
  std::string output = "docs/conformance.md";
};

uint64_t Count(const Json& counts, std::string_view name) {
  const auto at = counts.find(name);
  return at == counts.end() ? 0 : at->get<uint64_t>();
}

const std::vector<std::string> kUsualServers = {"redis-server", "valkey-server"};

// The servers that the options name, or the usual ones.
std::vector<ServerOptions> Servers(const ServerOptions& options) {
  if (options.given()) return options.Each();
  std::vector<ServerOptions> servers;
  for (const std::string& command : kUsualServers) {
    servers.push_back(options);
    servers.back().start = command;
  }
  return servers;
}

// Runs the oracle in a separate process; forwards its output line by line.
Json RunOracle(const ServerOptions& server, const ConformanceOptions& options,
               const fs::path& report) {
  runner::Command command;
  command.argv = {fs::read_symlink("/proc/self/exe"),
                  "oracle",
                  "--requests",
                  std::to_string(options.requests),
                  "--seed",
                  std::to_string(options.seed),
                  "--format",
                  "json",
                  "--output",
                  report};
  const std::vector<std::string> words = server.Words();
  command.argv.insert(command.argv.end(), words.begin(), words.end());
  runner::Process process(command);
  const auto show = [](std::string_view line) {
    std::printf("%.*s\n", static_cast<int>(line.size()), line.data());
    std::fflush(stdout);
  };
  bool stopping = false;
  while (process.Pump(0.2)) {
    runner::TakeLines(&process.out, show);
    if (runner::Interrupted() && !std::exchange(stopping, true)) process.Signal(SIGINT);
  }
  runner::TakeLines(&process.out, show);
  if (runner::Interrupted()) throw runner::Interruption();
  if (process.exit_code() != runner::kAllWell && process.exit_code() != runner::kFinding) {
    std::string_view line = process.err;
    line = line.substr(0, line.find('\n'));
    if (line.starts_with("resprobe: ")) line.remove_prefix(std::strlen("resprobe: "));
    throw runner::UserError(std::string(line));
  }
  return Json::parse(runner::ReadFile(report));
}

// The kinds of difference that involve a command, including "exec: get: …".
size_t Differences(const Json& report, std::string_view name) {
  size_t count = 0;
  for (const Json& difference : report["differences"]) {
    std::string command = difference["details"].value("command", "");
    for (const std::string_view prefix : {"exec: ", "state: "}) {
      if (command.starts_with(prefix)) command.erase(0, prefix.size());
    }
    count += command == name;
  }
  return count;
}

std::string Status(const Json& report, std::string_view name) {
  if (Count(report["compared"], name) == 0) return "not compared";
  const size_t kinds = Differences(report, name);
  return kinds == 0   ? "equal"
         : kinds == 1 ? "1 kind of difference"
                      : std::to_string(kinds) + " kinds of difference";
}

std::string Options(const std::vector<Json>& reports, std::string_view name) {
  std::map<std::string, uint64_t> sums;
  for (const Json& report : reports) {
    const auto at = report["options"].find(name);
    if (at == report["options"].end()) continue;
    for (const auto& [option, count] : at->items()) sums[option] += count.get<uint64_t>();
  }
  std::string text;
  for (const auto& [option, count] : sums) {
    text += (text.empty() ? "" : ", ") + ("`" + option + "` " + runner::Grouped(count));
  }
  return text;
}

// Every command of all profiles, once each.
std::vector<const resprobe::Command*> AllCommands() {
  std::map<std::string_view, const resprobe::Command*> all;
  for (const Profile profile : {Profile::kRedis70, Profile::kValkey80}) {
    for (const resprobe::Command& command : Commands(profile)) {
      if (command.HasTrait(kNotCompared)) continue;
      if (command.spec->handler != nullptr) all.try_emplace(command.full_name(), &command);
      for (const resprobe::Command& sub : command.subcommands)
        all.try_emplace(sub.full_name(), &sub);
    }
  }
  std::vector<const resprobe::Command*> commands;
  commands.reserve(all.size());
  for (const auto& [name, command] : all) commands.push_back(command);
  return commands;
}

std::string Document(const ConformanceOptions& options, const std::vector<Json>& reports) {
  std::string text =
      "# What was compared with real servers\n\n"
      "Written by `./resprobe conformance";
  const ConformanceOptions defaults;
  if (options.requests != defaults.requests) {
    text += " --requests " + std::to_string(options.requests);
  }
  if (options.seed != defaults.seed) text += " --seed " + std::to_string(options.seed);
  text +=
      "`; do not edit it. The oracle sends generated cases\n"
      "to the core and to a server, and compares replies, pushes, errors with their texts, and "
      "the\n"
      "final state of each case (keys, types, values, expiries).\n\n"
      "| server | profile | first seed | cases | requests | items of final state | kinds of "
      "difference |\n"
      "|---|---|---:|---:|---:|---:|---:|\n";
  for (const Json& report : reports) {
    text += "| " + report["server"].get<std::string>() + " | " +
            report["profile"].get<std::string>() + " | " + report["seed"].dump() + " | " +
            runner::Grouped(report["cases"].get<uint64_t>()) + " | " +
            runner::Grouped(report["requests"].get<uint64_t>()) + " | " +
            runner::Grouped(report["state"].get<uint64_t>()) + " | " +
            std::to_string(report["differences"].size()) + " |\n";
  }
  text += "\n## Where a server may choose\n\nThe number of replies compared with such freedom:\n\n";
  for (const Json& report : reports) {
    text += "- " + report["server"].get<std::string>() + ":";
    const char* separator = " ";
    for (const auto& [name, count] : report["normalized"].items()) {
      text += separator + name + " " + runner::Grouped(count.get<uint64_t>());
      separator = ", ";
    }
    text += "\n";
  }
  text += "\n## Requests that were left out\n\n| why |";
  std::map<std::string, std::vector<uint64_t>> left_out;
  for (size_t i = 0; i < reports.size(); ++i) {
    text += " " + reports[i]["server"].get<std::string>() + " |";
    for (const auto& [why, count] : reports[i]["left_out"].items()) {
      std::vector<uint64_t>& counts = left_out[why];
      counts.resize(reports.size());
      counts[i] = count.get<uint64_t>();
    }
  }
  text += "\n|---|";
  for (size_t i = 0; i < reports.size(); ++i) text += "---:|";
  text += "\n";
  for (const auto& [why, counts] : left_out) {
    text += "| " + why + " |";
    for (const uint64_t count : counts) text += " " + runner::Grouped(count) + " |";
    text += "\n";
  }
  text += "\n## Commands\n\n| command | free | options, and how often each was given |";
  for (const Json& report : reports) {
    text += " " + report["profile"].get<std::string>() + ": compared | status |";
  }
  text += "\n|---|---|---|";
  for (size_t i = 0; i < reports.size(); ++i) text += "---:|---|";
  text += "\n";
  for (const resprobe::Command* command : AllCommands()) {
    const std::string_view name = command->full_name();
    const live::Freedom freedom = command->traits().freedom;
    text += "| " + std::string(name) + " | " +
            (freedom == live::Freedom::kNone ? "" : std::string(live::FreedomName(freedom))) +
            " | " + Options(reports, name) + " |";
    for (const Json& report : reports) {
      text += " " + runner::Grouped(Count(report["compared"], name)) + " | " +
              Status(report, name) + " |";
    }
    text += "\n";
  }
  return text;
}

int RunConformance(const ConformanceOptions& options) {
  runner::OpenProject();
  runner::CheckWritable(options.output);
  const runner::TempFolder temp;
  std::vector<Json> reports;
  bool differ = false;
  for (const ServerOptions& server : Servers(options.server)) {
    reports.push_back(RunOracle(server, options, temp.path() / "report.json"));
    differ |= !reports.back()["differences"].empty();
  }
  runner::WriteFile(options.output, Document(options, reports));
  std::printf("written: %s\n", options.output.c_str());
  return differ ? runner::kFinding : runner::kAllWell;
}

}  // namespace

Verb ConformanceVerb() {
  const auto options = std::make_shared<ConformanceOptions>();
  Verb verb("conformance", "run the oracle long, and write docs/conformance.md");
  verb.details = "Runs the oracle against real servers, and writes a table of what was compared.";
  verb.examples = {{"conformance --requests 100000 -o /tmp/table.md",
                    "compares a hundred thousand requests with each server"}};
  verb.exit_codes = "0 no difference, 1 a difference, 2 wrong use, 130 interrupted.";
  options->server.AddTo(&verb, {.several = true, .usual = kUsualServers});
  verb.Number("--requests", "N", &options->requests, 1, UINT64_MAX / 2,
              "Requests to compare with each of them")
      .ShowDefault();
  verb.Number("--seed", "N", &options->seed, 0, UINT64_MAX / 2, "The first generated case")
      .ShowDefault();
  verb.Text("--output", "FILE", &options->output, "The document")
      .Short("-o")
      .ShowDefault()
      .Complete(Completion::kFile);
  verb.run = [=] { return RunConformance(*options); };
  return verb;
}

}  // namespace resprobe::cli
