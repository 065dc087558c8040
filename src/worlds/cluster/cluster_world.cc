#include "worlds/cluster/cluster_world.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <tuple>

#include "core/resp/writer.h"
#include "worlds/cluster_bus/bus_tape.h"

namespace resprobe {
namespace {

constexpr int64_t kUs = 1000;           // in a millisecond
constexpr int64_t kLookMs = 500;        // between two looks at the system, at the end
constexpr int64_t kLongestMs = 30'000;  // that one op may take
constexpr int64_t kMoveMs = 1500;       // MIGRATE, and SETSLOT of valkey, wait for another node

// In slots 15495, 3300, 7365, 11298, 3168, 7233: of each shard of three two keys.
constexpr std::string_view kTags[] = {"a", "b", "c", "d", "f", "g"};

// The number after "name:" in INFO or CLUSTER INFO.
std::optional<uint64_t> FieldOf(std::string_view info, std::string_view name) {
  const size_t at = info.find(name);
  if (at == info.npos) return {};
  const std::string_view text = info.substr(at + name.size());
  uint64_t number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc()) return {};
  return number;
}

uint32_t NumberOf(std::string_view text) {
  uint32_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::string NodeName(size_t node) { return "node " + std::to_string(node); }

}  // namespace

// --- Generation.

void ClusterWorld::Generate(Gen& gen, Config& config) {
  VisitFields(config, gen);
  config.shape.value = static_cast<uint8_t>(gen.rng().OneIn(3) ? gen.rng().Below(4) : 0);
  config.migrates = gen.rng().OneIn(4);
  config.restart = gen.rng().OneIn(6);
}

void ClusterWorld::Generate(Gen& gen, Await& op) {
  VisitFields(op, gen);
  op.ms.value = static_cast<uint32_t>(1 + gen.rng().Below(300));
}

void ClusterWorld::Generate(Gen& gen, Advance& op) {
  static constexpr uint32_t kMost[] = {3, 30, 300, 1500, 5000};
  op.ms.value = static_cast<uint32_t>(1 + gen.rng().Below(kMost[gen.rng().Below(5)]));
}

void ClusterWorld::Generate(Gen& gen, Isolate& op) {
  VisitFields(op, gen);
  op.count.value = static_cast<uint8_t>(1 + gen.rng().Below(3));
}

void ClusterWorld::Generate(Gen& gen, Jump& op) {
  VisitFields(op, gen);
  op.ms.value = gen.rng().Between(-3000, 3000);
}

void ClusterWorld::Generate(Gen& gen, Failover& op) {
  VisitFields(op, gen);
  if (gen.rng().OneIn(2)) op.mode = FailoverMode::kPlain;
}

void ClusterWorld::Generate(Gen& gen, Move& op) {
  VisitFields(op, gen);
  op.steps.value = static_cast<uint32_t>(gen.rng().OneIn(2) ? 0 : gen.rng().Below(kMoveSteps));
}

// What an outsider sends ends all promises but three, so most seeds have none.
void ClusterWorld::Generate(Gen& gen, Intrude& op) {
  op.node.value = static_cast<uint8_t>(gen.rng().Below(8));
  op.seed.value = static_cast<int64_t>(gen.rng().Below(uint64_t{1} << 32));
  if (gen.SwarmBits(0x696e7472) % 4 != 0) op.seed.value = 0;
}

// --- Clients.

void ClusterWorld::AppendRequest(std::string* out, std::initializer_list<std::string_view> words) {
  resp::AppendRequest(out, std::span(words.begin(), words.size()));
}

void ClusterWorld::Disconnect(Connection& connection) {
  if (connection.id != 0) servers_->Close(connection.id);
  connection.id = 0;
  connection.keys.clear();
}

std::span<const resp::Reply> ClusterWorld::Ask(Connection& connection, size_t node,
                                               std::string_view requests, size_t count,
                                               int64_t within_ms) {
  size_t got = 0;
  if (replies_.size() < count) replies_.resize(count);
  if (!servers_->up(node) || !servers_->error().empty()) {
    Disconnect(connection);
    return {};
  }
  if (connection.id == 0) connection.id = servers_->Dial(node, ClusterServers::kPort);
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

std::optional<std::string> ClusterWorld::Command(size_t node,
                                                 std::initializer_list<std::string_view> words,
                                                 int64_t within_ms) {
  request_.clear();
  AppendRequest(&request_, words);
  Connection connection;
  const std::span<const resp::Reply> replies = Ask(connection, node, request_, 1, within_ms);
  std::optional<std::string> text;
  if (!replies.empty()) {
    text = (replies[0].root().is_error() ? "-" : "") + std::string(replies[0].root().text());
  }
  Disconnect(connection);
  return text;
}

std::string ClusterWorld::KeyName(size_t key) {
  return "{" + std::string(kTags[key]) + "}" + std::to_string(key);
}

size_t ClusterWorld::NodeAt(std::string_view address) const {
  const std::string_view ip = address.substr(0, address.rfind(':'));
  size_t node = 0;
  while (node < nodes_ && servers_->AddressOf(node) != ip) ++node;
  return node;
}

size_t ClusterWorld::NodeOfId(std::string_view id) const {
  size_t node = 0;
  while (node < nodes_ && ids_[node] != id) ++node;
  return node;
}

ClusterWorld::Outcome ClusterWorld::Follow(size_t at,
                                           std::initializer_list<std::string_view> words) {
  Outcome outcome;
  bool asking = false;
  for (;;) {
    outcome.node = at;
    request_.clear();
    if (asking) AppendRequest(&request_, {"ASKING"});
    AppendRequest(&request_, words);
    const size_t count = asking ? 2 : 1;
    const std::span<const resp::Reply> replies = Ask(clients_[at], at, request_, count);
    if (replies.size() < count) {
      outcome.kind = Outcome::kUnknown;
      outcome.text = "no reply";
      return outcome;
    }
    const resp::ReplyView reply = replies[count - 1].root();
    outcome.text = reply.is_null() ? "" : reply.text();
    if (!reply.is_error()) {
      outcome.kind = Outcome::kDone;
      return outcome;
    }
    outcome.kind = Outcome::kRefused;
    asking = outcome.text.starts_with("ASK ");
    if (!asking && !outcome.text.starts_with("MOVED ")) return outcome;
    if (++outcome.hops > kMostHops) return outcome;
    at = NodeAt(std::string_view(outcome.text).substr(outcome.text.rfind(' ') + 1));
    if (at == nodes_) return outcome;
  }
}

void ClusterWorld::CheckValue(size_t key, const Outcome& outcome, RunContext& run) {
  if (outcome.kind != Outcome::kDone || outcome.text.empty()) return;
  const uint32_t write = NumberOf(outcome.text);
  run.Check(
      ledger_.MayServe(key, write), "never_had",
      [&] { return KeyName(key) + " of " + NodeName(outcome.node) + " is a write of a client"; },
      [&] { return "'" + outcome.text + "': " + ledger_.Describe(write); });
}

void ClusterWorld::Note(RunContext& run, size_t node, std::string_view what) {
  if (!run.trace().on()) return;
  run.trace().Line("  " + std::to_string(servers_->now_us() / kUs) + " ms, " + NodeName(node) +
                   ": " + std::string(what));
}

// --- Runs.

void ClusterWorld::Start(const Config& config, RunContext& run) {
  config_ = config;
  std::tie(shards_, replicas_) = kShapes[config.shape.Of(std::size(kShapes))];
  nodes_ = shards_ * (1 + replicas_);
  paused_until_us_.fill(0);
  epochs_.fill(0);
  for (Connection& connection : clients_) connection = {};
  for (auto& held : held_) held.reset();
  for (size_t i = 0; i < nodes_; ++i) shard_of_[i] = i / (1 + replicas_);
  shards_known_ = true;
  hostile_ = false;
  extra_ms_ = 0;
  forgotten_.clear();
  moving_.fill({});
  moved_ = 0;
  ledger_.Reset(std::size(kTags));
  elections_.Reset(nodes_);
  if (!servers_->Reset({.shards = shards_,
                        .replicas = replicas_,
                        .log = config.log,
                        .full_coverage = !config.partial,
                        .migrates = config.migrates})) {
    return;
  }
  for (size_t i = 0; i < nodes_; ++i) ids_[i] = servers_->IdOf(i);
  Pass(0, run);
}

bool ClusterWorld::CheckLives(RunContext& run) {
  if (!servers_->error().empty()) {
    run.Check(!servers_->error().contains("it hangs"), "stays_up",
              "every node waits for events again", servers_->error());
    return false;
  }
  for (size_t i = 0; i < nodes_; ++i) {
    const std::string ending = servers_->Ending(i);
    if (!run.Check(ending.empty(), "stays_up", NodeName(i) + " runs", ending)) return false;
  }
  return true;
}

void ClusterWorld::ReadElections(RunContext& run) {
  for (size_t i = 0; i < nodes_; ++i) {
    std::string seen;
    const std::string_view broken = elections_.Read(i, servers_->ReadFile(i, "log"),
                                                    servers_->ReadFile(i, "nodes.conf"), &seen);
    if (broken.empty() || hostile_) continue;
    for (const InvariantInfo& invariant : kInvariants) {
      if (invariant.name == broken) run.Check(false, broken, invariant.statement, seen);
    }
  }
}

void ClusterWorld::Pass(int64_t ms, RunContext& run) {
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
    if (!CheckLives(run) || next == until) break;
  }
  if (servers_->error().empty()) ReadElections(run);
}

void ClusterWorld::CheckEpoch(size_t node, std::string_view info, RunContext& run) {
  const std::optional<uint64_t> epoch = FieldOf(info, "cluster_current_epoch:");
  if (!epoch) return;
  run.Check(
      hostile_ || *epoch >= epochs_[node], "epoch_rises",
      [&] {
        return "the current epoch of " + NodeName(node) + " is " + std::to_string(epochs_[node]) +
               " or more";
      },
      [&] { return std::to_string(*epoch); });
  epochs_[node] = *epoch;
}

void ClusterWorld::Apply(const Put& op, RunContext& run) {
  const size_t key = op.key.Of(ledger_.keys());
  const uint32_t write = ledger_.Send(key);
  const Outcome outcome = Follow(op.at.Of(nodes_), {"SET", KeyName(key), std::to_string(write)});
  if (outcome.kind == Outcome::kDone) {
    ledger_.Accept(write);
    clients_[outcome.node].keys.insert(key);
    written_at_[key] = outcome.node;
  } else if (outcome.kind == Outcome::kRefused) {
    ledger_.Refuse(write);
  }
  if (run.trace().on()) {
    Note(run, outcome.node,
         "write " + std::to_string(write) + " to " + KeyName(key) + ": " + outcome.text);
  }
  Pass(0, run);
}

void ClusterWorld::Apply(const Read& op, RunContext& run) {
  const size_t key = op.key.Of(ledger_.keys());
  const size_t node = op.at.Of(nodes_);
  Outcome outcome;
  if (op.here) {
    outcome.node = node;
    request_.clear();
    AppendRequest(&request_, {"READONLY"});
    AppendRequest(&request_, {"GET", KeyName(key)});
    AppendRequest(&request_, {"READWRITE"});
    const std::span<const resp::Reply> replies = Ask(clients_[node], node, request_, 3);
    if (replies.size() == 3) {
      const resp::ReplyView value = replies[1].root();
      outcome.kind = value.is_error() ? Outcome::kRefused : Outcome::kDone;
      if (!value.is_null()) outcome.text = value.text();
    }
  } else {
    outcome = Follow(node, {"GET", KeyName(key)});
  }
  if (run.trace().on()) {
    Note(run, outcome.node, "read of " + KeyName(key) + ": '" + outcome.text + "'");
  }
  CheckValue(key, outcome, run);
  Pass(0, run);
}

void ClusterWorld::Apply(const Await& op, RunContext& run) {
  const size_t key = op.key.Of(ledger_.keys());
  const size_t node = written_at_[key];
  if (!clients_[node].keys.contains(key)) return;
  const auto ms = std::clamp<int64_t>(op.ms.value, 1, 2000);
  request_.clear();
  AppendRequest(&request_, {"WAIT", std::to_string(nodes_), std::to_string(ms)});
  const std::span<const resp::Reply> replies =
      Ask(clients_[node], node, request_, 1, ms + kPatienceMs);
  if (!replies.empty() && !replies[0].root().is_error()) {
    const int64_t count = replies[0].root().integer();
    WriteLedger::NodeSet shard = 0;
    int64_t others = -1;
    for (size_t i = 0; i < nodes_; ++i) {
      if (shard_of_[i] != shard_of_[node]) continue;
      shard |= WriteLedger::NodeSet{1} << i;
      ++others;
    }
    if (shards_known_ && others > 0 && count == others && !moving_[key]) {
      ledger_.Confirm(key, shard);
    }
    if (run.trace().on()) Note(run, node, "WAIT: " + std::to_string(count));
  }
  Pass(0, run);
}

void ClusterWorld::Apply(const Look& op, RunContext& run) {
  const size_t node = op.node.Of(nodes_);
  if (const std::optional<std::string> info = Command(node, {"CLUSTER", "INFO"})) {
    CheckEpoch(node, *info, run);
    if (run.trace().on()) Note(run, node, info->substr(0, info->find('\r')));
  }
  Pass(0, run);
}

void ClusterWorld::Apply(const Advance& op, RunContext& run) {
  Pass(std::min<int64_t>(op.ms.value, kLongestMs), run);
}

size_t ClusterWorld::EndOf(Index index) const {
  const size_t end = index.Of(nodes_ + 1);
  return end;
}

void ClusterWorld::SetHeld(size_t from, size_t to, bool held) {
  if (from == to || held_[from][to] == held) return;
  held_[from][to] = held;
  const size_t from_end = from == nodes_ ? ClusterServers::kClients : from;
  const size_t to_end = to == nodes_ ? ClusterServers::kClients : to;
  if (held) {
    Disturb();
    servers_->Hold(from_end, to_end);
  } else {
    servers_->Release(from_end, to_end);
  }
}

void ClusterWorld::Apply(const Hold& op, RunContext&) {
  SetHeld(EndOf(op.from), EndOf(op.to), /*held=*/true);
}

void ClusterWorld::Apply(const Release& op, RunContext& run) {
  SetHeld(EndOf(op.from), EndOf(op.to), /*held=*/false);
  Pass(0, run);
}

void ClusterWorld::Apply(const Isolate& op, RunContext&) {
  const size_t first = op.node.Of(nodes_);
  const size_t count = std::min(op.count.Of(nodes_), nodes_ - first);
  const auto inside = [&](size_t node) { return node >= first && node < first + count; };
  for (size_t i = 0; i < nodes_; ++i) {
    for (size_t j = 0; j < nodes_; ++j) {
      if (inside(i) != inside(j)) SetHeld(i, j, /*held=*/true);
    }
  }
}

void ClusterWorld::Apply(const Reset& op, RunContext& run) {
  const size_t a = op.a.Of(nodes_);
  const size_t b = op.b.Of(nodes_);
  if (a == b) return;
  Disturb();
  servers_->ResetLinks(a, b);
  Pass(0, run);
}

void ClusterWorld::Apply(const Kill& op, RunContext& run) {
  const size_t node = op.node.Of(nodes_);
  if (!servers_->up(node)) return;
  Disturb();
  if (config_.migrates) ledger_.ForgetAllHolders();
  if (op.power || !config_.log) ledger_.Gone(node);
  paused_until_us_[node] = 0;
  Disconnect(clients_[node]);
  servers_->Crash(node, op.power ? CrashKind::kMachine : CrashKind::kProcess);
  Note(run, node, op.power ? "loses power" : "is killed");
  Pass(0, run);
}

bool ClusterWorld::Launch(size_t node, RunContext& run) {
  std::string why;
  epochs_[node] = 0;
  // It may be a primary still, and its replicas take what it has: less than they have, unless one
  // of them has taken over.
  for (size_t key = 0; key < ledger_.keys(); ++key) {
    const WriteLedger::NodeSet holders = ledger_.Holders(key);
    if (holders == 0 || (holders >> node & 1) != 0) continue;
    bool taken_over = false;
    for (size_t i = 0; i < nodes_ && !taken_over; ++i) {
      if ((holders >> i & 1) == 0 || shard_of_[i] != shard_of_[node]) continue;
      const std::optional<ClusterView> view = ViewOf(i);
      const ClusterMember* const owner = view ? view->OwnerOf(SlotOfKey(KeyName(key))) : nullptr;
      taken_over = owner != nullptr && owner->myself;
    }
    if (!taken_over) ledger_.ForgetHolders(key);
  }
  const bool started = servers_->Start(node, &why);
  if (!servers_->error().empty()) return false;
  Note(run, node, started ? "starts" : why);
  return run.Check(started, "starts", NodeName(node) + " starts", why);
}

void ClusterWorld::Apply(const Restart& op, RunContext& run) {
  const size_t node = op.node.Of(nodes_);
  if (servers_->up(node)) return;
  Launch(node, run);
  Pass(0, run);
}

void ClusterWorld::Apply(const Pause& op, RunContext& run) {
  const size_t node = op.node.Of(nodes_);
  if (!servers_->up(node) || op.ms.value == 0) return;
  Disturb();
  servers_->Pause(node);
  paused_until_us_[node] =
      servers_->now_us() + std::min<int64_t>(op.ms.value * int64_t{10}, kLongestMs) * kUs;
  Note(run, node, "pauses");
}

void ClusterWorld::Apply(const Jump& op, RunContext&) {
  const int64_t ms = std::clamp<int64_t>(op.ms.value, -10'000, 10'000);
  Disturb();
  // Timers that were set before it jumped back are due so much later.
  extra_ms_ += 2 * std::abs(ms);
  servers_->JumpClock(op.node.Of(nodes_), ms);
}

void ClusterWorld::Apply(const Failover& op, RunContext& run) {
  const size_t node = op.node.Of(nodes_);
  std::optional<std::string> reply;
  if (op.mode == FailoverMode::kPlain) {
    reply = Command(node, {"CLUSTER", "FAILOVER"});
  } else {
    Disturb();
    for (size_t key = 0; key < ledger_.keys(); ++key) {
      if ((ledger_.Holders(key) >> node & 1) == 0) ledger_.ForgetHolders(key);
    }
    reply = Command(
        node, {"CLUSTER", "FAILOVER", op.mode == FailoverMode::kForce ? "FORCE" : "TAKEOVER"});
  }
  Note(run, node, "CLUSTER FAILOVER: " + reply.value_or("no reply"));
  Pass(0, run);
}

void ClusterWorld::Apply(const Replicate& op, RunContext& run) {
  const size_t node = op.node.Of(nodes_);
  const size_t of = op.of.Of(nodes_);
  if (node == of || !servers_->up(node)) return;
  const std::optional<std::string> reply = Command(node, {"CLUSTER", "REPLICATE", ids_[of]});
  Note(run, node, "CLUSTER REPLICATE: " + reply.value_or("no reply"));
  if (!reply || !reply->starts_with("-")) {
    if (!reply || config_.migrates) {
      shards_known_ = false;
      ledger_.ForgetAllHolders();
    }
    ledger_.Gone(node);
    shard_of_[node] = shard_of_[of];
  }
  Pass(0, run);
}

void ClusterWorld::Apply(const Forget& op, RunContext& run) {
  const size_t node = op.node.Of(nodes_);
  const size_t other = op.other.Of(nodes_);
  if (node == other || !servers_->up(node)) return;
  const std::optional<std::string> reply = Command(node, {"CLUSTER", "FORGET", ids_[other]});
  Note(run, node, "CLUSTER FORGET: " + reply.value_or("no reply"));
  if (!reply || !reply->starts_with("-")) {
    Disturb();
    elections_.AllowTwoWinners();
    if (forgotten_.empty()) extra_ms_ += kBarredMs;
    forgotten_.insert(other);
  }
  Pass(0, run);
}

void ClusterWorld::Apply(const Meet& op, RunContext& run) {
  const size_t node = op.node.Of(nodes_);
  Command(node, {"CLUSTER", "MEET", servers_->AddressOf(op.other.Of(nodes_)),
                 std::to_string(ClusterServers::kPort)});
  Pass(0, run);
}

void ClusterWorld::Apply(const Bump& op, RunContext& run) {
  const size_t node = op.node.Of(nodes_);
  const std::optional<std::string> reply = Command(node, {"CLUSTER", "BUMPEPOCH"});
  Note(run, node, reply.value_or("no reply"));
  Pass(0, run);
}

std::optional<ClusterView> ClusterWorld::ViewOf(size_t node) {
  const std::optional<std::string> text = Command(node, {"CLUSTER", "NODES"});
  return text ? ClusterView::Parse(*text) : std::nullopt;
}

// Returns how many steps were made.
size_t ClusterWorld::MoveSlot(size_t key, size_t to, size_t steps) {
  const std::string slot = std::to_string(SlotOfKey(KeyName(key)));
  size_t from = nodes_;
  for (size_t i = 0; i < nodes_; ++i) {
    const std::optional<ClusterView> view = ViewOf(i);
    const ClusterMember* const myself = view ? view->Myself() : nullptr;
    if (i == to && (myself == nullptr || !myself->primary)) return 0;
    if (myself != nullptr && myself->Owns(SlotOfKey(KeyName(key)))) from = i;
  }
  if (from == nodes_ || from == to) return 0;
  const std::string& source_id = ids_[from];
  const auto done = [&](size_t node, std::initializer_list<std::string_view> words) {
    const std::optional<std::string> reply = Command(node, words, kMoveMs);
    return reply && !reply->starts_with("-");
  };
  size_t made = 0;
  if (made == steps || !done(to, {"CLUSTER", "SETSLOT", slot, "IMPORTING", source_id})) return made;
  ++made;
  if (made == steps || !done(from, {"CLUSTER", "SETSLOT", slot, "MIGRATING", ids_[to]})) {
    return made;
  }
  ++made;
  if (made == steps ||
      !done(from, {"MIGRATE", servers_->AddressOf(to), std::to_string(ClusterServers::kPort), "",
                   "0", "1000", "REPLACE", "KEYS", KeyName(key)})) {
    return made;
  }
  ++made;
  if (made == steps || !done(to, {"CLUSTER", "SETSLOT", slot, "NODE", ids_[to]})) return made;
  ++made;
  if (made == steps || !done(from, {"CLUSTER", "SETSLOT", slot, "NODE", ids_[to]})) return made;
  return ++made;
}

void ClusterWorld::Apply(const Move& op, RunContext& run) {
  const size_t key = op.key.Of(ledger_.keys());
  const size_t to = moving_[key].value_or(op.to.Of(nodes_));
  ledger_.ForgetHolders(key);
  moved_ |= uint32_t{1} << key;
  const size_t steps = op.steps.UpTo(kMoveSteps);
  const size_t made = MoveSlot(key, to, steps);
  // What had no answer may have been done.
  moving_[key] = made == kMoveSteps ? std::nullopt : std::optional(to);
  // A slot has only a part of its data while it moves, and a fault then takes what was there.
  if (made > 0 && !ledger_.calm()) ledger_.Drop(key);
  if (run.trace().on()) {
    Note(run, to, "takes the slot of " + KeyName(key) + ": " + std::to_string(made) + " steps");
  }
  Pass(0, run);
}

void ClusterWorld::Apply(const Intrude& op, RunContext& run) {
  const size_t node = op.node.Of(nodes_);
  if (op.seed.value == 0 || !servers_->up(node)) return;
  const std::optional<ClusterView> view = ViewOf(node);
  if (!view) return;
  BusPeople people;
  for (const ClusterMember& member : view->members()) {
    people.nodes.push_back(cluster::NodeId::Of(member.id));
    people.epochs.push_back(member.epoch);
  }
  const std::vector<std::string> packets =
      MakeHostilePackets(static_cast<uint64_t>(op.seed.value), people);
  Disturb();
  hostile_ = true;
  const uint64_t connection = servers_->Dial(node, ClusterServers::kBusPort);
  for (const std::string& packet : packets) {
    if (run.trace().on()) {
      Note(run, node,
           "packet of type " + std::to_string(packet.size() > 13 ? packet[13] : 0) + ", " +
               std::to_string(packet.size()) + " bytes");
    }
    servers_->Send(connection, packet);
    Pass(1, run);
    if (run.violated() || !servers_->error().empty()) return;
  }
  servers_->Close(connection);
  Pass(0, run);
}

void ClusterWorld::Apply(const Heal&, RunContext& run) {
  if (hostile_) return;
  EndFaults(run);
  if (run.violated() || !servers_->error().empty()) return;
  EndMoves(run);
  if (run.violated() || !servers_->error().empty() || !Converge(run)) return;
  for (size_t key = 0; key < ledger_.keys(); ++key) {
    const Outcome outcome = Follow(0, {"GET", KeyName(key)});
    if (outcome.kind == Outcome::kDone) ledger_.Found(key, NumberOf(outcome.text));
  }
  LearnRoles();
  ledger_.Calm();
  Note(run, 0, "all is healed");
  Pass(0, run);
}

// --- The end.

void ClusterWorld::LearnRoles() {
  const std::optional<ClusterView> view = ViewOf(0);
  if (!view) return;
  for (const ClusterMember& member : view->members()) {
    const size_t node = NodeOfId(member.id);
    if (node < nodes_) shard_of_[node] = NodeOfId(member.primary ? member.id : member.replicates);
  }
  shards_known_ = true;
}

void ClusterWorld::EndFaults(RunContext& run) {
  for (size_t i = 0; i < nodes_; ++i) {
    if (std::exchange(paused_until_us_[i], 0) != 0) servers_->Resume(i);
  }
  for (size_t i = 0; i <= nodes_; ++i) {
    for (size_t j = 0; j <= nodes_; ++j) SetHeld(i, j, /*held=*/false);
  }
  // What was held arrives, and connections of clients that have missed replies end.
  for (size_t i = 0; i < nodes_; ++i) Disconnect(clients_[i]);
  Pass(0, run);
  for (size_t i = 0; i < nodes_ && !run.violated() && servers_->error().empty(); ++i) {
    if (!servers_->up(i)) Launch(i, run);
  }
  if (!forgotten_.empty()) MeetMissing();
  Pass(kLookMs, run);
}

// Nodes are introduced to those that they do not know. A replica that had forgotten a node which
// has then replaced its primary may go on following that (redis): it is told whom to follow.
void ClusterWorld::MeetMissing() {
  for (size_t i = 0; i < nodes_; ++i) {
    const std::optional<ClusterView> view = ViewOf(i);
    const ClusterMember* const myself = view ? view->Myself() : nullptr;
    const ClusterMember* const primary =
        myself != nullptr && !myself->primary ? view->Find(myself->replicates) : nullptr;
    if (primary != nullptr && !primary->primary && primary->replicates != myself->id) {
      Command(i, {"CLUSTER", "REPLICATE", primary->replicates});
    }
    for (size_t j = 0; view && j < nodes_; ++j) {
      if (view->Find(ids_[j]) != nullptr) continue;
      Command(i,
              {"CLUSTER", "MEET", servers_->AddressOf(j), std::to_string(ClusterServers::kPort)});
    }
  }
}

ClusterWorld::Problem ClusterWorld::WhyNotSettled(RunContext& run) {
  std::string agreed;
  for (size_t i = 0; i < nodes_; ++i) {
    request_.clear();
    AppendRequest(&request_, {"CLUSTER", "NODES"});
    AppendRequest(&request_, {"CLUSTER", "INFO"});
    AppendRequest(&request_, {"INFO", "replication"});
    const std::span<const resp::Reply> replies = Ask(clients_[i], i, request_, 3);
    if (replies.size() < 3) return {"serves", NodeName(i) + " does not answer"};
    const std::optional<ClusterView> view = ClusterView::Parse(replies[0].root().text());
    if (!view) return {"equal_views", NodeName(i) + " has a CLUSTER NODES of another form"};
    const std::string_view info = replies[1].root().text();
    const std::string_view replication = replies[2].root().text();
    CheckEpoch(i, info, run);
    if (const std::string why = view->WhyUnsettled(nodes_); !why.empty()) {
      const bool owner = why.contains("no owner") || why.contains("follows a");
      return {owner ? "one_owner" : "equal_views", "for " + NodeName(i) + " " + why};
    }
    if (i == 0) {
      agreed = view->Agreed();
    } else if (view->Agreed() != agreed) {
      return {"equal_views",
              "nodes 0 and " + std::to_string(i) + " see:\n" + agreed + "and:\n" + view->Agreed()};
    }
    if (!info.contains("cluster_state:ok")) return {"serves", NodeName(i) + " has not state ok"};
    if (!view->Myself()->primary && !replication.contains("master_link_status:up")) {
      return {"serves", NodeName(i) + " is not connected to its primary"};
    }
  }
  return {};
}

ClusterWorld::Problem ClusterWorld::WhyNotServed() {
  for (size_t i = 0; i < nodes_; ++i) {
    const size_t key = i % ledger_.keys();
    const std::string name = "{" + std::string(kTags[key]) + "}end";
    const Outcome outcome = Follow(i, {"SET", name, "1"});
    if (outcome.hops > 1) {
      return {"redirections_end", NodeName(i) + " redirects " + name + " " +
                                      std::to_string(outcome.hops) + " times: " + outcome.text};
    }
    if (outcome.kind != Outcome::kDone) {
      return {"serves", "a write at " + NodeName(i) + ": " + outcome.text};
    }
  }
  return {};
}

bool ClusterWorld::Converge(RunContext& run) {
  const int64_t until = servers_->now_us() + (kSettleMs + extra_ms_) * kUs;
  Problem problem;
  for (int good = 0; good < 2;) {
    problem = WhyNotSettled(run);
    if (problem.text.empty()) problem = WhyNotServed();
    if (run.violated() || !servers_->error().empty()) return false;
    good = problem.text.empty() ? good + 1 : 0;
    if (good == 0 && servers_->now_us() >= until) break;
    if (good == 0 && !forgotten_.empty()) {
      MeetMissing();
      Pass(9 * kLookMs, run);
    }
    if (good < 2) Pass(kLookMs, run);
    if (run.violated() || !servers_->error().empty()) return false;
  }
  if (!problem.text.empty()) {
    std::string expected =
        "it holds within " + std::to_string((kSettleMs + extra_ms_) / 1000) + " s of all healing";
    run.Check(false, problem.invariant, std::move(expected), problem.text);
    return false;
  }
  forgotten_.clear();
  extra_ms_ = 0;
  return true;
}

void ClusterWorld::EndMoves(RunContext& run) {
  if (moved_ == 0) return;
  // A target that imports does not see who takes over from the source (redis): the views need not
  // be equal yet.
  const int64_t until = servers_->now_us() + kSettleMs / 2 * kUs;
  while (servers_->now_us() < until && !WhyNotSettled(run).text.empty()) {
    Pass(kLookMs, run);
    if (run.violated() || !servers_->error().empty()) return;
  }
  for (size_t key = 0; key < ledger_.keys(); ++key) {
    if ((moved_ >> key & 1) == 0) continue;
    const std::string slot = std::to_string(SlotOfKey(KeyName(key)));
    if (moving_[key]) {
      // The target may have a successor, which has the data.
      size_t to = *moving_[key];
      const std::optional<ClusterView> view = ViewOf(to);
      const ClusterMember* const target = view ? view->Find(ids_[to]) : nullptr;
      if (target != nullptr && !target->primary) to = NodeOfId(target->replicates);
      if (to == nodes_ || MoveSlot(key, to, kMoveSteps) < kMoveSteps) ledger_.Drop(key);
      Pass(kLookMs, run);
    }
    // All are told who the owner is, as by redis-cli: a claim with a small epoch is not taken from
    // the bus. An owner that has lost power may have lost the slot (docs/cluster.md).
    size_t owner = nodes_;
    size_t seen_by_first = nodes_;
    std::vector<size_t> primaries;
    for (size_t i = 0; i < nodes_; ++i) {
      const std::optional<ClusterView> view = ViewOf(i);
      const ClusterMember* const myself = view ? view->Myself() : nullptr;
      if (myself == nullptr || !myself->primary) continue;
      primaries.push_back(i);
      if (myself->Owns(SlotOfKey(KeyName(key))) && owner == nodes_) owner = i;
      const ClusterMember* const seen = view->OwnerOf(SlotOfKey(KeyName(key)));
      if (seen != nullptr && seen_by_first == nodes_) seen_by_first = NodeOfId(seen->id);
    }
    if (owner == nodes_) {
      owner = seen_by_first;
      ledger_.Drop(key);
    }
    for (const size_t i : primaries) {
      Command(i, {"CLUSTER", "SETSLOT", slot, "STABLE"});
      if (owner < nodes_) Command(i, {"CLUSTER", "SETSLOT", slot, "NODE", ids_[owner]}, kMoveMs);
    }
    moving_[key].reset();
    if (owner < nodes_) Note(run, owner, "has the slot of " + KeyName(key));
  }
  Pass(kLookMs, run);
}

// The last writes that must be kept.
void ClusterWorld::CheckKept(RunContext& run) {
  for (size_t key = 0; key < ledger_.keys(); ++key) {
    const Outcome outcome = Follow(key % nodes_, {"GET", KeyName(key)});
    if (outcome.kind != Outcome::kDone) continue;
    CheckValue(key, outcome, run);
    const uint32_t must = ledger_.MustHave(key);
    const uint32_t found = NumberOf(outcome.text);
    run.Check(
        ledger_.Replaces(key, found, must), "keeps",
        [&] { return KeyName(key) + " is " + ledger_.Describe(must) + ", or later"; },
        [&] { return ledger_.Describe(found) + ", at " + NodeName(outcome.node); });
    if (run.violated()) return;
  }
}

void ClusterWorld::RestartAll(RunContext& run) {
  for (size_t i = 0; i < nodes_; ++i) {
    Disconnect(clients_[i]);
    servers_->Crash(i, CrashKind::kProcess);
  }
  ledger_.Disturb();
  ledger_.ForgetAllHolders();
  for (size_t i = 0; i < nodes_ && !run.violated() && servers_->error().empty(); ++i) {
    Launch(i, run);
  }
  Pass(kLookMs, run);
}

void ClusterWorld::Settle(RunContext& run) {
  if (run.violated() || !CheckLives(run)) return;
  EndFaults(run);
  if (run.violated() || !servers_->error().empty()) return;
  if (hostile_) {
    Pass(2 * kLookMs, run);
    if (!run.violated()) RestartAll(run);
    if (!run.violated()) Pass(4 * kLookMs, run);
    return;
  }
  EndMoves(run);
  if (run.violated() || !servers_->error().empty() || !Converge(run)) return;
  Note(run, 0, "all is settled");
  CheckKept(run);
  if (config_.restart && !run.violated()) {
    RestartAll(run);
    if (!run.violated() && servers_->error().empty()) Converge(run);
  }
  CheckLives(run);
}

}  // namespace resprobe
