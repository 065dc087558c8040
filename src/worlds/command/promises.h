#ifndef RESPROBE_WORLDS_COMMAND_PROMISES_H_
#define RESPROBE_WORLDS_COMMAND_PROMISES_H_

#include <cstdint>
#include <span>
#include <string_view>

namespace resprobe {

// Small dialogues whose outcome the documentation of the commands promises, whatever has happened
// to the server before: three clients of an empty server that have just connected.
struct PromiseStep {
  char client = 'a';         // to 'c'
  std::string_view command;  // words between spaces; "": nothing is sent
  std::string_view reply;    // as resp::ToText() writes it; "": none; "(error)": any error
  int64_t advance_ms = 0;    // before that
};

struct Promise {
  std::string_view says;
  std::span<const PromiseStep> steps;
};

std::span<const Promise> Promises();

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_COMMAND_PROMISES_H_
