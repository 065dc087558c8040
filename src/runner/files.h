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

// A folder that the destructor deletes.
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
