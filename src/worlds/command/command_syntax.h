#ifndef RESPROBE_WORLDS_COMMAND_COMMAND_SYNTAX_H_
#define RESPROBE_WORLDS_COMMAND_COMMAND_SYNTAX_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/table/table.h"

namespace resprobe {

// One element of a command's syntax (core/table/spec.h has the grammar).
struct SyntaxPart {
  enum class Kind : uint8_t { kArgument, kToken, kSequence, kChoice };
  Kind kind = Kind::kSequence;
  std::string_view word = {};
  bool optional = false;
  bool repeats = false;
  std::vector<SyntaxPart> parts = {};  // elements of a sequence, or alternatives of a choice
};

// The syntax must be one of the command table.
SyntaxPart ParseSyntax(std::string_view syntax);

// The literal words of a syntax, each once: "NX", "XX", "EX" …
std::vector<std::string_view> LiteralsOf(std::string_view syntax);

// The shortest request of a command that fits its syntax, with harmless arguments: keys of their
// own, small numbers. With `literal`, one of its syntax, the shortest that contains it.
std::vector<std::string> PlainRequest(const Command& command, std::string_view literal = {});

// The same, with the first part at its end that has no literal words and may be left out or stand
// again: the COUNT of RPOP, a second key of DEL, a second member of ZADD with its score.
// PlainRequest() if there is none.
std::vector<std::string> RequestWithArguments(const Command& command);

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_COMMAND_COMMAND_SYNTAX_H_
