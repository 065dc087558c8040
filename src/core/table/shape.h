#ifndef RESPROBE_CORE_TABLE_SHAPE_H_
#define RESPROBE_CORE_TABLE_SHAPE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/resp/reply.h"

namespace resprobe {

// The shape of a reply, in a small language whose terms cover both protocols:
//
// clang-format off
//   ok                 +OK
//   status             any simple string;  status(TEXT)  that one
//   int                an integer;  int(0..1)  int(-2..)  int(..9)  within bounds
//   bulk               a bulk string (RESP3: or a verbatim string where the table says verbatim)
//   bulk(int)          a bulk string that is an integer in canonical form
//   double             RESP2 a bulk string with a number, RESP3 a double
//   bool               RESP2 0 or 1, RESP3 a boolean
//   null               RESP2 $-1, RESP3 _
//   nullarray          RESP2 *-1, RESP3 _
//   verbatim           RESP2 a bulk string, RESP3 a verbatim string
//   error              an error inside an aggregate (EXEC)
//   any                any well-formed value
//   array<S>           any number of S
//   tuple<A,B,…>       an array of exactly these
//   set<S>             RESP2 an array, RESP3 a set; no element twice
//   map<K,V>           RESP2 an array of even length, RESP3 a map
//   flat<A,B>          an array of even length A B A B …, in both protocols
//   pairs<A,B>         RESP2 an array of even length A B A B …, RESP3 an array of arrays of two
//   push<A,B,…>        RESP2 an array of exactly these, RESP3 a push (subscriptions)
//   none               no reply
//   A|B                one of them; binds weaker than all else
// clang-format on
//
// Compiled once into a flat vector; matching does not allocate. Matching recurses over the shape,
// never over the input, so its depth is bounded by the shape.
class Shape {
 public:
  // nullopt if the text is not in the language; `error`, if given, receives where and why.
  static std::optional<Shape> Compile(std::string_view text, std::string* error = nullptr);

  // True if a well-formed reply has this shape in that protocol (2 or 3). A top-level error never
  // matches: the caller knows whether an error is allowed.
  bool Matches(const resp::ReplyView& reply, int protocol) const;

 private:
  friend class ShapeCompiler;
  friend class ShapeMatcher;
  enum class Kind : uint8_t {
    kOk,
    kStatus,
    kInt,
    kBulk,
    kBulkInt,
    kDouble,
    kBool,
    kNull,
    kNullArray,
    kVerbatim,
    kError,
    kAny,
    kArray,
    kTuple,
    kSet,
    kMap,
    kFlat,
    kPairs,
    kPush,
    kNone,
    kOneOf,
  };
  // Nodes are in preorder: a node's children follow it, each up to its `end`.
  struct Node {
    Kind kind;
    uint16_t children = 0;
    uint16_t end = 0;
    int64_t low = INT64_MIN;
    int64_t high = INT64_MAX;
    std::string text = {};  // status(TEXT)
  };
  std::vector<Node> nodes_;
};

}  // namespace resprobe

#endif  // RESPROBE_CORE_TABLE_SHAPE_H_
