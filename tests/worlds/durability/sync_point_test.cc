// What an fsync in a thread makes durable: what was written before the server asked for it.

#include <gtest/gtest.h>

#include <string>

#include "core/persistence/aof_log.h"
#include "sim/disk/disk.h"
#include "sim/disk/disk_files.h"

namespace resprobe {
namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr AofLog::Policy kEverySecond = {.fsync = AppendFsync::kEverySecond};

class SyncPointTest : public testing::Test {
 protected:
  SyncPointTest() {
    disk_.Reset({.level = CrashLevel::kReordered});
    disk_.Place("log", "");
    log_.Open(files_.Open("log", FileSystem::Mode::kAppend), 0, now_);
  }
  void Append(std::string_view text, bool force = false) {
    log_.Append(-1, text, now_);
    ASSERT_EQ(log_.Flush(kEverySecond, now_, force), AofLog::Flushed::kDone);
  }
  // What a power failure leaves of the log, if it keeps nothing that is pending.
  std::string AfterCrash() {
    disk_.Crash(CrashKind::kMachine);
    return *disk_.Content("log");
  }

  Disk disk_;
  DiskFiles files_{&disk_};
  AofLog log_{&files_, Profile::kValkey80};
  int64_t now_ = 1000 * kSecond;
};

TEST_F(SyncPointTest, WhatIsWrittenWhileAnFsyncRunsIsNotDurableByIt) {
  now_ += kSecond;
  Append("before ");
  ASSERT_TRUE(log_.fsync_in_progress());
  Append("during ", /*force=*/true);
  const uint64_t mark = log_.appended();
  log_.RunTasks();
  EXPECT_LT(log_.synced(), mark);
  EXPECT_EQ(AfterCrash(), "before ");
}

TEST_F(SyncPointTest, TheNextFsyncCoversIt) {
  now_ += kSecond;
  Append("before ");
  Append("during ", /*force=*/true);
  log_.RunTasks();
  now_ += 2 * kSecond;
  Append("after");
  log_.RunTasks();
  EXPECT_EQ(log_.synced(), log_.appended());
  EXPECT_EQ(AfterCrash(), "before during after");
}

}  // namespace
}  // namespace resprobe
