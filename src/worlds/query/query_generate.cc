// Generates queries from the grammar. It writes the text directly, without a tree, so that it also
// produces spellings that the printer never does.
#include <string>
#include <string_view>

#include "engine/rng.h"
#include "worlds/query/query_tape.h"

namespace resprobe {
namespace {

using std::string_view;

constexpr string_view kWords[] = {
    "foo",       "bar",       "hello",   "world", "the",         "is",       "as",
    "no",        "AND",       "w",       "wa",    "inf",         "INF",      "knn",
    "isMissing", "ismissing", "2020",    "1.5",   "-7",          "+3",       "1e5",
    ".5",        "5.",        "5foo",    "x_1",   "a\\-b",       "a\\ b",    "\\_",
    "\\\\",      "a\\}",      "\\{b\\)", "c\\\"", "caf\xc3\xa9", "\xff\xfe", "\xe4\xb8\xad",
    "km",        "WITHIN",    "1.2.3",   "a1",    "e5",          "NULL",     "or",
    "un"};
constexpr string_view kLongWords[] = {"foo",  "hello",     "wor",      "caf\xc3\xa9",
                                      "2020", "a\\-b\\-c", "1.5",      "the",
                                      "sun",  "x_1",       "\xc3\xa9", "\xe4\xb8\xad"};
constexpr string_view kFields[] = {"title", "body", "t", "n", "tag", "loc", "vec", "a\\-b", "as"};
constexpr string_view kNumbers[] = {"0",   "1",   "10",    "-1",   "+inf",   "-inf", "inf",
                                    "INF", "1.5", "-2.75", ".5",   "5.",     "1e5",  "1E-3",
                                    "007", "- 4", "--5",   "+0.0", "1.5e+10"};
constexpr string_view kParams[] = {"$p", "$blob", "$query_vec", "$a\\-b", "$1"};
constexpr string_view kUnits[] = {"m", "km", "ft", "mi", "KM"};
constexpr string_view kRelations[] = {"WITHIN", "CONTAINS", "INTERSECTS", "DISJOINT", "within"};
constexpr string_view kComparisons[] = {"==", "!=", ">", ">=", "<", "<="};
constexpr string_view kAttributes[] = {
    "$weight:2.0",   "$slop: 1",          "$inorder:true",        "$phonetic: false",
    "$weight:$w",    "$SLOP:-1",          "$yield_distance_as:d", "$ef_runtime:20",
    "$epsilon:0.01", "$hybrid_policy:as", "$batch_size:$b",       "$shard_k_ratio: .5",
    "$rerank:true"};
constexpr string_view kPhrases[] = {"hello world", "",   "a \\\" b", "the",         "$p",
                                    "x|y (z",      "\\", "don\\'t",  "\xc3\xa9\x01"};
constexpr string_view kPatterns[] = {"", "foo*bar?", "*", "a\\'b", "?????", "\\\\", "$p", "the"};
constexpr string_view kNoise[] = {"(", ")",  "|", "-", "~",      "\"",  "'",  "*",   "%",  "@",
                                  ":", "=>", "{", "}", "[",      "]",   "$",  ";",   "\\", "=",
                                  "!", "<",  ">", ",", "=>[KNN", "=>{", "w'", "@a:", " "};

class QueryGenerator {
 public:
  explicit QueryGenerator(uint64_t seed) : rng_(seed) {}

  void Generate(Tape& out) {
    dialect2_ = rng_.OneIn(2);
    uint8_t head = dialect2_ ? '2' : '1';
    small_limits_ = rng_.OneIn(8);
    if (small_limits_) head = dialect2_ ? '6' : '5';
    if (rng_.OneIn(8)) head = dialect2_ ? ':' : '9';
    Query();
    if (rng_.OneIn(6)) Break();
    if (rng_.OneIn(4)) head |= kTapeThorough;
    out.assign(1, head);
    out.insert(out.end(), text_.begin(), text_.end());
  }

 private:
  template <size_t N>
  string_view Pick(const string_view (&items)[N]) {
    return items[rng_.Below(N)];
  }
  void Put(string_view text) { text_ += text; }
  // White space where it has no meaning.
  void Gap() {
    if (rng_.OneIn(8)) Put(rng_.OneIn(8) ? "\t\n" : " ");
  }
  void Separator() { Put(rng_.OneIn(12) ? ", " : " "); }

  void Query() {
    if (rng_.OneIn(40)) return Put(rng_.OneIn(2) ? "*" : "(*)");
    if (rng_.OneIn(60)) return Deep();
    if (rng_.OneIn(80)) return LongPattern();
    if (dialect2_ && rng_.OneIn(6)) return Knn();
    Expression(4);
  }

  void Expression(int depth) { List(depth, /*text_only=*/false); }

  void List(int depth, bool text_only) {
    const uint64_t operands = 1 + rng_.Below(depth > 0 ? 4 : 2);
    for (uint64_t i = 0; i < operands; ++i) {
      if (i > 0) {
        if (rng_.OneIn(3)) {
          Gap();
          Put("|");
          Gap();
        } else {
          Separator();
        }
      }
      Operand(depth, text_only);
    }
  }

  void Operand(int depth, bool text_only) {
    while (rng_.OneIn(6)) Put(rng_.OneIn(3) ? "~" : rng_.OneIn(6) ? "- " : "-");
    if (depth > 0 && rng_.OneIn(4)) {
      Put("(");
      Gap();
      List(depth - 1, text_only);
      Put(")");
    } else if (rng_.OneIn(3) && (!text_only || !dialect2_)) {
      Field(depth);
    } else {
      Text();
    }
    if (rng_.OneIn(10)) Attributes();
  }

  void Text() {
    switch (rng_.Below(10)) {
      case 0:
        Put("\"");
        Put(Pick(kPhrases));
        return Put("\"");
      case 1: {
        const bool single = dialect2_ && rng_.OneIn(2);
        Put(single ? "'" : "\"");
        Put(Pick(kLongWords));
        return Put(single ? "'" : "\"");
      }
      case 2:
        return Affix();
      case 3: {
        const string_view percent = string_view("%%%").substr(rng_.Below(3));
        Put(percent);
        Put(Pick(kLongWords));
        return Put(percent);
      }
      case 4:
        if (dialect2_) return Pattern();
        break;
      case 5:
        if (dialect2_) return Put(Pick(kParams));
        break;
      default:
        break;
    }
    Put(Pick(kWords));
  }

  void Affix() {
    const uint64_t shape = rng_.Below(3);
    if (shape != 0) Put("*");
    const uint64_t text = dialect2_ ? rng_.Below(5) : 2;
    if (text == 0) {
      Put(Pick(kParams));
    } else if (text == 1) {
      Put("\"ab c\"");
    } else {
      Put(Pick(kLongWords));
    }
    if (shape != 1) Put("*");
  }

  void Pattern() {
    const string_view quote = rng_.OneIn(4) ? "\"" : "'";
    Put("w");
    Put(quote);
    Put(Pick(kPatterns));
    Put(quote);
  }

  void Field(int depth) {
    Put("@");
    Put(Pick(kFields));
    Gap();
    const uint64_t kind = rng_.Below(dialect2_ ? 8 : 5);
    if (kind == 7) {
      text_.resize(text_.find_last_of('@'));
      Put(rng_.OneIn(2) ? "ismissing(@" : "IsMissing( @");
      Put(Pick(kFields));
      return Put(")");
    }
    if (kind == 6) {
      Put(Pick(kComparisons));
      Gap();
      return Number();
    }
    if (kind <= 1) {
      while (rng_.OneIn(5)) {
        Put("|");
        Put(Pick(kFields));
      }
      Put(":");
      Gap();
      if (rng_.OneIn(2)) return Operand(0, /*text_only=*/true);
      Put("(");
      List(depth > 0 ? depth - 1 : 0, /*text_only=*/true);
      return Put(")");
    }
    Put(":");
    Gap();
    if (kind == 2) return Tags();
    Put("[");
    if (kind == 5) {
      if (rng_.OneIn(2)) {
        Put(Pick(kRelations));
        Put(" ");
      } else {
        Put("VECTOR_RANGE ");
        Number();
        Put(" ");
      }
      Put(Pick(kParams));
    } else if (kind == 4) {
      for (int i = 0; i < 3; ++i) {
        if (rng_.OneIn(12)) Put("(");
        Number();
        Put(" ");
      }
      Put(dialect2_ && rng_.OneIn(6) ? Pick(kParams) : Pick(kUnits));
    } else {
      if (rng_.OneIn(3)) Put("(");
      Number();
      if (!dialect2_ || !rng_.OneIn(6)) {
        Put(rng_.OneIn(4) ? "," : " ");
        if (rng_.OneIn(3)) Put("(");
        Number();
      }
    }
    Put("]");
  }

  void Tags() {
    Put("{");
    const uint64_t tags = 1 + rng_.Below(3);
    for (uint64_t i = 0; i < tags; ++i) {
      if (i > 0) Put("|");
      Gap();
      const uint64_t words = rng_.OneIn(3) ? 2 : 1;
      switch (rng_.Below(6)) {
        case 0:
          Affix();
          break;
        case 1:
          Put("\"");
          Put(Pick(kPhrases));
          Put("\"");
          break;
        case 2:
          if (dialect2_) {
            Pattern();
            break;
          }
          [[fallthrough]];
        default:
          for (uint64_t word = 0; word < words; ++word) {
            if (word > 0) Put(" ");
            Put(dialect2_ && rng_.OneIn(8) ? Pick(kParams) : Pick(kWords));
          }
      }
    }
    Put("}");
  }

  void Number() {
    if (dialect2_ && rng_.OneIn(6)) {
      if (rng_.OneIn(4)) Put("-");
      return Put(Pick(kParams));
    }
    Put(Pick(kNumbers));
  }

  void Attributes() {
    Put(rng_.OneIn(4) ? " => {" : "=>{");
    const uint64_t attributes = rng_.Below(4);
    for (uint64_t i = 0; i < attributes; ++i) {
      if (i > 0) Put(rng_.OneIn(2) ? ";" : "; ");
      Put(Pick(kAttributes));
    }
    if (rng_.OneIn(4)) Put(rng_.OneIn(4) ? ";;" : ";");
    Put("}");
  }

  void Knn() {
    if (rng_.OneIn(2)) {
      Put(rng_.OneIn(3) ? "(*)" : "*");
    } else if (rng_.OneIn(3)) {
      Field(1);
    } else {
      Put("(");
      Expression(2);
      Put(")");
    }
    Put(rng_.OneIn(3) ? " => [ " : "=>[");
    Put(rng_.OneIn(6) ? "knn " : "KNN ");
    if (rng_.OneIn(12)) {
      Number();
    } else {
      Put(rng_.OneIn(3) ? "$k" : "10");
    }
    Put(" @");
    Put(Pick(kFields));
    Put(" $blob");
    while (rng_.OneIn(3)) {
      Put(" ");
      Put(rng_.OneIn(2) ? "EF_RUNTIME " : "HYBRID_POLICY ");
      Put(rng_.OneIn(3) ? Pick(kParams) : Pick(kWords));
    }
    if (rng_.OneIn(3)) {
      Put(" AS ");
      Put(rng_.OneIn(3) ? Pick(kParams) : Pick(kWords));
    }
    Put("]");
    if (rng_.OneIn(4)) Attributes();
  }

  // Nesting close to the limits of the parser's stack.
  void Deep() {
    constexpr string_view kOpen[] = {"(", "-", "~", "(foo ", "(foo|", "@t:(", "-("};
    string_view open = Pick(kOpen);
    uint64_t levels = 1 + rng_.Below(rng_.OneIn(2) ? 20 : 300);
    // A level above the limit and one below it are of use in each kind of nesting.
    if (rng_.OneIn(2)) levels = (small_limits_ ? 16 : 256) - rng_.Below(4);
    const bool star = dialect2_ && rng_.OneIn(4);
    if (star) open = "(";
    for (uint64_t i = 0; i < levels; ++i) Put(open);
    Put(star ? "*" : Pick(kLongWords));
    if (open.find('(') == string_view::npos) return;
    for (uint64_t i = 0; i < levels; ++i) Put(")");
  }

  // A pattern close to the length limit.
  void LongPattern() {
    const size_t length = rng_.OneIn(2) ? 1022 + rng_.Below(5) : 6 + rng_.Below(5);
    const bool wildcard = dialect2_ && rng_.OneIn(2);
    if (wildcard) Put("w'");
    text_.append(length, 'a');
    Put(wildcard ? "'" : "*");
  }

  void Break() {
    const uint64_t edits = 1 + rng_.Below(3);
    for (uint64_t i = 0; i < edits; ++i) {
      const size_t at = rng_.Below(text_.size() + 1);
      const size_t run = rng_.Below(text_.size() - at + 1) % 8;
      switch (rng_.Below(4)) {
        case 0:
          text_.erase(at, 1 + run);
          break;
        case 1:
          text_.insert(at, Pick(kNoise));
          break;
        case 2:
          text_.insert(at, text_.substr(at, run));
          break;
        default:
          if (at < text_.size()) text_[at] = static_cast<char>(rng_.Below(256));
      }
    }
  }

  Rng rng_;
  bool dialect2_ = false;
  bool small_limits_ = false;
  std::string text_;
};

}  // namespace

void GenerateQueryTape(uint64_t seed, Tape& out) { QueryGenerator(seed).Generate(out); }

}  // namespace resprobe
