#ifndef RESPROBE_CORE_PERSISTENCE_PERSISTENCE_H_
#define RESPROBE_CORE_PERSISTENCE_PERSISTENCE_H_

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "core/keyspace/keyspace.h"
#include "core/persistence/aof_log.h"
#include "core/persistence/aof_manifest.h"
#include "core/persistence/aof_reader.h"
#include "core/persistence/file_system.h"
#include "core/persistence/file_task.h"
#include "core/persistence/persistence_log.h"
#include "core/persistence/settings.h"
#include "core/table/profile.h"

namespace resprobe {

// What a server does with its files, and when (redis 7.0 rdb.c, aof.c, and server.c: serverCron,
// beforeSleep, finishShutdown): snapshots by SAVE, BGSAVE and save points, the append-only file,
// its rewrites, what is loaded at the start.
//
// A real server uses a child process and threads. Here they are tasks that the owner of the server
// advances: each StepChild() is one call of the file system, each RunThread() one job of a thread.
// What a child has done is noticed by the next Cron(), as the end of a process is.
class Persistence {
 public:
  // `keyspace` and `settings` are not owned; they may change between calls.
  Persistence(Keyspace* keyspace, const PersistenceSettings* settings, Profile profile);

  // A process starts, with these files, and a number that it has in the names of its temporary
  // files. nullptr: a server without files. Neither files nor log are owned; `log` may be nullptr.
  void Start(FileSystem* files, uint64_t process, PersistenceLog* log);
  // The process is gone, with its child; files stay as they are.
  void Reset();
  FileSystem* files() const { return files_; }

  // Loads what the files hold: the append-only file if that is on, otherwise the snapshot. False if
  // the server exits instead (logged).
  bool Load(AofSink* sink);

  // --- Snapshots.

  enum class Result : uint8_t { kDone, kFailed };  // failures are logged
  // SAVE.
  Result Save();
  // BGSAVE: a child writes what the keyspace is now. No child may be running.
  void StartSave();
  // BGSAVE SCHEDULE while a rewrite runs: a snapshot when that has ended.
  void ScheduleSave() { save_scheduled_ = true; }

  // The child process, of which there is one at most.
  enum class Child : uint8_t { kNone, kSave, kRewrite };
  Child child() const { return child_; }
  // How many this process has had. One may begin in the turn in which the one before it ends.
  uint64_t children() const { return children_; }

  // Changes since the last snapshot.
  int64_t unsaved_changes() const { return static_cast<int64_t>(keyspace_.dirty() - saved_dirty_); }
  // When the last snapshot was taken, or else the process started: in seconds since 1970.
  int64_t last_save_s() const { return last_save_s_; }
  bool last_save_ok() const { return last_save_ok_; }
  int64_t saves() const { return saves_; }

  // --- The append-only file.

  enum class Aof : uint8_t {
    kOff,
    kOn,
    kWaitsForRewrite,  // turned on while the server ran: nothing counts before the first rewrite
  };
  Aof aof() const { return aof_; }
  // How often this process has turned it off. It may be on again in the same turn.
  uint64_t times_off() const { return times_off_; }
  // True if effects of commands are to be appended now.
  bool appends() const {
    return aof_ == Aof::kOn || (aof_ == Aof::kWaitsForRewrite && child_ == Child::kRewrite);
  }
  // An effect, as a request that runs in that database; -1: in any.
  void Append(int db, std::string_view request) { log_.Append(db, request, now_us()); }
  const AofLog& log() const { return log_; }
  // Whether the log is durable up to that mark (AofLog::appended()), as far as the server knows:
  // not before the first rewrite, if it was turned on while the server ran.
  bool IsDurable(uint64_t mark) const { return aof_ == Aof::kOn && log_.synced() >= mark; }

  // CONFIG SET appendonly. `in_exec`: by a command of a transaction.
  Result TurnOn(bool in_exec);
  void TurnOff();
  // A replica is about to load the keys of its primary: the log, and a snapshot that is being
  // written, have others (redis 7.0 replication.c readSyncBulkPayload).
  void BeginSync();
  // It has loaded them, or is promoted without: the log, if settings want one, begins with a
  // rewrite (redis 7.0 replication.c restartAOFAfterSYNC). If it cannot, the server exits at the
  // end of the turn. Until then there is no log, even if loading fails. `in_exec`: by a command of
  // a transaction.
  void EndSync(bool in_exec);
  // BGREWRITEAOF. No child may be running.
  Result StartRewrite();
  void ScheduleRewrite() { rewrite_scheduled_ = true; }
  bool rewrite_scheduled() const { return rewrite_scheduled_; }
  bool last_rewrite_ok() const { return last_rewrite_ok_; }
  int64_t rewrites() const { return rewrites_; }
  int64_t failed_rewrites() const { return failed_rewrites_; }
  // In bytes, of all its files: now, and after the last rewrite or at the start.
  int64_t aof_size() const { return aof_closed_size_ + log_.file_size(); }
  int64_t aof_base_size() const { return aof_base_size_; }

  // --- Turns, time, and work in the background.

  // The end of an event loop turn, before replies are sent. False if the server exits (logged).
  bool BeforeSleep();
  // The server's timer. False if the server exits.
  bool Cron();
  // True if the child has not ended; it makes its next call.
  bool child_runs() const { return task_.running(); }
  void StepChild();
  // A thread has work: an fsync, or that and a close.
  bool thread_waits() const { return !log_.tasks().empty(); }
  // A thread does one of its jobs: the n-th of those that it may do now, modulo their number.
  void RunThread(size_t n = 0);

  // Why writes are refused now (MISCONF …); empty if they are not.
  std::string_view Refusal();

  // SHUTDOWN. False if the server goes on: it cannot save (logged).
  struct Shutdown {
    bool save = false;    // even without save points
    bool nosave = false;  // even with them
    bool force = false;   // whatever fails
  };
  bool PrepareShutdown(const Shutdown& how);

 private:
  int64_t now_s() const { return keyspace_.now_ms() / 1000; }
  int64_t now_us() const { return keyspace_.now_ms() * 1000; }
  AofLog::Policy policy() const;
  void PidName(std::string_view before, std::string_view after, std::string* name) const;
  // The path of a file of the log; valid until the next call.
  const std::string& PathOf(std::string_view name);

  bool LoadSnapshot(AofSink* sink);
  bool OpenLog();
  void AppendBase(std::string* out) const;
  bool WriteBaseNow(std::string_view name);
  int64_t SizeOf(std::string_view name);
  int64_t SizeOfAll();

  bool OpenNextIncr();
  void EndChild();
  void EndSave(bool good);
  bool EndRewrite();
  void KillChild();
  void DeleteHistory();
  bool CheckSavePoints();
  void CheckGrowth();
  bool Flush(bool force);
  // An RDB file of the present state.
  void AppendSnapshot(bool aof_base, std::string* out) const;
  void BeginSnapshot(FileTask* task, std::string* temporary);
  void Log(std::initializer_list<std::string_view> parts);

  Keyspace& keyspace_;
  const PersistenceSettings& settings_;
  const Profile profile_;

  FileSystem* files_ = nullptr;
  PersistenceLog* lines_ = nullptr;
  uint64_t process_ = 0;
  uint64_t children_ = 0;  // numbers their temporary files

  Child child_ = Child::kNone;
  FileTask task_;          // of the child
  FileTask own_task_;      // of the server itself, done at once
  std::string temporary_;  // of the child
  std::string path_;
  uint64_t child_dirty_ = 0;  // keyspace.dirty() when it started

  uint64_t saved_dirty_ = 0;
  int64_t last_save_s_ = 0;
  int64_t last_try_s_ = 0;
  bool last_save_ok_ = true;
  bool save_scheduled_ = false;
  int64_t saves_ = 0;

  Aof aof_ = Aof::kOff;
  uint64_t times_off_ = 0;
  AofLog log_;
  AofManifest manifest_;
  AofManifest next_manifest_;  // as it is to become
  AofReader reader_;
  bool rewrite_scheduled_ = false;
  bool last_rewrite_ok_ = true;
  int64_t rewrites_ = 0;
  int64_t failed_rewrites_ = 0;  // since the last that succeeded
  int64_t no_rewrite_before_s_ = 0;
  int64_t aof_closed_size_ = 0;  // of the files before the one that is written
  int64_t aof_base_size_ = 0;
  int64_t last_retry_s_ = 0;
  bool gives_up_ = false;  // the server exits
  std::string line_;
  std::string refusal_;
};

}  // namespace resprobe

#endif  // RESPROBE_CORE_PERSISTENCE_PERSISTENCE_H_
