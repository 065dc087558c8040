// Replays the recorded replies of real servers (recorded/*.txt) on the core, and compares them byte
// for byte. If a real server is available, replays the files on it as well, to verify the
// recordings.

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "core/resp/reply_parser.h"
#include "core/server/server.h"
#include "core/table/table.h"
#include "tests/core/commands/real_server.h"
#include "tests/core/commands/recorded_file.h"

namespace resprobe {
namespace {

using Kind = RecordedStep::Kind;
using Compare = RecordedStep::Compare;

// The profile of the file's server, for the shapes of replies.
Profile g_profile = Profile::kRedis70;

const Command* CommandOf(const std::vector<std::string>& args) {
  const Command* command = FindCommand(args[0], g_profile);
  if (command != nullptr && !command->subcommands.empty() && args.size() > 1) {
    command = FindSubcommand(*command, args[1]);
  }
  return command;
}

// In RESP3 the reply is a map, so in RESP2 it is a flat array of pairs.
bool ReplyIsMap(const std::vector<std::string>& args) {
  const Command* command = CommandOf(args);
  return command != nullptr && command->spec->reply.starts_with("map<");
}

// True if `bytes` start with one reply to the request that has the shape in the table, or with an
// error.
testing::AssertionResult HasShape(const RecordedStep& step, std::string_view bytes, int protocol) {
  const Command* command = CommandOf(step.args);
  resp::ReplyParser parser;
  const resp::Reply& reply = parser.reply();
  // In RESP3 a client's message to itself can come before the reply; if replies are off, it is the
  // only output.
  const bool answers_with_push = command != nullptr && command->spec->reply.starts_with("push<");
  size_t at = 0;
  do {
    if (at > 0 && at == bytes.size()) return testing::AssertionSuccess();
    const auto result = parser.Parse(bytes.substr(at));
    if (result.status != resp::ReplyParser::Status::kValue) {
      return testing::AssertionFailure() << "no whole reply: " << EscapeBytes(bytes);
    }
    at += result.consumed;
  } while (reply.root().type() == resp::Type::kPush && !answers_with_push);
  if (reply.root().is_error()) return testing::AssertionSuccess();
  if (reply.root().type() == resp::Type::kSimpleString && reply.root().text() == "QUEUED") {
    return testing::AssertionSuccess();
  }
  if (command == nullptr) return testing::AssertionFailure() << "an unknown command succeeded";
  if (command->reply.Matches(reply.root(), protocol)) return testing::AssertionSuccess();
  return testing::AssertionFailure() << EscapeBytes(bytes.substr(0, 500)) << " is not of the shape "
                                     << command->spec->reply << " in RESP" << protocol;
}

// The number of checks of the running test that have failed so far.
int Failures() {
  return testing::UnitTest::GetInstance()->current_test_info()->result()->total_part_count();
}

void CompareOutput(const RecordedStep& step, int connection, int protocol, std::string_view seen,
                   std::string_view expected) {
  const bool own = step.connection == connection && step.kind == Kind::kRequest;
  if (own && step.compare == Compare::kShape) {
    EXPECT_TRUE(HasShape(step, seen, protocol));
    return;
  }
  if (own && step.compare == Compare::kUnordered) {
    const bool map = ReplyIsMap(step.args);
    EXPECT_EQ(EscapeBytes(SortReply(seen, map)), EscapeBytes(SortReply(expected, map)));
  } else {
    EXPECT_EQ(EscapeBytes(seen), EscapeBytes(expected)) << "on connection " << connection;
  }
  if (own && !seen.empty()) {
    EXPECT_TRUE(HasShape(step, seen, protocol));
  }
}

// `seen` may be RESP2 or RESP3, depending on the connection's current protocol.
class Protocols {
 public:
  int Of(int connection) { return of_[connection] == 0 ? 2 : of_[connection]; }
  void Before(const RecordedStep& step) {
    if (step.kind == Kind::kProtocol) of_[step.connection] = static_cast<int>(step.number);
  }
  // A successful HELLO or RESET also switches the protocol.
  void After(const RecordedStep& step, std::string_view seen) {
    if (step.kind != Kind::kRequest || seen.empty() || seen[0] == '-') return;
    if (CommandContext::IsWord(step.args[0], "RESET")) of_[step.connection] = 2;
    if (CommandContext::IsWord(step.args[0], "HELLO") && step.args.size() > 1) {
      of_[step.connection] = std::atoi(step.args[1].c_str());
    }
  }

 private:
  std::map<int, int> of_;
};

void ReplayOnCore(const RecordedCase& recorded) {
  ServerConfig config;
  config.profile = g_profile;
  Server server(config);
  std::map<int, uint64_t> ids;
  const auto id = [&](int connection) {
    if (!ids.contains(connection)) ids[connection] = server.Connect();
    return ids[connection];
  };
  Protocols protocols;
  const int before = Failures();
  RecordedIds names;
  for (const RecordedStep& named : recorded.steps) {
    const RecordedStep step = names.Expand(named);
    SCOPED_TRACE("line " + std::to_string(step.line));
    protocols.Before(step);
    switch (step.kind) {
      case Kind::kId:
        names.Learn(step.connection, id(step.connection));
        continue;
      case Kind::kRequest:
      case Kind::kRaw:
        server.Receive(id(step.connection), step.bytes);
        break;
      case Kind::kProtocol:
        server.Receive(id(step.connection), "HELLO " + std::to_string(step.number) + "\r\n");
        server.Output(id(step.connection)).clear();
        continue;
      case Kind::kAdvance:
        server.Advance(static_cast<uint64_t>(step.number));
        break;
      case Kind::kClose:
        server.Close(id(step.connection));
        ids.erase(step.connection);
        break;
    }
    for (const auto& [connection, client] : ids) {
      std::string& output = server.Output(client);
      if (connection == step.connection) protocols.After(step, output);
      CompareOutput(step, connection, protocols.Of(connection), output,
                    step.ExpectedBytes(connection));
      output.clear();
      EXPECT_EQ(!server.IsOpen(client), step.ExpectedClosed(connection));
    }
    std::erase_if(ids, [&](const auto& entry) { return !server.IsOpen(entry.second); });
    EXPECT_EQ(server.keyspace().CheckIntegrity(), "");
    if (Failures() != before) return;  // later failures would only be consequences
  }
  for (int db = 0; db < server.keyspace().databases(); ++db) server.keyspace().Flush(db);
  EXPECT_EQ(server.keyspace().used_memory(), 0u);
}

void ReplayOnServer(const RecordedCase& recorded, RealServer& server) {
  constexpr int kAnswerMs = 10'000;
  std::string error;
  ASSERT_TRUE(server.Fresh(&error)) << error;
  Protocols protocols;
  const int before = Failures();
  RecordedIds names;
  for (const RecordedStep& named : recorded.steps) {
    const RecordedStep step = names.Expand(named);
    SCOPED_TRACE("line " + std::to_string(step.line));
    protocols.Before(step);
    if (step.kind == Kind::kId) {
      const uint64_t id = server.Id(step.connection, &error);
      ASSERT_NE(id, 0u) << error;
      names.Learn(step.connection, id);
      continue;
    }
    ASSERT_TRUE(server.Do(step, &error)) << error;
    // A request that blocks has no reply to wait for; the next one must not overtake it.
    if (step.kind == Kind::kRequest || step.kind == Kind::kRaw) {
      if (step.ExpectedBytes(step.connection).empty() && !step.ExpectedClosed(step.connection)) {
        ASSERT_TRUE(server.Settle(&error)) << error;
      }
    }
    for (const RecordedStep::Output& output : step.outputs) {
      if (output.closed) {
        EXPECT_TRUE(server.Receive(output.connection, 1, kAnswerMs).closed);
        continue;
      }
      const bool own = output.connection == step.connection;
      std::string seen;
      if (own && step.compare != Compare::kExact) {
        // The length is unknown, so read up to the end of one reply.
        resp::ReplyParser parser;
        while (true) {
          const std::string byte = server.Receive(output.connection, 1, kAnswerMs).bytes;
          seen += byte;
          if (byte.empty() || parser.Parse(byte).status != resp::ReplyParser::Status::kNeedMore) {
            break;
          }
        }
      } else {
        seen = server.Receive(output.connection, output.bytes.size(), kAnswerMs).bytes;
      }
      if (own) protocols.After(step, seen);
      CompareOutput(step, output.connection, protocols.Of(output.connection), seen, output.bytes);
    }
    if (Failures() != before) return;  // later failures would only be consequences
  }
  // Nothing beyond the recording may arrive.
  for (int connection = 1; connection <= recorded.Connections(); ++connection) {
    if (server.IsConnected(connection)) {
      EXPECT_EQ(EscapeBytes(server.Drain(connection, 1).bytes), "");
    }
  }
}

RecordedFile Load(const std::string& path) {
  std::string text;
  std::string error;
  RecordedFile file;
  EXPECT_TRUE(ReadFile(path, &text)) << path;
  EXPECT_TRUE(file.Parse(path, text, &error)) << error;
  EXPECT_FALSE(file.server.empty()) << path << ": no server line";
  return file;
}

class RecordedTest : public testing::TestWithParam<std::string> {
 protected:
  static RecordedFile Read() {
    RecordedFile file = Load(RecordedPath(GetParam()));
    g_profile = ProfileOfServer(file.server);
    return file;
  }
};

TEST_P(RecordedTest, TheCoreAnswersAsTheServerDid) {
  const RecordedFile file = Read();
  ASSERT_FALSE(file.cases.empty());
  for (const RecordedCase& recorded : file.cases) {
    SCOPED_TRACE(GetParam() + ".txt, case " + recorded.name);
    ReplayOnCore(recorded);
  }
}

TEST_P(RecordedTest, TheServerStillAnswersSo) {
  const RecordedFile file = Read();
  const std::string variable =
      g_profile == Profile::kValkey80 ? "RESPROBE_VALKEY_SERVER" : "RESPROBE_REDIS_SERVER";
  const char* program = std::getenv(variable.c_str());
  if (program == nullptr || *program == '\0') GTEST_SKIP() << variable << " is not set";
  RealServer server;
  std::string error;
  ASSERT_TRUE(server.Start(program, &error)) << error;
  for (const RecordedCase& recorded : file.cases) {
    if (recorded.MovesClock()) continue;
    SCOPED_TRACE(GetParam() + ".txt, case " + recorded.name);
    ReplayOnServer(recorded, server);
  }
}

INSTANTIATE_TEST_SUITE_P(Files, RecordedTest, testing::ValuesIn([] {
                           std::vector<std::string> names;
                           for (const char* name : {RESPROBE_RECORDED_NAMES})
                             names.emplace_back(name);
                           return names;
                         }()),
                         [](const testing::TestParamInfo<std::string>& info) {
                           std::string name = info.param;
                           for (char& c : name) {
                             if (c == '/' || c == '-' || c == '.') c = '_';
                           }
                           return name;
                         });

}  // namespace
}  // namespace resprobe
