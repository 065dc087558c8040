#include "live/model/paired_server.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/table/numbers.h"
#include "live/model/pair_state.h"
#include "live/net/resp_probe.h"

namespace resprobe::live {
namespace {

// A server that the target starts looks for expired keys at once.
const char* const kPrompt[] = {"--hz", "500"};

}  // namespace

std::unique_ptr<PairedServer> PairedServer::Open(const PairOptions& options, std::string* error) {
  PairOptions with = options;
  const bool own = !options.target.start.empty();
  const auto start_ms = static_cast<int64_t>(CoreSubject().now_ms());
  std::unique_ptr<ServerClock> clock = own ? ServerClock::Make(start_ms) : nullptr;
  if (own) {
    with.target.arguments.insert(with.target.arguments.begin(), std::begin(kPrompt),
                                 std::end(kPrompt));
  }
  if (clock != nullptr) with.target.environment = clock->environment();
  std::unique_ptr<LiveServer> target = LiveServer::Open(with.target, error);
  if (target == nullptr && clock != nullptr) {
    // It may not support preloading (AddressSanitizer must be first).
    clock.reset();
    with.target.environment.clear();
    std::string ignored;
    target = LiveServer::Open(with.target, &ignored);
  }
  if (target == nullptr) return nullptr;
  Profile profile = Profile::kRedis70;
  const bool exact = target->ProfileOf(&profile);
  if (options.profile) {
    profile = *options.profile;
  } else if (!exact) {
    *error = "there is no profile for " + target->version() +
             ": name the one to compare it with, such as --profile " +
             std::string(ProfileName(profile));
    return nullptr;
  }
  if (clock != nullptr) {
    constexpr int64_t kProbeMs = 1'234'567'000;
    clock->Set(kProbeMs);
    UniqueFd fd = target->Connect(error);
    if (!fd.valid()) return nullptr;
    RespProbe server(std::move(fd), options.hang_ms, target->stop());
    const std::optional<resp::ReplyView> time = server.Ask("TIME");
    const bool set = time && time->size() == 2 && (*time)[0].text() == "1234567";
    if (!set || !target->active_expiry_off()) clock.reset();
  }
  std::unique_ptr<PairedServer> pair(
      new PairedServer(std::move(target), std::move(clock), profile, options));
  return pair->Prepare(error) ? std::move(pair) : nullptr;
}

PairedServer::PairedServer(std::unique_ptr<LiveServer> target, std::unique_ptr<ServerClock> clock,
                           Profile profile, const PairOptions& options)
    : target_(std::move(target)),
      clock_(std::move(clock)),
      profile_(profile),
      restart_every_(options.restart_every),
      core_(ServerConfig{.profile = profile}),
      verdict_(target_.get(), options.hang_ms),
      control_(target_.get(), &verdict_),
      streams_(target_.get(), &core_, &verdict_, clock_ != nullptr),
      evictions_(core_.core(), &streams_, &verdict_) {}

bool PairedServer::Prepare(std::string* error) {
  if (verdict_.difference() && verdict_.difference()->fatal && target_->own() &&
      !target_->Restart(error))
    return false;
  verdict_.Clear();
  streams_.Clear();
  core_.Reset();
  target_->NewReport();
  if (clock_ != nullptr) clock_->Set(static_cast<int64_t>(core_.now_ms()));
  UniqueFd fd = target_->Connect(error);
  if (!fd.valid()) return false;
  int64_t tracked_keys = 0;
  if (!ParseInt64(target_->most_tracked(), &tracked_keys)) tracked_keys = 0;
  control_.Use(std::move(fd), static_cast<size_t>(tracked_keys));
  // Undo the probe's DEBUG SET-ACTIVE-EXPIRE 0: nothing expires here.
  if (clock_ == nullptr) control_.Ask("DEBUG SET-ACTIVE-EXPIRE 1");
  control_.Ask("CONFIG SET tracking-table-max-keys " + std::to_string(tracked_keys));
  const std::optional<resp::ReplyView> flushed = control_.Ask("FLUSHALL");
  if (flushed && flushed->text() == "OK") return true;
  *error = flushed ? "the server refuses FLUSHALL: " + std::string(flushed->text())
                   : "the server does not answer";
  verdict_.ForgetDifference();
  return false;
}

void PairedServer::BeginCase() {
  verdict_.Begin();
  phase_ = Phase::kNone;
}

void PairedServer::EndCase() { phase_ = Phase::kEnding; }

void PairedServer::Reset() {
  if (phase_ == Phase::kRunning) return Restart();
  if (phase_ == Phase::kEnding && verdict_.going()) ComparePairState(model(), &control_, &verdict_);
  CountExpired();
  core_.Reset();
  streams_.CloseAll();
  phase_ = phase_ == Phase::kNone ? Phase::kRunning : Phase::kNone;
  if (verdict_.difference() && verdict_.difference()->fatal) return;
  // Also after a difference: nothing of a case may reach the next one.
  control_.SetTrackedKeys(model().tracking_table_max_keys());
  if (clock_ != nullptr) clock_->Set(static_cast<int64_t>(core_.now_ms()));
  control_.Ask("FLUSHALL");
}

void PairedServer::CountExpired() {
  if (verdict_.going() && phase_ != Phase::kNone)
    verdict_.counts().expired += model().keyspace().expired();
}

void PairedServer::Restart() {
  CountExpired();
  core_.Reset();
  if (!verdict_.going()) return;
  verdict_.Note("the server is restarted", "restart");
  ++verdict_.counts().restarts;
  if (target_->own() && verdict_.counts().restarts % restart_every_ == 0) {
    ++verdict_.counts().processes;
    streams_.Clear();
    std::string error;
    if (target_->Restart(&error) && Prepare(&error)) return;
    if (target_->stop()()) {
      verdict_.Stop();
    } else {
      verdict_.DifferFatally("server does not start again").server = error;
    }
    return;
  }
  if (!target_->own()) {
    ++verdict_.counts().left_out["restart: all connections closed and FLUSHALL in its place"];
  }
  streams_.CloseAll();
  control_.SetTrackedKeys(model().tracking_table_max_keys());
  control_.Ask("FLUSHALL");
}

uint64_t PairedServer::Connect() {
  const uint64_t id = core_.Connect();
  if (!verdict_.going()) return id;
  verdict_.set_command("connect");
  streams_.Connect(id);
  return id;
}

void PairedServer::Close(uint64_t id) {
  core_.Close(id);
  PairConnection* const connection = streams_.Find(id);
  if (connection == nullptr) return;
  if (verdict_.going()) {
    verdict_.Note(std::to_string(id) + "> (hangs up)", "close");
    if (!connection->link.Close(verdict_.hang_ms())) verdict_.ServerFailed();
  }
  streams_.Erase(*connection);
}

void PairedServer::Receive(uint64_t id, std::string* append) {
  PairConnection* const connection = streams_.Find(id);
  if (connection != nullptr) {
    append->append(connection->received);
    connection->received.clear();
  }
  if (!verdict_.going() || connection == nullptr) core_.Receive(id, append);
}

void PairedServer::Send(uint64_t id, std::string_view bytes) {
  if (!core_.IsOpen(id)) return;
  PairConnection* const connection = streams_.Find(id);
  if (verdict_.going() && connection != nullptr)
    control_.SetTrackedKeys(model().tracking_table_max_keys());
  // Between requests it can be observed which keys are evicted when the table is full.
  const bool one_by_one = evictions_.small_table();
  while (!bytes.empty()) {
    if (!verdict_.going() || connection == nullptr) return core_.Send(id, bytes);
    const size_t size = one_by_one ? connection->requests.UpToEndOfRequest(bytes) : bytes.size();
    Turn(*connection, bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
}

void PairedServer::Turn(PairConnection& connection, std::string_view bytes) {
  const size_t whole = streams_.Send(connection, bytes);
  verdict_.counts().requests += whole;
  // Part of a request gets no reply.
  if (whole == 0 || !control_.Fence(evictions_.small_table())) return;
  EndTurn();
}

void PairedServer::EndTurn() {
  streams_.ReadAll();
  streams_.TakeModelOutput();
  evictions_.TakeEvictions();
  streams_.CompareTurn(/*any_order=*/false);
}

void PairedServer::Advance(uint64_t ms) {
  if (!verdict_.going()) return core_.Advance(ms);
  if (clock_ == nullptr) {
    for (int db = 0; db < model().keyspace().databases(); ++db) {
      const auto& keys = model().keyspace().keys(db);
      for (size_t i = 0; i < keys.size(); ++i) {
        const int64_t at = keys.at(i).value.expire_at();
        const auto now = static_cast<int64_t>(core_.now_ms());
        if (at == kNoExpiry || now + static_cast<int64_t>(ms) < at) continue;
        ms = static_cast<uint64_t>(std::max<int64_t>(at - now - 1, 0));
        ++verdict_.counts()
              .left_out["time that would let a key expire, on a server whose clock is its own"];
      }
    }
  }
  const uint64_t expired = model().keyspace().expired();
  core_.Advance(ms);
  if (clock_ == nullptr) return;
  verdict_.Note("time: " + std::to_string(ms) + " ms", "advance");
  clock_->Set(static_cast<int64_t>(core_.now_ms()));
  if (model().keyspace().expired() != expired) ExpireActively();
}

// The live server's own cycle deletes what the core's has deleted: all that has expired.
void PairedServer::ExpireActively() {
  control_.Ask("DEBUG SET-ACTIVE-EXPIRE 1");
  // Each round is a turn of its event loop; its cycle comes 500 times a second.
  for (int db = 0; db < model().keyspace().databases() && verdict_.going(); ++db) {
    if (db > 1 && model().keyspace().KeyCount(db) == 0) continue;
    control_.Ask("SELECT " + std::to_string(db));
    const auto all = static_cast<int64_t>(model().keyspace().KeyCount(db));
    const auto give_up =
        std::chrono::steady_clock::now() + std::chrono::milliseconds(verdict_.hang_ms());
    for (;;) {
      const std::optional<resp::ReplyView> size = control_.Ask("DBSIZE");
      if (!size || size->integer() <= all) break;
      if (target_->stop()()) {
        verdict_.Stop();
        break;
      }
      if (std::chrono::steady_clock::now() < give_up) continue;
      PairDifference& difference = verdict_.Differ("keys that expired are not deleted");
      difference.model = std::to_string(all) + " keys";
      difference.server = std::to_string(size->integer()) + " keys";
      break;
    }
  }
  control_.Ask("SELECT 0");
  control_.Ask("DEBUG SET-ACTIVE-EXPIRE 0");
  if (!verdict_.going() || !control_.Fence(evictions_.small_table())) return;
  streams_.ReadAll();
  streams_.TakeModelOutput();
  // Which of them goes first is the server's to choose.
  streams_.CompareTurn(/*any_order=*/true);
}

// A live server chooses by itself which key to evict. A DEL by a connection of no client leaves the
// same, and clients are told of it in the same way.
bool PairedServer::Evict(int database, std::string_view key) {
  const bool evicted = core_.Evict(database, key);
  if (!evicted || !verdict_.going()) return evicted;
  const std::string number = std::to_string(database);
  verdict_.Note("evicted from database " + number + ": " + std::string(key), "evict");
  ++verdict_.counts().left_out["eviction: DEL by a connection of our own in its place"];
  control_.Ask("SELECT " + number);
  control_.Ask("DEL " + std::string(key));
  control_.Ask("SELECT 0");
  if (control_.Fence(evictions_.small_table())) EndTurn();
  return true;
}

// On a live server the case cannot say how much of the stream has arrived at a replica.
ServerSubject* PairedServer::replica() {
  ++verdict_.counts().left_out["replica: the case runs on one server"];
  return nullptr;
}

}  // namespace resprobe::live
