#include "live/query/search_profile.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <vector>

#include "core/query/chars.h"
#include "core/query/error.h"
#include "core/query/lexer.h"
#include "core/query/names.h"
#include "core/query/options.h"
#include "core/query/parser.h"
#include "live/query/search_plan.h"

namespace resprobe::live {
namespace {

using query::Ast;
using query::Kind;
using query::Node;
using query::Tok;

enum Rule : uint8_t {
  kNul,
  kNumbers,
  kEscapes,
  kStack,
  kSuffix,
  kFuzzy,
  kPhrase,
  kAttributes,
  kTags,
  kGeo,
};

constexpr SearchRule kRules[] = {
    {"nul", true, "reads beyond its copy of the query, which ends at the NUL",
     "a NUL separates words"},
    {"numbers", true,
     "a number is [-]d+[.d+], inf, +inf or -inf in lower case, whatever follows: 1.5foo is 1.5, "
     "foo; "
     "-info is -inf, o; 1e5 is a word, +3 is 3, .5 is 5",
     "a number is the longest one that no word character follows"},
    {"escapes", true, "of three backslashes in a row, all are removed, and of two before a `_`",
     "each backslash makes the next character a part of the word"},
    {"stack", true,
     "nesting deeper than 100 symbols leaves no tree, or is an error at another place",
     "the parser's stack holds 256 symbols"},
    {"suffix", false, "only word*", "word*, *word, *word*"},
    {"fuzzy", false, "only %word%, and no number or stop word", "%word%, %%word%%, %%%word%%%"},
    {"phrase", false,
     "a phrase is words and numbers; it begins with two words, or is one; no stop word among them",
     "a phrase is any text"},
    {"attributes", false,
     "only $weight (0 or more), $slop (a whole number from -1 on) and $inorder (true, false, 1, 0)",
     "all attributes of later versions; their values are the index's affair"},
    {"tags", false, "a stop word is no tag", "a stop word by itself is a tag"},
    {"geo", false, "longitude, latitude and radius are checked by the parser",
     "the index checks them"},
};

constexpr SearchField kSchema[] = {
    {"title", FieldType::kText}, {"body", FieldType::kText}, {"t", FieldType::kText},
    {"a-b", FieldType::kText},   {"as", FieldType::kText},   {"n", FieldType::kNumeric},
    {"tag", FieldType::kTag},    {"loc", FieldType::kGeo},
};

constexpr size_t kPadding = 16;

// Calls visit(token) for each token of `text` in dialect 1, until it returns false.
template <class Visit>
void ForTokens(std::string_view text, const Visit& visit) {
  std::string padded(text);
  padded.append(kPadding, '\0');
  query::Lexer lexer(padded.data(), static_cast<uint32_t>(text.size()), query::Dialect::k1);
  for (; lexer.token.kind != Tok::kEnd; lexer.Next()) {
    if (!visit(lexer.token)) return;
  }
}

bool IsDigit(char c) { return (query::ClassOf(c) & query::kDigitByte) != 0; }

bool HasOtherNumbers(std::string_view text) {
  bool other = false;
  ForTokens(text, [&](const query::Token& token) {
    const std::string_view raw = text.substr(token.begin, token.end - token.begin);
    const std::string_view rest = text.substr(token.end);
    const char before = token.begin > 0 ? text[token.begin - 1] : ' ';
    switch (token.kind) {
      case Tok::kNumber:
        other |= !IsServerNumber(raw) || (rest.size() > 1 && rest[0] == '.' && IsDigit(rest[1])) ||
                 (before == '\'' && raw == "inf");
        break;
      case Tok::kAffix:
        other |= (token.flags & (query::kNotWord | query::kDigitsOnly)) == query::kNotWord;
        [[fallthrough]];
      case Tok::kWord:
        other |= (before == '+' || before == '\'' || before == '-') && raw.starts_with("inf");
        break;
      case Tok::kMinus:
        other |= !rest.empty() && (IsDigit(rest[0]) || rest.starts_with("inf"));
        break;
      case Tok::kString:
        other |= HasOtherNumbers(raw.substr(1, raw.size() - 2));
        break;
      case Tok::kUnclosed:
        other |= HasOtherNumbers(raw.substr(1));
        break;
      default:
        break;
    }
    return !other;
  });
  return other;
}

// Finds the first rule by which the server refuses a tree.
class Refusals {
 public:
  Refusals(const Ast& ast, std::string_view query, bool has_stopwords)
      : ast_(ast), query_(query), has_stopwords_(has_stopwords) {}

  const SearchRule* Find() const {
    for (const Node& node : ast_.nodes()) {
      if (Rule rule{}; Breaks(node, &rule)) return &kRules[rule];
    }
    return nullptr;
  }

 private:
  bool Breaks(const Node& node, Rule* rule) const {
    const std::string text(ast_.text(node));
    switch (node.kind) {
      case Kind::kAffix:
        *rule = kSuffix;
        return (node.flags & query::kSuffix) != 0;
      case Kind::kFuzzy:
        *rule = kFuzzy;
        return node.arg > 1 || IsStopword(text) || IsServerNumber(text);
      case Kind::kExact: {
        *rule = kPhrase;
        std::vector<std::string> ignored;
        return !PhraseWords(query_.substr(node.begin + 1, node.end - node.begin - 2),
                            has_stopwords_, &ignored);
      }
      case Kind::kAttribute:
        *rule = kAttributes;
        return IsStopword(text) || !HasValue(node, text);
      case Kind::kTag:
        *rule = kTags;
        return HasOtherTags(node);
      case Kind::kGeo: {
        *rule = kGeo;
        const Node& lon = ast_.node(node.first_child);
        const Node& lat = ast_.node(lon.next);
        const Node& radius = ast_.node(lat.next);
        constexpr double kMostLongitude = 180;
        constexpr double kMostLatitude = 90;
        return std::fabs(NumberOf(ast_, lon)) > kMostLongitude ||
               std::fabs(NumberOf(ast_, lat)) > kMostLatitude || NumberOf(ast_, radius) <= 0;
      }
      default:
        return false;
    }
  }

  bool IsStopword(std::string_view text) const { return has_stopwords_ && IsServerStopword(text); }

  // The attribute exists, and the server accepts the value.
  static bool HasValue(const Node& node, const std::string& text) {
    char* end = nullptr;
    switch (static_cast<query::AttributeName>(node.arg)) {
      case query::AttributeName::kWeight: {
        const double weight = std::strtod(text.c_str(), &end);
        return *end == '\0' && !(weight < 0);
      }
      case query::AttributeName::kSlop: {
        const long long slop = std::strtoll(text.c_str(), &end, 10);
        return *end == '\0' && slop >= -1;
      }
      case query::AttributeName::kInorder:
        return text == "1" || text == "0" || query::EqualsNoCase(text, "true") ||
               query::EqualsNoCase(text, "false");
      default:
        return false;
    }
  }

  bool HasOtherTags(const Node& tags) const {
    for (uint32_t at = tags.first_child; at != query::kNoNode; at = ast_.node(at).next) {
      const Node& tag = ast_.node(at);
      if (tag.kind == Kind::kTerm && IsStopword(ast_.text(tag))) return true;
    }
    return false;
  }

  const Ast& ast_;
  std::string_view query_;
  bool has_stopwords_;
};

}  // namespace

bool IsServerNumber(std::string_view text) {
  const std::string_view unsigned_text =
      text.starts_with('-') || text.starts_with('+') ? text.substr(1) : text;
  if (unsigned_text == "inf") return true;
  if (text.starts_with('+')) return false;
  const size_t point = std::min(unsigned_text.find('.'), unsigned_text.size());
  const std::string_view whole = unsigned_text.substr(0, point);
  const bool all_digits = std::all_of(whole.begin(), whole.end(), IsDigit);
  if (whole.empty() || !all_digits) return false;
  if (point == unsigned_text.size()) return true;
  const std::string_view fraction = unsigned_text.substr(point + 1);
  return !fraction.empty() && std::all_of(fraction.begin(), fraction.end(), IsDigit);
}

bool IsServerStopword(std::string_view text) {
  const bool lower =
      std::none_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  return lower && query::Stopwords::Default().Contains(text);
}

std::span<const SearchRule> SearchRules() { return kRules; }

std::span<const SearchField> SearchSchema() { return kSchema; }

bool HasStopwords(std::string_view query) {
  bool found = false;
  bool after_word = false;
  int braces = 0;
  ForTokens(query, [&](const query::Token& token) {
    braces += token.kind == Tok::kLeftBrace;
    braces -= token.kind == Tok::kRightBrace;
    const std::string_view text = query.substr(token.begin, token.end - token.begin);
    if (token.kind == Tok::kWord && query::Stopwords::Default().Contains(text)) {
      // In braces the parser keeps them, but for their case, unless one ends a list of tags.
      found |= braces <= 0 || after_word || !IsServerStopword(text);
    }
    after_word = (token.classes & query::kIsWord) != 0;
    return !found;
  });
  return found;
}

std::string WithPlainNumbers(std::string_view query) {
  std::string plain;
  size_t copied = 0;
  const auto replace = [&](size_t begin, size_t end, std::string_view by) {
    plain.append(query.substr(copied, begin - copied)).append(by);
    copied = end;
  };
  ForTokens(query, [&](const query::Token& token) {
    const std::string_view raw = query.substr(token.begin, token.end - token.begin);
    const bool is_foreign = token.kind == Tok::kNumber && !IsServerNumber(raw);
    const bool is_affix = token.kind == Tok::kAffix && (token.flags & query::kNotWord) != 0;
    if (is_foreign || is_affix) replace(token.begin, token.end, " 7 ");
    if (token.kind == Tok::kMinus) replace(token.end, token.end, " ");
    return true;
  });
  return plain.append(query.substr(copied));
}

SearchExpectation Expect(std::string_view query, bool stopwords, Ast* scratch) {
  using Verdict = SearchExpectation::Verdict;
  SearchExpectation expected;
  const auto left_out = [&](Rule rule) {
    expected.verdict = Verdict::kLeftOut;
    expected.rule = &kRules[rule];
    return expected;
  };
  if (query.find('\0') != query.npos) return left_out(kNul);
  if (query.find("\\\\\\") != query.npos || query.find("\\\\_") != query.npos) {
    return left_out(kEscapes);
  }
  if (HasOtherNumbers(query)) return left_out(kNumbers);
  // The server's stack of 100 also holds what each symbol consists of.
  constexpr uint32_t kStackOfServer = 40;
  // The core's parser needs no stack for the signs of a number.
  uint32_t run = 0;
  uint32_t longest = 0;
  ForTokens(query, [&](const query::Token& token) {
    run = token.kind == Tok::kMinus || token.kind == Tok::kLeftParen ? run + 1 : 0;
    longest = std::max(longest, run);
    return true;
  });
  if (longest > kStackOfServer) return left_out(kStack);
  query::Options options{.dialect = query::Dialect::k1};
  options.stopwords = stopwords ? &query::Stopwords::Default() : &query::Stopwords::None();
  options.limits.min_affix = 0;
  options.limits.max_pattern = UINT32_MAX;
  options.limits.max_stack = kStackOfServer;
  query::Error error;
  if (!query::Parse(query, options, scratch, &error)) {
    if (error.code == query::ErrorCode::kStack) return left_out(kStack);
    expected.verdict = Verdict::kRefused;
    expected.error = error.ToString(query);
    expected.cause = std::string("expected ") + error.expected + ", found " + error.found;
    return expected;
  }
  const Refusals refusals(*scratch, query, stopwords);
  if (const SearchRule* rule = refusals.Find()) {
    expected.verdict = Verdict::kRefused;
    expected.rule = rule;
    expected.cause = "rule " + std::string(rule->name);
    return expected;
  }
  expected.tree = ExplainText(PlanBuilder(*scratch, query, stopwords).Build().get());
  return expected;
}

}  // namespace resprobe::live
