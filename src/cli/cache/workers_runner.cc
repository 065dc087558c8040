#include "cli/cache/workers_runner.h"

#include <algorithm>
#include <utility>

#include "cachelab/http/url_target.h"
#include "cachelab/hunt/pool_target.h"
#include "cli/cache/stale_json.h"
#include "cli/oracle/live_runners.h"
#include "engine/triage.h"
#include "findings/process_runner.h"
#include "runner/process.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

// A longer timeline is only in its file.
constexpr size_t kMostLines = 60;
constexpr std::string_view kHang = "no_lock_left";

std::string TextOption(const findings::RunSpec& spec, const char* name,
                       const std::string& otherwise) {
  const Json value = spec.options.value(name, Json());
  return value.is_string() ? value.get<std::string>() : otherwise;
}

PoolVerbOptions ToPoolOptions(const findings::RunSpec& spec) {
  PoolVerbOptions pool;
  pool.server = ToLiveOptions(spec).server;
  if (const Json slots = spec.options.value("slots", Json()); slots.is_number_unsigned()) {
    pool.slots = static_cast<int>(std::clamp<uint64_t>(slots.get<uint64_t>(), 16, 1 << 20));
  }
  pool.injected_fault = TextOption(spec, "plant", "");
  if (!pool.injected_fault.empty() && !cachelab::ParseInjectedFault(pool.injected_fault)) {
    throw runner::UserError("there is no fault '" + pool.injected_fault +
                            "' to plant: the report is of another version of resprobe");
  }
  return pool;
}

std::string StatementOf(std::string_view invariant) {
  for (const InvariantInfo& info : cachelab::StaleWorld::kInvariants) {
    if (info.name == invariant) return std::string(info.statement);
  }
  return "";
}

}  // namespace

WorkersCaseRunner::WorkersCaseRunner(const runner::Project& project, const findings::RunSpec& spec)
    : source_(project.source),
      spec_(spec),
      pool_(ToPoolOptions(spec)),
      url_(TextOption(spec, "url", "")),
      key_prefix_(TextOption(spec, "key_prefix", cachelab::KeyPlan().prefix)) {
  if (url_.empty()) {
    server_ = pool_.OpenServer(false);
    cache_ = server_->version();
    spec_.server.version = cache_;
  } else {
    cache_ = url_;
    Open({});
  }
}

WorkersCaseRunner::~WorkersCaseRunner() {
  const bool foreign = server_ == nullptr || !server_->own();
  if (target_ != nullptr && foreign && target_->failure().empty()) target_->Reset();
}

void WorkersCaseRunner::Close() {
  if (target_ == nullptr) return;
  deaths_ += target_->deaths();
  stops_ += target_->stops();
  target_.reset();
}

cachelab::StaleTarget& WorkersCaseRunner::Open(const cachelab::stale::Config& config) {
  PoolVerbOptions pool = pool_;
  const cachelab::stale::PoolShape shape = cachelab::stale::ShapeOf(config);
  pool.FitSlots(cachelab::stale::KeysOf(config));
  // Larger slots than needed do no harm: a case that shrinks keeps its workers.
  const bool fits =
      target_ != nullptr && (!url_.empty() || (shape_ == shape && slot_bytes_ >= pool.slot_bytes));
  if (fits && target_->failure().empty()) return *target_;
  Close();
  std::string error;
  if (!url_.empty()) {
    // The keys that an earlier target left are its own.
    target_ = cachelab::UrlTarget::Open(url_, pool.server.allow_remote,
                                        pool.server.flush || opened_, &error);
  } else {
    pool.workers = shape.workers;
    pool.writers = shape.writers;
    cachelab::PoolOptions options = pool.Pool(server_.get(), pool.slot_bytes);
    options.tracking = shape.tracking;
    options.stop = [] { return runner::Interrupted(); };
    target_ = cachelab::PoolTarget::Open(std::move(options), &error);
  }
  if (target_ == nullptr && runner::Interrupted()) throw runner::Interruption();
  if (target_ == nullptr) throw runner::UserError(error);
  target_->set_key_prefix(key_prefix_);
  opened_ = true;
  shape_ = shape;
  slot_bytes_ = pool.slot_bytes;
  return *target_;
}

cachelab::StaleOutcome WorkersCaseRunner::RunOnce(
    const cachelab::StaleCase& c,
    const std::function<void(const cachelab::StaleWorld&)>& on_round) {
  cachelab::StaleTarget& target = Open(c.config);
  cachelab::StaleOutcome outcome = cachelab::RunStaleCase(&target, c, on_round);
  counts_ += outcome.counts;
  if (!outcome.sound && !outcome.violation && !runner::Interrupted())
    throw runner::UserError(target.failure());
  return outcome;
}

findings::CaseOutcome WorkersCaseRunner::OutcomeOf(const cachelab::StaleOutcome& stale) {
  findings::CaseOutcome outcome;
  if (!stale.violation) return outcome;
  const Violation& violation = *stale.violation;
  outcome.word = "violation";
  findings::Symptom& what = outcome.what;
  what.signature = runner::JsonText(stale.signature);
  what.kind = "violation";
  what.invariant = violation.invariant;
  what.statement = StatementOf(violation.invariant);
  what.op = violation.op;
  what.expected = runner::JsonText(violation.expected);
  what.seen = runner::JsonText(violation.seen);
  if (violation.invariant == "no_worker_crash") what.frames = ReadSignature(violation.seen).frames;
  outcome.text = "  expected:  " + violation.expected + "\n  seen:      " + violation.seen + "\n";
  const bool is_short = stale.events.size() <= kMostLines;
  std::string& timeline = outcome.files["timeline.txt"];
  for (const cachelab::StaleEvent& event : stale.events) {
    timeline += ToLine(event) + "\n";
    if (is_short) what.details["timeline"].push_back(ToJson(event));
  }
  if (is_short) outcome.text += findings::Indented(timeline);
  return outcome;
}

Json WorkersCaseRunner::Versions() {
  Json versions = findings::OwnVersions(source_);
  versions["subject"] = url_.empty() ? "caching workers in front of " + cache_ : cache_;
  return versions;
}

findings::CaseOutcome WorkersCaseRunner::RunCase(const cachelab::StaleCase& c) {
  last_.reset();
  for (int i = 0; i < kAttempts && !runner::Interrupted(); ++i) {
    last_ = RunOnce(c);
    if (last_->violation) return OutcomeOf(*last_);
  }
  return {};
}

void WorkersCaseRunner::ShrinkCase(findings::ShrinkBudget* budget, Arena* /*arena*/,
                                   cachelab::StaleCase* c, findings::CaseOutcome* outcome,
                                   bool* reproduced) {
  const Violation violation = *last_->violation;
  const bool hangs = violation.invariant == kHang;
  const int hang_seconds = pool_.server.hang_seconds;
  const auto wait = [&](int seconds) {
    if (!hangs || pool_.server.hang_seconds == seconds) return;
    pool_.server.hang_seconds = seconds;
    Close();
  };
  wait((ShrinkingHangMs(hang_seconds * 1000) + 999) / 1000);
  cachelab::ShrunkCase shrunk =
      cachelab::Shrink([this](const cachelab::StaleCase& one) { return RunOnce(one); }, *c,
                       violation, {.runs = SIZE_MAX, .stop = [&] { return !budget->Spend(); }});
  wait(hang_seconds);
  if (!shrunk.reproduced) return;  // it has failed alone, just before
  if (hangs) {
    // The smallest case must hang for the full time.
    const findings::CaseOutcome again = RunCase(shrunk.smallest);
    if (again.what.invariant != violation.invariant) return;
    *outcome = again;
  } else {
    *outcome = OutcomeOf(shrunk.outcome);
  }
  *c = std::move(shrunk.smallest);
  *reproduced = true;
}

std::string WorkersCaseRunner::WhySound() const {
  return "in " + std::to_string(kAttempts) + " runs the workers in front of " + cache_ +
         " read nothing stale";
}

std::string WorkersCaseRunner::Summary(size_t cases,
                                       const std::map<std::string, size_t>& outcomes) const {
  const auto failed = outcomes.find("violation");
  return std::to_string(cases) + (cases == 1 ? " case" : " cases") + " in front of " + cache_ +
         ", each up to " + std::to_string(kAttempts) +
         " times: " + std::to_string(failed == outcomes.end() ? 0 : failed->second) + " fail, " +
         runner::Grouped(counts_.checked) + " reads checked\n";
}

Json WorkersCaseRunner::Report() const {
  return {{"cache", cache_}, {"counts", ToJson(counts_)}, {"deaths", deaths()}, {"stops", stops()}};
}

uint64_t WorkersCaseRunner::deaths() const {
  return deaths_ + (target_ == nullptr ? 0 : target_->deaths());
}

uint64_t WorkersCaseRunner::stops() const {
  return stops_ + (target_ == nullptr ? 0 : target_->stops());
}

}  // namespace resprobe::cli
