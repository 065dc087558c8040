#include "worlds/query/query_reading.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <set>
#include <string_view>
#include <utility>

#include "core/query/stopwords.h"

namespace resprobe {
namespace {

using query::ErrorCode;
using query::Kind;
using Node = QueryReadNode;
// No node, or one: what consists of stop words leaves none.
using Nodes = std::vector<Node>;

// --- Bytes.

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsWordByte(char c) {
  return IsDigit(c) || IsLetter(c) || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
// What a backslash makes a part of a word: punctuation and white space.
bool IsEscapable(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte >= 9 && byte <= 13) || (byte >= 32 && byte < 127 && !IsDigit(c) && !IsLetter(c));
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

// [+-](d+[.d*] | .d+)[e[+-]d+] or [+-]inf, all of `text`.
bool IsNumber(std::string_view text) {
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) text.remove_prefix(1);
  if (Lower(text) == "inf") return true;
  const auto skip_digits = [&text] {
    size_t count = 0;
    while (count < text.size() && IsDigit(text[count])) ++count;
    text.remove_prefix(count);
    return count;
  };
  size_t digits = skip_digits();
  if (!text.empty() && text[0] == '.') {
    text.remove_prefix(1);
    digits += skip_digits();
  }
  if (digits == 0) return false;
  if (!text.empty() && (text[0] == 'e' || text[0] == 'E')) {
    text.remove_prefix(1);
    if (!text.empty() && (text[0] == '+' || text[0] == '-')) text.remove_prefix(1);
    if (skip_digits() == 0) return false;
  }
  return text.empty();
}

std::string Unescaped(std::string_view raw) {
  std::string text;
  for (size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] == '\\' && i + 1 < raw.size() && IsEscapable(raw[i + 1])) ++i;
    text += raw[i];
  }
  return text;
}

size_t Characters(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

// --- Tokens.

enum class Is : uint8_t {
  kEnd,
  kMark,  // punctuation: `text` is the mark
  kWord,
  kNumber,
  kParam,
  kString,
  kAffix,
  kPattern,  // w'...'
  kField,
  kOpen,  // a quote that nothing closes
};

struct Token {
  Is is = Is::kEnd;
  uint32_t begin = 0;
  uint32_t end = 0;
  std::string raw = {};   // without quotes, stars, `@` and `$`
  std::string text = {};  // raw, without escapes
  uint8_t flags = 0;      // of an affix
};

class Splitter {
 public:
  Splitter(std::string_view query, bool dialect2) : query_(query), dialect2_(dialect2) {}

  std::vector<Token> Run() {
    while (at_ < query_.size()) Step();
    Add(Is::kEnd, query_.size(), query_.size(), "");
    return std::move(tokens_);
  }

 private:
  char At(size_t at) const { return at < query_.size() ? query_[at] : '\0'; }
  bool IsWordAt(size_t at) const {
    return at < query_.size() &&
           (IsWordByte(query_[at]) || (query_[at] == '\\' && IsEscapable(At(at + 1))));
  }

  void Add(Is is, size_t begin, size_t end, std::string_view raw, uint8_t flags = 0) {
    const bool verbatim = is == Is::kPattern || is == Is::kMark;
    tokens_.push_back({is, static_cast<uint32_t>(begin), static_cast<uint32_t>(end),
                       std::string(raw), verbatim ? std::string(raw) : Unescaped(raw), flags});
    at_ = end;
  }

  // The end of the word that begins at `at`; `at` if there is none.
  size_t WordEnd(size_t at) const {
    while (IsWordAt(at)) at += query_[at] == '\\' ? 2 : 1;
    return at;
  }

  // The end of the longest number from `at` on that no word follows; `at` if there is none.
  size_t NumberEnd(size_t at) const {
    constexpr std::string_view kBytes = "0123456789.+-eEiInNfF";
    const size_t last = std::min(query_.find_first_not_of(kBytes, at), query_.size());
    for (size_t end = last; end > at; --end) {
      if (!IsWordAt(end) && IsNumber(query_.substr(at, end - at))) return end;
    }
    return at;
  }

  // The quote that closes the one at `at`; npos if there is none.
  size_t ClosingQuote(size_t at) const {
    for (size_t i = at + 1; i < query_.size(); ++i) {
      if (query_[i] == query_[at]) return i;
      if (query_[i] == '\\') ++i;
    }
    return std::string_view::npos;
  }

  // Adds an operand that ends at `end`, or an affix if a star follows it there.
  void Operand(Is is, size_t begin, size_t end, std::string_view raw) {
    uint8_t flags = query::kPrefix;
    if (is == Is::kParam) flags |= query::kIsParam;
    if (is == Is::kString) flags |= query::kQuoted;
    const bool may_be_affix = dialect2_ || is == Is::kWord || is == Is::kNumber;
    if (may_be_affix && At(end) == '*') return Add(Is::kAffix, begin, end + 1, raw, flags);
    Add(is, begin, end, raw);
  }

  void Star() {
    const size_t from = at_ + 1;
    const char c = At(from);
    size_t begin = from;
    size_t end = from;    // of the text
    size_t after = from;  // of the text and its quote
    uint8_t flags = query::kSuffix;
    if (dialect2_ && c == '$' && IsWordAt(from + 1)) {
      begin = from + 1;
      after = end = WordEnd(begin);
      flags |= query::kIsParam;
    } else if (dialect2_ && (c == '"' || c == '\'')) {
      const size_t closing = ClosingQuote(from);
      if (closing != std::string_view::npos) {
        begin = from + 1;
        end = closing;
        after = closing + 1;
        flags |= query::kQuoted;
      }
    } else {
      if (IsDigit(c) || c == '.' || c == '+' || c == '-') end = NumberEnd(from);
      if (end == from) end = WordEnd(from);
      after = end;
    }
    if (after == from) return Add(Is::kMark, at_, at_ + 1, "*");
    if (At(after) == '*') {
      flags |= query::kPrefix;
      ++after;
    }
    Add(Is::kAffix, at_, after, query_.substr(begin, end - begin), flags);
  }

  // True if it has added a mark, of two bytes or of one.
  bool Mark() {
    constexpr std::string_view kMarks[] = {"=>", "|", "(", ")", "{", "}", "[",
                                           "]",  ":", ";", "~", "%", "-"};
    constexpr std::string_view kComparisons[] = {"==", "!=", ">=", "<=", ">", "<"};
    const std::string_view rest = query_.substr(at_);
    for (const std::string_view mark : kMarks) {
      if (!rest.starts_with(mark)) continue;
      Add(Is::kMark, at_, at_ + mark.size(), mark);
      return true;
    }
    for (const std::string_view mark : kComparisons) {
      if (!dialect2_ || !rest.starts_with(mark)) continue;
      Add(Is::kMark, at_, at_ + mark.size(), mark);
      return true;
    }
    return false;
  }

  void Step() {
    const char c = query_[at_];
    const auto piece = [&](size_t begin, size_t end) { return query_.substr(begin, end - begin); };
    if (c == '*') return Star();
    if (c == '"' || (c == '\'' && dialect2_)) {
      const size_t closing = ClosingQuote(at_);
      if (closing != std::string_view::npos) {
        return Operand(Is::kString, at_, closing + 1, piece(at_ + 1, closing));
      }
      if (c == '"') return Add(Is::kOpen, at_, query_.size(), "");
      ++at_;
      return;
    }
    if (c == 'w' && dialect2_ && (At(at_ + 1) == '"' || At(at_ + 1) == '\'')) {
      const size_t closing = ClosingQuote(at_ + 1);
      if (closing != std::string_view::npos && closing > at_ + 2) {
        return Add(Is::kPattern, at_, closing + 1, piece(at_ + 2, closing));
      }
    }
    if ((c == '@' || c == '$') && IsWordAt(at_ + 1)) {
      const size_t end = WordEnd(at_ + 1);
      const std::string_view raw = piece(at_ + 1, end);
      if (c == '@') return Add(Is::kField, at_, end, raw);
      return Operand(Is::kParam, at_, end, raw);
    }
    if (const size_t end = NumberEnd(at_); end > at_) {
      return Operand(Is::kNumber, at_, end, piece(at_, end));
    }
    if (IsWordAt(at_)) {
      const size_t end = WordEnd(at_);
      const bool lone_underscore = c == '_' && end == at_ + 1 && At(end) != '*';
      if (!lone_underscore) return Operand(Is::kWord, at_, end, piece(at_, end));
    }
    if (!Mark()) ++at_;
  }

  const std::string_view query_;
  const bool dialect2_;
  size_t at_ = 0;
  std::vector<Token> tokens_;
};

// --- Trees.

constexpr std::array<std::string_view, 11> kAttributeNames = {
    "weight",     "slop",    "inorder",       "phonetic",   "yield_distance_as",
    "ef_runtime", "epsilon", "hybrid_policy", "batch_size", "shard_k_ratio",
    "rerank"};
constexpr std::array<std::string_view, 4> kUnitNames = {"m", "km", "ft", "mi"};
constexpr std::array<std::string_view, 4> kRelationNames = {"within", "contains", "intersects",
                                                            "disjoint"};
constexpr std::array<std::string_view, 6> kComparisonMarks = {"==", "!=", ">", ">=", "<", "<="};

// The index of a name, without regard to case; the size of the list if it is not there.
template <size_t kSize>
size_t IndexOf(const std::array<std::string_view, kSize>& names, std::string_view text) {
  return static_cast<size_t>(std::ranges::find(names, Lower(text)) - names.begin());
}

bool IsStopWord(std::string_view word) {
  static const std::set<std::string, std::less<>> words(query::Stopwords::DefaultWords().begin(),
                                                        query::Stopwords::DefaultWords().end());
  return words.contains(Lower(word));
}

// What the parser's stack holds is counted as Limits::max_stack says: `held` symbols are there
// before a production begins. After an error all productions return at once, and their nodes have
// no meaning.
class Reader {
 public:
  Reader(std::string_view query, const query::Options& options)
      : query_(query),
        options_(options),
        dialect2_(options.dialect == query::Dialect::k2),
        most_(std::min(options.limits.max_stack, query::Limits::kMaxStack)),
        tokens_(Splitter(query, dialect2_).Run()) {}

  QueryReading Run() {
    Nodes tree = Query();
    if (code_ != ErrorCode::kNone) return {{}, code_, offset_};
    if (tree.empty()) tree.push_back({Kind::kEmpty});
    return {std::move(tree)};
  }

 private:
  enum class Reach : uint8_t { kAll, kNot, kOptional };

  const Token& Now() const { return tokens_[at_]; }
  bool Failed() const { return code_ != ErrorCode::kNone; }
  bool At(Is is) const { return Now().is == is; }
  bool AtMark(std::string_view mark) const { return At(Is::kMark) && Now().text == mark; }
  bool AtWordLike() const { return At(Is::kWord) || At(Is::kNumber); }
  bool AtStopWord() const {
    return At(Is::kWord) && options_.stopwords != &query::Stopwords::None() &&
           IsStopWord(Now().raw);
  }
  bool AtOperator() const { return AtMark("-") || AtMark("~"); }
  // What a minus, a tilde or a field of dialect 2 reaches beyond its first operand.
  bool AtFollower() const {
    return At(Is::kNumber) || At(Is::kParam) || At(Is::kAffix) || At(Is::kPattern) || AtMark("%");
  }
  bool AtOperand() const {
    return AtOperator() || AtFollower() || At(Is::kWord) || At(Is::kString) || At(Is::kOpen) ||
           At(Is::kField) || AtMark("(");
  }

  Token Next() { return tokens_[at_++]; }
  void Fail(ErrorCode code = ErrorCode::kSyntax) {
    if (Failed()) return;
    code_ = code;
    offset_ = Now().begin;
  }
  Nodes Refuse(ErrorCode code = ErrorCode::kSyntax) {
    Fail(code);
    return {};
  }
  void Need(std::string_view mark) {
    if (Failed()) return;
    if (!AtMark(mark)) return Fail();
    Next();
  }
  bool Holds(uint32_t symbols) {
    if (symbols > most_) Fail(ErrorCode::kStack);
    return !Failed();
  }

  static void Append(Nodes from, Nodes* to) {
    for (Node& node : from) to->push_back(std::move(node));
  }
  static Nodes Join(Kind kind, Nodes nodes) {
    if (nodes.size() < 2) return nodes;
    Nodes joined;
    joined.push_back({.kind = kind, .children = std::move(nodes)});
    return joined;
  }

  // --- The whole query.

  Nodes Query() {
    size_t stars_at = at_;
    while (dialect2_ && tokens_[stars_at].is == Is::kMark && tokens_[stars_at].text == "(") {
      ++stars_at;
    }
    const bool is_star = tokens_[stars_at].is == Is::kMark && tokens_[stars_at].text == "*";
    Nodes tree;
    bool one_operand = true;
    if (is_star) {
      const auto parentheses = static_cast<uint32_t>(stars_at - at_);
      at_ = stars_at;
      if (!Holds(parentheses + 2)) return {};
      Next();
      for (uint32_t i = 0; i < parentheses; ++i) Need(")");
      tree.push_back({Kind::kStar});
    } else if (!At(Is::kEnd)) {
      tree = Expression(1, &one_operand);
    }
    if (Failed()) return {};
    if (dialect2_ && AtMark("=>")) {
      if (!one_operand) return Refuse();
      tree = Neighbours(std::move(tree));
    }
    if (!Failed() && !At(Is::kEnd)) Fail();
    return tree;
  }

  // `one_operand`: set to whether the expression is one operand without an operator.
  Nodes Expression(uint32_t held, bool* one_operand = nullptr) {
    if (!dialect2_) return Chain(held, Reach::kAll);
    Nodes any;
    uint32_t alternatives = 0;
    bool one = true;
    for (;;) {
      Append(All(alternatives == 0 ? held : held + 2, &one), &any);
      ++alternatives;
      if (Failed() || !AtMark("|")) break;
      Next();
    }
    if (one_operand != nullptr) *one_operand = one && alternatives == 1;
    return Join(Kind::kOr, std::move(any));
  }

  Nodes All(uint32_t held, bool* one) {
    Nodes all;
    bool first = true;
    do {
      *one = first && !AtOperator();
      Append(Operand(first ? held : held + 1), &all);
      first = false;
    } while (!Failed() && AtOperand());
    return Join(Kind::kAnd, std::move(all));
  }

  Nodes Operand(uint32_t held) { return AtOperator() ? Prefixed(held) : Primary(held); }

  Nodes Prefixed(uint32_t held) {
    if (!Holds(held + 1)) return {};
    const bool is_not = Next().text == "-";
    Nodes operand;
    if (dialect2_) {
      operand = Operand(held + 1);
      operand = WithFollowers(std::move(operand), held + 1);
    } else {
      operand = Chain(held + 1, is_not ? Reach::kNot : Reach::kOptional);
    }
    if (operand.empty()) return operand;
    Nodes made;
    made.push_back({.kind = is_not ? Kind::kNot : Kind::kOptional, .children = std::move(operand)});
    return made;
  }

  Nodes WithFollowers(Nodes operand, uint32_t held) {
    while (!Failed() && AtFollower()) Append(Primary(held + 1), &operand);
    return Join(Kind::kAnd, std::move(operand));
  }

  // --- Dialect 1.

  Nodes Chain(uint32_t held, Reach reach) {
    Nodes chain;
    bool first = true;
    for (;;) {
      size_t words = 0;
      Nodes next = Alternatives(first ? held : held + 1, &words);
      first = false;
      if (Failed()) return {};
      // Adjacent words are operands of the chain itself.
      if (words >= 2) next = std::move(next[0].children);
      Append(std::move(next), &chain);
      if (!AtOperand()) break;
      if (reach != Reach::kAll && AtMark("~")) break;
      if (reach == Reach::kNot && (AtMark("-") || At(Is::kString))) break;
    }
    return Join(Kind::kAnd, std::move(chain));
  }

  // `words`: how many adjacent words this is, if it is nothing else.
  Nodes Alternatives(uint32_t held, size_t* words) {
    Nodes any = Unit(held, words);
    if (Failed() || !AtMark("|")) return any;
    while (!Failed() && AtMark("|")) {
      Next();
      Append(Unit(held + 2, words), &any);
    }
    *words = 0;
    return Join(Kind::kOr, std::move(any));
  }

  Nodes Unit(uint32_t held, size_t* words) {
    *words = 0;
    if (AtOperator()) return Prefixed(held);
    if (!AtWordLike()) return Primary(held);
    if (!Holds(held + 1)) return {};
    Nodes all;
    if (AtStopWord()) {
      Next();
    } else {
      // A third one must be a word.
      do {
        all.push_back({.kind = Kind::kTerm, .text = Next().text});
      } while (!AtStopWord() && (At(Is::kWord) || (all.size() < 2 && At(Is::kNumber))));
    }
    *words = all.size();
    Nodes joined = Join(Kind::kAnd, std::move(all));
    if (!AtMark("=>")) return joined;
    *words = 0;
    return Attributed(std::move(joined));
  }

  // --- Operands.

  Nodes Primary(uint32_t held) {
    if (!Holds(held + 1)) return {};
    Nodes made;
    if (At(Is::kField)) return Field(held);
    if (AtMark("(")) {
      Next();
      made = Expression(held + 1);
      Need(")");
    } else if (At(Is::kWord) && dialect2_ && !in_field_ && Lower(Now().raw) == "ismissing") {
      Next();
      Need("(");
      if (!Failed() && !At(Is::kField)) Fail();
      if (Failed()) return {};
      made.push_back({.kind = Kind::kMissing, .text = Next().text});
      Need(")");
    } else if (AtStopWord()) {
      Next();
    } else if (AtWordLike()) {
      made.push_back({.kind = Kind::kTerm, .text = Next().text});
    } else if (At(Is::kParam) && dialect2_) {
      made.push_back({.kind = Kind::kParam, .flags = query::kIsParam, .text = Next().text});
    } else if (At(Is::kString)) {
      made.push_back({.kind = Kind::kExact, .text = Next().text});
    } else if (At(Is::kAffix)) {
      made = Affix();
    } else if (At(Is::kPattern)) {
      made = Pattern();
    } else if (AtMark("%")) {
      made = Fuzzy();
    } else {
      Fail();
    }
    if (Failed()) return {};
    return AtMark("=>") ? Attributed(std::move(made)) : made;
  }

  Nodes Affix() {
    const size_t size = Characters(Now().text);
    const bool is_param = (Now().flags & query::kIsParam) != 0;
    const bool fits =
        is_param || (size <= options_.limits.max_pattern && size >= options_.limits.min_affix);
    if (!fits) return Refuse(ErrorCode::kPattern);
    const Token affix = Next();
    return {{.kind = Kind::kAffix, .flags = affix.flags, .text = affix.text}};
  }

  Nodes Pattern() {
    if (Characters(Now().text) > options_.limits.max_pattern) {
      return Refuse(ErrorCode::kPattern);
    }
    return {{.kind = Kind::kWildcard, .text = Next().text}};
  }

  Nodes Fuzzy() {
    uint8_t distance = 0;
    for (; AtMark("%") && distance < 3; ++distance) Next();
    if (AtMark("%")) return Refuse();
    Nodes made = Value(Kind::kFuzzy);
    for (uint8_t i = 0; i < distance; ++i) Need("%");
    if (Failed()) return {};
    made[0].arg = distance;
    return made;
  }

  // A word, a number or a parameter.
  Nodes Value(Kind kind) {
    if (At(Is::kParam) && dialect2_) {
      if (kind == Kind::kTerm) kind = Kind::kParam;
      return {{.kind = kind, .flags = query::kIsParam, .text = Next().text}};
    }
    if (!AtWordLike()) return Refuse();
    return {{.kind = kind, .text = Next().text}};
  }

  // The operand with the attributes that follow it.
  Nodes Attributed(Nodes operand) {
    Nodes parts = std::move(operand);
    const bool has_operand = !parts.empty();
    if (has_operand && parts[0].kind == Kind::kAttributed) parts = std::move(parts[0].children);
    while (!Failed() && AtMark("=>")) {
      const bool bracket = tokens_[at_ + 1].is == Is::kMark && tokens_[at_ + 1].text == "[";
      if (bracket && dialect2_) break;  // a KNN clause
      Next();
      Need("{");
      while (!Failed() && !AtMark("}")) {
        if (AtMark(";")) {  // an empty attribute
          Next();
          continue;
        }
        const size_t name =
            At(Is::kParam) ? IndexOf(kAttributeNames, Now().raw) : kAttributeNames.size();
        if (name == kAttributeNames.size()) return Refuse();
        Next();
        Need(":");
        if (Failed()) return {};
        if (!dialect2_ && AtStopWord()) return Refuse();
        Nodes value = Value(Kind::kAttribute);
        if (Failed()) return {};
        value[0].arg = static_cast<uint8_t>(name);
        Append(std::move(value), &parts);
        if (!AtMark(";")) break;
      }
      Need("}");
    }
    if (Failed() || !has_operand) return {};
    if (parts.size() == 1) return parts;
    return {{.kind = Kind::kAttributed, .children = std::move(parts)}};
  }

  // --- Fields.

  Nodes Field(uint32_t held) {
    if (in_field_) return Refuse();
    Node field{.kind = Kind::kField, .text = Next().text};
    if (At(Is::kMark) && IndexOf(kComparisonMarks, Now().text) < kComparisonMarks.size()) {
      return Compared(std::move(field));
    }
    while (AtMark("|")) {
      Next();
      if (!AtWordLike() || (!dialect2_ && AtStopWord())) return Refuse();
      field.children.push_back({.kind = Kind::kName, .text = Next().text});
    }
    Need(":");
    if (Failed()) return {};
    if (field.children.empty() && AtMark("{")) return Tags(std::move(field));
    if (field.children.empty() && AtMark("[")) return Brackets(std::move(field));
    Nodes operand;
    if (dialect2_) {
      in_field_ = true;
      operand = Operand(held + 2);
      if (Failed()) return {};
      const Token& last = tokens_[at_ - 1];
      const bool attributed = last.is == Is::kMark && last.text == "}";
      if (!attributed) operand = WithFollowers(std::move(operand), held + 2);
      in_field_ = false;
    } else {
      size_t words = 0;
      operand = Alternatives(held + 2, &words);
    }
    if (Failed() || operand.empty()) return {};
    Append(std::move(operand), &field.children);
    return One(std::move(field));
  }

  static Nodes One(Node node) {
    Nodes made;
    made.push_back(std::move(node));
    return made;
  }
  Nodes Ended(Node node) {
    if (Failed()) return {};
    Nodes made = One(std::move(node));
    return AtMark("=>") ? Attributed(std::move(made)) : made;
  }

  Nodes Tags(Node field) {
    field.kind = Kind::kTag;
    Next();
    Append(Tag(), &field.children);
    // In dialect 1 a brace may be missing or repeated.
    while (!Failed() && (AtMark("|") || (!dialect2_ && AtMark("}")))) {
      if (Next().text == "|") Append(Tag(), &field.children);
    }
    if (dialect2_) Need("}");
    return Ended(std::move(field));
  }

  Nodes Tag() {
    if (At(Is::kString)) {
      if (!dialect2_) return Refuse();
      return {{.kind = Kind::kExact, .text = Next().text}};
    }
    if (At(Is::kAffix)) return Affix();
    if (At(Is::kPattern)) return Pattern();
    // In dialect 1 a stop word is a tag by itself, ends a tag of one word, and is ignored after
    // two.
    const bool alone = !dialect2_ && AtStopWord();
    Nodes words = Value(Kind::kTerm);
    while (!Failed() && !alone && (AtWordLike() || At(Is::kParam))) {
      if (!dialect2_ && AtStopWord()) {
        if (words.size() == 1) break;
        Next();
      } else {
        Append(Value(Kind::kTerm), &words);
      }
    }
    return Join(Kind::kAnd, std::move(words));
  }

  // ["("] {"-"} number; in dialect 1 with any number of "(" before the number.
  Nodes Bound(bool may_be_exclusive) {
    bool exclusive = false;
    if (may_be_exclusive && AtMark("(")) {
      exclusive = true;
      Next();
    }
    size_t minuses = 0;
    for (; AtMark("-") || (!dialect2_ && AtMark("(")); Next()) {
      if (AtMark("-")) {
        ++minuses;
      } else {
        exclusive |= may_be_exclusive;
      }
    }
    Node bound{.kind = Kind::kNumber};
    bool negative = minuses % 2 == 1;
    if (At(Is::kNumber)) {
      bound.text = Lower(Next().raw);
      if (bound.text[0] == '-') negative = !negative;
      if (bound.text[0] == '-' || bound.text[0] == '+') bound.text.erase(0, 1);
    } else if (At(Is::kParam) && dialect2_ && minuses < 2) {
      bound.flags |= query::kIsParam;
      bound.text = Next().text;
    } else {
      return Refuse();
    }
    if (negative) bound.flags |= query::kNegative;
    if (exclusive) bound.flags |= query::kExclusive;
    return One(std::move(bound));
  }

  static bool IsExclusive(const Nodes& bound) { return (bound[0].flags & query::kExclusive) != 0; }

  Nodes Brackets(Node field) {
    Next();
    if (dialect2_ && At(Is::kWord)) return Shape(std::move(field));
    field.kind = Kind::kRange;
    Nodes low = Bound(true);
    if (Failed()) return {};
    bool exclusive = IsExclusive(low);
    Append(std::move(low), &field.children);
    if (!(dialect2_ && AtMark("]") && !exclusive)) {
      Nodes high = Bound(true);
      if (Failed()) return {};
      exclusive |= IsExclusive(high);
      Append(std::move(high), &field.children);
      if (!AtMark("]") && (!dialect2_ || !exclusive)) return Point(std::move(field));
    }
    Need("]");
    return Ended(std::move(field));
  }

  Nodes Point(Node field) {
    field.kind = Kind::kGeo;
    const bool may_follow =
        AtMark("-") || At(Is::kNumber) || At(Is::kParam) || (!dialect2_ && AtMark("("));
    if (!may_follow) return Refuse();
    Append(Bound(false), &field.children);
    if (Failed()) return {};
    Node unit{.kind = Kind::kUnit};
    if (At(Is::kParam) && dialect2_) {
      unit.flags = query::kIsParam;
      unit.text = Next().text;
    } else {
      const size_t which = At(Is::kWord) ? IndexOf(kUnitNames, Now().raw) : kUnitNames.size();
      if (which == kUnitNames.size()) return Refuse();
      unit.arg = static_cast<uint8_t>(which);
      Next();
    }
    field.children.push_back(std::move(unit));
    Need("]");
    return Ended(std::move(field));
  }

  Nodes Shape(Node field) {
    const size_t relation = IndexOf(kRelationNames, Now().raw);
    if (relation < kRelationNames.size()) {
      field.kind = Kind::kGeoShape;
      field.arg = static_cast<uint8_t>(relation);
      Next();
    } else if (Lower(Now().raw) == "vector_range") {
      field.kind = Kind::kVectorRange;
      Next();
      Append(Bound(false), &field.children);
    } else {
      Fail();
    }
    if (!Failed() && !At(Is::kParam)) Fail();
    if (Failed()) return {};
    field.children.push_back({.kind = Kind::kParam, .flags = query::kIsParam, .text = Next().text});
    Need("]");
    return Ended(std::move(field));
  }

  Nodes Compared(Node field) {
    field.kind = Kind::kCompare;
    field.arg = static_cast<uint8_t>(IndexOf(kComparisonMarks, Next().text));
    // A minus stands before a parameter; that of a number is a part of it.
    const uint32_t after = Now().end;
    if (AtMark("-") && (after >= query_.size() || query_[after] != '$')) return Refuse();
    Append(Bound(false), &field.children);
    return Ended(std::move(field));
  }

  Nodes Neighbours(Nodes filter) {
    Node knn{.kind = Kind::kKnn, .children = std::move(filter)};
    if (knn.children.empty()) knn.children.push_back({Kind::kStar});
    Next();
    Need("[");
    if (!Failed() && !(At(Is::kWord) && Lower(Now().raw) == "knn")) Fail();
    if (Failed()) return {};
    Next();
    const bool count = At(Is::kNumber) && std::ranges::all_of(Now().raw, IsDigit);
    if (!count && !At(Is::kParam)) return Refuse();
    Append(Value(Kind::kNumber), &knn.children);
    if (!At(Is::kField)) return Refuse();
    knn.text = Next().text;
    if (!At(Is::kParam)) return Refuse();
    knn.children.push_back({.kind = Kind::kParam, .flags = query::kIsParam, .text = Next().text});
    while (!Failed() && !AtMark("]")) {
      if (At(Is::kWord) && Lower(Now().raw) == "as") {
        Next();
        Append(Value(Kind::kAlias), &knn.children);
        break;
      }
      if (!AtWordLike()) return Refuse();
      knn.children.push_back({.kind = Kind::kName, .text = Next().text});
      Append(Value(Kind::kTerm), &knn.children);
    }
    Need("]");
    return Ended(std::move(knn));
  }

  const std::string_view query_;
  const query::Options& options_;
  const bool dialect2_;
  const uint32_t most_;
  const std::vector<Token> tokens_;
  size_t at_ = 0;
  bool in_field_ = false;
  ErrorCode code_ = ErrorCode::kNone;
  uint32_t offset_ = 0;
};

// Compares a subtree and sets how many nodes and how many levels it has.
bool IsSame(const query::Ast& tree, const query::Node& node, const Node& read, uint32_t* size,
            uint32_t* height) {
  *size = *height = 1;
  if (node.kind != read.kind || node.flags != read.flags || node.arg != read.arg ||
      tree.text(node) != read.text) {
    return false;
  }
  uint32_t child = node.first_child;
  for (const Node& expected : read.children) {
    uint32_t child_size = 0;
    uint32_t child_height = 0;
    if (child == query::kNoNode ||
        !IsSame(tree, tree.node(child), expected, &child_size, &child_height)) {
      return false;
    }
    *size += child_size;
    *height = std::max(*height, child_height + 1);
    child = tree.node(child).next;
  }
  return child == query::kNoNode && node.size == *size && node.height == *height;
}

void AppendNode(const Node& node, size_t indent, std::string* out) {
  out->append(indent * 2, ' ').append(query::NameOf(node.kind));
  if (node.flags != 0) out->append(" flags ").append(std::to_string(node.flags));
  if (node.arg != 0) out->append(" arg ").append(std::to_string(node.arg));
  if (!node.text.empty()) out->append(" \"").append(node.text).append("\"");
  out->append("\n");
  for (const Node& child : node.children) AppendNode(child, indent + 1, out);
}

}  // namespace

QueryReading ReadQuery(std::string_view query, const query::Options& options) {
  return Reader(query, options).Run();
}

bool IsReadAs(const query::Ast& tree, const QueryReading& reading) {
  if (tree.empty() || reading.tree.empty()) return tree.empty() && reading.tree.empty();
  uint32_t size = 0;
  uint32_t height = 0;
  return IsSame(tree, tree.root(), reading.tree[0], &size, &height) &&
         size == tree.nodes().size() && height == tree.depth();
}

std::string ToText(const QueryReading& reading) {
  if (reading.tree.empty()) {
    return "refused at byte " + std::to_string(reading.offset) + " (error " +
           std::to_string(static_cast<int>(reading.code)) + ")";
  }
  std::string text;
  AppendNode(reading.tree[0], 0, &text);
  return text;
}

}  // namespace resprobe
