#include "engine/bytes_text.h"

#include <gtest/gtest.h>

namespace resprobe {
namespace {

TEST(BytesText, IsReadBackAsItWas) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  for (const std::string& bytes : {std::string(), std::string("*1\r\n$4\r\nPING\r\n"), all,
                                   std::string(300, '\xff'), std::string("#no comment\n\"")}) {
    const std::string text = PrintBytes("resp_parser", bytes);
    std::string read = "not empty";
    EXPECT_EQ(ParseBytes("resp_parser", text, &read), "") << text;
    EXPECT_EQ(read, bytes) << text;
  }
}

TEST(BytesText, BreaksLinesWhereTheProtocolDoes) {
  EXPECT_EQ(PrintBytes("h", "*1\r\n+a"), "ops h\nbytes \"*1\\r\\n\"\nbytes \"+a\"\n");
}

TEST(BytesText, TakesCommentsAndSeveralWords) {
  std::string bytes;
  EXPECT_EQ(ParseBytes("h", "# why\nops h  # whose\n\nbytes a \"b c\"\nbytes d\n", &bytes), "");
  EXPECT_EQ(bytes, "ab cd");
}

TEST(BytesText, SaysWhatIsWrongAndWhere) {
  std::string bytes;
  EXPECT_EQ(ParseBytes("h", "", &bytes), "line 1: not an .ops text: begin with 'ops h'");
  EXPECT_EQ(ParseBytes("h", "bytes a\n", &bytes), "line 1: not an .ops text: begin with 'ops h'");
  EXPECT_EQ(ParseBytes("h", "ops g\n", &bytes),
            "line 1: a case of 'g', not of 'h': replay it with its own harness");
  EXPECT_EQ(ParseBytes("h", "ops h\n\ncall a\n", &bytes),
            "line 3: no op is named 'call': 'h' takes raw bytes: write bytes \"…\"");
  EXPECT_EQ(ParseBytes("h", "ops h\nbytes \"a\n", &bytes).substr(0, 8), "line 2: ");
}

}  // namespace
}  // namespace resprobe
