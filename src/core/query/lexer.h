#ifndef RESPROBE_CORE_QUERY_LEXER_H_
#define RESPROBE_CORE_QUERY_LEXER_H_

#include <cstdint>
#include <string_view>

#include "core/query/options.h"

namespace resprobe::query {

enum class Tok : uint8_t {
  kEnd,
  kWord,      // letters, digits, `_`, bytes from 0x80 on, and escapes: `\` and punctuation or space
  kNumber,    // see below
  kParam,     // $word
  kString,    // "..." or, in dialect 2, '...'
  kUnclosed,  // a `"` that nothing closes
  kAffix,     // word*, *word, *word*, where word may be any of the four above but kUnclosed
  kWildcard,  // w'...' or w"..."; dialect 2
  kField,     // @word
  kStar,
  kPercent,
  kMinus,
  kTilde,
  kOr,
  kLeftParen,
  kRightParen,
  kLeftBrace,
  kRightBrace,
  kLeftBracket,
  kRightBracket,
  kColon,
  kSemicolon,
  kArrow,  // =>
  kEqual,  // == != > >= < <=, in the order of Comparison; dialect 2
  kNotEqual,
  kGreater,
  kGreaterEqual,
  kLess,
  kLessEqual,
};
inline constexpr size_t kTokCount = static_cast<size_t>(Tok::kLessEqual) + 1;

// For error messages: "a word", "')'".
const char* NameOf(Tok tok);

enum TokenFlag : uint8_t {
  kHasEscapes = 1,   // the text has a backslash in it
  kDigitsOnly = 2,   // of a kNumber
  kParamText = 4,    // of a kAffix: $word
  kStringText = 8,   // of a kAffix: "..."
  kStarBefore = 16,  // of a kAffix
  kStarAfter = 32,   // of a kAffix
  kNotWord = 64,     // the text may hold more than words do: a number with a sign or a point,
                     // a phrase, a pattern
};

// Kinds of tokens that the parser asks for together.
enum TokenClass : uint8_t {
  kStartsOperand = 1,
  kIsOperator = 2,  // - ~
  kIsWord = 4,      // a word or a number
  kIsParamTok = 8,
};

struct Token {
  Tok kind = Tok::kEnd;
  uint8_t flags = 0;
  uint8_t classes = 0;
  uint32_t begin = 0;  // the whole token is [begin, end) of the query,
  uint32_t end = 0;
  uint32_t text_begin = 0;  // its text [text_begin, text_end): no quotes, stars, `@` or `$`
  uint32_t text_end = 0;
};

// Cuts a query into tokens, one at a time, in one pass, without allocating. A copy of a lexer, with
// the token it stands at, is a place to come back to.
//
// - White space, control bytes and punctuation that means nothing separate words. So do: `+`; a `'`
//   that nothing closes; `@` and `$` without a word; a backslash before a letter; `=` and `!`
//   alone; in dialect 1 also `'`, `!`, `<`, `>`.
// - A number is [+-](d+[.d*] | .d+)[e[+-]d+] or [+-]inf in any case. It is as long as it can be
//   without a word going on behind it: `5foo` is a word, `1.5foo` is 1, then 5foo (the server takes
//   1.5, then foo; and `-info` as -inf, then o, where this takes `-` and info).
// - `w'` begins a wildcard only where a quote closes it; else `w` is a word.
class Lexer {
 public:
  // `query` has `size` bytes and at least 8 NULs behind them.
  Lexer(const char* query, uint32_t size, Dialect dialect);

  // Reads the next token. The first one is read by the constructor.
  void Next();

  Token token;  // the one read last

 private:
  // A stretch of text: where it ends (0: there is none), its flags, and the byte behind it.
  struct Scan {
    uint32_t end;
    uint32_t flags;
    char next;
  };

  uint64_t Load(uint32_t at) const;  // 8 bytes, the first one lowest
  bool WordAt(uint32_t at) const;
  Scan ScanWord(uint32_t at) const;
  Scan ScanNumber(uint32_t at) const;
  uint32_t ScanExponent(uint32_t at) const;
  // Up to the quote that closes the one at `at`.
  Scan ScanQuoted(uint32_t at);

  template <Tok kKind>
  void Make(uint32_t begin, uint32_t end);
  void MakeSingle(Tok kind, uint32_t at);
  // An operand, or an affix if a star follows. A phrase's text stands in quotes.
  template <Tok kKind>
  void Operand(uint32_t begin, Scan text);
  void StarAt(uint32_t at);
  // What may stand beside a star: a word, number, parameter or string. False if there is none.
  bool AffixText(uint32_t at);

  const char* data_;
  uint32_t size_;
  uint32_t pos_ = 0;
  bool dialect2_;
  // No `'` from here on is closed by another: it need not be looked up again.
  bool single_quotes_done_ = false;
};

// Whether all of `text` is one number without a sign: such a word is printed without escapes.
bool IsUnsignedNumber(std::string_view text);

}  // namespace resprobe::query

#endif  // RESPROBE_CORE_QUERY_LEXER_H_
