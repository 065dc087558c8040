#ifndef RESPROBE_WORLDS_QUERY_QUERY_TAPE_H_
#define RESPROBE_WORLDS_QUERY_QUERY_TAPE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "core/query/ast.h"
#include "core/query/error.h"
#include "core/query/options.h"
#include "engine/harness.h"

namespace resprobe {

// A tape of the harness query_parser: one byte of options, then the query. The bits are chosen so
// that the byte can be typed:
//   bit 0  set: dialect 1; clear: dialect 2          '1', '2'
//   bit 2  set: small limits, so that short queries  '5', '6'
//          exceed them
//   bit 3  set: no stop words                        '9', ':'
//   bits 4 to 7 as in a small letter from `p` on:    'q', 'r', 'u', 'v', 'y', 'z'
//          the query is parsed into a new tree, its
//          text into a reused one, and printed again
// An empty tape is the empty query in dialect 2. Other bits have no meaning.
struct QueryTape {
  std::string_view query;  // inside the tape
  const query::Options* options;
  bool thorough;
};

inline constexpr uint8_t kTapeDialect1 = 1;
inline constexpr uint8_t kTapeSmallLimits = 4;
inline constexpr uint8_t kTapeNoStopwords = 8;
inline constexpr uint8_t kTapeThorough = 0x70;
inline constexpr uint8_t kTapeThoroughMask = 0xf0;

QueryTape DecodeQueryTape(Bytes tape);

// Options for parsing the printed text of a query that is within the limits of `options`; see
// printer.h.
const query::Options& ReparseOptions(const query::Options& options);

// The query with escapes; below it its tree and its printed text, or the error with a caret.
std::string ShowQuery(const QueryTape& tape, const query::Ast& tree, const query::Error& error,
                      std::string_view printed);

// Generates a query from the grammar, in either dialect; one in six is broken on purpose.
void GenerateQueryTape(uint64_t seed, Tape& out);

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_QUERY_QUERY_TAPE_H_
