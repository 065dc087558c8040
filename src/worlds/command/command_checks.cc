// What CommandWorld checks besides the replies: the keyspace, and how the server shows it.

#include <algorithm>
#include <utility>

#include "core/resp/number.h"
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

// Whoever watches, caches or copies a key learns of a change through a report. Of the keys that the
// command names, those that have changed were reported, and no key was that exists neither before
// nor after; but a client that waits takes at once what was added.
void CommandWorld::CheckReported(RunContext& run) {
  const Keyspace& keyspace = core_->keyspace();
  for (size_t i = 0; i < touched_count_; ++i) {
    const Touched& touched = touched_[i];
    const bool changed = keyspace.Digest(touched.db, touched.key) != touched.digest;
    const bool reported = watches_.Reported(touched.db, touched.key);
    const bool may_report =
        touched.exists || before_.waiting || keyspace.keys(touched.db).Contains(touched.key);
    if (changed == reported || (!changed && may_report)) continue;
    run.Fail("changes_are_reported",
             std::string(before_.command->full_name()) +
                 (changed ? " reports its change of " : " reports no change of ") +
                 std::string(touched.key),
             changed ? "not reported" : "reported, though it exists neither before nor after");
    return;
  }
}

// What a command has made anew shows whether the server's limits are followed; what was there
// before may be in the large encoding because of what it has held.
void CommandWorld::CheckEncodings(std::span<const std::string_view> args, RunContext& run) {
  constexpr size_t kMostFields = 512;
  constexpr size_t kMostIntegers = 512;
  constexpr size_t kMostScores = 128;
  constexpr size_t kMostBytes = 64;
  const auto is_short = [](std::string_view text) { return text.size() <= kMostBytes; };
  for (size_t i = 0; i < touched_count_ && !run.violated(); ++i) {
    const Touched& touched = touched_[i];
    const Object* const object =
        touched.exists ? nullptr : core_->keyspace().Peek(touched.db, touched.key);
    if (object == nullptr) continue;
    // A client that was served by the command may have set the key to another type since.
    const ObjectType type = object->type();
    const std::string_view name = before_.command->full_name();
    const size_t size = object->size();
    bool packed = false;
    bool fits = false;
    if (name == "hset" && type == ObjectType::kHash && args.size() == 2 + 2 * size) {
      fits = size <= kMostFields && std::ranges::all_of(args.subspan(2), is_short);
      packed = object->hash().compact();
    } else if (name == "sadd" && type == ObjectType::kSet && args.size() == 2 + size) {
      fits = size <= kMostIntegers && std::ranges::all_of(args.subspan(2), [](const auto& text) {
               int64_t number = 0;
               return resp::ParseStrictInteger(text, &number);
             });
      packed = object->set().intset();
    } else if (name == "zadd" && type == ObjectType::kZset && args.size() == 2 + 2 * size) {
      fits = size <= kMostScores;
      for (size_t at = 3; at < args.size(); at += 2) fits = fits && is_short(args[at]);
      packed = object->zset().compact();
    } else {
      continue;
    }
    run.Check(
        packed == fits, "encoding_fits",
        [&] { return std::string(name) + (fits ? " makes a packed value" : " makes a large one"); },
        [&] { return "the other, of " + std::to_string(size) + " elements"; });
  }
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
  names_.clear();
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

// SCAN and KEYS with a filter show the keys that it selects, and no others.
void CommandWorld::CheckFilters(int db, RunContext& run) {
  const Keyspace& keyspace = core_->keyspace();
  const std::string& one = names_[config_.clients.value % names_.size()];
  const Object* const object = keyspace.Peek(db, one);
  if (object == nullptr) return;
  std::string type(ObjectTypeName(object->type()));
  const auto of_type = static_cast<size_t>(std::ranges::count_if(names_, [&](const auto& name) {
    const Object* const other = keyspace.Peek(db, name);
    return other != nullptr && other->type() == object->type();
  }));
  // Types are written in any case.
  if (names_.size() % 2 == 0) {
    for (char& c : type) c = static_cast<char>(c - 'a' + 'A');
  }
  // A byte that means nothing in a pattern.
  const char last = one.empty() ? '\0' : one.back();
  const bool plain = (last >= '0' && last <= '9') || (last >= 'a' && last <= 'z');
  const std::string pattern = plain ? std::string("*") + last : "*";
  const auto matching = static_cast<size_t>(std::ranges::count_if(
      names_, [&](const auto& name) { return !plain || name.ends_with(last); }));
  Ask({"PTTL", one});
  Ask({"TTL", one});
  Ask({"SCAN", "0", "COUNT", "100000", "TYPE", type});
  Ask({"SCAN", "0", "COUNT", "100000", "MATCH", pattern});
  Ask({"KEYS", pattern});
  if (!Answered(run)) return;
  const int64_t left =
      object->expire_at() == kNoExpiry ? -1 : object->expire_at() - keyspace.now_ms();
  const int64_t seconds = left == -1 ? -1 : (left + 500) / 1000;
  if (!run.Check(
          answers_[0].root().integer() == left && answers_[1].root().integer() == seconds,
          "views_agree",
          [&] { return "PTTL " + std::to_string(left) + ", TTL " + std::to_string(seconds); },
          [&] {
            return resp::ToText(answers_[0].root()) + ", " + resp::ToText(answers_[1].root());
          })) {
    return;
  }
  const auto check = [&](std::string_view what, size_t expected, size_t seen) {
    return run.Check(
        seen == expected, "scan_is_complete",
        [&] { return std::string(what) + ": " + std::to_string(expected) + " keys"; },
        [&] { return std::to_string(seen) + " keys"; });
  };
  if (check("SCAN TYPE " + type, of_type, answers_[2].root()[1].size()) &&
      check("SCAN MATCH " + pattern, matching, answers_[3].root()[1].size())) {
    check("KEYS " + pattern, matching, answers_[4].root().size());
  }
}

// Scans the keys of a database, and the elements of one of them, while some of what is scanned is
// removed and something else is added.
void CommandWorld::CheckScans(int db, uint64_t choices, RunContext& run) {
  const Keyspace& keyspace = core_->keyspace();
  for (const std::string& name : names_) {
    const Object* const object = keyspace.Peek(db, name);
    if (object == nullptr || object->size() < 2) continue;
    std::vector<std::string> there;
    const auto collect = [&there](const auto& entries) {
      for (size_t i = 0; i < entries.size(); ++i) there.push_back(entries.at(i).key);
    };
    bool good = true;
    if (object->type() == ObjectType::kHash) {
      collect(object->hash().fields());
      good = CheckScan({"HSCAN", name}, 2, std::move(there), "HDEL", "HSET", choices, run);
    } else if (object->type() == ObjectType::kSet) {
      collect(object->set().members());
      good = CheckScan({"SSCAN", name}, 1, std::move(there), "SREM", "SADD", choices, run);
    } else if (object->type() == ObjectType::kZset) {
      collect(object->zset().scores());
      good = CheckScan({"ZSCAN", name}, 2, std::move(there), "ZREM", "ZADD", choices, run);
    }
    if (!good) return;
  }
  CheckScan({"SCAN"}, 1, names_, "DEL", "SET", choices, run);
}

// `scan`: the command, and the key whose elements it scans, if any. `stride`: the values that it
// returns for each element. `there`: what is there at the start. `remove`, `add`: what removes and
// adds elements. False after a violation, or if the server has closed the connection.
bool CommandWorld::CheckScan(std::initializer_list<std::string_view> scan, size_t stride,
                             std::vector<std::string> there, std::string_view remove,
                             std::string_view add, uint64_t choices, RunContext& run) {
  constexpr size_t kMostPages = 64;
  constexpr size_t kMostAdded = 12;
  const std::string_view command = *scan.begin();
  const bool of_key = scan.size() > 1;
  const std::string_view key = of_key ? scan.begin()[1] : std::string_view();
  const std::string count = std::to_string(1 + choices % 3 + there.size() / 16);
  std::vector<std::string> returned;
  std::string cursor = "0";
  size_t added = 0;
  for (size_t page = 0; page < kMostPages; ++page) {
    words_.assign(scan);
    words_.insert(words_.end(), {cursor, "COUNT", count});
    Ask(words_);
    if (!Answered(run)) return false;
    for (size_t i = 0; i < answers_[0].root()[1].size(); i += stride) {
      returned.emplace_back(answers_[0].root()[1][i].text());
    }
    cursor = answers_[0].root()[0].text();
    if (cursor == "0") break;
    // In turn nothing, a removal, several additions, so that tables grow and shrink.
    const uint64_t choice = choices >> (2 * page % 32) & 3;
    if (choice == 1 && there.size() > 1) {
      const auto gone = there.begin() + static_cast<std::ptrdiff_t>((choices >> 8) % there.size());
      words_.assign({remove});
      if (of_key) words_.push_back(key);
      words_.push_back(*gone);
      Ask(words_);
      if (!Answered(run)) return false;
      there.erase(gone);
    } else if (choice == 2 && added < kMostAdded) {
      for (int i = 0; i < 4; ++i) {
        const std::string name = "added " + std::to_string(added++);
        words_.assign({add});
        if (of_key) words_.push_back(key);
        if (add == "ZADD") words_.push_back("1");
        words_.push_back(name);
        if (add == "SET" || add == "HSET") words_.push_back("1");
        Ask(words_);
      }
      if (!Answered(run)) return false;
    }
  }
  if (!run.Check(cursor == "0", "scan_is_complete", "the end of a scan",
                 [&] { return std::string(command) + " goes on after 64 pages"; })) {
    return false;
  }
  std::sort(returned.begin(), returned.end());
  for (const std::string& element : there) {
    if (!run.Check(
            std::binary_search(returned.begin(), returned.end(), element), "scan_is_complete",
            [&] {
              return std::string(command) + " returns " + element +
                     ", which was there all the time";
            },
            "not returned")) {
      return false;
    }
  }
  return true;
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
  // What takes many requests more.
  constexpr uint32_t kCloselyOneIn = 32;
  const bool closely = core_ != nullptr && run.Makes(kCloselyOneIn);
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
        if (!closely || run.violated() || names_.empty()) continue;
        CheckFilters(db, run);
        if (!run.violated()) CheckScans(db, run.digest() >> 8, run);
      }
    }
    if (protocol == 2 && config_.audit) Hangup(probe);
  }
  if (closely) {
    Ask({"TIME"});
    if (!Answered(run)) return;
    int64_t seconds = 0;
    int64_t microseconds = 0;
    const resp::ReplyView time = answers_[answer_count_ - 1].root();
    resp::ParseInteger(time[0].text(), &seconds);
    resp::ParseInteger(time[1].text(), &microseconds);
    if (!run.Check(
            seconds * 1000 + microseconds / 1000 == core_->keyspace().now_ms() &&
                microseconds < 1'000'000,
            "time_is_the_clocks",
            [&] { return std::to_string(core_->keyspace().now_ms()) + " ms since 1970"; },
            [&] { return resp::ToText(time); })) {
      return;
    }
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
  if (closely && !run.violated()) CheckPromises(run);
}

// While an engine fuzzes one of them, which the case decides; else all.
void CommandWorld::CheckPromises(RunContext& run) {
  Hangup(*peers_[kMaxClients]);
  for (size_t i = 0; i < clients_; ++i) Hangup(*peers_[i]);
  const std::span<const Promise> all = Promises();
  if (run.samples()) {
    CheckPromise(all[(run.digest() >> 16) % all.size()], run);
    return;
  }
  for (const Promise& promise : all) {
    if (run.violated()) return;
    CheckPromise(promise, run);
  }
}

// What a dialogue gets is read apart from the model of replies, which knows no pause.
void CommandWorld::CheckPromise(const Promise& promise, RunContext& run) {
  Peer* const speakers[] = {peers_[kMaxClients].get(), peers_[0].get(), peers_[1].get()};
  for (Peer* const speaker : speakers) Open(*speaker);
  const auto say = [&](Peer& peer, std::string_view command) {
    std::string wire;
    if (!command.empty()) {
      words_.clear();
      for (std::string_view rest = command; !rest.empty();) {
        words_.push_back(rest.substr(0, rest.find(' ')));
        rest.remove_prefix(std::min(rest.size(), words_.back().size() + 1));
      }
      resp::AppendRequest(&wire, words_);
      if (run.trace().on()) run.trace().Data("  > ", wire);
      node_.Deliver(ServersEnd(peer), wire);
    }
    if (node_.Collect(ServersEnd(peer)).empty()) return std::string();
    std::string_view rest = network_.Take(peer.end, SIZE_MAX);
    if (run.trace().on()) run.trace().Data("  < ", rest);
    peer.replies.Reset();
    const bool whole = peer.replies.Parse(rest).status == resp::ReplyParser::Status::kValue;
    return whole ? resp::ToText(peer.replies.reply().root()) : std::string("a broken reply");
  };
  say(*speakers[0], "FLUSHALL");
  for (const PromiseStep& step : promise.steps) {
    if (step.advance_ms > 0) {
      scheduler_.RunUntil(scheduler_.now_us() + step.advance_ms * 1000);
      node_.Tick();
    }
    const std::string seen = say(*speakers[step.client - 'a'], step.command);
    // The case has set the server so that it refuses writes.
    if (seen.starts_with("(error) NOREPLICAS") || seen.starts_with("(error) MISCONF")) break;
    const bool kept = step.reply == "(error)" ? seen.starts_with(step.reply) : seen == step.reply;
    const auto text = [](std::string_view reply) {
      return reply.empty() ? std::string("no reply") : std::string(reply);
    };
    if (!run.Check(
            kept, "promises_kept",
            [&] {
              return std::string(promise.says) + ": " + text(step.reply) + " to '" +
                     std::string(step.command) + "'";
            },
            [&] { return text(seen); })) {
      return;
    }
  }
  EndPause();
  for (Peer* const speaker : speakers) Hangup(*speaker);
}

}  // namespace resprobe
