#include "core/persistence/aof_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "tests/core/persistence/faulty_files.h"
#include "tests/core/persistence/recording_log.h"

namespace resprobe {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Flushed = AofLog::Flushed;
using Mode = FileSystem::Mode;

constexpr int64_t kSecond = 1'000'000;
constexpr AofLog::Policy kAlways = {.fsync = AppendFsync::kAlways};
constexpr AofLog::Policy kEverySecond = {.fsync = AppendFsync::kEverySecond};
constexpr AofLog::Policy kNo = {.fsync = AppendFsync::kNo};
constexpr std::string_view kSelect0 = "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n";
constexpr std::string_view kSelect9 = "*2\r\n$6\r\nSELECT\r\n$1\r\n9\r\n";

class AofLogTest : public testing::Test {
 protected:
  void Begin(Profile profile = Profile::kRedis70) {
    log = std::make_unique<AofLog>(&files, profile, &lines);
    file = files.Open("log", Mode::kAppend);
    log->Open(file, 0, now);
    files.Calls();
  }
  std::string Written() { return *files.Find("log"); }
  Flushed Flush(const AofLog::Policy& policy, bool force = false) {
    return log->Flush(policy, now, force);
  }
  // A command in database 0, after the SELECT of the file has been written.
  void Selected(const AofLog::Policy& policy) {
    log->Append(0, "first", now);
    EXPECT_EQ(Flush(policy), Flushed::kDone);
    log->RunTasks();
    files.Calls();
  }

  FaultyFiles files;
  RecordingLog lines;
  std::unique_ptr<AofLog> log;
  int file = -1;
  int64_t now = 1'700'000'000 * kSecond;
};

TEST_F(AofLogTest, SelectComesFirstInAFileAndBeforeAnotherDatabase) {
  Begin();
  log->Append(0, "a", now);
  log->Append(0, "b", now);
  log->Append(9, "c", now);
  log->Append(-1, "multi", now);
  log->Append(9, "d", now);
  EXPECT_EQ(Flush(kNo), Flushed::kDone);
  EXPECT_EQ(Written(), std::string(kSelect0) + "ab" + std::string(kSelect9) + "cmultid");
  files.Calls();
  const int next = files.Open("next", Mode::kAppend);
  log->Switch(next, now);
  log->Append(9, "e", now);
  EXPECT_EQ(Flush(kNo), Flushed::kDone);
  EXPECT_EQ(*files.Find("next"), std::string(kSelect9) + "e");
  EXPECT_EQ(log->appended(), kSelect0.size() + 2 * kSelect9.size() + 10);
}

TEST_F(AofLogTest, TimestampsComeWhenTheSecondChanges) {
  Begin();
  log->set_timestamps(true);
  log->Append(0, "a", now);
  log->Append(0, "b", now + kSecond - 1);
  log->Append(0, "c", now + kSecond);
  EXPECT_EQ(Flush(kNo), Flushed::kDone);
  EXPECT_EQ(Written(), "#TS:1700000000\r\n" + std::string(kSelect0) + "ab#TS:1700000001\r\nc");
}

TEST_F(AofLogTest, OneWriteForAllCommandsOfAnEventLoop) {
  Begin();
  log->Append(0, "a", now);
  log->Append(0, "b", now);
  EXPECT_EQ(Flush(kNo), Flushed::kDone);
  EXPECT_THAT(files.Calls(), ElementsAre("write 0 25"));
  EXPECT_EQ(Flush(kNo), Flushed::kDone);
  EXPECT_THAT(files.Calls(), IsEmpty());
}

TEST_F(AofLogTest, ShortWritesAndInterruptsAreContinued) {
  Begin();
  log->Append(0, "ab", now);
  files.most_at_once = 20;
  files.write_errors = {-EINTR, 0, -EINTR};
  EXPECT_EQ(Flush(kNo), Flushed::kDone);
  EXPECT_THAT(files.Calls(), ElementsAre("write 0 20", "write 0 5"));
}

// --- appendfsync always.

TEST_F(AofLogTest, AlwaysSyncsAfterEachWrite) {
  Begin();
  log->Append(0, "a", now);
  EXPECT_EQ(Flush(kAlways), Flushed::kDone);
  EXPECT_THAT(files.Calls(), ElementsAre("write 0 24", "sync 0"));
  EXPECT_EQ(log->synced(), log->appended());
  EXPECT_EQ(Flush(kAlways), Flushed::kDone);
  EXPECT_THAT(files.Calls(), IsEmpty());
}

TEST_F(AofLogTest, AlwaysSyncsWhatWasWrittenUnderAnotherPolicy) {
  Begin();
  log->Append(0, "a", now);
  EXPECT_EQ(Flush(kNo), Flushed::kDone);
  EXPECT_EQ(log->synced(), 0u);
  files.Calls();
  EXPECT_EQ(Flush(kAlways), Flushed::kDone);
  EXPECT_THAT(files.Calls(), ElementsAre("sync 0"));
}

TEST_F(AofLogTest, AlwaysAFailedWriteEndsTheServer) {
  Begin();
  log->Append(0, "a", now);
  files.write_errors = {-EIO};
  EXPECT_EQ(Flush(kAlways), Flushed::kFatal);
  EXPECT_THAT(lines.Take(),
              ElementsAre("Error writing to the AOF file: Input/output error",
                          "Can't recover from AOF write error when the AOF fsync policy is "
                          "'always'. Exiting..."));
}

TEST_F(AofLogTest, AlwaysAShortWriteIsTakenBackAndEndsTheServer) {
  Begin();
  log->Append(0, "a", now);
  files.room = 10;
  EXPECT_EQ(Flush(kAlways), Flushed::kFatal);
  EXPECT_EQ(Written(), "");
  EXPECT_THAT(lines.Take(),
              ElementsAre("Short write while writing to the AOF file: (nwritten=10, expected=24)",
                          "Can't recover from AOF write error when the AOF fsync policy is "
                          "'always'. Exiting..."));
}

TEST_F(AofLogTest, AlwaysAFailedFsyncEndsTheServer) {
  Begin();
  log->Append(0, "a", now);
  files.sync_errors = {-EIO};
  EXPECT_EQ(Flush(kAlways), Flushed::kFatal);
  EXPECT_THAT(lines.Take(), ElementsAre("Can't persist AOF for fsync error when the AOF fsync "
                                        "policy is 'always': Input/output error. Exiting..."));
}

TEST_F(AofLogTest, NothingIsSyncedWhileFsyncIsHeld) {
  Begin();
  log->Append(0, "a", now);
  EXPECT_EQ(Flush({.fsync = AppendFsync::kAlways, .hold_fsync = true}), Flushed::kDone);
  EXPECT_THAT(files.Calls(), ElementsAre("write 0 24"));
  EXPECT_EQ(Flush(kAlways), Flushed::kDone);
  EXPECT_THAT(files.Calls(), ElementsAre("sync 0"));
}

// --- appendfsync everysec.

TEST_F(AofLogTest, EverySecondSyncsOnceASecondInTheBackground) {
  for (const Profile profile : {Profile::kRedis70, Profile::kValkey80}) {
    Begin(profile);
    log->Append(0, "a", now);
    EXPECT_EQ(Flush(kEverySecond), Flushed::kDone);
    EXPECT_THAT(log->tasks(), IsEmpty()) << "the file was opened in this second";
    now += kSecond;
    log->Append(0, "b", now);
    EXPECT_EQ(Flush(kEverySecond), Flushed::kDone);
    ASSERT_EQ(log->tasks().size(), 1u);
    EXPECT_TRUE(log->fsync_in_progress());
    files.Calls();
    log->RunTask(0);
    EXPECT_THAT(files.Calls(), ElementsAre("sync " + std::to_string(file)));
    EXPECT_FALSE(log->fsync_in_progress());
    EXPECT_EQ(log->synced(), log->appended());
  }
}

TEST_F(AofLogTest, EverySecondCountsWholeSecondsInRedisAndMillisecondsInValkey) {
  now += kSecond / 2;
  for (const Profile profile : {Profile::kRedis70, Profile::kValkey80}) {
    Begin(profile);
    log->Append(0, "a", now + kSecond / 2);
    EXPECT_EQ(log->Flush(kEverySecond, now + kSecond / 2), Flushed::kDone);
    EXPECT_EQ(log->tasks().size(), profile == Profile::kRedis70 ? 1u : 0u);
  }
}

TEST_F(AofLogTest, EverySecondSyncsTheLastWriteToo) {
  Begin();
  now += kSecond;
  log->Append(0, "a", now);
  EXPECT_EQ(Flush(kEverySecond), Flushed::kDone);
  log->RunTasks();
  log->Append(0, "b", now);
  EXPECT_EQ(Flush(kEverySecond), Flushed::kDone);
  EXPECT_THAT(log->tasks(), IsEmpty());
  now += kSecond;
  EXPECT_EQ(Flush(kEverySecond), Flushed::kDone);
  EXPECT_EQ(log->tasks().size(), 1u);
  log->RunTasks();
  now += kSecond;
  EXPECT_EQ(Flush(kEverySecond), Flushed::kDone);
  EXPECT_THAT(log->tasks(), IsEmpty());
}

TEST_F(AofLogTest, EverySecondAWriteWaitsTwoSecondsForAnFsync) {
  for (const Profile profile : {Profile::kRedis70, Profile::kValkey80}) {
    Begin(profile);
    now += kSecond;
    log->Append(0, "a", now);
    EXPECT_EQ(Flush(kEverySecond), Flushed::kDone);
    files.Calls();
    log->Append(0, "b", now);
    EXPECT_FALSE(log->wants_flush());
    EXPECT_EQ(Flush(kEverySecond), Flushed::kPostponed);
    EXPECT_TRUE(log->wants_flush());
    now += 2 * kSecond - 1;
    EXPECT_EQ(Flush(kEverySecond), Flushed::kPostponed);
    EXPECT_THAT(files.Calls(), IsEmpty());
    now += 1;
    EXPECT_EQ(Flush(kEverySecond), Flushed::kDone);
    EXPECT_THAT(files.Calls(), ElementsAre("write " + std::to_string(file) + " 1"));
    EXPECT_EQ(log->tasks().size(), 1u) << "no second fsync";
    EXPECT_EQ(log->delayed_fsyncs(), 1u);
    EXPECT_THAT(lines.Take(),
                ElementsAre("Asynchronous AOF fsync is taking too long (disk is busy?). Writing "
                            "the AOF buffer without waiting for fsync to complete, this may slow "
                            "down " +
                            std::string(profile == Profile::kRedis70 ? "Redis." : "the server.")));
    EXPECT_FALSE(log->wants_flush());
  }
}

TEST_F(AofLogTest, EverySecondTheWriteComesWhenTheFsyncHasEndedOrIsForced) {
  Begin();
  now += kSecond;
  Selected(kEverySecond);
  now += kSecond;
  log->Append(0, "a", now);
  EXPECT_EQ(Flush(kEverySecond), Flushed::kDone);
  log->Append(0, "b", now);
  EXPECT_EQ(Flush(kEverySecond), Flushed::kPostponed);
  EXPECT_EQ(Flush(kEverySecond, /*force=*/true), Flushed::kDone);
  log->Append(0, "c", now);
  EXPECT_EQ(Flush(kEverySecond), Flushed::kPostponed);
  log->RunTasks();
  EXPECT_EQ(Flush(kEverySecond), Flushed::kDone);
  EXPECT_TRUE(Written().ends_with("abc"));
}

TEST_F(AofLogTest, AFailedBackgroundFsyncCountsUntilOneSucceeds) {
  Begin();
  for (int i = 0; i < 2; ++i) {
    now += kSecond;
    log->Append(0, "a", now);
    EXPECT_EQ(Flush(kEverySecond), Flushed::kDone);
    files.sync_errors = {-EIO};
    log->RunTasks();
    EXPECT_FALSE(log->ok());
    EXPECT_EQ(log->error_text(), "Input/output error");
    EXPECT_EQ(log->synced(), 0u);
  }
  EXPECT_THAT(lines.Take(), ElementsAre("Fail to fsync the AOF file: Input/output error"));
  now += kSecond;
  log->Append(0, "b", now);
  EXPECT_EQ(Flush(kEverySecond), Flushed::kDone);
  log->RunTasks();
  EXPECT_TRUE(log->ok());
  EXPECT_EQ(log->synced(), log->appended());
}

TEST_F(AofLogTest, WhatIsDroppedIsNoErrorAnyMore) {
  Begin();
  files.room = 0;
  log->Append(0, "a", now);
  EXPECT_EQ(Flush(kEverySecond), Flushed::kFailed);
  EXPECT_FALSE(log->ok());
  log->DropBuffer();
  EXPECT_TRUE(log->ok());
  EXPECT_FALSE(log->wants_flush());
}

TEST_F(AofLogTest, OnlyAnFsyncMakesSynced) {
  Begin(Profile::kValkey80);
  log->Append(0, "a", now);
  EXPECT_EQ(Flush(kEverySecond), Flushed::kDone);
  EXPECT_EQ(Flush(kEverySecond), Flushed::kDone);
  EXPECT_THAT(log->tasks(), IsEmpty()) << "the file was opened in this second";
  EXPECT_EQ(log->synced(), 0u);
  now += kSecond;
  EXPECT_EQ(Flush(kEverySecond), Flushed::kDone);
  EXPECT_TRUE(log->fsync_in_progress());
  EXPECT_EQ(Flush(kEverySecond), Flushed::kDone);
  EXPECT_EQ(log->synced(), 0u);
  files.sync_errors = {-EIO};
  log->RunTasks();
  EXPECT_EQ(Flush(kEverySecond), Flushed::kDone);
  EXPECT_EQ(log->synced(), 0u);
}

// valkey 8.0.1 counts as durable what it has written, when nothing is left to be written.
TEST_F(AofLogTest, AnIdleEventLoopOfValkeyTakesAllForSynced) {
  Begin(Profile::kValkey80);
  AofLog::Policy policy = kEverySecond;
  policy.early_receipts = true;
  now += kSecond;
  log->Append(0, "a", now);
  EXPECT_EQ(Flush(policy), Flushed::kDone);
  EXPECT_EQ(log->synced(), 0u);
  EXPECT_EQ(Flush(policy), Flushed::kDone);
  EXPECT_TRUE(log->fsync_in_progress());
  EXPECT_EQ(log->synced(), log->appended());
}

// --- Errors, except under always.

TEST_F(AofLogTest, AFailedWriteIsRetriedAndRefusesWritesMeanwhile) {
  Begin();
  Selected(kNo);
  log->Append(0, "abc", now);
  files.write_errors = {-ENOSPC};
  EXPECT_EQ(Flush(kNo), Flushed::kFailed);
  EXPECT_FALSE(log->ok());
  EXPECT_TRUE(log->wants_flush());
  EXPECT_EQ(log->error_text(), "No space left on device");
  EXPECT_EQ(log->buffered(), 3u);
  EXPECT_THAT(lines.Take(), ElementsAre("Error writing to the AOF file: No space left on device"));
  log->Append(0, "d", now);
  EXPECT_EQ(Flush(kNo), Flushed::kDone);
  EXPECT_TRUE(log->ok());
  EXPECT_TRUE(Written().ends_with("firstabcd"));
  EXPECT_THAT(lines.Take(), ElementsAre("AOF write error looks solved, Redis can write again."));
}

TEST_F(AofLogTest, AShortWriteIsTakenBack) {
  Begin(Profile::kValkey80);
  Selected(kNo);
  const std::string before = Written();
  log->Append(0, "abc", now);
  files.room = 2;
  EXPECT_EQ(Flush(kNo), Flushed::kFailed);
  EXPECT_EQ(Written(), before);
  EXPECT_THAT(files.Calls(), ElementsAre("write 0 2", "truncate 0 28"));
  EXPECT_EQ(log->error_text(), "No space left on device");
  EXPECT_THAT(lines.Take(), ElementsAre("Short write while writing to the AOF file: "
                                        "(nwritten=2, expected=3)"));
  files.room = -1;
  EXPECT_EQ(Flush(kNo), Flushed::kDone);
  EXPECT_EQ(Written(), before + "abc");
  EXPECT_THAT(lines.Take(),
              ElementsAre("AOF write error looks solved. The server can write again."));
}

TEST_F(AofLogTest, APartThatCannotBeTakenBackIsKeptAndContinued) {
  Begin();
  Selected(kNo);
  const std::string before = Written();
  log->Append(0, "abc", now);
  files.room = 2;
  files.truncate_errors = {-EIO};
  EXPECT_EQ(Flush(kNo), Flushed::kFailed);
  EXPECT_EQ(Written(), before + "ab");
  EXPECT_THAT(lines.Take(),
              ElementsAre("Short write while writing to the AOF file: (nwritten=2, expected=3)",
                          "Could not remove short write from the append-only file.  Redis may "
                          "refuse to load the AOF the next time it starts.  ftruncate: "
                          "Input/output error"));
  EXPECT_EQ(log->buffered(), 1u);
  files.room = -1;
  EXPECT_EQ(Flush(kNo), Flushed::kDone);
  EXPECT_EQ(Written(), before + "abc");
}

TEST_F(AofLogTest, WriteErrorsAreLoggedEvery30Seconds) {
  Begin();
  log->Append(0, "a", now);
  files.write_errors = {-EIO, -EIO, -EIO};
  EXPECT_EQ(Flush(kNo), Flushed::kFailed);
  EXPECT_EQ(lines.Take().size(), 1u);
  now += 30 * kSecond;
  EXPECT_EQ(Flush(kNo), Flushed::kFailed);
  EXPECT_THAT(lines.Take(), IsEmpty());
  now += kSecond;
  EXPECT_EQ(Flush(kNo), Flushed::kFailed);
  EXPECT_EQ(lines.Take().size(), 1u);
}

TEST_F(AofLogTest, SwitchingOnForgetsErrors) {
  Begin();
  now += kSecond;
  log->Append(0, "a", now);
  EXPECT_EQ(Flush(kEverySecond), Flushed::kDone);
  files.sync_errors = {-EIO};
  log->RunTasks();
  log->Append(0, "b", now);
  files.write_errors = {-ENOSPC};
  EXPECT_EQ(Flush(kEverySecond), Flushed::kFailed);
  EXPECT_EQ(log->error_text(), "No space left on device");
  lines.Take();
  log->ForgetErrors();
  EXPECT_TRUE(log->ok());
  EXPECT_THAT(lines.Take(), ElementsAre("AOF reopen, just ignore the AOF fsync error in bio job",
                                        "AOF reopen, just ignore the last error."));
}

// --- Other files, and the end.

TEST_F(AofLogTest, TheOldFileIsSyncedAndClosedInTheBackground) {
  Begin();
  now += kSecond;
  log->Append(0, "a", now);
  EXPECT_EQ(Flush(kEverySecond), Flushed::kDone);  // an fsync begins
  log->Switch(files.Open("next", Mode::kReplace), now);
  files.Calls();
  ASSERT_EQ(log->tasks().size(), 2u);
  EXPECT_TRUE(log->CanRun(0));
  EXPECT_TRUE(log->CanRun(1)) << "redis has a thread for each";
  log->RunTask(1);
  EXPECT_THAT(files.Calls(), ElementsAre("sync 0", "close 0"));
  log->RunTask(0);
  EXPECT_THAT(files.Calls(), ElementsAre("sync 0"));
  EXPECT_TRUE(log->ok()) << "EBADF is ignored";
}

TEST_F(AofLogTest, ValkeySyncsBothFilesInOneThread) {
  Begin(Profile::kValkey80);
  now += kSecond;
  log->Append(0, "a", now);
  EXPECT_EQ(Flush(kEverySecond), Flushed::kDone);
  log->Switch(files.Open("next", Mode::kReplace), now);
  ASSERT_EQ(log->tasks().size(), 2u);
  EXPECT_TRUE(log->CanRun(0));
  EXPECT_FALSE(log->CanRun(1));
  files.sync_errors = {0, -EIO};
  log->RunTasks();
  EXPECT_FALSE(log->ok());
}

TEST_F(AofLogTest, RedisIgnoresAFailureToSyncTheOldFile) {
  Begin();
  log->Append(0, "a", now);
  EXPECT_EQ(Flush(kNo), Flushed::kDone);
  log->Switch(files.Open("next", Mode::kReplace), now);
  files.sync_errors = {-EIO};
  log->RunTasks();
  EXPECT_TRUE(log->ok());
}

TEST_F(AofLogTest, StoppingWritesSyncsAndCloses) {
  Begin();
  log->Append(0, "a", now);
  EXPECT_EQ(log->Stop(kNo, now), Flushed::kDone);
  EXPECT_THAT(files.Calls(), ElementsAre("write 0 24", "sync 0", "close 0"));
  EXPECT_FALSE(log->is_open());
}

TEST_F(AofLogTest, FinishingReportsAFailure) {
  Begin();
  log->Append(0, "a", now);
  files.sync_errors = {-EIO};
  EXPECT_EQ(log->Finish(kNo, now), Flushed::kFailed);
  EXPECT_THAT(lines.Take(), ElementsAre("Fail to fsync the AOF file: Input/output error."));
  log->Append(0, "b", now);
  files.write_errors = {-EIO};
  EXPECT_EQ(log->Finish(kAlways, now), Flushed::kFatal);
}

TEST_F(AofLogTest, ResetForgetsEverything) {
  Begin();
  log->Append(3, "a", now);
  files.write_errors = {-EIO};
  EXPECT_EQ(Flush(kNo), Flushed::kFailed);
  log->Reset();
  EXPECT_TRUE(log->ok());
  EXPECT_FALSE(log->is_open());
  EXPECT_EQ(log->appended(), 0u);
  EXPECT_EQ(log->buffered(), 0u);
}

}  // namespace
}  // namespace resprobe
