// durability over a file system with the fault that $RESPROBE_BUG names.

#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "core/persistence/forwarding_files.h"
#include "driver/fuzz_main.h"
#include "worlds/durability/durability_harness.h"

namespace resprobe {
namespace {

// Knows which file a descriptor is.
class FaultyFiles : public ForwardingFiles {
 public:
  using ForwardingFiles::ForwardingFiles;

  int Open(std::string_view path, Mode mode) override {
    const int file = real_.Open(path, mode);
    if (file >= 0) paths_[file] = path;
    return file;
  }
  // An fsync in a thread has the same fault as any other.
  int SyncUpTo(int file, uint64_t) override { return Sync(file); }

 protected:
  bool IsLog(int file) { return paths_[file].ends_with(".incr.aof"); }
  bool IsTemporary(int file) { return paths_[file].find("temp-") != std::string::npos; }

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

// Takes what was written while an fsync was under way for synced by it.
class FsyncTooMuch : public FaultyFiles {
 public:
  using FaultyFiles::FaultyFiles;
  int64_t Write(int file, std::string_view bytes) override {
    ++writes_[file];
    return real_.Write(file, bytes);
  }
  int SyncUpTo(int file, uint64_t point) override {
    if (IsLog(file) && synced_[file] == writes_[file]) return 0;
    const int error = real_.SyncUpTo(file, point);
    if (error == 0) synced_[file] = writes_[file];
    return error;
  }

 private:
  std::map<int, uint64_t> writes_;
  std::map<int, uint64_t> synced_;
};

// Transactions are logged as single commands.
class UnframedTransaction : public FaultyFiles {
 public:
  using FaultyFiles::FaultyFiles;
  int64_t Write(int file, std::string_view bytes) override {
    std::string changed(bytes);
    for (const std::string_view frame : {"*1\r\n$5\r\nMULTI\r\n", "*1\r\n$4\r\nEXEC\r\n"}) {
      for (size_t at; IsLog(file) && (at = changed.find(frame)) != changed.npos;) {
        changed.erase(at, frame.size());
      }
    }
    if (changed.empty()) return static_cast<int64_t>(bytes.size());
    const int64_t result = real_.Write(file, changed);
    return result < 0 ? result : static_cast<int64_t>(bytes.size());
  }
};

// WAITAOF answers before the fsync.
PersistenceSettings EarlyReceipts() {
  PersistenceSettings settings;
  settings.early_receipts = true;
  return settings;
}

struct Bug {
  std::string_view name;
  std::unique_ptr<FileSystem> (*make)(FileSystem*) = nullptr;
  PersistenceSettings (*settings)() = nullptr;
};
template <class Files>
std::unique_ptr<FileSystem> Make(FileSystem* real) {
  return std::make_unique<Files>(real);
}
const Bug kBugs[] = {
    {"no_fsync", Make<NoFsync>},
    {"rename_before_fsync", Make<RenameBeforeFsync>},
    {"reply_before_write", Make<ReplyBeforeWrite>},
    {"unsynced_directory", Make<UnsyncedDirectory>},
    {"ignored_fsync_error", Make<IgnoredFsyncError>},
    {"relative_time_to_live", Make<RelativeTimeToLive>},
    {"offset_not_taken_back", Make<OffsetNotTakenBack>},
    {"old_files_removed_too_soon", Make<OldFilesRemovedTooSoon>},
    {"fsync_too_much", Make<FsyncTooMuch>},
    {"unframed_transaction", Make<UnframedTransaction>},
    {"early_receipt", nullptr, EarlyReceipts},
};

// The first one unless $RESPROBE_BUG names another.
const Bug& Fault() {
  const char* const name = std::getenv("RESPROBE_BUG");
  if (name == nullptr) return kBugs[0];
  for (const Bug& bug : kBugs) {
    if (bug.name == name) return bug;
  }
  std::fprintf(stderr, "RESPROBE_BUG is to name one of:\n");
  for (const Bug& bug : kBugs) std::fprintf(stderr, "  %s\n", std::string(bug.name).c_str());
  std::exit(2);
}

PersistenceSettings Settings() {
  return Fault().settings == nullptr ? PersistenceSettings() : Fault().settings();
}

}  // namespace
}  // namespace resprobe

RESPROBE_HARNESS(resprobe::OpsHarness<resprobe::DurabilityWorld>(std::in_place,
                                                                 resprobe::Fault().make,
                                                                 resprobe::Settings()))
