// durability over a file system with the fault that $RESPROBE_BUG names.

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "driver/fuzz_main.h"
#include "worlds/durability/durability_harness.h"

namespace resprobe {
namespace {

// Hands everything on.
class FaultyFiles : public FileSystem {
 public:
  explicit FaultyFiles(FileSystem* real) : real_(*real) {}

  int Open(std::string_view path, Mode mode) override {
    const int file = real_.Open(path, mode);
    if (file >= 0) paths_[file] = path;
    return file;
  }
  int64_t Read(int file, std::span<char> into) override { return real_.Read(file, into); }
  int64_t Write(int file, std::string_view bytes) override { return real_.Write(file, bytes); }
  int Sync(int file) override { return real_.Sync(file); }
  int Truncate(int file, int64_t size) override { return real_.Truncate(file, size); }
  int64_t Size(int file) override { return real_.Size(file); }
  int Close(int file) override { return real_.Close(file); }
  int Rename(std::string_view from, std::string_view to) override { return real_.Rename(from, to); }
  int Unlink(std::string_view path) override { return real_.Unlink(path); }
  int MakeDirectory(std::string_view path) override { return real_.MakeDirectory(path); }
  int SyncDirectory(std::string_view path) override { return real_.SyncDirectory(path); }
  int List(std::string_view path, std::vector<std::string>* names) override {
    return real_.List(path, names);
  }

 protected:
  bool IsLog(int file) { return paths_[file].ends_with(".incr.aof"); }
  bool IsTemporary(int file) { return paths_[file].find("temp-") != std::string::npos; }

  FileSystem& real_;
  std::map<int, std::string> paths_;
};

class NoFsync : public FaultyFiles {
 public:
  using FaultyFiles::FaultyFiles;
  int Sync(int file) override { return IsLog(file) ? 0 : real_.Sync(file); }
};

class RenameBeforeFsync : public FaultyFiles {
 public:
  using FaultyFiles::FaultyFiles;
  int Sync(int file) override { return IsTemporary(file) ? 0 : real_.Sync(file); }
  int Rename(std::string_view from, std::string_view to) override {
    const int error = real_.Rename(from, to);
    if (error < 0) return error;
    const int file = real_.Open(to, Mode::kAppend);
    if (file < 0) return file;
    const int synced = real_.Sync(file);
    real_.Close(file);
    return synced;
  }
};

// What a turn logs is written by the next one.
class ReplyBeforeWrite : public FaultyFiles {
 public:
  using FaultyFiles::FaultyFiles;
  int Open(std::string_view path, Mode mode) override {
    const int file = FaultyFiles::Open(path, mode);
    if (file >= 0) late_.erase(file);
    return file;
  }
  int64_t Write(int file, std::string_view bytes) override {
    if (!IsLog(file)) return real_.Write(file, bytes);
    std::string& late = late_[file];
    if (!late.empty()) {
      if (const int64_t result = real_.Write(file, late); result < 0) return result;
    }
    late = bytes;
    return static_cast<int64_t>(bytes.size());
  }

 private:
  std::map<int, std::string> late_;
};

class UnsyncedDirectory : public FaultyFiles {
 public:
  using FaultyFiles::FaultyFiles;
  int SyncDirectory(std::string_view) override { return 0; }
};

class IgnoredFsyncError : public FaultyFiles {
 public:
  using FaultyFiles::FaultyFiles;
  // Once the pages of a failed fsync are clean, another one has nothing to write.
  int Sync(int file) override {
    real_.Sync(file);
    return 0;
  }
};

class RelativeTimeToLive : public FaultyFiles {
 public:
  using FaultyFiles::FaultyFiles;
  int64_t Write(int file, std::string_view bytes) override {
    constexpr std::string_view kAbsolute = "$4\r\nPXAT\r\n";
    const size_t at = bytes.find(kAbsolute);
    if (!IsLog(file) || at == bytes.npos) return real_.Write(file, bytes);
    std::string changed(bytes);
    changed.replace(at, kAbsolute.size(), "$2\r\nPX\r\n");
    const int64_t result = real_.Write(file, changed);
    return result < 0 ? result : static_cast<int64_t>(bytes.size());
  }
};

class OffsetNotTakenBack : public FaultyFiles {
 public:
  using FaultyFiles::FaultyFiles;
  int Truncate(int, int64_t) override { return 0; }
};

class OldFilesRemovedTooSoon : public FaultyFiles {
 public:
  using FaultyFiles::FaultyFiles;
  int Rename(std::string_view from, std::string_view to) override {
    if (from.find("rewriteaof") != from.npos) {
      std::vector<std::string> names;
      real_.List("appendonlydir", &names);
      for (const std::string& name : names) {
        if (name.find(".base.") != name.npos) real_.Unlink("appendonlydir/" + name);
      }
    }
    return real_.Rename(from, to);
  }
};

struct Bug {
  std::string_view name;
  FileSystem* (*make)(FileSystem*);
};
template <class Files>
FileSystem* Make(FileSystem* real) {
  return new Files(real);  // for ever, like the harness
}
constexpr Bug kBugs[] = {
    {"no_fsync", Make<NoFsync>},
    {"rename_before_fsync", Make<RenameBeforeFsync>},
    {"reply_before_write", Make<ReplyBeforeWrite>},
    {"unsynced_directory", Make<UnsyncedDirectory>},
    {"ignored_fsync_error", Make<IgnoredFsyncError>},
    {"relative_time_to_live", Make<RelativeTimeToLive>},
    {"offset_not_taken_back", Make<OffsetNotTakenBack>},
    {"old_files_removed_too_soon", Make<OldFilesRemovedTooSoon>},
};

// The first one unless $RESPROBE_BUG names another.
DurabilityWorld::Wrap Fault() {
  const char* const name = std::getenv("RESPROBE_BUG");
  if (name == nullptr) return kBugs[0].make;
  for (const Bug& bug : kBugs) {
    if (bug.name == name) return bug.make;
  }
  std::fprintf(stderr, "RESPROBE_BUG is to name one of:\n");
  for (const Bug& bug : kBugs) std::fprintf(stderr, "  %s\n", std::string(bug.name).c_str());
  std::exit(2);
}

}  // namespace
}  // namespace resprobe

RESPROBE_HARNESS(resprobe::OpsHarness<resprobe::DurabilityWorld>(std::in_place, resprobe::Fault()))
