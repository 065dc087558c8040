#include "cli/fuzz/fuzz_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command_line/help.h"

namespace resprobe::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Le;
using ::testing::Not;
using ::testing::SizeIs;

FuzzRow RowOf(const std::string& harness, const std::string& state) {
  FuzzRow row;
  row.harness = harness;
  row.state = state;
  row.progress.executions = 123'456'789;
  row.progress.per_second = 1'234'567;
  row.progress.elapsed = 5;
  if (state == "skipped") row.note = std::string(100, 'n');
  return row;
}

TEST(FuzzTable, FitsEveryWidth) {
  const std::vector<FuzzRow> rows = {RowOf("query_parser", "done"),
                                     RowOf("resp_differential_hiredis_0_14", "running"),
                                     RowOf("io_chaos", "waiting"), RowOf("other", "skipped")};
  for (size_t width = 20; width < 140; ++width) {
    for (const std::string& line : FuzzTableLines(rows, 30, width, 50)) {
      EXPECT_THAT(Columns(line), Le(width)) << line;
    }
  }
  const std::vector<std::string> narrow = FuzzTableLines(rows, 30, 39, 50);
  ASSERT_THAT(narrow, SizeIs(5));
  EXPECT_THAT(narrow[0], HasSubstr("time left"));
  EXPECT_THAT(narrow[0], HasSubstr("findings"));
  EXPECT_THAT(narrow[0], Not(HasSubstr("edges")));
  EXPECT_THAT(narrow[2], HasSubstr("25s"));
  const std::vector<std::string> wide = FuzzTableLines(rows, 30, 120, 50);
  EXPECT_THAT(wide[0], HasSubstr("edges"));
  EXPECT_THAT(wide[2], HasSubstr("resp_differential_hiredis_0_14"));
  EXPECT_THAT(wide[2], HasSubstr("123,456,789"));
}

TEST(FuzzTable, ALowTerminalShowsTheRowsAroundTheOneThatRuns) {
  std::vector<FuzzRow> rows;
  for (int i = 0; i < 20; ++i) {
    rows.push_back(RowOf("h" + std::to_string(i), i < 12    ? "done"
                                                  : i == 12 ? "running"
                                                            : "waiting"));
  }
  const std::vector<std::string> lines = FuzzTableLines(rows, 30, 100, 6);
  ASSERT_THAT(lines, SizeIs(6));
  std::string all;
  for (const std::string& line : lines) all += line + "\n";
  EXPECT_THAT(all, HasSubstr("h12 "));
  for (FuzzRow& row : rows) row.state = "done";
  EXPECT_THAT(FuzzTableLines(rows, 30, 100, 6).back(), HasSubstr("h19 "));
}

}  // namespace
}  // namespace resprobe::cli
