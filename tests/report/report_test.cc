#include "report/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "report/diff.h"
#include "report/escape.h"
#include "report/junit.h"
#include "report/plot.h"
#include "report/tables.h"
#include "report/writers.h"
#include "runner/user_error.h"

namespace resprobe::report {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// What a server may have sent: markup of every format, bytes that are no text, and such as turn the
// direction of what follows.
const std::string kHostile =
    std::string(
        "</pre><script>alert(1)</script>\"'><img src=x onerror=alert(2)> ]]> & ```` | a_b "
        "[x](javascript:y) @me \xe2\x80\xae right \xff\xfe ") +
    std::string("\0\x1b[31m\x7f", 7) + "\xef\xbf\xbf end";

Json FindingJson(const std::string& signature) {
  return {{"harness", "command_handler"},
          {"server", {{"version", "redis 7.0.15"}}},
          {"signature", signature},
          {"invariant", "reply_model"},
          {"statement", "a reply is the model's"},
          {"op", 2u},
          {"size", {{"ops_after", 5u}}},
          {"expected", "1"},
          {"seen", "2"},
          {"frames", {"f", "g"}},
          {"case", "ops command_handler\ncall client=0 GET k\n"},
          {"seed", 7u},
          {"repeats", 3u},
          {"known", false},
          {"folder", "work/findings/command_handler/a b"},
          {"replay", "./resprobe replay 'work/findings/command_handler/a b'"},
          {"attachments", {{"trace.txt", "line"}, {"picture.svg", "<svg/>"}}}};
}

Report Full() {
  Report report;
  report.verb = "oracle";
  report.arguments = {"oracle", "--start", "redis-server --hz 50"};
  report.version = "1.2.3";
  report.host = "here";
  report.started = "2026-01-02T03:04:05Z";
  report.seconds = 2.5;
  report.exit_code = 1;
  report.noun = "difference";
  report.results = {{.name = "command get", .seconds = 0.25},
                    {.name = "command set", .status = Status::kSkipped, .note = "absent"},
                    {.name = "seed",
                     .status = Status::kFailed,
                     .note = "bad",
                     .command = "./resprobe x",
                     .seed = 9}};
  report.findings = {FindingOf(FindingJson("violation:reply_model"))};
  report.plots = {{"Latency", "seconds", "ms", {{"p99", {{0, 1.5}, {1, 2.5}}}}}};
  report.own = {{"server", "redis 7.0.15"},
                {"requests", 1234567u},
                {"compared", {{"get", 3u}, {"set", 4u}}},
                {"differences", Json::array({1})}};
  Report inner;
  inner.verb = "smoke";
  inner.vacuous = "nothing was there";
  report.reports = {inner};
  return report;
}

TEST(ReportTest, IsTheSameAfterJson) {
  const Report report = Full();
  const Json json = Json::parse(ToJson(report).dump());
  EXPECT_EQ(ReadReport(json, "x"), report);
  EXPECT_EQ(json["schema"], "resprobe-report");
  EXPECT_EQ(json["schema_version"], 1);
  EXPECT_EQ(json["metadata"]["suite"], "oracle");
  EXPECT_EQ(json["metadata"]["command"], "./resprobe oracle --start 'redis-server --hz 50'");
  EXPECT_EQ(json["requests"], 1234567);
  // Three results, one finding; one of the inner report, which is not passed.
  EXPECT_EQ(json["summary"]["total"], 5);
  EXPECT_EQ(json["summary"]["passed"], 1);
  EXPECT_EQ(json["summary"]["failed"], 2);
  EXPECT_EQ(json["summary"]["skipped"], 1);
  EXPECT_EQ(json["summary"]["unknown"], 1);
  EXPECT_EQ(json["summary"]["status"], "failed");
  EXPECT_DOUBLE_EQ(json["summary"]["success_rate"].get<double>(), 0.25);
  EXPECT_EQ(json["failed_seeds"].size(), 2u);
  EXPECT_EQ(json["failed_seeds"][0]["seed"], 9);
  EXPECT_EQ(json["failed_seeds"][0]["replay_command"], "./resprobe x");
}

TEST(ReportTest, FieldsOfTheVerbDoNotReplaceThoseOfTheSchema) {
  Report report = Full();
  report.own["summary"] = "mine";
  report.own["findings"] = 3;
  const Json json = ToJson(report);
  EXPECT_TRUE(json["summary"].is_object());
  EXPECT_EQ(json["findings"].size(), 1u);
}

TEST(ReportTest, RefusesWhatIsNone) {
  EXPECT_THROW(ReadReport(Json::array(), "x"), runner::UserError);
  EXPECT_THROW(ReadReport({{"findings", Json::array()}}, "x"), runner::UserError);
  Json newer = ToJson(Full());
  newer["schema_version"] = 2;
  try {
    ReadReport(newer, "file");
    FAIL();
  } catch (const runner::UserError& error) {
    EXPECT_STREQ(error.what(), "file: a report of schema 2, and this program reads 1");
  }
}

TEST(ReportTest, NothingIsPassedWithoutProof) {
  const auto status = [](const Report& report) { return StatusOf(SummaryOf(report)); };
  Report report;
  report.verb = "fuzz";
  EXPECT_EQ(status(report), Status::kPassed);
  report.interrupted = true;
  EXPECT_EQ(status(report), Status::kUnknown);
  report.interrupted = false;
  report.vacuous = "no case";
  EXPECT_EQ(status(report), Status::kUnknown);
  report.vacuous.clear();
  report.results = {{.name = "a", .status = Status::kSkipped}};
  EXPECT_EQ(status(report), Status::kUnknown);
  report.results.push_back({.name = "b"});
  EXPECT_EQ(status(report), Status::kPassed);
  // An exit code that nothing else explains.
  report.exit_code = 1;
  EXPECT_EQ(status(report), Status::kFailed);
  // That nothing has passed is such a reason.
  report.results.pop_back();
  EXPECT_EQ(status(report), Status::kUnknown);
  report.results.push_back({.name = "b"});
  // A finding that is known, where those do not fail the run.
  report.exit_code = 0;
  Json known = FindingJson("x");
  known["fails"] = false;
  report.findings = {FindingOf(known)};
  EXPECT_EQ(status(report), Status::kPassed);
}

TEST(ReportTest, EveryFormatHoldsWhatIsHostile) {
  Report report = Full();
  Json json = FindingJson("violation:x");
  for (const char* key : {"seen", "expected", "case", "statement", "folder", "replay"}) {
    json[key] = kHostile;
  }
  json["frames"] = {kHostile};
  json["attachments"] = {{kHostile, kHostile}, {"a.svg", "<svg onload=\"alert(1)\"/>"}};
  report.findings = {FindingOf(json)};
  report.results.push_back({.name = kHostile, .status = Status::kFailed, .note = kHostile});
  report.own[kHostile] = kHostile;
  report.own["table"][kHostile] = {{kHostile, kHostile}};
  report.plots = {{kHostile, "x", "y", {{kHostile, {{1, 1}}}}}};

  const std::string html = HtmlOf(report);
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, Not(HasSubstr("<img src=x")));
  EXPECT_THAT(html, Not(HasSubstr("onload=\"alert")));
  EXPECT_THAT(html, HasSubstr("&lt;script&gt;alert(1)"));
  EXPECT_THAT(html, HasSubstr("data:image/svg+xml;base64,"));
  EXPECT_THAT(html, HasSubstr("default-src 'none'"));
  for (const std::string& text : {html, JunitOf(report), MarkdownOf(report), SarifOf(report)}) {
    EXPECT_THAT(text, Not(HasSubstr("\x1b")));
    EXPECT_THAT(text, Not(HasSubstr("\xe2\x80\xae"))) << "the direction of text is turned";
    EXPECT_THAT(text, Not(HasSubstr("\xff")));
    EXPECT_THAT(text, Not(HasSubstr(std::string(1, '\0'))));
    EXPECT_THAT(text, Not(HasSubstr("\xef\xbf\xbf")));
  }
  EXPECT_THAT(JunitOf(report), Not(HasSubstr("<script")));
  const Json sarif = Json::parse(SarifOf(report));
  EXPECT_EQ(sarif["version"], "2.1.0");
  // A block of Markdown ends where it is meant to: its fence is longer than any in it.
  EXPECT_THAT(MarkdownOf(report), HasSubstr("`````text\n"));
  EXPECT_THAT(MarkdownText("a|b\n<c> `d` @e"), "a\\|b &lt;c&gt; \\`d\\` &#64;e");
}

TEST(ReportTest, SarifPointsAtRulesAndPlaces) {
  const Json sarif = Json::parse(SarifOf(Full()));
  ASSERT_EQ(sarif["runs"].size(), 2u);
  const Json& run = sarif["runs"][0];
  EXPECT_EQ(run["invocations"][0]["startTimeUtc"], "2026-01-02T03:04:05Z");
  EXPECT_EQ(run["invocations"][0]["endTimeUtc"], "2026-01-02T03:04:07Z");
  ASSERT_EQ(run["results"].size(), 2u);
  for (const Json& result : run["results"]) {
    const auto rule = result["ruleIndex"].get<size_t>();
    EXPECT_EQ(run["tool"]["driver"]["rules"][rule]["id"], result["ruleId"]);
  }
  const Json& place = run["results"][1]["locations"][0]["physicalLocation"]["artifactLocation"];
  EXPECT_EQ(place["uri"], "work/findings/command_handler/a%20b/case.ops");
  EXPECT_TRUE(run["originalUriBaseIds"].contains(place["uriBaseId"].get<std::string>()));
  EXPECT_EQ(run["results"][1]["stacks"][0]["frames"].size(), 2u);
  EXPECT_EQ(run["results"][1]["occurrenceCount"], 4);
  // What is unknown is no result, and is said.
  const Json& inner = sarif["runs"][1];
  EXPECT_TRUE(inner["results"].empty());
  EXPECT_EQ(inner["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"],
            "smoke: it shows something: nothing was there");
}

TEST(ReportTest, JunitCountsAsItsReadersDo) {
  const std::string text = JunitOf(Full());
  EXPECT_THAT(text, HasSubstr("<testsuites tests=\"5\" failures=\"2\" errors=\"1\" skipped=\"1\""));
  EXPECT_THAT(text, HasSubstr("<testsuite name=\"oracle\" tests=\"4\""));
  EXPECT_THAT(text, HasSubstr("<testsuite name=\"oracle.smoke\" tests=\"1\" failures=\"0\""));
  EXPECT_THAT(text, HasSubstr("timestamp=\"2026-01-02T03:04:05\""));
  EXPECT_THAT(text, HasSubstr("<testcase classname=\"resprobe.oracle\" name=\"command get\" "
                              "time=\"0.250\"/>"));
  EXPECT_THAT(text, HasSubstr("<error message=\"nothing was there\" type=\"vacuous\">"));
  // Tests of one name would be one test to a reader.
  Report twice;
  twice.verb = "x";
  twice.results = {{.name = "a"}, {.name = "a"}};
  EXPECT_THAT(JunitOf(twice), HasSubstr("name=\"a (2)\""));
}

TEST(ReportTest, TablesAreMadeOfTheFieldsOfAVerb) {
  Report report;
  report.noun = "difference";
  report.own = {
      {"cases", 12345u},
      {"nothing", nullptr},
      {"differences", {{{"signature", "x"}}}},
      {"empty", Json::object()},
      {"parts", {{"a", {{"lives", 1u}, {"stream", {{"ops", 2u}}}}}, {"b", {{"lives", 3u}}}}},
      {"tests", {{{"test", "set"}, {"rps", 1234.5}, {"series", {{{"x", 1}}}}}}},
      {"words", {"p", "q"}}};
  EXPECT_THAT(FactsOf(report), ElementsAre(std::pair("Cases", "12,345")));
  const std::vector<Table> tables = TablesOf(report);
  ASSERT_EQ(tables.size(), 3u);
  EXPECT_EQ(tables[0].title, "Parts");
  EXPECT_THAT(tables[0].columns, ElementsAre("", "Lives", "Ops"));
  EXPECT_THAT(tables[0].rows,
              ElementsAre(ElementsAre("a", "1", ""), ElementsAre("a: stream", "", "2"),
                          ElementsAre("b", "3", "")));
  EXPECT_THAT(tables[0].numeric, ElementsAre(false, true, true));
  EXPECT_THAT(tables[1].rows, ElementsAre(ElementsAre("set", "1,235", "1 entries")));
  EXPECT_THAT(tables[2].rows, ElementsAre(ElementsAre("p"), ElementsAre("q")));
  EXPECT_EQ(CellText("cases", 1234567u), "1,234,567");
  EXPECT_EQ(CellText("first_seed", 1234567u), "1234567");  // to be pasted
}

TEST(ReportTest, PlotsHaveRoundTicks) {
  EXPECT_THAT(TicksOf(0, 10, 4), ElementsAre(0, 5, 10));
  EXPECT_THAT(TicksOf(0.1, 0.34, 4), Contains(::testing::DoubleNear(0.2, 1e-9)));
  EXPECT_THAT(TicksOf(3, 3, 4), ElementsAre(3));
  EXPECT_EQ(SvgOf({"t", "x", "y", {{"a", {}}}}), "");
  EXPECT_EQ(SvgOf({"t", "x", "y", {{"a", {{0, NAN}, {1, INFINITY}}}}}), "");
  // One point is a dot; of many, peaks stay.
  EXPECT_THAT(SvgOf({"t", "x", "y", {{"a", {{1, 1}}}}}), HasSubstr("<circle"));
  Plot plot = {"t", "x", "y", {{"a", {}}}};
  for (int i = 0; i < 10'000; ++i) plot.lines[0].points.emplace_back(i, i == 5000 ? 100 : 1);
  const std::string svg = SvgOf(plot);
  EXPECT_LT(svg.size(), 10'000u);
  EXPECT_THAT(svg, HasSubstr(",10.0 ")) << "the peak at the top";
}

TEST(ReportTest, DiffSaysWhatIsNewAndWhatIsGone) {
  Report before = Full();
  Report after = Full();
  EXPECT_EQ(ReportOf(Compare(before, after), before, after).exit_code, 0);
  after.results[2].status = Status::kPassed;
  after.findings = {FindingOf(FindingJson("asan:x"))};
  after.own["requests"] = 2u;
  after.reports.clear();  // the inner one was not run
  const Diff diff = Compare(before, after);
  std::string text;
  for (const Difference& one : diff.checks) {
    text += std::to_string(static_cast<int>(one.side)) + one.where + "/" + one.name + "\n";
  }
  EXPECT_EQ(text,
            "0oracle/command_handler: asan:x\n"
            "1oracle/command_handler: violation:reply_model\n"
            "1oracle/seed\n");
  EXPECT_THAT(diff.untested, ElementsAre("oracle: smoke: smoke: it shows something"));
  ASSERT_EQ(diff.changes.size(), 1u);
  EXPECT_EQ(diff.changes[0].name, "Requests");
  EXPECT_EQ(ReportOf(diff, before, after).exit_code, 1);
  EXPECT_THAT(TextOf(diff), HasSubstr("1 new, 2 gone, 0 the same, 1 not tried again"));
  // What was interrupted has looked for nothing.
  after.interrupted = true;
  EXPECT_EQ(Compare(before, after).untested.size(), 3u);
}

}  // namespace
}  // namespace resprobe::report
