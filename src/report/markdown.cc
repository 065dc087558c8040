#include <absl/strings/str_format.h>

#include <algorithm>

#include "report/escape.h"
#include "report/tables.h"
#include "report/writers.h"
#include "runner/text.h"

namespace resprobe::report {
namespace {

constexpr size_t kMostRows = 200;
// More results than this are folded.
constexpr size_t kFolded = 20;

std::string Heading(int level, const std::string& text) {
  return std::string(static_cast<size_t>(level), '#') + " " + MarkdownText(text) + "\n\n";
}

std::string RowOf(const std::vector<std::string>& cells) {
  std::string row = "|";
  for (const std::string& cell : cells) row += " " + MarkdownText(cell) + " |";
  return row + "\n";
}

std::string Text(const Table& table) {
  std::string text = RowOf(table.columns) + "|";
  for (const bool numeric : table.numeric) text += numeric ? " ---: |" : " --- |";
  text += "\n";
  for (size_t i = 0; i < table.rows.size() && i < kMostRows; ++i) text += RowOf(table.rows[i]);
  if (table.rows.size() > kMostRows) {
    text += "\n" + std::to_string(table.rows.size() - kMostRows) + " more rows are in the JSON.\n";
  }
  return text + "\n";
}

std::string Folded(const std::string& title, const std::string& text) {
  return "<details><summary>" + XmlText(title) + "</summary>\n\n" + text + "\n</details>\n\n";
}

std::string Text(const Finding& finding, int level) {
  std::string text = Heading(level, finding.signature);
  std::vector<std::vector<std::string>> rows;
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) rows.push_back({name, value});
  };
  add("must hold", finding.statement);
  add("harness", finding.harness);
  add("server", finding.server);
  add("at op", finding.at);
  add("from", finding.from);
  add("met", std::to_string(finding.met) + (finding.known ? ", known from an earlier run" : ""));
  add("folder", finding.folder);
  text += Text(Table{"", {"", ""}, rows, {false, false}});
  const auto block = [&](const char* name, const std::string& value) {
    if (!value.empty()) text += std::string(name) + ":\n\n" + MarkdownBlock(value) + "\n";
  };
  block("Expected", finding.expected);
  block("Seen", finding.seen);
  std::string frames;
  for (const std::string& frame : finding.frames) frames += frame + "\n";
  block("Stack", frames);
  block("Case", finding.case_text);
  block("Run it again", finding.replay);
  for (const auto& [name, content] : finding.attachments) {
    if (!name.ends_with(".svg")) text += Folded(name, MarkdownBlock(content));
  }
  return text;
}

std::string ChecksText(const Report& report) {
  Table table = {.title = "",
                 .columns = {"check", "result", "ms", "why"},
                 .rows = {},
                 .numeric = {false, false, true, false}};
  for (const Check& check : ChecksOf(report)) {
    if (check.finding != nullptr) continue;
    table.rows.push_back({check.name, NameOf(check.status),
                          check.seconds > 0 ? absl::StrFormat("%.0f", 1000 * check.seconds) : "",
                          check.message});
  }
  if (table.rows.empty()) return "";
  const size_t rows = table.rows.size();
  return rows > kFolded ? Folded(std::to_string(rows) + " checks", Text(table)) : Text(table);
}

// Lines for the bank of seeds (./resprobe seeds).
std::string SeedsText(const Report& report) {
  std::string lines;
  for (const Check& check : ChecksOf(report)) {
    if (check.status != Status::kFailed || !check.seed) continue;
    std::string name = VisibleText(check.name);
    std::ranges::replace(name, '\n', ' ');
    lines += absl::StrFormat("%d %s %s\n", *check.seed,
                             report.verb.substr(0, report.verb.find(' ')), name);
  }
  return lines;
}

std::string Text(const Report& report, int level) {
  const Summary summary = SummaryOf(report);
  std::string text = Heading(level, "resprobe " + report.verb + ": " + NameOf(StatusOf(summary)));
  text += Text(Table{"",
                     {"total", "passed", "failed", "skipped", "unknown", "seconds"},
                     {{runner::Grouped(summary.total), runner::Grouped(summary.passed),
                       runner::Grouped(summary.failed), runner::Grouped(summary.skipped),
                       runner::Grouped(summary.unknown), absl::StrFormat("%.1f", report.seconds)}},
                     std::vector<bool>(6, true)});
  if (const std::string command = CommandOf(report); !command.empty()) {
    text += MarkdownBlock(command) + "\n";
  }
  text += ChecksText(report);
  if (!report.findings.empty()) {
    text += Heading(level + 1, std::to_string(report.findings.size()) + " " + report.noun +
                                   (report.findings.size() == 1 ? "" : "s"));
    for (const Finding& finding : report.findings) text += Text(finding, level + 2);
  }
  if (const std::string lines = SeedsText(report); !lines.empty()) {
    text += "For the bank of seeds:\n\n" + MarkdownBlock(lines) + "\n";
  }
  const auto facts = FactsOf(report);
  const std::vector<Table> tables = TablesOf(report);
  if (!facts.empty() || !tables.empty()) text += Heading(level + 1, "What was run");
  if (!facts.empty()) {
    Table table = {.title = "", .columns = {"", ""}, .rows = {}, .numeric = {false, false}};
    for (const auto& [name, value] : facts) table.rows.push_back({name, value});
    text += Text(table);
  }
  for (const Table& table : tables) {
    text += Heading(std::min(level + 2, 6), table.title);
    text += table.rows.size() > kFolded
                ? Folded(std::to_string(table.rows.size()) + " rows", Text(table))
                : Text(table);
  }
  for (const Report& one : report.reports) text += Text(one, std::min(level + 1, 4));
  return text;
}

}  // namespace

std::string MarkdownOf(const Report& report) { return Text(report, 1); }

}  // namespace resprobe::report
