#include "history/history.h"

#include <charconv>

#include "core/resp/reply_parser.h"
#include "core/resp/request_parser.h"
#include "core/resp/writer.h"
#include "engine/quote.h"

namespace resprobe::history {
namespace {

constexpr std::string_view kNext = ";";
constexpr std::string_view kReplies = "->";

bool IsMark(std::string_view word) { return word == kNext || word == kReplies; }

bool TakeTime(std::string_view word, uint64_t* time) {
  const char* const end = word.data() + word.size();
  const auto [at, code] = std::from_chars(word.data(), end, *time);
  return code == std::errc() && at == end && *time != Operation::kNever;
}

// One or more whole replies, and nothing else.
bool AreReplies(std::string_view bytes) {
  resp::ReplyParser parser;
  while (!bytes.empty()) {
    const resp::ReplyParser::Result result = parser.Parse(bytes);
    if (result.status != resp::ReplyParser::Status::kValue) return false;
    bytes.remove_prefix(result.consumed);
  }
  return true;
}

// Returns what is wrong, or "".
std::string ParseLine(std::string_view line, Operation* operation) {
  std::string word;
  std::string problem;
  bool quoted = false;
  uint64_t client = 0;
  if (!TakeWord(&line, &word, &quoted, &problem) || !TakeTime(word, &client) ||
      client > UINT32_MAX) {
    return "the first word is the number of the client";
  }
  operation->client = static_cast<uint32_t>(client);
  if (!TakeWord(&line, &word, &quoted, &problem) || !TakeTime(word, &operation->begin_us)) {
    return "the second word is the time of the begin, in microseconds";
  }
  if (!TakeWord(&line, &word, &quoted, &problem)) return "the time of the end is missing";
  const bool known = !word.starts_with('?');
  const std::string_view end = std::string_view(word).substr(known ? 0 : 1);
  if ((known || !end.empty()) && !TakeTime(end, &operation->end_us)) {
    return "the third word is the time of the end, in microseconds, or '?', or '?TIME'";
  }
  if (operation->end_us < operation->begin_us) return "it ends before it begins";
  resp::Writer writer(&operation->requests);
  std::vector<std::string> words;
  const auto take_request = [&] {
    if (words.empty()) return false;
    writer.ArrayHeader(words.size());
    for (const std::string& one : words) writer.BulkString(one);
    words.clear();
    return true;
  };
  bool replies = false;
  while (TakeWord(&line, &word, &quoted, &problem)) {
    replies = !quoted && word == kReplies;
    if (quoted || !IsMark(word)) {
      words.push_back(word);
    } else if (!take_request()) {
      return "a request is missing";
    }
    if (replies) break;
  }
  if (!problem.empty()) return problem;
  if (replies && !TakeWord(&line, &operation->replies, &quoted, &problem)) {
    return problem.empty() ? "the replies are missing after ->" : problem;
  }
  if (!replies && !take_request()) return "a request is missing";
  if (TakeWord(&line, &word, &quoted, &problem)) return "a word is left over: " + word;
  if (!problem.empty()) return problem;
  if (!AreReplies(operation->replies)) return "what is after -> is not whole replies of RESP";
  if (known && !operation->answered()) return "it has an end, so it needs replies: -> \"…\"";
  if (!known && operation->answered()) return "its end is unknown, so it has no replies";
  return "";
}

}  // namespace

bool RequestsOf(const Operation& operation, std::vector<std::vector<std::string>>* requests) {
  requests->clear();
  resp::RequestParser parser;
  parser.set_authenticated(true);
  std::string_view rest = operation.requests;
  while (!rest.empty()) {
    const resp::RequestParser::Result result = parser.Parse(rest);
    if (result.status != resp::RequestParser::Status::kRequest) return false;
    requests->emplace_back(parser.args().begin(), parser.args().end());
    rest.remove_prefix(result.consumed);
  }
  return !requests->empty();
}

std::string RequestsText(const Operation& operation) {
  std::vector<std::vector<std::string>> requests;
  if (!RequestsOf(operation, &requests)) {
    std::string text;
    AppendQuoted(&text, operation.requests);
    return text;
  }
  std::string text;
  for (const std::vector<std::string>& request : requests) {
    if (!text.empty()) text += " ;";
    for (const std::string& word : request) {
      if (!text.empty()) text += ' ';
      if (IsMark(word)) {
        AppendQuoted(&text, word);
      } else {
        AppendWord(&text, word);
      }
    }
  }
  return text;
}

std::string LineOf(const Operation& operation) {
  std::string line =
      std::to_string(operation.client) + " " + std::to_string(operation.begin_us) + " ";
  if (!operation.answered()) line += '?';
  if (operation.end_us != Operation::kNever) line += std::to_string(operation.end_us);
  line += "  " + RequestsText(operation);
  if (operation.answered()) {
    line += " -> ";
    AppendQuoted(&line, operation.replies);
  }
  return line;
}

std::string Print(const History& history) {
  std::string text = "# CLIENT BEGIN END  REQUESTS -> REPLIES\n";
  for (const Operation& operation : history.operations) text += LineOf(operation) + "\n";
  return text;
}

bool Parse(std::string_view text, History* history, std::string* error) {
  history->operations.clear();
  for (size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.empty() || line.starts_with('#')) continue;
    const std::string problem = ParseLine(line, &history->operations.emplace_back());
    if (problem.empty()) continue;
    *error = "line " + std::to_string(number) + ": " + problem;
    return false;
  }
  return true;
}

}  // namespace resprobe::history
