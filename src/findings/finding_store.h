#ifndef RESPROBE_FINDINGS_FINDING_STORE_H_
#define RESPROBE_FINDINGS_FINDING_STORE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "findings/failure.h"
#include "runner/project.h"

namespace resprobe::cli {

// A failure with its folder.
struct StoredFailure {
  fs::path folder;
  Failure failure;
  std::string missing;  // one sentence: what is needed to run it again and not known; "" if nothing
};

// The findings of a project, one folder each:
//
//   work/findings/HARNESS/[PREFIX-]SIGNATURE/
//     report.json   the Failure
//     case          its smallest tape
//     case.ops      the same as text
//     original      the tape as it was met
//     …             what its runner adds: trace.txt, stack.txt, redis-cli.txt, server.log
//
// Every file is there whole or not at all, and report.json is written last. Runs that go on at the
// same time may use one store. Every method throws UserError that names the file where the disk is
// full or a file cannot be written.
class FindingStore {
 public:
  explicit FindingStore(const Project& project);

  const fs::path& root() const { return root_; }

  // All that are there, in order of their folders; what cannot be read is in `broken`, one line
  // each.
  std::vector<StoredFailure> List(std::vector<std::string>* broken) const;

  // The finding of that signature whose name begins with `prefix` ("" for none).
  std::optional<StoredFailure> Find(const std::string& harness, const std::string& prefix,
                                    const std::string& signature) const;
  // Makes the folder of a failure that is not there yet, with what must not be lost: the original
  // and a report. Returns the folder.
  fs::path Begin(const std::string& prefix, const Failure& failure,
                 const std::map<std::string, std::string>& files);
  // Gives the folder the name of the failure's signature, which making it small has changed.
  fs::path Rename(const fs::path& folder, const std::string& prefix, const Failure& failure);
  // Writes all of it, also over what is there.
  void Write(const fs::path& folder, const Failure& failure,
             const std::map<std::string, std::string>& files);
  // It was met so often again, just now, run in this way.
  void Count(const fs::path& folder, uint64_t times, const RunSpec& run);
  // It has been run again: "failing" or "gone".
  void SetState(const fs::path& folder, const std::string& state);
  // Gives the folder of a failure that was mended another name: FOLDER-mended, FOLDER-mended-2 ….
  void SetAside(const fs::path& folder);
  void Remove(const fs::path& folder);

 private:
  class Lock;
  fs::path FreeFolder(const fs::path& wanted) const;
  void WriteFiles(const fs::path& folder, const Failure& failure,
                  const std::map<std::string, std::string>& files) const;

  fs::path root_;
};

// Whether that is the folder of a finding.
bool IsFinding(const fs::path& folder);

// The failure of a folder, or of a report.json alone, wherever it lies. Throws UserError.
StoredFailure ReadFinding(const fs::path& folder_or_report);

// The case of a failure as a file: the one in its folder, else written into `temp`. Throws
// UserError if the report holds none.
fs::path CaseFileOf(const StoredFailure& stored, const fs::path& temp);

}  // namespace resprobe::cli

#endif  // RESPROBE_FINDINGS_FINDING_STORE_H_
