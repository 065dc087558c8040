#include <absl/strings/str_format.h>

#include <csignal>
#include <deque>
#include <memory>
#include <utility>

#include "cli/cloud/engines.h"
#include "cli/cloud/result_folder.h"
#include "cli/cloud/unit.h"
#include "runner/process.h"
#include "runner/text.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

// A unit that a worker process does.
struct Working {
  uint64_t number = 0;
  int tries = 1;
  std::unique_ptr<runner::Process> process;
};

struct Waiting {
  uint64_t number = 0;
  int tries = 0;
};

std::unique_ptr<runner::Process> StartWorker(const fs::path& folder, uint64_t number) {
  return std::make_unique<runner::Process>(runner::Command{
      {fs::read_symlink("/proc/self/exe"), "unit", folder, "--number", std::to_string(number)},
      {}});
}

// True if the unit's run says that it cannot be done here.
bool IsRefused(const CloudPlan& plan, uint64_t number, const fs::path& folder) {
  try {
    const ResultFolder result = ReadResultHead(folder / "results" / NameOf(UnitOf(plan, number)));
    return !result.interrupted && result.exit_code == runner::kWrongUse;
  } catch (const runner::UserError&) {
    return false;
  }
}

std::string LastLine(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  return text.substr(text.rfind('\n') == text.npos ? 0 : text.rfind('\n') + 1);
}

}  // namespace

void RunOnThisMachine(const CloudPlan& plan, const fs::path& folder, uint64_t machines,
                      std::FILE* out) {
  std::deque<Waiting> waiting;
  uint64_t done = 0;
  for (uint64_t i = 0; i < plan.units; ++i) {
    if (IsUnitDone(plan, i, folder / "results")) {
      ++done;
    } else {
      waiting.push_back({.number = i});
    }
  }
  if (done > 0) absl::FPrintF(out, "%d of %d units were done before\n", done, plan.units);
  const double start = runner::Now();
  const uint64_t before = done;
  uint64_t refused = 0;
  std::string why_refused;
  std::deque<Working> working;
  bool told = false;
  while (!working.empty() || (!waiting.empty() && !runner::Interrupted())) {
    if (runner::Interrupted() && !told) {
      for (Working& one : working) one.process->Signal(SIGINT);
      told = true;
    }
    // The first of them have shown that no other will do better.
    if (done == before && refused >= machines) waiting.clear();
    while (!runner::Interrupted() && !waiting.empty() && working.size() < machines) {
      const Waiting next = waiting.front();
      waiting.pop_front();
      working.push_back({.number = next.number,
                         .tries = next.tries + 1,
                         .process = StartWorker(folder, next.number)});
    }
    constexpr double kPoll = 0.1;
    for (size_t i = 0; i < working.size(); ++i) {
      Working& one = working[i];
      if (one.process->Pump(kPoll / static_cast<double>(working.size()))) continue;
      const int code = one.process->exit_code();
      const bool refuses = code == runner::kWrongUse || IsRefused(plan, one.number, folder);
      const bool lost = !refuses && code != runner::kAllWell;
      if (code == runner::kAllWell) ++done;
      if (refuses) {
        ++refused;
        why_refused = LastLine(one.process->out + one.process->err);
      }
      std::string line = LastLine(one.process->out);
      if (line.empty()) line = LastLine(one.process->err);
      if (line.empty()) line = "unit " + NameOf(UnitOf(plan, one.number));
      if (one.process->signal() != 0) {
        line += ": its worker was ended by signal " + std::to_string(one.process->signal());
      }
      if (lost && one.tries < kUnitTries && !runner::Interrupted()) {
        line += "; tried again";
        waiting.push_back({one.number, one.tries});
      }
      absl::FPrintF(out, "[%d of %d, %.0f s] %s\n", done, plan.units, runner::Now() - start,
                    runner::TerminalText(line));
      std::fflush(out);
      working.erase(working.begin() + static_cast<ptrdiff_t>(i));
      break;
    }
  }
  if (done == before && refused > 0 && !runner::Interrupted()) {
    throw runner::UserError("no unit can run here: " + why_refused);
  }
}

}  // namespace resprobe::cli
