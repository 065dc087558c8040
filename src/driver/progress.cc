#include "driver/progress.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace resprobe::driver {
namespace {

std::string_view stepped_over;  // separated by commas
size_t progress_size = 0;       // numbers in the file

}  // namespace

void OpenProgress() {
  if (const char* const list = std::getenv("RESPROBE_STEP_OVER"); list != nullptr) {
    stepped_over = list;
  }
  const char* path = std::getenv("RESPROBE_PROGRESS");
  if (path == nullptr) return;
  const int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  struct stat info;
  void* at = MAP_FAILED;
  if (fstat(fd, &info) == 0 && info.st_size >= static_cast<off_t>(sizeof(uint64_t))) {
    progress_size = static_cast<size_t>(info.st_size) / sizeof(uint64_t);
    at = mmap(nullptr, progress_size * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  }
  close(fd);
  if (at != MAP_FAILED) progress_count = static_cast<uint64_t*>(at);
}

bool StepsOver(std::string_view invariant) {
  std::string_view left = stepped_over;
  for (size_t place = 1; !left.empty(); ++place) {
    const std::string_view name = left.substr(0, left.find(','));
    if (name == invariant) {
      if (progress_count != nullptr && place < progress_size) ++progress_count[place];
      return true;
    }
    left.remove_prefix(std::min(left.size(), name.size() + 1));
  }
  return false;
}

}  // namespace resprobe::driver
