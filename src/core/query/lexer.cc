#include "core/query/lexer.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "core/query/chars.h"

namespace resprobe::query {
namespace {

// What the first byte of a token determines. From kSingle on it is the token kSingle + Tok.
enum Action : uint8_t {
  kSkip,
  kNul,
  kWordStart,
  kUnderscore,    // _
  kInfStart,      // i, I
  kPatternStart,  // w, in dialect 2
  kDigit,
  kBackslash,
  kSign,
  kDot,
  kAt,
  kDollar,
  kStarByte,
  kQuote,
  kEquals,
  kBang,
  kAbove,
  kBelow,
  kSingle,
};

constexpr size_t kDialect2Actions = 256;

// Indexed by the first byte; dialect 2 starts at kDialect2Actions. One table, one lookup per byte.
constexpr std::array<uint8_t, 512> kActions = [] {
  std::array<uint8_t, 512> table{};
  for (size_t i = 0; i < table.size(); ++i) {
    if (kCharClass[i % 256] & kWordByte) table[i] = kWordStart;
    if (kCharClass[i % 256] & kDigitByte) table[i] = kDigit;
  }
  const auto set2 = [&table](char c, int action) {
    table[kDialect2Actions + static_cast<uint8_t>(c)] = static_cast<uint8_t>(action);
  };
  const auto set = [&](char c, int action) {
    table[static_cast<uint8_t>(c)] = static_cast<uint8_t>(action);
    set2(c, action);
  };
  const auto single = [&](char c, Tok tok) { set(c, kSingle + static_cast<int>(tok)); };
  single('|', Tok::kOr);
  single('(', Tok::kLeftParen);
  single(')', Tok::kRightParen);
  single('{', Tok::kLeftBrace);
  single('}', Tok::kRightBrace);
  single('[', Tok::kLeftBracket);
  single(']', Tok::kRightBracket);
  single(':', Tok::kColon);
  single(';', Tok::kSemicolon);
  single('~', Tok::kTilde);
  single('%', Tok::kPercent);
  set('\0', kNul);
  set('\\', kBackslash);
  set('+', kSign);
  set('-', kSign);
  set('.', kDot);
  set('@', kAt);
  set('$', kDollar);
  set('*', kStarByte);
  set('"', kQuote);
  set('=', kEquals);
  set('_', kUnderscore);
  set('i', kInfStart);
  set('I', kInfStart);
  set2('\'', kQuote);
  set2('w', kPatternStart);
  set2('!', kBang);
  set2('>', kAbove);
  set2('<', kBelow);
  return table;
}();

constexpr uint8_t ClassesOf(Tok kind) {
  switch (kind) {
    case Tok::kMinus:
    case Tok::kTilde:
      return kStartsOperand | kIsOperator;
    case Tok::kWord:
      return kStartsOperand | kIsWord;
    case Tok::kNumber:
      return kStartsOperand | kIsWord | kIsFollower;
    case Tok::kParam:
      return kStartsOperand | kIsParamTok | kIsFollower;
    case Tok::kAffix:
    case Tok::kWildcard:
    case Tok::kPercent:
      return kStartsOperand | kIsFollower;
    case Tok::kString:
    case Tok::kUnclosed:
    case Tok::kField:
    case Tok::kLeftParen:
      return kStartsOperand;
    default:
      return 0;
  }
}

constexpr std::array<uint8_t, 256> kClasses = [] {
  std::array<uint8_t, 256> table{};
  for (size_t i = 0; i < kTokCount; ++i) table[i] = ClassesOf(static_cast<Tok>(i));
  return table;
}();

constexpr const char* kTokNames[] = {"the end of the query",
                                     "a word",
                                     "a number",
                                     "a parameter",
                                     "a quoted phrase",
                                     "an open quote",
                                     "an affix",
                                     "a wildcard pattern",
                                     "a field",
                                     "'*'",
                                     "'%'",
                                     "'-'",
                                     "'~'",
                                     "'|'",
                                     "'('",
                                     "')'",
                                     "'{'",
                                     "'}'",
                                     "'['",
                                     "']'",
                                     "':'",
                                     "';'",
                                     "'=>'",
                                     "'=='",
                                     "'!='",
                                     "'>'",
                                     "'>='",
                                     "'<'",
                                     "'<='"};
static_assert(std::size(kTokNames) == kTokCount);

// Counts the word bytes among 8 bytes, up to the first that is not one. It tests all of them at
// once: in a sanitized fuzzer a comparison or a pointer addition costs a call.
uint32_t CountWordBytes(uint64_t bytes) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  constexpr uint64_t kHigh = 0x80 * kOnes;
  const uint64_t low = bytes & ~kHigh;
  // Sets the high bit of each byte whose low seven bits are in [first, last].
  const auto in_range = [](uint64_t sevens, uint64_t first, uint64_t last) {
    return (sevens + (0x80 - first) * kOnes) & ~(sevens + (0x7f - last) * kOnes);
  };
  const uint64_t word_bytes = bytes | in_range(low | 0x20 * kOnes, 'a', 'z') |
                              in_range(low, '0', '9') | in_range(low, '_', '_');
  const uint64_t others = ~word_bytes & kHigh;
  return static_cast<uint32_t>(std::countr_zero(others)) / 8;  // 64 / 8 if there is none
}

bool IsDigit(char c) { return ClassOf(c) & kDigitByte; }

}  // namespace

const char* NameOf(Tok tok) { return kTokNames[static_cast<size_t>(tok)]; }

Lexer::Lexer(const char* query, uint32_t size, Dialect dialect)
    : data_(query), size_(size), dialect2_(dialect == Dialect::k2) {
  Next();
}

// The code below relies on the NULs after the query: they belong to no token.

uint64_t Lexer::Load(uint32_t at) const {
  uint64_t bytes;
  std::memcpy(&bytes, data_ + at, sizeof(bytes));
  return std::endian::native == std::endian::big ? __builtin_bswap64(bytes) : bytes;
}

bool Lexer::WordAt(uint32_t at) const {
  const uint8_t char_class = ClassOf(data_[at]);
  return (char_class & kWordByte) || (data_[at] == '\\' && (ClassOf(data_[at + 1]) & kEscapable));
}

Lexer::Scan Lexer::ScanWord(uint32_t at) const {
  uint32_t flags = 0;
  for (;;) {
    uint64_t bytes = Load(at);
    uint32_t length = CountWordBytes(bytes);
    at += length;
    while (length == 8) {
      bytes = Load(at);
      length = CountWordBytes(bytes);
      at += length;
    }
    const char next = static_cast<char>(bytes >> (length * 8));
    if (next != '\\' || !(ClassOf(data_[at + 1]) & kEscapable)) return {at, flags, next};
    flags = kHasEscapes;
    at += 2;
  }
}

uint32_t Lexer::ScanExponent(uint32_t at) const {
  if (LowerCase(data_[at]) != 'e') return 0;
  ++at;
  if (data_[at] == '+' || data_[at] == '-') ++at;
  const uint32_t digits = at;
  while (IsDigit(data_[at])) ++at;
  return at > digits ? at : 0;
}

Lexer::Scan Lexer::ScanNumber(uint32_t at) const {
  const bool has_sign = data_[at] == '+' || data_[at] == '-';
  const uint32_t start = at + has_sign;
  uint32_t whole = start;
  while (IsDigit(data_[whole])) ++whole;
  if (data_[whole] == '.') {
    uint32_t fraction = whole + 1;
    while (IsDigit(data_[fraction])) ++fraction;
    if (fraction - start > 1) {  // more than the point
      const uint32_t exponent = ScanExponent(fraction);
      if (exponent != 0 && !WordAt(exponent)) return {exponent, kNotWord, data_[exponent]};
      if (!WordAt(fraction)) return {fraction, kNotWord, data_[fraction]};
    }
  }
  if (whole > start) {
    const uint32_t exponent = ScanExponent(whole);
    if (exponent != 0 && !WordAt(exponent)) return {exponent, kNotWord, data_[exponent]};
    if (WordAt(whole)) return {0, 0, 0};
    return {whole, has_sign ? kNotWord : kDigitsOnly, data_[whole]};
  }
  const bool is_inf = EqualsNoCase({data_ + start, std::min(size_ - start, 3u)}, "inf");
  if (!is_inf || WordAt(start + 3)) return {0, 0, 0};
  return {start + 3, kNotWord, data_[start + 3]};
}

Lexer::Scan Lexer::ScanQuoted(uint32_t at) {
  const char quote = data_[at];
  if (quote == '\'' && single_quotes_done_) return {0, 0, 0};
  uint32_t flags = kNotWord;
  for (uint32_t i = at + 1;; ++i) {
    const char c = data_[i];
    if (c == quote) return {i, flags, data_[i + 1]};
    if (c == '\\') {
      flags |= kHasEscapes;
      ++i;
    }
    if (i >= size_) break;
  }
  if (quote == '\'') single_quotes_done_ = true;
  return {0, 0, 0};
}

template <Tok kKind>
void Lexer::Make(uint32_t begin, uint32_t end) {
  pos_ = end;
  token = {kKind, 0, ClassesOf(kKind), begin, end, begin, end};
}

void Lexer::MakeSingle(Tok kind, uint32_t at) {
  pos_ = at + 1;
  token = {kind, 0, kClasses[static_cast<uint8_t>(kind)], at, at + 1, at, at + 1};
}

template <Tok kKind>
void Lexer::Operand(uint32_t begin, Scan text) {
  constexpr uint32_t kQuotes = kKind == Tok::kString;
  constexpr uint32_t kMark = kKind == Tok::kString || kKind == Tok::kParam;
  constexpr bool kNeedsDialect2 = kMark;
  uint32_t end = text.end + kQuotes;
  uint32_t flags = text.flags;
  Tok kind = kKind;
  if (text.next == '*' && (!kNeedsDialect2 || dialect2_)) {
    if (kKind == Tok::kParam) flags |= kParamText;
    if (kKind == Tok::kString) flags |= kStringText;
    flags |= kStarAfter;
    kind = Tok::kAffix;
    ++end;
  }
  pos_ = end;
  static_assert(ClassesOf(Tok::kAffix) == (kStartsOperand | kIsFollower));
  const uint8_t classes = kind == kKind ? ClassesOf(kKind) : ClassesOf(Tok::kAffix);
  token = {kind, static_cast<uint8_t>(flags), classes, begin, end, begin + kMark, text.end};
}

bool Lexer::AffixText(uint32_t at) {
  const char c = data_[at];
  uint32_t text_begin = at;
  uint32_t closing = 0;
  Scan text{0, 0, 0};
  if (dialect2_ && c == '$' && WordAt(at + 1)) {
    text_begin = at + 1;
    text = ScanWord(text_begin);
    text.flags |= kParamText;
  } else if (dialect2_ && (c == '"' || c == '\'')) {
    text_begin = at + 1;
    text = ScanQuoted(at);
    text.flags |= kStringText;
    closing = 1;
  } else {
    if (IsDigit(c) || c == '.' || c == '+' || c == '-') text = ScanNumber(at);
    if (text.end == 0 && WordAt(at)) text = ScanWord(at);
  }
  if (text.end == 0) return false;
  Make<Tok::kAffix>(at, text.end + closing);
  token.flags = static_cast<uint8_t>(text.flags);
  token.text_begin = text_begin;
  token.text_end = text.end;
  return true;
}

void Lexer::StarAt(uint32_t at) {
  if (!AffixText(at + 1)) return Make<Tok::kStar>(at, at + 1);
  token.flags |= kStarBefore;
  token.begin = at;
  if (data_[token.end] == '*') {
    token.flags |= kStarAfter;
    ++token.end;
  }
  pos_ = token.end;
}

void Lexer::Next() {
  const size_t first_action = dialect2_ ? kDialect2Actions : 0;
  uint32_t at = pos_;
  for (;;) {
    uint64_t bytes = Load(at);
    // Each test looks at two bytes, so the last of eight begins the next load.
    for (int i = 0; i < 7; ++i, ++at, bytes >>= 8) {
      const char c = static_cast<char>(bytes);
      const char next = static_cast<char>(bytes >> 8);
      const uint8_t action = kActions[first_action + static_cast<uint8_t>(c)];
      switch (action) {
        case kSkip:
          continue;
        case kNul:
          if (at >= size_) return Make<Tok::kEnd>(size_, size_);
          continue;
        case kUnderscore:
          if (next != '*' && !WordAt(at + 1)) continue;
          [[fallthrough]];
        case kWordStart:
          return Operand<Tok::kWord>(at, ScanWord(at));
        case kBackslash:
          if (!WordAt(at)) continue;
          return Operand<Tok::kWord>(at, ScanWord(at));
        case kDigit: {
          const Scan number = ScanNumber(at);
          if (number.end != 0) return Operand<Tok::kNumber>(at, number);
          return Operand<Tok::kWord>(at, ScanWord(at));
        }
        case kPatternStart:
          if (next == '\'' || next == '"') {
            const Scan pattern = ScanQuoted(at + 1);
            if (pattern.end > at + 2) {
              Make<Tok::kWildcard>(at, pattern.end + 1);
              token.flags = kNotWord;
              token.text_begin = at + 2;
              token.text_end = pattern.end;
              return;
            }
          }
          return Operand<Tok::kWord>(at, ScanWord(at));
        case kInfStart: {
          const Scan word = ScanWord(at);
          const bool is_inf = word.end - at == 3 && EqualsNoCase({data_ + at, 3}, "inf");
          if (is_inf) return Operand<Tok::kNumber>(at, word);
          return Operand<Tok::kWord>(at, word);
        }
        case kSign: {
          const Scan number = ScanNumber(at);
          if (number.end != 0) return Operand<Tok::kNumber>(at, number);
          if (c == '+') continue;
          return Make<Tok::kMinus>(at, at + 1);
        }
        case kDot: {
          const Scan number = ScanNumber(at);
          if (number.end == 0) continue;
          return Operand<Tok::kNumber>(at, number);
        }
        case kAt: {
          const Scan word = ScanWord(at + 1);
          if (word.end == at + 1) continue;
          Make<Tok::kField>(at, word.end);
          token.flags = static_cast<uint8_t>(word.flags);
          token.text_begin = at + 1;
          return;
        }
        case kDollar: {
          const Scan word = ScanWord(at + 1);
          if (word.end == at + 1) continue;
          return Operand<Tok::kParam>(at, word);
        }
        case kStarByte:
          return StarAt(at);
        case kQuote: {
          const Scan quoted = ScanQuoted(at);
          if (quoted.end != 0) return Operand<Tok::kString>(at, quoted);
          if (c == '\'') continue;
          return Make<Tok::kUnclosed>(at, size_);
        }
        case kEquals:
          if (next == '>') return Make<Tok::kArrow>(at, at + 2);
          if (!dialect2_ || next != '=') continue;
          return Make<Tok::kEqual>(at, at + 2);
        case kBang:
          if (next != '=') continue;
          return Make<Tok::kNotEqual>(at, at + 2);
        case kAbove:
          if (next == '=') return Make<Tok::kGreaterEqual>(at, at + 2);
          return Make<Tok::kGreater>(at, at + 1);
        case kBelow:
          if (next == '=') return Make<Tok::kLessEqual>(at, at + 2);
          return Make<Tok::kLess>(at, at + 1);
        default:
          return MakeSingle(static_cast<Tok>(action - kSingle), at);
      }
    }
  }
}

bool IsUnsignedNumber(std::string_view text) {
  if (EqualsNoCase(text, "inf")) return true;
  size_t at = 0;
  const auto skip_digits = [&] {
    const size_t from = at;
    while (at < text.size() && IsDigit(text[at])) ++at;
    return at > from;
  };
  const bool whole = skip_digits();
  bool fraction = false;
  if (at < text.size() && text[at] == '.') {
    ++at;
    fraction = skip_digits();
  }
  if (!whole && !fraction) return false;
  if (at < text.size() && LowerCase(text[at]) == 'e') {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (!skip_digits()) return false;
  }
  return at == text.size();
}

}  // namespace resprobe::query
