#include "sim/disk/disk_fault.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>
#include <string>

#include "sim/disk/disk.h"
#include "sim/disk/disk_trace.h"

namespace resprobe {
namespace {

constexpr uint32_t kLog = Disk::kReadWrite | Disk::kCreate | Disk::kAppend;

class DiskFaultTest : public testing::Test {
 protected:
  DiskFaultTest() { disk_.Reset(); }
  void Inject(DiskFaultKind kind, std::vector<int64_t> values = {}, uint32_t times = 1,
              uint64_t from = 0) {
    DiskFault fault = MakeDiskFault(kind, values);
    fault.times = times;
    fault.from = from;
    disk_.Inject(fault);
  }
  std::string Content(std::string_view path) {
    const std::string* content = disk_.Content(path);
    return content == nullptr ? "none" : *content;
  }
  // A power failure after which nothing is left that is pending.
  std::string AfterPowerFailure(std::string_view path) {
    disk_.Crash(CrashKind::kMachine);
    return Content(path);
  }
  Disk disk_;
};

TEST_F(DiskFaultTest, TheTableIsComplete) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < kDiskFaultKinds; ++i) {
    const DiskFaultInfo& info = DiskFaults()[i];
    EXPECT_EQ(static_cast<size_t>(info.kind), i);
    EXPECT_TRUE(names.insert(info.name).second);
    EXPECT_FALSE(info.calls.empty() || info.summary.empty() || info.caller_sees.empty());
    for (const DiskFaultAttribute& attribute : info.named()) {
      EXPECT_FALSE(attribute.unit.empty());
      EXPECT_LE(attribute.least, attribute.usual);
      EXPECT_LE(attribute.usual, attribute.most);
    }
  }
  const int64_t far[] = {-5, 99};
  EXPECT_EQ(MakeDiskFault(DiskFaultKind::kReadFlip, far).values[0], 0);
  EXPECT_EQ(MakeDiskFault(DiskFaultKind::kReadFlip, far).values[1], 7);
}

// --- fsync that fails.

TEST_F(DiskFaultTest, AFailedSyncMarksPagesCleanAndKeepsTheContentReadable) {
  const int fd = disk_.Open("a", kLog);
  disk_.Write(fd, "12");
  disk_.Sync(fd);
  disk_.Write(fd, "34");
  Inject(DiskFaultKind::kSyncFails);
  EXPECT_EQ(disk_.Sync(fd), -EIO);
  EXPECT_EQ(disk_.fault_counts()[DiskFaultKind::kSyncFails], 1u);
  EXPECT_EQ(Content("a"), "1234");
  EXPECT_EQ(disk_.Sync(fd), 0);  // and yet the data is not there
  EXPECT_EQ(AfterPowerFailure("a"), std::string("12\0\0", 4));
}

TEST_F(DiskFaultTest, APageThatIsDirtyAgainIsWrittenWhole) {
  const int fd = disk_.Open("a", kLog);
  disk_.Write(fd, std::string(4096, 'x') + "12");
  Inject(DiskFaultKind::kSyncFails);
  EXPECT_EQ(disk_.Sync(fd), -EIO);
  disk_.Write(fd, "34");  // the second page
  EXPECT_EQ(disk_.Sync(fd), 0);
  EXPECT_EQ(AfterPowerFailure("a"), std::string(4096, '\0') + "1234");
}

TEST_F(DiskFaultTest, AFailedSyncMayRevertTheContent) {
  const int fd = disk_.Open("a", kLog);
  disk_.Write(fd, "12");
  disk_.Sync(fd);
  disk_.Write(fd, "34");
  Inject(DiskFaultKind::kSyncFails, {static_cast<int64_t>(SyncFailure::kRevert)});
  EXPECT_EQ(disk_.Sync(fd), -EIO);
  EXPECT_EQ(Content("a"), "12");
  disk_.Write(fd, "56");
  EXPECT_EQ(disk_.Sync(fd), 0);
  EXPECT_EQ(AfterPowerFailure("a"), "1256");
}

TEST_F(DiskFaultTest, AFailedSyncMayBeToldByTheNextOne) {
  const int fd = disk_.Open("a", kLog);
  disk_.Write(fd, "12");
  Inject(DiskFaultKind::kSyncFails, {static_cast<int64_t>(SyncFailure::kLate)});
  EXPECT_EQ(disk_.Sync(fd), 0);
  EXPECT_EQ(disk_.Sync(fd), -EIO);
  EXPECT_EQ(disk_.Sync(fd), 0);
  EXPECT_EQ(AfterPowerFailure("a"), std::string(2, '\0'));
}

TEST_F(DiskFaultTest, AFailedSyncIsToldOncePerOpenFile) {
  const int fd = disk_.Open("a", kLog);
  const int other = disk_.Open("a", kLog);
  disk_.Write(fd, "12");
  Inject(DiskFaultKind::kSyncFails);
  EXPECT_EQ(disk_.Sync(fd), -EIO);
  EXPECT_EQ(disk_.Sync(disk_.Open("a", kLog)), 0);  // opened after it was told
  EXPECT_EQ(disk_.Sync(other), -EIO);
  EXPECT_EQ(disk_.Sync(other), 0);
  EXPECT_EQ(disk_.Sync(fd), 0);
}

TEST_F(DiskFaultTest, AnErrorThatWasNotToldYetIsToldToAFileOpenedLater) {
  const int fd = disk_.Open("a", kLog);
  disk_.Write(fd, "12");
  Inject(DiskFaultKind::kSyncFails, {static_cast<int64_t>(SyncFailure::kLate)});
  EXPECT_EQ(disk_.Sync(fd), 0);
  disk_.Close(fd);
  const int later = disk_.Open("a", kLog);
  EXPECT_EQ(disk_.Sync(later), -EIO);
  EXPECT_EQ(disk_.Sync(later), 0);
}

TEST_F(DiskFaultTest, AFailedSyncOfADirectoryLeavesItsNamesPending) {
  disk_.Open("a", kLog);
  const int directory = disk_.Open("", Disk::kReadOnly | Disk::kDirectory);
  Inject(DiskFaultKind::kSyncFails);
  EXPECT_EQ(disk_.Sync(directory), -EIO);
  EXPECT_EQ(disk_.pending(), 1u);
  EXPECT_EQ(disk_.Sync(directory), 0);
  EXPECT_EQ(disk_.pending(), 0u);
}

TEST_F(DiskFaultTest, ASlowSyncIsAnnouncedToTheOneWhoAsks) {
  const int fd = disk_.Open("a", kLog);
  EXPECT_EQ(disk_.sync_delay_us(), 0);
  disk_.Sync(fd);
  Inject(DiskFaultKind::kSlowSync, {30});
  EXPECT_EQ(disk_.sync_delay_us(), 30'000);
  EXPECT_EQ(disk_.sync_delay_us(), 30'000);
  disk_.Sync(fd);
  EXPECT_EQ(disk_.sync_delay_us(), 0);
  EXPECT_EQ(disk_.fault_counts()[DiskFaultKind::kSlowSync], 1u);
}

// --- No space.

TEST_F(DiskFaultTest, NoSpaceAfterAPart) {
  const int fd = disk_.Open("a", kLog);
  Inject(DiskFaultKind::kNoSpace, {3}, DiskFault::kForever);
  EXPECT_EQ(disk_.Write(fd, "12345"), 3);
  EXPECT_EQ(disk_.Write(fd, "45"), -ENOSPC);
  EXPECT_EQ(Content("a"), "123");
  disk_.Heal();
  EXPECT_EQ(disk_.Write(fd, "45"), 2);
  EXPECT_EQ(disk_.fault_counts()[DiskFaultKind::kNoSpace], 2u);
}

TEST_F(DiskFaultTest, AFullFileSystem) {
  disk_.set_space_bytes(10);
  const int a = disk_.Open("a", kLog);
  const int b = disk_.Open("b", kLog);
  EXPECT_EQ(disk_.Write(a, "1234567"), 7);
  EXPECT_EQ(disk_.Write(b, "1234567"), 3);
  EXPECT_EQ(disk_.Write(b, "4567"), -ENOSPC);
  EXPECT_EQ(disk_.WriteAt(b, "abc", 0), 3);  // what is there can be overwritten
  EXPECT_EQ(disk_.Truncate(a, 0), 0);
  EXPECT_EQ(disk_.Write(b, "4567"), 4);
  disk_.set_space_bytes(2);
  EXPECT_EQ(disk_.WriteAt(b, "xyz", 0), 3);
  EXPECT_EQ(disk_.Write(b, "8"), -ENOSPC);
}

// --- Errors.

TEST_F(DiskFaultTest, ErrorsOfEachCall) {
  const int fd = disk_.Open("a", kLog);
  disk_.Write(fd, "12");
  char text[2];
  Inject(DiskFaultKind::kReadError);
  EXPECT_EQ(disk_.ReadAt(fd, text, 0), -EIO);
  EXPECT_EQ(disk_.ReadAt(fd, text, 0), 2);
  Inject(DiskFaultKind::kWriteError);
  EXPECT_EQ(disk_.Write(fd, "34"), -EIO);
  Inject(DiskFaultKind::kWriteError);
  EXPECT_EQ(disk_.Truncate(fd, 0), -EIO);
  EXPECT_EQ(Content("a"), "12");
  Inject(DiskFaultKind::kOpenError);
  EXPECT_EQ(disk_.Open("b", kLog), -EIO);
  EXPECT_EQ(Content("b"), "none");
  Inject(DiskFaultKind::kRenameError, {}, 4);
  EXPECT_EQ(disk_.Rename("a", "b"), -EIO);
  EXPECT_EQ(disk_.Unlink("a"), -EIO);
  EXPECT_EQ(disk_.MakeDirectory("d"), -EIO);
  EXPECT_EQ(disk_.RemoveDirectory("d"), -EIO);
  EXPECT_EQ(disk_.Rename("a", "b"), 0);
}

TEST_F(DiskFaultTest, InterruptedCallsHaveNoEffect) {
  const int fd = disk_.Open("a", kLog);
  disk_.Write(fd, "12");
  char text[2];
  Inject(DiskFaultKind::kInterrupted, {}, 4);
  EXPECT_EQ(disk_.Open("b", kLog), -EINTR);
  EXPECT_EQ(disk_.Write(fd, "34"), -EINTR);
  EXPECT_EQ(disk_.ReadAt(fd, text, 0), -EINTR);
  EXPECT_EQ(disk_.Sync(fd), -EINTR);
  EXPECT_EQ(disk_.Sync(fd), 0);
  EXPECT_EQ(Content("a"), "12");
  EXPECT_EQ(Content("b"), "none");
}

TEST_F(DiskFaultTest, ShortReadsAndWrites) {
  const int fd = disk_.Open("a", kLog);
  Inject(DiskFaultKind::kShortWrite, {2});
  EXPECT_EQ(disk_.Write(fd, "12345"), 2);
  EXPECT_EQ(disk_.Write(fd, "345"), 3);
  Inject(DiskFaultKind::kShortRead, {4});
  char text[8];
  EXPECT_EQ(disk_.ReadAt(fd, text, 0), 4);
  EXPECT_EQ(disk_.ReadAt(fd, text, 0), 5);
}

TEST_F(DiskFaultTest, FlippedBits) {
  const int fd = disk_.Open("a", kLog);
  disk_.Write(fd, "aaaa");
  char text[4];
  Inject(DiskFaultKind::kReadFlip, {500, 0});
  EXPECT_EQ(disk_.ReadAt(fd, text, 0), 4);
  EXPECT_EQ(std::string(text, 4), "aa`a");
  EXPECT_EQ(Content("a"), "aaaa");
  Inject(DiskFaultKind::kRestFlip, {999, 1});
  disk_.Open("a", Disk::kReadOnly);
  EXPECT_EQ(Content("a"), "aaac");
  EXPECT_EQ(disk_.fault_counts()[DiskFaultKind::kRestFlip], 1u);
}

TEST_F(DiskFaultTest, ReadOnly) {
  const int fd = disk_.Open("a", kLog);
  disk_.Write(fd, "12");
  Inject(DiskFaultKind::kReadOnly, {}, DiskFault::kForever);
  EXPECT_EQ(disk_.Write(fd, "34"), -EROFS);
  EXPECT_EQ(disk_.Truncate(fd, 0), -EROFS);
  EXPECT_EQ(disk_.Open("a", kLog), -EROFS);
  EXPECT_EQ(disk_.Rename("a", "b"), -EROFS);
  EXPECT_EQ(disk_.Unlink("a"), -EROFS);
  EXPECT_EQ(disk_.MakeDirectory("d"), -EROFS);
  EXPECT_GE(disk_.Open("a", Disk::kReadOnly), 0);
  disk_.Heal();
  EXPECT_EQ(disk_.Write(fd, "34"), 2);
}

// --- When.

TEST_F(DiskFaultTest, FromTheNthCallOnceOrFromThenOn) {
  const int fd = disk_.Open("a", kLog);  // 1
  Inject(DiskFaultKind::kWriteError, {}, 1, /*from=*/3);
  EXPECT_EQ(disk_.Write(fd, "x"), 1);     // 2
  EXPECT_EQ(disk_.Sync(fd), 0);           // 3: not a write
  EXPECT_EQ(disk_.Write(fd, "x"), -EIO);  // 4
  EXPECT_EQ(disk_.Write(fd, "x"), 1);
  Inject(DiskFaultKind::kWriteError, {}, DiskFault::kForever, disk_.io_count() + 2);
  EXPECT_EQ(disk_.Write(fd, "x"), 1);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(disk_.Write(fd, "x"), -EIO);
  EXPECT_EQ(disk_.fault_counts()[DiskFaultKind::kWriteError], 6u);
}

TEST_F(DiskFaultTest, ByARatioAsTheChoicesSay) {
  SeededChoices choices(1);
  disk_.Reset({}, &choices);
  const int fd = disk_.Open("a", kLog);
  DiskFault fault = MakeDiskFault(DiskFaultKind::kWriteError);
  fault.times = DiskFault::kForever;
  fault.one_in = 4;
  disk_.Inject(fault);
  int failed = 0;
  for (int i = 0; i < 1000; ++i) failed += disk_.Write(fd, "x") < 0 ? 1 : 0;
  EXPECT_NEAR(failed, 250, 50);
}

// --- Faults of chaos.

TEST_F(DiskFaultTest, ALostSyncReportsSuccessAndALaterOneMakesUpForIt) {
  const int fd = disk_.Open("a", kLog);
  disk_.Sync(disk_.Open("", Disk::kDirectory));
  disk_.Write(fd, "12");
  Inject(DiskFaultKind::kSyncLost);
  EXPECT_EQ(disk_.Sync(fd), 0);
  EXPECT_EQ(disk_.fault_counts()[DiskFaultKind::kSyncLost], 1u);
  EXPECT_GT(disk_.pending(), 0u);
  Disk failed;
  failed.CopyFrom(disk_);
  failed.Crash(CrashKind::kMachine);
  EXPECT_EQ(*failed.Content("a"), "");
  EXPECT_EQ(disk_.Sync(fd), 0);
  EXPECT_EQ(AfterPowerFailure("a"), "12");
}

TEST_F(DiskFaultTest, AFlippedBitIsWritten) {
  const int fd = disk_.Open("a", kLog);
  Inject(DiskFaultKind::kWriteFlip, {500, 0});
  EXPECT_EQ(disk_.Write(fd, "abcd"), 4);
  EXPECT_EQ(Content("a"), "abbd");
  EXPECT_EQ(disk_.Write(fd, "abcd"), 4);
  EXPECT_EQ(Content("a"), "abbdabcd");
}

TEST_F(DiskFaultTest, ASlowWriteTakesTimeOnce) {
  const int fd = disk_.Open("a", kLog);
  Inject(DiskFaultKind::kSlowWrite, {30}, 2);
  disk_.Write(fd, "1");
  disk_.Write(fd, "2");
  disk_.Write(fd, "3");
  EXPECT_EQ(disk_.TakeDelay(), 60'000);
  EXPECT_EQ(disk_.TakeDelay(), 0);
}

TEST_F(DiskFaultTest, ASyncThatFailsLateIsCountedByItself) {
  const int fd = disk_.Open("a", kLog);
  disk_.Write(fd, "1");
  Inject(DiskFaultKind::kSyncFails, {static_cast<int64_t>(SyncFailure::kLate)});
  EXPECT_EQ(disk_.Sync(fd), 0);
  Inject(DiskFaultKind::kSyncFails);
  EXPECT_EQ(disk_.Sync(fd), -EIO);
  EXPECT_EQ(disk_.fault_counts()[DiskFaultKind::kSyncFails], 2u);
  EXPECT_EQ(disk_.fault_counts().late(), 1u);
}

}  // namespace
}  // namespace resprobe
