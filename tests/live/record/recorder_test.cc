#include "live/record/recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "live/net/socket.h"
#include "live/proxy/toxic_gate.h"
#include "live/proxy/toxic_loop.h"
#include "live/proxy/upstream.h"
#include "live/server/server_process.h"
#include "tests/live/temporary_folder.h"

namespace resprobe::live {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// Blocking: exactly `size` bytes, or fewer if the other end closes first.
std::string ReadBytes(int fd, size_t size) {
  std::string bytes(size, '\0');
  const ssize_t got = recv(fd, bytes.data(), size, MSG_WAITALL);
  bytes.resize(got < 0 ? 0 : static_cast<size_t>(got));
  return bytes;
}

std::string ReadToEnd(int fd) {
  std::string all;
  for (std::string some; !(some = ReadBytes(fd, 1)).empty();) all += some;
  return all;
}

// A recording proxy in front of `server_port`, in a thread until Stop().
class Recording {
 public:
  explicit Recording(uint16_t server_port, size_t max_case_bytes = 4096)
      : store_(folder_.path()), recorder_(&store_, max_case_bytes) {
    std::string error;
    gate_ = std::make_unique<ToxicGate>(
        ToxicGate::Setting{},
        Upstream::ConnectorTo({.server = "127.0.0.1:" + std::to_string(server_port)}), &no_log_,
        &recorder_);
    EXPECT_TRUE(gate_->Open(&error)) << error;
    loop_.Add(gate_.get());
    int stop[2];
    EXPECT_EQ(pipe(stop), 0);
    stopped_.Reset(stop[0]);
    stop_.Reset(stop[1]);
    loop_.Watch(stopped_.get(), [] { return false; });
    thread_ = std::thread([this] {
      std::string why;
      EXPECT_TRUE(loop_.Run(&why)) << why;
      gate_->Enable(false);
    });
  }
  ~Recording() { Stop(); }

  UniqueFd ConnectClient() {
    std::string error;
    UniqueFd client = Connect({"127.0.0.1", gate_->port()}, false, &error);
    EXPECT_TRUE(client.valid()) << error;
    return client;
  }
  // Stops and returns the recorded cases, by path without the hash.
  std::multimap<std::string, std::string> Stop() {
    stop_.Reset();
    if (thread_.joinable()) thread_.join();
    std::multimap<std::string, std::string> cases;
    for (const auto& [path, content] : folder_.Files()) {
      cases.emplace(path.substr(0, path.rfind('-')), content);
    }
    return cases;
  }
  const Recorder& recorder() const { return recorder_; }

 private:
  TemporaryFolder folder_;
  CaseStore store_;
  Recorder recorder_;
  SocketLog no_log_;
  UniqueFd stopped_;
  UniqueFd stop_;
  std::unique_ptr<ToxicGate> gate_;
  ToxicLoop loop_;
  std::thread thread_;
};

// The test itself acts as the server.
class RecorderTest : public testing::Test {
 protected:
  RecorderTest() { listening_ = Listen(0, false, &error_); }
  UniqueFd Accept() { return UniqueFd(accept(listening_.get(), nullptr, nullptr)); }
  uint16_t port() const { return LocalPort(listening_.get()); }

  std::string error_;
  UniqueFd listening_;
};

using Cases = std::multimap<std::string, std::string>;

TEST_F(RecorderTest, KeepsThePacketsOfTheClusterBus) {
  cluster::Packet packet;
  packet.header.type = static_cast<uint16_t>(cluster::PacketType::kMfStart);
  std::string there;
  cluster::WritePacket(packet, &there);
  packet.header.type = static_cast<uint16_t>(cluster::PacketType::kUpdate);
  packet.ChooseBody();
  std::string back;
  cluster::WritePacket(packet, &back);
  Recording recording(port(), 100);
  UniqueFd client = recording.ConnectClient();
  UniqueFd server = Accept();
  ASSERT_TRUE(SendAll(client.get(), there + there.substr(0, 20)));
  EXPECT_EQ(ReadBytes(server.get(), there.size() + 20), there + there.substr(0, 20));
  ASSERT_TRUE(SendAll(client.get(), there.substr(20)));
  EXPECT_EQ(ReadBytes(server.get(), there.size() - 20), there.substr(20));
  ASSERT_TRUE(SendAll(server.get(), back + "rubbish, of which no packet is kept" + back));
  EXPECT_EQ(ReadBytes(client.get(), back.size()), back);
  // In the order of their hashes.
  const Cases expected = {{"cluster_bus/packet", "v" + back}, {"cluster_bus/packet", "v" + there}};
  client.Reset();
  EXPECT_EQ(recording.Stop(), expected);
  EXPECT_EQ(recording.recorder().packets(), 3U);
  EXPECT_EQ(recording.recorder().requests(), 0U);
}

TEST_F(RecorderTest, PassesOnBothDirectionsAndKeepsThem) {
  Recording recording(port());
  UniqueFd client = recording.ConnectClient();
  UniqueFd server = Accept();
  ASSERT_TRUE(SendAll(client.get(), "*1\r\n$4\r\nPING\r\nPI"));
  EXPECT_EQ(ReadBytes(server.get(), 16), "*1\r\n$4\r\nPING\r\nPI");
  ASSERT_TRUE(SendAll(client.get(), "NG\r\n"));
  EXPECT_EQ(ReadBytes(server.get(), 4), "NG\r\n");
  ASSERT_TRUE(SendAll(server.get(), "+PONG\r\n+PONG\r\n>1\r\n+hi\r\n"));
  EXPECT_EQ(ReadBytes(client.get(), 23), "+PONG\r\n+PONG\r\n>1\r\n+hi\r\n");
  const Cases expected = {
      {"resp_parser/request", "*1\r\n$4\r\nPING\r\nPING\r\n"},
      {"resp_parser/reply", "+PONG\r\n+PONG\r\n>1\r\n+hi\r\n"},
      {"resp_differential/request", "*1\r\n$4\r\nPING\r\nPING\r\n"},
      {"resp_differential/reply", "+PONG\r\n+PONG\r\n>1\r\n+hi\r\n"},
  };
  // Stopped while the connection is open: nothing is lost.
  EXPECT_EQ(recording.Stop(), expected);
  EXPECT_EQ(recording.recorder().connections(), 1u);
  EXPECT_EQ(recording.recorder().requests(), 2u);
  EXPECT_EQ(recording.recorder().replies(), 3u);
  EXPECT_EQ(recording.recorder().refused_streams(), 0u);
}

TEST_F(RecorderTest, PassesOnTheEndOfEitherSide) {
  Recording recording(port());
  {
    UniqueFd client = recording.ConnectClient();
    UniqueFd server = Accept();
    ASSERT_TRUE(SendAll(client.get(), "QUIT\r\n"));
    shutdown(client.get(), SHUT_WR);
    EXPECT_EQ(ReadToEnd(server.get()), "QUIT\r\n");
    // The other direction is still open.
    ASSERT_TRUE(SendAll(server.get(), "+OK\r\n"));
    server.Reset();
    EXPECT_EQ(ReadToEnd(client.get()), "+OK\r\n");
  }
  {
    UniqueFd client = recording.ConnectClient();
    UniqueFd server = Accept();
    ASSERT_TRUE(SendAll(server.get(), "-ERR max number of clients reached\r\n"));
    server.Reset();
    EXPECT_EQ(ReadToEnd(client.get()), "-ERR max number of clients reached\r\n");
  }
  const Cases cases = recording.Stop();
  EXPECT_EQ(cases.count("resp_parser/reply"), 2u);
  EXPECT_EQ(cases.count("resp_parser/request"), 1u);
}

TEST_F(RecorderTest, CarriesMoreThanItHolds) {
  // Each side sends more than the proxy and the sockets can hold before the other one reads.
  const std::string large = "$8388608\r\n" + std::string(8 << 20, 'x') + "\r\n";
  Recording recording(port(), 64);
  UniqueFd client = recording.ConnectClient();
  UniqueFd server = Accept();
  std::thread sends([&] { EXPECT_TRUE(SendAll(server.get(), large)); });
  EXPECT_EQ(ReadBytes(client.get(), large.size()), large);
  sends.join();
  const Cases cases = recording.Stop();
  const Cases expected = {{"resp_parser/reply", large.substr(0, 64)},
                          {"resp_differential/reply", large.substr(0, 64)}};
  EXPECT_EQ(cases, expected);
}

TEST_F(RecorderTest, KeepsConnectionsApartAndTheSameCaseOnce) {
  Recording recording(port());
  UniqueFd client1 = recording.ConnectClient();
  UniqueFd server1 = Accept();
  UniqueFd client2 = recording.ConnectClient();
  UniqueFd server2 = Accept();
  for (const char* part : {"*1\r\n$4", "\r\nPING\r\n"}) {
    for (const auto& [from, to] : {std::pair(&client1, &server1), std::pair(&client2, &server2)}) {
      ASSERT_TRUE(SendAll(from->get(), part));
      EXPECT_EQ(ReadBytes(to->get(), strlen(part)), part);
    }
  }
  const Cases expected = {{"resp_parser/request", "*1\r\n$4\r\nPING\r\n"},
                          {"resp_differential/request", "*1\r\n$4\r\nPING\r\n"}};
  EXPECT_EQ(recording.Stop(), expected);
}

TEST_F(RecorderTest, SendsAClientAwayWhenTheServerIsGone) {
  Recording recording(port());
  listening_.Reset();
  UniqueFd client = recording.ConnectClient();
  EXPECT_EQ(ReadToEnd(client.get()), "");
  EXPECT_TRUE(recording.Stop().empty());
}

TEST_F(RecorderTest, KeepsQueriesWithTheirDialect) {
  Recording recording(port());
  UniqueFd client = recording.ConnectClient();
  UniqueFd server = Accept();
  const std::string requests =
      "FT.SEARCH idx \"@a:b c\"\r\n"
      "ft.search idx hello DIALECT 2\r\n"
      "FT.AGGREGATE idx the NOSTOPWORDS DIALECT 3\r\n"
      "FT.SEARCH idx\r\nGET FT.SEARCH x\r\n";
  ASSERT_TRUE(SendAll(client.get(), requests));
  EXPECT_EQ(ReadBytes(server.get(), requests.size()), requests);
  const Cases cases = recording.Stop();
  std::vector<std::string> queries;
  for (auto [i, end] = cases.equal_range("query_parser/query"); i != end; ++i) {
    queries.push_back(i->second);
  }
  EXPECT_THAT(queries, testing::UnorderedElementsAre("1@a:b c", "2hello", ":the"));
}

TEST(RecorderOptionsTest, LeavesRequestsOutOfCasesOfOps) {
  TemporaryFolder folder;
  CaseStore store(folder.path());
  std::string error;
  ASSERT_TRUE(store.Open(&error)) << error;
  Recorder recorder(&store, 4096, {"command docs"});
  recorder.OnOpen(1);
  for (const std::string_view request :
       {"*2\r\n$7\r\nCOMMAND\r\n$4\r\nDOCS\r\n", "*2\r\n$7\r\nCOMMAND\r\n$5\r\nCOUNT\r\n",
        "COMMAND\r\n", "command Docs get\r\n"}) {
    recorder.OnClientBytes(1, request);
  }
  recorder.OnClose(1);
  recorder.Finish();
  EXPECT_EQ(recorder.requests(), 4u);
  std::string session;
  for (const auto& [name, content] : folder.Files()) {
    if (name.starts_with("command_handler/")) session += content;
  }
  EXPECT_THAT(session, HasSubstr("COMMAND COUNT"));
  EXPECT_THAT(session, HasSubstr("COMMAND\n"));
  EXPECT_THAT(session, testing::Not(testing::ContainsRegex("[dD][oO][cC][sS]")));
}

TEST(RunRecordTest, RefusesWhatCannotWork) {
  const TemporaryFolder folder;
  std::string error;
  UniqueFd server = Listen(0, false, &error);
  const std::string address = "127.0.0.1:" + std::to_string(LocalPort(server.get()));
  const auto run = [&](RecordOptions options) {
    if (options.target.server.empty()) options.target.server = address;
    if (options.output.empty()) options.output = folder.path();
    testing::internal::CaptureStderr();
    EXPECT_EQ(RunRecord(options), 2);
    const std::string text = testing::internal::GetCapturedStderr();
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
    return text;
  };
  EXPECT_THAT(run({.listen_port = 65536}), HasSubstr("--listen takes a port"));
  EXPECT_THAT(run({.listen_port = LocalPort(server.get())}), HasSubstr("already in use"));
  EXPECT_THAT(run({.target = {.server = "nonsense"}}),
              HasSubstr("--server: 'nonsense' is not HOST:PORT"));
  EXPECT_THAT(run({.target = {.server = "192.0.2.1:1"}}), HasSubstr("--allow-remote"));
  EXPECT_THAT(run({.output = "/dev/null/cases"}), HasSubstr("cannot write into the folder"));
  server.Reset();
  EXPECT_THAT(run({.target = {.server = address}}), HasSubstr("cannot connect to " + address));
}

// Ctrl-C before the recording begins, with a server that runs or one that is being started.
TEST(RunRecordTest, IsStoppedWhileItWaitsForTheServer) {
  const TemporaryFolder folder;
  std::string error;
  UniqueFd server = Listen(0, false, &error);
  for (TargetOptions target :
       {TargetOptions{.server = "127.0.0.1:" + std::to_string(LocalPort(server.get()))},
        TargetOptions{.start = "/no/such/program"}}) {
    target.stop = [] { return true; };
    testing::internal::CaptureStderr();
    // The port is taken: a recording that begins nevertheless ends at once.
    EXPECT_EQ(RunRecord({.listen_port = LocalPort(server.get()),
                         .target = target,
                         .output = folder.path() + "/cases"}),
              130);
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "resprobe: interrupted\n");
  }
  EXPECT_FALSE(std::filesystem::exists(folder.path() + "/cases"));
}

TEST(RunRecordTest, RecordsARealServer) {
  const char* program = std::getenv("RESPROBE_REDIS_SERVER");
  if (program == nullptr) GTEST_SKIP() << "RESPROBE_REDIS_SERVER is not set";
  std::string error;
  const std::unique_ptr<ServerProcess> server =
      ServerProcess::Start({.program = program, .tcp = true}, &error);
  ASSERT_NE(server, nullptr) << error;
  for (const bool resp3 : {false, true}) {
    Recording recording(server->port());
    UniqueFd client = recording.ConnectClient();
    const std::string hello = resp3 ? "HELLO 3\r\n" : "HELLO 2\r\n";
    ASSERT_TRUE(
        SendAll(client.get(), hello + "DEL h\r\nHSET h f v\r\nHGETALL h\r\nGET h\r\nQUIT\r\n"));
    const std::string replies = ReadToEnd(client.get());
    EXPECT_THAT(replies, StartsWith(resp3 ? "%7\r\n$6\r\nserver\r\n" : "*14\r\n$6\r\nserver\r\n"));
    const Cases cases = recording.Stop();
    ASSERT_EQ(cases.count("resp_parser/reply"), 1u);
    EXPECT_EQ(cases.find("resp_parser/reply")->second, replies);
    EXPECT_EQ(recording.recorder().replies(), 6u);
    EXPECT_EQ(recording.recorder().refused_streams(), 0u);
  }
}

}  // namespace
}  // namespace resprobe::live
