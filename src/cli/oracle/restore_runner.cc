#include "cli/oracle/restore_runner.h"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "cli/oracle/address_space.h"
#include "cli/oracle/live_runners.h"
#include "engine/shrink.h"
#include "findings/process_runner.h"
#include "live/restore/payload_shrink.h"
#include "runner/json.h"
#include "runner/output.h"
#include "runner/process.h"
#include "runner/user_error.h"

namespace resprobe::cli {
RestoreCaseRunner::RestoreCaseRunner(const runner::Project& project, const findings::RunSpec& spec)
    : source_(project.source), spec_(spec) {
  const LiveOptions options = ToLiveOptions(spec);
  assertions_ = options.assertions;
  live::TargetOptions target = options.server.Target();
  if (target.start.empty() && !target.flush) {
    throw runner::UserError(
        "--restore may end a server, and loses what it holds: use --start, or permit it with "
        "--flush");
  }
  target.most_megabytes = AddressSpace(options.memory_mb);
  std::string error;
  target_ = live::LiveServer::Open(target, &error);
  if (target_ == nullptr && error.find("Shadow") != error.npos) {
    error += ": with AddressSanitizer it needs --memory 0";
  }
  if (target_ == nullptr) runner::ThrowServerError(error);
  restore_ = std::make_unique<live::RestoreRunner>(
      target_.get(), live::RestoreOptions{.hang_ms = options.server.hang_seconds * 1000,
                                          .memory_mb = options.memory_mb,
                                          .stop = [] { return runner::Interrupted(); }});
  if (!restore_->Prepare(false, &error)) runner::ThrowServerError(error);
  spec_.server.version = target_->version();
  spec_.server.profile = std::string(restore_->profile());
}

Json RestoreCaseRunner::Versions() {
  Json versions = findings::OwnVersions(source_);
  versions["subject"] = spec_.server.version;
  return versions;
}

bool RestoreCaseRunner::Prepare(bool fresh) {
  std::string error;
  if (restore_->Prepare(fresh, &error)) return true;
  if (runner::Interrupted()) return false;
  throw runner::UserError("the server does not come back: " + error);
}

std::optional<live::RestoreFailure> RestoreCaseRunner::Try(const live::RestoreCase& c, bool fresh) {
  if ((fresh || restore_->stale()) && !Prepare(fresh)) return std::nullopt;
  return restore_->Run(c);
}

bool RestoreCaseRunner::Tolerates(const live::RestoreFailure& failure) const {
  return failure.kind == live::RestoreFailure::Kind::kAssertion && !assertions_;
}

findings::CaseOutcome RestoreCaseRunner::OutcomeOf(const live::RestoreFailure& failure) {
  const auto cut = [](const std::string& text) {
    constexpr size_t kMost = 600;
    return text.size() <= kMost ? text : text.substr(0, kMost) + " …";
  };
  findings::CaseOutcome outcome;
  using Kind = live::RestoreFailure::Kind;
  outcome.word = failure.kind == Kind::kAssertion ? "assertion"
                 : failure.kind == Kind::kVerdict ? "difference"
                                                  : "fault";
  findings::Symptom& what = outcome.what;
  what.signature = runner::JsonText(failure.Signature());
  what.kind = std::string(live::RestoreFailureName(failure.kind));
  what.statement =
      "a server that is given any value refuses it, or lives with it: it answers every request "
      "once, in the shape of the command, and stays within its memory";
  if (failure.kind == Kind::kVerdict) {
    what.statement = "the server accepts and refuses the values that the core does";
  }
  what.op = failure.op;
  what.seen = what.signature;
  what.details = {{"detail", runner::JsonText(failure.detail)},
                  {"command", runner::JsonText(failure.command)},
                  {"request", runner::JsonText(failure.request)},
                  {"sanitize", failure.sanitize}};
  outcome.text = "  request:   " + cut(failure.request) + "\n  redis-cli:\n";
  for (const std::string& line : failure.session) {
    outcome.text += "    " + cut(line) + "\n";
    outcome.files["redis-cli.txt"] += line + "\n";
  }
  if (!failure.log.empty()) outcome.files["server.log"] = failure.log;
  return outcome;
}

findings::CaseOutcome RestoreCaseRunner::RunCase(const live::RestoreCase& c) {
  const std::optional<live::RestoreFailure> failure = Try(c);
  if (!failure) return {};
  if (Tolerates(*failure)) {
    ++tolerated_;
    return {};
  }
  return OutcomeOf(*failure);
}

void RestoreCaseRunner::ShrinkCase(findings::ShrinkBudget* budget, Arena* arena,
                                   live::RestoreCase* c, findings::CaseOutcome* outcome,
                                   bool* reproduced) {
  if (!target_->own()) {
    throw runner::UserError(
        "a server that is watched is restarted for every candidate: use --start");
  }
  const std::string signature = outcome->what.signature;
  const auto same = [&](const std::optional<live::RestoreFailure>& failure) {
    return failure && runner::JsonText(failure->Signature()) == signature;
  };
  const int hang_ms = restore_->hang_ms();
  restore_->set_hang_ms(ShrinkingHangMs(hang_ms));
  // On the server as it is: what passes leaves nothing, and what fails in this way restarts it.
  const std::function<bool(const live::RestoreCase&)> fails = [&](const live::RestoreCase& one) {
    return budget->Spend() && same(Try(one));
  };
  live::RestoreCase small = *c;
  DeleteRuns<live::RestoreWorld::Op>(
      &small.ops,
      [&](const std::vector<live::RestoreWorld::Op>& ops) { return fails({small.config, ops}); });
  for (live::RestoreWorld::Op& op : small.ops) {
    auto* const restore = std::get_if<live::RestoreWorld::Restore>(&op);
    if (restore == nullptr) continue;
    std::string value(restore->value.bytes);
    live::ShrinkPayload(&value, [&](const std::string& candidate) {
      const std::string_view before = restore->value.bytes;
      restore->value.bytes = arena->Copy(candidate);
      if (fails(small)) return true;
      restore->value.bytes = before;
      return false;
    });
  }
  resprobe::Shrink<live::RestoreWorld>(fails, arena, &small);
  restore_->set_hang_ms(hang_ms);
  if (runner::Interrupted()) {
    *c = small;  // it has failed in the same way
    return;
  }
  // Alone on a server that has just been started.
  for (const live::RestoreCase* candidate : {&std::as_const(small), &std::as_const(*c)}) {
    const std::optional<live::RestoreFailure> again = Try(*candidate, true);
    *reproduced = same(again);
    if (!*reproduced) continue;
    *outcome = OutcomeOf(*again);
    if (candidate == &small) *c = small;
    return;
  }
}

std::string RestoreCaseRunner::WhySound() const { return spec_.server.version + " bears it"; }

std::string RestoreCaseRunner::Summary(size_t cases,
                                       const std::map<std::string, size_t>& outcomes) const {
  std::string text;
  if (cases > 1) text = findings::CountOutcomes(cases, outcomes);
  if (tolerated_ > 0) {
    text += "assertions without sanitize-dump-payload, which count with --assertions: " +
            runner::Grouped(tolerated_) + "\n";
  }
  return text;
}

Json RestoreCaseRunner::Report() const {
  return {{"server", spec_.server.version}, {"tolerated", tolerated_}};
}

}  // namespace resprobe::cli
