#include "live/net/resp_connection.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <string>
#include <utility>

#include "live/net/socket.h"

namespace resprobe::live {
namespace {

bool AcknowledgesAtOnce(int fd) {
  int on = 0;
  socklen_t size = sizeof(on);
  return getsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, &size) == 0 && on != 0;
}

// Otherwise a server without TCP_NODELAY sends the second of two replies 40 ms late.
TEST(RespConnectionTest, AcknowledgesBeforeItWaits) {
  std::string error;
  const UniqueFd listening = Listen(0, false, &error);
  ASSERT_TRUE(listening.valid()) << error;
  UniqueFd client = Connect({"127.0.0.1", LocalPort(listening.get())}, false, &error);
  const UniqueFd server(accept(listening.get(), nullptr, nullptr));
  const int fd = client.get();
  RespConnection connection;
  connection.Use(std::move(client), /*send_ms=*/1000, [] { return false; });
  // Where replies follow requests, the system puts acknowledgements off after a while.
  char request[1];
  for (int i = 0; i < 100 && AcknowledgesAtOnce(fd); ++i) {
    ASSERT_EQ(send(fd, "x", 1, 0), 1);
    ASSERT_EQ(recv(server.get(), request, 1, 0), 1);
    ASSERT_TRUE(SendAll(server.get(), "y"));
    ASSERT_EQ(recv(fd, request, 1, 0), 1);
  }
  ASSERT_FALSE(AcknowledgesAtOnce(fd));
  EXPECT_EQ(connection.Read(1), RespConnection::Got::kNothing);
  EXPECT_TRUE(AcknowledgesAtOnce(fd));
}

}  // namespace
}  // namespace resprobe::live
