#include "core/resp/number.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>

#include "engine/rng.h"

namespace resprobe::resp {
namespace {

TEST(StrictInteger, AcceptsWhatTheServerWrites) {
  int64_t value = 7;
  EXPECT_TRUE(ParseStrictInteger("0", &value));
  EXPECT_EQ(value, 0);
  EXPECT_TRUE(ParseStrictInteger("-1", &value));
  EXPECT_EQ(value, -1);
  EXPECT_TRUE(ParseStrictInteger("9223372036854775807", &value));
  EXPECT_EQ(value, std::numeric_limits<int64_t>::max());
  EXPECT_TRUE(ParseStrictInteger("-9223372036854775808", &value));
  EXPECT_EQ(value, std::numeric_limits<int64_t>::min());
}

TEST(StrictInteger, RefusesTheRest) {
  for (const char* text :
       {"", "-", "+1", "01", "-0", "-01", " 1", "1 ", "1a", "9223372036854775808",
        "-9223372036854775809", "18446744073709551616", "99999999999999999999999"}) {
    int64_t value = 7;
    EXPECT_FALSE(ParseStrictInteger(text, &value)) << text;
    EXPECT_EQ(value, 7) << text;
  }
}

TEST(Integer, TakesSignsAndZeros) {
  int64_t value = 0;
  for (const auto& [text, expected] : std::initializer_list<std::pair<const char*, int64_t>>{
           {"+5", 5}, {"-0", 0}, {"007", 7}, {"-9223372036854775808", INT64_MIN}}) {
    EXPECT_TRUE(ParseInteger(text, &value).ok) << text;
    EXPECT_EQ(value, expected) << text;
  }
}

TEST(Integer, SaysWhichByteIsWrong) {
  int64_t value = 0;
  EXPECT_EQ(ParseInteger("", &value).bad, 0u);
  EXPECT_EQ(ParseInteger("-", &value).bad, 1u);
  EXPECT_EQ(ParseInteger("12x", &value).bad, 2u);
  EXPECT_EQ(ParseInteger("+-1", &value).bad, 1u);
  EXPECT_TRUE(ParseInteger("9223372036854775808", &value).out_of_range);
}

TEST(Double, Forms) {
  struct Case {
    const char* text;
    double value;
  };
  for (const Case& c : {Case{"0", 0},
                        {"-0", -0.0},
                        {"1.5", 1.5},
                        {"5.", 5},
                        {"+2", 2},
                        {"1e3", 1000},
                        {"1E+3", 1000},
                        {"25e-2", 0.25},
                        {"007.50", 7.5},
                        {"1e-999", 0},
                        {"inf", INFINITY},
                        {"-inf", -INFINITY}}) {
    double value = 42;
    EXPECT_TRUE(ParseDouble(c.text, &value).ok) << c.text;
    EXPECT_EQ(value, c.value) << c.text;
    EXPECT_EQ(std::signbit(value), std::signbit(c.value)) << c.text;
  }
  double value = 0;
  for (const char* text : {"nan", "-nan"}) {
    EXPECT_TRUE(ParseDouble(text, &value).ok) << text;
    EXPECT_TRUE(std::isnan(value)) << text;
  }
}

TEST(Double, SaysWhichByteIsWrong) {
  struct Case {
    const char* text;
    size_t bad;
  };
  for (const Case& c : {Case{"", 0},
                        {"-", 1},
                        {".5", 0},
                        {"1.5.", 3},
                        {"1e", 1},
                        {"1e+", 1},
                        {"1ex", 2},
                        {"0x10", 1},
                        {" 1", 0},
                        {"1 ", 1},
                        {"INF", 0},
                        {"+inf", 1},
                        {"infinity", 0},
                        {"nanx", 0}}) {
    double value = 42;
    const NumberResult result = ParseDouble(c.text, &value);
    EXPECT_FALSE(result.ok) << c.text;
    EXPECT_EQ(result.bad, c.bad) << c.text;
    EXPECT_EQ(value, 42) << c.text;
  }
  double value = 42;
  EXPECT_TRUE(ParseDouble("1e309", &value).out_of_range);
  EXPECT_TRUE(ParseDouble("1" + std::string(400, '0'), &value).out_of_range);
  EXPECT_TRUE(ParseDouble("1e99999999999999999999999", &value).out_of_range);
}

// The fast path for small numbers and the C library agree to the last bit.
TEST(Double, RoundsAsTheCLibraryDoes) {
  Rng rng(1);
  for (int i = 0; i < 20000; ++i) {
    std::string text = rng.OneIn(2) ? "-" : "";
    const uint64_t digits = 1 + rng.Below(20);
    const uint64_t point = rng.Below(25);
    for (uint64_t j = 0; j < digits; ++j) {
      if (j == point && j > 0) text += '.';
      text += static_cast<char>('0' + rng.Below(10));
    }
    if (rng.OneIn(2)) text += "e" + std::to_string(rng.Between(-40, 40));
    double value = 0;
    ASSERT_TRUE(ParseDouble(text, &value).ok) << text;
    ASSERT_EQ(value, std::strtod(text.c_str(), nullptr)) << text;
  }
}

TEST(Double, FormatsAsTheServerDoes) {
  char buffer[kDoubleTextSize];
  EXPECT_EQ(FormatDouble(3, buffer), "3");
  EXPECT_EQ(FormatDouble(0.1, buffer), "0.10000000000000001");
  EXPECT_EQ(FormatDouble(1e20, buffer), "1e+20");
  EXPECT_EQ(FormatDouble(-std::numeric_limits<double>::max(), buffer), "-1.7976931348623157e+308");
  EXPECT_EQ(FormatDouble(INFINITY, buffer), "inf");
  EXPECT_EQ(FormatDouble(-INFINITY, buffer), "-inf");
  EXPECT_EQ(FormatDouble(NAN, buffer), "nan");
}

}  // namespace
}  // namespace resprobe::resp
