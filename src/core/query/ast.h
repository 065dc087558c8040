#ifndef RESPROBE_CORE_QUERY_AST_H_
#define RESPROBE_CORE_QUERY_AST_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace resprobe::query {

// The kinds of nodes. "Text" is the node's own text, without escapes; children appear in this
// order.
enum class Kind : uint8_t {
  // Whole queries.
  kEmpty,  // no words, or only stop words: matches nothing
  kStar,   // `*`: every document; also the filter of kKnn
  kKnn,    // text: the vector field. filter, kNumber k, kParam blob, {kName, value}, [kAlias]

  // Expressions.
  kAnd,         // two children or more
  kOr,          // two children or more
  kNot,         // `-`: one child
  kOptional,    // `~`: one child
  kField,       // `@text|name...:`: {kName}, then the operand, last
  kAttributed,  // `=>{...}`: the operand, then kAttribute once or more

  // Leaves that match text.
  kTerm,      // a word, or a number in place of a word
  kParam,     // `$text`
  kExact,     // "text" or 'text'; may be empty
  kAffix,     // `text*`, `*text`, `*text*`: kPrefix, kSuffix or both; kIsParam, kQuoted
  kWildcard,  // w'text': the pattern as written, with its backslashes; never empty
  kFuzzy,     // `%text%`: distance 1 to 3 in `arg`; kIsParam

  // Fields that are not text. Their text is the field's name.
  kTag,          // `@text:{a|b c}`: one child for each tag; several words of a tag are one kAnd
  kRange,        // `@text:[low high]`, `@text:[value]`: one or two kNumber
  kCompare,      // `@text>=5`: a Comparison in `arg`; kNumber
  kGeo,          // `@text:[lon lat radius unit]`: three kNumber, kUnit
  kGeoShape,     // `@text:[WITHIN $p]`: a ShapeRelation in `arg`; kParam
  kVectorRange,  // `@text:[VECTOR_RANGE radius $p]`: kNumber, kParam
  kMissing,      // `ismissing(@text)`

  // Parts of the nodes above.
  kNumber,     // text: digits, or `inf`, no sign, lower case; kIsParam, kNegative, kExclusive
  kName,       // text: one more field of kField, or the name of a parameter of kKnn
  kAttribute,  // an AttributeName in `arg`; text: its value; kIsParam
  kUnit,       // a Unit in `arg`; or kIsParam with the parameter's name as text
  kAlias,      // `AS text`; kIsParam
};
inline constexpr size_t kKindCount = static_cast<size_t>(Kind::kAlias) + 1;

std::string_view NameOf(Kind kind);

enum NodeFlag : uint8_t {
  kIsParam = 1,    // the text names a parameter: `$text`
  kNegative = 2,   // of a kNumber: a minus sign, or an odd number of them
  kExclusive = 4,  // of a kNumber: `(`
  kPrefix = 8,     // of a kAffix: `text*`
  kSuffix = 16,    // of a kAffix: `*text`
  kQuoted = 32,    // of a kAffix: `"text"*`
};

inline constexpr uint32_t kNoNode = UINT32_MAX;

struct Node {
  Kind kind;
  uint8_t flags;
  uint8_t arg;
  uint8_t is_plain;  // 1: the text consists only of letters, digits, `_` and bytes from 0x80 on
  uint32_t size;     // nodes of the whole subtree, including this one
  uint32_t text_offset;
  uint32_t text_size;
  uint32_t first_child;  // kNoNode: none
  uint32_t next;         // the next child of the same parent; kNoNode: the last
  uint32_t begin;        // the node's bytes [begin, end) of the query
  uint32_t end;
  uint32_t height;  // 1 for a leaf
};

// A query as a tree in two flat arrays: the nodes, each after its children (so the root is last),
// and a copy of the query that holds the texts, without their escapes. Meant to be reused: once the
// arrays have grown, another tree of that size allocates nothing.
//
// A group that the query's parentheses form is a node of its own; redundant parentheses leave no
// trace. A chain `a b c` or `a|b|c` is one node with three children.
class Ast {
 public:
  Ast() = default;
  // Copies even where it could move: the counts below describe the arrays.
  Ast(const Ast&) = default;
  Ast& operator=(const Ast&) = default;

  void Clear() {
    node_count_ = 0;
    query_size_ = 0;
  }

  bool empty() const { return node_count_ == 0; }
  std::span<const Node> nodes() const { return {nodes_.data(), node_count_}; }
  const Node& node(uint32_t index) const { return nodes_[index]; }
  // The Ast must not be empty.
  const Node& root() const { return nodes_[node_count_ - 1]; }
  std::string_view text(const Node& node) const {
    return {text_.data() + node.text_offset, node.text_size};
  }
  // The length of the longest path from the root to a leaf, in nodes.
  uint32_t depth() const { return empty() ? 0 : root().height; }
  // Bytes that the tree uses, without spare capacity of the arrays.
  size_t MemoryUsed() const { return node_count_ * sizeof(Node) + query_size_; }
  // An upper bound on the bytes of all texts together.
  size_t TextBound() const { return query_size_; }

  // True if the trees are the same: shapes, kinds, flags and texts. Positions in the query do not
  // count.
  friend bool operator==(const Ast& a, const Ast& b);

  // Appends a readable dump of the tree, one node per line, children indented below their parent:
  //   And [0,11)
  //     Term "hello" [0,5)
  void Dump(std::string* out) const;

  // --- For the parser ---

  // NULs after the copy of the query, so that reading a few bytes past its end stays in the array.
  static constexpr uint32_t kPadding = 16;

  struct Text {
    uint32_t offset;
    uint32_t size;
    bool is_plain;
  };

  // Empties the tree and copies the query. Returns the copy, which kPadding NULs follow.
  const char* Prepare(std::string_view query);
  // Removes the backslashes of escapes from the bytes [begin, end) of the copy; returns the
  // remaining size.
  uint32_t Unescape(uint32_t begin, uint32_t end);
  void MakeLowerCase(Text text);
  const char* text_data(Text text) const { return text_.data() + text.offset; }

  // The number of nodes; Rewind() removes those that were added since then.
  uint32_t size() const { return node_count_; }
  void Rewind(uint32_t size) { node_count_ = size; }
  Node& last() { return nodes_[node_count_ - 1]; }
  Node& AddLeaf(Kind kind, uint32_t begin, uint32_t end, Text text);
  // Adds a node whose children are the subtrees added since the tree had `first` nodes.
  Node& Add(Kind kind, uint32_t first, uint32_t begin, uint32_t end, Text text = {});

 private:
  void Grow();

  std::vector<Node> nodes_;  // only grows; [0, node_count_) is in use
  uint32_t node_count_ = 0;
  uint32_t node_capacity_ = 0;
  uint32_t query_size_ = 0;
  std::vector<char> text_;  // only grows; the query, then kPadding NULs
};

}  // namespace resprobe::query

#endif  // RESPROBE_CORE_QUERY_AST_H_
