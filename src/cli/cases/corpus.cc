// corpus check and corpus merge: every seed in the repository works and is needed.

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <set>
#include <sstream>

#include "cli/cases/needed_tapes.h"
#include "cli/cases/seed_selection.h"
#include "cli/fuzz/fuzz_job.h"
#include "cli/fuzz/pair_coverage.h"
#include "cli/output_options.h"
#include "cli/verbs.h"
#include "runner/harness_process.h"
#include "runner/json.h"
#include "runner/output.h"
#include "runner/project.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

constexpr int kGeneratedCases = 2000;

// A seed of the repository, as a tape.
struct Seed {
  fs::path file;
  std::string tape;
};

std::vector<Seed> LoadSeeds(const runner::HarnessEntry& harness, const fs::path& folder) {
  runner::TempFolder temp;
  std::vector<Seed> seeds;
  for (const fs::path& file : runner::FilesIn(folder)) {
    if (file.extension() == ".ops") {
      const fs::path tape = temp.path() / "tape";
      ParseOps(harness, file, tape);
      seeds.push_back({file, runner::ReadFile(tape)});
    } else {
      seeds.push_back({file, runner::ReadFile(file)});
    }
  }
  return seeds;
}

// --- Choosing seeds.

// The features of each file of `folder`, by name, from the control file of a set-cover merge ("FT"
// and a file's number, then all features that the file reaches).
std::map<std::string, std::vector<uint64_t>> FeaturesOf(const runner::HarnessEntry& harness,
                                                        const fs::path& folder) {
  runner::TempFolder temp;
  const fs::path control = temp.path() / "control";
  RunMerge(harness, {folder}, temp.path() / "merged", control, true);
  std::istringstream lines(runner::ReadFile(control));
  size_t files = 0;
  size_t ignored;
  std::string line;
  std::getline(lines, line);
  std::istringstream(line) >> files;
  std::getline(lines, line);
  std::istringstream(line) >> ignored;
  std::vector<std::string> names(files);
  for (std::string& name : names) {
    std::getline(lines, line);
    name = fs::path(line).filename().string();
  }
  std::map<std::string, std::vector<uint64_t>> features;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string key;
    size_t file = 0;
    if (!(words >> key >> file) || key != "FT" || file >= files) continue;
    std::vector<uint64_t>& of_file = features[names[file]];
    for (uint64_t feature; words >> feature;) of_file.push_back(feature);
  }
  return features;
}

// A subset of the tapes with the same coverage and the same pairs.
std::map<std::string, std::string> Select(const runner::HarnessEntry& harness,
                                          const std::map<std::string, std::string>& tapes) {
  runner::TempFolder temp;
  WriteTapes(temp.path() / "all", tapes);
  std::map<std::string, std::vector<uint64_t>> features = FeaturesOf(harness, temp.path() / "all");
  const std::map<std::string, Pairs> met = PairsOf(harness, tapes);
  // Above all of libFuzzer's feature numbers.
  constexpr uint64_t kFirstPair = uint64_t{1} << 40;
  std::map<Pairs::value_type, uint64_t> numbers;
  for (const auto& [sha1, pairs] : met) {
    for (const auto& pair : pairs) {
      features[sha1].push_back(kFirstPair + numbers.emplace(pair, numbers.size()).first->second);
    }
  }
  std::vector<std::string> names;
  std::vector<SeedCandidate> candidates;
  MeasureCosts(harness, runner::FilesIn(temp.path() / "all"),
               [&](const fs::path& file, uint64_t cost) {
                 names.push_back(file.filename().string());
                 candidates.push_back({cost, std::move(features[names.back()])});
               });
  std::map<std::string, std::string> kept;
  for (const size_t i : SelectSeeds(candidates)) kept[names[i]] = tapes.at(names[i]);
  return kept;
}

// A small, cheap subset of the tapes with the same coverage and the same pairs. Repeats the
// selection until it is stable: some features of a run depend on earlier runs in the process, so a
// selection from fewer tapes can find another one redundant.
std::map<std::string, std::string> FewestForTheirCost(const runner::HarnessEntry& harness,
                                                      std::map<std::string, std::string> tapes) {
  for (;;) {
    std::map<std::string, std::string> kept = Select(harness, tapes);
    if (kept.size() == tapes.size()) return kept;
    tapes = std::move(kept);
  }
}

// --- Dictionaries.

struct Token {
  int line;
  std::string bytes;
};

// The syntax that libFuzzer and AFL++ share: NAME="VALUE" or "VALUE"; \\ \" \xHH; # comments.
// Throws UserError with file and line.
std::vector<Token> ReadDictionary(const fs::path& path) {
  std::vector<Token> tokens;
  std::set<std::string> seen;
  std::istringstream lines(runner::ReadFile(path));
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    const auto fail = [&](const std::string& what) {
      throw runner::UserError(path.string() + ":" + std::to_string(number) + ": " + what);
    };
    const size_t begin = line.find_first_not_of(" \t");
    if (begin == std::string::npos || line[begin] == '#') continue;
    const size_t open = line.find('"', begin);
    const size_t close = line.find_last_not_of(" \t");
    if (open == std::string::npos || close <= open || line[close] != '"') {
      fail("not an entry: write name=\"value\"");
    }
    if (open > begin) {
      const std::string name = line.substr(begin, open - begin);
      if (!name.ends_with('=') || name.size() == 1 ||
          name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
                                 "=") != name.npos) {
        fail("'" + name + "' is not a name: use letters, digits and _, then =");
      }
    }
    std::string bytes;
    for (size_t i = open + 1; i < close; ++i) {
      const auto c = static_cast<unsigned char>(line[i]);
      if (c < 0x20 || c >= 0x7F) fail("a byte that is not printable ASCII: write \\xHH");
      if (c == '"') fail("a quote inside the value: write \\\"");
      if (c != '\\') {
        bytes += line[i];
      } else if (i + 1 < close && (line[i + 1] == '\\' || line[i + 1] == '"')) {
        bytes += line[++i];
      } else if (i + 3 < close && line[i + 1] == 'x' && isxdigit(line[i + 2]) != 0 &&
                 isxdigit(line[i + 3]) != 0) {
        bytes += static_cast<char>(std::stoi(line.substr(i + 2, 2), nullptr, 16));
        i += 3;
      } else {
        fail("an unknown escape: use \\\\, \\\" or \\xHH");
      }
    }
    if (bytes.empty()) fail("an empty value");
    if (!seen.insert(bytes).second) fail("the value occurs twice: delete one");
    tokens.push_back({number, bytes});
  }
  return tokens;
}

// The tokens that occur neither in a seed nor in a generated case: they are not part of the
// language, or no seed shows their use.
std::vector<Token> StrangeTokens(const runner::HarnessEntry& harness,
                                 const std::vector<Seed>& seeds, std::vector<Token> tokens) {
  const auto forget = [&](const std::string& tape) {
    std::erase_if(tokens,
                  [&](const Token& token) { return tape.find(token.bytes) != std::string::npos; });
  };
  for (const Seed& seed : seeds) forget(seed.tape);
  if (tokens.empty()) return tokens;
  runner::TempFolder temp;
  for (const fs::path& file : GenerateMany(harness, 1, kGeneratedCases, temp.path())) {
    const std::string tape = runner::ReadFile(file);
    forget(tape);
    if (tokens.empty()) break;
  }
  return tokens;
}

// --- The verbs.

struct Check {
  size_t seeds = 0;
  size_t tokens = 0;
  std::vector<std::string> problems;
};

Check CheckHarness(const runner::Project& project, const runner::HarnessEntry& harness) {
  Check check;
  const fs::path folder = project.CorpusOf(harness);
  const std::vector<Seed> seeds = LoadSeeds(harness, folder);
  check.seeds = seeds.size();
  if (seeds.empty()) {
    check.problems.push_back(project.Shown(folder) + ": holds no seed");
    return check;
  }
  std::vector<fs::path> files;
  files.reserve(seeds.size());
  for (const Seed& seed : seeds) files.push_back(seed.file);
  runner::RunOptions options;
  options.twice = true;
  RunCases(harness, files, options, [&](const runner::CaseResult& result) {
    if (!result.failed()) return;
    check.problems.push_back(project.Shown(result.file) + ": " + result.outcome + " " +
                             result.signature);
  });
  if (check.problems.empty()) {
    std::map<std::string, std::string> tapes;
    for (const Seed& seed : seeds) {
      const auto [at, is_new] = tapes.emplace(runner::Sha1(seed.tape), seed.tape);
      if (!is_new) {
        check.problems.push_back(project.Shown(seed.file) + ": another seed is the same");
      }
    }
    const std::set<std::string> not_needed = NotNeeded(harness, tapes);
    for (const Seed& seed : seeds) {
      if (not_needed.contains(runner::Sha1(seed.tape))) {
        check.problems.push_back(project.Shown(seed.file) +
                                 ": adds no coverage and no pair to the smaller seeds");
      }
    }
  }
  if (const auto dictionary = project.DictionaryOf(harness)) {
    const std::vector<Token> tokens = ReadDictionary(*dictionary);
    check.tokens = tokens.size();
    for (const Token& token : StrangeTokens(harness, seeds, tokens)) {
      check.problems.push_back(project.Shown(*dictionary) + ":" + std::to_string(token.line) +
                               ": the token occurs in no seed and in none of " +
                               std::to_string(kGeneratedCases) + " generated cases");
    }
  } else {
    check.problems.push_back("dictionaries/" + harness.corpus + ".dict: is missing");
  }
  return check;
}

int RunCheck(const std::vector<std::string>& names, const runner::OutputOptions& output) {
  output.Check();
  const runner::Project project = runner::OpenProject();
  Json json = {{"harnesses", Json::array()}};
  bool well = true;
  for (const runner::HarnessEntry& harness : project.Select(names)) {
    // A variant shares the corpus of its harness, which is checked under that harness.
    if (names.empty() && harness.corpus != harness.name) continue;
    if (harness.binary.empty()) {
      if (output.text_on_stdout()) {
        std::printf("%s: skipped: %s\n", harness.name.c_str(), WhyNotBuilt(harness).c_str());
      }
      json["harnesses"].push_back({{"name", harness.name}, {"skipped", true}});
      continue;
    }
    const Check check = CheckHarness(project, harness);
    well &= check.problems.empty();
    Json problems = Json::array();
    for (const std::string& problem : check.problems) problems.push_back(runner::JsonText(problem));
    json["harnesses"].push_back({{"name", harness.name},
                                 {"seeds", check.seeds},
                                 {"tokens", check.tokens},
                                 {"problems", problems}});
    if (!output.text_on_stdout()) continue;
    std::printf("%s: %zu seeds, %zu dictionary tokens: %s\n", harness.name.c_str(), check.seeds,
                check.tokens,
                check.problems.empty()
                    ? "all well"
                    : (std::to_string(check.problems.size()) + " problems").c_str());
    for (const std::string& problem : check.problems) std::printf("  %s\n", problem.c_str());
    std::fflush(stdout);
  }
  if (output.report()) output.Write(json);
  return well ? runner::kAllWell : runner::kFinding;
}

int MergeIntoCorpus(const std::string& name, const std::vector<std::string>& folders) {
  const runner::Project project = runner::OpenProject();
  const runner::HarnessEntry& harness = project.Find(name);
  const fs::path corpus = project.CorpusOf(harness);
  runner::MakeFolder(corpus);
  const std::vector<Seed> seeds = LoadSeeds(harness, corpus);
  std::map<std::string, std::string> tapes;
  for (const Seed& seed : seeds) tapes[runner::Sha1(seed.tape)] = seed.tape;
  std::vector<fs::path> sources = {project.WorkCorpusOf(harness)};
  for (const std::string& folder : folders) {
    std::error_code error;
    if (!fs::is_directory(folder, error)) {
      throw runner::UserError(folder + ": is not a folder: name folders with cases");
    }
    sources.emplace_back(folder);
  }
  size_t offered = 0;
  for (const fs::path& folder : sources) {
    for (const Seed& seed : LoadSeeds(harness, folder)) {
      tapes[runner::Sha1(seed.tape)] = seed.tape;
      ++offered;
    }
  }
  const std::map<std::string, std::string> kept = FewestForTheirCost(harness, tapes);
  // Add new files first: an interruption may then leave too many files, but never too few. A kept
  // seed keeps its name, and stays text if it is text.
  std::set<std::string> there;
  for (const Seed& seed : seeds) there.insert(runner::Sha1(seed.tape));
  size_t added = 0;
  for (const auto& [sha1, tape] : kept) {
    if (there.contains(sha1)) continue;
    runner::WriteFile(corpus / sha1, tape);
    ++added;
  }
  size_t removed = 0;
  std::set<std::string> named;
  for (const Seed& seed : seeds) {
    const std::string sha1 = runner::Sha1(seed.tape);
    if (kept.contains(sha1) && named.insert(sha1).second) continue;
    std::error_code error;
    fs::remove(seed.file, error);
    ++removed;
  }
  std::printf("%s: %zu seeds and %zu offered -> %zu seeds: %zu added, %zu removed as not needed\n",
              project.Shown(corpus).c_str(), seeds.size(), offered, kept.size(), added, removed);
  return runner::kAllWell;
}

}  // namespace

Verb CorpusVerb() {
  Verb verb("corpus", "check or merge the seed corpora");

  struct CheckOptions {
    std::vector<std::string> names;
    runner::OutputOptions output;
  };
  const auto checked = std::make_shared<CheckOptions>();
  Verb& check =
      verb.verbs.emplace_back("check", "check that every seed and dictionary token is useful");
  check.details =
      "Every seed parses, replays, twice with the same trace, and adds coverage to the smaller "
      "ones, or a pair (list --matrix); every dictionary token occurs in a seed or in one of 2000 "
      "generated cases.";
  check.examples = {{"corpus check", "checks all"},
                    {"corpus check resp_parser", "checks the corpus of one harness"}};
  check.exit_codes = "0 all well, 1 a problem (each is named), 2 wrong use.";
  check.Arguments("HARNESS", &checked->names, "Harnesses; default: all")
      .Complete(Completion::kHarness);
  AddOutputOptions(&check, &checked->output);
  check.run = [=] { return RunCheck(checked->names, checked->output); };

  struct MergeOptions {
    std::string name;
    std::vector<std::string> folders;
  };
  const auto merged = std::make_shared<MergeOptions>();
  Verb& merge = verb.verbs.emplace_back("merge", "copy what fuzzing found into the repository");
  merge.details =
      "Merges work/corpus/HARNESS and the folders DIR into corpus/HARNESS, and leaves few and "
      "cheap seeds that together cover what all of them cover, and have met the same pairs (list "
      "--matrix). The cost of a seed is the time of its run. New ones are named by their content.";
  merge.examples = {
      {"corpus merge resp_parser", "merges what `fuzz resp_parser` learnt"},
      {"corpus merge command_handler recorded/command_handler", "merges a recording as well"}};
  merge.exit_codes = "0 merged, 2 wrong use.";
  merge.Argument("HARNESS", &merged->name, "The harness").Required().Complete(Completion::kHarness);
  merge.Arguments("DIR", &merged->folders, "More folders with cases").Complete(Completion::kFolder);
  merge.run = [=] { return MergeIntoCorpus(merged->name, merged->folders); };
  return verb;
}

}  // namespace resprobe::cli
