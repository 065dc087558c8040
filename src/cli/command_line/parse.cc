// The only file that includes CLI11.

#include "cli/command_line/parse.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

using Values = std::vector<std::string>;

// The given options, in the order of their declarations; they are set once all are known to be
// valid.
using Given = std::vector<std::pair<const Option*, Values>>;

std::string NamesOf(const Option& option) {
  std::string names = option.name;
  if (!option.short_name.empty()) names = option.short_name + "," + names;
  for (const std::string& alias : option.aliases) names += "," + alias;
  return names;
}

CLI::Option* AddOption(CLI::App* app, const Option& option, Given* given) {
  if (option.flag()) {
    return app->add_flag_function(NamesOf(option), [&option, given](int64_t count) {
      if (count > 0) given->emplace_back(&option, Values());
    });
  }
  CLI::Option* const made =
      app->add_option(NamesOf(option), [&option, given](const Values& values) {
        given->emplace_back(&option, values);
        return true;
      });
  constexpr int kMany = CLI::detail::expected_max_vector_size;
  if (option.count != Option::Count::kOnce) made->expected(kMany);
  if (option.count == Option::Count::kRepeated) made->allow_extra_args(false);
  if (option.alone) made->expected(0, 1)->default_str(*option.alone);
  for (const CheckValue& check : option.checks) made->check(check);
  return made->required(option.required);
}

void Describe(CLI::App* app, const Verb& verb, Given* given) {
  app->set_help_flag("-h,--help");
  // A verb with a function of its own can run without a sub-verb.
  if (!verb.verbs.empty()) app->require_subcommand(verb.run ? 0 : 1, 1);
  for (const Verb& inner : verb.verbs) Describe(app->add_subcommand(inner.name), inner, given);
  std::map<std::string, CLI::Option*> made;
  for (const Option& option : verb.options) made[option.name] = AddOption(app, option, given);
  for (const Option& option : verb.options) {
    for (const std::string& name : option.needs) made[option.name]->needs(made.at(name));
    for (const std::string& name : option.excludes) made[option.name]->excludes(made.at(name));
  }
}

const Verb* Find(const Verb& verb, const std::string& name) {
  for (const Verb& inner : verb.verbs) {
    if (inner.name == name) return &inner;
  }
  return nullptr;
}

// Rewrites `VERB FLAG …` to `OTHER …` if the flag has become a verb.
void FollowMoved(const Verb& root, Values* arguments) {
  if (arguments->empty()) return;
  const Verb* const verb = Find(root, arguments->front());
  if (verb == nullptr) return;
  for (const Verb::Moved& moved : verb->moved) {
    const auto end = std::find(arguments->begin(), arguments->end(), "--");
    const auto at = std::find(arguments->begin() + 1, end, moved.flag);
    if (at == end) continue;
    arguments->erase(at);
    arguments->front() = moved.verb;
    return;
  }
}

// CLI11's words for a missing value and for unknown arguments are for programmers.
std::string ErrorText(const CLI::ParseError& error, const Values& rest) {
  std::string text = error.what();
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
    const std::string name = text.substr(0, text.find(':'));
    return name + (text.ends_with("missing") ? ": give it a value" : ": give it only once");
  }
  // A word that is not understood may be the reason why an option is missing.
  const bool by_rule = dynamic_cast<const CLI::RequiredError*>(&error) != nullptr ||
                       dynamic_cast<const CLI::RequiresError*>(&error) != nullptr ||
                       dynamic_cast<const CLI::ExcludesError*>(&error) != nullptr;
  const bool by_extras = dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr;
  if (rest.empty() || (!by_rule && !by_extras)) return text;
  for (const std::string& word : rest) {
    if (word.starts_with('-') && word != "-")
      return "there is no option '" + word.substr(0, word.find('=')) + "'";
  }
  return "'" + rest.front() + "' is one argument too many";
}

// CLI11 reports that a verb is missing, but not the word in its place.
std::string WhichVerb(const std::string& path, const Values& rest) {
  if (rest.empty()) return "name a verb";
  return "there is no verb '" + (path.empty() ? "" : path + " ") + rest.front() + "'";
}

// The error of a OneOf that is not met; "" if there is none.
std::string WhatIsMissing(const Verb& verb, const Given& given) {
  for (const Verb::OneOf& one_of : verb.one_of) {
    const auto is_one = [&](const auto& option_and_values) {
      const std::string& name = option_and_values.first->name;
      return std::find(one_of.options.begin(), one_of.options.end(), name) != one_of.options.end();
    };
    if (std::none_of(given.begin(), given.end(), is_one)) return one_of.error;
  }
  return "";
}

// How many letters must be changed, added, removed or swapped with the next to make one word from
// the other.
size_t Distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> steps(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) {
    for (size_t j = 0; j <= b.size(); ++j) {
      size_t& least = steps[i][j];
      if (i == 0 || j == 0) {
        least = i + j;
        continue;
      }
      least = std::min({steps[i - 1][j] + 1, steps[i][j - 1] + 1,
                        steps[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        least = std::min(least, steps[i - 2][j - 2] + 1);
      }
    }
  }
  return steps[a.size()][b.size()];
}

// "; did you mean --start?", if an option or a verb has nearly the name of the first word that
// there is not; otherwise "".
std::string DidYouMean(const Verb& verb, const Values& rest) {
  std::vector<std::string_view> names;
  std::string word;
  if (!verb.verbs.empty()) {
    for (const Verb& inner : verb.verbs) names.push_back(inner.name);
    if (!rest.empty()) word = rest.front();
  } else {
    for (const Option& option : verb.options) {
      if (!option.hidden && !option.positional()) names.push_back(option.name);
    }
    for (const std::string& one : rest) {
      if (word.empty() && one.starts_with("--")) word = one.substr(0, one.find('='));
    }
  }
  constexpr size_t kLettersPerStep = 3;
  std::string_view best;
  size_t least = std::min<size_t>(2, word.size() / kLettersPerStep) + 1;
  for (const std::string_view name : names) {
    if (const size_t steps = Distance(word, name); steps < least) {
      best = name;
      least = steps;
    }
  }
  return best.empty() ? "" : "; did you mean " + std::string(best) + "?";
}

std::string SeeHelp(const std::string& path) {
  return ": see ./resprobe " + (path.empty() ? "" : path + " ") + "--help";
}

}  // namespace

Parsed Parse(const Verb& root, std::vector<std::string> arguments) {
  FollowMoved(root, &arguments);
  CLI::App app;
  Given given;
  Describe(&app, root, &given);
  Parsed parsed;
  const CLI::App* innermost = &app;
  const auto find_verb = [&] {
    parsed.verb = &root;
    while (!innermost->get_subcommands().empty()) {
      innermost = innermost->get_subcommands().front();
      parsed.verb = Find(*parsed.verb, innermost->get_name());
      parsed.path += (parsed.path.empty() ? "" : " ") + parsed.verb->name;
    }
  };
  try {
    std::reverse(arguments.begin(), arguments.end());  // CLI11 takes a vector in reverse order
    app.parse(std::move(arguments));
    find_verb();
    const std::string missing = WhatIsMissing(*parsed.verb, given);
    if (!missing.empty()) throw runner::UserError(missing + SeeHelp(parsed.path));
    for (const auto& [option, values] : given) option->set(values);
  } catch (const CLI::CallForHelp&) {
    find_verb();
    parsed.what = Parsed::What::kHelp;
  } catch (const CLI::ParseError& error) {
    find_verb();
    parsed.what = Parsed::What::kWrongUse;
    parsed.error = (parsed.verb->verbs.empty() ? ErrorText(error, innermost->remaining())
                                               : WhichVerb(parsed.path, innermost->remaining())) +
                   SeeHelp(parsed.path) + DidYouMean(*parsed.verb, innermost->remaining());
  } catch (const runner::UserError& error) {
    parsed.what = Parsed::What::kWrongUse;
    parsed.error = error.what();
  }
  return parsed;
}

}  // namespace resprobe::cli
