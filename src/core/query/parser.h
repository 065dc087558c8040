#ifndef RESPROBE_CORE_QUERY_PARSER_H_
#define RESPROBE_CORE_QUERY_PARSER_H_

#include <string_view>

#include "core/query/ast.h"
#include "core/query/error.h"
#include "core/query/options.h"

namespace resprobe::query {

// Parses a query of FT.SEARCH. On success `*out` is its tree, which always has a root. On failure
// `*out` is empty and `*error` says where parsing stopped and what was expected; otherwise `*error`
// is unchanged.
//
// Takes time and memory in proportion to the query, whatever its contents; recurses no deeper than
// Limits::max_stack. Checks the grammar only: whether a field exists and has the right type, what a
// parameter stands for, and whether the value of an attribute makes sense is up to the index. Words
// keep their case.
//
// Precedence in dialect 2, tightest first: `=>{...}`, `@field:`, `-` and `~`, AND (adjacent words),
// `|`. A field's scope is one operand, which contains no other field. But a field, `-` and `~` also
// apply to the numbers, parameters, affixes, patterns and fuzzy terms that follow their operand:
// `-a b` is (-a) b, and `-a 5 $p b` is -(a 5 $p) b. Attributes end a field's scope. Outside of a
// field's scope `ismissing` is no word.
//
// Dialect 1, by the grammar and the tests of Redis Search, and by what RediSearch 1.2 answers
// (docs/query-oracle.md):
// - Adjacent words are one operand: `a b|c d` is (a b)|(c d). It ends before a number that follows
//   two words, and before a stop word. Otherwise `|` binds tighter than AND: `"a" "b"|"c" "d"` is
//   "a" ("b"|"c") "d".
// - A field's scope is everything that `|` joins: `@f:a b|"c" "d"` is @f:((a b)|"c") and "d"; it
//   may contain other fields.
// - `-` and `~` apply to as many of the following operands as possible: `-a b|c (d)` is -(((a b)|c)
//   (d)). They end before a `~`; `-` also before a `-` and before a quoted phrase.
// - The brace that closes a list of tags may be missing or repeated, and `|` after it adds a tag. A
//   tag is no phrase.
// - There are no parameters, no wildcard patterns, no '...' phrases, no `"..."*`, no comparisons,
//   no `[value]`, no ismissing(), shapes, vectors, no `(*)`.
//
// Stop words yield no node, and neither does anything that contains only stop words: an AND or OR
// with one remaining operand is that operand; a `-`, `~`, `(...)`, `@field:` or `=>{...}` without
// an operand is dropped. A query without operands is kEmpty; a KNN clause whose filter is dropped
// has no filter, which is kStar. The words of phrases, affixes, fuzzy terms, tags, names and values
// stay: the index removes stop words from phrases, and looks up the others unchanged.
//
// A KNN clause follows one operand, or parentheses, or `*`, as in the server: `(a b)=>[KNN ...]`.
// Attributes must be known; `=>{}` leaves no trace, and `x=>{...}=>{...}` is one list.
bool Parse(std::string_view query, const Options& options, Ast* out, Error* error);

}  // namespace resprobe::query

#endif  // RESPROBE_CORE_QUERY_PARSER_H_
