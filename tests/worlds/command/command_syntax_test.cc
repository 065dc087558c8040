#include "worlds/command/command_syntax.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string_view>

#include "core/table/table.h"

namespace resprobe {
namespace {

using testing::ElementsAre;

const Command& Named(std::string_view name) { return *FindCommand(name, Profile::kRedis70); }

TEST(CommandSyntaxTest, GivesTheShortestRequest) {
  EXPECT_THAT(PlainRequest(Named("get")), ElementsAre("get", "probe:1"));
  EXPECT_THAT(PlainRequest(Named("zadd")), ElementsAre("zadd", "probe:1", "1", "a"));
  EXPECT_THAT(PlainRequest(Named("zadd"), "XX"), ElementsAre("zadd", "probe:1", "XX", "1", "a"));
}

TEST(CommandSyntaxTest, GivesARequestWithMoreArguments) {
  EXPECT_THAT(RequestWithArguments(Named("get")), ElementsAre("get", "probe:1"));
  EXPECT_THAT(RequestWithArguments(Named("rpop")), ElementsAre("rpop", "probe:1", "1"));
  EXPECT_THAT(RequestWithArguments(Named("del")), ElementsAre("del", "probe:1", "probe:2"));
  // What must stand once, and may stand again.
  EXPECT_THAT(RequestWithArguments(Named("zadd")),
              ElementsAre("zadd", "probe:1", "1", "a", "1", "a"));
  EXPECT_THAT(RequestWithArguments(Named("hmset")),
              ElementsAre("hmset", "probe:1", "f", "1", "f", "1"));
}

}  // namespace
}  // namespace resprobe
