#include "live/server/target.h"

#include <filesystem>
#include <optional>
#include <sstream>

#include "live/net/socket.h"

namespace resprobe::live {
namespace {

// A program and its options; if a file of that name exists, it is the program, even with spaces.
std::vector<std::string> WordsOfCommand(const std::string& command) {
  std::error_code error;
  if (std::filesystem::exists(command, error)) return {command};
  std::istringstream stream(command);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  if (words.empty()) words.push_back(command);
  return words;
}

}  // namespace

ServerProcessOptions ProcessOf(const TargetOptions& options) {
  const std::vector<std::string> words = WordsOfCommand(options.start);
  ServerProcessOptions process{.program = words.front()};
  process.arguments.assign(words.begin() + 1, words.end());
  process.arguments.insert(process.arguments.end(), options.arguments.begin(),
                           options.arguments.end());
  process.environment = options.environment;
  process.most_megabytes = options.most_megabytes;
  process.hang_ms = options.hang_ms;
  process.stop = options.stop;
  return process;
}

UniqueFd ConnectTo(const TargetOptions& options, std::string* error) {
  if (!options.unix_path.empty()) return ConnectUnix(options.unix_path, error);
  const std::optional<Address> address = ParseAddress(options.server, error);
  if (!address) return UniqueFd();
  return Connect(*address, options.allow_remote, error);
}

std::string WhyNoServer(const TargetOptions& options, const std::string& error) {
  if (!options.start.empty()) {
    return "--start " + options.start + ": " + error +
           ": name redis-server, valkey-server or a program with their command line, and options "
           "that it supports";
  }
  std::string text = (options.unix_path.empty() ? "--server: " : "--unix: ") + error;
  if (error.starts_with("cannot connect")) text += ": start a server there, or name another";
  return text;
}

}  // namespace resprobe::live
