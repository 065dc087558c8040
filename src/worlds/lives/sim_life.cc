#include "worlds/lives/sim_life.h"

#include <algorithm>
#include <utility>

#include "core/persistence/forwarding_files.h"
#include "sim/toxic.h"

namespace resprobe {
namespace {

using history::Life;

constexpr Network::Endpoint kServerAt = 0;
constexpr Network::Endpoint kClientsAt = 1;
constexpr int64_t kCronUs = 100'000;
// A server without faults answers within this time, which is far above all delays.
constexpr int64_t kPatienceUs = 10'000'000;
// How often the client that reads at the end looks whether the others are done.
constexpr int64_t kRestUs = 1000;
constexpr uint64_t kSimulation = 0x53494d;

class LifeWithoutFsync : public ForwardingFiles {
 public:
  using ForwardingFiles::ForwardingFiles;
  int Sync(int) override { return 0; }
  int SyncUpTo(int, uint64_t) override { return 0; }
};

// Remembers replies to GET, and gives every tenth GET of a key the reply that it remembers.
class StaleSubject : public ServerSubject {
 public:
  explicit StaleSubject(CoreSubject* real) : real_(*real) {}

  void Reset() override {
    real_.Reset();
    replies_.clear();
    stale_.clear();
  }
  uint64_t Connect() override { return real_.Connect(); }
  void Send(uint64_t connection, std::string_view bytes) override {
    constexpr std::string_view kGet = "*2\r\n$3\r\nGET\r\n";
    const bool reads = bytes.starts_with(kGet) && bytes.find('*', 1) == bytes.npos;
    if (!reads) return real_.Send(connection, bytes);
    std::string& remembered = replies_[std::string(bytes)];
    constexpr uint64_t kEvery = 10;
    if (!remembered.empty() && ++gets_ % kEvery == 0) {
      stale_[connection] += remembered;
      return;
    }
    real_.Send(connection, bytes);
    remembered.clear();
    real_.Receive(connection, &remembered);
    stale_[connection] += remembered;
  }
  void Receive(uint64_t connection, std::string* append) override {
    append->append(std::exchange(stale_[connection], {}));
    real_.Receive(connection, append);
  }
  bool HasOutput(uint64_t connection) const override {
    const auto at = stale_.find(connection);
    return (at != stale_.end() && !at->second.empty()) || real_.HasOutput(connection);
  }
  bool IsOpen(uint64_t connection) const override { return real_.IsOpen(connection); }
  void Close(uint64_t connection) override { real_.Close(connection); }
  void Advance(uint64_t ms) override { real_.Advance(ms); }
  uint64_t now_ms() const override { return real_.now_ms(); }
  void set_host(ServerHost* host) override { real_.set_host(host); }
  Server* core() override { return real_.core(); }

 private:
  CoreSubject& real_;
  std::map<std::string, std::string> replies_;
  std::map<uint64_t, std::string> stale_;
  uint64_t gets_ = 0;
};

}  // namespace

bool SimLives::StartServer() {
  ServerConfig config;
  config.profile = ProfileOf(options_.seed);
  const bool durable = options_.part == history::Part::kCrash;
  config.persistence.appendonly = durable;
  config.persistence.appendfsync = AppendFsync::kAlways;
  Server& server = *core_->core();
  server.Configure(config);
  node_.Start();
  if (durable && !server.Start(files_.get(), node_.process(), &log_)) {
    failure_ = "server does not start: " + log_.last;
    return false;
  }
  node_.Listen(kCronUs);
  return true;
}

SimLives::Result SimLives::Run(const Options& options) {
  options_ = options;
  rng_ = Rng(options.seed ^ kSimulation);
  rng_.Next();
  failure_.clear();
  scheduler_.Reset();
  scheduler_.set_tie_seed(rng_.Next() | 1);
  network_.Reset(2);
  network_.Attach(kClientsAt, this);
  // Milliseconds each way: about the same for all, or so different that much overlaps.
  Toxic delays[2];
  constexpr int64_t kJitterMs[] = {0, 2, 20};
  const int64_t jitter = rng_.Pick(kJitterMs);
  for (size_t i = 0; i < 2; ++i) {
    delays[i].direction = i == 0 ? ToxicDirection::kUpstream : ToxicDirection::kDownstream;
    delays[i].values[0] = 1 + jitter;
    delays[i].values[1] = jitter;
  }
  network_.SetToxics(kClientsAt, kServerAt, delays);
  constexpr uint64_t kThinkUs[] = {1, 500, 20'000};
  think_us_ = rng_.Pick(kThinkUs);
  choices_.Reset(rng_.Next());
  disk_.Reset({}, &choices_);
  if (options.plant == LifePlant::kNoFsync) {
    files_ = std::make_unique<LifeWithoutFsync>(&disk_files_);
  } else {
    files_ = std::make_unique<ForwardingFiles>(&disk_files_);
  }
  ServerConfig config;
  config.profile = ProfileOf(options.seed);
  server_.reset();
  core_ = std::make_unique<CoreSubject>(config);
  ServerSubject* subject = core_.get();
  if (options.plant == LifePlant::kStaleRead) {
    server_ = std::make_unique<StaleSubject>(core_.get());
    subject = server_.get();
  }
  node_.Reset(&scheduler_, &network_, kServerAt, subject, &disk_);
  life_.emplace(history::LifeOptions{.workload = {.seed = options.seed,
                                                  .clients = options.clients,
                                                  .keys = options.keys,
                                                  .profile = config.profile},
                                     .part = options.part,
                                     .operations = options.operations});
  ends_.assign(life_->slots(), End::kNone);
  heard_us_ = 0;
  if (StartServer()) {
    for (uint32_t slot = 0; slot < life_->slots(); ++slot) Dial(slot);
  }
  while (failure_.empty() && !life_->over()) {
    if (!scheduler_.RunNext()) {
      failure_ = "no event is left, and clients wait";
    } else if (life_->CrashIsDue()) {
      Crash();
    } else if (scheduler_.now_us() - heard_us_ > kPatienceUs) {
      failure_ = "a client has waited for " + std::to_string(kPatienceUs / 1'000'000) + " s";
    }
  }
  const history::History& seen = life_->Finish();
  return {seen, life_->counts(), std::move(failure_)};
}

std::optional<uint32_t> SimLives::SlotOf(End end) const {
  const auto at = std::ranges::find(ends_, end);
  if (at == ends_.end()) return std::nullopt;
  return static_cast<uint32_t>(at - ends_.begin());
}

void SimLives::Dial(uint32_t slot) { ends_[slot] = network_.Dial(kClientsAt, kServerAt); }

void SimLives::Strangers(uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) {
    const End end = network_.Dial(kClientsAt, kServerAt);
    if (i % 2 == 1) network_.Send(end, "*2\r\n$4\r\nECHO\r\n$10\r\nhal");
    network_.Close(end, i % 3 == 0 ? Network::Farewell::kReset : Network::Farewell::kFin);
  }
}

void SimLives::Act(uint32_t slot) {
  const Life::Turn turn = life_->Next(slot, NowUs());
  switch (turn.step) {
    case Life::Turn::Step::kRest:
      // The one that reads at the end asks again.
      if (slot == 0) ActLater(slot, kRestUs);
      return;
    case Life::Turn::Step::kOver:
      return;
    case Life::Turn::Step::kReconnect:
      network_.Close(std::exchange(ends_[slot], End::kNone));
      Strangers(turn.strangers);
      Dial(slot);
      return;
    case Life::Turn::Step::kCut: {
      const End end = std::exchange(ends_[slot], End::kNone);
      network_.Send(end, turn.bytes);
      network_.Close(end, rng_.OneIn(2) ? Network::Farewell::kFin : Network::Farewell::kReset);
      life_->Lost(slot);
      Dial(slot);
      return;
    }
    case Life::Turn::Step::kSend:
      network_.Send(ends_[slot], turn.bytes);
      return;
  }
}

void SimLives::ActLater(uint32_t slot, int64_t least_us) {
  scheduler_.After(least_us + static_cast<int64_t>(1 + rng_.Below(think_us_)), this,
                   static_cast<uint64_t>(life_->counts().crashes) << 32 | slot);
}

void SimLives::OnDue(uint64_t tag) {
  // What was planned before a crash is over with it.
  if (tag >> 32 != life_->counts().crashes) return;
  const auto slot = static_cast<uint32_t>(tag);
  if (ends_[slot] != End::kNone && !life_->waits(slot)) Act(slot);
}

void SimLives::OnConnected(End end) {
  if (const std::optional<uint32_t> slot = SlotOf(end)) ActLater(*slot);
}

void SimLives::OnBytes(End end, std::string_view bytes) {
  const std::optional<uint32_t> slot = SlotOf(end);
  if (!slot) return;
  heard_us_ = scheduler_.now_us();
  switch (life_->Arrived(*slot, bytes, NowUs())) {
    case Life::Heard::kWaits:
      return;
    case Life::Heard::kIdle:
      return ActLater(*slot);
    case Life::Heard::kBroken:
      failure_ = "server sends what is no reply";
  }
}

void SimLives::OnEnd(End end, Network::Farewell, bool) {
  network_.Close(end);
  const std::optional<uint32_t> slot = SlotOf(end);
  if (!slot) return;
  // In a life without a crash the server closes nothing by itself.
  failure_ = "server closes a connection";
}

void SimLives::Crash() {
  for (const End end : ends_) {
    if (end != End::kNone && network_.Exists(end)) network_.Close(end, Network::Farewell::kReset);
  }
  node_.Crash(rng_.OneIn(2) ? CrashKind::kMachine : CrashKind::kProcess);
  std::ranges::fill(ends_, End::kNone);
  life_->Crashed(NowUs());
  // The new process is a moment of its own.
  scheduler_.RunUntil(scheduler_.now_us() + 1);
  heard_us_ = scheduler_.now_us();
  if (!StartServer()) return;
  for (uint32_t slot = 0; slot < life_->slots(); ++slot) Dial(slot);
}

}  // namespace resprobe
