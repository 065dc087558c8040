#include "live/server/target.h"

#include <filesystem>
#include <utility>

#include "live/net/socket.h"

namespace resprobe::live {

std::optional<std::vector<std::string>> WordsOfCommand(const std::string& command,
                                                       std::string* error) {
  std::error_code ignored;
  if (std::filesystem::exists(command, ignored)) return {{command}};
  std::vector<std::string> words;
  bool inside = false;  // a word
  char quote = 0;       // the open quote, or 0
  for (size_t i = 0; i < command.size(); ++i) {
    const char c = command[i];
    if (quote == 0 && (c == ' ' || c == '\t' || c == '\n')) {
      inside = false;
      continue;
    }
    if (!std::exchange(inside, true)) words.emplace_back();
    // Inside "…" a backslash quotes a quote and a backslash only.
    const bool escapes = quote == 0 || (quote == '"' && i + 1 < command.size() &&
                                        (command[i + 1] == '"' || command[i + 1] == '\\'));
    if (c == '\\' && escapes && i + 1 < command.size()) {
      words.back() += command[++i];
    } else if (c == quote) {
      quote = 0;
    } else if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
    } else {
      words.back() += c;
    }
  }
  if (quote != 0) {
    *error = std::string("the quote ") + quote + " is not closed: add another " + quote +
             ", or a backslash before it";
    return std::nullopt;
  }
  if (words.empty()) words.push_back(command);
  return words;
}

bool SaysWhereItListens(const std::string& start) {
  return start.contains("{port}") || start.contains("{socket}");
}

std::optional<ServerProcessOptions> ProcessOf(const TargetOptions& options, std::string* error) {
  std::optional<std::vector<std::string>> words = WordsOfCommand(options.start, error);
  if (!words) return std::nullopt;
  // The server runs in a folder of its own, so the files of its command line need whole paths.
  for (std::string& word : *words) {
    std::error_code missing;
    const bool program = &word == &words->front() && !word.contains('/');
    if (!program && std::filesystem::exists(word, missing)) word = std::filesystem::absolute(word);
  }
  ServerProcessOptions process{.program = words->front()};
  process.arguments.assign(words->begin() + 1, words->end());
  process.arguments.insert(process.arguments.end(), options.arguments.begin(),
                           options.arguments.end());
  process.environment = options.environment;
  process.tcp = process.by_tcp = options.tcp;
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
    std::string text = "--start " + options.start + ": " + error;
    if (error.starts_with("TMPDIR ")) return error;
    if (options.sandbox || SaysWhereItListens(options.start)) return text;
    return text +
           ": name redis-server, valkey-server or a program with their command line, or a command "
           "that says where another server takes its port or socket: 'my-server --port {port}'";
  }
  std::string text = (options.unix_path.empty() ? "--server: " : "--unix: ") + error;
  if (error.starts_with("cannot connect")) text += ": start a server there, or name another";
  return text;
}

}  // namespace resprobe::live
