// The behaviour of CLIENT TRACKING on which the caches and models here rely, row by row, on live
// servers.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "core/resp/reply.h"
#include "core/resp/reply_parser.h"
#include "live/net/socket.h"
#include "live/server/server_process.h"

namespace resprobe::cachelab {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Stream = std::vector<std::string>;

// A connection that keeps the values in the order of their arrival.
class Client {
 public:
  explicit Client(const live::ServerProcess& server) {
    std::string error;
    fd_ = live::ConnectUnix(server.socket_path(), &error);
    EXPECT_TRUE(fd_.valid()) << error;
  }

  // The stream up to the end of the command's reply, plus `extra` more values.
  Stream Call(const std::string& command, size_t extra = 0) {
    EXPECT_TRUE(live::SendAll(fd_.get(), command + "\r\n"));
    Stream stream;
    bool replied = false;
    while (!replied || extra > 0) {
      if (!Next()) break;
      if (replied) --extra;
      replied |= parser_.reply().root().type() != resp::Type::kPush;
      stream.push_back(Text());
    }
    return stream;
  }
  // What the server had sent before; a PING marks the end.
  Stream Pushes() {
    Stream stream = Call("PING");
    stream.pop_back();
    return stream;
  }
  std::string Id() { return Call("CLIENT ID").back().substr(10); }

 private:
  std::string Text() const {
    const resp::ReplyView root = parser_.reply().root();
    return root.type() == resp::Type::kPush && root.size() == 2
               ? std::string(root[0].text()) + " " + resp::ToText(root[1])
               : resp::ToText(root);
  }
  bool Next() {
    for (;;) {
      const auto result = parser_.Parse(std::string_view(bytes_).substr(used_));
      used_ += result.consumed;
      if (result.status == resp::ReplyParser::Status::kValue) return true;
      if (result.status == resp::ReplyParser::Status::kError) return false;
      bytes_.resize(16 << 10);
      used_ = 0;
      const ssize_t size = recv(fd_.get(), bytes_.data(), bytes_.size(), 0);
      bytes_.resize(size > 0 ? static_cast<size_t>(size) : 0);
      if (size <= 0) return false;
    }
  }

  live::UniqueFd fd_;
  std::string bytes_;
  size_t used_ = 0;
  resp::ReplyParser parser_;
};

class TrackingRowsTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const char* program = std::getenv(GetParam());
    if (program == nullptr) GTEST_SKIP() << GetParam() << " is not set";
    std::string error;
    server_ = live::ServerProcess::Start({.program = program}, &error);
    ASSERT_NE(server_, nullptr) << error;
    reader_ = std::make_unique<Client>(*server_);
    writer_ = std::make_unique<Client>(*server_);
    reader_->Call("HELLO 3");
    writer_->Call("HELLO 3");
  }

  void Track(const std::string& how = "") {
    EXPECT_THAT(reader_->Call("CLIENT TRACKING ON " + how), ElementsAre("OK"));
  }
  // What the reader receives after another client's write.
  Stream After(const std::string& command) {
    writer_->Call(command);
    writer_->Call("PING");  // everything that the write caused has been sent by then
    return reader_->Pushes();
  }

  std::unique_ptr<live::ServerProcess> server_;
  std::unique_ptr<Client> reader_;
  std::unique_ptr<Client> writer_;
};
INSTANTIATE_TEST_SUITE_P(Servers, TrackingRowsTest,
                         testing::Values("RESPROBE_REDIS_SERVER", "RESPROBE_VALKEY_SERVER"),
                         [](const auto& i) { return std::string(i.param).substr(9); });

TEST_P(TrackingRowsTest, AReadTracksItsKeysAlsoForNilAndErrors) {
  Track();
  writer_->Call("SET s v");
  reader_->Call("GET nil");
  reader_->Call("LRANGE s 0 1");  // WRONGTYPE
  EXPECT_THAT(After("SET nil v"), ElementsAre("invalidate [\"nil\"]"));
  EXPECT_THAT(After("SET s v2"), ElementsAre("invalidate [\"s\"]"));
}

TEST_P(TrackingRowsTest, AWriteErasesTheKeyFromTheTable) {
  Track();
  reader_->Call("GET k");
  EXPECT_THAT(After("SET k 1"), ElementsAre("invalidate [\"k\"]"));
  EXPECT_THAT(After("SET k 2"), IsEmpty());
}

TEST_P(TrackingRowsTest, TheTableHasNoDatabases) {
  Track();
  reader_->Call("GET k");
  writer_->Call("SELECT 1");
  EXPECT_THAT(After("SET k 1"), ElementsAre("invalidate [\"k\"]"));
}

TEST_P(TrackingRowsTest, TheOwnPushFollowsTheReply) {
  Track();
  reader_->Call("GET k");
  EXPECT_THAT(reader_->Call("SET k 1", 1), ElementsAre("OK", "invalidate [\"k\"]"));
}

TEST_P(TrackingRowsTest, TheOwnPushFollowsTheReplyOfExec) {
  Track();
  reader_->Call("GET k");
  reader_->Call("MULTI");
  reader_->Call("SET k 1");
  EXPECT_THAT(reader_->Call("EXEC", 1), ElementsAre("[OK]", "invalidate [\"k\"]"));
}

TEST_P(TrackingRowsTest, NoloopSparesTheWriterAlone) {
  Track("NOLOOP");
  Client other(*server_);
  other.Call("HELLO 3");
  other.Call("CLIENT TRACKING ON");
  other.Call("GET k");
  reader_->Call("GET k");
  reader_->Call("SET k 1");
  EXPECT_THAT(reader_->Pushes(), IsEmpty());
  EXPECT_THAT(other.Pushes(), ElementsAre("invalidate [\"k\"]"));
  reader_->Call("GET k");
  EXPECT_THAT(After("SET k 2"), ElementsAre("invalidate [\"k\"]"));
}

TEST_P(TrackingRowsTest, OptinNeedsTheCachingBitAndOneCommandTakesIt) {
  Track("OPTIN");
  reader_->Call("GET a");
  reader_->Call("CLIENT CACHING YES");
  reader_->Call("GET b");
  reader_->Call("GET c");
  EXPECT_THAT(After("MSET a 1 c 1"), IsEmpty());
  EXPECT_THAT(After("SET b 1"), ElementsAre("invalidate [\"b\"]"));
}

TEST_P(TrackingRowsTest, TheCachingBitBeforeMultiCoversAllOfIt) {
  Track("OPTIN");
  reader_->Call("CLIENT CACHING YES");
  reader_->Call("MULTI");
  reader_->Call("GET a");
  reader_->Call("GET b");
  reader_->Call("EXEC");
  EXPECT_THAT(After("SET a 1"), ElementsAre("invalidate [\"a\"]"));
  EXPECT_THAT(After("SET b 1"), ElementsAre("invalidate [\"b\"]"));
}

TEST_P(TrackingRowsTest, OptoutIsSkippedByTheCachingBit) {
  Track("OPTOUT");
  reader_->Call("CLIENT CACHING NO");
  reader_->Call("GET a");
  reader_->Call("GET b");
  EXPECT_THAT(After("SET a 1"), IsEmpty());
  EXPECT_THAT(After("SET b 1"), ElementsAre("invalidate [\"b\"]"));
}

TEST_P(TrackingRowsTest, BcastSendsOnePushAPrefixWithoutAnyRead) {
  Track("BCAST PREFIX a PREFIX b");
  EXPECT_THAT(After("MSET a1 1 c1 1"), ElementsAre("invalidate [\"a1\"]"));
  EXPECT_THAT(After("SET a1 2"), ElementsAre("invalidate [\"a1\"]"));
}

TEST_P(TrackingRowsTest, AFlushIsANullToEveryTrackingClient) {
  Track();
  EXPECT_THAT(After("FLUSHALL"), ElementsAre("invalidate (nil)"));
  writer_->Call("SELECT 1");
  EXPECT_THAT(After("FLUSHDB"), ElementsAre("invalidate (nil)"));
  reader_->Call("CLIENT TRACKING OFF");
  Track("BCAST");
  EXPECT_THAT(After("FLUSHDB"), ElementsAre("invalidate (nil)"));
}

TEST_P(TrackingRowsTest, ExpiryIsPushedWhenTheKeyIsDeleted) {
  Track();
  writer_->Call("SET k v");
  reader_->Call("GET k");
  // A time in the past deletes at once.
  EXPECT_THAT(After("PEXPIRE k -1"), ElementsAre("invalidate [\"k\"]"));
}

TEST_P(TrackingRowsTest, ATableOverItsLimitGivesKeysUpWithAPush) {
  Track();
  writer_->Call("CONFIG SET tracking-table-max-keys 1");
  Stream all;
  for (const char* key : {"a", "b", "c", "d"}) {
    const Stream stream = reader_->Call("GET " + std::string(key));
    all.insert(all.end(), stream.begin(), stream.end());
  }
  const Stream rest = reader_->Pushes();
  all.insert(all.end(), rest.begin(), rest.end());
  EXPECT_GE(std::count_if(all.begin(), all.end(),
                          [](const std::string& s) { return s.starts_with("invalidate"); }),
            3);
}

TEST_P(TrackingRowsTest, ABrokenRedirectionIsToldInResp3) {
  auto target = std::make_unique<Client>(*server_);
  target->Call("HELLO 3");
  const std::string id = target->Id();
  Track("REDIRECT " + id);
  reader_->Call("GET k");
  EXPECT_THAT(reader_->Call("CLIENT GETREDIR"), ElementsAre("(integer) " + id));
  writer_->Call("CLIENT KILL ID " + id);
  EXPECT_THAT(After("SET k 1"), ElementsAre(HasSubstr("tracking-redir-broken")));
}

TEST_P(TrackingRowsTest, ARedirectionGoesToTheOther) {
  Client target(*server_);
  target.Call("HELLO 3");
  Track("REDIRECT " + target.Id());
  reader_->Call("GET k");
  EXPECT_THAT(After("SET k 1"), IsEmpty());
  EXPECT_THAT(target.Pushes(), ElementsAre("invalidate [\"k\"]"));
}

TEST_P(TrackingRowsTest, ARedirectionToResp2NeedsASubscription) {
  Client target(*server_);
  Track("REDIRECT " + target.Id());
  reader_->Call("GET k");
  After("SET k 1");
  EXPECT_THAT(target.Pushes(), IsEmpty());
  target.Call("SUBSCRIBE __redis__:invalidate");
  reader_->Call("GET k");
  After("SET k 2");
  EXPECT_THAT(target.Call("PING").front(), HasSubstr("\"k\""));
}

// redis 7.0 tracks the keys that EVAL names, not those that were read
// (docs/findings/redis-script-tracking.md).
TEST_P(TrackingRowsTest, InAScriptTheInnerCommandsCount) {
  const bool named =
      reader_->Call("INFO server").back().find("redis_version:7.0.") != std::string::npos;
  Track();
  reader_->Call("EVAL \"return redis.call('GET', 'inner')\" 1 named");
  const Stream told = {named ? "invalidate [\"named\"]" : "invalidate [\"inner\"]"};
  EXPECT_EQ(After("SET named 1"), named ? told : Stream());
  EXPECT_EQ(After("SET inner 1"), named ? Stream() : told);
}

TEST_P(TrackingRowsTest, SwappedDatabasesAreToldToNobody) {
  Track();
  reader_->Call("GET k");
  EXPECT_THAT(After("SWAPDB 0 1"), IsEmpty());
}

TEST_P(TrackingRowsTest, Resp2WithoutARedirectionIsToldNothing) {
  reader_->Call("HELLO 2");
  Track();
  reader_->Call("GET k");
  EXPECT_THAT(After("SET k 1"), IsEmpty());
}

TEST_P(TrackingRowsTest, WhatTakesTheProtocolOrTrackingAwayIsFollowedBySilence) {
  for (const char* command : {"HELLO 2", "CLIENT TRACKING OFF", "RESET"}) {
    reader_->Call("HELLO 3");
    Track();
    reader_->Call("GET k");
    reader_->Call(command);
    EXPECT_THAT(After("SET k 1"), IsEmpty()) << command;
    reader_->Call("HELLO 3");
    reader_->Call("CLIENT TRACKING OFF");
  }
}

TEST_P(TrackingRowsTest, ModesAreNotChangedWithoutOff) {
  Track();
  EXPECT_THAT(reader_->Call("CLIENT TRACKING ON BCAST"), ElementsAre(HasSubstr("(error)")));
  reader_->Call("CLIENT TRACKING OFF");
  Track("OPTIN");
  EXPECT_THAT(reader_->Call("CLIENT TRACKING ON OPTOUT"), ElementsAre(HasSubstr("(error)")));
}

TEST_P(TrackingRowsTest, IdsAreNeverUsedTwice) {
  std::string before = reader_->Id();
  for (int i = 0; i < 5; ++i) {
    Client client(*server_);
    const std::string id = client.Id();
    EXPECT_GT(std::stoll(id), std::stoll(before));
    before = id;
  }
}

}  // namespace
}  // namespace resprobe::cachelab
