#include "report/tables.h"

#include <absl/strings/str_format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "runner/text.h"

namespace resprobe::report {
namespace {

bool IsSeed(std::string_view name) { return name.ends_with("seed") || name.ends_with("Seed"); }

bool IsSingle(const Json& value) { return !value.is_object() && !value.is_array(); }

// A table while it is made: rows may have different columns.
struct Draft {
  std::vector<std::string> columns;
  struct Row {
    std::string name;
    std::vector<std::pair<std::string, Json>> cells;
  };
  std::vector<Row> rows;

  void Add(const std::string& name, const Json& object) {
    Row row = {.name = name, .cells = {}};
    for (const auto& [key, value] : object.items()) {
      if (std::ranges::find(columns, key) == columns.end()) columns.push_back(key);
      row.cells.emplace_back(key, value);
    }
    rows.push_back(std::move(row));
  }
};

Table TableOf(const std::string& title, const std::string& first, const Draft& draft) {
  Table table = {.title = title, .columns = {first}, .rows = {}, .numeric = {false}};
  for (const std::string& column : draft.columns) table.columns.push_back(TitleOf(column));
  table.numeric.resize(table.columns.size(), true);
  table.numeric[0] = false;
  for (const Draft::Row& row : draft.rows) {
    std::vector<std::string> cells(table.columns.size());
    cells[0] = row.name;
    for (const auto& [key, value] : row.cells) {
      const auto at = std::ranges::find(draft.columns, key) - draft.columns.begin() + 1;
      cells[static_cast<size_t>(at)] = CellText(key, value);
      if (!value.is_number() && !value.is_null()) table.numeric[static_cast<size_t>(at)] = false;
    }
    table.rows.push_back(std::move(cells));
  }
  return table;
}

// An object with objects in it: a row for what it has itself, and rows for each of those.
void AddRows(const std::string& name, const Json& object, Draft* draft) {
  Json own = Json::object();
  for (const auto& [key, value] : object.items()) {
    if (!value.is_object()) own[key] = value;
  }
  if (!own.empty()) draft->Add(name, own);
  for (const auto& [key, value] : object.items()) {
    if (value.is_object()) AddRows(name.empty() ? key : name + ": " + key, value, draft);
  }
}

void AddTable(const std::string& key, const Json& value, std::vector<Table>* tables) {
  if (value.empty()) return;
  const std::string title = TitleOf(key);
  Draft draft;
  if (value.is_object()) {
    const bool nested = std::ranges::any_of(value, [](const Json& one) { return one.is_object(); });
    if (nested) {
      for (const auto& [name, one] : value.items()) {
        AddRows(name, one.is_object() ? one : Json{{"value", one}}, &draft);
      }
    } else {
      for (const auto& [name, one] : value.items()) draft.Add(name, {{"value", one}});
    }
    tables->push_back(TableOf(title, "", draft));
    return;
  }
  size_t number = 0;
  for (const Json& one : value) {
    ++number;
    if (!one.is_object()) {
      draft.Add(CellText(key, one), Json::object());
      continue;
    }
    // The first text names the row.
    Json rest = Json::object();
    std::string name;
    for (const auto& [field, cell] : one.items()) {
      if (name.empty() && cell.is_string()) {
        name = cell.get<std::string>();
      } else {
        rest[field] = cell;
      }
    }
    draft.Add(name.empty() ? std::to_string(number) : name, rest);
  }
  tables->push_back(TableOf(title, "", draft));
}

}  // namespace

std::string TitleOf(const std::string& key) {
  std::string title = key;
  std::ranges::replace(title, '_', ' ');
  if (!title.empty())
    title[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(title[0])));
  return title;
}

std::string CellText(std::string_view name, const Json& value) {
  if (value.is_null()) return "";
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_unsigned()) {
    const auto number = value.get<uint64_t>();
    return IsSeed(name) ? std::to_string(number) : runner::Grouped(number);
  }
  if (value.is_number_integer()) return std::to_string(value.get<int64_t>());
  if (value.is_number()) {
    const double number = value.get<double>();
    constexpr double kWhole = 1000;
    if (number >= kWhole && number < 1e15) {
      return runner::Grouped(static_cast<uint64_t>(std::llround(number)));
    }
    return absl::StrFormat("%.4g", number);
  }
  std::string text;
  size_t shown = 0;
  constexpr size_t kMost = 12;
  for (const auto& [key, one] : value.items()) {
    if (!IsSingle(one)) return std::to_string(value.size()) + " entries";
    if (++shown > kMost) return text + " … (" + std::to_string(value.size()) + " in all)";
    text += text.empty() ? "" : ", ";
    text += value.is_object() ? key + " " + CellText(key, one) : CellText(name, one);
  }
  return text;
}

std::vector<std::pair<std::string, std::string>> FactsOf(const Report& report) {
  std::vector<std::pair<std::string, std::string>> facts;
  for (const auto& [key, value] : report.own.items()) {
    if (!IsSingle(value)) continue;
    const std::string text = CellText(key, value);
    if (!text.empty()) facts.emplace_back(TitleOf(key), text);
  }
  return facts;
}

std::vector<Table> TablesOf(const Report& report) {
  std::vector<Table> tables;
  for (const auto& [key, value] : report.own.items()) {
    // Findings under the name that the verb has for them.
    if (IsSingle(value) || key == report.noun + "s") continue;
    AddTable(key, value, &tables);
  }
  return tables;
}

}  // namespace resprobe::report
