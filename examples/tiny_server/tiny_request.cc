#include "examples/tiny_server/tiny_request.h"

#include <charconv>

namespace tiny {
namespace {

constexpr size_t kMaxLine = 64 << 10;
constexpr int64_t kMaxBulk = 512ll << 20;
constexpr int64_t kMaxArgs = 0x7fffffff;
constexpr std::string_view kSpaces = " \t\r\n\v\f";

// The position of `stop` at or after `from`. A NUL hides it, as in servers that use strchr().
size_t FindStop(std::string_view text, size_t from, char stop) {
  const char wanted[] = {stop, '\0'};
  const size_t at = text.find_first_of(std::string_view(wanted, 2), from);
  return at == std::string_view::npos || text[at] == '\0' ? std::string_view::npos : at;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = static_cast<char>(c | 0x20);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

char Unescaped(char c) {
  constexpr std::string_view kFrom = "nrtba";
  constexpr std::string_view kTo = "\n\r\t\b\a";
  const size_t at = kFrom.find(c);
  return at == std::string_view::npos ? c : kTo[at];
}

// Reads the quoted word at `at`, without the quotes. False if the quotes are not closed, or are not
// followed by the end of the word.
bool TakeQuoted(std::string_view line, size_t* at, std::string* word) {
  const char quote = line[(*at)++];
  while (*at < line.size() && line[*at] != quote) {
    char c = line[(*at)++];
    if (c == '\\' && quote == '\'' && line.substr(*at, 1) == "'") {
      c = line[(*at)++];
    } else if (c == '\\' && quote == '"' && *at < line.size()) {
      const std::string_view hex = line.substr(*at, 3);
      if (hex.size() == 3 && hex[0] == 'x' && HexDigit(hex[1]) >= 0 && HexDigit(hex[2]) >= 0) {
        c = static_cast<char>(HexDigit(hex[1]) * 16 + HexDigit(hex[2]));
        *at += 3;
      } else {
        c = Unescaped(line[(*at)++]);
      }
    }
    word->push_back(c);
  }
  if (*at == line.size()) return false;
  ++*at;
  return *at == line.size() || kSpaces.find(line[*at]) != std::string_view::npos;
}

bool SplitLine(std::string_view line, std::vector<std::string>* args) {
  for (size_t at = 0;;) {
    at = line.find_first_not_of(kSpaces, at);
    if (at == std::string_view::npos) return true;
    std::string word;
    while (at < line.size() && std::string_view(" \t\r\n").find(line[at]) == std::string::npos) {
      if (line[at] != '"' && line[at] != '\'') {
        word.push_back(line[at++]);
        continue;
      }
      if (!TakeQuoted(line, &at, &word)) return false;
      break;
    }
    args->push_back(word);
  }
}

}  // namespace

std::optional<int64_t> ParseNumber(std::string_view text) {
  int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, status] = std::from_chars(text.data(), end, number);
  if (status != std::errc() || stop != end || std::to_string(number) != text) return std::nullopt;
  return number;
}

Parsed TakeRequest(std::string* input, std::vector<std::string>* args, std::string* error) {
  args->clear();
  const std::string_view text = *input;
  const auto broken = [&](std::string_view what) {
    *error = "Protocol error: " + std::string(what);
    return Parsed::kBroken;
  };
  if (text.empty()) return Parsed::kMore;
  if (text[0] != '*') {
    const size_t end = FindStop(text, 0, '\n');
    if (end == std::string_view::npos) {
      return text.size() > kMaxLine ? broken("too big inline request") : Parsed::kMore;
    }
    const std::string_view line = text.substr(0, end > 0 && text[end - 1] == '\r' ? end - 1 : end);
    if (!SplitLine(line, args)) return broken("unbalanced quotes in request");
    input->erase(0, end + 1);
    return Parsed::kRequest;
  }
  size_t at = 0;
  // The number between the type byte and the end of the line. A line ends with two bytes.
  const auto take_number = [&](std::optional<int64_t>* number) {
    const size_t end = FindStop(text, at, '\r');
    if (end == std::string_view::npos || end + 1 >= text.size()) return false;
    *number = ParseNumber(text.substr(at + 1, end - at - 1));
    at = end + 2;
    return true;
  };
  std::optional<int64_t> count;
  if (!take_number(&count)) {
    return text.size() > kMaxLine ? broken("too big mbulk count string") : Parsed::kMore;
  }
  if (!count || *count > kMaxArgs) return broken("invalid multibulk length");
  for (; *count > 0; --*count) {
    const size_t header = at;
    std::optional<int64_t> size;
    if (!take_number(&size)) {
      return text.size() - at > kMaxLine ? broken("too big bulk count string") : Parsed::kMore;
    }
    if (text[header] != '$') return broken("expected '$'");
    if (!size || *size < 0 || *size > kMaxBulk) return broken("invalid bulk length");
    const auto bytes = static_cast<size_t>(*size);
    if (text.size() - at < bytes + 2) return Parsed::kMore;
    args->emplace_back(text.substr(at, bytes));
    at += bytes + 2;
  }
  input->erase(0, at);
  return Parsed::kRequest;
}

}  // namespace tiny
