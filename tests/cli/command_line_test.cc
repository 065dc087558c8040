// The description of a verb and what reads it: parsing, help, completion, the man page.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <sstream>

#include "cli/command_line/completion.h"
#include "cli/command_line/help.h"
#include "cli/command_line/man_page.h"
#include "cli/command_line/parse.h"
#include "runner/duration.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// What the options of the verbs below set.
struct Targets {
  uint64_t seeds = 1;
  std::optional<int> limit;
  double seconds = 30;
  double pause = 0;
  size_t size = 4096;
  std::string engine = "libfuzzer";
  std::string text;
  std::string proxy;
  std::vector<std::string> words;
  std::vector<std::string> files;
  bool trace = false;
  bool flush = false;
  std::string argument;
  std::vector<std::string> arguments;
};

Verb FuzzLike(Targets* targets) {
  Verb verb("fuzz", "run the harnesses");
  verb.details =
      "A paragraph that is long enough to be broken where a terminal is narrow.\n  item: text";
  verb.examples = {{"fuzz a --seeds 3", "runs three"}};
  verb.exit_codes = "0 nothing found, 1 a finding.";
  verb.Arguments("HARNESS", &targets->arguments, "Harnesses").Complete(Completion::kHarness);
  verb.Number("--seeds", "N", &targets->seeds, 1, 1000, "N cases").ShowDefault();
  verb.Number("--limit", "N", &targets->limit, 0, 9, "At most N");
  verb.Time("--time", &targets->seconds, "How long").ShowDefault();
  verb.Seconds("--pause", "S", &targets->pause, true, "Pause");
  verb.Seconds("--step", "S", &targets->pause, false, "Step");
  verb.Size("--size", &targets->size, 1, 1 << 20, "Bytes");
  verb.Choice("--engine", {"libfuzzer", "afl"}, &targets->engine, "The engine").ShowDefault();
  verb.Text("--output", "FILE", &targets->text, "Where to").Short("-o").Complete(Completion::kFile);
  verb.Texts("--word", "WORD", &targets->words, "A word").Needs("--output");
  verb.Text("--proxy", "WHICH", &targets->proxy, "A proxy")
      .ValueIfAlone("usual")
      .Excludes("--trace");
  verb.Flag("--trace", &targets->trace, "Steps: each [in full]");
  verb.Group("Which server");
  verb.Flag("--flush", &targets->flush, "Deletes keys").Alias("--overwrite");
  verb.Flag("--secret", &targets->trace, "Not shown").Hide();
  verb.run = [] { return 7; };
  return verb;
}

Verb Root(Targets* targets) {
  Verb root("resprobe", "fuzzes");
  root.details = "It fuzzes.";
  root.exit_codes = "0 all well.";
  root.verbs.push_back(FuzzLike(targets));
  Verb corpus("corpus", "check or merge");
  corpus.verbs.emplace_back("check", "check all");
  Verb& merge = corpus.verbs.emplace_back("merge", "merge one");
  merge.Argument("HARNESS", &targets->argument, "The harness").Required();
  merge.Arguments("DIR", &targets->arguments, "Folders").Complete(Completion::kFolder);
  root.verbs.push_back(std::move(corpus));
  Verb moved("hunt", "hunts");
  moved.moved = {{"--fuzz", "fuzz"}};
  root.verbs.push_back(std::move(moved));
  return root;
}

class ParseTest : public testing::Test {
 protected:
  Parsed Read(std::vector<std::string> arguments) { return Parse(root_, std::move(arguments)); }
  // What is wrong with the arguments; "" if nothing is.
  std::string Wrong(std::vector<std::string> arguments) {
    const Parsed parsed = Read(std::move(arguments));
    EXPECT_EQ(parsed.error.find('\n'), std::string::npos) << parsed.error;
    EXPECT_EQ(parsed.error.empty(), parsed.what != Parsed::What::kWrongUse);
    return parsed.error;
  }

  Targets targets_;
  Verb root_ = Root(&targets_);
};

TEST_F(ParseTest, SetsWhatIsGiven) {
  EXPECT_EQ(Wrong({"fuzz",    "a",   "b",      "--seeds", "3",        "--limit=9",  "--time", "2m",
                   "--pause", "0.5", "--size", "16k",     "--engine", "afl",        "-o",     "out",
                   "--word",  "x",   "--word", "-y",      "--trace",  "--overwrite"}),
            "");
  EXPECT_THAT(targets_.arguments, ElementsAre("a", "b"));
  EXPECT_EQ(targets_.seeds, 3u);
  EXPECT_EQ(targets_.limit, 9);
  EXPECT_EQ(targets_.seconds, 120);
  EXPECT_EQ(targets_.pause, 0.5);
  EXPECT_EQ(targets_.size, 16384u);
  EXPECT_EQ(targets_.engine, "afl");
  EXPECT_EQ(targets_.text, "out");
  EXPECT_THAT(targets_.words, ElementsAre("x", "-y"));
  EXPECT_TRUE(targets_.trace);
  EXPECT_TRUE(targets_.flush);
}

TEST_F(ParseTest, LeavesWhatIsNotGiven) {
  const Parsed parsed = Read({"fuzz"});
  ASSERT_EQ(parsed.what, Parsed::What::kRun);
  EXPECT_EQ(parsed.path, "fuzz");
  EXPECT_EQ(parsed.verb->run(), 7);
  EXPECT_EQ(targets_.seeds, 1u);
  EXPECT_FALSE(targets_.limit);
  EXPECT_FALSE(targets_.trace);
}

TEST_F(ParseTest, SetsNothingWhereSomethingIsWrong) {
  EXPECT_NE(Wrong({"fuzz", "--seeds", "3", "--engine", "other"}), "");
  EXPECT_EQ(targets_.seeds, 1u);
}

TEST_F(ParseTest, FindsVerbsInVerbs) {
  const Parsed parsed = Read({"corpus", "merge", "a", "x", "y"});
  ASSERT_EQ(parsed.what, Parsed::What::kRun);
  EXPECT_EQ(parsed.path, "corpus merge");
  EXPECT_EQ(parsed.verb->name, "merge");
  EXPECT_EQ(targets_.argument, "a");
  EXPECT_THAT(targets_.arguments, ElementsAre("x", "y"));
}

TEST_F(ParseTest, OptionThatMayBeGivenAgainTakesOneWord) {
  EXPECT_EQ(Wrong({"fuzz", "-o", "out", "--word", "x", "a"}), "");
  EXPECT_THAT(targets_.words, ElementsAre("x"));
  EXPECT_THAT(targets_.arguments, ElementsAre("a"));
}

TEST_F(ParseTest, OptionWithoutItsValue) {
  EXPECT_EQ(Wrong({"fuzz", "--proxy"}), "");
  EXPECT_EQ(targets_.proxy, "usual");
  EXPECT_EQ(Wrong({"fuzz", "--proxy", "mine"}), "");
  EXPECT_EQ(targets_.proxy, "mine");
  EXPECT_EQ(Wrong({"fuzz", "--proxy", "--flush"}), "");
  EXPECT_EQ(targets_.proxy, "usual");
}

TEST_F(ParseTest, FlagThatBecameAVerb) {
  const Parsed parsed = Read({"hunt", "--seeds", "5", "--fuzz"});
  ASSERT_EQ(parsed.what, Parsed::What::kRun);
  EXPECT_EQ(parsed.path, "fuzz");
  EXPECT_EQ(targets_.seeds, 5u);
  EXPECT_THAT(Wrong({"hunt", "--", "--fuzz"}), HasSubstr("--fuzz"));
}

TEST_F(ParseTest, WrongUseIsOneLineThatNamesTheHelp) {
  EXPECT_EQ(Wrong({}), "name a verb: see ./resprobe --help");
  EXPECT_EQ(Wrong({"nonsense"}), "there is no verb 'nonsense': see ./resprobe --help");
  EXPECT_EQ(Wrong({"corpus"}), "name a verb: see ./resprobe corpus --help");
  EXPECT_EQ(Wrong({"corpus", "nonsense"}),
            "there is no verb 'corpus nonsense': see ./resprobe corpus --help");
  EXPECT_THAT(Wrong({"fuzz", "--nonsense"}),
              testing::AllOf(HasSubstr("--nonsense"), EndsWith(": see ./resprobe fuzz --help")));
  EXPECT_THAT(Wrong({"corpus", "merge"}), StartsWith("HARNESS"));
  EXPECT_THAT(Wrong({"fuzz", "--seeds"}), HasSubstr("--seeds"));
}

TEST_F(ParseTest, NamesOptionValueAndLimits) {
  EXPECT_THAT(Wrong({"fuzz", "--seeds", "0"}),
              StartsWith("--seeds: '0' is not a whole number from 1 to 1000"));
  EXPECT_THAT(Wrong({"fuzz", "--seeds", "1001"}), StartsWith("--seeds: '1001' is not"));
  EXPECT_THAT(Wrong({"fuzz", "--seeds", "-1"}), StartsWith("--seeds: '-1' is not"));
  EXPECT_THAT(Wrong({"fuzz", "--seeds", "3x"}), StartsWith("--seeds: '3x' is not"));
  EXPECT_THAT(Wrong({"fuzz", "--size", "2m"}), StartsWith("--size: '2m' is not a number of bytes"));
  EXPECT_THAT(Wrong({"fuzz", "--size", "18014398509481988k"}), StartsWith("--size: "));
  EXPECT_THAT(Wrong({"fuzz", "--size", "1kb"}), StartsWith("--size: "));
  EXPECT_THAT(Wrong({"fuzz", "--pause", "-1"}), StartsWith("--pause: '-1' is not a number of sec"));
  EXPECT_THAT(Wrong({"fuzz", "--step", "0"}), StartsWith("--step: '0' is not a number of seconds"));
  EXPECT_EQ(Wrong({"fuzz", "--time", "5x"}), "--time 5x: give a time such as 30s, 5m or 1h");
  EXPECT_THAT(Wrong({"fuzz", "--engine", "other"}),
              StartsWith("--engine: there is no 'other': use libfuzzer, afl"));
}

TEST_F(ParseTest, Times) {
  const std::vector<std::pair<const char*, double>> times = {
      {"30s", 30},   {"5m", 300}, {"1h", 3600},      {"45", 45},     {"1.5", 1.5},
      {"0.5s", 0.5}, {".5m", 30}, {"1h30m", 5400},   {"1.5h", 5400}, {"250ms", 0.25},
      {"+30s", 30},  {"2.", 2},   {"100000000", 1e8}};
  for (const auto& [text, seconds] : times) {
    EXPECT_EQ(Wrong({"fuzz", "--time", text}), "");
    EXPECT_DOUBLE_EQ(targets_.seconds, seconds) << text;
  }
  for (const std::string text : {"0", "0s", "-1s", "5x", "s", "5 m", "inf", "nan", "1e9h",
                                 "100000001", "1h30", "0x10", "m5"}) {
    EXPECT_EQ(Wrong({"fuzz", "--time=" + text}),
              "--time " + text + ": give a time such as 30s, 5m or 1h");
  }
}

TEST(TimeTest, TextIsReadAsTheSame) {
  EXPECT_EQ(runner::TimeText(30), "30s");
  EXPECT_EQ(runner::TimeText(300), "5m");
  EXPECT_EQ(runner::TimeText(3600), "1h");
  EXPECT_EQ(runner::TimeText(5400), "1h30m");
  EXPECT_EQ(runner::TimeText(0.25), "250ms");
}

TEST_F(ParseTest, OptionsThatNeedOrExcludeAnother) {
  EXPECT_THAT(Wrong({"fuzz", "--word", "x"}), StartsWith("--word requires --output"));
  EXPECT_THAT(Wrong({"fuzz", "--proxy", "x", "--trace"}), HasSubstr("excludes"));
  EXPECT_THAT(Wrong({"fuzz", "--trace", "--proxy", "x"}), HasSubstr("excludes"));
}

TEST_F(ParseTest, OneOfSeveralOptions) {
  Verb& verb = root_.verbs.emplace_back("serve", "serves");
  verb.Flag("--here", &targets_.flush, "Here");
  verb.Text("--there", "WHERE", &targets_.text, "There");
  verb.RequireOneOf({"--here", "--there", "--nowhere"}, "say where");
  EXPECT_EQ(Wrong({"serve"}), "say where: see ./resprobe serve --help");
  EXPECT_EQ(Wrong({"serve", "--here"}), "");
  EXPECT_EQ(Wrong({"serve", "--there", "x"}), "");
  EXPECT_EQ(Read({"serve", "--help"}).what, Parsed::What::kHelp);
}

TEST_F(ParseTest, HelpIsThatOfTheInnermostVerb) {
  for (const char* flag : {"-h", "--help"}) {
    const Parsed parsed = Read({"corpus", "merge", flag});
    EXPECT_EQ(parsed.what, Parsed::What::kHelp);
    EXPECT_EQ(parsed.path, "corpus merge");
  }
  EXPECT_EQ(Read({"--help"}).verb, &root_);
}

TEST(WrapTest, BreaksAtBlanks) {
  EXPECT_EQ(Wrap("one two three", 0, 7), "one two\nthree\n");
  EXPECT_EQ(Wrap("one two three", 2, 9), "  one two\n  three\n");
  EXPECT_EQ(Wrap("a\n\nb", 0, 9), "a\n\nb\n");
  EXPECT_EQ(Wrap("  item: a long text", 0, 12), "  item: a\n    long\n    text\n");
  EXPECT_EQ(Wrap("unbreakable", 2, 5), "  unbreakable\n");
  EXPECT_EQ(Wrap("", 4, 9), "");
}

TEST(WrapTest, CountsCharactersAndNotBytes) {
  EXPECT_EQ(Columns("a…b"), 3u);
  EXPECT_EQ(Wrap("aa… bb… cc", 0, 7), "aa… bb…\ncc\n");
}

size_t LongestLine(const std::string& text) {
  std::istringstream lines(text);
  size_t longest = 0;
  for (std::string line; std::getline(lines, line);) longest = std::max(longest, Columns(line));
  return longest;
}

TEST(HelpTest, FitsTheWidth) {
  Targets targets;
  const Verb verb = FuzzLike(&targets);
  for (const size_t width : {40, 60, 80, 120}) {
    EXPECT_LE(LongestLine(HelpText(verb, "fuzz", width)), width) << width;
  }
}

TEST(HelpTest, ShowsAllThatIsNotHidden) {
  Targets targets;
  const std::string help = HelpText(FuzzLike(&targets), "fuzz", 80);
  EXPECT_THAT(help,
              StartsWith("usage: ./resprobe fuzz [OPTION…] [HARNESS…]\n\nRun the harnesses.\n"));
  EXPECT_THAT(help, HasSubstr("\n  --seeds N               N cases [1]\n"));
  EXPECT_THAT(help, HasSubstr("\n  --time TIME             How long [30s]\n"));
  EXPECT_THAT(help, HasSubstr("\n  -o, --output FILE       Where to\n"));
  EXPECT_THAT(help, HasSubstr("\n  --word WORD             A word; may be given again\n"));
  EXPECT_THAT(help, HasSubstr("\n  --engine libfuzzer|afl  The engine [libfuzzer]\n"));
  EXPECT_THAT(help, HasSubstr("\nWhich server:\n  --flush "));
  EXPECT_THAT(help, HasSubstr("\nExamples:\n  ./resprobe fuzz a --seeds 3\n      runs three\n"));
  EXPECT_THAT(help, HasSubstr("\nExit code: 0 nothing found, 1 a finding.\n"));
  EXPECT_THAT(help, Not(HasSubstr("--overwrite")));
  EXPECT_THAT(help, Not(HasSubstr("--secret")));
}

TEST(HelpTest, OfTheProgramListsTheVerbs) {
  Targets targets;
  const std::string help = HelpText(Root(&targets), "", 80);
  EXPECT_THAT(help, HasSubstr("\n  fuzz            run the harnesses\n"));
  EXPECT_THAT(help, HasSubstr("\n  corpus          check or merge\n"));
}

TEST(TextWidthTest, OfWhatIsNoTerminal) { EXPECT_EQ(TextWidth(-1), 80u); }

TEST(ManPageTest, HasAllVerbsAndOptions) {
  Targets targets;
  const std::string page = ManPage(Root(&targets), "1.2");
  EXPECT_THAT(page, StartsWith(".TH RESPROBE 1 \"\" \"resprobe 1.2\""));
  EXPECT_THAT(page, HasSubstr("\n.SS fuzz [OPTION\\[u2026]] [HARNESS\\[u2026]]\n"));
  EXPECT_THAT(page, HasSubstr("\n.SS corpus merge HARNESS [DIR\\[u2026]]\n"));
  EXPECT_THAT(page, HasSubstr("\n.TP\n\\fB\\-\\-seeds N\\fR\nN cases [1]\n"));
  EXPECT_THAT(page, HasSubstr("\n.TP\n\\fBHARNESS\\[u2026]\\fR\nHarnesses\n"));
  EXPECT_THAT(page, HasSubstr("\nWhich server:\n.TP\n\\fB\\-\\-flush\\fR\n"));
  EXPECT_THAT(page, HasSubstr("\\fB./resprobe fuzz a \\-\\-seeds 3\\fR\n"));
  EXPECT_THAT(page, Not(HasSubstr("secret")));
}

TEST(ManPageTest, NoTextIsARequest) {
  Verb root("resprobe", "s");
  root.details = ".TH is text, 'so' too\n'and \"this\" \\fB";
  const std::string page = ManPage(root, "1");
  EXPECT_THAT(
      page,
      HasSubstr("\n\\&.TH is text, \\(aqso\\(aq too\n.PP\n\\&\\(aqand \\(dqthis\\(dq \\efB\n"));
}

TEST(CompletionTest, BashKnowsVerbsOptionsAndValues) {
  Targets targets;
  const std::string script = BashCompletion(Root(&targets), {"resp_parser", "io_chaos"});
  EXPECT_THAT(script, HasSubstr("words='fuzz corpus hunt'"));
  EXPECT_THAT(script, HasSubstr("--engine) words='libfuzzer afl' ;;"));
  EXPECT_THAT(script, HasSubstr("-o|--output) kind=file ;;"));
  EXPECT_THAT(script, HasSubstr("words='resp_parser io_chaos'"));
  EXPECT_THAT(script, HasSubstr("'corpus merge')"));
  EXPECT_THAT(script, Not(HasSubstr("--secret")));
  EXPECT_THAT(script, Not(HasSubstr("--overwrite")));
}

TEST(CompletionTest, ZshKnowsVerbsOptionsAndValues) {
  Targets targets;
  const std::string script = ZshCompletion(Root(&targets), {"resp_parser", "io_chaos"});
  EXPECT_THAT(script, StartsWith("#compdef resprobe\n"));
  EXPECT_THAT(script, HasSubstr("'fuzz:run the harnesses'"));
  EXPECT_THAT(script,
              HasSubstr("'--engine[The engine \\[libfuzzer\\]]:libfuzzer|afl:(libfuzzer afl)'"));
  EXPECT_THAT(script, HasSubstr("'--trace[Steps\\: each \\[in full\\]]'"));
  EXPECT_THAT(script, HasSubstr("'*--word["));
  EXPECT_THAT(script, Not(HasSubstr("--secret")));
}

}  // namespace
}  // namespace resprobe::cli
