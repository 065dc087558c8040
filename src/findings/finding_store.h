#ifndef RESPROBE_FINDINGS_FINDING_STORE_H_
#define RESPROBE_FINDINGS_FINDING_STORE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "findings/failure.h"
#include "runner/project.h"

namespace resprobe::findings {

// A failure with its folder.
struct StoredFailure {
  fs::path folder;
  Failure failure;
  std::string missing;  // one sentence: what is unknown and needed to rerun it; "" if nothing
};

// The findings of a project, one folder each:
//
//   work/findings/HARNESS/[PREFIX-]SIGNATURE/
//     report.json   the Failure
//     case          its smallest tape
//     case.ops      the same as text
//     original      the tape as it was met
//     …             files of its runner: trace.txt, stack.txt, redis-cli.txt, server.log
//
// A folder appears with all files of its failure as it was met; every file is replaced atomically,
// and report.json last. So a run that is killed at any moment loses nothing. Concurrent runs may
// use one store. Every method throws UserError that names the file if the disk is full or a file
// cannot be written.
class FindingStore {
 public:
  // Says that a run of this program works on a folder. Ends with the object or with the process.
  class Claim {
   public:
    explicit Claim(const fs::path& folder);
    ~Claim();
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;
    // False if another run has claimed the folder, or it is gone.
    bool valid() const { return fd_ >= 0; }

   private:
    int fd_ = -1;
  };

  explicit FindingStore(const runner::Project& project);

  const fs::path& root() const { return root_; }

  // All findings, sorted by folder; `broken` gets one line for each that cannot be read.
  std::vector<StoredFailure> List(std::vector<std::string>* broken) const;

  // The findings that a run did not make small, since it was killed or interrupted, and on which no
  // run works now.
  std::vector<StoredFailure> Unfinished() const;

  // The finding with that signature whose name begins with `prefix` ("" for none), on that server;
  // nullptr: on any.
  std::optional<StoredFailure> Find(const std::string& harness, const std::string& prefix,
                                    const std::string& signature,
                                    const ServerSpec* server = nullptr) const;
  // Creates the folder of a new failure, with what must not be lost: the original and a report.
  // Deletes what killed runs have left of such an attempt. Returns the folder.
  fs::path Begin(const std::string& prefix, const Failure& failure,
                 const std::map<std::string, std::string>& files);
  // Renames the folder after the failure's signature, which shrinking has changed.
  fs::path Rename(const fs::path& folder, const std::string& prefix, const Failure& failure);
  // Writes all files, overwriting existing ones.
  void Write(const fs::path& folder, const Failure& failure,
             const std::map<std::string, std::string>& files);
  // Adds a failure that probably has the same cause, minimized: its signature, both sides and its
  // text are kept in the report's details.
  void AddVariant(const fs::path& folder, const Failure& variant);
  // It was met this many more times, just now, and was run in this way.
  void Count(const fs::path& folder, uint64_t times, const RunSpec& run);
  // It has been rerun: "failing" or "gone".
  void SetState(const fs::path& folder, const std::string& state);
  // Renames the folder of a fixed failure to FOLDER-mended, FOLDER-mended-2 ….
  void SetAside(const fs::path& folder);
  void Remove(const fs::path& folder);

 private:
  class Lock;
  fs::path FreeFolder(const fs::path& wanted) const;
  void DeleteTorn() const;
  void WriteFiles(const fs::path& folder, const Failure& failure,
                  const std::map<std::string, std::string>& files) const;

  fs::path root_;
};

// True if it is the folder of a finding: its report.json is the report of one, and not that of a
// campaign or anything else. Throws UserError that names the report if it is damaged.
bool IsFinding(const fs::path& folder);

// The failure of a folder, or of a report.json alone, anywhere. Throws UserError.
StoredFailure ReadFinding(const fs::path& folder_or_report);

// The finding that a case is filed in: `file` is its case, case.ops or original. Throws UserError
// that names the report if it is damaged.
std::optional<StoredFailure> FindingOfCase(const fs::path& file);

// The case of a failure as a file: the one in its folder, else written into `temp`. Throws
// UserError if the report holds none.
fs::path CaseFileOf(const StoredFailure& stored, const fs::path& temp);

}  // namespace resprobe::findings

#endif  // RESPROBE_FINDINGS_FINDING_STORE_H_
