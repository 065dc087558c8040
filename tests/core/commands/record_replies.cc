// record_replies FILE…: runs the requests of the files (recorded_file.h) on a private server,
// $RESPROBE_REDIS_SERVER, and writes its replies into the files.

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>
#include <string>

#include "tests/core/commands/real_server.h"
#include "tests/core/commands/recorded_file.h"

namespace resprobe {
namespace {

// A connection that has been silent for this long is assumed to have sent everything.
constexpr int kQuietMs = 6;
// Time limit for the first byte of a reply, where there may be none.
constexpr int kFirstByteMs = 60;

bool Record(const std::string& path, RealServer& server, std::string* error) {
  std::string text;
  if (!ReadFile(path, &text)) {
    *error = path + ": cannot be read";
    return false;
  }
  RecordedFile file;
  if (!file.Parse(path, text, error)) return false;

  std::string out;
  size_t next = 0;  // the first line not yet written
  const auto copy_up_to = [&](size_t line) {
    for (; next < line; ++next) {
      std::string_view old = file.lines[next];
      while (!old.empty() && old[0] >= '0' && old[0] <= '9') old.remove_prefix(1);
      if (old.starts_with("< ") || old == "closed" || old == " closed") continue;
      out += file.lines[next] + "\n";
    }
  };
  for (const RecordedCase& recorded : file.cases) {
    if (!server.Fresh(error)) return false;
    std::set<int> connections;
    RecordedIds ids;
    for (const RecordedStep& named : recorded.steps) {
      const RecordedStep step = ids.Expand(named);
      copy_up_to(step.line);
      connections.insert(step.connection);
      if (step.kind == RecordedStep::Kind::kId) {
        const uint64_t id = server.Id(step.connection, error);
        if (id == 0) return false;
        ids.Learn(step.connection, id);
        continue;
      }
      if (!server.Do(step, error)) return false;
      if (step.kind == RecordedStep::Kind::kProtocol) continue;
      const auto write = [&](int connection, const RealServer::Received& received) {
        const std::string prefix = connection == 1 ? "" : std::to_string(connection);
        if (!received.bytes.empty())
          out += prefix + "< " + EscapeBytes(ids.Collapse(received.bytes)) + "\n";
        if (received.closed) out += (prefix.empty() ? "" : prefix + " ") + "closed\n";
      };
      if (step.kind == RecordedStep::Kind::kRequest || step.kind == RecordedStep::Kind::kRaw) {
        RealServer::Received first = server.Receive(step.connection, 1, kFirstByteMs);
        if (!first.closed) {
          const RealServer::Received rest = server.Drain(step.connection, kQuietMs);
          first.bytes += rest.bytes;
          first.closed = rest.closed;
        }
        write(step.connection, first);
      }
      for (const int connection : connections) {
        if (connection == step.connection && step.kind != RecordedStep::Kind::kAdvance) continue;
        if (server.IsConnected(connection)) write(connection, server.Drain(connection, kQuietMs));
      }
    }
  }
  copy_up_to(file.lines.size());
  std::ofstream(path, std::ios::binary) << out;
  return true;
}

}  // namespace
}  // namespace resprobe

int main(int argc, char** argv) {
  const char* program = std::getenv("RESPROBE_REDIS_SERVER");
  if (program == nullptr || argc < 2) {
    std::fprintf(stderr, "usage: RESPROBE_REDIS_SERVER=/usr/bin/redis-server %s FILE...\n",
                 argv[0]);
    return 2;
  }
  resprobe::RealServer server;
  std::string error;
  if (!server.Start(program, &error)) {
    std::fprintf(stderr, "%s\n", error.c_str());
    return 1;
  }
  for (int i = 1; i < argc; ++i) {
    if (!resprobe::Record(argv[i], server, &error)) {
      std::fprintf(stderr, "%s\n", error.c_str());
      return 1;
    }
    std::printf("%s\n", argv[i]);
  }
  return 0;
}
