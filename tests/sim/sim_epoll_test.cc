#include "sim/sim_epoll.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace resprobe {
namespace {

SimEpoll::Watch Of(int fd, int socket, uint32_t events) {
  return {.loop = 0, .fd = fd, .socket = socket, .events = events, .data = 7};
}

// epoll_ctl(2).
TEST(SimEpoll, ControlAnswersAsTheKernelDoes) {
  SimEpoll epoll;
  const int loop = epoll.Open();
  EXPECT_EQ(loop, 0);
  using Change = SimEpoll::Change;
  EXPECT_EQ(epoll.Control(1, Change::kAdd, Of(1024, 0, SimEpoll::kIn)), -EBADF);
  EXPECT_EQ(epoll.Control(loop, Change::kModify, Of(1024, 0, SimEpoll::kIn)), -ENOENT);
  EXPECT_EQ(epoll.Control(loop, Change::kAdd, Of(1024, 0, SimEpoll::kIn)), 0);
  EXPECT_EQ(epoll.Control(loop, Change::kAdd, Of(1024, 0, SimEpoll::kIn)), -EEXIST);
  EXPECT_EQ(epoll.Control(loop, Change::kModify, Of(1024, 0, SimEpoll::kOut)), 0);
  ASSERT_EQ(epoll.watches().size(), 1u);
  EXPECT_EQ(epoll.watches()[0].events, SimEpoll::kOut);
  epoll.Forget(0);  // a socket that is closed is not watched any more
  EXPECT_EQ(epoll.Control(loop, Change::kDelete, Of(1024, 0, 0)), -ENOENT);
}

TEST(SimEpoll, DescriptorsAreLimitedAndUsedAgain) {
  SimEpoll epoll;
  for (size_t i = 0; i < SimEpoll::kMost; ++i) EXPECT_EQ(epoll.Open(), static_cast<int>(i));
  EXPECT_EQ(epoll.Open(), -EMFILE);
  EXPECT_EQ(epoll.Control(3, SimEpoll::Change::kAdd,
                          {.loop = 3, .fd = 1024, .socket = 0, .events = 1, .data = 0}),
            0);
  EXPECT_EQ(epoll.Close(3), 0);
  EXPECT_EQ(epoll.Close(3), -EBADF);
  EXPECT_TRUE(epoll.watches().empty());
  EXPECT_EQ(epoll.open(), SimEpoll::kMost - 1);
  EXPECT_EQ(epoll.Open(), 3);
}

}  // namespace
}  // namespace resprobe
