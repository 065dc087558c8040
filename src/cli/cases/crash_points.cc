// crash-points: crashes a case of durability at each of its calls to the disk, in every state that
// a crash may leave.

#include "worlds/durability/crash_points.h"

#include <absl/strings/str_format.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/output_options.h"
#include "cli/verbs.h"
#include "engine/arena.h"
#include "engine/generate.h"
#include "runner/case_file.h"
#include "runner/json.h"
#include "runner/output.h"
#include "runner/project.h"
#include "runner/user_error.h"
#include "worlds/durability/durability_harness.h"

namespace resprobe::cli {
namespace {

struct CrashPointsOptions {
  std::string file;
  int64_t seed = -1;  // -1: not given
  std::string level = "prefix";
  int64_t budget = 1000;
  std::string save;
  runner::OutputOptions output;
};

CrashLevel LevelOf(const std::string& name) {
  size_t level = 0;
  while (kCrashLevelNames[level] != name) ++level;
  return static_cast<CrashLevel>(level);
}

// The case up to the crash, and the crash.
std::string CaseOf(const Case<DurabilityWorld>& all, const CrashFailure& failure,
                   CrashLevel level) {
  Case<DurabilityWorld> crashed;
  crashed.config = all.config;
  crashed.config.level = level;
  crashed.ops.assign(all.ops.begin(), all.ops.begin() + static_cast<std::ptrdiff_t>(
                                                            std::min(failure.op, all.ops.size())));
  Arena arena;
  const auto after = static_cast<uint32_t>(failure.after);
  if (failure.kind == CrashKind::kProcess) {
    crashed.ops.emplace_back(DurabilityWorld::Kill{.after = {after}});
  } else {
    const std::span<std::string_view> words = arena.Words(failure.choices.size());
    for (size_t i = 0; i < words.size(); ++i) {
      words[i] = arena.Copy(std::to_string(failure.choices[i]));
    }
    crashed.ops.emplace_back(
        DurabilityWorld::PowerLoss{.after = {after}, .choices = {.words = words}});
  }
  // The op in the midst of which it crashes.
  if (failure.op < all.ops.size()) crashed.ops.push_back(all.ops[failure.op]);
  return Print(crashed);
}

int RunCrashPoints(const CrashPointsOptions& options) {
  options.output.Check();
  if (options.file.empty() == (options.seed < 0)) {
    throw runner::UserError("crash-points: name a case, or give --seed N");
  }
  Arena arena;
  Case<DurabilityWorld> c;
  if (options.file.empty()) {
    Generate(static_cast<uint64_t>(options.seed), &arena, &c);
  } else {
    runner::ReadCase(options.file, &arena, &c);
  }
  const CrashLevel level = LevelOf(options.level);
  CrashPoints points;
  RunContext run;
  const auto begin = std::chrono::steady_clock::now();
  const bool good =
      points.Run(c.config, c.ops,
                 {.level = level, .states_per_point = static_cast<uint64_t>(options.budget)}, run);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const CrashPoints::Counts& counts = points.counts();

  const std::optional<CrashFailure>& failure = points.failure();
  std::string text;
  if (failure) {
    text = CaseOf(c, *failure, level);
    if (!options.save.empty()) runner::WriteFile(options.save, text);
  }
  if (options.output.text_on_stdout()) {
    absl::PrintF("%d ops, level %s\n", c.ops.size(), options.level);
    absl::PrintF(
        "%d crash points (calls to the disk), %d of them while a process loads, which are left "
        "out; at "
        "%d of the others a crash finds other files\n",
        counts.points, counts.starting, counts.points - counts.starting - counts.same);
    absl::PrintF("%s%d states that power failures may leave; %d recoveries run, %.0f a second\n",
                 counts.states == UINT64_MAX ? "more than " : "at most ", counts.states, counts.run,
                 seconds > 0 ? static_cast<double>(counts.run) / seconds : 0);
    absl::PrintF(
        "recovered: everything %d, a prefix that the policy allows %d; refused %d; garbage that "
        "the "
        "level excuses %d\n",
        counts.all, counts.prefix, counts.refused, counts.torn);
    absl::PrintF("judged wrong: %d\n", counts.failed);
    if (!good) {
      absl::PrintF(
          "\nthe case fails without a crash, at op #%d: %s\n  expected: %s\n  seen:     %s\n",
          run.violation().op, run.violation().invariant, run.violation().expected,
          run.violation().seen);
    }
    if (failure) {
      absl::PrintF(
          "\nfirst: %s, %s after call %d of op #%d\n  left:     %s\n  expected: %s\n  seen:     "
          "%s\n\n%s",
          failure->violation.invariant,
          failure->kind == CrashKind::kProcess ? "kill -9" : "power failure", failure->after,
          failure->op, failure->left, failure->violation.expected, failure->violation.seen, text);
      if (!options.save.empty()) {
        absl::PrintF("\nsaved as %s; ./resprobe replay %s\n", options.save, options.save);
      }
    }
  }
  if (options.output.json()) {
    Json json = {{"ops", c.ops.size()},
                 {"level", options.level},
                 {"points", counts.points},
                 {"while_loading", counts.starting},
                 {"different", counts.points - counts.starting - counts.same},
                 {"states", counts.states},
                 {"run", counts.run},
                 {"seconds", seconds},
                 {"recovered_all", counts.all},
                 {"recovered_prefix", counts.prefix},
                 {"refused", counts.refused},
                 {"excused", counts.torn},
                 {"failed", counts.failed}};
    if (failure) {
      json["failure"] = {{"invariant", failure->violation.invariant},
                         {"op", failure->op},
                         {"after", failure->after},
                         {"left", failure->left},
                         {"expected", failure->violation.expected},
                         {"seen", failure->violation.seen},
                         {"case", text}};
    }
    options.output.Write(json);
  }
  return good && !failure ? runner::kAllWell : runner::kFinding;
}

}  // namespace

Verb CrashPointsVerb() {
  const auto options = std::make_shared<CrashPointsOptions>();
  Verb verb("crash-points", "crash a case of durability at every call to the disk");
  verb.details =
      "Runs the case once. At each call to the simulated disk it is crashed, by kill -9 and by a "
      "power failure in every state that this may leave, up to the budget; a server starts on what "
      "is left, and what it recovers is judged by its policy. docs/durability.md says what the "
      "levels are.";
  verb.examples = {{"crash-points --seed 1", "a generated case"},
                   {"crash-points --seed 1 --level weak --budget 100000", "more states"}};
  verb.exit_codes = "0 all is recovered as promised, 1 not so, 2 wrong use.";
  verb.Argument("CASE", &options->file, "A case of durability, as a tape or .ops text")
      .Complete(Completion::kFile);
  verb.Number("--seed", "N", &options->seed, 0, INT64_MAX, "The case that this seed generates");
  verb.Choice("--level", {"prefix", "reordered", "weak"}, &options->level,
              "What a power failure may leave")
      .ShowDefault();
  verb.Number("--budget", "N", &options->budget, 1, INT64_MAX, "The most states of one crash point")
      .ShowDefault();
  verb.Text("--save", "FILE", &options->save, "Write the first failure to FILE, as .ops text")
      .Complete(Completion::kFile);
  AddOutputOptions(&verb, &options->output);
  verb.run = [=] { return RunCrashPoints(*options); };
  return verb;
}

}  // namespace resprobe::cli
