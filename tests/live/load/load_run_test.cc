#include "live/load/load_run.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <string>
#include <thread>
#include <utility>

#include "live/net/socket.h"

namespace resprobe::live {
namespace {

// Answers each request with `reply`, in a thread; before the `stalls`-th it waits for `ms`.
class OneReplyServer {
 public:
  OneReplyServer(std::string reply, int stalls, int ms) {
    std::string error;
    listening_ = Listen(0, false, &error);
    EXPECT_TRUE(listening_.valid()) << error;
    thread_ = std::thread([this, reply = std::move(reply), stalls, ms] {
      const UniqueFd client(accept(listening_.get(), nullptr, nullptr));
      char buffer[4096];
      int requests = 0;
      for (;;) {
        const ssize_t got = recv(client.get(), buffer, sizeof(buffer), 0);
        if (got <= 0) return;
        std::string out;
        for (const char c : std::string_view(buffer, static_cast<size_t>(got))) {
          if (c != '*') continue;
          if (++requests == stalls) poll(nullptr, 0, ms);
          out += reply;
        }
        if (!SendAll(client.get(), out)) return;
      }
    });
  }
  ~OneReplyServer() { thread_.join(); }
  OneReplyServer(const OneReplyServer&) = delete;
  OneReplyServer& operator=(const OneReplyServer&) = delete;

  UniqueFd Connect(std::string* error) const {
    return live::Connect({"127.0.0.1", LocalPort(listening_.get())}, false, error);
  }

 private:
  UniqueFd listening_;
  std::thread thread_;
};

LoadResult Load(const OneReplyServer& server, const LoadOptions& options) {
  LoadResult result;
  std::string error;
  EXPECT_TRUE(RunLoad(
      options, [&](std::string* why) { return server.Connect(why); }, &result, &error))
      << error;
  return result;
}

TEST(LoadRunTest, CountsWhatIsMeasured) {
  const OneReplyServer server("+OK\r\n", 0, 0);
  const LoadResult result = Load(
      server, {.test = "set", .connections = 1, .operations = 100, .warm_up = 50, .pipeline = 4});
  EXPECT_EQ(result.failure, "");
  EXPECT_EQ(result.operations, 100u);
  EXPECT_EQ(result.latency.count(), 100);
  EXPECT_TRUE(result.errors.empty());
  uint64_t sum = 0;
  for (const LoadResult::Interval& interval : result.series) sum += interval.operations;
  EXPECT_EQ(sum, 100u);
}

TEST(LoadRunTest, ErrorsByCode) {
  const OneReplyServer server("-OOM no memory\r\n", 0, 0);
  const LoadResult result =
      Load(server, {.test = "set", .connections = 1, .operations = 20, .warm_up = 0});
  EXPECT_EQ(result.errors, (std::map<std::string, uint64_t>{{"OOM", 20}}));
}

// With a rate of 1000 a second a stall of 100 ms delays the 100 requests that are due meanwhile,
// half of them by 50 ms or more, although the server has got only one of them.
TEST(LoadRunTest, AStallIsSeenByAllThatItDelays) {
  const OneReplyServer server("+OK\r\n", 20, 100);
  const LoadResult result = Load(
      server, {.test = "get", .connections = 1, .operations = 200, .warm_up = 0, .rate = 1000});
  EXPECT_EQ(result.operations, 200u);
  EXPECT_GE(result.latency.Percentile(80), 40'000'000);
  EXPECT_GE(result.latency.max(), 100'000'000);
}

// A stall that lasts until the run ends is seen too, by the 81 requests that are due by then.
TEST(LoadRunTest, AStallWithoutAnEndIsSeenByAllThatAreDue) {
  const OneReplyServer server("+OK\r\n", 20, 1000);
  const LoadResult result = Load(server, {.test = "get",
                                          .connections = 1,
                                          .operations = 100,
                                          .warm_up = 0,
                                          .rate = 1000,
                                          .hang_ms = 100});
  EXPECT_NE(result.failure, "");
  EXPECT_EQ(result.operations, 19u);
  EXPECT_EQ(result.unanswered, 81u);
  EXPECT_EQ(result.latency.count(), 100);
  EXPECT_GE(result.latency.max(), 100'000'000);
}

TEST(LoadRunTest, WhatIsNoReplyEndsIt) {
  const OneReplyServer server("hello\r\n", 0, 0);
  const LoadResult result =
      Load(server, {.test = "ping", .connections = 1, .operations = 20, .warm_up = 0});
  EXPECT_EQ(result.failure, "the server sends what is no reply");
}

TEST(LoadRunTest, RepliesOfMixedLoadAreChecked) {
  const OneReplyServer server("+OK\r\n", 0, 0);
  LoadOptions options;
  options.connections = 1;
  options.keys = 4;
  options.operations = 2 * MixedLoad().requests.size();
  options.warm_up = 0;
  LoadResult result;
  std::string error;
  ASSERT_TRUE(RunLoad(
      options, MixedLoad(), [&](std::string* why) { return server.Connect(why); }, &result, &error))
      << error;
  EXPECT_EQ(result.operations, options.operations);
  EXPECT_EQ(result.wrong["INCR: no integer"], 2u);
  EXPECT_EQ(result.wrong["GET: no string"], 4u);
  EXPECT_EQ(result.wrong["HGET: no string"], 2u);
  EXPECT_FALSE(result.wrong.contains("SET: not OK"));
}

TEST(LoadRunTest, EndsWithTheLastReplyWhenItIsEnough) {
  const OneReplyServer server("+OK\r\n", 0, 0);
  LoadOptions options;
  options.test = "set";
  options.connections = 1;
  options.operations = 1'000'000'000;
  options.warm_up = 0;
  int asked = 0;
  options.enough = [&] { return ++asked > 20; };
  const LoadResult result = Load(server, options);
  EXPECT_GT(result.operations, 0u);
  EXPECT_EQ(result.unanswered, 0u);
  EXPECT_FALSE(result.stopped);
  EXPECT_EQ(result.failure, "");
}

}  // namespace
}  // namespace resprobe::live
