// Servers that follow each other, joined by hosts that carry their bytes.

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/persistence/memory_files.h"
#include "core/resp/writer.h"
#include "core/server/server.h"

namespace resprobe {
namespace {

constexpr std::string_view kHandshake =
    "*5\r\n$8\r\nREPLCONF\r\n$14\r\nlistening-port\r\n$4\r\n7001\r\n$4\r\ncapa\r\n$6\r\npsync2\r\n";

// Files that can be made impossible to open for writing.
class FullFiles : public MemoryFiles {
 public:
  int Open(std::string_view path, Mode mode) override {
    return full && mode != Mode::kRead ? -ENOSPC : MemoryFiles::Open(path, mode);
  }
  bool full = false;
};

// A few servers, named by their ports.
class ReplicationTest : public testing::Test {
 protected:
  struct Machine : ServerHost {
    Machine(ReplicationTest* test, int own_port, Profile profile)
        : system(*test), port(own_port), server({.profile = profile}) {
      server.set_host(this);
    }
    bool Dial(uint64_t connection, std::string_view, int to) override {
      if (to == 0) return false;
      dialled.push_back({connection, to});
      return true;
    }
    int listening_port() const override { return port; }
    uint64_t process_number() const override {
      return static_cast<uint64_t>(port) + restarts * 100;
    }

    ReplicationTest& system;
    const int port;
    uint64_t restarts = 0;
    Server server;
    struct Dialled {
      uint64_t connection;
      int to;
    };
    std::vector<Dialled> dialled;
  };
  struct Link {
    Machine* from;
    uint64_t from_id;
    Machine* to;
    uint64_t to_id;
  };

  Machine& Add(int port, Profile profile = Profile::kRedis70) {
    machines_.push_back(std::make_unique<Machine>(this, port, profile));
    return *machines_.back();
  }
  // Its process starts, with these files and a log.
  static void Start(Machine& machine, MemoryFiles* files) {
    machine.server.Reset();
    ++machine.restarts;
    ServerConfig config = machine.server.config();
    config.persistence.appendonly = true;
    config.persistence.appendfsync = AppendFsync::kAlways;
    machine.server.Configure(config);
    ASSERT_TRUE(machine.server.Start(files, machine.restarts, nullptr));
  }
  // Delivers everything, until nothing moves.
  void Pump() {
    for (bool moved = true; moved;) {
      moved = false;
      for (const auto& machine : machines_) {
        for (const Machine::Dialled& dialled : std::exchange(machine->dialled, {})) {
          Machine& to = At(dialled.to);
          links_.push_back({machine.get(), dialled.connection, &to, to.server.Connect()});
          moved = true;
        }
      }
      for (size_t i = 0; i < links_.size(); ++i) {
        const Link link = links_[i];
        moved |= Move(*link.from, link.from_id, *link.to, link.to_id, &upstream_);
        moved |= Move(*link.to, link.to_id, *link.from, link.from_id, &stream_);
      }
    }
  }
  // The connection between them is lost.
  void Cut(Machine& from) {
    for (size_t i = 0; i < links_.size(); ++i) {
      if (links_[i].from != &from) continue;
      const Link link = links_[i];
      links_.erase(links_.begin() + static_cast<ptrdiff_t>(i));
      link.to->server.Close(link.to_id);
      link.from->server.Close(link.from_id);
      return;
    }
  }
  static std::string Ask(Machine& machine, std::initializer_list<std::string_view> words,
                         int connection = 0) {
    return Ask(machine, std::vector<std::string_view>(words), connection);
  }
  static std::string Ask(Machine& machine, const std::vector<std::string_view>& words,
                         int connection = 0) {
    uint64_t& id = machine.system.clients_[{machine.port, connection}];
    if (id == 0) id = machine.server.Connect();
    std::string request;
    resp::AppendRequest(&request, words);
    machine.server.Receive(id, request);
    return std::exchange(machine.server.Output(id), {});
  }
  // What the primaries have sent since the last call.
  std::string Stream() { return std::exchange(stream_, {}); }
  static std::string Words(std::string_view stream) {
    resp::RequestParser parser;
    std::string text;
    while (!stream.empty()) {
      const auto result = parser.Parse(stream);
      if (result.status != resp::RequestParser::Status::kRequest) return text + "?";
      stream.remove_prefix(result.consumed);
      text += text.empty() ? "" : "; ";
      for (const std::string_view word : parser.args()) {
        text.append(text.empty() || text.ends_with("; ") ? "" : " ").append(word);
      }
    }
    return text;
  }
  // Replica `b` follows `a`; only its stream counts from here.
  void Follow(Machine& b, const Machine& a) {
    EXPECT_EQ(Ask(b, {"REPLICAOF", "host", std::to_string(a.port)}), "+OK\r\n");
    Pump();
    EXPECT_TRUE(b.server.link().streams());
    Stream();
  }
  // The stream of these commands.
  std::string Sends(Machine& a,
                    std::initializer_list<std::initializer_list<std::string_view>> all) {
    for (const auto& words : all) Ask(a, words);
    Pump();
    return Words(Stream());
  }

  std::string upstream_;

 private:
  static bool Move(Machine& from, uint64_t from_id, Machine& to, uint64_t to_id, std::string* all) {
    const std::string bytes = std::exchange(from.server.Output(from_id), {});
    if (bytes.empty()) return false;
    all->append(bytes);
    to.server.Receive(to_id, bytes);
    return true;
  }
  Machine& At(int port) {
    return **std::ranges::find_if(machines_, [&](const auto& one) { return one->port == port; });
  }

  std::vector<std::unique_ptr<Machine>> machines_;
  std::vector<Link> links_;
  std::map<std::pair<int, int>, uint64_t> clients_;
  std::string stream_;
};

TEST_F(ReplicationTest, AReplicaCopiesAllKeysAndFollows) {
  Machine& a = Add(7000);
  Machine& b = Add(7001);
  Ask(a, {"SET", "s", "v", "PX", "5000"});
  Ask(a, {"RPUSH", "l", "1", "", std::string(20'000, 'x')});
  Ask(a, {"SADD", "set", "a", "b"});
  Ask(a, {"HSET", "h", "f", std::string(100, 'y')});
  Ask(a, {"ZADD", "z", "-inf", "a", "0.5", "b"});
  Ask(a, {"SELECT", "9"});
  Ask(a, {"SET", "other", "v"});
  Ask(b, {"SET", "old", "v"});
  EXPECT_EQ(Ask(b, {"REPLICAOF", "host", "7000"}), "+OK\r\n");
  EXPECT_EQ(Ask(b, {"REPLICAOF", "host", "7000"}), "+OK Already connected to specified master\r\n");
  Pump();
  EXPECT_TRUE(upstream_.starts_with("*1\r\n$4\r\nPING\r\n")) << upstream_;
  EXPECT_NE(upstream_.find(kHandshake), std::string::npos) << upstream_;
  EXPECT_EQ(a.server.keyspace().Digest(), b.server.keyspace().Digest());
  EXPECT_EQ(b.server.keyspace().CheckIntegrity(), "");
  EXPECT_EQ(Ask(b, {"EXISTS", "old"}), ":0\r\n");
  for (int i = 0; i < 20; ++i) Ask(a, {"RPUSH", "l", std::to_string(i)});
  Ask(a, {"FLUSHDB"});
  Pump();
  EXPECT_EQ(a.server.keyspace().Digest(), b.server.keyspace().Digest());
  EXPECT_EQ(a.server.source().offset(), b.server.source().offset());
  // It is read only, and says so.
  EXPECT_EQ(Ask(b, {"SET", "k", "v"}),
            "-READONLY You can't write against a read only replica.\r\n");
  EXPECT_EQ(Ask(b, {"ROLE"}).substr(0, 43),
            "*5\r\n$5\r\nslave\r\n$4\r\nhost\r\n:7000\r\n$9\r\nconnect");
  EXPECT_NE(Ask(b, {"INFO", "replication"})
                .find("role:slave\r\nmaster_host:host\r\nmaster_port:7000"
                      "\r\nmaster_link_status:up\r\n"),
            std::string::npos);
  EXPECT_NE(Ask(a, {"INFO"}).find("connected_slaves:1\r\nslave0:ip=?,port=7001,state=online"),
            std::string::npos);
}

// Bytes of the stream arrive one by one.
TEST_F(ReplicationTest, TheStreamMayBeCutAnywhere) {
  Machine& a = Add(7000);
  Machine& b = Add(7001);
  Ask(a, {"SET", "k", "v"});
  Ask(b, {"REPLICAOF", "host", "7000"});
  const uint64_t at_b = b.dialled.at(0).connection;
  const uint64_t at_a = a.server.Connect();
  for (int i = 0; i < 10; ++i) {
    a.server.Receive(at_a, std::exchange(b.server.Output(at_b), {}));
    for (const char byte : std::exchange(a.server.Output(at_a), {})) {
      b.server.Receive(at_b, std::string_view(&byte, 1));
    }
    if (i == 6) Ask(a, {"MSET", "k", "w", "l", "w"});
  }
  EXPECT_EQ(Ask(b, {"MGET", "k", "l"}), "*2\r\n$1\r\nw\r\n$1\r\nw\r\n");
  b.dialled.clear();
}

// Without a replica nothing is recorded; without a host nothing is replicated.
TEST_F(ReplicationTest, NothingIsRecordedWithoutAReplica) {
  Machine& a = Add(7000);
  Ask(a, {"SET", "k", "v"});
  EXPECT_FALSE(a.server.propagation().records());
  EXPECT_EQ(a.server.source().offset(), 0u);
  EXPECT_EQ(a.server.source().backlog_size(), 0u);
  a.server.set_host(nullptr);
  for (const auto& words : std::vector<std::vector<std::string_view>>{
           {"REPLICAOF", "host", "1"}, {"PSYNC", "?", "-1"}, {"REPLCONF", "ACK", "1"}}) {
    std::string request;
    resp::AppendRequest(&request, words);
    const uint64_t client = a.server.Connect();
    a.server.Receive(client, request);
    EXPECT_TRUE(a.server.Output(client).starts_with("-ERR replication is not available"))
        << words[0];
  }
}

TEST_F(ReplicationTest, EffectsArePropagated) {
  Machine& a = Add(7000);
  Follow(Add(7001), a);
  const std::string now = std::to_string(a.server.now_ms() + 1000);
  EXPECT_EQ(Sends(a, {{"set", "k", "v"}}), "SELECT 0; set k v");
  EXPECT_EQ(Sends(a, {{"SET", "k", "v", "NX"}, {"GET", "k"}, {"DEL", "no"}}), "");
  EXPECT_EQ(Sends(a, {{"SET", "k", "v", "EX", "1"}}), "SET k v PXAT " + now);
  EXPECT_EQ(Sends(a, {{"PEXPIRE", "k", "1000", "XX"}}), "PEXPIREAT k " + now + " XX");
  EXPECT_EQ(Sends(a, {{"EXPIRE", "k", "0"}}), "DEL k");
  EXPECT_EQ(Sends(a, {{"INCRBYFLOAT", "n", "1.5"}}), "SET n 1.5 KEEPTTL");
  EXPECT_EQ(Sends(a, {{"GETEX", "n", "PX", "1000"}}), "PEXPIREAT n " + now);
  EXPECT_EQ(Sends(a, {{"GETEX", "n", "PERSIST"}}), "PERSIST n");
  EXPECT_EQ(Sends(a, {{"GETDEL", "n"}}), "DEL n");
  EXPECT_EQ(Sends(a, {{"SADD", "s", "x", "y"}, {"SPOP", "s", "2"}}), "SADD s x y; DEL s");
  EXPECT_EQ(Sends(a, {{"SADD", "s", "x"}, {"SPOP", "s"}}), "SADD s x; SREM s x");
  Sends(a, {{"SADD", "s", "1", "2", "3"}});
  const std::string popped = Sends(a, {{"SPOP", "s", "2"}});
  EXPECT_TRUE(popped.starts_with("MULTI; SREM s ") && popped.ends_with("; EXEC")) << popped;
  EXPECT_EQ(Sends(a, {{"SELECT", "1"}, {"RPUSH", "l", "1", "2", "3"}}), "SELECT 1; RPUSH l 1 2 3");
  EXPECT_EQ(Sends(a, {{"LMPOP", "2", "no", "l", "RIGHT", "COUNT", "9"}}), "RPOP l 3");
  EXPECT_EQ(Sends(a, {{"MULTI"}, {"SET", "x", "1"}, {"SELECT", "0"}, {"SET", "y", "1"}, {"EXEC"}}),
            "MULTI; SET x 1; SELECT 0; SET y 1; EXEC");
  EXPECT_EQ(Sends(a, {{"MULTI"}, {"SET", "x", "1"}, {"GET", "y"}, {"EXEC"}}), "SET x 1");
  EXPECT_EQ(Sends(a, {{"PUBLISH", "c", "m"}, {"FLUSHALL"}, {"SWAPDB", "0", "0"}}),
            "PUBLISH c m; FLUSHALL; SWAPDB 0 0");
}

// Keys that expire are deleted by a command: found expired by a command, together with that; by the
// active cycle, each alone.
TEST_F(ReplicationTest, ExpiredKeysAreDeleted) {
  Machine& a = Add(7000);
  Machine& b = Add(7001);
  Follow(b, a);
  Ask(a, {"SET", "k", "v", "PX", "5"});
  Ask(a, {"SET", "l", "v", "PX", "5"});
  a.server.Advance(50);
  b.server.Advance(50);
  Pump();
  Stream();
  EXPECT_EQ(Ask(b, {"GET", "k"}), "$-1\r\n");
  EXPECT_EQ(Ask(b, {"DBSIZE"}), ":2\r\n");
  EXPECT_EQ(Sends(a, {{"SET", "k", "w"}}), "MULTI; DEL k; SET k w; EXEC");
  EXPECT_EQ(Sends(a, {{"GET", "l"}}), "DEL l");
  EXPECT_EQ(Ask(b, {"DBSIZE"}), ":1\r\n");
  Ask(a, {"SET", "l", "v", "PX", "5"});
  Ask(a, {"SET", "m", "v", "PX", "5"});
  Pump();
  Stream();
  a.server.Advance(1000);
  Pump();
  EXPECT_EQ(Words(Stream()), "DEL m; DEL l");
  Ask(a, {"SET", "l", "v"});
  a.server.Evict(0, "l");
  Pump();
  EXPECT_EQ(Words(Stream()), "SET l v; DEL l");
}

TEST_F(ReplicationTest, ClientsThatWaitAreReplicatedAsTheyAreServed) {
  Machine& a = Add(7000);
  Machine& b = Add(7001);
  Follow(b, a);
  Ask(a, {"BLPOP", "l", "0"}, 1);
  Ask(a, {"BLMOVE", "l", "m", "LEFT", "RIGHT", "0"}, 2);
  EXPECT_EQ(Sends(a, {{"RPUSH", "l", "1", "2"}}),
            "SELECT 0; RPUSH l 1 2; LPOP l; LMOVE l m left right");
  EXPECT_EQ(a.server.keyspace().Digest(), b.server.keyspace().Digest());
  // A server that becomes a replica lets nobody wait.
  Ask(b, {"REPLICAOF", "NO", "ONE"});
  Ask(b, {"BLPOP", "l", "0"}, 1);
  Follow(b, a);
  EXPECT_TRUE(Ask(b, {"PING"}, 1).starts_with("-UNBLOCKED "));
}

TEST_F(ReplicationTest, ValkeyDeletesByUnlink) {
  Machine& a = Add(7000, Profile::kValkey80);
  Follow(Add(7001, Profile::kValkey80), a);
  EXPECT_EQ(Sends(a, {{"SADD", "s", "1", "2", "3"}}), "SELECT 0; SADD s 1 2 3");
  const std::string popped = Sends(a, {{"SPOP", "s", "2"}});
  EXPECT_EQ(popped.size(), std::string_view("SREM s 1 2").size()) << popped;
  EXPECT_EQ(Sends(a, {{"EXPIRE", "s", "-1"}}), "UNLINK s");
  EXPECT_EQ(Sends(a, {{"SET", "k", "v"}, {"SET", "k", "v", "PXAT", "1"}}), "SET k v; UNLINK k");
}

TEST_F(ReplicationTest, AReplicaThatComesBackGetsTheRest) {
  Machine& a = Add(7000);
  Machine& b = Add(7001);
  Ask(a, {"SELECT", "3"});
  Follow(b, a);
  Ask(a, {"SET", "k", "v"});
  Pump();
  Cut(b);
  Ask(a, {"SET", "k", "w"});
  Stream();
  Pump();
  EXPECT_NE(Stream().find("+CONTINUE "), std::string::npos);
  EXPECT_EQ(a.server.keyspace().Digest(), b.server.keyspace().Digest());
  // Too far behind: everything.
  Cut(b);
  for (int i = 0; i < 50; ++i) Ask(a, {"SET", "big", std::string(100'000, 'x')});
  Pump();
  EXPECT_NE(Stream().find("+FULLRESYNC "), std::string::npos);
  EXPECT_EQ(a.server.keyspace().Digest(), b.server.keyspace().Digest());
  // The primary is a new process, whose stream is another one.
  a.server.Reset();
  ++a.restarts;
  Cut(b);
  Pump();
  EXPECT_EQ(Ask(b, {"EXISTS", "big"}), ":0\r\n");
  EXPECT_EQ(a.server.keyspace().Digest(), b.server.keyspace().Digest());
}

TEST_F(ReplicationTest, APromotedReplicaKeepsItsKeysAndItsReplicas) {
  Machine& a = Add(7000);
  Machine& b = Add(7001);
  Machine& c = Add(7002);
  Follow(b, a);
  Follow(c, b);  // a replica of the replica
  Ask(a, {"SET", "k", "v"});
  Pump();
  EXPECT_EQ(Ask(c, {"GET", "k"}), "$1\r\nv\r\n");
  Cut(b);
  b.dialled.clear();
  EXPECT_EQ(Ask(b, {"REPLICAOF", "NO", "ONE"}), "+OK\r\n");
  EXPECT_EQ(Ask(b, {"SET", "l", "v"}), "+OK\r\n");
  // Its replica is sent away, and comes back to learn the new id.
  EXPECT_TRUE(b.server.source().replicas().empty());
  Cut(c);
  Pump();
  EXPECT_EQ(b.server.source().replicas().size(), 1U);
  EXPECT_NE(Stream().find("+CONTINUE "), std::string::npos);
  EXPECT_EQ(Ask(c, {"MGET", "k", "l"}), "*2\r\n$1\r\nv\r\n$1\r\nv\r\n");
  // The old primary becomes its replica, in the same history.
  EXPECT_EQ(Ask(a, {"REPLICAOF", "host", "7001"}), "+OK\r\n");
  Stream();
  Pump();
  EXPECT_NE(Stream().find("+CONTINUE "), std::string::npos);
  EXPECT_EQ(a.server.keyspace().Digest(), b.server.keyspace().Digest());
  EXPECT_EQ(Ask(a, {"EXISTS", "l"}), ":1\r\n");
}

// The keys say which database the stream of the replica's own primary has selected.
TEST_F(ReplicationTest, AReplicaOfAReplicaBeginsInTheDatabaseOfTheStream) {
  Machine& a = Add(7000);
  Machine& b = Add(7001);
  Machine& c = Add(7002);
  Machine& d = Add(7003);
  Follow(b, a);
  Ask(a, {"SELECT", "5"});
  Ask(a, {"SET", "k", "v"});
  Pump();
  Follow(c, b);
  Follow(d, c);  // after a full synchronization, and before a command
  EXPECT_EQ(Sends(a, {{"SET", "l", "v"}}), "SET l v; SET l v; SET l v");
  for (const Machine* machine : {&b, &c, &d}) {
    EXPECT_NE(machine->server.keyspace().Peek(5, "l"), nullptr) << machine->port;
    EXPECT_EQ(machine->server.keyspace().Digest(), a.server.keyspace().Digest()) << machine->port;
  }
  // A primary selects it anew, for all.
  Machine& e = Add(7004);
  Follow(e, a);
  EXPECT_EQ(Sends(a, {{"SET", "m", "v"}}).substr(0, 17), "SELECT 5; SET m v");
  EXPECT_EQ(e.server.keyspace().Digest(), a.server.keyspace().Digest());
  EXPECT_EQ(d.server.keyspace().Digest(), a.server.keyspace().Digest());
}

// The new primary has the same stream: there is nothing to copy, and its own replicas stay.
TEST_F(ReplicationTest, AReplicaThatFollowsAnotherOneKeepsItsStream) {
  Machine& a = Add(7000);
  Machine& b = Add(7001);
  Machine& c = Add(7002);
  Machine& d = Add(7003);
  Follow(b, a);
  Follow(c, a);
  Follow(d, c);
  Ask(a, {"SELECT", "5"});
  Ask(a, {"SET", "k", "v"});
  Pump();
  const std::string id(c.server.source().id());
  EXPECT_EQ(Ask(c, {"REPLICAOF", "host", "7001"}), "+OK\r\n");
  EXPECT_TRUE(c.server.replica());
  EXPECT_EQ(c.server.source().id(), id);
  EXPECT_EQ(c.server.source().replicas().size(), 1U);
  Stream();
  Pump();
  const std::string stream = Stream();
  EXPECT_NE(stream.find("+CONTINUE "), stream.npos) << stream;
  EXPECT_EQ(stream.find("+FULLRESYNC "), stream.npos);
  EXPECT_EQ(c.server.source().replicas().size(), 1U);
  // It goes on in the database of the stream.
  Ask(a, {"SET", "l", "v"});
  Pump();
  for (const Machine* machine : {&b, &c, &d}) {
    EXPECT_EQ(machine->server.keyspace().Digest(), a.server.keyspace().Digest()) << machine->port;
  }
  // One that has another stream is copied, and its replicas begin again.
  Machine& e = Add(7004);
  Ask(e, {"SET", "other", "v"});
  Ask(c, {"REPLICAOF", "host", "7004"});
  Stream();
  Pump();
  EXPECT_NE(Stream().find("+FULLRESYNC "), std::string::npos);
  EXPECT_TRUE(c.server.source().replicas().empty());
  EXPECT_EQ(c.server.keyspace().Digest(), e.server.keyspace().Digest());
}

// What CLIENT PAUSE holds has not been applied: it comes again on a new connection.
TEST_F(ReplicationTest, APausedCommandOfTheStreamCountsWhenItHasRun) {
  Machine& a = Add(7000);
  Machine& b = Add(7001);
  Follow(b, a);
  Ask(b, {"CLIENT", "PAUSE", "100000", "WRITE"});
  const uint64_t offset = b.server.source().offset();
  Ask(a, {"MULTI"});
  Ask(a, {"SET", "k", "v"});
  Ask(a, {"RPUSH", "l", "x"});
  Ask(a, {"EXEC"});
  Ask(a, {"RPUSH", "l", "y"});
  Pump();
  EXPECT_LT(b.server.source().offset(), a.server.source().offset());
  EXPECT_EQ(Ask(b, {"EXISTS", "k", "l"}), ":0\r\n");
  Cut(b);
  Pump();
  EXPECT_GE(b.server.source().offset(), offset);
  Ask(b, {"CLIENT", "UNPAUSE"});
  Pump();
  EXPECT_EQ(b.server.source().offset(), a.server.source().offset());
  EXPECT_EQ(b.server.keyspace().Digest(), a.server.keyspace().Digest());
}

// A full synchronization replaces what the log has, too: live/replication shows the same of real
// servers.
TEST_F(ReplicationTest, AReplicaLogsWhatItWasSynchronizedWith) {
  MemoryFiles files;
  Machine& a = Add(7000);
  Machine& b = Add(7001);
  Start(b, &files);
  Ask(b, {"SET", "old", "v"});
  Ask(a, {"SET", "k", "v"});
  Follow(b, a);
  EXPECT_EQ(b.server.persistence().aof(), Persistence::Aof::kWaitsForRewrite);
  Ask(a, {"SET", "l", "v"});
  Pump();
  const auto rewrite = [&] {
    while (b.server.persistence().child_runs()) b.server.persistence().StepChild();
    b.server.Advance(100);
  };
  rewrite();
  EXPECT_EQ(b.server.persistence().aof(), Persistence::Aof::kOn);
  Ask(a, {"SET", "m", "v"});
  Pump();
  Start(b, &files);
  EXPECT_EQ(Ask(b, {"EXISTS", "old"}, 1), ":0\r\n");
  EXPECT_EQ(Ask(b, {"EXISTS", "k", "l", "m"}, 1), ":3\r\n");
}

// Keys that cannot be loaded leave a replica without a log, until it is promoted.
TEST_F(ReplicationTest, AFailedSynchronizationEndsTheLog) {
  MemoryFiles files;
  Machine& b = Add(7001);
  Start(b, &files);
  Ask(b, {"SET", "old", "v"}, 1);
  Ask(b, {"REPLICAOF", "host", "7000"}, 1);
  const uint64_t link = b.dialled.at(0).connection;
  b.dialled.clear();
  b.server.Receive(link, "+PONG\r\n+OK\r\n+FULLRESYNC " + std::string(40, 'a') + " 0\r\n$3\r\nbad");
  EXPECT_FALSE(b.server.IsOpen(link));
  EXPECT_EQ(b.server.persistence().aof(), Persistence::Aof::kOff);
  ServerConfig config = b.server.config();
  config.max_bulk /= 2;  // another setting does not turn it on
  EXPECT_EQ(b.server.Configure(config), "");
  EXPECT_EQ(b.server.persistence().aof(), Persistence::Aof::kOff);
  Ask(b, {"REPLICAOF", "NO", "ONE"}, 1);
  EXPECT_EQ(b.server.persistence().aof(), Persistence::Aof::kWaitsForRewrite);
}

// A log that cannot be begun ends the process (redis 7.0 replication.c restartAOFAfterSYNC).
TEST_F(ReplicationTest, AReplicaThatCannotLogExits) {
  FullFiles files;
  Machine& a = Add(7000);
  Machine& b = Add(7001);
  Start(b, &files);
  Ask(b, {"SET", "old", "v"}, 1);
  files.full = true;
  EXPECT_EQ(Ask(b, {"REPLICAOF", "host", "7000"}, 1), "+OK\r\n");
  Pump();
  EXPECT_TRUE(b.server.exited());
  EXPECT_TRUE(b.server.failed());
  EXPECT_TRUE(a.server.keyspace().keys(0).empty());
}

TEST_F(ReplicationTest, ASilentWaitForTheLogDoesNotDisconnectAReplica) {
  MemoryFiles files;
  Machine& a = Add(7000, Profile::kValkey80);
  Machine& b = Add(7001, Profile::kValkey80);
  Start(a, &files);
  Follow(b, a);
  const uint64_t link = a.server.source().replicas().front().client->id;
  // In one turn, at whose end the log is written and the wait ends.
  const uint64_t client = a.server.Connect();
  a.server.Receive(client, "CLIENT REPLY OFF\r\nSET k v\r\nWAITAOF 1 0 0\r\n");
  EXPECT_FALSE(a.server.FindClient(client)->blocked);
  Pump();
  b.server.Advance(1000);
  Pump();
  EXPECT_TRUE(a.server.IsOpen(link));
  EXPECT_TRUE(b.server.link().streams());
}

TEST_F(ReplicationTest, AReplicaOfAReplicaLearnsANewId) {
  Machine& a = Add(7000);
  Machine& b = Add(7001);
  Machine& c = Add(7002);
  Machine& d = Add(7003);
  Follow(b, a);
  Follow(c, b);
  Follow(d, c);
  // B gets another id, and so C does when it comes back: D must not go on under the old one.
  Ask(b, {"REPLICAOF", "NO", "ONE"});
  Cut(c);
  Pump();
  EXPECT_TRUE(c.server.source().replicas().empty());
  EXPECT_EQ(c.server.source().id(), b.server.source().id());
}

TEST_F(ReplicationTest, ASilentPeerIsGivenUp) {
  Machine& a = Add(7000);
  Machine& b = Add(7001);
  ServerConfig config;
  config.replication = {.ping_ms = 1000, .timeout_ms = 4000};
  a.server.Configure(config);
  b.server.Configure(config);
  Follow(b, a);
  for (int i = 0; i < 10; ++i) {
    a.server.Advance(1000);
    b.server.Advance(1000);
    Pump();
  }
  EXPECT_NE(Stream().find("PING"), std::string::npos);
  EXPECT_TRUE(b.server.link().streams());
  EXPECT_EQ(a.server.source().replicas().size(), 1U);
  // Nothing arrives any more, and no end does.
  for (int i = 0; i < 5; ++i) {
    a.server.Advance(1000);
    b.server.Advance(1000);
  }
  EXPECT_FALSE(b.server.link().streams());
  EXPECT_TRUE(a.server.source().replicas().empty());
}

// What clients with CLIENT REPLY OFF are not sent is not for a replica: redis 7.0 and valkey 8.0
// keep its connection in all these cases.
TEST_F(ReplicationTest, SilentClientsDoNotDisconnectAReplica) {
  Machine& a = Add(7000);
  Machine& b = Add(7001);
  Follow(b, a);
  const uint64_t link = a.server.source().replicas().front().client->id;
  const auto stays = [&] { return a.server.IsOpen(link) && b.server.link().streams(); };
  for (int i = 1; i <= 4; ++i) Ask(a, {"CLIENT", "REPLY", "OFF"}, i);
  Ask(a, {"SET", "k", "v"}, 1);
  Ask(a, {"WAIT", "1", "0"}, 1);
  Pump();
  EXPECT_TRUE(stays()) << "the replica's report ends a WAIT";
  Ask(a, {"BLPOP", "no", "0.5"}, 2);
  a.server.Advance(1000);
  b.server.Advance(1000);
  Pump();
  EXPECT_TRUE(stays()) << "a wait that timed out, before the replica's report";
  Ask(a, {"BLPOP", "no", "0"}, 3);
  for (const Client* client : a.server.active_clients()) {
    if (client->blocked) Ask(a, {"CLIENT", "UNBLOCK", std::to_string(client->id), "ERROR"});
  }
  b.server.Advance(1000);
  Pump();
  EXPECT_TRUE(stays()) << "CLIENT UNBLOCK";
  // Nor its own replies, if it has asked for none.
  a.server.Receive(link, "CLIENT REPLY OFF\r\nPING\r\n");
  a.server.Receive(link, "PING\r\n");
  EXPECT_TRUE(stays()) << "a replica with CLIENT REPLY OFF";
}

// Both servers close the connection then, and send none of it.
TEST_F(ReplicationTest, AReplicaThatIsTalkedToIsDisconnected) {
  struct Case {
    std::string_view name;
    std::string_view before;  // on the connection, before it is a replica's
    std::string_view on_it;   // and then
    std::vector<std::string_view> elsewhere;
  };
  const Case cases[] = {
      {"PING", "", "PING\r\n", {}},
      {"WAIT", "", "WAIT 5 100\r\n", {}},
      {"a message", "HELLO 3\r\nSUBSCRIBE ch\r\n", "", {"PUBLISH", "ch", "x"}},
      {"an invalidation", "HELLO 3\r\nCLIENT TRACKING on BCAST\r\n", "", {"SET", "k", "v"}},
  };
  Machine& a = Add(7000);
  for (const Case& one : cases) {
    const uint64_t link = a.server.Connect();
    a.server.Receive(link, one.before);
    a.server.Output(link).clear();
    a.server.Receive(link, "PSYNC ? -1\r\n");
    EXPECT_TRUE(a.server.IsOpen(link)) << one.name;
    a.server.Output(link).clear();
    a.server.Receive(link, one.on_it);
    if (!one.elsewhere.empty()) Ask(a, one.elsewhere);
    a.server.Advance(200);
    EXPECT_FALSE(a.server.IsOpen(link)) << one.name;
    EXPECT_TRUE(a.server.source().replicas().empty()) << one.name;
    const std::string sent = a.server.Output(link);
    EXPECT_EQ(sent.find_first_of("+-:>"), sent.npos) << one.name << ": " << sent;
  }
}

TEST_F(ReplicationTest, WaitCountsReplicas) {
  Machine& a = Add(7000);
  Follow(Add(7001), a);
  Follow(Add(7002), a);
  EXPECT_EQ(Ask(a, {"WAIT", "0", "0"}), ":2\r\n");
  Ask(a, {"SET", "k", "v"});
  EXPECT_EQ(Ask(a, {"WAIT", "2", "0"}), "");
  Pump();
  EXPECT_EQ(Ask(a, {"PING"}), ":2\r\n+PONG\r\n");
  Ask(a, {"SET", "k", "w"});
  EXPECT_EQ(Ask(a, {"WAIT", "3", "100"}), "");
  Pump();
  a.server.Advance(100);
  EXPECT_EQ(Ask(a, {"PING"}), ":2\r\n+PONG\r\n");
}

// redis 7.0: what a replica may send after PSYNC has no reply; anything else ends its connection.
TEST_F(ReplicationTest, AReplyToAReplicaEndsItsConnection) {
  int port = 7000;
  for (const auto& [words, open] : std::vector<std::pair<std::vector<std::string_view>, bool>>{
           {{"REPLCONF", "ACK", "0"}, true},
           {{"PSYNC", "?", "-1"}, true},
           {{"PING"}, false},
           {{"SET", "k", "w"}, false},
           {{"GET", "k"}, false},
           {{"PUBLISH", "c", "m"}, false},
           {{"REPLICAOF", "host", "7001"}, false},
           {{"REPLCONF", "capa", "eof"}, false},
           {{"no such command"}, false},
       }) {
    SCOPED_TRACE(words[0]);
    Machine& a = Add(port++);
    Ask(a, {"SET", "k", "v"});
    Ask(a, {"PSYNC", "?", "-1"}, 1);
    EXPECT_EQ(Ask(a, words, 1), "");
    EXPECT_EQ(Ask(a, {"ROLE"}).starts_with("*3\r\n$6\r\nmaster\r\n:0\r\n*1\r\n"), open);
    EXPECT_EQ(Ask(a, {"GET", "k"}), "$1\r\nv\r\n");
  }
}

TEST_F(ReplicationTest, ClientsAreOfTheTypeReplicaOrPrimary) {
  Machine& a = Add(7000);
  Machine& b = Add(7001);
  Follow(b, a);
  EXPECT_NE(Ask(a, {"CLIENT", "LIST", "TYPE", "REPLICA"}).find(" flags=S "), std::string::npos);
  EXPECT_NE(Ask(b, {"CLIENT", "LIST", "TYPE", "MASTER"}).find(" flags=M "), std::string::npos);
  EXPECT_EQ(Ask(a, {"CLIENT", "LIST", "TYPE", "MASTER"}), "$0\r\n\r\n");
  EXPECT_EQ(Ask(a, {"CLIENT", "LIST", "TYPE", "NORMAL"}).find("flags=S"), std::string::npos);
  EXPECT_EQ(Ask(a, {"CLIENT", "KILL", "TYPE", "REPLICA"}), ":1\r\n");
  EXPECT_EQ(Ask(a, {"CLIENT", "LIST", "TYPE", "REPLICA"}), "$0\r\n\r\n");
}

// A replica reports once a second, and tries again to connect when that fails.
TEST_F(ReplicationTest, TimePasses) {
  Machine& a = Add(7000);
  Machine& b = Add(7001);
  EXPECT_EQ(Ask(b, {"REPLICAOF", "host", "0"}), "+OK\r\n");
  EXPECT_EQ(b.server.link().state(), ReplicaLink::State::kDown);
  Follow(b, a);
  Ask(a, {"SET", "k", "v"});
  Pump();
  EXPECT_EQ(a.server.source().replicas()[0].acknowledged, 0u);
  b.server.Advance(1000);
  Pump();
  EXPECT_EQ(a.server.source().replicas()[0].acknowledged, a.server.source().offset());
  // Refused.
  Ask(b, {"REPLICAOF", "host", "7009"});
  ASSERT_EQ(b.dialled.size(), 1u);
  b.server.Close(b.dialled[0].connection);
  b.dialled.clear();
  b.server.Advance(999);
  EXPECT_TRUE(b.dialled.empty());
  b.server.Advance(1);
  EXPECT_EQ(b.dialled.size(), 1u);
  b.dialled.clear();
}

// On a replica a client does not find an expired key, but the commands of its primary do.
TEST_F(ReplicationTest, AReplicaLeavesExpiryToItsPrimary) {
  Machine& a = Add(7000);
  Machine& b = Add(7001);
  Follow(b, a);
  Ask(a, {"SET", "k", "v", "PX", "5"});
  Pump();
  b.server.Advance(50);
  EXPECT_EQ(Ask(b, {"GET", "k"}), "$-1\r\n");
  EXPECT_EQ(Ask(b, {"DBSIZE"}), ":1\r\n");
  // The clock of the primary is behind: to its commands the key lives.
  Ask(a, {"APPEND", "k", "w"});
  Ask(a, {"PERSIST", "k"});
  Pump();
  EXPECT_EQ(Ask(b, {"GET", "k"}), "$2\r\nvw\r\n");
  Ask(a, {"PEXPIRE", "k", "5"});
  Pump();
  b.server.Advance(1000);
  EXPECT_EQ(Ask(b, {"DBSIZE"}), ":1\r\n");
  Ask(b, {"REPLICAOF", "NO", "ONE"});
  b.server.Advance(1000);
  EXPECT_EQ(Ask(b, {"DBSIZE"}), ":0\r\n");
}

TEST_F(ReplicationTest, AReplicaNotifiesItsClients) {
  Machine& a = Add(7000);
  Machine& b = Add(7001);
  Follow(b, a);
  EXPECT_NE(Ask(b, {"HELLO", "3"}).find("$4\r\nrole\r\n$7\r\nreplica\r\n"), std::string::npos);
  Ask(b, {"CLIENT", "TRACKING", "ON"});
  Ask(b, {"GET", "k"});
  Ask(a, {"SET", "k", "v"});
  Pump();
  EXPECT_EQ(Ask(b, {"GET", "k"}), ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n$1\r\nv\r\n");
  // New keys replace all.
  a.server.Reset();
  ++a.restarts;
  Cut(b);
  Pump();
  EXPECT_EQ(Ask(b, {"GET", "k"}), ">2\r\n$10\r\ninvalidate\r\n_\r\n_\r\n");
}

}  // namespace
}  // namespace resprobe
