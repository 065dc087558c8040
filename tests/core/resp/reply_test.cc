#include "core/resp/reply.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/resp/reply_parser.h"

namespace resprobe::resp {
namespace {

Reply ParseOne(std::string_view input) {
  ReplyParser parser;
  EXPECT_EQ(parser.Parse(input).status, ReplyParser::Status::kValue) << input;
  Reply reply;
  parser.Take(&reply);
  return reply;
}

bool SameValue(std::string_view a, std::string_view b) {
  const Reply x = ParseOne(a);
  const Reply y = ParseOne(b);
  const bool equal = Equal(x.root(), y.root());
  EXPECT_EQ(equal, Equal(y.root(), x.root())) << a << b;
  return equal;
}

TEST(ReplyView, AccessorsThatDoNotApplyAnswerNothing) {
  const Reply reply = ParseOne("$1\r\n7\r\n");
  const ReplyView v = reply.root();
  EXPECT_EQ(v.type(), Type::kBulkString);
  EXPECT_EQ(v.integer(), 0);
  EXPECT_FALSE(v.boolean());
  EXPECT_EQ(v.real(), 0);
  EXPECT_EQ(v.size(), 0u);
  EXPECT_EQ(v.begin(), v.end());
  EXPECT_EQ(v.verbatim_format(), "");
  EXPECT_EQ(v.null_kind(), NullKind::kNotNull);
  EXPECT_FALSE(v.is_error());
  const Reply flag = ParseOne("#t\r\n");
  EXPECT_EQ(flag.root().integer(), 0);
  EXPECT_TRUE(flag.root().boolean());
  EXPECT_EQ(flag.root().text(), "");
}

TEST(ReplyView, ErrorsAreErrors) {
  EXPECT_TRUE(ParseOne("-ERR\r\n").root().is_error());
  EXPECT_TRUE(ParseOne("!3\r\nERR\r\n").root().is_error());
  EXPECT_FALSE(ParseOne("+ERR\r\n").root().is_error());
}

TEST(ReplyView, VerbatimStringsComeApart) {
  const Reply reply = ParseOne("=8\r\nmkd:\r\nab\r\n");
  EXPECT_EQ(reply.root().verbatim_format(), "mkd");
  EXPECT_EQ(reply.root().text(), "\r\nab");
}

TEST(ReplyView, ChildrenAreVisitedByStepAndByIndex) {
  const Reply reply = ParseOne("*4\r\n*2\r\n:1\r\n*1\r\n:2\r\n%1\r\n+k\r\n*0\r\n:3\r\n*0\r\n");
  const ReplyView root = reply.root();
  ASSERT_EQ(root.size(), 4u);
  std::vector<std::string> seen;
  for (const ReplyView child : root) seen.push_back(ToText(child));
  const std::vector<std::string> expected = {"[(integer) 1, [(integer) 2]]", "{k: []}",
                                             "(integer) 3", "[]"};
  EXPECT_EQ(seen, expected);
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(ToText(root[i]), expected[i]);
  EXPECT_EQ(root[1].size(), 2u);
  EXPECT_EQ(root[3].begin(), root[3].end());
}

TEST(ReplyView, AttributesAnnotateAndAreNoElements) {
  const Reply reply = ParseOne(
      "|1\r\n+a\r\n|1\r\n+deep\r\n+er\r\n:1\r\n|1\r\n+b\r\n:2\r\n*2\r\n|1\r\n+c\r\n*1\r\n:3\r\n"
      ":4\r\n:5\r\n");
  const ReplyView root = reply.root();
  EXPECT_EQ(root.type(), Type::kArray);
  ASSERT_EQ(root.size(), 2u);
  ASSERT_EQ(root.attribute_count(), 2u);
  const ReplyView first = root.attribute(0);
  EXPECT_EQ(first.type(), Type::kAttribute);
  EXPECT_EQ(first.size(), 2u);
  EXPECT_EQ(first[0].text(), "a");
  EXPECT_EQ(first[1].integer(), 1);
  ASSERT_EQ(first[1].attribute_count(), 1u);
  EXPECT_EQ(first[1].attribute(0)[1].text(), "er");
  EXPECT_EQ(root.attribute(1)[1].integer(), 2);
  EXPECT_EQ(root[0].integer(), 4);
  ASSERT_EQ(root[0].attribute_count(), 1u);
  EXPECT_EQ(root[0].attribute(0)[1][0].integer(), 3);
  EXPECT_EQ(root[1].integer(), 5);
  EXPECT_EQ(root[1].attribute_count(), 0u);
}

TEST(ReplyView, StreamedIsSeenAndDoesNotMatter) {
  const Reply text = ParseOne("$?\r\n;2\r\nab\r\n;1\r\nc\r\n;0\r\n");
  EXPECT_TRUE(text.root().streamed());
  EXPECT_EQ(text.root().text(), "abc");
  const Reply list = ParseOne("*?\r\n:1\r\n.\r\n");
  EXPECT_TRUE(list.root().streamed());
  EXPECT_EQ(list.root().size(), 1u);
  EXPECT_FALSE(ParseOne("*1\r\n:1\r\n").root().streamed());
  EXPECT_TRUE(SameValue("$?\r\n;2\r\nab\r\n;1\r\nc\r\n;0\r\n", "$3\r\nabc\r\n"));
  EXPECT_TRUE(SameValue("%?\r\n+a\r\n:1\r\n.\r\n", "%1\r\n+a\r\n:1\r\n"));
}

TEST(Equal, ComparesValuesNotSpelling) {
  EXPECT_TRUE(SameValue(":+5\r\n", ":005\r\n"));
  EXPECT_TRUE(SameValue(",1.50\r\n", ",15e-1\r\n"));
  EXPECT_TRUE(SameValue(",nan\r\n", ",-nan\r\n"));
  EXPECT_FALSE(SameValue(",0\r\n", ",-0\r\n"));
  EXPECT_FALSE(SameValue(":1\r\n", ",1\r\n"));
  EXPECT_FALSE(SameValue(":1\r\n", "#t\r\n"));
  EXPECT_FALSE(SameValue("(1\r\n", "(01\r\n"));
}

TEST(Equal, SeesEveryDifference) {
  EXPECT_FALSE(SameValue("_\r\n", "$-1\r\n"));
  EXPECT_FALSE(SameValue("*-1\r\n", "$-1\r\n"));
  EXPECT_FALSE(SameValue("+a\r\n", "$1\r\na\r\n"));
  EXPECT_FALSE(SameValue("$1\r\na\r\n", "$1\r\nb\r\n"));
  EXPECT_FALSE(SameValue("$1\r\na\r\n", "$2\r\naa\r\n"));
  EXPECT_FALSE(SameValue("=5\r\ntxt:a\r\n", "=5\r\nmkd:a\r\n"));
  EXPECT_FALSE(SameValue("*2\r\n*1\r\n:1\r\n:2\r\n", "*1\r\n*2\r\n:1\r\n:2\r\n"));
  EXPECT_FALSE(SameValue("*2\r\n:1\r\n:2\r\n", "~2\r\n:1\r\n:2\r\n"));
  EXPECT_FALSE(SameValue("%1\r\n:1\r\n:2\r\n", "*2\r\n:1\r\n:2\r\n"));
  EXPECT_FALSE(SameValue("*2\r\n:1\r\n:2\r\n", "*2\r\n:2\r\n:1\r\n"));
  EXPECT_FALSE(SameValue("|1\r\n:1\r\n:2\r\n:3\r\n", ":3\r\n"));
  EXPECT_FALSE(SameValue("#t\r\n", "#f\r\n"));
}

TEST(Equal, ComparesPartsOfReplies) {
  const Reply a = ParseOne("*2\r\n+pad\r\n*2\r\n$1\r\nx\r\n:1\r\n");
  const Reply b = ParseOne("*2\r\n$1\r\nx\r\n:1\r\n");
  EXPECT_TRUE(Equal(a.root()[1], b.root()));
  EXPECT_TRUE(Equal(a.root()[1][0], b.root()[0]));
  EXPECT_FALSE(Equal(a.root()[0], b.root()[0]));
  EXPECT_TRUE(Equal(ReplyView(), ReplyView()));
  EXPECT_FALSE(Equal(ReplyView(), b.root()));
}

TEST(Reply, MovesWithoutLosingTheValue) {
  Reply a = ParseOne("*1\r\n$20\r\n01234567890123456789\r\n");
  Reply b = std::move(a);
  EXPECT_EQ(b.root()[0].text(), "01234567890123456789");
  a = std::move(b);
  EXPECT_EQ(a.root()[0].text(), "01234567890123456789");
  a.Clear();
  EXPECT_TRUE(a.empty());
  EXPECT_EQ(a.memory_used(), 0u);
  EXPECT_GT(a.memory_allocated(), 0u);
}

TEST(ToText, EscapesWhatDoesNotPrint) {
  EXPECT_EQ(ToText(ParseOne("$9\r\na\"\\\n\r\t\a\b\xff\r\n").root()),
            "\"a\\\"\\\\\\n\\r\\t\\a\\b\\xff\"");
  EXPECT_EQ(ToText(ReplyView()), "");
}

TEST(TypeName, NamesAllTypes) {
  for (const char type : std::string_view("+-:$*_#,(!=%~|>")) {
    EXPECT_NE(TypeName(static_cast<Type>(type)), "unknown type") << type;
  }
  EXPECT_EQ(TypeName(static_cast<Type>('x')), "unknown type");
}

}  // namespace
}  // namespace resprobe::resp
