#include "live/proxy/chaos_peer.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "live/net/socket.h"
#include "sim/toxic_reply.h"

namespace resprobe::live {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

constexpr std::string_view kPing = "*1\r\n$4\r\nPING\r\n";
constexpr std::string_view kPong = "+PONG\r\n";

// A client directly on system calls: the result of each call is visible.
class Client {
 public:
  explicit Client(uint16_t port, int send_buffer = 0) {
    fd_.Reset(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (send_buffer > 0) {
      setsockopt(fd_.get(), SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof(send_buffer));
    }
    std::string error;
    fd_ = Connect({"127.0.0.1", port}, false, &error);
    error_ = error;
    if (fd_.valid() && send_buffer > 0) {
      setsockopt(fd_.get(), SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof(send_buffer));
    }
  }

  const std::string& error() const { return error_; }
  int fd() const { return fd_.get(); }

  // errno, or 0 on success.
  int Send(std::string_view bytes) {
    return send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0 ? errno : 0;
  }
  // Exactly `size` bytes, or the bytes before the end; then errno says how the stream ended.
  std::string Read(size_t size) {
    std::string all;
    while (all.size() < size) {
      char bytes[4096];
      const ssize_t got = recv(fd_.get(), bytes, std::min(sizeof(bytes), size - all.size()), 0);
      ended_ = got == 0;
      errno_ = got < 0 ? errno : 0;
      if (got <= 0) break;
      all.append(bytes, static_cast<size_t>(got));
    }
    return all;
  }
  std::string Ask(std::string_view request, size_t size) {
    EXPECT_EQ(Send(request), 0);
    return Read(size);
  }
  bool ended() const { return ended_; }
  int read_error() const { return errno_; }
  bool Waits(short events, int ms) const {
    pollfd one = {fd_.get(), events, 0};
    return poll(&one, 1, ms) == 0;
  }
  // The error of writing after the peer has stopped reading. It does not come at once: the other
  // end may still accept bytes between its FIN and its close.
  int WriteError() {
    for (;;) {
      if (const int error = Send("x"); error != 0) return error;
      Waits(0, 5);  // POLLERR and POLLHUP are always reported
    }
  }

 private:
  UniqueFd fd_;
  std::string error_;
  bool ended_ = false;
  int errno_ = 0;
};

class ChaosPeerTest : public testing::TestWithParam<ChaosPeer::Place> {
 protected:
  void SetUp() override {
    log_ = std::tmpfile();
    ASSERT_NE(log_, nullptr);
  }
  void TearDown() override { std::fclose(log_); }

  void Start(const PeerScript& script) {
    std::string error;
    peer_ = ChaosPeer::Start(script, {.place = GetParam(), .log_fd = fileno(log_)}, &error);
    ASSERT_NE(peer_, nullptr) << error;
  }
  void Start(std::string_view script) {
    std::string error;
    const std::optional<PeerScript> parsed = ParsePeerScript(script, &error);
    ASSERT_TRUE(parsed) << error;
    Start(*parsed);
  }
  uint64_t Fired(ToxicKind kind) { return peer_->Ask().fired[kind]; }
  std::string Log() {
    std::string text;
    char bytes[4096];
    for (off_t at = 0;;) {
      const ssize_t got = pread(fileno(log_), bytes, sizeof(bytes), at);
      if (got <= 0) return text;
      text.append(bytes, static_cast<size_t>(got));
      at += got;
    }
  }

  std::FILE* log_ = nullptr;
  std::unique_ptr<ChaosPeer> peer_;
};

INSTANTIATE_TEST_SUITE_P(Where, ChaosPeerTest,
                         testing::Values(ChaosPeer::Place::kThread, ChaosPeer::Place::kProcess),
                         [](const auto& info) {
                           return info.param == ChaosPeer::Place::kThread ? "Thread" : "Process";
                         });

TEST_P(ChaosPeerTest, AnswersAsTheCoreDoes) {
  Start("seed 1\n");
  Client client(peer_->port());
  EXPECT_EQ(client.Ask(kPing, 7), kPong);
  EXPECT_EQ(client.Ask("SET k v\r\nGET k\r\n", 12), "+OK\r\n$1\r\nv\r\n");
  const ChaosPeer::Report report = peer_->Stop();
  EXPECT_EQ(report.connections, 1u);
  EXPECT_EQ(report.open, 1u);
  EXPECT_EQ(client.Read(1), "");
  EXPECT_TRUE(client.ended());
  if (GetParam() == ChaosPeer::Place::kProcess) {
    EXPECT_EQ(peer_->pid(), -1);
  }
}

TEST_P(ChaosPeerTest, AnswersAsTheScriptSays) {
  Start("reply \"+A\\r\\n\" \":1\\r\\n\"\n");
  Client client(peer_->port());
  EXPECT_EQ(client.Ask("A\r\nB\r\nC\r\n", 12), "+A\r\n:1\r\n+A\r\n");
}

TEST_P(ChaosPeerTest, IsAProcessOfItsOwnIfAsked) {
  Start("seed 1\n");
  if (GetParam() == ChaosPeer::Place::kProcess) {
    EXPECT_GT(peer_->pid(), 0);
    EXPECT_NE(peer_->pid(), getpid());
    EXPECT_EQ(kill(peer_->pid(), 0), 0);
  } else {
    EXPECT_EQ(peer_->pid(), -1);
  }
}

TEST_P(ChaosPeerTest, LatencyIsSilenceAndThenTheReply) {
  Start("latency latency=200\n");
  Client client(peer_->port());
  const int64_t start = SteadyUs();
  ASSERT_EQ(client.Send(kPing), 0);
  char byte;
  EXPECT_EQ(recv(client.fd(), &byte, 1, MSG_DONTWAIT), -1);
  EXPECT_EQ(errno, EAGAIN);
  EXPECT_EQ(client.Read(7), kPong);
  EXPECT_GE(SteadyUs() - start, 200'000);
  EXPECT_EQ(Fired(ToxicKind::kLatency), 1u);
}

TEST_P(ChaosPeerTest, BandwidthIsShortReads) {
  Start("bandwidth rate=100\n");
  Client client(peer_->port());
  const std::string value(20'000, 'v');
  ASSERT_EQ(client.Ask("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$20000\r\n" + value + "\r\n", 5), "+OK\r\n");
  const int64_t start = SteadyUs();
  ASSERT_EQ(client.Send("GET k\r\n"), 0);
  std::string bytes(30'000, '\0');
  const ssize_t first = recv(client.fd(), bytes.data(), bytes.size(), 0);
  EXPECT_GT(first, 0);
  EXPECT_LT(first, 20'000);
  client.Read(20'010 - static_cast<size_t>(first));
  EXPECT_GE(SteadyUs() - start, 150'000);
  EXPECT_GT(Fired(ToxicKind::kBandwidth), 0u);
}

TEST_P(ChaosPeerTest, SlicesEndAtAnyByte) {
  Start("slicer average_size=1\n");
  Client client(peer_->port());
  EXPECT_EQ(client.Ask(kPing, 7), kPong);
  EXPECT_EQ(Fired(ToxicKind::kSlicer), 6u);  // the seventh is not sliced
  for (const char* byte : {"+", "P", "O", "N", "G", "\\r", "\\n"}) {
    EXPECT_THAT(Log(), HasSubstr("\"result\":1,\"data\":\"" + std::string(byte) + "\"}"));
  }
}

TEST_P(ChaosPeerTest, LimitDataIsAnEndInMidReplyAndThenEpipe) {
  Start("limit_data bytes=3\n");
  Client client(peer_->port());
  EXPECT_EQ(client.Ask(kPing, 7), "+PO");
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(client.WriteError(), EPIPE);
  EXPECT_EQ(Fired(ToxicKind::kLimitData), 1u);
}

TEST_P(ChaosPeerTest, FinIsAnEndEvenIfMuchIsUnread) {
  Start("fin upstream bytes=5\n");
  Client client(peer_->port());
  ASSERT_EQ(client.Send(std::string(50'000, 'x')), 0);
  EXPECT_EQ(client.Read(1), "");
  EXPECT_TRUE(client.ended()) << std::strerror(client.read_error());
  EXPECT_EQ(Fired(ToxicKind::kFin), 1u);
  EXPECT_THAT(Log(), HasSubstr("\"what\":\"close\",\"note\":\"fin: fin\""));
}

TEST_P(ChaosPeerTest, TimeoutIsSilenceAndThenTheEnd) {
  Start("timeout timeout=100\n");
  const int64_t start = SteadyUs();
  Client client(peer_->port());
  EXPECT_EQ(client.Ask(kPing, 7), "");
  EXPECT_TRUE(client.ended());
  EXPECT_GE(SteadyUs() - start, 100'000);
  EXPECT_GT(Fired(ToxicKind::kTimeout), 0u);
}

TEST_P(ChaosPeerTest, TimeoutOfNoneIsSilenceForEver) {
  Start("timeout timeout=0\n");
  Client client(peer_->port());
  ASSERT_EQ(client.Send(kPing), 0);
  EXPECT_TRUE(client.Waits(POLLIN, 50));
  ASSERT_TRUE(peer_->SetToxics({}));
  EXPECT_EQ(client.Read(7), kPong);
}

TEST_P(ChaosPeerTest, ResetPeerIsEconnresetAndThenEpipe) {
  Start("reset_peer timeout=10\n");
  Client client(peer_->port());
  EXPECT_EQ(client.Read(1), "");
  EXPECT_FALSE(client.ended());
  EXPECT_EQ(client.read_error(), ECONNRESET);
  EXPECT_EQ(client.WriteError(), EPIPE);
  EXPECT_EQ(Fired(ToxicKind::kResetPeer), 1u);
  EXPECT_THAT(Log(), HasSubstr("\"what\":\"close\",\"note\":\"rst: reset_peer\""));
}

TEST_P(ChaosPeerTest, RstCutsTheReplyAtAByte) {
  Start("rst bytes=3\n");
  Client client(peer_->port());
  ASSERT_EQ(client.Send(kPing), 0);
  const std::string got = client.Read(7);
  EXPECT_THAT(got, AnyOf("+PO", ""));  // a reset may overtake unread bytes
  EXPECT_FALSE(client.ended());
  EXPECT_EQ(client.read_error(), ECONNRESET);
  EXPECT_EQ(client.WriteError(), EPIPE);
  EXPECT_EQ(Fired(ToxicKind::kRst), 1u);
  EXPECT_THAT(Log(), HasSubstr("\"what\":\"send\",\"asked\":3,\"result\":3,\"data\":\"+PO\""));
}

TEST_P(ChaosPeerTest, SlowCloseIsALateEnd) {
  Start("slow_close delay=100\n");
  Client client(peer_->port());
  const int64_t start = SteadyUs();
  EXPECT_EQ(client.Ask("QUIT\r\n", 6), "+OK\r\n");
  EXPECT_TRUE(client.ended());
  EXPECT_GE(SteadyUs() - start, 100'000);
  EXPECT_EQ(Fired(ToxicKind::kSlowClose), 1u);
}

TEST_P(ChaosPeerTest, DownEndsWhatIsOpenAndRefusesTheRest) {
  Start("seed 1\n");
  Client client(peer_->port());
  EXPECT_EQ(client.Ask(kPing, 7), kPong);
  ASSERT_TRUE(peer_->SetToxics({{"d", MakeToxic(ToxicKind::kDown)}}));
  EXPECT_EQ(client.Read(1), "");
  EXPECT_TRUE(client.ended());
  EXPECT_THAT(Client(peer_->port()).error(), HasSubstr(std::strerror(ECONNREFUSED)));
  EXPECT_EQ(Fired(ToxicKind::kDown), 1u);
  ASSERT_TRUE(peer_->SetToxics({}));
  EXPECT_EQ(Client(peer_->port()).Ask(kPing, 7), kPong);
}

TEST_P(ChaosPeerTest, RefuseLeavesWhatIsOpen) {
  Start("seed 1\n");
  Client client(peer_->port());
  EXPECT_EQ(client.Ask(kPing, 7), kPong);
  ASSERT_TRUE(peer_->SetToxics({{"r", MakeToxic(ToxicKind::kRefuse)}}));
  EXPECT_THAT(Client(peer_->port()).error(), HasSubstr(std::strerror(ECONNREFUSED)));
  EXPECT_EQ(client.Ask(kPing, 7), kPong);
}

TEST_P(ChaosPeerTest, LateConnectDropsTheFirstTry) {
  Start("late_connect delay=10\n");
  const int64_t start = SteadyUs();
  Client client(peer_->port());  // the system retries after a second
  EXPECT_EQ(client.Ask(kPing, 7), kPong);
  EXPECT_GE(SteadyUs() - start, 900'000);
  EXPECT_EQ(Fired(ToxicKind::kLateConnect), 1u);
}

// An upload to a peer that does not read: part of a write is accepted, then nothing, and poll()
// reports no room. The accepted bytes are not lost when the peer reads again.
TEST_P(ChaosPeerTest, NeverReadFillsTheSendBuffer) {
  Start("receive_buffer 4096\nnever_read upstream bytes=0\n");
  Client client(peer_->port(), 4096);
  const std::string upload =
      "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4000000\r\n" + std::string(4'000'000, 'v') + "\r\n";
  ssize_t sent = send(client.fd(), upload.data(), upload.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  ASSERT_GT(sent, 0);
  ASSERT_LT(sent, static_cast<ssize_t>(upload.size()));  // a partial write
  auto taken = static_cast<size_t>(sent);
  // The system moves bytes from one buffer to the other while it can; then both are full.
  while (!client.Waits(POLLOUT, 100)) {
    sent = send(client.fd(), upload.data() + taken, upload.size() - taken,
                MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) taken += static_cast<size_t>(sent);
    ASSERT_LT(taken, upload.size());
  }
  EXPECT_EQ(send(client.fd(), "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL), -1);
  EXPECT_EQ(errno, EAGAIN);
  EXPECT_EQ(Fired(ToxicKind::kNeverRead), 1u);
  ASSERT_TRUE(peer_->SetToxics({}));
  ASSERT_TRUE(SendAll(client.fd(), std::string_view(upload).substr(taken)));
  EXPECT_EQ(client.Read(5), "+OK\r\n");
}

TEST_P(ChaosPeerTest, NeverReadTakesSoManyBytesFirst) {
  Start("never_read upstream bytes=6\n");
  Client client(peer_->port());
  EXPECT_EQ(client.Ask("PING\r\nPING\r\n", 7), kPong);
  EXPECT_TRUE(client.Waits(POLLIN, 50));
  EXPECT_THAT(Log(), HasSubstr("\"what\":\"recv\",\"asked\":6,\"result\":6,"));
}

TEST_P(ChaosPeerTest, HalfCloseIsAnEndWhileWritingStillWorks) {
  Start("half_close bytes=3\n");
  Client client(peer_->port());
  EXPECT_EQ(client.Ask(kPing, 7), "+PO");
  EXPECT_TRUE(client.ended());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.Send("SET after half\r\n"), 0);
  EXPECT_EQ(Fired(ToxicKind::kHalfClose), 1u);
  // Another connection sees the write.
  ASSERT_TRUE(peer_->SetToxics({}));
  Client other(peer_->port());
  while (other.Ask("EXISTS after\r\n", 4) != ":1\r\n") {
  }
  const std::string log = Log();
  EXPECT_LT(log.find("\"what\":\"shutdown\",\"result\":0"), log.find("SET after half"));
}

// Every toxic on replies sends what the table of toxics specifies, and nothing else.
TEST_P(ChaosPeerTest, RepliesAreEdited) {
  constexpr std::string_view kReply = "*2\r\n$1\r\na\r\n:1\r\n";
  for (const ToxicInfo& info : Toxics()) {
    if (info.place != ToxicPlace::kReply) continue;
    SCOPED_TRACE(info.name);
    PeerScript script;
    script.replies = {std::string(kReply)};
    script.toxics = {{"one", MakeToxic(info.kind)}};
    std::string error;
    ASSERT_TRUE(SetAttribute(&script.toxics[0].toxic, "at", 2, &error)) << error;
    Start(script);
    Client client(peer_->port());
    std::string wanted(kReply);
    EXPECT_TRUE(EditReply(script.toxics[0].toxic, 2, kReply, &wanted));
    wanted += kReply;
    EXPECT_EQ(client.Ask("A\r\nB\r\nC\r\n", wanted.size()), wanted);
    EXPECT_TRUE(client.Waits(POLLIN, 0));
    EXPECT_EQ(Fired(info.kind), 1u);
  }
}

TEST_P(ChaosPeerTest, ToxicsOfOneConnectionLeaveTheOthers) {
  Start("connection 2\nfin bytes=1\n");
  Client first(peer_->port());
  EXPECT_EQ(first.Ask(kPing, 7), kPong);
  Client second(peer_->port());
  EXPECT_EQ(second.Ask(kPing, 7), "+");
  Client third(peer_->port());
  EXPECT_EQ(third.Ask(kPing, 7), kPong);
}

TEST_P(ChaosPeerTest, ToxicsAddUp) {
  Start("slicer average_size=2\nlatency latency=20\nduplicate_reply at=0\nfin bytes=10\n");
  Client client(peer_->port());
  EXPECT_EQ(client.Ask(kPing, 14), "+PONG\r\n+PO");
  const ChaosPeer::Report report = peer_->Ask();
  for (const ToxicKind kind :
       {ToxicKind::kSlicer, ToxicKind::kLatency, ToxicKind::kDuplicateReply, ToxicKind::kFin}) {
    EXPECT_GT(report.fired[kind], 0u) << InfoOf(kind).name;
  }
}

TEST_P(ChaosPeerTest, TheLogHasOneSequence) {
  Start("connection 1\nrst bytes=3\n");
  Client(peer_->port()).Ask(kPing, 7);
  Client(peer_->port()).Ask(kPing, 7);
  peer_->Stop();
  const std::string log = Log();
  uint64_t number = 0;
  for (size_t at = 0; at < log.size(); at = log.find('\n', at) + 1) {
    const std::string wanted = "{\"seq\":" + std::to_string(++number) + ",\"us\":";
    EXPECT_EQ(log.substr(at, wanted.size()), wanted);
  }
  EXPECT_GT(number, 8u);
  for (const char* what :
       {"\"what\":\"script\"", "\"what\":\"listen\"", "\"what\":\"accept\"", "\"what\":\"recv\"",
        "\"what\":\"toxic\",\"note\":\"rst\"", "\"note\":\"rst: rst\"", "\"connection\":2"}) {
    EXPECT_THAT(log, HasSubstr(what));
  }
}

TEST(PeerScript, IsReadBackAsItWas) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    const PeerScript script = GeneratePeerScript(seed);
    const std::string text = script.Print();
    std::string error;
    const std::optional<PeerScript> read = ParsePeerScript(text, &error);
    ASSERT_TRUE(read) << error << "\n" << text;
    EXPECT_EQ(read->Print(), text);
    EXPECT_EQ(GeneratePeerScript(seed).Print(), text);
  }
  EXPECT_NE(GeneratePeerScript(1).Print(), GeneratePeerScript(2).Print());
}

TEST(PeerScript, SaysWhatIsWrongAndWhere) {
  const auto error_of = [](std::string_view text) {
    std::string error;
    EXPECT_FALSE(ParsePeerScript(text, &error)) << text;
    return error;
  };
  EXPECT_THAT(error_of("seed x\n"), HasSubstr("line 1: seed takes one whole number"));
  EXPECT_THAT(error_of("seed 1\nlatenci\n"), HasSubstr("line 2: there is no toxic 'latenci'"));
  EXPECT_THAT(error_of("latency speed=1\n"), HasSubstr("line 1: latency has no 'speed'"));
  EXPECT_THAT(error_of("connection 0\nlatency\n"),
              HasSubstr("line 1: connection takes a number from 1 on"));
  EXPECT_THAT(error_of("latency\nconnection 3\nlatency\n"), HasSubstr("line 3: a second latency"));
  EXPECT_THAT(error_of("eintr\n"), HasSubstr("line 1: eintr: acts inside the client"));
  EXPECT_THAT(error_of("refuse connections=2\n"), HasSubstr("give connections=0"));
  EXPECT_THAT(error_of("push upstream\n"), HasSubstr("push: acts on replies"));
}

TEST(ChaosPeerStart, SaysThatAPortIsTaken) {
  std::string error;
  const UniqueFd taken = Listen(0, false, &error);
  for (const auto place : {ChaosPeer::Place::kThread, ChaosPeer::Place::kProcess}) {
    EXPECT_EQ(ChaosPeer::Start({}, {.place = place, .port = LocalPort(taken.get())}, &error),
              nullptr);
    EXPECT_THAT(error, HasSubstr("cannot listen on port"));
  }
}

}  // namespace
}  // namespace resprobe::live
