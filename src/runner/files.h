#ifndef RESPROBE_RUNNER_FILES_H_
#define RESPROBE_RUNNER_FILES_H_

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace resprobe::cli {

namespace fs = std::filesystem;

// Each throws UserError that names the file if it cannot.
std::string ReadFile(const fs::path& path);
// The file is there whole or not at all: it is written beside and renamed.
void WriteFile(const fs::path& path, std::string_view content);
void MakeFolder(const fs::path& path);
// Throws what WriteFile would throw, before the work whose result is to be written. Leaves the file
// as it is.
void CheckWritable(const fs::path& path);

// Regular files right inside `folder`, hidden ones left out, in order of their names; none if there
// is no such folder.
std::vector<fs::path> FilesIn(const fs::path& folder);

// The SHA-1 of the content, in hexadecimal: libFuzzer's name of a corpus file.
std::string Sha1(std::string_view content);

// A folder that vanishes with the object.
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

}  // namespace resprobe::cli

#endif  // RESPROBE_RUNNER_FILES_H_
