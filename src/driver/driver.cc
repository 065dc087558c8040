#include "driver/driver.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "driver/ablations.h"
#include "driver/afl_rerun.h"
#include "driver/afl_warmup.h"
#include "driver/build_facts.h"
#include "driver/crash_log.h"
#include "driver/isolate.h"
#include "driver/leak_checks.h"
#include "driver/progress.h"
#include "engine/ops_text.h"
#include "engine/quote.h"
#include "engine/rng.h"
#include "engine/run_context.h"
#include "engine/triage.h"

// libFuzzer's own byte mutator; absent under other engines.
extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size)
    __attribute__((weak));

// Freed memory is not reused soon: every freed block is poisoned and put into a quarantine. A small
// quarantine stays in the processor's cache: a tenth more executions, and constant memory use from
// the first minute. $ASAN_OPTIONS overrides this.
// NOLINTNEXTLINE(bugprone-reserved-identifier): that is its name.
extern "C" const char* __asan_default_options();
// NOLINTNEXTLINE(bugprone-reserved-identifier)
extern "C" const char* __asan_default_options() {
  return "quarantine_size_mb=16:malloc_context_size=8";
}

namespace resprobe::driver {
namespace {

constexpr int kDone = 0;
constexpr int kFails = 1;
constexpr int kUsage = 2;
// Larger than any engine's case, and small enough to read within a run's memory limit.
constexpr uintmax_t kLargestCase = 256 << 20;

// --- Files.

std::optional<std::string> ReadFile(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return std::nullopt;
  std::string content;
  char buffer[65536];
  while (std::feof(file) == 0 && std::ferror(file) == 0) {
    content.append(buffer, std::fread(buffer, 1, sizeof(buffer), file));
  }
  const bool failed = std::ferror(file) != 0;
  std::fclose(file);
  if (failed) return std::nullopt;
  return content;
}

bool WriteFile(const std::string& path, Bytes content) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) return false;
  const bool written = std::fwrite(content.data(), 1, content.size(), file) == content.size();
  return std::fclose(file) == 0 && written;
}

// --- State.

// Replaces mutation: returns the seeds of a folder in turn, each as often as the others, so that an
// engine measures the harness over its corpus ($RESPROBE_SEEDS_IN_TURN). Left to the engine, seeds
// that found much would run more often.
class SeedsInTurn {
 public:
  void Load(const char* folder) {
    if (folder == nullptr) return;
    std::set<std::filesystem::path> paths;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
      paths.insert(entry.path());
    }
    for (const std::filesystem::path& path : paths) {
      if (auto seed = ReadFile(path.string())) seeds_.push_back(*std::move(seed));
    }
  }
  bool empty() const { return seeds_.empty(); }
  size_t Next(std::span<uint8_t> out) {
    const std::string& seed = seeds_[next_++ % seeds_.size()];
    const size_t size = std::min(seed.size(), out.size());
    std::copy_n(seed.data(), size, out.data());
    return size;
  }

 private:
  std::vector<std::string> seeds_;
  size_t next_ = 0;
};

SeedsInTurn& Seeds() {
  static auto* const seeds = new SeedsInTurn();
  return *seeds;
}

RunContext& FuzzingRun() {
  static auto* const run = [] {
    auto* context = new RunContext();
    context->set_samples(true);
    return context;
  }();
  return *run;
}

void PrintViolation(Harness& harness, Bytes tape, const Violation& violation) {
  std::string text = "== resprobe: violation of " + violation.invariant + " in " +
                     std::string(harness.name()) + " at op #" + std::to_string(violation.op) +
                     "\n   expected: " + violation.expected + "\n   seen:     " + violation.seen +
                     "\n" + harness.Show(tape);
  if (text.back() != '\n') text += '\n';
  std::fwrite(text.data(), 1, text.size(), stderr);
  WriteCrashLog();
}

// --- Facts on stdout, one per line.

void Fact(std::string_view key, std::string_view value) {
  std::string line(key);
  line += ' ';
  AppendQuoted(&line, value);
  line += '\n';
  std::fwrite(line.data(), 1, line.size(), stdout);
}
void Fact(std::string_view key, uint64_t value) { Fact(key, std::to_string(value)); }

std::string Hex(uint64_t value) {
  char text[17];
  std::snprintf(text, sizeof(text), "%016llx", static_cast<unsigned long long>(value));
  return text;
}

int Usage(const std::string& what) {
  std::fprintf(stderr, "resprobe: %s\n", what.c_str());
  return kUsage;
}

// True if the file is `.ops` text: by its name or, since files get renamed and copied, by its first
// line, which no tape of ops begins with.
bool IsText(const Harness& harness, const std::string& path, std::string_view content) {
  if (path.ends_with(".ops")) return true;
  constexpr std::string_view kBegin = "ops ";
  if (!content.starts_with(kBegin)) return false;
  content.remove_prefix(kBegin.size());
  return harness.input_kind() == "ops" || content.starts_with(std::string(harness.name()) + "\n");
}

// Loads a case from a tape or from `.ops` text.
std::optional<Tape> LoadCase(Harness& harness, const std::string& path, std::string* error) {
  std::error_code unknown;
  if (const uintmax_t size = std::filesystem::file_size(path, unknown);
      !unknown && size > kLargestCase) {
    *error = path + ": " + std::to_string(size >> 20) + " MiB is more than a case may have (" +
             std::to_string(kLargestCase >> 20) + " MiB)";
    return std::nullopt;
  }
  const std::optional<std::string> content = ReadFile(path);
  if (!content) {
    *error = path + ": cannot be read: name an existing case";
    return std::nullopt;
  }
  if (!IsText(harness, path, *content)) return Tape(content->begin(), content->end());
  std::optional<Tape> tape = harness.Parse(*content, error);
  if (!tape) {
    // "line 3: what" -> "file:3: what"
    std::string_view what = *error;
    if (what.starts_with("line ")) what.remove_prefix(5);
    *error = path + ":" + std::string(what);
  }
  return tape;
}

// --- Verbs.

int Info(Harness& harness, std::string_view subject) {
  Fact("name", harness.name());
  Fact("summary", harness.summary());
  Fact("input", harness.input_kind());
  Fact("subject", subject);
  Fact("compiler", __VERSION__);
  Fact("flags", kBuildFlags);
  Fact("engine", kBuildEngine);
  for (const InvariantInfo& invariant : harness.invariants()) {
    std::string line = "invariant ";
    AppendQuoted(&line, invariant.name);
    line += ' ';
    AppendQuoted(&line, invariant.statement);
    line += '\n';
    std::fwrite(line.data(), 1, line.size(), stdout);
  }
  return kDone;
}

int Show(Harness& harness, std::span<char*> args) {
  for (const std::string path : args) {
    std::string error;
    const std::optional<Tape> tape = LoadCase(harness, path, &error);
    if (!tape) return Usage(error);
    std::string text = harness.Show(*tape);
    if (!text.empty() && text.back() != '\n') text += '\n';
    std::fwrite(text.data(), 1, text.size(), stdout);
  }
  return kDone;
}

int Run(Harness& harness, std::span<char*> args) {
  bool trace = false;
  bool twice = false;
  int code = kDone;
  for (const std::string arg : args) {
    if (arg == "--trace") {
      trace = true;
      continue;
    }
    if (arg == "--twice") {
      twice = true;
      continue;
    }
    std::string error;
    const std::optional<Tape> tape = LoadCase(harness, arg, &error);
    if (!tape) return Usage(error);
    Fact("file", arg);
    std::fflush(stdout);  // names the case in case it crashes
    RunContext run(trace ? Trace::Mode::kText : Trace::Mode::kHash);
    NoteCase(harness.name(), *tape);
    harness.Run(*tape, run);
    Fact("ops", harness.OpCount(*tape));
    Fact("hash", Hex(run.trace().hash()));
    if (twice) {
      const uint64_t first = run.trace().hash();
      RunContext again(Trace::Mode::kHash);
      harness.Run(*tape, again);
      Fact("hash2", Hex(again.trace().hash()));
      if (again.trace().hash() != first) code = kFails;
    }
    if (trace) Fact("trace", run.trace().text());
    if (run.violated()) {
      const Violation& violation = run.violation();
      Fact("invariant", violation.invariant);
      Fact("op", violation.op);
      Fact("expected", violation.expected);
      Fact("seen", violation.seen);
      code = kFails;
    }
    Fact("outcome", run.violated() ? "violation" : "ok");
  }
  return code;
}

int Generate(Harness& harness, std::span<char*> args) {
  if (args.empty() || args.size() % 2 != 0) {
    return Usage("generate takes pairs of a seed and an output file");
  }
  for (; !args.empty(); args = args.subspan(2)) {
    const std::string_view text = args[0];
    uint64_t seed = 0;
    const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), seed);
    if (status != std::errc() || end != text.data() + text.size()) {
      return Usage("seed '" + std::string(text) + "': give a whole number from 0 to 2^64-1");
    }
    if (!WriteFile(args[1], harness.Generate(seed))) {
      return Usage(std::string(args[1]) + ": cannot be written");
    }
  }
  return kDone;
}

int ParseText(Harness& harness, std::span<char*> args) {
  if (args.size() != 2) return Usage("parse takes an .ops file and an output file");
  std::string error;
  const std::optional<Tape> tape = LoadCase(harness, args[0], &error);
  if (!tape) return Usage(error);
  if (!WriteFile(args[1], *tape)) return Usage(std::string(args[1]) + ": cannot be written");
  return kDone;
}

// Runs a tape in a child process and returns how it fails; empty if it does not.
Signature Judge(Harness& harness, Bytes tape, const IsolateLimits& limits, std::string* report) {
  const IsolateResult result = Isolate(limits, [&] {
    RunContext run;
    NoteCase(harness.name(), tape);
    harness.Run(tape, run);
    if (!run.violated()) return kDone;
    PrintViolation(harness, tape, run.violation());
    return kFails;
  });
  if (report != nullptr) *report = result.report;
  if (result.timed_out) return {"timeout", "", {}};
  if (result.out_of_memory) return {"oom", "", {}};
  if (result.exit_code == kDone && !result.signalled) return {};
  Signature signature = ReadSignature(result.report);
  if (signature.empty()) signature = {"signal", "", {}};
  return signature;
}

// Runs a tape in this process and returns the invariant that it breaks; "" if none.
std::string BrokenInvariant(Harness& harness, Bytes tape) {
  static RunContext& run = *new RunContext();
  run.Reset();
  harness.Run(tape, run);
  return run.violated() ? run.violation().invariant : "";
}

int Shrink(Harness& harness, std::span<char*> args) {
  std::string in;
  std::string out;
  size_t max_candidates = 20000;
  IsolateLimits limits;
  for (size_t i = 0; i < args.size(); ++i) {
    const std::string arg = args[i];
    const bool has_value = i + 1 < args.size();
    if (arg == "--candidates" && has_value) {
      max_candidates = std::strtoull(args[++i], nullptr, 10);
    } else if (arg == "--timeout" && has_value) {
      limits.timeout_seconds = std::atoi(args[++i]);
    } else if (arg == "--rss" && has_value) {
      limits.rss_mb = std::strtoull(args[++i], nullptr, 10);
    } else if (in.empty()) {
      in = arg;
    } else {
      out = arg;
    }
  }
  if (out.empty()) return Usage("shrink takes an input and an output file");
  std::string error;
  const std::optional<Tape> tape = LoadCase(harness, in, &error);
  if (!tape) return Usage(error);

  const Signature signature = Judge(harness, *tape, limits, nullptr);
  if (signature.empty()) {
    Fact("signature", "");
    return kDone;
  }
  size_t candidates = 0;
  Tape smallest = *tape;
  bool done = false;
  // Each smaller case is written at once and atomically, for a caller who stops this early.
  const auto keep = [&](Bytes candidate, bool fails) {
    const std::string temp = out + ".tmp";
    if (fails && WriteFile(temp, candidate)) std::rename(temp.c_str(), out.c_str());
    return fails;
  };
  // Violations are judged thousands of times a second inside one child, in case a candidate
  // crashes. If one does, and for all other failures, each candidate runs in a child of its own.
  if (signature.kind == "violation") {
    IsolateLimits whole = limits;
    whole.timeout_seconds *= 20;
    const IsolateResult result = Isolate(whole, [&] {
      size_t tried = 0;
      const Tape found = harness.Shrink(
          *tape,
          [&](Bytes candidate) {
            ++tried;
            return keep(candidate, BrokenInvariant(harness, candidate) == signature.detail);
          },
          max_candidates);
      std::fprintf(stderr, "candidates %zu\n", tried);
      return WriteFile(out, found) ? kDone : kUsage;
    });
    if (result.exit_code == kDone && !result.signalled && !result.timed_out) {
      const std::optional<std::string> found = ReadFile(out);
      if (found) {
        smallest.assign(found->begin(), found->end());
        const size_t at = result.report.rfind("candidates ");
        if (at != std::string::npos) {
          candidates = std::strtoull(result.report.c_str() + at + 11, nullptr, 10);
        }
        done = true;
      }
    }
  }
  if (!done) {
    smallest = harness.Shrink(
        *tape,
        [&](Bytes candidate) {
          ++candidates;
          return keep(candidate, Judge(harness, candidate, limits, nullptr) == signature);
        },
        max_candidates);
  }
  // Finally verify that the written case fails in that way.
  std::string report;
  if (Judge(harness, smallest, limits, &report) != signature) smallest = *tape;
  if (!WriteFile(out, smallest)) return Usage(out + ": cannot be written");
  Fact("signature", signature.Text());
  Fact("candidates", candidates);
  Fact("ops-before", harness.OpCount(*tape));
  Fact("ops-after", harness.OpCount(smallest));
  Fact("bytes-before", tape->size());
  Fact("bytes-after", smallest.size());
  Fact("report", report);
  return kFails;
}

// Measures the speed of the harness alone: without an engine or the search for new coverage.
int Bench(Harness& harness, std::span<char*> args) {
  if (args.size() < 2) return Usage("bench takes a number of seconds and cases");
  const double seconds = std::strtod(args[0], nullptr);
  std::vector<Tape> tapes;
  uint64_t ops = 0;
  for (const std::string path : args.subspan(1)) {
    std::string error;
    std::optional<Tape> tape = LoadCase(harness, path, &error);
    if (!tape) return Usage(error);
    ops += harness.OpCount(*tape);
    tapes.push_back(std::move(*tape));
  }
  RunContext& run = FuzzingRun();
  uint64_t runs = 0;
  const auto start = std::chrono::steady_clock::now();
  std::chrono::steady_clock::duration elapsed{};
  do {
    for (const Tape& tape : tapes) {
      run.Reset();
      harness.Run(tape, run);
    }
    runs += tapes.size();
    elapsed = std::chrono::steady_clock::now() - start;
  } while (elapsed < std::chrono::duration<double>(seconds));
  Fact("cases", tapes.size());
  Fact("ops", ops);
  Fact("runs", runs);
  Fact("nanoseconds", static_cast<uint64_t>(
                          std::chrono::duration_cast<std::chrono::nanoseconds>(elapsed).count()));
  return kDone;
}

// The time of one run of each case. The fastest of a few runs is the least disturbed one.
int Cost(Harness& harness, std::span<char*> files) {
  constexpr int kRuns = 5;
  RunContext& run = FuzzingRun();
  for (const std::string path : files) {
    std::string error;
    const std::optional<Tape> tape = LoadCase(harness, path, &error);
    if (!tape) return Usage(error);
    auto fastest = std::chrono::steady_clock::duration::max();
    for (int i = 0; i < kRuns; ++i) {
      const auto start = std::chrono::steady_clock::now();
      run.Reset();
      harness.Run(*tape, run);
      fastest = std::min(fastest, std::chrono::steady_clock::now() - start);
    }
    Fact("nanoseconds", static_cast<uint64_t>(
                            std::chrono::duration_cast<std::chrono::nanoseconds>(fastest).count()));
  }
  return kDone;
}

// The baseline for an engine: runs one tape after another until one fails. `seeds`: generated
// tapes. `bytes`: uniformly random bytes of the same lengths.
int Random(Harness& harness, std::span<char*> args) {
  const std::string_view source = args.empty() ? "" : args[0];
  if (args.size() != 3 || (source != "seeds" && source != "bytes")) {
    return Usage("random takes 'seeds' or 'bytes', the first seed and a count");
  }
  const uint64_t first = std::strtoull(args[1], nullptr, 10);
  const uint64_t most = std::strtoull(args[2], nullptr, 10);
  RunContext& run = FuzzingRun();
  OpenProgress();
  uint64_t runs = 0;
  bool found = false;
  while (runs < most && !found) {
    const uint64_t seed = first + runs++;
    Tape tape = harness.Generate(seed);
    if (source == "bytes") {
      Rng rng(seed);
      for (uint8_t& byte : tape) byte = static_cast<uint8_t>(rng.Below(256));
    }
    CountExecution();
    run.Reset();
    harness.Run(tape, run);
    found = run.violated();
  }
  Fact("runs", runs);
  if (found) Fact("invariant", run.violation().invariant);
  return found ? kFails : kDone;
}

int Stream(Harness& harness, std::span<char*> args) {
  if (args.size() != 3) return Usage("stream takes a seed, a number of ops and an output file");
  RunContext& run = FuzzingRun();
  run.Reset();
  const uint64_t seed = std::strtoull(args[0], nullptr, 10);
  const Tape found = harness.RunStream(seed, std::strtoull(args[1], nullptr, 10), run);
  Fact("ops", static_cast<uint64_t>(run.op()));
  if (!run.violated()) return kDone;
  Fact("invariant", run.violation().invariant);
  if (!WriteFile(args[2], found)) return Usage(std::string(args[2]) + ": cannot be written");
  return kFails;
}

int Streamed(Harness& harness, std::span<char*> args) {
  if (args.size() != 3) return Usage("streamed takes a seed, a number of ops and an output file");
  const Tape tape =
      harness.StreamTape(std::strtoull(args[0], nullptr, 10), std::strtoull(args[1], nullptr, 10));
  if (!WriteFile(args[2], tape)) return Usage(std::string(args[2]) + ": cannot be written");
  return kDone;
}

int Answer(Harness& harness, std::string_view subject, std::span<char*> args) {
  const std::string_view verb = args.empty() ? "" : args[0];
  const std::span<char*> rest = args.empty() ? args : args.subspan(1);
  if (verb == "info") return Info(harness, subject);
  if (verb == "show") return Show(harness, rest);
  if (verb == "run") return Run(harness, rest);
  if (verb == "generate") return Generate(harness, rest);
  if (verb == "parse") return ParseText(harness, rest);
  if (verb == "shrink") return Shrink(harness, rest);
  if (verb == "bench") return Bench(harness, rest);
  if (verb == "cost") return Cost(harness, rest);
  if (verb == "random") return Random(harness, rest);
  if (verb == "stream") return Stream(harness, rest);
  if (verb == "streamed") return Streamed(harness, rest);
  return Usage(
      "no verb '" + std::string(verb) +
      "': use info, show, run, generate, parse, shrink, bench, cost, random, stream or streamed");
}

}  // namespace

int TestOneInput(Harness& harness, Bytes tape) {
  CountExecution();
  RunContext& run = FuzzingRun();
  static const bool under_afl = UnderAfl();
  run.Reset();
  NoteCase(harness.name(), tape);
  if (under_afl) {
    RunSteadily(harness, tape, run);
  } else {
    harness.Run(tape, run);
  }
  if (run.violated()) [[unlikely]] {
    const Violation violation = run.violation();
    constexpr int kNotForTheCorpus = -1;
    if (StepsOver(violation.invariant)) return kNotForTheCorpus;
    PrintViolation(harness, tape, violation);
    std::abort();
  }
  ForgetCoverage();
  CountCaseForLeaks();
  return 0;
}

int Initialize(Harness& harness, std::string_view subject, int* argc, char*** argv) {
  ReadAblations();
  const std::span<char*> words(*argv, static_cast<size_t>(*argc));
  if (words.size() < 2 || std::string_view(words[1]) != "--resprobe") {
    if (harness.keeps_memory() && std::string_view(kBuildEngine) == "libfuzzer") {
      LookForLeaksNowAndThen(argc, argv);
    }
    OpenProgress();
    Seeds().Load(std::getenv("RESPROBE_SEEDS_IN_TURN"));
    if (UnderAfl()) WarmUp(harness, FuzzingRun());
    return 0;
  }
  const int code = Answer(harness, subject, words.subspan(2));
  std::fflush(nullptr);
  std::_Exit(code);
}

size_t CustomMutator(Harness& harness, uint8_t* data, size_t size, size_t max_size, uint32_t seed) {
  if (!Seeds().empty()) return Seeds().Next({data, max_size});
  const ByteMutator mutate_bytes =
      LLVMFuzzerMutate != nullptr ? LLVMFuzzerMutate : PlainMutateBytes;
  if (without_op_mutator) return mutate_bytes(data, size, max_size);
  return harness.Mutate(data, size, max_size, seed, mutate_bytes);
}

size_t CustomCrossOver(Harness& harness, Bytes a, Bytes b, uint8_t* out, size_t max_size,
                       uint32_t seed) {
  // The engine then mutates instead, with its own crossover.
  if (without_op_mutator) return 0;
  return harness.CrossOver(a, b, out, max_size, seed);
}

}  // namespace resprobe::driver
