#include <algorithm>
#include <cctype>
#include <utility>

#include "engine/quote.h"
#include "worlds/properties/property.h"

namespace resprobe {
namespace {

constexpr size_t kShownValues = 12;
constexpr size_t kShownBytes = 100;

void AppendTexts(const resp::ReplyView& reply, std::vector<std::string>* texts) {
  if (reply.is_aggregate()) {
    for (const resp::ReplyView element : reply) AppendTexts(element, texts);
    return;
  }
  texts->emplace_back(reply.is_null() ? "(nil)" : std::string(reply.text()));
}

std::string Quoted(std::string_view text) {
  std::string quoted;
  AppendQuoted(&quoted, text.substr(0, kShownBytes));
  if (text.size() > kShownBytes) quoted += "… (" + std::to_string(text.size()) + " bytes)";
  return quoted;
}

std::string Shown(const std::vector<std::string>& list) {
  std::string text = "[";
  for (size_t i = 0; i < std::min(list.size(), kShownValues); ++i) {
    text += (i > 0 ? " " : "") + Quoted(list[i]);
  }
  text += "]";
  if (list.size() > kShownValues) text += " (" + std::to_string(list.size()) + " in all)";
  return text;
}

}  // namespace

bool PropertyServer::SaysUnknown(std::string_view /*command*/, const resp::ReplyView& reply) const {
  if (!reply.is_error()) return false;
  std::string text(reply.text());
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (const std::string_view sign :
       {"unknown command", "unknown subcommand", "not supported", "not implemented"}) {
    if (text.find(sign) != text.npos) return true;
  }
  return false;
}

std::string PropertyTrial::Value() {
  switch (rng_.Below(6)) {
    case 0:
      return std::to_string(rng_.Between(-9, 9));
    case 1:
      return std::to_string(static_cast<int64_t>(rng_.Next()));
    case 2: {
      // Around the limits of short encodings.
      constexpr size_t kSizes[] = {0, 1, 43, 44, 45, 63, 64, 65, 255, 256, 5000};
      return std::string(rng_.Pick(kSizes), static_cast<char>('a' + rng_.Below(26)));
    }
    case 3: {
      std::string bytes(rng_.Below(8), '\0');
      for (char& c : bytes) c = static_cast<char>(rng_.Next());
      return bytes;
    }
    default: {
      std::string word(1 + rng_.Below(4), '\0');
      for (char& c : word) c = static_cast<char>('a' + rng_.Below(4));
      return word;
    }
  }
}

std::vector<std::string> PropertyTrial::Values(size_t count) {
  std::vector<std::string> values;
  for (size_t i = 0; i < count; ++i) values.push_back(Value());
  return values;
}

std::vector<std::string> PropertyTrial::Distinct(size_t count) {
  std::vector<std::string> values;
  while (values.size() < count) {
    std::string value = Value();
    if (std::ranges::find(values, value) != values.end()) value += std::to_string(values.size());
    if (std::ranges::find(values, value) == values.end()) values.push_back(std::move(value));
  }
  return values;
}

Answer PropertyTrial::AskAny(std::vector<std::string> words) {
  Answer answer;
  if (over()) return answer;
  if (rewrite_ != nullptr) rewrite_(&words);
  if (run_.trace().on()) run_.trace().Line(WordsLine(words));
  const std::optional<resp::ReplyView> reply = server_.Ask(words);
  if (!reply) {
    run_.Fail("answers", "a reply to " + WordsLine(words), server_.WhyNone());
    return answer;
  }
  if (run_.trace().on()) run_.trace().Line("  " + resp::ToText(*reply));
  if (server_.SaysUnknown(words.front(), *reply)) {
    absent_ = words.front();
    return answer;
  }
  answer.error = reply->is_error();
  answer.null = reply->is_null();
  if (reply->is_aggregate()) {
    AppendTexts(*reply, &answer.list);
  } else {
    answer.text = reply->text();
  }
  return answer;
}

Answer PropertyTrial::Ask(std::vector<std::string> words) {
  const std::string line = WordsLine(words);
  Answer answer = AskAny(std::move(words));
  if (!over() && answer.error) {
    run_.Fail(property_, "no error from " + line, "(error) " + answer.text);
  }
  return answer;
}

Answer PropertyTrial::Ask(std::vector<std::string> words, const std::vector<std::string>& more) {
  words.insert(words.end(), more.begin(), more.end());
  return Ask(std::move(words));
}

void PropertyTrial::Clear() {
  for (const std::string_view key : {kA, kB, kC}) Ask({"DEL", std::string(key)});
}

void PropertyTrial::Pass(int64_t ms) {
  if (over()) return;
  if (run_.trace().on()) run_.trace().Line(std::to_string(ms) + " ms pass");
  server_.Pass(ms);
}

bool PropertyTrial::Crash() {
  if (over()) return false;
  std::string error;
  if (server_.Crash(&error)) {
    if (run_.trace().on()) run_.trace().Line("the power fails, and the server recovers");
    return true;
  }
  if (error.empty()) {
    absent_ = "a crash";
  } else {
    run_.Fail(property_, "a server that starts again", error);
  }
  return false;
}

bool PropertyTrial::Expect(bool holds, const std::string& expected, const std::string& seen) {
  if (over()) return false;
  return run_.Check(holds, property_, expected, seen);
}

bool PropertyTrial::ExpectText(const Answer& answer, const std::string& text,
                               const std::string& what) {
  return Expect(!answer.null && answer.text == text, what + ": " + Quoted(text),
                answer.null ? "(nil)" : Quoted(answer.text));
}

bool PropertyTrial::ExpectList(const Answer& answer, const std::vector<std::string>& list,
                               const std::string& what) {
  return Expect(answer.list == list, what + ": " + Shown(list), Shown(answer.list));
}

}  // namespace resprobe
