#include "live/durability/unsynced.h"

#include <charconv>
#include <string>
#include <string_view>

namespace resprobe::live {
namespace {

constexpr std::string_view kLogDirectory = "appendonlydir";

// Files of the log are numbered: "appendonlydir/appendonly.aof.12.incr.aof".
bool HasNext(std::string_view path, const Disk& disk) {
  constexpr std::string_view kEnd = ".incr.aof";
  if (!path.ends_with(kEnd)) return false;
  path.remove_suffix(kEnd.size());
  const size_t at = path.rfind('.') + 1;
  uint64_t number = 0;
  std::from_chars(path.data() + at, path.data() + path.size(), number);
  const std::string next =
      std::string(path.substr(0, at)) + std::to_string(number + 1) + std::string(kEnd);
  return disk.Content(next) != nullptr;
}

}  // namespace

Unsynced Unsynced::On(const Disk& disk, CrashKind kind, uint64_t began) {
  Unsynced unsynced;
  if (kind != CrashKind::kMachine || disk.options().level == CrashLevel::kPrefix) return unsynced;
  disk.VisitPending([&](const std::string& path, bool name, uint64_t seq) {
    unsynced.any = true;
    if (name) {
      unsynced.directory |= path == kLogDirectory;
      unsynced.old_names |= path.starts_with(kLogDirectory) && seq < began;
    } else {
      unsynced.closed_file |= HasNext(path, disk);
    }
  });
  return unsynced;
}

void Unsynced::See(const Disk& left) { directory &= !left.IsDirectory(kLogDirectory); }

void Unsynced::Add(const Unsynced& more) {
  any |= more.any;
  directory |= more.directory;
  old_names |= more.old_names;
  closed_file |= more.closed_file;
}

}  // namespace resprobe::live
