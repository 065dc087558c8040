#include "cachelab/subject/live_commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/resp/reply_parser.h"

namespace resprobe::cachelab {
namespace {

using testing::ElementsAre;
using Views = std::vector<std::string_view>;

TEST(LiveCommandsTest, EveryTypeIsReadWholeAndWritten) {
  for (const std::string_view type : LiveTypes()) {
    int reads = 0;
    int writes = 0;
    for (const LiveCommand& command : LiveCommands()) {
      if (command.type != type) continue;
      ++(command.read ? reads : writes);
      const Words words = Expand(command, {.key = "k"});
      EXPECT_EQ(words[1], "k") << command.form;
      for (const std::string& word : words) EXPECT_EQ(word.find('{'), std::string::npos) << word;
    }
    EXPECT_GE(reads, 3) << type;
    EXPECT_GE(writes, 3) << type;
  }
}

TEST(LiveCommandsTest, ValuesTellTheirVersion) {
  for (const LiveCommand& command : LiveCommands()) {
    if (command.form != "HMSET {key} {fields}") continue;
    EXPECT_THAT(Expand(command, {.key = "k", .version = 7, .members = 2, .value_size = 9}),
                ElementsAre("HMSET", "k", "f0", "v7:0.v7:0", "f1", "v7:1.v7:1"));
  }
}

TEST(LiveCommandsTest, KnowsWhatAWriteChanges) {
  Views keys;
  EXPECT_TRUE(KeysChanged(Views{"set", "k", "v"}, &keys));
  EXPECT_THAT(keys, ElementsAre("k"));
  EXPECT_TRUE(KeysChanged(Views{"RENAME", "a", "b"}, &keys));
  EXPECT_THAT(keys, ElementsAre("a", "b"));
  EXPECT_TRUE(KeysChanged(Views{"XADD", "s", "*", "f", "v"}, &keys));
  EXPECT_THAT(keys, ElementsAre("s"));
  EXPECT_TRUE(KeysChanged(Views{"PING"}, &keys));
  EXPECT_TRUE(keys.empty());
  EXPECT_FALSE(KeysChanged(Views{"FLUSHALL"}, &keys));
  EXPECT_FALSE(KeysChanged(Views{"EVAL", "…", "0"}, &keys));
}

TEST(LiveCommandsTest, CachesOnlyFunctionsOfAKey) {
  EXPECT_TRUE(IsCacheable(Views{"get", "k"}));
  EXPECT_TRUE(IsCacheable(Views{"HGETALL", "k"}));
  EXPECT_FALSE(IsCacheable(Views{"SRANDMEMBER", "k"}));
  EXPECT_FALSE(IsCacheable(Views{"TTL", "k"}));
  EXPECT_FALSE(IsCacheable(Views{"SET", "k", "v"}));
  EXPECT_FALSE(IsCacheable(Views{"GET"}));
}

std::string CanonicalOf(std::string_view bytes, bool unordered = false) {
  resp::ReplyParser parser;
  parser.Parse(bytes);
  return Canonical(parser.reply().root(), unordered);
}

TEST(LiveCommandsTest, ComparesMapsWholeAndInNoOrder) {
  EXPECT_EQ(CanonicalOf("%2\r\n+b\r\n+1\r\n+a\r\n+2\r\n"),
            CanonicalOf("%2\r\n+a\r\n+2\r\n+b\r\n+1\r\n"));
  EXPECT_NE(CanonicalOf("%2\r\n+b\r\n+1\r\n+a\r\n+2\r\n"),
            CanonicalOf("%2\r\n+b\r\n+2\r\n+a\r\n+1\r\n"));
  EXPECT_NE(CanonicalOf("*2\r\n+a\r\n+b\r\n"), CanonicalOf("*2\r\n+b\r\n+a\r\n"));
  EXPECT_EQ(CanonicalOf("*2\r\n+a\r\n+b\r\n", true), CanonicalOf("*2\r\n+b\r\n+a\r\n", true));
}

}  // namespace
}  // namespace resprobe::cachelab
