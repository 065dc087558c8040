#include "cli/command_line/help.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>

namespace resprobe::cli {
namespace {

constexpr size_t kUsualWidth = 80;
constexpr size_t kLeastWidth = 40;
constexpr size_t kMostWidth = 120;
// Descriptions begin in this column; a term that reaches it gets a line of its own.
constexpr size_t kTextColumn = 26;
constexpr size_t kIndent = 2;

// A term, then its description from `column` on.
std::string Entry(const std::string& term, const std::string& text, size_t column, size_t width) {
  std::string out = std::string(kIndent, ' ') + term;
  const std::string wrapped = Wrap(text, column, width);
  if (Columns(out) + 2 > column) return out + "\n" + wrapped;
  if (wrapped.empty()) return out + "\n";
  return out + wrapped.substr(Columns(out));
}

size_t TextColumn(size_t width) { return width < kUsualWidth ? width / 4 : kTextColumn; }

void AddSection(std::string* out, const std::string& heading, const std::string& text) {
  if (text.empty()) return;
  *out += "\n" + heading + ":\n" + text;
}

void AddHelp(const Verb& verb, const std::string& path, std::string* out) {
  if (!path.empty()) *out += "@ " + path + "\n" + HelpText(verb, path, kUsualWidth);
  for (const Verb& inner : verb.verbs) {
    if (!inner.by_script) AddHelp(inner, path.empty() ? inner.name : path + " " + inner.name, out);
  }
}

}  // namespace

size_t TextWidth(int fd) {
  size_t width = 0;
  if (isatty(fd) != 0) {
    const char* const columns = std::getenv("COLUMNS");
    if (columns != nullptr) std::from_chars(columns, columns + std::strlen(columns), width);
    winsize size = {};
    if (width == 0 && ioctl(fd, TIOCGWINSZ, &size) == 0) width = size.ws_col;
  }
  return width == 0 ? kUsualWidth : std::clamp(width, kLeastWidth, kMostWidth);
}

size_t Columns(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string Wrap(std::string_view text, size_t indent, size_t width) {
  std::string out;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const size_t own = std::min(line.find_first_not_of(' '), line.size());
    line.remove_prefix(own);
    size_t column = indent + own;
    out.append(line.empty() ? 0 : column, ' ');
    for (bool first = true; !line.empty(); first = false) {
      const std::string_view word = line.substr(0, line.find(' '));
      line.remove_prefix(word.size());
      line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
      if (!first && column + 1 + Columns(word) > width) {
        column = indent + own + (own > 0 ? 2 : 0);
        out += "\n" + std::string(column, ' ');
      } else if (!first) {
        out += ' ';
        ++column;
      }
      out += word;
      column += Columns(word);
    }
    out += '\n';
  }
  return out;
}

std::string Synopsis(const Verb& verb, const std::string& path) {
  std::string text = path;
  const auto add = [&](const std::string& word) { text += (text.empty() ? "" : " ") + word; };
  if (!verb.verbs.empty()) add("VERB");
  if (std::any_of(verb.options.begin(), verb.options.end(),
                  [](const Option& option) { return !option.positional() && !option.hidden; })) {
    add("[OPTION…]");
  }
  for (const Option& option : verb.options) {
    if (!option.positional()) continue;
    add(option.required ? OptionTerm(option) : "[" + OptionTerm(option) + "]");
  }
  return text;
}

std::string OptionTerm(const Option& option) {
  if (option.positional()) {
    return option.name + (option.count == Option::Count::kList ? "…" : "");
  }
  std::string term = (option.short_name.empty() ? "" : option.short_name + ", ") + option.name;
  if (option.value.empty()) return term;
  const std::string value = option.value + (option.count == Option::Count::kList ? "…" : "");
  return term + (option.alone ? "[=" + value + "]" : " " + value);
}

std::string OptionText(const Option& option) {
  std::string text = option.help;
  if (!option.fallback.empty()) text += " [" + option.fallback + "]";
  if (option.required && !option.positional()) text += " (required)";
  if (option.count == Option::Count::kRepeated) text += "; may be given again";
  return text;
}

std::vector<std::string> OptionGroups(const Verb& verb) {
  std::vector<std::string> groups;
  for (const Option& option : verb.options) {
    if (option.positional() || option.hidden) continue;
    if (std::find(groups.begin(), groups.end(), option.group) == groups.end()) {
      groups.push_back(option.group);
    }
  }
  return groups;
}

std::string HelpText(const Verb& verb, const std::string& path, size_t width) {
  std::string out = Wrap("usage: ./resprobe " + Synopsis(verb, path), 0, width) + "\n";
  std::string summary = verb.summary;
  if (!summary.empty() && !path.empty()) {
    summary[0] =
        static_cast<char>(summary[0] >= 'a' && summary[0] <= 'z' ? summary[0] - 0x20 : summary[0]);
    if (!summary.ends_with('?')) summary += '.';
  }
  out += Wrap(summary, 0, width);
  if (!verb.details.empty()) out += "\n" + Wrap(verb.details, 0, width);
  std::string text;
  for (const Verb& inner : verb.verbs) text += Entry(inner.name, inner.summary, 18, width);
  AddSection(&out, "Verbs", text);
  text.clear();
  const size_t column = TextColumn(width);
  for (const Option& option : verb.options) {
    if (option.positional()) text += Entry(OptionTerm(option), OptionText(option), column, width);
  }
  AddSection(&out, "Arguments", text);
  for (const std::string& group : OptionGroups(verb)) {
    text.clear();
    for (const Option& option : verb.options) {
      if (option.positional() || option.hidden || option.group != group) continue;
      text += Entry(OptionTerm(option), OptionText(option), column, width);
    }
    AddSection(&out, group.empty() ? "Options" : group, text);
  }
  text.clear();
  for (const Example& example : verb.examples) {
    text += Wrap("  ./resprobe " + example.arguments, 0, width) +
            Wrap("      " + example.purpose, 0, width);
  }
  AddSection(&out, "Examples", text);
  out += '\n';
  if (!verb.exit_codes.empty()) out += Wrap("Exit code: " + verb.exit_codes, 0, width);
  return out + Wrap(verb.verbs.empty() ? "-h, --help prints this."
                                       : "./resprobe " + path + (path.empty() ? "" : " ") +
                                             "VERB --help says more about a verb.",
                    0, width);
}

std::string HelpList(const Verb& root) {
  std::string out;
  AddHelp(root, "", &out);
  return out;
}

}  // namespace resprobe::cli
