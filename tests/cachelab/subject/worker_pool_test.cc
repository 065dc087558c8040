#include "cachelab/subject/worker_pool.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>

#include "engine/triage.h"
#include "live/net/socket.h"
#include "live/server/server_process.h"

namespace resprobe::cachelab {
namespace {

using Stored = WorkerAnswer::Stored;

class WorkerPoolTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const char* program = std::getenv(GetParam());
    if (program == nullptr) GTEST_SKIP() << GetParam() << " is not set";
    std::string error;
    server_ = live::ServerProcess::Start({.program = program}, &error);
    ASSERT_NE(server_, nullptr) << error;
    direct_ = std::make_unique<live::Resp3Client>(Connector(), [](const resp::ReplyView&) {});
    ASSERT_TRUE(direct_->Open("", 0, &error)) << error;
  }

  live::Resp3Client::Connector Connector() const {
    return [path = server_->socket_path()](std::string* error) {
      return live::ConnectUnix(path, error);
    };
  }

  void Start(PoolOptions options = {}) {
    options.connect = Connector();
    std::string error;
    pool_ = WorkerPool::Start(std::move(options), &error);
    ASSERT_NE(pool_, nullptr) << error;
  }

  std::string Direct(const std::string& command) {
    EXPECT_TRUE(direct_->Send(command + "\r\n"));
    EXPECT_TRUE(direct_->Await(1));
    return resp::ToText(direct_->replies()[0].root());
  }

  WorkerAnswer Get(int worker, const std::string& key = "k") {
    return pool_->Wait(pool_->Cached(worker, Words{"GET", key}));
  }
  static std::string Text(const WorkerAnswer& answer) {
    return answer.ok() ? resp::ToText(answer.reply.root()) : answer.why;
  }

  std::unique_ptr<live::ServerProcess> server_;
  std::unique_ptr<live::Resp3Client> direct_;
  std::unique_ptr<WorkerPool> pool_;
};
INSTANTIATE_TEST_SUITE_P(Servers, WorkerPoolTest,
                         testing::Values("RESPROBE_REDIS_SERVER", "RESPROBE_VALKEY_SERVER"),
                         [](const auto& i) { return std::string(i.param).substr(9); });

TEST_P(WorkerPoolTest, AllReadWhatOneHasPut) {
  Start({.workers = 3, .writers = 2});
  Direct("SET k v1");
  const WorkerAnswer miss = Get(1);
  EXPECT_FALSE(miss.hit);
  EXPECT_EQ(miss.stored, Stored::kStored);
  EXPECT_EQ(Text(miss), "\"v1\"");
  for (int worker = 0; worker < 3; ++worker) {
    const WorkerAnswer hit = Get(worker);
    EXPECT_TRUE(hit.hit);
    EXPECT_EQ(Text(hit), "\"v1\"");
    EXPECT_EQ(hit.grant.pid, pool_->pid(1));
    EXPECT_EQ(hit.grant.client_id, miss.client_id);
    EXPECT_EQ(hit.grant.writer, 1);
  }
  // The third worker is not a writer: it must not put.
  Direct("SET other v1");
  EXPECT_EQ(Get(2, "other").stored, Stored::kNotTried);
  EXPECT_FALSE(Get(0, "other").hit);
}

TEST_P(WorkerPoolTest, AnInvalidationDropsForAll) {
  Start();
  Direct("SET k v1");
  Get(0);
  ASSERT_TRUE(Get(3).hit);
  Direct("SET k v2");
  ASSERT_TRUE(pool_->Barrier());
  const WorkerAnswer answer = Get(3);
  EXPECT_FALSE(answer.hit);
  EXPECT_EQ(Text(answer), "\"v2\"");
}

TEST_P(WorkerPoolTest, AReplyThatAnInvalidationHasPassedIsNotPut) {
  Start();
  Direct("SET k v1");
  pool_->Hold(0, Failpoint::kBeforeReply);
  const uint64_t ticket = pool_->Cached(0, Words{"GET", "k"});
  ASSERT_TRUE(pool_->WaitHeld(0, ticket));
  // The server processes what was sent before a PING no later than the PING; and its output for
  // other clients is sent when it answers the next one.
  Direct("PING");
  Direct("SET k v2");
  Direct("PING");
  pool_->Go(0);
  const WorkerAnswer answer = pool_->Wait(ticket);
  EXPECT_EQ(Text(answer), "\"v1\"");
  EXPECT_EQ(answer.stored, Stored::kRefused);
  EXPECT_EQ(pool_->cache().counts().refused, 1u);
  EXPECT_EQ(Text(Get(1)), "\"v2\"");
}

TEST_P(WorkerPoolTest, AKilledConnectionTakesItsEntriesAlong) {
  Start();
  Direct("SET k v1");
  const int64_t id = Get(0).client_id;
  ASSERT_TRUE(Get(1).hit);
  EXPECT_EQ(Direct("CLIENT KILL ID " + std::to_string(id)), "(integer) 1");
  Direct("SET k v2");
  ASSERT_TRUE(pool_->Barrier());
  EXPECT_EQ(Text(Get(1)), "\"v2\"");
}

TEST_P(WorkerPoolTest, AFlushEmptiesAll) {
  Start();
  Direct("SET k v1");
  Get(0);
  ASSERT_TRUE(Get(1).hit);
  Direct("FLUSHDB");
  ASSERT_TRUE(pool_->Barrier());
  EXPECT_EQ(Text(Get(1)), "(nil)");
}

TEST_P(WorkerPoolTest, ADeathTakesItsEntriesAlongAtOnce) {
  Start();
  for (int i = 0; i < 20; ++i) {
    Direct("SET k v" + std::to_string(i));
    const int writer = i % 4;
    ASSERT_TRUE(pool_->Barrier());
    ASSERT_TRUE(Get(writer).ok());
    ASSERT_TRUE(Get((writer + 1) % 4).hit);
    pool_->Signal(writer, SIGKILL);
    // No barrier: the reader itself detects that the owner is gone.
    EXPECT_FALSE(Get((writer + 2) % 4).hit);
  }
  EXPECT_EQ(pool_->deaths(), 20u);
}

// A crash is reported with its stack, and counted separately from deaths that the driver ordered.
TEST_P(WorkerPoolTest, AWorkerThatCrashesByItselfTellsItsStack) {
  Start({.workers = 2, .writers = 2, .injected_fault = InjectedFault::kCrashOnWrite});
  pool_->Signal(1, SIGKILL);
  ASSERT_TRUE(pool_->Barrier());
  pool_->Signal(1, SIGSEGV);  // from outside: no crash
  pool_->SignalAt(1, Failpoint::kBeforeReply, SIGABRT);
  EXPECT_EQ(Get(1).status, WorkerAnswer::Status::kLost);
  EXPECT_EQ(pool_->deaths(), 3u);
  EXPECT_EQ(pool_->crashes(), 0u);
  EXPECT_FALSE(pool_->TakeCrash());

  const pid_t pid = pool_->pid(0);
  const WorkerAnswer answer = pool_->Wait(pool_->Cached(0, Words{"SET", "k", "v"}));
  EXPECT_EQ(answer.status, WorkerAnswer::Status::kLost);
  EXPECT_EQ(answer.why, "the worker crashed");
  EXPECT_EQ(pool_->deaths(), 3u);
  EXPECT_EQ(pool_->crashes(), 1u);
  const std::optional<WorkerCrash> crash = pool_->TakeCrash();
  ASSERT_TRUE(crash);
  EXPECT_EQ(crash->worker, 0);
  EXPECT_EQ(crash->pid, pid);
  EXPECT_NE(crash->report.find("SEGV"), std::string::npos) << crash->report;
  EXPECT_FALSE(ReadStack(crash->report).empty()) << crash->report;
  EXPECT_FALSE(pool_->TakeCrash());
  // It was replaced.
  EXPECT_TRUE(Get(0).ok());
}

// An armed failpoint that was not reached does not excuse a crash by its signal.
TEST_P(WorkerPoolTest, ACrashOfAnArmedWorkerIsACrash) {
  Start({.workers = 1, .writers = 1, .injected_fault = InjectedFault::kCrashOnWrite});
  pool_->SignalAt(0, Failpoint::kBeforeDrop, SIGSEGV);
  pool_->Wait(pool_->Cached(0, Words{"SET", "k", "v"}));
  EXPECT_EQ(pool_->deaths(), 0u);
  EXPECT_EQ(pool_->crashes(), 1u);
}

TEST_P(WorkerPoolTest, AWorkerThatHangsIsReplaced) {
  Start({.workers = 2, .writers = 2, .hang_seconds = 3});
  EXPECT_FALSE(pool_->ReplaceHung());  // none hangs
  const uint64_t ticket = pool_->Direct(0, Words{"BLPOP", "none", "0"});
  while (pool_->hung().empty()) pool_->Pump();
  ASSERT_TRUE(pool_->ReplaceHung());
  EXPECT_TRUE(pool_->hung().empty());
  const std::string why = pool_->Wait(ticket).why;
  EXPECT_NE(why.find("says nothing for 3 s; it was replaced"), std::string::npos) << why;
  EXPECT_TRUE(Get(0).ok());
  EXPECT_EQ(pool_->deaths(), 1u);
}

TEST_P(WorkerPoolTest, AStopThatComesBetweenAnAnswerAndItsReadingIsSeen) {
  pid_t victim = 0;
  // poll() has returned because of an answer; only now the other worker stops, and SIGCHLD arrives.
  Start({.after_poll = [&victim] {
    if (victim == 0) return;
    kill(victim, SIGSTOP);
    siginfo_t info = {};
    EXPECT_EQ(waitid(P_PID, static_cast<id_t>(victim), &info, WSTOPPED | WNOWAIT), 0);
    victim = 0;
  }});
  victim = pool_->pid(3);
  EXPECT_TRUE(Get(0).ok());
  EXPECT_EQ(victim, 0);
  EXPECT_TRUE(pool_->stopped(3));
  EXPECT_EQ(Get(3).why, "the worker is stopped");
  pool_->Resume();
  EXPECT_TRUE(Get(3).ok());
}

TEST_P(WorkerPoolTest, AStoppedWorkerIsNotTrustedAndComesBack) {
  Start();
  Direct("SET k v1");
  Get(0);
  ASSERT_TRUE(Get(1).hit);
  pool_->Signal(0, SIGSTOP);
  EXPECT_TRUE(pool_->stopped(0));
  Direct("SET k v2");
  ASSERT_TRUE(pool_->Barrier());
  EXPECT_EQ(Text(Get(1)), "\"v2\"");
  pool_->Resume();
  ASSERT_TRUE(pool_->Barrier());
  EXPECT_EQ(Text(Get(0)), "\"v2\"");
  Direct("SET k v3");
  ASSERT_TRUE(pool_->Barrier());
  EXPECT_EQ(Text(Get(0)), "\"v3\"");
  EXPECT_EQ(pool_->deaths(), 0u);
}

// At each point, a hundred times: a read that dies there, a write, and reads by all workers.
TEST_P(WorkerPoolTest, DiesAtEachPointAndLeavesNothing) {
  const auto open_files = [] {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return std::distance(begin(all), end(all));
  };
  const auto before = open_files();
  Start();
  constexpr int kTimes = 100;
  for (const Failpoint point : kFailpoints) {
    for (int i = 0; i < kTimes; ++i) {
      const int victim = i % 4;
      const int other = (i + 1) % 4;
      const std::string old = "v" + std::to_string(2 * i);
      const std::string value = "v" + std::to_string(2 * i + 1);
      Direct("SET k " + old);
      ASSERT_TRUE(pool_->Barrier());
      const uint64_t deaths = pool_->deaths();
      if (point == Failpoint::kBeforeDrop) {
        ASSERT_TRUE(Get(victim).ok());
        ASSERT_TRUE(Get(other).hit);
        pool_->SignalAt(victim, point, SIGKILL);
      } else {
        pool_->SignalAt(victim, point, SIGKILL);
        ASSERT_EQ(Get(victim).status, WorkerAnswer::Status::kLost);
      }
      Direct("SET k " + value);
      ASSERT_TRUE(pool_->Barrier()) << pool_->hung();
      for (int worker = 0; worker < 4; ++worker) {
        const WorkerAnswer answer = Get(worker);
        ASSERT_EQ(Text(answer), "\"" + value + "\"") << FailpointName(point) << " " << i;
        ASSERT_FALSE(answer.torn);
      }
      ASSERT_EQ(pool_->deaths(), deaths + 1) << FailpointName(point);
    }
  }
  const SharedCache::Counts counts = pool_->cache().counts();
  EXPECT_EQ(counts.recoveries, 2u * kTimes);  // two of the points are under the lock
  EXPECT_EQ(counts.torn, 1u * kTimes);        // one of them in the middle of an entry

  // Nothing remains: no process, socket or memory here, no connection at the server.
  pool_.reset();
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), 0);  // the server is the only child
  EXPECT_EQ(open_files(), before);
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    EXPECT_EQ(line.find("resprobe-cache"), std::string::npos) << line;
  }
  const auto connections = [&] {
    const std::string list = Direct("CLIENT LIST");
    size_t count = 0;
    for (size_t at = list.find("id="); at != std::string::npos; at = list.find(" laddr", at + 1)) {
      ++count;
    }
    return count - 1;
  };
  // The server detects the ends when it processes its sockets.
  for (int i = 0; i < 1000 && connections() > 1; ++i) {
  }
  EXPECT_EQ(connections(), 1u);
}

}  // namespace
}  // namespace resprobe::cachelab
