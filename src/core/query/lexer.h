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
  kUnclosed,  // a `"` without a closing one
  kAffix,     // word*, *word, *word*; word may be any of the four above except kUnclosed
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
  kHasEscapes = 1,   // the text contains a backslash
  kDigitsOnly = 2,   // of a kNumber
  kParamText = 4,    // of a kAffix: $word
  kStringText = 8,   // of a kAffix: "..."
  kStarBefore = 16,  // of a kAffix
  kStarAfter = 32,   // of a kAffix
  kNotWord = 64,     // the text may contain more than word characters: a number with a sign or a
                     // point, a phrase, a pattern
};

// Sets of tokens that the parser tests for together.
enum TokenClass : uint8_t {
  kStartsOperand = 1,
  kIsOperator = 2,  // - ~
  kIsWord = 4,      // a word or a number
  kIsParamTok = 8,
  kIsFollower = 16,  // dialect 2: what `-`, `~` and a field reach beyond their first operand
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

// Splits a query into tokens, one at a time, in one pass, without allocating. A copy of a lexer,
// including its current token, is a position to return to.
//
// - White space, control bytes and meaningless punctuation separate words. So do: `+`; a `'`
//   without a closing one; `_` alone; `@` and `$` without a word; a backslash before a letter; `=`
//   and `!` alone; in dialect 1 also `'`, `!`, `<`, `>`.
// - A number is [+-](d+[.d*] | .d+)[e[+-]d+] or [+-]inf in any case. It is the longest one that no
//   word character follows: `5foo` is a word, `1.5foo` is 1, then 5foo (the server reads 1.5, then
//   foo; and it reads `-info` as -inf, then o, where this lexer reads `-` and info).
// - `w'` begins a wildcard only if a quote closes it, with something in between; otherwise `w` is a
//   word.
class Lexer {
 public:
  // `query` has `size` bytes, followed by at least 8 NULs.
  Lexer(const char* query, uint32_t size, Dialect dialect);

  // Reads the next token. The constructor reads the first one.
  void Next();

  Token token;  // the current token

 private:
  // A range of text: its end (0: there is none), its flags, and the byte after it.
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
  // Scans to the quote that closes the one at `at`.
  Scan ScanQuoted(uint32_t at);

  template <Tok kKind>
  void Make(uint32_t begin, uint32_t end);
  void MakeSingle(Tok kind, uint32_t at);
  // Reads an operand, or an affix if a star follows. The text of a phrase excludes its quotes.
  template <Tok kKind>
  void Operand(uint32_t begin, Scan text);
  void StarAt(uint32_t at);
  // Reads what may be next to a star: a word, number, parameter or string. False if there is none.
  bool AffixText(uint32_t at);

  const char* data_;
  uint32_t size_;
  uint32_t pos_ = 0;
  bool dialect2_;
  // True if no `'` from here on has a closing one: the search is not repeated.
  bool single_quotes_done_ = false;
};

// True if `text` is exactly one number without a sign: such a word is printed without escapes.
bool IsUnsignedNumber(std::string_view text);

}  // namespace resprobe::query

#endif  // RESPROBE_CORE_QUERY_LEXER_H_
