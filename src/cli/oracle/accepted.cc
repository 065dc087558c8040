#include "cli/oracle/accepted.h"

#include <algorithm>
#include <sstream>
#include <utility>

#include "runner/files.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

constexpr std::string_view kMetAs = "  = ";

// In one line, without tabs.
std::string Plain(std::string text) {
  for (char& c : text) {
    if (c == '\t' || c == '\n' || c == '\r') c = ' ';
  }
  return text;
}

}  // namespace

AcceptedDifferences::AcceptedDifferences(const fs::path& file) {
  std::istringstream text(runner::ReadFile(file));
  const auto fail = [&](size_t line, const std::string& why) {
    throw runner::UserError("--accept " + file.string() + ": line " + std::to_string(line) + ": " +
                            why);
  };
  size_t number = 0;
  for (std::string line; std::getline(text, line);) {
    ++number;
    if (line.empty() || line.starts_with('#')) continue;
    if (line.starts_with(kMetAs)) {
      if (list_.empty()) fail(number, "it belongs to no difference: one must stand before it");
      list_.back().met_as.insert(line.substr(kMetAs.size()));
      continue;
    }
    const size_t first = line.find('\t');
    const size_t second = first == line.npos ? line.npos : line.find('\t', first + 1);
    if (first == 0 || second == line.npos) {
      fail(number,
           "a difference has three parts with tabs between them: signature, reason, example");
    }
    AcceptedDifference one;
    one.signature = line.substr(0, first);
    one.reason = line.substr(first + 1, second - first - 1);
    one.example = line.substr(second + 1);
    one.line = number;
    if (Find(one.signature) != nullptr) fail(number, "this signature is there already");
    list_.push_back(std::move(one));
  }
}

AcceptedDifference* AcceptedDifferences::Find(const std::string& signature) {
  const auto found = std::ranges::find_if(list_, [&](const AcceptedDifference& one) {
    return one.signature == signature || one.met_as.contains(signature);
  });
  return found == list_.end() ? nullptr : &*found;
}

void AcceptedDifferences::Add(AcceptedDifference difference) {
  const auto same = std::ranges::find(list_, difference.signature, &AcceptedDifference::signature);
  if (same == list_.end()) {
    list_.push_back(std::move(difference));
  } else {
    same->met_as.insert(difference.met_as.begin(), difference.met_as.end());
  }
}

void AcceptedDifferences::Write(const fs::path& file, const std::string& server) const {
  std::string text =
      "# Differences between " + Plain(server) +
      " and the core that are accepted (./resprobe oracle --accept).\n"
      "# A line each: signature, reason, example, with tabs between them; below it, what it is met "
      "as.\n";
  for (const AcceptedDifference& one : list_) {
    text += Plain(one.signature) + "\t" + Plain(one.reason) + "\t" + Plain(one.example) + "\n";
    for (const std::string& signature : one.met_as) {
      if (signature != one.signature) text.append(kMetAs).append(Plain(signature)).append("\n");
    }
  }
  runner::WriteFile(file, text);
}

}  // namespace resprobe::cli
