#ifndef RESPROBE_TESTS_CORE_QUERY_SHAPE_H_
#define RESPROBE_TESTS_CORE_QUERY_SHAPE_H_

#include <string>
#include <string_view>

#include "core/query/ast.h"
#include "core/query/names.h"
#include "core/query/parser.h"
#include "core/query/printer.h"

namespace resprobe::query {

inline Options Dialect1() { return {.dialect = Dialect::k1}; }
inline Options Dialect2() { return {.dialect = Dialect::k2}; }

// A tree in one line: leaves as in the query, other nodes as (kind child ...).
inline std::string Shape(const Ast& ast, const Node& node) {
  const std::string text(ast.text(node));
  std::string word = (node.flags & kIsParam ? "$" : "") + text;
  std::string head;
  switch (node.kind) {
    case Kind::kEmpty:
      return "empty";
    case Kind::kStar:
      return "star";
    case Kind::kTerm:
    case Kind::kParam:
    case Kind::kName:
      return word;
    case Kind::kExact:
      return '"' + text + '"';
    case Kind::kAffix: {
      const std::string inner = node.flags & kQuoted ? '"' + text + '"' : word;
      return (node.flags & kSuffix ? "*" : "") + inner + (node.flags & kPrefix ? "*" : "");
    }
    case Kind::kWildcard:
      return "w'" + text + "'";
    case Kind::kFuzzy:
      return "%" + std::to_string(node.arg) + ":" + word;
    case Kind::kNumber:
      return std::string(node.flags & kExclusive ? "(" : "") + (node.flags & kNegative ? "-" : "") +
             word;
    case Kind::kAttribute:
      return std::string(NameOf(static_cast<AttributeName>(node.arg))) + "=" + word;
    case Kind::kUnit:
      return node.flags & kIsParam ? word : std::string(NameOf(static_cast<Unit>(node.arg)));
    case Kind::kAlias:
      return "AS:" + word;
    case Kind::kMissing:
      return "(missing @" + text + ")";
    case Kind::kKnn:
      head = "knn @" + text;
      break;
    case Kind::kAnd:
      head = "and";
      break;
    case Kind::kOr:
      head = "or";
      break;
    case Kind::kNot:
      head = "not";
      break;
    case Kind::kOptional:
      head = "optional";
      break;
    case Kind::kField:
      head = "field @" + text;
      break;
    case Kind::kAttributed:
      head = "attr";
      break;
    case Kind::kTag:
      head = "tag @" + text;
      break;
    case Kind::kRange:
      head = "range @" + text;
      break;
    case Kind::kCompare:
      head = "@" + text + std::string(NameOf(static_cast<Comparison>(node.arg)));
      break;
    case Kind::kGeo:
      head = "geo @" + text;
      break;
    case Kind::kGeoShape:
      head = std::string(NameOf(static_cast<ShapeRelation>(node.arg))) + " @" + text;
      break;
    case Kind::kVectorRange:
      head = "vrange @" + text;
      break;
  }
  std::string out = "(" + head;
  for (uint32_t child = node.first_child; child != kNoNode; child = ast.node(child).next) {
    out += " " + Shape(ast, ast.node(child));
  }
  return out + ")";
}

// The tree of a query in one line, or "error at N: expected ..., found ...".
inline std::string Shape(std::string_view query, const Options& options) {
  Ast ast;
  Error error;
  if (!Parse(query, options, &ast, &error)) return "error " + error.ToString(query);
  return Shape(ast, ast.root());
}
inline std::string Shape1(std::string_view query) { return Shape(query, Dialect1()); }
inline std::string Shape2(std::string_view query) { return Shape(query, Dialect2()); }

// The printed text of a query, or its error.
inline std::string Printed(std::string_view query, const Options& options) {
  Ast ast;
  Error error;
  if (!Parse(query, options, &ast, &error)) return "error " + error.ToString(query);
  std::string out;
  Print(ast, options.dialect, &out);
  return out;
}

}  // namespace resprobe::query

#endif  // RESPROBE_TESTS_CORE_QUERY_SHAPE_H_
