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

// One argument of a command, from COMMAND DOCS (redis.io/docs/reference/command-arguments).
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
  std::string token;  // precedes the value, or is the whole argument (kPureToken)
  bool optional = false;
  bool multiple = false;
  bool multiple_token = false;         // the token is repeated with each value
  std::vector<DocArgument> arguments;  // for kOneOf and kBlock
};

// One command or subcommand of a server: COMMAND DOCS combined with COMMAND.
struct DocCommand {
  std::vector<std::string> words;  // "XGROUP", "CREATE"
  std::string full_name;           // "xgroup|create"
  std::string group;               // "stream"
  size_t least_words = 1;          // from its arity, including the name
  bool blocking = false;
  // A key specification says that one argument is the number of keys after it (EVAL, SINTERCARD).
  bool counted_keys = false;
  std::vector<size_t> keys;  // indexes that always hold keys, from specifications that begin at an
                             // index
  std::vector<DocArgument> arguments;
  bool modelled = false;  // the core implements it
};

// A server's description of its own commands, and the names of its parameters.
struct DocTable {
  std::vector<DocCommand> commands;  // sorted by full name; without bare containers
  std::vector<std::string> parameters;

  const DocCommand* Find(std::string_view full_name) const;
};

// Queries the server. Before redis 7.0 there is no COMMAND DOCS: returns nullopt, with one line in
// `error`.
std::optional<DocTable> AskForDocs(const LiveServer& target, Profile profile, std::string* error);

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_ROBUSTNESS_ROBUSTNESS_DOCS_H_
