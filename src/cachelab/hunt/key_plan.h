#ifndef RESPROBE_CACHELAB_HUNT_KEY_PLAN_H_
#define RESPROBE_CACHELAB_HUNT_KEY_PLAN_H_

#include <algorithm>
#include <string>
#include <vector>

#include "cachelab/subject/live_commands.h"

namespace resprobe::cachelab {

// The keys of a case and the values written to them. Keys are numbered from 0.
struct KeyPlan {
  int keys = 16;
  int first_key = 0;    // added to a key's number in its name
  int members = 4;      // elements of an aggregate
  int value_size = 32;  // bytes
  std::string prefix = "resprobe:";
  std::vector<std::string> types = {"string", "set", "list", "hash", "zset", "stream"};
  // Names of commands, in upper case; empty: all.
  std::vector<std::string> commands = {};

  const std::string& TypeOf(int key) const {
    return types[static_cast<size_t>(key) % types.size()];
  }
  std::string NameOf(int key) const {
    return prefix + TypeOf(key) + ":" + std::to_string(first_key + key);
  }
  // True if the plan allows the command.
  bool Allows(const LiveCommand& command) const {
    return commands.empty() ||
           std::find(commands.begin(), commands.end(), command.name()) != commands.end();
  }
  bool Fits(const LiveCommand& command, int key, bool read) const {
    return command.read == read && Allows(command) &&
           (command.type == TypeOf(key) || command.type == "generic");
  }
};

}  // namespace resprobe::cachelab

#endif  // RESPROBE_CACHELAB_HUNT_KEY_PLAN_H_
