#include "live/server/server_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "live/net/socket.h"

namespace resprobe::live {
namespace {

using testing::HasSubstr;

TEST(ServerProcessTest, SaysThatAProgramIsNotThere) {
  std::string error;
  EXPECT_EQ(ServerProcess::Start({.program = "/no/such/server"}, &error), nullptr);
  EXPECT_EQ(error, "cannot start '/no/such/server': No such file or directory");
}

TEST(ServerProcessTest, SaysThatAProgramEndsAtOnce) {
  std::string error;
  EXPECT_EQ(ServerProcess::Start({.program = "false"}, &error), nullptr);
  EXPECT_EQ(error, "the server has ended at once: it says nothing");
}

// It would fill the disk, and never listens.
TEST(ServerProcessTest, KillsAServerWhoseFilesTakeTheDisk) {
  std::string error;
  const ServerProcessOptions options = {
      .program = "sh",
      .arguments = {"-c", "head -c 2000000 /dev/zero >log; exec sleep 3600", "{port}"},
      .most_disk_megabytes = 1};
  EXPECT_EQ(ServerProcess::Start(options, &error), nullptr);
  EXPECT_EQ(error, "the server has ended at once: its files take over 1 MB, and it was killed");
}

class RealServerTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const char* program = std::getenv(GetParam());
    if (program == nullptr) GTEST_SKIP() << GetParam() << " is not set";
    options_.program = program;
  }
  ServerProcessOptions options_;
};
INSTANTIATE_TEST_SUITE_P(Servers, RealServerTest,
                         testing::Values("RESPROBE_REDIS_SERVER", "RESPROBE_VALKEY_SERVER"),
                         [](const auto& i) { return std::string(i.param).substr(9); });

TEST_P(RealServerTest, RunsAndLeavesNothing) {
  options_.tcp = true;
  std::string error;
  std::unique_ptr<ServerProcess> server = ServerProcess::Start(options_, &error);
  ASSERT_NE(server, nullptr) << error;
  const UniqueFd fd = Connect({"127.0.0.1", server->port()}, false, &error);
  ASSERT_TRUE(fd.valid()) << error;
  ASSERT_TRUE(SendAll(fd.get(), "CONFIG GET save\r\n"));
  char bytes[64];
  const std::string_view expected = "*2\r\n$4\r\nsave\r\n$0\r\n\r\n";
  ASSERT_EQ(recv(fd.get(), bytes, expected.size(), MSG_WAITALL),
            static_cast<ssize_t>(expected.size()));
  EXPECT_EQ(std::string_view(bytes, expected.size()), expected);

  const std::string folder = server->folder();
  const pid_t pid = server->pid();
  EXPECT_TRUE(std::filesystem::exists(folder));
  server.reset();
  EXPECT_FALSE(std::filesystem::exists(folder));
  EXPECT_EQ(kill(pid, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

TEST_P(RealServerTest, PassesOnWhatTheServerDislikes) {
  options_.arguments = {"--no-such-option", "1"};
  std::string error;
  EXPECT_EQ(ServerProcess::Start(options_, &error), nullptr);
  EXPECT_THAT(error, HasSubstr("the server has ended at once: "));
  EXPECT_THAT(error, HasSubstr("Bad directive"));
}

}  // namespace
}  // namespace resprobe::live
