// Dialect 2 against what Redis Search documents, tests and has as its grammar: reference_rows.h.
#include <ostream>
#include <string>

#include "gtest/gtest.h"
#include "tests/core/query/reference_rows.h"
#include "tests/core/query/shape.h"

namespace resprobe::query {

void PrintTo(const ReferenceRow& row, std::ostream* out) { *out << row.query; }

namespace {

// MINPREFIX is the index's affair.
Options AllAffixes() {
  Options options = Dialect2();
  options.limits.min_affix = 0;
  return options;
}

class ReferenceTest : public testing::TestWithParam<ReferenceRow> {};

TEST_P(ReferenceTest, HasTheTreeOfRedisSearch) {
  const ReferenceRow& row = GetParam();
  std::string shape = Shape(row.query, AllAffixes());
  if (shape.starts_with("error ")) shape = "error";
  EXPECT_EQ(shape, row.shape) << row.query << "\n  source: " << row.source;
}

// What is printed must be read in the same way.
TEST_P(ReferenceTest, SurvivesPrinting) {
  const ReferenceRow& row = GetParam();
  if (std::string_view(row.shape) == "error") return;
  const std::string printed = Printed(row.query, AllAffixes());
  EXPECT_EQ(Shape(printed, AllAffixes()), row.shape) << row.query << "\n  printed: " << printed;
}

INSTANTIATE_TEST_SUITE_P(Rows, ReferenceTest, testing::ValuesIn(kReferenceRows));

}  // namespace
}  // namespace resprobe::query
