#include "sim/disk/disk.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <vector>

#include "sim/disk/disk_files.h"
#include "sim/disk/disk_trace.h"

namespace resprobe {
namespace {

constexpr uint32_t kNew = Disk::kWriteOnly | Disk::kCreate | Disk::kTruncate;
constexpr uint32_t kLog = Disk::kWriteOnly | Disk::kCreate | Disk::kAppend;

class DiskTest : public testing::Test {
 protected:
  DiskTest() { disk_.Reset(); }
  std::string Read(std::string_view path) {
    const int fd = disk_.Open(path, Disk::kReadOnly);
    if (fd < 0) return ErrorName(fd);
    std::string text(10000, '\0');
    const int64_t size = disk_.Read(fd, text);
    disk_.Close(fd);
    if (size < 0) return ErrorName(size);
    text.resize(static_cast<size_t>(size));
    return text;
  }
  Disk disk_;
};

// --- System calls.

TEST_F(DiskTest, WritesAndReads) {
  const int fd = disk_.Open("a", Disk::kReadWrite | Disk::kCreate);
  EXPECT_EQ(fd, 0);
  EXPECT_EQ(disk_.Write(fd, "hello"), 5);
  EXPECT_EQ(disk_.WriteAt(fd, "J", 0), 1);
  EXPECT_EQ(disk_.Seek(fd, -2, Disk::Whence::kEnd), 3);
  char two[4];
  EXPECT_EQ(disk_.Read(fd, two), 2);
  EXPECT_EQ(std::string(two, 2), "lo");
  EXPECT_EQ(disk_.Read(fd, two), 0);
  EXPECT_EQ(disk_.Size(fd), 5);
  EXPECT_EQ(disk_.Truncate(fd, 7), 0);
  EXPECT_EQ(disk_.Truncate("a", 8), 0);
  EXPECT_EQ(Read("/a"), std::string("Jello\0\0\0", 8));
  EXPECT_EQ(disk_.WriteAt(fd, "x", 10), 1);
  EXPECT_EQ(disk_.Size("a"), 11);
  EXPECT_EQ(disk_.Close(fd), 0);
  EXPECT_EQ(disk_.Close(fd), -EBADF);
  EXPECT_EQ(disk_.Open("a", Disk::kWriteOnly | Disk::kTruncate), 0);
  EXPECT_EQ(disk_.Size("a"), 0);
}

TEST_F(DiskTest, AppendsAtTheEndWhateverTheOffset) {
  const int fd = disk_.Open("a", kLog);
  const int other = disk_.Open("a", Disk::kWriteOnly);
  EXPECT_EQ(other, 1);
  disk_.Write(other, "12");
  disk_.Seek(fd, 0, Disk::Whence::kSet);
  disk_.Write(fd, "34");
  disk_.Write(other, "56");
  EXPECT_EQ(Read("a"), "1256");
}

TEST_F(DiskTest, NamesAndDirectories) {
  std::vector<std::string> names;
  EXPECT_EQ(disk_.MakeDirectory("d"), 0);
  EXPECT_EQ(disk_.MakeDirectory("d"), -EEXIST);
  EXPECT_EQ(disk_.MakeDirectory("e/f"), -ENOENT);
  const int fd = disk_.Open("d/b", kNew);
  disk_.Write(fd, "1");
  disk_.Open("d/a", kNew);
  EXPECT_EQ(disk_.List("d", &names), 0);
  EXPECT_EQ(names, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(disk_.Rename("d/b", "c"), 0);
  EXPECT_EQ(Read("d/b"), "ENOENT");
  EXPECT_EQ(Read("c"), "1");
  EXPECT_EQ(disk_.Rename("c", "d/a"), 0);  // replaces
  EXPECT_EQ(Read("d/a"), "1");
  EXPECT_EQ(disk_.Rename("c", "d/a"), -ENOENT);
  EXPECT_EQ(disk_.RemoveDirectory("d"), -ENOTEMPTY);
  EXPECT_EQ(disk_.Unlink("d"), -EISDIR);
  EXPECT_EQ(disk_.Unlink("d/a"), 0);
  disk_.Write(fd, "2");  // a file without a name
  EXPECT_EQ(disk_.Size(fd), 2);
  EXPECT_EQ(disk_.RemoveDirectory("d"), 0);
  EXPECT_EQ(disk_.List("d", &names), -ENOENT);
}

TEST_F(DiskTest, RefusesWhatLinuxRefuses) {
  disk_.Place("d/f", "1");
  EXPECT_EQ(disk_.Open("x", Disk::kReadOnly), -ENOENT);
  EXPECT_EQ(disk_.Open("d/f/x", Disk::kReadOnly), -ENOTDIR);
  EXPECT_EQ(disk_.Open("d", kNew), -EISDIR);
  EXPECT_EQ(disk_.Open("d/f", Disk::kReadOnly | Disk::kDirectory), -ENOTDIR);
  EXPECT_EQ(disk_.Open("d/f", kNew | Disk::kExclusive), -EEXIST);
  EXPECT_EQ(disk_.Open("d/../f", Disk::kReadOnly), -EINVAL);
  EXPECT_EQ(disk_.Rename("d", "d/e"), -EINVAL);
  EXPECT_EQ(disk_.RemoveDirectory("d/f"), -ENOTDIR);
  const int fd = disk_.Open("d/f", Disk::kReadOnly);
  EXPECT_EQ(disk_.Write(fd, "x"), -EBADF);
  EXPECT_EQ(disk_.Truncate(fd, 0), -EINVAL);
  EXPECT_EQ(disk_.Seek(fd, -1, Disk::Whence::kSet), -EINVAL);
  char one[1];
  EXPECT_EQ(disk_.Read(disk_.Open("d", Disk::kReadOnly), one), -EISDIR);
  EXPECT_EQ(disk_.Read(disk_.Open("d/f", Disk::kWriteOnly), one), -EBADF);
  EXPECT_EQ(disk_.WriteAt(disk_.Open("d/f", Disk::kWriteOnly), "x", 1LL << 40), -EFBIG);
}

TEST_F(DiskTest, ResetForgetsEverything) {
  disk_.Place("d/f", "1");
  disk_.Open("d/f", Disk::kReadOnly);
  disk_.Inject(MakeDiskFault(DiskFaultKind::kOpenError));
  const uint64_t full = disk_.StateHash();
  disk_.Reset();
  EXPECT_NE(disk_.StateHash(), full);
  EXPECT_EQ(disk_.Open("d/f", Disk::kReadOnly), -ENOENT);
  EXPECT_EQ(disk_.io_count(), 1u);
}

TEST_F(DiskTest, ManyFilesThatComeAndGoNeedFewInodes) {
  for (int i = 0; i < 1000; ++i) {
    const int fd = disk_.Open("temp", kNew);
    disk_.Write(fd, std::to_string(i));
    disk_.Sync(fd);
    disk_.Close(fd);
    disk_.Rename("temp", "final");
    disk_.SyncAll();
  }
  EXPECT_EQ(Read("final"), "999");
  EXPECT_EQ(disk_.pending(), 0u);
}

// --- What is durable. kMachine with choices of 0 keeps nothing that is pending.

TEST_F(DiskTest, SyncOfAFileKeepsItsContentAndSyncOfTheDirectoryItsName) {
  DiskOptions options;
  options.level = CrashLevel::kReordered;
  disk_.Reset(options);
  disk_.MakeDirectory("d");
  int fd = disk_.Open("d/f", kLog);
  disk_.Write(fd, "12");
  EXPECT_EQ(disk_.Sync(fd), 0);
  EXPECT_EQ(disk_.pending(), 2u);  // two names
  EXPECT_EQ(disk_.Sync(disk_.Open("d", Disk::kReadOnly)), 0);
  EXPECT_EQ(disk_.pending(), 0u);
  disk_.Write(fd, "34");
  disk_.Crash(CrashKind::kMachine);
  EXPECT_EQ(Read("d/f"), "12");
  EXPECT_EQ(disk_.Write(fd, "x"), -EBADF);
}

TEST_F(DiskTest, APendingNameOfADirectoryTakesEverythingBelowWithIt) {
  DiskOptions options;
  options.level = CrashLevel::kWeak;
  disk_.Reset(options);
  disk_.MakeDirectory("d");
  const int fd = disk_.Open("d/f", kLog);
  disk_.Write(fd, "12");
  disk_.Sync(fd);
  disk_.Sync(disk_.Open("d", Disk::kReadOnly));
  disk_.Crash(CrashKind::kMachine);
  EXPECT_EQ(Read("d/f"), "ENOENT");
}

TEST_F(DiskTest, SyncAtLevelPrefixKeepsEverythingBefore) {
  disk_.Open("first", kNew);
  disk_.Write(0, "1");
  const int fd = disk_.Open("second", kNew);
  disk_.Write(fd, "2");
  disk_.Sync(fd);
  disk_.Write(fd, "3");
  disk_.Crash(CrashKind::kMachine);
  EXPECT_EQ(Read("first"), "1");
  EXPECT_EQ(Read("second"), "2");
}

TEST_F(DiskTest, KillKeepsThePageCache) {
  const int fd = disk_.Open("a", kLog);
  disk_.Write(fd, "12");
  disk_.Crash(CrashKind::kProcess);
  EXPECT_EQ(Read("a"), "12");
  EXPECT_EQ(disk_.Close(fd), -EBADF);
  disk_.Crash(CrashKind::kMachine);  // it was never synced
  EXPECT_EQ(Read("a"), "ENOENT");
}

TEST_F(DiskTest, ASyncThatTakesTimeCoversWhatWasWrittenBeforeItsStart) {
  for (const CrashLevel level : {CrashLevel::kPrefix, CrashLevel::kReordered, CrashLevel::kWeak}) {
    DiskOptions options;
    options.level = level;
    options.sync_us = 70;
    disk_.Reset(options);
    disk_.Place("a", "");
    const int fd = disk_.Open("a", kLog);
    disk_.Write(fd, "12");
    EXPECT_EQ(disk_.sync_delay_us(), 70);
    const uint64_t start = disk_.sync_point();
    disk_.Write(fd, "34");
    EXPECT_EQ(disk_.Sync(fd, start), 0);
    disk_.Crash(CrashKind::kMachine);
    EXPECT_EQ(Read("a"), "12");
    // The same for names.
    const int directory = disk_.Open("", Disk::kReadOnly | Disk::kDirectory);
    disk_.Open("b", kLog);
    const uint64_t before = disk_.sync_point();
    disk_.Open("c", kLog);
    EXPECT_EQ(disk_.Sync(directory, before), 0);
    disk_.Crash(CrashKind::kMachine);
    EXPECT_EQ(Read("b"), "");
    EXPECT_EQ(Read("c"), "ENOENT");
  }
}

TEST_F(DiskTest, WhatIsPendingSurvivesThatTheRestIsSynced) {
  DiskOptions options;
  options.level = CrashLevel::kReordered;
  disk_.Reset(options);
  disk_.Place("a", "");
  disk_.Place("b", "");
  const int a = disk_.Open("a", kLog);
  const int b = disk_.Open("b", kLog);
  disk_.Write(a, std::string(100'000, 'x'));
  disk_.Write(b, "12");
  disk_.Write(a, "y");
  disk_.Write(b, "34");
  EXPECT_EQ(disk_.Sync(a), 0);
  EXPECT_EQ(disk_.pending(), 2u);
  disk_.Write(b, std::string(200'000, 'z'));
  disk_.Truncate(b, 5);
  EXPECT_EQ(disk_.Sync(b), 0);
  disk_.Crash(CrashKind::kMachine);
  EXPECT_EQ(Read("b"), "1234z");
  EXPECT_EQ(disk_.Size("a"), 100'001);
}

TEST_F(DiskTest, TheKernelWritesTheOldestBackByItself) {
  const int fd = disk_.Open("a", kLog);
  for (int i = 0; i < 10; ++i) disk_.Write(fd, "x");
  disk_.WriteBack(3);
  EXPECT_EQ(disk_.pending(), 3u);
  disk_.Crash(CrashKind::kMachine);
  EXPECT_EQ(Read("a"), "xxxxxxx");
}

// --- Crash in the middle of a series of calls.

TEST_F(DiskTest, FreezesAtTheNthCall) {
  disk_.CrashAt(3);
  const int fd = disk_.Open("a", kLog);
  EXPECT_EQ(disk_.Write(fd, "1"), 1);
  EXPECT_FALSE(disk_.frozen());
  EXPECT_EQ(disk_.Write(fd, "2"), -EIO);
  EXPECT_TRUE(disk_.frozen());
  EXPECT_EQ(disk_.Sync(fd), -EIO);
  EXPECT_EQ(disk_.Rename("a", "b"), -EIO);
  EXPECT_EQ(disk_.Size(fd), -EIO);
  EXPECT_EQ(disk_.io_count(), 5u);
  disk_.Crash(CrashKind::kProcess);
  EXPECT_FALSE(disk_.frozen());
  EXPECT_EQ(Read("a"), "1");
  EXPECT_EQ(Read("b"), "ENOENT");
}

TEST_F(DiskTest, FreezesWithinAWrite) {
  disk_.CrashAt(2, /*part=*/3);
  const int fd = disk_.Open("a", kLog);
  EXPECT_EQ(disk_.Write(fd, "12345"), -EIO);
  EXPECT_EQ(disk_.Write(fd, "12345"), -EIO);
  disk_.Crash(CrashKind::kProcess);
  EXPECT_EQ(Read("a"), "123");
}

TEST_F(DiskTest, CountsCallsThatCanFailOnly) {
  const int fd = disk_.Open("a", kLog);
  disk_.Size(fd);
  disk_.Seek(fd, 0, Disk::Whence::kSet);
  disk_.Close(fd);
  EXPECT_EQ(disk_.io_count(), 1u);
}

TEST_F(DiskTest, TheVersionStandsStillWhileACrashHasTheSameStates) {
  disk_.Place("a", "1");
  const uint64_t before = disk_.version();
  const int fd = disk_.Open("a", kLog);
  Read("a");
  disk_.Sync(fd);
  EXPECT_EQ(disk_.version(), before);
  disk_.Write(fd, "1");
  EXPECT_NE(disk_.version(), before);
  const uint64_t written = disk_.version();
  disk_.Sync(fd);
  EXPECT_NE(disk_.version(), written);
}

// --- Observers.

TEST_F(DiskTest, TraceOfCalls) {
  DiskTrace trace;
  disk_.set_observer(&trace);
  const int fd = disk_.Open("a", kLog);
  disk_.Write(fd, "12");
  disk_.Sync(fd);
  disk_.Close(fd);
  disk_.Rename("a", "b");
  disk_.Unlink("c");
  EXPECT_EQ(trace.text(),
            "1 open a = 0\n"
            "2 write a 2 bytes at 0 = 2\n"
            "3 fsync a = 0\n"
            "4 rename a to b = 0\n"
            "5 unlink c = ENOENT\n");
  disk_.set_observer(nullptr);
}

// --- The core's file system on it.

TEST_F(DiskTest, FilesOfTheCore) {
  disk_.MakeDirectory("data");
  DiskFiles files(&disk_, "data");
  EXPECT_EQ(files.MakeDirectory("appendonlydir"), 0);
  EXPECT_EQ(files.MakeDirectory("appendonlydir"), 0);
  int fd = files.Open("appendonlydir/x", FileSystem::Mode::kAppend);
  EXPECT_EQ(files.Write(fd, "12"), 2);
  EXPECT_EQ(files.Write(fd, "34"), 2);
  EXPECT_EQ(files.Truncate(fd, 3), 0);
  EXPECT_EQ(files.Size(fd), 3);
  EXPECT_EQ(files.Sync(fd), 0);
  EXPECT_EQ(files.Close(fd), 0);
  EXPECT_EQ(files.Rename("appendonlydir/x", "appendonlydir/y"), 0);
  EXPECT_EQ(files.SyncDirectory("appendonlydir"), 0);
  EXPECT_EQ(files.SyncDirectory(""), 0);
  std::vector<std::string> names;
  EXPECT_EQ(files.List("appendonlydir", &names), 0);
  EXPECT_EQ(names, std::vector<std::string>{"y"});
  EXPECT_EQ(files.Open("none", FileSystem::Mode::kRead), -ENOENT);
  fd = files.Open("appendonlydir/y", FileSystem::Mode::kRead);
  char text[10];
  EXPECT_EQ(files.Read(fd, text), 3);
  files.Close(fd);
  files.Open("appendonlydir/y", FileSystem::Mode::kReplace);
  EXPECT_EQ(disk_.Size("data/appendonlydir/y"), 0);
  EXPECT_EQ(files.Unlink("appendonlydir/y"), 0);
}

// --- A crash within a write, and what is pending.

TEST(DiskCrashInWriteTest, APartOfThatWriteIsMade) {
  Disk disk;
  disk.Reset();
  const int fd = disk.Open("a", Disk::kReadWrite | Disk::kCreate);
  disk.CrashInWrite(2, UINT8_MAX / 2);
  EXPECT_EQ(disk.Write(fd, "12"), 2);
  EXPECT_EQ(disk.Sync(fd), 0);
  EXPECT_LT(disk.Write(fd, "345678"), 0);
  EXPECT_TRUE(disk.frozen());
  EXPECT_LT(disk.Write(fd, "9"), 0);
  disk.Crash(CrashKind::kProcess);
  EXPECT_EQ(*disk.Content("a"), "1234");
  EXPECT_FALSE(disk.frozen());
}

TEST(DiskCrashInWriteTest, CrashAtTakesItBack) {
  Disk disk;
  disk.Reset();
  const int fd = disk.Open("a", Disk::kReadWrite | Disk::kCreate);
  disk.CrashInWrite(1, 0);
  disk.CrashAt(0);
  EXPECT_EQ(disk.Write(fd, "12"), 2);
}

TEST(DiskPendingTest, PathsOfDataAndNamesInOrder) {
  Disk disk;
  disk.Reset();
  disk.MakeDirectory("d");
  const uint64_t point = disk.sync_point();
  const int fd = disk.Open("d/a", Disk::kReadWrite | Disk::kCreate);
  disk.Write(fd, "12");
  disk.Rename("d/a", "d/b");
  std::string pending;
  disk.VisitPending([&](const std::string& path, bool name, uint64_t seq) {
    pending += path + (name ? " name" : " data") + (seq < point ? " old; " : "; ");
  });
  EXPECT_EQ(pending, "d name old; d/a name; d/b data; d/b name; ");
}

}  // namespace
}  // namespace resprobe
