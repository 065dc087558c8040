// Requests and connections of a caching client. Replies and invalidations: caching_replies.cc.

#include "core/cache/caching_client.h"

#include <algorithm>
#include <charconv>
#include <iterator>

#include "core/resp/writer.h"

namespace resprobe::cache {

void CachingClient::Link::Clear() {
  up = false;
  server_id = 0;
  output.clear();
  parser.Reset();
  next = count = 0;
}

void CachingClient::Reset(const Policy& policy) {
  policy_ = policy;
  state_ = State::kDown;
  epoch_ = 1;
  next_request_ = 1;
  generation_ = 0;
  invalidations_ = needless_ = 0;
  tracking_sent_ = subscribed_ = invalidations_lost_ = false;
  writing_ = 0;
  db_.clear();
  selects_ = 0;
  broken_.clear();
  for (Link& link : links_) {
    link.Clear();
    link.heard_ms = 0;
  }
  own_cache_->Reset();
  Share(own_cache_.get());
  done_ = 0;
  replay_count_ = 0;
}

void CachingClient::Share(Cache* cache) {
  cache_ = cache;
  cache_->Join(this);
}

// --- Connections.

void CachingClient::OnConnected(Wire wire, uint64_t server) {
  Link& one = link(wire);
  one.Clear();
  one.up = true;
  one.server = server;
  const Link& pushes = link(Wire::kInvalidations);
  invalidations_lost_ = pushes.up && wire == Wire::kData && pushes.server != server;
  if (wire == Wire::kInvalidations) {
    Hello(wire);
    if (!resp2()) return;
    static constexpr std::string_view kSubscribe[] = {"SUBSCRIBE", "__redis__:invalidate"};
    Command(wire, Expected::kSubscribed, kSubscribe);
    return;
  }
  state_ = State::kHandshake;
  tracking_sent_ = false;
  Begin();
}

// Sends the handshake on the data connection.
void CachingClient::Begin() {
  Hello(Wire::kData);
  if (!db_.empty()) {
    const std::string_view select[] = {"SELECT", db_};
    Command(Wire::kData, Expected::kIgnored, select);
  }
  if (!policy_.track_before_reads) Replay();
  TrackIfReady();
}

void CachingClient::Hello(Wire wire) {
  const std::string_view hello[] = {"HELLO", resp2() ? "2" : "3"};
  Command(wire, Expected::kHello, hello);
}

// Asks the server to track as soon as every connection that it needs is ready.
void CachingClient::TrackIfReady() {
  const Link& pushes = invalidations_link();
  if (!link(Wire::kData).up || state_ == State::kBroken || !pushes.up) return;
  if (pushes.server != link(Wire::kData).server) return;
  if (two_wires() && (pushes.server_id == 0 || (resp2() && !subscribed_))) return;
  if (tracking_sent_) {
    // The server refuses to register a prefix twice.
    static constexpr std::string_view kOff[] = {"CLIENT", "TRACKING", "OFF"};
    Command(Wire::kData, Expected::kIgnored, kOff);
  }
  char digits[24];
  static constexpr std::string_view kOn[] = {"CLIENT", "TRACKING", "ON"};
  words_.clear();
  for (const std::string_view word : kOn) words_.push_back(word);
  switch (policy_.mode) {
    case Mode::kDefault:
      break;
    case Mode::kBroadcast:
      words_.push_back("BCAST");
      for (const std::string_view prefix : policy_.prefixes) {
        words_.push_back("PREFIX");
        words_.push_back(prefix);
      }
      break;
    case Mode::kOptIn:
      words_.push_back("OPTIN");
      break;
    case Mode::kOptOut:
      words_.push_back("OPTOUT");
      break;
  }
  if (policy_.noloop) words_.push_back("NOLOOP");
  if (two_wires()) {
    words_.push_back("REDIRECT");
    const char* end = std::to_chars(digits, digits + sizeof(digits), pushes.server_id).ptr;
    words_.push_back({digits, static_cast<size_t>(end - digits)});
  }
  tracking_sent_ = true;
  Command(Wire::kData, Expected::kTracking, words_);
  Link& data = link(Wire::kData);
  data.expected[data.count - 1].request = ++generation_;
}

void CachingClient::OnDisconnected(Wire wire) {
  Link& one = link(wire);
  if (!one.up) return;
  one.up = false;
  if (wire == Wire::kInvalidations) {
    subscribed_ = invalidations_lost_ = false;
    ++generation_;
  } else {
    // Lose the requests in the order in which they were sent.
    while (one.next < one.count) Lose(one.expected[one.next++]);
    tracking_sent_ = false;
    broken_.clear();
  }
  one.Clear();
  if (policy_.flush_on_loss) NewEpoch();
  if (wire == Wire::kData) {
    state_ = State::kDown;
  } else if (state_ == State::kTracked) {
    state_ = State::kHandshake;
  }
}

void CachingClient::Renew() {
  Link& data = link(Wire::kData);
  if (!data.up || state_ == State::kBroken) return;
  static constexpr std::string_view kReset[] = {"RESET"};
  Command(Wire::kData, Expected::kIgnored, kReset);
  tracking_sent_ = false;
  ++generation_;
  state_ = State::kHandshake;
  if (policy_.flush_on_loss) NewEpoch();
  Begin();
}

void CachingClient::Select(std::string_view db) {
  db_.assign(db);
  ++selects_;
  if (policy_.flush_on_select) NewEpoch();
  // Reads sent to the old server are not replayed on the new one.
  for (size_t i = 0; i < replay_count_; ++i) {
    Complete(replay_[i].request, Completion::Kind::kLost, replay_[i].name()).is_read = true;
  }
  replay_count_ = 0;
  if (!link(Wire::kData).up || state_ == State::kBroken) return;
  const std::string_view select[] = {"SELECT", db_};
  Command(Wire::kData, Expected::kIgnored, select);
}

void CachingClient::Forget() { NewEpoch(); }

// --- Requests.

CachingClient::Pending& CachingClient::Expect(Wire wire, Expected kind) {
  Link& one = link(wire);
  if (one.next == one.count) one.next = one.count = 0;
  if (one.count == one.expected.size()) one.expected.emplace_back();
  Pending& pending = one.expected[one.count++];
  pending.Reset();
  pending.kind = kind;
  pending.epoch = epoch_;
  pending.selects = selects_;
  return pending;
}

void CachingClient::Command(Wire wire, Expected kind, std::span<const std::string_view> words) {
  Expect(wire, kind);
  resp::AppendRequest(&link(wire).output, words);
}

CachingClient::Lookup CachingClient::Get(std::string_view key, int64_t now_ms) {
  if (const Entry* hit = Hit(cache_->keys, key, key, now_ms); hit != nullptr) return {hit, 0};
  const std::string_view command[] = {"GET", key};
  return {nullptr, SendRead(Expected::kRead, key, key, command)};
}

CachingClient::Lookup CachingClient::GetField(std::string_view key, std::string_view field,
                                              int64_t now_ms) {
  NameField(key, field, &name_);
  if (const Entry* hit = Hit(cache_->fields, name_, key, now_ms); hit != nullptr) return {hit, 0};
  const std::string_view command[] = {"HGET", key, field};
  return {nullptr, SendRead(Expected::kReadField, name_, key, command)};
}

void CachingClient::GetMany(std::span<const std::string_view> keys, std::span<Lookup> found,
                            int64_t now_ms) {
  words_.assign({"MGET"});
  // A hit is valid only until the cache changes, so send the misses first.
  for (size_t i = 0; i < keys.size(); ++i) {
    found[i] = {};
    if (Hit(cache_->keys, keys[i], keys[i], now_ms) == nullptr) words_.push_back(keys[i]);
  }
  if (words_.size() > 1) {
    const uint64_t first = next_request_;
    next_request_ += words_.size() - 1;
    const bool cached = state_ == State::kTracked &&
                        std::all_of(words_.begin() + 1, words_.end(),
                                    [&](std::string_view key) { return Covered(key); });
    Pending& pending = Ask(Expected::kReadMany, first, cached);
    for (size_t i = 1; i < words_.size(); ++i) {
      pending.AddName(words_[i]);
      if (cached) Await(cache_->keys, words_[i], first + i - 1);
    }
    Deliver(pending, words_);
    uint64_t next = first;
    for (size_t i = 0, w = 1; i < keys.size() && w < words_.size(); ++i) {
      if (keys[i].data() != words_[w].data()) continue;
      found[i].request = next++;
      ++w;
    }
  }
  for (size_t i = 0; i < keys.size(); ++i) {
    if (found[i].request == 0) found[i].hit = cache_->keys.Find(keys[i]);
  }
}

uint64_t CachingClient::GetUncached(std::string_view key) {
  const uint64_t request = next_request_++;
  if (policy_.mode == Mode::kOptOut && Connected() && tracking_sent_) {
    static constexpr std::string_view kNo[] = {"CLIENT", "CACHING", "NO"};
    Command(Wire::kData, Expected::kIgnored, kNo);
  }
  Pending& pending = Expect(Wire::kData, Expected::kReadUncached);
  pending.request = request;
  pending.AddName(key);
  const std::string_view command[] = {"GET", key};
  Deliver(pending, command);
  return request;
}

// Returns the entry if the reader of `key` may be served from it. Erases an entry that can never be
// served again.
const Entry* CachingClient::Hit(Dict<Entry>& entries, std::string_view name, std::string_view key,
                                int64_t now_ms) {
  const size_t found = entries.IndexOf(name);
  if (found == Dict<Entry>::kNone) return nullptr;
  const Entry& entry = entries.at(found).value;
  if (entry.valid && entry.owner != this && Writing(key)) return nullptr;
  if (Serves(entry, now_ms)) return &entry;
  // Past its deadline, or poisoned: this read replaces it. A read in flight that is not poisoned
  // keeps the entry.
  if (entry.valid || entry.poisoned) entries.EraseAt(found);
  return nullptr;
}

bool CachingClient::Serves(const Entry& entry, int64_t now_ms) const {
  if (!entry.valid) return false;
  if (!policy_.keep_deadlines) return true;
  if (entry.deadline_ms != 0 && now_ms >= entry.deadline_ms) return false;
  return policy_.lease_ms == 0 ||
         now_ms - entry.owner->invalidations_link().heard_ms < policy_.lease_ms;
}

uint64_t CachingClient::SendRead(Expected kind, std::string_view name, std::string_view key,
                                 std::span<const std::string_view> command) {
  const uint64_t request = next_request_++;
  const bool cached = state_ == State::kTracked && Covered(key);
  Pending& pending = Ask(kind, request, cached);
  pending.AddName(name);
  if (cached) Await(kind == Expected::kRead ? cache_->keys : cache_->fields, name, request);
  Deliver(pending, command);
  return request;
}

// Adds a pending read, after the command that makes the server track it, if any.
CachingClient::Pending& CachingClient::Ask(Expected kind, uint64_t request, bool cached) {
  if (cached && policy_.mode == Mode::kOptIn && opt_in_) {
    static constexpr std::string_view kYes[] = {"CLIENT", "CACHING", "YES"};
    Command(Wire::kData, Expected::kIgnored, kYes);
    opt_in_ = policy_.opt_in_each_read;
  }
  Pending& pending = Expect(Wire::kData, kind);
  pending.request = request;
  pending.cached = cached;
  return pending;
}

// Sends the request that was just added, or loses it if there is no connection.
void CachingClient::Deliver(Pending& pending, std::span<const std::string_view> command) {
  if (Connected()) {
    resp::AppendRequest(&link(Wire::kData).output, command);
    return;
  }
  Lose(pending);
  --link(Wire::kData).count;
}

bool CachingClient::Covered(std::string_view key) const {
  return policy_.mode != Mode::kBroadcast || policy_.prefixes.empty() ||
         std::ranges::any_of(policy_.prefixes,
                             [&](std::string_view prefix) { return key.starts_with(prefix); });
}

void CachingClient::Await(Dict<Entry>& entries, std::string_view name, uint64_t request) {
  const auto [entry, inserted] = entries.Insert(name);
  if (!inserted) return;
  entry.owner = this;
  entry.request = request;
  entry.epoch = epoch_;
}

uint64_t CachingClient::Write(std::span<const std::string_view> keys,
                              std::span<const std::string_view> command) {
  return SendWrite(Expected::kWrite, keys, command);
}

uint64_t CachingClient::WriteInTransaction(std::span<const std::string_view> keys,
                                           std::span<const std::string_view> command) {
  if (Connected()) {
    static constexpr std::string_view kMulti[] = {"MULTI"};
    Command(Wire::kData, Expected::kIgnored, kMulti);
    Command(Wire::kData, Expected::kIgnored, command);
  }
  static constexpr std::string_view kExec[] = {"EXEC"};
  return SendWrite(Expected::kWriteExec, keys, kExec);
}

uint64_t CachingClient::SendWrite(Expected kind, std::span<const std::string_view> keys,
                                  std::span<const std::string_view> command) {
  const uint64_t request = next_request_++;
  if (keys.empty()) FlushAll();
  for (const std::string_view key : keys) Invalidate(key, policy_.drop_own_writes);
  Pending& pending = Expect(Wire::kData, kind);
  pending.request = request;
  for (const std::string_view key : keys) pending.AddName(key);
  ++writing_;
  Deliver(pending, command);
  return request;
}

uint64_t CachingClient::Ping() {
  const uint64_t request = next_request_++;
  Pending& pending = Expect(Wire::kData, Expected::kPing);
  pending.request = request;
  static constexpr std::string_view kPing[] = {"PING"};
  Deliver(pending, kPing);
  return request;
}

void CachingClient::PingInvalidations() {
  if (!link(Wire::kInvalidations).up) return;
  static constexpr std::string_view kPing[] = {"PING"};
  Command(Wire::kInvalidations, Expected::kIgnored, kPing);
}

// True if an own write of the key is unanswered.
bool CachingClient::Writing(std::string_view key) const {
  if (writing_ == 0) return false;
  const Link& data = link(Wire::kData);
  for (size_t i = data.next; i < data.count; ++i) {
    const Pending& pending = data.expected[i];
    if (pending.kind != Expected::kWrite && pending.kind != Expected::kWriteExec) continue;
    if (pending.count() == 0) return true;
    for (size_t k = 0; k < pending.count(); ++k) {
      if (pending.name(k) == key) return true;
    }
  }
  return false;
}

// --- The cache.

bool CachingClient::Invalidate(std::string_view key, bool drop_valid) {
  bool found = false;
  if (const size_t i = cache_->keys.IndexOf(key); i != Dict<Entry>::kNone) {
    found |= Invalidate(cache_->keys, i, drop_valid);
  }
  Dict<Entry>& fields = cache_->fields;
  for (size_t i = fields.size(); i-- > 0;) {
    if (Cache::KeyOfField(fields.at(i).key) == key) found |= Invalidate(fields, i, drop_valid);
  }
  return found;
}

bool CachingClient::Invalidate(Dict<Entry>& entries, size_t i, bool drop_valid) {
  Entry& entry = entries.at(i).value;
  if (entry.valid) {
    if (drop_valid) entries.EraseAt(i);
    return true;
  }
  if (!policy_.poison_pending || entry.poisoned) return false;
  entry.poisoned = true;
  return true;
}

void CachingClient::NewEpoch() {
  ++epoch_;
  const bool alone = cache_->members().size() == 1;
  for (Dict<Entry>* entries : {&cache_->keys, &cache_->fields}) {
    if (alone) {
      entries->Clear();
      continue;
    }
    for (size_t i = entries->size(); i-- > 0;) {
      if (entries->at(i).value.owner == this) entries->EraseAt(i);
    }
  }
}

void CachingClient::FlushAll() {
  for (CachingClient* member : cache_->members()) member->NewEpoch();
}

}  // namespace resprobe::cache
