#include "mutants/mutant_list.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <utility>

#include "mutants/mutant_names.h"

namespace resprobe::mutants {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kBlanks = " \t\r";

std::string_view Stripped(std::string_view text) {
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::string Where(const std::string& list, size_t line) {
  return list + ":" + std::to_string(line) + ": ";
}

bool IsName(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

void AddLine(std::string* text, std::string_view line) {
  if (!text->empty()) *text += '\n';
  *text += line;
}

std::string ContentOf(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

// What an entry lacks; "" if it is whole.
std::string Missing(const Mutant& mutant) {
  if (mutant.file.empty()) return "file";
  if (mutant.harnesses.empty()) return "harness";
  if (mutant.breaks.empty()) return "breaks";
  if (mutant.in.empty()) return "in";
  if (mutant.from.empty()) return "from";
  if (mutant.to.empty() && !mutant.is_statement()) return "to";
  return "";
}

std::set<std::string> HarnessNames(const fs::path& source) {
  std::istringstream lines(ContentOf(source / "harnesses" / "harnesses.txt"));
  std::set<std::string> names;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#')) continue;
    names.insert(line.substr(0, line.find_first_of(kBlanks)));
  }
  return names;
}

}  // namespace

bool Mutant::is_statement() const {
  if (from.ends_with(';')) return true;
  if (!from.ends_with('}')) return false;
  return std::ranges::any_of(std::initializer_list<std::string_view>{"if ", "for ", "while ", "{"},
                             [&](std::string_view word) { return from.starts_with(word); });
}

void ReadList(std::string_view text, const std::string& name, std::vector<Mutant>* mutants,
              std::vector<ListError>* errors) {
  Mutant mutant;
  const auto finish = [&] {
    if (mutant.name.empty()) return;
    if (const std::string missing = Missing(mutant); !missing.empty()) {
      errors->push_back(
          {Where(name, mutant.line) + mutant.name + " has no line '" + missing + "'"});
    } else {
      mutants->push_back(std::move(mutant));
    }
    mutant = {};
  };
  size_t number = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = Stripped(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.starts_with('#')) continue;
    if (line.empty()) {
      finish();
      continue;
    }
    const size_t blank = std::min(line.find_first_of(kBlanks), line.size());
    const std::string_view key = line.substr(0, blank);
    const std::string_view value = Stripped(line.substr(blank));
    if (key == "mutant") {
      finish();
      if (!IsName(value)) {
        errors->push_back({Where(name, number) + "'" + std::string(value) +
                           "' is no name: use small letters, digits and _"});
        continue;
      }
      mutant.name = value;
      mutant.list = name;
      mutant.line = number;
    } else if (mutant.name.empty()) {
      errors->push_back({Where(name, number) + "an entry begins with 'mutant NAME'"});
    } else if (key == "file") {
      mutant.file = value;
    } else if (key == "harness") {
      std::istringstream words{std::string(value)};
      for (std::string word; words >> word;) mutant.harnesses.push_back(word);
    } else if (key == "breaks") {
      AddLine(&mutant.breaks, value);
    } else if (key == "in") {
      if (mutant.in.empty()) mutant.in_line = number;
      AddLine(&mutant.in, value);
    } else if (key == "from") {
      if (mutant.from.empty()) mutant.from_line = number;
      AddLine(&mutant.from, value);
    } else if (key == "to") {
      AddLine(&mutant.to, value);
    } else {
      errors->push_back({Where(name, number) + "'" + std::string(key) +
                         "' is none of mutant, file, harness, breaks, in, from, to"});
    }
  }
  finish();
}

std::vector<Mutant> ReadLists(const fs::path& source, std::vector<ListError>* errors) {
  std::vector<Mutant> mutants;
  std::set<fs::path> lists;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(source / "mutants", error)) {
    if (entry.path().extension() == ".txt") lists.insert(entry.path());
  }
  for (const fs::path& list : lists) {
    ReadList(ContentOf(list), "mutants/" + list.filename().string(), &mutants, errors);
  }
  const std::set<std::string> harnesses = HarnessNames(source);
  std::map<uint32_t, std::string> seen;
  for (const Mutant& mutant : mutants) {
    const std::string where = Where(mutant.list, mutant.line) + mutant.name;
    if (const auto [at, is_new] = seen.emplace(MutantId(mutant.name), mutant.name); !is_new) {
      errors->push_back({where + (at->second == mutant.name
                                      ? " is listed twice"
                                      : " has the number of " + at->second + ": rename it")});
    }
    const bool in_room =
        mutant.file.starts_with("src/core/") || mutant.file.starts_with("src/worlds/");
    if (!in_room || !mutant.file.ends_with(".cc") || !fs::exists(source / mutant.file, error)) {
      errors->push_back(
          {where + ": " + mutant.file + " is no source (.cc) below src/core or src/worlds"});
    }
    for (const std::string& harness : mutant.harnesses) {
      if (!harnesses.contains(harness)) {
        errors->push_back({where + ": harnesses/harnesses.txt has no " + harness});
      }
    }
  }
  return mutants;
}

}  // namespace resprobe::mutants
