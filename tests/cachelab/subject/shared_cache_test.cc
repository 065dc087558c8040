#include "cachelab/subject/shared_cache.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <memory>

namespace resprobe::cachelab {
namespace {

class SharedCacheTest : public testing::Test {
 protected:
  void SetUp() override { Make({.slots = 64, .slot_bytes = 256}); }

  void Make(const CacheLimits& limits) {
    std::string error;
    cache_ = SharedCache::Create(limits, &error);
    ASSERT_NE(cache_, nullptr) << error;
    cache_->Attach(0, InjectedFault::kNone, [](Failpoint) {});
    cache_->Own(0);
  }

  // Runs `body` in a process that owns the second lease, and returns its wait status.
  int InAnother(const std::function<void()>& body) {
    const pid_t pid = fork();
    if (pid == 0) {
      cache_->Attach(1, InjectedFault::kNone, [](Failpoint) {});
      cache_->Own(1);
      body();
      _exit(0);
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0) {
    }
    return status;
  }

  bool Put(int writer, const std::string& key, const std::string& value) {
    std::string ignored;
    const auto found = cache_->Find(key, "GET", writer, &ignored);
    return cache_->Put(found.ticket, key, "GET", writer, value);
  }
  // The value; "-" if there is none.
  std::string Get(const std::string& key) {
    std::string value;
    const SharedCache::Found found = cache_->Find(key, "GET", kNoWriter, &value);
    EXPECT_FALSE(found.torn);
    return found.hit ? value : "-";
  }

  std::unique_ptr<SharedCache> cache_;
};

TEST_F(SharedCacheTest, KeepsWhatIsPutUntilItIsDropped) {
  EXPECT_TRUE(Put(0, "a", "1"));
  EXPECT_TRUE(Put(0, "b", "2"));
  EXPECT_EQ(Get("a"), "1");
  const std::string_view a[] = {"a"};
  cache_->Drop(a);
  EXPECT_EQ(Get("a"), "-");
  EXPECT_EQ(Get("b"), "2");
  cache_->DropAll();
  EXPECT_EQ(Get("b"), "-");
}

TEST_F(SharedCacheTest, DropsAllCommandsOfAKey) {
  std::string ignored;
  for (const char* command : {"GET", "STRLEN", "EXISTS"}) {
    const auto found = cache_->Find("k", command, 0, &ignored);
    EXPECT_TRUE(cache_->Put(found.ticket, "k", command, 0, command));
  }
  EXPECT_EQ(cache_->Entries().size(), 3u);
  const std::string_view k[] = {"k"};
  cache_->Drop(k);
  EXPECT_TRUE(cache_->Entries().empty());
}

TEST_F(SharedCacheTest, RefusesAPutThatADropHasPassed) {
  std::string ignored;
  const auto found = cache_->Find("k", "GET", 0, &ignored);
  ASSERT_FALSE(found.hit);
  const std::string_view k[] = {"k"};
  cache_->Drop(k);
  EXPECT_FALSE(cache_->Put(found.ticket, "k", "GET", 0, "old"));
  EXPECT_EQ(Get("k"), "-");
  EXPECT_EQ(cache_->counts().refused, 1u);
}

TEST_F(SharedCacheTest, RefusesAPutWhosePlaceAnotherReadHasTaken) {
  std::string ignored;
  const auto first = cache_->Find("k", "GET", 0, &ignored);
  const std::string_view k[] = {"k"};
  cache_->Drop(k);
  const auto second = cache_->Find("k", "GET", 0, &ignored);
  EXPECT_FALSE(cache_->Put(first.ticket, "k", "GET", 0, "old"));
  EXPECT_TRUE(cache_->Put(second.ticket, "k", "GET", 0, "new"));
  EXPECT_EQ(Get("k"), "new");
}

TEST_F(SharedCacheTest, LetsOneFetchWhatSeveralWant) {
  std::string ignored;
  const auto first = cache_->Find("k", "GET", 0, &ignored);
  EXPECT_EQ(cache_->Find("k", "GET", 0, &ignored).ticket.request, 0u);
  cache_->Abandon(first.ticket);
  EXPECT_NE(cache_->Find("k", "GET", 0, &ignored).ticket.request, 0u);
}

TEST_F(SharedCacheTest, ARevokedLeaseTakesEntriesAndFetchesAlong) {
  ASSERT_TRUE(Put(0, "k", "1"));
  std::string ignored;
  const auto pending = cache_->Find("other", "GET", 0, &ignored);
  cache_->Revoke(0);
  EXPECT_EQ(Get("k"), "-");
  EXPECT_FALSE(cache_->Put(pending.ticket, "other", "GET", 0, "1"));
  EXPECT_TRUE(Put(0, "k", "2"));
  EXPECT_EQ(Get("k"), "2");
}

TEST_F(SharedCacheTest, ADeadOwnersEntriesAreNoGood) {
  const int status = InAnother([&] {
    if (!Put(1, "k", "1") || Get("k") != "1") _exit(1);
    std::string ignored;
    cache_->Find("pending", "GET", 1, &ignored);
    raise(SIGKILL);
  });
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(Get("k"), "-");
  EXPECT_FALSE(cache_->IsOwned(1));
  // Another process may fetch what it was fetching.
  EXPECT_TRUE(Put(0, "pending", "2"));
}

// Otherwise there is a moment when a reader finds a living owner, and what the previous owner
// granted is not revoked yet.
TEST_F(SharedCacheTest, ALeaseChangesHandsUnderTheLock) {
  int go[2];
  int owned[2];
  ASSERT_EQ(pipe(go), 0);
  ASSERT_EQ(pipe(owned), 0);
  const pid_t pid = fork();
  if (pid == 0) {
    char byte;
    if (read(go[0], &byte, 1) != 1) _exit(1);
    cache_->Attach(2, InjectedFault::kNone, [](Failpoint) {});
    cache_->Own(1);
    _exit(write(owned[1], "!", 1) == 1 ? 0 : 1);
  }
  bool owned_early = true;
  cache_->Attach(0, InjectedFault::kNone, [&](Failpoint point) {
    if (point != Failpoint::kLocked) return;
    ASSERT_EQ(write(go[1], "!", 1), 1);
    // Until it waits for the lock or has the lease.
    pollfd told = {owned[0], POLLIN, 0};
    do {
      owned_early = poll(&told, 1, 0) > 0;
    } while (!owned_early && !cache_->AtLock(2));
  });
  EXPECT_TRUE(Put(0, "k", "v"));
  EXPECT_FALSE(owned_early);
  int status = -1;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
  for (const int fd : {go[0], go[1], owned[0], owned[1]}) close(fd);
}

TEST_F(SharedCacheTest, ADeathUnderTheLockLeavesItFreeAndNothingTorn) {
  for (const Failpoint point : {Failpoint::kLocked, Failpoint::kInsidePut}) {
    for (int i = 0; i < 100; ++i) {
      const int status = InAnother([&] {
        cache_->Attach(1, InjectedFault::kNone, [&](Failpoint at) {
          if (at == point) raise(SIGKILL);
        });
        Put(1, "k", std::string(100, 'x'));
      });
      ASSERT_TRUE(WIFSIGNALED(status));
      EXPECT_TRUE(cache_->AtLock(1));
      EXPECT_EQ(Get("k"), "-");
    }
  }
  EXPECT_EQ(cache_->counts().recoveries, 200u);
  EXPECT_EQ(cache_->counts().torn, 100u);
  EXPECT_TRUE(Put(0, "k", "1"));
  EXPECT_EQ(Get("k"), "1");
}

TEST_F(SharedCacheTest, ANewOwnerBeginsWithNothing) {
  InAnother([&] { Put(1, "k", "1"); });
  const int status = InAnother([&] {
    if (Get("k") != "-" || !Put(1, "k", "2") || Get("k") != "2") _exit(1);
  });
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(SharedCacheTest, EvictsTheOldestAndNeverWhatIsOnItsWay) {
  Make({.slots = 16, .slot_bytes = 64});  // one bucket
  std::string ignored;
  const auto pending = cache_->Find("pending", "GET", 0, &ignored);
  for (int i = 0; i < 40; ++i) EXPECT_TRUE(Put(0, "k" + std::to_string(i), "v"));
  EXPECT_EQ(Get("k0"), "-");
  EXPECT_EQ(Get("k39"), "v");
  EXPECT_EQ(cache_->counts().evictions, 25u);
  EXPECT_TRUE(cache_->Put(pending.ticket, "pending", "GET", 0, "v"));
}

TEST_F(SharedCacheTest, DoesNotKeepWhatNoSlotCanHold) {
  EXPECT_FALSE(Put(0, "k", std::string(300, 'x')));
  EXPECT_EQ(cache_->counts().too_big, 1u);
  EXPECT_EQ(Get("k"), "-");
  std::string ignored;
  EXPECT_EQ(cache_->Find(std::string(300, 'k'), "GET", 0, &ignored).ticket.request, 0u);
}

TEST_F(SharedCacheTest, KeepsBytesApartThatLookAlike) {
  EXPECT_TRUE(Put(0, "a", "1"));
  std::string value;
  EXPECT_FALSE(cache_->Find("aG", "ET", kNoWriter, &value).hit);
}

}  // namespace
}  // namespace resprobe::cachelab
