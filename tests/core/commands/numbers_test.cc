#include "core/table/numbers.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <string>

#include "core/keyspace/random.h"
#include "core/table/profile.h"

namespace resprobe {
namespace {

TEST(NumbersTest, ParsesStrictIntegers) {
  int64_t value = 7;
  for (const char* bad : {"", "-", "+1", "01", "-0", "00", " 1", "1 ", "1.0", "1e3", "0x1", "abc",
                          "9223372036854775808", "-9223372036854775809", "18446744073709551616",
                          "99999999999999999999", "999999999999999999999", "--1", "1-"}) {
    EXPECT_FALSE(ParseInt64(bad, &value)) << bad;
    EXPECT_EQ(value, 7) << "left alone";
  }
  EXPECT_FALSE(ParseInt64(std::string_view("1\0", 2), &value));
  const struct {
    const char* text;
    int64_t value;
  } kGood[] = {{"0", 0},
               {"-1", -1},
               {"10", 10},
               {"9223372036854775807", INT64_MAX},
               {"-9223372036854775808", INT64_MIN}};
  for (const auto& good : kGood) {
    ASSERT_TRUE(ParseInt64(good.text, &value)) << good.text;
    EXPECT_EQ(value, good.value);
    char buffer[kNumberBufferSize];
    EXPECT_EQ(FormatInt64(value, buffer), good.text);
  }
}

TEST(NumbersTest, ParsesDoublesAsStrtod) {
  double value;
  for (const char* bad :
       {"", " 1", "1 ", "nan", "-nan", "abc", "1e400", "1e-400", "1.2.3", "0x", "1,5", "--1"}) {
    EXPECT_FALSE(ParseDouble(bad, &value)) << bad;
  }
  EXPECT_FALSE(ParseDouble(std::string_view("1\0", 2), &value));
  const struct {
    const char* text;
    double value;
  } kGood[] = {{"0x10", 16},
               {"1e3", 1000},
               {".5", .5},
               {"5.", 5},
               {"+1.5", 1.5},
               {"inf", INFINITY},
               {"-Infinity", -INFINITY},
               {"123456789012345", 123456789012345.0},
               {"4.9e-324", 4.9e-324},
               {"007", 7}};
  for (const auto& good : kGood) {
    ASSERT_TRUE(ParseDouble(good.text, &value)) << good.text;
    EXPECT_EQ(value, good.value) << good.text;
  }
  ASSERT_TRUE(ParseDouble("-0", &value));
  EXPECT_TRUE(std::signbit(value));
  EXPECT_TRUE(ParseDouble("0." + std::string(3000, '0') + "1e3001", &value));
  EXPECT_EQ(value, 1);
}

TEST(NumbersTest, FormatsDoublesAsPrintf17g) {
  Random random;
  char buffer[kNumberBufferSize];
  char expected[64];
  for (int i = 0; i < 100000; ++i) {
    double value;
    switch (random.Below(4)) {
      case 0: {  // any bits
        const uint64_t bits = random.Next();
        static_assert(sizeof(bits) == sizeof(value));
        std::memcpy(&value, &bits, sizeof(value));
        break;
      }
      case 1:  // integers near the magnitude where an exponent begins
        value = static_cast<double>(static_cast<int64_t>(random.Next()) >> random.Below(64));
        break;
      case 2:
        value = static_cast<double>(random.Below(1000)) / 10;
        break;
      default:
        value = std::ldexp(1.0, static_cast<int>(random.Below(80)));
    }
    if (std::isnan(value) || std::isinf(value)) continue;
    std::snprintf(expected, sizeof(expected), "%.17g", value);
    ASSERT_EQ(FormatDouble(Profile::kRedis70, value, buffer), expected);
  }
  EXPECT_EQ(FormatDouble(Profile::kRedis70, -0.0, buffer), "-0");
  EXPECT_EQ(FormatDouble(Profile::kRedis70, INFINITY, buffer), "inf");
  EXPECT_EQ(FormatDouble(Profile::kRedis70, -INFINITY, buffer), "-inf");
  EXPECT_EQ(FormatDouble(Profile::kRedis70, std::numeric_limits<double>::lowest(), buffer),
            "-1.7976931348623157e+308");
}

TEST(NumbersTest, FormatsLongDoublesForPeople) {
  std::string buffer(kLongDoubleBufferSize, '\0');
  EXPECT_EQ(FormatLongDoubleHuman(3.0L, buffer), "3");
  EXPECT_EQ(FormatLongDoubleHuman(0.1L, buffer), "0.1");
  EXPECT_EQ(FormatLongDoubleHuman(-0.0L, buffer), "0");
  EXPECT_EQ(FormatLongDoubleHuman(-1e-20L, buffer), "0");
  EXPECT_EQ(FormatLongDoubleHuman(100.50L, buffer), "100.5");
  EXPECT_GT(FormatLongDoubleHuman(std::numeric_limits<long double>::max(), buffer).size(), 4000u);
}

}  // namespace
}  // namespace resprobe
