#ifndef RESPROBE_CORE_QUERY_PRINTER_H_
#define RESPROBE_CORE_QUERY_PRINTER_H_

#include <string>

#include "core/query/ast.h"
#include "core/query/options.h"

namespace resprobe::query {

// Appends the canonical text of a tree that Parse() made in `dialect`. The tree fully determines
// this text, and the text parses to an equal tree under the same options, except for the stack
// limit (see below). Parsing and printing the text again gives the same text.
//
// - One space between adjacent operands, none around `|`, `:`, `;`, `=>` and inside brackets:
//   `a (b|c) @n:[(1 inf]=>{$weight:2;$slop:1}`.
// - Every punctuation and space in a word has a backslash before it, except in a word that reads as
//   one number without a sign; so does `_` alone. A phrase is in `"`, with a backslash before `"`
//   and `\`. A wildcard pattern is in w'...', or in w"..." if it contains a `'` without a
//   backslash.
// - Numbers have at most one sign, `-`. Keywords have one spelling: attributes and units in lower
//   case, KNN, AS, VECTOR_RANGE and the relations of shapes in upper case.
// - A `-` is followed by a space if the next word would otherwise become part of a number: `- 5`.
// - Dialect 2: parentheses only where the tree needs them. The filter of a KNN clause has them
//   if it is more than one operand. A `-`, `~` or field has them if the operand after it would
//   otherwise become a part of it, as in `(-a) 5`.
// - Dialect 1: every operand of AND, OR and of an operator has parentheses if it is more than a
//   leaf, since what an operator applies to depends on what follows; and a list of tags before a
//   `|`.
// For a query within max_stack = n the text is within max_stack = 4n.
void Print(const Ast& ast, Dialect dialect, std::string* out);

}  // namespace resprobe::query

#endif  // RESPROBE_CORE_QUERY_PRINTER_H_
