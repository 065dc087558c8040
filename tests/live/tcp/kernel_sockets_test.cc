// Asks the kernel and the simulation the same, and compares each result: SimSockets must behave as
// Linux does.

#include "live/tcp/kernel_sockets.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <string>

#include "live/tcp/tcp_peer.h"
#include "sim/sim_sockets.h"

namespace resprobe::live {
namespace {

constexpr int kS = 3;  // any socket

enum class Kind { kMemory, kTcp, kForked };

class Wire : public testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    if (GetParam() == Kind::kMemory) {
      auto memory = std::make_unique<SimSockets>();
      memory->set_send_buffer(2048);
      wire_ = std::move(memory);
      return;
    }
    std::string error;
    hands_ = GetParam() == Kind::kTcp ? MakePeerHands(&error) : ForkPeerHands(&error);
    ASSERT_NE(hands_, nullptr) << error;
    auto kernel = std::make_unique<KernelSockets>(hands_.get());
    kernel_ = kernel.get();
    wire_ = std::move(kernel);
  }
  void TearDown() override {
    if (kernel_ != nullptr) {
      EXPECT_EQ(kernel_->error(), "");
    }
    wire_.reset();
  }

  void Open(bool accepts = true) {
    wire_->Open(kS);
    wire_->Establish(kS, accepts);
  }
  void Connect() {
    Open();
    EXPECT_EQ(wire_->Connect(kS), 0);
  }
  int64_t Read(size_t size = 100) {
    std::string bytes(size, '\0');
    const int64_t result = wire_->Read(kS, bytes.data(), size);
    read_ = bytes.substr(0, result > 0 ? static_cast<size_t>(result) : 0);
    return result;
  }
  int64_t Write(std::string_view bytes) { return wire_->Write(kS, bytes.data(), bytes.size()); }

  std::unique_ptr<TcpPeer> hands_;
  std::unique_ptr<SocketApi> wire_;
  KernelSockets* kernel_ = nullptr;
  std::string read_;
};

std::string NameOf(const testing::TestParamInfo<Kind>& info) {
  constexpr const char* kNames[] = {"Memory", "Tcp", "Forked"};
  return kNames[static_cast<size_t>(info.param)];
}

INSTANTIATE_TEST_SUITE_P(Of, Wire, testing::Values(Kind::kMemory, Kind::kTcp, Kind::kForked),
                         NameOf);

TEST_P(Wire, ConnectTellsOnce) {
  Open();
  EXPECT_TRUE(wire_->Writable(kS));
  EXPECT_FALSE(wire_->Readable(kS));
  EXPECT_EQ(wire_->Connect(kS), 0);
  EXPECT_EQ(wire_->Connect(kS), -EISCONN);
  EXPECT_EQ(wire_->TakeError(kS), 0);
}

TEST_P(Wire, ARefusalIsToldOnce) {
  Open(false);
  EXPECT_TRUE(wire_->Readable(kS));
  EXPECT_TRUE(wire_->Writable(kS));
  EXPECT_EQ(wire_->Connect(kS), -ECONNREFUSED);
  EXPECT_EQ(wire_->TakeError(kS), 0);
  EXPECT_EQ(Read(), -ENOTCONN);
  EXPECT_EQ(Write("x"), -EPIPE);
  EXPECT_FALSE(wire_->Readable(kS));

  Open(false);
  EXPECT_EQ(wire_->TakeError(kS), ECONNREFUSED);
  EXPECT_EQ(wire_->TakeError(kS), 0);
  EXPECT_EQ(wire_->Connect(kS), -ECONNABORTED);

  Open(false);
  EXPECT_EQ(Read(), -ECONNREFUSED);
  EXPECT_EQ(Read(), 0);
  EXPECT_EQ(Write("x"), -EPIPE);

  // A connection can be retried.
  Open(false);
  EXPECT_EQ(wire_->Connect(kS), -ECONNREFUSED);
  wire_->Establish(kS, true);
  EXPECT_EQ(wire_->Connect(kS), 0);
  EXPECT_EQ(Write("x"), 1);
}

TEST_P(Wire, BytesGoBothWays) {
  Connect();
  EXPECT_EQ(Read(), -EAGAIN);
  wire_->Send(kS, "abc");
  wire_->Send(kS, "de");
  EXPECT_TRUE(wire_->Readable(kS));
  EXPECT_EQ(Read(4), 4);
  EXPECT_EQ(read_, "abcd");
  EXPECT_EQ(Read(), 1);
  EXPECT_FALSE(wire_->Readable(kS));
  EXPECT_EQ(Write("hello"), 5);
  EXPECT_EQ(wire_->Waiting(kS), 5u);
  EXPECT_EQ(wire_->Take(kS, 2), "he");
  EXPECT_EQ(wire_->Waiting(kS), 3u);
  EXPECT_EQ(wire_->Take(kS, 3), "llo");
}

// The client first reads the bytes sent before the reset; the reset is reported once.
TEST_P(Wire, AResetIsNoEnd) {
  Connect();
  wire_->Send(kS, "abc");
  wire_->End(kS, PeerEnd::kReset);
  EXPECT_TRUE(wire_->Readable(kS));
  EXPECT_TRUE(wire_->Writable(kS));
  EXPECT_EQ(Read(), 3);
  EXPECT_EQ(Read(), -ECONNRESET);
  EXPECT_EQ(Read(), 0);
  EXPECT_EQ(Write("x"), -EPIPE);
}

TEST_P(Wire, AResetThatAWriteTells) {
  Connect();
  wire_->Send(kS, "abc");
  wire_->End(kS, PeerEnd::kReset);
  EXPECT_EQ(Write("x"), -ECONNRESET);
  EXPECT_EQ(Write("x"), -EPIPE);
  EXPECT_EQ(Read(), 3);
  EXPECT_EQ(Read(), 0);
}

TEST_P(Wire, AResetThatSoErrorTells) {
  Connect();
  wire_->End(kS, PeerEnd::kReset);
  EXPECT_EQ(wire_->TakeError(kS), ECONNRESET);
  EXPECT_EQ(wire_->TakeError(kS), 0);
  EXPECT_EQ(Read(), 0);
}

TEST_P(Wire, AResetBeforeConnectHasTold) {
  Open();
  wire_->End(kS, PeerEnd::kReset);
  EXPECT_EQ(wire_->Connect(kS), -ECONNRESET);
}

// The first write is accepted and answered with a reset; reads report the end of the stream in any
// case.
TEST_P(Wire, AnEndThenAWriteIsABrokenPipe) {
  Connect();
  EXPECT_EQ(Write("unread"), 6);
  wire_->Send(kS, "abc");
  wire_->End(kS, PeerEnd::kClose);
  EXPECT_EQ(wire_->Waiting(kS), 0u);
  EXPECT_EQ(Write("x"), 1);
  EXPECT_EQ(Write("x"), -EPIPE);
  EXPECT_EQ(Write("x"), -EPIPE);
  EXPECT_EQ(Read(), 3);
  EXPECT_EQ(Read(), 0);
  EXPECT_EQ(Read(), 0);
}

TEST_P(Wire, AnEndThenAWriteThatSoErrorTells) {
  Connect();
  wire_->End(kS, PeerEnd::kClose);
  EXPECT_EQ(wire_->TakeError(kS), 0);
  EXPECT_EQ(Write("x"), 1);
  EXPECT_EQ(wire_->TakeError(kS), EPIPE);
  EXPECT_EQ(wire_->TakeError(kS), 0);
}

TEST_P(Wire, HalfCloseLeavesWritingOpen) {
  Connect();
  wire_->End(kS, PeerEnd::kHalfClose);
  EXPECT_EQ(Read(), 0);
  EXPECT_EQ(Write("abc"), 3);
  EXPECT_EQ(wire_->Take(kS, 3), "abc");
  EXPECT_EQ(Write("de"), 2);
  EXPECT_EQ(Read(), 0);
  // Half-closed, then reset.
  wire_->End(kS, PeerEnd::kReset);
  EXPECT_EQ(Read(), 0);
  EXPECT_EQ(Write("x"), -EPIPE);
}

// How much is accepted depends on the system; that it is a part, and then nothing, does not.
TEST_P(Wire, ASendBufferFills) {
  Connect();
  const std::string upload(1 << 16, 'u');
  size_t taken = 0;
  int64_t result = 0;
  while ((result = Write(upload)) > 0) {
    ASSERT_LT(static_cast<size_t>(result), upload.size());
    taken += static_cast<size_t>(result);
  }
  EXPECT_EQ(result, -EAGAIN);
  EXPECT_FALSE(wire_->Writable(kS));
  EXPECT_EQ(wire_->Waiting(kS), taken);
  EXPECT_EQ(wire_->Take(kS, taken).size(), taken);
  EXPECT_TRUE(wire_->Writable(kS));
  EXPECT_GT(Write(upload), 0);
}

TEST_P(Wire, AnotherConnectionBeginsAnew) {
  Connect();
  wire_->Send(kS, "old");
  wire_->Close(kS);
  Connect();
  EXPECT_EQ(Read(), -EAGAIN);
  wire_->Send(kS, "new");
  EXPECT_EQ(Read(), 3);
  EXPECT_EQ(read_, "new");
}

}  // namespace
}  // namespace resprobe::live
