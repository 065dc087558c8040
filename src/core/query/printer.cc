#include "core/query/printer.h"

#include <cstdlib>
#include <cstring>
#include <string_view>

#include "core/query/chars.h"
#include "core/query/lexer.h"
#include "core/query/names.h"

namespace resprobe::query {
namespace {

// The context of a node.
enum class Place : uint8_t {
  kFree,  // the whole query, or inside parentheses
  kAndItem,
  kOrItem,
  kOperand,  // of `-` and `~`
  kFieldScope,
  kAttributed,
  kFilter,  // of a KNN clause
};

// The most punctuation that one node adds to the text: its parentheses, the separator before it,
// its own signs and keywords ("@:[VECTOR_RANGE ]", "$yield_distance_as:;", ...).
constexpr size_t kMostMarks = 32;
// Texts are copied in pieces of this size, so the buffers have that much spare room.
constexpr uint32_t kPiece = 16;
static_assert(Ast::kPadding >= kPiece);

class Printer {
 public:
  // `out` must have room for the whole text: see Print().
  Printer(const Ast& ast, Dialect dialect, char* out) : ast_(ast), dialect_(dialect), out_(out) {}

  // Recurses to the depth of the tree, which the parser's stack limits.
  void PrintNode(const Node& node, Place place);
  const char* end() const { return out_; }

 private:
  const Node& First(const Node& node) const { return ast_.node(node.first_child); }
  const Node& Next(const Node& node) const { return ast_.node(node.next); }

  bool NeedsParentheses(const Node& node, Place place) const;
  bool Reaches(const Node& node) const;
  bool ReadsAsNumber(const Node& node) const;
  void PrintBare(const Node& node);
  void PrintList(const Node& node, char separator, Place place);
  void PrintField(const Node& node);
  void PrintAttributed(const Node& node);
  void PrintKnn(const Node& node);
  void PrintAffix(const Node& node);
  void PrintBound(const Node& node);
  // `@name`.
  void FieldName(const Node& node) {
    Put('@');
    Name(node);
  }
  // `$name` or a word.
  void Value(const Node& node);
  void Name(const Node& node);
  void Phrase(const Node& node);
  void Wildcard(const Node& node);

  void Put(char c) { *out_++ = c; }
  void Put(std::string_view marks) {
    std::memcpy(out_, marks.data(), marks.size());
    out_ += marks.size();
  }
  // Copies the text unchanged.
  void Copy(const Node& node) {
    const char* from = ast_.text(node).data();
    for (uint32_t done = 0; done < node.text_size; done += kPiece) {
      std::memcpy(out_ + done, from + done, kPiece);
    }
    out_ += node.text_size;
  }

  const Ast& ast_;
  const Dialect dialect_;
  char* out_;
};

void Printer::Value(const Node& node) {
  if (node.flags & kIsParam) {
    Put('$');
    Name(node);
  } else if ((node.is_plain && ast_.text(node) != "_") || IsUnsignedNumber(ast_.text(node))) {
    Copy(node);
  } else {
    Name(node);
  }
}

void Printer::Name(const Node& node) {
  if (node.is_plain && ast_.text(node) != "_") return Copy(node);
  for (const char c : ast_.text(node)) {
    // An `_` alone separates words.
    if (!(ClassOf(c) & kWordByte) || (c == '_' && node.text_size == 1)) Put('\\');
    Put(c);
  }
}

void Printer::Phrase(const Node& node) {
  Put('"');
  for (const char c : ast_.text(node)) {
    if (c == '"' || c == '\\') Put('\\');
    Put(c);
  }
  Put('"');
}

void Printer::Wildcard(const Node& node) {
  const std::string_view pattern = ast_.text(node);
  char quote = '\'';
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\') {
      ++i;
    } else if (pattern[i] == '\'') {
      quote = '"';
    }
  }
  Put('w');
  Put(quote);
  Copy(node);
  Put(quote);
}

bool Printer::NeedsParentheses(const Node& node, Place place) const {
  // Dialect 1 would read what follows the `|` as one more tag.
  if (node.kind == Kind::kTag && dialect_ == Dialect::k1 && place == Place::kOrItem) return true;
  if (place == Place::kFree || node.kind >= Kind::kTerm) return false;
  switch (node.kind) {
    case Kind::kOr:
      return true;
    case Kind::kAnd:
      return dialect_ == Dialect::k1 || place != Place::kOrItem;
    case Kind::kNot:
    case Kind::kOptional:
      if (place == Place::kAttributed || place == Place::kFilter) return true;
      return dialect_ == Dialect::k1 && (place == Place::kAndItem || place == Place::kOrItem);
    case Kind::kField:
      if (place == Place::kAttributed) return true;
      return dialect_ == Dialect::k1 && (place == Place::kAndItem || place == Place::kOrItem);
    case Kind::kAttributed:
      // Otherwise its braces would apply to the words before it, too.
      return dialect_ == Dialect::k1 && place == Place::kAndItem;
    default:
      return false;
  }
}

// Dialect 2: true if the operator or field of `node` would also apply to the operand after it.
bool Printer::Reaches(const Node& node) const {
  if (dialect_ == Dialect::k1 || node.next == kNoNode) return false;
  if (node.kind == Kind::kField) {
    const Node* operand = &First(node);
    while (operand->next != kNoNode) operand = &Next(*operand);
    if (operand->kind == Kind::kAttributed) return false;  // the braces end its scope
  } else if (node.kind != Kind::kNot && node.kind != Kind::kOptional) {
    return false;
  }
  const Node* next = &Next(node);
  if (next->kind == Kind::kAttributed) next = &First(*next);
  switch (next->kind) {
    case Kind::kParam:
    case Kind::kAffix:
    case Kind::kWildcard:
    case Kind::kFuzzy:
      return true;
    case Kind::kTerm:
      return IsUnsignedNumber(ast_.text(*next));
    default:
      return false;
  }
}

// True if `node` begins with a number that a preceding `-` would become a part of.
bool Printer::ReadsAsNumber(const Node& node) const {
  const Node* leaf = &node;
  if (leaf->kind == Kind::kAttributed) leaf = &First(*leaf);
  const bool begins_with_word =
      leaf->kind == Kind::kTerm ||
      (leaf->kind == Kind::kAffix && !(leaf->flags & (kSuffix | kQuoted | kIsParam)));
  return begins_with_word && IsUnsignedNumber(ast_.text(*leaf));
}

void Printer::PrintNode(const Node& node, Place place) {
  const bool parentheses =
      NeedsParentheses(node, place) || (place == Place::kAndItem && Reaches(node));
  if (parentheses) Put('(');
  PrintBare(node);
  if (parentheses) Put(')');
}

void Printer::PrintBare(const Node& node) {
  switch (node.kind) {
    case Kind::kEmpty:
      break;
    case Kind::kStar:
      Put('*');
      break;
    case Kind::kKnn:
      PrintKnn(node);
      break;
    case Kind::kAnd:
      PrintList(node, ' ', Place::kAndItem);
      break;
    case Kind::kOr:
      PrintList(node, '|', Place::kOrItem);
      break;
    case Kind::kNot:
      Put('-');
      if (ReadsAsNumber(First(node))) Put(' ');
      PrintNode(First(node), Place::kOperand);
      break;
    case Kind::kOptional:
      Put('~');
      PrintNode(First(node), Place::kOperand);
      break;
    case Kind::kField:
      PrintField(node);
      break;
    case Kind::kAttributed:
      PrintAttributed(node);
      break;
    case Kind::kTerm:
    case Kind::kParam:
    case Kind::kName:
      Value(node);
      break;
    case Kind::kExact:
      Phrase(node);
      break;
    case Kind::kAffix:
      PrintAffix(node);
      break;
    case Kind::kWildcard:
      Wildcard(node);
      break;
    case Kind::kFuzzy:
      Put(std::string_view("%%%").substr(0, node.arg));
      Value(node);
      Put(std::string_view("%%%").substr(0, node.arg));
      break;
    case Kind::kTag:
      FieldName(node);
      Put(":{");
      // A tag of several words needs no parentheses between two `|`.
      PrintList(node, '|', Place::kFree);
      Put('}');
      break;
    case Kind::kRange:
    case Kind::kGeo:
    case Kind::kGeoShape:
    case Kind::kVectorRange:
      FieldName(node);
      Put(":[");
      if (node.kind == Kind::kGeoShape) {
        Put(NameOf(static_cast<ShapeRelation>(node.arg)));
        Put(' ');
      } else if (node.kind == Kind::kVectorRange) {
        Put("VECTOR_RANGE ");
      }
      PrintList(node, ' ', Place::kFree);
      Put(']');
      break;
    case Kind::kCompare:
      FieldName(node);
      Put(NameOf(static_cast<Comparison>(node.arg)));
      PrintBound(First(node));
      break;
    case Kind::kMissing:
      Put("ismissing(");
      FieldName(node);
      Put(')');
      break;
    case Kind::kNumber:
      PrintBound(node);
      break;
    case Kind::kUnit:
      if (node.flags & kIsParam) {
        Value(node);
      } else {
        Put(NameOf(static_cast<Unit>(node.arg)));
      }
      break;
    case Kind::kAttribute:
      Put('$');
      Put(NameOf(static_cast<AttributeName>(node.arg)));
      Put(':');
      Value(node);
      break;
    case Kind::kAlias:
      Put("AS ");
      Value(node);
      break;
  }
}

void Printer::PrintList(const Node& node, char separator, Place place) {
  PrintNode(First(node), place);
  for (uint32_t child = First(node).next; child != kNoNode; child = ast_.node(child).next) {
    Put(separator);
    PrintNode(ast_.node(child), place);
  }
}

void Printer::PrintField(const Node& node) {
  FieldName(node);
  const Node* child = &First(node);
  for (; child->kind == Kind::kName; child = &Next(*child)) {
    Put('|');
    Name(*child);
  }
  Put(':');
  PrintNode(*child, Place::kFieldScope);
}

void Printer::PrintAttributed(const Node& node) {
  const Node& operand = First(node);
  PrintNode(operand, Place::kAttributed);
  Put("=>{");
  for (uint32_t child = operand.next; child != kNoNode; child = ast_.node(child).next) {
    if (child != operand.next) Put(';');
    PrintBare(ast_.node(child));
  }
  Put('}');
}

void Printer::PrintKnn(const Node& node) {
  const Node& filter = First(node);
  PrintNode(filter, Place::kFilter);
  Put("=>[KNN ");
  const Node& count = Next(filter);
  Value(count);
  Put(' ');
  FieldName(node);
  for (uint32_t child = count.next; child != kNoNode; child = ast_.node(child).next) {
    Put(' ');
    PrintBare(ast_.node(child));
  }
  Put(']');
}

void Printer::PrintAffix(const Node& node) {
  if (node.flags & kSuffix) Put('*');
  if (node.flags & kQuoted) {
    Phrase(node);
  } else {
    Value(node);
  }
  if (node.flags & kPrefix) Put('*');
}

void Printer::PrintBound(const Node& node) {
  if (node.flags & kExclusive) Put('(');
  if (node.flags & kNegative) Put('-');
  if (node.flags & kIsParam) {
    Value(node);
  } else {
    Copy(node);
  }
}

}  // namespace

void Print(const Ast& ast, Dialect dialect, std::string* out) {
  if (ast.empty()) return;
  // In the worst case each byte of the texts needs a backslash.
  const size_t before = out->size();
  const size_t most = 2 * ast.TextBound() + kMostMarks * ast.size() + kPiece;
  out->resize(before + most);
  char* const begin = out->data() + before;
  Printer printer(ast, dialect, begin);
  printer.PrintNode(ast.root(), Place::kFree);
  const auto printed = static_cast<size_t>(printer.end() - begin);
  if (printed > most) std::abort();  // kMostMarks is wrong
  out->resize(before + printed);
}

}  // namespace resprobe::query
