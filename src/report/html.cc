#include <absl/strings/escaping.h>
#include <absl/strings/str_format.h>

#include <algorithm>
#include <cmath>

#include "report/escape.h"
#include "report/plot.h"
#include "report/tables.h"
#include "report/writers.h"
#include "runner/duration.h"
#include "runner/text.h"

namespace resprobe::report {
namespace {

// Longer tables are folded, or cut.
constexpr size_t kRowsShown = 25;
constexpr size_t kRowsKept = 1000;
// Findings beyond these are folded.
constexpr size_t kOpenFindings = 2;

constexpr const char* kStyle = R"(
:root{color-scheme:light dark;--bg:#fbfbf9;--card:#fff;--text:#1c1e21;--dim:#5b626b;--rule:#dfe1e4;
--code:#f2f3f4;--good:#17713a;--bad:#b3261e;--open:#8a5a00;--link:#1a56b0;
--c0:#1f6fb2;--c1:#c8501e;--c2:#2b8a3e;--c3:#8e44ad;--c4:#b58900;--c5:#c2255c;--c6:#0b7285;--c7:#5c5f66}
@media(prefers-color-scheme:dark){:root{--bg:#15171a;--card:#1d2024;--text:#e6e7e9;--dim:#a0a7b0;
--rule:#343a41;--code:#272b30;--good:#63c987;--bad:#ff8a80;--open:#f0b849;--link:#8ab4f8;
--c0:#6cb2eb;--c1:#ff9a62;--c2:#6fcf7f;--c3:#cf9bea;--c4:#e6c34a;--c5:#ff7fa8;--c6:#5fd0dd;--c7:#aab0b8}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1560px;padding:20px clamp(12px,2.5vw,32px) 60px;background:var(--bg);
color:var(--text);font:15px/1.5 system-ui,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
h1{font-size:1.5rem;line-height:1.25;margin:0}h2{font-size:1.15rem;margin:2rem 0 .7rem}
h3{font-size:1rem;margin:1.4rem 0 .5rem}
a{color:var(--link)}
header p,.dim{color:var(--dim)}header p{margin:.35rem 0}
code,pre{font:13px/1.45 ui-monospace,"SF Mono",Menlo,"DejaVu Sans Mono",monospace}
pre,code.command{background:var(--code);border-radius:6px;padding:8px 10px;margin:.25rem 0;
overflow-x:auto;max-height:24rem;white-space:pre;display:block}
code.command,pre.wrap{white-space:pre-wrap;overflow-wrap:anywhere}
.command{user-select:all}
.badge{display:inline-block;border-radius:99px;padding:1px 10px;font-size:.85rem;font-weight:600;
border:1.5px solid currentColor;white-space:nowrap}
.passed{color:var(--good)}.failed{color:var(--bad)}.unknown{color:var(--open)}.skipped{color:var(--dim)}
.tiles{display:flex;flex-wrap:wrap;gap:10px;margin:1rem 0}
.tile{background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:8px 14px;min-width:92px}
.tile b{display:block;font-size:1.35rem;line-height:1.2;font-variant-numeric:tabular-nums}
.tile span{color:var(--dim);font-size:.85rem}
.card{background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:10px 14px;margin:10px 0;
min-width:0}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(350px,100%),1fr));gap:12px;align-items:start}
.grid .card,.two .card{margin:0}
.two{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(420px,100%),1fr));gap:0 16px}
.two>*{min-width:0}
summary{cursor:pointer;overflow-wrap:anywhere}
details>summary b{font-weight:600}
.chips{display:flex;flex-wrap:wrap;gap:4px 14px;color:var(--dim);font-size:.88rem;margin:.3rem 0 .5rem}
.chips span{overflow-wrap:anywhere}
.label{color:var(--dim);font-size:.85rem;margin:.6rem 0 0}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:.9rem;width:100%}
th,td{text-align:left;padding:3px 12px 3px 0;border-bottom:1px solid var(--rule);vertical-align:top;
overflow-wrap:anywhere;min-width:4ch}
th{color:var(--dim);font-weight:600;overflow-wrap:normal}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td{min-width:9ch}td.n{min-width:4ch}td:first-child{min-width:10.5rem}
dl{display:grid;grid-template-columns:fit-content(45%) minmax(0,1fr);gap:2px 16px;margin:0;font-size:.92rem}
dt{color:var(--dim);overflow-wrap:anywhere}dd{margin:0;overflow-wrap:anywhere}
figure{margin:0}figcaption{font-weight:600;font-size:.92rem}
svg{width:100%;height:auto;display:block}svg text{fill:var(--dim);font-size:11px}
.grid line,svg line.grid{stroke:var(--rule)}svg line.axis{stroke:var(--dim)}
.line{fill:none;stroke-width:1.6;stroke-linejoin:round}
.legend{display:flex;flex-wrap:wrap;gap:2px 12px;font-size:.82rem;color:var(--dim)}
.legend i{display:inline-block;width:12px;height:3px;border-radius:2px;margin-right:5px;vertical-align:middle}
.s0{stroke:var(--c0);--s:var(--c0)}.s1{stroke:var(--c1);--s:var(--c1)}.s2{stroke:var(--c2);--s:var(--c2)}
.s3{stroke:var(--c3);--s:var(--c3)}.s4{stroke:var(--c4);--s:var(--c4)}.s5{stroke:var(--c5);--s:var(--c5)}
.s6{stroke:var(--c6);--s:var(--c6)}.s7{stroke:var(--c7);--s:var(--c7)}
.dot{fill:var(--s)}.legend i{background:var(--s)}
.picture{max-width:100%;background:#fff;border-radius:6px;padding:6px}
.check{display:grid;grid-template-columns:5.6rem minmax(9rem,24rem) 4.6rem 1fr;gap:2px 12px;
align-items:baseline;padding:4px 0;border-bottom:1px solid var(--rule)}
.check:last-child{border-bottom:0}.check>*{min-width:0;overflow-wrap:anywhere}.check .badge{justify-self:start}
@media(max-width:800px){.check{grid-template-columns:5.6rem 1fr max-content}.check>div{grid-column:1/-1}
.wide{display:none}}
section.part{border-top:2px solid var(--rule);margin-top:2.5rem;padding-top:1rem}
@media print{body{max-width:none}pre{max-height:none;white-space:pre-wrap}}
)";

// To a tenth of a second below a minute, to a second above.
std::string Took(double seconds) {
  constexpr double kMinute = 60;
  return seconds < kMinute ? absl::StrFormat("%.1f s", seconds)
                           : runner::TimeText(std::round(seconds));
}

std::string Badge(Status status) {
  return "<span class=\"badge " + NameOf(status) + "\">" + NameOf(status) + "</span>";
}

std::string HtmlTable(const Table& table) {
  std::string text = "<div class=\"scroll\"><table><thead><tr>";
  const auto cell = [&](const char* element, size_t column, const std::string& content) {
    text += std::string("<") + element + (table.numeric[column] ? " class=\"n\">" : ">") +
            XmlText(content) + "</" + element + ">";
  };
  for (size_t i = 0; i < table.columns.size(); ++i) cell("th", i, table.columns[i]);
  text += "</tr></thead><tbody>\n";
  const size_t shown = std::min(table.rows.size(), kRowsKept);
  for (size_t row = 0; row < shown; ++row) {
    text += "<tr>";
    for (size_t i = 0; i < table.columns.size(); ++i) cell("td", i, table.rows[row][i]);
    text += "</tr>\n";
  }
  text += "</tbody></table></div>";
  if (shown < table.rows.size()) {
    text += absl::StrFormat("<p class=\"dim\">%d more rows are in the JSON</p>",
                            table.rows.size() - shown);
  }
  return text;
}

// A long text in a fold.
std::string Fold(const std::string& title, const std::string& html) {
  return "<details><summary>" + XmlText(title) + "</summary>" + html + "</details>\n";
}

std::string Block(const std::string& label, const std::string& text, bool wrap = true) {
  if (text.empty()) return "";
  return "<div><p class=\"label\">" + XmlText(label) + "</p><pre" +
         (wrap ? " class=\"wrap\">" : ">") + XmlText(text) + "</pre></div>";
}

std::string CommandHtml(const std::string& command) {
  return "<code class=\"command\">" + XmlText(command) + "</code>";
}

std::string FindingHtml(const Finding& finding, bool open) {
  std::string text = std::string("<details class=\"card\"") + (open ? " open" : "") +
                     "><summary><b>" + XmlText(finding.signature) +
                     "</b></summary>\n<div class=\"chips\">";
  const auto chip = [&](const std::string& name, const std::string& value) {
    if (!value.empty()) text += "<span>" + XmlText(name + " " + value) + "</span>";
  };
  chip("harness", finding.harness);
  chip("server", finding.server);
  chip("at op", finding.at);
  chip("from", finding.from);
  chip("met", runner::Grouped(finding.met) + (finding.met == 1 ? " time" : " times"));
  if (finding.known) chip("known from an earlier run", " ");
  if (!finding.fails) chip("does not fail the run", " ");
  chip("in", finding.folder);
  text += "</div>\n";
  if (!finding.statement.empty()) {
    text += "<p>Must hold: " + XmlText(finding.statement) + "</p>";
  }
  text += "<div class=\"two\">" + Block("Expected", finding.expected) +
          Block("Seen", finding.seen) + "</div>\n";
  std::string frames;
  for (const std::string& frame : finding.frames) frames += frame + "\n";
  const auto picture = std::ranges::find_if(
      finding.attachments, [](const auto& one) { return one.first.ends_with(".svg"); });
  if (picture != finding.attachments.end()) {
    // As an image, in which nothing runs.
    text += "<p class=\"label\">" + XmlText(picture->first) +
            "</p><div class=\"scroll\"><img class=\"picture\" alt=\"" + XmlText(picture->first) +
            "\" src=\"data:image/svg+xml;base64," + absl::Base64Escape(picture->second) +
            "\"></div>\n";
  }
  text += "<div class=\"two\">" + Block("Ops of the smallest case", finding.case_text, false) +
          Block("Stack, innermost first", frames, false) + "</div>\n";
  for (const auto& [name, content] : finding.attachments) {
    if (name.ends_with(".svg")) continue;
    text += Fold(name, "<pre>" + XmlText(content) + "</pre>");
  }
  if (!finding.replay.empty()) {
    text += "<p class=\"label\">Run it again</p>" + CommandHtml(finding.replay);
  }
  return text + "</details>\n";
}

std::string PlotHtml(const Plot& plot) {
  const std::string svg = SvgOf(plot);
  if (svg.empty()) return "";
  std::string text = "<figure class=\"card\"><figcaption>" + XmlText(plot.title) +
                     " <span class=\"dim\">" + XmlText(plot.y) + "</span></figcaption>" + svg +
                     "<div class=\"legend\">";
  for (size_t i = 0; i < plot.lines.size(); ++i) {
    text += absl::StrFormat("<span><i class=\"s%d\"></i>%s</span>", i % kPlotColours,
                            XmlText(plot.lines[i].name));
  }
  return text + "</div></figure>\n";
}

std::string ChecksHtml(const Report& report) {
  std::string rows;
  size_t count = 0;
  bool all_well = true;
  for (const Check& check : ChecksOf(report)) {
    if (check.finding != nullptr) continue;
    ++count;
    all_well &= check.status == Status::kPassed || check.status == Status::kSkipped;
    rows += "<div class=\"check\">" + Badge(check.status) + "<span>" + XmlText(check.name) +
            "</span><span class=\"n dim\">" +
            (check.seconds > 0 ? absl::StrFormat("%.0f ms", 1000 * check.seconds) : "") +
            "</span><div>" + XmlText(check.message);
    const bool passed = check.status == Status::kPassed;
    if (!check.command.empty()) {
      rows += passed ? "<code class=\"dim\">" + XmlText(check.command) + "</code>"
                     : CommandHtml(check.command);
    }
    rows += "</div></div>\n";
  }
  if (count == 0) return "";
  if (count > kRowsShown && all_well) {
    return "<div class=\"card\">" + Fold(std::to_string(count) + " checks", rows) + "</div>\n";
  }
  return "<div class=\"card\">" + rows + "</div>\n";
}

std::string OwnHtml(const Report& report) {
  const auto facts = FactsOf(report);
  const std::vector<Table> tables = TablesOf(report);
  if (facts.empty() && tables.empty()) return "";
  std::string text = "<h2>What was run, and what it covered</h2>\n";
  if (!facts.empty()) {
    text += "<div class=\"card\"><dl>";
    for (const auto& [name, value] : facts) {
      text += "<dt>" + XmlText(name) + "</dt><dd>" + XmlText(value) + "</dd>\n";
    }
    text += "</dl></div>\n";
  }
  std::string narrow;
  std::string wide;
  for (const Table& table : tables) {
    const std::string html = HtmlTable(table);
    constexpr size_t kFewColumns = 3;
    std::string& side = table.columns.size() <= kFewColumns ? narrow : wide;
    side +=
        "<div class=\"card\"><h3 style=\"margin-top:0\">" + XmlText(table.title) + "</h3>" +
        (table.rows.size() > kRowsShown ? Fold(runner::Grouped(table.rows.size()) + " rows", html)
                                        : html) +
        "</div>\n";
  }
  if (!narrow.empty()) text += "<div class=\"grid\">" + narrow + "</div>\n";
  return text + wide;
}

std::string Tile(const std::string& value, const std::string& name, const char* colour = "") {
  return "<div class=\"tile\"><b class=\"" + std::string(colour) + "\">" + XmlText(value) +
         "</b><span>" + XmlText(name) + "</span></div>";
}

std::string TilesOf(const Report& report, const Summary& summary) {
  std::string text = "<div class=\"tiles\">";
  const auto count = [&](uint64_t number, const char* name, const char* colour) {
    if (number > 0) text += Tile(runner::Grouped(number), name, colour);
  };
  count(summary.failed, "failed", "failed");
  count(summary.unknown, "unknown", "unknown");
  count(summary.passed, "passed", "passed");
  count(summary.skipped, "skipped", "skipped");
  text += Tile(Took(report.seconds), "time");
  return text + "</div>\n";
}

std::string BodyOf(const Report& report) {
  std::string text = ChecksHtml(report);
  std::string plots;
  for (const Plot& plot : report.plots) plots += PlotHtml(plot);
  if (!report.findings.empty()) {
    text += absl::StrFormat("<h2>%d %s%s</h2>\n", report.findings.size(), XmlText(report.noun),
                            report.findings.size() == 1 ? "" : "s");
    for (size_t i = 0; i < report.findings.size(); ++i) {
      text += FindingHtml(report.findings[i], i < kOpenFindings);
    }
  }
  if (!plots.empty()) text += "<h2>Over time</h2>\n<div class=\"grid\">" + plots + "</div>\n";
  return text + OwnHtml(report);
}

// Sections for the reports in a report, and a row for each, with a link to it.
void AddParts(const Report& report, const std::string& prefix, std::string* rows,
              std::string* sections, size_t* number) {
  for (const Report& one : report.reports) {
    const Summary summary = SummaryOf(one);
    const Status status = StatusOf(summary);
    const std::string id = "part" + std::to_string(++*number);
    const std::string name = prefix + one.verb;
    *rows += absl::StrFormat(
        "<tr><td><a href=\"#%s\">%s</a></td><td>%s</td><td class=\"n wide\">%d</td><td "
        "class=\"n\">%d</td>"
        "<td class=\"n wide\">%s</td></tr>\n",
        id, XmlText(name), Badge(status), summary.passed, summary.failed, Took(one.seconds));
    *sections += "<section class=\"part\" id=\"" + id + "\"><h1>" + XmlText(name) + " " +
                 Badge(status) + "</h1>\n" + TilesOf(one, summary);
    if (const std::string command = CommandOf(one); !command.empty()) {
      *sections += CommandHtml(command);
    }
    *sections += BodyOf(one);
    *sections += "</section>\n";
    AddParts(one, name + ": ", rows, sections, number);
  }
}

}  // namespace

std::string HtmlOf(const Report& report) {
  const Summary summary = SummaryOf(report);
  std::string rows;
  std::string sections;
  size_t number = 0;
  AddParts(report, "", &rows, &sections, &number);
  std::string text =
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
      // Nothing is loaded, and nothing runs, whatever a finding quotes.
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
      "style-src 'unsafe-inline'; img-src data:\">\n<title>resprobe " +
      XmlText(report.verb) + ": " + NameOf(StatusOf(summary)) + "</title>\n<style>" + kStyle +
      "</style></head>\n<body>\n<header><h1>resprobe " + XmlText(report.verb) + " " +
      Badge(StatusOf(summary)) + "</h1>\n<p>" +
      XmlText(report.started + (report.host.empty() ? "" : " on " + report.host) + ", resprobe " +
              report.version) +
      "</p>\n";
  if (const std::string command = CommandOf(report); !command.empty()) text += CommandHtml(command);
  text += "</header>\n" + TilesOf(report, summary);
  if (!rows.empty()) {
    text +=
        "<div class=\"card scroll\"><table><thead><tr><th>Part</th><th>Result</th><th "
        "class=\"n wide\">Passed</th><th class=\"n\">Failed</th><th class=\"n "
        "wide\">Time</th></tr></thead><tbody>\n" +
        rows + "</tbody></table></div>\n";
  }
  return text + BodyOf(report) + sections + "</body></html>\n";
}

}  // namespace resprobe::report
