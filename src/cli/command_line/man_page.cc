#include "cli/command_line/man_page.h"

#include <absl/strings/str_format.h>

#include <algorithm>
#include <cstdio>
#include <string_view>

#include "cli/command_line/help.h"

namespace resprobe::cli {
namespace {

// Removes the next character from UTF-8 text and returns it. A byte that is not UTF-8 is returned
// as is.
unsigned TakeCharacter(std::string_view* text) {
  const auto first = static_cast<unsigned char>(text->front());
  const size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC0 ? 2 : 1;
  unsigned code = size == 1 ? first : first & (0x7F >> size);
  const size_t taken = std::min(size, text->size());
  for (size_t i = 1; i < taken; ++i) code = code << 6 | ((*text)[i] & 0x3F);
  text->remove_prefix(taken);
  return code;
}

// Escapes text for roff: no byte of it is a request or an escape, and commands can be copied from
// the page.
std::string Escaped(std::string_view text) {
  std::string out;
  if (text.starts_with('.') || text.starts_with('\'')) out += "\\&";
  while (!text.empty()) {
    const unsigned code = TakeCharacter(&text);
    if (code >= 0x80) {
      absl::StrAppendFormat(&out, "\\[u%04X]", code);
      continue;
    }
    switch (code) {
      case '\\':
        out += "\\e";
        break;
      case '-':
        out += "\\-";
        break;
      case '\'':
        out += "\\(aq";
        break;
      case '"':
        out += "\\(dq";
        break;
      case '`':
        out += "\\(ga";
        break;
      case '^':
        out += "\\(ha";
        break;
      case '~':
        out += "\\(ti";
        break;
      default:
        out += static_cast<char>(code);
    }
  }
  return out;
}

// Paragraphs, one per line; a line that begins with blanks is an entry of a list.
std::string Paragraphs(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const size_t blanks = std::min(line.find_first_not_of(' '), line.size());
    if (blanks == line.size()) continue;
    out += blanks > 0 ? ".IP \"\" 4\n" : out.empty() ? "" : ".PP\n";
    out += Escaped(line.substr(blanks)) + "\n";
  }
  return out;
}

std::string Entry(const Option& option) {
  return ".TP\n\\fB" + Escaped(OptionTerm(option)) + "\\fR\n" + Escaped(OptionText(option)) + "\n";
}

std::string VerbText(const Verb& verb, const std::string& path) {
  if (!verb.verbs.empty()) {
    std::string out;
    for (const Verb& inner : verb.verbs) {
      out += VerbText(inner, path.empty() ? inner.name : path + " " + inner.name);
    }
    return out;
  }
  std::string out = ".SS " + Escaped(Synopsis(verb, path)) + "\n" + Escaped(verb.summary) +
                    (verb.summary.ends_with('?') ? "\n" : ".\n");
  if (!verb.details.empty()) out += ".PP\n" + Paragraphs(verb.details);
  for (const Option& option : verb.options) {
    if (option.positional() && !option.hidden) out += Entry(option);
  }
  for (const std::string& group : OptionGroups(verb)) {
    if (!group.empty()) out += ".PP\n" + Escaped(group) + ":\n";
    for (const Option& option : verb.options) {
      if (!option.positional() && !option.hidden && option.group == group) out += Entry(option);
    }
  }
  if (!verb.examples.empty()) out += ".PP\nExamples:\n";
  for (const Example& example : verb.examples) {
    out += ".TP\n\\fB./resprobe " + Escaped(example.arguments) + "\\fR\n" +
           Escaped(example.purpose) + ".\n";
  }
  if (!verb.exit_codes.empty()) out += ".PP\nExit code: " + Escaped(verb.exit_codes) + "\n";
  return out;
}

}  // namespace

std::string ManPage(const Verb& root, const std::string& version) {
  std::string out = ".TH RESPROBE 1 \"\" \"resprobe " + Escaped(version) + "\" \"User Commands\"\n";
  // No hyphenation and no adjustment, so that options and commands can be read and copied as they
  // are.
  out += ".nh\n.ad l\n";
  out += ".SH NAME\nresprobe \\- fuzzes software that speaks the Redis protocol\n";
  out += ".SH SYNOPSIS\n.B ./resprobe\nVERB [ARGUMENT\\[u2026]]\n";
  out += ".SH DESCRIPTION\n" + Paragraphs(root.details);
  out += ".SH VERBS\n" + VerbText(root, "");
  out += ".SH EXIT STATUS\n" + Escaped(root.exit_codes) + "\n";
  return out;
}

}  // namespace resprobe::cli
