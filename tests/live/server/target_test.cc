#include "live/server/target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace resprobe::live {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Optional;

TEST(WordsOfCommandTest, QuotesAsInAShell) {
  std::string error;
  EXPECT_THAT(WordsOfCommand(" redis-server\t--hz  50\n", &error),
              Optional(ElementsAre("redis-server", "--hz", "50")));
  EXPECT_THAT(WordsOfCommand("s --save \"\" '' \"900 1\" 'a \"b' x'y'z", &error),
              Optional(ElementsAre("s", "--save", "", "", "900 1", "a \"b", "xyz")));
  EXPECT_THAT(WordsOfCommand(R"(s a\ b \" "\"\\\n" '\' \)", &error),
              Optional(ElementsAre("s", "a b", "\"", "\"\\\\n", "\\", "\\")));
}

TEST(WordsOfCommandTest, AnExistingFileIsOneWord) {
  const std::string file = testing::TempDir() + "/a 'file";
  fclose(fopen(file.c_str(), "w"));
  std::string error;
  EXPECT_THAT(WordsOfCommand(file, &error), Optional(ElementsAre(file)));
  remove(file.c_str());
}

TEST(WordsOfCommandTest, AnOpenQuoteIsRefusedWhereverTheCommandComesFrom) {
  std::string error;
  EXPECT_FALSE(WordsOfCommand("redis-server \"x", &error));
  EXPECT_THAT(error, HasSubstr("the quote \" is not closed"));
  EXPECT_FALSE(WordsOfCommand("redis-server 'x\\'y'", &error));
  EXPECT_THAT(error, HasSubstr("the quote ' is not closed"));
  EXPECT_FALSE(ProcessOf({.start = "redis-server \"x"}, &error));
  EXPECT_THAT(error, HasSubstr("the quote \" is not closed"));
}

}  // namespace
}  // namespace resprobe::live
