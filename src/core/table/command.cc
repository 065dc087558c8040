#include "core/table/command.h"

#include <algorithm>
#include <iterator>

#include "core/keyspace/integers.h"
#include "core/table/glob.h"
#include "core/table/table.h"

namespace resprobe {

bool CommandContext::IsWord(std::string_view arg, std::string_view word) {
  if (arg.size() < word.size()) return false;
  for (size_t i = 0; i < word.size(); ++i) {
    char c = arg[i];
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 0x20);
    if (c != word[i]) return false;
  }
  // The server compares C strings, which end at a NUL.
  return arg.size() == word.size() || arg[word.size()] == '\0';
}

bool CommandContext::ErrorAbout(std::string_view before, std::string_view arg,
                                std::string_view after) {
  std::string& text = scratch;
  text.assign(before);
  text.append(arg.substr(0, arg.find('\0')));
  text.append(after);
  // Line ends would break the protocol: remove those at the end, replace the others with spaces
  // (addReplyErrorFormat).
  while (!text.empty() && (text.back() == '\r' || text.back() == '\n')) text.pop_back();
  for (char& c : text) {
    if (c == '\r' || c == '\n') c = ' ';
  }
  return Error(text);
}

bool CommandContext::WrongArity() {
  return ErrorAbout("ERR wrong number of arguments for '", command.full_name(), "' command");
}

bool CommandContext::UnknownSubcommandOrArity() {
  std::string after = "'. Try ";
  for (const char byte : command.parent->name()) after += static_cast<char>(byte & ~0x20);
  return ErrorAbout("ERR unknown subcommand or wrong number of arguments for '",
                    args[1].substr(0, 128), after + " HELP.");
}

bool CommandContext::InvalidExpireTime() {
  return ErrorAbout("ERR invalid expire time in '", command.full_name(), "' command");
}

bool CommandContext::IntBetween(size_t i, int64_t low, int64_t high, int64_t* value,
                                std::string_view error) {
  return Int(i, value, error) && ((*value >= low && *value <= high) || Error(error));
}

bool CommandContext::Double(size_t i, double* value, std::string_view error) {
  return ParseDouble(args[i], value) || Error(error);
}

// Parses like strtoul() on a C string: an empty one is 0, a minus sign negates, a NUL ends it.
bool CommandContext::Cursor(size_t i, uint64_t* cursor) {
  const bool strict = traits().strict_cursors;
  std::string_view text = args[i].substr(0, args[i].find('\0'));
  if (strict) {
    // First as a strict integer; otherwise like strtoull(), which accepts space and signs.
    int64_t number;
    if (ParseInt64(text, &number)) {
      if (number < 0) return Error(errors::kInvalidCursor);
      *cursor = static_cast<uint64_t>(number);
      return true;
    }
    while (!text.empty() && (text[0] == ' ' || (text[0] >= '\t' && text[0] <= '\r'))) {
      text.remove_prefix(1);
    }
    if (text.empty()) return Error(errors::kInvalidCursor);
  }
  bool negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
    if (text.empty()) return Error(errors::kInvalidCursor);
  }
  uint64_t value = 0;
  for (const char c : text) {
    const auto digit = static_cast<uint64_t>(static_cast<unsigned char>(c)) - '0';
    if (digit > 9 || value > (UINT64_MAX - digit) / 10) return Error(errors::kInvalidCursor);
    value = value * 10 + digit;
  }
  *cursor = negative ? 0 - value : value;
  return true;
}

void CommandContext::ReplyDouble(double value) {
  char buffer[kNumberBufferSize];
  reply.Double(FormatDouble(profile, value, buffer));
}

bool CommandContext::ScanOptions::Wants(std::string_view name) const {
  return match_all || GlobMatch(pattern, name);
}

namespace {

// True for any type that the server knows, including those that the core lacks.
bool IsTypeName(std::string_view name) {
  constexpr std::string_view kNames[] = {"STRING", "LIST", "SET", "ZSET", "HASH", "STREAM"};
  return std::any_of(std::begin(kNames), std::end(kNames),
                     [&](std::string_view known) { return CommandContext::IsWord(name, known); });
}

}  // namespace

bool CommandContext::ParseScanOptions(size_t first, bool allow_type, ScanOptions* options) {
  for (size_t i = first; i < argc(); i += 2) {
    const bool more = i + 1 < argc();
    if (more && Is(i, "COUNT")) {
      if (!Int(i + 1, &options->count)) return false;
      if (options->count < 1) return SyntaxError();
    } else if (more && Is(i, "MATCH")) {
      options->pattern = args[i + 1];
      options->match_all = options->pattern == "*";
    } else if (more && allow_type && Is(i, "TYPE")) {
      options->type = args[i + 1];
      if (traits().scan_knows_types && !IsTypeName(options->type)) {
        return ErrorAbout("ERR unknown type name '", options->type, "'");
      }
      options->by_type = true;
    } else {
      return SyntaxError();
    }
  }
  return true;
}

}  // namespace resprobe
