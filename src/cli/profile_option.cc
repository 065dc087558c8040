#include "cli/profile_option.h"

#include "core/table/profile.h"

namespace resprobe::cli {

std::vector<std::string> ProfileNames() {
  std::vector<std::string> names;
  for (const ProfileTraits& traits : kProfileTraits) names.emplace_back(traits.name);
  return names;
}

Option& AddProfile(Verb* verb, std::string* profile, const std::string& what) {
  std::vector<std::string> names = ProfileNames();
  names.insert(names.begin(), "auto");
  Option& made = verb->Choice("--profile", names, profile,
                              "The server that " + what + " follows: auto, redis-7.0, …");
  made.value = "NAME";
  return made.ShowDefault();
}

}  // namespace resprobe::cli
