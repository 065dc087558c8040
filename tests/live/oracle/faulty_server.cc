// A server with planted faults: the core on a unix socket, started like redis-server.
//
//   faulty_server --unixsocket PATH --logfile FILE [--fault COMMAND=KIND]… [ignored arguments]
//
// COMMAND is one of the core's, or a new one, which COMMAND DOCS then describes as `COMMAND key
// [value ...]`. KIND is one of those in Fail(); KIND:N:OTHER is OTHER at the Nth call, and KIND
// before.

#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/resp/request_parser.h"
#include "core/resp/writer.h"
#include "core/table/table.h"
#include "live/net/server_listener.h"

namespace resprobe::live {
namespace {

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 0x20) : c;
  return lower;
}

class FaultyListener : public ServerListener {
 public:
  FaultyListener(UniqueFd fd, std::string log, std::map<std::string, std::string> faults)
      : ServerListener(std::move(fd), {}, Time::kReal),
        log_(std::move(log)),
        faults_(std::move(faults)) {}

 protected:
  void Receive(Server& server, uint64_t id, std::string_view bytes) override {
    using Status = resp::RequestParser::Status;
    auto& parser = parsers_[id];
    if (parser == nullptr) parser = std::make_unique<resp::RequestParser>();
    while (!bytes.empty()) {
      const auto result = parser->Parse(bytes);
      if (result.status == Status::kError) return server.Receive(id, bytes);
      bytes.remove_prefix(result.consumed);
      if (result.status != Status::kRequest) return;
      const auto args = parser->args();
      for (const uint64_t monitor : monitors_) {
        if (!server.IsOpen(monitor)) continue;
        server.Output(monitor) += "+0.1 [0 unix] \"" + std::string(args[0]) + "\"\r\n";
      }
      const auto fault = faults_.find(Lower(args[0]));
      if (fault != faults_.end()) {
        std::string wire;
        resp::AppendRequest(&wire, args);
        Fail(KindNow(*fault), server, id, wire);
      } else if (args.size() > 1 && Lower(args[0]) == "command" && Lower(args[1]) == "docs") {
        Docs(&server.Output(id));
      } else {
        std::string wire;
        resp::AppendRequest(&wire, args);
        server.Receive(id, wire);
      }
      std::string& output = server.Output(id);
      if (const size_t lost = output.find(kLost); lost != output.npos) {
        output.erase(lost, kLost.size());
      }
    }
  }

 private:
  // A value that never arrives, not even within the array of EXEC.
  static constexpr std::string_view kLost = "$4\r\nlost\r\n";

  // Counts a call.
  std::string KindNow(const std::pair<const std::string, std::string>& fault) {
    const size_t first = fault.second.find(':');
    if (first == std::string::npos) return fault.second;
    const size_t last = fault.second.rfind(':');
    const unsigned long n = std::stoul(fault.second.substr(first + 1, last - first - 1));
    return ++calls_[fault.first] < n ? fault.second.substr(0, first)
                                     : fault.second.substr(last + 1);
  }

  void Fail(const std::string& kind, Server& server, uint64_t id, std::string_view request) {
    std::string& output = server.Output(id);
    if (kind == "crash") {
      Report();
      std::raise(SIGKILL);
    } else if (kind == "exit") {
      std::_Exit(3);
    } else if (kind == "hang") {
      for (;;) pause();
    } else if (kind == "interrupt") {
      // Hang, and interrupt the parent as an impatient user would.
      kill(getppid(), SIGINT);
      for (;;) pause();
    } else if (kind == "report") {
      Report();
      server.Receive(id, request);
    } else if (kind == "memory") {
      constexpr size_t kBytes = 200 << 20;
      void* memory = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
      munmap(memory, kBytes);
      output += "+OK\r\n";
    } else if (kind == "garbage") {
      output += "?1\r\n";
    } else if (kind == "twice") {
      output += "+OK\r\n+OK\r\n";
    } else if (kind == "close") {
      server.Close(id);
    } else if (kind == "lost") {
      server.Receive(id, "*2\r\n$4\r\nECHO\r\n" + std::string(kLost));
    } else if (kind == "late") {
      server.Receive(id, "*3\r\n$5\r\nBLPOP\r\n$11\r\nno-such-key\r\n$3\r\n0.1\r\n");
    } else if (kind == "echo") {
      monitors_.push_back(id);
      output += "+OK\r\n";
    } else if (kind == "sound") {
      output += "+OK\r\n";
    } else if (kind != "silent") {
      std::abort();
    }
  }

  void Report() const {
    std::FILE* file = std::fopen(log_.c_str(), "a");
    std::fputs(
        "=== REDIS BUG REPORT START: Cut & paste starting from here ===\n"
        "1:M # Redis 7.0.15 crashed by signal: 11, si_code: -6\n"
        "------ STACK TRACE ------\nBacktrace:\n"
        "/lib/x86_64-linux-gnu/libc.so.6(+0x3c050)[0x7f683e65a050]\n"
        "faulty_server *:0(faultyCommand+0x26f)[0x564c28dd975f]\n"
        "faulty_server *:0(call+0xdb)[0x564c28d746fb]\n",
        file);
    std::fclose(file);
  }

  void Docs(std::string* out) const {
    std::vector<std::string> names;
    for (const auto& [name, kind] : faults_) {
      if (FindCommand(name) == nullptr) names.push_back(name);
    }
    resp::Writer writer(out);
    writer.ArrayHeader(2 * names.size());
    const auto text = [&](std::initializer_list<std::string_view> words) {
      for (const std::string_view word : words) writer.BulkString(word);
    };
    for (const std::string& name : names) {
      writer.BulkString(name);
      writer.ArrayHeader(4);
      text({"group", "faults", "arguments"});
      writer.ArrayHeader(2);
      writer.ArrayHeader(4);
      text({"name", "key", "type", "key"});
      writer.ArrayHeader(6);
      text({"name", "value", "type", "string", "flags"});
      writer.ArrayHeader(2);
      text({"optional", "multiple"});
    }
  }

  std::string log_;
  std::map<std::string, std::string> faults_;
  std::map<std::string, unsigned long> calls_;  // of commands whose fault changes
  std::map<uint64_t, std::unique_ptr<resp::RequestParser>> parsers_;
  std::vector<uint64_t> monitors_;  // connections that receive every request
};

int Main(int argc, char** argv) {
  std::string path;
  std::string log;
  std::map<std::string, std::string> faults;
  for (int i = 1; i + 1 < argc; ++i) {
    const std::string_view option = argv[i];
    const std::string value = argv[i + 1];
    if (option == "--unixsocket") path = value;
    if (option == "--logfile") log = value;
    if (option == "--fault")
      faults[value.substr(0, value.find('='))] = value.substr(value.find('=') + 1);
  }
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      listen(fd.get(), 64) != 0) {
    std::perror("faulty_server");
    return 1;
  }
  const UniqueFd never(eventfd(0, EFD_CLOEXEC));
  std::string error;
  return FaultyListener(std::move(fd), log, faults).Run(never.get(), &error) ? 0 : 1;
}

}  // namespace
}  // namespace resprobe::live

int main(int argc, char** argv) { return resprobe::live::Main(argc, argv); }
