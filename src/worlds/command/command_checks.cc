// What CommandWorld checks besides the replies: the keyspace, and how the server shows it.

#include <utility>

#include "core/resp/writer.h"
#include "core/server/server.h"
#include "sim/server_subject.h"
#include "worlds/command/command_world.h"

namespace resprobe {

void CommandWorld::CheckTouched(RunContext& run) {
  for (size_t i = 0; i < touched_count_ && !run.violated(); ++i) {
    CheckText(core_->keyspace().CheckKey(touched_[i].db, touched_[i].key), run);
  }
}

// Only Keyspace::Modified() moves dirty(): whoever watches, caches or copies a key learns of a
// change through it. Of the keys that the command names, no more may have changed than were
// reported.
void CommandWorld::CheckReported(RunContext& run) {
  const Keyspace& keyspace = core_->keyspace();
  const uint64_t reported = keyspace.dirty() - before_.dirty;
  uint64_t changed = 0;
  std::string_view last;
  for (size_t i = 0; i < touched_count_; ++i) {
    const Touched& touched = touched_[i];
    bool again = false;
    for (size_t j = 0; j < i; ++j) again |= touched_[j].key == touched.key;
    if (again || keyspace.Digest(touched.db, touched.key) == touched.digest) continue;
    ++changed;
    last = touched.key;
  }
  run.Check(
      changed <= reported, "changes_are_reported",
      [&] {
        return std::string(before_.command->full_name()) + " reports the " +
               std::to_string(changed) + " keys that it has changed, such as " + std::string(last);
      },
      [&] { return std::to_string(reported) + " reported"; });
}

// A problem that the keyspace's self check has found.
void CommandWorld::CheckText(const std::string& problem, RunContext& run) {
  if (problem.empty() || run.violated()) return;
  const bool empty = problem.find("was left behind") != std::string::npos ||
                     problem.find("has no value") != std::string::npos;
  const bool zset = problem.find("zset: ") != std::string::npos &&
                    problem.find("byte count") == std::string::npos;
  run.Fail(empty  ? "no_empty_aggregate"
           : zset ? "sorted_sets_sorted"
                  : "keyspace_sound",
           "a sound keyspace", problem);
}

void CommandWorld::Ask(std::span<const std::string_view> words) {
  Peer& probe = *peers_[kMaxClients];
  resp::AppendRequest(Unsent(probe).buffer(), words);
  probe.model.Asked(ReplyModel::Find(words), words);
  ++question_count_;
}

bool CommandWorld::Answered(RunContext& run) {
  const size_t asked = std::exchange(question_count_, 0);
  if (run.violated()) return false;
  Peer& probe = *peers_[kMaxClients];
  before_.absent = false;
  answer_count_ = 0;
  asking_ = true;
  Exchange(probe, TakeUnsent(probe), run);
  asking_ = false;
  for (size_t i = 0; i < answer_count_ && !run.violated(); ++i) {
    run.Check(!answers_[i].root().is_error(), "views_agree",
              "no error for a question of the world's own",
              [&] { return resp::ToText(answers_[i].root()); });
  }
  // A server that has closed the connection, where it may, gives fewer answers.
  return !run.violated() && answer_count_ == asked;
}

// Queries the same state in five ways.
void CommandWorld::CheckViews(int db, RunContext& run) {
  constexpr std::string_view kInvariant = "views_agree";
  if (db != 0) Ask({"SELECT", std::to_string(db)});
  Ask({"KEYS", "*"});
  Ask({"SCAN", "0", "COUNT", "1000"});
  Ask({"DBSIZE"});
  if (!Answered(run)) return;
  const resp::ReplyView dbsize = answers_[answer_count_ - 1].root();
  resp::ReplyView scanned = answers_[answer_count_ - 2].root();
  names_.clear();
  for (const resp::ReplyView key : answers_[answer_count_ - 3].root()) {
    names_.emplace_back(key.text());
  }
  std::sort(names_.begin(), names_.end());
  if (!run.Check(std::adjacent_find(names_.begin(), names_.end()) == names_.end(), kInvariant,
                 "KEYS names each key once", "a key twice")) {
    return;
  }
  if (core_ != nullptr) {
    for (const std::string& name : names_) {
      if (!run.Check(core_->keyspace().Peek(db, name) != nullptr, "expired_unseen",
                     "KEYS names what exists", name)) {
        return;
      }
    }
  }
  const auto count = static_cast<int64_t>(names_.size());
  if (!run.Check(
          dbsize.integer() == count, kInvariant,
          [&] { return "DBSIZE is " + std::to_string(count); },
          [&] { return resp::ToText(dbsize); })) {
    return;
  }

  scanned_.clear();
  for (;;) {
    for (const resp::ReplyView key : scanned[1]) scanned_.emplace_back(key.text());
    const std::string_view cursor = scanned[0].text();
    if (cursor == "0" || scanned_.size() >= 100000) break;
    Ask({"SCAN", cursor, "COUNT", "1000"});
    if (!Answered(run)) return;
    scanned = answers_[0].root();
  }
  std::sort(scanned_.begin(), scanned_.end());
  scanned_.erase(std::unique(scanned_.begin(), scanned_.end()), scanned_.end());
  if (!run.Check(
          scanned_ == names_, kInvariant,
          [&] { return "SCAN shows the " + std::to_string(count) + " keys that KEYS names"; },
          [&] { return std::to_string(scanned_.size()) + " keys, not those"; })) {
    return;
  }

  if (names_.empty()) return;
  words_.assign({"EXISTS"});
  words_.insert(words_.end(), names_.begin(), names_.end());
  Ask(words_);
  // Without audit, check the types of two keys, selected by the case.
  const size_t types = config_.audit ? names_.size() : std::min<size_t>(names_.size(), 2);
  const size_t first = config_.audit ? 0 : config_.clients.value + names_[0].size();
  const auto name = [&](size_t i) -> const std::string& {
    return names_[(first + i) % names_.size()];
  };
  for (size_t i = 0; i < types; ++i) Ask({"TYPE", name(i)});
  if (!Answered(run)) return;
  const resp::ReplyView exist = answers_[0].root();
  if (!run.Check(
          exist.integer() == count, kInvariant,
          [&] { return "EXISTS of what KEYS names is " + std::to_string(count); },
          [&] { return resp::ToText(exist); })) {
    return;
  }
  for (size_t i = 0; i < types; ++i) {
    const resp::ReplyView type = answers_[1 + i].root();
    const Object* object = core_ == nullptr ? nullptr : core_->keyspace().Peek(db, name(i));
    const std::string_view expected = object == nullptr ? "no key" : ObjectTypeName(object->type());
    if (!run.Check(
            core_ != nullptr ? type.text() == expected : type.text() != "none", kInvariant,
            [&] { return "TYPE of " + name(i) + ": " + std::string(expected); },
            [&] { return resp::ToText(type); })) {
      return;
    }
  }
}

// Sends queued bytes; an incomplete request stays incomplete. With `look`, clients that may still
// send make a last request.
void CommandWorld::Drain(Peer& peer, bool look, RunContext& run) {
  constexpr std::string_view kReset[] = {"RESET"};
  constexpr std::string_view kEcho[] = {"ECHO", "the end"};
  const auto talks = [&] { return subject_->IsOpen(peer.connection) && !peer.model.opaque(); };
  if (!talks()) return;
  if (Unsent(peer).in_flight() > 0) {
    Send(peer, TakeUnsent(peer), run);
  } else if (!peer.has_sent) {
    return;  // no requests: no replies due
  }
  if (run.violated() || !look || !talks()) return;
  if (peer.model.outstanding() > 0) return;  // blocked, perhaps forever
  if (peer.nonsense && peer.model.may_stay_open()) return;
  if (!run.Check(!peer.nonsense, "one_reply_per_request",
                 "the connection closed after what is no request", "it is open")) {
    return;
  }
  if (!peer.requests.idle()) return;
  resp::AppendRequest(Unsent(peer).buffer(), kReset);
  resp::AppendRequest(Unsent(peer).buffer(), kEcho);
  peer.model.Asked(ReplyModel::Find(kReset), kReset);
  peer.model.Asked(ReplyModel::Find(kEcho), kEcho);
  Exchange(peer, TakeUnsent(peer), run);
  if (run.violated()) return;
  run.Check(subject_->IsOpen(peer.connection), "connection_stays_open",
            "a connection that has answered ECHO stays open", "it is closed");
}

void CommandWorld::Settle(RunContext& run) {
  // Checking everything takes as many requests as a case has.
  constexpr uint32_t kLookedAt = 8;
  const bool look = config_.audit || run.Makes(kLookedAt);
  for (size_t i = 0; i < clients_ && !run.violated(); ++i) Drain(*peers_[i], look, run);
  if (look && !run.violated()) LookAtKeys(run);
}

// Checks that the keyspace is sound, that all ways to query it agree, and that FLUSHALL removes
// everything.
void CommandWorld::LookAtKeys(RunContext& run) {
  if (core_ != nullptr) CheckText(core_->keyspace().CheckIntegrity(), run);
  Peer& probe = *peers_[kMaxClients];
  // One protocol per run, both with audit.
  for (int protocol = 2; protocol <= 3; ++protocol) {
    if (!config_.audit && protocol != 2 + (config_.protocol3.value >> 7 & 1)) continue;
    Open(probe);
    if (protocol == 3) Ask({"HELLO", "3"});
    for (int db = 0; db < 16 && !run.violated(); ++db) {
      if (core_ != nullptr
              ? db < core_->keyspace().databases() && core_->keyspace().KeyCount(db) > 0
              : (databases_used_ >> db & 1) != 0) {
        CheckViews(db, run);
      }
    }
    if (protocol == 2 && config_.audit) Hangup(probe);
  }
  Ask({"FLUSHALL"});
  Ask({"DBSIZE"});
  if (!Answered(run)) return;
  if (clients_ > 1) CollectOthers(probe, run);
  const resp::ReplyView left = answers_[answer_count_ - 1].root();
  if (!run.Check(left.integer() == 0, "memory_returns", "DBSIZE is 0 after FLUSHALL",
                 [&] { return resp::ToText(left); })) {
    return;
  }
  if (core_ != nullptr) {
    run.Check(core_->keyspace().used_memory() == 0, "memory_returns", "0 bytes after FLUSHALL",
              [&] { return std::to_string(core_->keyspace().used_memory()) + " bytes"; });
  }
}

}  // namespace resprobe
