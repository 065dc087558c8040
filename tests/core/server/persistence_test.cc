// A server with files: its snapshots, its append-only file, and what it loads.

#include "core/persistence/persistence.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/persistence/memory_files.h"
#include "core/resp/writer.h"
#include "core/server/server.h"
#include "tests/core/persistence/faulty_files.h"

namespace resprobe {
namespace {

struct LogLines : PersistenceLog {
  std::vector<std::string> lines;
  void Line(std::string_view text) override { lines.emplace_back(text); }
  bool Has(std::string_view part) const {
    for (const std::string& line : lines) {
      if (line.find(part) != std::string::npos) return true;
    }
    return false;
  }
};

class PersistenceTest : public testing::TestWithParam<Profile> {
 protected:
  // A process on the files, with one client.
  void Start(const PersistenceSettings& settings = {}) {
    now_ms_ = server_ == nullptr ? 1'700'000'000'000 : static_cast<int64_t>(server_->now_ms());
    server_ = std::make_unique<Server>(
        ServerConfig{.profile = GetParam(), .start_ms = now_ms_, .persistence = settings});
    started_ = server_->Start(&files_, ++process_, &log_);
    client_ = server_->Connect();
  }
  static PersistenceSettings Aof(AppendFsync fsync = AppendFsync::kAlways) {
    PersistenceSettings settings;
    settings.appendonly = true;
    settings.appendfsync = fsync;
    return settings;
  }

  std::string Call(const std::vector<std::string_view>& words) {
    std::string request;
    resp::AppendRequest(&request, words);
    server_->Receive(client_, request);
    return std::exchange(server_->Output(client_), {});
  }
  // The child runs to its end, and its parent notices.
  void EndChild() {
    while (server_->persistence().child() != Persistence::Child::kNone) {
      for (int i = 0; i < 1000; ++i) server_->persistence().StepChild();
      server_->Advance(100);
    }
  }
  std::string FileOf(std::string_view path) const {
    const std::string* const bytes = files_.Find(path);
    return bytes == nullptr ? "(none)" : *bytes;
  }
  // The requests of a file, one a line.
  std::string Requests(std::string_view path) const {
    std::string bytes = FileOf(path);
    std::string lines;
    resp::RequestParser parser{resp::RequestLimits{}};
    std::string_view rest = bytes;
    while (!rest.empty()) {
      const resp::RequestParser::Result result = parser.Parse(rest);
      if (result.status != resp::RequestParser::Status::kRequest) return lines + "?";
      for (const std::string_view word : parser.args()) lines.append(word).append(" ");
      lines.back() = '\n';
      rest.remove_prefix(result.consumed);
    }
    return lines;
  }

  MemoryFiles files_;
  LogLines log_;
  std::unique_ptr<Server> server_;
  uint64_t client_ = 0;
  uint64_t process_ = 0;
  int64_t now_ms_ = 0;
  bool started_ = false;
};

TEST_P(PersistenceTest, WithoutFilesTheCommandsAreRefused) {
  server_ = std::make_unique<Server>(ServerConfig{.profile = GetParam()});
  client_ = server_->Connect();
  for (const std::string_view name : {"SAVE", "BGSAVE", "BGREWRITEAOF", "LASTSAVE", "SHUTDOWN"}) {
    EXPECT_EQ(Call({name}), "-ERR persistence is not available: this server has no files\r\n");
  }
  EXPECT_EQ(Call({"CONFIG", "GET", "appendonly"}), "*0\r\n");
}

TEST_P(PersistenceTest, ASnapshotIsLoadedByTheNextProcess) {
  Start();
  Call({"SET", "a", "1"});
  Call({"RPUSH", "l", "x", "y"});
  EXPECT_EQ(Call({"SAVE"}), "+OK\r\n");
  Call({"SET", "late", "1"});
  Start();
  ASSERT_TRUE(started_);
  EXPECT_EQ(Call({"GET", "a"}), "$1\r\n1\r\n");
  EXPECT_EQ(Call({"LRANGE", "l", "0", "-1"}), "*2\r\n$1\r\nx\r\n$1\r\ny\r\n");
  EXPECT_EQ(Call({"EXISTS", "late"}), ":0\r\n");
  EXPECT_EQ(files_.Paths(), std::vector<std::string>{"dump.rdb"});
}

TEST_P(PersistenceTest, AChildWritesWhatTheKeyspaceWas) {
  Start();
  Call({"SET", "a", "1"});
  EXPECT_EQ(Call({"BGSAVE"}), "+Background saving started\r\n");
  Call({"SET", "a", "2"});
  EXPECT_EQ(Call({"BGSAVE"}), "-ERR Background save already in progress\r\n");
  EXPECT_EQ(Call({"SAVE"}), "-ERR Background save already in progress\r\n");
  EXPECT_EQ(Call({"BGREWRITEAOF"}), "+Background append only file rewriting scheduled\r\n");
  EXPECT_EQ(FileOf("dump.rdb"), "(none)");
  EndChild();
  EXPECT_EQ(server_->persistence().unsaved_changes(), 1);
  Start();
  EXPECT_EQ(Call({"GET", "a"}), "$1\r\n1\r\n");
}

TEST_P(PersistenceTest, ASavePointIsReached) {
  PersistenceSettings settings;
  settings.save = {{.seconds = 10, .changes = 2}};
  Start(settings);
  Call({"SET", "a", "1"});
  server_->Advance(11'000);
  EXPECT_EQ(server_->persistence().child(), Persistence::Child::kNone);  // one change
  Call({"SET", "a", "2"});
  server_->Advance(100);
  EXPECT_EQ(server_->persistence().child(), Persistence::Child::kSave);
  EndChild();
  EXPECT_NE(FileOf("dump.rdb"), "(none)");
  EXPECT_EQ(Call({"CONFIG", "GET", "save"}), "*2\r\n$4\r\nsave\r\n$4\r\n10 2\r\n");
}

TEST_P(PersistenceTest, TheLogIsWrittenBeforeTheReply) {
  Start(Aof());
  EXPECT_EQ(Call({"SELECT", "3"}), "+OK\r\n");
  Call({"SET", "a", "1"});
  Call({"MULTI"});
  Call({"SET", "b", "2"});
  Call({"SELECT", "4"});
  Call({"INCR", "c"});
  Call({"EXEC"});
  Call({"PUBLISH", "ch", "m"});
  Call({"GET", "a"});
  Call({"SET", "t", "1", "EX", "100"});
  EXPECT_EQ(Requests("appendonlydir/appendonly.aof.1.incr.aof"),
            "SELECT 3\nSET a 1\nMULTI\nSET b 2\nSELECT 4\nINCR c\nEXEC\n"
            "SET t 1 PXAT 1700000100000\n");
  Start(Aof());
  ASSERT_TRUE(started_);
  Call({"SELECT", "4"});
  EXPECT_EQ(Call({"GET", "c"}), "$1\r\n1\r\n");
  EXPECT_EQ(Call({"PEXPIRETIME", "t"}), ":1700000100000\r\n");
}

TEST_P(PersistenceTest, AMultiInAnotherDatabase) {
  Start(Aof());
  Call({"SELECT", "2"});
  Call({"MULTI"});
  Call({"SET", "a", "1"});
  Call({"SET", "b", "1"});
  Call({"EXEC"});
  EXPECT_EQ(Requests("appendonlydir/appendonly.aof.1.incr.aof"),
            GetParam() == Profile::kRedis70 ? "SELECT 2\nMULTI\nSET a 1\nSET b 1\nEXEC\n"
                                            : "MULTI\nSELECT 2\nSET a 1\nSET b 1\nEXEC\n");
}

TEST_P(PersistenceTest, ARewriteReplacesTheFiles) {
  Start(Aof());
  Call({"SET", "a", "1"});
  EXPECT_EQ(Call({"BGREWRITEAOF"}), "+Background append only file rewriting started\r\n");
  EXPECT_EQ(Call({"BGREWRITEAOF"}),
            "-ERR Background append only file rewriting already in progress\r\n");
  Call({"SET", "b", "2"});
  EXPECT_EQ(FileOf("appendonlydir/appendonly.aof.manifest"),
            "file appendonly.aof.1.base.rdb seq 1 type b\n"
            "file appendonly.aof.1.incr.aof seq 1 type i\n"
            "file appendonly.aof.2.incr.aof seq 2 type i\n");
  EndChild();
  EXPECT_EQ(FileOf("appendonlydir/appendonly.aof.manifest"),
            "file appendonly.aof.2.base.rdb seq 2 type b\n"
            "file appendonly.aof.2.incr.aof seq 2 type i\n");
  EXPECT_EQ(FileOf("appendonlydir/appendonly.aof.1.incr.aof"), "(none)");
  EXPECT_EQ(Requests("appendonlydir/appendonly.aof.2.incr.aof"), "SELECT 0\nSET b 2\n");
  Start(Aof());
  EXPECT_EQ(Call({"MGET", "a", "b"}), "*2\r\n$1\r\n1\r\n$1\r\n2\r\n");
}

TEST_P(PersistenceTest, TheLogIsTurnedOnAndOff) {
  Start();
  Call({"SET", "a", "1"});
  EXPECT_EQ(Call({"CONFIG", "SET", "appendonly", "yes", "appendfsync", "always"}), "+OK\r\n");
  Call({"SET", "b", "2"});
  EXPECT_EQ(FileOf("appendonlydir/appendonly.aof.manifest"), "(none)");
  EndChild();
  EXPECT_EQ(server_->persistence().aof(), Persistence::Aof::kOn);
  Call({"SET", "c", "3"});
  Start(Aof());
  EXPECT_EQ(Call({"MGET", "a", "b", "c"}), "*3\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n");
  EXPECT_EQ(Call({"CONFIG", "SET", "appendonly", "no"}), "+OK\r\n");
  Call({"SET", "d", "4"});
  Start(Aof());
  EXPECT_EQ(Call({"EXISTS", "d"}), ":0\r\n");
}

TEST_P(PersistenceTest, AShutdownEndsTheProcess) {
  Start(Aof(AppendFsync::kNo));
  Call({"SET", "a", "1"});
  EXPECT_EQ(Call({"SHUTDOWN", "NOSAVE", "SAVE"}), "-ERR syntax error\r\n");
  EXPECT_EQ(Call({"SHUTDOWN", "ABORT"}), "-ERR No shutdown in progress.\r\n");
  EXPECT_EQ(Call({"SHUTDOWN"}), "");
  EXPECT_TRUE(server_->exited());
  EXPECT_FALSE(server_->IsOpen(client_));
  Start(Aof());
  EXPECT_EQ(Call({"GET", "a"}), "$1\r\n1\r\n");
}

TEST_P(PersistenceTest, WrongSettingsAreRefused) {
  Start();
  const auto refusal = [](std::string_view name, std::string_view why) {
    return "-ERR CONFIG SET failed (possibly related to argument '" + std::string(name) + "') - " +
           std::string(why) + "\r\n";
  };
  EXPECT_EQ(
      Call({"CONFIG", "SET", "appendfsync", "foo"}),
      refusal("appendfsync", "argument(s) must be one of the following: everysec, always, no"));
  EXPECT_EQ(Call({"CONFIG", "SET", "appendonly", "maybe"}),
            refusal("appendonly", "argument must be 'yes' or 'no'"));
  EXPECT_EQ(Call({"CONFIG", "SET", "save", "60"}), refusal("save", "Invalid save parameters"));
  EXPECT_EQ(Call({"CONFIG", "SET", "dbfilename", "x"}),
            refusal("dbfilename", "can't set protected config"));
  EXPECT_EQ(Call({"CONFIG", "SET", "appendfilename", "x"}),
            refusal("appendfilename", "can't set immutable config"));
}

INSTANTIATE_TEST_SUITE_P(Profiles, PersistenceTest,
                         testing::Values(Profile::kRedis70, Profile::kValkey80),
                         [](const auto& param) {
                           return param.param == Profile::kRedis70 ? "redis" : "valkey";
                         });

// As on both servers: a transaction is not run if its client watches a key that has changed since.
TEST_P(PersistenceTest, AWatchInALogCounts) {
  constexpr std::string_view kSet = "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n";
  constexpr std::string_view kWatch = "*2\r\n$5\r\nWATCH\r\n$1\r\na\r\n";
  const auto transaction = [](std::string_view key) {
    return "*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$1\r\n" + std::string(key) +
           "\r\n$1\r\n1\r\n*1\r\n$4\r\nEXEC\r\n";
  };
  files_.Set("appendonlydir/appendonly.aof.manifest",
             "file appendonly.aof.1.incr.aof seq 1 type i\n");
  files_.Set("appendonlydir/appendonly.aof.1.incr.aof",
             std::string(kSet) + std::string(kWatch) + std::string(kSet) + transaction("b") +
                 transaction("c") + std::string(kWatch) + transaction("d"));
  Start(Aof());
  EXPECT_EQ(Call({"MGET", "b", "c", "d"}), "*3\r\n$-1\r\n$1\r\n1\r\n$1\r\n1\r\n");
}

// What the rewrite's base has must not come again in the next file.
TEST_P(PersistenceTest, ALogThatCannotBeWrittenIsNotRewritten) {
  FaultyFiles faulty;
  server_ = std::make_unique<Server>(
      ServerConfig{.profile = GetParam(), .persistence = Aof(AppendFsync::kEverySecond)});
  ASSERT_TRUE(server_->Start(&faulty, 1, &log_));
  client_ = server_->Connect();
  Call({"INCR", "n"});
  faulty.room = 0;
  EXPECT_EQ(Call({"INCR", "n"}), ":2\r\n");
  EXPECT_EQ(Call({"BGREWRITEAOF"}).substr(0, 4), "-ERR");
  EXPECT_TRUE(log_.Has("The append only file cannot be written, so it is not rewritten"));
  faulty.room = -1;
  EXPECT_EQ(Call({"BGREWRITEAOF"}), "+Background append only file rewriting started\r\n");
  EndChild();
  const int64_t now = static_cast<int64_t>(server_->now_ms());
  server_ = std::make_unique<Server>(
      ServerConfig{.profile = GetParam(), .start_ms = now, .persistence = Aof()});
  ASSERT_TRUE(server_->Start(&faulty, 2, &log_));
  client_ = server_->Connect();
  EXPECT_EQ(Call({"GET", "n"}), "$1\r\n2\r\n");
}

// SAVE is allowed meanwhile, and leaves the child alone.
TEST_P(PersistenceTest, ASnapshotDuringARewrite) {
  Start(Aof());
  Call({"SET", "a", "1"});
  Call({"BGREWRITEAOF"});
  EXPECT_EQ(Call({"SAVE"}), "+OK\r\n");
  Call({"SET", "b", "2"});
  EndChild();
  EXPECT_EQ(server_->persistence().rewrites(), 1);
  EXPECT_EQ(Requests("appendonlydir/appendonly.aof.2.incr.aof"), "SELECT 0\nSET b 2\n");
  Start(Aof());
  EXPECT_EQ(Call({"MGET", "a", "b"}), "*2\r\n$1\r\n1\r\n$1\r\n2\r\n");
}

// Or else a new incremental file would have the name of one that is removed later.
TEST_P(PersistenceTest, HistoryIsRemovedAlsoWithoutTheLog) {
  files_.MakeDirectory("appendonlydir");
  files_.Set("appendonlydir/appendonly.aof.1.incr.aof", "");
  files_.Set("appendonlydir/appendonly.aof.manifest",
             "file appendonly.aof.2.base.rdb seq 2 type b\n"
             "file appendonly.aof.1.incr.aof seq 1 type h\n");
  Start();
  ASSERT_TRUE(started_);
  EXPECT_EQ(FileOf("appendonlydir/appendonly.aof.1.incr.aof"), "(none)");
  EXPECT_EQ(FileOf("appendonlydir/appendonly.aof.manifest"),
            "file appendonly.aof.2.base.rdb seq 2 type b\n");
}

// What an earlier attempt has left, whose manifest was lost.
TEST_P(PersistenceTest, ANewIncrementalFileHasNoOldContent) {
  files_.MakeDirectory("appendonlydir");
  files_.Set("appendonlydir/appendonly.aof.1.incr.aof",
             "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n");
  Start(Aof());
  EXPECT_EQ(Call({"GET", "a"}), "$-1\r\n");
  Start(Aof());
  EXPECT_EQ(Call({"GET", "a"}), "$-1\r\n");
}

// valkey 8.0's WAITAOF, without its early answers.
TEST_P(PersistenceTest, WaitAofWaitsForTheThread) {
  if (GetParam() == Profile::kRedis70) return;
  Start(Aof(AppendFsync::kEverySecond));
  Call({"SET", "a", "1"});
  EXPECT_EQ(Call({"WAITAOF", "1", "0", "0"}), "");
  server_->Advance(1000);
  ASSERT_TRUE(server_->persistence().thread_waits());
  server_->Advance(1000);
  EXPECT_EQ(server_->Output(client_), "");
  server_->persistence().RunThread();
  server_->Advance(1);
  EXPECT_EQ(std::exchange(server_->Output(client_), {}), "*2\r\n:1\r\n:0\r\n");
}

// valkey 8.0's WAITAOF.
TEST_P(PersistenceTest, WaitAofAnswersOnceTheLogIsDurable) {
  if (GetParam() == Profile::kRedis70) {
    Start(Aof());
    EXPECT_EQ(Call({"WAITAOF", "1", "0", "0"}).substr(0, 20), "-ERR unknown command");
    return;
  }
  Start(Aof(AppendFsync::kNo));
  // Of what the client itself has written, which is nothing.
  EXPECT_EQ(Call({"WAITAOF", "1", "0", "0"}), "*2\r\n:1\r\n:0\r\n");
  Call({"SET", "a", "1"});
  EXPECT_EQ(Call({"WAITAOF", "0", "0", "0"}), "*2\r\n:0\r\n:0\r\n");
  EXPECT_EQ(Call({"WAITAOF", "1", "0", "50"}), "");
  server_->Advance(50);
  EXPECT_EQ(std::exchange(server_->Output(client_), {}), "*2\r\n:0\r\n:0\r\n");
  EXPECT_EQ(Call({"WAITAOF", "0", "1", "50"}), "");
  server_->Advance(50);
  EXPECT_EQ(std::exchange(server_->Output(client_), {}), "*2\r\n:0\r\n:0\r\n");
  // In a transaction it does not wait.
  Call({"MULTI"});
  Call({"WAITAOF", "1", "0", "0"});
  EXPECT_EQ(Call({"EXEC"}), "*1\r\n*2\r\n:0\r\n:0\r\n");
  // The next fsync ends the wait, in the turn in which it is made.
  EXPECT_EQ(Call({"WAITAOF", "1", "0", "0"}), "");
  const uint64_t other = server_->Connect();
  server_->Receive(other, "CONFIG SET appendfsync always\r\nSET b 1\r\n");
  EXPECT_EQ(std::exchange(server_->Output(client_), {}), "*2\r\n:1\r\n:0\r\n");
}

TEST_P(PersistenceTest, WaitAofChecksItsArgumentsInOrder) {
  if (GetParam() == Profile::kRedis70) return;
  Start(Aof());
  constexpr std::string_view kLocal = "-ERR value is out of range, value must between 0 and 1\r\n";
  EXPECT_EQ(Call({"WAITAOF", "2", "x", "x"}), kLocal);
  EXPECT_EQ(Call({"WAITAOF", "-1", "0", "0"}), kLocal);
  EXPECT_EQ(Call({"WAITAOF", "x", "0", "0"}), "-ERR value is not an integer or out of range\r\n");
  EXPECT_EQ(Call({"WAITAOF", "1", "-1", "x"}), "-ERR value is out of range, must be positive\r\n");
  EXPECT_EQ(Call({"WAITAOF", "1", "0", "-1"}), "-ERR timeout is negative\r\n");
  EXPECT_EQ(Call({"WAITAOF", "1", "0", "x"}), "-ERR timeout is not an integer or out of range\r\n");
  Call({"CONFIG", "SET", "appendonly", "no"});
  EXPECT_EQ(Call({"WAITAOF", "1", "0", "0"}),
            "-ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.\r\n");
  EXPECT_EQ(Call({"WAITAOF", "0", "0", "0"}), "*2\r\n:0\r\n:0\r\n");
}

}  // namespace
}  // namespace resprobe
