#include "core/resp/reply.h"

#include <cstring>
#include <vector>

#include "core/resp/number.h"

namespace resprobe::resp {

std::string_view TypeName(Type type) {
  switch (type) {
    case Type::kSimpleString:
      return "simple string";
    case Type::kSimpleError:
      return "simple error";
    case Type::kInteger:
      return "integer";
    case Type::kBulkString:
      return "bulk string";
    case Type::kArray:
      return "array";
    case Type::kNull:
      return "null";
    case Type::kBoolean:
      return "boolean";
    case Type::kDouble:
      return "double";
    case Type::kBigNumber:
      return "big number";
    case Type::kBulkError:
      return "bulk error";
    case Type::kVerbatimString:
      return "verbatim string";
    case Type::kMap:
      return "map";
    case Type::kSet:
      return "set";
    case Type::kAttribute:
      return "attribute";
    case Type::kPush:
      return "push";
  }
  return "unknown type";
}

std::string_view ReplyView::text() const {
  const Reply::Node& n = node();
  const char* bytes = reply_->bytes_.data();
  switch (n.type) {
    case Type::kSimpleString:
    case Type::kSimpleError:
    case Type::kBulkString:
    case Type::kBulkError:
    case Type::kBigNumber:
      return {bytes + n.text.offset, n.text.length};
    case Type::kVerbatimString:
      return {bytes + n.text.offset + 4, n.text.length - 4};
    case Type::kInteger:
    case Type::kDouble:
      return {bytes + n.link, n.text_length};
    default:
      return {};
  }
}

std::string_view ReplyView::verbatim_format() const {
  if (type() != Type::kVerbatimString) return {};
  return {reply_->bytes_.data() + node().text.offset, 3};
}

ReplyView ReplyView::operator[](size_t i) const {
  Iterator it = begin();
  for (; i > 0; --i) ++it;
  return *it;
}

size_t ReplyView::attribute_count() const {
  size_t count = 0;
  for (uint32_t at = first_; at < index_; at = EndOf(at)) ++count;
  return count;
}

ReplyView ReplyView::attribute(size_t i) const {
  uint32_t at = first_;
  for (; i > 0; --i) at = EndOf(at);
  return ReplyView(reply_, at, at);
}

bool Equal(const ReplyView& a, const ReplyView& b) {
  if (!a.valid() || !b.valid()) return a.valid() == b.valid();
  const size_t count = a.end_node() - a.first_node();
  if (count != b.end_node() - b.first_node()) return false;
  // Comparing types and child counts in preorder compares the shape.
  const Reply::Node* x = a.reply_->nodes_.data() + a.first_;
  const Reply::Node* y = b.reply_->nodes_.data() + b.first_;
  for (const Reply::Node* const end = x + count; x != end; ++x, ++y) {
    if (x->type != y->type) return false;
    switch (x->type) {
      case Type::kInteger:
      case Type::kBoolean:
      case Type::kNull:
        if (x->integer != y->integer) return false;
        break;
      case Type::kDouble:
        if (x->real != x->real && y->real != y->real) break;
        // Compares the bits, so that 0 and -0 differ.
        if (x->integer != y->integer) return false;
        break;
      case Type::kArray:
      case Type::kMap:
      case Type::kSet:
      case Type::kAttribute:
      case Type::kPush:
        if (x->children.count != y->children.count) return false;
        break;
      default:
        if (x->text.length != y->text.length) return false;
        if (x->text.length != 0 &&
            std::memcmp(a.reply_->bytes_.data() + x->text.offset,
                        b.reply_->bytes_.data() + y->text.offset, x->text.length) != 0) {
          return false;
        }
    }
  }
  return true;
}

void AppendEscaped(std::string* out, std::string_view bytes) {
  for (const char c : bytes) {
    switch (c) {
      case '\\':
      case '"':
        out->push_back('\\');
        out->push_back(c);
        break;
      case '\n':
        out->append("\\n");
        break;
      case '\r':
        out->append("\\r");
        break;
      case '\t':
        out->append("\\t");
        break;
      case '\a':
        out->append("\\a");
        break;
      case '\b':
        out->append("\\b");
        break;
      default:
        if (c >= 0x20 && c < 0x7f) {
          out->push_back(c);
        } else {
          constexpr char kHex[] = "0123456789abcdef";
          const auto byte = static_cast<unsigned char>(c);
          out->append({'\\', 'x', kHex[byte >> 4], kHex[byte & 15]});
        }
    }
  }
}

namespace {

void AppendQuoted(std::string* out, std::string_view bytes) {
  out->push_back('"');
  AppendEscaped(out, bytes);
  out->push_back('"');
}

// Appends one value; for an aggregate, only its opening.
void AppendOne(std::string* out, const ReplyView& v) {
  switch (v.type()) {
    case Type::kSimpleString:
      AppendEscaped(out, v.text());
      break;
    case Type::kSimpleError:
    case Type::kBulkError:
      out->append("(error) ");
      AppendEscaped(out, v.text());
      break;
    case Type::kInteger:
      out->append("(integer) ").append(std::to_string(v.integer()));
      break;
    case Type::kBulkString:
      AppendQuoted(out, v.text());
      break;
    case Type::kNull:
      out->append("(nil)");
      break;
    case Type::kBoolean:
      out->append(v.boolean() ? "(true)" : "(false)");
      break;
    case Type::kDouble:
      out->append("(double) ").append(v.text());
      break;
    case Type::kBigNumber:
      out->append("(big number) ").append(v.text());
      break;
    case Type::kVerbatimString:
      AppendEscaped(out, v.verbatim_format());
      out->push_back(':');
      AppendQuoted(out, v.text());
      break;
    case Type::kArray:
      out->push_back('[');
      break;
    case Type::kMap:
      out->push_back('{');
      break;
    case Type::kSet:
      out->append("~[");
      break;
    case Type::kAttribute:
      out->append("|{");
      break;
    case Type::kPush:
      out->append(">[");
      break;
  }
}

}  // namespace

std::string ToText(const ReplyView& value) {
  std::string out;
  if (!value.valid()) return out;
  struct Open {
    size_t end;       // the node after its last child
    size_t children;  // children begun so far
    bool pairs;
    bool attribute;  // the annotated value follows
  };
  std::vector<Open> open;
  size_t at = value.first_node();
  const size_t end = value.end_node();
  bool annotated = false;  // an attribute has just ended
  for (;;) {
    while (!open.empty() && open.back().end == at) {
      out.push_back(open.back().pairs ? '}' : ']');
      annotated = open.back().attribute;
      open.pop_back();
    }
    if (at == end) return out;
    const ReplyView v = ReplyView::AtNode(value.reply(), at);
    if (annotated) {
      out.push_back(' ');
    } else if (!open.empty()) {
      const size_t child = open.back().children++;
      if (child > 0) out.append(open.back().pairs && child % 2 == 1 ? ": " : ", ");
    }
    annotated = false;
    AppendOne(&out, v);
    if (v.is_aggregate()) {
      const bool attribute = v.type() == Type::kAttribute;
      open.push_back({v.end_node(), 0, attribute || v.type() == Type::kMap, attribute});
    }
    ++at;
  }
}

}  // namespace resprobe::resp
