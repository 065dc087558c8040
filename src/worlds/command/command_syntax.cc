#include "worlds/command/command_syntax.h"

#include <algorithm>
#include <utility>

namespace resprobe {
namespace {

// Recursive descent over a syntax of the command table, which is trusted.
class SyntaxParser {
 public:
  explicit SyntaxParser(std::string_view text) : text_(text) {}

  SyntaxPart Run() { return Alternatives('\0'); }

 private:
  char Peek() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }

  SyntaxPart Alternatives(char close) {
    SyntaxPart choice{.kind = SyntaxPart::Kind::kChoice};
    choice.parts.push_back(Sequence(close));
    while (Peek() == '|') {
      ++at_;
      choice.parts.push_back(Sequence(close));
    }
    if (choice.parts.size() > 1) return choice;
    SyntaxPart only = std::move(choice.parts[0]);
    return only;
  }

  SyntaxPart Sequence(char close) {
    SyntaxPart sequence;
    for (char c; (c = Peek()) != '\0' && c != close && c != '|';) {
      if (text_.substr(at_, 3) == "...") {
        at_ += 3;
        sequence.repeats = true;
      } else if (c == '[' || c == '<') {
        ++at_;
        SyntaxPart inner = Alternatives(c == '[' ? ']' : '>');
        if (Peek() != '\0') ++at_;
        inner.optional = c == '[';
        sequence.parts.push_back(std::move(inner));
      } else {
        const size_t start = at_;
        while (at_ < text_.size() &&
               std::string_view(" []<>|").find(text_[at_]) == std::string_view::npos) {
          ++at_;
        }
        const std::string_view word = text_.substr(start, at_ - start);
        const bool argument = word[0] >= 'a' && word[0] <= 'z';
        sequence.parts.push_back(
            {.kind = argument ? SyntaxPart::Kind::kArgument : SyntaxPart::Kind::kToken,
             .word = word});
      }
    }
    return sequence;
  }

  std::string_view text_;
  size_t at_ = 0;
};

bool Contains(const SyntaxPart& part, std::string_view literal) {
  if (literal.empty()) return false;
  if (part.kind == SyntaxPart::Kind::kToken && part.word == literal) return true;
  return std::ranges::any_of(part.parts,
                             [&](const SyntaxPart& inner) { return Contains(inner, literal); });
}

bool HasLiterals(const SyntaxPart& part) {
  return part.kind == SyntaxPart::Kind::kToken || std::ranges::any_of(part.parts, HasLiterals);
}

std::string PlainArgument(std::string_view type, size_t at) {
  constexpr std::pair<std::string_view, std::string_view> kValues[] = {
      {"key-pattern", "nosort"},
      {"timeout", "0.01"},
      {"bit-type", "u8"},
      {"bit-offset", "0"},
      {"pattern", "*"},
      {"setting", "databases"},
      {"channel", "probe"},
      {"min", "0"},
      {"max", "1"},
      {"lex-min", "[a"},
      {"lex-max", "[b"},
      {"db", "0"},
      {"bit", "1"},
      {"cursor", "0"},
      {"string", "probe"},
      {"member", "a"},
      {"element", "a"},
      {"field", "f"},
      {"value", "1"},
      {"message", "m"},
      {"client-id", "999999"},
      {"seconds", "1000"},
      {"milliseconds", "1000000"},
      {"unix-time-seconds", "33177117420"},
      {"unix-time-milliseconds", "33177117420000"}};
  if (type == "key" || type == "newkey" || type == "destination" || type == "source") {
    return "probe:" + std::to_string(at);
  }
  const auto* const value =
      std::ranges::find(kValues, type, &std::pair<std::string_view, std::string_view>::first);
  return value == std::end(kValues) ? "1" : std::string(value->second);
}

void Append(const SyntaxPart& part, std::string_view literal, std::vector<std::string>* words) {
  const bool leads = Contains(part, literal);
  if (part.optional && !leads) return;
  switch (part.kind) {
    case SyntaxPart::Kind::kArgument:
      words->push_back(PlainArgument(part.word, words->size()));
      return;
    case SyntaxPart::Kind::kToken:
      words->emplace_back(part.word);
      return;
    case SyntaxPart::Kind::kChoice: {
      const auto chosen = std::ranges::find_if(
          part.parts, [&](const SyntaxPart& inner) { return Contains(inner, literal); });
      return Append(chosen == part.parts.end() ? part.parts.front() : *chosen, literal, words);
    }
    case SyntaxPart::Kind::kSequence:
      for (const SyntaxPart& inner : part.parts) Append(inner, literal, words);
      return;
  }
}

}  // namespace

SyntaxPart ParseSyntax(std::string_view syntax) { return SyntaxParser(syntax).Run(); }

std::vector<std::string_view> LiteralsOf(std::string_view syntax) {
  std::vector<std::string_view> words;
  constexpr std::string_view kBetween = " []<>|";
  for (size_t at = 0; (at = syntax.find_first_not_of(kBetween, at)) < syntax.size();) {
    const size_t end = std::min(syntax.find_first_of(kBetween, at), syntax.size());
    const std::string_view word = syntax.substr(at, end - at);
    const bool literal = word[0] >= 'A' && word[0] <= 'Z';
    if (literal && std::ranges::find(words, word) == words.end()) words.push_back(word);
    at = end;
  }
  return words;
}

std::vector<std::string> RequestWithArguments(const Command& command) {
  std::vector<std::string> words = PlainRequest(command);
  const SyntaxPart syntax = ParseSyntax(command.spec->syntax);
  for (const SyntaxPart& part : syntax.parts) {
    if ((!part.optional && !part.repeats) || HasLiterals(part)) continue;
    SyntaxPart given = part;
    given.optional = false;
    Append(given, {}, &words);
    break;
  }
  return words;
}

std::vector<std::string> PlainRequest(const Command& command, std::string_view literal) {
  std::vector<std::string> words;
  if (command.parent != nullptr) words.emplace_back(command.parent->name());
  words.emplace_back(command.name());
  Append(ParseSyntax(command.spec->syntax), literal, &words);
  return words;
}

}  // namespace resprobe
