#include "cachelab/hunt/stale_generate.h"

#include <array>
#include <cstddef>
#include <span>
#include <utility>

#include "engine/generate.h"

namespace resprobe::cachelab {
namespace {

using stale::Op;
using stale::Wait;

// Builds the ops of one case.
class Maker {
 public:
  Maker(uint64_t seed, const CasePlan& common, StaleCase* out) : gen_(seed, &arena_), case_(out) {
    case_->config = common.config;
    case_->ops.clear();
    const int left_out = std::max(common.keys - stale::kMostKeys, 0);
    case_->config.keys.value = common.keys - left_out;
    case_->config.first_key.value += Below(left_out + 1);
    keys_ = stale::KeysOf(case_->config);
    keys_.commands = common.commands;
    UseSomeKeys();
    shape_ = stale::ShapeOf(case_->config);
  }

  Gen& gen() { return gen_; }
  const KeyPlan& keys() const { return keys_; }
  const stale::PoolShape& shape() const { return shape_; }

  int Below(int n) { return static_cast<int>(gen_.rng().Below(static_cast<uint64_t>(n))); }
  bool Percent(int percent) { return Below(100) < percent; }
  Index AWorker() { return {static_cast<uint8_t>(Below(shape_.workers))}; }
  // One of the writers, if there are any.
  Index AWriter() { return {static_cast<uint8_t>(Below(std::max(shape_.writers, 1)))}; }
  Index AKey() { return gen_.rng().Pick(in_use_); }

  // 1 to 64.
  int RoundCount() { return 1 + Below(8 << Below(4)); }

  // The commands that fit the key. The first of a type reads or writes the whole value; the generic
  // ones are last.
  std::vector<int> CommandsFor(Index key, bool read) const {
    std::vector<int> fitting;
    for (size_t i = 0; i < LiveCommands().size(); ++i) {
      if (keys_.Fits(LiveCommands()[i], key.value, read)) fitting.push_back(static_cast<int>(i));
    }
    return fitting;
  }
  int ACommandFor(Index key, bool read) {
    const std::vector<int> fitting = CommandsFor(key, read);
    return Percent(50) ? fitting.front() : gen_.rng().Pick(fitting);
  }
  Index AMember() { return {static_cast<uint8_t>(Below(std::min(keys_.members, 256)))}; }

  stale::Read Read(Index worker, Index key, Wait wait) {
    return {.worker = worker,
            .key = key,
            .command = stale::ReadCommandOf(ACommandFor(key, true)),
            .member = AMember(),
            .wait = wait};
  }
  stale::DirectWrite DirectWrite(Index key) {
    return {
        .key = key, .command = stale::WriteCommandOf(ACommandFor(key, false)), .member = AMember()};
  }
  stale::CachedWrite CachedWrite(Index worker, Index key, bool wait) {
    return {.worker = worker,
            .key = key,
            .command = stale::WriteCommandOf(ACommandFor(key, false)),
            .member = AMember(),
            .wait = wait};
  }
  stale::Check Check(Index worker, Index key) {
    return {.worker = worker,
            .key = key,
            .command = stale::ReadCommandOf(ACommandFor(key, true)),
            .member = AMember()};
  }

  void Add(Op op) { case_->ops.push_back(op); }

 private:
  // A case uses all of its keys, or half of them, down to an eighth: with fewer keys, more of what
  // a round reads was cached by an earlier one.
  void UseSomeKeys() {
    for (int key = 0; key < keys_.keys; ++key) in_use_.push_back({static_cast<uint8_t>(key)});
    const auto count = static_cast<size_t>(std::max(keys_.keys >> Below(4), 1));
    for (size_t i = 0; i < count; ++i) {
      std::swap(in_use_[i], in_use_[i + gen_.rng().Below(in_use_.size() - i)]);
    }
    in_use_.resize(count);
  }

  Arena arena_;  // for the texts of ops; there are none
  Gen gen_;
  StaleCase* case_;
  KeyPlan keys_;
  std::vector<Index> in_use_;
  stale::PoolShape shape_;
};

// The steps of a race, with their weights before the swarm weights are applied.
enum RaceStep : uint8_t { kRead, kOvertaken, kLateDrop, kOwnWrite, kWrite, kSteps };
constexpr std::array<uint32_t, kSteps> kStepWeights = {50, 10, 5, 7, 28};

class RaceMaker {
 public:
  RaceMaker(Maker* make, const RacePlan& plan) : make_(*make), plan_(plan) {
    for (uint32_t step = 0; step < kSteps; ++step) {
      const bool possible = make->shape().writers > 0 || (step != kOvertaken && step != kLateDrop);
      // With so few kinds, a case that leaves one out is mostly a loss.
      weights_[step] = possible ? kStepWeights[step] * (1 + make->gen().Swarm(step)) : 0;
    }
    // Reads and writes are never rare: they make the races.
    weights_[kRead] += 20;
    weights_[kWrite] += 10;
  }

  void AddRound() {
    ops_.clear();
    std::vector<Index> hot = {make_.AKey()};
    if (const Index other = make_.AKey(); other != hot[0]) hot.push_back(other);
    const int steps = 3 + make_.Below(5);
    for (int i = 0; i < steps; ++i) AddStep(make_.gen().rng().Pick(hot));
    if (make_.Percent(plan_.flush_percent)) Insert(stale::Flush{.all = make_.Percent(50)});
    if (make_.Percent(plan_.kill_percent)) AddKill(hot);
    for (const Op& op : ops_) make_.Add(op);
    for (const Index key : hot) {
      for (int worker = 0; worker < make_.shape().workers; ++worker) {
        make_.Add(make_.Check({static_cast<uint8_t>(worker)}, key));
      }
    }
    // Check a key that this round did not touch.
    make_.Add(make_.Check(make_.AWorker(), make_.AKey()));
    make_.Add(stale::Settle{});
  }

 private:
  RaceStep AStep() {
    uint64_t total = 0;
    for (const uint32_t weight : weights_) total += weight;
    uint64_t left = make_.gen().rng().Below(total);
    size_t step = 0;
    while (left >= weights_[step]) left -= weights_[step++];
    return static_cast<RaceStep>(step);
  }

  void AddStep(Index key) {
    switch (AStep()) {
      case kRead:
        ops_.emplace_back(make_.Read(make_.AWorker(), key, Wait::kNo));
        return;
      case kOvertaken: {
        // A write overtakes a read's reply.
        const Index worker = make_.AWriter();
        ops_.emplace_back(make_.DirectWrite(key));
        ops_.emplace_back(stale::Barrier{});
        ops_.emplace_back(stale::Hold{
            .worker = worker,
            .point = make_.Percent(50) ? Failpoint::kBeforeReply : Failpoint::kBeforePut});
        ops_.emplace_back(make_.Read(worker, key, Wait::kHeld));
        ops_.emplace_back(make_.DirectWrite(key));
        return;
      }
      case kLateDrop: {
        // A worker has not processed its invalidations yet, while others read and write what it has
        // cached.
        const Index late = make_.AWriter();
        stale::Read read = make_.Read(late, key, Wait::kAnswer);
        if (make_.Percent(50)) ops_.emplace_back(read);
        ops_.emplace_back(stale::Hold{.worker = late, .point = Failpoint::kBeforeDrop});
        ops_.emplace_back(make_.CachedWrite(make_.AWorker(), key, true));
        read.worker = make_.AWorker();
        ops_.emplace_back(read);
        return;
      }
      case kOwnWrite: {
        const Index worker = make_.AWorker();
        ops_.emplace_back(make_.CachedWrite(worker, key, true));
        ops_.emplace_back(make_.Read(worker, key, Wait::kAnswer));
        return;
      }
      case kWrite:
      case kSteps:
        if (make_.Percent(60)) {
          ops_.emplace_back(make_.DirectWrite(key));
        } else {
          ops_.emplace_back(make_.CachedWrite(make_.AWorker(), key, false));
        }
        return;
    }
  }

  void AddKill(const std::vector<Index>& hot) {
    const bool writers = make_.shape().writers > 0;
    const Index victim = writers ? make_.AWriter() : make_.AWorker();
    const Op kill = writers && make_.Percent(50) ? Op(stale::KillConnection{.worker = victim})
                                                 : Op(stale::KillWorker{.worker = victim});
    if (make_.Percent(50)) {
      Insert(kill);
      return;
    }
    // Change the key that the victim has just read, and half of the time just cached: nothing is
    // cached after a write and a barrier.
    const Index key = make_.gen().rng().Pick(hot);
    if (make_.Percent(50)) {
      ops_.emplace_back(make_.DirectWrite(key));
      ops_.emplace_back(stale::Barrier{});
    }
    ops_.emplace_back(make_.Read(victim, key, Wait::kAnswer));
    ops_.push_back(kill);
    ops_.emplace_back(make_.DirectWrite(key));
  }

  void Insert(const Op& op) {
    const auto at = static_cast<std::ptrdiff_t>(make_.gen().rng().Below(ops_.size() + 1));
    ops_.insert(ops_.begin() + at, op);
  }

  Maker& make_;
  const RacePlan& plan_;
  std::array<uint32_t, kSteps> weights_;
  std::vector<Op> ops_;  // of the round
};

void AddKillRound(Maker& make, const KillPlan& plan) {
  Rng& rng = make.gen().rng();
  const int workers = make.shape().workers;
  const Index key = make.AKey();
  const Index victim = make.AWriter();
  const Index other = {static_cast<uint8_t>(
      workers == 1 ? 0 : (victim.value + 1 + make.Below(workers - 1)) % workers)};
  const bool client = plan.clients && (!plan.processes || make.Percent(50));
  std::vector<Failpoint> moments;
  if (plan.idle) moments.push_back(Failpoint::kNone);
  for (const Failpoint point : plan.points) {
    // A connection can only be killed at a failpoint where the worker can be held.
    if (!client || !IsUnderLock(point)) moments.push_back(point);
  }
  const Failpoint point = moments.empty() ? Failpoint::kNone : rng.Pick(moments);
  const stale::KillSignal signal = client ? stale::KillSignal{} : rng.Pick(plan.signals);

  const std::vector<int> writes = make.CommandsFor(key, false);
  const auto write = [&] {
    // A command that always changes the value: the first of its type.
    const stale::WriteCommand command = stale::WriteCommandOf(writes.front());
    if (plan.direct_writes && (!plan.cached_writes || make.Percent(50))) {
      make.Add(stale::DirectWrite{.key = key, .command = command, .member = make.AMember()});
    } else {
      make.Add(stale::CachedWrite{
          .worker = other, .key = key, .command = command, .member = make.AMember(), .wait = true});
    }
  };
  const stale::ReadCommand whole = stale::ReadCommandOf(make.CommandsFor(key, true).front());
  const auto read = [&](Index worker, Wait wait) {
    make.Add(stale::Read{.worker = worker, .key = key, .command = whole, .wait = wait});
  };
  const auto kill = [&] {
    if (client) {
      make.Add(stale::KillConnection{.worker = victim});
    } else {
      make.Add(stale::KillWorker{.worker = victim, .signal = signal});
    }
  };
  const auto arm = [&] {
    if (client) {
      make.Add(stale::Hold{.worker = victim, .point = point});
    } else {
      make.Add(stale::Arm{.worker = victim, .point = point, .signal = signal});
    }
  };

  // A value that grows with every write becomes too large for the cache eventually.
  for (const int command : writes) {
    if (LiveCommands()[static_cast<size_t>(command)].name() != "DEL") continue;
    make.Add(stale::DirectWrite{.key = key, .command = stale::WriteCommandOf(command)});
  }
  write();
  make.Add(stale::Barrier{});
  if (point == Failpoint::kNone) {
    read(victim, Wait::kAnswer);
    read(other, Wait::kHit);
    kill();
    write();
  } else if (point == Failpoint::kBeforeDrop) {
    read(victim, Wait::kAnswer);
    read(other, Wait::kHit);
    // The invalidation is read from the connection, and then the worker or connection is killed.
    arm();
    write();
    if (client) kill();
  } else {
    arm();
    read(victim, client ? Wait::kHeld : Wait::kAnswer);
    if (client) kill();
    write();
  }
  // All workers read the form that was in the cache, and one of them another form.
  for (int worker = 0; worker < workers; ++worker) {
    make.Add(stale::Check{.worker = {static_cast<uint8_t>(worker)}, .key = key, .command = whole});
  }
  make.Add(make.Check(other, key));
  make.Add(stale::Settle{});
}

}  // namespace

void GenerateRaces(uint64_t seed, const CasePlan& common, const RacePlan& plan, StaleCase* out) {
  Maker make(seed, common, out);
  RaceMaker races(&make, plan);
  for (int left = make.RoundCount(); left > 0; --left) races.AddRound();
}

void GenerateKills(uint64_t seed, const CasePlan& common, const KillPlan& plan, StaleCase* out) {
  Maker make(seed, common, out);
  for (int left = make.RoundCount(); left > 0; --left) AddKillRound(make, plan);
}

}  // namespace resprobe::cachelab
