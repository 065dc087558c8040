#include "history/linearizer.h"

#include <gtest/gtest.h>

#include <string>

#include "core/resp/writer.h"
#include "core/server/server.h"
#include "engine/rng.h"
#include "history/picture.h"

namespace resprobe::history {
namespace {

History Of(const std::string& text) {
  History history;
  std::string error;
  EXPECT_TRUE(Parse(text, &history, &error)) << error;
  return history;
}

struct Known {
  const char* name;
  const char* text;
  Verdict verdict;
  // Of a violation: the index of the misfit, and how many operations its beginning has.
  size_t misfit = 0;
  size_t failing = 0;
};
void PrintTo(const Known& known, std::ostream* out) { *out << known.name; }

class KnownHistoryTest : public testing::TestWithParam<Known> {};

TEST_P(KnownHistoryTest, HasItsVerdict) {
  const LinearizerResult result = CheckHistory(Of(GetParam().text), Profile::kRedis70);
  EXPECT_EQ(result.verdict, GetParam().verdict) << result.why;
  EXPECT_EQ(result.misfit, GetParam().misfit);
  EXPECT_EQ(result.failing.size(), GetParam().failing);
}

INSTANTIATE_TEST_SUITE_P(
    Histories, KnownHistoryTest,
    testing::Values(Known{"empty", "", Verdict::kOk},
                    Known{"sequential",
                          "0 1 2  SET k 1 -> \"+OK\\r\\n\"\n"
                          "1 3 4  GET k -> \"$1\\r\\n1\\r\\n\"\n",
                          Verdict::kOk},
                    Known{"stale_read",
                          "0 1 2  SET k 1 -> \"+OK\\r\\n\"\n"
                          "0 3 4  SET k 2 -> \"+OK\\r\\n\"\n"
                          "1 5 6  GET k -> \"$1\\r\\n1\\r\\n\"\n"
                          "1 7 8  GET k -> \"$1\\r\\n2\\r\\n\"\n",
                          Verdict::kViolation, 2, 3},
                    Known{"overlapping_read_may_see_either",
                          "0 1 2  SET k 1 -> \"+OK\\r\\n\"\n"
                          "0 3 9  SET k 2 -> \"+OK\\r\\n\"\n"
                          "1 4 5  GET k -> \"$1\\r\\n1\\r\\n\"\n"
                          "1 6 7  GET k -> \"$1\\r\\n2\\r\\n\"\n",
                          Verdict::kOk},
                    Known{"new_then_old",
                          "0 1 2  SET k 1 -> \"+OK\\r\\n\"\n"
                          "0 3 9  SET k 2 -> \"+OK\\r\\n\"\n"
                          "1 4 5  GET k -> \"$1\\r\\n2\\r\\n\"\n"
                          "1 6 7  GET k -> \"$1\\r\\n1\\r\\n\"\n",
                          Verdict::kViolation, 3, 4},
                    Known{"lost_update",
                          "0 1 5  INCR n -> \":1\\r\\n\"\n"
                          "1 2 6  INCR n -> \":1\\r\\n\"\n",
                          Verdict::kViolation, 1, 2},
                    Known{"a_moment_in_common_overlaps",
                          "0 1 5  INCR n -> \":2\\r\\n\"\n"
                          "1 5 6  INCR n -> \":1\\r\\n\"\n",
                          Verdict::kOk},
                    Known{"other_keys_do_not_matter",
                          "0 1 2  SET a 1 -> \"+OK\\r\\n\"\n"
                          "1 3 4  GET b -> \"$-1\\r\\n\"\n",
                          Verdict::kOk},
                    Known{"a_transaction_joins_keys",
                          "0 1 2  SET a 1 -> \"+OK\\r\\n\"\n"
                          "0 3 9  MULTI ; SET a 2 ; SET b 2 ; EXEC -> "
                          "\"+OK\\r\\n+QUEUED\\r\\n+QUEUED\\r\\n*2\\r\\n+OK\\r\\n+OK\\r\\n\"\n"
                          "1 4 5  GET a -> \"$1\\r\\n2\\r\\n\"\n"
                          "1 6 7  GET b -> \"$-1\\r\\n\"\n",
                          Verdict::kViolation, 3, 4},
                    Known{"dbsize_joins_all_keys",
                          "0 1 2  SET a 1 -> \"+OK\\r\\n\"\n"
                          "0 3 4  SET b 1 -> \"+OK\\r\\n\"\n"
                          "1 5 6  DBSIZE -> \":1\\r\\n\"\n",
                          Verdict::kViolation, 2, 3},
                    Known{"unknown_may_be_done",
                          "0 1 ?  SET k 1\n"
                          "1 5 6  GET k -> \"$1\\r\\n1\\r\\n\"\n",
                          Verdict::kOk},
                    Known{"unknown_may_never_be_done",
                          "0 1 ?  SET k 1\n"
                          "1 5 6  GET k -> \"$-1\\r\\n\"\n",
                          Verdict::kOk},
                    Known{"unknown_is_done_once",
                          "0 1 ?  INCR n\n"
                          "1 5 6  GET n -> \"$1\\r\\n1\\r\\n\"\n"
                          "1 7 8  GET n -> \"$1\\r\\n2\\r\\n\"\n",
                          Verdict::kViolation, 2, 3},
                    Known{"before_a_crash_or_never",
                          "0 1 ?10  SET k 1\n"
                          "1 11 12  GET k -> \"$-1\\r\\n\"\n"
                          "1 13 14  GET k -> \"$1\\r\\n1\\r\\n\"\n",
                          Verdict::kViolation, 2, 3},
                    Known{"a_write_lost_in_a_crash",
                          "0 1 2  SET k 1 -> \"+OK\\r\\n\"\n"
                          "0 3 ?10  SET k 2\n"
                          "1 11 12  GET k -> \"$-1\\r\\n\"\n",
                          Verdict::kViolation, 2, 3},
                    // Until 7 the reply of the INCR that began at 2 is not known, so it may be :5.
                    Known{"a_later_reply_makes_it_wrong",
                          "0 1 7  INCRBY n 2 -> \":2\\r\\n\"\n"
                          "1 2 6  INCR n -> \":1\\r\\n\"\n",
                          Verdict::kViolation, 0, 2},
                    // What a client sends together overlaps, and runs in that order.
                    Known{"a_pipeline_keeps_its_order",
                          "0 1 9  SET k 1 -> \"+OK\\r\\n\"\n"
                          "0 1 9  GET k -> \"$-1\\r\\n\"\n",
                          Verdict::kViolation, 1, 2},
                    Known{"two_clients_have_no_order",
                          "0 1 9  SET k 1 -> \"+OK\\r\\n\"\n"
                          "1 1 9  GET k -> \"$-1\\r\\n\"\n",
                          Verdict::kOk},
                    Known{"what_was_refused_was_not_done",
                          "0 1 2  SET k 1 -> \"-OOM no memory\\r\\n\"\n"
                          "0 3 4  GET k -> \"$-1\\r\\n\"\n",
                          Verdict::kOk},
                    Known{"an_aborted_transaction_has_no_effect",
                          "0 1 2  MULTI ; SET k 1 ; EXEC -> "
                          "\"+OK\\r\\n-ERR no\\r\\n-EXECABORT gone\\r\\n\"\n"
                          "1 3 4  GET k -> \"$1\\r\\n1\\r\\n\"\n",
                          Verdict::kViolation, 1, 1},
                    Known{"what_cannot_be_checked_is_unknown", "0 1 2  SPOP s -> \"$-1\\r\\n\"\n",
                          Verdict::kUnknown}),
    [](const testing::TestParamInfo<Known>& info) { return std::string(info.param.name); });

TEST(LinearizerTest, SaysWhatTheCoreAnswers) {
  const History history =
      Of("0 1 5  INCR n -> \":1\\r\\n\"\n"
         "1 2 6  INCR n -> \":1\\r\\n\"\n");
  const LinearizerResult result = CheckHistory(history, Profile::kRedis70);
  EXPECT_EQ(result.keys, std::vector<std::string>{"n"});
  EXPECT_EQ(result.expected, std::vector<std::string>{":2\r\n"});
  EXPECT_EQ(Picture(history, result),
            "  [=]   client 0: INCR n -> \":1\\r\\n\"\n"
            "!  [=]  client 1: INCR n -> \":1\\r\\n\"\n");
}

TEST(LinearizerTest, LimitsEndInUnknown) {
  std::string text;
  for (int i = 0; i < 12; ++i) text += std::to_string(i) + " 1 50  INCR n -> \":1\\r\\n\"\n";
  LinearizerLimits limits;
  limits.runs = 5;
  const LinearizerResult result = CheckHistory(Of(text), Profile::kRedis70, limits);
  EXPECT_EQ(result.verdict, Verdict::kUnknown);
  EXPECT_EQ(result.why, "more than 5 runs");
}

TEST(LinearizerTest, AViolationOutranksWhatIsUnknown) {
  std::string text;
  for (int i = 0; i < 12; ++i) text += std::to_string(i) + " 1 50  INCR n -> \":1\\r\\n\"\n";
  text += "20 60 61  GET k -> \"$1\\r\\n1\\r\\n\"\n";
  LinearizerLimits limits;
  limits.runs = 5;
  const LinearizerResult result = CheckHistory(Of(text), Profile::kRedis70, limits);
  EXPECT_EQ(result.verdict, Verdict::kViolation);
  EXPECT_EQ(result.keys, std::vector<std::string>{"k"});
}

// Pairs of operations that overlap, on keys that one command joins: their orders must not multiply.
TEST(LinearizerTest, OrdersOfIndependentOperationsDoNotMultiply) {
  std::string text = "2 1 2  MSET a 0 b 0 c 0 -> \"+OK\\r\\n\"\n";
  uint64_t now = 3;
  for (int pair = 0; pair < 60; ++pair, now += 4) {
    const std::string begin = std::to_string(now) + " ";
    text += "0 " + begin + std::to_string(now + 2) + "  INCR a -> \":" + std::to_string(pair + 1) +
            "\\r\\n\"\n";
    text += "1 " + begin + std::to_string(now + 2) + "  INCR b -> \":" + std::to_string(pair + 1) +
            "\\r\\n\"\n";
    // Overlapping operations on one key, whose order is open.
    text += "3 " + begin + std::to_string(now + 2) + "  SET c x -> \"+OK\\r\\n\"\n";
    text += "4 " + begin + std::to_string(now + 2) + "  SET c y -> \"+OK\\r\\n\"\n";
  }
  text += "2 " + std::to_string(now) + " " + std::to_string(now + 1) +
          "  MGET a b -> \"*2\\r\\n$2\\r\\n60\\r\\n$2\\r\\n61\\r\\n\"\n";
  LinearizerLimits limits;
  limits.runs = 20'000;
  const LinearizerResult result = CheckHistory(Of(text), Profile::kRedis70, limits);
  EXPECT_EQ(result.verdict, Verdict::kViolation) << result.why;
}

TEST(LinearizerTest, ShortenLeavesWhatIsNeeded) {
  const History history =
      Of("0 1 2  SET k 1 -> \"+OK\\r\\n\"\n"
         "2 1 2  SET other 1 -> \"+OK\\r\\n\"\n"
         "1 3 4  GET k -> \"$1\\r\\n1\\r\\n\"\n"
         "0 5 6  SET k 2 -> \"+OK\\r\\n\"\n"
         "1 7 8  STRLEN k -> \":1\\r\\n\"\n"
         "1 9 10  GET k -> \"$1\\r\\n1\\r\\n\"\n"
         "1 11 12  GET k -> \"$1\\r\\n2\\r\\n\"\n");
  const LinearizerResult result = CheckHistory(history, Profile::kRedis70);
  ASSERT_EQ(result.verdict, Verdict::kViolation);
  EXPECT_EQ(Print(Shorten(history, result, Profile::kRedis70)),
            "# CLIENT BEGIN END  REQUESTS -> REPLIES\n"
            "0 1 2  SET k 1 -> \"+OK\\r\\n\"\n"
            "0 5 6  SET k 2 -> \"+OK\\r\\n\"\n"
            "1 9 10  GET k -> \"$1\\r\\n1\\r\\n\"\n");
}

TEST(LinearizerTest, ThePictureIsAnImageToo) {
  const History history =
      Of("0 1 5  SET k \"<a&b\" -> \"+OK\\r\\n\"\n"
         "2 2 ?  DEL k\n"
         "1 6 7  GET k -> \"$1\\r\\n1\\r\\n\"\n");
  const LinearizerResult result = CheckHistory(history, Profile::kRedis70);
  ASSERT_EQ(result.verdict, Verdict::kViolation);
  EXPECT_EQ(Picture(history, result),
            "  [=]    client 0: SET k <a&b -> \"+OK\\r\\n\"\n"
            "   [---  client 2: DEL k\n"
            "!    []  client 1: GET k -> \"$1\\r\\n1\\r\\n\"\n");
  const std::string svg = PictureSvg(history, result);
  EXPECT_NE(svg.find("&lt;a&amp;b"), std::string::npos);
  EXPECT_EQ(svg.find("<a&b"), std::string::npos);
}

// Histories of clients whose operations take effect in turn at a server, each between its begin and
// its end. `lies` of them get the reply that they would have got one operation earlier.
History Generated(uint64_t seed, int clients, int keys, int operations, bool lies) {
  Rng rng(seed);
  Server server;
  const uint64_t connection = server.Connect();
  History history;
  uint64_t now = 0;
  std::vector<size_t> open(static_cast<size_t>(clients), SIZE_MAX);
  for (int made = 0; made < operations || !open.empty();) {
    if (open.empty()) break;
    now += 1;
    const size_t client = rng.Below(open.size());
    if (open[client] == SIZE_MAX) {
      if (made == operations) {
        open.erase(open.begin() + static_cast<std::ptrdiff_t>(client));
        continue;
      }
      ++made;
      open[client] = history.operations.size();
      Operation& operation = history.operations.emplace_back();
      operation.client = static_cast<uint32_t>(client);
      operation.begin_us = now;
      resp::Writer writer(&operation.requests);
      const std::string key = "k" + std::to_string(rng.Below(static_cast<uint64_t>(keys)));
      switch (rng.Below(4)) {
        case 0:
          writer.ArrayHeader(3);
          writer.BulkString("SET");
          writer.BulkString(key);
          writer.BulkInteger(static_cast<int64_t>(rng.Below(5)));
          break;
        case 1:
          writer.ArrayHeader(2);
          writer.BulkString("INCR");
          writer.BulkString(key);
          break;
        default:
          writer.ArrayHeader(2);
          writer.BulkString("GET");
          writer.BulkString(key);
      }
      continue;
    }
    Operation& operation = history.operations[open[client]];
    if (operation.replies.empty()) {  // it takes effect
      server.Receive(connection, operation.requests);
      operation.replies = std::exchange(server.Output(connection), {});
      continue;
    }
    operation.end_us = now;
    open[client] = SIZE_MAX;
  }
  if (lies) {
    // A read much later than its value: the value is gone.
    Operation& last = history.operations.emplace_back();
    last.begin_us = now + 1;
    last.end_us = now + 2;
    resp::Writer writer(&last.requests);
    writer.ArrayHeader(2);
    writer.BulkString("GET");
    writer.BulkString("k0");
    last.replies = "$4\r\nlost\r\n";
  }
  return history;
}

TEST(LinearizerTest, GeneratedHistoriesAreLinearizable) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    const History history = Generated(seed, 6, 3, 200, false);
    const LinearizerResult result = CheckHistory(history, Profile::kRedis70);
    EXPECT_EQ(result.verdict, Verdict::kOk) << "seed " << seed << "\n" << Print(history);
    EXPECT_EQ(result.operations, history.operations.size());
  }
}

TEST(LinearizerTest, OneWrongReplyIsFound) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const History history = Generated(seed, 6, 3, 200, true);
    const LinearizerResult result = CheckHistory(history, Profile::kRedis70);
    EXPECT_EQ(result.verdict, Verdict::kViolation) << "seed " << seed;
    EXPECT_EQ(result.misfit, history.operations.size() - 1);
  }
}

}  // namespace
}  // namespace resprobe::history
