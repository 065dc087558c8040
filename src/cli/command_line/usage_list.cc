#include "cli/command_line/usage_list.h"

#include <absl/strings/str_join.h>

#include <set>

namespace resprobe::cli {
namespace {

std::string CountOf(const Option& option) {
  if (option.flag()) return "flag";
  if (option.alone) return "maybe";
  if (option.count == Option::Count::kList) return "list";
  return option.count == Option::Count::kRepeated ? "again" : "once";
}

void AddVerb(const Verb& verb, const std::string& path, std::string* out) {
  const auto line = [&](const std::string& what, const std::string& rest) {
    *out += what + " " + rest + "\n";
  };
  if (!path.empty()) line("verb", path);
  if (!verb.verbs.empty() && !path.empty()) {
    const auto add_name = [](std::string* out, const Verb& inner) { *out += inner.name; };
    line(verb.run ? "verbs?" : "verbs", absl::StrJoin(verb.verbs, " ", add_name));
  }
  std::set<std::string> declared;
  for (const Option& option : verb.options) {
    std::vector<std::string> names = {option.name};
    if (!option.short_name.empty()) names.push_back(option.short_name);
    names.insert(names.end(), option.aliases.begin(), option.aliases.end());
    line(option.positional() ? "argument" : "option",
         absl::StrJoin(names, ",") + " " + CountOf(option) +
             (option.flag() ? "" : " " + option.syntax));
    if (option.required) line("required", option.name);
    for (const std::string& other : option.needs) line("needs", option.name + " " + other);
    for (const std::string& other : option.excludes) {
      // CLI11 names the option first that is declared first.
      line("excludes",
           declared.contains(other) ? other + " " + option.name : option.name + " " + other);
    }
    declared.insert(option.name);
  }
  for (const Verb::OneOf& one_of : verb.one_of) {
    line("one-of", absl::StrJoin(one_of.options, ",") + " " + one_of.error);
  }
  for (const Verb::Moved& moved : verb.moved) line("moved", moved.flag + " " + moved.verb);
  for (const Verb& inner : verb.verbs) {
    if (!inner.by_script) {
      AddVerb(inner, path.empty() ? inner.name : path + " " + inner.name, out);
    }
  }
}

}  // namespace

std::string UsageList(const Verb& root) {
  std::string out;
  AddVerb(root, "", &out);
  return out;
}

}  // namespace resprobe::cli
