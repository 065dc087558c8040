// The stream of the core and that of a real server, command by command.

#include <gtest/gtest.h>

#include <cstdlib>
#include <regex>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "core/resp/reply_parser.h"
#include "core/resp/request_parser.h"
#include "core/resp/writer.h"
#include "core/server/server.h"
#include "tests/core/commands/real_server.h"

namespace resprobe {
namespace {

constexpr int kClient = 1;
constexpr int kReplica = 2;
constexpr int kFirstWaiting = 10;
constexpr int kPatienceMs = 10'000;

// One request a line, its words escaped as in C. A line that begins with "@" is that of another
// client, which waits; at a line "+" time passes at the server.
constexpr std::string_view kRequests = R"(
SET k v
set k v ex 100
SET k v PX 100000
SET k v EXAT 99999999999
SET k v PXAT 1
GET k
SET k v PXAT 1
SET k w
SET k v PXAT 1
SET k v PXAT 1
DEL k
SET k v NX
SET k v NX
SET k v XX GET EX 100
SET k v KEEPTTL
SETEX k 100 v
PSETEX k 100000 v
SETNX k v
SETNX k2 v
GETSET k w
SET k v GET
SET k w gEt pX 100000
SET k w NX GET
SET k w XX GET
SET k w GET KEEPTTL
SET k w GET GET
SET k w GET XX GET
SET get v XX GET
SET k GET GET
SET get get
set k v pxat 99999999999999
SET k v XX pxat 99999999999999 GET
SET k v GET PXAT 1
SET k v GET EXAT 99999999999
GETDEL k
GETDEL k
SET k v
GETEX k
GETEX k EX 100
GETEX k PERSIST
GETEX k PERSIST
GETEX k PXAT 1
SET k v
EXPIRE k 100
PEXPIRE k 100000
EXPIREAT k 99999999999
PEXPIREAT k 99999999999999
EXPIRE k 100 GT
EXPIRE k 10 LT
EXPIRE k 100000 NX
EXPIRE k 100 XX XX LT
EXPIRE k 1000 XX XX GT
PEXPIRE k 2000000 gt Gt xX gT
PEXPIREAT k 99999999999999 XX GT XX GT XX
EXPIREAT k 99999999998 lt
pexpireat k 88888888888888 xx
pexpireat k 1 xx
SET k v
PERSIST k
PERSIST k
PEXPIRE k -1
SET n 5
INCR n
DECR n
INCRBY n 3
DECRBY n 3
INCRBYFLOAT n 1.5
INCRBYFLOAT n x
APPEND n 3
SETRANGE n 1 xx
SETBIT b 3 1
SETBIT b 3 1
SETBIT b 2 0
SETBIT b 90 0
BITOP NOT b2 b
BITOP NOT b2 nokey
BITOP NOT b2 nokey
BITFIELD b SET u8 0 5
BITFIELD b GET u8 0
BITFIELD b SET u8 0 5
BITFIELD b INCRBY u8 0 0
MSET a 1 b 2
MSETNX a 1 b 2
MSETNX aa 1 bb 2
DEL a b nokey
DEL nokey
UNLINK aa bb
LPUSH l 1 2 3 4 5 6 7 8 9
RPUSH l 1 2 3
LPUSHX l 1
LPUSHX nol 1
LPOP l
RPOP l 2
LPOP l 0
LPOP nol
LSET l 0 x
LSET l 0 x
LINSERT l BEFORE x y
LINSERT l BEFORE nox y
LREM l 1 2
LREM l 1 nox
LTRIM l 0 8
LTRIM l 0 8
LTRIM nol 0 8
RPOPLPUSH l l2
RPOPLPUSH nol l2
LMOVE l l2 LEFT RIGHT
LMOVE l l LEFT LEFT
LMPOP 2 nol l LEFT
LMPOP 2 nol l RIGHT COUNT 2
LMPOP 1 nol LEFT
BLPOP l 0
BRPOP l 0
BLMOVE l l2 LEFT RIGHT 0
BRPOPLPUSH l2 l2 0
BLMPOP 0 1 l2 LEFT COUNT 2
@BLPOP q 0
RPUSH q 1
@BRPOP q 0
RPUSH q 1 2 3
DEL q
@BLMOVE q q2 LEFT RIGHT 0
RPUSH q 1 2
DEL q
@BRPOPLPUSH q q2 0
RPUSH q 1 2
DEL q
@BLMPOP 0 1 q LEFT COUNT 5
RPUSH q 1 2
@BZPOPMIN zz 0
ZADD zz 1 a 2 b
DEL zz
@BZMPOP 0 1 zz MAX COUNT 5
ZADD zz 1 a 2 b
SADD s a b c d e
SADD s a
SREM s a
SREM s zz
SMOVE s s2 b
SMOVE s s2 zz
SMOVE s s c
SADD s2 c
SMOVE s s2 c
SPOP s 0
SPOP s 100
SPOP s 100
SADD s a
SPOP s
SADD s a b c d e
SINTERSTORE d s s
SUNIONSTORE d s s2
SDIFFSTORE d s s
SDIFFSTORE d s s
SINTERSTORE d nokey
HSET h a 1 b 2
HSET h a 1
HSETNX h a 2
HSETNX h c 3
HMSET h a 2
HDEL h a zz
HDEL h zz
HINCRBY h b 5
HINCRBY h b 0
HINCRBYFLOAT h b 1.5
ZADD z 1 a 2 b 3 c
ZADD z 1 a
ZADD z XX CH 5 a
ZADD z INCR 5 a
ZADD z NX INCR 5 a
ZINCRBY z 1 a
ZINCRBY z 0 a
ZREM z a zz
ZREM z zz
ZPOPMIN z
ZADD z 1 a 2 b 3 c 4 d 5 e 6 f 7 g 8 h 9 i
ZPOPMAX z 2
ZPOPMAX z 0
ZMPOP 2 noz z MIN
ZMPOP 2 noz z MAX COUNT 2
BZPOPMIN z 0
BZPOPMAX z 0
BZMPOP 0 1 z MIN COUNT 1
ZADD z 1 a 2 b 3 c 4 d 5 e 6 f 7 g 8 h 9 i
ZREMRANGEBYRANK z 0 1
ZREMRANGEBYSCORE z 3 4
ZREMRANGEBYSCORE z 3 4
ZUNIONSTORE zd 1 z
ZINTERSTORE zd 1 z
ZDIFFSTORE zd 2 z z
ZDIFFSTORE zd 2 z z
ZRANGESTORE zd z 0 -1
ZRANGESTORE zd z 100 200
ZRANGESTORE zd z 100 200
RPUSH so 3 1 2
SORT so STORE sd
SORT so
SORT nokey STORE sd
SORT nokey STORE sd
SET x 1
COPY x y
COPY x y
COPY x y REPLACE
COPY x y DB 1
RENAME x xx
RENAME xx xx
RENAMENX xx y
RENAMENX xx xxx
MOVE xxx 1
MOVE nokey 1
SELECT 1
SET k 1
SELECT 0
SWAPDB 0 1
SWAPDB 0 0
FLUSHDB
FLUSHDB
FLUSHALL
FLUSHALL ASYNC
PUBLISH ch msg
SPUBLISH ch msg
MULTI
EXEC
MULTI
GET k
EXEC
MULTI
SET k v
EXEC
MULTI
SET k v
SET k2 v
EXEC
MULTI
SET k v
SELECT 1
SET k2 v
SELECT 0
EXEC
SELECT 3
MULTI
SET k v
EXPIRE k 100
SPOP nokey
PUBLISH a b
EXEC
MULTI
SET k v
DISCARD
LPUSH k 1
TOUCH k
RESTORE rk 0 \x00\xc0\x05\x0a\x00\x63\x2f\x5f\x66\x83\x2f\xb3\x51
RESTORE rk 0 \x00\xc0\x05\x0a\x00\x63\x2f\x5f\x66\x83\x2f\xb3\x51
RESTORE rk 100000 \x00\xc0\x05\x0a\x00\x63\x2f\x5f\x66\x83\x2f\xb3\x51 REPLACE
RESTORE rk 99999999999999 \x00\xc0\x05\x0a\x00\x63\x2f\x5f\x66\x83\x2f\xb3\x51 REPLACE ABSTTL
RESTORE rk 100000 \x00\xc0\x05\x0a\x00\x63\x2f\x5f\x66\x83\x2f\xb3\x51 REPLACE IDLETIME 5
RESTORE rk 1 \x00\xc0\x05\x0a\x00\x63\x2f\x5f\x66\x83\x2f\xb3\x51 REPLACE ABSTTL
RESTORE rk 1 \x00\xc0\x05\x0a\x00\x63\x2f\x5f\x66\x83\x2f\xb3\x51 ABSTTL
DUMP rk
)";

// Commands that meet a key "ed" that has expired, and is still there.
constexpr std::string_view kOnExpired = R"(
SINTERSTORE ed es
SUNIONSTORE ed es
SDIFFSTORE ed es
ZUNIONSTORE ed 1 es
ZINTERSTORE ed 1 es
ZRANGESTORE ed ez 0 -1
BITOP NOT ed et
SORT es ALPHA STORE ed
COPY et ed
COPY et ed REPLACE
RENAME er ed
RENAMENX er ed
MOVE er 0
MSET ed 1
MSETNX ed 1
GETSET ed 1
SETNX ed 1
APPEND ed 1
LPUSH ed 1
SADD ed 1
RESTORE ed 0 \x00\xc0\x05\x0a\x00\x63\x2f\x5f\x66\x83\x2f\xb3\x51 REPLACE
RESTORE ed 0 \x00\xc0\x05\x0a\x00\x63\x2f\x5f\x66\x83\x2f\xb3\x51
RESTORE ed 1 \x00\xc0\x05\x0a\x00\x63\x2f\x5f\x66\x83\x2f\xb3\x51 REPLACE ABSTTL
SINTERSTORE ed no
SUNIONSTORE ed no
SDIFFSTORE ed no
ZUNIONSTORE ed 1 no
ZDIFFSTORE ed 1 no
ZRANGESTORE ed no 0 -1
BITOP NOT ed no
SORT no ALPHA STORE ed
DEL ed
UNLINK ed
GETDEL ed
GETEX ed PERSIST
EXPIRE ed -1
SET ed 1 PXAT 1
PERSIST ed
)";

std::string AllRequests() {
  std::string all(kRequests);
  all += "SELECT 0\nFLUSHALL\nSADD es x\nZADD ez 1 a\nSET et abc\n";
  std::istringstream lines{std::string(kOnExpired)};
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty()) all += "SET er 1\nSET ed 0 PX 1\n+\n" + line + "\nDEL er ed\n";
  }
  return all;
}

std::vector<std::string> Words(std::string_view line) {
  std::istringstream in{std::string(line)};
  std::vector<std::string> words;
  for (std::string word; in >> word;) UnescapeBytes(word, &words.emplace_back());
  return words;
}

std::string Request(const std::vector<std::string>& words) {
  std::string bytes;
  resp::AppendRequest(&bytes, std::vector<std::string_view>(words.begin(), words.end()));
  return bytes;
}

// Requests as text, without times.
class StreamText {
 public:
  // The text so far once the marker has arrived; empty before that.
  std::string Add(std::string_view bytes, const std::string& marker) {
    while (!bytes.empty()) {
      const auto result = parser_.Parse(bytes);
      if (result.status != resp::RequestParser::Status::kRequest) break;
      bytes.remove_prefix(result.consumed);
      std::string words;
      for (const std::string_view word : parser_.args()) words.append(" ").append(word);
      if (words == " PUBLISH mark " + marker) return std::exchange(text_, "") + ".";
      text_ += words + ";";
    }
    return "";
  }

 private:
  resp::RequestParser parser_;
  std::string text_;
};

std::string WithoutTimes(const std::string& text) {
  return std::regex_replace(text, std::regex("[0-9]{13,}"), "TIME");
}

class Alone : public ServerHost {
 public:
  bool Dial(uint64_t, std::string_view, int) override { return false; }
  int listening_port() const override { return 1; }
  uint64_t process_number() const override { return 1; }
};

// Drops the line "+FULLRESYNC …", "$size" and the keys. False while they are not there.
bool DropPrelude(std::string* bytes) {
  const size_t size_at = bytes->find("\r\n$");
  if (size_at == bytes->npos) return false;
  const size_t end = bytes->find("\r\n", size_at + 2);
  if (end == bytes->npos) return false;
  const size_t all = end + 2 + std::strtoull(bytes->c_str() + size_at + 3, nullptr, 10);
  if (bytes->size() < all) return false;
  bytes->erase(0, all);
  return true;
}

void TheStreamsAreTheSame(Profile profile, const char* variable) {
  const char* program = std::getenv(variable);
  if (program == nullptr || *program == '\0') GTEST_SKIP() << variable << " is not set";
  std::string error;
  RealServer real;
  ASSERT_TRUE(real.Start(program, &error)) << error;
  // Expired keys are found by commands alone, and no pings are in the stream.
  ASSERT_TRUE(real.Fresh(&error)) << error;
  Alone host;
  Server core({.profile = profile, .active_expiry = false});
  core.set_host(&host);
  const uint64_t client = core.Connect();
  const uint64_t replica = core.Connect();

  ASSERT_TRUE(real.Send(
      3, "CONFIG SET repl-diskless-sync-delay 0 repl-ping-replica-period 10000\r\n", &error));
  ASSERT_EQ(real.Receive(3, 5, kPatienceMs).bytes, "+OK\r\n");
  ASSERT_TRUE(real.Send(kReplica, "PSYNC ? -1\r\n", &error));
  std::string prelude;
  while (!DropPrelude(&prelude)) {
    const std::string bytes = real.Receive(kReplica, 1, kPatienceMs).bytes;
    ASSERT_FALSE(bytes.empty()) << prelude;
    prelude += bytes;
  }
  core.Receive(replica, "PSYNC ? -1\r\n");
  ASSERT_TRUE(DropPrelude(&core.Output(replica)));

  StreamText of_real;
  StreamText of_core;
  std::vector<uint64_t> waiting;
  std::istringstream lines(AllRequests());
  int number = 0;
  int other = kFirstWaiting;
  bool multi = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) continue;
    if (line[0] == '+') {
      ASSERT_TRUE(real.Send(kClient, "DEBUG SLEEP 0.01\r\n", &error)) << error;
      core.Advance(10);
      continue;
    }
    if (line[0] == '@') {
      const std::string request = Request(Words(line.substr(1)));
      ASSERT_TRUE(real.Send(other++, request, &error) && real.Settle(&error)) << error;
      core.Receive(core.Connect(), request);
      continue;
    }
    const std::vector<std::string> words = Words(line);
    ASSERT_TRUE(real.Send(kClient, Request(words), &error)) << error;
    core.Receive(client, Request(words));
    multi = words[0] == "MULTI" || (multi && words[0] != "EXEC" && words[0] != "DISCARD");
    if (multi) continue;
    // The marker is a command of the same client, and so of the same database.
    const std::string marker = std::to_string(++number);
    const std::string mark = Request({"PUBLISH", "mark", marker});
    ASSERT_TRUE(real.Send(kClient, mark, &error)) << error;
    core.Receive(client, mark);
    core.Output(client).clear();
    const std::string seen = of_core.Add(std::exchange(core.Output(replica), {}), marker);
    std::string expected;
    while (expected.empty()) {
      const std::string byte = real.Receive(kReplica, 1, kPatienceMs).bytes;
      ASSERT_FALSE(byte.empty()) << line;
      expected = of_real.Add(byte, marker);
    }
    EXPECT_EQ(WithoutTimes(seen), WithoutTimes(expected)) << line;
  }
}

TEST(ReplicationStreamTest, IsThatOfRedis) {
  TheStreamsAreTheSame(Profile::kRedis70, "RESPROBE_REDIS_SERVER");
}

TEST(ReplicationStreamTest, IsThatOfValkey) {
  TheStreamsAreTheSame(Profile::kValkey80, "RESPROBE_VALKEY_SERVER");
}

}  // namespace
}  // namespace resprobe
