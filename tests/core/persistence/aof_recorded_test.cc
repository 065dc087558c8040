// Append-only logs of real servers, recorded by scripts/record-aof.sh: the core loads them, and
// then answers as the server did.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "core/persistence/memory_files.h"
#include "core/server/server.h"
#include "tests/core/persistence/recording_log.h"

namespace resprobe {
namespace {

namespace fs = std::filesystem;

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.is_open()) << path;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::vector<fs::path> Recordings() {
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(RECORDED_LOGS)) folders.push_back(entry.path());
  std::ranges::sort(folders);
  return folders;
}

// The log, with the paths that it has in the server's directory.
void Copy(const fs::path& folder, MemoryFiles* files) {
  files->Reset();
  for (const auto& entry : fs::directory_iterator(folder / "appendonlydir")) {
    files->Set("appendonlydir/" + entry.path().filename().string(), ReadFile(entry.path()));
  }
}

ServerConfig ConfigOf(const fs::path& folder) {
  const bool valkey = folder.filename().string().starts_with("valkey");
  ServerConfig config = {.profile = valkey ? Profile::kValkey80 : Profile::kRedis70};
  config.persistence.appendonly = true;
  return config;
}

std::string Answers(Server& server, const std::string& requests) {
  const uint64_t client = server.Connect();
  std::string answers;
  for (size_t at = 0; at < requests.size();) {
    const size_t end = requests.find('\n', at) + 1;
    server.Receive(client, requests.substr(at, end - at));
    answers += server.Output(client);
    server.Output(client).clear();
    at = end;
  }
  server.Close(client);
  return answers;
}

TEST(RecordedLogs, AreOfBothServers) { EXPECT_EQ(Recordings().size(), 6u); }

TEST(RecordedLogs, AreLoadedAsTheServerLoadsThem) {
  for (const fs::path& folder : Recordings()) {
    SCOPED_TRACE(folder.filename());
    MemoryFiles files;
    RecordingLog log;
    Copy(folder, &files);
    const std::string manifest = *files.Find("appendonlydir/appendonly.aof.manifest");
    Server server(ConfigOf(folder));
    ASSERT_TRUE(server.Start(&files, 1, &log)) << testing::PrintToString(log.Take());
    EXPECT_EQ(*files.Find("appendonlydir/appendonly.aof.manifest"), manifest);
    EXPECT_EQ(Answers(server, ReadFile(folder / "requests")), ReadFile(folder / "replies"));
  }
}

// A file in AOF format that is cut anywhere is loaded, and is continued.
TEST(RecordedLogs, MayEndAnywhere) {
  for (const fs::path& folder : Recordings()) {
    SCOPED_TRACE(folder.filename());
    MemoryFiles files;
    Copy(folder, &files);
    std::string last;
    for (const std::string& path : files.Paths()) {
      if (path.ends_with(".incr.aof")) last = path;
    }
    const std::string whole = *files.Find(last);
    Server server(ConfigOf(folder));
    for (size_t cut = 0; cut < whole.size(); ++cut) {
      Copy(folder, &files);
      files.Set(last, whole.substr(0, cut));
      server.Reset();
      ServerConfig config = ConfigOf(folder);
      server.Configure(config);
      ASSERT_TRUE(server.Start(&files, 1, nullptr)) << cut;
      EXPECT_EQ(server.keyspace().CheckIntegrity(), "");
      EXPECT_TRUE(whole.starts_with(*files.Find(last))) << cut;
    }
  }
}

TEST(RecordedLogs, AServerForgetsThemWhenItIsReset) {
  MemoryFiles files;
  files.Set("appendonlydir/appendonly.aof.manifest", "file i seq 1 type i\n");
  files.Set("appendonlydir/i", "*3\r\n$6\r\nCLIENT\r\n$5\r\nPAUSE\r\n$6\r\n100000\r\n");
  ServerConfig config;
  config.persistence.appendonly = true;
  Server server(config);
  ASSERT_TRUE(server.Start(&files, 1, nullptr));
  EXPECT_TRUE(server.paused());
  server.Reset();
  EXPECT_FALSE(server.paused());
}

}  // namespace
}  // namespace resprobe
