#include "cli/oracle/check_runner.h"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "cli/oracle/live_runners.h"
#include "engine/shrink.h"
#include "findings/process_runner.h"
#include "live/restore/persistence_files.h"
#include "live/server/crash_report.h"
#include "live/server/target.h"
#include "runner/files.h"
#include "runner/json.h"
#include "runner/output.h"
#include "runner/process.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

// "…/redis-check-rdb" for "…/redis-server --options".
std::string ToolOf(const std::string& start, std::string_view tool) {
  std::string error;
  const auto words = live::WordsOfCommand(start, &error);
  constexpr std::string_view kServer = "-server";
  if (!words || !words->front().ends_with(kServer)) {
    throw runner::UserError("--start " + start +
                            ": the tools of a server are beside it, as redis-check-rdb is beside "
                            "redis-server: name such a server");
  }
  const std::string& program = words->front();
  return program.substr(0, program.size() - kServer.size()) + std::string(tool);
}

// The line that says why a program ended itself; "" if it did not.
std::string CrashIn(const std::string& output) {
  if (const auto report = live::ReadCrashReport(output)) return report->Text();
  for (const std::string_view sign : {"Assertion `", "ASSERTION FAILED", "Server crash"}) {
    const size_t at = output.find(sign);
    if (at == output.npos) continue;
    size_t start = output.rfind('\n', at);
    start = start == output.npos ? 0 : start + 1;
    std::string line = output.substr(start, output.find('\n', at) - start);
    // Without the program, and what differs from run to run.
    if (const size_t source = line.find(".c:"); source != line.npos) {
      const size_t word = line.rfind(' ', source);
      if (word != line.npos) line.erase(0, word + 1);
    }
    return line;
  }
  return "";
}

}  // namespace

CheckCaseRunner::CheckCaseRunner(const runner::Project& project, const findings::RunSpec& spec)
    : source_(project.source), spec_(spec) {
  const LiveOptions options = ToLiveOptions(spec);
  memory_mb_ = options.memory_mb;
  hang_seconds_ = options.server.hang_seconds;
  if (options.server.start.empty()) {
    throw runner::UserError(
        "--check-tools runs programs of this machine: name their server with --start");
  }
  rdb_tool_ = ToolOf(options.server.start, "-check-rdb");
  aof_tool_ = ToolOf(options.server.start, "-check-aof");
  const std::string server = ToolOf(options.server.start, "-server");
  const runner::RunResult version =
      runner::RunToEnd({.argv = {server, "--version"}, .environment = {}});
  // "Redis server v=7.0.15 sha=…", "Valkey server v=8.0.1 …".
  const size_t at = version.out.find(" v=");
  if (at == version.out.npos) {
    throw runner::UserError(server + " --version does not say which version it is");
  }
  const bool valkey = version.out.starts_with("Valkey");
  spec_.server.version = (valkey ? "valkey " : "redis ") +
                         version.out.substr(at + 3, version.out.find(' ', at + 3) - at - 3);
  profile_ = valkey ? Profile::kValkey80 : Profile::kRedis70;
  for (const std::string& tool : {rdb_tool_, aof_tool_}) {
    runner::RunToEnd({.argv = {tool}, .environment = {}});  // throws if it is not there
  }
}

Json CheckCaseRunner::Versions() {
  Json versions = findings::OwnVersions(source_);
  versions["subject"] = spec_.server.version;
  return versions;
}

std::optional<CheckCaseRunner::Checked> CheckCaseRunner::Check(const std::string& tool,
                                                               const fs::path& file, bool fix,
                                                               std::optional<Failure>* failure) {
  ++counts_.runs;
  const std::string name = fs::path(tool).filename().string() + (fix ? " --fix" : "");
  runner::Command command = {.argv = {tool, file.string()}, .environment = {}};
  if (fix) command.argv = {"sh", "-c", "echo y | exec \"$0\" --fix \"$1\"", tool, file.string()};
  const runner::RunResult run = runner::RunToEnd(
      command, {.timeout_seconds = static_cast<double>(hang_seconds_), .rss_mb = memory_mb_});
  const std::string output = run.out + run.err;
  const auto fail = [&](std::string what, std::string statement) {
    failure->emplace(Failure{name + ": " + std::move(what), std::move(statement), "", output});
  };
  constexpr int kBySignal = 128;  // of a shell
  if (run.timed_out) {
    fail("hangs", "a program that checks a file ends");
  } else if (run.out_of_memory) {
    fail("memory", "a program that checks a file stays within its memory");
  } else if (const std::string crash = CrashIn(output); !crash.empty()) {
    fail(crash, "a program that checks a file lives");
  } else if (run.signal != 0 || run.exit_code > kBySignal) {
    fail("signal " + std::to_string(run.signal != 0 ? run.signal : run.exit_code - kBySignal),
         "a program that checks a file lives");
  }
  if (*failure) return std::nullopt;
  return Checked{run.exit_code, output};
}

std::optional<CheckCaseRunner::Failure> CheckCaseRunner::CheckRdb(std::string_view bytes) {
  const runner::TempFolder temp;
  const fs::path file = temp.path() / "dump.rdb";
  runner::WriteFile(file, std::string(bytes));
  std::optional<Failure> failure;
  const auto checked = Check(rdb_tool_, file, false, &failure);
  if (checked && checked->code == 0) ++counts_.sound;
  return failure;
}

std::optional<CheckCaseRunner::Failure> CheckCaseRunner::CheckAof(std::string_view bytes) {
  const runner::TempFolder temp;
  const fs::path file = temp.path() / "appendonly.aof";
  runner::WriteFile(file, std::string(bytes));
  std::optional<Failure> failure;
  auto checked = Check(aof_tool_, file, false, &failure);
  if (!checked) return failure;
  const std::string name = fs::path(aof_tool_).filename().string();
  if (checked->code == 0) {
    ++counts_.sound;
    return std::nullopt;
  }
  checked = Check(aof_tool_, file, true, &failure);
  if (!checked) return failure;
  const std::string repaired = runner::ReadFile(file);
  if (repaired.size() < bytes.size()) ++counts_.repaired;
  const auto fail = [&](std::string what, std::string statement, std::string seen) {
    return Failure{name + " --fix: " + std::move(what), std::move(statement), std::move(seen),
                   checked->output};
  };
  if (!bytes.starts_with(repaired)) {
    return fail("what is left is no beginning of the file", "a repair only cuts a file", "");
  }
  const std::optional<size_t> whole = live::WholeAofBytes(bytes, profile_);
  if (whole && repaired.size() < *whole) {
    return fail("loses whole commands",
                "a repair keeps all whole commands: " + std::to_string(*whole) + " bytes",
                std::to_string(repaired.size()) + " bytes are left");
  }
  if (checked->code != 0) return std::nullopt;  // it does not say that it has repaired the file
  checked = Check(aof_tool_, file, false, &failure);
  if (!checked) return failure;
  if (checked->code != 0) {
    return fail("the repaired file is not sound", "a repaired file passes the check", "");
  }
  return std::nullopt;
}

findings::CaseOutcome CheckCaseRunner::RunCase(const CheckCase& c) {
  for (size_t i = 0; i < c.ops.size(); ++i) {
    ++counts_.files;
    const auto* rdb = std::get_if<CheckWorld::Rdb>(&c.ops[i]);
    const std::optional<Failure> failure =
        rdb != nullptr ? CheckRdb(rdb->bytes.bytes)
                       : CheckAof(std::get<CheckWorld::Aof>(c.ops[i]).bytes.bytes);
    if (!failure) continue;
    findings::CaseOutcome outcome;
    outcome.word = "fault";
    findings::Symptom& what = outcome.what;
    what.signature = runner::JsonText(failure->signature);
    what.kind = outcome.word;
    what.statement = runner::JsonText(failure->statement);
    what.seen = runner::JsonText(failure->seen.empty() ? failure->signature : failure->seen);
    what.op = i;
    outcome.text = "  must hold: " + failure->statement + "\n  seen:      " + what.seen + "\n";
    outcome.files["output.txt"] = failure->output;
    outcome.files[rdb != nullptr ? "dump.rdb" : "appendonly.aof"] =
        std::visit([](const auto& op) { return std::string(op.bytes.bytes); }, c.ops[i]);
    return outcome;
  }
  return {};
}

void CheckCaseRunner::ShrinkCase(findings::ShrinkBudget* budget, Arena* arena, CheckCase* c,
                                 findings::CaseOutcome* outcome, bool* reproduced) {
  const std::string signature = outcome->what.signature;
  const std::function<bool(const CheckCase&)> fails = [&](const CheckCase& candidate) {
    return budget->Spend() && RunCase(candidate).what.signature == signature;
  };
  CheckCase small = *c;
  Shrink<CheckWorld>(fails, arena, &small);
  // Bytes in the middle, too.
  for (CheckWorld::Op& op : small.ops) {
    std::string_view& bytes =
        std::visit([](auto& one) -> std::string_view& { return one.bytes.bytes; }, op);
    std::vector<char> left(bytes.begin(), bytes.end());
    DeleteRuns<char>(&left, [&](const std::vector<char>& fewer) {
      const std::string_view before = bytes;
      bytes = arena->Copy(std::string(fewer.begin(), fewer.end()));
      if (fails(small)) return true;
      bytes = before;
      return false;
    });
  }
  *c = small;
  if (runner::Interrupted()) return;
  findings::CaseOutcome again = RunCase(*c);
  *reproduced = again.what.signature == signature;
  if (*reproduced) *outcome = std::move(again);
}

std::string CheckCaseRunner::WhySound() const {
  return "the tools of " + spec_.server.version + " bear it";
}

std::string CheckCaseRunner::Summary(size_t cases,
                                     const std::map<std::string, size_t>& outcomes) const {
  return cases > 1 ? findings::CountOutcomes(cases, outcomes) : "";
}

}  // namespace resprobe::cli
