#include "cli/command_line/usage_list.h"

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
    std::string names;
    for (const Verb& inner : verb.verbs) names += (names.empty() ? "" : " ") + inner.name;
    line(verb.run ? "verbs?" : "verbs", names);
  }
  std::set<std::string> declared;
  for (const Option& option : verb.options) {
    std::string names = option.name;
    if (!option.short_name.empty()) names += "," + option.short_name;
    for (const std::string& alias : option.aliases) names += "," + alias;
    line(option.positional() ? "argument" : "option",
         names + " " + CountOf(option) + (option.flag() ? "" : " " + option.syntax));
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
    std::string names;
    for (const std::string& name : one_of.options) names += (names.empty() ? "" : ",") + name;
    line("one-of", names + " " + one_of.error);
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
