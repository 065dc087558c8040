#include "mutants/mutant_switch.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "driver/progress.h"
#include "mutants/mutant_names.h"

namespace resprobe::mutants {
namespace {

Counts unseen;

[[noreturn]] void Refuse(const std::string& what) {
  std::fprintf(stderr, "resprobe: %s\n", what.c_str());
  std::_Exit(2);
}

void OpenCounts(const char* path) {
  const int fd = open(path, O_RDWR | O_CLOEXEC);
  struct stat info;
  void* at = MAP_FAILED;
  if (fd >= 0 && fstat(fd, &info) == 0 && info.st_size >= static_cast<off_t>(sizeof(Counts))) {
    at = mmap(nullptr, sizeof(Counts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  }
  if (fd >= 0) close(fd);
  if (at == MAP_FAILED) {
    Refuse("RESPROBE_MUTANT_COUNTS=" + std::string(path) + ": is no file of " +
           std::to_string(sizeof(Counts)) + " bytes that can be written");
  }
  counts = static_cast<Counts*>(at);
}

// Before main(): the harness is not to know.
const bool switched_on = [] {
  if (const char* const path = std::getenv("RESPROBE_MUTANT_COUNTS")) OpenCounts(path);
  const char* const name = std::getenv("RESPROBE_MUTANT");
  if (name == nullptr || *name == '\0') return false;
  const std::string names = "\n" + std::string(kMutantNames);
  if (names.find("\n" + std::string(name) + "\n") == std::string::npos) {
    Refuse("RESPROBE_MUTANT=" + std::string(name) +
           ": this build has no such fault: ./resprobe mutants --list lists them");
  }
  active = MutantId(name);
  return true;
}();

uint64_t Execution() { return driver::progress_count == nullptr ? 0 : *driver::progress_count; }

}  // namespace

uint32_t active = 0;
Counts* counts = &unseen;

void NoteReached() {
  if (counts->reached++ == 0) counts->first_reached = Execution();
}

void NoteTriggered() {
  counts->triggered = 1;
  counts->first_triggered = Execution();
}

}  // namespace resprobe::mutants
