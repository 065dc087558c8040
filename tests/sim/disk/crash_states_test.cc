#include "sim/disk/crash_states.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "sim/disk/disk.h"

namespace resprobe {
namespace {

constexpr uint32_t kNew = Disk::kReadWrite | Disk::kCreate | Disk::kTruncate;
constexpr uint32_t kLog = Disk::kReadWrite | Disk::kCreate | Disk::kAppend;

// "a=12 d/b=" for a tree of files; bytes 0 as '.', garbage as '#'.
std::string Tree(Disk* disk, const std::string& path = "") {
  std::vector<std::string> names;
  disk->List(path, &names);
  std::string text;
  for (const std::string& name : names) {
    const std::string* content = disk->Content(path + name);
    if (content == nullptr) {
      text += path + name + "/ " + Tree(disk, path + name + "/");
      continue;
    }
    text += path + name + "=";
    for (const char c : *content) {
      text += c == 0 ? '.' : c >= '0' && c <= 'z' ? c : '#';
    }
    text += ' ';
  }
  return text;
}

using States = std::set<std::string>;

// All states in which a power failure may leave the disk.
States StatesOf(const Disk& disk) {
  CrashStates states;
  Disk after;
  after.Reset();
  states.Start(disk);
  states.List(/*budget=*/100'000, /*seed=*/1);
  States all;
  while (states.Next()) {
    states.Materialize(&after);
    EXPECT_EQ(after.StateHash(), states.hash());
    all.insert(Tree(&after));
  }
  return all;
}

class CrashStatesTest : public testing::Test {
 protected:
  void Reset(CrashLevel level, uint32_t unit_bytes = 4096) {
    DiskOptions options;
    options.level = level;
    options.unit_bytes = unit_bytes;
    disk_.Reset(options);
  }
  int Write(std::string_view path, std::string_view bytes, uint32_t flags = kLog) {
    const int fd = disk_.Open(path, flags);
    disk_.Write(fd, bytes);
    return fd;
  }
  void SyncDirectory(std::string_view path = "") {
    const int fd = disk_.Open(path, Disk::kReadOnly | Disk::kDirectory);
    EXPECT_EQ(disk_.Sync(fd), 0);
    disk_.Close(fd);
  }
  Disk disk_;
};

constexpr CrashLevel kLevels[] = {CrashLevel::kPrefix, CrashLevel::kReordered, CrashLevel::kWeak};

TEST_F(CrashStatesTest, WithNothingPendingThereIsOneState) {
  for (const CrashLevel level : kLevels) {
    Reset(level);
    disk_.Place("d/a", "12");
    EXPECT_EQ(StatesOf(disk_), States{"d/ d/a=12 "});
  }
}

TEST_F(CrashStatesTest, PrefixKeepsAFirstPartOfAllCalls) {
  Reset(CrashLevel::kPrefix);
  Write("a", "12");
  Write("b", "34");
  EXPECT_EQ(StatesOf(disk_), (States{"", "a= ", "a=12 ", "a=12 b= ", "a=12 b=34 "}));
}

TEST_F(CrashStatesTest, ReorderedKeepsAFirstPartOfEachFileAndOfTheNames) {
  Reset(CrashLevel::kReordered);
  Write("a", "12");
  Write("b", "34");
  EXPECT_EQ(StatesOf(disk_),
            (States{"", "a= ", "a=12 ", "a= b= ", "a=12 b= ", "a= b=34 ", "a=12 b=34 "}));
}

TEST_F(CrashStatesTest, WeakKeepsAnyName) {
  Reset(CrashLevel::kWeak);
  disk_.Open("a", kLog);
  disk_.Open("b", kLog);
  EXPECT_EQ(StatesOf(disk_), (States{"", "a= ", "b= ", "a= b= "}));
}

TEST_F(CrashStatesTest, WeakKeepsASizeWithoutData) {
  Reset(CrashLevel::kWeak);
  const int fd = Write("a", "12");
  SyncDirectory();
  // A fresh block: zeros or garbage.
  EXPECT_EQ(StatesOf(disk_), (States{"a= ", "a=12 ", "a=.. ", "a=## "}));
  disk_.Sync(fd);
  disk_.Write(fd, "34");
  // The rest of a block that has been written is zero.
  EXPECT_EQ(StatesOf(disk_), (States{"a=12 ", "a=12.. ", "a=1234 "}));
}

TEST_F(CrashStatesTest, DataComesBeforeSizeAtTheOtherLevels) {
  for (const CrashLevel level : {CrashLevel::kPrefix, CrashLevel::kReordered}) {
    Reset(level);
    disk_.Place("a", "12");
    const int fd = Write("a", "34");
    disk_.Write(fd, "56");
    EXPECT_EQ(StatesOf(disk_), (States{"a=12 ", "a=1234 ", "a=123456 "}));
  }
}

TEST_F(CrashStatesTest, WeakWritesOfOneUnitAreKeptInOrder) {
  Reset(CrashLevel::kWeak);
  disk_.Place("a", "xxxx");
  const int fd = disk_.Open("a", Disk::kReadWrite);
  disk_.WriteAt(fd, "1", 0);
  disk_.WriteAt(fd, "2", 1);
  // One page in the cache: whoever wrote its second version wrote the first one too.
  EXPECT_EQ(StatesOf(disk_), (States{"a=xxxx ", "a=1xxx ", "a=12xx "}));
}

TEST_F(CrashStatesTest, AnAppendIsTornBetweenPagesOrSectors) {
  for (const uint32_t unit : {4096u, 512u}) {
    Reset(CrashLevel::kPrefix, unit);
    disk_.Place("a", "12");
    const int fd = disk_.Open("a", kLog);
    disk_.Write(fd, std::string(5000, 'x'));
    std::set<size_t> sizes;
    CrashStates states;
    Disk after;
    after.Reset();
    states.Start(disk_);
    states.List(1000, 1);
    while (states.Next()) {
      states.Materialize(&after);
      sizes.insert(after.Content("a")->size());
    }
    std::set<size_t> expected = {2, 5002};
    for (size_t cut = unit; cut < 5002; cut += unit) expected.insert(cut);
    EXPECT_EQ(sizes, expected);
  }
}

TEST_F(CrashStatesTest, WeakKeepsAnySetOfUnits) {
  Reset(CrashLevel::kWeak, 512);
  disk_.Place("a", std::string(1024, 'x'));
  const int fd = disk_.Open("a", Disk::kReadWrite);
  disk_.Write(fd, std::string(1024, 'y'));
  States expected;
  for (const char first : {'x', 'y'}) {
    for (const char second : {'x', 'y'}) {
      expected.insert("a=" + std::string(512, first) + std::string(512, second) + " ");
    }
  }
  EXPECT_EQ(StatesOf(disk_), expected);
  Reset(CrashLevel::kPrefix, 512);
  disk_.Place("a", std::string(1024, 'x'));
  disk_.Write(disk_.Open("a", Disk::kReadWrite), std::string(1024, 'y'));
  expected.erase("a=" + std::string(512, 'x') + std::string(512, 'y') + " ");
  EXPECT_EQ(StatesOf(disk_), expected);
}

// The rule that every program breaks once: write, rename, and no fsync.
TEST_F(CrashStatesTest, ARenameWithoutFsyncMayLeaveAnEmptyFile) {
  const auto replace = [this](bool sync) {
    disk_.Place("a", "old");
    const int fd = Write("temp", "new", kNew);
    if (sync) disk_.Sync(fd);
    disk_.Close(fd);
    disk_.Rename("temp", "a");
  };
  Reset(CrashLevel::kPrefix);
  replace(false);
  EXPECT_EQ(StatesOf(disk_), (States{"a=old ", "a=old temp= ", "a=old temp=new ", "a=new "}));
  for (const CrashLevel level : {CrashLevel::kReordered, CrashLevel::kWeak}) {
    Reset(level);
    replace(false);
    EXPECT_TRUE(StatesOf(disk_).contains("a= "));
    Reset(level);
    replace(true);
    const States after = StatesOf(disk_);
    EXPECT_EQ(after, level == CrashLevel::kReordered
                         ? (States{"a=old ", "a=old temp=new ", "a=new "})
                         : (States{"a=old ", "a=old temp=new ", "a=new "}));
    SyncDirectory();
    EXPECT_EQ(StatesOf(disk_), States{"a=new "});
  }
}

TEST_F(CrashStatesTest, AFileIsNotThereIfItsDirectoryWasNeverSynced) {
  for (const CrashLevel level : {CrashLevel::kReordered, CrashLevel::kWeak}) {
    Reset(level);
    disk_.Sync(Write("a", "12"));
    EXPECT_EQ(StatesOf(disk_), (States{"", "a=12 "}));
    SyncDirectory();
    EXPECT_EQ(StatesOf(disk_), States{"a=12 "});
  }
}

TEST_F(CrashStatesTest, AnUnlinkMayBeUndone) {
  Reset(CrashLevel::kWeak);
  disk_.Place("a", "1");
  disk_.Place("b", "2");
  disk_.Unlink("a");
  disk_.Unlink("b");
  EXPECT_EQ(StatesOf(disk_), (States{"", "a=1 ", "b=2 ", "a=1 b=2 "}));
  Reset(CrashLevel::kReordered);
  disk_.Place("a", "1");
  disk_.Place("b", "2");
  disk_.Unlink("a");
  disk_.Unlink("b");
  EXPECT_EQ(StatesOf(disk_), (States{"", "b=2 ", "a=1 b=2 "}));
}

TEST_F(CrashStatesTest, ATruncateMayBeUndone) {
  for (const CrashLevel level : kLevels) {
    Reset(level);
    disk_.Place("a", "1234");
    disk_.Truncate("a", 2);
    States expected = {"a=1234 ", "a=12 "};
    if (level == CrashLevel::kWeak) expected.insert("a=12.. ");  // the size is written later
    EXPECT_EQ(StatesOf(disk_), expected);
  }
}

TEST_F(CrashStatesTest, AReplacedContentIsOldOrNewOrMissing) {
  Reset(CrashLevel::kReordered);
  disk_.Place("a", "old0");
  disk_.Sync(disk_.Open("a", Disk::kReadOnly));
  Write("a", "new", kNew);
  EXPECT_EQ(StatesOf(disk_), (States{"a=old0 ", "a= ", "a=new "}));
}

TEST_F(CrashStatesTest, ARenameBetweenDirectoriesIsAtomic) {
  for (const CrashLevel level : {CrashLevel::kReordered, CrashLevel::kWeak}) {
    Reset(level);
    disk_.Place("d/x", "0");
    disk_.Place("e/x", "0");
    disk_.Sync(Write("d/a", "1"));
    disk_.Rename("d/a", "e/a");
    const States before = StatesOf(disk_);
    EXPECT_EQ(before.count("d/ d/a=1 d/x=0 e/ e/a=1 e/x=0 "), 0u);
    SyncDirectory("e");  // takes the creation in d along
    EXPECT_EQ(StatesOf(disk_), States{"d/ d/x=0 e/ e/a=1 e/x=0 "});
    EXPECT_EQ(disk_.pending(), 0u);
  }
}

TEST_F(CrashStatesTest, DirectoriesThatAreNotSyncedAreLostWithTheirFiles) {
  Reset(CrashLevel::kWeak);
  disk_.MakeDirectory("d");
  disk_.Sync(Write("d/a", "1"));
  SyncDirectory("d");
  EXPECT_EQ(StatesOf(disk_), (States{"", "d/ d/a=1 "}));
  SyncDirectory();
  EXPECT_EQ(StatesOf(disk_), States{"d/ d/a=1 "});
}

TEST_F(CrashStatesTest, ADirectoryNeverHasTwoNames) {
  Reset(CrashLevel::kWeak);
  disk_.Place("d/a", "1");
  disk_.Place("o/x", "2");
  disk_.Rename("d", "e");
  disk_.Rename("e", "o/e");
  // Without the first rename the directory would be both d and o/e.
  EXPECT_EQ(StatesOf(disk_),
            (States{"d/ d/a=1 o/ o/x=2 ", "e/ e/a=1 o/ o/x=2 ", "o/ o/e/ o/e/a=1 o/x=2 "}));
  const uint32_t second_only[] = {2, 0, 1};
  FixedChoices choices(second_only);
  CrashStates states;
  states.Start(disk_);
  states.Draw(&choices);
  states.Materialize(&disk_);
  EXPECT_EQ(Tree(&disk_), "d/ d/a=1 o/ o/x=2 ");
}

// --- Properties of random histories.

// Random calls on a few names. Calls `check` after each.
void RandomCalls(uint64_t seed, int calls, Disk* disk, const std::function<void()>& check) {
  SeededChoices random(seed);
  const std::string names[] = {"a", "b", "d/a", "d/b"};
  disk->MakeDirectory("d");
  for (int i = 0; i < calls; ++i) {
    const std::string& name = names[random.Choose(4)];
    switch (random.Choose(8)) {
      case 0:
      case 1:
      case 2: {
        const int fd = disk->Open(name, random.Choose(4) == 0 ? kNew : kLog);
        disk->Write(fd, std::string(random.Choose(700), static_cast<char>('a' + i % 26)));
        disk->Close(fd);
        break;
      }
      case 3: {
        const int fd = disk->Open(name, kLog);
        disk->WriteAt(fd, std::string(1 + random.Choose(300), 'Z'), random.Choose(1000));
        disk->Close(fd);
        break;
      }
      case 4:
        disk->Truncate(name, random.Choose(900));
        break;
      case 5:
        disk->Rename(name, names[random.Choose(4)]);
        break;
      case 6:
        disk->Unlink(name);
        break;
      default: {
        const int fd = disk->Open(random.Choose(2) == 0 ? name : name.substr(0, name.find('/')),
                                  Disk::kReadOnly);
        disk->Sync(fd);
        disk->Close(fd);
      }
    }
    check();
  }
}

TEST_F(CrashStatesTest, EachLevelAllowsTheStatesOfTheOneBefore) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    std::vector<States> found;
    for (const CrashLevel level : kLevels) {
      Reset(level);
      RandomCalls(seed, 7, &disk_, [] {});
      found.push_back(StatesOf(disk_));
    }
    EXPECT_TRUE(std::ranges::includes(found[1], found[0])) << seed;
    EXPECT_TRUE(std::ranges::includes(found[2], found[1])) << seed;
  }
}

TEST_F(CrashStatesTest, KeepingEverythingIsThePageCacheAndKeepingNothingIsLessThanASync) {
  for (const CrashLevel level : kLevels) {
    for (const uint32_t unit : {512u, 4096u}) {
      for (uint64_t seed = 0; seed < 20; ++seed) {
        Reset(level, unit);
        CrashStates states;
        RandomCalls(seed, 60, &disk_, [&] {
          states.Start(disk_);
          states.KeepAll();
          ASSERT_EQ(states.hash(), disk_.StateHash());
        });
        disk_.SyncAll();
        states.Start(disk_);
        states.DropAll();
        EXPECT_EQ(states.hash(), disk_.StateHash());
      }
    }
  }
}

TEST_F(CrashStatesTest, EachListedStateIsReachedByItsChoices) {
  for (const CrashLevel level : kLevels) {
    for (uint64_t seed = 0; seed < 10; ++seed) {
      Reset(level, 512);
      RandomCalls(seed, 12, &disk_, [] {});
      CrashStates states;
      states.Start(disk_);
      states.List(200, seed);
      uint64_t listed = 0;
      std::set<uint64_t> hashes;
      while (states.Next()) {
        ++listed;
        EXPECT_TRUE(hashes.insert(states.hash()).second);
        EXPECT_FALSE(states.Describe().empty());
        const std::vector<uint32_t> numbers = states.choices();
        FixedChoices choices(numbers);
        Disk again;
        again.Reset(disk_.options(), &choices);
        RandomCalls(seed, 12, &again, [] {});
        again.Crash(CrashKind::kMachine);
        EXPECT_EQ(again.StateHash(), states.hash());
        EXPECT_EQ(again.pending(), 0u);
      }
      EXPECT_LE(listed, std::min<uint64_t>(200, states.Count()));
    }
  }
}

TEST_F(CrashStatesTest, ASampleBeginsWithTheExtremes) {
  Reset(CrashLevel::kWeak, 512);
  RandomCalls(3, 40, &disk_, [] {});
  CrashStates states;
  states.Start(disk_);
  EXPECT_GT(states.Count(), 100u);
  states.List(100, 1);
  ASSERT_TRUE(states.Next());
  const uint64_t nothing = states.hash();
  ASSERT_TRUE(states.Next());
  EXPECT_EQ(states.hash(), disk_.StateHash());
  uint64_t listed = 2;
  while (states.Next()) ++listed;
  EXPECT_EQ(listed, 100u);
  states.DropAll();
  EXPECT_EQ(states.hash(), nothing);
}

TEST_F(CrashStatesTest, TheCountIsAnUpperBoundThatSaturates) {
  Reset(CrashLevel::kWeak, 512);
  const int fd = disk_.Open("a", kLog);
  for (int i = 0; i < 100; ++i) disk_.Write(fd, std::string(512, 'x'));
  CrashStates states;
  states.Start(disk_);
  EXPECT_EQ(states.Count(), UINT64_MAX);
}

}  // namespace
}  // namespace resprobe
