// The program `resprobe`. The script of that name at the root of the repository builds what a verb
// needs, then starts this.

#include <poll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <string>

#include "cli/verbs.h"
#include "runner/output.h"
#include "runner/process.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

void PrintError(std::string what) {
  while (what.ends_with('\n')) what.pop_back();
  std::replace(what.begin(), what.end(), '\n', ' ');
  std::fflush(stdout);
  // It may quote what stands in a file.
  std::fprintf(stderr, "resprobe: %s\n", TerminalText(what).c_str());
}

// What is wrong, and the verb that the arguments got to for its --help.
std::string Describe(const CLI::App& app, const CLI::ParseError& error) {
  std::string verb;
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) {
    at = at->get_subcommands().front();
    verb += at->get_name() + " ";
  }
  std::string what = error.what();
  if (at->get_require_subcommand_min() > 0) {
    // CLI11 speaks of what is missing, not of the word that stands in its place.
    const std::vector<std::string> rest = at->remaining();
    what = rest.empty() ? "name a verb" : "there is no verb '" + verb + rest.front() + "'";
  }
  return what + ": see ./resprobe " + verb + "--help";
}

// Who reads standard output through a pipe (`| head`) has seen enough.
bool ReaderHasGone() {
  pollfd out{.fd = STDOUT_FILENO, .events = 0, .revents = 0};
  return poll(&out, 1, 0) > 0 && (out.revents & POLLERR) != 0;
}

int Main(int argc, char** argv) {
  CLI::App app("resprobe fuzzes software that speaks the Redis protocol.", "./resprobe");
  app.require_subcommand(1);
  app.footer(
      "./resprobe VERB --help says more about a verb.\n"
      "Exit codes: 0 all well, 1 a finding, 2 wrong use, 130 interrupted.");
  int code = kAllWell;
  AddList(app, &code);
  AddFuzz(app, &code);
  AddReplay(app, &code);
  AddShow(app, &code);
  AddMinimize(app, &code);
  AddFreeze(app, &code);
  AddRecord(app, &code);
  AddOracle(app, &code);
  AddConformance(app, &code);
  AddServe(app, &code);
  AddProxy(app, &code);
  AddChaosPeer(app, &code);
  AddIo(app, &code);
  AddInvalidate(app, &code);
  AddKill(app, &code);
  AddWorkers(app, &code);
  AddCmd(app, &code);
  AddCorpus(app, &code);
  AddBench(app, &code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {  // --help
    return app.exit(asked);
  } catch (const CLI::ParseError& error) {
    PrintError(Describe(app, error));
    return kWrongUse;
  } catch (const UserError& error) {
    PrintError(error.what());
    return kWrongUse;
  } catch (const Interruption&) {
    PrintError("interrupted");
    return kInterrupted;
  }
  const bool lost = std::fflush(stdout) != 0 || std::ferror(stdout) != 0;
  if (lost && !ReaderHasGone()) {
    PrintError("standard output cannot be written: make room, or send it elsewhere");
    return kWrongUse;
  }
  return code;
}

}  // namespace
}  // namespace resprobe::cli

int main(int argc, char** argv) {
  resprobe::cli::CatchInterrupts();
  try {
    return resprobe::cli::Main(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "resprobe: %s\n", error.what());
    return resprobe::cli::kWrongUse;
  }
}
