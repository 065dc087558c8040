#include "cachelab/hunt/stale_runner.h"

#include <signal.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace resprobe::live {
namespace {

using Clock = std::chrono::steady_clock;
using Kind = Action::Kind;

// How long a stale value of a cache without a barrier may last.
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

StaleRunner::StaleRunner(StaleTarget* target, const KeyPlan& plan, size_t keep)
    : target_(target), plan_(plan), keep_(keep), book_(plan), start_(Clock::now()) {}

bool StaleRunner::Begin() {
  if (!target_->Reset()) return false;
  book_ = VersionHistory(plan_);
  std::vector<std::string> texts;
  for (int key = 0; key < plan_.keys; ++key) {
    // Keys of one type answer alike.
    if (static_cast<size_t>(key) < plan_.types.size()) {
      std::vector<DirectRequest> requests;
      book_.AddReadBack(key, &requests);
      if (!target_->Direct(requests, &texts)) return false;
      book_.SetAbsent(key, texts);
    } else {
      book_.SetAbsent(key, std::vector<std::string>(book_.absent(key)));
    }
  }
  return true;
}

bool StaleRunner::Run(const Round& round) {
  reads_.clear();
  writes_.clear();
  lost_writes_.clear();
  holds_.clear();
  faults_.clear();
  const bool sound = std::all_of(round.actions.begin(), round.actions.end(),
                                 [this](const Action& action) { return Do(action); }) &&
                     Finish() && Check(round.checks);
  if (!sound && target_->WorkerHangs()) {
    violations_.push_back({.invariant = "no_lock_left",
                           .signature = "no_lock_left",
                           .expected = "an answer",
                           .seen = target_->failure(),
                           .round = counts_.rounds});
  }
  ++counts_.rounds;
  while (!events_.empty() && events_.front().round + keep_ < counts_.rounds) events_.pop_front();
  return sound;
}

std::vector<StaleViolation> StaleRunner::TakeViolations() { return std::exchange(violations_, {}); }

void StaleRunner::Note(std::string_view what, int worker, std::string command, std::string reply,
                       std::string note) {
  const std::chrono::duration<double, std::milli> since = Clock::now() - start_;
  events_.push_back({since.count(), counts_.rounds, std::string(what), worker, std::move(command),
                     std::move(reply), std::move(note)});
}

bool StaleRunner::Do(const Action& action) {
  switch (action.kind) {
    case Kind::kRead:
    case Kind::kAwaitRead:
    case Kind::kConfirm: {
      if (!StartRead(action, false)) return false;
      if (action.kind == Kind::kRead) return true;
      Read& read = reads_.back();
      if (!FinishRead(read)) return false;
      if (action.kind == Kind::kConfirm) {
        ++(read.answer.hit ? counts_.confirmed : counts_.not_cached);
      }
      return true;
    }
    case Kind::kHeldRead: {
      if (!target_->has_points()) return StartRead(action, false);
      Release(action.worker);
      target_->Hold(action.worker, action.point);
      if (!StartRead(action, false)) return false;
      Read& read = reads_.back();
      holds_.insert(action.worker);
      read.held = target_->WaitHeld(action.worker, read.ticket);
      Note(read.held ? "held" : "not held", action.worker, "", "",
           std::string(FailpointName(action.point)));
      return true;
    }
    case Kind::kWrite:
      return Write(action);
    case Kind::kAwaitWrite:
      return Write(action) && FinishWrite(action.key);
    case Kind::kFlushAll:
    case Kind::kFlushDb:
      return Flush(action.kind == Kind::kFlushAll);
    case Kind::kBarrier:
      return FinishWrites() && SettleLost() && Barrier();
    case Kind::kKillClient: {
      const bool killed = target_->KillClient(action.worker);
      Note("kill-client", action.worker, "", killed ? "killed" : "there was none", "");
      if (killed) ++counts_.client_kills;
      faults_.emplace_back("kill-client");
      return true;
    }
    case Kind::kKillWorker: {
      const bool killed = target_->KillWorker(action.worker, action.signal);
      Note("kill-worker", action.worker, "", killed ? "it ended or stopped" : "nothing happened",
           sigabbrev_np(action.signal) == nullptr ? "" : sigabbrev_np(action.signal));
      if (killed) ++counts_.worker_kills;
      faults_.emplace_back("kill-worker");
      return true;
    }
    case Kind::kArm:
      if (!target_->has_points()) return true;
      Release(action.worker);
      target_->SignalAt(action.worker, action.point, action.signal);
      Note(action.signal == 0 ? "hold" : "arm", action.worker, "", "",
           std::string(FailpointName(action.point)));
      if (action.signal == 0) {
        holds_.insert(action.worker);
        return true;
      }
      faults_.push_back("kill-worker " + std::string(FailpointName(action.point)));
      return true;
  }
  return true;
}

bool StaleRunner::StartRead(const Action& action, bool check) {
  Read read;
  read.worker = action.worker;
  read.key = action.key;
  read.form = book_.FormOf(action.key, action.command, action.member);
  read.check = check;
  read.at_start = book_.bounds(action.key);
  const VersionHistory::Form& form = book_.forms(action.key)[read.form];
  Words words = book_.ReadWords(action.key, form);
  Note("read", action.worker, Join(words), "", "");
  read.ticket = target_->Start(action.worker, words, VersionHistory::Unordered(form));
  reads_.push_back(std::move(read));
  return true;
}

bool StaleRunner::FinishRead(Read& read) {
  if (read.done) return true;
  Release(read.worker);
  const uint64_t deaths = target_->deaths() + target_->stops();
  read.answer = target_->Finish(read.ticket);
  read.done = true;
  read.high = book_.bounds(read.key).newest;
  counts_.worker_kills += target_->deaths() + target_->stops() - deaths;
  const TargetAnswer& a = read.answer;
  std::string note = a.status == TargetAnswer::Status::kLost ? "lost"
                     : !a.hit_known                          ? "unknown whether from the cache"
                     : a.hit ? "hit, put by pid " + std::to_string(a.pid) + " client " +
                                   std::to_string(a.client_id)
                             : "miss";
  if (a.refused) note += ", not cached: invalidated on the way";
  Note("answer", read.worker, Join(book_.ReadWords(read.key, book_.forms(read.key)[read.form])),
       a.text, std::move(note));
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

// While a worker is held, what it has sent must have reached the server, and what the server had to
// tell it must be on its way, so that the two really meet.
bool StaleRunner::Fence() {
  if (holds_.empty()) return true;
  const DirectRequest ping = {{"PING"}};
  std::vector<std::string> texts;
  return target_->Direct({&ping, 1}, &texts);
}

void StaleRunner::Release(int worker) {
  if (holds_.erase(worker) > 0) target_->Go(worker);
}

void StaleRunner::ReleaseAll() {
  for (const int worker : std::exchange(holds_, {})) target_->Go(worker);
}

bool StaleRunner::Write(const Action& action) {
  if (!FinishWrite(action.key) || !SettleLost()) return false;
  const uint64_t version = book_.NewVersion(action.key);
  const std::string name = plan_.NameOf(action.key);
  const LiveCommand& command = LiveCommands()[static_cast<size_t>(action.command)];
  const bool brings_value = command.brings_value();
  const Words words = Expand(command, {.key = name,
                                       .version = version,
                                       .members = plan_.members,
                                       .value_size = plan_.value_size,
                                       .member = action.member});
  ++counts_.writes;
  if (brings_value) ++counts_.values;
  Note("write", action.worker, Join(words), "", "version " + std::to_string(version));
  if (action.worker != kDriver) {
    ++counts_.cached_writes;
    writes_[action.key] = {target_->Start(action.worker, words, false), action.worker,
                           brings_value};
    return true;
  }
  std::vector<DirectRequest> requests = {{words}};
  std::string reply;
  if (!Fence() || !ReadBack(action.key, std::move(requests), &reply) || !Fence()) return false;
  if (IsError(reply)) CountRefusal(reply, brings_value);
  book_.Acknowledge(action.key);
  return true;
}

// Sends the requests, and behind them those that tell what the key holds now. Sets `reply` to the
// answer to the first of them.
bool StaleRunner::ReadBack(int key, std::vector<DirectRequest> requests, std::string* reply) {
  const size_t before = requests.size();
  book_.AddReadBack(key, &requests);
  std::vector<std::string> texts;
  if (!target_->Direct(requests, &texts)) return false;
  if (before > 0) {
    Note("written", kDriver, "", texts[0], "");
    *reply = texts[0];
  }
  book_.SetTruth(key, std::span(texts).subspan(before));
  return true;
}

bool StaleRunner::FinishWrite(int key) {
  const auto found = writes_.find(key);
  if (found == writes_.end()) return true;
  const PendingWrite write = found->second;
  writes_.erase(found);
  Release(write.worker);
  const uint64_t deaths = target_->deaths() + target_->stops();
  const TargetAnswer answer = target_->Finish(write.ticket);
  counts_.worker_kills += target_->deaths() + target_->stops() - deaths;
  Note("written", write.worker, plan_.NameOf(key), answer.text,
       answer.status == TargetAnswer::Status::kLost ? "lost" : "");
  if (answer.status == TargetAnswer::Status::kLost) {
    // It may have been run, or may still be: by the time that the connection is gone it is known.
    ++counts_.lost;
    lost_writes_.push_back(key);
    return target_->failure().empty();
  }
  if (answer.status == TargetAnswer::Status::kError) CountRefusal(answer.text, write.brings_value);
  if (!ReadBack(key, {})) return false;
  book_.Acknowledge(key);
  if (target_->writes_are_seen()) book_.Settle(key);
  return true;
}

void StaleRunner::CountRefusal(const std::string& reply, bool brings_value) {
  last_refusal_ = reply;
  ++counts_.writes_refused;
  if (brings_value) ++counts_.values_refused;
}

bool StaleRunner::FinishWrites() {
  while (!writes_.empty()) {
    if (!FinishWrite(writes_.begin()->first)) return false;
  }
  return true;
}

bool StaleRunner::SettleLost() {
  if (lost_writes_.empty()) return true;
  ReleaseAll();
  // The barrier waits for what a worker that had been stopped still has to do.
  if (!target_->Settle() || !target_->Barrier()) return false;
  for (const int key : std::exchange(lost_writes_, {})) {
    if (!ReadBack(key, {})) return false;
    book_.Acknowledge(key);
  }
  return true;
}

bool StaleRunner::Flush(bool all) {
  if (!FinishWrites() || !SettleLost() || !Fence()) return false;
  for (int key = 0; key < plan_.keys; ++key) book_.NewVersion(key);
  const DirectRequest flush = {{all ? "FLUSHALL" : "FLUSHDB"}};
  std::vector<std::string> texts;
  Note("flush", kDriver, flush.words[0], "", "every key has a new version");
  if (!target_->Direct({&flush, 1}, &texts) || !Fence()) return false;
  for (int key = 0; key < plan_.keys; ++key) {
    book_.SetTruth(key, book_.absent(key));
    book_.Acknowledge(key);
  }
  ++counts_.flushes;
  faults_.emplace_back("flush");
  return true;
}

bool StaleRunner::Barrier() {
  ReleaseAll();
  const uint64_t deaths = target_->deaths() + target_->stops();
  if (!target_->Barrier()) return false;
  counts_.worker_kills += target_->deaths() + target_->stops() - deaths;
  ++counts_.barriers;
  for (int key = 0; key < plan_.keys; ++key) {
    if (book_.bounds(key).acked == book_.bounds(key).newest) book_.Settle(key);
  }
  Note("barrier", kDriver, "", "", "");
  return true;
}

bool StaleRunner::Finish() {
  ReleaseAll();
  for (Read& read : reads_) {
    if (!FinishRead(read)) return false;
  }
  if (!FinishWrites() || !SettleLost() || !Barrier()) return false;
  for (const Read& read : reads_) Verify(read);
  return true;
}

bool StaleRunner::Check(const std::vector<Action>& checks) {
  reads_.clear();
  for (const Action& action : checks) {
    if (!StartRead(action, true)) return false;
  }
  for (Read& read : reads_) {
    if (!FinishRead(read)) return false;
    if (!target_->exact() && !ReadAgain(read)) return false;
    Verify(read);
  }
  // Only now: a worker that is stopped must do nothing before the checks are over.
  return target_->Settle();
}

// For a cache without a barrier: reads until it is right or the time is over.
bool StaleRunner::ReadAgain(Read& read) {
  const VersionHistory::Form& form = book_.forms(read.key)[read.form];
  const uint64_t newest = book_.bounds(read.key).newest;
  const Clock::time_point give_up = Clock::now() + kSettlesWithin;
  while (!book_.Matches(read.key, read.form, newest, newest, read.answer.text) &&
         Clock::now() < give_up) {
    const Words words = book_.ReadWords(read.key, form);
    read.answer =
        target_->Finish(target_->Start(read.worker, words, VersionHistory::Unordered(form)));
    Note("read again", read.worker, Join(words), read.answer.text, "");
  }
  return true;
}

void StaleRunner::Verify(const Read& read) {
  const TargetAnswer& answer = read.answer;
  if (answer.status == TargetAnswer::Status::kLost) return;
  if (answer.torn) {
    Violate(read, "no_torn_entry", "an entry whose checksum is right");
    return;
  }
  // A cache without a barrier settles when it likes.
  const bool went_to_server = answer.hit_known && !answer.hit;
  uint64_t low = went_to_server ? read.at_start.acked : read.at_start.settled;
  if (!target_->exact() && !read.check) low = went_to_server ? low : 1;
  const uint64_t high = read.high;
  ++counts_.checked;
  if (book_.Matches(read.key, read.form, low, high, answer.text)) return;
  const uint64_t version = book_.VersionOf(read.key, read.form, answer.text);
  const std::string expected = Range(low, high) + ": " + book_.Truth(read.key, read.form, high);
  if (version == 0) {
    Violate(read, "no_invented_value", expected);
  } else {
    Violate(read, read.check ? "no_stale_after_barrier" : "bounded_staleness", expected);
  }
}

void StaleRunner::Violate(const Read& read, std::string_view invariant,
                          const std::string& expected) {
  const VersionHistory::Form& form = book_.forms(read.key)[read.form];
  const Words words = book_.ReadWords(read.key, form);
  const uint64_t version = book_.VersionOf(read.key, read.form, read.answer.text);
  StaleViolation violation;
  violation.invariant = invariant;
  violation.round = counts_.rounds;
  violation.expected = expected;
  violation.seen = (version == 0 ? "no version of it" : "version " + std::to_string(version)) +
                   ": " + read.answer.text + " to " + Join(words) + " at worker " +
                   std::to_string(read.worker) +
                   (!read.answer.hit_known ? ""
                    : read.answer.hit      ? ", from the cache"
                                           : ", from the server");
  // The same fault shows in many commands; what led to it tells faults apart.
  const std::set<std::string> faults(faults_.begin(), faults_.end());
  violation.signature = std::string(invariant);
  for (const std::string& fault : faults) violation.signature += " after " + fault;
  Note("VIOLATION", read.worker, Join(words), read.answer.text,
       violation.invariant + ": expected " + expected);
  for (const StaleViolation& known : violations_) {
    if (known.signature == violation.signature && known.round == violation.round) return;
  }
  violations_.push_back(std::move(violation));
}

}  // namespace resprobe::live
