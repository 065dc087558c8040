#include "core/query/ast.h"

#include <algorithm>
#include <cstring>

#include "core/query/chars.h"
#include "core/query/names.h"

namespace resprobe::query {
namespace {

constexpr std::string_view kKindNames[] = {
    "Empty",   "Star",       "Knn",   "And",       "Or",    "Not",      "Optional",
    "Field",   "Attributed", "Term",  "Param",     "Exact", "Affix",    "Wildcard",
    "Fuzzy",   "Tag",        "Range", "Compare",   "Geo",   "GeoShape", "VectorRange",
    "Missing", "Number",     "Name",  "Attribute", "Unit",  "Alias"};
static_assert(std::size(kKindNames) == kKindCount);

void AppendText(std::string* out, std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  out->push_back('"');
  for (const char c : text) {
    const uint8_t byte = static_cast<uint8_t>(c);
    if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(c);
    } else if (byte >= 0x20 && byte < 0x7f) {
      out->push_back(c);
    } else {
      out->append("\\x");
      out->push_back(kHex[byte >> 4]);
      out->push_back(kHex[byte & 15]);
    }
  }
  out->push_back('"');
}

void DumpNode(const Ast& ast, const Node& node, size_t indent, std::string* out) {
  out->append(indent * 2, ' ');
  out->append(NameOf(node.kind));
  switch (node.kind) {
    case Kind::kFuzzy:
      out->append(" distance ").append(std::to_string(node.arg));
      break;
    case Kind::kCompare:
      out->append(" ").append(NameOf(static_cast<Comparison>(node.arg)));
      break;
    case Kind::kGeoShape:
      out->append(" ").append(NameOf(static_cast<ShapeRelation>(node.arg)));
      break;
    case Kind::kAttribute:
      out->append(" ").append(NameOf(static_cast<AttributeName>(node.arg)));
      break;
    case Kind::kUnit:
      if (!(node.flags & kIsParam)) out->append(" ").append(NameOf(static_cast<Unit>(node.arg)));
      break;
    default:
      break;
  }
  if (node.flags & kPrefix) out->append(node.flags & kSuffix ? " contains" : " prefix");
  if ((node.flags & (kPrefix | kSuffix)) == kSuffix) out->append(" suffix");
  if (node.flags & kQuoted) out->append(" quoted");
  if (node.flags & kExclusive) out->append(" exclusive");
  if (node.flags & kNegative) out->append(" negative");
  if (node.flags & kIsParam) out->append(" param");
  const bool may_be_empty = node.kind == Kind::kExact || node.kind == Kind::kWildcard;
  if (node.text_size > 0 || may_be_empty) {
    out->push_back(' ');
    AppendText(out, ast.text(node));
  }
  out->append(" [").append(std::to_string(node.begin)).append(",");
  out->append(std::to_string(node.end)).append(")\n");
  for (uint32_t child = node.first_child; child != kNoNode; child = ast.node(child).next) {
    DumpNode(ast, ast.node(child), indent + 1, out);
  }
}

// Non-zero if the `size` bytes differ. Reads up to 8 bytes past the end, which Ast::kPadding
// allows.
uint64_t DifferentBits(const char* a, const char* b, uint32_t size) {
  uint64_t different = 0;
  uint64_t x;
  uint64_t y;
  for (; size > 8; size -= 8, a += 8, b += 8) {
    std::memcpy(&x, a, 8);
    std::memcpy(&y, b, 8);
    different |= x ^ y;
  }
  std::memcpy(&x, a, 8);
  std::memcpy(&y, b, 8);
  return different | ((x ^ y) & FirstBytes(size));
}

}  // namespace

std::string_view NameOf(Kind kind) { return kKindNames[static_cast<size_t>(kind)]; }

// Accumulates the differences and tests them once: in a sanitized fuzzer each comparison costs a
// call.
bool operator==(const Ast& a, const Ast& b) {
  if (a.node_count_ != b.node_count_) return false;
  uint64_t different = 0;
  const Node* x = a.nodes_.data();
  const Node* y = b.nodes_.data();
  const char* const x_text = a.text_.data();
  const char* const y_text = b.text_.data();
  for (uint32_t left = a.node_count_; left > 0; --left, ++x, ++y) {
    different |= (static_cast<uint32_t>(x->kind) ^ static_cast<uint32_t>(y->kind)) |
                 (uint32_t{x->flags} ^ uint32_t{y->flags}) | (uint32_t{x->arg} ^ uint32_t{y->arg}) |
                 (x->size ^ y->size) | (x->text_size ^ y->text_size);
    if (x->text_size != y->text_size) return false;
    if (x->text_size != 0) {
      different |= DifferentBits(x_text + x->text_offset, y_text + y->text_offset, x->text_size);
    }
  }
  return different == 0;
}

void Ast::Dump(std::string* out) const {
  if (!empty()) DumpNode(*this, root(), 0, out);
}

const char* Ast::Prepare(std::string_view query) {
  node_count_ = 0;
  query_size_ = static_cast<uint32_t>(query.size());
  const size_t needed = query.size() + kPadding;
  if (text_.size() < needed) text_.resize(needed);
  if (!query.empty()) std::memcpy(text_.data(), query.data(), query.size());
  std::memset(text_.data() + query.size(), 0, kPadding);
  return text_.data();
}

uint32_t Ast::Unescape(uint32_t begin, uint32_t end) {
  char* const text = text_.data();
  uint32_t to = begin;
  for (uint32_t from = begin; from < end; ++from) {
    const bool escape =
        text[from] == '\\' && from + 1 < end && (ClassOf(text[from + 1]) & kEscapable);
    if (escape) ++from;
    text[to++] = text[from];
  }
  return to - begin;
}

void Ast::MakeLowerCase(Text text) {
  for (uint32_t i = 0; i < text.size; ++i) {
    char& c = text_[text.offset + i];
    c = LowerCase(c);
  }
}

void Ast::Grow() {
  node_capacity_ = node_capacity_ * 2 + 16;
  nodes_.resize(node_capacity_);
}

Node& Ast::AddLeaf(Kind kind, uint32_t begin, uint32_t end, Text text) {
  if (node_count_ == node_capacity_) Grow();
  Node& node = nodes_[node_count_++];
  node.kind = kind;
  node.flags = 0;
  node.arg = 0;
  node.is_plain = text.is_plain;
  node.size = 1;
  node.text_offset = text.offset;
  node.text_size = text.size;
  node.first_child = kNoNode;
  node.next = kNoNode;
  node.begin = begin;
  node.end = end;
  node.height = 1;
  return node;
}

Node& Ast::Add(Kind kind, uint32_t first, uint32_t begin, uint32_t end, Text text) {
  const uint32_t index = node_count_;
  Node& node = AddLeaf(kind, begin, end, text);
  uint32_t height = 0;
  uint32_t next = kNoNode;
  // The children are the roots of adjacent subtrees; walk them from last to first.
  for (uint32_t after = index; after > first;) {
    Node& child = nodes_[after - 1];
    child.next = next;
    next = after - 1;
    height = std::max(height, child.height);
    after -= child.size;
  }
  node.size = index - first + 1;
  node.first_child = next;
  node.height = height + 1;
  return node;
}

}  // namespace resprobe::query
