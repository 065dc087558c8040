#ifndef RESPROBE_RUNNER_FILES_H_
#define RESPROBE_RUNNER_FILES_H_

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace resprobe {

namespace fs = std::filesystem;

namespace runner {

// Each of these throws a UserError that names the file if it fails.
std::string ReadFile(const fs::path& path);
// Atomic: writes a temporary file beside `path` and renames it.
void WriteFile(const fs::path& path, std::string_view content);
void MakeFolder(const fs::path& path);
// Throws what WriteFile would throw; call it before the work whose result is to be written. Does
// not change the file.
void CheckWritable(const fs::path& path);

// The regular files directly in `folder`, without hidden ones, sorted by name; empty if the folder
// does not exist.
std::vector<fs::path> FilesIn(const fs::path& folder);

// The SHA-1 of the content, in hexadecimal: libFuzzer's name of a corpus file.
std::string Sha1(std::string_view content);

// The folder of this run in the system's folder for temporary files ($TMPDIR). While it exists,
// TMPDIR names it, so everything that this process and its children leave there is in it. The next
// run deletes the folders of runs that were killed: a run holds a lock on its own. If the folder
// cannot be created, TMPDIR stays as it is.
class RunFolder {
 public:
  RunFolder();
  ~RunFolder();
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;

 private:
  fs::path path_;
  int lock_ = -1;
  std::string before_;  // TMPDIR, if it was set
  bool was_set_ = false;
};

// The folder for temporary files. Throws UserError if there is none.
fs::path TemporaryFiles();

// A folder that the destructor deletes. Throws UserError if it cannot be created.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

}  // namespace runner
}  // namespace resprobe

#endif  // RESPROBE_RUNNER_FILES_H_
