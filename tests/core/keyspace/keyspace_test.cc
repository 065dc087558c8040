#include "core/keyspace/keyspace.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "core/keyspace/random.h"

namespace resprobe {
namespace {

class Recorder : public KeyspaceObserver {
 public:
  void OnKeyModified(int db, std::string_view key, bool is_new) override {
    added = is_new;
    events.push_back(std::to_string(db) + ":" + std::string(key));
  }
  void OnKeyGone(int db, std::string_view key) override { OnKeyModified(db, key, false); }
  void OnFlush(int db) override { events.push_back("flush " + std::to_string(db)); }

  std::vector<std::string> events;
  bool added = false;  // by the last of them
};

class KeyspaceTest : public testing::Test {
 protected:
  KeyspaceTest() {
    keyspace.Reset(1000);
    keyspace.set_observer(&recorder);
  }
  ~KeyspaceTest() override { keyspace.set_observer(nullptr); }

  void Set(std::string_view key, std::string_view value, int64_t expire_at = kNoExpiry,
           int db = 0) {
    keyspace.SetString(db, key, value);
    if (expire_at != kNoExpiry) keyspace.SetExpiry(db, key, expire_at);
    keyspace.Modified(db, key);
  }
  // The events since the last call.
  std::vector<std::string> Events() { return std::exchange(recorder.events, {}); }

  Keyspace keyspace;
  Recorder recorder;
};

using Strings = std::vector<std::string>;

TEST_F(KeyspaceTest, ExpiresLazilyWhenLookedUp) {
  keyspace.set_active_expiry(false);
  Set("k", "v", 2000);
  Events();
  // A key is still live in the millisecond of its expiry time.
  keyspace.AdvanceTo(2000);
  EXPECT_NE(keyspace.Find(0, "k"), nullptr);
  keyspace.AdvanceTo(2001);
  EXPECT_EQ(keyspace.Peek(0, "k"), nullptr);
  EXPECT_EQ(keyspace.KeyCount(0), 1u);
  EXPECT_EQ(keyspace.ExpiredCount(0), 1u);
  EXPECT_EQ(Events(), Strings());
  EXPECT_EQ(keyspace.Find(0, "k"), nullptr);
  EXPECT_EQ(keyspace.KeyCount(0), 0u);
  EXPECT_EQ(Events(), Strings{"0:k"});
  EXPECT_EQ(keyspace.used_memory(), 0u);
  EXPECT_EQ(keyspace.expired(), 1u);
}

TEST_F(KeyspaceTest, ExpiresActivelyAtTheCycle) {
  Set("k", "v", 1010);
  Set("l", "v", 5000);
  Set("m", "v");
  Events();
  keyspace.AdvanceTo(1099);  // before the next multiple of the period
  EXPECT_EQ(keyspace.KeyCount(0), 3u);
  keyspace.AdvanceTo(1100);
  EXPECT_EQ(Events(), Strings{"0:k"});
  EXPECT_EQ(keyspace.KeyCount(0), 2u);
  EXPECT_EQ(keyspace.CheckIntegrity(), "");
}

// The cycle continues while many of the checked keys had expired, and stops when few had.
TEST_F(KeyspaceTest, TheCycleLeavesSomeBehind) {
  for (int i = 0; i < 200; ++i) Set("late" + std::to_string(i), "v", i % 50 == 0 ? 1010 : 9000);
  keyspace.AdvanceTo(1100);
  EXPECT_GT(keyspace.ExpiredCount(0), 0u);
  // Later cycles find the rest: the cursor wraps around.
  for (int64_t now = 1200; now < 4000; now += 100) keyspace.AdvanceTo(now);
  EXPECT_EQ(keyspace.ExpiredCount(0), 0u);
  EXPECT_EQ(keyspace.CheckIntegrity(), "");
}

TEST_F(KeyspaceTest, TheCycleGoesOnWhileManyHaveExpired) {
  for (int i = 0; i < 200; ++i) Set("soon" + std::to_string(i), "v", 1050);
  keyspace.AdvanceTo(1100);
  EXPECT_EQ(keyspace.KeyCount(0), 0u);
  EXPECT_EQ(keyspace.CheckIntegrity(), "");
}

TEST_F(KeyspaceTest, EvictionTellsOfTheKeyAfterwards) {
  keyspace.set_active_expiry(false);
  Set("k", "v");
  Set("expired", "v", 1500);
  keyspace.AdvanceTo(1501);
  Events();
  const uint64_t dirty = keyspace.dirty();
  EXPECT_FALSE(keyspace.Evict(0, "other"));
  EXPECT_FALSE(keyspace.Evict(1, "k"));
  EXPECT_EQ(Events(), Strings());
  EXPECT_TRUE(keyspace.Evict(0, "k"));
  EXPECT_TRUE(keyspace.Evict(0, "expired"));
  EXPECT_EQ(Events(), (Strings{"0:k", "0:expired"}));
  EXPECT_EQ(keyspace.KeyCount(0), 0u);
  EXPECT_EQ(keyspace.used_memory(), 0u);
  EXPECT_EQ(keyspace.dirty(), dirty);
  EXPECT_EQ(keyspace.expired(), 0u);
}

TEST_F(KeyspaceTest, TheClockDoesNotGoBack) {
  keyspace.AdvanceTo(5000);
  keyspace.AdvanceTo(4000);
  EXPECT_EQ(keyspace.now_ms(), 5000);
}

TEST_F(KeyspaceTest, DeletesAnEmptyContainer) {
  keyspace.FindOrCreate(0, "h", ObjectType::kHash).hash().Set("f", "v");
  keyspace.Modified(0, "h");
  EXPECT_GT(keyspace.used_memory(), 0u);
  keyspace.Find(0, "h")->hash().Erase("f");
  keyspace.Modified(0, "h");
  EXPECT_EQ(keyspace.Find(0, "h"), nullptr);
  EXPECT_EQ(keyspace.used_memory(), 0u);
  EXPECT_EQ(Events(), (Strings{"0:h", "0:h"}));
}

TEST_F(KeyspaceTest, OverwritingDropsTheValueAndItsExpiry) {
  keyspace.FindOrCreate(0, "k", ObjectType::kList).list().PushBack("a");
  keyspace.SetExpiry(0, "k", 5000);
  keyspace.Modified(0, "k");
  EXPECT_EQ(keyspace.VolatileCount(0), 1u);
  Set("k", "v");
  EXPECT_EQ(keyspace.Find(0, "k")->expire_at(), kNoExpiry);
  EXPECT_EQ(keyspace.VolatileCount(0), 0u);
  keyspace.SetExpiry(0, "k", 5000);
  keyspace.SetString(0, "k", "w", /*keep_expiry=*/true);
  keyspace.Modified(0, "k");
  EXPECT_EQ(keyspace.Find(0, "k")->expire_at(), 5000);
  EXPECT_EQ(keyspace.CheckIntegrity(), "");
  // A reused container is empty.
  EXPECT_TRUE(keyspace.FindOrCreate(0, "other", ObjectType::kList).list().empty());
}

// Whatever replaces it, and whether or not it was looked up.
TEST_F(KeyspaceTest, AnExpiredKeyIsGoneBeforeItIsReplaced) {
  keyspace.set_active_expiry(false);
  const std::function<void()> replacements[] = {
      [&] { keyspace.Overwrite(0, "k", ObjectType::kString).string() = "w"; },
      [&] { keyspace.SetString(0, "k", "w", /*keep_expiry=*/true); },
      [&] { keyspace.FindOrCreate(0, "k", ObjectType::kString).string() = "w"; },
      [&] { keyspace.Copy(0, "from", 0, "k"); },
      [&] { keyspace.Rename(0, "from", 0, "k"); },
  };
  for (const auto& replace : replacements) {
    keyspace.Flush(0);
    Set("from", "w");
    Set("k", "v", keyspace.now_ms());
    keyspace.AdvanceTo(keyspace.now_ms() + 1);
    const uint64_t expired = keyspace.expired();
    Events();
    replace();
    EXPECT_EQ(Events(), Strings{"0:k"});
    EXPECT_EQ(keyspace.expired(), expired + 1);
    keyspace.Modified(0, "k");
    EXPECT_EQ(Events(), Strings{"0:k"});
    EXPECT_TRUE(recorder.added);
    EXPECT_EQ(keyspace.Find(0, "k")->expire_at(), kNoExpiry);
    EXPECT_EQ(keyspace.CheckIntegrity(), "");
  }
  // Where others delete it, it is replaced as it stands; the key is a new one all the same.
  keyspace.set_expiry(Keyspace::Expiry::kPrimary);
  for (const auto& replace : replacements) {
    keyspace.Flush(0);
    Set("from", "w");
    Set("k", "v", keyspace.now_ms());
    keyspace.AdvanceTo(keyspace.now_ms() + 1);
    Events();
    replace();
    EXPECT_EQ(Events(), Strings());
    keyspace.Modified(0, "k");
    EXPECT_EQ(Events(), Strings{"0:k"});
    EXPECT_TRUE(recorder.added);
    EXPECT_EQ(keyspace.Find(0, "k")->expire_at(), kNoExpiry);
    EXPECT_EQ(keyspace.CheckIntegrity(), "");
  }
}

TEST_F(KeyspaceTest, AnExpiredKeyIsDeletedOnRequest) {
  Set("k", "v", keyspace.now_ms());
  keyspace.AdvanceTo(keyspace.now_ms() + 1);
  Events();
  EXPECT_TRUE(keyspace.DeleteEvenExpired(0, "k"));
  EXPECT_FALSE(keyspace.DeleteEvenExpired(0, "k"));
  EXPECT_EQ(Events(), Strings{"0:k"});
  EXPECT_EQ(keyspace.expired(), 0U);
}

TEST_F(KeyspaceTest, RenameMovesValueAndExpiry) {
  Set("a", "1", 5000);
  Set("b", "22", 7000);
  keyspace.Rename(0, "a", 0, "b");
  keyspace.Modified(0, "a");
  keyspace.Modified(0, "b");
  EXPECT_EQ(keyspace.Find(0, "a"), nullptr);
  EXPECT_EQ(keyspace.Find(0, "b")->string(), "1");
  EXPECT_EQ(keyspace.Find(0, "b")->expire_at(), 5000);
  EXPECT_EQ(keyspace.VolatileCount(0), 1u);
  keyspace.Rename(0, "b", 3, "b");
  keyspace.Modified(0, "b");
  keyspace.Modified(3, "b");
  EXPECT_EQ(keyspace.VolatileCount(0), 0u);
  EXPECT_EQ(keyspace.VolatileCount(3), 1u);
  EXPECT_EQ(keyspace.CheckIntegrity(), "");
}

TEST_F(KeyspaceTest, CopyIsIndependent) {
  keyspace.FindOrCreate(0, "z", ObjectType::kZset).zset().Set("m", 1);
  keyspace.Modified(0, "z");
  keyspace.Copy(0, "z", 1, "z");
  keyspace.Modified(1, "z");
  EXPECT_EQ(keyspace.Digest(0, "z"), keyspace.Digest(1, "z"));
  keyspace.Find(1, "z")->zset().Set("m", 2);
  keyspace.Modified(1, "z");
  EXPECT_EQ(*keyspace.Find(0, "z")->zset().Find("m"), 1);
  EXPECT_NE(keyspace.Digest(0, "z"), keyspace.Digest(1, "z"));
  EXPECT_EQ(keyspace.CheckIntegrity(), "");
}

TEST_F(KeyspaceTest, SwapExchangesEverything) {
  Set("a", "0", 5000, 0);
  Set("b", "1", kNoExpiry, 1);
  keyspace.Swap(0, 1);
  EXPECT_EQ(keyspace.Find(0, "b")->string(), "1");
  EXPECT_EQ(keyspace.Find(1, "a")->string(), "0");
  EXPECT_EQ(keyspace.VolatileCount(1), 1u);
  EXPECT_EQ(keyspace.CheckIntegrity(), "");
}

TEST_F(KeyspaceTest, FlushTellsFirstAndLeavesNothing) {
  Set("a", "0", 5000, 0);
  Set("b", "1", kNoExpiry, 1);
  Events();
  keyspace.Flush(1);
  EXPECT_EQ(keyspace.KeyCount(0), 1u);
  EXPECT_EQ(keyspace.KeyCount(1), 0u);
  keyspace.Flush(-1);
  EXPECT_EQ(keyspace.used_memory(), 0u);
  EXPECT_EQ(Events(), (Strings{"flush 1", "flush -1"}));
}

TEST_F(KeyspaceTest, DigestShowsTypeValueAndExpiry) {
  Set("s", "abc");
  const uint64_t string = keyspace.Digest(0, "s");
  EXPECT_NE(string, 0u);
  keyspace.SetExpiry(0, "s", 5000);
  EXPECT_NE(keyspace.Digest(0, "s"), string);
  keyspace.SetExpiry(0, "s", kNoExpiry);
  EXPECT_EQ(keyspace.Digest(0, "s"), string);
  Set("s", "abd");
  EXPECT_NE(keyspace.Digest(0, "s"), string);
  EXPECT_EQ(keyspace.Digest(0, "nokey"), 0u);

  List& a = keyspace.FindOrCreate(0, "a", ObjectType::kList).list();
  a.PushBack("x");
  a.PushBack("y");
  List& b = keyspace.FindOrCreate(0, "b", ObjectType::kList).list();
  b.PushBack("y");
  b.PushBack("x");
  EXPECT_NE(keyspace.Digest(0, "a"), keyspace.Digest(0, "b")) << "lists have an order";
  resprobe::Set& c = keyspace.FindOrCreate(0, "c", ObjectType::kSet).set();
  c.Add("x");
  c.Add("y");
  resprobe::Set& d = keyspace.FindOrCreate(0, "d", ObjectType::kSet).set();
  d.Add("y");
  d.Add("x");
  EXPECT_EQ(keyspace.Digest(0, "c"), keyspace.Digest(0, "d")) << "sets have none";
  EXPECT_NE(keyspace.Digest(0, "a"), keyspace.Digest(0, "c")) << "and are no lists";
}

// --- The checks themselves: each finds the error it is for.

TEST_F(KeyspaceTest, CheckFindsAnEmptyContainer) {
  keyspace.FindOrCreate(0, "s", ObjectType::kSet);
  EXPECT_NE(keyspace.CheckIntegrity().find("empty set"), std::string::npos);
  EXPECT_NE(keyspace.CheckKey(0, "s"), "");
  EXPECT_EQ(keyspace.CheckKey(0, "other"), "");
}

TEST_F(KeyspaceTest, CheckFindsAnUnreportedChange) {
  Set("k", "v");
  keyspace.Find(0, "k")->string() += "more";
  EXPECT_NE(keyspace.CheckIntegrity().find("not reported"), std::string::npos);
  EXPECT_NE(keyspace.CheckKey(0, "k"), "");
  keyspace.Modified(0, "k");
  EXPECT_EQ(keyspace.CheckIntegrity(), "");
}

TEST_F(KeyspaceTest, CheckFindsAChangedKey) {
  for (int i = 0; i < 20; ++i) Set("key" + std::to_string(i), "v");
  // The dict is read only for its users; this simulates a stray write.
  const_cast<std::string&>(keyspace.keys(0).at(3).key) = "elsewhere";
  EXPECT_NE(keyspace.CheckIntegrity(), "");
}

// A long random history stays consistent, and the memory account ends at zero.
TEST_F(KeyspaceTest, StaysConsistent) {
  Random random;
  const auto key = [&] { return "k" + std::to_string(random.Below(30)); };
  const auto db = [&] { return static_cast<int>(random.Below(2)); };
  for (int step = 0; step < 20000; ++step) {
    const int where = db();
    const std::string name = key();
    Object* object = keyspace.Find(where, name);
    switch (random.Below(9)) {
      case 0:
        Set(name, std::string(random.Below(300), 'v'), kNoExpiry, where);
        break;
      case 1:
        Set(name, "v", keyspace.now_ms() + static_cast<int64_t>(random.Below(500)), where);
        break;
      case 2:
      case 3: {
        constexpr ObjectType kTypes[] = {ObjectType::kList, ObjectType::kHash, ObjectType::kSet,
                                         ObjectType::kZset};
        const ObjectType type = kTypes[random.Below(4)];
        if (object != nullptr && object->type() != type) break;
        Object& made = keyspace.FindOrCreate(where, name, type);
        const std::string element = std::to_string(random.Below(20));
        if (type == ObjectType::kList) made.list().PushBack(element);
        if (type == ObjectType::kHash) made.hash().Set(element, name);
        if (type == ObjectType::kSet) made.set().Add(element);
        if (type == ObjectType::kZset) {
          made.zset().Set(element, static_cast<double>(random.Below(5)));
        }
        keyspace.Modified(where, name);
        break;
      }
      case 4:
        if (object != nullptr && object->type() == ObjectType::kSet) {
          object->set().EraseAt(0);
          keyspace.Modified(where, name);
        } else if (object != nullptr && object->type() == ObjectType::kZset) {
          object->zset().EraseRanks(0, 1);
          keyspace.Modified(where, name);
        }
        break;
      case 5:
        EXPECT_EQ(keyspace.Delete(where, name), object != nullptr);
        break;
      case 6:
        if (object != nullptr) {
          const int to_db = db();
          const std::string to = key();
          if (to_db == where && to == name) break;
          keyspace.Find(to_db, to);
          if (random.Below(2) == 0) {
            keyspace.Rename(where, name, to_db, to);
            keyspace.Modified(where, name);
          } else {
            keyspace.Copy(where, name, to_db, to);
          }
          keyspace.Modified(to_db, to);
        }
        break;
      case 7:
        keyspace.AdvanceTo(keyspace.now_ms() + static_cast<int64_t>(random.Below(60)));
        break;
      case 8:
        if (random.Below(20) == 0) keyspace.Swap(0, 1);
        if (random.Below(200) == 0) keyspace.Flush(where);
        break;
    }
    ASSERT_EQ(keyspace.CheckKey(where, name), "");
    if (step % 20 == 0) {
      ASSERT_EQ(keyspace.CheckIntegrity(), "") << "step " << step;
    }
  }
  keyspace.Flush(-1);
  EXPECT_EQ(keyspace.used_memory(), 0u);
}

TEST_F(KeyspaceTest, ResetForgetsEverything) {
  Set("k", "v", 9000);
  keyspace.AdvanceTo(5000);
  keyspace.Reset(1000);
  EXPECT_EQ(keyspace.KeyCount(0), 0u);
  EXPECT_EQ(keyspace.VolatileCount(0), 0u);
  EXPECT_EQ(keyspace.used_memory(), 0u);
  EXPECT_EQ(keyspace.dirty(), 0u);
  EXPECT_EQ(keyspace.now_ms(), 1000);
}

}  // namespace
}  // namespace resprobe
