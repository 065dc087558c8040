#ifndef RESPROBE_RUNNER_PROJECT_H_
#define RESPROBE_RUNNER_PROJECT_H_

#include <optional>
#include <string>
#include <vector>

#include "runner/files.h"

namespace resprobe::cli {

struct HarnessEntry {
  std::string name;
  std::string corpus;  // the name of its folder below corpus/ and of its dictionary
  fs::path binary;     // empty if it is not there: see WhyNotBuilt()
  bool live;           // runs beside the real thing: only where it is named
  bool left_out;       // the build has no such target, since the software it tests is not there
  // What is real is a server, which --start starts, not the kernel's sockets.
  bool with_server() const { return live && corpus != "io_chaos"; }
};

// Why there is no binary, and what mends it.
std::string WhyNotBuilt(const HarnessEntry& harness);

// What starts the server of a harness with_server(): RESPROBE_ORACLE_START, or redis-server.
std::string LiveServerCommand();
void SetLiveServerCommand(const std::string& command);

// Where everything is. From RESPROBE_SOURCE_DIR and RESPROBE_BUILD_DIR, as ./resprobe sets them,
// else from where the program lies. Tests set RESPROBE_WORK_DIR and RESPROBE_HARNESS_DIR (a folder
// with harness binaries and their lists, harnesses.txt and live.txt) as well.
struct Project {
  fs::path source;     // the root of the repository
  fs::path build;      // build/, with one folder for each preset
  fs::path work;       // what runs leave behind: corpora, findings
  fs::path harnesses;  // the folder with the binaries

  std::vector<HarnessEntry> all;  // those built, in order; then those that were left out

  fs::path CorpusOf(const HarnessEntry& harness) const;
  std::optional<fs::path> DictionaryOf(const HarnessEntry& harness) const;
  fs::path WorkCorpusOf(const HarnessEntry& harness) const;
  fs::path FindingsOf(const HarnessEntry& harness) const;

  // The named ones, or all that need no live server if none is named. Throws UserError at a name
  // that is unknown or not built, and if nothing is built.
  std::vector<HarnessEntry> Select(const std::vector<std::string>& names) const;
  // The built harness of that name. Throws UserError.
  const HarnessEntry& Find(const std::string& name) const;
  // The harness that a case belongs to: `given` if not empty, else from the first line of a file
  // NAME.ops ("ops NAME"), else from a folder of its path, else from such a line all the same.
  // Throws UserError.
  const HarnessEntry& HarnessOfCase(const fs::path& path, const std::string& given) const;
  // The harness that the first line of `.ops` text names. Throws UserError.
  const HarnessEntry& HarnessOfText(const fs::path& path) const;

  // The path as one would type it at the root of the repository.
  std::string Shown(const fs::path& path) const;
};

Project OpenProject();

// The cases that the arguments name: files as they are, of a folder all files in it. Throws
// UserError at what does not exist or is empty.
std::vector<fs::path> CasesOf(const std::vector<std::string>& arguments);

}  // namespace resprobe::cli

#endif  // RESPROBE_RUNNER_PROJECT_H_
