#include "findings/campaign.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <set>

#include "runner/process.h"
#include "runner/user_error.h"
#include "tests/findings/example_failure.h"

namespace resprobe::findings {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

// A tape fails with the signature that its capital letters make; small letters do not matter.
class LetterRunner : public CaseRunner {
 public:
  LetterRunner() { spec_.harness = "letters"; }

  const RunSpec& spec() const override { return spec_; }
  void server(const std::string& start) { spec_.server.start = start; }
  Json Versions() override { return {{"subject", "letters"}}; }
  void Run(const std::vector<fs::path>& files, bool, bool, const Take& take) override {
    for (const fs::path& file : files) {
      if (gone) throw runner::UserError("the server is gone");
      ++runs;
      take(file, OutcomeOf(runner::ReadFile(file)));
    }
  }
  SmallCase Shrink(const fs::path& file, const ShrinkLimits& limits) override {
    seconds.push_back(limits.seconds);
    if (gone) throw runner::UserError("the server is gone");
    SmallCase small;
    const std::string tape = runner::ReadFile(file);
    small.outcome = OutcomeOf(tape);
    small.failed = small.reproduced = small.outcome.failed();
    small.tape = small.outcome.what.signature;
    small.ops_before = tape.size();
    small.ops_after = small.tape.size();
    small.candidates = 1;
    small.limit = limit;
    if (renames && small.failed) small.outcome.what.signature = small.tape = "Z";
    return small;
  }
  std::string TextOf(const fs::path& file) override {
    return "ops letters\n# " + runner::ReadFile(file);
  }
  std::string TapeOf(const fs::path& file) override { return runner::ReadFile(file); }
  std::string WhySound() const override { return "holds"; }
  std::string Summary(size_t, const std::map<std::string, size_t>&) const override { return ""; }

  CaseOutcome OutcomeOf(const std::string& tape) const {
    CaseOutcome outcome;
    for (const char c : tape) {
      if (c >= 'A' && c <= 'Z' && !mended.contains(c)) outcome.what.signature += c;
    }
    if (outcome.what.signature.empty()) return outcome;
    outcome.word = "violation";
    outcome.text = "  seen:      " + tape + "\n";
    return outcome;
  }

  std::set<char> mended;
  bool gone = false;
  std::string limit;            // that ends each shrinking
  std::vector<double> seconds;  // that each was given
  bool renames = false;         // what was made small fails as Z
  int runs = 0;

 private:
  RunSpec spec_;
};

class LetterSearch : public Search {
 public:
  LetterSearch(LetterRunner* runner, std::vector<std::string> tapes)
      : runner_(runner), tapes_(std::move(tapes)) {}

  bool Step(const Met& met) override {
    if (taken_ == tapes_.size()) return false;
    const std::string& tape = tapes_[taken_++];
    if (tape == "!") throw runner::UserError("the server does not come back");
    if (tape.starts_with("^")) raise(SIGINT);
    MetCase one;
    one.tape = tape;
    one.ops = tape.size();
    one.from = "tape " + std::to_string(taken_);
    one.outcome = alone ? CaseOutcome() : runner_->OutcomeOf(tape);
    if (alone) {
      one.outcome.word = "violation";
      one.outcome.what.signature = "only together" + (kinds ? " " + tape : "");
    }
    if (one.outcome.failed()) met(std::move(one));
    return true;
  }
  void Drain(const Met&) override { drained = true; }
  CaseRunner& runner() override { return *runner_; }
  std::string Line(const std::string& found, const RunClock&) const override { return found; }
  uint64_t Requests() const override { return taken_; }
  std::string WhyVacuous() const override { return vacuous; }
  bool MustRecur(const CaseOutcome&) const override { return must_recur; }
  std::string RoughCause(const std::string& signature) override { return signature.substr(0, 1); }
  bool AcceptsRoughly(const std::string& rough_cause) override { return rough_cause == accepted; }

  size_t taken() const { return taken_; }
  bool alone = false;  // fails here, and not by itself
  bool must_recur = false;
  bool kinds = false;  // such failures are of many kinds
  bool drained = false;
  std::string vacuous;
  std::string accepted;  // the rough cause of what is

 private:
  LetterRunner* runner_;
  std::vector<std::string> tapes_;
  size_t taken_ = 0;
};

class CampaignTest : public testing::Test {
 protected:
  CampaignTest() { runner::CatchInterrupts(); }
  ~CampaignTest() override { runner::ForgetInterrupts(); }

  CampaignOptions Options() {
    CampaignOptions options;
    options.out = std::fopen("/dev/null", "w");
    options.say = [this](const std::string& text) { said_ += text; };
    return options;
  }
  // The exit code of a run.
  int Run(LetterSearch* search) { return Campaign(project_, search, Options()).Run({}); }
  std::vector<StoredFailure> Stored() {
    std::vector<std::string> broken;
    std::vector<StoredFailure> all = FindingStore(project_).List(&broken);
    EXPECT_THAT(broken, IsEmpty());
    return all;
  }

  runner::TempFolder temp_;
  runner::Project project_ = ProjectIn(temp_.path());
  LetterRunner runner_;
  std::string said_;
};

TEST_F(CampaignTest, BoundsTheShrinkingOfAllFindings) {
  LetterSearch search(&runner_, {"A", "B", "C"});
  runner_.limit = "the limit of 4 s";
  CampaignOptions options = Options();
  options.shrink_seconds = 8;
  Campaign campaign(project_, &search, options);
  campaign.Loop();
  ASSERT_THAT(runner_.seconds, SizeIs(3));
  EXPECT_EQ(runner_.seconds[0], 4);
  EXPECT_LT(runner_.seconds[1], runner_.seconds[0]);
  EXPECT_LT(runner_.seconds[2], runner_.seconds[1]);
  EXPECT_THAT(said_, HasSubstr("the limit of 4 s ended it"));
  EXPECT_THAT(campaign.list().Text(project_), HasSubstr("./resprobe minimize goes on with it"));
  for (const StoredFailure& one : Stored()) EXPECT_FALSE(one.failure.input.minimized);
}

// A server that does not come back says nothing of a case.
TEST_F(CampaignTest, WhatCouldNotRunAloneIsNotSaidToHold) {
  LetterSearch search(&runner_, {"A"});
  search.must_recur = true;
  runner_.gone = true;
  EXPECT_EQ(Run(&search), runner::kFinding);
  EXPECT_THAT(said_, HasSubstr("it could not be made small: the server is gone"));
  EXPECT_THAT(said_, Not(HasSubstr("it did not fail")));
  ASSERT_THAT(Stored(), SizeIs(1));
  EXPECT_EQ(Stored()[0].failure.replays, std::nullopt);
}

TEST_F(CampaignTest, WhatThereIsNoTimeToExamineCountsAsWhatItSeemsToBe) {
  LetterRunner runner;
  runner.limit = "the limit of 1 s";
  LetterSearch search(&runner, {"AB", "AC", "AC", "DE", "F"});
  search.accepted = "D";
  Campaign campaign(project_, &search, Options());
  EXPECT_EQ(campaign.Run({}), runner::kFinding);
  ASSERT_THAT(campaign.list().by_signature, SizeIs(2));
  EXPECT_EQ(campaign.list().by_signature.at("AB").met, 3u);
  EXPECT_EQ(campaign.list().by_signature.count("F"), 1u);
  ASSERT_THAT(Stored(), SizeIs(2));
  const StoredFailure kept = Stored()[Stored()[0].failure.what.signature == "AB" ? 0 : 1];
  EXPECT_EQ(kept.failure.what.details["variants"][0]["signature"], "AC");
  EXPECT_THAT(said_, HasSubstr("no time to examine AC, from tape 2: it seems to be AB"));
  EXPECT_THAT(said_, HasSubstr("it seems to be D, which is accepted"));
  // What has been examined is what it is.
  runner.limit = "";
  LetterSearch second(&runner, {"AB", "AC", "DE"});
  second.accepted = "D";
  Campaign examined(project_, &second, Options());
  examined.Loop();
  EXPECT_THAT(examined.list().by_signature, SizeIs(3));
}

TEST_F(CampaignTest, ShrinkingEndsWithTheRun) {
  LetterSearch search(&runner_, {"A"});
  CampaignOptions options = Options();
  options.shrink_seconds = 1000;
  options.seconds = 20;
  options.ends_in_time = true;
  Campaign campaign(project_, &search, options);
  campaign.Loop();
  ASSERT_THAT(runner_.seconds, SizeIs(1));
  EXPECT_LE(runner_.seconds[0], (20 + CampaignOptions::kLateSeconds) / 2);
}

TEST_F(CampaignTest, FilesEachKindOnceMadeSmall) {
  LetterSearch search(&runner_, {"a", "bBc", "xBy", "Qq", "Bb"});
  EXPECT_EQ(Run(&search), runner::kFinding);
  EXPECT_TRUE(search.drained);
  const std::vector<StoredFailure> stored = Stored();
  ASSERT_THAT(stored, SizeIs(2));
  const Failure& failure = stored[0].failure;
  EXPECT_EQ(failure.what.signature, "B");
  EXPECT_EQ(failure.input.tape, "B");
  EXPECT_EQ(failure.input.original, "bBc");
  EXPECT_TRUE(failure.input.minimized);
  EXPECT_EQ(failure.replays, std::optional(true));
  EXPECT_FALSE(failure.interrupted);
  EXPECT_EQ(failure.met, 3u);
  EXPECT_EQ(failure.from, "tape 2");
  EXPECT_EQ(failure.versions["subject"], "letters");
  EXPECT_EQ(runner::ReadFile(stored[0].folder / "case.ops"), "ops letters\n# B");
  EXPECT_THAT(said_, HasSubstr("replay:    ./resprobe replay "));
}

TEST_F(CampaignTest, NothingFoundIsWellUnlessItIsVacuous) {
  LetterSearch search(&runner_, {"a", "b"});
  EXPECT_EQ(Run(&search), runner::kAllWell);
  LetterSearch idle(&runner_, {});
  idle.vacuous = "nothing was tried";
  EXPECT_EQ(Run(&idle), runner::kFinding);
}

TEST_F(CampaignTest, ASecondRunKnowsWhatStillFails) {
  LetterSearch first(&runner_, {"aB"});
  EXPECT_EQ(Run(&first), runner::kFinding);
  LetterSearch second(&runner_, {"cB", "dB"});
  EXPECT_EQ(Run(&second), runner::kFinding);
  EXPECT_THAT(said_, HasSubstr("known from an earlier run"));
  const std::vector<StoredFailure> stored = Stored();
  ASSERT_THAT(stored, SizeIs(1));
  EXPECT_EQ(stored[0].failure.met, 3u);
  EXPECT_EQ(stored[0].failure.from, "tape 1");
  EXPECT_EQ(stored[0].failure.input.original, "aB");
}

TEST_F(CampaignTest, WhatWasMendedIsSetAside) {
  LetterSearch first(&runner_, {"aB"});
  EXPECT_EQ(Run(&first), runner::kFinding);
  // Its case holds by now, and something else fails in the same way.
  runner::WriteFile(Stored()[0].folder / "case", "harmless");
  LetterSearch second(&runner_, {"cB"});
  EXPECT_EQ(Run(&second), runner::kFinding);
  EXPECT_THAT(said_, Not(HasSubstr("known from an earlier run")));
  const std::vector<StoredFailure> stored = Stored();
  ASSERT_THAT(stored, SizeIs(2));
  EXPECT_EQ(stored[0].failure.input.original, "cB");
  EXPECT_EQ(stored[1].failure.state, "gone");
}

TEST_F(CampaignTest, WhatFailsOnlyTogetherIsKeptAsItWasMet) {
  for (int i = 0; i < 2; ++i) {
    LetterSearch search(&runner_, {"abc"});
    search.alone = true;
    EXPECT_EQ(Run(&search), runner::kFinding);
  }
  const std::vector<StoredFailure> stored = Stored();
  ASSERT_THAT(stored, SizeIs(1));  // not set aside by the second run
  EXPECT_EQ(stored[0].failure.replays, std::optional(false));
  EXPECT_FALSE(stored[0].failure.input.minimized);
  EXPECT_EQ(stored[0].failure.input.tape, "abc");
  EXPECT_EQ(stored[0].failure.met, 2u);
  EXPECT_THAT(said_, HasSubstr("alone, the case does not show it"));
}

TEST_F(CampaignTest, WhatMustRecurAndDoesNotIsSaidOnceAndDoesNotCount) {
  LetterSearch search(&runner_, {"abc", "def"});
  search.alone = search.must_recur = true;
  EXPECT_EQ(Run(&search), runner::kAllWell);
  EXPECT_THAT(Stored(), IsEmpty());
  const std::string once = "did not recur: only together";
  const size_t at = said_.find(once);
  ASSERT_NE(at, said_.npos);
  EXPECT_EQ(said_.find(once, at + 1), said_.npos);
}

TEST_F(CampaignTest, ManyKindsThatDoNotRecurAreNoAccident) {
  std::vector<std::string> tapes = {"a", "b", "c", "d"};
  LetterSearch few(&runner_, tapes);
  few.alone = few.must_recur = few.kinds = true;
  EXPECT_EQ(Run(&few), runner::kAllWell);
  tapes.emplace_back("e");
  LetterSearch many(&runner_, tapes);
  many.alone = many.must_recur = many.kinds = true;
  EXPECT_EQ(Run(&many), runner::kFinding);
  EXPECT_THAT(Stored(), IsEmpty());
}

TEST_F(CampaignTest, AFindingOfAnotherServerIsNotKnown) {
  runner_.server("first {port}");
  LetterSearch first(&runner_, {"aB"});
  EXPECT_EQ(Run(&first), runner::kFinding);
  // On this server the case would hold.
  runner_.server("second {port}");
  runner::WriteFile(Stored()[0].folder / "case", "harmless");
  LetterSearch second(&runner_, {"aB"});
  EXPECT_EQ(Run(&second), runner::kFinding);
  EXPECT_THAT(said_, Not(HasSubstr("known from an earlier run")));
  ASSERT_THAT(Stored(), SizeIs(2));
  EXPECT_EQ(Stored()[0].failure.state, "");
  LetterSearch third(&runner_, {"aB"});
  EXPECT_EQ(Run(&third), runner::kFinding);
  EXPECT_THAT(said_, HasSubstr("known from an earlier run"));
  EXPECT_THAT(Stored(), SizeIs(2));
}

TEST_F(CampaignTest, WhatBecomesAnotherFailureIsFiledAsThat) {
  runner_.renames = true;
  LetterSearch search(&runner_, {"aB", "aC"});
  EXPECT_EQ(Run(&search), runner::kFinding);
  const std::vector<StoredFailure> stored = Stored();
  ASSERT_THAT(stored, SizeIs(1));
  EXPECT_EQ(stored[0].failure.what.signature, "Z");
  EXPECT_EQ(stored[0].folder.filename(), "Z");
  EXPECT_EQ(stored[0].failure.met, 2u);
}

TEST_F(CampaignTest, CtrlCKeepsWhatWasFoundForTheNextRunToMakeSmall) {
  LetterSearch search(&runner_, {"aB", "^C", "D"});
  EXPECT_EQ(Run(&search), runner::kInterrupted);
  EXPECT_EQ(search.taken(), 2u);
  ASSERT_THAT(Stored(), SizeIs(2));
  EXPECT_FALSE(Stored()[0].failure.interrupted);
  EXPECT_TRUE(Stored()[1].failure.interrupted);
  EXPECT_FALSE(Stored()[1].failure.replays);
  runner::ForgetInterrupts();
  LetterSearch again(&runner_, {"xC"});
  EXPECT_EQ(Run(&again), runner::kFinding);
  const Failure failure = Stored()[1].failure;
  EXPECT_TRUE(failure.input.minimized);
  EXPECT_EQ(failure.met, 2u);
}

TEST_F(CampaignTest, AServerThatIsGoneEndsTheRunAndLosesNothing) {
  LetterSearch search(&runner_, {"aB", "!", "C"});
  EXPECT_EQ(Run(&search), runner::kFinding);
  EXPECT_THAT(said_, HasSubstr("the run ends here, since the server does not come back"));
  LetterSearch at_once(&runner_, {"!"});
  EXPECT_THROW(Run(&at_once), runner::UserError);
}

TEST_F(CampaignTest, ADiskThatTakesNothingEndsTheRunWithTheFindingSaid) {
  runner::MakeFolder(temp_.path() / "work");
  runner::WriteFile(temp_.path() / "work" / "findings", "no folder");
  LetterSearch search(&runner_, {"aB", "C"});
  EXPECT_THROW(Run(&search), runner::UserError);
  EXPECT_EQ(search.taken(), 1u);
  EXPECT_THAT(said_, HasSubstr("finding: B\n"));
  EXPECT_THAT(said_, HasSubstr("folder:    none: "));
}

TEST_F(CampaignTest, AWorkFolderThatCannotBeEndsTheRunBeforeItsFirstCase) {
  runner::WriteFile(temp_.path() / "work", "no folder");
  LetterSearch search(&runner_, {"aB", "C"});
  EXPECT_THROW(Run(&search), runner::UserError);
  EXPECT_EQ(search.taken(), 0u);
}

TEST_F(CampaignTest, KeepsToItsBudget) {
  CampaignOptions options = Options();
  options.requests = 2;
  LetterSearch search(&runner_, {"a", "b", "c", "d"});
  Campaign campaign(project_, &search, options);
  EXPECT_EQ(campaign.Run({}), runner::kAllWell);
  EXPECT_EQ(search.taken(), 2u);
  options.requests = 0;
  options.stop_on_failure = true;
  LetterSearch stopped(&runner_, {"a", "B", "C", "d"});
  EXPECT_EQ(Campaign(project_, &stopped, options).Run({}), runner::kFinding);
  EXPECT_EQ(stopped.taken(), 2u);
}

}  // namespace
}  // namespace resprobe::findings
