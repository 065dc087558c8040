#include "mutants/rewrite.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <optional>
#include <tuple>

#include "mutants/mutant_names.h"

namespace resprobe::mutants {
namespace {

// --- Where a fault is.

// A source whose lines have no blanks at their ends, and where each of its bytes was before.
struct Normal {
  std::string text;
  std::vector<size_t> offsets;
};

Normal Normalize(std::string_view source) {
  Normal normal;
  for (size_t start = 0; start < source.size();) {
    const size_t end = std::min(source.find('\n', start), source.size());
    size_t first = start;
    size_t last = end;
    while (first < last && (source[first] == ' ' || source[first] == '\t')) ++first;
    while (last > first && (source[last - 1] == ' ' || source[last - 1] == '\t')) --last;
    for (size_t i = first; i < last; ++i) {
      normal.text += source[i];
      normal.offsets.push_back(i);
    }
    normal.text += '\n';
    normal.offsets.push_back(end);
    start = end + 1;
  }
  return normal;
}

size_t CountOf(std::string_view text, std::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

std::string HowOften(size_t count) { return count == 0 ? "not there" : "there more than once"; }

// --- Tokens, as far as they decide what an expression is.

struct Token {
  std::string_view text;
  size_t depth = 0;       // of brackets around it
  bool is_word = false;   // a name, a number or a literal
  bool is_unary = false;  // an operator before its only operand
};

bool IsWordByte(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '"' || c == '\'';
}

std::string_view OperatorAt(std::string_view text) {
  for (const std::string_view op :
       {"<<=", ">>=", "<=>", "->*", "...", "::", "->", "++", "--", "<<", ">>", "<=", ">=",
        "==",  "!=",  "&&",  "||",  "+=",  "-=", "*=", "/=", "%=", "&=", "|=", "^=", ".*"}) {
    if (text.starts_with(op)) return op;
  }
  return text.substr(0, 1);
}

// The length of the word, number or literal at the front.
size_t WordLength(std::string_view text) {
  const char first = text.front();
  if (first == '"' || first == '\'') {
    size_t end = 1;
    while (end < text.size() && text[end] != first) end += text[end] == '\\' ? 2 : 1;
    return std::min(end + 1, text.size());
  }
  const bool number = std::isdigit(static_cast<unsigned char>(first)) != 0;
  size_t end = 0;
  while (end < text.size() &&
         ((IsWordByte(text[end]) && text[end] != '"' && (number || text[end] != '\'')) ||
          (number && text[end] == '.'))) {
    ++end;
  }
  return std::max<size_t>(end, 1);
}

// The index after the '>' of the template arguments that begin with the '<' at `at`; 0 if it is no
// such thing.
size_t AfterTemplate(const std::vector<Token>& tokens, size_t at) {
  if (at == 0 || !tokens[at - 1].is_word) return 0;
  size_t open = 0;
  for (size_t i = at; i < tokens.size(); ++i) {
    const std::string_view text = tokens[i].text;
    if (text == "<") {
      ++open;
    } else if (text == ">" || text == ">>") {
      open -= std::min(open, text.size());
      if (open > 0) continue;
      const std::string_view next = i + 1 < tokens.size() ? tokens[i + 1].text : "";
      return next == "(" || next == "::" || next == "{" ? i + 1 : 0;
    } else if (!tokens[i].is_word && text != "::" && text != "," && text != "*" && text != "&") {
      return 0;
    }
  }
  return 0;
}

std::vector<Token> TokensOf(std::string_view text) {
  std::vector<Token> tokens;
  while (!text.empty()) {
    if (std::isspace(static_cast<unsigned char>(text.front())) != 0) {
      text.remove_prefix(1);
      continue;
    }
    if (text.starts_with("//")) {
      text.remove_prefix(std::min(text.find('\n'), text.size()));
      continue;
    }
    Token token;
    token.is_word = IsWordByte(text.front());
    token.text = token.is_word ? text.substr(0, WordLength(text)) : OperatorAt(text);
    text.remove_prefix(token.text.size());
    tokens.push_back(token);
  }
  // Template arguments belong to the name before them.
  std::vector<Token> joined;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].text == "<") {
      if (const size_t after = AfterTemplate(tokens, i); after != 0) {
        i = after - 1;
        continue;
      }
    }
    joined.push_back(tokens[i]);
  }
  size_t depth = 0;
  for (size_t i = 0; i < joined.size(); ++i) {
    Token& token = joined[i];
    if (!token.is_word && std::string_view(")]}").find(token.text) != std::string_view::npos) {
      depth -= std::min<size_t>(depth, 1);
    }
    token.depth = depth;
    if (token.is_word) continue;
    if (std::string_view("([{").find(token.text) != std::string_view::npos) ++depth;
    const bool after_operand =
        i > 0 &&
        ((joined[i - 1].is_word && joined[i - 1].text != "return") || joined[i - 1].text == ")" ||
         joined[i - 1].text == "]" || joined[i - 1].text == "}");
    token.is_unary = !after_operand;
  }
  return joined;
}

constexpr int kPostfix = 15;
constexpr int kUnary = 14;
constexpr int kConditional = 1;

bool IsAssignment(std::string_view op) {
  return op == "=" || (op.size() > 1 && op.ends_with('=') && op != "==" && op != "!=" &&
                       op != "<=" && op != ">=");
}

// How tightly an operator between two operands binds; nullopt: it separates expressions.
std::optional<int> PrecedenceOf(std::string_view op) {
  struct Level {
    int precedence;
    std::initializer_list<std::string_view> operators;
  };
  static const Level levels[] = {
      {kPostfix, {".", "->", "::", "(", "[", "++", "--"}},
      {13, {".*", "->*"}},
      {12, {"*", "/", "%"}},
      {11, {"+", "-"}},
      {10, {"<<", ">>"}},
      {9, {"<=>"}},
      {8, {"<", "<=", ">", ">="}},
      {7, {"==", "!="}},
      {6, {"&"}},
      {5, {"^"}},
      {4, {"|"}},
      {3, {"&&"}},
      {2, {"||"}},
      {kConditional, {"?", ":"}},
  };
  for (const Level& level : levels) {
    if (std::ranges::find(level.operators, op) != level.operators.end()) return level.precedence;
  }
  if (IsAssignment(op)) return kConditional;
  return std::nullopt;
}

// Why `from` cannot be an expression in this place; "" if it can.
std::string WhyNotWhole(std::string_view before, std::string_view from, std::string_view after) {
  const std::vector<Token> tokens = TokensOf(from);
  int loosest = kPostfix + 1;
  long open = 0;
  for (size_t i = 0; i < tokens.size(); ++i) {
    const Token& token = tokens[i];
    if (token.is_word) {
      const bool second = i > 0 && tokens[i - 1].is_word && token.depth == 0;
      if (token.text == "return" || (second && tokens[i - 1].text != "sizeof")) {
        return "is no expression";
      }
      continue;
    }
    if (std::string_view("([{").find(token.text) != std::string_view::npos) ++open;
    if (std::string_view(")]}").find(token.text) != std::string_view::npos && --open < 0) {
      return "has more closing than opening brackets";
    }
    if (token.text == ";") return "has a ';' inside: end it with one to make it a statement";
    if (IsAssignment(token.text) || token.text == "++" || token.text == "--") {
      return "has a side effect: make it a statement, with its ';'";
    }
    if (token.depth > 0) continue;
    if (token.text == ",") return "has a ',' outside of brackets";
    if (token.is_unary && token.text != "(" && token.text != "[" && token.text != "{") {
      loosest = std::min(loosest, kUnary);
    } else if (const auto precedence = PrecedenceOf(token.text)) {
      loosest = std::min(loosest, *precedence);
    }
  }
  if (open != 0) return "has brackets that are not closed";
  if (tokens.empty()) return "is empty";

  const std::vector<Token> left = TokensOf(before);
  if (!left.empty()) {
    const Token& last = left.back();
    const bool glued = tokens.front().is_word && !before.empty() && IsWordByte(before.back()) &&
                       IsWordByte(from.front());
    if (glued) return "begins inside a word";
    if (last.text == "." || last.text == "->" || last.text == "::") {
      return "begins in the middle of an expression (after '" + std::string(last.text) + "')";
    }
    const bool is_operator = !last.is_word && last.text != ")" && last.text != "]" &&
                             last.text != "(" && last.text != "[" && last.text != "{" &&
                             last.text != "}";
    if (is_operator && last.text != "?" && last.text != ":" && !IsAssignment(last.text)) {
      const auto precedence = last.is_unary ? std::optional(kUnary - 1) : PrecedenceOf(last.text);
      if (precedence && *precedence >= loosest) {
        return "is torn apart by the '" + std::string(last.text) + "' before it";
      }
    }
  }
  const std::vector<Token> right = TokensOf(after);
  if (!right.empty()) {
    const Token& next = right.front();
    if (next.is_word && IsWordByte(from.back()) && !after.empty() && IsWordByte(after.front())) {
      return "ends inside a word";
    }
    if (IsAssignment(next.text) || next.text == "++" || next.text == "--") {
      return "is changed by the '" + std::string(next.text) + "' after it";
    }
    if (next.text == "::" || (next.text == "(" && tokens.back().is_word)) {
      return "ends in the middle of an expression (before '" + std::string(next.text) + "')";
    }
    if (!next.is_word) {
      if (const auto precedence = PrecedenceOf(next.text); precedence && *precedence > loosest) {
        return "is torn apart by the '" + std::string(next.text) + "' after it";
      }
    }
  }
  return "";
}

// --- The copy.

struct Edit {
  size_t begin = 0;
  size_t end = 0;
  const Mutant* mutant = nullptr;
};

std::string OnOneLine(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  return text;
}

std::string Hex(uint32_t id) {
  char text[16];
  std::snprintf(text, sizeof(text), "0x%08xu", static_cast<unsigned>(id));
  return text;
}

// The source from `begin` to `end` with the edits, of which an earlier one contains the later ones
// that it overlaps. No newline is added or lost.
std::string Applied(std::string_view source, size_t begin, size_t end, const Edit* edits,
                    size_t count) {
  std::string out;
  for (size_t i = 0; i < count;) {
    const Edit& edit = edits[i];
    size_t inner = i + 1;
    while (inner < count && edits[inner].begin < edit.end) ++inner;
    out += source.substr(begin, edit.begin - begin);
    const std::string original =
        Applied(source, edit.begin, edit.end, edits + i + 1, inner - i - 1);
    const std::string id = Hex(MutantId(edit.mutant->name));
    const std::string to = OnOneLine(edit.mutant->to);
    if (edit.mutant->is_statement()) {
      out +=
          "{ if (::resprobe::mutants::IsOn(" + id + ")) { " + to + " } else { " + original + " } }";
    } else {
      out += "::resprobe::mutants::Mutated(" + id + ", [&]() -> decltype(auto) { return (" +
             original + "); }, [&]() -> decltype(auto) { return (" + to + "); })";
    }
    begin = edit.end;
    i = inner;
  }
  out += source.substr(begin, end - begin);
  return out;
}

}  // namespace

std::string Rewrite(std::string_view source, const std::string& file,
                    const std::vector<Mutant>& mutants, std::vector<ListError>* errors) {
  const Normal normal = Normalize(source);
  std::vector<Edit> edits;
  for (const Mutant& mutant : mutants) {
    const auto refuse = [&](size_t line, const std::string& what) {
      errors->push_back(
          {mutant.list + ":" + std::to_string(line) + ": " + mutant.name + ": " + what});
    };
    if (const size_t count = CountOf(normal.text, mutant.in); count != 1) {
      refuse(mutant.in_line, "`in` is " + HowOften(count) + " in " + file);
      continue;
    }
    if (const size_t count = CountOf(mutant.in, mutant.from); count != 1) {
      refuse(mutant.from_line, "`from` is " + HowOften(count) + " in `in`");
      continue;
    }
    if (mutant.from == mutant.to) {
      refuse(mutant.from_line, "`from` and `to` are equal");
      continue;
    }
    const size_t at = normal.text.find(mutant.in) + mutant.in.find(mutant.from);
    const Edit edit = {normal.offsets[at], normal.offsets[at + mutant.from.size() - 1] + 1,
                       &mutant};
    if (!mutant.is_statement()) {
      constexpr size_t kNear = 400;
      const size_t near = edit.begin - std::min(edit.begin, kNear);
      const std::string why = WhyNotWhole(source.substr(near, edit.begin - near), mutant.from,
                                          source.substr(edit.end, kNear));
      if (!why.empty()) {
        refuse(mutant.from_line, "`from` " + why);
        continue;
      }
    }
    edits.push_back(edit);
  }
  std::ranges::sort(edits, [](const Edit& a, const Edit& b) {
    return std::tie(a.begin, b.end, a.mutant->name) < std::tie(b.begin, a.end, b.mutant->name);
  });
  std::vector<size_t> ends;
  for (const Edit& edit : edits) {
    while (!ends.empty() && ends.back() <= edit.begin) ends.pop_back();
    if (!ends.empty() && edit.end > ends.back()) {
      errors->push_back({edit.mutant->list + ":" + std::to_string(edit.mutant->from_line) + ": " +
                         edit.mutant->name +
                         ": `from` overlaps another fault's, and neither contains the other"});
      return "";
    }
    ends.push_back(edit.end);
  }
  return "#include \"mutants/mutant_switch.h\"\n#line 1 \"" + file + "\"\n" +
         Applied(source, 0, source.size(), edits.data(), edits.size());
}

}  // namespace resprobe::mutants
