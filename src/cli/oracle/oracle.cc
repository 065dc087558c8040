// oracle: compares the core and a live server, reply by reply.

#include <absl/strings/str_format.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "cli/oracle/accepted.h"
#include "cli/oracle/live_runners.h"
#include "cli/oracle/oracle_cases.h"
#include "cli/oracle/oracle_session.h"
#include "cli/oracle/query_oracle.h"
#include "cli/oracle/restore_oracle.h"
#include "cli/oracle/robustness_session.h"
#include "cli/output_options.h"
#include "cli/verbs.h"
#include "findings/campaign.h"
#include "live/oracle/command_family.h"
#include "report/junit.h"
#include "runner/files.h"
#include "runner/json.h"
#include "runner/process.h"
#include "runner/user_error.h"
#include "runner/whole_number.h"

namespace resprobe::cli {
namespace {

using OracleVerbOptions = CallVerbOptions;

// What --write-accept writes where the user must.
constexpr std::string_view kNoReason = "say why it is accepted";

// What the server has, and a table of what it lacks.
std::string AbsentText(const live::ServerSurvey& survey) {
  std::string text = "it has " + std::to_string(survey.present()) + " of " +
                     std::to_string(survey.commands()) + " commands of the core";
  if (survey.absent().empty()) return text + "\n";
  text += "; absent:";
  constexpr size_t kWidth = 96;
  size_t column = kWidth;
  for (const live::ServerSurvey::Absent& one : survey.absent()) {
    if (column + one.name.size() + 2 > kWidth) {
      text += "\n  ";
      column = 2;
    } else {
      text += ", ";
      column += 2;
    }
    text += one.name;
    column += one.name.size();
  }
  text += "\n";
  return text;
}

// What there was no time to ask about, and what is not used any more.
std::string UnfitText(const live::ServerSurvey& survey) {
  std::string text;
  if (!survey.not_asked().empty()) {
    text += "there was no time to ask about, so not compared:";
    const char* separator = " ";
    for (const std::string& one : survey.not_asked()) {
      text += separator + one;
      separator = ", ";
    }
    text += "\n";
  }
  for (const auto& [name, one] : survey.unfit()) {
    text += name + ": " + one.why + ": compared once, and used no more\n";
  }
  if (survey.pushes()) text += "it sends pushes that no client has asked for\n";
  return text;
}

// A few seconds more than a short run has.
double SurveySeconds(const OracleVerbOptions& options) {
  constexpr double kLeast = 10;
  const double most = LiveOptions().survey_seconds;
  return options.seconds > 0 ? std::clamp(options.seconds, kLeast, most) : most;
}

// Cases of command_handler, sent ahead of the server's replies.
class OracleSearch : public findings::Search {
 public:
  OracleSearch(const runner::Project& project, const OracleVerbOptions& options)
      : options_(options),
        runner_(project, ToRunSpec(options.server, "oracle", std::string(CommandWorld::kName)),
                SurveySeconds(options)),
        session_(runner_.session()),
        cases_(project, options.cases, session_.oracle().survey(), session_.oracle().profile()) {
    AddSurveyCases();
    if (options.accept.empty()) return;
    accepted_ = AcceptedDifferences(options.accept);
    for (const AcceptedDifference& one : accepted_.list()) {
      session_.Know(one.signature);
      for (const std::string& signature : one.met_as) session_.Know(signature);
    }
  }

  bool Step(const Met& met) override {
    if (session_.gone())
      throw runner::UserError("the server does not come back: " + session_.why_gone());
    if (!of_survey_.empty()) {
      const CommandCase c = of_survey_.front();
      of_survey_.erase(of_survey_.begin());
      if (const auto difference = session_.Run(c)) {
        Tell(*difference, c, "the survey", met);
        session_.KnowIfInStep(c, *difference);
      }
      return true;
    }
    if (options_.seeds > 0 && taken_ == options_.seeds + cases_.corpus()) return false;
    ++taken_;
    const auto difference = session_.RunAhead(cases_.Next());
    CountKnown(met);
    if (difference) Examine(*difference, met);
    return true;
  }

  void Drain(const Met& met) override {
    if (session_.gone()) return;
    if (over_) {
      // What is still to be read may take a moment.
      constexpr double kSeconds = 2;
      session_.LimitTo([end = runner::Now() + kSeconds] { return runner::Now() > end; });
    }
    const auto difference = session_.CatchUp();
    CountKnown(met);
    if (difference) Examine(*difference, met);
  }

  bool Accepts(const std::string& signature) override {
    AcceptedDifference* const one = accepted_.Find(signature);
    if (one == nullptr) return false;
    one->met = true;
    return true;
  }

  // A command that reads differs by itself, until the write is known that its case names.
  std::string RoughCause(const std::string& signature) override {
    if (session_.oracle().survey().redis()) return signature;
    const size_t after = signature.find(" after ");
    const size_t kind = signature.find(": ", after == signature.npos ? 0 : after);
    if (after == signature.npos || kind == signature.npos) return signature;
    return signature.substr(0, after) + signature.substr(kind);
  }

  bool AcceptsRoughly(const std::string& rough_cause) override {
    bool accepts = false;
    for (AcceptedDifference& one : accepted_.list()) {
      if (RoughCause(one.signature) == rough_cause) accepts = one.met = true;
    }
    return accepts;
  }

  // Of redis and valkey each command is judged by itself.
  bool ProbablyOneCause(const std::string& one, const std::string& other) override {
    return !session_.oracle().survey().redis() && live::ProbablyOneCause(one, other);
  }

  // A server that has ended need not do so again, nor one that sends pushes at any time; and one
  // that is gone cannot be asked.
  bool MustRecur(const findings::CaseOutcome& outcome) const override {
    return !outcome.what.details.value("fatal", false) && !session_.gone() &&
           outcome.what.signature != live::kUnaskedPush;
  }

  std::string WhyVacuous() const override {
    return Requests() > 0 ? ""
                          : "no request was compared: give it more than --time " +
                                absl::StrFormat("%gs", options_.seconds);
  }

  const AcceptedDifferences& accepted() const { return accepted_; }
  const OracleSession& session() const { return session_; }

  findings::CaseRunner& runner() override { return runner_; }

  findings::SmallCase Reduce(const findings::MetCase& met,
                             const findings::ShrinkLimits& limits) override {
    if (session_.gone())
      throw runner::UserError("the server does not come back: " + session_.why_gone());
    return Search::Reduce(met, limits);
  }

  void LimitTo(std::function<bool()> over) override {
    over_ = std::move(over);
    session_.LimitTo(over_);
  }

  void Aside(bool begins) override {
    session_.LimitTo(begins ? nullptr : over_);
    if (begins) session_.Resume();
    if (begins) {
      kept_ = counts();
    } else {
      session_.set_counts(std::exchange(kept_, {}));
    }
  }

  uint64_t Requests() const override { return counts().requests; }

  std::string Begin() const {
    std::string text = runner_.spec().server.version + " against the profile " +
                       runner_.spec().server.profile + ", seed " +
                       std::to_string(options_.cases.seed) + "\n";
    const live::ServerSurvey& survey = session_.oracle().survey();
    for (const AcceptedDifference& one : accepted_.list()) {
      if (one.reason != kNoReason) continue;
      text += options_.accept + ": line " + std::to_string(one.line) + ": \"" +
              std::string(kNoReason) + "\" is no reason: " + one.signature + "\n";
    }
    if (survey.closes_after_errors() && !survey.closes_after_replies()) {
      text +=
          "it closes the connection after an error: each request is sent alone, and its client "
          "reconnects after an error\n";
    }
    if (survey.closes_after_replies()) {
      text += "it closes the connection after each reply: each request has a new connection\n";
    }
    if (!survey.redis()) return text + AbsentText(survey) + UnfitText(survey);
    if (!session_.target().active_expiry_off()) {
      text +=
          "its active expiry cannot be switched off (DEBUG is not permitted): what counts expired "
          "keys may differ\n";
    }
    return text;
  }

  std::string Line(const std::string& found, const findings::RunClock& clock) const override {
    return runner::Grouped(counts().cases) + " cases, " + runner::Grouped(Requests()) +
           " requests compared, and " + runner::Grouped(counts().state) + " of what they left, " +
           found + ", " + clock.Rate(Requests() + counts().state, "comparisons");
  }

  std::string Summary() const override {
    std::string text = std::to_string(counts().commands.size()) +
                       " commands; replies that a server may choose freely:";
    const char* separator = " ";
    for (size_t i = 0; i < live::kFreedoms; ++i) {
      const uint64_t used = counts().replies.freedoms[i];
      if (used == 0) continue;
      text += separator + std::string(live::FreedomName(static_cast<live::Freedom>(i))) + " " +
              runner::Grouped(used);
      separator = ", ";
    }
    text += *separator == ' ' ? " none\n" : "\n";
    if (counts().taken_over > 0) {
      text += "the core has taken over what the server made of " +
              runner::Grouped(counts().taken_over) + " requests that are known to differ\n";
    }
    if (counts().doubtful > 0) {
      text += "not judged, since a known difference of the same case may be the reason: " +
              runner::Grouped(counts().doubtful) + " replies\n";
    }
    if (const uint64_t other = counts().replies.other_error_texts; other > 0) {
      text += "errors with the same code and another text: " + runner::Grouped(other) + "\n";
    }
    for (const AcceptedDifference& one : accepted_.list()) {
      text += one.met ? "accepted: " + one.signature + ": " + one.reason + "\n"
                      : "stale: " + options_.accept + ": line " + std::to_string(one.line) +
                            ": was not met: " + one.signature + "\n";
    }
    return text + LeftOutText(counts(), options_.verbose, "--verbose");
  }

  Json Report() const override {
    Json json = {{"server", runner_.spec().server.version},
                 {"profile", runner_.spec().server.profile},
                 {"seed", options_.cases.seed},
                 {"cases", counts().cases},
                 {"requests", Requests()},
                 {"state", counts().state},
                 {"compared", Json::object()},
                 {"left_out", Json::object()},
                 {"options", Json::object()},
                 {"normalized", Json::object()}};
    for (const auto& [command, counted] : counts().commands) {
      const std::string name(command == nullptr ? "unknown command" : command->full_name());
      json["compared"][name] = counted.requests;
      for (const auto& [option, count] : counted.options) {
        if (count > 0) json["options"][name][option] = count;
      }
    }
    for (const auto& [reason, count] : counts().left_out) json["left_out"][reason] = count;
    json["absent"] = Json::array();
    for (const live::ServerSurvey::Absent& one : session_.oracle().survey().absent()) {
      json["absent"].push_back({{"name", one.name}, {"reply", runner::JsonText(one.reply)}});
    }
    json["unfit"] = Json::object();
    for (const auto& [name, one] : session_.oracle().survey().unfit()) {
      json["unfit"][name] = one.why;
    }
    json["not_asked"] = session_.oracle().survey().not_asked();
    json["accepted"] = Json::array();
    for (const AcceptedDifference& one : accepted_.list()) {
      json["accepted"].push_back({{"signature", runner::JsonText(one.signature)},
                                  {"reason", runner::JsonText(one.reason)},
                                  {"met", one.met}});
    }
    for (size_t i = 0; i < live::kFreedoms; ++i) {
      const uint64_t used = counts().replies.freedoms[i];
      if (used > 0) {
        json["normalized"][std::string(live::FreedomName(static_cast<live::Freedom>(i)))] = used;
      }
    }
    return json;
  }

 private:
  // Reruns the cases in flight one by one to find out which of them differs, and from which request
  // on.
  void Examine(const live::Difference& difference, const Met& met) {
    if (difference.behind_known) return;
    // Not longer than this after the run's time: the case may be a long one of a slow server. A
    // hang shows three times: as it is met, and twice in the case alone.
    constexpr double kSeconds = 10;
    constexpr int kHangs = 3;
    const double seconds = kSeconds + kHangs * session_.oracle().hang_ms() / 1000.0;
    session_.LimitTo(
        [this, end = runner::Now() + seconds] { return over_ && over_() && runner::Now() > end; });
    ExamineFirst(difference, met);
    session_.LimitTo(over_);
    // What is met on the way is not counted.
    for (const auto& [signature, count] : session_.oracle().verdict().met()) {
      counted_[signature] = count;
    }
  }

  void ExamineFirst(const live::Difference& difference, const Met& met) {
    bool found = false;
    const uint64_t suspects = session_.gone() ? 0 : difference.suspects;
    cases_.Back(suspects);
    for (uint64_t i = 0; i < suspects; ++i) {
      const CommandCase& c = cases_.Next();
      if (found && over_ && over_()) return;
      if (const auto own = session_.Run(c)) {
        if (own->fatal) ends_.insert(own->kind);
        Tell(*own, c, cases_.name(), met);
        session_.KnowIfInStep(c, *own);
        found = true;
        if (session_.gone()) return;
      }
    }
    if (found) return;
    // There was no time to find the request that has ended it once more.
    if (difference.fatal && ends_.contains(difference.kind) && over_ && over_()) return;
    // It depends on the cases before it, or the cause is unknown.
    cases_.Back(difference.cases_ago + 1);
    const CommandCase& c = cases_.Next();
    Tell(difference, c, cases_.name(), met);
    for (uint64_t i = 0; i < difference.cases_ago; ++i) cases_.Next();
  }

  // Lets the campaign count the known differences that have not ended a case.
  void CountKnown(const Met& met) {
    for (const auto& [signature, count] : session_.oracle().verdict().met()) {
      uint64_t& counted = counted_[signature];
      for (; counted < count; ++counted) {
        if (Accepts(signature)) continue;
        findings::MetCase one;
        one.outcome.what.signature = runner::JsonText(signature);
        met(std::move(one));
      }
    }
  }

  // The cases of the survey: each shows why the server is unfit.
  void AddSurveyCases() {
    const live::ServerSurvey& survey = session_.oracle().survey();
    const auto add = [&](const std::vector<std::vector<std::string>>& requests) {
      CommandCase& c = of_survey_.emplace_back();
      for (const std::vector<std::string>& words : requests) {
        const std::span<std::string_view> copy = survey_arena_.Words(words.size());
        for (size_t i = 0; i < words.size(); ++i) copy[i] = survey_arena_.Copy(words[i]);
        c.ops.emplace_back(CommandWorld::Call{.client = {}, .args = {.words = copy}});
      }
    };
    for (const auto& [name, one] : survey.unfit()) add(one.shown_by);
    if (survey.closes_after_replies()) add({{"PING"}});
    constexpr size_t kPings = 20;
    if (survey.pushes()) add(std::vector<std::vector<std::string>>(kPings, {"PING"}));
  }

  void Tell(const live::Difference& difference, const CommandCase& c, const std::string& from,
            const Met& met) {
    findings::MetCase one;
    one.tape = runner::TapeOf(c);
    one.ops = c.ops.size();
    one.from = from;
    one.seed = options_.cases.seed;
    one.outcome = runner_.OutcomeOf(difference);
    if (difference.fatal) one.outcome.files["server.log"] = session_.last_log();
    met(std::move(one));
  }

  const live::OracleCounts& counts() const { return session_.oracle().counts(); }

  const OracleVerbOptions& options_;
  OracleCaseRunner runner_;
  OracleSession& session_;
  OracleCases cases_;
  AcceptedDifferences accepted_;
  std::map<std::string, uint64_t> counted_;  // of the known differences, by signature
  std::set<std::string> ends_;  // how requests that were identified have ended the server
  Arena survey_arena_;
  std::function<bool()> over_;
  std::vector<CommandCase> of_survey_;  // those that have not run
  uint64_t taken_ = 0;
  live::OracleCounts kept_;  // while cases run that are not of the search
};

// Lines with " ; " between them.
std::string OneLine(const std::string& lines) {
  std::string text;
  for (size_t at = 0; at < lines.size();) {
    const size_t end = std::min(lines.find('\n', at), lines.size());
    text += (at > 0 ? " ; " : "") + lines.substr(at, end - at);
    at = end + 1;
  }
  return text;
}

// All differences of the run, and the accepted ones.
void WriteAccepted(const OracleVerbOptions& options, const OracleSearch& search,
                   const findings::Campaign& campaign) {
  AcceptedDifferences all = search.accepted();
  for (const auto& [signature, found] : campaign.found()) {
    const findings::Symptom& what = found.failure.what;
    AcceptedDifference one;
    one.signature = signature;
    one.reason = kNoReason;
    one.example = OneLine(what.details.value("session", "")) + " core: " + what.expected +
                  " server: " + what.seen;
    for (const auto& [as, met] : found.met_as) one.met_as.insert(as);
    all.Add(std::move(one));
  }
  all.Write(options.write_accept, search.session().target().version());
}

// True if the finding makes the run fail.
bool Fails(const OracleVerbOptions& options, const findings::Found& found) {
  return options.fail_on != "new" || !found.known;
}

// A test for each command of the profile: passed if it was compared and no finding names it, failed
// with the findings that do, skipped if the server lacks it or it was not compared, or if the
// findings do not fail the run. Findings that name no command are tests of their own.
std::vector<report::JunitTest> TestsOf(const OracleVerbOptions& options, const OracleSearch& search,
                                       const findings::Campaign& campaign) {
  using report::JunitTest;
  const live::Oracle& oracle = search.session().oracle();
  std::map<std::string, std::vector<const findings::Found*>> by_command;
  std::set<std::string, std::less<>> commands;
  for (const Command& command : Commands(oracle.profile())) {
    commands.emplace(command.full_name());
    for (const Command& subcommand : command.subcommands) commands.emplace(subcommand.full_name());
  }
  // The command that a signature begins with, or those that have shown what they share.
  const auto add_names = [&](std::string_view signature, std::set<std::string>* names) {
    const auto shared = oracle.verdict().commands_of().find(signature);
    if (shared != oracle.verdict().commands_of().end()) {
      names->insert(shared->second.begin(), shared->second.end());
    }
    for (const std::string_view place : {"state: ", "exec: "}) {
      if (signature.starts_with(place)) signature.remove_prefix(place.size());
    }
    const std::string_view name = signature.substr(0, signature.find_first_of(": "));
    if (commands.contains(name)) names->emplace(name);
  };
  for (const auto& [signature, found] : campaign.found()) {
    std::set<std::string> names;
    add_names(signature, &names);
    for (const std::string& variant : found.variants) add_names(variant, &names);
    if (names.empty()) names.insert(signature);
    for (const std::string& name : names) by_command[name].push_back(&found);
  }
  std::map<std::string, std::string> accepted;
  for (const AcceptedDifference& one : search.accepted().list()) {
    if (!one.met) continue;
    std::set<std::string> names;
    add_names(one.signature, &names);
    for (const std::string& name : names) {
      accepted[name] += "accepted: " + one.signature + ": " + one.reason + "\n";
    }
  }
  std::vector<JunitTest> tests;
  const auto fail = [&](const std::string& name, const std::vector<const findings::Found*>& found) {
    const bool fails = std::ranges::any_of(
        found, [&](const findings::Found* one) { return Fails(options, *one); });
    JunitTest test{.name = name,
                   .result = fails ? JunitTest::Result::kFailed : JunitTest::Result::kSkipped,
                   .message = fails ? "" : "known from an earlier run: "};
    const char* separator = "";
    for (const findings::Found* one : found) {
      test.message += separator + one->failure.what.signature;
      separator = "; ";
      test.text += one->failure.what.details.value("session", "") +
                   "core:   " + one->failure.what.expected + "\nserver: " + one->failure.what.seen +
                   "\n";
    }
    tests.push_back(std::move(test));
  };
  const auto add = [&](const Command& command) {
    const std::string name(command.full_name());
    if (command.HasTrait(kNotCompared) || command.spec->handler == nullptr) return;
    if (const auto found = by_command.extract(name); !found.empty()) {
      return fail(name, found.mapped());
    }
    const auto counted = oracle.counts().commands.find(&command);
    const bool compared = counted != oracle.counts().commands.end() && counted->second.requests > 0;
    JunitTest test{.name = name, .message = accepted[name]};
    if (!compared) {
      test.result = JunitTest::Result::kSkipped;
      const bool asked = std::ranges::count(oracle.survey().not_asked(), name) == 0;
      test.message = oracle.survey().Has(name) ? "was not compared"
                     : asked                   ? "absent"
                                               : "there was no time to ask about it";
    }
    tests.push_back(test);
    for (const live::ServerSurvey::Absent& absent : oracle.survey().absent()) {
      if (!absent.name.starts_with(name + " ")) continue;
      tests.push_back({.name = absent.name,
                       .result = JunitTest::Result::kSkipped,
                       .message = "absent: " + absent.reply});
    }
  };
  for (const Command& command : Commands(oracle.profile())) {
    add(command);
    for (const Command& subcommand : command.subcommands) add(subcommand);
  }
  for (const auto& [name, found] : by_command) fail(found.front()->failure.what.signature, found);
  return tests;
}

void WriteJunit(const OracleVerbOptions& options, const OracleSearch& search,
                const findings::Campaign& campaign) {
  runner::WriteFile(options.junit,
                    report::JunitDocument({{.name = search.session().target().version(),
                                            .class_name = "oracle",
                                            .seconds = campaign.clock().Seconds(),
                                            .tests = TestsOf(options, search, campaign)}}));
}

// The commands that no finding names, as results of a report, which has the findings already.
void AddCommands(const OracleVerbOptions& options, const OracleSearch& search,
                 const findings::Campaign& campaign, report::Report* report) {
  for (const report::JunitTest& test : TestsOf(options, search, campaign)) {
    const bool known = test.message.starts_with("known from");
    if (test.result == report::JunitTest::Result::kFailed || known) continue;
    report::Result result = {.name = "command " + test.name, .note = test.message};
    if (test.result == report::JunitTest::Result::kSkipped) {
      result.status = report::Status::kSkipped;
    }
    report->results.push_back(std::move(result));
  }
}

int RunOracle(const OracleVerbOptions& options) {
  const runner::Project project = runner::OpenProject();
  for (const std::string& file : {options.junit, options.write_accept}) {
    if (!file.empty()) runner::CheckWritable(file);
  }
  OracleSearch search(project, options);
  findings::CampaignOptions campaign;
  campaign.verb = "oracle";
  campaign.noun = "difference";
  campaign.prefix = "oracle-" + search.runner().spec().server.profile + "-";
  campaign.seconds = options.seconds;
  campaign.requests = options.requests;
  campaign.stop_on_failure = options.stop_on_failure;
  campaign.shrink.candidates = options.shrink_candidates;
  campaign.shrink_seconds = findings::ShrinkSecondsOf(options.seconds);
  campaign.known_fails = options.fail_on == "any";
  campaign.out = options.output.text_on_stdout() ? stdout : stderr;
  std::fputs(search.Begin().c_str(), campaign.out);
  findings::Campaign run(project, &search, campaign);
  const int code = run.Run(
      options.output, [&](report::Report* report) { AddCommands(options, search, run, report); });
  if (!options.write_accept.empty()) WriteAccepted(options, search, run);
  if (!options.junit.empty()) WriteJunit(options, search, run);
  return code;
}

}  // namespace

Verb OracleVerb() {
  const auto options = std::make_shared<OracleVerbOptions>();
  const auto groups = std::make_shared<std::string>();
  const auto commands = std::make_shared<std::string>();
  const auto without = std::make_shared<std::string>();
  const auto resp2 = std::make_shared<bool>(false);
  Verb verb("oracle", "compare the core with a live server, reply for reply");
  verb.details =
      "Cases are those of command_handler: its seed corpus and regressions, then generated ones. "
      "What differs is minimized and filed.\n"
      "A run deletes the keys of the server, and does not begin where there are any (--flush). "
      "Without --seeds, --requests and --time: 30 seconds.\n"
      "Differences go to work/findings/command_handler/oracle-…: the minimized case, its text, the "
      "lines for redis-cli, report.json, the log of a server that ended.\n"
      "With --unmodelled the server is not compared but watched: commands that the core does not "
      "have are called as the server's COMMAND DOCS say, with hostile values; a server that ends, "
      "hangs, takes too much memory or breaks the protocol is a finding "
      "(work/findings/command_handler/unmodelled-…).\n"
      "With --query the server is a RediSearch 1.2: queries of query_parser are sent to FT.EXPLAIN "
      "and FT.SEARCH, and what is accepted, and its tree, is compared with the core's parser "
      "(work/findings/query_parser/oracle-search-1.2-…).\n"
      "With --restore the server's own values are dumped, broken in a thousand ways, and given "
      "back "
      "to it by RESTORE, with sanitize-dump-payload and without; then commands of their type are "
      "called. A server that ends, hangs, takes too much memory or breaks the protocol is a "
      "finding "
      "(work/findings/restore/restore-…); its own assertions without sanitize-dump-payload are "
      "counted.\n"
      "With --check-tools broken RDB and append-only files are given to the server's "
      "redis-check-rdb "
      "and redis-check-aof: one that crashes or hangs, or repairs a file by cutting more than it "
      "must, is a finding (work/findings/check_tools/check-…).";
  verb.examples = {{"oracle --start redis-server --time 1m", "compares for a minute"},
                   {"oracle --server 127.0.0.1:6379 --flush --groups string,list",
                    "compares commands of two groups on a running server, and deletes its keys"},
                   {"oracle --query --start 'redis-server --loadmodule redisearch.so' --time 1m",
                    "compares the query parser with RediSearch 1.2"},
                   {"oracle --start valkey-server --restore --time 5m",
                    "gives a server broken values for five minutes"},
                   {"oracle --start valkey-server --unmodelled --seeds 1000",
                    "calls what the core does not have"}};
  verb.exit_codes = "0 no difference, 1 a difference, 2 wrong use, 130 interrupted.";
  options->server.AddTo(&verb, {.required = true, .sandbox = true});
  const auto not_with = [](Option& option, std::initializer_list<const char*> others) -> Option& {
    for (const char* other : others) option.Excludes(other);
    return option;
  };
  // What only the compared oracle has.
  const auto compared = [&](Option& option) -> Option& {
    return not_with(option, {"--unmodelled", "--query", "--restore", "--check-tools"});
  };
  verb.Flag("--query", &options->server.query,
            "Compare the core's query parser with RediSearch, tree by tree")
      .Excludes("--sandbox")
      .Excludes("--unmodelled")
      .Excludes("--profile");
  verb.Flag("--restore", &options->server.restore,
            "Give the server broken values by RESTORE, and watch it")
      .Excludes("--sandbox")
      .Excludes("--unmodelled")
      .Excludes("--query")
      .Excludes("--profile");
  verb.Flag("--assertions", &options->server.assertions,
            "With --restore: an assertion of the server is a finding without sanitize-dump-payload "
            "too")
      .Needs("--restore");
  verb.Flag("--check-tools", &options->server.check_tools,
            "Give broken files to the programs that check and repair those of the server")
      .Excludes("--sandbox")
      .Excludes("--restore")
      .Excludes("--unmodelled")
      .Excludes("--query")
      .Excludes("--profile");
  verb.Group("How long");
  verb.Number("--seeds", "N", &options->seeds, 1, UINT64_MAX / 2, "N generated cases");
  not_with(verb.Number("--requests", "N", &options->requests, 1, UINT64_MAX / 2,
                       "Until N requests were compared"),
           {"--unmodelled", "--check-tools"});
  verb.Time("--time", &options->seconds,
            "30s, 5m, 1h, seconds without a unit; what shrinking takes is not counted");
  verb.Flag("--stop-on-failure", &options->stop_on_failure, "End after the first difference");
  verb.Number("--shrink", "N", &options->shrink_candidates, 0, 1'000'000,
              "Smaller cases that are tried for each finding")
      .ShowDefault();
  verb.Group("Which cases");
  verb.Number("--seed", "N", &options->cases.seed, 0, UINT64_MAX / 2, "The first generated case")
      .ShowDefault();
  const auto of_commands = [&](Option& option) -> Option& {
    return not_with(option, {"--query", "--restore", "--check-tools"});
  };
  of_commands(verb.Number("--ops", "N", &options->cases.ops, 1, 100'000,
                          "Ops in each generated case; default: it varies"));
  of_commands(verb.Text("--groups", "GROUP,…", groups.get(),
                        "Only commands of these groups: string,list,…"))
      .NotBlank("it names no group: give some, such as string,list");
  compared(
      verb.Text("--commands", "NAME,…", commands.get(), "Only these commands: get,set,client|id"))
      .NotBlank("it names no command: give some, such as get,set");
  compared(verb.Text("--without", "NAME,…", without.get(), "None of these commands"))
      .NotBlank("it names no command: give some, such as get,set");
  of_commands(verb.Choice("--protocol", {"2", "3", "both"}, &options->cases.protocol,
                          "The protocol that clients begin with"))
      .ShowDefault();
  of_commands(verb.Flag("--resp2", resp2.get(), "The same as --protocol 2")).Excludes("--protocol");
  verb.Group("What is a difference");
  compared(verb.Flag("--only-errors-code", &options->server.only_error_codes,
                     "Errors are the same if their codes are, the first words"));
  compared(verb.Text("--accept", "FILE", &options->accept,
                     "Differences that are accepted: they end no case, and are not filed"));
  compared(verb.Text("--write-accept", "FILE", &options->write_accept,
                     "Write the differences of this run, and those of --accept, as such a list"));
  compared(verb.Choice("--fail-on", {"any", "new"}, &options->fail_on,
                       "Exit with 1 after any difference, or only after one that was not filed "
                       "before"))
      .ShowDefault();
  compared(verb.Text("--junit", "FILE", &options->junit,
                     "Write the result for each command, passed, failed or absent, as JUnit XML"));
  verb.Group("");
  compared(verb.Flag("--verbose", &options->verbose,
                     "List at the end why requests were left out, and how many for each reason"));
  AddReportOptions(&verb, &options->output);
  verb.run = [=] {
    options->output.Check();
    if (options->seconds == 0 && options->seeds == 0 && options->requests == 0) {
      options->seconds = 30;
    }
    options->cases.groups = SplitList(*groups);
    options->cases.commands = SplitList(*commands);
    options->cases.without = SplitList(*without);
    if (*resp2) options->cases.protocol = "2";
    if (options->server.memory_mb != LiveOptions().memory_mb && !options->server.unmodelled &&
        !options->server.restore && !options->server.query && !options->server.check_tools) {
      throw runner::UserError(
          "--memory is for --unmodelled, --query and --restore: without them a server's "
          "memory is not watched");
    }
    if (options->server.restore) return RestorePayloads(*options);
    if (options->server.check_tools) return CheckTools(*options);
    if (options->server.query) return CompareQueries(*options);
    return options->server.unmodelled ? CallUnmodelled(*options) : RunOracle(*options);
  };
  return verb;
}

}  // namespace resprobe::cli
