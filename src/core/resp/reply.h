#ifndef RESPROBE_CORE_RESP_REPLY_H_
#define RESPROBE_CORE_RESP_REPLY_H_

// One parsed reply as a flat tree: the nodes are in preorder in one array, and every text is a
// range of one byte buffer. So a reply needs no allocation per element, is traversed without
// recursion, and is cleared in constant time.

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "core/resp/flat_buffer.h"

namespace resprobe::resp {

// The types of RESP2 and RESP3; each value is the type's first byte on the wire.
enum class Type : uint8_t {
  kSimpleString = '+',
  kSimpleError = '-',
  kInteger = ':',
  kBulkString = '$',
  kArray = '*',
  kNull = '_',
  kBoolean = '#',
  kDouble = ',',
  kBigNumber = '(',
  kBulkError = '!',
  kVerbatimString = '=',
  kMap = '%',
  kSet = '~',
  kAttribute = '|',
  kPush = '>',
};

// How a null was written. Which of the two RESP2 forms a command uses is part of its contract.
enum class NullKind : uint8_t {
  kNotNull,
  kResp3,  // _
  kBulk,   // $-1
  kArray,  // *-1
};

// True for the types that have children: array, map, set, attribute, push.
constexpr bool IsAggregate(Type type) {
  return type == Type::kArray || type == Type::kMap || type == Type::kSet ||
         type == Type::kAttribute || type == Type::kPush;
}

// The name of a type in the RESP3 specification, in lower case: "bulk string".
std::string_view TypeName(Type type);

class ReplyView;

// One reply, or nothing. A reply keeps its memory when it is cleared, so a reused one stops
// allocating. Views into it are valid until it is cleared, moved, parsed into, or destroyed.
class Reply {
 public:
  // One value in preorder; 16 bytes. What the fields mean depends on the type; use ReplyView.
  struct Node {
    Type type;
    uint8_t flags;
    uint16_t text_length;  // length of the text, for integers and doubles
    // Integers and doubles: where the text starts. Aggregates, while they are being parsed: the
    // enclosing open node.
    uint32_t link;
    union {
      int64_t integer;  // integers, booleans, and the NullKind of a null
      double real;
      struct {
        uint32_t offset;  // in the byte buffer
        uint32_t length;
      } text;
      struct {
        uint32_t count;  // children, excluding attributes; a map of n pairs has 2n
        uint32_t end;    // the first node after this subtree
      } children;
    };
  };
  static constexpr uint8_t kStreamed = 1;  // a flag: written as `$?`, `*?`, `~?` or `%?`

  Reply() = default;
  Reply(Reply&& other) noexcept { *this = std::move(other); }
  // Swaps, so that no memory is lost; afterwards `other` is valid but unspecified.
  Reply& operator=(Reply&& other) noexcept {
    nodes_.Swap(other.nodes_);
    bytes_.Swap(other.bytes_);
    std::swap(whole_, other.whole_);
    return *this;
  }

  // True unless the reply holds a complete value.
  bool empty() const { return !whole_; }
  // Clears the value and keeps the memory.
  void Clear() {
    nodes_.clear();
    bytes_.clear();
    whole_ = false;
  }
  // The value itself; for an empty reply, a view that is not valid().
  ReplyView root() const;

  // All nodes in preorder, also those of an incomplete value; there, the children.end of an
  // aggregate that is still open is the number of its missing children.
  std::span<const Node> nodes() const { return {nodes_.data(), nodes_.size()}; }

  // The buffer that Node::text.offset and Node::link of numbers refer to.
  std::string_view bytes() const { return {bytes_.data(), bytes_.size()}; }

  // The number of values at any depth, attributes included.
  size_t node_count() const { return nodes_.size(); }
  // Bytes that the value occupies, and bytes that are allocated for it.
  size_t memory_used() const { return nodes_.size() * sizeof(Node) + bytes_.size(); }
  size_t memory_allocated() const { return nodes_.capacity() * sizeof(Node) + bytes_.capacity(); }

 private:
  friend class ReplyView;
  friend class ReplyParser;
  friend bool Equal(const ReplyView& a, const ReplyView& b);

  FlatBuffer<Node> nodes_;
  // The bytes of the value as received; the chunks of a streamed string are joined.
  FlatBuffer<char> bytes_;
  bool whole_ = false;
};
static_assert(sizeof(Reply::Node) == 16);

// A value in a reply: a cheap handle (16 bytes), passed by value. An accessor that does not apply
// to the type returns 0, false, or an empty text.
class ReplyView {
 public:
  class Iterator;

  ReplyView() = default;

  bool valid() const { return reply_ != nullptr; }
  // kNull for every kind of null.
  Type type() const { return node().type; }
  bool is_null() const { return type() == Type::kNull; }
  NullKind null_kind() const {
    return is_null() ? static_cast<NullKind>(node().integer) : NullKind::kNotNull;
  }
  // A simple or a bulk error.
  bool is_error() const { return type() == Type::kSimpleError || type() == Type::kBulkError; }
  bool is_aggregate() const { return IsAggregate(type()); }
  // True if sent as a stream: in chunks (`$?`), or ended by `.` (`*?`, `~?`, `%?`).
  bool streamed() const { return (node().flags & Reply::kStreamed) != 0; }

  int64_t integer() const { return type() == Type::kInteger ? node().integer : 0; }
  bool boolean() const { return type() == Type::kBoolean && node().integer != 0; }
  double real() const { return type() == Type::kDouble ? node().real : 0; }
  // The bytes of a simple string, simple error, bulk string, bulk error or verbatim string (without
  // its format), or a number's text as it was sent.
  std::string_view text() const;
  // The three bytes that name the format of a verbatim string: "txt", "mkd".
  std::string_view verbatim_format() const;

  // Children; a map of n pairs has 2n: key, value, key, value. Attributes are not counted.
  size_t size() const { return is_aggregate() ? node().children.count : 0; }
  // Child `i` < size(); takes i steps. Use the iterator to visit all.
  ReplyView operator[](size_t i) const;
  Iterator begin() const;
  Iterator end() const;

  // Attributes precede the value that they annotate (`|1\r\n+ttl\r\n:5\r\n$3\r\nfoo\r\n`) and do
  // not count as elements. A value can have more than one.
  size_t attribute_count() const;
  ReplyView attribute(size_t i) const;

  // The nodes of the value in the reply: [first_node(), node_index()) are its attributes and their
  // descendants, [node_index(), end_node()) the value and its descendants.
  size_t first_node() const { return first_; }
  size_t node_index() const { return index_; }
  size_t end_node() const { return EndOf(index_); }
  const Reply* reply() const { return reply_; }
  // The value at a node, without its attributes. Here an attribute counts as a value, so this can
  // visit [first_node(), end_node()) from front to back.
  static ReplyView AtNode(const Reply* reply, size_t node) {
    return ReplyView(reply, static_cast<uint32_t>(node), static_cast<uint32_t>(node));
  }

 private:
  friend class Reply;
  friend bool Equal(const ReplyView& a, const ReplyView& b);

  // The value at node `first`, or after the attributes that start there.
  ReplyView(const Reply* reply, uint32_t first) : reply_(reply), first_(first), index_(first) {
    while (node().type == Type::kAttribute) index_ = EndOf(index_);
  }
  ReplyView(const Reply* reply, uint32_t first, uint32_t index)
      : reply_(reply), first_(first), index_(index) {}

  const Reply::Node& node() const { return reply_->nodes_[index_]; }
  uint32_t EndOf(uint32_t index) const {
    const Reply::Node& n = reply_->nodes_[index];
    return IsAggregate(n.type) ? n.children.end : index + 1;
  }

  const Reply* reply_ = nullptr;
  uint32_t first_ = 0;
  uint32_t index_ = 0;
};

// Visits the children of an aggregate in order; each step is O(1), whatever the size of the child.
class ReplyView::Iterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = ReplyView;
  using difference_type = std::ptrdiff_t;
  using pointer = const ReplyView*;
  using reference = ReplyView;

  Iterator() = default;
  ReplyView operator*() const { return ReplyView(reply_, first_); }
  Iterator& operator++() {
    first_ = static_cast<uint32_t>(ReplyView(reply_, first_).end_node());
    return *this;
  }
  Iterator operator++(int) {
    Iterator old = *this;
    ++*this;
    return old;
  }
  bool operator==(const Iterator& other) const { return first_ == other.first_; }

 private:
  friend class ReplyView;
  Iterator(const Reply* reply, uint32_t first) : reply_(reply), first_(first) {}

  const Reply* reply_ = nullptr;
  uint32_t first_ = 0;
};

inline ReplyView Reply::root() const { return empty() ? ReplyView() : ReplyView(this, 0); }
inline ReplyView::Iterator ReplyView::begin() const {
  return is_aggregate() ? Iterator(reply_, index_ + 1) : Iterator(reply_, index_);
}
inline ReplyView::Iterator ReplyView::end() const {
  return is_aggregate() ? Iterator(reply_, EndOf(index_)) : Iterator(reply_, index_);
}

// True if the values are the same: types, numbers (NaN equals NaN, 0 differs from -0), texts, kinds
// of null, children in order, attributes. The framing (streamed or counted) and the text of a
// double do not matter.
bool Equal(const ReplyView& a, const ReplyView& b);

// One readable line, much like redis-cli's output: "foo", (integer) 1, (nil), (error) ERR x, [a,
// b], {k: v}.
std::string ToText(const ReplyView& value);

// Appends `bytes`, with non-printable bytes escaped as in redis-cli: \r \n \t \a \b \\ \" \xHH.
void AppendEscaped(std::string* out, std::string_view bytes);

}  // namespace resprobe::resp

#endif  // RESPROBE_CORE_RESP_REPLY_H_
