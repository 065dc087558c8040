#include "cli/oracle/model_session.h"

#include <functional>

#include "engine/shrink.h"
#include "live/net/server_listener.h"
#include "runner/files.h"
#include "runner/json.h"
#include "runner/process.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

std::string Indented(const std::string& text) {
  std::string lines;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    lines += "    " + text.substr(at, end - at) + "\n";
    at = end + 1;
  }
  return lines;
}

}  // namespace

ModelSession::ModelSession(const LiveOptions& options, uint64_t restart_every) {
  live::PairOptions pair;
  pair.target = options.server.Target();
  pair.hang_ms = options.server.hang_seconds * 1000;
  pair.restart_every = restart_every;
  std::string error;
  if (options.profile != "auto") {
    pair.profile = live::ParseProfile(options.profile, &error);
    if (!pair.profile) throw runner::UserError("--profile: " + error);
  }
  pair_ = live::PairedServer::Open(pair, &error);
  if (pair_ == nullptr) runner::ThrowServerError(error);
  harness_ = std::make_unique<OpsHarness<live::InvalidationLiveWorld>>(std::in_place, pair_.get());
}

std::optional<ModelFailure> ModelSession::Run(const InvalidationCase& c) {
  RunContext run;
  harness_->RunCase(c, run);
  if (!run.violated()) return std::nullopt;
  const Violation& violation = run.violation();
  ModelFailure failure;
  failure.difference = pair_->difference();
  failure.op = violation.op;
  if (failure.difference) {
    failure.signature = failure.difference->Signature();
    failure.expected = failure.difference->model;
    failure.seen = failure.difference->server;
  } else {
    failure.signature = "invariant: " + violation.invariant;
    failure.expected = violation.expected;
    failure.seen = violation.seen;
  }
  std::string error;
  if (!pair_->Prepare(&error) && !runner::Interrupted()) {
    throw runner::UserError(failure.signature + ", and the server does not come back: " + error);
  }
  return failure;
}

void ModelSession::Shrink(const std::string& signature, findings::ShrinkBudget* budget,
                          Arena* arena, InvalidationCase* c) {
  const std::function<bool(const InvalidationCase&)> fails = [&](const InvalidationCase& one) {
    if (!budget->Spend()) return false;
    const std::optional<ModelFailure> failure = Run(one);
    return failure && failure->signature == signature;
  };
  const int hang_ms = pair_->hang_ms();
  pair_->set_hang_ms(ShrinkingHangMs(hang_ms));
  resprobe::Shrink<InvalidationWorld>(fails, arena, c);
  pair_->set_hang_ms(hang_ms);
}

std::string Describe(const ModelFailure& failure) {
  std::string text;
  if (failure.difference) {
    text += "  at:        " + failure.difference->request +
            "\n  on:        " + failure.difference->where + "\n";
  }
  text += std::string(failure.difference ? "  core:\n" : "  expected:\n") +
          Indented(failure.expected) + (failure.difference ? "  server:\n" : "  seen:\n") +
          Indented(failure.seen);
  if (!failure.difference) return text;
  text += "  requests, by connection:\n";
  for (const std::string& line : failure.difference->session) text += "    " + line + "\n";
  return text;
}

Json ToJson(const ModelFailure& failure) {
  Json json = {{"signature", runner::JsonText(failure.signature)},
               {"op", failure.op},
               {failure.difference ? "core" : "expected", runner::JsonText(failure.expected)},
               {failure.difference ? "reply" : "seen", runner::JsonText(failure.seen)}};
  if (!failure.difference) return json;
  json["request"] = runner::JsonText(failure.difference->request);
  json["where"] = runner::JsonText(failure.difference->where);
  json["session"] = Json::array();
  for (const std::string& line : failure.difference->session) {
    json["session"].push_back(runner::JsonText(line));
  }
  return json;
}

std::string Describe(const live::PairCounts& counts, bool sets_clock) {
  std::string text =
      runner::Grouped(counts.requests) + " requests: " + runner::Grouped(counts.replies) +
      " replies and " + runner::Grouped(counts.pushes) + " pushes compared, and " +
      runner::Grouped(counts.state) + " numbers of what was left; " +
      runner::Grouped(counts.expired) + " keys expired, " + runner::Grouped(counts.restarts) +
      " restarts, " + runner::Grouped(counts.processes) + " of them by a new process\n";
  if (!sets_clock) text += "its clock cannot be set: nothing expires there\n";
  for (const auto& [what, count] : counts.free) {
    text += "the server's choice, " + what + ": " + runner::Grouped(count) + "\n";
  }
  for (const auto& [what, count] : counts.left_out) {
    text += "not transferable, " + what + ": " + runner::Grouped(count) + "\n";
  }
  return text;
}

Json ToJson(const live::PairCounts& counts) {
  Json json = {{"cases", counts.cases},       {"requests", counts.requests},
               {"replies", counts.replies},   {"pushes", counts.pushes},
               {"state", counts.state},       {"expired", counts.expired},
               {"restarts", counts.restarts}, {"processes", counts.processes},
               {"free", Json::object()},      {"left_out", Json::object()}};
  for (const auto& [what, count] : counts.free) json["free"][what] = count;
  for (const auto& [what, count] : counts.left_out) json["left_out"][what] = count;
  return json;
}

}  // namespace resprobe::cli
