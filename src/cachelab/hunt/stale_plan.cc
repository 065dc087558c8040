#include "cachelab/hunt/stale_plan.h"

#include <signal.h>

#include <algorithm>

namespace resprobe::live {
namespace {

using Kind = Action::Kind;

// The commands that fit the key.
std::vector<int> CommandsFor(const KeyPlan& keys, int key, bool read) {
  std::vector<int> fitting;
  for (size_t i = 0; i < LiveCommands().size(); ++i) {
    const LiveCommand& command = LiveCommands()[i];
    if (command.read != read || !keys.Allows(command)) continue;
    if (command.type == keys.TypeOf(key) || command.type == "generic") {
      fitting.push_back(static_cast<int>(i));
    }
  }
  return fitting;
}

class Maker {
 public:
  Maker(const KeyPlan& keys, Rng* rng) : keys_(keys), rng_(rng) {}

  Rng& rng() { return *rng_; }
  int Below(int n) { return static_cast<int>(rng_->Below(static_cast<uint64_t>(n))); }
  bool Percent(int percent) { return Below(100) < percent; }

  Action Of(Kind kind, int worker, int key, bool read) {
    Action action;
    action.kind = kind;
    action.worker = worker;
    action.key = key;
    const std::vector<int> commands = CommandsFor(keys_, key, read);
    // The first of a type reads or writes all of the value; the generic ones are the last.
    action.command = Percent(50) ? commands.front() : rng_->Pick(commands);
    action.member = Below(std::max(keys_.members, 1));
    return action;
  }
  Action Read(Kind kind, int worker, int key) { return Of(kind, worker, key, true); }
  Action Write(Kind kind, int worker, int key) { return Of(kind, worker, key, false); }

 private:
  const KeyPlan& keys_;
  Rng* rng_;
};

// All workers read the keys, each in a form of its own.
void AddChecks(Maker& make, int workers, const std::vector<int>& keys, Round* round) {
  for (const int key : keys) {
    for (int worker = 0; worker < workers; ++worker) {
      round->checks.push_back(make.Read(Kind::kRead, worker, key));
    }
  }
}

}  // namespace

Round MakeRace(const KeyPlan& keys, const RacePlan& plan, Rng* rng) {
  Maker make(keys, rng);
  Round round;
  std::vector<int> hot = {make.Below(keys.keys)};
  if (const int other = make.Below(keys.keys); other != hot[0]) hot.push_back(other);
  const auto writer_of = [&](int key) {
    (void)key;
    return make.Percent(60) ? kDriver : make.Below(plan.workers);
  };
  const int steps = 3 + make.Below(5);
  for (int i = 0; i < steps; ++i) {
    const int key = rng->Pick(hot);
    const int roll = make.Below(100);
    if (roll < 50) {
      round.actions.push_back(make.Read(Kind::kRead, make.Below(plan.workers), key));
    } else if (roll < 60 && plan.writers > 0) {
      // A read whose reply a write overtakes.
      Action read = make.Read(Kind::kHeldRead, make.Below(plan.writers), key);
      read.point = make.Percent(50) ? Failpoint::kBeforeReply : Failpoint::kBeforePut;
      round.actions.push_back(make.Write(Kind::kWrite, kDriver, key));
      round.actions.push_back({.kind = Kind::kBarrier});
      round.actions.push_back(read);
      round.actions.push_back(make.Write(Kind::kWrite, kDriver, key));
    } else if (roll < 65 && plan.writers > 0) {
      // A worker that has not taken its invalidations yet, while others read and write.
      round.actions.push_back({.kind = Kind::kArm,
                               .worker = make.Below(plan.writers),
                               .point = Failpoint::kBeforeDrop});
      round.actions.push_back(make.Write(Kind::kAwaitWrite, make.Below(plan.workers), key));
      round.actions.push_back(make.Read(Kind::kAwaitRead, make.Below(plan.workers), key));
    } else if (roll < 72) {
      const int worker = make.Below(plan.workers);
      round.actions.push_back(make.Write(Kind::kAwaitWrite, worker, key));
      round.actions.push_back(make.Read(Kind::kAwaitRead, worker, key));
    } else {
      round.actions.push_back(make.Write(Kind::kWrite, writer_of(key), key));
    }
  }
  const auto insert = [&](Action action) {
    const auto at = static_cast<std::ptrdiff_t>(rng->Below(round.actions.size() + 1));
    round.actions.insert(round.actions.begin() + at, action);
  };
  if (make.Percent(plan.flush_percent)) {
    insert({.kind = make.Percent(50) ? Kind::kFlushAll : Kind::kFlushDb});
  }
  if (make.Percent(plan.kill_percent)) {
    const bool client = plan.writers > 0 && make.Percent(50);
    const int victim = make.Below(client || plan.writers > 0 ? plan.writers : plan.workers);
    const Action kill =
        client ? Action{.kind = Kind::kKillClient, .worker = victim}
               : Action{.kind = Kind::kKillWorker, .worker = victim, .signal = SIGKILL};
    if (make.Percent(50)) {
      insert(kill);
    } else {
      // What the victim has just read changes.
      const int key = rng->Pick(hot);
      round.actions.push_back(make.Read(Kind::kAwaitRead, victim, key));
      round.actions.push_back(kill);
      round.actions.push_back(make.Write(Kind::kWrite, kDriver, key));
    }
  }
  AddChecks(make, plan.workers, hot, &round);
  // One that nothing was done to in this round.
  round.checks.push_back(make.Read(Kind::kRead, make.Below(plan.workers), make.Below(keys.keys)));
  return round;
}

Round MakeKill(const KeyPlan& keys, const KillPlan& plan, uint64_t i, Rng* rng, KillKind* kind) {
  Maker make(keys, rng);
  Round round;
  const int key = static_cast<int>(i % static_cast<uint64_t>(keys.keys));
  const int victim = make.Below(plan.writers);
  // Somebody else.
  const int other =
      plan.workers == 1 ? 0 : (victim + 1 + make.Below(plan.workers - 1)) % plan.workers;
  kind->client = plan.clients && (!plan.processes || make.Percent(50));
  std::vector<Failpoint> moments;
  if (plan.idle) moments.push_back(Failpoint::kNone);
  for (const Failpoint point : plan.points) {
    // A connection can be killed where the worker can wait meanwhile.
    if (!kind->client || !IsUnderLock(point)) moments.push_back(point);
  }
  kind->point = moments.empty() ? Failpoint::kNone : rng->Pick(moments);
  kind->signal = kind->client ? 0 : rng->Pick(plan.signals);

  const std::vector<int> writes = CommandsFor(keys, key, false);
  const auto write = [&] {
    const bool direct = plan.direct_writes && (!plan.cached_writes || make.Percent(50));
    // One that certainly changes the value: the first of its type.
    Action action = make.Write(Kind::kAwaitWrite, direct ? kDriver : other, key);
    if (direct) action.kind = Kind::kWrite;
    action.command = writes.front();
    round.actions.push_back(action);
  };
  const auto read = [&](Kind how, int worker) {
    Action action = make.Read(how, worker, key);
    action.command = CommandsFor(keys, key, true).front();
    action.member = 0;
    round.actions.push_back(action);
    return &round.actions.back();
  };
  const auto kill = [&] {
    if (kind->client) {
      round.actions.push_back({.kind = Kind::kKillClient, .worker = victim});
    } else {
      round.actions.push_back(
          {.kind = Kind::kKillWorker, .worker = victim, .signal = kind->signal});
    }
  };
  const auto arm = [&] {
    round.actions.push_back(
        {.kind = Kind::kArm, .worker = victim, .point = kind->point, .signal = kind->signal});
  };

  // What grows with every write is not cached for ever.
  for (const int command : writes) {
    if (LiveCommands()[static_cast<size_t>(command)].name() != "DEL") continue;
    round.actions.push_back(
        {.kind = Kind::kWrite, .worker = kDriver, .key = key, .command = command});
  }
  write();
  round.actions.push_back({.kind = Kind::kBarrier});
  if (kind->point == Failpoint::kNone || kind->point == Failpoint::kBeforeDrop) {
    read(Kind::kAwaitRead, victim);
    read(Kind::kConfirm, other);
    if (kind->point == Failpoint::kNone) {
      kill();
      write();
    } else {
      // The invalidation is taken from the connection, and then the end comes.
      arm();
      write();
      if (kind->client) kill();
    }
  } else if (kind->client) {
    read(Kind::kHeldRead, victim)->point = kind->point;
    kill();
    write();
  } else {
    arm();
    read(Kind::kAwaitRead, victim);
    write();
  }
  for (int worker = 0; worker < plan.workers; ++worker) {
    Action check = make.Read(Kind::kRead, worker, key);
    // The form that was in the cache, and another one.
    check.command = CommandsFor(keys, key, true).front();
    check.member = 0;
    round.checks.push_back(check);
  }
  round.checks.push_back(make.Read(Kind::kRead, other, key));
  return round;
}

}  // namespace resprobe::live
