#include "live/tcp/io_scenario.h"

#include <algorithm>
#include <utility>

namespace resprobe::live {
namespace {

std::vector<std::string_view> LinesOf(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    lines.push_back(text.substr(0, text.find('\n')));
    text.remove_prefix(std::min(lines.back().size() + 1, text.size()));
  }
  return lines;
}

}  // namespace

IoScenario ReadIoScenario(std::string_view text) {
  IoScenario scenario;
  const std::pair<std::string_view, std::vector<std::string>*> keys[] = {
      {"# fires ", &scenario.fires}, {"# sees ", &scenario.sees}, {"# never ", &scenario.never}};
  for (const std::string_view line : LinesOf(text)) {
    for (const auto& [key, into] : keys) {
      if (line.starts_with(key)) into->emplace_back(line.substr(key.size()));
    }
  }
  return scenario;
}

std::string Unmet(const IoScenario& scenario, std::string_view trace) {
  const std::vector<std::string_view> lines = LinesOf(trace);
  for (const std::string& toxic : scenario.fires) {
    const std::string line = "fired " + toxic + " ";
    if (std::none_of(lines.begin(), lines.end(),
                     [&](std::string_view one) { return one.starts_with(line); })) {
      return "fires " + toxic;
    }
  }
  auto from = lines.begin();
  for (const std::string& wanted : scenario.sees) {
    from = std::find(from, lines.end(), wanted);
    if (from == lines.end()) return "sees " + wanted;
    ++from;
  }
  for (const std::string& unwanted : scenario.never) {
    if (std::find(lines.begin(), lines.end(), unwanted) != lines.end()) return "never " + unwanted;
  }
  return "";
}

}  // namespace resprobe::live
