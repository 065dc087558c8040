#include "history/picture.h"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <vector>

#include "engine/quote.h"

namespace resprobe::history {
namespace {

struct Row {
  size_t operation = 0;  // index in the history
  size_t from = 0;       // columns; 0 as well if it begins before the first column
  size_t to = 0;
  bool begins_here = false;
  bool open = false;  // it was not answered in the prefix
  bool misfit = false;
};

struct Layout {
  size_t width = 0;    // columns
  size_t earlier = 0;  // operations that are not shown
  std::vector<Row> rows;
};

Layout LayOut(const History& history, const LinearizerResult& result, size_t columns) {
  struct Moment {
    uint64_t at;
    bool end;
    size_t row;
  };
  Layout layout;
  std::vector<Moment> moments;
  const uint64_t last = history.operations[result.misfit].end_us;
  for (size_t row = 0; row < result.failing.size(); ++row) {
    const Operation& operation = history.operations[result.failing[row]];
    moments.push_back({operation.begin_us, false, row});
    if (operation.answered() && operation.end_us <= last) {
      moments.push_back({operation.end_us, true, row});
    }
  }
  std::sort(moments.begin(), moments.end(), [](const Moment& a, const Moment& b) {
    return std::tuple(a.at, a.end, a.row) < std::tuple(b.at, b.end, b.row);
  });
  const size_t first = moments.size() > columns ? moments.size() - columns : 0;
  layout.width = moments.size() - first;
  std::vector<Row> rows(result.failing.size());
  std::vector<bool> shown(rows.size(), false);
  for (size_t row = 0; row < rows.size(); ++row) {
    rows[row] = {.operation = result.failing[row],
                 .to = layout.width,
                 .open = true,
                 .misfit = result.failing[row] == result.misfit};
  }
  for (size_t i = 0; i < moments.size(); ++i) {
    Row& row = rows[moments[i].row];
    if (i >= first) shown[moments[i].row] = true;
    if (moments[i].end) {
      row.open = false;
      row.to = i < first ? 0 : i - first;
    } else if (i >= first) {
      row.from = i - first;
      row.begins_here = true;
    }
  }
  for (size_t row = 0; row < rows.size(); ++row) {
    if (shown[row] || rows[row].open) {
      layout.rows.push_back(rows[row]);
    } else {
      ++layout.earlier;
    }
  }
  return layout;
}

std::string LabelOf(const Operation& operation, bool open) {
  std::string text = "client " + std::to_string(operation.client) + ": " + RequestsText(operation);
  if (open) return text;
  text += " -> ";
  AppendQuoted(&text, operation.replies);
  return text;
}

std::string Escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '<') {
      escaped += "&lt;";
    } else if (c == '&') {
      escaped += "&amp;";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

}  // namespace

std::string Picture(const History& history, const LinearizerResult& result, size_t columns) {
  if (result.failing.empty()) return "";
  const Layout layout = LayOut(history, result, columns);
  std::string text;
  if (layout.earlier > 0) text += "  (" + std::to_string(layout.earlier) + " earlier operations)\n";
  for (const Row& row : layout.rows) {
    std::string line(layout.width, ' ');
    for (size_t at = row.from; at < row.to; ++at) line[at] = row.open ? '-' : '=';
    if (row.begins_here) line[row.from] = '[';
    if (!row.open) line[row.to] = ']';
    text += (row.misfit ? "! " : "  ") + line + "  " +
            LabelOf(history.operations[row.operation], row.open) + "\n";
  }
  return text;
}

std::string PictureSvg(const History& history, const LinearizerResult& result, size_t columns) {
  if (result.failing.empty()) return "";
  const Layout layout = LayOut(history, result, columns);
  constexpr size_t kColumn = 12;
  constexpr size_t kRow = 22;
  constexpr size_t kMargin = 12;
  constexpr size_t kCharacter = 7;
  size_t longest = 0;
  for (const Row& row : layout.rows) {
    longest = std::max(longest, LabelOf(history.operations[row.operation], row.open).size());
  }
  const size_t left = 2 * kMargin + layout.width * kColumn;
  const size_t width = left + longest * kCharacter + kMargin;
  const size_t height = 2 * kMargin + (layout.rows.size() + 1) * kRow;
  const auto number = [](size_t value) { return std::to_string(value); };
  std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + number(width) +
                    "\" height=\"" + number(height) + "\" viewBox=\"0 0 " + number(width) + " " +
                    number(height) +
                    "\">\n<style>text{font:12px monospace;fill:#222}.o{fill:#7a9cc6}"
                    ".u{fill:none;stroke:#7a9cc6;stroke-dasharray:4 3}.m{fill:#d1495b}"
                    "@media(prefers-color-scheme:dark){text{fill:#ddd}}</style>\n";
  const std::string title =
      "no order of these operations gives the reply in red" +
      (layout.earlier == 0 ? std::string()
                           : "; " + number(layout.earlier) + " earlier operations are not shown");
  svg += "<text x=\"" + number(kMargin) + "\" y=\"" + number(kMargin + 12) + "\">" + title +
         "</text>\n";
  for (size_t i = 0; i < layout.rows.size(); ++i) {
    const Row& row = layout.rows[i];
    const size_t top = kMargin + (i + 1) * kRow;
    const size_t from = kMargin + row.from * kColumn;
    const size_t to = kMargin + (row.open ? layout.width : row.to + 1) * kColumn;
    svg += "<rect class=\"" +
           std::string(row.misfit ? "m"
                       : row.open ? "u"
                                  : "o") +
           "\" x=\"" + number(from) + "\" y=\"" + number(top) + "\" width=\"" + number(to - from) +
           "\" height=\"14\" rx=\"3\"/>\n<text x=\"" + number(left) + "\" y=\"" + number(top + 12) +
           "\">" + Escaped(LabelOf(history.operations[row.operation], row.open)) + "</text>\n";
  }
  return svg + "</svg>\n";
}

}  // namespace resprobe::history
