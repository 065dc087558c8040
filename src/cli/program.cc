#include "cli/program.h"

#include <absl/strings/ascii.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "cli/command_line/help.h"
#include "cli/command_line/parse.h"
#include "cli/command_line/usage_list.h"
#include "runner/files.h"
#include "runner/process.h"
#include "runner/text.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

void PrintError(std::string what) {
  absl::StripTrailingAsciiWhitespace(&what);
  std::replace(what.begin(), what.end(), '\n', ' ');
  std::fflush(stdout);
  // The message may quote the contents of a file.
  std::fprintf(stderr, "resprobe: %s\n", runner::TerminalText(what).c_str());
}

// True if the reader of standard output has closed its pipe (`| head`).
bool ReaderHasGone() {
  pollfd out{.fd = STDOUT_FILENO, .events = 0, .revents = 0};
  return poll(&out, 1, 0) > 0 && (out.revents & POLLERR) != 0;
}

int Run(const Parsed& parsed) {
  switch (parsed.what) {
    case Parsed::What::kWrongUse:
      throw runner::UserError(parsed.error);
    case Parsed::What::kHelp:
      std::fputs(HelpText(*parsed.verb, parsed.path, TextWidth(STDOUT_FILENO)).c_str(), stdout);
      return runner::kAllWell;
    case Parsed::What::kRun:
      break;
  }
  if (parsed.verb->by_script) {
    throw runner::UserError("'" + parsed.path + "' is a verb of the script ./resprobe: start that");
  }
  const runner::RunFolder folder;
  return parsed.verb->run();
}

int RunVerb(const Verb& root, const std::vector<std::string>& given) {
  std::vector<std::string> arguments = given;
  // For the script ./resprobe: see scripts/command-line.sh.
  const auto is = [&](const char* option) { return !given.empty() && given.front() == option; };
  if (is("--usage-list")) {
    std::fputs(UsageList(root).c_str(), stdout);
    return runner::kAllWell;
  }
  if (is("--help-list")) {
    std::fputs(HelpList(root).c_str(), stdout);
    return runner::kAllWell;
  }
  if (is("--version")) {
    std::puts("resprobe " RESPROBE_VERSION);
    return runner::kAllWell;
  }
  const bool check_only = is("--check-only");
  if (check_only) arguments.erase(arguments.begin());
  runner::SetProgramArguments(arguments);
  int code = runner::kAllWell;
  try {
    const Parsed parsed = Parse(root, arguments);
    if (check_only && parsed.what != Parsed::What::kWrongUse) return runner::kAllWell;
    code = Run(parsed);
  } catch (const runner::Interruption&) {
    PrintError("interrupted");
    return runner::kInterrupted;
  } catch (const std::exception& error) {  // including UserError
    PrintError(error.what());
    return runner::kWrongUse;
  }
  const bool lost = std::fflush(stdout) != 0 || std::ferror(stdout) != 0;
  if (lost && !ReaderHasGone()) {
    PrintError("standard output cannot be written: make room, or send it elsewhere");
    return runner::kWrongUse;
  }
  return code;
}

}  // namespace

int RunProgram(const Verb& root, const std::vector<std::string>& given) {
  const int code = RunVerb(root, given);
  const int signal = runner::InterruptSignal();
  return code == runner::kInterrupted && signal != 0 ? 128 + signal : code;
}

}  // namespace resprobe::cli
