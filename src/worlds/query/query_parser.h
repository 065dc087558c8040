#ifndef RESPROBE_WORLDS_QUERY_QUERY_PARSER_H_
#define RESPROBE_WORLDS_QUERY_QUERY_PARSER_H_

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/query/ast.h"
#include "core/query/chars.h"
#include "core/query/error.h"
#include "core/query/options.h"
#include "core/query/parser.h"
#include "core/query/printer.h"
#include "engine/harness.h"
#include "worlds/query/query_reading.h"
#include "worlds/query/query_tape.h"

namespace resprobe {

// The subject of query_parser: it parses queries and prints trees. Tests substitute a faulty one.
struct CoreQueryLanguage {
  bool Parse(std::string_view query, const query::Options& options, query::Ast* out,
             query::Error* error) {
    return query::Parse(query, options, out, error);
  }
  void Print(const query::Ast& tree, query::Dialect dialect, std::string* out) {
    query::Print(tree, dialect, out);
  }
};

// Fuzzes the parser of FT.SEARCH queries. See query_tape.h for the tape.
template <class Subject = CoreQueryLanguage>
class QueryParser {
 public:
  static constexpr std::string_view kName = "query_parser";
  static constexpr std::string_view kSummary =
      "parses FT.SEARCH queries in both dialects; a printed tree must parse to itself";
  static constexpr InvariantInfo kInvariants[] = {
      {"printed_text_parses", "the printed text of a query's tree is a query"},
      {"round_trip", "the printed text parses to the same tree"},
      {"second_reading",
       "a naive second reading of a query gives the same tree, or the same error at the same byte"},
      {"print_is_a_fixed_point", "printing that tree gives the same text"},
      {"error_inside", "an error's place lies inside the query, and it says what was expected"},
      {"rejected_is_empty", "a rejected query leaves no tree"},
      {"escapes", "a query has the same shape whichever bytes its backslashes escape"},
      {"reuse", "a tree that was used before becomes what a fresh one becomes"},
      {"spans_inside", "the source of a node lies inside the source of its parent"},
      {"depth", "a tree is no deeper than the limit on the parser's stack allows"},
      {"memory", "a tree takes memory in proportion to the query"},
  };

  QueryParser() = default;
  explicit QueryParser(Subject subject) : subject_(std::move(subject)) {}

  void Run(Bytes input, RunContext& run) {
    const QueryTape tape = DecodeQueryTape(input);
    if (tape.thorough) {
      query::Ast fresh;
      RunWith(tape, fresh, run);
    } else {
      RunWith(tape, tree_, run);
    }
  }

  std::string Show(Bytes input) {
    const QueryTape tape = DecodeQueryTape(input);
    query::Error error;
    printed_.clear();
    if (subject_.Parse(tape.query, *tape.options, &tree_, &error)) {
      subject_.Print(tree_, tape.options->dialect, &printed_);
    }
    return ShowQuery(tape, tree_, error, printed_);
  }

  void Generate(uint64_t seed, Tape& out) { GenerateQueryTape(seed, out); }

 private:
  // While an engine fuzzes: how many queries are read a second time, and up to which size, since
  // that takes longer than all other checks.
  static constexpr uint32_t kReadAgainOneIn = 128;
  static constexpr size_t kMostReadAgain = 256;

  static std::string Dumped(const query::Ast& tree) {
    std::string out;
    tree.Dump(&out);
    return out.empty() ? "no tree" : out;
  }

  void RunWith(const QueryTape& tape, query::Ast& tree, RunContext& run) {
    query::Error error;
    if (!subject_.Parse(tape.query, *tape.options, &tree, &error)) {
      CheckError(tape, tree, error, run);
    } else if (CheckTree(tape, tree, run)) {
      CheckPrinted(tape, tree, run);
      if (tape.thorough && !run.violated()) CheckEscapes(tape, tree, run);
    }
    const bool short_enough = !run.samples() || tape.query.size() <= kMostReadAgain;
    if (short_enough && run.Makes(kReadAgainOneIn) && !run.violated()) {
      CheckReading(tape, tree, error, run);
    }
  }

  // `error`: none if the query was accepted.
  void CheckReading(const QueryTape& tape, const query::Ast& tree, const query::Error& error,
                    RunContext& run) {
    const QueryReading reading = ReadQuery(tape.query, *tape.options);
    run.set_op(reading.offset);
    const bool same_error = error.code == reading.code && error.offset == reading.offset;
    run.Check(
        same_error && IsReadAs(tree, reading), "second_reading", [&] { return ToText(reading); },
        [&] { return tree.empty() ? error.ToString(tape.query) : Dumped(tree); });
  }

  void CheckError(const QueryTape& tape, const query::Ast& tree, const query::Error& error,
                  RunContext& run) {
    if (run.trace().on()) run.trace().Line(error.ToString(tape.query));
    run.set_op(error.offset);
    const size_t size = tape.query.size();
    const bool inside = error.offset <= size && error.length <= size - error.offset;
    const bool explained = error.code != query::ErrorCode::kNone && error.expected[0] != '\0' &&
                           error.found[0] != '\0';
    run.Check(
        inside && explained, "error_inside",
        [&] { return "a place in [0," + std::to_string(size) + "] and an explanation"; },
        [&] {
          return "offset " + std::to_string(error.offset) + ", length " +
                 std::to_string(error.length) + ", expected '" + error.expected + "'";
        });
    run.Check(tree.empty(), "rejected_is_empty", "no tree", [&] { return Dumped(tree); });
  }

  bool CheckTree(const QueryTape& tape, const query::Ast& tree, RunContext& run) {
    const auto size = static_cast<uint32_t>(tape.query.size());
    bool inside = !tree.empty() && tree.root().end <= size;
    // Differences of positions are combined and their sign is checked once, since each comparison
    // costs a fuzzer a call. Positions are below 2^31, as the sizes of queries are.
    uint32_t negative = 0;
    for (const query::Node& node : tree.nodes()) {
      negative |= node.end - node.begin;
      for (uint32_t c = node.first_child; c != query::kNoNode; c = tree.node(c).next) {
        const query::Node& child = tree.node(c);
        negative |= (child.begin - node.begin) | (node.end - child.end);
      }
    }
    inside &= negative >> 31 == 0;
    if (!run.Check(
            inside, "spans_inside", [&] { return "spans in [0," + std::to_string(size) + "]"; },
            [&] { return Dumped(tree); })) {
      return false;
    }
    // Between two symbols of the parser's stack there is at most an OR, an AND and attributes.
    const uint32_t most_depth = 4 * tape.options->limits.max_stack;
    if (!run.Check(
            tree.depth() <= most_depth, "depth",
            [&] { return "at most " + std::to_string(most_depth); },
            [&] { return std::to_string(tree.depth()); })) {
      return false;
    }
    // Every leaf and operator has a byte of its own, and a node that joins operands has at least
    // two of them; the empty query has a node, and so has an empty filter.
    const size_t most_memory = (2 * tape.query.size() + 2) * sizeof(query::Node) + size;
    return run.Check(
        tree.MemoryUsed() <= most_memory, "memory",
        [&] { return "at most " + std::to_string(most_memory) + " bytes"; },
        [&] { return std::to_string(tree.MemoryUsed()) + " bytes"; });
  }

  void CheckPrinted(const QueryTape& tape, const query::Ast& tree, RunContext& run) {
    const query::Options& options = ReparseOptions(*tape.options);
    printed_.clear();
    subject_.Print(tree, options.dialect, &printed_);
    if (run.trace().on()) run.trace().Data("printed", printed_);
    query::Error error;
    const bool parsed = subject_.Parse(printed_, options, &again_, &error);
    if (!run.Check(parsed, "printed_text_parses", printed_,
                   [&] { return error.ToString(printed_); })) {
      return;
    }
    if (!(again_ == tree)) {
      // Parse the same text into a new tree to find out which of the two caused it.
      query::Ast fresh;
      const bool reused = subject_.Parse(printed_, options, &fresh, &error) && fresh == tree;
      run.Fail(reused ? "reuse" : "round_trip", Dumped(tree), printed_ + "\n" + Dumped(again_));
      return;
    }
    if (!tape.thorough) return;
    printed_again_.clear();
    subject_.Print(again_, options.dialect, &printed_again_);
    run.Check(printed_again_ == printed_, "print_is_a_fixed_point", printed_, printed_again_);
  }

  // An escaped byte is a part of a word, and means nothing else.
  void CheckEscapes(const QueryTape& tape, const query::Ast& tree, RunContext& run) {
    escaped_.assign(tape.query);
    bool any = false;
    for (size_t i = 0; i + 1 < escaped_.size(); ++i) {
      if (escaped_[i] != '\\' || !(query::ClassOf(escaped_[i + 1]) & query::kEscapable)) continue;
      ++i;
      escaped_[i] = escaped_[i] == '}' ? ']' : '}';
      any = true;
    }
    if (!any) return;
    query::Error error;
    const bool parsed = subject_.Parse(escaped_, *tape.options, &again_, &error);
    const auto same = [](const query::Node& a, const query::Node& b) {
      return a.kind == b.kind && a.flags == b.flags && a.arg == b.arg && a.begin == b.begin &&
             a.end == b.end && a.first_child == b.first_child && a.next == b.next;
    };
    run.Check(
        parsed && std::ranges::equal(tree.nodes(), again_.nodes(), same), "escapes",
        [&] { return Dumped(tree); }, [&] { return escaped_ + "\n" + Dumped(again_); });
  }

  Subject subject_;
  // Kept between runs, so that a run allocates nothing.
  query::Ast tree_;
  query::Ast again_;
  std::string printed_;
  std::string printed_again_;
  std::string escaped_;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_QUERY_QUERY_PARSER_H_
