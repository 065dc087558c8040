// The harness query_parser: its corpus and dictionary, generated queries, and subjects with a
// planted fault, each of which an invariant must catch.
#include "worlds/query/query_parser.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "engine/raw_harness.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace resprobe {
namespace {

using query::Ast;
using query::Dialect;
using query::Error;
using query::Kind;
using query::Options;
using ::testing::HasSubstr;

Tape ToTape(std::string_view text) { return {text.begin(), text.end()}; }

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.is_open()) << path;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

struct Seed {
  std::string name;
  Tape tape;
};

// Sorted by name, so that every run uses the same order.
std::vector<Seed> Corpus() {
  std::vector<Seed> seeds;
  for (const auto& entry : std::filesystem::directory_iterator(QUERY_CORPUS)) {
    seeds.push_back({entry.path().filename().string(), ToTape(ReadFile(entry.path()))});
  }
  std::sort(seeds.begin(), seeds.end(),
            [](const Seed& a, const Seed& b) { return a.name < b.name; });
  return seeds;
}

// The violation of one run: "" or "invariant: expected / seen".
template <class Subject = CoreQueryLanguage>
std::string Violation(RawHarness<QueryParser<Subject>>& harness, const Tape& tape) {
  RunContext run;
  harness.Run(tape, run);
  if (!run.violated()) return "";
  return run.violation().invariant + ": expected " + run.violation().expected + "\nseen " +
         run.violation().seen;
}

TEST(QueryCorpusTest, HoldsAndMostlyParsesInBothDialects) {
  RawHarness<QueryParser<>> harness;
  const std::vector<Seed> seeds = Corpus();
  EXPECT_GE(seeds.size(), 80u);
  EXPECT_LE(seeds.size(), 150u);
  size_t parsed[2] = {};
  size_t rejected = 0;
  std::set<Kind> kinds[2];
  for (const Seed& seed : seeds) {
    ASSERT_FALSE(seed.tape.empty()) << seed.name;
    EXPECT_LE(seed.tape.size(), 1100u) << seed.name;
    EXPECT_EQ(Violation(harness, seed.tape), "") << seed.name;
    const QueryTape tape = DecodeQueryTape(seed.tape);
    Ast tree;
    Error error;
    if (!query::Parse(tape.query, *tape.options, &tree, &error)) {
      ++rejected;
      continue;
    }
    const bool dialect2 = tape.options->dialect == Dialect::k2;
    ++parsed[dialect2];
    for (const query::Node& node : tree.nodes()) kinds[dialect2].insert(node.kind);
  }
  EXPECT_GE(parsed[0], 25u);
  EXPECT_GE(parsed[1], 50u);
  EXPECT_LE(rejected * 4, seeds.size());
  // Every production of the dialect.
  EXPECT_EQ(kinds[1].size(), query::kKindCount);
  const std::set<Kind> only_dialect2 = {Kind::kKnn,     Kind::kParam,    Kind::kWildcard,
                                        Kind::kCompare, Kind::kGeoShape, Kind::kVectorRange,
                                        Kind::kMissing, Kind::kAlias};
  EXPECT_EQ(kinds[0].size(), query::kKindCount - only_dialect2.size());
  for (const Kind kind : only_dialect2) EXPECT_EQ(kinds[0].count(kind), 0u) << NameOf(kind);
}

// The values of a dictionary in libFuzzer's format.
std::vector<std::string> DictionaryTokens() {
  std::vector<std::string> tokens;
  std::ifstream file(QUERY_DICTIONARY);
  EXPECT_TRUE(file.is_open());
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    const size_t begin = line.find('"');
    EXPECT_NE(begin, std::string::npos) << line;
    EXPECT_EQ(line.back(), '"') << line;
    std::string token;
    for (size_t i = begin + 1; i + 1 < line.size(); ++i) {
      if (line[i] == '\\') {
        ++i;
        EXPECT_TRUE(line[i] == '\\' || line[i] == '"') << line;
      }
      token += line[i];
    }
    tokens.push_back(token);
  }
  return tokens;
}

TEST(QueryDictionaryTest, EveryTokenOccursInASeedThatParses) {
  std::string queries;
  for (const Seed& seed : Corpus()) {
    const QueryTape tape = DecodeQueryTape(seed.tape);
    Ast tree;
    Error error;
    if (query::Parse(tape.query, *tape.options, &tree, &error)) queries.append(tape.query) += '\0';
  }
  const std::vector<std::string> tokens = DictionaryTokens();
  EXPECT_GE(tokens.size(), 60u);
  for (const std::string& token : tokens) EXPECT_THAT(queries, HasSubstr(token));
  EXPECT_EQ(std::set<std::string>(tokens.begin(), tokens.end()).size(), tokens.size());
}

TEST(QueryGenerateTest, GeneratedQueriesHold) {
  RawHarness<QueryParser<>> harness;
  size_t parsed[2] = {};
  size_t rejected = 0;
  std::set<Kind> kinds[2];
  for (uint64_t seed = 0; seed < 20'000; ++seed) {
    const Tape bytes = harness.Generate(seed);
    ASSERT_EQ(Violation(harness, bytes), "") << "seed " << seed << "\n" << harness.Show(bytes);
    const QueryTape tape = DecodeQueryTape(bytes);
    Ast tree;
    Error error;
    if (!query::Parse(tape.query, *tape.options, &tree, &error)) {
      ++rejected;
      continue;
    }
    const bool dialect2 = tape.options->dialect == Dialect::k2;
    ++parsed[dialect2];
    for (const query::Node& node : tree.nodes()) kinds[dialect2].insert(node.kind);
  }
  EXPECT_GE(parsed[0], 4000u);
  EXPECT_GE(parsed[1], 6000u);
  EXPECT_GE(rejected, 1000u);
  EXPECT_EQ(kinds[1].size(), query::kKindCount);
}

TEST(QueryGenerateTest, ASeedIsTheNameOfOneTape) {
  RawHarness<QueryParser<>> harness;
  EXPECT_EQ(harness.Generate(7), harness.Generate(7));
  EXPECT_NE(harness.Generate(7), harness.Generate(8));
}

TEST(QueryTapeTest, TheFirstByteChoosesTheOptions) {
  const auto options = [](char head) {
    static Tape tape;
    tape = {static_cast<uint8_t>(head), 'x'};
    const QueryTape decoded = DecodeQueryTape(tape);
    EXPECT_EQ(decoded.query, "x");
    const Options& o = *decoded.options;
    return std::string(o.dialect == Dialect::k1 ? "1" : "2") +
           (o.limits.max_stack == 256 ? "" : " small") +
           (o.stopwords->Contains("the") ? "" : " none") + (decoded.thorough ? " thorough" : "");
  };
  EXPECT_EQ(options('1'), "1");
  EXPECT_EQ(options('2'), "2");
  EXPECT_EQ(options('5'), "1 small");
  EXPECT_EQ(options('6'), "2 small");
  EXPECT_EQ(options('9'), "1 none");
  EXPECT_EQ(options(':'), "2 none");
  EXPECT_EQ(options('q'), "1 thorough");
  EXPECT_EQ(options('r'), "2 thorough");
  EXPECT_EQ(options('v'), "2 small thorough");
  EXPECT_EQ(options('y'), "1 none thorough");
  EXPECT_EQ(DecodeQueryTape({}).query, "");
}

TEST(QueryShowTest, ShowsTheTreeOrTheErrorUnderACaret) {
  RawHarness<QueryParser<>> harness;
  EXPECT_EQ(harness.Show(ToTape("2foo (-bar)")),
            "dialect 2\n"
            "query   \"foo (-bar)\"\n"
            "printed \"foo -bar\"\n"
            "And [0,10)\n"
            "  Term \"foo\" [0,3)\n"
            "  Not [5,9)\n"
            "    Term \"bar\" [6,9)\n");
  EXPECT_EQ(harness.Show(ToTape("5\xff\tfoo (]")),
            "dialect 1, small limits\n"
            "query   \"\\xff\\tfoo (]\"\n"
            "                    ^ at byte 7: expected an operand, found ']'\n");
  EXPECT_EQ(harness.Show(ToTape("9a")),
            "dialect 1, no stop words\n"
            "query   \"a\"\n"
            "printed \"a\"\n"
            "Term \"a\" [0,1)\n");
}

// --- Canaries: one fault each ---

// Omits the space between `-` and a number: `- 5` becomes `-5`.
struct GluesMinus : CoreQueryLanguage {
  void Print(const Ast& tree, Dialect dialect, std::string* out) {
    CoreQueryLanguage::Print(tree, dialect, out);
    const size_t at = out->find("- ");
    if (at != std::string::npos) out->erase(at + 1, 1);
  }
};

// Omits the parentheses around an OR.
struct ForgetsParentheses : CoreQueryLanguage {
  void Print(const Ast& tree, Dialect dialect, std::string* out) {
    CoreQueryLanguage::Print(tree, dialect, out);
    if (out->find('|') == std::string::npos || out->find(":(") != std::string::npos) return;
    std::erase(*out, '(');
    std::erase(*out, ')');
  }
};

// Prints text that is not a query.
struct ForgetsToClose : CoreQueryLanguage {
  void Print(const Ast& tree, Dialect dialect, std::string* out) {
    CoreQueryLanguage::Print(tree, dialect, out);
    if (!out->empty() && out->back() == '}') out->pop_back();
  }
};

// Reports the end of the query one byte too late.
struct PointsBehind : CoreQueryLanguage {
  bool Parse(std::string_view query, const Options& options, Ast* out, Error* error) {
    if (CoreQueryLanguage::Parse(query, options, out, error)) return true;
    if (error->offset == query.size()) ++error->offset;
    return false;
  }
};

// Keeps the previous query's tree when it rejects a query.
struct LeavesATree : CoreQueryLanguage {
  bool Parse(std::string_view query, const Options& options, Ast* out, Error* error) {
    if (CoreQueryLanguage::Parse(query, options, out, error)) return true;
    Error ignored;
    CoreQueryLanguage::Parse("foo", options, out, &ignored);
    return false;
  }
};

// Adds a word to a tree that was used before.
struct RemembersTooMuch : CoreQueryLanguage {
  bool Parse(std::string_view query, const Options& options, Ast* out, Error* error) {
    const bool used = !out->empty();
    std::string text(query);
    if (used) text += " kept";
    return CoreQueryLanguage::Parse(text, options, out, error);
  }
};

// Takes an escaped brace at the end for the brace that it looks like.
struct ReadsTheLastByte : CoreQueryLanguage {
  bool Parse(std::string_view query, const Options& options, Ast* out, Error* error) {
    std::string text(query);
    if (const size_t at = text.find("\\} "); at != text.npos) text[at] = ' ';
    return CoreQueryLanguage::Parse(text, options, out, error);
  }
};

// Prints one more space each time.
struct Wavers : CoreQueryLanguage {
  int times = 0;
  void Print(const Ast& tree, Dialect dialect, std::string* out) {
    CoreQueryLanguage::Print(tree, dialect, out);
    if (++times % 2 == 0 && tree.nodes().size() > 2) *out += ' ';
  }
};

// Reads one word as another, which stays that when it is printed and read again.
struct Misreads : CoreQueryLanguage {
  bool Parse(std::string_view query, const Options& options, Ast* out, Error* error) {
    std::string text(query);
    if (const size_t at = text.find("foo"); at != text.npos) text[at + 2] = 'x';
    return CoreQueryLanguage::Parse(text, options, out, error);
  }
};

// Reports each error one byte too early.
struct PointsBefore : CoreQueryLanguage {
  bool Parse(std::string_view query, const Options& options, Ast* out, Error* error) {
    if (CoreQueryLanguage::Parse(query, options, out, error)) return true;
    if (error->offset > 0) --error->offset;
    return false;
  }
};

template <class Subject>
struct Canary {
  // Finds a violation of `invariant` in generated queries, shrinks it, and returns the size of the
  // result.
  static std::string Find(std::string_view invariant) {
    const auto fails = [&](Bytes tape) {
      RawHarness<QueryParser<Subject>> harness;
      RunContext run;
      harness.Run(tape, run);
      return run.violated() && run.violation().invariant == invariant;
    };
    RawHarness<QueryParser<Subject>> harness;
    for (uint64_t seed = 0; seed < 5000; ++seed) {
      const Tape tape = harness.Generate(seed);
      if (!fails(tape)) continue;
      const Tape small = harness.Shrink(tape, fails, 20'000);
      EXPECT_TRUE(fails(small));
      return {small.begin(), small.end()};
    }
    return "not found";
  }
};

// The shrinker stops at a local minimum, such as a query that needs the whole word "INF" or
// "ismissing".
template <class Subject>
void ExpectFinds(std::string_view invariant, size_t most_bytes) {
  const std::string small = Canary<Subject>::Find(invariant);
  EXPECT_LE(small.size(), most_bytes) << invariant << ": " << small;
}

TEST(QueryCanaryTest, EachFaultIsFoundAndShrunk) {
  ExpectFinds<GluesMinus>("round_trip", 7);
  ExpectFinds<ForgetsParentheses>("round_trip", 14);
  ExpectFinds<ForgetsToClose>("printed_text_parses", 18);
  ExpectFinds<PointsBehind>("error_inside", 10);
  ExpectFinds<LeavesATree>("rejected_is_empty", 4);
}

TEST(QueryCanaryTest, FaultsThatNeedASecondLookAreFoundToo) {
  RawHarness<QueryParser<RemembersTooMuch>> remembers;
  EXPECT_EQ(Violation(remembers, ToTape("rfoo")), "");
  EXPECT_THAT(Violation(remembers, ToTape("rfoo")), HasSubstr("reuse"));
  RawHarness<QueryParser<Wavers>> wavers;
  EXPECT_THAT(Violation(wavers, ToTape("rfoo bar")), HasSubstr("print_is_a_fixed_point"));
  RawHarness<QueryParser<ReadsTheLastByte>> last_byte;
  EXPECT_THAT(Violation(last_byte, ToTape("r@f:a\\] 5")), HasSubstr("escapes"));
  RawHarness<QueryParser<Misreads>> misreads;
  EXPECT_EQ(Violation(misreads, ToTape("2bar")), "");
  EXPECT_THAT(Violation(misreads, ToTape("2foo bar")), HasSubstr("second_reading"));
  RawHarness<QueryParser<PointsBefore>> points;
  EXPECT_THAT(Violation(points, ToTape("2bar)")), HasSubstr("second_reading"));
  EXPECT_EQ(Violation(last_byte, ToTape("r@f:a 5")), "");
}

}  // namespace
}  // namespace resprobe
