// oracle --unmodelled: hostile calls of commands that the core does not have, on a server that is
// watched.

#include <algorithm>
#include <cstdio>
#include <deque>
#include <optional>
#include <set>
#include <utility>

#include "cli/oracle/live_runners.h"
#include "findings/campaign.h"
#include "live/robustness/robustness_generate.h"
#include "runner/json.h"
#include "runner/process.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

// A fault that one case alone does not show may need those before it.
constexpr size_t kRemembered = 16;

// Calls of commands that the core does not have.
class RobustnessSearch : public findings::Search {
 public:
  RobustnessSearch(const runner::Project& project, const CallVerbOptions& options, std::FILE* out)
      : options_(options),
        runner_(project, ToRunSpec(options.server, "robustness", std::string(CommandWorld::kName))),
        session_(runner_.session()),
        calls_(&session_.table(), {.ops = options.cases.ops,
                                   .groups = options.cases.groups,
                                   .protocol = options.cases.protocol,
                                   .own = session_.target().own(),
                                   .dangerous = options.server.dangerous}),
        out_(out) {
    std::set<std::string> groups;
    for (const live::DocCommand& command : session_.table().commands) {
      if (!command.modelled) groups.insert(command.group);
    }
    for (const std::string& group : options.cases.groups) {
      if (groups.contains(group)) continue;
      std::string all;
      for (const std::string& name : groups) all += (all.empty() ? "" : ", ") + name;
      throw runner::UserError("--groups: the core has all of '" + group +
                              "' that the server has, or there is no such group: use some of " +
                              all);
    }
    if (calls_.callable().empty()) {
      throw runner::UserError(
          "there is nothing to call: all that the core does not have is never sent");
    }
  }

  std::string Begin() const {
    return session_.target().version() + ", seed " + std::to_string(options_.cases.seed) + ": " +
           std::to_string(calls_.callable().size() + calls_.denied()) +
           " commands that the core does not have, " + std::to_string(calls_.denied()) +
           " never sent\n";
  }

  bool Step(const Met& met) override {
    if (ended_ || (options_.seeds > 0 && taken_ == options_.seeds)) return false;
    const uint64_t seed = options_.cases.seed + taken_++;
    Arena arena;
    CommandCase c;
    calls_.Generate(seed, &arena, &c);
    Remember(c);
    const uint64_t restarts = session_.counts().restarts;
    const std::optional<live::Fault> fault = session_.Run(c);
    if (session_.counts().restarts != restarts) {
      history_.erase(history_.begin(), history_.end() - 1);
    }
    if (!fault) return true;
    fault_ = *fault;
    findings::MetCase one;
    one.tape = runner::TapeOf(c);
    one.ops = c.ops.size();
    one.from = "seed " + std::to_string(seed);
    one.seed = options_.cases.seed;
    one.outcome = RobustnessCaseRunner::OutcomeOf(*fault);
    met(std::move(one));
    ended_ = fault->fatal() && !session_.target().own();
    if (ended_) std::fprintf(out_, "the server is not ours to restart: the run ends\n");
    return true;
  }

  findings::CaseRunner& runner() override { return runner_; }

  // Alone, or after the cases before it.
  findings::SmallCase Reduce(const findings::MetCase& /*met*/,
                             const findings::ShrinkLimits& limits) override {
    findings::SmallCase small;
    if (!session_.target().own()) return small;
    findings::ShrinkBudget budget(limits);
    Arena arena;
    CommandCase c;
    size_t joined = 1;
    for (; joined <= history_.size() && !small.reproduced; joined *= 2) {
      Join(joined, &arena, &c);
      small.ops_before = c.ops.size();
      small.reproduced = session_.Shrink(&budget, &arena, &c, &fault_);
    }
    small.candidates = budget.candidates();
    small.limit = budget.exhausted();
    small.interrupted = runner::Interrupted();
    if (!small.reproduced) return small;
    small.failed = true;
    small.tape = runner::TapeOf(c);
    small.ops_after = c.ops.size();
    small.outcome = RobustnessCaseRunner::OutcomeOf(fault_);
    if (joined > 2) {
      small.outcome.text = "  it takes what " + std::to_string(joined / 2) +
                           " cases did, one after the other\n" + small.outcome.text;
    }
    return small;
  }

  // Which command it was, the last part, shows in a small case.
  std::string RoughCause(const std::string& signature) override {
    return signature.substr(0, signature.rfind(": "));
  }

  std::string WhyNotAlone() const override {
    return "alone, on a fresh server, the case does not show it: it is kept as it was met";
  }

  void Aside(bool begins) override {
    const uint64_t sign = begins ? uint64_t(0) - 1 : 1;
    aside_requests_ += sign * session_.counts().requests;
    aside_cases_ += sign * session_.counts().cases;
    // Other cases have run on the server since.
    if (!begins) history_.clear();
  }

  uint64_t Requests() const override { return session_.counts().requests - aside_requests_; }

  std::string Line(const std::string& found, const findings::RunClock& clock) const override {
    return runner::Grouped(cases()) + " cases, " + runner::Grouped(Requests()) + " calls, " +
           found + ", " + clock.Rate(Requests(), "calls");
  }

  std::string Summary() const override {
    uint64_t denied = 0;
    for (const auto& [reason, count] : session_.counts().left_out) denied += count;
    return std::to_string(Called()) + " of " + std::to_string(calls_.callable().size()) +
           " commands that the core does not have were called, " + std::to_string(Accepted()) +
           " of them at least once without an error; the server was started " +
           runner::Grouped(1 + session_.counts().restarts) +
           " times\ncalls that are never sent: " + runner::Grouped(denied) + "\n";
  }

  Json Report() const override {
    const live::CallCounts& counts = session_.counts();
    Json json = {{"server", session_.target().version()},
                 {"unmodelled", true},
                 {"seed", options_.cases.seed},
                 {"cases", cases()},
                 {"calls", Requests()},
                 {"restarts", counts.restarts},
                 {"commands", Json::object()},
                 {"left_out", Json::object()}};
    for (const live::DocCommand* command : calls_.callable()) {
      const auto at = counts.commands.find(command->full_name);
      const live::CallCount count = at == counts.commands.end() ? live::CallCount() : at->second;
      json["commands"][command->full_name] = {{"called", count.called},
                                              {"accepted", count.accepted}};
    }
    for (const auto& [reason, count] : counts.left_out) json["left_out"][reason] = count;
    return json;
  }

 private:
  uint64_t cases() const { return session_.counts().cases - aside_cases_; }

  void Remember(const CommandCase& c) {
    history_.push_back(runner::TapeOf(c));
    if (history_.size() > kRemembered) history_.pop_front();
  }

  // The last `count` cases joined into one.
  void Join(size_t count, Arena* arena, CommandCase* out) const {
    out->ops.clear();
    for (size_t i = history_.size() - count; i < history_.size(); ++i) {
      CommandCase one;
      runner::DecodeCase(history_[i], arena, &one);
      out->config = one.config;
      out->ops.insert(out->ops.end(), one.ops.begin(), one.ops.end());
    }
  }

  size_t Accepted() const {
    return static_cast<size_t>(
        std::count_if(calls_.callable().begin(), calls_.callable().end(), [&](const auto* command) {
          const auto at = session_.counts().commands.find(command->full_name);
          return at != session_.counts().commands.end() && at->second.accepted > 0;
        }));
  }
  size_t Called() const {
    return static_cast<size_t>(
        std::count_if(calls_.callable().begin(), calls_.callable().end(), [&](const auto* command) {
          return session_.counts().commands.contains(command->full_name);
        }));
  }

  const CallVerbOptions& options_;
  RobustnessCaseRunner runner_;
  RobustnessSession& session_;
  live::CallGenerator calls_;
  std::FILE* out_;
  uint64_t taken_ = 0;
  bool ended_ = false;
  live::Fault fault_;                // the last
  std::deque<std::string> history_;  // the last cases since the server was started
  // Spent on shrinking.
  uint64_t aside_requests_ = 0;
  uint64_t aside_cases_ = 0;
};

}  // namespace

int CallUnmodelled(const CallVerbOptions& options) {
  const runner::Project project = runner::OpenProject();
  findings::CampaignOptions campaign;
  campaign.verb = "oracle --unmodelled";
  campaign.out = options.output.text_on_stdout() ? stdout : stderr;
  RobustnessSearch search(project, options, campaign.out);
  campaign.prefix = "unmodelled-" + runner::Slug(search.runner().spec().server.version) + "-";
  campaign.seconds = options.seconds;
  campaign.stop_on_failure = options.stop_on_failure;
  campaign.shrink.candidates = options.shrink_candidates;
  campaign.shrink_seconds = findings::ShrinkSecondsOf(options.seconds);
  std::fputs(search.Begin().c_str(), campaign.out);
  return findings::Campaign(project, &search, campaign).Run(options.output);
}

}  // namespace resprobe::cli
