// oracle --unmodelled: hostile calls of commands that the core does not have, on a server that is
// watched.

#include <algorithm>
#include <cstdio>
#include <deque>
#include <map>
#include <set>

#include "cli/oracle/robustness_session.h"
#include "findings/live_run.h"
#include "live/robustness/robustness_generate.h"
#include "runner/json.h"
#include "runner/process.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

constexpr size_t kCandidates = 3000;
constexpr double kShrinkSeconds = 120;
// A fault that one case alone does not show may need those before it.
constexpr size_t kRemembered = 16;

class CallRunner {
 public:
  explicit CallRunner(const CallVerbOptions& options)
      : options_(options),
        server_(options.server),
        calls_(&server_.table(), {.ops = options.cases.ops,
                                  .groups = options.cases.groups,
                                  .protocol = options.cases.protocol,
                                  .own = server_.target().own(),
                                  .dangerous = options.server.dangerous}),
        out_(options.output.text_on_stdout() ? stdout : stderr),
        findings_(project_, out_,
                  {.noun = "finding",
                   .harness = "command_handler",
                   .prefix = "unmodelled-" + Slug(server_.target().version()),
                   .server = options.server.Typed()}) {
    std::set<std::string> groups;
    for (const live::DocCommand& command : server_.table().commands) {
      if (!command.modelled) groups.insert(command.group);
    }
    for (const std::string& group : options.cases.groups) {
      if (groups.contains(group)) continue;
      std::string all;
      for (const std::string& name : groups) all += (all.empty() ? "" : ", ") + name;
      throw UserError("--groups: the core has all of '" + group +
                      "' that the server has, or there is no such group: use some of " + all);
    }
    if (calls_.callable().empty()) {
      throw UserError("there is nothing to call: all that the core does not have is never sent");
    }
  }

  int Run() {
    std::fprintf(out_, "%s, seed %llu: %zu commands that the core does not have, %zu never sent\n",
                 server_.target().version().c_str(),
                 static_cast<unsigned long long>(options_.cases.seed),
                 calls_.callable().size() + calls_.denied(), calls_.denied());
    Arena arena;
    CommandCase c;
    for (uint64_t i = 0; (options_.seeds == 0 || i < options_.seeds) && !Interrupted(); ++i) {
      if (options_.seconds > 0 && clock_.Seconds() >= options_.seconds) break;
      arena.Reset();
      const uint64_t seed = options_.cases.seed + i;
      calls_.Generate(seed, &arena, &c);
      Remember(c);
      const uint64_t restarts = server_.counts().restarts;
      std::optional<live::Fault> fault = server_.Run(c);
      if (server_.counts().restarts != restarts) {
        history_.erase(history_.begin(), history_.end() - 1);
      }
      if (fault) {
        const bool fatal = Add(*std::move(fault), c, "seed " + std::to_string(seed));
        if (!server_.target().own() && fatal) {
          std::fprintf(out_, "the server is not ours to restart: the run ends\n");
          break;
        }
      }
      if (clock_.LineDue()) Line();
    }
    Sum();
    if (options_.output.json()) options_.output.Write(Report());
    return findings_.ExitCode();
  }

 private:
  // Those of shrinking are left out.
  uint64_t requests() const { return server_.counts().requests - shrinking_requests_; }
  uint64_t cases() const { return server_.counts().cases - shrinking_cases_; }

  void Line() const {
    std::fprintf(out_, "%s cases, %s calls, %s, %s\n", Grouped(cases()).c_str(),
                 Grouped(requests()).c_str(), findings_.Count().c_str(),
                 clock_.Rate(requests(), "calls").c_str());
    std::fflush(out_);
  }

  void Remember(const CommandCase& c) {
    history_.push_back(TapeOf(c));
    if (history_.size() > kRemembered) history_.pop_front();
  }

  // The last `count` cases as one.
  void Join(size_t count, Arena* arena, CommandCase* out) const {
    out->ops.clear();
    for (size_t i = history_.size() - count; i < history_.size(); ++i) {
      CommandCase one;
      DecodeCase(history_[i], arena, &one);
      out->config = one.config;
      out->ops.insert(out->ops.end(), one.ops.begin(), one.ops.end());
    }
  }

  // Whether it was the end of the server.
  bool Add(live::Fault fault, const CommandCase& c, const std::string& from) {
    const std::string first_look = fault.Signature();
    const bool fatal = fault.fatal();
    if (const auto same = same_.find(first_look); same != same_.end()) {
      findings_.MetBefore(same->second);
      return fatal;
    }
    const RunClock::Pause pause(&clock_);
    const uint64_t requests_before = server_.counts().requests;
    const uint64_t cases_before = server_.counts().cases;
    size_t joined = 1;
    size_t candidates = 0;
    bool again = false;
    Arena arena;
    CommandCase small;
    if (server_.target().own()) {
      std::fprintf(out_, "shrinking %s, which %s shows; --time stands still\n", first_look.c_str(),
                   from.c_str());
      std::fflush(out_);
    }
    for (; joined <= history_.size(); joined *= 2) {
      Join(joined, &arena, &small);
      const RobustnessSession::Shrunk shrunk =
          server_.Shrink(kCandidates, kShrinkSeconds, &arena, &small, &fault);
      candidates += shrunk.candidates;
      again = shrunk.again;
      if (again) break;
    }
    if (!again) Join(1, &arena, &small);
    const std::string signature = fault.Signature();
    same_[first_look] = signature;
    if (!findings_.MetBefore(signature)) {
      LiveFinding& finding = findings_.Begin(signature, from, TapeOf(c));
      finding.ops_before = c.ops.size();
      finding.ops_after = small.ops.size();
      finding.candidates = candidates;
      if (!again && Interrupted()) {
        finding.text = "  interrupted before it could be made small: it is kept as it was met\n";
      } else if (!again) {
        finding.text =
            "  alone, on a fresh server, the case does not show it: it is kept as it was met\n";
      } else if (joined > 1) {
        finding.text =
            "  it takes what " + std::to_string(joined) + " cases did, one after the other\n";
      }
      finding.text += Describe(fault);
      finding.report = ToJson(fault);
      finding.report["server"] = server_.target().version();
      finding.report["reproduced"] = again;
      findings_.End(finding, TapeOf(small), Print(small),
                    {{"redis-cli.txt", Session(fault.session)}, {"server.log", fault.log}});
    }
    history_.clear();
    shrinking_requests_ += server_.counts().requests - requests_before;
    shrinking_cases_ += server_.counts().cases - cases_before;
    return fatal;
  }

  size_t Accepted() const {
    return static_cast<size_t>(
        std::count_if(calls_.callable().begin(), calls_.callable().end(), [&](const auto* command) {
          const auto at = server_.counts().commands.find(command->full_name);
          return at != server_.counts().commands.end() && at->second.accepted > 0;
        }));
  }
  size_t Called() const {
    return static_cast<size_t>(
        std::count_if(calls_.callable().begin(), calls_.callable().end(), [&](const auto* command) {
          return server_.counts().commands.contains(command->full_name);
        }));
  }

  void Sum() const {
    Line();
    std::fprintf(
        out_,
        "%zu of %zu commands that the core does not have were called, %zu of them at least "
        "once without an error; the server was started %s times\n",
        Called(), calls_.callable().size(), Accepted(),
        Grouped(1 + server_.counts().restarts).c_str());
    uint64_t denied = 0;
    for (const auto& [reason, count] : server_.counts().left_out) denied += count;
    std::fprintf(out_, "calls that are never sent: %s\n", Grouped(denied).c_str());
    findings_.Sum();
  }

  Json Report() const {
    const live::CallCounts& counts = server_.counts();
    Json json = {{"server", server_.target().version()},
                 {"unmodelled", true},
                 {"seed", options_.cases.seed},
                 {"cases", cases()},
                 {"calls", requests()},
                 {"seconds", clock_.Seconds()},
                 {"restarts", counts.restarts},
                 {"interrupted", Interrupted()},
                 {"commands", Json::object()},
                 {"left_out", Json::object()},
                 {"findings", findings_.ToJson()}};
    for (const live::DocCommand* command : calls_.callable()) {
      const auto at = counts.commands.find(command->full_name);
      const live::CallCount count = at == counts.commands.end() ? live::CallCount() : at->second;
      json["commands"][command->full_name] = {{"called", count.called},
                                              {"accepted", count.accepted}};
    }
    for (const auto& [reason, count] : counts.left_out) json["left_out"][reason] = count;
    return json;
  }

  const CallVerbOptions& options_;
  const Project project_ = OpenProject();
  RobustnessSession server_;
  live::CallGenerator calls_;
  std::FILE* out_;
  LiveFindings findings_;                    // by the signature of the smallest case
  std::map<std::string, std::string> same_;  // to that from the one of the first look
  std::deque<std::string> history_;          // the last cases since the server was started
  RunClock clock_;
  uint64_t shrinking_requests_ = 0;
  uint64_t shrinking_cases_ = 0;
};

}  // namespace

int CallUnmodelled(const CallVerbOptions& options) { return CallRunner(options).Run(); }

}  // namespace resprobe::cli
