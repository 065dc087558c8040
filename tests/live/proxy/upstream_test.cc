#include "live/proxy/upstream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "live/net/socket.h"
#include "live/proxy/toxic_link.h"
#include "tests/live/temporary_folder.h"

namespace resprobe::live {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(UpstreamTest, SaysWhichOptionIsWrong) {
  std::string error;
  EXPECT_EQ(Upstream::Open({.server = "nonsense"}, &error), nullptr);
  EXPECT_THAT(error, StartsWith("--server: 'nonsense' is not HOST:PORT"));
  EXPECT_EQ(Upstream::Open({.server = "192.0.2.1:1"}, &error), nullptr);
  EXPECT_THAT(error, HasSubstr("--allow-remote"));
  EXPECT_EQ(Upstream::Open({.unix_path = "/no/such/socket"}, &error), nullptr);
  EXPECT_THAT(error, StartsWith("--unix: cannot connect to /no/such/socket: "));
  EXPECT_THAT(error, HasSubstr("start a server there"));
  EXPECT_EQ(Upstream::Open({.start = "/no/such/program"}, &error), nullptr);
  EXPECT_THAT(error, StartsWith("--start /no/such/program: cannot start '/no/such/program'"));
}

TEST(UpstreamTest, IsStoppedWhileTheServerStarts) {
  const TemporaryFolder folder;
  // Ignores its arguments and listens nowhere.
  const std::string program = folder.path() + "/server";
  std::ofstream(program) << "#!/bin/sh\nexec sleep 600\n";
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  std::string error;
  EXPECT_EQ(Upstream::Open({.start = program, .hang_ms = 100, .stop = [] { return true; }}, &error),
            nullptr);
  EXPECT_THAT(error, HasSubstr("waiting for the server was stopped"));
}

TEST(UpstreamTest, StartsAProgramWhosePathHasASpace) {
  const char* program = std::getenv("RESPROBE_REDIS_SERVER");
  if (program == nullptr) GTEST_SKIP() << "RESPROBE_REDIS_SERVER is not set";
  const TemporaryFolder folder;
  std::filesystem::create_symlink(program, folder.path() + "/a server");
  std::string error;
  EXPECT_NE(Upstream::Open({.start = folder.path() + "/a server"}, &error), nullptr) << error;
}

TEST(UpstreamTest, StartsAServerWithItsArguments) {
  const char* program = std::getenv("RESPROBE_REDIS_SERVER");
  if (program == nullptr) GTEST_SKIP() << "RESPROBE_REDIS_SERVER is not set";
  std::string error;
  const std::unique_ptr<Upstream> upstream = Upstream::Open(
      {.start = std::string(program) + " --databases 3", .arguments = {"--maxclients", "77"}},
      &error);
  ASSERT_NE(upstream, nullptr) << error;
  EXPECT_THAT(upstream->ToText(), StartsWith("127.0.0.1:"));
  const std::unique_ptr<Backend> backend = upstream->connector()(&error);
  ASSERT_NE(backend, nullptr) << error;
  backend->Write("CONFIG GET databases\r\nCONFIG GET maxclients\r\nDEBUG SLEEP 0\r\nQUIT\r\n");
  std::string replies;
  for (;;) {
    pollfd readable = {backend->fd(), POLLIN, 0};
    poll(&readable, 1, -1);
    char bytes[1024];
    const ssize_t size = backend->Read(bytes, sizeof(bytes));
    if (size <= 0) break;
    replies.append(bytes, static_cast<size_t>(size));
  }
  EXPECT_THAT(replies, HasSubstr("$9\r\ndatabases\r\n$1\r\n3\r\n"));
  EXPECT_THAT(replies, HasSubstr("$10\r\nmaxclients\r\n$2\r\n77\r\n"));
  // Clients meet the server as its command line made it.
  EXPECT_THAT(replies, HasSubstr("-ERR DEBUG command not allowed"));
}

}  // namespace
}  // namespace resprobe::live
