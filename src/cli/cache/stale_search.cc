#include "cli/cache/stale_hunt.h"

#include <poll.h>

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <variant>

#include "cachelab/http/url_target.h"
#include "cachelab/hunt/pool_target.h"
#include "cli/cache/stale_json.h"
#include "engine/ops_text.h"
#include "runner/process.h"
#include "runner/project.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

constexpr double kSecondsPerLine = 10;
// A longer timeline is only in the log.
constexpr size_t kMostLines = 60;
constexpr uint64_t kCaseRuns = 10;

// Cuts the case after this many rounds.
void KeepRounds(uint64_t rounds, live::StaleCase* c) {
  for (size_t i = 0; i < c->ops.size(); ++i) {
    if (!std::holds_alternative<live::stale::Settle>(c->ops[i]) || --rounds > 0) continue;
    c->ops.resize(i + 1);
    return;
  }
}

}  // namespace

StaleHunt::StaleHunt(const StaleVerbOptions& options, HuntKind kind)
    : options_(options),
      pool_(options.pool),
      kind_(std::move(kind)),
      out_(options.output.text_on_stdout() ? stdout : stderr) {}

void StaleHunt::Open() {
  std::string error;
  target_.reset();
  if (!options_.url.empty()) {
    target_ =
        live::UrlTarget::Open(options_.url, pool_.server.allow_remote, pool_.server.flush, &error);
    if (target_ == nullptr) throw UserError(error);
    cache_ = options_.url;
    return;
  }
  if (server_ == nullptr) server_ = pool_.OpenServer(false);
  live::PoolOptions pool = pool_.Pool(server_.get(), pool_.slot_bytes);
  pool.stop = [] { return Interrupted(); };
  target_ = live::PoolTarget::Open(pool, &error);
  if (target_ == nullptr && Interrupted()) throw Interruption();
  if (target_ == nullptr) throw UserError(error);
  cache_ = server_->version();
}

int StaleHunt::Run() {
  live::StaleCase given;
  replay_ = !options_.case_file.empty();
  if (replay_) {
    given = ReadStaleCase(options_.case_file);
    const live::stale::PoolShape shape = live::stale::ShapeOf(given.config);
    pool_.workers = shape.workers;
    pool_.writers = shape.writers;
    pool_.tracking = live::kTrackingModeNames[static_cast<size_t>(shape.tracking)];
    pool_.FitSlots(live::stale::KeysOf(given.config));
  }
  Open();
  target_->set_key_prefix(options_.keys.prefix);
  live::CasePlan plan{.config = {}, .keys = options_.keys.keys, .commands = options_.keys.commands};
  live::stale::SetKeys(options_.keys, &plan.config);
  plan.config.workers.value = target_->workers();
  plan.config.writers.value = target_->writers();
  for (size_t mode = 0; mode < std::size(live::kTrackingModeNames); ++mode) {
    if (pool_.tracking == live::kTrackingModeNames[mode]) {
      plan.config.tracking = static_cast<live::TrackingMode>(mode);
    }
  }
  std::fprintf(out_, "%s with %d workers, %d of them writers, before %s, seed %llu\n",
               kind_.verb.c_str(), target_->workers(), target_->writers(), cache_.c_str(),
               static_cast<unsigned long long>(options_.seed));
  if (!target_->exact()) {
    std::fprintf(out_,
                 "this cache has no barrier: a value counts as stale if it is still there after "
                 "1 s\n");
  }
  start_ = Now();
  next_line_ = start_ + kSecondsPerLine;
  const uint64_t all = options_.iterations.value_or(replay_ ? kCaseRuns : 0);
  for (uint64_t i = 0; !Interrupted() && !broken_; ++i) {
    const uint64_t done = replay_ ? i : counts_.rounds;
    if (all != 0 && done >= all) break;
    try {
      case_seed_ = options_.seed + i;
      if (replay_) {
        RunCase(given);
      } else {
        live::StaleCase c;
        kind_.generate(case_seed_, plan, &c);
        if (all != 0) KeepRounds(all - done, &c);
        RunCase(c);
      }
    } catch (const UserError& error) {
      if (failures_.empty()) throw;
      // Findings are kept even if the server is lost.
      std::fprintf(out_, "the run ends here: %s\n", error.what());
      break;
    }
    if (options_.stop_on_failure && !failures_.empty()) break;
  }
  return Finish();
}

void StaleHunt::RunCase(const live::StaleCase& c) {
  printed_ = 0;
  const live::StaleOutcome outcome = live::RunStaleCase(
      target_.get(), c, [this](const live::StaleWorld& world) { AfterRound(world); });
  running_ = {};
  counts_ += outcome.counts;
  // The failed round counts too.
  if (outcome.violation) ++counts_.rounds;
  if (!outcome.last_refusal.empty()) last_refusal_ = outcome.last_refusal;
  if (!replay_) kind_.after(c, outcome);
  PrintEvents(outcome.events);
  if (outcome.violation) {
    const double start = Now();
    Handle(c, outcome);
    aside_ += Now() - start;
  } else if (!outcome.sound && !Interrupted()) {
    throw UserError(kind_.verb + ": " + target_->failure());
  }
}

void StaleHunt::AfterRound(const live::StaleWorld& world) {
  running_ = world.counts();
  PrintEvents(world.events());
  if (Now() >= next_line_) {
    std::fprintf(out_, "%s\n", Line().c_str());
    std::fflush(out_);
    next_line_ = Now() + kSecondsPerLine;
  }
  if (options_.delay > 0) poll(nullptr, 0, static_cast<int>(options_.delay * 1000));
}

// Prints the events since the last call: all for --trace, the last answer for --show-last.
void StaleHunt::PrintEvents(const std::vector<live::StaleEvent>& events) {
  const live::StaleEvent* last = nullptr;
  for (; printed_ < events.size(); ++printed_) {
    const live::StaleEvent& event = events[printed_];
    if (options_.trace) std::fprintf(out_, "%s\n", ToLine(event).c_str());
    if (event.what == "answer") last = &event;
  }
  if (options_.show_last && last != nullptr) std::fprintf(out_, "%s\n", ToLine(*last).c_str());
}

void StaleHunt::Handle(const live::StaleCase& c, const live::StaleOutcome& outcome) {
  if (const auto known = known_.find(outcome.signature); known != known_.end()) {
    ++failures_[known->second].met;
    return;
  }
  live::ShrunkCase shrunk;
  const bool hung = !outcome.sound;
  if (!hung && !options_.stop_on_failure) {
    live::StaleShrinkLimits limits;
    limits.stop = [] { return Interrupted(); };
    shrunk = live::Shrink(target_.get(), c, *outcome.violation, limits);
  }
  const live::StaleOutcome& kept = shrunk.reproduced ? shrunk.outcome : outcome;
  known_[outcome.signature] = kept.signature;
  Failure& failure = failures_[kept.signature];
  if (failure.met++ == 0) {
    failure.outcome = kept;
    std::fprintf(out_, "failure: %s\n  expected:  %s\n  seen:      %s\n", kept.signature.c_str(),
                 kept.violation->expected.c_str(), kept.violation->seen.c_str());
    if (shrunk.reproduced) {
      std::fprintf(out_, "  minimized: %zu ops -> %zu, in %zu runs\n", c.ops.size(),
                   shrunk.smallest.ops.size(), shrunk.runs);
      for (const live::StaleEvent& event : shrunk.outcome.events) {
        if (shrunk.outcome.events.size() > kMostLines) break;
        std::fprintf(out_, "    %s\n", ToLine(event).c_str());
      }
    }
    try {
      failure.file =
          Write(Log(c, outcome, shrunk), shrunk.reproduced ? shrunk.smallest : c, kept.signature);
      const std::string shown = OpenProject().Shown(failure.file);
      std::fprintf(out_, "  log:       %s\n  again:     %s --case %s\n", shown.c_str(),
                   Command().c_str(), ShellWord(shown).c_str());
    } catch (const UserError& error) {
      // The failure is reported even if its log cannot be written.
      std::fprintf(out_, "  log:       none: %s\n  again:     %s --seed %llu\n", error.what(),
                   Command().c_str(), static_cast<unsigned long long>(case_seed_));
    }
    std::fflush(out_);
  }
  // A lost lock stays lost: the run ends here.
  broken_ |= hung;
}

Json StaleHunt::Log(const live::StaleCase& c, const live::StaleOutcome& outcome,
                    const live::ShrunkCase& shrunk) const {
  const auto timeline = [](const live::StaleOutcome& of) {
    Json json = Json::array();
    for (const live::StaleEvent& event : of.events) json.push_back(ToJson(event));
    return json;
  };
  Json json = {{"signature", outcome.signature},
               {"invariant", outcome.violation->invariant},
               {"op", outcome.violation->op},
               {"expected", JsonText(outcome.violation->expected)},
               {"seen", JsonText(outcome.violation->seen)},
               {"verb", kind_.verb},
               {"seed", case_seed_},
               {"command", Command() + " --seed " + std::to_string(case_seed_)},
               {"configuration",
                {{"cache", cache_},
                 {"workers", target_->workers()},
                 {"writers", target_->writers()},
                 {"tracking", pool_.tracking},
                 {"key_prefix", options_.keys.prefix},
                 {"plant", pool_.injected_fault}}},
               {"case", JsonText(Print(c))}};
  if (shrunk.reproduced) {
    json["minimized"] = {{"case", JsonText(Print(shrunk.smallest))},
                         {"signature", shrunk.outcome.signature},
                         {"op", shrunk.outcome.violation->op},
                         {"expected", JsonText(shrunk.outcome.violation->expected)},
                         {"seen", JsonText(shrunk.outcome.violation->seen)},
                         {"runs", shrunk.runs},
                         {"timeline", timeline(shrunk.outcome)}};
  } else {
    json["minimized"] = nullptr;
  }
  json["timeline"] = timeline(outcome);
  return json;
}

fs::path StaleHunt::Write(const Json& log, const live::StaleCase& smallest,
                          const std::string& signature) {
  const std::string name =
      kind_.verb + "-seed-" + std::to_string(case_seed_) + "-" + Slug(signature);
  const std::string& given = options_.failure_log;
  if (given.empty() || options_.LogIsFolder()) {
    const fs::path folder =
        given.empty() ? OpenProject().work / "findings" / kind_.verb : fs::path(given);
    MakeFolder(folder);
    WriteFile(folder / (name + ".json"), log.dump(2) + "\n");
    WriteFile(folder / (name + ".ops"), Print(smallest));
    return folder / (name + ".ops");
  }
  file_.push_back(log);
  WriteFile(given, Json{{"failures", file_}}.dump(2) + "\n");
  return given;
}

std::string StaleHunt::Command() const {
  std::string command = "./resprobe " + kind_.verb + " ";
  if (options_.url.empty()) {
    command += pool_.Typed() + kind_.typed;
  } else {
    command += "--url " + ShellWord(options_.url) + kind_.typed;
  }
  if (options_.keys.prefix != live::KeyPlan().prefix) {
    command += " --key-prefix " + ShellWord(options_.keys.prefix);
  }
  return command;
}

std::string StaleHunt::Line() const {
  live::StaleCounts c = counts_;
  c += running_;
  const double seconds = std::max(Now() - start_ - aside_, 0.001);
  char rate[64];
  std::snprintf(rate, sizeof(rate), "%.0f s, %s checked reads/s", seconds,
                Grouped(static_cast<uint64_t>(static_cast<double>(c.checked) / seconds)).c_str());
  return Grouped(c.rounds) + " rounds, " + Grouped(c.checked) + " reads checked (" +
         Grouped(c.hits) + " hits), " + Grouped(c.writes) + " writes" +
         (c.writes_refused == 0 ? "" : " (" + Grouped(c.writes_refused) + " refused)") + ", " +
         Grouped(c.races) + " races, " + Grouped(c.refused) + " replies overtaken, " +
         Grouped(c.client_kills + c.worker_kills) + " kills, " + Grouped(c.flushes) + " flushes, " +
         std::to_string(failures_.size()) + " failures, " + rate;
}

Json StaleHunt::Report() const {
  const double seconds = std::max(Now() - start_ - aside_, 0.001);
  Json json = {{"verb", kind_.verb},
               {"cache", cache_},
               {"seed", options_.seed},
               {"workers", target_->workers()},
               {"writers", target_->writers()},
               {"seconds", seconds},
               {"checked_reads_per_second", static_cast<double>(counts_.checked) / seconds},
               {"counts", ToJson(counts_)},
               {"deaths", target_->deaths()},
               {"stops", target_->stops()},
               {"interrupted", Interrupted()},
               {"vacuous", nullptr},
               {"failures", Json::array()}};
  const Json own = kind_.report();
  if (!own.empty()) json[kind_.verb] = own;
  for (const auto& [signature, failure] : failures_) {
    json["failures"].push_back({{"signature", signature},
                                {"met", failure.met},
                                {"expected", JsonText(failure.outcome.violation->expected)},
                                {"seen", JsonText(failure.outcome.violation->seen)},
                                {"log", failure.file.string()}});
  }
  return json;
}

int StaleHunt::Finish() {
  std::fprintf(out_, "%s\n%s", Line().c_str(), kind_.summary().c_str());
  const live::StaleCounts& counts = counts_;
  if (counts.unknown > 0) {
    std::fprintf(out_, "%s answers do not say whether they came from the cache\n",
                 Grouped(counts.unknown).c_str());
  }
  for (const auto& [signature, failure] : failures_) {
    std::fprintf(out_, "  %s, met %llu time%s: %s\n", signature.c_str(),
                 static_cast<unsigned long long>(failure.met), failure.met == 1 ? "" : "s",
                 failure.file.empty() ? "no log" : OpenProject().Shown(failure.file).c_str());
  }
  // A run without findings must prove that it tested something. A failure, or a given case, needs
  // no such proof.
  std::string vacuous;
  if (failures_.empty() && !Interrupted() && options_.case_file.empty()) {
    // If nothing changes, nothing can become stale.
    vacuous = counts.values_refused * 2 > counts.values
                  ? "the server refused " + Grouped(counts.values_refused) + " of " +
                        Grouped(counts.values) + " writes that bring a value: " + last_refusal_
                  : kind_.vacuous(counts);
  }
  if (!vacuous.empty()) std::fprintf(out_, "vacuous: %s\n", vacuous.c_str());
  if (options_.output.json()) {
    Json report = Report();
    if (!vacuous.empty()) report["vacuous"] = vacuous;
    options_.output.Write(report);
  }
  if (Interrupted()) return kInterrupted;
  return failures_.empty() && vacuous.empty() ? kAllWell : kFinding;
}

}  // namespace resprobe::cli
