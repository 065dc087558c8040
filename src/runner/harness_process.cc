#include "runner/harness_process.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "engine/quote.h"
#include "runner/user_error.h"

namespace resprobe::runner {
namespace {

// The system limits the memory of arguments; this stays far below the limit.
constexpr size_t kCasesAtOnce = 500;

uint64_t Number(const std::string& text) { return std::strtoull(text.c_str(), nullptr, 10); }

std::string LastLine(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  const size_t at = text.rfind('\n');
  return std::string(at == std::string_view::npos ? text : text.substr(at + 1));
}

// The binary's own message about wrong use.
[[noreturn]] void ThrowItsError(const HarnessEntry& harness, const RunResult& result) {
  std::string line = LastLine(result.err);
  const std::string own = "resprobe: ";
  if (line.starts_with(own)) line.erase(0, own.size());
  if (line.empty()) {
    line = harness.binary.string() + ": ended with " +
           (result.signal != 0 ? "signal " + std::to_string(result.signal)
                               : "code " + std::to_string(result.exit_code)) +
           ": build it again";
  }
  throw UserError(line);
}

bool SaysWrongUse(const RunResult& result) {
  return result.exit_code == kWrongUse && LastLine(result.err).starts_with("resprobe: ");
}

bool OnPath(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (access((folder + "/" + program).c_str(), X_OK) == 0) return true;
  }
  return false;
}

std::string WithOptions(const char* variable, const std::string& own) {
  const char* value = std::getenv(variable);
  return value == nullptr || *value == '\0' ? own : own + ":" + value;
}

// Parses what a child reported about its cases; `finished` is false if the last one crashed it.
std::vector<CaseResult> ReadResults(std::string_view output, bool* finished) {
  std::vector<CaseResult> results;
  for (const Fact& fact : ReadFacts(output)) {
    if (fact.key == "file") {
      results.emplace_back();
      results.back().file = fact.value();
    }
    if (results.empty()) continue;
    CaseResult& result = results.back();
    if (fact.key == "ops") result.ops = Number(fact.value());
    if (fact.key == "hash") result.hash = fact.value();
    if (fact.key == "hash2") result.hash2 = fact.value();
    if (fact.key == "trace") result.trace = fact.value();
    if (fact.key == "invariant") result.invariant = fact.value();
    if (fact.key == "op") result.op = Number(fact.value());
    if (fact.key == "expected") result.expected = fact.value();
    if (fact.key == "seen") result.seen = fact.value();
    if (fact.key == "outcome") result.outcome = fact.value();
  }
  *finished = results.empty() || !results.back().outcome.empty();
  for (CaseResult& result : results) {
    if (result.outcome == "violation") result.signature = "violation:" + result.invariant;
    if (result.outcome == "ok" && !result.hash2.empty() && result.hash2 != result.hash) {
      result.outcome = "not deterministic";
      result.signature = "not-deterministic";
    }
  }
  return results;
}

}  // namespace

const std::string& Fact::value() const {
  static const auto* const none = new std::string();
  return words.empty() ? *none : words.front();
}

std::vector<Fact> ReadFacts(std::string_view output) {
  std::vector<Fact> facts;
  while (!output.empty()) {
    const size_t end = output.find('\n');
    if (end == std::string_view::npos) break;  // cut off by a crash
    std::string_view line = output.substr(0, end);
    output.remove_prefix(end + 1);
    Fact fact;
    const size_t blank = line.find(' ');
    fact.key = line.substr(0, blank);
    if (blank != std::string_view::npos) {
      line.remove_prefix(blank);
      std::string word;
      std::string error;
      bool quoted = false;
      while (TakeWord(&line, &word, &quoted, &error)) fact.words.push_back(word);
    }
    facts.push_back(std::move(fact));
  }
  return facts;
}

std::vector<std::pair<std::string, std::string>> SanitizerEnvironment(bool symbolize) {
  const std::string symbols = symbolize ? "symbolize=1" : "symbolize=0";
  std::vector<std::pair<std::string, std::string>> environment = {
      {"ASAN_OPTIONS", WithOptions("ASAN_OPTIONS", symbols)},
      {"UBSAN_OPTIONS", WithOptions("UBSAN_OPTIONS", symbols + ":print_stacktrace=1")},
  };
  if (symbolize && std::getenv("ASAN_SYMBOLIZER_PATH") == nullptr) {
    for (const char* name : {"llvm-symbolizer-19", "llvm-symbolizer"}) {
      if (!OnPath(name)) continue;
      std::istringstream folders(std::getenv("PATH"));
      for (std::string folder; std::getline(folders, folder, ':');) {
        const std::string path = folder + "/" + name;
        if (access(path.c_str(), X_OK) != 0) continue;
        environment.emplace_back("ASAN_SYMBOLIZER_PATH", path);
        return environment;
      }
    }
  }
  return environment;
}

Command Ask(const HarnessEntry& harness, const std::vector<std::string>& words, bool symbolize) {
  Command command;
  command.argv = {harness.binary, "--resprobe"};
  command.argv.insert(command.argv.end(), words.begin(), words.end());
  command.environment = SanitizerEnvironment(symbolize);
  // Print a stack for a failed assertion too. (Under an engine, the engine prints it.)
  for (auto& [name, value] : command.environment) {
    if (name == "ASAN_OPTIONS") value += ":handle_abort=1";
  }
  command.environment.insert(command.environment.end(), harness.environment.begin(),
                             harness.environment.end());
  return command;
}

std::string HarnessInfo::StatementOf(const std::string& invariant) const {
  const auto at = std::find_if(invariants.begin(), invariants.end(),
                               [&](const auto& one) { return one.first == invariant; });
  return at == invariants.end() ? "" : at->second;
}

HarnessInfo AskInfo(const HarnessEntry& harness) {
  const RunResult result = RunToEnd(Ask(harness, {"info"}, false), {.timeout_seconds = 60});
  if (result.exit_code != 0) ThrowItsError(harness, result);
  HarnessInfo info;
  for (const Fact& fact : ReadFacts(result.out)) {
    if (fact.key == "name") info.name = fact.value();
    if (fact.key == "summary") info.summary = fact.value();
    if (fact.key == "input") info.input = fact.value();
    if (fact.key == "subject") info.subject = fact.value();
    if (fact.key == "compiler") info.compiler = fact.value();
    if (fact.key == "flags") info.flags = fact.value();
    if (fact.key == "engine") info.engine = fact.value();
    if (fact.key == "invariant" && fact.words.size() == 2) {
      info.invariants.emplace_back(fact.words[0], fact.words[1]);
    }
  }
  return info;
}

Signature SignatureOf(const RunResult& result) {
  if (result.timed_out) return {"timeout", "", {}};
  if (result.out_of_memory) return {"oom", "", {}};
  Signature signature = ReadSignature(result.err);
  if (signature.empty()) signature = {"signal", "", {}};
  return signature;
}

void RunCases(const HarnessEntry& harness, const std::vector<fs::path>& cases,
              const RunOptions& options, const std::function<void(CaseResult)>& take) {
  size_t next = 0;
  while (next < cases.size()) {
    std::vector<std::string> words = {"run"};
    if (options.trace) words.emplace_back("--trace");
    if (options.twice) words.emplace_back("--twice");
    const size_t count = std::min(kCasesAtOnce, cases.size() - next);
    for (size_t i = 0; i < count; ++i) {
      // Prevent a file name from being parsed as an option.
      const std::string name = cases[next + i];
      words.push_back(name.starts_with('-') ? "./" + name : name);
    }
    const RunResult ran = RunToEnd(Ask(harness, words, true), options.limits);
    bool finished = true;
    std::vector<CaseResult> results = ReadResults(ran.out, &finished);
    if (!finished) {
      CaseResult& crashed = results.back();
      crashed.outcome = "crash";
      crashed.signature = SignatureOf(ran).Text();
      crashed.stack = ReadStack(ran.err);
      crashed.report = ran.err;
    }
    for (size_t i = 0; i < results.size(); ++i) {
      results[i].file = cases[next + i];
      take(std::move(results[i]));
    }
    next += results.size();
    if (SaysWrongUse(ran)) ThrowItsError(harness, ran);
    // A leak is detected when the process exits; run the cases one by one to find the one that
    // leaks.
    if (finished && ran.exit_code != kAllWell && ran.exit_code != kFinding) {
      ThrowItsError(harness, ran);
    }
    if (results.empty()) ThrowItsError(harness, ran);
  }
}

std::string ShowCase(const HarnessEntry& harness, const fs::path& file) {
  RunResult result = RunToEnd(Ask(harness, {"show", file}, true), {.timeout_seconds = 60});
  if (result.exit_code == 0) return std::move(result.out);
  if (SaysWrongUse(result)) ThrowItsError(harness, result);
  // The subject renders raw bytes, and may crash while it does.
  const std::string bytes = ReadFile(file);
  std::string text = "the subject crashes while it shows the case (" + SignatureOf(result).Text() +
                     "); its bytes:\n";
  AppendQuoted(&text, bytes);
  return text + "\n";
}

void ParseOps(const HarnessEntry& harness, const fs::path& text, const fs::path& tape) {
  const RunResult result =
      RunToEnd(Ask(harness, {"parse", text, tape}, true), {.timeout_seconds = 60});
  if (result.exit_code != 0) ThrowItsError(harness, result);
}

void Generate(const HarnessEntry& harness, const std::string& seed, const fs::path& tape) {
  const RunResult result =
      RunToEnd(Ask(harness, {"generate", seed, tape}, true), {.timeout_seconds = 60});
  if (result.exit_code != 0) ThrowItsError(harness, result);
}

Streamed RunStream(const HarnessEntry& harness, uint64_t seed, uint64_t ops, const fs::path& tape,
                   const Limits& limits) {
  const std::string number = std::to_string(seed);
  const std::string count = std::to_string(ops);
  const RunResult result = RunToEnd(Ask(harness, {"stream", number, count, tape}, false), limits);
  Streamed streamed;
  for (const Fact& fact : ReadFacts(result.out)) {
    if (fact.key == "ops") streamed.ops = Number(fact.value());
    if (fact.key == "invariant") streamed.invariant = fact.value();
  }
  constexpr int kFails = 1;
  constexpr int kWrong = 2;
  if (result.exit_code == kWrong) ThrowItsError(harness, result);
  streamed.failed = result.exit_code != 0;
  const bool violated = result.exit_code == kFails && !streamed.invariant.empty();
  std::error_code error;
  if (streamed.failed && (!violated || fs::file_size(tape, error) == 0)) {
    const RunResult written =
        RunToEnd(Ask(harness, {"streamed", number, count, tape}, false), {.timeout_seconds = 60});
    if (written.exit_code != 0) ThrowItsError(harness, written);
  }
  return streamed;
}

std::vector<fs::path> GenerateMany(const HarnessEntry& harness, uint64_t first, size_t count,
                                   const fs::path& folder) {
  std::vector<std::string> words = {"generate"};
  std::vector<fs::path> tapes;
  for (size_t i = 0; i < count; ++i) {
    words.push_back(std::to_string(first + i));
    tapes.push_back(folder / words.back());
    words.push_back(tapes.back());
  }
  const RunResult result = RunToEnd(Ask(harness, words, true), {.timeout_seconds = 120});
  if (result.exit_code != 0) ThrowItsError(harness, result);
  return tapes;
}

void MeasureCosts(const HarnessEntry& harness, const std::vector<fs::path>& cases,
                  const std::function<void(const fs::path&, uint64_t)>& take) {
  for (size_t first = 0; first < cases.size(); first += kCasesAtOnce) {
    const size_t end = std::min(first + kCasesAtOnce, cases.size());
    std::vector<std::string> words = {"cost"};
    for (size_t i = first; i < end; ++i) words.push_back(cases[i]);
    const RunResult result = RunToEnd(Ask(harness, words, false));
    if (result.exit_code != 0) ThrowItsError(harness, result);
    size_t i = first;
    for (const Fact& fact : ReadFacts(result.out)) {
      if (fact.key == "nanoseconds" && i < end) take(cases[i++], Number(fact.value()));
    }
    if (i < end) {
      throw UserError(harness.binary.string() + ": does not say what cases cost: build it again");
    }
  }
}

Shrunk Shrink(const HarnessEntry& harness, const fs::path& in, const fs::path& out,
              size_t candidates, int timeout_seconds, size_t rss_mb,
              const std::function<bool()>& stop) {
  const RunResult result =
      RunToEnd(Ask(harness,
                   {"shrink", in, out, "--candidates", std::to_string(candidates), "--timeout",
                    std::to_string(timeout_seconds), "--rss", std::to_string(rss_mb)},
                   false),
               {.stop = stop});
  if (result.stopped) return {};
  if (SaysWrongUse(result) || result.signal != 0) ThrowItsError(harness, result);
  Shrunk shrunk;
  for (const Fact& fact : ReadFacts(result.out)) {
    if (fact.key == "signature") shrunk.signature = fact.value();
    if (fact.key == "candidates") shrunk.candidates = Number(fact.value());
    if (fact.key == "ops-before") shrunk.ops_before = Number(fact.value());
    if (fact.key == "ops-after") shrunk.ops_after = Number(fact.value());
    if (fact.key == "bytes-before") shrunk.bytes_before = Number(fact.value());
    if (fact.key == "bytes-after") shrunk.bytes_after = Number(fact.value());
  }
  return shrunk;
}

}  // namespace resprobe::runner
