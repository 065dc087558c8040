#include "sim/toxic_reply.h"

#include <gtest/gtest.h>

namespace resprobe {
namespace {

std::string Edited(std::string_view toxic, std::string_view reply, uint64_t number = 1) {
  std::string error;
  const std::optional<Toxic> parsed = ParseToxic(toxic, &error);
  EXPECT_TRUE(parsed) << error;
  std::string out;
  if (!EditReply(*parsed, number, reply, &out)) EXPECT_EQ(out, reply);
  return out;
}

TEST(ToxicReply, EachDoesWhatItSays) {
  EXPECT_EQ(Edited("duplicate_reply", "+OK\r\n"), "+OK\r\n+OK\r\n");
  EXPECT_EQ(Edited("missing_reply", "+OK\r\n"), "");
  EXPECT_EQ(Edited("unsolicited_reply", "+OK\r\n"), "+unsolicited\r\n+OK\r\n");
  EXPECT_EQ(Edited("push form=5", "+OK\r\n"), ">0\r\n+OK\r\n");
  EXPECT_EQ(Edited("push form=5 inside=1", "*1\r\n+OK\r\n"), "*1\r\n>0\r\n+OK\r\n");
  EXPECT_EQ(Edited("push form=5 inside=1", "+OK\r\n"), "+OK\r\n");
  EXPECT_EQ(Edited("attribute", "+OK\r\n"), "|1\r\n+ttl\r\n:3600\r\n+OK\r\n");
  EXPECT_EQ(Edited("wrong_type type=45", "+OK\r\n"), "-OK\r\n");
  EXPECT_EQ(Edited("wrong_arity delta=-1", "*2\r\n:1\r\n$1\r\nx\r\n"), "*1\r\n:1\r\n");
  EXPECT_EQ(Edited("wrong_arity delta=1", "*1\r\n:1\r\n"), "*2\r\n:1\r\n:0\r\n");
  EXPECT_EQ(Edited("wrong_arity delta=1", "%1\r\n:1\r\n:2\r\n"), "%2\r\n:1\r\n:2\r\n:0\r\n:0\r\n");
  EXPECT_EQ(Edited("wrong_arity delta=1", "+OK\r\n"), "*2\r\n+OK\r\n+OK\r\n");
  EXPECT_EQ(Edited("lying_length length=4294967297", "*1\r\n:1\r\n"), "*4294967297\r\n:1\r\n");
  EXPECT_EQ(Edited("lying_length length=-5", "$1\r\nx\r\n"), "$-5\r\nx\r\n");
  EXPECT_EQ(Edited("lying_length length=2", ":1\r\n"), "*2\r\n:1\r\n");
  EXPECT_EQ(Edited("nesting depth=3", ":1\r\n"), "*1\r\n*1\r\n*1\r\n:1\r\n");
  EXPECT_EQ(Edited("garbage bytes=2", ":1\r\n"), std::string("\xff\0\r\n:1\r\n", 8));
}

TEST(ToxicReply, OnlyTheReplyThatIsMeant) {
  EXPECT_EQ(Edited("missing_reply at=2", "+OK\r\n", 1), "+OK\r\n");
  EXPECT_EQ(Edited("missing_reply at=2", "+OK\r\n", 2), "");
  EXPECT_EQ(Edited("fin bytes=0", "+OK\r\n"), "+OK\r\n");
}

TEST(ToxicReply, AnyBytesAreSafe) {
  for (const std::string_view reply : {"", "*", "*\r\n", "*9\r\n", "$5\r\nab", "\n", "*-1\r\n"}) {
    for (const ToxicInfo& info : Toxics()) Edited(info.name, reply);
  }
}

TEST(ToxicReply, Lengths) {
  EXPECT_EQ(ReplyLength("+OK\r\n:1\r\n"), 5u);
  EXPECT_EQ(ReplyLength("|1\r\n:1\r\n:2\r\n:3\r\n:4\r\n"), 16u);
  EXPECT_EQ(ReplyLength("$5\r\nab"), 0u);
  EXPECT_EQ(ReplyLength("hello"), 5u);
}

}  // namespace
}  // namespace resprobe
