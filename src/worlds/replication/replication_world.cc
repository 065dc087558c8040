#include "worlds/replication/replication_world.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/resp/writer.h"
#include "core/table/table.h"
#include "worlds/command/command_generate.h"
#include "worlds/replication/core_servers.h"

namespace resprobe {
namespace {

constexpr int64_t kUs = 1000;  // in a millisecond
constexpr int kDatabases = 16;
constexpr int64_t kLookMs = 200;        // between two looks at the system, at the end
constexpr int64_t kLongestMs = 30'000;  // that one op may take
constexpr int64_t kFormMs = 10'000;
constexpr int64_t kQuietMs =
    2500;  // longer than the periods of pings, reports and attempts to link
constexpr uint32_t kLinksOneIn = 4;        // cases have their links watched
constexpr uint32_t kReconnectsOneIn = 24;  // lose all of them once more

// On key names that no numbered write uses.
constexpr std::string_view kScriptKeys[] = {"s1", "s2", "s3"};
constexpr std::string_view kScripts[] = {
    "return redis.call('incr',KEYS[1])",
    "return redis.call('set',KEYS[1],redis.call('time')[2])",
    "return redis.call('sadd',KEYS[1],math.random(1000))",
    "redis.call('set',KEYS[1],'x') return redis.call('pexpire',KEYS[1],150)",
    "redis.call('sadd',KEYS[1]..'set',1,2,3) return redis.call('spop',KEYS[1]..'set')",
    "redis.call('set',KEYS[1],1) redis.call('set',KEYS[1]..'b',1) return redis.call('get',KEYS[1])",
};

bool ChangesKeysAlone(const Command& command) {
  switch (command.spec->group) {
    case CommandGroup::kPubSub:
    case CommandGroup::kConnection:
    case CommandGroup::kServer:
      return false;
    default:
      return !command.Has(kAdmin);
  }
}

// Of a client's connection.
bool SelectsDatabase(const Command& command) {
  return command.spec->group == CommandGroup::kConnection && command.HasTrait(kOtherDatabase);
}
constexpr std::string_view kSelects[][2] = {{"SELECT", "0"}, {"SELECT", "1"}, {"SELECT", "9"}};

const CommandChoice& Calls() {
  static const CommandChoice choice([](const Command& command) {
    return ChangesKeysAlone(command) &&
           (command.Has(kWrite) || command.spec->group == CommandGroup::kTransactions);
  });
  return choice;
}

}  // namespace

ReplicationWorld::ReplicationWorld() : ReplicationWorld(std::make_unique<CoreServers>()) {}

// --- Generation.

void ReplicationWorld::Generate(Gen& gen, Config& config) {
  VisitFields(config, gen);
  config.replicas.value = static_cast<uint8_t>(gen.rng().Below(gen.rng().OneIn(3) ? 4 : 2));
}

void ReplicationWorld::Generate(Gen& gen, Call& op) {
  op.at.value = static_cast<uint8_t>(gen.rng().OneIn(4) ? gen.rng().Below(8) : 0);
  // In one seed in four clients use several databases all the time.
  constexpr uint64_t kSelectSwarm = 0x80000;
  const uint64_t select_one_in = swarm_enabled && gen.SwarmBits(kSelectSwarm) % 4 == 0 ? 3 : 12;
  if (gen.rng().OneIn(select_one_in)) {
    op.args.words = kSelects[gen.rng().Below(std::size(kSelects))];
  } else {
    op.args.words = Calls().Generate(gen);
  }
}

void ReplicationWorld::Generate(Gen& gen, Await& op) {
  VisitFields(op, gen);
  op.at.value = static_cast<uint8_t>(gen.rng().OneIn(4) ? gen.rng().Below(8) : 0);
  op.replicas.value = static_cast<uint8_t>(gen.rng().Below(4));
  op.ms.value = static_cast<uint32_t>(1 + gen.rng().Below(300));
}

void ReplicationWorld::Generate(Gen& gen, Advance& op) {
  static constexpr uint32_t kMost[] = {2, 20, 300, 1500, 7000};
  op.ms.value = static_cast<uint32_t>(1 + gen.rng().Below(kMost[gen.rng().Below(5)]));
}

void ReplicationWorld::Generate(Gen& gen, Cut& op) {
  VisitFields(op, gen);
  op.bytes.value = static_cast<uint32_t>(gen.rng().Below(uint64_t{1} << gen.rng().Below(12)));
}

void ReplicationWorld::Generate(Gen& gen, Jump& op) {
  VisitFields(op, gen);
  op.ms.value = gen.rng().Between(-5000, 5000);
}

// --- Clients.

void ReplicationWorld::AppendRequest(std::string* out,
                                     std::initializer_list<std::string_view> words) {
  resp::AppendRequest(out, std::span(words.begin(), words.size()));
}

void ReplicationWorld::Disconnect(Connection& connection) {
  if (connection.id != 0) servers_->Close(connection.id);
  connection.id = 0;
  connection.writes.clear();
}

std::span<const resp::Reply> ReplicationWorld::Ask(Connection& connection, size_t node,
                                                   std::string_view requests, size_t count,
                                                   int64_t within_ms) {
  size_t got = 0;
  if (replies_.size() < count) replies_.resize(count);
  if (!servers_->up(node)) {
    Disconnect(connection);
    return {};
  }
  if (connection.id == 0) connection.id = servers_->Dial(node);
  servers_->Send(connection.id, requests);
  parser_.Reset();
  const int64_t until = servers_->now_us() + within_ms * kUs;
  int64_t step = 0;
  for (;;) {
    servers_->RunUntil(std::min(until, servers_->now_us() + step));
    in_.clear();
    const bool open = servers_->Receive(connection.id, &in_);
    bool sound = true;
    for (std::string_view rest = in_; got < count && !rest.empty() && sound;) {
      const resp::ReplyParser::Result result = parser_.Parse(rest);
      sound = result.status != resp::ReplyParser::Status::kError;
      rest.remove_prefix(result.consumed);
      if (result.status == resp::ReplyParser::Status::kValue) parser_.Take(&replies_[got++]);
    }
    if (got == count) break;
    if (!open || !sound || servers_->now_us() >= until || !servers_->error().empty()) {
      // What comes later is not awaited, and the next replies would not be told from it.
      Disconnect(connection);
      break;
    }
    step = std::min(step + kUs, 10 * kUs);
  }
  return std::span(replies_).first(got);
}

std::optional<ReplicationWorld::Role> ReplicationWorld::ReadRole(const resp::Reply& reply) const {
  const resp::ReplyView view = reply.root();
  if (!view.is_aggregate() || view.size() < 2) return {};
  Role role;
  role.replica = view[0].text() == "slave";
  if (!role.replica) {
    role.offset = view[1].integer();
    return role;
  }
  if (view.size() < 5) return {};
  for (role.of = 0; role.of < nodes_ && servers_->AddressOf(role.of) != view[1].text();) ++role.of;
  role.linked = view[3].text() == "connected";
  role.offset = view[4].integer();
  return role;
}

bool ReplicationWorld::MayBeSent(std::span<const std::string_view> words) {
  if (words.empty()) return false;
  const Command* const command = FindCommand(words[0]);
  if (command == nullptr || !(ChangesKeysAlone(*command) || SelectsDatabase(*command)))
    return false;
  return std::ranges::none_of(words, [](std::string_view word) { return word.starts_with("r:"); });
}

void ReplicationWorld::SendTo(size_t node, std::span<const std::string_view> words) {
  request_.clear();
  resp::AppendRequest(&request_, words);
  Ask(callers_[node], node, request_, 1, /*within_ms=*/2);
}

void ReplicationWorld::Note(RunContext& run, size_t node, std::string_view what) {
  if (!run.trace().on()) return;
  run.trace().Line("  " + std::to_string(servers_->now_us() / kUs) + " ms, server " +
                   std::to_string(node) + ": " + std::string(what));
}

// --- Runs.

void ReplicationWorld::Start(const Config& config, RunContext& run) {
  config_ = config;
  nodes_ = 2 + config.replicas.Of(kMostNodes - 1);
  primary_ = 0;
  paused_until_us_.fill(0);
  jumped_ms_.fill(0);
  for (Connection& connection : writers_) connection = {};
  for (Connection& connection : callers_) connection = {};
  book_.Reset(nodes_);
  const bool made = servers_->Reset({.nodes = nodes_,
                                     .valkey = config.valkey,
                                     .chained = config.chained,
                                     .log = config.log,
                                     .disk_sync = config.disk_sync,
                                     .small_backlog = config.small_backlog});
  for (size_t i = 0; i < nodes_; ++i) {
    follows_[i] = i == 0 ? 0 : config.chained ? i - 1 : 0;
    if (i != 0) book_.Follow(i, follows_[i]);
  }
  if (!made) return;
  const int64_t until = servers_->now_us() + kFormMs * kUs;
  std::string missing = Linked();
  while (!missing.empty() && servers_->now_us() < until && servers_->error().empty()) {
    Pass(kLookMs, run);
    missing = Linked();
  }
  if (!servers_->error().empty()) return;
  run.Check(missing.empty(), "converges", "replicas follow a new primary", missing);
}

bool ReplicationWorld::CheckLives(RunContext& run) {
  if (!servers_->error().empty()) return false;
  for (size_t i = 0; i < nodes_; ++i) {
    const std::string ending = servers_->Ending(i);
    if (!run.Check(ending.empty(), "stays_up", "server " + std::to_string(i) + " runs", ending)) {
      return false;
    }
  }
  return true;
}

void ReplicationWorld::Pass(int64_t ms, RunContext& run) {
  const int64_t until = servers_->now_us() + ms * kUs;
  for (;;) {
    int64_t next = until;
    for (size_t i = 0; i < nodes_; ++i) {
      if (paused_until_us_[i] == 0) continue;
      if (paused_until_us_[i] <= servers_->now_us()) {
        paused_until_us_[i] = 0;
        servers_->Resume(i);
      } else {
        next = std::min(next, paused_until_us_[i]);
      }
    }
    servers_->RunUntil(next);
    if (!CheckLives(run) || next == until) return;
  }
}

void ReplicationWorld::Apply(const Put& op, RunContext& run) {
  const size_t node = NodeOf(op.at);
  const size_t key = op.key.Of(kKeys);
  if (!servers_->up(node)) return;
  const uint32_t write = book_.Send(node, key);
  request_.clear();
  AppendRequest(&request_, {"SET", KeyName(key), std::to_string(write)});
  Connection& connection = writers_[node];
  const std::span<const resp::Reply> replies = Ask(connection, node, request_, 1);
  if (replies.empty()) {
    Note(run, node, "no reply to a write");
  } else if (replies[0].root().is_error()) {
    book_.Refuse(write);
    Note(run, node, replies[0].root().text());
  } else {
    book_.Accept(write);
    connection.writes.push_back(write);
    if (run.trace().on()) Note(run, node, "has accepted write " + std::to_string(write));
    run.Check(!book_.IsReplica(node), "read_only",
              "server " + std::to_string(node) + ", a replica, refuses a write", "OK");
  }
  Pass(0, run);
}

void ReplicationWorld::Apply(const Read& op, RunContext& run) {
  const size_t node = NodeOf(op.at);
  const size_t key = op.key.Of(kKeys);
  request_.clear();
  // In one turn of the server, so that the role is that of the moment of the read.
  AppendRequest(&request_, {"ROLE"});
  AppendRequest(&request_, {"GET", KeyName(key)});
  const std::span<const resp::Reply> replies = Ask(writers_[node], node, request_, 2);
  if (replies.size() < 2) return;
  const std::optional<Role> role = ReadRole(replies[0]);
  const resp::ReplyView value = replies[1].root();
  if (!role || value.is_null() || value.is_error()) return;
  uint32_t write = 0;
  const std::string_view text = value.text();
  std::from_chars(text.data(), text.data() + text.size(), write);
  const bool linked = role->replica && role->linked && role->of < nodes_;
  const size_t source = linked ? role->of : node;
  if (run.trace().on()) Note(run, node, "serves write " + std::string(text));
  run.Check(
      book_.IsOfKey(write, key) && book_.MayHave(source, write), "never_had",
      [&] {
        return KeyName(key) + " of server " + std::to_string(node) + " is something that server " +
               std::to_string(source) + " was sent" + (linked ? ", which it follows" : "");
      },
      [&] {
        return book_.IsOfKey(write, key) ? book_.Describe(write)
                                         : "the value '" + std::string(text) + "'";
      });
}

void ReplicationWorld::Apply(const Await& op, RunContext& run) {
  const size_t node = NodeOf(op.at);
  const auto ms = std::clamp<int64_t>(op.ms.value, 1, 2000);
  request_.clear();
  AppendRequest(&request_, {"WAIT", std::to_string(op.replicas.value), std::to_string(ms)});
  Connection& connection = writers_[node];
  const std::span<const resp::Reply> replies = Ask(connection, node, request_, 1, ms + 200);
  if (!replies.empty() && !replies[0].root().is_error()) {
    const int64_t count = replies[0].root().integer();
    book_.Confirm(connection.writes, count);
    if (run.trace().on()) Note(run, node, "WAIT: " + std::to_string(count));
  }
  Pass(0, run);
}

void ReplicationWorld::Apply(const Call& op, RunContext& run) {
  if (!MayBeSent(op.args.words)) return;
  SendTo(NodeOf(op.at), op.args.words);
  Pass(0, run);
}

void ReplicationWorld::Apply(const Script& op, RunContext& run) {
  const std::string_view words[] = {"EVAL", kScripts[static_cast<size_t>(op.kind)], "1",
                                    kScriptKeys[op.key.Of(std::size(kScriptKeys))]};
  SendTo(NodeOf(op.at), words);
  Pass(0, run);
}

void ReplicationWorld::Apply(const Advance& op, RunContext& run) {
  Pass(std::min<int64_t>(op.ms.value, kLongestMs), run);
}

void ReplicationWorld::Apply(const Hold& op, RunContext&) {
  const size_t from = op.from.Of(nodes_);
  const size_t to = op.to.Of(nodes_);
  if (from != to) servers_->Hold(from, to);
}

void ReplicationWorld::Apply(const Release& op, RunContext& run) {
  const size_t from = op.from.Of(nodes_);
  const size_t to = op.to.Of(nodes_);
  if (from != to) servers_->Release(from, to);
  Pass(0, run);
}

void ReplicationWorld::Apply(const Cut& op, RunContext&) {
  const size_t from = op.from.Of(nodes_);
  const size_t to = op.to.Of(nodes_);
  if (from != to) servers_->CutAfter(from, to, op.bytes.value);
}

void ReplicationWorld::Apply(const Reset& op, RunContext& run) {
  const size_t a = op.a.Of(nodes_);
  const size_t b = op.b.Of(nodes_);
  if (a != b) servers_->ResetLinks(a, b);
  Pass(0, run);
}

void ReplicationWorld::Apply(const Kill& op, RunContext& run) {
  const size_t node = op.node.Of(nodes_);
  if (!servers_->up(node)) return;
  paused_until_us_[node] = 0;
  Disconnect(writers_[node]);
  Disconnect(callers_[node]);
  servers_->Crash(node, op.power ? CrashKind::kMachine : CrashKind::kProcess);
  book_.Crash(node);
  Note(run, node, op.power ? "loses power" : "is killed");
  Pass(0, run);
}

void ReplicationWorld::Apply(const Restart& op, RunContext& run) {
  const size_t node = op.node.Of(nodes_);
  if (servers_->up(node)) return;
  servers_->Start(node, follows_[node]);
  book_.Start(node, follows_[node]);
  Note(run, node, "starts");
  Pass(0, run);
}

// The operator tells a server whom to follow; itself: none.
void ReplicationWorld::Tell(size_t node, size_t of, RunContext& run) {
  follows_[node] = of;
  if (!servers_->up(node)) return;
  request_.clear();
  if (of == node) {
    AppendRequest(&request_, {"REPLICAOF", "NO", "ONE"});
  } else {
    AppendRequest(&request_,
                  {"REPLICAOF", servers_->AddressOf(of), std::to_string(ReplicatedServers::kPort)});
  }
  Connection connection;
  const bool answered = !Ask(connection, node, request_, 1).empty();
  Disconnect(connection);
  book_.Follow(node, of, /*may=*/!answered);
  if (run.trace().on()) {
    Note(run, node,
         (of == node ? "follows none" : "follows " + std::to_string(of)) +
             (answered ? "" : ", perhaps"));
  }
  Pass(0, run);
}

void ReplicationWorld::Apply(const Promote& op, RunContext& run) {
  primary_ = op.node.Of(nodes_);
  Tell(primary_, primary_, run);
}

void ReplicationWorld::Apply(const Follow& op, RunContext& run) {
  Tell(op.node.Of(nodes_), op.of.Of(nodes_), run);
}

void ReplicationWorld::Apply(const Pause& op, RunContext& run) {
  const size_t node = op.node.Of(nodes_);
  if (!servers_->up(node) || op.ms.value == 0) return;
  servers_->Pause(node);
  paused_until_us_[node] =
      servers_->now_us() + std::min<int64_t>(op.ms.value * int64_t{10}, kLongestMs) * kUs;
  Note(run, node, "pauses");
}

void ReplicationWorld::Apply(const Jump& op, RunContext&) {
  const int64_t ms = std::clamp<int64_t>(op.ms.value, -10'000, 10'000);
  servers_->JumpClock(op.node.Of(nodes_), ms);
  jumped_ms_[op.node.Of(nodes_)] += ms;
}

// --- The end.

size_t ReplicationWorld::PrimaryOf(size_t node) const {
  return node == primary_ ? node : config_.chained ? (node + nodes_ - 1) % nodes_ : primary_;
}

void ReplicationWorld::Heal(RunContext& run) {
  for (size_t i = 0; i < nodes_; ++i) {
    if (std::exchange(paused_until_us_[i], 0) != 0) servers_->Resume(i);
    // A clock that many jumps have set far back would let the server wait longer than the bound.
    if (jumped_ms_[i] < 0) servers_->JumpClock(i, -jumped_ms_[i]);
    for (size_t j = 0; j < nodes_; ++j) {
      if (i == j) continue;
      servers_->Release(i, j);
      if (i < j) servers_->ResetLinks(i, j);
    }
  }
  Pass(0, run);
  for (size_t i = 0; i < nodes_ && !run.violated() && servers_->error().empty(); ++i) {
    const size_t of = PrimaryOf(i);
    if (servers_->up(i)) {
      // Requests that have arrived are served before the server changes its role.
      Pass(kPatienceMs, run);
      Tell(i, of, run);
    } else {
      follows_[i] = of;
      servers_->Start(i, of);
      book_.Start(i, of);
      Note(run, i, "starts");
      Pass(0, run);
    }
  }
}

std::string ReplicationWorld::Linked() {
  std::array<Role, kMostNodes> roles;
  for (size_t i = 0; i < nodes_; ++i) {
    request_.clear();
    AppendRequest(&request_, {"ROLE"});
    const std::span<const resp::Reply> replies = Ask(writers_[i], i, request_, 1);
    const std::optional<Role> role = replies.empty() ? std::nullopt : ReadRole(replies[0]);
    if (!role) return "server " + std::to_string(i) + " does not answer";
    roles[i] = *role;
  }
  for (size_t i = 0; i < nodes_; ++i) {
    const size_t of = follows_[i];
    const std::string name = "server " + std::to_string(i);
    if (roles[i].replica != (of != i)) return name + " has the wrong role";
    if (of == i) continue;
    if (roles[i].of != of) return name + " follows another server";
    if (!roles[i].linked) return name + " is not connected to " + std::to_string(of);
    if (roles[i].offset != roles[of].offset) {
      return name + " is at offset " + std::to_string(roles[i].offset) + ", server " +
             std::to_string(of) + " at " + std::to_string(roles[of].offset);
    }
  }
  return {};
}

std::optional<ReplicationWorld::Contents> ReplicationWorld::ReadContents(size_t node) {
  Contents contents;
  Connection connection;
  request_.clear();
  AppendRequest(&request_, {"DEBUG", "DIGEST"});
  for (int db = 0; db < kDatabases; ++db) {
    AppendRequest(&request_, {"SELECT", std::to_string(db)});
    AppendRequest(&request_, {"KEYS", "*"});
  }
  std::span<const resp::Reply> replies =
      Ask(connection, node, request_, 1 + 2 * size_t{kDatabases}, kLookMs);
  if (replies.size() < 1 + 2 * size_t{kDatabases}) return {};
  contents.digest = replies[0].root().text();
  std::vector<std::pair<int, std::string>> keys;
  for (int db = 0; db < kDatabases; ++db) {
    for (const resp::ReplyView& key : replies[2 * static_cast<size_t>(db) + 2].root()) {
      keys.emplace_back(db, key.text());
    }
  }
  std::ranges::sort(keys);
  request_.clear();
  for (const auto& [db, key] : keys) {
    AppendRequest(&request_, {"SELECT", std::to_string(db)});
    AppendRequest(&request_, {"PEXPIRETIME", key});
    AppendRequest(&request_, {"DEBUG", "DIGEST-VALUE", key});
  }
  replies = Ask(connection, node, request_, 3 * keys.size(), kLookMs);
  if (replies.size() < 3 * keys.size()) return {};
  for (size_t i = 0; i < keys.size(); ++i) {
    const resp::ReplyView value = replies[3 * i + 2].root();
    contents.keys += std::to_string(keys[i].first) + ' ' + keys[i].second + ' ' +
                     std::to_string(replies[3 * i + 1].root().integer()) + ' ';
    contents.keys += value.is_aggregate() && value.size() == 1 ? value[0].text() : value.text();
    contents.keys += '\n';
  }
  Disconnect(connection);
  return contents;
}

// The first key that differs.
std::string ReplicationWorld::Difference(const Contents& primary, const Contents& replica,
                                         size_t node) {
  const auto [a, b] = std::ranges::mismatch(primary.keys, replica.keys);
  const auto line = [](const std::string& text, std::string::const_iterator at) {
    auto from = at;
    while (from != text.begin() && from[-1] != '\n') --from;
    const auto to = std::find(at, text.end(), '\n');
    return from == text.end() ? std::string("nothing more") : std::string(from, to);
  };
  if (a == primary.keys.end() && b == replica.keys.end()) return "another DEBUG DIGEST";
  return "server " + std::to_string(node) + " has '" + line(replica.keys, b) + "', its primary '" +
         line(primary.keys, a) + "' (database, key, expiry, digest)";
}

// The last numbered writes that the primary must have.
void ReplicationWorld::CheckKept(RunContext& run) {
  for (size_t key = 0; key < kKeys; ++key) {
    const uint32_t must = book_.MustHave(primary_, key);
    if (must == 0) continue;
    request_.clear();
    AppendRequest(&request_, {"GET", KeyName(key)});
    const std::span<const resp::Reply> replies = Ask(writers_[primary_], primary_, request_, 1);
    if (!run.Check(!replies.empty(), "goes_on", "the primary answers GET " + KeyName(key),
                   "nothing")) {
      return;
    }
    uint32_t found = 0;
    const std::string_view text = replies[0].root().text();
    std::from_chars(text.data(), text.data() + text.size(), found);
    run.Check(
        (found == 0 || book_.IsOfKey(found, key)) && book_.Replaces(found, must), "keeps",
        [&] { return KeyName(key) + " of the primary is " + book_.Describe(must) + ", or later"; },
        [&] { return book_.Describe(found); });
  }
}

void ReplicationWorld::CheckGoesOn(RunContext& run) {
  request_.clear();
  AppendRequest(&request_, {"SET", "r:end", "1"});
  AppendRequest(&request_, {"WAIT", config_.chained ? "1" : std::to_string(nodes_ - 1), "20000"});
  const std::span<const resp::Reply> replies =
      Ask(writers_[primary_], primary_, request_, 2, 21'000);
  const bool answered = replies.size() == 2;
  const int64_t count = answered ? replies[1].root().integer() : 0;
  const auto least = static_cast<int64_t>(config_.chained ? 1 : nodes_ - 1);
  run.Check(answered && !replies[0].root().is_error() && count >= least, "goes_on",
            "a write, confirmed by " + std::to_string(least), [&] {
              if (!answered) return std::string("no answer");
              if (replies[0].root().is_error()) return std::string(replies[0].root().text());
              return "WAIT: " + std::to_string(count);
            });
}

std::string ReplicationWorld::Connections(size_t node) {
  request_.clear();
  AppendRequest(&request_, {"CLIENT", "LIST"});
  const std::span<const resp::Reply> replies = Ask(writers_[node], node, request_, 1);
  if (replies.empty()) return {};
  std::string ids = " ";
  std::string_view list = replies[0].root().text();
  while (list.starts_with("id=")) {
    const size_t end = std::min(list.find(' '), list.size());
    ids.append(list.substr(3, end - 3)).append(" ");
    list.remove_prefix(std::min(list.find('\n'), list.size() - 1) + 1);
  }
  return ids;
}

// Clients with CLIENT REPLY OFF call WAIT and BLPOP, which replicas and time end.
void ReplicationWorld::CheckLinks(RunContext& run) {
  Pass(kQuietMs, run);  // what a jump of a clock has ended is made again
  const std::string before = Connections(primary_);
  request_.clear();
  AppendRequest(&request_, {"CLIENT", "REPLY", "OFF"});
  AppendRequest(&request_, {"SET", "r:end", "2"});
  std::array<Connection, 2> silent;
  std::string requests = request_;
  AppendRequest(&requests, {"WAIT", "1", "0"});
  Ask(silent[0], primary_, requests, 0);
  requests = request_;
  AppendRequest(&requests, {"BLPOP", "r:none", "0.1"});
  Ask(silent[1], primary_, requests, 0);
  Pass(kQuietMs, run);
  const std::string after = Connections(primary_);
  for (Connection& connection : silent) Disconnect(connection);
  if (run.violated() || !servers_->error().empty()) return;
  std::string lost;
  for (size_t at = 1; at < before.size();) {
    const size_t end = before.find(' ', at);
    if (after.find(before.substr(at - 1, end - at + 2)) == after.npos) {
      lost += before.substr(at - 1, end - at + 1);
    }
    at = end + 1;
  }
  run.Check(
      !before.empty() && lost.empty(), "keeps_links",
      [&] { return "connections" + before + "of the primary"; },
      [&] { return lost.empty() ? "no answer to CLIENT LIST" : "it has lost" + lost; });
}

// Waits until every replica follows its primary at its offset, with its contents. False after a
// violation, or if the servers cannot go on.
bool ReplicationWorld::Converges(RunContext& run) {
  const int64_t until = servers_->now_us() + kBoundMs * kUs;
  std::string link;
  std::string difference;
  for (bool equal = false; !equal;) {
    if (run.violated() || !servers_->error().empty()) return false;
    difference.clear();
    link = Linked();
    if (link.empty()) {
      const std::optional<Contents> primary = ReadContents(primary_);
      equal = primary.has_value();
      if (!primary) link = "the primary does not answer";
      for (size_t i = 0; i < nodes_ && equal; ++i) {
        if (i == primary_) continue;
        const std::optional<Contents> replica = ReadContents(i);
        if (!replica) link = "server " + std::to_string(i) + " does not answer";
        equal = replica == primary;
        if (replica && !equal) difference = Difference(*primary, *replica, i);
      }
    }
    if (equal) break;
    if (servers_->now_us() >= until) break;
    Pass(kLookMs, run);
  }
  return run.Check(link.empty(), "converges",
                   "every replica at the offset of its primary within " +
                       std::to_string(kBoundMs / 1000) + " s",
                   link) &&
         run.Check(difference.empty(), "replicas_equal", "the contents of the primary", difference);
}

// Writes to several databases, between which all links are lost, another server becomes the
// primary, or a replica starts anew: what servers know of the stream besides its offset has to
// outlast that.
void ReplicationWorld::CheckReconnects(uint64_t choices, RunContext& run) {
  const auto write = [&](std::string_view db, std::string_view key) {
    Connection connection;
    request_.clear();
    AppendRequest(&request_, {"SELECT", db});
    AppendRequest(&request_, {"MULTI"});
    AppendRequest(&request_, {"SET", key, "1"});
    AppendRequest(&request_, {"RPUSH", "e:list", key});
    AppendRequest(&request_, {"EXEC"});
    Ask(connection, primary_, request_, 5);
    Disconnect(connection);
  };
  write("1", "e:0");
  write("9", "e:1");
  Pass(kLookMs, run);
  for (size_t i = 0; i < nodes_; ++i) {
    for (size_t j = i + 1; j < nodes_; ++j) servers_->ResetLinks(i, j);
  }
  if (choices % 3 == 1) {
    primary_ = (primary_ + 1) % nodes_;
    Tell(primary_, primary_, run);
    for (size_t i = 0; i < nodes_; ++i) {
      if (i != primary_) Tell(i, PrimaryOf(i), run);
    }
  }
  if (choices % 3 == 2) {
    const size_t last = (primary_ + nodes_ - 1) % nodes_;  // of a chain
    Apply(Kill{Index{static_cast<uint8_t>(last)}}, run);
    Apply(Restart{Index{static_cast<uint8_t>(last)}}, run);
  }
  for (int i = 0; i < 10 && !run.violated() && !Linked().empty(); ++i) Pass(kLookMs, run);
  write(choices / 3 % 2 == 0 ? "9" : "0", "e:2");
  write("1", "e:3");
  Converges(run);
}

void ReplicationWorld::Settle(RunContext& run) {
  if (run.violated() || !CheckLives(run)) return;
  Heal(run);
  if (!Converges(run)) return;
  if (run.trace().on()) Note(run, primary_, "all are equal");
  CheckKept(run);
  if (!run.violated() && run.Makes(kReconnectsOneIn)) {
    CheckReconnects(run.digest() >> 8, run);
  }
  if (!run.violated()) CheckGoesOn(run);
  if (!run.violated() && run.Makes(kLinksOneIn)) CheckLinks(run);
  CheckLives(run);
}

}  // namespace resprobe
