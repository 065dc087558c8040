#ifndef RESPROBE_REPORT_TABLES_H_
#define RESPROBE_REPORT_TABLES_H_

#include <string>
#include <utility>
#include <vector>

#include "report/report.h"

namespace resprobe::report {

struct Table {
  std::string title;
  std::vector<std::string> columns;  // the first one names the rows
  // Cells as text, in the order of the columns.
  std::vector<std::vector<std::string>> rows;
  // By column: all its cells are numbers.
  std::vector<bool> numeric;
};

// The single values among the verb's own fields: name and text.
std::vector<std::pair<std::string, std::string>> FactsOf(const Report& report);
// All others, as tables: an object of objects has a row for each, what is nested deeper has rows
// named by its path, and so has a list of objects. What is empty has no table.
std::vector<Table> TablesOf(const Report& report);

// The value of the field `name`: 1234567 -> "1,234,567", 0.12345 -> "0.1235"; texts as they are; ""
// for null. Lists and objects of such are joined. A seed has no commas: it is to be pasted into a
// command.
std::string CellText(std::string_view name, const Json& value);
// "swept_calls" -> "Swept calls".
std::string TitleOf(const std::string& key);

}  // namespace resprobe::report

#endif  // RESPROBE_REPORT_TABLES_H_
