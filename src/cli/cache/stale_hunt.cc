#include "cli/cache/stale_hunt.h"

#include <poll.h>

#include <algorithm>
#include <cstdio>

#include "cachelab/http/url_target.h"
#include "cachelab/hunt/pool_target.h"
#include "cli/cache/stale_json.h"
#include "runner/process.h"
#include "runner/project.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

constexpr double kSecondsPerLine = 10;
constexpr size_t kRecentRounds = 64;
// A longer timeline is in the log alone.
constexpr size_t kMostLines = 60;
constexpr uint64_t kCaseRuns = 10;

}  // namespace

StaleHunt::StaleHunt(const StaleVerbOptions& options, HuntKind kind)
    : options_(options),
      kind_(std::move(kind)),
      out_(options.output.text_on_stdout() ? stdout : stderr) {}

void StaleHunt::Open() {
  std::string error;
  target_.reset();
  if (!options_.url.empty()) {
    target_ = live::UrlTarget::Open(options_.url, options_.pool.server.allow_remote,
                                    options_.pool.server.flush, &error);
    if (target_ == nullptr) throw UserError(error);
    cache_ = options_.url;
    return;
  }
  if (server_ == nullptr) server_ = options_.pool.OpenServer(false);
  live::PoolOptions pool = options_.pool.Pool(server_.get(), options_.pool.slot_bytes);
  pool.stop = [] { return Interrupted(); };
  target_ = live::PoolTarget::Open(pool, &error);
  if (target_ == nullptr && Interrupted()) throw Interruption();
  if (target_ == nullptr) throw UserError(error);
  cache_ = server_->version();
}

int StaleHunt::Run() {
  live::KeyPlan keys = options_.keys;
  live::StaleCase given;
  if (!options_.case_file.empty()) {
    given = ReadStaleCase(options_.case_file);
    keys = given.keys;
  }
  Open();
  kind_.opened(target_->workers(), target_->writers());
  if (!options_.case_file.empty()) {
    for (const live::Round& round : given.rounds) {
      for (const auto* list : {&round.actions, &round.checks}) {
        for (const live::Action& action : *list) {
          if (action.worker < target_->workers()) continue;
          throw UserError(options_.case_file + ": it has a worker " +
                          std::to_string(action.worker) + ": give --workers " +
                          std::to_string(action.worker + 1));
        }
      }
    }
  }
  runner_ = std::make_unique<live::StaleRunner>(target_.get(), keys, kRecentRounds);
  if (!runner_->Begin()) {
    if (Interrupted()) throw Interruption();
    throw UserError(target_->failure());
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
  double next_line = start_ + kSecondsPerLine;
  Rng rng(options_.seed);
  const bool replay = !options_.case_file.empty();
  const uint64_t all = options_.iterations.value_or(replay ? kCaseRuns : 0);
  for (uint64_t i = 0; (all == 0 || i < all) && !Interrupted() && !broken_; ++i) {
    try {
      if (replay) {
        if (i > 0 && !runner_->Begin()) break;
        recent_.clear();
        for (const live::Round& round : given.rounds) {
          if (!Step(round)) break;
        }
      } else {
        Step(kind_.make(i, &rng));
      }
    } catch (const UserError& error) {
      if (failures_.empty()) throw;
      // What was found is not lost with the server.
      std::fprintf(out_, "the run ends here: %s\n", error.what());
      break;
    }
    if (options_.stop_on_failure && !failures_.empty()) break;
    if (Now() >= next_line) {
      std::fprintf(out_, "%s\n", Line().c_str());
      std::fflush(out_);
      next_line = Now() + kSecondsPerLine;
    }
    if (options_.delay > 0) poll(nullptr, 0, static_cast<int>(options_.delay * 1000));
  }
  return Finish();
}

// False if there was a failure.
bool StaleHunt::Step(const live::Round& round) {
  recent_.push_back(round);
  if (recent_.size() > kRecentRounds) recent_.pop_front();
  const live::StaleCounts before = runner_->counts();
  const bool sound = runner_->Run(round);
  kind_.after(before, runner_->counts());
  if (options_.trace || options_.show_last) PrintRound();
  const std::vector<live::StaleViolation> violations = runner_->TakeViolations();
  if (!sound && violations.empty()) {
    if (Interrupted()) return false;
    throw UserError(kind_.verb + ": " + target_->failure());
  }
  if (violations.empty()) return true;
  const double start = Now();
  const size_t filed = failures_.size();
  for (const live::StaleViolation& violation : violations) Handle(violation);
  if (broken_ || (options_.stop_on_failure && !failures_.empty())) return false;
  // Making a case small has run others over the same keys.
  if (failures_.size() != filed) recent_.clear();
  if (!runner_->Begin() && !Interrupted()) {
    throw UserError(kind_.verb + ": " + target_->failure());
  }
  aside_ += Now() - start;
  return false;
}

void StaleHunt::PrintRound() const {
  const live::StaleEvent* last = nullptr;
  for (const live::StaleEvent& event : runner_->events()) {
    if (event.round + 1 != runner_->counts().rounds) continue;
    if (options_.trace) std::fprintf(out_, "%s\n", ToLine(event).c_str());
    if (event.what == "answer") last = &event;
  }
  if (options_.show_last && last != nullptr) std::fprintf(out_, "%s\n", ToLine(*last).c_str());
}

void StaleHunt::Handle(const live::StaleViolation& violation) {
  if (const auto known = known_.find(violation.signature); known != known_.end()) {
    ++failures_[known->second].met;
    return;
  }
  live::StaleCase whole{
      options_.case_file.empty() ? options_.keys : ReadStaleCase(options_.case_file).keys,
      {recent_.begin(), recent_.end()}};
  live::ShrunkCase shrunk;
  const bool hung = violation.invariant == "no_lock_left";
  if (!hung && !options_.stop_on_failure) {
    live::StaleShrinkLimits limits;
    limits.stop = [] { return Interrupted(); };
    shrunk = live::Shrink(target_.get(), whole, violation.invariant, limits);
  }
  const live::StaleViolation& kept = shrunk.reproduced ? shrunk.violation : violation;
  known_[violation.signature] = kept.signature;
  Failure& failure = failures_[kept.signature];
  if (failure.met++ == 0) {
    failure.violation = kept;
    failure.json = Log(violation, whole, shrunk);
    std::fprintf(out_, "failure: %s\n  expected:  %s\n  seen:      %s\n", kept.signature.c_str(),
                 kept.expected.c_str(), kept.seen.c_str());
    if (shrunk.reproduced) {
      size_t actions = 0;
      for (const live::Round& round : shrunk.smallest.rounds) {
        actions += round.actions.size() + round.checks.size();
      }
      std::fprintf(out_, "  minimized: %zu rounds -> %zu, %zu steps, in %zu runs\n",
                   whole.rounds.size(), shrunk.smallest.rounds.size(), actions, shrunk.runs);
      for (const live::StaleEvent& event : shrunk.events) {
        if (shrunk.events.size() > kMostLines) break;
        std::fprintf(out_, "    %s\n", ToLine(event).c_str());
      }
    }
    try {
      failure.file = Write(failure.json, kept.signature);
      const std::string shown = OpenProject().Shown(failure.file);
      std::fprintf(out_, "  log:       %s\n  again:     %s --case %s\n", shown.c_str(),
                   Command().c_str(), ShellWord(shown).c_str());
    } catch (const UserError& error) {
      // The failure is not lost with its log.
      std::fprintf(out_, "  log:       none: %s\n  again:     %s --seed %llu\n", error.what(),
                   Command().c_str(), static_cast<unsigned long long>(options_.seed));
    }
    std::fflush(out_);
  }
  // A lock that is lost stays lost: the run ends here.
  broken_ |= hung;
}

Json StaleHunt::Log(const live::StaleViolation& violation, const live::StaleCase& whole,
                    const live::ShrunkCase& shrunk) const {
  Json json = {{"signature", violation.signature},
               {"invariant", violation.invariant},
               {"expected", JsonText(violation.expected)},
               {"seen", JsonText(violation.seen)},
               {"verb", kind_.verb},
               {"seed", options_.seed},
               {"round", violation.round},
               {"command", Command() + " --seed " + std::to_string(options_.seed)},
               {"configuration",
                {{"cache", cache_},
                 {"workers", target_->workers()},
                 {"writers", target_->writers()},
                 {"tracking", options_.pool.tracking},
                 {"plant", options_.pool.injected_fault},
                 {"keys", ToJson(whole.keys)}}},
               {"case", ToJson(whole)}};
  if (shrunk.reproduced) {
    json["minimized"] = {{"case", ToJson(shrunk.smallest)},
                         {"signature", shrunk.violation.signature},
                         {"expected", JsonText(shrunk.violation.expected)},
                         {"seen", JsonText(shrunk.violation.seen)},
                         {"runs", shrunk.runs},
                         {"timeline", Json::array()}};
    for (const live::StaleEvent& event : shrunk.events) {
      json["minimized"]["timeline"].push_back(ToJson(event));
    }
  } else {
    json["minimized"] = nullptr;
  }
  json["timeline"] = Json::array();
  for (const live::StaleEvent& event : runner_->events()) json["timeline"].push_back(ToJson(event));
  return json;
}

fs::path StaleHunt::Write(const Json& log, const std::string& signature) {
  const std::string name =
      kind_.verb + "-seed-" + std::to_string(options_.seed) + "-" + Slug(signature) + ".json";
  const std::string& given = options_.failure_log;
  if (given.empty() || options_.LogIsFolder()) {
    const fs::path folder =
        given.empty() ? OpenProject().work / "findings" / kind_.verb : fs::path(given);
    MakeFolder(folder);
    WriteFile(folder / name, log.dump(2) + "\n");
    return folder / name;
  }
  file_.push_back(log);
  WriteFile(given, Json{{"failures", file_}}.dump(2) + "\n");
  return given;
}

std::string StaleHunt::Command() const {
  std::string command = "./resprobe " + kind_.verb + " ";
  if (options_.url.empty()) {
    command += options_.pool.Typed() + kind_.typed;
  } else {
    command += "--url " + ShellWord(options_.url) + kind_.typed;
  }
  return command;
}

std::string StaleHunt::Line() const {
  const live::StaleCounts& c = runner_->counts();
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
  Json json = {
      {"verb", kind_.verb},
      {"cache", cache_},
      {"seed", options_.seed},
      {"workers", target_->workers()},
      {"writers", target_->writers()},
      {"seconds", seconds},
      {"checked_reads_per_second", static_cast<double>(runner_->counts().checked) / seconds},
      {"counts", ToJson(runner_->counts())},
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
                                {"expected", JsonText(failure.violation.expected)},
                                {"seen", JsonText(failure.violation.seen)},
                                {"log", failure.file.string()}});
  }
  return json;
}

int StaleHunt::Finish() {
  std::fprintf(out_, "%s\n%s", Line().c_str(), kind_.summary().c_str());
  const live::StaleCounts& counts = runner_->counts();
  if (counts.unknown > 0) {
    std::fprintf(out_, "%s answers do not say whether they came from the cache\n",
                 Grouped(counts.unknown).c_str());
  }
  for (const auto& [signature, failure] : failures_) {
    std::fprintf(out_, "  %s, met %llu time%s: %s\n", signature.c_str(),
                 static_cast<unsigned long long>(failure.met), failure.met == 1 ? "" : "s",
                 failure.file.empty() ? "no log" : OpenProject().Shown(failure.file).c_str());
  }
  // What was not tried cannot have failed. A failure, or a case, needs no such proof.
  std::string vacuous;
  if (failures_.empty() && !Interrupted() && options_.case_file.empty()) {
    // Where nothing changes nothing gets stale.
    vacuous = counts.values_refused * 2 > counts.values
                  ? "the server refused " + Grouped(counts.values_refused) + " of " +
                        Grouped(counts.values) +
                        " writes that bring a value: " + runner_->last_refusal()
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
