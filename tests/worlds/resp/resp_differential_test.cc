// Built once for each installed version of hiredis.

#include "worlds/resp/resp_differential.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "engine/raw_harness.h"

namespace resprobe {
namespace {

using std::string_view_literals::operator""sv;

Bytes AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// "agreed", the id of a known difference, or "broken: " and an invariant.
template <class World>
std::string Verdict(World& world, std::string_view input) {
  RunContext run(Trace::Mode::kText);
  world.Run(AsBytes(input), run);
  if (run.violated()) return "broken: " + run.violation().invariant;
  const std::string& trace = run.trace().text();
  if (trace.find("agreed") != trace.npos) return "agreed";
  constexpr std::string_view kMark = "known difference: ";
  const size_t at = trace.find(kMark);
  if (at == trace.npos) return "nothing";
  const size_t from = at + kMark.size();
  return trace.substr(from, trace.find('\n', from) - from);
}

// Both refuse, but not for the same reason; the slices decide which difference shows.
constexpr std::string_view kBothRefuse = "both refuse";

struct Case {
  std::string_view input;
  std::string_view before_1_0;
  std::string_view from_1_0;
};

std::string Nested(size_t depth, std::string_view innermost) {
  std::string input;
  for (size_t i = 0; i < depth; ++i) input += "*1\r\n";
  return input.append(innermost);
}

TEST(RespDifferential, AgreesOrKnowsWhyNot) {
  const std::string eight = Nested(8, ":1\r\n");
  const std::string nine = Nested(9, ":1\r\n");
  const std::string null_in_eight = Nested(8, "*-1\r\n");
  const std::string double_325 = "," + std::string(325, '0') + "\r\n";
  const std::string double_326 = "," + std::string(326, '0') + "\r\n";
  const std::string long_line = ":" + std::string(70000, '0');
  RespDifferential<> world;
  for (const Case& c : {
           Case{"", "agreed", "agreed"},
           Case{"+OK\r\n-ERR x\r\n:-12\r\n$3\r\nfoo\r\n$-1\r\n*-1\r\n*0\r\n", "agreed", "agreed"},
           Case{"*3\r\n:1\r\n*2\r\n+a\r\n$0\r\n\r\n$-1\r\n$4\r\n\r\n\0\r\r\n"sv, "agreed",
                "agreed"},
           Case{"*2\r\n:1\r\n", "agreed", "agreed"},
           Case{"x", "agreed", "agreed"},
           Case{"$01\r\n", "agreed", "agreed"},
           Case{"$-2\r\n", "agreed", "agreed"},
           Case{":9223372036854775808\r\n", "agreed", "agreed"},
           Case{"*1024\r\n", "agreed", "agreed"},
           Case{"*1025\r\n", "agreed", "agreed"},
           Case{"*4294967296\r\n", "agreed", "agreed"},
           Case{"%1024\r\n", "resp3_types", "agreed"},
           Case{"%1025\r\n", kBothRefuse, "agreed"},
           Case{"_\r\n#t\r\n#f\r\n,1.5\r\n,-inf\r\n=5\r\ntxt:a\r\n", "resp3_types", "agreed"},
           Case{"%2\r\n+a\r\n:1\r\n+b\r\n~1\r\n,1e3\r\n>2\r\n+x\r\n_\r\n", "resp3_types", "agreed"},
           Case{",nan\r\n", "resp3_types", HIREDIS_MINOR >= 1 ? "agreed" : "double_nan"},
           Case{"(123\r\n", "resp3_types", HIREDIS_MINOR >= 1 ? "agreed" : "big_number_type"},
           Case{"_x\r\n", kBothRefuse, HIREDIS_MINOR >= 1 ? "agreed" : "unchecked_text"},
           Case{"=3\r\ntxt\r\n", kBothRefuse, "agreed"},
           Case{"=5\r\ntxt;a\r\n", kBothRefuse, "agreed"},
           // Every known difference that these versions can show.
           Case{"!3\r\nERR\r\n", "resp3_types", "bulk_error_type"},
           Case{"|1\r\n+a\r\n+b\r\n*1\r\n:1\r\n", "resp3_types",
                HIREDIS_MINOR >= 3 ? "attribute_is_element" : "attribute_type"},
           Case{"*?\r\n", "streamed_types", "streamed_types"},
           Case{"$?\r\n", "streamed_types", "streamed_types"},
           Case{"*1\r\n>1\r\n:1\r\n", "agreed", "nested_push"},
           Case{"%-1\r\n", kBothRefuse, "null_lengths"},
           Case{"=-1\r\n", kBothRefuse, "null_lengths"},
           Case{"$536870913\r\n", "bulk_limit", "bulk_limit"},
           Case{long_line, "line_limit", "line_limit"},
           Case{eight, "agreed", "agreed"},
           Case{nine, "nesting_8", "agreed"},
           Case{null_in_eight, "nesting_8", "agreed"},
           Case{"+a\nb\r\n", "line_feed", "line_feed"},
           Case{"$1\n", "line_feed", "line_feed"},
           Case{"+a\rb\r\n", "carriage_return", HIREDIS_MINOR >= 1 ? "agreed" : "carriage_return"},
           Case{"$1\r\naxy", "bulk_end", "bulk_end"},
           Case{":+5\r\n:1\r\n", "integer_forms", "integer_forms"},
           Case{":007\r\n", "integer_forms", "integer_forms"},
           Case{":-0\r\n", "integer_forms", "integer_forms"},
           Case{",.5\r\n", kBothRefuse, "double_forms"},
           Case{",INF\r\n", kBothRefuse, "double_forms"},
           Case{double_325, "resp3_types", "agreed"},
           Case{double_326, "resp3_types", "double_length"},
           Case{"#T\r\n", kBothRefuse, "boolean_case"},
           Case{"#\0\r\n"sv, kBothRefuse, HIREDIS_MINOR >= 1 ? "boolean_nul" : "unchecked_text"},
           Case{"(\r\n", kBothRefuse, HIREDIS_MINOR >= 1 ? "big_number_empty" : kBothRefuse},
           Case{"(-\r\n", kBothRefuse, HIREDIS_MINOR >= 1 ? "big_number_empty" : kBothRefuse},
           Case{"(+1\r\n", "resp3_types",
                HIREDIS_MINOR >= 1 ? "big_number_plus" : "big_number_type"},
       }) {
    const std::string_view expected = HIREDIS_MAJOR >= 1 ? c.from_1_0 : c.before_1_0;
    const std::string verdict = Verdict(world, c.input);
    if (expected == kBothRefuse && verdict != "agreed") {
      EXPECT_EQ(verdict, HIREDIS_MAJOR >= 1 ? "big_number_type" : "resp3_types") << c.input;
    } else {
      EXPECT_EQ(verdict, expected == kBothRefuse ? "agreed" : expected)
          << world.Show(AsBytes(c.input));
    }
  }
}

TEST(RespDifferential, DeepNestingIsKeptFromHiredis) {
  RespDifferential<> world;
  const std::string deep = Nested(200000, ":1\r\n");
  // hiredis does not get what the core refuses: freeing it would overflow the stack.
  const std::string verdict = Verdict(world, deep);
  EXPECT_EQ(verdict, HIREDIS_MAJOR >= 1 ? "agreed" : "nesting_8");
  EXPECT_NE(world.Show(AsBytes(deep)).find("not given to hiredis"), std::string::npos);
}

TEST(RespDifferential, HoldsOnGeneratedInputs) {
  RespDifferential<> world;
  size_t agreed = 0;
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    Tape tape;
    world.Generate(seed, tape);
    RunContext run(Trace::Mode::kText);
    world.Run(tape, run);
    ASSERT_FALSE(run.violated()) << run.violation().invariant << "\n"
                                 << run.violation().expected << "\n"
                                 << run.violation().seen << "\n"
                                 << world.Show(tape);
    agreed += run.trace().text().find("agreed to the end") != std::string::npos;
  }
  // Most inputs must not end in a known difference.
  EXPECT_GT(agreed, 1000u);
}

TEST(RespDifferential, ShowsBothSides) {
  const std::string text = RespDifferential<>().Show(AsBytes("+OK\r\n$1\r\naxy"));
  EXPECT_NE(text.find("as replies"), std::string::npos);
  EXPECT_NE(text.find("as hiredis "), std::string::npos);
  EXPECT_NE(text.find("differ after byte 10: known as bulk_end"), std::string::npos) << text;
}

// Faulty readers, each of which must be detected.

struct Tired : HiredisReader {
  Outcome Next(const redisReply** reply) {
    const Outcome outcome = HiredisReader::Next(reply);
    return outcome == Outcome::kValue && (*reply)->type == REDIS_REPLY_NIL ? Outcome::kNeedMore
                                                                           : outcome;
  }
};
TEST(RespDifferentialFaults, Outcome) {
  RespDifferential<Tired> world;
  EXPECT_EQ(Verdict(world, "$-1\r\n"), "broken: same_outcome");
  EXPECT_EQ(Verdict(world, "$1\r\na\r\n"), "agreed");
}

struct Careless : HiredisReader {
  Outcome Next(const redisReply** reply) {
    const Outcome outcome = HiredisReader::Next(reply);
    if (outcome == Outcome::kValue && (*reply)->type == REDIS_REPLY_STRING && (*reply)->len > 2) {
      (*reply)->str[1] ^= 1;
    }
    return outcome;
  }
};
TEST(RespDifferentialFaults, Value) {
  RespDifferential<Careless> world;
  EXPECT_EQ(Verdict(world, "$3\r\nabc\r\n"), "broken: same_value");
  EXPECT_EQ(Verdict(world, "$2\r\nab\r\n"), "agreed");
}

struct Greedy : HiredisReader {
  size_t unread() const {
    const size_t bytes = HiredisReader::unread();
    return bytes > 0 ? bytes - 1 : 0;
  }
};
TEST(RespDifferentialFaults, End) {
  // Fed byte by byte, nothing is ever left over; fed in slices that contain more than one value, it
  // is.
  RespDifferential<Greedy> world;
  size_t found = 0;
  for (const std::string_view input : {"+a\r\n+OK\r\n", "+b\r\n+OK\r\n", "+c\r\n+OK\r\n",
                                       "+d\r\n+OK\r\n", "+e\r\n+OK\r\n", "+f\r\n+OK\r\n"}) {
    const std::string verdict = Verdict(world, input);
    if (verdict != "agreed") {
      EXPECT_EQ(verdict, "broken: hiredis_slicing");
      ++found;
    }
  }
  EXPECT_GT(found, 0u);
}

struct SplitsAtQuotes : HiredisReader {
  bool Split(std::string_view line, std::vector<std::string>* args) {
    if (line == "a\"b\"") {
      *args = {"a", "b"};
      return true;
    }
    return HiredisReader::Split(line, args);
  }
};
TEST(RespDifferentialFaults, InlineSplit) {
  RespDifferential<SplitsAtQuotes> world;
  EXPECT_EQ(Verdict(world, "a \"b c\" 'd\\'' \"\\x41\\n\"\r\n"), "agreed");
  EXPECT_EQ(Verdict(world, "a \"b\n"), "agreed");
  EXPECT_EQ(Verdict(world, "a\"b\"\r\n"), "broken: inline_split");
}

struct Hasty : HiredisReader {
  size_t unread() const { return 1; }
};
TEST(RespDifferentialFaults, EndOfEachReply) {
  RespDifferential<Hasty> world;
  EXPECT_EQ(Verdict(world, "+a\r\n"), "broken: same_end");
}

}  // namespace
}  // namespace resprobe
