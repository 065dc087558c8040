#ifndef RESPROBE_WORLDS_IO_CHAOS_COMMAND_BOOK_H_
#define RESPROBE_WORLDS_IO_CHAOS_COMMAND_BOOK_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "worlds/io_chaos/io_client.h"
#include "worlds/io_chaos/io_steps.h"
#include "worlds/io_chaos/request_words.h"

namespace resprobe {

// A command that a client was given, and how often it was called back.
struct IoCommand {
  uint64_t number = 0;      // from 1 in each run
  uint64_t connection = 0;  // the client's connection (ClientSlot::connection)
  IoRequest request;
  ClientAction then = ClientAction::kNothing;  // what the callback of its reply does
  uint8_t client = 0;                          // the slot
  bool stays = false;                          // gets everything that arrives for it
  bool refused = false;                        // by the client: must not be called back
  bool silent = false;                         // has no callback (IoAnswer::kNone)
  bool noted = false;                          // called back before the last ToxicPairs::Note()
  uint32_t live = 0;                           // replies
  uint32_t failed = 0;                         // callbacks without a reply

  IoAnswer answer() const {
    return silent ? IoAnswer::kNone : stays ? IoAnswer::kMessages : IoAnswer::kReply;
  }
  uint32_t calls() const { return live + failed; }
  // Every callback that it must have had has come.
  bool done() const { return refused || silent || (!stays && calls() > 0); }
};

// The model of what the clients of a run owe their user: the commands that they were given, and how
// each was called back.
//
// It holds at most kMost commands. Beyond that it forgets those that are done, so that an endless
// run needs no more memory; if all still wait, there is no room for another.
class CommandBook {
 public:
  static constexpr size_t kMost = 400;

  void Reset() {
    commands_.clear();
    given_ = 0;
  }

  // True if another command can be added; forgets commands for it, if need be: those that are done,
  // and those for which `over` is true because their connection has ended. Pointers to commands
  // become invalid.
  template <class Over>
  bool MakeRoom(const Over& over) {
    if (commands_.size() < kMost) [[likely]]
      return true;
    std::erase_if(commands_,
                  [&](const IoCommand& command) { return command.done() || over(command); });
    return commands_.size() < kMost;
  }
  // Adds a command and gives it its number. Pointers to commands become invalid.
  IoCommand& Add(const IoCommand& command);

  // True if a command of this number was given at any time in the run.
  bool WasGiven(uint64_t number) const { return number >= 1 && number <= given_; }
  // nullptr: there is no such command, or it was done and is forgotten. Valid until the next
  // MakeRoom() or Add().
  IoCommand* Find(uint64_t number);

  // The commands of which something is known, in the order in which they were given.
  std::vector<IoCommand>& held() { return commands_; }
  size_t size() const { return commands_.size(); }
  // The number of all that were added in this run.
  uint64_t given() const { return given_; }
  // True if no command was forgotten in this run.
  bool complete() const { return commands_.size() == given_; }

 private:
  std::vector<IoCommand> commands_;  // by number
  uint64_t given_ = 0;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_IO_CHAOS_COMMAND_BOOK_H_
