// Copies of sources with faults: what is replaced, what stays, and what is refused.

#include "mutants/rewrite.h"

#include <gmock/gmock.h>

#include <algorithm>

namespace resprobe::mutants {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> errors;

Mutant Make(const std::string& name, const std::string& in, const std::string& from,
            const std::string& to) {
  return {.name = name,
          .file = "f.cc",
          .harnesses = {"h"},
          .breaks = "b",
          .in = in,
          .from = from,
          .to = to,
          .list = "list.txt",
          .line = 1,
          .in_line = 5,
          .from_line = 6};
}

std::string Copy(std::string_view source, const std::vector<Mutant>& mutants) {
  std::vector<ListError> found;
  const std::string copy = Rewrite(source, "f.cc", mutants, &found);
  errors.clear();
  for (const ListError& error : found) errors.push_back(error.text);
  return copy;
}

// What is refused of `from` in this source, of which it is a part.
std::string Refused(const std::string& source, const std::string& from) {
  Copy(source, {Make("a", source, from, "changed")});
  return errors.empty() ? "" : errors[0];
}

TEST(Rewrite, AnExpressionIsAChoice) {
  const std::string copy = Copy("int F() {\n  if (a && b < c) return 1;\n}\n",
                                {Make("m", "a && b < c", "b < c", "b <= c")});
  EXPECT_THAT(errors, ElementsAre());
  EXPECT_THAT(copy,
              HasSubstr("#line 1 \"f.cc\"\nint F() {\n  if (a && ::resprobe::mutants::Mutated("));
  EXPECT_THAT(copy, HasSubstr("[&]() -> decltype(auto) { return (b < c); }, [&]() -> "
                              "decltype(auto) { return (b <= c); })) return 1;\n}\n"));
}

TEST(Rewrite, AStatementIsABranch) {
  const std::string copy =
      Copy("  x = 1;  y = 2;\n", {Make("m", "x = 1;  y = 2;", "y = 2;", "y = 3;")});
  EXPECT_THAT(errors, ElementsAre());
  EXPECT_THAT(copy, HasSubstr("x = 1;  { if (::resprobe::mutants::IsOn("));
  EXPECT_THAT(copy, HasSubstr(")) { y = 3; } else { y = 2; } }\n"));
}

TEST(Rewrite, LinesKeepTheirNumbers) {
  const std::string source = "a(\n    b,\n    c);\nd();\n";
  const std::string copy =
      Copy(source, {Make("m", "a(\nb,\nc);", "a(\nb,\nc);", "a(\nc);"), Make("n", "b,", "b", "e")});
  EXPECT_THAT(errors, ElementsAre());
  const std::string head = "#include \"mutants/mutant_switch.h\"\n#line 1 \"f.cc\"\n";
  ASSERT_TRUE(copy.starts_with(head));
  EXPECT_EQ(std::ranges::count(copy.substr(head.size()), '\n'), 4);
  EXPECT_TRUE(copy.ends_with("\nd();\n"));
}

TEST(Rewrite, OneFaultMayBeInsideAnother) {
  const std::string copy =
      Copy("if (a || b == c) F();\n",
           {Make("outer", "a || b == c", "a || b == c", "a"),
            Make("inner", "b == c", "b == c", "b"), Make("same", "b == c", "b == c", "c")});
  EXPECT_THAT(errors, ElementsAre());
  EXPECT_EQ(std::ranges::count(copy, '{') - std::ranges::count(copy, '}'), 0);
  EXPECT_THAT(copy,
              HasSubstr("[&]() -> decltype(auto) { return (a || ::resprobe::mutants::Mutated("));
  EXPECT_THAT(copy, HasSubstr("); }, [&]() -> decltype(auto) { return (a); })) F();\n"));
  Copy("if (a && b && c) F();\n",
       {Make("left", "a && b && c", "a && b", "a"), Make("right", "b && c) F", "b && c", "c")});
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_THAT(errors[0], HasSubstr("torn apart"));
}

TEST(Rewrite, TheTextMustBeThereOnce) {
  Copy("a(); a();\n", {Make("m", "a();", "a();", "")});
  EXPECT_THAT(errors, ElementsAre("list.txt:5: m: `in` is there more than once in f.cc"));
  Copy("b();\n", {Make("m", "a();", "a();", "")});
  EXPECT_THAT(errors, ElementsAre("list.txt:5: m: `in` is not there in f.cc"));
  Copy("f(a, a);\n", {Make("m", "f(a, a);", "a", "b")});
  EXPECT_THAT(errors, ElementsAre("list.txt:6: m: `from` is there more than once in `in`"));
  Copy("f(a);\n", {Make("m", "f(a);", "a", "a")});
  EXPECT_THAT(errors, ElementsAre("list.txt:6: m: `from` and `to` are equal"));
}

// A fault that is off must change nothing, so operators beside it must not bind tighter.
TEST(Rewrite, AnExpressionMustBeWhole) {
  EXPECT_THAT(Refused("x = a * b + c;", "b + c"), HasSubstr("torn apart by the '*' before"));
  EXPECT_THAT(Refused("x = a - b + c;", "b + c"), HasSubstr("torn apart by the '-' before"));
  EXPECT_THAT(Refused("x = a + b * c;", "a + b"), HasSubstr("torn apart by the '*' after"));
  EXPECT_THAT(Refused("if (!a == b) F();", "a == b"), HasSubstr("torn apart by the '!' before"));
  EXPECT_THAT(Refused("x = p->q + 1;", "q + 1"), HasSubstr("in the middle of an expression"));
  EXPECT_THAT(Refused("x = std::max(a, b);", "max(a, b)"), HasSubstr("in the middle"));
  EXPECT_THAT(Refused("x = Name(a);", "Name"), HasSubstr("in the middle of an expression"));
  EXPECT_THAT(Refused("x = names + 1;", "ames + 1"), HasSubstr("begins inside a word"));
  EXPECT_THAT(Refused("x = 1 + names;", "1 + name"), HasSubstr("ends inside a word"));
  EXPECT_THAT(Refused("x = f(a, b);", "a, b"), HasSubstr("has a ',' outside"));
  EXPECT_THAT(Refused("x = f(a);", "f(a"), HasSubstr("brackets that are not closed"));
  EXPECT_THAT(Refused("x = a;", "x = a"), HasSubstr("has a side effect"));
  EXPECT_THAT(Refused("F(i++);", "i++"), HasSubstr("has a side effect"));
  EXPECT_THAT(Refused("count = 1;", "count"), HasSubstr("is changed by the '=' after"));
}

TEST(Rewrite, WholeExpressionsAreAccepted) {
  EXPECT_EQ(Refused("x = a * b + c;", "a * b"), "");
  EXPECT_EQ(Refused("x = a - b + c;", "a - b"), "");
  EXPECT_EQ(Refused("if (!a == b) F();", "!a == b"), "");
  EXPECT_EQ(Refused("if (a && !b.c(d)) F();", "!b.c(d)"), "");
  EXPECT_EQ(Refused("if (a && (b || c)) F();", "(b || c)"), "");
  EXPECT_EQ(Refused("return a ? b : c;", "a ? b : c"), "");
  EXPECT_EQ(Refused("x = std::max<size_t>(a, b) + 1;", "std::max<size_t>(a, b)"), "");
  EXPECT_EQ(Refused("x = y + static_cast<int>(a);", "static_cast<int>(a)"), "");
  EXPECT_EQ(Refused("F(-1, 'a');", "-1"), "");
  EXPECT_EQ(Refused("F(-1, 'a');", "'a'"), "");
  EXPECT_EQ(Refused("F(\"a = b\", 1);", "\"a = b\""), "");
}

}  // namespace
}  // namespace resprobe::mutants
