// RDB files and DUMP payloads between the core and real servers, in both directions.

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "core/persistence/debug_digest.h"
#include "core/persistence/rdb.h"
#include "core/resp/writer.h"
#include "core/server/server.h"
#include "tests/core/commands/real_server.h"

namespace resprobe {
namespace {

constexpr int kPatienceMs = 10'000;

struct Interchange {
  const char* variable;  // the server's program
  const char* checker;   // the program beside it that checks RDB files
  Profile profile;
};
void PrintTo(const Interchange& server, std::ostream* out) { *out << server.variable; }

class InterchangeTest : public testing::TestWithParam<Interchange> {
 protected:
  void SetUp() override {
    const char* const program = std::getenv(GetParam().variable);
    if (program == nullptr || *program == '\0') {
      GTEST_SKIP() << GetParam().variable << " is not set";
    }
    program_ = program;
    std::string error;
    ASSERT_TRUE(real_.Start(program_, &error)) << error;
  }

  std::string file() const { return real_.folder() + "/dump.rdb"; }

  // The reply to one request.
  std::string Ask(const std::vector<std::string>& args) {
    std::string bytes;
    resp::AppendRequest(&bytes, std::vector<std::string_view>(args.begin(), args.end()));
    std::string error;
    EXPECT_TRUE(real_.Send(1, bytes, &error)) << error;
    // What precedes the size of a bulk, and the bulk.
    std::string reply;
    size_t want = 4;
    while (reply.size() < want) {
      const auto received = real_.Receive(1, want - reply.size(), kPatienceMs);
      if (received.bytes.empty()) break;
      reply += received.bytes;
      const size_t line = reply.find("\r\n");
      if (line == reply.npos) {
        want = reply.size() + 1;
      } else if (reply[0] == '$' && reply[1] != '-') {
        want = line + 4 + std::strtoull(reply.c_str() + 1, nullptr, 10);
      }
    }
    return reply;
  }
  std::string Digest() { return Ask({"DEBUG", "DIGEST"}); }

  void WriteFile(std::string_view bytes) const {
    std::ofstream(file(), std::ios::binary).write(bytes.data(), std::ssize(bytes));
  }
  std::string ReadFile() const {
    std::ifstream in(file(), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  std::string program_;
  RealServer real_;
};

INSTANTIATE_TEST_SUITE_P(
    Servers, InterchangeTest,
    testing::Values(Interchange{"RESPROBE_REDIS_SERVER", "redis-check-rdb", Profile::kRedis70},
                    Interchange{"RESPROBE_VALKEY_SERVER", "valkey-check-rdb", Profile::kValkey80}),
    [](const auto& test) { return test.param.profile == Profile::kRedis70 ? "redis" : "valkey"; });

// Every type, in every encoding and across every limit between two.
std::vector<std::vector<std::string>> Requests() {
  std::vector<std::vector<std::string>> all;
  uint64_t state = 7;
  const auto below = [&](uint64_t bound) {
    state = state * 6364136223846793005 + 1442695040888963407;
    return (state >> 33) % bound;
  };
  const auto text = [&]() -> std::string {
    switch (below(8)) {
      case 0:
        return std::to_string(below(300));
      case 1:
        return std::to_string(static_cast<int64_t>(state));
      case 2:
        return "-" + std::to_string(below(uint64_t{1} << (8 + below(50))));
      case 3:
        return std::string(below(100), 'a');
      case 4: {
        std::string words;
        while (words.size() < 200 + below(3000)) words += "word" + std::to_string(below(12)) + " ";
        return words;
      }
      case 5: {
        std::string bytes;
        for (size_t i = below(300); i > 0; --i) bytes += static_cast<char>(below(256));
        return bytes;
      }
      case 6:
        return "k" + std::to_string(below(1000));
      default:
        return std::to_string(below(100)) + "." + std::to_string(below(100));
    }
  };
  const auto short_text = [&] { return text().substr(0, 60); };
  const auto score = [&]() -> std::string {
    const char* const odd[] = {"inf", "-inf", "-0", "1e300", "0.1", "4611686018427387904", "1e17"};
    return below(4) == 0 ? odd[below(7)]
                         : std::to_string(below(1000)) + "." + std::to_string(below(1000));
  };
  for (size_t i = 0; i < 150; ++i) {
    const std::string key = "key" + std::to_string(i) + short_text();
    const auto elements = [&](std::initializer_list<uint64_t> most) {
      return 1 + below(*(most.begin() + below(most.size())));
    };
    std::vector<std::string> request;
    const bool compact = below(2) == 0;
    const auto element = [&] { return compact ? short_text() : text(); };
    switch (i % 6) {
      case 0:
        request = {"SET", key, text()};
        break;
      case 1:
        request = {"RPUSH", key};
        for (size_t n = elements({5, 50, 800}); n > 0; --n) request.push_back(element());
        if (below(4) == 0) request.push_back(std::string(8000 + below(1000), 'x'));
        break;
      case 2:
        request = {"SADD", key};
        for (size_t n = elements({5, 150}); n > 0; --n) request.push_back(element());
        break;
      case 3:
        request = {"SADD", key};
        for (size_t n = elements({5, 600}); n > 0; --n) {
          request.push_back(std::to_string(below(uint64_t{1} << (8 + below(50)))));
        }
        break;
      case 4:
        request = {"HSET", key};
        for (size_t n = elements({5, 600}); n > 0; --n) {
          request.push_back(element());
          request.push_back(element());
        }
        break;
      default:
        request = {"ZADD", key};
        for (size_t n = elements({5, 150}); n > 0; --n) {
          request.push_back(score());
          request.push_back(element());
        }
        break;
    }
    if (i % 50 == 0) all.push_back({"SELECT", std::to_string(i / 50)});
    all.push_back(std::move(request));
    if (below(4) == 0)
      all.push_back({"PEXPIREAT", key, std::to_string(32503680000000 + below(999))});
  }
  return all;
}

TEST_P(InterchangeTest, TheCoreLoadsTheServersFile) {
  for (const auto& request : Requests()) ASSERT_NE(Ask(request)[0], '-') << request[0];
  ASSERT_EQ(Ask({"SAVE"}), "+OK\r\n");
  Keyspace keyspace;
  keyspace.Reset(1'700'000'000'000);
  RdbReport report;
  const RdbResult result =
      LoadRdb(ReadFile(), {.profile = GetParam().profile, .deep = true}, &keyspace, &report);
  EXPECT_EQ(result.text, "");
  EXPECT_EQ(report.loaded, 150U);
  EXPECT_EQ(keyspace.CheckIntegrity(), "");
  EXPECT_EQ("+" + DebugDigestText(DigestOf(keyspace, GetParam().profile)) + "\r\n", Digest());
}

class Filled {
 public:
  explicit Filled(Profile profile) : core({.profile = profile}) {
    const uint64_t client = core.Connect();
    for (const auto& request : Requests()) {
      std::string bytes;
      resp::AppendRequest(&bytes, std::vector<std::string_view>(request.begin(), request.end()));
      core.Receive(client, bytes);
      EXPECT_NE(core.Output(client)[0], '-') << core.Output(client);
      core.Output(client).clear();
    }
  }
  const Keyspace& keyspace() const { return core.keyspace(); }

  Server core;
};

TEST_P(InterchangeTest, TheServerLoadsTheCoresFile) {
  const Filled filled(GetParam().profile);
  const std::string expected =
      "+" + DebugDigestText(DigestOf(filled.keyspace(), GetParam().profile)) + "\r\n";
  for (const bool plain : {false, true}) {
    std::string bytes;
    AppendRdb(filled.keyspace(),
              {.profile = GetParam().profile,
               .compress = !plain,
               .checksum = !plain,
               .fields = !plain,
               .ctime = 1'700'000'000},
              &bytes);
    WriteFile(bytes);
    ASSERT_EQ(Ask({"DEBUG", "RELOAD", "NOSAVE"}), "+OK\r\n");
    EXPECT_EQ(Digest(), expected);
    // The server's own checker of files.
    const std::filesystem::path checker =
        std::filesystem::path(program_).parent_path() / GetParam().checker;
    ASSERT_TRUE(std::filesystem::exists(checker)) << checker;
    const std::string command = checker.string() + " " + file() + " > " + real_.folder() + "/check";
    EXPECT_EQ(std::system(command.c_str()), 0);
    std::ifstream in(real_.folder() + "/check");
    const std::string said{std::istreambuf_iterator<char>(in), {}};
    EXPECT_NE(said.find("RDB looks OK!"), said.npos) << said;
  }
}

// redis refuses valkey's format, which is newer.
TEST_P(InterchangeTest, TheServerLoadsTheOtherOnesFileIfItIsOlder) {
  const bool newer = GetParam().profile == Profile::kRedis70;
  const Profile other = newer ? Profile::kValkey80 : Profile::kRedis70;
  const Filled filled(other);
  std::string bytes;
  AppendRdb(filled.keyspace(), {.profile = other}, &bytes);
  WriteFile(bytes);
  const std::string reply = Ask({"DEBUG", "RELOAD", "NOSAVE"});
  if (newer) {
    EXPECT_TRUE(reply.starts_with("-ERR Error trying to load the RDB dump")) << reply;
    return;
  }
  ASSERT_EQ(reply, "+OK\r\n");
  EXPECT_EQ(Digest(),
            "+" + DebugDigestText(DigestOf(filled.keyspace(), GetParam().profile)) + "\r\n");
}

TEST_P(InterchangeTest, TheServerRestoresTheCoresPayloads) {
  const Filled filled(GetParam().profile);
  ASSERT_EQ(Ask({"CONFIG", "SET", "sanitize-dump-payload", "yes"}), "+OK\r\n");
  size_t same = 0;
  size_t count = 0;
  for (int db = 0; db < 3; ++db) {
    Ask({"SELECT", std::to_string(db)});
    const Dict<Object>& keys = filled.keyspace().keys(db);
    for (size_t i = 0; i < keys.size(); ++i, ++count) {
      std::string payload;
      AppendDumpPayload(keys.at(i).value, GetParam().profile, true, &payload);
      const std::string& key = keys.at(i).key;
      ASSERT_EQ(Ask({"RESTORE", key, std::to_string(keys.at(i).value.expire_at() + 1), payload,
                     keys.at(i).value.expire_at() == kNoExpiry ? "REPLACE" : "ABSTTL"}),
                "+OK\r\n")
          << key;
      const std::string theirs = Ask({"DUMP", key});
      const size_t begin = theirs.find("\r\n") + 2;
      const std::string bytes = theirs.substr(begin, theirs.size() - begin - 2);
      same += bytes == payload;
      Keyspace again;
      again.Reset(0);
      ASSERT_TRUE(
          ReadDumpPayload(bytes, {.profile = GetParam().profile, .deep = true}, 0, key, &again)
              .ok());
      again.Modified(0, key);
      Keyspace ours;
      ours.Reset(0);
      ASSERT_TRUE(
          ReadDumpPayload(payload, {.profile = GetParam().profile, .deep = true}, 0, key, &ours)
              .ok());
      ours.Modified(0, key);
      EXPECT_EQ(ours.Digest(), again.Digest());
    }
  }
  EXPECT_EQ(Digest(),
            "+" + DebugDigestText(DigestOf(filled.keyspace(), GetParam().profile)) + "\r\n");
  // Byte for byte, except for the order of hash tables.
  EXPECT_EQ(count, 150U);
  EXPECT_GT(same, 90U);
}

}  // namespace
}  // namespace resprobe
