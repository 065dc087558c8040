#ifndef RESPROBE_CORE_QUERY_PARSER_IMPL_H_
#define RESPROBE_CORE_QUERY_PARSER_IMPL_H_

#include <cstdint>
#include <string_view>

#include "core/query/ast.h"
#include "core/query/error.h"
#include "core/query/lexer.h"
#include "core/query/options.h"

namespace resprobe::query {

// The implementation of Parse(): recursive descent, one token of lookahead. Only for parser*.cc.
//
// Each Parse... method reads one production, starting at tok(), and adds its nodes to the tree. It
// may add none (stop words): callers compare the tree's size. It returns false after an error.
// `held` is the number of symbols that the parser already holds, in the sense of Limits::max_stack.
class Parser {
 public:
  Parser(std::string_view query, const Options& options, Ast* out, Error* error);

  bool ParseQuery();

 private:
  // The operands after the first to which an operator of dialect 1 applies.
  enum class Reach : uint8_t { kAll, kNot, kOptional };

  // parser.cc
  bool ParseStarQuery();
  bool ParseExpression(uint32_t held);  // in the current dialect
  bool ParseOr(uint32_t held);          // dialect 2
  bool ParseAnd(uint32_t held);
  bool ParseOperand(uint32_t held);
  bool ParseChain(uint32_t held, Reach reach);  // dialect 1
  bool ParseAlternatives(uint32_t held);
  bool ParseUnit(uint32_t held);
  bool ParseWords(uint32_t held);
  bool ParsePrefix(uint32_t held);
  bool ParsePrimary(uint32_t held);
  bool ParseParentheses(uint32_t held);
  bool AtStopword() const;
  void ParseWord();
  bool ParseFollowers(uint32_t held, uint32_t mark, uint32_t begin);
  bool ParseAffix();
  bool ParseWildcard();
  bool ParseFuzzy();
  bool IsMissingFunction() const;
  bool Combine(Kind kind, uint32_t mark, uint32_t count, uint32_t begin);

  // parser_field.cc
  bool ParseField(uint32_t held);
  bool ParseMissing();
  bool ParseTags(Ast::Text name, uint32_t mark, uint32_t begin);
  bool ParseTag();
  bool ParseBrackets(Ast::Text name, uint32_t mark, uint32_t begin);
  bool ParseGeo(Ast::Text name, uint32_t mark, uint32_t begin);
  bool ParseShapeOrVectorRange(Ast::Text name, uint32_t mark, uint32_t begin);
  bool ParseComparison(Ast::Text name, uint32_t mark, uint32_t begin);
  bool ParseBound(bool may_be_exclusive);
  bool ParseAttributes(uint32_t mark, uint32_t begin);
  bool ParseKnn(uint32_t mark, uint32_t begin);
  // Adds a word, number or parameter as a leaf: of kind `kind` or, for a parameter, `kind` with
  // kIsParam; but for a parameter where `kind` is kTerm, kParam.
  bool ParseValue(Kind kind, const char* expected);

  // Shared by both files.
  bool dialect2() const { return options_.dialect == Dialect::k2; }
  const Token& tok() const { return lexer_.token; }
  bool At(Tok kind) const { return tok().kind == kind; }
  bool AtAny(int classes) const { return tok().classes & classes; }
  void Advance() {
    last_end_ = tok().end;
    last_kind_ = tok().kind;
    lexer_.Next();
  }
  bool Expect(Tok kind, const char* expected);
  bool Fail(const char* expected) { return Fail(expected, NameOf(tok().kind)); }
  bool Fail(const char* expected, const char* found, ErrorCode code = ErrorCode::kSyntax);
  bool Holds(uint32_t symbols) { return symbols <= max_stack_ || FailStack(); }
  bool FailStack();
  std::string_view Raw(const Token& token) const {
    return query_.substr(token.text_begin, token.text_end - token.text_begin);
  }
  // The token's text without escapes. Modifies the tree's copy of the query there, so no lexer may
  // return to the token.
  Ast::Text TextOf(const Token& token) {
    Ast::Text text{token.text_begin, token.text_end - token.text_begin,
                   (token.flags & (kHasEscapes | kNotWord)) == 0};
    if (token.flags & kHasEscapes) text.size = ast_.Unescape(token.text_begin, token.text_end);
    return text;
  }
  bool IsKeyword(std::string_view lower) const;
  // Adds the current token as a leaf and consumes it.
  Node& AddLeaf(Kind kind, Ast::Text text) {
    Node& node = ast_.AddLeaf(kind, tok().begin, tok().end, text);
    Advance();
    return node;
  }
  bool CheckPattern(Ast::Text text, bool has_minimum);

  const std::string_view query_;
  const Options& options_;
  const Stopwords& stopwords_;
  Ast& ast_;
  Error* const error_;
  const uint32_t max_stack_;
  Lexer lexer_;
  uint32_t last_end_ = 0;      // end of the token before tok()
  Tok last_kind_ = Tok::kEnd;  // its kind
  // Start of the last operand: decides whether a KNN clause may follow.
  uint32_t last_operand_begin_ = 0;
  // Dialect 1: the number of adjacent words that the last unit consists of; 0 if it is anything
  // else.
  uint32_t last_words_ = 0;
  bool is_star_ = false;   // the query, or its filter, is `*`
  bool in_field_ = false;  // dialect 2: inside a field's scope
};

}  // namespace resprobe::query

#endif  // RESPROBE_CORE_QUERY_PARSER_IMPL_H_
