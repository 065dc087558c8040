#include "cli/cache/stale_search.h"

#include <poll.h>

#include <cstdio>
#include <iterator>
#include <utility>
#include <variant>

#include "cli/cache/stale_json.h"
#include "cli/cache/workers_runner.h"
#include "cli/oracle/live_runners.h"
#include "runner/process.h"
#include "runner/project.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

const findings::ShrinkLimits kShrink = {.candidates = 1200, .seconds = 120};

// Cuts the case after this many rounds.
void KeepRounds(uint64_t rounds, cachelab::StaleCase* c) {
  for (size_t i = 0; i < c->ops.size(); ++i) {
    if (!std::holds_alternative<cachelab::stale::Settle>(c->ops[i]) || --rounds > 0) continue;
    c->ops.resize(i + 1);
    return;
  }
}

std::optional<cachelab::StaleCase> GivenCase(const StaleVerbOptions& options) {
  if (options.case_file.empty()) return std::nullopt;
  return ReadStaleCase(options.case_file);
}

// Writes the findings to --failure-log.
void WriteLog(const runner::Project& project, const StaleVerbOptions& options,
              const std::string& verb, const findings::Campaign& campaign) {
  if (options.failure_log.empty() || campaign.list().by_signature.empty()) return;
  const Json all = campaign.list().ToJson(project);
  if (!options.LogIsFolder()) {
    runner::WriteFile(options.failure_log, Json{{"failures", all}}.dump(2) + "\n");
    return;
  }
  size_t i = 0;
  for (const auto& [signature, found] : campaign.list().by_signature) {
    const fs::path name = fs::path(options.failure_log) /
                          (verb + "-" + findings::FileNameOf(found.failure.what.signature));
    runner::WriteFile(name.string() + ".json", all[i++].dump(2) + "\n");
    runner::WriteFile(name.string() + ".ops", found.failure.input.text);
  }
}

}  // namespace

findings::RunSpec StaleSearch::SpecOf(const StaleVerbOptions& options) {
  LiveOptions live;
  live.server = options.pool.server;
  findings::RunSpec spec = ToRunSpec(live, "workers", std::string(cachelab::StaleWorld::kName));
  if (!options.url.empty()) spec.options["url"] = options.url;
  if (options.url.empty()) spec.options["slots"] = options.pool.slots;
  if (!options.pool.injected_fault.empty()) spec.options["plant"] = options.pool.injected_fault;
  if (options.keys.prefix != cachelab::KeyPlan().prefix) {
    spec.options["key_prefix"] = options.keys.prefix;
  }
  return spec;
}

StaleSearch::StaleSearch(const runner::Project& project, const StaleVerbOptions& options,
                         const HuntKind& kind, std::FILE* out)
    : options_(options),
      kind_(kind),
      out_(out),
      given_(GivenCase(options)),
      runner_(project, SpecOf(options)) {
  plan_.keys = options.keys.keys;
  plan_.commands = options.keys.commands;
  if (given_) {
    plan_.config = given_->config;
  } else {
    cachelab::stale::SetKeys(options.keys, &plan_.config);
    plan_.config.workers.value = options.pool.workers;
    plan_.config.writers.value = options.pool.Writers();
    for (size_t mode = 0; mode < std::size(cachelab::kTrackingModeNames); ++mode) {
      if (options.pool.tracking == cachelab::kTrackingModeNames[mode]) {
        plan_.config.tracking = static_cast<cachelab::TrackingMode>(mode);
      }
    }
  }
  const cachelab::StaleTarget& target = runner_.Open(plan_.config);
  plan_.config.workers.value = target.workers();
  plan_.config.writers.value = target.writers();
  exact_ = target.exact();
  limit_ = options.iterations.value_or(given_ ? WorkersCaseRunner::kAttempts : 0);
}

std::string StaleSearch::Begin() const {
  std::string text = kind_.verb + " with " + std::to_string(plan_.config.workers.value) +
                     " workers, " + std::to_string(plan_.config.writers.value) +
                     " of them writers, before " + runner_.cache() + ", seed " +
                     std::to_string(options_.seed) + "\n";
  if (!exact_) {
    text += "this cache has no barrier: a value counts as stale if it is still there after 1 s\n";
  }
  return text;
}

bool StaleSearch::Step(const Met& met) {
  const uint64_t done = given_ ? cases_ : counts_.rounds;
  if (limit_ != 0 && done >= limit_) return false;
  const uint64_t seed = options_.seed + cases_++;
  cachelab::StaleCase c;
  if (given_) {
    c = *given_;
  } else {
    kind_.generate(seed, plan_, &c);
    if (limit_ != 0) KeepRounds(limit_ - done, &c);
  }
  printed_ = 0;
  const cachelab::StaleOutcome outcome =
      runner_.RunOnce(c, [this](const cachelab::StaleWorld& world) { AfterRound(world); });
  counts_ += outcome.counts;
  // The failed round counts too.
  if (outcome.violation) ++counts_.rounds;
  if (!outcome.last_refusal.empty()) last_refusal_ = outcome.last_refusal;
  if (!given_) kind_.after(c, outcome);
  PrintEvents(outcome.events);
  if (!outcome.violation) return true;
  findings::MetCase one;
  one.tape = runner::TapeOf(c);
  one.ops = c.ops.size();
  one.from = given_ ? options_.case_file : kind_.verb + ", seed " + std::to_string(seed);
  one.seed = options_.seed;
  one.outcome = WorkersCaseRunner::OutcomeOf(outcome);
  met(std::move(one));
  return true;
}

void StaleSearch::AfterRound(const cachelab::StaleWorld& world) {
  PrintEvents(world.events());
  if (options_.delay > 0) poll(nullptr, 0, static_cast<int>(options_.delay * 1000));
}

// Prints the events since the last call: all for --trace, the last answer for --show-last.
void StaleSearch::PrintEvents(const std::vector<cachelab::StaleEvent>& events) {
  const cachelab::StaleEvent* last = nullptr;
  for (; printed_ < events.size(); ++printed_) {
    const cachelab::StaleEvent& event = events[printed_];
    if (options_.trace) std::fprintf(out_, "%s\n", ToLine(event).c_str());
    if (event.what == "answer") last = &event;
  }
  if (options_.show_last && last != nullptr) std::fprintf(out_, "%s\n", ToLine(*last).c_str());
}

std::string StaleSearch::WhyNotAlone() const {
  return "in " + std::to_string(WorkersCaseRunner::kAttempts) +
         " runs the case does not fail again: it is kept as it was met";
}

std::string StaleSearch::Line(const std::string& found, const findings::RunClock& clock) const {
  const cachelab::StaleCounts& c = counts_;
  return runner::Grouped(c.rounds) + " rounds, " + runner::Grouped(c.checked) + " reads checked (" +
         runner::Grouped(c.hits) + " hits), " + runner::Grouped(c.writes) + " writes" +
         (c.writes_refused == 0 ? "" : " (" + runner::Grouped(c.writes_refused) + " refused)") +
         ", " + runner::Grouped(c.races) + " races, " + runner::Grouped(c.refused) +
         " replies overtaken, " + runner::Grouped(c.client_kills + c.worker_kills) + " kills, " +
         runner::Grouped(c.flushes) + " flushes, " + found + ", " +
         clock.Rate(c.checked, "checked reads");
}

std::string StaleSearch::Summary() const {
  std::string text = kind_.summary();
  if (counts_.unknown > 0) {
    text +=
        runner::Grouped(counts_.unknown) + " answers do not say whether they came from the cache\n";
  }
  return text;
}

Json StaleSearch::Report() const {
  Json json = {{"verb", kind_.verb},
               {"cache", runner_.cache()},
               {"seed", options_.seed},
               {"workers", plan_.config.workers.value},
               {"writers", plan_.config.writers.value},
               {"counts", ToJson(counts_)},
               {"deaths", runner_.deaths()},
               {"stops", runner_.stops()},
               {"vacuous", nullptr}};
  const Json own = kind_.report();
  if (!own.empty()) json[kind_.verb] = own;
  return json;
}

std::string StaleSearch::WhyVacuous() const {
  if (!options_.pool.injected_fault.empty()) {
    return "the planted fault " + options_.pool.injected_fault +
           " was not found: run for longer, with more of what it needs";
  }
  if (given_) return "";  // a given case need not prove that it tested something
  // If nothing changes, nothing can become stale.
  if (counts_.values_refused * 2 > counts_.values) {
    return "the server refused " + runner::Grouped(counts_.values_refused) + " of " +
           runner::Grouped(counts_.values) + " writes that bring a value: " + last_refusal_;
  }
  return kind_.vacuous(counts_);
}

int RunHunt(const StaleVerbOptions& options, const HuntKind& kind) {
  const runner::Project project = runner::OpenProject();
  findings::CampaignOptions campaign_options;
  campaign_options.verb = kind.verb;
  campaign_options.noun = "failure";
  campaign_options.out = options.output.text_on_stdout() ? stdout : stderr;
  campaign_options.stop_on_failure = options.stop_on_failure;
  campaign_options.shrink = kShrink;
  campaign_options.file = options.case_file.empty();
  StaleSearch search(project, options, kind, campaign_options.out);
  campaign_options.prefix =
      kind.verb + "-" +
      runner::Slug(options.url.empty() ? search.runner().spec().server.version : "url") + "-";
  std::fputs(search.Begin().c_str(), campaign_options.out);
  std::fflush(campaign_options.out);
  findings::Campaign campaign(project, &search, campaign_options);
  int code = runner::kAllWell;
  try {
    code = campaign.Run(options.output);
  } catch (const runner::UserError&) {
    // The findings folder may be full while the log can be written.
    WriteLog(project, options, kind.verb, campaign);
    throw;
  }
  WriteLog(project, options, kind.verb, campaign);
  return code;
}

}  // namespace resprobe::cli
