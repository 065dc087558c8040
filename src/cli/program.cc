#include "cli/program.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "cli/command_line/help.h"
#include "cli/command_line/parse.h"
#include "cli/verbs.h"
#include "runner/text.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

void PrintError(std::string what) {
  while (what.ends_with('\n')) what.pop_back();
  std::replace(what.begin(), what.end(), '\n', ' ');
  std::fflush(stdout);
  // The message may quote the contents of a file.
  std::fprintf(stderr, "resprobe: %s\n", TerminalText(what).c_str());
}

// True if the reader of standard output has closed its pipe (`| head`).
bool ReaderHasGone() {
  pollfd out{.fd = STDOUT_FILENO, .events = 0, .revents = 0};
  return poll(&out, 1, 0) > 0 && (out.revents & POLLERR) != 0;
}

int Run(const Parsed& parsed) {
  switch (parsed.what) {
    case Parsed::What::kWrongUse:
      throw UserError(parsed.error);
    case Parsed::What::kHelp:
      std::fputs(HelpText(*parsed.verb, parsed.path, TextWidth(STDOUT_FILENO)).c_str(), stdout);
      return kAllWell;
    case Parsed::What::kRun:
      break;
  }
  if (parsed.verb->by_script) {
    throw UserError("'" + parsed.path + "' is a verb of the script ./resprobe: start that");
  }
  return parsed.verb->run();
}

}  // namespace

int RunProgram(const std::vector<std::string>& arguments) {
  const Verb root = AllVerbs();
  int code = kAllWell;
  try {
    code = Run(Parse(root, arguments));
  } catch (const Interruption&) {
    PrintError("interrupted");
    return kInterrupted;
  } catch (const std::exception& error) {  // including UserError
    PrintError(error.what());
    return kWrongUse;
  }
  const bool lost = std::fflush(stdout) != 0 || std::ferror(stdout) != 0;
  if (lost && !ReaderHasGone()) {
    PrintError("standard output cannot be written: make room, or send it elsewhere");
    return kWrongUse;
  }
  return code;
}

}  // namespace resprobe::cli
