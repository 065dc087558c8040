#include "cli/command_line/completion.h"

#include <absl/strings/str_join.h>

#include <functional>

#include "cli/command_line/help.h"
#include "runner/output.h"

namespace resprobe::cli {
namespace {

// The spellings that are shown.
std::vector<std::string> SpellingsOf(const Option& option) {
  if (option.short_name.empty()) return {option.name};
  return {option.short_name, option.name};
}

using OnVerb = std::function<void(const Verb& verb, const std::string& path)>;

void ForEachVerb(const Verb& verb, const std::string& path, const OnVerb& on_verb) {
  on_verb(verb, path);
  for (const Verb& inner : verb.verbs) {
    ForEachVerb(inner, path.empty() ? inner.name : path + " " + inner.name, on_verb);
  }
}

// --- bash: the function sets `words` (the candidates) or `kind` (what bash itself completes).

std::string BashValue(const Option& option, const std::vector<std::string>& harnesses) {
  if (!option.choices.empty())
    return "words=" + runner::ShellWord(absl::StrJoin(option.choices, " "));
  switch (option.completion) {
    case Completion::kHarness:
      return "words=" + runner::ShellWord(absl::StrJoin(harnesses, " "));
    case Completion::kFile:
      return "kind=file";
    case Completion::kFolder:
      return "kind=directory";
    case Completion::kProgram:
      return "kind=command";
    case Completion::kNothing:
      break;
  }
  return "kind=nothing";
}

std::string BashVerb(const Verb& verb, const std::string& path,
                     const std::vector<std::string>& harnesses) {
  std::vector<std::string> inner;
  for (const Verb& one : verb.verbs) inner.push_back(one.name);
  std::vector<std::string> options = {"--help"};
  std::string values;
  std::string argument =
      inner.empty() ? "kind=nothing" : "words=" + runner::ShellWord(absl::StrJoin(inner, " "));
  for (const Option& option : verb.options) {
    if (option.hidden) continue;
    if (option.positional()) {
      // With several kinds of argument, all are files, or the last one is.
      argument = BashValue(option, harnesses);
      continue;
    }
    for (const std::string& name : SpellingsOf(option)) options.push_back(name);
    if (option.flag()) continue;
    std::string pattern;
    for (const std::string& name : SpellingsOf(option)) {
      pattern += (pattern.empty() ? "" : "|") + name;
    }
    values += "        " + pattern + ") " + BashValue(option, harnesses) + " ;;\n";
  }
  return "    " + runner::ShellWord(path) +
         ")\n      options=" + runner::ShellWord(absl::StrJoin(options, " ")) +
         "\n      case $previous in\n" + values + "        *) " + argument +
         "\n          if [[ $current == -* ]]; then words=$options kind=; fi ;;\n"
         "      esac ;;\n";
}

// --- zsh: _arguments with the description of each option.

std::string ZshEscaped(const std::string& text, const std::string& special) {
  std::string out;
  for (const char c : text) {
    if (special.find(c) != std::string::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string ZshAction(const Option& option, const std::vector<std::string>& harnesses) {
  if (!option.choices.empty())
    return "(" + ZshEscaped(absl::StrJoin(option.choices, " "), ":()") + ")";
  switch (option.completion) {
    case Completion::kHarness:
      return "(" + absl::StrJoin(harnesses, " ") + ")";
    case Completion::kFile:
      return "_files";
    case Completion::kFolder:
      return "_files -/";
    case Completion::kProgram:
      return "_command_names -e";
    case Completion::kNothing:
      break;
  }
  return " ";
}

std::string ZshVerb(const Verb& verb, const std::string& path,
                    const std::vector<std::string>& harnesses) {
  std::string out = "    " + runner::ShellWord(path) + ")\n";
  if (!verb.verbs.empty()) {
    out += "      local -a verbs=(\n";
    for (const Verb& inner : verb.verbs) {
      out +=
          "        " + runner::ShellWord(ZshEscaped(inner.name, ":") + ":" + inner.summary) + "\n";
    }
    return out + "      )\n      _describe -t verbs verb verbs ;;\n";
  }
  out += "      _arguments -s";
  const auto add = [&](const std::string& spec) {
    out += " \\\n        " + runner::ShellWord(spec);
  };
  add("--help[print the help of the verb]");
  for (const Option& option : verb.options) {
    if (option.hidden) continue;
    const std::string value =
        ":" + ZshEscaped(option.value, ":") + ":" + ZshAction(option, harnesses);
    if (option.positional()) {
      add((option.count == Option::Count::kList ? "*" : "") + value);
      continue;
    }
    for (const std::string& name : SpellingsOf(option)) {
      add((option.count == Option::Count::kOnce ? "" : "*") + name + "[" +
          ZshEscaped(OptionText(option), "[]:\\") + "]" +
          (option.flag() ? "" : (option.alone ? ":" : "") + value));
    }
  }
  return out + " ;;\n";
}

// The verbs that have sub-verbs, as a pattern.
std::string Outer(const Verb& root) {
  std::string pattern;
  for (const Verb& verb : root.verbs) {
    if (!verb.verbs.empty()) pattern += (pattern.empty() ? "" : "|") + verb.name;
  }
  return pattern;
}

}  // namespace

std::string BashCompletion(const Verb& root, const std::vector<std::string>& harnesses) {
  std::string out =
      "# bash completion of resprobe: source <(./resprobe completion bash)\n"
      "_resprobe() {\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
      "  local verb= options= words= kind=\n"
      "  # bash takes the = of --option=value as a word.\n"
      "  if [[ $current == = ]]; then\n"
      "    current=\n"
      "  elif [[ $previous == = ]] && ((COMP_CWORD > 2)); then\n"
      "    previous=${COMP_WORDS[COMP_CWORD-2]}\n"
      "  fi\n"
      "  if ((COMP_CWORD > 1)); then verb=${COMP_WORDS[1]}; fi\n";
  if (const std::string outer = Outer(root); !outer.empty()) {
    out += "  case $verb in\n    " + outer +
           ") if ((COMP_CWORD > 2)); then verb+=\" ${COMP_WORDS[2]}\"; fi ;;\n  esac\n";
  }
  out += "  case $verb in\n";
  ForEachVerb(root, "", [&](const Verb& verb, const std::string& path) {
    out += BashVerb(verb, path, harnesses);
  });
  return out +
         "  esac\n"
         "  COMPREPLY=()\n"
         "  if [[ $kind == nothing ]]; then\n"
         "    return\n"
         "  elif [[ -n $kind ]]; then\n"
         "    compopt -o filenames 2>/dev/null\n"
         "    mapfile -t COMPREPLY < <(compgen -A \"$kind\" -- \"$current\")\n"
         "  else\n"
         "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
         "  fi\n"
         "}\n"
         "complete -F _resprobe resprobe\n";
}

std::string ZshCompletion(const Verb& root, const std::vector<std::string>& harnesses) {
  std::string out =
      "#compdef resprobe\n"
      "# zsh completion of resprobe: source <(./resprobe completion zsh)\n"
      "_resprobe() {\n"
      "  local verb=\n"
      "  if ((CURRENT > 2)); then\n"
      "    verb=$words[2]\n"
      "    shift words\n"
      "    ((CURRENT -= 1))\n"
      "  fi\n";
  if (const std::string outer = Outer(root); !outer.empty()) {
    out += "  case $verb in\n    " + outer +
           ")\n      if ((CURRENT > 2)); then\n        verb+=\" $words[2]\"\n        shift words\n"
           "        ((CURRENT -= 1))\n      fi ;;\n  esac\n";
  }
  out += "  case $verb in\n";
  ForEachVerb(root, "", [&](const Verb& verb, const std::string& path) {
    out += ZshVerb(verb, path, harnesses);
  });
  return out +
         "  esac\n"
         "}\n"
         "if [[ $funcstack[1] == _resprobe ]]; then _resprobe \"$@\"; else compdef _resprobe "
         "resprobe; fi\n";
}

}  // namespace resprobe::cli
