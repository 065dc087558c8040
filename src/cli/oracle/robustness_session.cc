#include "cli/oracle/robustness_session.h"

#include <algorithm>
#include <functional>

#include "cli/oracle/address_space.h"
#include "engine/shrink.h"
#include "runner/json.h"
#include "runner/process.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

// Additional options of a private redis-server: it checks blocked clients frequently.
const char* const kPrompt[] = {"--hz", "500"};

}  // namespace

RobustnessSession::RobustnessSession(const LiveOptions& options) {
  live::TargetOptions target = options.server.Target();
  if (target.start.empty() && !target.flush) {
    throw runner::UserError(
        "--unmodelled may end a server, and loses what it holds: use --start, or permit it with "
        "--flush");
  }
  if (!live::SaysWhereItListens(target.start)) {
    target.arguments.insert(target.arguments.begin(), std::begin(kPrompt), std::end(kPrompt));
  }
  target.any = true;
  target.most_megabytes = AddressSpace(options.memory_mb);
  std::string error;
  target_ = live::LiveServer::Open(target, &error);
  if (target_ == nullptr && error.find("Shadow") != error.npos) {
    error += ": with AddressSanitizer it needs --memory 0";
  }
  if (target_ == nullptr) runner::ThrowServerError(error);
  Profile profile = Profile::kRedis70;
  target_->ProfileOf(&profile);
  std::optional<live::DocTable> table = live::AskForDocs(*target_, profile, &error);
  if (!table) runner::ThrowServerError(error);
  table_ = std::move(*table);
  caller_ = std::make_unique<live::RobustnessRunner>(
      target_.get(), &table_,
      live::RobustnessOptions{.hang_ms = options.server.hang_seconds * 1000,
                              .memory_mb = options.memory_mb,
                              .dangerous = options.dangerous,
                              .stop = [] { return runner::Interrupted(); }});
}

std::optional<live::Fault> RobustnessSession::Run(const CommandCase& c, bool fresh) {
  std::string error;
  if ((fresh || caller_->stale()) && !caller_->Prepare(fresh, &error)) {
    if (runner::Interrupted()) return std::nullopt;
    throw runner::UserError("the server does not come back: " + error);
  }
  return caller_->Run(c);
}

bool RobustnessSession::Shrink(findings::ShrinkBudget* budget, Arena* arena, CommandCase* c,
                               live::Fault* fault) {
  if (!target_->own()) return false;
  const int hang_ms = caller_->options().hang_ms;
  // One by one; without the command, which was only a guess before.
  CommandCase one_by_one = *c;
  one_by_one.config.audit = true;
  bool recurs = false;
  for (CommandCase* candidate : {&one_by_one, c}) {
    if (!budget->Spend()) break;
    const std::optional<live::Fault> again = Run(*candidate, true);
    if (!again || again->kind != fault->kind) continue;
    *c = *candidate;
    *fault = *again;
    recurs = true;
    break;
  }
  if (!recurs) return false;
  caller_->set_hang_ms(ShrinkingHangMs(hang_ms));
  const std::string key = fault->Key();
  const std::function<bool(const CommandCase&)> fails = [&](const CommandCase& candidate) {
    if (!budget->Spend()) return false;
    const std::optional<live::Fault> again = Run(candidate, true);
    return again && again->Key() == key;
  };
  CommandCase small = *c;
  resprobe::Shrink<CommandWorld>(fails, arena, &small);
  caller_->set_hang_ms(hang_ms);
  if (runner::Interrupted()) *c = small;  // it has failed in the same way
  if (const auto again = Run(small, true); again && again->Key() == key) {
    *c = small;
    *fault = *again;
  }
  return true;
}

std::string Describe(const live::Fault& fault) {
  const auto cut = [](const std::string& text) {
    constexpr size_t kMost = 400;
    return text.size() <= kMost ? text : text.substr(0, kMost) + " …";
  };
  std::string text = "  request:   " + cut(fault.request) + "\n  redis-cli:\n";
  const std::string session = Session(fault.session);
  for (size_t at = 0; at < session.size();) {
    const size_t end = session.find('\n', at);
    text += "    " + cut(session.substr(at, end - at)) + "\n";
    at = end + 1;
  }
  return text;
}

Json ToJson(const live::Fault& fault) {
  return {{"signature", runner::JsonText(fault.Signature())},
          {"kind", std::string(live::FaultName(fault.kind))},
          {"detail", runner::JsonText(fault.detail)},
          {"command", runner::JsonText(fault.command)},
          {"op", fault.op},
          {"request", runner::JsonText(fault.request)},
          {"session", runner::JsonText(Session(fault.session))}};
}

}  // namespace resprobe::cli
