#include "sandbox/scratch_folder.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace resprobe::sandbox {
namespace {

namespace fs = std::filesystem;

constexpr uint32_t kFirstName = 10'000'000;

}  // namespace

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  if (made()) fs::remove_all(path_, ignored);
}

bool ScratchFolder::made() const { return !path_.empty() && owner_ == getpid(); }

bool ScratchFolder::Make(std::string* error) {
  std::error_code code;
  const fs::path in = fs::temp_directory_path(code);
  if (code) {
    *error = "TMPDIR is no folder: create it, or set TMPDIR to one";
    return false;
  }
  std::string path = in / "resprobe-XXXXXX";
  if (mkdtemp(path.data()) == nullptr) {
    *error = "cannot make a temporary folder in '" + in.string() + "': " + strerror(errno) +
             ": set TMPDIR to a folder that can be written";
    return false;
  }
  path_ = path;
  owner_ = getpid();
  folders_ = 0;
  return true;
}

std::string ScratchFolder::MakeNext() {
  std::string path = path_ + "/" + std::to_string(kFirstName + folders_++);
  std::error_code ignored;
  fs::create_directory(path, ignored);
  return path;
}

void ScratchFolder::Delete(std::string* path) const {
  std::error_code ignored;
  if (!path->empty() && made()) fs::remove_all(*path, ignored);
  path->clear();
}

}  // namespace resprobe::sandbox
