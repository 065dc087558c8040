#ifndef RESPROBE_CLI_CLOUD_RESULT_FOLDER_H_
#define RESPROBE_CLI_CLOUD_RESULT_FOLDER_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "report/report.h"
#include "runner/files.h"

namespace resprobe::cli {

// What a unit of work has left, or a merge of such folders:
//
//   report.json           the report of the run (docs/reports.md); missing if the run wrote none
//   log.txt               the end of what it printed; a merge has none
//   work/corpus/HARNESS   what fuzzing learnt
//   work/findings         its findings (findings/finding_store.h)
//   result.json           which units these are, how it ended, and the SHA-1 of every other file
//
// The folder is written under another name, which begins with a dot, result.json last, and renamed.
// So a folder without it, or whose files differ from it, is not used.
struct ResultFolder {
  fs::path path;
  std::vector<std::string> units;  // "CAMPAIGN/NUMBER", sorted
  std::string verb;
  int exit_code = 0;  // of the run; 128 and more: a signal ended it
  bool interrupted = false;
  double seconds = 0;  // of the run
  std::string host;
  std::string started;                       // UTC
  std::vector<std::string> command;          // that did the work
  std::map<std::string, std::string> files;  // SHA-1, by path below the folder

  // Whether the work was done, whatever it has found.
  bool done() const { return !interrupted && (exit_code == 0 || exit_code == 1); }
};

// True if the folder has, or is to have, the form of a result: what it is called is not looked at.
bool LooksLikeResult(const fs::path& folder);
// Reads result.json alone. Throws UserError that begins with the folder: it is half-written or
// damaged.
ResultFolder ReadResultHead(const fs::path& folder);
// Also compares every file with its SHA-1.
ResultFolder ReadResult(const fs::path& folder);
// Throws UserError.
std::optional<report::Report> ReportOfResult(const ResultFolder& result);

// Lists the files of `folder` that belong to a result, writes result.json, and gives the folder its
// final name. What has that name is replaced, at once. Throws UserError.
void FinishResult(const fs::path& folder, ResultFolder result, const fs::path& final_path);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_CLOUD_RESULT_FOLDER_H_
