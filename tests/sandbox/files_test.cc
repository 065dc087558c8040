// The files of sandboxed servers, on simulated disks.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "tests/sandbox/scenarios.h"

namespace resprobe::sandbox {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class FilesTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    program_ = std::getenv(GetParam());
    if (program_ == nullptr) GTEST_SKIP() << GetParam() << " is not set";
  }
  const char* program_ = nullptr;
};

TEST_P(FilesTest, AServersFilesAreOnItsDisk) {
  TestSystem system(program_, {});
  ASSERT_TRUE(system.Start({"--appendonly", "yes"})) << system.error();
  system.Ask(0, {"SET", "key", "value"});
  EXPECT_EQ(system.Ask(0, {"SAVE"}), "OK");
  const Disk& disk = system.sandbox().node(0).disk();
  ASSERT_NE(disk.Content("dump.rdb"), nullptr);
  EXPECT_THAT(*disk.Content("dump.rdb"), StartsWith("REDIS"));
  ASSERT_NE(disk.Content("appendonlydir/appendonly.aof.1.incr.aof"), nullptr);
  EXPECT_THAT(*disk.Content("appendonlydir/appendonly.aof.1.incr.aof"), HasSubstr("value"));
  EXPECT_TRUE(disk.IsDirectory("appendonlydir"));
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(system.Folder(0))) {
    names.push_back(entry.path().filename());
  }
  EXPECT_THAT(names, ElementsAre("output"));
}

TEST_P(FilesTest, ADiskFreezesAtACall) {
  TestSystem system(program_, {});
  ASSERT_TRUE(system.Start({"--appendonly", "yes", "--appendfsync", "always"}));
  EXPECT_EQ(system.Ask(0, {"SET", "first", "1"}), "OK");
  SandboxNode& node = system.sandbox().node(0);
  node.disk().CrashAt(node.disk().io_count() + 2);  // the fsync after the write
  EXPECT_EQ(system.Ask(0, {"SET", "second", "2"}), "(no reply)");
  EXPECT_TRUE(node.disk().frozen());
  EXPECT_EQ(system.sandbox().RunFor(1000), Sandbox::Stop::kFrozen);
  node.Crash(CrashKind::kMachine);
  std::string error;
  ASSERT_TRUE(node.Start(&error)) << error;
  system.sandbox().RunFor(1000);  // it has waited for events in the midst of loading
  EXPECT_EQ(system.Ask(0, {"GET", "first"}), "1");
  EXPECT_EQ(system.Ask(0, {"GET", "second"}), "(nil)");
}

TEST_P(FilesTest, AKilledServerHasWhatItHasWritten) {
  TestSystem system(program_, {});
  ASSERT_TRUE(system.Start({"--appendonly", "yes", "--appendfsync", "no"}));
  EXPECT_EQ(system.Ask(0, {"SET", "key", "1"}), "OK");
  SandboxNode& node = system.sandbox().node(0);
  std::string error;
  node.Crash(CrashKind::kProcess);
  ASSERT_TRUE(node.Start(&error)) << error;
  system.sandbox().RunFor(1000);  // it has waited for events in the midst of loading
  EXPECT_EQ(system.Ask(0, {"GET", "key"}), "1");
  node.Crash(CrashKind::kMachine);  // no choices: nothing that is pending is kept
  ASSERT_TRUE(node.Start(&error)) << error;
  system.sandbox().RunFor(1000);  // it has waited for events in the midst of loading
  EXPECT_EQ(system.Ask(0, {"GET", "key"}), "(nil)");
}

// While the thread's fsync takes its time, the server answers.
TEST_P(FilesTest, AServerGoesOnWhileAThreadSyncs) {
  TestSystem system(program_, {});
  ASSERT_TRUE(system.Start({"--appendonly", "yes", "--appendfsync", "everysec"}));
  system.sandbox().node(0).disk().set_sync_us(3'000'000);
  EXPECT_EQ(system.Ask(0, {"SET", "key", "1"}), "OK");
  system.sandbox().RunFor(1'500'000);
  EXPECT_THAT(system.Ask(0, {"INFO", "persistence"}), HasSubstr("aof_pending_bio_fsync:1"));
  const int64_t before = system.sandbox().now_us();
  EXPECT_EQ(system.Ask(0, {"SET", "key", "2"}), "OK");
  EXPECT_LT(system.sandbox().now_us() - before, 1000);
  system.sandbox().RunFor(3'000'000);
  EXPECT_THAT(system.Ask(0, {"INFO", "persistence"}), HasSubstr("aof_buffer_length:0"));
}

// The same fsync in the main thread takes the server's time.
TEST_P(FilesTest, AServerWaitsForItsOwnFsync) {
  TestSystem system(program_, {});
  ASSERT_TRUE(system.Start({"--appendonly", "yes", "--appendfsync", "always"}));
  system.sandbox().node(0).disk().set_sync_us(300'000);
  const int64_t before = system.sandbox().now_us();
  EXPECT_EQ(system.Ask(0, {"SET", "key", "1"}), "OK");
  EXPECT_GE(system.sandbox().now_us() - before, 300'000);
}

// Copies of one prepared process start on disks of their own, at a time of their own.
TEST_P(FilesTest, CopiesOfAPreparedServerStartOnOtherDisks) {
  TestSystem system(program_, {});
  ASSERT_TRUE(system.Start({"--appendonly", "yes"}, /*prepared=*/true)) << system.error();
  ASSERT_TRUE(system.sandbox().node(0).prepared());
  const std::unique_ptr<TestSystem> first = system.Copy();
  const std::unique_ptr<TestSystem> second = system.Copy();
  ASSERT_TRUE(first->ok()) << first->error();
  ASSERT_TRUE(second->ok()) << second->error();
  std::string error;
  ASSERT_TRUE(first->sandbox().node(0).Start(&error)) << error;
  EXPECT_EQ(first->Ask(0, {"SET", "key", "1"}), "OK");
  first->sandbox().node(0).Crash(CrashKind::kProcess);

  second->sandbox().SkipTo(60'000'000);
  second->sandbox().node(0).disk().CopyFrom(first->sandbox().node(0).disk());
  ASSERT_TRUE(second->sandbox().node(0).Start(&error)) << error;
  second->sandbox().RunFor(1000);
  EXPECT_EQ(second->Ask(0, {"GET", "key"}), "1");
  EXPECT_GE(second->sandbox().now_us(), 60'000'000);
  EXPECT_EQ(second->Ask(0, {"TIME"}).substr(0, 10), "1700000060");
}

INSTANTIATE_TEST_SUITE_P(All, FilesTest,
                         testing::Values("RESPROBE_REDIS_SERVER", "RESPROBE_VALKEY_SERVER"),
                         [](const testing::TestParamInfo<const char*>& info) {
                           return std::string(info.param).find("REDIS") != std::string::npos
                                      ? "redis"
                                      : "valkey";
                         });

}  // namespace
}  // namespace resprobe::sandbox
