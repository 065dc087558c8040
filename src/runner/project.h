#ifndef RESPROBE_RUNNER_PROJECT_H_
#define RESPROBE_RUNNER_PROJECT_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runner/files.h"

namespace resprobe::runner {

struct HarnessEntry {
  std::string name;
  std::string corpus;  // name of its folder in corpus/ and of its dictionary
  fs::path binary;     // empty if it is not built: see WhyNotBuilt()
  bool live;           // uses a real server or real sockets; runs only if it is named
  bool left_out;       // the build has no such target, because its subject is not installed
  // On top of the environment of this program, for every process of the binary.
  std::vector<std::pair<std::string, std::string>> environment = {};
  // True if it needs a server (see --start), false if it needs only the kernel's sockets.
  bool with_server() const { return live && corpus != "io_chaos" && corpus != "client_live"; }
};

// Why there is no binary, and how to fix it.
std::string WhyNotBuilt(const HarnessEntry& harness);

// The command that starts the server of a harness for which with_server() is true:
// RESPROBE_ORACLE_START, or redis-server.
std::string LiveServerCommand();
void SetLiveServerCommand(const std::string& command);
// The command with more arguments, quoted as live::WordsOfCommand() reads them.
std::string CommandLine(const std::string& command, const std::vector<std::string>& arguments);

// The paths of the project, from RESPROBE_SOURCE_DIR and RESPROBE_BUILD_DIR, as ./resprobe sets
// them, else derived from the location of the program. Tests also set RESPROBE_WORK_DIR and
// RESPROBE_HARNESS_DIR (a folder with harness binaries and their lists, harnesses.txt and
// live.txt).
struct Project {
  fs::path source;     // the root of the repository
  fs::path build;      // build/, with one folder for each preset
  fs::path work;       // output of runs: corpora, findings
  fs::path harnesses;  // the folder with the binaries

  std::vector<HarnessEntry> all;  // those built, in order; then those with left_out

  fs::path CorpusOf(const HarnessEntry& harness) const;
  std::optional<fs::path> DictionaryOf(const HarnessEntry& harness) const;
  fs::path WorkCorpusOf(const HarnessEntry& harness) const;
  fs::path FindingsOf(const HarnessEntry& harness) const;

  // The named harnesses, or if none is named all that are not live. Throws UserError if a name is
  // unknown or not built, and if nothing is built.
  std::vector<HarnessEntry> Select(const std::vector<std::string>& names) const;
  // The built harness with this name. Throws UserError.
  const HarnessEntry& Find(const std::string& name) const;
  // The harness that a folder of the path names, as in corpus/NAME/CASE; null if none does. It may
  // not be built.
  const HarnessEntry* HarnessOfPath(const fs::path& path) const;
  // The harness of a case: `given` if not empty, else from the first line of a file NAME.ops ("ops
  // NAME"), else from a folder of its path, else from such a first line in any other file. Throws
  // UserError.
  const HarnessEntry& HarnessOfCase(const fs::path& path, const std::string& given) const;
  // The harness named in the first line of `.ops` text. Throws UserError.
  const HarnessEntry& HarnessOfText(const fs::path& path) const;

  // The path relative to the root of the repository, if it is below it.
  std::string Shown(const fs::path& path) const;
};

// `kind` is the folder of the preset with the harnesses: those of users, or "mutants", the same
// with planted faults.
Project OpenProject(const std::string& kind = "harnesses");

// The cases that the arguments name: files as they are, for a folder all files in it. Throws
// UserError for a path that does not exist or is empty.
std::vector<fs::path> CasesOf(const std::vector<std::string>& arguments);

}  // namespace resprobe::runner

#endif  // RESPROBE_RUNNER_PROJECT_H_
