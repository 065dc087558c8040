#include "core/query/stopwords.h"

#include <ostream>
#include <string>
#include <vector>

#include "core/query/parser.h"
#include "gtest/gtest.h"
#include "tests/core/query/shape.h"

namespace resprobe::query {
namespace {

TEST(StopwordsTest, TheDefaultsAreThe33OfTheDocumentation) {
  EXPECT_EQ(Stopwords::DefaultWords().size(), 33u);
  for (const std::string_view word : Stopwords::DefaultWords()) {
    EXPECT_TRUE(Stopwords::Default().Contains(word)) << word;
    std::string other(word);
    for (char& c : other) c = static_cast<char>(std::toupper(c));
    EXPECT_TRUE(Stopwords::Default().Contains(other)) << other;
    EXPECT_FALSE(Stopwords::Default().Contains(other + "x")) << other;
    EXPECT_FALSE(Stopwords::None().Contains(word)) << word;
  }
  for (const char* word : {"", "b", "hello", "thee", "th", "wit", "\x01", "i\x53", "therefore"}) {
    EXPECT_EQ(Stopwords::Default().Contains(word), std::string_view(word) == "i\x53") << word;
  }
}

TEST(StopwordsTest, HoldsWordsOfAnyLengthAndNumber) {
  std::vector<std::string> words;
  for (int i = 0; i < 300; ++i) {
    words.push_back("w" + std::to_string(i));
    words.push_back("a_longer_word_" + std::to_string(i));
  }
  words.push_back("[");  // has the same key as `{`
  words.push_back("{");
  const std::vector<std::string_view> views(words.begin(), words.end());
  const Stopwords stopwords(views);
  for (const std::string& word : words) EXPECT_TRUE(stopwords.Contains(word)) << word;
  EXPECT_TRUE(stopwords.Contains("A_Longer_Word_7"));
  EXPECT_FALSE(stopwords.Contains("w300"));
  EXPECT_FALSE(stopwords.Contains("a_longer_word_300"));
  EXPECT_FALSE(stopwords.Contains("a_longer_word_"));
  EXPECT_FALSE(Stopwords(std::vector<std::string_view>{"["}).Contains("{"));
}

struct Case {
  const char* query;
  const char* shape;

  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.query; }
};

class StopwordQueryTest : public testing::TestWithParam<Case> {};
TEST_P(StopwordQueryTest, BothDialects) {
  EXPECT_EQ(Shape1(GetParam().query), GetParam().shape);
  EXPECT_EQ(Shape2(GetParam().query), GetParam().shape);
}

INSTANTIATE_TEST_SUITE_P(
    LeaveNoTrace, StopwordQueryTest,
    testing::Values(Case{"the", "empty"}, Case{"The", "empty"},
                    Case{"(is|the|a|of|in|and)", "empty"}, Case{"the is a", "empty"},
                    Case{"-the", "empty"}, Case{"~A", "empty"}, Case{"-~(the)", "empty"},
                    Case{"@f:the", "empty"}, Case{"@f|g:(the is)", "empty"},
                    Case{"the=>{$weight:2}", "empty"},
                    Case{"(the|is)=>{$weight:2}=>{$slop:1}", "empty"}, Case{"no-as", "empty"},
                    Case{"foo the", "foo"}, Case{"the foo is", "foo"}, Case{"foo|the", "foo"},
                    Case{"the|foo|is", "foo"}, Case{"foo (the|is)", "foo"},
                    Case{"foo the bar", "(and foo bar)"}, Case{"(foo bar) the", "(and foo bar)"},
                    Case{"foo|(the)|bar", "(or foo bar)"}, Case{"@f:(the foo)", "(field @f foo)"},
                    Case{"(the foo)=>{$slop:1}", "(attr foo slop=1)"}));

INSTANTIATE_TEST_SUITE_P(StayWhereTheyAreLookedUpAsTheyAre, StopwordQueryTest,
                         testing::Values(Case{"\"the\"", "\"the\""}, Case{"the*", "the*"},
                                         Case{"*the*", "*the*"}, Case{"%the%", "%1:the"},
                                         Case{"@f:{the|is}", "(tag @f the is)"},
                                         Case{"@the:foo", "(field @the foo)"}));

TEST(StopwordQueryTest, OnlyDialect2HasThemAsNamesAndValues) {
  EXPECT_EQ(Shape2("@f:{the|is a}"), "(tag @f the (and is a))");
  EXPECT_EQ(Shape2("@the|is:foo"), "(field @the is foo)");
  EXPECT_EQ(Shape2("foo=>{$yield_distance_as:the}"), "(attr foo yield_distance_as=the)");
  EXPECT_EQ(Shape1("@f:{foo bar the}"), "(tag @f (and foo bar))");
  EXPECT_EQ(Shape1("@the|is:foo"),
            "error at byte 5: expected the name of a field, found a word `is`");
  EXPECT_EQ(Shape1("foo=>{$slop:the}"),
            "error at byte 12: expected the value of the attribute, found a word `the`");
}

TEST(StopwordQueryTest, AFilterOfNothingIsNoFilter) {
  EXPECT_EQ(Shape2("the=>[KNN 1 @v $q]"), "(knn @v star 1 $q)");
  EXPECT_EQ(Shape2("(the is)=>{$slop:1}=>[KNN 1 @v $q]"), "(knn @v star 1 $q)");
  EXPECT_EQ(Shape2("*=>[KNN 1 @v $q the is AS a]"), "(knn @v star 1 $q the is AS:a)");
}

TEST(StopwordQueryTest, EndAListOfWordsInDialect1) {
  EXPECT_EQ(Shape1("foo bar|baz"), "(or (and foo bar) baz)");
  EXPECT_EQ(Shape1("foo the bar|baz"), "(and foo (or bar baz))");
  EXPECT_EQ(Shape1("foo bar is|baz"), "(and foo bar baz)");
  EXPECT_EQ(Shape2("foo the bar|baz"), "(or (and foo bar) baz)");
}

TEST(StopwordQueryTest, ANumberIsNone) {
  const Stopwords own(std::vector<std::string_view>{"5"});
  for (Options options : {Dialect1(), Dialect2()}) {
    options.stopwords = &own;
    EXPECT_EQ(Shape("5 foo", options), "(and 5 foo)");
  }
}

TEST(StopwordQueryTest, TheListIsAParameter) {
  Options options = Dialect2();
  options.stopwords = &Stopwords::None();
  EXPECT_EQ(Shape("the is", options), "(and the is)");
  const Stopwords own(std::vector<std::string_view>{"foo", "longer_than_eight"});
  options.stopwords = &own;
  EXPECT_EQ(Shape("the FOO Longer_Than_Eight longer_than_nine", options),
            "(and the longer_than_nine)");
}

}  // namespace
}  // namespace resprobe::query
