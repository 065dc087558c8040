#ifndef RESPROBE_TESTS_CORE_COMMANDS_RECORDED_FILE_H_
#define RESPROBE_TESTS_CORE_COMMANDS_RECORDED_FILE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/table/profile.h"

namespace resprobe {

// Replies of a real server, as text. A file holds cases; each starts with an empty server and new
// connections. Lines:
//
// clang-format off
//   # a comment
//   server redis 7.0.15     which server the replies were recorded from
//   case NAME               starts a case
//   > SET k "v\r\n"         a request, split into arguments as redis-cli splits them
//   !> *1\r\n$4\r\nPING\r\n  raw bytes to send, escaped
//   ~> KEYS *               the order of the elements of the reply does not count
//   ?> RANDOMKEY            only the shape of the reply counts, as in the command table
//   2> GET k                the same on connection 2 (1 is the default); also 2~> 2!> 2?>
//   proto 3 / 2 proto 3     switches the connection's protocol; the reply is not recorded
//   id / 2 id               reads the connection's id; afterwards {id-2} stands for it in
//                           arguments and for received integers
//   advance 150             moves the clock by milliseconds (a case that has it is not replayed on
//                           a live server, whose clock cannot be moved)
//   close / 2 close         the client closes its connection
//   < +OK\r\n               what the connection then received, escaped as in a C string
//   2< >2\r\n$10\r\n…       the same for another connection
//   closed / 2 closed       the server has closed the connection
// clang-format on
//
// A file without `<` and `closed` lines is the input of record_replies; it writes them.
struct RecordedStep {
  enum class Kind { kRequest, kRaw, kProtocol, kId, kAdvance, kClose };
  enum class Compare { kExact, kUnordered, kShape };
  struct Output {
    int connection = 1;
    std::string bytes;
    bool closed = false;
  };

  size_t line = 0;
  Kind kind = Kind::kRequest;
  Compare compare = Compare::kExact;
  int connection = 1;
  std::vector<std::string> args;  // kRequest
  std::string bytes;              // bytes to send: kRequest (without ids), kRaw
  int64_t number = 0;             // kProtocol, kAdvance
  std::vector<Output> outputs;

  // The bytes that a connection must receive, and whether it must be closed.
  std::string_view ExpectedBytes(int connection_number) const;
  bool ExpectedClosed(int connection_number) const;
};

// The connection ids that a case has read.
class RecordedIds {
 public:
  void Learn(int connection, uint64_t id) { ids_[connection] = std::to_string(id); }
  // Replaces names by ids in the step.
  RecordedStep Expand(const RecordedStep& step) const;
  // Replaces ids by names in received bytes, where they are integers.
  std::string Collapse(std::string bytes) const;

 private:
  std::string Expand(std::string text) const;

  std::map<int, std::string> ids_;
};

struct RecordedCase {
  std::string name;
  size_t line = 0;
  std::vector<RecordedStep> steps;

  bool MovesClock() const;
  int Connections() const;  // the highest number used
};

struct RecordedFile {
  std::string server;
  std::vector<RecordedCase> cases;
  std::vector<std::string> lines;  // the text, for rewriting

  // False with `error` ("file:line: what is wrong") if the text is malformed.
  bool Parse(std::string_view path, std::string_view text, std::string* error);
};

// The file's form of bytes: printable ASCII unchanged, the rest escaped.
std::string EscapeBytes(std::string_view bytes);
bool UnescapeBytes(std::string_view text, std::string* bytes);

// The reply with the elements of its top-level aggregates sorted (a map's by pair), to compare
// unordered replies. Returns the input unchanged if it is not exactly one reply.
std::string SortReply(std::string_view bytes, bool map);

// Reads a whole file. False if it cannot be read.
bool ReadFile(const std::string& path, std::string* text);
// All *.txt in tests/core/commands/recorded of the source tree, sorted: the recordings of redis.
std::vector<std::string> RecordedPaths();
// The path of the recording with that name ("list", "valkey-8.0/list").
std::string RecordedPath(std::string_view name);
// The core's profile for a file's server ("valkey 8.0.1").
Profile ProfileOfServer(std::string_view server);

}  // namespace resprobe

#endif  // RESPROBE_TESTS_CORE_COMMANDS_RECORDED_FILE_H_
