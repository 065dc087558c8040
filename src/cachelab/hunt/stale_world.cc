#include "cachelab/hunt/stale_world.h"

#include <signal.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/triage.h"

namespace resprobe::cachelab {
namespace {

using Clock = std::chrono::steady_clock;

// How long a stale value may last in a cache without a barrier.
constexpr std::chrono::seconds kSettlesWithin(1);

std::string Join(const Words& words) {
  std::string line;
  for (const std::string& word : words) {
    if (!line.empty()) line += ' ';
    resp::AppendEscaped(&line, word);
  }
  return line;
}

std::string Range(uint64_t low, uint64_t high) {
  return low == high ? "version " + std::to_string(low)
                     : "version " + std::to_string(low) + " to " + std::to_string(high);
}

}  // namespace

StaleCounts& StaleCounts::operator+=(const StaleCounts& other) {
  using Count = uint64_t StaleCounts::*;
  constexpr Count kAll[] = {
      &StaleCounts::rounds,         &StaleCounts::reads,     &StaleCounts::checked,
      &StaleCounts::hits,           &StaleCounts::misses,    &StaleCounts::unknown,
      &StaleCounts::lost,           &StaleCounts::writes,    &StaleCounts::cached_writes,
      &StaleCounts::writes_refused, &StaleCounts::values,    &StaleCounts::values_refused,
      &StaleCounts::flushes,        &StaleCounts::barriers,  &StaleCounts::races,
      &StaleCounts::held,           &StaleCounts::refused,   &StaleCounts::client_kills,
      &StaleCounts::worker_kills,   &StaleCounts::confirmed, &StaleCounts::not_cached};
  static_assert(sizeof(kAll) / sizeof(Count) * sizeof(uint64_t) == sizeof(StaleCounts));
  for (const Count count : kAll) this->*count += other.*count;
  return *this;
}

template <class Act>
void StaleWorld::Step(RunContext& run, bool is_check, const Act& act) {
  if (!sound_) return;
  run_ = &run;
  sound_ = (is_check || FinishChecks()) && (run.violated() || act());
  if (run.violated()) return;
  if (const std::optional<WorkerCrash> crash = target_->TakeCrash()) {
    const Signature report = ReadSignature(crash->report);
    signature_ = "no_worker_crash: " + (report.empty() ? crash->how : report.Text());
    run.Fail("no_worker_crash", "workers that live until they are killed",
             "worker " + std::to_string(crash->worker) + " (pid " + std::to_string(crash->pid) +
                 ") ended by itself, with " + crash->how + ":\n" + crash->report);
    return;
  }
  if (sound_ || !target_->WorkerHangs()) return;
  signature_ = "no_lock_left";
  run.Fail("no_lock_left", "an answer", target_->failure());
}

int StaleWorld::WorkerOf(Index worker) const {
  return static_cast<int>(worker.Of(static_cast<size_t>(target_->workers())));
}

int StaleWorld::KeyOf(Index key) const {
  return static_cast<int>(key.Of(static_cast<size_t>(keys_.keys)));
}

void StaleWorld::Generate(Gen& gen, Config& config) {
  config = {};
  config.tracking = static_cast<TrackingMode>(gen.rng().Below(std::size(kTrackingModeNames)));
  config.keys.value = gen.rng().Between(1, 16);
  config.members.value = gen.rng().Between(1, 8);
}

void StaleWorld::Start(const Config& config, RunContext& run) {
  sound_ = true;
  keys_ = stale::KeysOf(config);
  keys_.prefix = target_->key_prefix();
  history_ = VersionHistory(keys_);
  counts_ = {};
  before_ = {};
  rounds_.assign(1, {});
  signature_.clear();
  last_refusal_.clear();
  events_.clear();
  start_ = Clock::now();
  checking_ = false;
  unfinished_ = false;
  reads_.clear();
  writes_.clear();
  lost_writes_.clear();
  faults_.clear();
  Step(run, true, [&] {
    ReleaseAll();
    if (!Disarm() || !target_->Reset()) return false;
    std::vector<std::string> texts;
    for (int key = 0; key < keys_.keys; ++key) {
      // Absent keys of one type give the same replies.
      if (static_cast<size_t>(key) < keys_.types.size()) {
        std::vector<DirectRequest> requests;
        history_.AddReadBack(key, &requests);
        if (!target_->Direct(requests, &texts)) return false;
        history_.SetAbsent(key, texts);
      } else {
        history_.SetAbsent(key, std::vector<std::string>(history_.absent(key)));
      }
    }
    return true;
  });
}

void StaleWorld::Apply(const stale::Read& op, RunContext& run) {
  Step(run, false, [&] {
    const int key = KeyOf(op.key);
    const int command = stale::CommandFor(keys_, key, op.command);
    if (!StartRead(WorkerOf(op.worker), key, command, op.member.value, false)) return false;
    PendingRead& read = reads_.back();
    switch (op.wait) {
      case stale::Wait::kNo:
        return true;
      case stale::Wait::kAnswer:
        return FinishRead(read);
      case stale::Wait::kHit:
        if (!FinishRead(read)) return false;
        ++(read.answer.hit ? counts_.confirmed : counts_.not_cached);
        return true;
      case stale::Wait::kHeld:
        if (!target_->has_points()) return true;
        read.held = target_->WaitHeld(read.worker, read.ticket);
        Note(read.held ? "held" : "not held", read.worker, "", "", "");
        return true;
    }
    return true;
  });
}

void StaleWorld::Apply(const stale::DirectWrite& op, RunContext& run) {
  Step(run, false, [&] {
    const int key = KeyOf(op.key);
    const int command = stale::CommandFor(keys_, key, op.command);
    return Write(kDriver, key, command, op.member.value);
  });
}

void StaleWorld::Apply(const stale::CachedWrite& op, RunContext& run) {
  Step(run, false, [&] {
    const int key = KeyOf(op.key);
    const int command = stale::CommandFor(keys_, key, op.command);
    return Write(WorkerOf(op.worker), key, command, op.member.value) &&
           (!op.wait || FinishWrite(key));
  });
}

void StaleWorld::Apply(const stale::Flush& op, RunContext& run) {
  Step(run, false, [&] { return FlushKeys(op.all); });
}

void StaleWorld::Apply(const stale::Barrier&, RunContext& run) {
  Step(run, false, [&] { return FinishWrites() && SettleLost() && PassBarrier(); });
}

void StaleWorld::Apply(const stale::Hold& op, RunContext& run) {
  Step(run, false, [&] {
    ArmAt(WorkerOf(op.worker), op.point, 0);
    return true;
  });
}

void StaleWorld::Apply(const stale::Arm& op, RunContext& run) {
  Step(run, false, [&] {
    ArmAt(WorkerOf(op.worker), op.point, stale::NumberOf(op.signal));
    return true;
  });
}

void StaleWorld::Apply(const stale::KillConnection& op, RunContext& run) {
  Step(run, false, [&] {
    const int worker = WorkerOf(op.worker);
    unfinished_ = true;
    const bool killed = target_->KillClient(worker);
    Note("kill-client", worker, "", killed ? "killed" : "there was none", "");
    if (killed) ++counts_.client_kills;
    faults_.emplace("kill-client");
    return true;
  });
}

void StaleWorld::Apply(const stale::KillWorker& op, RunContext& run) {
  Step(run, false, [&] {
    const int worker = WorkerOf(op.worker);
    unfinished_ = true;
    const bool killed = target_->KillWorker(worker, stale::NumberOf(op.signal));
    Note("kill-worker", worker, "", killed ? "it ended or stopped" : "nothing happened",
         std::string(EnumNames(op.signal)[static_cast<size_t>(op.signal)]));
    if (killed) ++counts_.worker_kills;
    faults_.emplace("kill-worker");
    return true;
  });
}

void StaleWorld::Apply(const stale::Check& op, RunContext& run) {
  Step(run, true, [&] {
    if (!checking_) {
      if (!FinishAll()) return false;
      reads_.clear();
      checking_ = true;
      if (run.violated()) return true;
    }
    const int key = KeyOf(op.key);
    const int command = stale::CommandFor(keys_, key, op.command);
    return StartRead(WorkerOf(op.worker), key, command, op.member.value, true);
  });
}

void StaleWorld::Apply(const stale::Settle&, RunContext& run) {
  Step(run, false, [&] { return EndRound(run.op() + 1); });
}

void StaleWorld::Settle(RunContext& run) {
  Step(run, false, [&] {
    if (rounds_.back().begin == run.op()) {
      rounds_.pop_back();  // the last op has ended the last round
      return Disarm();
    }
    return EndRound(run.op()) && Disarm();
  });
}

void StaleWorld::LeaveTarget() {
  if (!rounds_.empty() && rounds_.back().end == 0) CountRound();
  if (!sound_) return;  // it does not answer
  ReleaseAll();
  Disarm();
}

bool StaleWorld::EndRound(size_t end) {
  if (!FinishAll()) return false;
  reads_.clear();
  faults_.clear();
  if (run_->violated()) return true;
  // Only now: a stopped worker must do nothing before the checks are over.
  if (!target_->Settle()) return false;
  ++counts_.rounds;
  CountRound();
  rounds_.back().end = end;
  before_ = counts_;
  on_round_();
  rounds_.push_back({.begin = end});
  return true;
}

void StaleWorld::CountRound() {
  StaleRound& round = rounds_.back();
  round.kills =
      counts_.client_kills + counts_.worker_kills - before_.client_kills - before_.worker_kills;
  round.confirmed = counts_.confirmed - before_.confirmed;
  round.not_cached = counts_.not_cached - before_.not_cached;
}

void StaleWorld::Note(std::string_view what, int worker, std::string command, std::string reply,
                      std::string note) {
  const std::chrono::duration<double, std::milli> since = Clock::now() - start_;
  events_.push_back({since.count(), run_->op(), std::string(what), worker, std::move(command),
                     std::move(reply), std::move(note)});
}

void StaleWorld::ArmAt(int worker, Failpoint point, int signal) {
  if (!target_->has_points()) return;
  unfinished_ = true;
  Release(worker);
  target_->SignalAt(worker, point, signal);
  armed_.insert(worker);
  Note(signal == 0 ? "hold" : "arm", worker, "", "", std::string(FailpointName(point)));
  if (signal == 0) {
    holds_.insert(worker);
  } else {
    faults_.insert("kill-worker " + std::string(FailpointName(point)));
  }
}

// A failpoint that was armed and not reached must not act in the next case.
bool StaleWorld::Disarm() {
  for (const int worker : std::exchange(armed_, {})) {
    if (worker < target_->workers()) target_->SignalAt(worker, Failpoint::kNone, 0);
  }
  return target_->failure().empty();
}

bool StaleWorld::StartRead(int worker, int key, int command, int member, bool check) {
  unfinished_ |= !check;
  PendingRead read;
  read.worker = worker;
  read.key = key;
  read.form = history_.FormOf(key, command, member);
  read.check = check;
  read.at_start = history_.bounds(key);
  const VersionHistory::Form& form = history_.forms(key)[read.form];
  Words words = history_.ReadWords(key, form);
  Note("read", worker, Join(words), "", "");
  read.ticket = target_->Start(worker, words, VersionHistory::Unordered(form));
  reads_.push_back(std::move(read));
  return true;
}

bool StaleWorld::FinishRead(PendingRead& read) {
  if (read.done) return true;
  Release(read.worker);
  const uint64_t deaths = target_->deaths() + target_->stops();
  read.answer = target_->Finish(read.ticket);
  read.done = true;
  read.high = history_.bounds(read.key).newest;
  counts_.worker_kills += target_->deaths() + target_->stops() - deaths;
  const TargetAnswer& a = read.answer;
  std::string note = a.status == TargetAnswer::Status::kLost ? "lost"
                     : !a.hit_known                          ? "unknown whether from the cache"
                     : a.hit ? "hit, put by pid " + std::to_string(a.pid) + " client " +
                                   std::to_string(a.client_id)
                             : "miss";
  if (a.refused) note += ", not cached: invalidated on the way";
  Note("answer", read.worker,
       Join(history_.ReadWords(read.key, history_.forms(read.key)[read.form])), a.text,
       std::move(note));
  if (a.status == TargetAnswer::Status::kLost) {
    ++counts_.lost;
    return target_->failure().empty();
  }
  ++counts_.reads;
  ++(!a.hit_known ? counts_.unknown : a.hit ? counts_.hits : counts_.misses);
  if (a.refused) ++counts_.refused;
  if (read.high > read.at_start.newest || read.at_start.newest > read.at_start.acked) {
    ++counts_.races;
    if (read.held) ++counts_.held;
  }
  return true;
}

// While a worker is held, its commands must have reached the server, and the server's invalidations
// must be in flight, so that the two really race.
bool StaleWorld::Fence() {
  if (holds_.empty()) return true;
  const DirectRequest ping = {{"PING"}};
  std::vector<std::string> texts;
  return target_->Direct({&ping, 1}, &texts);
}

void StaleWorld::Release(int worker) {
  if (holds_.erase(worker) > 0) target_->Go(worker);
}

void StaleWorld::ReleaseAll() {
  for (const int worker : std::exchange(holds_, {})) target_->Go(worker);
}

bool StaleWorld::Write(int worker, int key, int command_index, int member) {
  unfinished_ = true;
  if (!FinishWrite(key) || !SettleLost()) return false;
  const uint64_t version = history_.NewVersion(key);
  const std::string name = keys_.NameOf(key);
  const LiveCommand& command = LiveCommands()[static_cast<size_t>(command_index)];
  const bool brings_value = command.brings_value();
  const Words words = Expand(command, {.key = name,
                                       .version = version,
                                       .members = keys_.members,
                                       .value_size = keys_.value_size,
                                       .member = member});
  ++counts_.writes;
  if (brings_value) ++counts_.values;
  Note("write", worker, Join(words), "", "version " + std::to_string(version));
  if (worker != kDriver) {
    ++counts_.cached_writes;
    writes_[key] = {target_->Start(worker, words, false), worker, brings_value};
    return true;
  }
  std::vector<DirectRequest> requests = {{words}};
  std::string reply;
  if (!Fence() || !ReadBack(key, std::move(requests), &reply) || !Fence()) return false;
  if (IsError(reply)) CountRefusal(reply, brings_value);
  history_.Acknowledge(key);
  return true;
}

// Sends the requests, then those that read the key's current value. Sets `reply` to the answer to
// the first of them.
bool StaleWorld::ReadBack(int key, std::vector<DirectRequest> requests, std::string* reply) {
  const size_t before = requests.size();
  history_.AddReadBack(key, &requests);
  std::vector<std::string> texts;
  if (!target_->Direct(requests, &texts)) return false;
  if (before > 0) {
    Note("written", kDriver, "", texts[0], "");
    *reply = texts[0];
  }
  history_.SetTruth(key, std::span(texts).subspan(before));
  return true;
}

bool StaleWorld::FinishWrite(int key) {
  const auto found = writes_.find(key);
  if (found == writes_.end()) return true;
  const PendingWrite write = found->second;
  writes_.erase(found);
  Release(write.worker);
  const uint64_t deaths = target_->deaths() + target_->stops();
  const TargetAnswer answer = target_->Finish(write.ticket);
  counts_.worker_kills += target_->deaths() + target_->stops() - deaths;
  Note("written", write.worker, keys_.NameOf(key), answer.text,
       answer.status == TargetAnswer::Status::kLost ? "lost" : "");
  if (answer.status == TargetAnswer::Status::kLost) {
    // It may have run, or may still run: this is certain only when the connection is closed.
    ++counts_.lost;
    lost_writes_.push_back(key);
    return target_->failure().empty();
  }
  if (answer.status == TargetAnswer::Status::kError) CountRefusal(answer.text, write.brings_value);
  if (!ReadBack(key, {})) return false;
  history_.Acknowledge(key);
  if (target_->writes_are_seen()) history_.Settle(key);
  return true;
}

void StaleWorld::CountRefusal(const std::string& reply, bool brings_value) {
  last_refusal_ = reply;
  ++counts_.writes_refused;
  if (brings_value) ++counts_.values_refused;
}

bool StaleWorld::FinishWrites() {
  while (!writes_.empty()) {
    if (!FinishWrite(writes_.begin()->first)) return false;
  }
  return true;
}

bool StaleWorld::SettleLost() {
  if (lost_writes_.empty()) return true;
  ReleaseAll();
  // The barrier waits for the pending work of a resumed worker.
  if (!target_->Settle() || !target_->Barrier()) return false;
  for (const int key : std::exchange(lost_writes_, {})) {
    if (!ReadBack(key, {})) return false;
    history_.Acknowledge(key);
  }
  return true;
}

bool StaleWorld::FlushKeys(bool all) {
  unfinished_ = true;
  if (!FinishWrites() || !SettleLost() || !Fence()) return false;
  for (int key = 0; key < keys_.keys; ++key) history_.NewVersion(key);
  const DirectRequest flush = {{all ? "FLUSHALL" : "FLUSHDB"}};
  std::vector<std::string> texts;
  Note("flush", kDriver, flush.words[0], "", "every key has a new version");
  if (!target_->Direct({&flush, 1}, &texts) || !Fence()) return false;
  for (int key = 0; key < keys_.keys; ++key) {
    history_.SetTruth(key, history_.absent(key));
    history_.Acknowledge(key);
  }
  ++counts_.flushes;
  faults_.emplace("flush");
  return true;
}

bool StaleWorld::PassBarrier() {
  ReleaseAll();
  const uint64_t deaths = target_->deaths() + target_->stops();
  if (!target_->Barrier()) return false;
  counts_.worker_kills += target_->deaths() + target_->stops() - deaths;
  ++counts_.barriers;
  for (int key = 0; key < keys_.keys; ++key) {
    if (history_.bounds(key).acked == history_.bounds(key).newest) history_.Settle(key);
  }
  Note("barrier", kDriver, "", "", "");
  return true;
}

// Waits for everything in flight and verifies it: checks, or reads and writes that overlapped.
bool StaleWorld::FinishAll() {
  if (checking_) return FinishChecks();
  if (!unfinished_) return true;
  unfinished_ = false;
  ReleaseAll();
  for (PendingRead& read : reads_) {
    if (!FinishRead(read)) return false;
  }
  if (!FinishWrites() || !SettleLost() || !PassBarrier()) return false;
  for (const PendingRead& read : reads_) Verify(read);
  return true;
}

bool StaleWorld::FinishChecks() {
  if (!checking_) return true;
  checking_ = false;
  for (PendingRead& read : reads_) {
    if (!FinishRead(read)) return false;
    if (!target_->exact() && !ReadAgain(read)) return false;
    Verify(read);
  }
  reads_.clear();
  return true;
}

// For a cache without a barrier: repeats the read until it is right or the time is over.
bool StaleWorld::ReadAgain(PendingRead& read) {
  const VersionHistory::Form& form = history_.forms(read.key)[read.form];
  const uint64_t newest = history_.bounds(read.key).newest;
  const Clock::time_point give_up = Clock::now() + kSettlesWithin;
  while (!history_.Matches(read.key, read.form, newest, newest, read.answer.text) &&
         Clock::now() < give_up) {
    const Words words = history_.ReadWords(read.key, form);
    read.answer =
        target_->Finish(target_->Start(read.worker, words, VersionHistory::Unordered(form)));
    Note("read again", read.worker, Join(words), read.answer.text, "");
  }
  return true;
}

void StaleWorld::Verify(const PendingRead& read) {
  const TargetAnswer& answer = read.answer;
  if (answer.status == TargetAnswer::Status::kLost) return;
  if (answer.torn) {
    Violate(read, "no_torn_entry", "an entry whose checksum is right");
    return;
  }
  // The time at which a cache without a barrier settles is unknown.
  const bool went_to_server = answer.hit_known && !answer.hit;
  uint64_t low = went_to_server ? read.at_start.acked : read.at_start.settled;
  if (!target_->exact() && !read.check) low = went_to_server ? low : 1;
  const uint64_t high = read.high;
  ++counts_.checked;
  if (history_.Matches(read.key, read.form, low, high, answer.text)) return;
  const uint64_t version = history_.VersionOf(read.key, read.form, answer.text);
  const std::string expected = Range(low, high) + ": " + history_.Truth(read.key, read.form, high);
  if (version == 0) {
    Violate(read, "no_invented_value", expected);
  } else {
    Violate(read, read.check ? "no_stale_after_barrier" : "bounded_staleness", expected);
  }
}

void StaleWorld::Violate(const PendingRead& read, std::string_view invariant,
                         const std::string& expected) {
  const VersionHistory::Form& form = history_.forms(read.key)[read.form];
  const Words words = history_.ReadWords(read.key, form);
  const uint64_t version = history_.VersionOf(read.key, read.form, read.answer.text);
  if (run_->violated()) return;
  const std::string seen =
      (version == 0 ? "no version of it" : "version " + std::to_string(version)) + ": " +
      read.answer.text + " to " + Join(words) + " at worker " + std::to_string(read.worker) +
      (!read.answer.hit_known ? ""
       : read.answer.hit      ? ", from the cache"
                              : ", from the server");
  // The same fault shows in many commands; the preceding faults distinguish causes.
  signature_ = std::string(invariant);
  for (const std::string& fault : faults_) signature_ += " after " + fault;
  Note("VIOLATION", read.worker, Join(words), read.answer.text,
       std::string(invariant) + ": expected " + expected);
  run_->Fail(invariant, expected, seen);
}

}  // namespace resprobe::cachelab
