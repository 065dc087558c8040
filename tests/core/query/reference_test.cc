// Dialect 2 against what Redis Search documents, tests and has as its grammar: reference_rows.h.
#include <string>
#include <string_view>

#include "gtest/gtest.h"
#include "tests/core/query/reference_rows.h"
#include "tests/core/query/shape.h"

namespace resprobe::query {
namespace {

// MINPREFIX is the index's affair.
Options AllAffixes() {
  Options options = Dialect2();
  options.limits.min_affix = 0;
  return options;
}

// Of all rows, in one process: 424 rows as parameters would be 848 processes.
TEST(ReferenceTest, HasTheTreeOfRedisSearch) {
  for (const ReferenceRow& row : kReferenceRows) {
    std::string shape = Shape(row.query, AllAffixes());
    if (shape.starts_with("error ")) shape = "error";
    EXPECT_EQ(shape, row.shape) << row.query << "\n  source: " << row.source;
  }
}

// What is printed must be read in the same way.
TEST(ReferenceTest, SurvivesPrinting) {
  for (const ReferenceRow& row : kReferenceRows) {
    if (std::string_view(row.shape) == "error") continue;
    const std::string printed = Printed(row.query, AllAffixes());
    EXPECT_EQ(Shape(printed, AllAffixes()), row.shape) << row.query << "\n  printed: " << printed;
  }
}

}  // namespace
}  // namespace resprobe::query
