#include "live/net/socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <set>
#include <vector>

namespace resprobe::live {
namespace {

using testing::HasSubstr;

TEST(SocketTest, ReadsAddresses) {
  std::string error;
  EXPECT_EQ(ParseAddress("localhost:6379", &error)->ToText(), "localhost:6379");
  const std::optional<Address> v6 = ParseAddress("[::1]:65535", &error);
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->host, "::1");
  EXPECT_EQ(v6->ToText(), "[::1]:65535");
  for (const char* wrong : {"", "localhost", ":6379", "localhost:", "localhost:0", "localhost:x",
                            "localhost:65536", "localhost:-1", "::1:6379", "localhost:1 "}) {
    EXPECT_FALSE(ParseAddress(wrong, &error)) << wrong;
    EXPECT_EQ(error, "'" + std::string(wrong) + "' is not HOST:PORT, such as 127.0.0.1:6379");
  }
}

TEST(SocketTest, LeavesOtherMachinesAlone) {
  std::string error;
  // 192.0.2.0/24 is reserved for examples; no packet is sent.
  EXPECT_FALSE(Connect({"192.0.2.1", 6379}, false, &error).valid());
  EXPECT_EQ(error, "'192.0.2.1' is not this machine: --allow-remote permits it");
}

TEST(SocketTest, ListensOnLoopbackAndConnects) {
  std::string error;
  const UniqueFd listening = Listen(0, false, &error);
  ASSERT_TRUE(listening.valid()) << error;
  const uint16_t port = LocalPort(listening.get());
  ASSERT_NE(port, 0);
  EXPECT_TRUE(Connect({"127.0.0.1", port}, false, &error).valid()) << error;
  EXPECT_FALSE(Listen(port, false, &error).valid());
  EXPECT_EQ(error, "cannot listen on port " + std::to_string(port) + ": Address already in use");
}

TEST(SocketTest, SaysWhichSocketListens) {
  std::string error;
  UniqueFd listening = Listen(0, false, &error);
  const uint16_t port = LocalPort(listening.get());
  struct stat own;
  ASSERT_EQ(fstat(listening.get(), &own), 0);
  EXPECT_EQ(ListenerInode(port), own.st_ino);
  listening.Reset();
  EXPECT_EQ(ListenerInode(port), 0);
}

TEST(SocketTest, ReservesAPortForOneCaller) {
  std::string error;
  uint16_t port = 0;
  const UniqueFd held = ReservePort(&port, &error);
  ASSERT_TRUE(held.valid()) << error;
  // The program that it is for can listen.
  EXPECT_TRUE(Listen(port, false, &error).valid()) << error;
  std::set<uint16_t> ports = {port};
  std::vector<UniqueFd> all;
  for (int i = 0; i < 200; ++i) {
    all.push_back(ReservePort(&port, &error));
    ASSERT_TRUE(all.back().valid()) << error;
    EXPECT_TRUE(ports.insert(port).second) << port;
  }
}

TEST(SocketTest, SaysWhatItCannotReach) {
  std::string error;
  UniqueFd listening = Listen(0, false, &error);
  const Address address = {"127.0.0.1", LocalPort(listening.get())};
  listening.Reset();
  EXPECT_FALSE(Connect(address, false, &error).valid());
  EXPECT_EQ(error, "cannot connect to " + address.ToText() + ": Connection refused");
  EXPECT_FALSE(ConnectUnix("/no/such/socket", &error).valid());
  EXPECT_EQ(error, "cannot connect to /no/such/socket: No such file or directory");
  EXPECT_FALSE(ConnectUnix(std::string(200, 'x'), &error).valid());
  EXPECT_THAT(error, HasSubstr("too long"));
}

}  // namespace
}  // namespace resprobe::live
