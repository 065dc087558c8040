#include "history/specification.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/resp/writer.h"

namespace resprobe::history {
namespace {

Operation Of(const std::vector<std::string>& words, std::string replies = "") {
  Operation operation;
  resp::Writer writer(&operation.requests);
  writer.ArrayHeader(words.size());
  for (const std::string& word : words) writer.BulkString(word);
  operation.replies = std::move(replies);
  return operation;
}

std::string Refused(const std::vector<std::string>& words) {
  return FactsOf(Of(words), Profile::kRedis70).refused;
}

TEST(FactsTest, KeysAndAccess) {
  const OperationFacts set = FactsOf(Of({"MSET", "b", "1", "a", "2", "b", "3"}), Profile::kRedis70);
  EXPECT_EQ(set.keys, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(set.writes);
  EXPECT_FALSE(set.all_keys);
  EXPECT_FALSE(FactsOf(Of({"GET", "a"}), Profile::kRedis70).writes);
  EXPECT_TRUE(FactsOf(Of({"DBSIZE"}), Profile::kRedis70).all_keys);
  EXPECT_TRUE(FactsOf(Of({"FLUSHDB"}), Profile::kRedis70).writes);
  EXPECT_TRUE(FactsOf(Of({"PING"}), Profile::kRedis70).says_nothing());
}

TEST(FactsTest, WhatCannotBeCheckedIsRefused) {
  EXPECT_EQ(Refused({"BLPOP", "k", "0"}), "BLPOP: it waits");
  EXPECT_EQ(Refused({"SPOP", "k"}), "SPOP: its reply is chosen by the server");
  EXPECT_EQ(Refused({"SCAN", "0"}), "SCAN: a scan is no single moment");
  EXPECT_EQ(Refused({"SET", "k", "1", "EX", "10"}), "SET: a history has no times to live");
  EXPECT_EQ(Refused({"TTL", "k"}), "TTL: a history has no times to live");
  EXPECT_EQ(Refused({"SELECT", "1"}), "SELECT: a history is of one database");
  EXPECT_EQ(Refused({"WATCH", "k"}), "WATCH: what a client watches is not part of a history");
  EXPECT_EQ(Refused({"SUBSCRIBE", "c"}), "SUBSCRIBE: messages are not part of a history");
  EXPECT_EQ(Refused({"NOSUCH"}), "NOSUCH: the core does not have it");
  EXPECT_EQ(Refused({"SET", "k", "1"}), "");
}

TEST(SameRepliesTest, OrderAndErrors) {
  EXPECT_TRUE(SameReplies("-ERR a\r\n", "-ERR b\r\n", false, false));
  EXPECT_FALSE(SameReplies("-ERR a\r\n", "-OOM a\r\n", false, false));
  const std::string ab = "*2\r\n$1\r\na\r\n$1\r\nb\r\n";
  const std::string ba = "*2\r\n$1\r\nb\r\n$1\r\na\r\n";
  EXPECT_FALSE(SameReplies(ab, ba, false, false));
  EXPECT_TRUE(SameReplies(ab, ba, true, false));
  EXPECT_FALSE(SameReplies(ab, ba, true, true));
  EXPECT_FALSE(SameReplies(":1\r\n", ":2\r\n", true, false));
  EXPECT_FALSE(SameReplies(":1\r\n:1\r\n", ":1\r\n", false, false));
}

class UndoTest : public testing::TestWithParam<std::vector<std::string>> {};

// Whatever an operation changes is as before after Undo().
TEST_P(UndoTest, TakesBack) {
  const std::vector<std::vector<std::string>> before = {
      {"SET", "s", "10"}, {"RPUSH", "l", "1", "2"}, {"HSET", "h", "f", "1"},
      {"SADD", "t", "1"}, {"ZADD", "z", "1", "a"},  {"SET", "n", "x"}};
  const std::vector<std::string> keys = {"s", "l", "h", "t", "z", "n", "new"};
  Specification specification(Profile::kRedis70);
  for (const std::string& key : keys) specification.AddKey(key);
  const auto step_of = [&](const Operation& operation) {
    Specification::Step step = {&operation, {}, true};
    const OperationFacts facts = FactsOf(operation, Profile::kRedis70);
    for (uint32_t i = 0; i < keys.size(); ++i) {
      const bool uses = facts.all_keys || std::find(facts.keys.begin(), facts.keys.end(),
                                                    keys[i]) != facts.keys.end();
      if (uses) step.keys.push_back(i);
    }
    return step;
  };
  for (const std::vector<std::string>& words : before) {
    const Operation operation = Of(words);
    ASSERT_TRUE(specification.Run(step_of(operation)));
  }
  const uint64_t state = specification.state();
  const Operation operation = Of(GetParam());
  ASSERT_TRUE(specification.Run(step_of(operation)));
  EXPECT_NE(specification.state(), state);
  specification.Undo();
  EXPECT_EQ(specification.state(), state);
  // A reply that the core does not give changes nothing either.
  const Operation wrong = Of(GetParam(), "+no such reply\r\n");
  EXPECT_FALSE(specification.Run(step_of(wrong)));
  EXPECT_EQ(specification.state(), state);
  const std::vector<std::pair<std::vector<std::string>, std::string>> reads = {
      {{"GET", "s"}, "$2\r\n10\r\n"},
      {{"LRANGE", "l", "0", "-1"}, "*2\r\n$1\r\n1\r\n$1\r\n2\r\n"},
      {{"HGET", "h", "f"}, "$1\r\n1\r\n"},
      {{"SMEMBERS", "t"}, "*1\r\n$1\r\n1\r\n"},
      {{"ZSCORE", "z", "a"}, "$1\r\n1\r\n"},
      {{"DBSIZE"}, ":6\r\n"}};
  for (const auto& [words, reply] : reads) {
    const Operation read = Of(words, reply);
    EXPECT_TRUE(specification.Run({&read, {}, false})) << words[0] << specification.answer();
  }
}

INSTANTIATE_TEST_SUITE_P(Writes, UndoTest,
                         testing::Values(std::vector<std::string>{"SET", "s", "11"},
                                         std::vector<std::string>{"SET", "new", "1"},
                                         std::vector<std::string>{"DEL", "s", "l", "new"},
                                         std::vector<std::string>{"RPUSH", "l", "3"},
                                         std::vector<std::string>{"LMOVE", "l", "new", "LEFT",
                                                                  "LEFT"},
                                         std::vector<std::string>{"HDEL", "h", "f"},
                                         std::vector<std::string>{"SADD", "t", "x"},
                                         std::vector<std::string>{"ZADD", "z", "2", "a"},
                                         std::vector<std::string>{"RENAME", "s", "n"},
                                         std::vector<std::string>{"FLUSHDB"}));

}  // namespace
}  // namespace resprobe::history
