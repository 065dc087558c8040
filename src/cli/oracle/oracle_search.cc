#include "cli/oracle/oracle_search.h"

#include <absl/strings/str_format.h>

#include <algorithm>
#include <utility>

#include "live/oracle/command_family.h"
#include "runner/process.h"
#include "runner/text.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

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

}  // namespace

OracleSearch::OracleSearch(const runner::Project& project, const OracleVerbOptions& options)
    : options_(options),
      accepted_(options.accept.empty() ? AcceptedDifferences()
                                       : AcceptedDifferences(options.accept)),
      runner_(project, ToRunSpec(options.server, "oracle", std::string(CommandWorld::kName)),
              SurveySeconds(options)),
      session_(runner_.session()),
      cases_(project, options.cases, session_.oracle().survey(), session_.oracle().profile()) {
  AddSurveyCases();
  for (const AcceptedDifference& one : accepted_.list()) {
    session_.Know(one.signature);
    for (const std::string& signature : one.met_as) session_.Know(signature);
  }
}

bool OracleSearch::Step(const Met& met) {
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

void OracleSearch::Drain(const Met& met) {
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

bool OracleSearch::Accepts(const std::string& signature) {
  AcceptedDifference* const one = accepted_.Find(signature);
  if (one == nullptr) return false;
  one->met = true;
  return true;
}

std::string OracleSearch::RoughCause(const std::string& signature) {
  if (session_.oracle().survey().redis()) return signature;
  const size_t after = signature.find(" after ");
  const size_t kind = signature.find(": ", after == signature.npos ? 0 : after);
  if (after == signature.npos || kind == signature.npos) return signature;
  return signature.substr(0, after) + signature.substr(kind);
}

bool OracleSearch::AcceptsRoughly(const std::string& rough_cause) {
  bool accepts = false;
  for (AcceptedDifference& one : accepted_.list()) {
    if (RoughCause(one.signature) == rough_cause) accepts = one.met = true;
  }
  return accepts;
}

bool OracleSearch::ProbablyOneCause(const std::string& one, const std::string& other) {
  return !session_.oracle().survey().redis() && live::ProbablyOneCause(one, other);
}

bool OracleSearch::MustRecur(const findings::CaseOutcome& outcome) const {
  return !outcome.what.details.value("fatal", false) && !session_.gone() &&
         outcome.what.signature != live::kUnaskedPush;
}

std::string OracleSearch::WhyVacuous() const {
  return Requests() > 0 ? ""
                        : "no request was compared: give it more than --time " +
                              absl::StrFormat("%gs", options_.seconds);
}

findings::SmallCase OracleSearch::Reduce(const findings::MetCase& met,
                                         const findings::ShrinkLimits& limits) {
  if (session_.gone())
    throw runner::UserError("the server does not come back: " + session_.why_gone());
  return Search::Reduce(met, limits);
}

void OracleSearch::LimitTo(std::function<bool()> over) {
  over_ = std::move(over);
  session_.LimitTo(over_);
}

void OracleSearch::Aside(bool begins) {
  session_.LimitTo(begins ? nullptr : over_);
  if (begins) session_.Resume();
  if (begins) {
    kept_ = counts();
  } else {
    session_.set_counts(std::exchange(kept_, {}));
  }
}

std::string OracleSearch::Begin() const {
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

std::string OracleSearch::Line(const std::string& found, const findings::RunClock& clock) const {
  return runner::Grouped(taken_) + " cases, " + runner::Grouped(Requests()) +
         " requests compared, and " + runner::Grouped(counts().state) + " of what they left, " +
         found + ", " + clock.Rate(Requests() + counts().state, "comparisons");
}

std::string OracleSearch::Summary() const {
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

Json OracleSearch::Report() const {
  Json json = {{"server", runner_.spec().server.version},
               {"profile", runner_.spec().server.profile},
               {"seed", options_.cases.seed},
               {"cases", taken_},
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

void OracleSearch::Examine(const live::Difference& difference, const Met& met) {
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

void OracleSearch::ExamineFirst(const live::Difference& difference, const Met& met) {
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

void OracleSearch::CountKnown(const Met& met) {
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

void OracleSearch::AddSurveyCases() {
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

void OracleSearch::Tell(const live::Difference& difference, const CommandCase& c,
                        const std::string& from, const Met& met) {
  findings::MetCase one;
  one.tape = runner::TapeOf(c);
  one.ops = c.ops.size();
  one.from = from;
  one.seed = options_.cases.seed;
  one.outcome = runner_.OutcomeOf(difference);
  if (difference.fatal) one.outcome.files["server.log"] = session_.last_log();
  met(std::move(one));
}

}  // namespace resprobe::cli
