#include "core/table/shape.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "core/keyspace/integers.h"

namespace resprobe {

// A recursive-descent parser of the shape language.
class ShapeCompiler {
 public:
  ShapeCompiler(std::string_view text, Shape* shape) : text_(text), nodes_(shape->nodes_) {}

  bool Run(std::string* error) {
    if (Alternatives() && at_ == text_.size()) return true;
    if (error != nullptr) {
      *error = "shape \"" + std::string(text_) + "\", at " + std::to_string(at_) + ": " +
               (problem_ != nullptr ? problem_ : "unexpected text");
    }
    return false;
  }

 private:
  using Kind = Shape::Kind;
  using Node = Shape::Node;

  bool Fail(const char* problem) {
    problem_ = problem;
    return false;
  }
  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool Take(char c) {
    if (Peek() != c) return false;
    ++at_;
    return true;
  }

  bool Alternatives() {
    const size_t first = nodes_.size();
    if (!One()) return false;
    if (Peek() != '|') return true;
    nodes_.insert(nodes_.begin() + static_cast<ptrdiff_t>(first), Node{.kind = Kind::kOneOf});
    for (size_t i = first + 1; i < nodes_.size(); ++i) ++nodes_[i].end;
    uint16_t count = 1;
    while (Take('|')) {
      if (!One()) return false;
      ++count;
    }
    nodes_[first].children = count;
    nodes_[first].end = static_cast<uint16_t>(nodes_.size());
    return true;
  }

  bool One() {
    const size_t start = at_;
    while (at_ < text_.size() && text_[at_] >= 'a' && text_[at_] <= 'z') ++at_;
    const std::string_view word = text_.substr(start, at_ - start);
    const size_t index = nodes_.size();
    nodes_.push_back({});
    bool ok = true;
    if (word == "ok") {
      nodes_[index].kind = Kind::kOk;
    } else if (word == "status") {
      nodes_[index].kind = Kind::kStatus;
      ok = Peek() != '(' || StatusText(index);
    } else if (word == "int") {
      nodes_[index].kind = Kind::kInt;
      ok = Peek() != '(' || Bounds(index);
    } else if (word == "bulk") {
      nodes_[index].kind = Kind::kBulk;
      if (text_.substr(at_, 5) == "(int)") {
        at_ += 5;
        nodes_[index].kind = Kind::kBulkInt;
      }
    } else if (word == "double") {
      nodes_[index].kind = Kind::kDouble;
    } else if (word == "bool") {
      nodes_[index].kind = Kind::kBool;
    } else if (word == "null") {
      nodes_[index].kind = Kind::kNull;
    } else if (word == "nullarray") {
      nodes_[index].kind = Kind::kNullArray;
    } else if (word == "verbatim") {
      nodes_[index].kind = Kind::kVerbatim;
    } else if (word == "error") {
      nodes_[index].kind = Kind::kError;
    } else if (word == "any") {
      nodes_[index].kind = Kind::kAny;
    } else if (word == "none") {
      nodes_[index].kind = Kind::kNone;
    } else if (word == "array") {
      nodes_[index].kind = Kind::kArray;
      ok = Arguments(index, 1, 1);
    } else if (word == "set") {
      nodes_[index].kind = Kind::kSet;
      ok = Arguments(index, 1, 1);
    } else if (word == "map") {
      nodes_[index].kind = Kind::kMap;
      ok = Arguments(index, 2, 2);
    } else if (word == "flat") {
      nodes_[index].kind = Kind::kFlat;
      ok = Arguments(index, 2, 2);
    } else if (word == "pairs") {
      nodes_[index].kind = Kind::kPairs;
      ok = Arguments(index, 2, 2);
    } else if (word == "tuple") {
      nodes_[index].kind = Kind::kTuple;
      ok = Arguments(index, 1, UINT16_MAX);
    } else if (word == "push") {
      nodes_[index].kind = Kind::kPush;
      ok = Arguments(index, 1, UINT16_MAX);
    } else {
      at_ = start;
      return Fail("unknown shape");
    }
    nodes_[index].end = static_cast<uint16_t>(nodes_.size());
    return ok;
  }

  bool Arguments(size_t index, uint16_t least, uint16_t most) {
    if (!Take('<')) return Fail("expected '<'");
    uint16_t count = 0;
    do {
      if (!Alternatives()) return false;
      ++count;
    } while (Take(','));
    if (!Take('>')) return Fail("expected '>' or ','");
    if (count < least || count > most) return Fail("wrong number of shapes inside <>");
    nodes_[index].children = count;
    return true;
  }

  bool StatusText(size_t index) {
    const size_t close = text_.find(')', at_);
    if (close == std::string_view::npos) return Fail("expected ')'");
    nodes_[index].text = text_.substr(at_ + 1, close - at_ - 1);
    at_ = close + 1;
    return true;
  }

  bool Bounds(size_t index) {
    ++at_;
    Number(&nodes_[index].low);
    if (text_.substr(at_, 2) != "..") return Fail("expected '..'");
    at_ += 2;
    Number(&nodes_[index].high);
    return Take(')') || Fail("expected ')'");
  }
  void Number(int64_t* value) {
    const char* begin = text_.data() + at_;
    const auto result = std::from_chars(begin, text_.data() + text_.size(), *value);
    at_ += static_cast<size_t>(result.ptr - begin);
  }

  std::string_view text_;
  std::vector<Node>& nodes_;
  size_t at_ = 0;
  const char* problem_ = nullptr;
};

namespace {

[[gnu::noinline]] bool IsIntegerText(std::string_view text) {
  int64_t number;
  return ParseInt64(text, &number);
}

bool IsNumberText(std::string_view text) {
  // A double in the server's text form.
  if (text == "inf" || text == "-inf" || text == "nan" || text == "-nan") return true;
  if (text.empty() || text.size() > 400) return false;
  if (text[0] == '-') text.remove_prefix(1);
  bool digits = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c >= '0' && c <= '9') {
      digits = true;
    } else if (c == '.' || c == 'e' || c == 'E' || c == '+' || c == '-') {
      if (i == 0) return false;
    } else {
      return false;
    }
  }
  return digits;
}

}  // namespace

class ShapeMatcher {
 public:
  // Passed by value, in registers: see MatchesParts().
  ShapeMatcher(const Shape& shape, int protocol)
      : nodes_(shape.nodes_.data()), protocol_(protocol) {}

  static bool Matches(ShapeMatcher m, size_t index, const resp::ReplyView& value) {
    using resp::NullKind;
    using resp::Type;
    const Shape::Node& node = m.nodes_[index];
    const Type type = value.type();
    const bool resp2 = m.protocol_ == 2;
    switch (node.kind) {
      case Kind::kOk:
        return type == Type::kSimpleString && value.text() == "OK";
      case Kind::kStatus:
        return type == Type::kSimpleString && (node.text.empty() || value.text() == node.text);
      case Kind::kInt:
        return type == Type::kInteger && value.integer() >= node.low &&
               value.integer() <= node.high;
      case Kind::kBulk:
        return type == Type::kBulkString;
      case Kind::kBulkInt:
        return type == Type::kBulkString && IsIntegerText(value.text());
      case Kind::kDouble:
        return resp2 ? type == Type::kBulkString && IsNumberText(value.text())
                     : type == Type::kDouble;
      case Kind::kBool:
        return resp2 ? type == Type::kInteger && (value.integer() | 1) == 1
                     : type == Type::kBoolean;
      case Kind::kNull:
        return value.null_kind() == (resp2 ? NullKind::kBulk : NullKind::kResp3);
      case Kind::kNullArray:
        return value.null_kind() == (resp2 ? NullKind::kArray : NullKind::kResp3);
      case Kind::kVerbatim:
        return type == (resp2 ? Type::kBulkString : Type::kVerbatimString);
      case Kind::kError:
        return value.is_error();
      case Kind::kAny:
        return true;
      case Kind::kNone:
        return false;
      default:
        return MatchesParts(m, index, value);
    }
  }

 private:
  using Kind = Shape::Kind;

  // Out of line: most shapes have no parts, and should not pay for views of parts on the stack.
  [[gnu::noinline]] static bool MatchesParts(ShapeMatcher m, size_t index,
                                             const resp::ReplyView& value) {
    using resp::Type;
    const Shape::Node& node = m.nodes_[index];
    const Type type = value.type();
    const bool resp2 = m.protocol_ == 2;
    switch (node.kind) {
      case Kind::kArray:
        return type == Type::kArray && All(m, index + 1, value);
      case Kind::kSet:
        return type == (resp2 ? Type::kArray : Type::kSet) && All(m, index + 1, value) &&
               Distinct(value);
      case Kind::kTuple:
        return type == Type::kArray && Each(m, index, value);
      case Kind::kPush:
        return type == (resp2 ? Type::kArray : Type::kPush) && Each(m, index, value);
      case Kind::kMap:
        return type == (resp2 ? Type::kArray : Type::kMap) && Alternating(m, index, value);
      case Kind::kFlat:
        return type == Type::kArray && Alternating(m, index, value);
      case Kind::kPairs:
        if (type != Type::kArray) return false;
        if (resp2) return Alternating(m, index, value);
        return std::all_of(value.begin(), value.end(), [&](const resp::ReplyView& pair) {
          return pair.type() == Type::kArray && Each(m, index, pair);
        });
      case Kind::kOneOf:
        for (size_t child = index + 1; child < node.end; child = m.nodes_[child].end) {
          if (Matches(m, child, value)) return true;
        }
        return false;
      default:
        return false;
    }
  }

  static bool All(ShapeMatcher m, size_t child, const resp::ReplyView& value) {
    return std::all_of(value.begin(), value.end(),
                       [&](const resp::ReplyView& element) { return Matches(m, child, element); });
  }
  // True if each child of the value has the shape of the node's child at the same position.
  static bool Each(ShapeMatcher m, size_t index, const resp::ReplyView& value) {
    if (value.size() != m.nodes_[index].children) return false;
    size_t child = index + 1;
    for (const resp::ReplyView element : value) {
      if (!Matches(m, child, element)) return false;
      child = m.nodes_[child].end;
    }
    return true;
  }
  static bool Alternating(ShapeMatcher m, size_t index, const resp::ReplyView& value) {
    if (value.size() % 2 != 0) return false;
    const size_t first = index + 1;
    const size_t second = m.nodes_[first].end;
    bool key = true;
    for (const resp::ReplyView element : value) {
      if (!Matches(m, key ? first : second, element)) return false;
      key = !key;
    }
    return true;
  }
  // Quadratic, so only the beginning of a long set is compared.
  static bool Distinct(const resp::ReplyView& value) {
    constexpr size_t kMost = 64;
    size_t i = 0;
    for (auto a = value.begin(); a != value.end() && i < kMost; ++a, ++i) {
      size_t j = 0;
      for (auto b = value.begin(); j < i; ++b, ++j) {
        if (resp::Equal(*a, *b)) return false;
      }
    }
    return true;
  }

  const Shape::Node* nodes_;
  int protocol_;
};

std::optional<Shape> Shape::Compile(std::string_view text, std::string* error) {
  Shape shape;
  if (!ShapeCompiler(text, &shape).Run(error)) return std::nullopt;
  return shape;
}

bool Shape::Matches(const resp::ReplyView& reply, int protocol) const {
  if (nodes_.empty() || !reply.valid() || reply.is_error()) return false;
  return ShapeMatcher::Matches(ShapeMatcher(*this, protocol), 0, reply);
}

}  // namespace resprobe
