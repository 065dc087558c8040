// One report of many.

#include "report/merge.h"

#include <gtest/gtest.h>

#include <string>

#include "runner/user_error.h"

namespace resprobe::report {
namespace {

Report RunOf(uint64_t seed) {
  Report report;
  report.verb = "simulate";
  report.host = "h";
  report.version = "1";
  report.started = "2026-01-0" + std::to_string(seed) + "T00:00:00Z";
  report.seconds = 2;
  report.results = {{.name = "part", .seconds = 1}};
  report.own = {{"seed", seed},
                {"seeds", 10},
                {"ops", 300},
                {"server", "core"},
                {"rate", 1.5},
                {"ok_percent", 99.5},
                {"executions_per_second", 7},
                {"edges", 100 + seed},
                {"parts", {{"a", {{"lives", seed}, {"seconds", 1.5}}}}},
                {"harnesses", {{{"name", "x"}, {"executions", seed}}}},
                {"unknown", {"text of " + std::to_string(seed)}}};
  return report;
}

Finding FindingWith(const std::string& signature, uint64_t repeats) {
  return FindingOf({{"signature", signature},
                    {"harness", "x"},
                    {"seen", "by the run with " + std::to_string(repeats) + " repeats"},
                    {"repeats", repeats}});
}

TEST(Merger, AddsCountsAndKeepsSettings) {
  Merger merger({"ops"});
  merger.Add(RunOf(2), "2");
  merger.Add(RunOf(1), "1");
  merger.Add(RunOf(3), "3");
  const Report whole = merger.Take();
  const Json wanted = {{"seed", 1},
                       {"seeds", 30},
                       {"ops", 300},
                       {"server", "core"},
                       {"edges", 103},
                       {"parts", {{"a", {{"lives", 6}, {"seconds", 4.5}}}}},
                       {"harnesses", {{{"name", "x"}, {"executions", 6}}}},
                       {"unknown", {"text of 2", "text of 1", "text of 3"}}};
  EXPECT_EQ(whole.own, wanted);
  EXPECT_EQ(whole.seconds, 6);
  EXPECT_EQ(whole.started, "2026-01-01T00:00:00Z");
  EXPECT_EQ(whole.host, "h");
  EXPECT_EQ(whole.exit_code, runner::kAllWell);
  ASSERT_EQ(whole.results.size(), 1u);
  EXPECT_EQ(whole.results[0].status, Status::kPassed);
  EXPECT_EQ(whole.results[0].seconds, 3);
}

TEST(Merger, DifferentSettingsAllStay) {
  Merger merger({"ops"});
  Report other = RunOf(2);
  other.own["ops"] = 500;
  other.own["server"] = "redis";
  other.host = "i";
  merger.Add(RunOf(1), "1");
  merger.Add(other, "2");
  const Report whole = merger.Take();
  EXPECT_EQ(whole.own["ops"], Json({300, 500}));
  EXPECT_EQ(whole.own["server"], Json({"core", "redis"}));
  EXPECT_EQ(whole.host, "h, i");
}

TEST(Merger, OneReportStaysAsItIs) {
  Merger merger({});
  Report one = RunOf(1);
  one.plots = {{.title = "t", .x = "s", .y = "n", .lines = {{"a", {{1, 2}}}}}};
  const Json own = one.own;
  merger.Add(one, "1");
  const Report whole = merger.Take();
  EXPECT_EQ(whole.own, own);
  EXPECT_EQ(whole.plots.size(), 1u);
}

TEST(Merger, TheWorstStatusCounts) {
  Merger merger({});
  Report fails = RunOf(2);
  fails.results[0].status = Status::kFailed;
  fails.results[0].note = "broken";
  Report unknown = RunOf(3);
  unknown.results[0].status = Status::kUnknown;
  unknown.results[0].note = "unclear";
  Report skipped = RunOf(4);
  skipped.results[0].status = Status::kSkipped;
  merger.Add(skipped, "4");
  merger.Add(RunOf(1), "1");
  merger.Add(fails, "2");
  merger.Add(unknown, "3");
  const Report whole = merger.Take();
  EXPECT_EQ(whole.results[0].status, Status::kFailed);
  EXPECT_EQ(whole.results[0].note, "broken; one of 2 runs that did not pass");
  EXPECT_EQ(whole.exit_code, runner::kFinding);
}

TEST(Merger, FindingsAreCountedAndTheFirstIsKept) {
  Merger merger({});
  Report first = RunOf(1);
  first.findings = {FindingWith("violation:a", 4), FindingWith("violation:b", 0)};
  Report second = RunOf(2);
  second.findings = {FindingWith("violation:a", 1)};
  second.findings[0].known = true;
  merger.Add(first, "1");
  merger.Add(second, "2");
  const Report whole = merger.Take();
  ASSERT_EQ(whole.findings.size(), 2u);
  EXPECT_EQ(whole.findings[0].signature, "violation:a");
  EXPECT_EQ(whole.findings[0].met, 7u);
  EXPECT_EQ(whole.findings[0].json["repeats"], 6);
  EXPECT_EQ(whole.findings[0].json["known"], false);
  EXPECT_EQ(whole.findings[0].seen, "by the run with 4 repeats");
  EXPECT_EQ(whole.exit_code, runner::kFinding);
  // What was written is read again.
  EXPECT_EQ(ReadReport(Json::parse(ToJson(whole).dump()), "x").findings[0].met, 7u);
}

TEST(Merger, IsVacuousIfEveryRunIs) {
  Report vacuous = RunOf(1);
  vacuous.vacuous = "nothing was crashed";
  Merger all({});
  all.Add(vacuous, "1");
  all.Add(vacuous, "2");
  const Report whole = all.Take();
  EXPECT_EQ(whole.vacuous, "nothing was crashed");
  EXPECT_EQ(whole.exit_code, runner::kFinding);
  Merger some({});
  some.Add(vacuous, "1");
  some.Add(RunOf(2), "2");
  const Report partly = some.Take();
  EXPECT_EQ(partly.vacuous, "");
  EXPECT_EQ(partly.own["vacuous_runs"], Json({{"1", "nothing was crashed"}}));
  EXPECT_EQ(partly.exit_code, runner::kAllWell);
}

TEST(Merger, AnInterruptedRunIsSaid) {
  Merger merger({});
  Report interrupted = RunOf(1);
  interrupted.interrupted = true;
  merger.Add(interrupted, "1");
  merger.Add(RunOf(2), "2");
  const Report whole = merger.Take();
  EXPECT_TRUE(whole.interrupted);
  EXPECT_EQ(StatusOf(SummaryOf(whole)), Status::kUnknown);
}

}  // namespace
}  // namespace resprobe::report
