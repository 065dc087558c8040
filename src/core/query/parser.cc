#include "core/query/parser.h"

#include <algorithm>
#include <array>

#include "core/query/chars.h"
#include "core/query/parser_impl.h"

namespace resprobe::query {
namespace {

constexpr std::string_view kIsMissing = "ismissing";

}  // namespace

bool Parse(std::string_view query, const Options& options, Ast* out, Error* error) {
  if (query.size() > Limits::kMaxQuery) {
    out->Clear();
    *error = {.code = ErrorCode::kTooLong,
              .offset = Limits::kMaxQuery,
              .expected = "a shorter query",
              .found = "more text"};
    return false;
  }
  if (Parser(query, options, out, error).ParseQuery()) return true;
  out->Clear();
  return false;
}

Parser::Parser(std::string_view query, const Options& options, Ast* out, Error* error)
    : query_(query),
      options_(options),
      stopwords_(*options.stopwords),
      ast_(*out),
      error_(error),
      max_stack_(std::min(options.limits.max_stack, Limits::kMaxStack)),
      lexer_(out->Prepare(query), static_cast<uint32_t>(query.size()), options.dialect) {}

bool Parser::Fail(const char* expected, const char* found, ErrorCode code) {
  *error_ = {.code = code,
             .offset = tok().begin,
             .length = tok().end - tok().begin,
             .expected = expected,
             .found = found};
  if (At(Tok::kUnclosed)) {  // this is the error, whatever else was expected
    error_->length = 0;
    error_->expected = "a closing quote";
    error_->found = NameOf(Tok::kEnd);
  }
  return false;
}

bool Parser::FailStack() {
  return Fail("fewer nested operators (the parser's stack is full)", NameOf(tok().kind),
              ErrorCode::kStack);
}

bool Parser::Expect(Tok kind, const char* expected) {
  if (tok().kind != kind) return Fail(expected);
  Advance();
  return true;
}

bool Parser::IsKeyword(std::string_view lower) const {
  return tok().kind == Tok::kWord && EqualsNoCase(Raw(tok()), lower);
}

// Combines the `count` subtrees added since `mark` into one node, if there are two or more.
bool Parser::Combine(Kind kind, uint32_t mark, uint32_t count, uint32_t begin) {
  if (count >= 2) ast_.Add(kind, mark, begin, last_end_);
  return true;
}

bool Parser::ParseQuery() {
  const uint32_t begin = tok().begin;
  const uint32_t mark = ast_.size();
  if (At(Tok::kEnd)) {
    ast_.Add(Kind::kEmpty, 0, 0, static_cast<uint32_t>(query_.size()));
    return true;
  }
  const bool may_be_star = At(Tok::kStar) || (At(Tok::kLeftParen) && dialect2());
  if (may_be_star && !ParseStarQuery()) return false;
  if (!is_star_ && !ParseExpression(1)) return false;
  const char* expected = "an operand, '|', '=>{' or the end of the query";
  if (is_star_) expected = dialect2() ? "the end of the query, or '=>['" : "the end of the query";
  if (At(Tok::kArrow) && dialect2()) {
    // Before a KNN clause there is exactly one operand, which begins where the query begins.
    if (!is_star_ && last_operand_begin_ != begin) {
      return Fail("the end of the query, or parentheses around all that is before '=>['");
    }
    if (!ParseKnn(mark, begin)) return false;
    expected = "the end of the query, or '=>{'";
  }
  if (!At(Tok::kEnd)) return Fail(expected);
  if (ast_.empty()) ast_.Add(Kind::kEmpty, 0, 0, static_cast<uint32_t>(query_.size()));
  return true;
}

// `*`, in dialect 2 also `(*)`, `((*))`, ...
bool Parser::ParseStarQuery() {
  const uint32_t begin = tok().begin;
  const Lexer start = lexer_;
  uint32_t parentheses = 0;
  while (At(Tok::kLeftParen)) {
    ++parentheses;
    Advance();
  }
  if (!At(Tok::kStar)) {  // another expression that begins with parentheses
    lexer_ = start;
    last_end_ = 0;
    return true;
  }
  if (!Holds(parentheses + 2)) return false;
  is_star_ = true;
  Advance();
  for (; parentheses > 0; --parentheses) {
    if (!Expect(Tok::kRightParen, "')'")) return false;
  }
  ast_.Add(Kind::kStar, ast_.size(), begin, last_end_);
  return true;
}

bool Parser::ParseExpression(uint32_t held) {
  return dialect2() ? ParseOr(held) : ParseChain(held, Reach::kAll);
}

// --- Dialect 2 ---

bool Parser::ParseOr(uint32_t held) {
  const uint32_t begin = tok().begin;
  const uint32_t mark = ast_.size();
  uint32_t count = 0;
  for (uint32_t waiting = held;; waiting = held + 2) {
    const uint32_t before = ast_.size();
    if (!ParseAnd(waiting)) return false;
    count += ast_.size() > before;
    if (!At(Tok::kOr)) break;
    Advance();
  }
  return Combine(Kind::kOr, mark, count, begin);
}

bool Parser::ParseAnd(uint32_t held) {
  const uint32_t begin = tok().begin;
  const uint32_t mark = ast_.size();
  uint32_t count = 0;
  uint32_t waiting = held;
  do {
    const uint32_t before = ast_.size();
    if (!ParseOperand(waiting)) return false;
    count += ast_.size() > before;
    waiting = held + 1;
  } while (AtAny(kStartsOperand));
  return Combine(Kind::kAnd, mark, count, begin);
}

bool Parser::ParseOperand(uint32_t held) {
  if (AtAny(kIsOperator)) return ParsePrefix(held);
  const uint32_t begin = tok().begin;
  if (!ParsePrimary(held)) return false;
  last_operand_begin_ = begin;
  return true;
}

// Parses the operands that `-`, `~` or `@field:` applies to besides its first one, which was added
// since `mark`: the server's grammar gives a number, parameter, affix, pattern or fuzzy term after
// it a higher precedence than the operator. `-a b` is (-a) b, but `-a 5 $p c` is -(a 5 $p) c.
bool Parser::ParseFollowers(uint32_t held, uint32_t mark, uint32_t begin) {
  uint32_t count = ast_.size() > mark;
  bool followed = false;
  while (AtAny(kIsFollower)) {
    const uint32_t before = ast_.size();
    if (!ParsePrimary(held + 1)) return false;
    count += ast_.size() > before;
    followed = true;
  }
  if (followed) last_operand_begin_ = last_end_;  // a KNN clause may not follow
  return Combine(Kind::kAnd, mark, count, begin);
}

// --- Dialect 1 ---

bool Parser::ParseChain(uint32_t held, Reach reach) {
  const uint32_t begin = tok().begin;
  const uint32_t mark = ast_.size();
  uint32_t count = 0;
  uint32_t waiting = held;
  for (;;) {
    const uint32_t before = ast_.size();
    if (!ParseAlternatives(waiting)) return false;
    if (last_words_ >= 2) {  // adjacent words join the chain around them
      ast_.Rewind(ast_.size() - 1);
      count += last_words_;
    } else {
      count += ast_.size() > before;
    }
    waiting = held + 1;
    if (!AtAny(kStartsOperand)) break;
    if (reach != Reach::kAll && At(Tok::kTilde)) break;
    if (reach == Reach::kNot && (At(Tok::kMinus) || At(Tok::kString))) break;
  }
  last_words_ = 0;
  return Combine(Kind::kAnd, mark, count, begin);
}

bool Parser::ParseAlternatives(uint32_t held) {
  const uint32_t begin = tok().begin;
  const uint32_t mark = ast_.size();
  uint32_t count = 0;
  if (!ParseUnit(held)) return false;
  if (!At(Tok::kOr)) return true;  // last_words_ is for ParseChain
  count += ast_.size() > mark;
  while (At(Tok::kOr)) {
    Advance();
    const uint32_t before = ast_.size();
    if (!ParseUnit(held + 2)) return false;
    count += ast_.size() > before;
  }
  last_words_ = 0;
  return Combine(Kind::kOr, mark, count, begin);
}

bool Parser::ParseUnit(uint32_t held) {
  if (AtAny(kIsOperator)) return ParsePrefix(held);
  if (AtAny(kIsWord)) return ParseWords(held);
  const bool parsed = ParsePrimary(held);
  last_words_ = 0;
  return parsed;
}

bool Parser::ParseWords(uint32_t held) {
  const uint32_t begin = tok().begin;
  const uint32_t mark = ast_.size();
  if (!Holds(held + 1)) return false;
  uint32_t count = 0;
  if (AtStopword()) {
    Advance();
  } else {
    // Two words, and then words that are neither numbers nor stop words.
    do {
      ParseWord();
      ++count;
    } while (AtAny(kIsWord) && !AtStopword() && (count < 2 || At(Tok::kWord)));
  }
  Combine(Kind::kAnd, mark, count, begin);
  last_words_ = count;
  if (At(Tok::kArrow)) {
    last_words_ = 0;
    return ParseAttributes(mark, begin);
  }
  return true;
}

// --- Both dialects ---

bool Parser::ParsePrefix(uint32_t held) {
  const uint32_t begin = tok().begin;
  const bool is_not = At(Tok::kMinus);
  if (!Holds(held + 1)) return false;
  Advance();
  const uint32_t mark = ast_.size();
  const uint32_t operand = tok().begin;
  const bool parsed = dialect2() ? ParseOperand(held + 1) && ParseFollowers(held + 1, mark, operand)
                                 : ParseChain(held + 1, is_not ? Reach::kNot : Reach::kOptional);
  if (!parsed) return false;
  last_operand_begin_ = last_end_;  // a KNN clause may not follow
  if (ast_.size() == mark) return true;
  ast_.Add(is_not ? Kind::kNot : Kind::kOptional, mark, begin, last_end_);
  return true;
}

bool Parser::ParsePrimary(uint32_t held) {
  const uint32_t begin = tok().begin;
  const uint32_t mark = ast_.size();
  if (!Holds(held + 1)) return false;
  bool parsed = false;
  switch (tok().kind) {
    case Tok::kField:
      return ParseField(held);
    case Tok::kLeftParen:
      parsed = ParseParentheses(held);
      break;
    case Tok::kWord:
      if (tok().end - tok().begin == kIsMissing.size() && IsMissingFunction()) {
        if (!ParseMissing()) return false;
        parsed = true;
        break;
      }
      [[fallthrough]];
    case Tok::kNumber:
      ParseWord();
      parsed = true;
      break;
    case Tok::kParam:
      if (!dialect2()) return Fail("an operand (parameters need dialect 2)");
      AddLeaf(Kind::kParam, TextOf(tok())).flags = kIsParam;
      parsed = true;
      break;
    case Tok::kString:
      AddLeaf(Kind::kExact, TextOf(tok()));
      parsed = true;
      break;
    case Tok::kAffix:
      parsed = ParseAffix();
      break;
    case Tok::kWildcard:
      parsed = ParseWildcard();
      break;
    case Tok::kPercent:
      parsed = ParseFuzzy();
      break;
    default:
      return Fail("an operand");
  }
  if (!parsed) return false;
  return !At(Tok::kArrow) || ParseAttributes(mark, begin);
}

bool Parser::ParseParentheses(uint32_t held) {
  Advance();
  if (!ParseExpression(held + 1)) return false;
  return Expect(Tok::kRightParen, "an operand, '|', '=>{' or ')'");
}

bool Parser::AtStopword() const {
  const uint32_t size = tok().text_end - tok().text_begin;
  return At(Tok::kWord) &&
         stopwords_.ContainsPadded(ast_.text_data({tok().text_begin, size, false}), size);
}

void Parser::ParseWord() {
  if (AtStopword()) {
    Advance();
  } else {
    AddLeaf(Kind::kTerm, TextOf(tok()));
  }
}

bool Parser::CheckPattern(Ast::Text pattern, bool has_minimum) {
  const Limits& limits = options_.limits;
  const std::string_view text(ast_.text_data(pattern), pattern.size);
  const bool too_long = text.size() > limits.max_pattern && CountChars(text) > limits.max_pattern;
  if (too_long) {
    return Fail("a shorter pattern", "one of more characters than the limit", ErrorCode::kPattern);
  }
  const bool too_short =
      has_minimum && (text.size() < limits.min_affix || CountChars(text) < limits.min_affix);
  if (too_short) {
    return Fail("a longer word beside '*'", "one of fewer characters than the limit",
                ErrorCode::kPattern);
  }
  return true;
}

bool Parser::ParseAffix() {
  const Ast::Text text = TextOf(tok());
  const uint8_t from = tok().flags;
  if (!(from & kParamText) && !CheckPattern(text, true)) return false;
  uint8_t flags = 0;
  if (from & kParamText) flags |= kIsParam;
  if (from & kStringText) flags |= kQuoted;
  if (from & kStarAfter) flags |= kPrefix;
  if (from & kStarBefore) flags |= kSuffix;
  AddLeaf(Kind::kAffix, text).flags = flags;
  return true;
}

bool Parser::ParseWildcard() {
  // The backslashes are part of the pattern, so they stay.
  const Ast::Text pattern{tok().text_begin, tok().text_end - tok().text_begin, false};
  if (!CheckPattern(pattern, false)) return false;
  AddLeaf(Kind::kWildcard, pattern);
  return true;
}

bool Parser::ParseFuzzy() {
  constexpr uint8_t kMostDistance = 3;
  const uint32_t begin = tok().begin;
  uint8_t distance = 0;
  while (At(Tok::kPercent)) {
    if (distance == kMostDistance) return Fail("a word (the distance is 3 at most)");
    ++distance;
    Advance();
  }
  if (!ParseValue(Kind::kFuzzy, "a word")) return false;
  for (uint8_t closing = 0; closing < distance; ++closing) {
    if (!Expect(Tok::kPercent, "'%', as often as before the word")) return false;
  }
  Node& node = ast_.last();
  node.arg = distance;
  node.begin = begin;
  node.end = last_end_;
  return true;
}

// Dialect 2: `ismissing ( @field )`. In a field's scope "ismissing" is an ordinary word.
bool Parser::IsMissingFunction() const { return dialect2() && !in_field_ && IsKeyword(kIsMissing); }

}  // namespace resprobe::query
