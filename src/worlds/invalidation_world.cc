#include "worlds/invalidation_world.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "core/resp/writer.h"
#include "core/server/server.h"

namespace resprobe {
namespace {

constexpr std::string_view kKeyNames[] = {"k0", "k1", "k2", "k3"};
constexpr int64_t kTtlCapMs = 500;
constexpr int64_t kMaxMs = 100'000'000;

// The value with the number n is "v<n>".
struct ValueText {
  explicit ValueText(uint64_t number) {
    text[0] = 'v';
    size = static_cast<size_t>(std::to_chars(text + 1, text + sizeof(text), number).ptr - text);
  }
  std::string_view view() const { return {text, size}; }
  char text[24];
  size_t size;
};

// The number in a value, 0 for nil, the largest number for what the world has never written.
uint64_t ValueNumber(bool null, std::string_view text) {
  if (null) return 0;
  uint64_t number = 0;
  const char* const end = text.data() + text.size();
  if (text.size() < 2 || text[0] != 'v') return std::numeric_limits<uint64_t>::max();
  const auto [stop, status] = std::from_chars(text.data() + 1, end, number);
  return status == std::errc() && stop == end ? number : std::numeric_limits<uint64_t>::max();
}

std::string Describe(uint64_t value) {
  return value == 0 ? "nil" : std::string(ValueText(value).view());
}

// The index of a key of the world, or -1.
int KeyIndex(std::string_view name) {
  if (name.size() != 2 || name[0] != 'k') return -1;
  const int index = name[1] - '0';
  return index >= 0 && index < static_cast<int>(InvalidationWorld::kKeys) ? index : -1;
}

}  // namespace

std::string_view InvalidationWorld::KeyName(size_t key) { return kKeyNames[key]; }

std::string InvalidationWorld::Name(const Client& client) const {
  return "client " + std::to_string(&client - clients_.data());
}

void InvalidationWorld::Generate(Gen& gen, Write& op) {
  Write::Fields(gen, op);
  op.ms.value = gen.rng().OneIn(8) ? gen.rng().Between(-5, 0) : gen.rng().Between(1, 1500);
}

void InvalidationWorld::Generate(Gen& gen, Advance& op) {
  op.ms.value = gen.rng().Between(0, int64_t{1} << gen.rng().Below(12));
}

void InvalidationWorld::Start(const Config& config, RunContext& run) {
  subject_->Reset();
  client_count_ = 1 + config.clients.Of(kMaxClients);
  keys_.fill({});
  next_value_ = 1;
  version_ = 1;
  time_passes_ = false;
  cache::Policy policy = policy_;
  policy.noloop = policy.noloop || config.noloop;
  policy.negative_caching = policy.negative_caching && !config.no_negative_caching;
  if (config.ttl_cap) policy.ttl_cap_ms = kTtlCapMs;
  for (size_t i = 0; i < client_count_; ++i) {
    Client& client = clients_[i];
    client.cache.Reset(policy);
    client.connection = 0;
    client.cut = false;
    client.requests.clear();
    client.next_to_run = 0;
    client.arrived.fill(0);
    client.seen.fill(0);
    client.last_write.fill(0);
    client.entry_version.fill(0);
    client.entry_epoch.fill(0);
    client.epoch = 0;
  }
  // Only now that none is left of the last run: what one is sent makes all be looked at.
  for (size_t i = 0; i < client_count_; ++i) {
    Open(clients_[i]);
    DeliverToServer(clients_[i], SIZE_MAX, run);
    DeliverToClient(clients_[i], SIZE_MAX, run);
  }
}

void InvalidationWorld::Open(Client& client) {
  client.connection = subject_->Connect();
  client.cut = false;
  client.to_server.Reset();
  client.to_client.Reset();
  client.pushes.clear();
  client.next_push = 0;
  client.parser.Reset();
  client.next_to_run = client.requests.size();
  client.cache.OnConnected();
  for (int i = 0; i < 2; ++i) NoteRequest(client, client.requests.size() + 1, {});  // the handshake
}

void InvalidationWorld::NoteRequest(Client& client, uint64_t number, Request request) {
  client.to_server.Put(client.cache.output());
  client.cache.output().clear();
  // A request that was not sent is not run: it ends nowhere.
  const bool sent = client.connection != 0 && !client.cut;
  request.end = sent ? client.to_server.sent() : UINT64_MAX;
  if (client.requests.size() < number) client.requests.resize(number);
  client.requests[number - 1] = request;
}

void InvalidationWorld::Apply(const Read& op, RunContext& run) {
  Client& client = Of(op.client);
  const size_t key = op.key.Of(kKeys);
  const auto now = static_cast<int64_t>(subject_->now_ms());
  const cache::CachingClient::Lookup lookup = client.cache.Get(KeyName(key), now);
  if (lookup.hit != nullptr) {
    if (run.trace().on()) {
      run.trace().Line("  hit " + std::string(KeyName(key)) + " = " +
                       (lookup.hit->null ? "nil" : lookup.hit->value));
    }
    run.Check(
        client.entry_epoch[key] == client.epoch, "no_dead_epoch_hit",
        [&] { return "an entry stored in epoch " + std::to_string(client.epoch); },
        [&] {
          return Name(client) + " hit " + std::string(KeyName(key)) + ", stored in epoch " +
                 std::to_string(client.entry_epoch[key]);
        });
    CheckRead(client, key, client.entry_version[key], client.last_write[key], "a hit on", run);
    return;
  }
  Request request;
  request.kind = Request::Kind::kRead;
  request.key = static_cast<uint8_t>(key);
  request.own_write = client.last_write[key];
  NoteRequest(client, lookup.request, request);
  Completed(client, run);
}

void InvalidationWorld::Apply(const Write& op, RunContext& run) {
  Client& client = Of(op.client);
  const size_t key = op.key.Of(kKeys);
  const size_t other = (key + 1) % kKeys;
  Request request;
  request.kind = Request::Kind::kWrite;
  request.write = op.kind;
  request.key = static_cast<uint8_t>(key);
  request.value = next_value_;
  const ValueText value(next_value_);
  const ValueText other_value(next_value_ + 1);
  next_value_ += 2;
  // SET … PX takes positive times only.
  const int64_t ms = op.kind == WriteKind::kSetPx ? std::clamp<int64_t>(op.ms.value, 1, kMaxMs)
                                                  : std::clamp(op.ms.value, -kMaxMs, kMaxMs);
  if (op.kind == WriteKind::kPexpire && ms <= 0) request.write = WriteKind::kDel;
  char digits[24];
  const std::string_view ms_text(
      digits, static_cast<size_t>(std::to_chars(digits, digits + sizeof(digits), ms).ptr - digits));

  const std::string_view keys[] = {KeyName(key), KeyName(other)};
  std::array<std::string_view, 5> words;
  size_t count = 0;
  const auto say = [&](auto... word) { ((words[count++] = word), ...); };
  size_t key_count = 1;
  switch (op.kind) {
    case WriteKind::kSet:
      say("SET", keys[0], value.view());
      break;
    case WriteKind::kSetPx:
      say("SET", keys[0], value.view(), "PX", ms_text);
      break;
    case WriteKind::kDel:
      say("DEL", keys[0]);
      break;
    case WriteKind::kPexpire:
      say("PEXPIRE", keys[0], ms_text);
      break;
    case WriteKind::kMset:
      say("MSET", keys[0], value.view(), keys[1], other_value.view());
      key_count = 2;
      break;
    case WriteKind::kFlushAll:
      say("FLUSHALL");
      key_count = 0;
      break;
    case WriteKind::kFlushDb:
      say("FLUSHDB");
      key_count = 0;
      break;
  }
  const uint64_t number =
      client.cache.Write(std::span(keys).first(key_count), std::span(words).first(count));
  if (key_count == 0) {
    client.last_write.fill(number);
  } else {
    for (size_t i = 0; i < key_count; ++i) client.last_write[(key + i) % kKeys] = number;
  }
  NoteRequest(client, number, request);
  Completed(client, run);
}

void InvalidationWorld::Apply(const Deliver& op, RunContext& run) {
  Client& client = Of(op.client);
  if (op.direction != Direction::kToClient) {
    DeliverToServer(client, op.bytes.UpTo(client.to_server.in_flight()), run);
  }
  if (op.direction != Direction::kToServer) {
    DeliverToClient(client, op.bytes.UpTo(client.to_client.in_flight()), run);
  }
}

void InvalidationWorld::Apply(const Disconnect& op, RunContext& run) {
  Client& client = Of(op.client);
  if (client.connection == 0 || client.cut) return;
  subject_->Close(client.connection);
  client.cut = true;
  client.to_server.Lose();
  client.to_server.End();
  client.to_client.End();
  if (op.reset) {
    client.to_client.Lose();
    client.pushes.clear();
    client.next_push = 0;
  }
  CollectAll(run);
}

void InvalidationWorld::Apply(const Connect& op, RunContext&) {
  Client& client = Of(op.client);
  if (client.connection == 0) Open(client);
}

void InvalidationWorld::Apply(const Advance& op, RunContext& run) {
  time_passes_ = true;
  subject_->Advance(static_cast<uint64_t>(std::clamp<int64_t>(op.ms.value, 0, kMaxMs)));
  CollectAll(run);
  time_passes_ = false;
}

void InvalidationWorld::Apply(const Barrier&, RunContext& run) {
  Drain(run);
  CompareWithServer(run);
}

void InvalidationWorld::Settle(RunContext& run) {
  Drain(run);
  CompareWithServer(run);
  // What this run leaves is cleared away in this run: what the next one does depends on its own
  // tape alone.
  subject_->Reset();
  for (size_t i = 0; i < client_count_; ++i) clients_[i].cache.Reset(policy_);
}

void InvalidationWorld::DeliverToServer(Client& client, size_t bytes, RunContext& run) {
  if (client.connection == 0 || client.cut || bytes == 0) return;
  const std::string_view arrived = client.to_server.Take(bytes);
  if (arrived.empty()) return;
  if (run.trace().on()) run.trace().Data("  " + Name(client) + " -> server", arrived);
  subject_->Send(client.connection, arrived);
  // The writer's replies first: they tell which version the pushes to the others are about.
  Collect(client, run);
  CollectAll(run);
  if (run.violated()) return;
  const bool unanswered = client.next_to_run < client.requests.size() &&
                          client.requests[client.next_to_run].end <= client.to_server.delivered();
  run.Check(!unanswered, "framing", "a reply to each request that has arrived", [&] {
    return "no reply to request " + std::to_string(client.next_to_run + 1) + " of " + Name(client);
  });
}

void InvalidationWorld::DeliverToClient(Client& client, size_t bytes, RunContext& run) {
  if (client.connection == 0) return;
  size_t left = std::min(bytes, client.to_client.in_flight());
  const auto now = static_cast<int64_t>(subject_->now_ms());
  while (left > 0 && !run.violated()) {
    // Up to the end of the next invalidation, to know what the client has been told when.
    const Push* push =
        client.next_push < client.pushes.size() ? &client.pushes[client.next_push] : nullptr;
    size_t step = left;
    if (push != nullptr) {
      step = std::min<size_t>(step, push->end - client.to_client.delivered());
    }
    const std::string_view arrived = client.to_client.Take(step);
    left -= step;
    if (run.trace().on()) run.trace().Data("  server -> " + Name(client), arrived);
    client.cache.OnBytes(arrived, now);
    Completed(client, run);
    while (client.next_push < client.pushes.size() &&
           client.pushes[client.next_push].end == client.to_client.delivered()) {
      Arrived(client, client.pushes[client.next_push++]);
    }
    if (client.next_push == client.pushes.size()) {
      client.pushes.clear();
      client.next_push = 0;
    }
  }
  if (run.violated()) return;
  run.Check(client.cache.state() != cache::CachingClient::State::kBroken, "framing",
            "a stream that the client can follow",
            [&] { return Name(client) + ": " + std::string(client.cache.broken_because()); });
  if (client.to_client.at_end()) {
    SeeEnd(client, run);
  } else {
    CheckCoverage(client, run);
  }
}

void InvalidationWorld::Arrived(Client& client, const Push& push) {
  if (push.key == kAllKeys) {
    ++client.epoch;
  } else {
    uint64_t& arrived = client.arrived[static_cast<size_t>(push.key)];
    arrived = std::max(arrived, push.version);
  }
}

void InvalidationWorld::SeeEnd(Client& client, RunContext& run) {
  client.connection = 0;
  ++client.epoch;
  client.cache.OnDisconnected();
  Completed(client, run);
}

void InvalidationWorld::Collect(Client& client, RunContext& run) {
  if (client.connection == 0 || client.cut) return;
  std::string* const buffer = client.to_client.buffer();
  const size_t before = buffer->size();
  subject_->Receive(client.connection, buffer);
  if (buffer->size() == before) return;
  std::string_view fresh = std::string_view(*buffer).substr(before);
  while (!run.violated()) {
    const resp::ReplyParser::Result result = client.parser.Parse(fresh, &client.reply);
    if (result.status == resp::ReplyParser::Status::kError) {
      run.Check(false, "framing", "replies and pushes",
                [&] { return "to " + Name(client) + ": " + client.parser.error().message(); });
      return;
    }
    fresh.remove_prefix(result.consumed);
    if (result.status == resp::ReplyParser::Status::kNeedMore) return;
    const resp::ReplyView reply = client.reply.root();
    if (reply.type() == resp::Type::kPush) {
      Pushed(client, client.to_client.sent() - fresh.size(), reply, run);
      continue;
    }
    const size_t next = client.next_to_run;
    const bool asked = next < client.requests.size() &&
                       (client.requests[next].kind == Request::Kind::kSetup ||
                        client.requests[next].end <= client.to_server.delivered());
    if (!run.Check(asked, "framing", "replies to requests that have arrived", [&] {
          return "a reply to " + Name(client) + " that nothing asked for: " + resp::ToText(reply);
        })) {
      return;
    }
    ++client.next_to_run;
    Ran(client, client.requests[next], reply, run);
  }
}

void InvalidationWorld::CollectAll(RunContext& run) {
  for (size_t i = 0; i < client_count_ && !run.violated(); ++i) Collect(clients_[i], run);
  for (size_t i = 0; i < client_count_ && !run.violated(); ++i) CheckCoverage(clients_[i], run);
}

bool InvalidationWorld::Observe(size_t key, resp::ReplyView reply, RunContext& run) {
  KeyState& state = keys_[key];
  const uint64_t value = ValueNumber(reply.is_null(), reply.text());
  if (value == 0 && state.value != 0 && state.may_expire) {
    state.value = 0;
    state.version = ++version_;
  }
  return run.Check(
      value == state.value && !reply.is_error(), "server_value",
      [&] { return std::string(KeyName(key)) + " = " + Describe(state.value); },
      [&] { return resp::ToText(reply); });
}

void InvalidationWorld::Ran(Client& client, Request& request, resp::ReplyView reply,
                            RunContext& run) {
  switch (request.kind) {
    case Request::Kind::kSetup:
      return;
    case Request::Kind::kRead:
      if (!Observe(request.key, reply, run)) return;
      request.value = keys_[request.key].value;
      request.version = keys_[request.key].version;
      return;
    case Request::Kind::kWrite:
      break;
  }
  if (!run.Check(!reply.is_error(), "server_value", "a write that succeeds",
                 [&] { return "to " + Name(client) + ": " + resp::ToText(reply); })) {
    return;
  }
  // What a key held before is not held again, so a version ends exactly when the value changes.
  const uint64_t changed = version_ + 1;
  const auto set = [&](size_t key, uint64_t value, bool may_expire) {
    KeyState& state = keys_[key];
    if (state.value != value) state.version = version_ = changed;
    state.value = value;
    state.may_expire = may_expire;
  };
  const size_t key = request.key;
  switch (request.write) {
    case WriteKind::kSet:
      set(key, request.value, false);
      break;
    case WriteKind::kSetPx:
      set(key, request.value, true);
      break;
    case WriteKind::kDel:
      set(key, 0, false);
      break;
    case WriteKind::kPexpire:
      set(key, keys_[key].value, true);
      break;
    case WriteKind::kMset:
      set(key, request.value, false);
      set((key + 1) % kKeys, request.value + 1, false);
      break;
    case WriteKind::kFlushAll:
    case WriteKind::kFlushDb:
      for (size_t i = 0; i < kKeys; ++i) {
        set(i, 0, false);
        // Also of a key that was not there: each client is told of each key.
        keys_[i].version = version_ = changed;
      }
      break;
  }
  request.version = keys_[key].version;
}

void InvalidationWorld::Pushed(Client& client, uint64_t end, resp::ReplyView push,
                               RunContext& run) {
  const bool understood = push.size() == 2 && push[0].text() == "invalidate" &&
                          (push[1].is_null() || push[1].is_aggregate());
  if (!run.Check(understood, "framing", "pushes of the kind 'invalidate'",
                 [&] { return "to " + Name(client) + ": " + resp::ToText(push); })) {
    return;
  }
  if (push[1].is_null()) {
    // Of each key the version that it had then: a write that the server ran after the flush may be
    // known by now, but the flush does not tell of it.
    client.pushes.push_back({end, kAllKeys, 0});
    for (size_t key = 0; key < kKeys; ++key) {
      client.pushes.push_back({end, static_cast<int>(key), keys_[key].version});
    }
    return;
  }
  for (const resp::ReplyView name : push[1]) {
    const int key = KeyIndex(name.text());
    if (!run.Check(key >= 0, "framing", "invalidations of keys that were read",
                   [&] { return resp::ToText(push); })) {
      return;
    }
    KeyState& state = keys_[static_cast<size_t>(key)];
    if (time_passes_ && state.value != 0) {
      state.value = 0;
      state.version = ++version_;
    }
    client.pushes.push_back({end, key, state.version});
  }
}

void InvalidationWorld::Completed(Client& client, RunContext& run) {
  using Kind = cache::CachingClient::Completion::Kind;
  for (const cache::CachingClient::Completion& done : client.cache.completions()) {
    if (!done.is_read || done.kind != Kind::kReply) continue;
    const Request& request = client.requests[done.request - 1];
    const size_t key = request.key;
    if (run.trace().on()) {
      run.trace().Line("  " + Name(client) + " read " + done.key + " = " +
                       (done.null ? "nil" : done.value) + (done.stored ? ", cached" : ""));
    }
    const bool own_reply = request.version != 0 && done.key == KeyName(key) &&
                           ValueNumber(done.null, done.value) == request.value;
    run.Check(
        own_reply, "framing",
        [&] {
          return "the reply that the server gave to request " + std::to_string(done.request) +
                 ": " + Describe(request.value);
        },
        [&] { return Name(client) + " took " + (done.null ? "nil" : done.value); });
    if (done.stored) {
      client.entry_version[key] = request.version;
      client.entry_epoch[key] = client.epoch;
    }
    CheckRead(client, key, request.version, request.own_write, "a reply for", run);
  }
  client.cache.TakeCompletions();
}

void InvalidationWorld::CheckRead(Client& client, size_t key, uint64_t version, uint64_t own_write,
                                  std::string_view how, RunContext& run) {
  const auto seen = [&] {
    return Name(client) + ": " + std::string(how) + " " + std::string(KeyName(key)) +
           " of version " + std::to_string(version);
  };
  const auto at_least = [&](uint64_t least, std::string_view why) {
    return "version " + std::to_string(least) + " or newer, " + std::string(why);
  };
  run.Check(
      version >= client.arrived[key], "bounded_staleness",
      [&] { return at_least(client.arrived[key], "whose invalidation has arrived"); }, seen);
  if (own_write != 0) {
    const uint64_t written = client.requests[own_write - 1].version;
    run.Check(
        version >= written, "read_your_writes",
        [&] { return at_least(written, "which is the client's own write"); }, seen);
  }
  run.Check(
      version >= client.seen[key], "monotonic_reads",
      [&] { return at_least(client.seen[key], "which the client has read"); }, seen);
  client.seen[key] = std::max(client.seen[key], version);
}

void InvalidationWorld::CheckCoverage(Client& client, RunContext& run) {
  if (subject_->core() == nullptr || client.connection == 0 || client.cut) return;
  if (client.cache.state() != cache::CachingClient::State::kTracked) return;
  const auto& entries = client.cache.entries();
  for (size_t i = 0; i < entries.size(); ++i) {
    if (!entries.at(i).value.valid) continue;
    const std::string& name = entries.at(i).key;
    if (subject_->core()->Tracks(client.connection, name)) continue;
    const int key = KeyIndex(name);
    const bool on_its_way = std::any_of(
        client.pushes.begin() + static_cast<ptrdiff_t>(client.next_push), client.pushes.end(),
        [&](const Push& push) { return push.key == key || push.key == kAllKeys; });
    run.Check(on_its_way, "coverage", "tracked by the server, or its invalidation on the way",
              [&] { return Name(client) + " holds " + name + ", which the server forgot"; });
  }
}

void InvalidationWorld::Drain(RunContext& run) {
  for (bool moved = true; moved && !run.violated();) {
    moved = false;
    for (size_t i = 0; i < client_count_ && !run.violated(); ++i) {
      Client& client = clients_[i];
      if (client.connection == 0) continue;
      moved = moved || client.to_server.in_flight() + client.to_client.in_flight() > 0;
      DeliverToServer(client, SIZE_MAX, run);
      DeliverToClient(client, SIZE_MAX, run);
    }
  }
}

void InvalidationWorld::CompareWithServer(RunContext& run) {
  if (run.violated()) return;
  // Another connection reads all keys, which makes the server delete what has expired.
  const uint64_t probe = subject_->Connect();
  scratch_.clear();
  for (const std::string_view key : kKeyNames) {
    const std::string_view get[] = {"GET", key};
    resp::AppendRequest(&scratch_, get);
  }
  subject_->Send(probe, scratch_);
  probe_output_.clear();
  subject_->Receive(probe, &probe_output_);
  subject_->Close(probe);
  probe_parser_.Reset();
  std::string_view rest = probe_output_;
  for (size_t key = 0; key < kKeys; ++key) {
    const resp::ReplyParser::Result result = probe_parser_.Parse(rest, &probe_reply_);
    if (!run.Check(result.status == resp::ReplyParser::Status::kValue, "framing",
                   "a reply to each GET", [&] { return probe_output_; })) {
      return;
    }
    rest.remove_prefix(result.consumed);
    if (!Observe(key, probe_reply_.root(), run)) return;
  }
  CollectAll(run);
  Drain(run);

  for (size_t i = 0; i < client_count_ && !run.violated(); ++i) {
    Client& client = clients_[i];
    if (client.cache.state() != cache::CachingClient::State::kTracked) continue;
    run.Check(client.cache.pending() == 0, "liveness", "no request pending", [&] {
      return Name(client) + " waits for " + std::to_string(client.cache.pending());
    });
    const auto& entries = client.cache.entries();
    for (size_t e = 0; e < entries.size(); ++e) {
      const cache::CachingClient::Entry& entry = entries.at(e).value;
      const std::string& name = entries.at(e).key;
      if (!run.Check(entry.valid, "liveness", "no read pending",
                     [&] { return Name(client) + " still waits for " + name; })) {
        continue;
      }
      const int key = KeyIndex(name);
      const uint64_t value = key < 0 ? 0 : keys_[static_cast<size_t>(key)].value;
      run.Check(
          ValueNumber(entry.null, entry.value) == value, "no_stale_after_barrier",
          [&] { return name + " = " + Describe(value); },
          [&] { return Name(client) + " holds " + (entry.null ? "nil" : entry.value); });
    }
  }
}

}  // namespace resprobe
