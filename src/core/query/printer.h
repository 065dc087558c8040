#ifndef RESPROBE_CORE_QUERY_PRINTER_H_
#define RESPROBE_CORE_QUERY_PRINTER_H_

#include <string>

#include "core/query/ast.h"
#include "core/query/options.h"

namespace resprobe::query {

// Appends the canonical text of a tree that Parse() made in `dialect`: the one text, fully
// determined by the tree, that parses to an equal tree again under the same options, but for the
// stack (see below). Printing what that text parses to gives the same text.
//
// - One space between operands side by side, none around `|`, `:`, `;`, `=>` and inside brackets:
//   `a (b|c) @n:[(1 inf]=>{$weight:2;$slop:1}`.
// - Every punctuation and space in a word has a backslash before it; a word that reads as one
//   number without a sign has none. A phrase stands in `"`, with a backslash before `"` and `\`. A
//   wildcard pattern stands in w'...', or in w"..." if it holds a `'` without a backslash.
// - Numbers have at most one sign, `-`. Keywords have one spelling: attributes and units in lower
//   case, KNN, AS, VECTOR_RANGE and the relations of shapes in upper case.
// - `-` before a word that would read on as a number keeps a space: `- 5`.
// - Dialect 2: parentheses only where the tree needs them; they all stood in the query too, so the
//   text fits the stack that the query fitted. The filter of a KNN clause has them if it is more
//   than one operand.
// - Dialect 1: every operand of AND, OR and of an operator that is more than a leaf has
// parentheses,
//   for what an operator takes there depends on what follows. A query within max_stack = n has a
//   text within max_stack = 4n.
void Print(const Ast& ast, Dialect dialect, std::string* out);

}  // namespace resprobe::query

#endif  // RESPROBE_CORE_QUERY_PRINTER_H_
