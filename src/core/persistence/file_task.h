#ifndef RESPROBE_CORE_PERSISTENCE_FILE_TASK_H_
#define RESPROBE_CORE_PERSISTENCE_FILE_TASK_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/persistence/file_system.h"

namespace resprobe {

// Writes a whole file under a temporary name, makes it durable, and renames it (redis 7.0 rdb.c
// rdbSave, aof.c rewriteAppendOnlyFile): what a server's child process does for a snapshot. Each
// step is one call of the file system, so that a run can crash, or serve clients, in between.
class FileTask {
 public:
  // The bytes of one write: what the C library's buffer holds (stdio).
  static constexpr size_t kWriteBytes = 4096;

  struct Target {
    std::string_view temporary;
    std::string_view name;
    // Makes the new name durable (fsync of this directory, "" for the server's own).
    bool sync_directory = false;
    std::string_view directory = {};
  };

  // For the contents of the next file: empty, with the memory of the last one if that was small.
  std::string* NewContents();
  // Nothing is done before the first Step(). The contents are what NewContents() was filled with.
  void Start(FileSystem* files, const Target& target);
  void Reset() { state_ = State::kNone; }

  bool running() const { return state_ != State::kNone && state_ < State::kDone; }
  bool done() const { return state_ == State::kDone; }
  bool failed() const { return state_ == State::kFailed; }
  // The negated errno value of a failed task.
  int error() const { return error_; }

  // Makes the next call. The temporary file of a failed task is deleted.
  void Step();
  // Makes all calls that are left; true if the file is in place.
  bool Finish();

  // The process that runs the task was killed: its descriptor is closed, its files stay.
  void Abandon();

 private:
  enum class State : uint8_t {
    kNone,
    kOpen,
    kWrite,
    kSync,
    kClose,
    kRename,
    kSyncDirectory,
    kDone,
    kFailed,
  };

  void Fail(int64_t error);
  // Goes on to `next`, or fails.
  void Next(int64_t result, State next) {
    if (result < 0) return Fail(result);
    state_ = next;
  }

  FileSystem* files_ = nullptr;
  State state_ = State::kNone;
  std::string contents_;
  size_t written_ = 0;
  std::string temporary_;
  std::string name_;
  bool sync_directory_ = false;
  std::string directory_;
  int file_ = -1;
  int error_ = 0;
};

}  // namespace resprobe

#endif  // RESPROBE_CORE_PERSISTENCE_FILE_TASK_H_
