// The core and real servers load each other's append-only logs, and agree about damaged ones.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/persistence/aof_manifest.h"
#include "core/persistence/aof_reader.h"
#include "core/persistence/memory_files.h"
#include "core/resp/writer.h"
#include "core/server/server.h"
#include "core/table/table.h"
#include "live/net/socket.h"
#include "live/server/server_process.h"
#include "tests/live/temporary_folder.h"
#include "worlds/aof/aof_events.h"
#include "worlds/aof/aof_tape.h"

namespace resprobe::live {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::string Request(std::initializer_list<std::string_view> words) {
  std::string bytes;
  resp::AppendRequest(&bytes, {words.begin(), words.size()});
  return bytes;
}

constexpr std::string_view kWrites =
    "SET text hello\r\nSET number 42\r\nSET later 1 EX 100000000\r\nRPUSH list a b c 12\r\n"
    "SADD members one two three\r\nSADD numbers 3 1 2\r\nZADD scores 1 one 2.5 two -7 minus inf "
    "most\r\n"
    "HSET hash field value number 1\r\nINCRBYFLOAT number 0.5\r\nLMOVE list other LEFT "
    "RIGHT\r\nMULTI\r\nINCR counter\r\nINCR counter\r\nEXEC\r\nSELECT 9\r\nSET far "
    "away\r\nSETRANGE bits 3 "
    "x\r\nMULTI\r\nSET inside 1\r\nSELECT 0\r\nSET outside 1\r\nEXEC\r\nRENAME outside renamed\r\n";
constexpr std::string_view kReads =
    "DBSIZE\r\nGET text\r\nGET number\r\nPEXPIRETIME later\r\nLRANGE list 0 -1\r\nLRANGE other 0 "
    "-1\r\n"
    "SORT members ALPHA\r\nSORT numbers\r\nZRANGE scores 0 -1 WITHSCORES\r\nHMGET hash field "
    "number\r\n"
    "GET counter\r\nGET renamed\r\nSELECT 9\r\nDBSIZE\r\nGET far\r\nGET bits\r\nGET inside\r\n";

std::string Answers(Server& server, std::string_view requests) {
  const uint64_t client = server.Connect();
  server.Receive(client, requests);
  std::string answers = server.Output(client);
  server.Close(client);
  return answers;
}

void Write(const MemoryFiles& files, const fs::path& folder) {
  for (const std::string& path : files.Paths()) {
    fs::create_directories((folder / path).parent_path());
    std::ofstream(folder / path, std::ios::binary) << *files.Find(path);
  }
}

class AofInterchangeTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const char* program = std::getenv(GetParam());
    if (program == nullptr) GTEST_SKIP() << GetParam() << " is not set";
    program_ = program;
    profile_ =
        program_.find("valkey") == std::string::npos ? Profile::kRedis70 : Profile::kValkey80;
  }

  ServerConfig Config() const {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    ServerConfig config = {
        .profile = profile_,
        .start_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count()};
    config.persistence.appendonly = true;
    config.persistence.appendfsync = AppendFsync::kAlways;
    return config;
  }
  std::unique_ptr<ServerProcess> StartReal(const fs::path& folder, std::string* error,
                                           std::vector<std::string> more = {}) const {
    ServerProcessOptions options = {.program = program_};
    options.arguments = {"--dir", folder.string(), "--appendonly",           "yes", "--appendfsync",
                         "no",    "--logfile",     (folder / "log").string()};
    options.arguments.insert(options.arguments.end(), more.begin(), more.end());
    return ServerProcess::Start(options, error);
  }
  static std::string Ask(const ServerProcess& server, std::string_view requests) {
    std::string error;
    const UniqueFd fd = server.Connect(&error);
    EXPECT_TRUE(fd.valid()) << error;
    EXPECT_TRUE(SendAll(fd.get(), std::string(requests) + "QUIT\r\n"));
    std::string answers;
    char bytes[4096];
    for (ssize_t got; (got = recv(fd.get(), bytes, sizeof(bytes), 0)) > 0;) {
      answers.append(bytes, static_cast<size_t>(got));
    }
    EXPECT_TRUE(answers.ends_with("+OK\r\n"));
    return answers.substr(0, answers.size() - 5);
  }
  // What redis-check-aof, or valkey's, says of a log; empty if it finds nothing.
  std::string CheckTool(const fs::path& folder) const {
    const bool valkey = profile_ == Profile::kValkey80;
    const fs::path tool =
        fs::path(program_).parent_path() / (valkey ? "valkey-check-aof" : "redis-check-aof");
    if (!fs::exists(tool)) return {};
    const std::string command = tool.string() + " " + (folder / AofManifest::kPath).string() +
                                " >" + (folder / "check").string() + " 2>&1";
    if (std::system(command.c_str()) == 0) return {};
    std::ifstream file(folder / "check");
    return {std::istreambuf_iterator<char>(file), {}};
  }

  std::string program_;
  Profile profile_ = Profile::kRedis70;
};
INSTANTIATE_TEST_SUITE_P(Servers, AofInterchangeTest,
                         testing::Values("RESPROBE_REDIS_SERVER", "RESPROBE_VALKEY_SERVER"),
                         [](const auto& i) { return std::string(i.param).substr(9); });

TEST_P(AofInterchangeTest, TheServerLoadsWhatTheCoreWrites) {
  for (const bool rdb : {true, false}) {
    for (const bool rewritten : {false, true}) {
      SCOPED_TRACE(rdb);
      SCOPED_TRACE(rewritten);
      MemoryFiles files;
      ServerConfig config = Config();
      config.persistence.aof_use_rdb_preamble = rdb;
      config.persistence.aof_timestamp_enabled = !rdb;
      Server core(config);
      ASSERT_TRUE(core.Start(&files, 1, nullptr));
      Answers(core, kWrites);
      if (rewritten) {
        Answers(core, "BGREWRITEAOF\r\n");
        while (core.persistence().child() != Persistence::Child::kNone) {
          for (int i = 0; i < 1000; ++i) core.persistence().StepChild();
          core.Advance(100);
        }
        Answers(core, "SET text after\r\n");
      }
      const TemporaryFolder folder;
      Write(files, folder.path());
      EXPECT_EQ(CheckTool(folder.path()), "");
      std::string error;
      const std::unique_ptr<ServerProcess> real = StartReal(folder.path(), &error);
      ASSERT_NE(real, nullptr) << error << folder.Files().at("log");
      EXPECT_EQ(Ask(*real, kReads), Answers(core, kReads));
    }
  }
}

TEST_P(AofInterchangeTest, TheCoreLoadsWhatTheServerWrites) {
  for (const char* const rdb : {"yes", "no"}) {
    const TemporaryFolder folder;
    std::string error;
    std::unique_ptr<ServerProcess> real =
        StartReal(folder.path(), &error, {"--aof-use-rdb-preamble", rdb});
    ASSERT_NE(real, nullptr) << error;
    Ask(*real, kWrites);
    Ask(*real, "BGREWRITEAOF\r\n");
    while (Ask(*real, "INFO persistence\r\n").find("rewrite_in_progress:1") != std::string::npos) {
    }
    Ask(*real, "SET text after\r\n");
    const std::string expected = Ask(*real, kReads);
    real->Signal(SIGKILL);
    real.reset();
    MemoryFiles files;
    for (const auto& [path, bytes] : folder.Files()) files.Set(path, bytes);
    Server core(Config());
    ASSERT_TRUE(core.Start(&files, 1, nullptr));
    EXPECT_EQ(Answers(core, kReads), expected);
  }
}

// --- Damaged logs.

// Notes commands about which the core and a server need not agree: servers run a command without
// counting its words, and crash.
class Suspicion : public AofEvents {
 public:
  void Run(std::span<const std::string_view> args) override {
    const Command* const command = FindCommand(args[0]);
    found |=
        command == nullptr || !command->ArityFits(args.size()) || command->changes_subscriptions();
    for (const std::string_view name : {"discard", "watch", "config"}) {
      found |= command != nullptr && command->name() == name;
    }
  }
  bool Knows(std::span<const std::string_view> args) override {
    found |= FindCommand(args[0]) != nullptr && CommandContext::IsWord(args[0], "DISCARD");
    return AofEvents::Knows(args);
  }
  bool found = false;
};

// Reads all keys that generated logs have.
std::string AllReads() {
  constexpr std::string_view kKeys[] = {"a", "b", "key:1", "", "{x}"};
  constexpr std::string_view kWords[] = {"1", "x", "", "hello world", "\r\n", "-7", "3.25"};
  std::string reads;
  for (int db = 0; db < 16; ++db) {
    reads += Request({"SELECT", std::to_string(db)});
    for (const std::string_view key : kKeys) {
      reads += Request({"TYPE", key}) + Request({"GET", key}) + Request({"PEXPIRETIME", key}) +
               Request({"LRANGE", key, "0", "-1"}) + Request({"SCARD", key}) +
               Request({"ZRANGE", key, "0", "-1", "WITHSCORES"}) + Request({"HLEN", key});
      for (const std::string_view word : kWords) {
        reads += Request({"HGET", key, word}) + Request({"SISMEMBER", key, word});
      }
    }
  }
  return reads;
}

TEST_P(AofInterchangeTest, BothJudgeDamagedLogsInTheSameWay) {
  const std::string reads = AllReads();
  std::map<AofReader::Result, int> results;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Tape bytes;
    GenerateAofTape(seed, bytes);
    AofTape tape;
    tape.Decode(bytes);
    tape.options.profile = profile_;
    tape.options.keep_faults = true;
    MemoryFiles files;
    std::string name;
    AofManifest manifest;
    if (!tape.has_manifest) {
      files.MakeDirectory(AofManifest::kDirectory);
      ListAofFiles(tape, &manifest);
      ASSERT_TRUE(manifest.Persist(&files, nullptr));
    }
    for (const AofTape::File& file : tape.files) files.Set(AofPathOf(file.name, &name), file.bytes);
    MemoryFiles copy = files;
    const TemporaryFolder folder;
    Write(files, folder.path());

    LastLine log;
    std::string lines;
    log.Follow(&lines);
    Suspicion sink;
    sink.Begin(profile_, &log);
    AofReader reader;
    AofReader::Result result = AofReader::Result::kFailed;
    if (manifest.Load(&files, &log)) {
      result = reader.Load(&files, &manifest, tape.options, &sink, &log);
    }
    if (sink.found || lines.find("Out Of Memory") != std::string::npos) continue;
    ++results[result];

    std::string error;
    const char* const truncated = tape.options.load_truncated ? "yes" : "no";
    const std::unique_ptr<ServerProcess> real =
        StartReal(folder.path(), &error, {"--aof-load-truncated", truncated});
    const std::map<std::string, std::string> now = folder.Files();
    ASSERT_EQ(real != nullptr, result != AofReader::Result::kFailed) << lines << now.at("log");
    while (!lines.empty()) {
      const std::string line = lines.substr(0, lines.find('\n'));
      lines.erase(0, line.size() + 1);
      if (line.ends_with(": 0.000 seconds")) continue;
      EXPECT_THAT(now.at("log"), HasSubstr(line));
    }
    for (const AofTape::File& file : tape.files) {
      if (file.name == kManifestSection) continue;
      // A server appends the deletion of what has expired.
      const std::string& path = AofPathOf(file.name, &name);
      EXPECT_TRUE(now.at(path).starts_with(*files.Find(path))) << now.at(path);
    }
    if (real == nullptr) continue;
    ServerConfig config = Config();
    config.persistence.aof_load_truncated = tape.options.load_truncated;
    Server core(config);
    ASSERT_TRUE(core.Start(&copy, 1, nullptr));
    EXPECT_EQ(Answers(core, reads), Ask(*real, reads));
  }
  EXPECT_GE(results[AofReader::Result::kLoaded], 10);
  EXPECT_GE(results[AofReader::Result::kTruncated], 10);
  EXPECT_GE(results[AofReader::Result::kFailed], 5);
}

}  // namespace
}  // namespace resprobe::live
