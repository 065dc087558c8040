#include "cli/seeds/seed_bank.h"

#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "cli/command_line/parse.h"
#include "cli/verbs.h"
#include "live/server/target.h"
#include "runner/text.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

constexpr std::string_view kEnd = " -- ";

// Options that choose seeds, or say how long and where to: an entry of the bank does not keep them.
constexpr std::string_view kNotKept[] = {"--seed",   "--seeds",  "--time",  "--requests",
                                         "--format", "--output", "--shrink"};
constexpr std::string_view kNotKeptFlags[] = {"--stop-on-failure"};

BankedSeed ReadLine(const std::string& line, const std::string& where) {
  BankedSeed seed;
  const auto fail = [&](const std::string& what) {
    throw runner::UserError(where + ": " + what +
                            ": write SEED VERB DESCRIPTION, or SEED VERB --OPTION… -- DESCRIPTION");
  };
  const char* const end = line.data() + line.size();
  const auto [at, code] = std::from_chars(line.data(), end, seed.seed);
  if (code != std::errc() || at == end || *at != ' ') fail("it does not begin with a seed");
  std::string rest = line.substr(static_cast<size_t>(at - line.data()));
  rest.erase(0, rest.find_first_not_of(' '));
  seed.verb = rest.substr(0, rest.find(' '));
  if (seed.verb.empty()) fail("there is no verb after the seed");
  rest.erase(0, seed.verb.size());
  rest.erase(0, rest.find_first_not_of(' '));
  if (!rest.starts_with("--")) {
    seed.description = rest;
    return seed;
  }
  const size_t options_end = std::min((rest + " ").find(kEnd), rest.size());
  std::string error;
  const auto words = live::WordsOfCommand(rest.substr(0, options_end), &error);
  if (!words) fail(error);
  seed.options = *words;
  if (options_end < rest.size()) {
    seed.description = rest.substr(std::min(rest.size(), options_end + kEnd.size()));
  }
  return seed;
}

const Verb* FindVerb(const Verb& root, const std::string& name) {
  for (const Verb& verb : root.verbs) {
    if (verb.name == name) return &verb;
  }
  return nullptr;
}

bool HasOption(const Verb& verb, std::string_view name) {
  return std::ranges::any_of(verb.options,
                             [&](const Option& option) { return option.name == name; });
}

}  // namespace

std::vector<std::string> BankedSeed::Arguments() const {
  std::vector<std::string> words = {verb, "--seed", std::to_string(seed), "--seeds", "1"};
  words.insert(words.end(), options.begin(), options.end());
  return words;
}

SeedBank::SeedBank(fs::path file) : file_(std::move(file)) {
  std::error_code error;
  if (!fs::exists(file_, error)) return;
  lines_ = absl::StrSplit(runner::ReadFile(file_), '\n');
  if (!lines_.empty() && lines_.back().empty()) lines_.pop_back();
  for (size_t i = 0; i < lines_.size(); ++i) {
    const std::string& line = lines_[i];
    if (line.find_first_not_of(' ') == line.npos || line.starts_with('#')) continue;
    seeds_.push_back(ReadLine(line, file_.string() + ":" + std::to_string(i + 1)));
    line_of_.push_back(i);
  }
}

std::string SeedBank::LineOf(const BankedSeed& seed) {
  std::string line = std::to_string(seed.seed) + " " + seed.verb;
  for (const std::string& word : seed.options) line += " " + runner::ShellWord(word);
  if (!seed.options.empty()) line += " --";
  return seed.description.empty() ? line : line + " " + seed.description;
}

void SeedBank::Add(const BankedSeed& seed) {
  for (const BankedSeed& other : seeds_) {
    if (other.SameRun(seed)) {
      throw runner::UserError(file_.string() + ": has " + absl::StrJoin(seed.Arguments(), " ") +
                              " already");
    }
  }
  if (lines_.empty()) {
    lines_.emplace_back("# Seeds that failed once: ./resprobe seeds --help says what a line is.");
  }
  line_of_.push_back(lines_.size());
  lines_.push_back(LineOf(seed));
  seeds_.push_back(seed);
}

size_t SeedBank::Remove(uint64_t seed, const std::string& verb) {
  std::vector<size_t> gone;
  for (size_t i = 0; i < seeds_.size(); ++i) {
    if (seeds_[i].seed == seed && (verb.empty() || seeds_[i].verb == verb)) gone.push_back(i);
  }
  for (auto i = gone.rbegin(); i != gone.rend(); ++i) {
    const size_t line = line_of_[*i];
    lines_.erase(lines_.begin() + static_cast<std::ptrdiff_t>(line));
    seeds_.erase(seeds_.begin() + static_cast<std::ptrdiff_t>(*i));
    line_of_.erase(line_of_.begin() + static_cast<std::ptrdiff_t>(*i));
    for (size_t& other : line_of_) other -= other > line ? 1 : 0;
  }
  return gone.size();
}

void SeedBank::Save() const { runner::WriteFile(file_, absl::StrJoin(lines_, "\n") + "\n"); }

BankedSeed SeedOf(const findings::Failure& failure) {
  BankedSeed seed;
  const std::vector<std::string>& words = failure.arguments;
  if (words.empty()) {
    throw runner::UserError(
        "the finding does not say with which options it was found: an earlier version wrote it; "
        "give --seed, --verb and --options");
  }
  seed.seed = failure.seed;
  seed.verb = words[0];
  for (size_t i = 1; i < words.size(); ++i) {
    const std::string name = words[i].substr(0, words[i].find('='));
    if (std::ranges::find(kNotKeptFlags, words[i]) != std::end(kNotKeptFlags)) continue;
    if (std::ranges::find(kNotKept, name) != std::end(kNotKept)) {
      if (name.size() == words[i].size()) ++i;
      continue;
    }
    seed.options.push_back(words[i]);
  }
  return seed;
}

void CheckRun(const BankedSeed& seed) {
  const Verb root = AllVerbs();
  const Verb* const verb = FindVerb(root, seed.verb);
  if (verb == nullptr) {
    throw runner::UserError("there is no verb '" + seed.verb + "': ./resprobe --help lists them");
  }
  if (!HasOption(*verb, "--seed") || !HasOption(*verb, "--seeds")) {
    throw runner::UserError(seed.verb +
                            " cannot run one seed alone (--seed N --seeds 1): freeze its finding "
                            "instead");
  }
  const Parsed parsed = Parse(root, seed.Arguments());
  if (parsed.what == Parsed::What::kWrongUse) throw runner::UserError(parsed.error);
}

}  // namespace resprobe::cli
