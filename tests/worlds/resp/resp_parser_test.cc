#include "worlds/resp/resp_parser.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "engine/raw_harness.h"

namespace resprobe {
namespace {

Bytes AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// The invariant that the input breaks, or "".
template <class World>
std::string Broken(World& world, std::string_view input) {
  RunContext run;
  world.Run(AsBytes(input), run);
  return run.violated() ? run.violation().invariant : "";
}
template <class World>
std::string Broken(std::string_view input) {
  World world;
  return Broken(world, input);
}

TEST(RespParser, HoldsOnGeneratedInputs) {
  RespParser<> world;
  for (uint64_t seed = 0; seed < 3000; ++seed) {
    Tape tape;
    world.Generate(seed, tape);
    RunContext run;
    world.Run(tape, run);
    ASSERT_FALSE(run.violated()) << run.violation().invariant << "\n"
                                 << run.violation().expected << "\n"
                                 << run.violation().seen << "\n"
                                 << world.Show(tape);
  }
}

TEST(RespParser, GeneratesTheSameFromTheSameSeed) {
  RespParser<> world;
  size_t different = 0;
  Tape last;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    Tape a;
    Tape b;
    world.Generate(seed, a);
    world.Generate(seed, b);
    EXPECT_EQ(a, b);
    different += a != last;
    last = a;
  }
  EXPECT_GT(different, 40u);
}

TEST(RespParser, TracesWhatItSaw) {
  RespParser<> world;
  RunContext run(Trace::Mode::kText);
  world.Run(AsBytes("*1\r\n$4\r\nPING\r\n"), run);
  EXPECT_NE(run.trace().text().find("reply: [\"PING\"]"), std::string::npos) << run.trace().text();
  EXPECT_NE(run.trace().text().find("requests: the end at byte 14"), std::string::npos)
      << run.trace().text();
}

TEST(RespParser, ShowsBytesAndWhatBecomesOfThem) {
  EXPECT_EQ(RespParser<>().Show(AsBytes("$3\r\nfoo\r\n*2\r\n:1\r\n:x\r\n")),
            "as replies\n"
            "       0  \"$3\\r\\nfoo\\r\\n\"       \"foo\"\n"
            "       9  \"*2\\r\\n:1\\r\\n:x\\r\\n\"  error at byte 18: expected an integer of 64 "
            "bits, then CRLF\n"
            "as requests\n"
            "       0  \"$3\\r\\n\"              \"$3\"\n"
            "       4  \"foo\\r\\n\"             \"foo\"\n"
            "       9  \"*2\\r\\n:1\\r\\n:x\\r\\n\"  error at byte 13: Protocol error: expected "
            "'$', got ':'\n");
}

// Faulty parsers, one for each invariant.

struct Forgetful : resp::ReplyParser {
  using ReplyParser::ReplyParser;
  Result Parse(std::string_view input) { return ReplyParser::Parse(input == "#" ? "+" : input); }
};
TEST(RespParserFaults, ReplySlicing) {
  EXPECT_EQ(Broken<RespParser<Forgetful>>("#t\r\n"), "reply_slicing");
  EXPECT_EQ(Broken<RespParser<>>("#t\r\n"), "");
}

// Stops before the end of the stream when slices are small.
struct Impatient : resp::ReplyParser {
  using ReplyParser::ReplyParser;
  Result Parse(std::string_view input) {
    if (input == ".") return ReplyParser::Parse("x");
    return ReplyParser::Parse(input);
  }
};
TEST(RespParserFaults, ReplySlicingOfTheEnd) {
  EXPECT_EQ(Broken<RespParser<Impatient>>("*?\r\n.\r\n"), "reply_slicing");
}

struct Confused : resp::ReplyParser {
  using ReplyParser::ReplyParser;
  Result Parse(std::string_view input) {
    return ReplyParser::Parse(input == ":5\r\n" ? ":6\r\n" : input);
  }
};
TEST(RespParserFaults, RoundTrip) {
  EXPECT_EQ(Broken<RespParser<Confused>>(":+5\r\n"), "round_trip");
}

struct Wasteful : resp::ReplyParser {
  using ReplyParser::ReplyParser;
  Result Parse(std::string_view input) {
    // Allocates everything that a header announces, before it has arrived.
    if (input.starts_with("*999")) {
      ReplyParser other;
      other.Parse("$5000\r\n" + std::string(5000, 'x') + "\r\n");
      other.Take(&reserved_);
      reserved_.Clear();
    }
    return ReplyParser::Parse(input);
  }
  const resp::Reply& reply() const {
    return reserved_.memory_allocated() > 0 ? reserved_ : ReplyParser::reply();
  }

 private:
  resp::Reply reserved_;
};
TEST(RespParserFaults, Memory) {
  EXPECT_EQ(Broken<RespParser<Wasteful>>("*999\r\n"), "memory");
  EXPECT_EQ(Broken<RespParser<>>("*999\r\n"), "");
}

struct Gluttonous : resp::RequestParser {
  using RequestParser::RequestParser;
  size_t memory_used() const { return RequestParser::memory_used() + 1000 * !idle(); }
};
TEST(RespParserFaults, MemoryOfRequests) {
  EXPECT_EQ((Broken<RespParser<resp::ReplyParser, Gluttonous>>("*2\r\n")), "memory");
}

struct Hesitant : resp::ReplyParser {
  using ReplyParser::ReplyParser;
  Result Parse(std::string_view input) {
    Result result = ReplyParser::Parse(input);
    if (result.status == Status::kNeedMore && result.consumed > 3) --result.consumed;
    return result;
  }
};
TEST(RespParserFaults, Consumption) {
  EXPECT_EQ(Broken<RespParser<Hesitant>>("$5\r\nab"), "consumption");
}

struct Forgiving : resp::ReplyParser {
  using ReplyParser::ReplyParser;
  Result Parse(std::string_view input) {
    if (error().code == resp::ParseErrorCode::kBadNull) Reset();
    return ReplyParser::Parse(input);
  }
};
TEST(RespParserFaults, FinalError) {
  EXPECT_EQ(Broken<RespParser<Forgiving>>("_x\r\n"), "final_error");
  EXPECT_EQ(Broken<RespParser<Forgiving>>("#x\r\n"), "");
}

struct ForgivingRequests : resp::RequestParser {
  using RequestParser::RequestParser;
  Result Parse(std::string_view input) {
    if (!error().text.empty()) Reset();
    return RequestParser::Parse(input);
  }
};
TEST(RespParserFaults, FinalErrorOfRequests) {
  EXPECT_EQ((Broken<RespParser<resp::ReplyParser, ForgivingRequests>>("*x\r\n")), "final_error");
}

struct Deaf : resp::RequestParser {
  using RequestParser::RequestParser;
  Result Parse(std::string_view input) { return RequestParser::Parse(input == "\n" ? " " : input); }
};
TEST(RespParserFaults, RequestSlicing) {
  EXPECT_EQ((Broken<RespParser<resp::ReplyParser, Deaf>>("PING\n")), "request_slicing");
}

// The same however the stream is sliced, and when it is written again.
struct Lenient : resp::ReplyParser {
  explicit Lenient(resp::ReplyLimits limits = {}) : ReplyParser(Deeper(limits)) {}
  static resp::ReplyLimits Deeper(resp::ReplyLimits limits) {
    ++limits.max_depth;
    return limits;
  }
};
TEST(RespParserFaults, ReplyReading) {
  // Some of these inputs get limits that they exceed.
  RespParser<Lenient> world;
  RespParser<> right;
  size_t found = 0;
  for (int i = 0; i < 20; ++i) {
    const std::string input = "*1\r\n*1\r\n*1\r\n*1\r\n:" + std::to_string(i) + "\r\n";
    EXPECT_EQ(Broken(right, input), "");
    found += Broken(world, input) == "reply_reading";
  }
  EXPECT_GT(found, 1u);
}

struct Greedy : resp::RequestParser {
  explicit Greedy(resp::RequestLimits limits = {}) : RequestParser(More(limits)) {}
  static resp::RequestLimits More(resp::RequestLimits limits) {
    ++limits.max_args_unauthenticated;
    return limits;
  }
};
TEST(RespParserFaults, RequestReading) {
  RespParser<resp::ReplyParser, Greedy> world;
  RespParser<> right;
  size_t found = 0;
  for (int i = 0; i < 20; ++i) {
    std::string input = "*11\r\n";
    for (int arg = 0; arg < 11; ++arg) input += "$2\r\n" + std::to_string(10 + i) + "\r\n";
    EXPECT_EQ(Broken(right, input), "");
    found += Broken(world, input) == "request_reading";
  }
  EXPECT_GT(found, 1u);
}

// A long input gets only one of the checks, so a fault shows in some of several variants of it.
TEST(RespParserFaults, ShowInLongInputsToo) {
  RespParser<Forgetful> world;
  size_t found = 0;
  for (int i = 0; i < 200; ++i) {
    const std::string input =
        "*2\r\n$23\r\nsome bytes and a num" + std::to_string(100 + i) + "\r\n#t\r\n#f\r\n#t\r\n";
    found += Broken(world, input) == "reply_slicing";
  }
  EXPECT_GT(found, 10u);
}

}  // namespace
}  // namespace resprobe
