#ifndef RESPROBE_LIVE_ROBUSTNESS_ROBUSTNESS_DOCS_H_
#define RESPROBE_LIVE_ROBUSTNESS_ROBUSTNESS_DOCS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/table/profile.h"
#include "live/server/live_server.h"

namespace resprobe::live {

// One argument of a command, as COMMAND DOCS tells it (redis.io/docs/reference/command-arguments).
struct DocArgument {
  enum class Type : uint8_t {
    kString,
    kInteger,
    kDouble,
    kKey,
    kPattern,
    kUnixTime,
    kPureToken,
    kOneOf,
    kBlock,
  };
  std::string name;
  Type type = Type::kString;
  std::string token;  // stands before the value, or is all there is (kPureToken)
  bool optional = false;
  bool multiple = false;
  bool multiple_token = false;         // the token is repeated with each value
  std::vector<DocArgument> arguments;  // of kOneOf and kBlock
};

// One command or subcommand of a server: COMMAND DOCS joined with COMMAND.
struct DocCommand {
  std::vector<std::string> words;  // "XGROUP", "CREATE"
  std::string full_name;           // "xgroup|create"
  std::string group;               // "stream"
  size_t least_words = 1;          // by its arity, the name included
  bool blocking = false;
  // A key specification says that one argument counts the keys behind it (EVAL, SINTERCARD).
  bool counted_keys = false;
  std::vector<size_t> keys;  // where keys stand for sure: what begins at an index
  std::vector<DocArgument> arguments;
  bool modelled = false;  // the core's table has it
};

// What a server knows about its own commands, and the names of its parameters.
struct DocTable {
  std::vector<DocCommand> commands;  // sorted by full name; without bare containers
  std::vector<std::string> parameters;

  const DocCommand* Find(std::string_view full_name) const;
};

// Asks the server. Before redis 7.0 there is no COMMAND DOCS: nothing, with one line in `error`.
std::optional<DocTable> AskForDocs(const LiveServer& target, Profile profile, std::string* error);

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_ROBUSTNESS_ROBUSTNESS_DOCS_H_
