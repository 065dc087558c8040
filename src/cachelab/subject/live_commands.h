#ifndef RESPROBE_CACHELAB_SUBJECT_LIVE_COMMANDS_H_
#define RESPROBE_CACHELAB_SUBJECT_LIVE_COMMANDS_H_

// The commands that runs against real servers use, and what a cache must know of any command.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/resp/reply.h"

namespace resprobe::cachelab {

using Words = std::vector<std::string>;

struct LiveCommand {
  std::string_view type;  // of the key: "string", "set", …; "generic" fits any
  bool read = false;      // otherwise it writes
  // The request; Expand() replaces {…}.
  std::string_view form;
  // The order of the elements is unspecified: they are compared sorted.
  bool unordered = false;

  std::string_view name() const { return form.substr(0, form.find(' ')); }
  // True if the written value contains the version.
  bool brings_value() const;
};

// All of them, by type, in a fixed order.
std::span<const LiveCommand> LiveCommands();
// The types of keys: string, set, list, hash, zset, stream.
std::span<const std::string_view> LiveTypes();

// The values for the placeholders of a form. The same values give the same words.
struct Blanks {
  std::string_view key;
  uint64_t version = 0;  // part of everything that is written, so that a value identifies its write
  int members = 4;       // elements of aggregates: {fields}, {values}, {scored}
  int value_size = 32;   // bytes of a value; at least the length of its version
  int member = 0;        // index of the element: {field}, {member}
};
Words Expand(const LiveCommand& command, const Blanks& blanks);

// True if the reply depends on the key args[1] alone, so that it may be cached under that key.
bool IsCacheable(std::span<const std::string_view> args);
// The keys that the command may change. False if unknown: it may change any key.
bool KeysChanged(std::span<const std::string_view> args, std::vector<std::string_view>* keys);

// A reply as text, the same for equal replies: the elements of maps and sets (and arrays, if
// `unordered`) are sorted; a map's pairs stay together.
std::string Canonical(const resp::ReplyView& reply, bool unordered);
// True if such a text is an error.
bool IsError(std::string_view text);

}  // namespace resprobe::cachelab

#endif  // RESPROBE_CACHELAB_SUBJECT_LIVE_COMMANDS_H_
