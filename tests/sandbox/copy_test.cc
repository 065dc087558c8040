// Copies of systems that are at rest: each goes on as the original would have.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "tests/sandbox/scenarios.h"

namespace resprobe::sandbox {
namespace {

using testing::HasSubstr;
using testing::Not;

class CopyTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    program_ = std::getenv(GetParam());
    if (program_ == nullptr) GTEST_SKIP() << GetParam() << " is not set";
  }
  const char* program_ = nullptr;
};

TEST_P(CopyTest, EachCopyOfAClusterRunsAsTheOriginal) {
  TestSystem system(program_, {.tie_seed = 3});
  ASSERT_TRUE(FormCluster(&system)) << system.error() << system.sandbox().error();
  const std::unique_ptr<TestSystem> first = system.Copy();
  ASSERT_TRUE(first->ok()) << first->error();
  const std::unique_ptr<TestSystem> second = system.Copy();
  ASSERT_TRUE(second->ok()) << second->error();
  const std::unique_ptr<TestSystem> of_first = first->Copy();
  ASSERT_TRUE(of_first->ok()) << of_first->error();

  const std::string straight = FailOver(&system);
  EXPECT_THAT(straight, HasSubstr("master"));
  for (TestSystem* copy : {second.get(), of_first.get(), first.get()}) {
    EXPECT_LT(copy->sandbox().turns(), system.sandbox().turns());
    EXPECT_EQ(FailOver(copy), straight) << copy->sandbox().error();
    EXPECT_EQ(copy->sandbox().trace_hash(), system.sandbox().trace_hash());
    EXPECT_EQ(copy->sandbox().now_us(), system.sandbox().now_us());
    EXPECT_EQ(copy->Files(), system.Files());
  }
}

TEST_P(CopyTest, EachCopyHasFilesOfItsOwn) {
  TestSystem system(program_, {});
  ASSERT_TRUE(system.Start({"--appendonly", "yes", "--appendfsync", "always"}));
  system.Ask(0, {"SET", "key", "old"});
  const std::unique_ptr<TestSystem> copy = system.Copy();
  ASSERT_TRUE(copy->ok()) << copy->error();
  copy->Ask(0, {"SET", "key", "of the copy"});
  system.Ask(0, {"SET", "key", "of the original"});
  copy->Ask(0, {"UNLINK", "nothing"});
  EXPECT_EQ(copy->Ask(0, {"BGREWRITEAOF"}).substr(0, 10), "Background");
  copy->sandbox().RunFor(1'000'000);
  for (TestSystem* each : {&system, copy.get()}) {
    each->sandbox().node(0).Crash(CrashKind::kProcess);
    std::string error;
    ASSERT_TRUE(each->sandbox().node(0).Start(&error)) << error;
    each->sandbox().RunFor(1'000'000);
  }
  EXPECT_EQ(system.Ask(0, {"GET", "key"}), "of the original");
  EXPECT_EQ(copy->Ask(0, {"GET", "key"}), "of the copy");
}

TEST_P(CopyTest, AConnectionOfTheHostGoesOnInTheCopy) {
  TestSystem system(program_, {});
  ASSERT_TRUE(system.Start({}));
  Sandbox& original = system.sandbox();
  const uint64_t connection = original.Dial(0, 6379);
  original.Write(connection, "SET key 1\r\nGET key\r\nINCR k");
  original.RunUntilArrival(1'000);
  original.Write(connection, "ey\r\n");  // on its way, and so is the answer to the first two
  const std::unique_ptr<TestSystem> copy = system.Copy();
  ASSERT_TRUE(copy->ok()) << copy->error();
  system.Ask(0, {"SET", "key", "7"});
  for (Sandbox* each : {&original, &copy->sandbox()}) {
    each->RunFor(1'000);
    std::string replies;
    EXPECT_TRUE(each->Read(connection, &replies));
    EXPECT_EQ(replies, "+OK\r\n$1\r\n1\r\n:2\r\n");
  }
  EXPECT_EQ(system.Ask(0, {"GET", "key"}), "7");
  EXPECT_EQ(copy->Ask(0, {"GET", "key"}), "2");
}

TEST_P(CopyTest, ThreadsWorkInACopy) {
  TestSystem system(program_, {});
  ASSERT_TRUE(system.Start({}));
  const std::unique_ptr<TestSystem> copy = system.Copy();
  ASSERT_TRUE(copy->ok()) << copy->error();
  for (int i = 0; i < 1000; ++i) copy->Ask(0, {"RPUSH", "list", std::string(100, 'x')});
  EXPECT_EQ(copy->Ask(0, {"UNLINK", "list"}), "1");
  EXPECT_EQ(copy->Ask(0, {"FLUSHALL", "ASYNC"}), "OK");
  EXPECT_THAT(copy->Ask(0, {"INFO", "memory"}), HasSubstr("lazyfree_pending_objects:0"));
  EXPECT_THAT(copy->Ask(0, {"INFO", "memory"}), Not(HasSubstr("lazyfreed_objects:0\n")));
  copy->sandbox().node(0).Signal(15);
  EXPECT_EQ(copy->sandbox().RunFor(1'000'000), Sandbox::Stop::kEnd);
  EXPECT_EQ(copy->sandbox().node(0).ending(), "exit code 0");
  EXPECT_EQ(system.Ask(0, {"PING"}), "PONG");
}

INSTANTIATE_TEST_SUITE_P(All, CopyTest,
                         testing::Values("RESPROBE_REDIS_SERVER", "RESPROBE_VALKEY_SERVER"),
                         [](const auto& info) {
                           return std::string(info.param).contains("REDIS") ? "redis" : "valkey";
                         });

}  // namespace
}  // namespace resprobe::sandbox
