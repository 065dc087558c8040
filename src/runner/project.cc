#include "runner/project.h"

#include <absl/strings/str_join.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <sstream>

#include "engine/quote.h"
#include "runner/text.h"
#include "runner/user_error.h"

namespace resprobe::runner {
namespace {

fs::path FromEnvironment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? fs::path() : fs::path(value);
}

std::string Joined(const std::vector<HarnessEntry>& harnesses) {
  return absl::StrJoin(harnesses, ", ",
                       [](std::string* out, const HarnessEntry& harness) { *out += harness.name; });
}

// Adds the harnesses that this build lacks because their subjects are not installed.
void AddLeftOut(Project* project) {
  std::set<std::string> known;
  for (const HarnessEntry& harness : project->all) known.insert(harness.name);
  std::error_code error;
  for (const fs::path& file : FilesIn(project->source / "harnesses")) {
    const std::string name = file.stem();
    if (file.extension() == ".cc" && name != "empty" && !known.contains(name)) {
      project->all.push_back({name, name, {}, false, true});
    }
  }
}

// The name in "ops NAME", the first line of `.ops` text.
std::string NameInOps(const fs::path& path) {
  const std::string text = ReadFile(path);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::string_view rest = line;
    std::string word;
    std::string error;
    bool quoted = false;
    if (!TakeWord(&rest, &word, &quoted, &error) || word.starts_with('#')) continue;
    if (word == "ops" && TakeWord(&rest, &word, &quoted, &error)) return word;
    break;
  }
  throw UserError(path.string() + ":1: is not .ops text: its first line has to be 'ops HARNESS'");
}

void AddCases(const fs::path& folder, std::vector<fs::path>* cases) {
  std::error_code error;
  // The folder is a finding, possibly of a run that was killed before it wrote the report: take
  // only its case.
  if (fs::exists(folder / "report.json", error) || fs::exists(folder / "original", error)) {
    for (const char* name : {"case", "case.ops", "original"}) {
      if (!fs::exists(folder / name, error)) continue;
      cases->push_back(folder / name);
      return;
    }
  }
  const std::vector<fs::path> files = FilesIn(folder);
  cases->insert(cases->end(), files.begin(), files.end());
  std::vector<fs::path> folders;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (entry.is_directory(error) && !entry.path().filename().string().starts_with('.')) {
      folders.push_back(entry.path());
    }
  }
  std::sort(folders.begin(), folders.end());
  for (const fs::path& inner : folders) AddCases(inner, cases);
}

}  // namespace

fs::path Project::CorpusOf(const HarnessEntry& harness) const {
  return source / "corpus" / harness.corpus;
}

std::optional<fs::path> Project::DictionaryOf(const HarnessEntry& harness) const {
  fs::path path = source / "dictionaries" / (harness.corpus + ".dict");
  std::error_code error;
  if (!fs::exists(path, error)) return std::nullopt;
  return path;
}

fs::path Project::WorkCorpusOf(const HarnessEntry& harness) const {
  return work / "corpus" / harness.name;
}

fs::path Project::FindingsOf(const HarnessEntry& harness) const {
  return work / "findings" / harness.name;
}

std::string WhyNotBuilt(const HarnessEntry& harness) {
  return harness.left_out
             ? "left out of the build, since the software that it tests is not there: run "
               "./resprobe packages --retry, then the verb again"
             : "not built yet: run ./resprobe build fuzz";
}

const HarnessEntry& Project::Find(const std::string& name) const {
  for (const HarnessEntry& harness : all) {
    if (harness.name != name) continue;
    if (harness.binary.empty()) throw UserError(name + ": " + WhyNotBuilt(harness));
    return harness;
  }
  throw UserError("there is no harness '" + name + "': use one of " + Joined(all));
}

std::vector<HarnessEntry> Project::Select(const std::vector<std::string>& names) const {
  if (names.empty()) {
    const bool any = std::any_of(all.begin(), all.end(), [](const HarnessEntry& harness) {
      return !harness.binary.empty();
    });
    if (!any) {
      throw UserError(harnesses.string() +
                      ": holds no harness: build them with ./resprobe build fuzz");
    }
    std::vector<HarnessEntry> alone = all;
    std::erase_if(alone, [](const HarnessEntry& harness) { return harness.live; });
    return alone;
  }
  std::vector<HarnessEntry> selected;
  for (const std::string& name : names) {
    const HarnessEntry& harness = Find(name);
    const bool again = std::any_of(selected.begin(), selected.end(),
                                   [&](const HarnessEntry& one) { return one.name == name; });
    if (!again) selected.push_back(harness);
  }
  return selected;
}

const HarnessEntry& Project::HarnessOfText(const fs::path& path) const {
  const std::string name = NameInOps(path);
  for (const HarnessEntry& harness : all) {
    if (harness.name == name && !harness.binary.empty()) return harness;
  }
  // A variant's `.ops` texts carry the name of the harness whose corpus it uses.
  for (const HarnessEntry& harness : all) {
    if (harness.corpus == name && !harness.binary.empty()) return harness;
  }
  for (const HarnessEntry& harness : all) {
    if (harness.name == name) return Find(name);  // throws: it is not built
  }
  throw UserError(path.string() + ":1: there is no harness '" + name + "': use one of " +
                  Joined(all));
}

const HarnessEntry* Project::HarnessOfPath(const fs::path& path) const {
  std::error_code error;
  const fs::path whole = fs::absolute(path, error).lexically_normal();
  std::vector<std::string> parts(whole.begin(), whole.end());
  for (size_t i = parts.size(); i-- > 1;) {
    const std::string& above = parts[i - 1];
    if (above != "corpus" && above != "findings" && above != "regressions" && above != "seeds") {
      continue;
    }
    for (const HarnessEntry& harness : all) {
      if (harness.name == parts[i]) return &harness;
    }
    for (const HarnessEntry& harness : all) {
      if (harness.corpus == parts[i] && !harness.binary.empty()) return &harness;
    }
  }
  // The layout that `record --output DIR` writes: DIR/HARNESS/CASE.
  if (parts.size() > 1) {
    const std::string& folder = parts[parts.size() - 2];
    for (const HarnessEntry& harness : all) {
      if (harness.name == folder) return &harness;
    }
  }
  return nullptr;
}

const HarnessEntry& Project::HarnessOfCase(const fs::path& path, const std::string& given) const {
  if (!given.empty()) return Find(given);
  if (path.filename() == "report.json") {
    throw UserError(path.string() + ": is a report, and no case: give the file 'case' beside it");
  }
  if (path.extension() == ".ops") return HarnessOfText(path);
  if (const HarnessEntry* const harness = HarnessOfPath(path)) return Find(harness->name);
  // `.ops` text without the extension.
  if (ReadFile(path).starts_with("ops ")) return HarnessOfText(path);
  throw UserError(path.string() + ": its path does not name the harness: add --harness NAME (" +
                  Joined(all) + ")");
}

std::string Project::Shown(const fs::path& path) const {
  std::error_code error;
  const fs::path whole = fs::absolute(path, error).lexically_normal();
  const fs::path relative = whole.lexically_relative(source);
  if (relative.empty() || *relative.begin() == "..") return whole;
  return relative;
}

std::string LiveServerCommand() {
  const char* value = std::getenv("RESPROBE_ORACLE_START");
  return value == nullptr || *value == '\0' ? "redis-server" : value;
}

void SetLiveServerCommand(const std::string& command) {
  setenv("RESPROBE_ORACLE_START", command.c_str(), 1);
}

std::string CommandLine(const std::string& command, const std::vector<std::string>& arguments) {
  std::string line = command;
  for (const std::string& argument : arguments) line += " " + ShellWord(argument);
  return line;
}

Project OpenProject(const std::string& kind) {
  Project project;
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  const fs::path preset = self.parent_path().parent_path();
  project.build = FromEnvironment("RESPROBE_BUILD_DIR");
  if (project.build.empty()) project.build = preset.parent_path();
  project.source = FromEnvironment("RESPROBE_SOURCE_DIR");
  if (project.source.empty()) project.source = project.build.parent_path();
  if (!fs::exists(project.source / "harnesses", error)) {
    throw UserError(project.source.string() +
                    ": is not resprobe's repository: start ./resprobe at its root, or set "
                    "RESPROBE_SOURCE_DIR");
  }
  project.source = fs::canonical(project.source, error);
  project.work = FromEnvironment("RESPROBE_WORK_DIR");
  if (project.work.empty()) project.work = project.source / "work";
  project.harnesses = FromEnvironment("RESPROBE_HARNESS_DIR");
  const bool own = project.harnesses.empty();
  if (own) project.harnesses = preset / kind;

  const fs::path list = project.harnesses / "harnesses.txt";
  if (!fs::exists(list, error)) {
    throw UserError(list.string() + ": is missing: build the harnesses with ./resprobe build fuzz");
  }
  const auto add = [&](const fs::path& file, bool live) {
    std::istringstream lines(ReadFile(file));
    for (HarnessEntry harness{}; lines >> harness.name >> harness.corpus;) {
      harness.binary = project.harnesses / harness.name;
      if (!fs::exists(harness.binary, error)) harness.binary.clear();
      harness.live = live;
      project.all.push_back(harness);
    }
  };
  add(list, false);
  if (const fs::path live = project.harnesses / "live.txt"; fs::exists(live, error))
    add(live, true);
  if (own && kind == "harnesses") AddLeftOut(&project);
  return project;
}

std::vector<fs::path> CasesOf(const std::vector<std::string>& arguments) {
  std::vector<fs::path> cases;
  for (const std::string& given : arguments) {
    std::error_code error;
    // The report of a finding stands for its folder.
    const fs::path path(given);
    const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
    const std::string argument =
        path.filename() == "report.json" && fs::exists(folder / "case", error) ? folder.string()
                                                                               : given;
    if (!fs::exists(argument, error)) {
      throw UserError(argument + ": there is no such file or folder: name an existing case");
    }
    if (fs::is_character_file(argument, error) || fs::is_block_file(argument, error)) {
      throw UserError(argument + ": is a device, which may have no end: name a file");
    }
    const size_t before = cases.size();
    if (fs::is_directory(argument, error)) {
      AddCases(argument, &cases);
      if (cases.size() == before) throw UserError(argument + ": holds no case");
    } else {
      cases.emplace_back(argument);
    }
  }
  return cases;
}

}  // namespace resprobe::runner
