#ifndef RESPROBE_CORE_QUERY_PARSER_H_
#define RESPROBE_CORE_QUERY_PARSER_H_

#include <string_view>

#include "core/query/ast.h"
#include "core/query/error.h"
#include "core/query/options.h"

namespace resprobe::query {

// Parses a query of FT.SEARCH. On success `*out` is its tree, never without a root. On failure
// `*out` is empty and `*error` says where and what was expected; `*error` is not touched otherwise.
//
// Takes time and memory in proportion to the query, whatever it holds; recurses no deeper than
// Limits::max_stack says. Parses what the grammar says and nothing behind it: whether a field
// exists and is of the right type, what a parameter stands for, and whether the value of an
// attribute makes sense is up to the index. Words keep their case.
//
// Precedence in dialect 2, tightest first: `=>{...}`, `@field:`, `-` and `~`, AND (words side by
// side), `|`. A field's scope is one operand, which holds no other field.
//
// Dialect 1, by the explain plans in the "Query dialects" page and in Redis Search's own tests:
// - Words side by side are one operand: `a b|c d` is (a b)|(c d). Otherwise `|` binds tighter than
//   AND: `"a" "b"|"c" "d"` is "a" ("b"|"c") "d".
// - A field's scope is all that `|` joins: `@f:a b|"c" "d"` is @f:((a b)|"c") and "d"; it may hold
//   other fields.
// - `-` and `~` take what follows them as far as it goes: `-a b|c (d)` is -(((a b)|c) (d)). They
//   end before a `~`; `-` also before a `-` and before a quoted phrase.
// - There are no parameters, no wildcard patterns, no '...' phrases, no `"..."*`, no comparisons,
//   no `[value]`, no ismissing(), shapes, vectors, no `(*)`.
//
// Stop words yield no node, and neither does what holds nothing but stop words: an AND or OR with
// one operand left is that operand, a `-`, `~`, `(...)`, `@field:` or `=>{...}` of nothing is
// nothing. A query of nothing is kEmpty; a KNN clause whose filter is nothing has no filter, which
// is kStar. The words of phrases, affixes, fuzzy terms, tags, names and values stay: those of a
// phrase are cut by the index, the others are looked up as they are.
//
// A KNN clause follows one operand, or parentheses, or `*`, as in the server: `(a b)=>[KNN ...]`.
// Attributes must be known; `=>{}` leaves no trace, and `x=>{...}=>{...}` is one list.
bool Parse(std::string_view query, const Options& options, Ast* out, Error* error);

}  // namespace resprobe::query

#endif  // RESPROBE_CORE_QUERY_PARSER_H_
