#include "core/cache/caching_client.h"

#include "core/resp/writer.h"

namespace resprobe::cache {

void CachingClient::Reset(const Policy& policy) {
  policy_ = policy;
  state_ = State::kDown;
  epoch_ = 1;
  next_request_ = 1;
  server_id_ = 0;
  invalidations_ = 0;
  broken_.clear();
  output_.clear();
  entries_.Clear();
  expected_.clear();
  next_expected_ = 0;
  done_ = 0;
  parser_.Reset();
}

void CachingClient::OnConnected() {
  state_ = State::kHandshake;
  server_id_ = 0;
  parser_.Reset();
  output_.clear();
  static constexpr std::string_view kHello[] = {"HELLO", "3"};
  static constexpr std::string_view kTracking[] = {"CLIENT", "TRACKING", "ON", "NOLOOP"};
  Send(Expected::kHello, "", kHello);
  Send(Expected::kTracking, "", std::span(kTracking).first(policy_.noloop ? 4 : 3));
}

void CachingClient::OnDisconnected() {
  state_ = State::kDown;
  output_.clear();
  broken_.clear();
  while (next_expected_ < expected_.size()) Lose(expected_[next_expected_++]);
  expected_.clear();
  next_expected_ = 0;
  if (policy_.flush_on_loss) NewEpoch();
}

void CachingClient::OnBytes(std::string_view bytes, int64_t now_ms) {
  while (state_ == State::kHandshake || state_ == State::kTracked) {
    const resp::ReplyParser::Result result = parser_.Parse(bytes, &reply_);
    if (result.status == resp::ReplyParser::Status::kError) {
      Break(parser_.error().message());
      return;
    }
    bytes.remove_prefix(result.consumed);
    if (result.status == resp::ReplyParser::Status::kNeedMore) return;
    const resp::ReplyView reply = reply_.root();
    if (reply.type() == resp::Type::kPush) {
      HandlePush(reply);
    } else {
      HandleReply(reply, now_ms);
    }
  }
}

CachingClient::Lookup CachingClient::Get(std::string_view key, int64_t now_ms) {
  const size_t found = entries_.IndexOf(key);
  if (found != Dict<Entry>::kNone) {
    const Entry& entry = entries_.at(found).value;
    if (entry.valid && (entry.deadline_ms == 0 || now_ms < entry.deadline_ms)) return {&entry, 0};
    // Past its deadline, or its request is poisoned: this read takes its place. A sound request
    // that is on its way keeps the entry.
    if (entry.valid || entry.poisoned) entries_.EraseAt(found);
  }
  const std::string_view command[] = {"GET", key};
  const bool tracked = state_ == State::kTracked;
  const uint64_t request = Send(Expected::kRead, key, command);
  if (tracked) {
    const auto [entry, inserted] = entries_.Insert(key);
    if (inserted) {
      entry.request = request;
      entry.epoch = epoch_;
    }
  }
  return {nullptr, request};
}

uint64_t CachingClient::Write(std::span<const std::string_view> keys,
                              std::span<const std::string_view> command) {
  if (keys.empty()) NewEpoch();
  for (const std::string_view key : keys) Invalidate(key, policy_.drop_own_writes);
  return Send(Expected::kWrite, keys.empty() ? "" : keys.front(), command);
}

uint64_t CachingClient::Ping() {
  static constexpr std::string_view kPing[] = {"PING"};
  return Send(Expected::kPing, "", kPing);
}

uint64_t CachingClient::Send(Expected kind, std::string_view key,
                             std::span<const std::string_view> command) {
  const uint64_t request = next_request_++;
  Pending& pending = expected_.emplace_back();
  pending.kind = kind;
  pending.request = request;
  pending.epoch = epoch_;
  pending.key = key;
  if (state_ == State::kDown || state_ == State::kBroken) {
    Lose(pending);
    expected_.pop_back();
  } else {
    resp::AppendRequest(&output_, command);
  }
  return request;
}

CachingClient::Completion& CachingClient::Complete(const Pending& pending, Completion::Kind kind) {
  if (done_ == completions_.size()) completions_.emplace_back();
  Completion& completion = completions_[done_++];
  completion.request = pending.request;
  completion.kind = kind;
  completion.is_read = pending.kind == Expected::kRead;
  completion.null = false;
  completion.stored = false;
  completion.key = pending.key;
  completion.value.clear();
  return completion;
}

void CachingClient::Lose(const Pending& pending) {
  if (pending.kind == Expected::kHello || pending.kind == Expected::kTracking) return;
  Complete(pending, Completion::Kind::kLost);
  if (pending.kind != Expected::kRead || !policy_.release_pending) return;
  const size_t found = entries_.IndexOf(pending.key);
  if (found == Dict<Entry>::kNone) return;
  const Entry& entry = entries_.at(found).value;
  if (!entry.valid && entry.request == pending.request) entries_.EraseAt(found);
}

void CachingClient::HandleReply(resp::ReplyView reply, int64_t now_ms) {
  if (next_expected_ == expected_.size()) {
    Break("a reply that nothing asked for");
    return;
  }
  const Pending& pending = expected_[next_expected_++];
  switch (pending.kind) {
    case Expected::kHello: {
      if (reply.type() != resp::Type::kMap) {
        Break("HELLO 3 was refused");
        break;
      }
      bool is_id = false;
      for (const resp::ReplyView child : reply) {
        if (is_id) server_id_ = child.integer();
        is_id = child.type() == resp::Type::kBulkString && child.text() == "id";
      }
      break;
    }
    case Expected::kTracking:
      if (reply.is_error()) {
        Break("CLIENT TRACKING was refused");
      } else {
        state_ = State::kTracked;
      }
      break;
    case Expected::kRead:
      HandleRead(pending, reply, now_ms);
      break;
    case Expected::kWrite:
    case Expected::kPing: {
      Completion& done =
          Complete(pending, reply.is_error() ? Completion::Kind::kError : Completion::Kind::kReply);
      done.value = reply.text();
      break;
    }
  }
  if (next_expected_ == expected_.size()) {
    expected_.clear();
    next_expected_ = 0;
  }
}

void CachingClient::HandleRead(const Pending& pending, resp::ReplyView reply, int64_t now_ms) {
  Completion& done =
      Complete(pending, reply.is_error() ? Completion::Kind::kError : Completion::Kind::kReply);
  done.null = reply.is_null();
  done.value = reply.text();
  const size_t found = entries_.IndexOf(pending.key);
  if (found == Dict<Entry>::kNone) return;
  Entry& entry = entries_.at(found).value;
  // Of several reads that were on their way together the first one stores. A later one knows
  // better: with NOLOOP the server says nothing when this client's own read finds a key expired.
  if (entry.valid ? pending.request < entry.request || !policy_.newest_read_wins
                  : pending.request != entry.request) {
    return;
  }
  if (reply.is_error() && !policy_.release_pending) return;
  if (entry.poisoned || reply.is_error() || pending.epoch != epoch_ ||
      (done.null && !policy_.negative_caching)) {
    entries_.EraseAt(found);
    return;
  }
  entry.valid = true;
  entry.request = pending.request;
  entry.null = done.null;
  entry.value = done.value;
  entry.deadline_ms = policy_.ttl_cap_ms == 0 ? 0 : now_ms + policy_.ttl_cap_ms;
  done.stored = true;
}

void CachingClient::HandlePush(resp::ReplyView push) {
  if (push.size() != 2 || push[0].text() != "invalidate") return;  // another kind of push
  const resp::ReplyView keys = push[1];
  if (keys.is_null()) {
    ++invalidations_;
    if (policy_.flush_on_null_push) NewEpoch();
    return;
  }
  for (const resp::ReplyView key : keys) {
    ++invalidations_;
    Invalidate(key.text(), policy_.drop_invalidated);
  }
}

void CachingClient::Invalidate(std::string_view key, bool drop_valid) {
  const size_t found = entries_.IndexOf(key);
  if (found == Dict<Entry>::kNone) return;
  Entry& entry = entries_.at(found).value;
  if (entry.valid) {
    if (drop_valid) entries_.EraseAt(found);
  } else if (policy_.poison_pending) {
    entry.poisoned = true;
  }
}

void CachingClient::NewEpoch() {
  ++epoch_;
  entries_.Clear();
}

void CachingClient::Break(std::string_view why) {
  state_ = State::kBroken;
  broken_ = why;
  // Nothing more is read from this stream, invalidations included.
  NewEpoch();
}

}  // namespace resprobe::cache
