#ifndef RESPROBE_TESTS_LIVE_TEMPORARY_FOLDER_H_
#define RESPROBE_TESTS_LIVE_TEMPORARY_FOLDER_H_

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <system_error>

namespace resprobe::live {

// A folder for one test, deleted at its end.
class TemporaryFolder {
 public:
  TemporaryFolder() : path_(testing::TempDir() + "/resprobe-live-XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr) std::abort();
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

  // Every file below the folder: its relative path, and its contents.
  std::map<std::string, std::string> Files() const {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path_)) {
      if (!entry.is_regular_file()) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      files[std::filesystem::relative(entry.path(), path_)] =
          std::string(std::istreambuf_iterator<char>(file), {});
    }
    return files;
  }

 private:
  std::string path_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_TESTS_LIVE_TEMPORARY_FOLDER_H_
