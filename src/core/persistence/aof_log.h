#ifndef RESPROBE_CORE_PERSISTENCE_AOF_LOG_H_
#define RESPROBE_CORE_PERSISTENCE_AOF_LOG_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/persistence/file_system.h"
#include "core/persistence/persistence_log.h"
#include "core/table/profile.h"

namespace resprobe {

// When the log is synced (appendfsync).
enum class AppendFsync : uint8_t { kAlways, kEverySecond, kNo };

// The writer of the current incremental file of the append-only log (redis 7.0 aof.c,
// feedAppendOnlyFile and flushAppendOnlyFile; bio.c). Commands are gathered in a buffer and written
// at the end of each event loop, before the replies are sent.
//
// It has no threads and no clock: what a real server leaves to its background threads are tasks
// (tasks(), RunTask()), which the owner runs when it wants, and all times are the caller's, in
// microseconds since 1970.
class AofLog {
 public:
  enum class Flushed : uint8_t {
    kDone,       // the buffer is empty, and synced if the policy says so
    kPostponed,  // not written, since a background fsync is under way
    kFailed,     // not, or not wholly, written; the next Flush() tries again
    kFatal,      // under kAlways: the server must exit, with status 1, and send no reply
  };
  struct Policy {
    AppendFsync fsync = AppendFsync::kEverySecond;
    // A child runs, and no-appendfsync-on-rewrite is yes: nothing is synced.
    bool hold_fsync = false;
    // synced() runs ahead of the disk (PersistenceSettings::early_receipts).
    bool early_receipts = false;
  };
  // A task of a background thread.
  struct Task {
    int file;
    bool closes;     // after the fsync: a rewrite has replaced the file
    uint64_t mark;   // the file's last byte (appended())
    uint64_t point;  // FileSystem::SyncPoint() when it was asked for
  };

  // `log` may be nullptr.
  AofLog(FileSystem* files, Profile profile, PersistenceLog* log = nullptr)
      : files_(files), log_(log), traits_(&TraitsOf(profile)) {}

  // Forgets everything without closing a file, as a process does that is killed. Keeps memory.
  void Reset();

  // The files and the log from now on. After construction or Reset().
  void Use(FileSystem* files, PersistenceLog* log) {
    files_ = files;
    log_ = log;
  }

  // --- The file.

  bool is_open() const { return file_ >= 0; }
  // The file of that descriptor, of that size in bytes (all of it synced), is the current one.
  void Open(int file, int64_t size, int64_t now_us);
  // The same for a new and empty file while another one is open, which a task syncs and closes.
  // What has been appended must have been flushed.
  void Switch(int file, int64_t now_us);
  // appendonly no: writes the buffer, syncs and closes the file, and drops what could not be
  // written. kFatal as Flush(); else kDone, whatever fails.
  Flushed Stop(const Policy& policy, int64_t now_us);
  // SHUTDOWN: writes and syncs. The result of Flush(), or kFailed if the fsync fails.
  Flushed Finish(const Policy& policy, int64_t now_us);

  // --- Commands.

  // Adds `#TS:` lines between commands when the second changes.
  void set_timestamps(bool on) { timestamps_ = on; }
  // A command, as a request's bytes, in that database; SELECT comes before it if the database is
  // another one than that of the command before it in this file. `db` -1: in any (valkey's MULTI
  // and EXEC).
  void Append(int db, std::string_view command, int64_t now_us);
  // The next command is preceded by SELECT.
  void ForgetDatabase() { db_ = -1; }
  // Drops what has not been written, and with it the error of the last write: nothing is left that
  // another one could show to be solved.
  void DropBuffer();

  // Called at the end of each event loop, and by the server's timer if there is something to retry
  // (wants_flush()). `force`: does not wait for a background fsync.
  Flushed Flush(const Policy& policy, int64_t now_us, bool force = false);
  bool wants_flush() const { return postponed_since_ >= 0 || !last_write_ok_; }

  // --- Background tasks.

  // Those that may run now, each on its thread. valkey 8.0 has one thread for both kinds of task,
  // so it is one at most; redis 7.0 has one for each kind.
  std::span<const Task> tasks() const { return tasks_; }
  bool CanRun(size_t task) const;
  // Runs it to its end. Invalidates tasks(). `task` must be one that CanRun().
  void RunTask(size_t task);
  // Runs all tasks in order.
  void RunTasks();
  bool fsync_in_progress() const;

  // --- Status.

  // False: writes are refused with MISCONF (error_text()), and INFO says aof_last_write_status:err.
  bool ok() const { return last_write_ok_ && last_fsync_ok_; }
  // "No space left on device": of the last failure.
  std::string_view error_text() const;
  // CONFIG SET appendonly yes ignores earlier errors.
  void ForgetErrors();

  // The bytes appended since Reset(), whatever the file: a mark for WAITAOF.
  uint64_t appended() const { return appended_; }
  // The mark up to which the server knows the log to be durable; WAITAOF compares with it.
  uint64_t synced() const { return synced_; }
  // In bytes: the current file as far as it was written, and what waits to be written.
  int64_t file_size() const { return size_; }
  size_t buffered() const { return buffer_.size(); }
  // How often a write did not wait any longer for a background fsync (aof_delayed_fsync).
  uint64_t delayed_fsyncs() const { return delayed_fsyncs_; }

 private:
  Flushed Write(const Policy& policy, int64_t now);
  Flushed Sync(const Policy& policy, int64_t now, bool in_progress);
  Flushed WriteFailed(const Policy& policy, int64_t written, int64_t now);
  // The server's clock for fsyncs, of `per_second()` ticks a second.
  int64_t Ticks(int64_t now_us) const;
  int64_t per_second() const;
  void Log(std::initializer_list<std::string_view> parts);

  FileSystem* files_;
  PersistenceLog* log_;
  const ProfileTraits* const traits_;

  int file_ = -1;
  int64_t size_ = 0;         // of the file's good part
  int64_t synced_size_ = 0;  // for which an fsync was at least requested
  int db_ = -1;
  bool timestamps_ = false;
  int64_t timestamp_ = 0;  // of the last annotation, in seconds
  std::string buffer_;
  std::string line_;

  int64_t last_fsync_ = 0;         // in ticks
  int64_t postponed_since_ = -1;   // in ticks; -1: not postponed
  int64_t last_error_logged_ = 0;  // in seconds
  bool last_write_ok_ = true;
  bool last_fsync_ok_ = true;
  int64_t write_error_ = 0;
  int64_t fsync_error_ = 0;
  uint64_t appended_ = 0;
  uint64_t synced_ = 0;
  uint64_t delayed_fsyncs_ = 0;
  std::vector<Task> tasks_;
};

}  // namespace resprobe

#endif  // RESPROBE_CORE_PERSISTENCE_AOF_LOG_H_
