#include "worlds/query/query_tape.h"

#include <algorithm>
#include <array>

#include "engine/quote.h"

namespace resprobe {
namespace {

using query::Dialect;
using query::Limits;
using query::Options;
using query::Stopwords;

constexpr Limits kSmallLimits = {.max_stack = 16, .max_pattern = 8, .min_affix = 3};
// Print() guarantees that four times the stack is enough.
constexpr uint32_t kReparseStack = 4;

// Indexed by dialect, limits and stop words; the second half is for printed texts.
struct AllOptions {
  std::array<Options, 16> options;

  AllOptions() {
    for (size_t i = 0; i < options.size(); ++i) {
      Options& o = options[i];
      o.dialect = i & 1 ? Dialect::k1 : Dialect::k2;
      if (i & 2) o.limits = kSmallLimits;
      o.stopwords = i & 4 ? &Stopwords::None() : &Stopwords::Default();
      if (i & 8) o.limits.max_stack *= kReparseStack;
    }
  }
};

const AllOptions& Table() {
  static const AllOptions table;
  return table;
}

// The column of byte `offset` of `text` in AppendQuoted's output.
size_t QuotedColumn(std::string_view text, size_t offset) {
  std::string before;
  AppendQuoted(&before, text.substr(0, offset));
  return before.size() - 1;  // without the closing quote
}

}  // namespace

QueryTape DecodeQueryTape(Bytes tape) {
  const AllOptions& table = Table();
  if (tape.empty()) return {{}, &table.options[0], true};
  size_t index = 0;
  if (tape[0] & kTapeDialect1) index |= 1;
  if (tape[0] & kTapeSmallLimits) index |= 2;
  if (tape[0] & kTapeNoStopwords) index |= 4;
  return {{reinterpret_cast<const char*>(tape.data()) + 1, tape.size() - 1},
          &table.options[index],
          (tape[0] & kTapeThoroughMask) == kTapeThorough};
}

const Options& ReparseOptions(const Options& options) {
  const AllOptions& table = Table();
  return table.options[static_cast<size_t>(&options - table.options.data()) | 8];
}

std::string ShowQuery(const QueryTape& tape, const query::Ast& tree, const query::Error& error,
                      std::string_view printed) {
  const Options& options = *tape.options;
  std::string out = options.dialect == Dialect::k1 ? "dialect 1" : "dialect 2";
  if (options.limits.min_affix == kSmallLimits.min_affix) out += ", small limits";
  if (options.stopwords == &Stopwords::None()) out += ", no stop words";
  out += "\nquery   ";
  const size_t indent = 8;
  AppendQuoted(&out, tape.query);
  out += '\n';
  if (tree.empty()) {
    const size_t offset = std::min<size_t>(error.offset, tape.query.size());
    out.append(indent + QuotedColumn(tape.query, offset), ' ');
    out.append("^ ").append(error.ToString(tape.query)).append("\n");
    return out;
  }
  out += "printed ";
  AppendQuoted(&out, printed);
  out += '\n';
  tree.Dump(&out);
  return out;
}

}  // namespace resprobe
