// A server that was built with counters hands its coverage over: examples/tiny_server.

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/sandbox_subject.h"

namespace resprobe::sandbox {
namespace {

class CoverageTest : public testing::Test {
 protected:
  using Counters = std::vector<uint8_t>;

  CoverageTest() {
    std::string error;
    subject_ = SandboxSubject::Make({.program = RESPROBE_GUIDED_SERVER,
                                     .arguments = {},
                                     .seed = 1,
                                     .cpu = PinToThisProcessor()},
                                    &error);
    EXPECT_NE(subject_, nullptr) << error;
  }
  // What a request reaches, in a run of its own.
  Counters Covered(std::string_view request, std::string_view reply) {
    subject_->Reset();
    const uint64_t connection = subject_->Connect();
    Counters before(Sandbox::kCoverage);
    subject_->sandbox().TakeCoverage(before.data());
    subject_->Send(connection, request);
    std::string out;
    subject_->Receive(connection, &out);
    EXPECT_EQ(out, reply);
    Counters counters(Sandbox::kCoverage);
    EXPECT_TRUE(subject_->sandbox().TakeCoverage(counters.data()));
    EXPECT_FALSE(subject_->sandbox().TakeCoverage(counters.data()));
    return counters;
  }

  std::unique_ptr<SandboxSubject> subject_;
};

TEST_F(CoverageTest, TheSameRequestCoversTheSame) {
  subject_->Reset();
  EXPECT_GT(subject_->sandbox().node(0).counters(), 100U);
  const Counters ping = Covered("PING\r\n", "+PONG\r\n");
  EXPECT_GT(std::ranges::count(ping, 1), 10);
  EXPECT_EQ(Covered("PING\r\n", "+PONG\r\n"), ping);
}

TEST_F(CoverageTest, AnotherRequestCoversSomethingElse) {
  const Counters ping = Covered("PING\r\n", "+PONG\r\n");
  const Counters echo = Covered("ECHO x\r\n", "$1\r\nx\r\n");
  EXPECT_NE(ping, echo);
}

}  // namespace
}  // namespace resprobe::sandbox
