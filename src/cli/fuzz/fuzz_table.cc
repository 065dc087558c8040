#include "cli/fuzz/fuzz_table.h"

#include <absl/strings/str_format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <string_view>

#include "cli/command_line/help.h"
#include "runner/process.h"
#include "runner/text.h"

namespace resprobe::cli {
namespace {

constexpr double kSecondsPerLine = 10;
// An engine reports a hundred times a second, which is too much for a slow connection.
constexpr double kSecondsPerDrawing = 0.1;
// For a file or a pipe: every column, whatever the names.
constexpr size_t kWide = 200;
constexpr size_t kNameColumns = 30;

struct Column {
  const char* title;
  int width;  // with the blank before it
  int rank;   // the columns of the highest rank are left out first
  std::function<std::string(const FuzzRow& row, double seconds)> text;
};

std::string TimeLeft(const FuzzRow& row, double seconds) {
  if (row.state != "running") return row.state;
  return std::to_string(std::lround(std::max(0.0, seconds - row.progress.elapsed))) + "s";
}

const std::vector<Column>& AllColumns() {
  static const auto& columns = *new std::vector<Column>{
      {"executions", 13, 2,
       [](const FuzzRow& row, double) { return runner::Grouped(row.progress.executions); }},
      {"per second", 13, 3,
       [](const FuzzRow& row, double) {
         return runner::Grouped(static_cast<uint64_t>(row.progress.per_second));
       }},
      {"edges", 9, 5,
       [](const FuzzRow& row, double) { return runner::Grouped(row.progress.edges); }},
      {"corpus", 9, 4,
       [](const FuzzRow& row, double) { return runner::Grouped(row.progress.corpus); }},
      {"findings", 10, 1,
       [](const FuzzRow& row, double) { return std::to_string(row.findings.size()); }},
      {"time left", 12, 0, TimeLeft}};
  return columns;
}

bool Ran(const FuzzRow& row) {
  return row.state != "skipped" && row.state != "waiting" && row.state != "stopped";
}

// The columns of a table that is `width` wide.
struct Layout {
  size_t name = kNameColumns;
  std::vector<const Column*> columns;

  Layout(const std::vector<FuzzRow>& rows, size_t width) {
    for (const Column& column : AllColumns()) columns.push_back(&column);
    size_t longest = 8;
    for (const FuzzRow& row : rows) longest = std::max(longest, Columns(row.harness));
    const auto taken = [&] {
      size_t sum = 0;
      for (const Column* column : columns) sum += static_cast<size_t>(column->width);
      return sum;
    };
    if (taken() + name > width) name = longest;
    while (columns.size() > 2 && taken() + name > width) {
      columns.erase(
          std::max_element(columns.begin(), columns.end(),
                           [](const Column* a, const Column* b) { return a->rank < b->rank; }));
    }
    name = std::max<size_t>(std::min(name, width - std::min(width, taken())), 8);
  }

  std::string Header() const {
    std::string line = absl::StrFormat("%-*s", static_cast<int>(name), "harness");
    for (const Column* column : columns) {
      absl::StrAppendFormat(&line, " %*s", column->width - 1, column->title);
    }
    return line;
  }

  std::string Line(const FuzzRow& row, double seconds) const {
    std::string line = absl::StrFormat("%-*s", static_cast<int>(name), row.harness.substr(0, name));
    if (!Ran(row)) {
      line += " " + row.state;
      return row.note.empty() ? line : line + ": " + row.note;
    }
    for (const Column* column : columns) {
      absl::StrAppendFormat(&line, " %*s", column->width - 1, column->text(row, seconds));
    }
    if (!row.progress.stability.empty()) line += "  stability " + row.progress.stability;
    return line;
  }
};

// The beginning of UTF-8 text that has at most `width` columns.
std::string Cut(const std::string& text, size_t width) {
  size_t end = 0;
  for (size_t columns = 0; end < text.size(); ++end) {
    if ((text[end] & 0xC0) != 0x80 && columns++ == width) break;
  }
  return text.substr(0, end);
}

bool IsLive(std::FILE* out) {
  const char* const term = std::getenv("TERM");
  return isatty(fileno(out)) != 0 && term != nullptr && *term != '\0' &&
         std::string_view(term) != "dumb";
}

}  // namespace

void AddToHistory(FuzzRow* row) {
  constexpr size_t kMost = 400;
  if (row->history_seen++ % row->history_every != 0) return;
  row->history.push_back(row->progress);
  if (row->history.size() < kMost) return;
  size_t kept = 0;
  for (size_t i = 0; i < row->history.size(); i += 2) row->history[kept++] = row->history[i];
  row->history.resize(kept);
  row->history_every *= 2;
}

std::vector<std::string> FuzzTableLines(const std::vector<FuzzRow>& rows, double seconds,
                                        size_t width, size_t height) {
  const Layout layout(rows, width);
  std::vector<std::string> lines = {Cut(layout.Header(), width)};
  size_t first = 0;
  size_t count = rows.size();
  if (const size_t room = std::max<size_t>(height, 3) - 1; count > room) {
    const auto runs = std::find_if(rows.begin(), rows.end(), [](const FuzzRow& row) {
      return row.state == "running" || row.state == "waiting";
    });
    const auto at = static_cast<size_t>(runs - rows.begin());
    first = std::min(at - std::min(at, room / 2), count - room);
    count = room;
  }
  for (size_t i = first; i < first + count; ++i) {
    lines.push_back(Cut(layout.Line(rows[i], seconds), width));
  }
  return lines;
}

FuzzTable::FuzzTable(const std::vector<FuzzRow>* rows, double seconds, std::FILE* out)
    : rows_(rows),
      seconds_(seconds),
      out_(out),
      live_(IsLive(out)),
      next_line_(runner::Now() + kSecondsPerLine) {}

void FuzzTable::Begin() {
  if (!live_) std::fprintf(out_, "%s\n", Layout(*rows_, kWide).Header().c_str());
  std::fflush(out_);
  Draw();
}

void FuzzTable::Update(const FuzzRow& row) {
  if (runner::Now() < (live_ ? next_drawing_ : next_line_)) return;
  if (live_) {
    Draw();
  } else {
    PrintLine(row);
  }
}

void FuzzTable::Done(const FuzzRow& row) {
  if (live_) {
    Draw();
  } else {
    PrintLine(row);
  }
}

void FuzzTable::PrintLine(const FuzzRow& row) {
  next_line_ = runner::Now() + kSecondsPerLine;
  std::fprintf(out_, "%s\n", Layout(*rows_, kWide).Line(row, seconds_).c_str());
  std::fflush(out_);
}

void FuzzTable::Say(const std::string& text) {
  Erase();
  std::fputs(text.c_str(), out_);
  Draw();
  std::fflush(out_);
}

void FuzzTable::Erase() {
  if (!live_ || drawn_ == 0) return;
  std::fprintf(out_, "\033[%zuA\033[J", drawn_);
  drawn_ = 0;
}

void FuzzTable::Draw() {
  if (!live_) return;
  next_drawing_ = runner::Now() + kSecondsPerDrawing;
  Erase();
  winsize size = {};
  const bool known = ioctl(fileno(out_), TIOCGWINSZ, &size) == 0;
  const size_t width = known && size.ws_col > 0 ? size.ws_col : 80;
  const size_t height = known && size.ws_row > 0 ? size.ws_row : 24;
  // A line that fills the last column, or the last row, would scroll.
  const std::vector<std::string> lines =
      FuzzTableLines(*rows_, seconds_, std::max<size_t>(width, 2) - 1, height - 1);
  for (const std::string& line : lines) std::fprintf(out_, "%s\n", line.c_str());
  drawn_ = lines.size();
  std::fflush(out_);
}

}  // namespace resprobe::cli
