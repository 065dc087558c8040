// How a caching client handles the server's output.

#include <algorithm>

#include "core/cache/caching_client.h"

namespace resprobe::cache {

void CachingClient::OnBytes(std::string_view bytes, int64_t now_ms, Wire wire) {
  Link& one = link(wire);
  if (!bytes.empty()) one.heard_ms = now_ms;
  while (one.up && state_ != State::kBroken) {
    const resp::ReplyParser::Result result = one.parser.Parse(bytes);
    if (result.status == resp::ReplyParser::Status::kError) {
      Break(one.parser.error().message());
      return;
    }
    bytes.remove_prefix(result.consumed);
    if (result.status == resp::ReplyParser::Status::kNeedMore) return;
    const resp::ReplyView reply = one.parser.reply().root();
    if (wire == Wire::kInvalidations) {
      HandleInvalidationWire(reply);
    } else if (reply.type() == resp::Type::kPush) {
      HandlePush(reply);
    } else {
      HandleReply(reply, now_ms);
    }
  }
}

void CachingClient::NameField(std::string_view key, std::string_view field, std::string* name) {
  Cache::FieldName(key, field, name);
}

// --- Replies on the data connection.

void CachingClient::HandleReply(resp::ReplyView reply, int64_t now_ms) {
  Link& data = link(Wire::kData);
  if (data.next == data.count) {
    Break("a reply that nothing asked for");
    return;
  }
  Pending& pending = data.expected[data.next++];
  const auto kind = reply.is_error() ? Completion::Kind::kError : Completion::Kind::kReply;
  switch (pending.kind) {
    case Expected::kHello:
      HandleHello(Wire::kData, reply);
      break;
    case Expected::kTracking:
      HandleTracking(pending, reply);
      break;
    case Expected::kSubscribed:
    case Expected::kIgnored:
      break;
    case Expected::kRead:
    case Expected::kReadField:
      HandleRead(pending.kind == Expected::kRead ? cache_->keys : cache_->fields, pending, 0, reply,
                 now_ms);
      break;
    case Expected::kReadMany:
      if (!reply.is_error() && reply.size() != pending.count()) {
        Break("MGET answered with another number of values");
        break;
      }
      for (size_t i = 0; i < pending.count(); ++i) {
        HandleRead(cache_->keys, pending, i, reply.is_error() ? reply : reply[i], now_ms);
      }
      break;
    case Expected::kReadUncached: {
      Completion& done = Complete(pending.request, kind, pending.name());
      done.is_read = true;
      done.null = reply.is_null();
      done.value = reply.text();
      if (const size_t found = cache_->keys.IndexOf(pending.name()); found != Dict<Entry>::kNone) {
        Contradict(cache_->keys, found);
      }
      break;
    }
    case Expected::kWrite:
    case Expected::kPing: {
      Completion& done = Complete(pending.request, kind, "");
      done.value = reply.text();
      if (pending.kind == Expected::kWrite) Written(pending);
      break;
    }
    case Expected::kWriteExec: {
      const bool ran = !reply.is_error() && reply.is_aggregate() && reply.size() > 0;
      const bool well = ran && !reply[0].is_error();
      Completion& done =
          Complete(pending.request, well ? Completion::Kind::kReply : Completion::Kind::kError, "");
      done.value = ran ? reply[0].text() : reply.text();
      Written(pending);
      break;
    }
  }
}

void CachingClient::HandleHello(Wire wire, resp::ReplyView reply) {
  const bool understood = reply.type() == (resp2() ? resp::Type::kArray : resp::Type::kMap);
  if (!understood) {
    Break("HELLO was refused");
    return;
  }
  if (wire == Wire::kData) return;
  // Invalidations are redirected to this connection by its id.
  bool is_id = false;
  for (const resp::ReplyView child : reply) {
    if (is_id) link(wire).server_id = child.integer();
    is_id = child.type() == resp::Type::kBulkString && SameBytes(child.text(), "id");
  }
  TrackIfReady();
}

void CachingClient::HandleTracking(const Pending& pending, resp::ReplyView reply) {
  if (pending.request != generation_) return;  // of an earlier redirection
  if (!reply.is_error()) {
    state_ = State::kTracked;
    opt_in_ = true;
    Replay();
  } else if (two_wires()) {
    // The redirection went to a connection that the server has lost.
    invalidations_lost_ = true;
  } else {
    Break("CLIENT TRACKING was refused");
  }
}

void CachingClient::HandleRead(Dict<Entry>& entries, const Pending& pending, size_t i,
                               resp::ReplyView reply, int64_t now_ms) {
  const std::string_view name = pending.name(i);
  const uint64_t request = pending.request + i;
  Completion& done = Complete(
      request, reply.is_error() ? Completion::Kind::kError : Completion::Kind::kReply, name);
  done.is_read = true;
  done.null = reply.is_null();
  done.value = reply.text();
  const size_t found = entries.IndexOf(name);
  if (found == Dict<Entry>::kNone) return;
  Entry& entry = entries.at(found).value;
  if (entry.owner != this || !pending.cached) {
    Contradict(entries, found);
    return;
  }
  // Of several reads in flight the first reply is stored, and a later one replaces it: with NOLOOP
  // the server sends nothing when this client's own read finds a key expired.
  if (entry.valid ? request < entry.request || !policy_.newest_read_wins
                  : request != entry.request) {
    return;
  }
  if (reply.is_error() && !policy_.release_pending) return;
  if (entry.poisoned || reply.is_error() || pending.epoch != epoch_ ||
      (done.null && !policy_.negative_caching)) {
    entries.EraseAt(found);
    return;
  }
  entry.valid = true;
  entry.request = request;
  entry.epoch = epoch_;
  entry.null = done.null;
  entry.value = done.value;
  entry.deadline_ms = policy_.ttl_cap_ms == 0 ? 0 : now_ms + policy_.ttl_cap_ms;
  done.stored = true;
}

// Handles a reply for a key whose entry comes from another read. Their order is unknown, except
// that the read this client still waits for is newer.
void CachingClient::Contradict(Dict<Entry>& entries, size_t found) {
  Entry& entry = entries.at(found).value;
  if (entry.valid) {
    entries.EraseAt(found);
  } else if (entry.owner != this) {
    entry.poisoned = true;
  }
}

// Handles the end of an own write, answered or lost. Entries that other clients sharing the cache
// have read meanwhile may be older than the write.
void CachingClient::Written(const Pending& write) {
  --writing_;
  if (cache_->members().size() == 1) return;
  const auto touches = [&](std::string_view key) {
    if (write.count() == 0) return true;
    for (size_t i = 0; i < write.count(); ++i) {
      if (write.name(i) == key) return true;
    }
    return false;
  };
  for (Dict<Entry>* entries : {&cache_->keys, &cache_->fields}) {
    const bool fields = entries == &cache_->fields;
    for (size_t i = entries->size(); i-- > 0;) {
      const std::string& name = entries->at(i).key;
      if (entries->at(i).value.owner == this) continue;
      if (touches(fields ? Cache::KeyOfField(name) : std::string_view(name))) {
        Invalidate(*entries, i, policy_.drop_own_writes);
      }
    }
  }
}

CachingClient::Completion& CachingClient::Complete(uint64_t request, Completion::Kind kind,
                                                   std::string_view name) {
  if (done_ == completions_.size()) completions_.emplace_back();
  Completion& completion = completions_[done_++];
  completion.request = request;
  completion.kind = kind;
  completion.is_read = completion.null = completion.stored = false;
  completion.key = name;
  completion.value.clear();
  return completion;
}

// Ends a request without a reply. A read may be sent again on the next connection.
void CachingClient::Lose(const Pending& pending) {
  const bool one_read = pending.kind == Expected::kRead || pending.kind == Expected::kReadField;
  const bool read = one_read || pending.kind == Expected::kReadMany;
  if (read && pending.cached && policy_.release_pending) {
    Dict<Entry>& entries = pending.kind == Expected::kReadField ? cache_->fields : cache_->keys;
    for (size_t i = 0; i < pending.count(); ++i) {
      const size_t found = entries.IndexOf(pending.name(i));
      if (found == Dict<Entry>::kNone) continue;
      const Entry& entry = entries.at(found).value;
      if (!entry.valid && entry.owner == this && entry.request == pending.request + i) {
        entries.EraseAt(found);
      }
    }
  }
  // A read that was never sent is not replayed: its caller learns of it at once. Nor is a read from
  // another database.
  if (one_read && policy_.replay_reads && pending.selects == selects_ && state_ != State::kDown &&
      state_ != State::kBroken) {
    if (replay_count_ == replay_.size()) replay_.emplace_back();
    replay_[replay_count_++] = pending;
    return;
  }
  if (read || pending.kind == Expected::kReadUncached) {
    for (size_t i = 0; i < pending.count(); ++i) {
      Complete(pending.request + i, Completion::Kind::kLost, pending.name(i)).is_read = true;
    }
  } else if (pending.kind == Expected::kWrite || pending.kind == Expected::kWriteExec) {
    Complete(pending.request, Completion::Kind::kLost, "");
    Written(pending);
  } else if (pending.kind == Expected::kPing) {
    Complete(pending.request, Completion::Kind::kLost, "");
  }
}

// Sends the unanswered reads of the last connection again.
void CachingClient::Replay() {
  for (size_t i = 0; i < replay_count_; ++i) {
    const Pending& lost = replay_[i];
    const std::string_view name = lost.name();
    const bool field = lost.kind == Expected::kReadField;
    const std::string_view key = field ? Cache::KeyOfField(name) : name;
    // Before the server has confirmed tracking, only a deliberately wrong client caches the read.
    const bool cached = (state_ == State::kTracked || !policy_.track_before_reads) && Covered(key);
    Pending& pending = Ask(lost.kind, lost.request, cached);
    pending.AddName(name);
    if (cached) Await(field ? cache_->fields : cache_->keys, name, lost.request);
    const std::string_view get[] = {"GET", key};
    const std::string_view hget[] = {"HGET", key, Cache::FieldOf(name)};
    Deliver(pending, field ? std::span<const std::string_view>(hget)
                           : std::span<const std::string_view>(get));
  }
  replay_count_ = 0;
}

// --- Invalidations.

void CachingClient::HandleInvalidationWire(resp::ReplyView reply) {
  if (reply.type() == resp::Type::kPush) {
    HandlePush(reply);
    return;
  }
  if (resp2() && reply.type() == resp::Type::kArray && reply.size() == 3 &&
      reply[0].text() == "message") {
    HandleKeys(reply[2]);
    return;
  }
  Link& one = link(Wire::kInvalidations);
  if (one.next == one.count) {
    Break("a reply that nothing asked for");
    return;
  }
  const Expected kind = one.expected[one.next++].kind;
  if (kind == Expected::kHello) {
    HandleHello(Wire::kInvalidations, reply);
  } else if (kind == Expected::kSubscribed) {
    subscribed_ = true;
    TrackIfReady();
  }
}

void CachingClient::HandlePush(resp::ReplyView push) {
  if (push.size() != 2) return;  // another kind of push
  const std::string_view what = push[0].text();
  if (what == "invalidate") {
    HandleKeys(push[1]);
  } else if (what == "tracking-redir-broken" &&
             push[1].integer() == link(Wire::kInvalidations).server_id) {
    invalidations_lost_ = true;
    if (!policy_.flush_on_broken_redirect) return;
    if (state_ == State::kTracked) state_ = State::kHandshake;
    NewEpoch();
  }
}

void CachingClient::HandleKeys(resp::ReplyView keys) {
  if (keys.is_null()) {
    ++invalidations_;
    if (policy_.flush_on_null_push) FlushAll();
    return;
  }
  for (const resp::ReplyView key : keys) {
    ++invalidations_;
    if (!Invalidate(key.text(), policy_.drop_invalidated)) ++needless_;
    if (!policy_.drop_all_named) return;
  }
}

void CachingClient::Break(std::string_view why) {
  state_ = State::kBroken;
  broken_ = why;
  // The rest of this stream is ignored, invalidations included.
  NewEpoch();
}

}  // namespace resprobe::cache
