#ifndef RESPROBE_CLI_ORACLE_HARNESS_FILES_H_
#define RESPROBE_CLI_ORACLE_HARNESS_FILES_H_

#include <string>
#include <vector>

#include "runner/project.h"

namespace resprobe::cli {

// A file of a server, from a tape of the harnesses rdb and aof.
struct HarnessFile {
  bool rdb = false;   // otherwise an append-only file
  std::string bytes;  // never empty
  std::string from;   // the path of the tape
};

// The files in the seed corpora of the harnesses rdb and aof, and in what fuzzing has found, in the
// order of their paths. A payload becomes an RDB file with one key; of a directory each file
// counts, apart from its manifest.
std::vector<HarnessFile> ReadHarnessFiles(const runner::Project& project);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_ORACLE_HARNESS_FILES_H_
