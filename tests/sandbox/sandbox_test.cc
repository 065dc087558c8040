// What a sandbox does to a server, with a server of a few lines (odd_server.c).

#include "sandbox/sandbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "sandbox/elf.h"

namespace resprobe::sandbox {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;
using Stop = Sandbox::Stop;

constexpr int64_t kSecond = 1'000'000;

class SandboxTest : public testing::Test {
 protected:
  SandboxTest() : folder_(testing::TempDir() + "/resprobe-sandbox-XXXXXX") {
    if (mkdtemp(folder_.data()) == nullptr) std::abort();
    Make({});
  }
  ~SandboxTest() override {
    sandbox_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  void Make(const SandboxOptions& options) {
    std::string error;
    sandbox_ = Sandbox::Make(options, &error);
    ASSERT_NE(sandbox_, nullptr) << error;
  }
  SandboxNode& Start() {
    SandboxNodeOptions options;
    options.program = RESPROBE_ODD_SERVER;
    options.directory = folder_ + "/" + std::to_string(sandbox_->size());
    std::filesystem::create_directory(options.directory);
    SandboxNode& node = sandbox_->AddNode(options);
    std::string error;
    EXPECT_TRUE(node.Start(&error)) << error;
    return node;
  }
  // The reply to a line; what stopped the run instead is in stop_.
  std::string Ask(size_t node, const std::string& line, int64_t within_us = kSecond) {
    const uint64_t connection = sandbox_->Dial(node, 6379);
    const std::string reply = AskOn(connection, line, within_us);
    sandbox_->Close(connection);
    return reply;
  }
  std::string AskOn(uint64_t connection, const std::string& line, int64_t within_us = kSecond) {
    sandbox_->Write(connection, line + "\n");
    const int64_t until = sandbox_->now_us() + within_us;
    std::string reply;
    do {
      stop_ = sandbox_->RunUntilArrival(until);
      if (!sandbox_->Read(connection, &reply)) break;
    } while (stop_ == Stop::kArrival && !reply.ends_with('\n'));
    if (reply.ends_with('\n')) reply.pop_back();
    return reply;
  }
  std::string Output(size_t node) {
    std::ifstream file(folder_ + "/" + std::to_string(node) + "/output");
    return std::string(std::istreambuf_iterator<char>(file), {});
  }

  std::string folder_;
  std::unique_ptr<Sandbox> sandbox_;
  Stop stop_ = Stop::kTime;
};

TEST_F(SandboxTest, AServerAnswersInNoTime) {
  Start();
  EXPECT_EQ(Ask(0, "hello"), "hello");
  EXPECT_EQ(sandbox_->now_us(), 0);
  EXPECT_EQ(Ask(0, "who"), "1000 10.0.0.254");
}

TEST_F(SandboxTest, TimeIsVirtual) {
  Start();
  EXPECT_EQ(Ask(0, "time"), "1700000000000 1000000");
  EXPECT_EQ(sandbox_->RunFor(86400 * kSecond), Stop::kTime);
  EXPECT_EQ(Ask(0, "time"), "1700086400000 87400000");
  EXPECT_EQ(sandbox_->node(0).now_ms(), 1700086400000);
}

TEST_F(SandboxTest, ANodeHasAClockOfItsOwn) {
  Start();
  Start();
  sandbox_->node(1).JumpClock(-5 * kSecond);
  EXPECT_EQ(Ask(0, "time"), "1700000000000 1000000");
  EXPECT_EQ(Ask(1, "time"), "1699999995000 1000000");
  sandbox_->node(1).SetDrift(100'000);
  sandbox_->RunFor(10 * kSecond);
  EXPECT_EQ(Ask(0, "time"), "1700000010000 1010000");
  EXPECT_EQ(Ask(1, "time"), "1700000006000 1011000");
  EXPECT_EQ(sandbox_->node(1).now_ms(), 1700000006000);
}

TEST_F(SandboxTest, TimersFollowTheDriftingClock) {
  Start();
  Start();
  sandbox_->node(1).SetDrift(-500'000);
  const uint64_t before = sandbox_->node(0).turns();
  const uint64_t slow_before = sandbox_->node(1).turns();
  sandbox_->RunFor(100 * kSecond);
  EXPECT_NEAR(static_cast<double>(sandbox_->node(0).turns() - before), 100, 1);
  EXPECT_NEAR(static_cast<double>(sandbox_->node(1).turns() - slow_before), 50, 1);
}

TEST_F(SandboxTest, EntropyComesFromTheSeed) {
  Start();
  Start();
  const std::string first = Ask(0, "random");
  const std::string other_node = Ask(1, "random");
  EXPECT_NE(first, other_node);
  EXPECT_NE(Ask(0, "random"), first);
  Make({});
  Start();
  EXPECT_EQ(Ask(0, "random"), first);
  Make({.seed = 2});
  Start();
  EXPECT_NE(Ask(0, "random"), first);
}

TEST_F(SandboxTest, BytesBetweenNodesTakeTheirTime) {
  Start();
  Start();
  sandbox_->SetDelay(0, 1, 30'000);
  sandbox_->SetDelay(1, 0, 20'000);
  // The dial, its answer, the bytes: 30 + 20 + 30 ms.
  EXPECT_EQ(Ask(0, "dial 10.0.0.2 6379 printthere"), "dialled");
  EXPECT_EQ(sandbox_->now_us(), 50'000);
  sandbox_->RunUntil(79'000);
  EXPECT_EQ(Output(1), "");
  sandbox_->RunUntil(81'000);
  EXPECT_EQ(Output(1), "1000080 there\n");
  EXPECT_EQ(Ask(0, "dial 10.0.0.2 1234 x"), "dialled");
  EXPECT_EQ(Output(0), "dial: Connection refused\n");
}

TEST_F(SandboxTest, AHeldLinkDeliversAtItsRelease) {
  Start();
  const uint64_t connection = sandbox_->Dial(0, 6379);
  EXPECT_EQ(AskOn(connection, "one"), "one");
  sandbox_->Hold(Sandbox::kHost, 0);
  EXPECT_EQ(AskOn(connection, "two"), "");
  EXPECT_EQ(sandbox_->now_us(), kSecond);
  sandbox_->Release(Sandbox::kHost, 0);
  EXPECT_EQ(AskOn(connection, "three"), "two\nthree");
}

TEST_F(SandboxTest, AHeldDialIsAnsweredAtItsRelease) {
  Start();
  sandbox_->Hold(Sandbox::kHost, 0);
  const uint64_t connection = sandbox_->Dial(0, 6379);
  EXPECT_EQ(AskOn(connection, "one"), "");
  EXPECT_FALSE(sandbox_->Accepted(connection));
  sandbox_->Release(Sandbox::kHost, 0);
  EXPECT_EQ(AskOn(connection, "two"), "one\ntwo");
}

TEST_F(SandboxTest, WhatALinkLosesNeverComes) {
  Start();
  const uint64_t connection = sandbox_->Dial(0, 6379);
  EXPECT_EQ(AskOn(connection, "one"), "one");
  sandbox_->Lose(Sandbox::kHost, 0);
  EXPECT_EQ(AskOn(connection, "two"), "");
  sandbox_->StopLosing(Sandbox::kHost, 0);
  EXPECT_EQ(AskOn(connection, "three"), "");  // a stream with a gap
  EXPECT_EQ(Ask(0, "four"), "four");
}

TEST_F(SandboxTest, AnswersOverSmallRingsAreWhole) {
  Make({.ring_bytes = 64});
  Start();
  const std::string line(200, 'x');
  const uint64_t connection = sandbox_->Dial(0, 6379);
  std::string out = line + "\n";
  std::string in;
  for (int i = 0; i < 100 && in.size() < line.size() + 1; ++i) {
    out.erase(0, sandbox_->Write(connection, out));
    sandbox_->RunUntilArrival(sandbox_->now_us() + kSecond);
    sandbox_->Read(connection, &in);
  }
  std::erase(in, '\n');
  EXPECT_EQ(in, line);
}

TEST_F(SandboxTest, AKilledProcessClosesItsConnectionsAndAMachineDoesNot) {
  SandboxNode& node = Start();
  uint64_t connection = sandbox_->Dial(0, 6379);
  EXPECT_EQ(AskOn(connection, "one"), "one");
  node.Crash(CrashKind::kProcess);
  EXPECT_FALSE(node.up());
  sandbox_->RunFor(1);
  EXPECT_TRUE(sandbox_->AtEnd(connection));
  connection = sandbox_->Dial(0, 6379);
  sandbox_->RunFor(1);
  EXPECT_TRUE(sandbox_->AtEnd(connection));  // refused
  sandbox_->Close(connection);

  std::string error;
  ASSERT_TRUE(node.Start(&error)) << error;
  EXPECT_EQ(node.process(), 2u);
  connection = sandbox_->Dial(0, 6379);
  EXPECT_EQ(AskOn(connection, "one"), "one");
  node.Crash(CrashKind::kMachine);
  EXPECT_EQ(AskOn(connection, "two"), "");
  EXPECT_FALSE(sandbox_->AtEnd(connection));  // half-open
  ASSERT_TRUE(node.Start(&error)) << error;
  EXPECT_EQ(AskOn(connection, "three"), "");
  EXPECT_TRUE(sandbox_->AtEnd(connection));  // reset by the new process's machine
}

TEST_F(SandboxTest, APausedNodeGetsWhatCameLater) {
  SandboxNode& node = Start();
  node.Pause();
  const uint64_t connection = sandbox_->Dial(0, 6379);
  EXPECT_EQ(AskOn(connection, "one"), "");
  node.Resume();
  EXPECT_EQ(AskOn(connection, "two"), "one\ntwo");
}

TEST_F(SandboxTest, AnEndInATurnIsSeenAtOnce) {
  SandboxNode& node = Start();
  Ask(0, "exit 7");
  EXPECT_EQ(stop_, Stop::kEnd);
  EXPECT_EQ(node.ending(), "exit code 7");
  EXPECT_FALSE(node.up());
  std::string error;
  ASSERT_TRUE(node.Start(&error)) << error;
  Ask(0, "crash");
  EXPECT_EQ(stop_, Stop::kEnd);
  EXPECT_EQ(node.ending(), "signal 11");
  EXPECT_FALSE(sandbox_->failed());
}

TEST_F(SandboxTest, ASignalComesInATurn) {
  SandboxNode& node = Start();
  node.Signal(SIGTERM);
  EXPECT_TRUE(node.up());
  EXPECT_EQ(sandbox_->RunFor(0), Stop::kEnd);
  EXPECT_EQ(node.ending(), "signal 15");
}

TEST_F(SandboxTest, AChildAndItsParentShareATurn) {
  Start();
  EXPECT_EQ(Ask(0, "fork 1000000"), "1000000");
  EXPECT_EQ(sandbox_->now_us(), 0);
}

TEST_F(SandboxTest, AJobOfAThreadEndsWithItsSubmission) {
  Start();
  for (int i = 1; i < 50; ++i) {
    EXPECT_EQ(Ask(0, "job"), std::to_string(i) + " of " + std::to_string(i));
  }
}

TEST_F(SandboxTest, RefusesWhatItCannotSimulate) {
  const std::string cannot =
      "10.0.0.1 (" RESPROBE_ODD_SERVER ") does what the sandbox cannot simulate: ";
  struct Case {
    const char* line;
    std::string error;
  };
  for (const Case& it : {
           Case{"eventfd", cannot + "eventfd"},
           Case{"file", cannot + "a descriptor in epoll that is neither a socket nor a pipe (-1)"},
           Case{"compete",
                cannot + "a thread that runs beside the main one (more than one I/O thread?)"},
       }) {
    Make({});
    SandboxNode& node = Start();
    Ask(0, it.line);
    EXPECT_EQ(stop_, Stop::kFailed);
    EXPECT_EQ(sandbox_->error(), it.error);
    EXPECT_FALSE(node.up());
    EXPECT_EQ(sandbox_->RunFor(1), Stop::kFailed);
  }
}

TEST_F(SandboxTest, RefusesATurnThatDoesNotEnd) {
  Make({.turn_limit_ms = 300});
  Start();
  Ask(0, "hang");
  EXPECT_EQ(stop_, Stop::kFailed);
  EXPECT_THAT(sandbox_->error(), HasSubstr("has not waited for events"));
}

TEST_F(SandboxTest, RefusesAStaticProgram) {
  const std::string path = folder_ + "/static";
  std::ofstream file(path, std::ios::binary);
  std::string header(64, '\0');
  header.replace(0, 7, std::string("\177ELF\2\1\1", 7));
  header[16] = 2;     // ET_EXEC
  header[18] = 0x3e;  // x86-64
  file << header;
  file.close();
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  SandboxNode& node = sandbox_->AddNode({.program = path, .directory = folder_});
  std::string error;
  EXPECT_FALSE(node.Start(&error));
  EXPECT_THAT(error, EndsWith("it is linked statically, so that no library can be put before it"));
}

TEST_F(SandboxTest, SaysWhyAProgramDoesNotStart) {
  std::string error;
  EXPECT_FALSE(sandbox_->AddNode({.program = "/nowhere/x", .directory = folder_}).Start(&error));
  EXPECT_THAT(error, HasSubstr("there is no such program"));
  EXPECT_FALSE(
      sandbox_->AddNode({.program = RESPROBE_ODD_SERVER, .directory = "/nowhere"}).Start(&error));
  EXPECT_THAT(error, HasSubstr("No such file or directory"));
  EXPECT_FALSE(sandbox_->AddNode({.program = "/bin/false", .directory = folder_}).Start(&error));
  EXPECT_THAT(error, HasSubstr("has ended at once (exit code 1)"));
}

}  // namespace
}  // namespace resprobe::sandbox
