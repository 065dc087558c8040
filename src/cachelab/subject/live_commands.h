#ifndef RESPROBE_CACHELAB_SUBJECT_LIVE_COMMANDS_H_
#define RESPROBE_CACHELAB_SUBJECT_LIVE_COMMANDS_H_

// The commands that the runs against real servers use, and what a cache has to know of any command.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/resp/reply.h"

namespace resprobe::live {

using Words = std::vector<std::string>;

struct LiveCommand {
  std::string_view type;  // of the key: "string", "set", …; "generic" fits any
  bool read = false;      // else it writes
  // The request; {…} are filled in by Expand().
  std::string_view form;
  // The order of the elements says nothing: they are compared sorted.
  bool unordered = false;

  std::string_view name() const { return form.substr(0, form.find(' ')); }
  // Whether what it writes tells the version.
  bool brings_value() const;
};

// All of them, by type, in a fixed order.
std::span<const LiveCommand> LiveCommands();
// The types of keys: string, set, list, hash, zset, stream.
std::span<const std::string_view> LiveTypes();

// What the blanks of a form are filled with. The same blanks give the same words.
struct Blanks {
  std::string_view key;
  uint64_t version = 0;  // told by everything that is written, so that a value names its write
  int members = 4;       // elements of aggregates: {fields}, {values}, {scored}
  int value_size = 32;   // bytes of a value, at least what its version takes
  int member = 0;        // which element: {field}, {member}
};
Words Expand(const LiveCommand& command, const Blanks& blanks);

// Whether the reply is a function of args[1], a key, alone, so that it may be cached under that
// key.
bool IsCacheable(std::span<const std::string_view> args);
// The keys that the command may change. False if that cannot be told: it may change any.
bool KeysChanged(std::span<const std::string_view> args, std::vector<std::string_view>* keys);

// A reply as text, the same for equal replies: of maps and sets (and arrays, if `unordered`) the
// elements are sorted; a map's pairs stay together.
std::string Canonical(const resp::ReplyView& reply, bool unordered);
// Whether such a text is an error's.
bool IsError(std::string_view text);

}  // namespace resprobe::live

#endif  // RESPROBE_CACHELAB_SUBJECT_LIVE_COMMANDS_H_
