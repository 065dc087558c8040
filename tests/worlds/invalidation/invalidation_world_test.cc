#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "core/server/server.h"
#include "engine/op_source.h"
#include "gtest/gtest.h"
#include "tests/worlds/faulty_subject.h"
#include "worlds/invalidation/invalidation_harness.h"

namespace resprobe {
namespace {

using Harness = OpsHarness<InvalidationWorld>;
using cache::Policy;

std::string Run(Harness& harness, std::string_view ops) {
  std::string error;
  const std::optional<Tape> tape = harness.Parse("ops invalidation\n" + std::string(ops), &error);
  EXPECT_TRUE(tape.has_value()) << error;
  if (!tape) return error;
  RunContext run;
  harness.Run(*tape, run);
  return run.violated() ? run.violation().invariant : "";
}

// Changes what the clients receive. `hidden`: the world cannot inspect the server, as with a
// foreign one; so a fault that `cached_implies_tracked` would detect at once shows later.
class Fault : public FaultySubject {
 public:
  using Alter = std::function<std::string(std::string)>;
  explicit Fault(bool hidden, Alter alter = nullptr) : hidden_(hidden), alter_(std::move(alter)) {}

  Server* core() override { return hidden_ ? nullptr : FaultySubject::core(); }
  std::string Altered(uint64_t, std::string received) override {
    return alter_ && !received.empty() ? alter_(std::move(received)) : received;
  }

 private:
  bool hidden_;
  Alter alter_;
};

std::string RunWith(Fault fault, const Policy& policy, std::string_view ops) {
  Harness harness(std::in_place, &fault, policy);
  return Run(harness, ops);
}

Fault::Alter Replace(std::string from, std::string to) {
  return [from = std::move(from), to = std::move(to)](std::string bytes) {
    const size_t at = bytes.find(from);
    return at == bytes.npos ? bytes : bytes.replace(at, from.size(), to);
  };
}

// Drops the pushes that name k0.
Fault::Alter DropPushes() { return Replace(">2\r\n$10\r\ninvalidate\r\n*1\r\n$2\r\nk0\r\n", ""); }

// Client 0 has read k0, then client 1 has changed it, and everything has arrived.
constexpr std::string_view kOvertaken =
    "config clients=1\n"
    "read client=0 key=0\n"
    "deliver client=0 direction=both bytes=all\n"
    "write client=1 kind=set key=0 ms=1\n"
    "deliver client=1 direction=both bytes=all\n"
    "deliver client=0 direction=both bytes=all\n";
std::string Then(std::string_view more) { return std::string(kOvertaken) + std::string(more); }

TEST(InvalidationWorldTest, SeedsAreClean) {
  Harness harness;
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    const Tape tape = harness.Generate(seed);
    RunContext run;
    harness.Run(tape, run);
    ASSERT_FALSE(run.violated()) << "seed " << seed << ": " << run.violation().invariant << ", "
                                 << run.violation().expected << ", " << run.violation().seen << "\n"
                                 << harness.Show(tape);
  }
}

TEST(InvalidationWorldTest, SeedsReachWhatTheyAreFor) {
  Harness harness;
  RunContext run(Trace::Mode::kText);
  for (uint64_t seed = 0; seed < 400; ++seed) harness.Run(harness.Generate(seed), run);
  for (const std::string_view sign : {", cached",
                                      " hits k",
                                      " hits h",
                                      "= nil",
                                      "\"invalidate\", [\"k0\"]",
                                      "\"invalidate\", (nil)",
                                      "FLUSHDB",
                                      "BCAST",
                                      "CLIENT CACHING YES",
                                      "CLIENT CACHING NO",
                                      "REDIRECT",
                                      "SUBSCRIBE",
                                      "MGET",
                                      "SELECT 1",
                                      "EXEC",
                                      "RESET",
                                      "starts again",
                                      "output limit",
                                      "primary evicts k",
                                      "primary evicts h",
                                      "primary replicates SET",
                                      "replica makes 2",
                                      "primary dies; the replica takes its place without 1",
                                      "sees the end of wire 1",
                                      "tracking-redir-broken",
                                      "on wire 1"}) {
    EXPECT_NE(run.trace().text().find(sign), std::string::npos) << sign;
  }
}

// No state of a run is visible in the next one.
TEST(InvalidationWorldTest, RunsDoNotSeeEachOther) {
  Harness reused;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Harness fresh;
    const Tape tape = fresh.Generate(seed);
    RunContext one(Trace::Mode::kHash);
    fresh.Run(tape, one);
    RunContext other(Trace::Mode::kHash);
    reused.Run(tape, other);
    ASSERT_EQ(one.trace().hash(), other.trace().hash()) << "seed " << seed;
  }
}

// Hands the ops of a stream on, and notes the most that the world has held.
class Watched {
 public:
  Watched(uint64_t seed, const InvalidationWorld* world) : stream_(seed), world_(world) {}
  const InvalidationWorld::Config& config() const { return stream_.config(); }
  const InvalidationWorld::Op* Next() {
    most_ = std::max(most_, world_->held());
    sent_ = world_->sent();
    return stream_.Next();
  }
  size_t most() const { return most_; }
  uint64_t sent() const { return sent_; }

 private:
  SeedStream<InvalidationWorld> stream_;
  const InvalidationWorld* world_;
  size_t most_ = 0;
  uint64_t sent_ = 0;
};

TEST(InvalidationWorldTest, AStreamNeedsBoundedMemory) {
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    InvalidationWorld world;
    Watched watched(seed, &world);
    RunContext run;
    RunSource(world, watched, run, 100'000);
    EXPECT_FALSE(run.violated()) << seed << " " << run.violation().invariant << ": "
                                 << run.violation().expected << " / " << run.violation().seen;
    // Each client forgets from kMuch on.
    constexpr size_t kMuch = invalidation::ClientRequests::kMuch;
    EXPECT_LT(watched.most(), InvalidationWorld::kMaxClients * (kMuch + kMuch / 2)) << seed;
    EXPECT_GT(watched.sent(), 2 * InvalidationWorld::kMaxClients * kMuch) << seed;
  }
}

TEST(InvalidationWorldTest, TheScenarioIsSoundWithoutAFault) {
  for (const std::string_view more : {"", "read client=0 key=0\n", "barrier\n"}) {
    EXPECT_EQ(RunWith(Fault(false), {}, Then(more)), "");
    EXPECT_EQ(RunWith(Fault(true), {}, Then(more)), "");
  }
}

TEST(InvalidationWorldTest, Coverage) {
  EXPECT_EQ(RunWith(Fault(false, DropPushes()), {}, kOvertaken), "cached_implies_tracked");
  EXPECT_EQ(RunWith(Fault(false), {.drop_invalidated = false}, kOvertaken),
            "cached_implies_tracked");
  EXPECT_EQ(RunWith(Fault(false), {.poison_pending = false},
                    "config noloop=yes\nread client=0 key=0\nwrite client=0 kind=set key=0 ms=1\n"),
            "cached_implies_tracked");
}

// The server evicts a key without a notification while a client holds it, in each mode. With NOLOOP
// too, since no client's command is running.
TEST(InvalidationWorldTest, Evictions) {
  class InSilence : public FaultySubject {
   public:
    bool Evict(int database, std::string_view key) override {
      return core()->keyspace().Remove(database, key);
    }
  };
  constexpr std::string_view kOps =
      "write client=0 kind=set key=0\nbarrier\nread client=0 key=0\ndeliver client=0 bytes=all\n"
      "evict key=0\nbarrier\nread client=0 key=0\n";
  for (const std::string_view config :
       {"", "mode=bcast", "mode=optin", "mode=optout", "noloop=yes", "wires=two"}) {
    const std::string ops = "config " + std::string(config) + "\n" + std::string(kOps);
    EXPECT_EQ(RunWith(Fault(false), {}, ops), "") << config;
    InSilence silent;
    Harness harness(std::in_place, &silent, Policy());
    EXPECT_EQ(resprobe::Run(harness, ops), "cached_implies_tracked") << config;
  }
  // The key of the same name in the other database stays.
  EXPECT_EQ(RunWith(Fault(false), {}, std::string(kOps) + "evict key=0 db=1\n"), "");
}

// The trace of a run.
std::string TraceOf(std::string_view ops) {
  Harness harness;
  std::string error;
  const std::optional<Tape> tape = harness.Parse("ops invalidation\n" + std::string(ops), &error);
  EXPECT_TRUE(tape.has_value()) << error;
  RunContext run(Trace::Mode::kText);
  if (tape) harness.Run(*tape, run);
  EXPECT_FALSE(run.violated()) << run.violation().invariant << ": " << run.violation().seen << "\n"
                               << run.trace().text();
  return run.trace().text();
}

// Client 1 reads from the replica, which has not received the write yet; when it does, it notifies
// the client.
TEST(InvalidationWorldTest, AReplicaLags) {
  const std::string trace = TraceOf(
      "config clients=1 replica=reads\nwrite client=1 kind=set key=0\ndeliver client=0\n"
      "read client=1 key=0\ndeliver client=1\nread client=1 key=0\nreplicate bytes=5\n"
      "read client=1 key=0\nreplicate\ndeliver client=1\nread client=1 key=0\ndeliver client=1\n");
  size_t at = 0;
  for (const std::string_view step :
       {"c0 sends SET k0 v1", "primary replicates SET k0 v1", "c1 reads k0 = nil, cached",
        "c1 hits k0 = nil", "replica makes 0 of 1", "c1 hits k0 = nil", "replica makes 1 of 1",
        "[\"invalidate\", [\"k0\"]] to c1", "c1 holds nothing", "c1 reads k0 = v1, cached"}) {
    at = trace.find(step, at);
    ASSERT_NE(at, std::string::npos) << step << "\n" << trace;
  }
}

// An expired key is hidden on the replica, and deleted there by the primary's DEL.
TEST(InvalidationWorldTest, AReplicaLeavesExpiryToItsPrimary) {
  const std::string trace = TraceOf(
      "config clients=1 replica=reads\nwrite client=0 kind=setpx key=0 ms=5\ndeliver client=0\n"
      "replicate\nread client=1 key=0\ndeliver client=1\nadvance ms=6\n"
      "read client=1 key=0 how=uncached\ndeliver client=1\nread client=1 key=0\ndeliver client=1\n"
      "read client=0 key=0\ndeliver client=0\nreplicate\ndeliver client=1\n");
  size_t at = 0;
  for (const std::string_view step :
       {"primary replicates SET k0 v1 PXAT 1700000000005", "c1 reads k0 = v1, cached",
        "c1 reads k0 = nil", "c1 reads k0 = nil, cached", "primary replicates DEL k0",
        "replica makes 1 of 1", "[\"invalidate\", [\"k0\"]] to c1", "c1 holds nothing"}) {
    at = trace.find(step, at);
    ASSERT_NE(at, std::string::npos) << step << "\n" << trace;
  }
}

// What had not arrived is lost, even if the client has read it; it may be written again.
constexpr std::string_view kFailover =
    "write client=0 kind=set key=0\nbarrier\nwrite client=0 kind=set key=0\ndeliver client=0\n"
    "read client=0 key=0\ndeliver client=0\nread client=0 key=0\nfailover\n"
    "deliver client=0\nconnect client=0\ndeliver client=0\nconnect client=0\ndeliver client=0 "
    "wire=1\n"
    "deliver client=0\n"
    "read client=0 key=0\ndeliver client=0\nread client=0 key=0\n"
    "write client=0 kind=set key=0\nbarrier\nread client=0 key=0\nbarrier\n";
TEST(InvalidationWorldTest, AFailoverTakesWritesBack) {
  for (const std::string_view config :
       {"", "mode=bcast", "mode=optin", "noloop=yes", "wires=two", "wires=two-resp2",
        "clients=1 shared=yes", "replay=yes", "small_table=yes"}) {
    const std::string trace =
        TraceOf("config " + std::string(config) + " replica=standby\n" + std::string(kFailover));
    size_t at = 0;
    for (const std::string_view step :
         {"c0 reads k0 = v2, cached", "c0 hits k0 = v2",
          "primary dies; the replica takes its place without 1", "c0 sees the end",
          "c0 holds nothing", "c0 reads k0 = v1, cached", "c0 hits k0 = v1",
          "c0 reads k0 = v3, cached"}) {
      at = trace.find(step, at);
      ASSERT_NE(at, std::string::npos) << config << ": " << step << "\n" << trace;
    }
  }
}

// Clients that read from the replica stay connected, and keep their entries.
TEST(InvalidationWorldTest, AFailoverLeavesTheReplicasClientsAlone) {
  const std::string trace = TraceOf(
      "config clients=1 replica=reads\nread client=1 key=0\ndeliver client=1\nfailover\n"
      "read client=1 key=0\nwrite client=1 kind=set key=0\ndeliver client=1\n"
      "read client=1 key=0\nbarrier\n");
  EXPECT_NE(trace.find("c1 hits k0 = nil"), std::string::npos) << trace;
  EXPECT_NE(trace.find("c1 sends SET k0 v1"), std::string::npos) << trace;
  EXPECT_EQ(trace.find("c1 sees the end"), std::string::npos) << trace;
}

// A restart resets the replica, and what has arrived of its stream is discarded.
TEST(InvalidationWorldTest, AReplicaFollowsARestart) {
  TraceOf(
      "config clients=1 replica=reads\nwrite client=0 kind=set key=0\ndeliver client=0\nreplicate\n"
      "read client=1 key=0\ndeliver client=1\nwrite client=0 kind=set key=1\ndeliver client=0\n"
      "replicate bytes=7\nrestart\nread client=1 key=0\nreplicate\nbarrier\nconnect client=0\n"
      "write client=0 kind=set key=0\nbarrier\nread client=1 key=0\nbarrier\n");
}

// A replica that ignores the commands of its primary, and one that runs them without notifying
// clients.
TEST(InvalidationWorldTest, Replicas) {
  class Deaf : public FaultyReplica {
   public:
    Deaf(ServerSubject* real, bool silent) : FaultyReplica(real), silent_(silent) {}
    void Send(uint64_t connection, std::string_view bytes) override {
      const Client* const client = core()->FindClient(connection);
      const bool command = client != nullptr && client->primary && core()->link().streams();
      if (command && silent_) core()->keyspace().set_observer(nullptr);
      if (!command || silent_) FaultyReplica::Send(connection, bytes);
    }

   private:
    bool silent_;
  };
  class WithReplica : public FaultySubject {
   public:
    explicit WithReplica(bool silent) : replica_(FaultySubject::replica(), silent) {}
    ServerSubject* replica() override { return &replica_; }

   private:
    Deaf replica_;
  };
  constexpr std::string_view kOps =
      "config clients=1 replica=reads\nread client=1 key=0\ndeliver client=1\n"
      "write client=0 kind=set key=0\ndeliver client=0\n";
  for (const bool silent : {false, true}) {
    WithReplica subject(silent);
    Harness harness(std::in_place, &subject, Policy());
    EXPECT_EQ(resprobe::Run(harness, kOps), "cached_implies_tracked");
    // Its undelivered data does not appear in the next run, which has no replica.
    EXPECT_EQ(resprobe::Run(harness, "config clients=1\nwrite client=1 kind=set key=0\nbarrier\n"),
              "");
  }
  WithReplica subject(false);
  Harness harness(std::in_place, &subject, Policy());
  EXPECT_EQ(resprobe::Run(harness, "config replica=standby\nwrite client=0 kind=set key=0\n"),
            "server_value");
}

TEST(InvalidationWorldTest, NoStaleAfterBarrier) {
  EXPECT_EQ(RunWith(Fault(true, DropPushes()), {}, Then("barrier\n")), "no_stale_after_barrier");
  // The end of a run is a barrier too.
  EXPECT_EQ(RunWith(Fault(true, DropPushes()), {}, kOvertaken), "no_stale_after_barrier");
  // A key that has expired.
  EXPECT_EQ(RunWith(Fault(true, DropPushes()), {},
                    "config clients=1\nwrite client=1 kind=setpx key=0 ms=5\n"
                    "deliver client=1 direction=both bytes=all\nread client=0 key=0\n"
                    "deliver client=0 direction=both bytes=all\nadvance ms=6\nbarrier\n"),
            "no_stale_after_barrier");
}

TEST(InvalidationWorldTest, BoundedStaleness) {
  EXPECT_EQ(RunWith(Fault(true), {.drop_invalidated = false}, Then("read client=0 key=0\n")),
            "bounded_staleness");
}

TEST(InvalidationWorldTest, ReadYourWrites) {
  EXPECT_EQ(RunWith(Fault(true), {.drop_own_writes = false, .noloop = true},
                    "read client=0 key=0\ndeliver client=0 direction=both bytes=all\n"
                    "write client=0 kind=set key=0 ms=1\n"
                    "deliver client=0 direction=both bytes=all\nread client=0 key=0\n"),
            "read_your_writes");
}

TEST(InvalidationWorldTest, MonotonicReads) {
  // Two reads in one pipeline, between which the key changes; the first reply is cached and stays,
  // and the push between the replies is missing.
  EXPECT_EQ(RunWith(Fault(true, DropPushes()), {.newest_read_wins = false},
                    "config clients=1\nread client=0 key=0\n"
                    "deliver client=0 direction=to-server bytes=all\n"
                    "write client=1 kind=set key=0 ms=1\n"
                    "deliver client=1 direction=both bytes=all\nread client=0 key=0\n"
                    "deliver client=0 direction=both bytes=all\nread client=0 key=0\n"),
            "monotonic_reads");
}

TEST(InvalidationWorldTest, NoDeadEpochHit) {
  EXPECT_EQ(RunWith(Fault(true), {.flush_on_loss = false},
                    "read client=0 key=0\ndeliver client=0 direction=both bytes=all\n"
                    "disconnect client=0 reset=yes\n"
                    "deliver client=0 direction=both bytes=all\nconnect client=0\n"
                    "deliver client=0 direction=both bytes=all\nread client=0 key=0\n"),
            "no_dead_epoch_hit");
  EXPECT_EQ(RunWith(Fault(true), {.flush_on_null_push = false},
                    "config clients=1\nread client=0 key=0\n"
                    "deliver client=0 direction=both bytes=all\n"
                    "write client=1 kind=flushall key=0 ms=1\n"
                    "deliver client=1 direction=both bytes=all\n"
                    "deliver client=0 direction=both bytes=all\nread client=0 key=0\n"),
            "no_dead_epoch_hit");
}

TEST(InvalidationWorldTest, Framing) {
  constexpr std::string_view kRead =
      "read client=0 key=0\ndeliver client=0 direction=both bytes=all\n";
  EXPECT_EQ(RunWith(Fault(false, Replace("_\r\n", "")), {}, kRead), "framing");
  EXPECT_EQ(RunWith(Fault(false, Replace("_\r\n", "_\r\n_\r\n")), {}, kRead), "framing");
  EXPECT_EQ(RunWith(Fault(false, Replace("_\r\n", "?\r\n")), {}, kRead), "framing");
  EXPECT_EQ(RunWith(Fault(false, Replace("_\r\n", "_\r\n>1\r\n+hm\r\n")), {}, kRead), "framing");
  EXPECT_EQ(RunWith(Fault(false, Replace("$2\r\nk0\r\n", "$2\r\nzz\r\n")), {}, kOvertaken),
            "framing");
}

TEST(InvalidationWorldTest, ServerValue) {
  constexpr std::string_view kRead =
      "read client=0 key=0\ndeliver client=0 direction=both bytes=all\n";
  EXPECT_EQ(RunWith(Fault(false, Replace("_\r\n", "$2\r\nv9\r\n")), {}, kRead), "server_value");
  EXPECT_EQ(RunWith(Fault(false, Replace("_\r\n", "-ERR no\r\n")), {}, kRead), "server_value");
  EXPECT_EQ(RunWith(Fault(false, Replace("+OK\r\n$2", "-ERR no\r\n$2")), {},
                    "write client=0 kind=set key=0 ms=1\nread client=0 key=0\n"),
            "server_value");
}

TEST(InvalidationWorldTest, Liveness) {
  EXPECT_EQ(RunWith(Fault(true), {.flush_on_loss = false, .release_pending = false},
                    "read client=0 key=0\ndisconnect client=0 reset=yes\n"
                    "deliver client=0 direction=both bytes=all\nconnect client=0\nbarrier\n"),
            "liveness");
}

TEST(InvalidationWorldTest, OwnValue) {
  Fault fault(true);
  Harness harness(std::in_place, &fault, Policy(), [] {
    struct ForgetsField : cache::CachingClient {
      void NameField(std::string_view key, std::string_view, std::string* name) override {
        cache::Cache::FieldName(key, "", name);
      }
    };
    return std::unique_ptr<cache::CachingClient>(new ForgetsField);
  });
  EXPECT_EQ(resprobe::Run(harness,
                          "write client=0 kind=hset key=4\nread client=0 key=4\n"
                          "deliver client=0\nread client=0 key=5\n"),
            "own_value");
}

TEST(InvalidationWorldTest, NoHitPastDeadline) {
  for (const std::string_view config : {"config ttl_cap=yes\n", "config lease=yes\n"}) {
    const std::string ops = std::string(config) +
                            "read client=0 key=0\ndeliver client=0\nadvance ms=600\n"
                            "read client=0 key=0\n";
    EXPECT_EQ(RunWith(Fault(false), {}, ops), "");
    EXPECT_EQ(RunWith(Fault(false), {.keep_deadlines = false}, ops), "no_hit_past_deadline");
  }
}

// An invalidation of a key that no client has read.
TEST(InvalidationWorldTest, Precision) {
  EXPECT_EQ(RunWith(Fault(false, Replace("$2\r\nk0\r\n", "$2\r\nk1\r\n")), {}, kOvertaken),
            "precision");
  // All keys, though nothing was flushed.
  EXPECT_EQ(RunWith(Fault(false, Replace("*1\r\n$2\r\nk0\r\n", "_\r\n")), {}, kOvertaken),
            "precision");
  // A key under the prefix of another client.
  const std::string ops =
      "config clients=1 mode=bcast prefixes=yes prefix_sets=4\n"
      "write client=1 kind=set key=2\ndeliver client=1\ndeliver client=0\n";
  EXPECT_EQ(RunWith(Fault(false), {}, ops), "");
  EXPECT_EQ(RunWith(Fault(false, Replace("$2\r\nk2\r\n", "$2\r\nx0\r\n")), {}, ops), "framing");
}

TEST(InvalidationWorldTest, TableLimit) {
  class KeepsAll : public FaultySubject {
   public:
    void Send(uint64_t connection, std::string_view bytes) override {
      core()->set_tracking_table_max_keys(0);
      FaultySubject::Send(connection, bytes);
      core()->set_tracking_table_max_keys(2);
    }
  } subject;
  Harness harness(std::in_place, &subject, Policy());
  EXPECT_EQ(resprobe::Run(harness,
                          "config small_table=yes\nmread client=0 key=0 other=1\n"
                          "mread client=0 key=2 other=3\nread client=0 key=4\ndeliver client=0\n"),
            "table_limit");
}

}  // namespace
}  // namespace resprobe
