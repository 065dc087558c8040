#include "cli/oracle/live_runners.h"

#include <optional>
#include <utility>
#include <vector>

#include "findings/process_runner.h"
#include "live/server/target.h"
#include "runner/process.h"
#include "runner/project.h"
#include "runner/text.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

Json LiveVersions(const fs::path& source, const std::string& server, const std::string& beside) {
  Json versions = findings::OwnVersions(source);
  versions["subject"] = server;
  if (!beside.empty()) versions["beside"] = beside;
  return versions;
}

// Removes what the case itself shows.
Json DetailsOf(Json json) {
  for (const char* key : {"signature", "op", "expected", "seen"}) json.erase(key);
  return json;
}

size_t Of(const std::map<std::string, size_t>& outcomes, const char* word) {
  const auto at = outcomes.find(word);
  return at == outcomes.end() ? 0 : at->second;
}

// The word with a whole path, if it names a file.
std::string WholePath(const std::string& word) {
  std::error_code error;
  if (word.starts_with('-') || word.starts_with('/') || !fs::is_regular_file(word, error)) {
    return word;
  }
  const fs::path whole = fs::absolute(word, error);
  return error ? word : whole.lexically_normal().string();
}

}  // namespace

std::string WithWholePaths(const std::string& command) {
  std::string error;
  std::optional<std::vector<std::string>> words = live::WordsOfCommand(command, &error);
  if (!words || words->empty()) return command;
  const std::vector<std::string> given = *words;
  // Without a slash the program is one of PATH.
  const bool in_path = words->front().find('/') == std::string::npos;
  for (size_t i = in_path ? 1 : 0; i < words->size(); ++i) (*words)[i] = WholePath((*words)[i]);
  if (*words == given) return command;
  const std::string program = words->front();
  words->erase(words->begin());
  return runner::CommandLine(runner::ShellWord(program), *words);
}

LiveOptions ToLiveOptions(const findings::RunSpec& spec) {
  LiveOptions options;
  const findings::ServerSpec& server = spec.server;
  options.server.server = server.address;
  options.server.unix_path = server.unix_path;
  options.server.start = server.start;
  options.server.arguments = server.arguments;
  options.server.flush = server.flush;
  options.server.allow_remote = server.allow_remote;
  options.server.sandbox = server.sandbox;
  options.profile = server.profile.empty() ? "auto" : server.profile;
  options.server.hang_seconds = server.hang_seconds;
  options.only_error_codes = spec.options.value("only_error_codes", Json()) == Json(true);
  if (const Json known = spec.options.value("known", Json()); known.is_array()) {
    for (const Json& one : known) {
      if (one.is_string()) options.known.push_back(one.get<std::string>());
    }
  }
  options.unmodelled = spec.runner == "robustness";
  options.dangerous = spec.options.value("dangerous", Json()) == Json(true);
  options.restore = spec.runner == "restore";
  options.assertions = spec.options.value("assertions", Json()) == Json(true);
  if (const Json memory = spec.options.value("memory", Json()); memory.is_number_unsigned()) {
    options.memory_mb = memory.get<size_t>();
  }
  return options;
}

findings::RunSpec ToRunSpec(const LiveOptions& options, const std::string& runner,
                            const std::string& harness) {
  findings::RunSpec spec;
  spec.runner = runner;
  spec.harness = harness;
  findings::ServerSpec& server = spec.server;
  server.address = options.server.Address();
  server.unix_path = options.server.unix_path;
  server.start = WithWholePaths(options.server.start);
  for (const std::string& word : options.server.arguments) {
    server.arguments.push_back(WholePath(word));
  }
  server.flush = options.server.flush;
  server.allow_remote = options.server.allow_remote;
  server.sandbox = options.server.sandbox;
  if (options.profile != "auto") server.profile = options.profile;
  server.hang_seconds = options.server.hang_seconds;
  if (runner == "oracle" && options.only_error_codes) spec.options["only_error_codes"] = true;
  if (runner == "robustness" || runner == "query" || runner == "restore" ||
      runner == "check_tools") {
    if (options.dangerous) spec.options["dangerous"] = true;
    if (options.assertions) spec.options["assertions"] = true;
    spec.options["memory"] = options.memory_mb;
  }
  return spec;
}

std::string LeftOutText(const live::OracleCounts& counts, bool all, const std::string& option) {
  constexpr size_t kFew = 3;
  std::string text;
  uint64_t sum = 0;
  for (const auto& [reason, count] : counts.left_out) {
    text += "left out, " + reason + ": " + runner::Grouped(count) + "\n";
    sum += count;
  }
  if (all || counts.left_out.size() <= kFew) return text;
  return "left out: " + runner::Grouped(sum) + " requests, for " +
         std::to_string(counts.left_out.size()) + " reasons; " + option + " lists them\n";
}

OracleCaseRunner::OracleCaseRunner(const runner::Project& project, const findings::RunSpec& spec,
                                   double survey_seconds)
    : source_(project.source), spec_(spec), session_([&] {
        LiveOptions options = ToLiveOptions(spec);
        options.survey_seconds = survey_seconds;
        return options;
      }()) {
  accepted_ = session_.known();
  spec_.server.version = session_.target().version();
  spec_.server.profile = std::string(session_.profile());
}

Json OracleCaseRunner::Versions() {
  return LiveVersions(source_, spec_.server.version, "the core, " + spec_.server.profile);
}

findings::CaseOutcome OracleCaseRunner::OutcomeOf(const live::Difference& difference) const {
  findings::CaseOutcome outcome;
  outcome.word = "difference";
  findings::Symptom& what = outcome.what;
  what.signature = runner::JsonText(difference.Signature());
  what.kind = "difference";
  what.statement = "the server replies as the core with the profile " + spec_.server.profile;
  what.op = difference.op;
  what.expected = runner::JsonText(difference.core);
  what.seen = runner::JsonText(difference.server);
  what.details = DetailsOf(ToJson(difference));
  outcome.text = Describe(difference);
  outcome.files["redis-cli.txt"] = Session(difference.session);
  return outcome;
}

findings::CaseOutcome OracleCaseRunner::RunCase(const CommandCase& c) {
  return OutcomeWithCause(c, session_.Run(c));
}

findings::CaseOutcome OracleCaseRunner::OutcomeWithCause(
    const CommandCase& c, const std::optional<live::Difference>& difference) {
  if (!difference) return {};
  shown_ = difference->Signature();
  findings::CaseOutcome outcome = OutcomeOf(*difference);
  outcome.what.signature = runner::JsonText(session_.CauseOf(c, *difference));
  if (difference->fatal) outcome.files["server.log"] = session_.last_log();
  return outcome;
}

void OracleCaseRunner::ShrinkCase(findings::ShrinkBudget* budget, Arena* arena, CommandCase* c,
                                  findings::CaseOutcome* outcome, bool* reproduced) {
  // Its cause may have another.
  const std::string signature = shown_;
  *reproduced = false;
  if (!session_.Shrink(signature, budget, arena, c) || session_.gone()) return;
  // Only what a server shows that has just been started is reproduced: first without what this
  // campaign knows, since a replay knows only what the report says.
  spec_.options.erase("known");
  const live::KnownDifferences known = session_.known();
  session_.set_known(accepted_);
  std::optional<live::Difference> again = session_.RunFresh(*c);
  *reproduced = again && again->Signature() == signature;
  session_.set_known(known);
  if (!*reproduced && !session_.gone()) {
    session_.Forget(signature);
    again = session_.RunFresh(*c);
    *reproduced = again && again->Signature() == signature;
    if (*reproduced) {
      for (const std::string& one : session_.known()) {
        spec_.options["known"].push_back(runner::JsonText(one));
      }
    }
    session_.set_known(known);
  }
  if (session_.gone()) return;
  if (!*reproduced) return;
  *outcome = OutcomeWithCause(*c, again);
  if (outcome->what.signature != runner::JsonText(signature) && !spec_.options.contains("known")) {
    ShrinkByCause(budget, c, outcome);
  }
  // From now on its cases go on: a write is sent alone, and the core takes over what the server
  // makes of it.
  if (!again->fatal && !again->out_of_step) session_.Know(outcome->what.signature);
}

void OracleCaseRunner::ShrinkByCause(findings::ShrinkBudget* budget, CommandCase* c,
                                     findings::CaseOutcome* outcome) {
  const live::KnownDifferences known = session_.known();
  session_.set_known(accepted_);
  for (size_t i = c->ops.size(); i-- > 0 && !session_.gone() && budget->Spend();) {
    CommandCase fewer = *c;
    fewer.ops.erase(fewer.ops.begin() + static_cast<ptrdiff_t>(i));
    const std::optional<live::Difference> again = session_.RunFresh(fewer);
    if (!again) continue;
    findings::CaseOutcome shown = OutcomeWithCause(fewer, again);
    if (shown.what.signature != outcome->what.signature) continue;
    *c = std::move(fewer);
    *outcome = std::move(shown);
  }
  session_.set_known(known);
}

std::string OracleCaseRunner::WhySound() const {
  return "the core and " + spec_.server.version + " do not differ";
}

std::string OracleCaseRunner::Summary(size_t cases,
                                      const std::map<std::string, size_t>& outcomes) const {
  std::string text;
  if (cases > 1) {
    text = std::to_string(cases) + " cases on " + spec_.server.version +
           " and the core: " + std::to_string(Of(outcomes, "difference")) + " differ, " +
           runner::Grouped(session_.oracle().counts().requests) + " requests compared\n";
  }
  return text + LeftOutText(session_.oracle().counts(), false, "--format json");
}

Json OracleCaseRunner::Report() const {
  Json json = {{"server", spec_.server.version}, {"profile", spec_.server.profile}};
  for (const auto& [reason, count] : session_.oracle().counts().left_out) {
    json["left_out"][reason] = count;
  }
  return json;
}

RobustnessCaseRunner::RobustnessCaseRunner(const runner::Project& project,
                                           const findings::RunSpec& spec)
    : source_(project.source), spec_(spec), session_(ToLiveOptions(spec)) {
  spec_.server.version = session_.target().version();
}

Json RobustnessCaseRunner::Versions() { return LiveVersions(source_, spec_.server.version, ""); }

findings::CaseOutcome RobustnessCaseRunner::OutcomeOf(const live::Fault& fault) {
  findings::CaseOutcome outcome;
  outcome.word = "fault";
  findings::Symptom& what = outcome.what;
  what.signature = runner::JsonText(fault.Signature());
  what.kind = std::string(live::FaultName(fault.kind));
  what.statement =
      "a server lives, answers every request once and in RESP, and stays within its memory";
  what.op = fault.op;
  what.seen = what.signature;
  what.details = DetailsOf(ToJson(fault));
  outcome.text = Describe(fault);
  outcome.files["redis-cli.txt"] = Session(fault.session);
  if (!fault.log.empty()) outcome.files["server.log"] = fault.log;
  return outcome;
}

findings::CaseOutcome RobustnessCaseRunner::RunCase(const CommandCase& c) {
  last_ = session_.Run(c);
  return last_ ? OutcomeOf(*last_) : findings::CaseOutcome();
}

void RobustnessCaseRunner::ShrinkCase(findings::ShrinkBudget* budget, Arena* arena, CommandCase* c,
                                      findings::CaseOutcome* outcome, bool* reproduced) {
  if (!session_.target().own()) {
    throw runner::UserError(
        "a server that is watched is restarted for every candidate: use --start");
  }
  *reproduced = session_.Shrink(budget, arena, c, &*last_);
  *outcome = OutcomeOf(*last_);
}

std::string RobustnessCaseRunner::WhySound() const { return spec_.server.version + " bears it"; }

std::string RobustnessCaseRunner::Summary(size_t cases,
                                          const std::map<std::string, size_t>& outcomes) const {
  std::string text;
  if (cases > 1) {
    text = std::to_string(cases) + " cases on " + spec_.server.version + ": " +
           std::to_string(Of(outcomes, "fault")) + " faults, " +
           runner::Grouped(session_.counts().requests) + " calls\n";
  }
  for (const auto& [reason, count] : session_.counts().left_out) {
    text += "not sent, " + reason + ": " + runner::Grouped(count) + "\n";
  }
  return text;
}

Json RobustnessCaseRunner::Report() const {
  Json json = {{"server", spec_.server.version}};
  for (const auto& [reason, count] : session_.counts().left_out) json["left_out"][reason] = count;
  return json;
}

ModelCaseRunner::ModelCaseRunner(const runner::Project& project, const findings::RunSpec& spec,
                                 uint64_t restart_every)
    : source_(project.source), spec_(spec), session_(ToLiveOptions(spec), restart_every) {
  spec_.server.version = session_.version();
  spec_.server.profile = std::string(session_.profile());
}

Json ModelCaseRunner::Versions() {
  return LiveVersions(source_, spec_.server.version, "the core, " + spec_.server.profile);
}

findings::CaseOutcome ModelCaseRunner::RunCase(const InvalidationCase& c) {
  const std::optional<ModelFailure> failure = session_.Run(c);
  if (!failure) return {};
  findings::CaseOutcome outcome;
  outcome.word = failure->difference ? "difference" : "violation";
  findings::Symptom& what = outcome.what;
  what.signature = runner::JsonText(failure->signature);
  what.kind = outcome.word;
  what.statement =
      failure->difference
          ? "the server sends what the core sends with the profile " + spec_.server.profile
          : "the invariant holds on the server as it does in the simulation";
  what.op = failure->op;
  what.expected = runner::JsonText(failure->expected);
  what.seen = runner::JsonText(failure->seen);
  what.details = DetailsOf(ToJson(*failure));
  outcome.text = Describe(*failure);
  return outcome;
}

void ModelCaseRunner::ShrinkCase(findings::ShrinkBudget* budget, Arena* arena, InvalidationCase* c,
                                 findings::CaseOutcome* outcome, bool* reproduced) {
  const std::string signature = outcome->what.signature;
  session_.Shrink(signature, budget, arena, c);
  // What depends on the server's choices may need another attempt.
  findings::CaseOutcome again = RunCase(*c);
  *reproduced = again.what.signature == signature;
  if (*reproduced) *outcome = std::move(again);
}

std::string ModelCaseRunner::WhySound() const {
  return "the core and " + spec_.server.version + " do not differ";
}

std::string ModelCaseRunner::Summary(size_t cases,
                                     const std::map<std::string, size_t>& outcomes) const {
  return std::to_string(cases) + " case" + (cases == 1 ? "" : "s") + " on " + spec_.server.version +
         " and the core: " +
         std::to_string(Of(outcomes, "difference") + Of(outcomes, "violation")) + " differ\n" +
         Describe(session_.pair().counts(), session_.pair().sets_clock());
}

Json ModelCaseRunner::Report() const {
  return {{"server", spec_.server.version},
          {"profile", spec_.server.profile},
          {"counts", ToJson(session_.pair().counts())},
          {"sets_clock", session_.pair().sets_clock()}};
}

}  // namespace resprobe::cli
