#include "cli/oracle/query_runner.h"

#include <cstdint>
#include <utility>

#include "cli/oracle/address_space.h"
#include "cli/oracle/live_runners.h"
#include "engine/bytes_text.h"
#include "engine/raw_harness.h"
#include "findings/process_runner.h"
#include "runner/output.h"
#include "runner/process.h"
#include "runner/user_error.h"
#include "worlds/query/query_parser.h"

namespace resprobe::cli {
namespace {

Bytes BytesOf(std::string_view tape) {
  return {reinterpret_cast<const uint8_t*>(tape.data()), tape.size()};
}

std::string TextOf(const Tape& tape) { return {tape.begin(), tape.end()}; }

}  // namespace

QueryCaseRunner::QueryCaseRunner(const runner::Project& project, const findings::RunSpec& spec)
    : source_(project.source), spec_(spec) {
  const LiveOptions options = ToLiveOptions(spec);
  live::TargetOptions target = options.server.Target();
  // The module of this machine is no part of the case.
  spec_.server.start = live::WithoutSearchModule(target.start);
  if (!target.start.empty()) target.start = live::WithSearchModule(target.start);
  target.most_megabytes = AddressSpace(options.memory_mb);
  std::string error;
  target_ = live::LiveServer::Open(target, &error);
  if (target_ == nullptr) runner::ThrowServerError(error);
  oracle_ = std::make_unique<live::QueryOracle>(
      target_.get(), live::QueryOracleOptions{.hang_ms = options.server.hang_seconds * 1000,
                                              .memory_mb = options.memory_mb,
                                              .stop = [] { return runner::Interrupted(); }});
  if (!oracle_->Prepare(false, &error)) runner::ThrowServerError(error);
  spec_.server.version = target_->version() + ", " + oracle_->version();
  spec_.server.profile = std::string(live::kSearchProfile);
}

QueryCaseRunner::~QueryCaseRunner() {
  if (!target_->own()) oracle_->Close();
}

Json QueryCaseRunner::Versions() {
  Json versions = findings::OwnVersions(source_);
  versions["subject"] = spec_.server.version;
  versions["beside"] = "the core's query parser, " + spec_.server.profile;
  return versions;
}

std::optional<live::QueryFailure> QueryCaseRunner::RunTape(std::string_view tape, bool fresh) {
  std::string error;
  if ((fresh || oracle_->stale()) && !oracle_->Prepare(fresh, &error)) {
    if (runner::Interrupted()) return std::nullopt;
    throw runner::UserError("the server does not come back: " + error);
  }
  return oracle_->Run(BytesOf(tape));
}

findings::CaseOutcome QueryCaseRunner::OutcomeOf(const live::QueryFailure& failure) {
  findings::CaseOutcome outcome;
  outcome.word = failure.is_fault() ? "fault" : "difference";
  findings::Symptom& what = outcome.what;
  what.signature = runner::JsonText(failure.Signature());
  what.kind = outcome.word;
  what.statement = failure.is_fault()
                       ? "a server answers every query, and stays within its memory"
                       : "the server accepts the queries of the core's parser, with its trees, but "
                         "for the rules of search-1.2";
  what.expected = runner::JsonText(failure.expected);
  what.seen = runner::JsonText(failure.is_fault() ? failure.Signature() : failure.seen);
  what.details = {{"request", runner::JsonText(failure.request)}};
  outcome.text = "  request:   " + failure.request + "\n";
  if (!failure.is_fault()) {
    outcome.text += "  parser:\n" + findings::Indented(failure.expected) + "  server:\n" +
                    findings::Indented(failure.seen);
  }
  for (const std::string& line : failure.session) outcome.files["redis-cli.txt"] += line + "\n";
  if (!failure.log.empty()) outcome.files["server.log"] = failure.log;
  return outcome;
}

void QueryCaseRunner::Run(const std::vector<fs::path>& files, bool /*trace*/, bool twice,
                          const Take& take) {
  for (const fs::path& file : files) {
    if (runner::Interrupted()) throw runner::Interruption();
    const std::string tape = TapeOf(file);
    const std::optional<live::QueryFailure> failure = RunTape(tape);
    findings::CaseOutcome outcome = failure ? OutcomeOf(*failure) : findings::CaseOutcome();
    if (twice && !runner::Interrupted()) {
      const std::optional<live::QueryFailure> again = RunTape(tape);
      const std::string signature = again ? again->Signature() : "";
      if (runner::JsonText(signature) != outcome.what.signature) {
        if (again) outcome = OutcomeOf(*again);
        outcome.word = "not deterministic";
      }
    }
    outcome.ops = 1;
    if (runner::Interrupted() && !outcome.failed()) throw runner::Interruption();
    take(file, std::move(outcome));
  }
}

findings::SmallCase QueryCaseRunner::Shrink(const fs::path& file,
                                            const findings::ShrinkLimits& limits) {
  findings::SmallCase small;
  small.tape = TapeOf(file);
  small.ops_before = small.ops_after = 1;
  // A private server is a fresh one, so that the case alone is shown to fail.
  const std::optional<live::QueryFailure> first = RunTape(small.tape, target_->own());
  if (!first && runner::Interrupted()) throw runner::Interruption();
  if (!first) return small;
  if (first->fatal() && !target_->own()) {
    throw runner::UserError("the server is restarted for every candidate: use --start");
  }
  small.failed = true;
  const std::string signature = first->Signature();
  small.outcome = OutcomeOf(*first);
  const double end = runner::Now() + limits.seconds;
  const int hang_ms = oracle_->hang_ms();
  oracle_->set_hang_ms(ShrinkingHangMs(hang_ms));
  const Bytes tape = BytesOf(small.tape);
  const Tape smallest = RawHarness<QueryParser<>>().Shrink(
      tape,
      [&](Bytes candidate) {
        if (runner::Interrupted() || runner::Now() > end) return false;
        ++small.candidates;
        const Tape copy(candidate.begin(), candidate.end());
        const auto failure = RunTape(cli::TextOf(copy));
        return failure && failure->Signature() == signature;
      },
      limits.candidates);
  oracle_->set_hang_ms(hang_ms);
  small.interrupted = runner::Interrupted();
  if (small.interrupted) {
    small.tape = cli::TextOf(smallest);
    return small;
  }
  const std::optional<live::QueryFailure> last = RunTape(cli::TextOf(smallest), target_->own());
  small.reproduced = last && last->Signature() == signature;
  if (small.reproduced) {
    small.tape = cli::TextOf(smallest);
    small.outcome = OutcomeOf(*last);
  }
  return small;
}

std::string QueryCaseRunner::TextOf(const fs::path& file) {
  return PrintBytes(QueryParser<>::kName, TapeOf(file));
}

std::string QueryCaseRunner::TapeOf(const fs::path& file) {
  std::string content = runner::ReadFile(file);
  if (!content.starts_with("ops ") && file.extension() != ".ops") return content;
  std::string tape;
  const std::string error = ParseBytes(QueryParser<>::kName, content, &tape);
  if (!error.empty()) throw runner::UserError(file.string() + ": " + error);
  return tape;
}

std::string QueryCaseRunner::WhySound() const {
  return "the core's parser and " + spec_.server.version + " do not differ";
}

std::string QueryCaseRunner::Rules() const {
  std::string text;
  for (const live::SearchRule& rule : live::SearchRules()) {
    const auto at = counts().rules.find(rule.name);
    if (at == counts().rules.end()) continue;
    text += std::string(rule.left_out ? "left out" : "to be refused") + " by " +
            spec_.server.profile + ", " + std::string(rule.name) + ": " +
            runner::Grouped(at->second) + "\n";
  }
  return text;
}

std::string QueryCaseRunner::Summary(size_t cases,
                                     const std::map<std::string, size_t>& outcomes) const {
  if (cases <= 1) return Rules();
  return findings::CountOutcomes(cases, outcomes) + Rules();
}

Json QueryCaseRunner::Report() const {
  Json json = {{"server", spec_.server.version},
               {"profile", spec_.server.profile},
               {"trees", counts().trees},
               {"refusals", counts().refusals},
               {"rules", Json::object()}};
  for (const auto& [rule, count] : counts().rules) json["rules"][rule] = count;
  return json;
}

}  // namespace resprobe::cli
