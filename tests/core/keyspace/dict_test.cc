// Compares the dict with a std::map, and checks SCAN's guarantees.

#include "core/keyspace/dict.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/keyspace/random.h"

namespace resprobe {
namespace {

// Keys of every length class of the hash and the comparison, with few differences.
std::string RandomKey(Random& random, size_t variety) {
  std::string key(random.Below(2) == 0 ? random.Below(4) : random.Below(40), 'k');
  const std::string number = std::to_string(random.Below(variety));
  return random.Below(2) == 0 ? key + number : number + key;
}

TEST(HashTest, ComparesLikeMemcmp) {
  Random random;
  for (int i = 0; i < 20000; ++i) {
    std::string a(random.Below(24), 'a');
    std::string b(random.Below(24), 'a');
    if (random.Below(2) == 0) b.resize(a.size(), 'a');
    if (!a.empty() && random.Below(2) == 0) a[random.Below(a.size())] = '\0';
    if (!b.empty() && random.Below(2) == 0) b[random.Below(b.size())] = '\0';
    ASSERT_EQ(SameBytes(a, b), a == b) << a.size() << " " << b.size();
    if (a == b) {
      ASSERT_EQ(HashBytes(a), HashBytes(b));
    }
  }
}

// Every byte of a key of any length affects the hash.
TEST(HashTest, UsesEveryByte) {
  for (size_t size = 1; size < 40; ++size) {
    std::string key(size, 'x');
    const uint32_t before = HashBytes(key);
    for (char& byte : key) {
      byte = 'y';
      EXPECT_NE(HashBytes(key), before) << size;
      byte = 'x';
    }
    EXPECT_NE(HashBytes(key + 'x'), before);
  }
}

TEST(DictTest, IsAMap) {
  for (const size_t variety : {3u, 20u, 400u}) {
    Random random;
    Dict<std::string> dict;
    std::map<std::string, std::string> model;
    for (int step = 0; step < 5000; ++step) {
      const std::string key = RandomKey(random, variety);
      const uint64_t kind = random.Below(1000);
      if (kind < 500) {
        const std::string value = std::to_string(step);
        const auto [slot, added] = dict.Insert(key);
        ASSERT_EQ(added, !model.contains(key));
        if (added) {
          ASSERT_EQ(slot, "");
        }
        slot = value;
        model[key] = value;
      } else if (kind < 990) {
        ASSERT_EQ(dict.Erase(key), model.erase(key) == 1);
      } else if (kind < 992) {
        dict.Clear();
        model.clear();
      }
      ASSERT_EQ(dict.size(), model.size());
      const std::string probe = RandomKey(random, variety);
      const std::string* found = dict.Find(probe);
      ASSERT_EQ(found != nullptr, model.contains(probe));
      if (found != nullptr) {
        ASSERT_EQ(*found, model[probe]);
      }
      if (step % 50 == 0) {
        ASSERT_EQ(dict.Check(), nullptr);
      }
    }
    std::map<std::string, std::string> all;
    for (size_t i = 0; i < dict.size(); ++i) all[dict.at(i).key] = dict.at(i).value;
    EXPECT_EQ(all, model);
  }
}

TEST(DictTest, KeepsTheOrderOfInsertionAndFillsGapsWithTheLast) {
  Dict<Nothing> dict;
  for (const char* key : {"a", "b", "c", "d", "e"}) dict.Insert(key);
  dict.Erase("b");
  dict.Insert("f");
  std::string order;
  for (size_t i = 0; i < dict.size(); ++i) order += dict.at(i).key;
  EXPECT_EQ(order, "aecdf");
}

// The same history after Clear() gives the same order: Clear() leaves no trace of earlier history.
TEST(DictTest, OrderIsAFunctionOfTheHistorySinceClear) {
  const auto history = [](Dict<Nothing>& dict) {
    Random random;
    std::string order;
    for (int i = 0; i < 300; ++i) {
      const std::string key = std::to_string(random.Below(60));
      if (random.Below(3) > 0) {
        dict.Insert(key);
      } else {
        dict.Erase(key);
      }
    }
    for (size_t i = 0; i < dict.size(); ++i) order += dict.at(i).key + " ";
    return order;
  };
  Dict<Nothing> dict;
  const std::string first = history(dict);
  for (int i = 0; i < 5000; ++i) dict.Insert(std::to_string(i));
  dict.Clear();
  EXPECT_EQ(history(dict), first);
}

// A key that is present from the first step to the last is visited; one that never was is not.
TEST(DictTest, ScanSeesWhatIsPresentThroughout) {
  Random random;
  for (int run = 0; run < 500; ++run) {
    Dict<Nothing> dict;
    std::set<std::string> throughout;
    std::set<std::string> ever;
    const size_t size = random.Below(40);
    for (size_t i = 0; i < size; ++i) {
      const std::string key = std::to_string(random.Below(60));
      dict.Insert(key);
      throughout.insert(key);
      ever.insert(key);
    }
    std::set<std::string> seen;
    uint64_t cursor = 0;
    do {
      cursor = dict.Scan(cursor, 1 + random.Below(5),
                         [&](const Dict<Nothing>::Entry& entry) { seen.insert(entry.key); });
      for (uint64_t changes = random.Below(4); changes > 0; --changes) {
        const std::string key = std::to_string(random.Below(60));
        if (random.Below(2) == 0) {
          dict.Insert(key);
          ever.insert(key);
        } else {
          dict.Erase(key);
          throughout.erase(key);
        }
      }
    } while (cursor != 0);
    for (const std::string& key : throughout) {
      EXPECT_TRUE(seen.contains(key)) << "run " << run << " missed " << key;
    }
    for (const std::string& key : seen) EXPECT_TRUE(ever.contains(key));
  }
}

TEST(DictTest, ScanTakesAnyCursor) {
  Dict<Nothing> dict;
  dict.Insert("a");
  dict.Insert("b");
  int visited = 0;
  const auto visit = [&](const Dict<Nothing>::Entry&) { ++visited; };
  EXPECT_EQ(dict.Scan(UINT64_MAX, 1, visit), 1u);
  EXPECT_EQ(dict.Scan(1, 100, visit), 0u);
  EXPECT_EQ(visited, 2);
  EXPECT_EQ(Dict<Nothing>().Scan(7, 100, visit), 0u);
}

TEST(DictTest, LongStringsDoNotStayBehind) {
  Dict<std::string> dict;
  dict.Insert("k").first.assign(1 << 20, 'x');
  dict.Erase("k");
  EXPECT_LE(dict.Insert("l").first.capacity(), kMaxIdleStringBytes);
}

}  // namespace
}  // namespace resprobe
