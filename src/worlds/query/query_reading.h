#ifndef RESPROBE_WORLDS_QUERY_QUERY_READING_H_
#define RESPROBE_WORLDS_QUERY_QUERY_READING_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/query/ast.h"
#include "core/query/error.h"
#include "core/query/options.h"

namespace resprobe {

// A tree of a query as a second reading makes it: one object for each node, with its children.
struct QueryReadNode {
  query::Kind kind = query::Kind::kEmpty;
  uint8_t flags = 0;
  uint8_t arg = 0;
  std::string text = {};
  std::vector<QueryReadNode> children = {};
};

// What a second reading says of a query: one tree, or none and the error.
struct QueryReading {
  std::vector<QueryReadNode> tree;  // at most one
  query::ErrorCode code = query::ErrorCode::kNone;
  uint32_t offset = 0;  // of the error: where the token begins that is wrong
};

// Reads a query a second time, by what core/query's headers say of the language. It shares nothing
// with the parser except the numbers of kinds and flags: it splits the whole query into tokens
// first, tries numbers from the longest text to the shortest, and copies every text. Slow, and
// quadratic in the length of some queries.
QueryReading ReadQuery(std::string_view query, const query::Options& options);

// True if a tree is that of the reading: kinds, flags, texts, and what each node says of its size
// and its height.
bool IsReadAs(const query::Ast& tree, const QueryReading& reading);

// The tree, one node a line, or the error.
std::string ToText(const QueryReading& reading);

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_QUERY_QUERY_READING_H_
