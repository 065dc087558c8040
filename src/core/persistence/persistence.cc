#include "core/persistence/persistence.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "core/keyspace/integers.h"
#include "core/persistence/aof_rewrite.h"
#include "core/persistence/file_io.h"
#include "core/persistence/rdb.h"

namespace resprobe {
namespace {

// How long after a failed snapshot the next one is tried (CONFIG_BGSAVE_RETRY_DELAY), in seconds.
constexpr int64_t kRetrySeconds = 5;
// So many failed rewrites in a row, and the next one has to wait (AOF_REWRITE_LIMITE_THRESHOLD): 1,
// 2, 4 … minutes, at most an hour.
constexpr int64_t kFailuresBeforeWait = 3;
constexpr int64_t kLongestWaitMinutes = 60;
// How often a replica tries to begin its log after a synchronization. A real one waits a second
// between two attempts, and does nothing else.
constexpr int kAttemptsAfterSync = 10;

}  // namespace

Persistence::Persistence(Keyspace* keyspace, const PersistenceSettings* settings, Profile profile)
    : keyspace_(*keyspace), settings_(*settings), profile_(profile), log_(nullptr, profile) {}

void Persistence::Start(FileSystem* files, uint64_t process, PersistenceLog* log) {
  Reset();
  files_ = files;
  lines_ = log;
  process_ = process;
  log_.Use(files, log);
  last_save_s_ = now_s();
}

void Persistence::Reset() {
  if (files_ == nullptr) return;
  files_ = nullptr;
  lines_ = nullptr;
  children_ = 0;
  child_ = Child::kNone;
  task_.Reset();
  saved_dirty_ = 0;
  last_save_s_ = last_try_s_ = 0;
  last_save_ok_ = true;
  save_scheduled_ = false;
  saves_ = 0;
  aof_ = Aof::kOff;
  times_off_ = 0;
  log_.Reset();
  manifest_.Clear();
  rewrite_scheduled_ = false;
  last_rewrite_ok_ = true;
  rewrites_ = failed_rewrites_ = 0;
  no_rewrite_before_s_ = 0;
  aof_closed_size_ = aof_base_size_ = 0;
  last_retry_s_ = 0;
  gives_up_ = false;
}

void Persistence::Log(std::initializer_list<std::string_view> parts) {
  if (lines_ == nullptr) return;
  line_.clear();
  for (const std::string_view part : parts) line_.append(part);
  lines_->Line(line_);
}

AofLog::Policy Persistence::policy() const {
  return {.fsync = settings_.appendfsync,
          .hold_fsync = settings_.no_appendfsync_on_rewrite && child_ != Child::kNone,
          .early_receipts = settings_.early_receipts};
}

// A process has children with numbers of their own.
void Persistence::PidName(std::string_view before, std::string_view after,
                          std::string* name) const {
  char digits[24];
  name->assign(before);
  name->append(FormatInt64(static_cast<int64_t>(process_), digits));
  if (children_ > 0) {
    name->append("-").append(FormatInt64(static_cast<int64_t>(children_), digits));
  }
  name->append(after);
}

const std::string& Persistence::PathOf(std::string_view name) {
  path_.assign(AofManifest::kDirectory).append("/").append(name);
  return path_;
}

// --- Start.

bool Persistence::Load(AofSink* sink) {
  // Also without the append-only file: if that is turned on, its files go on from the last number.
  if (!manifest_.Load(files_, lines_)) return false;
  if (!settings_.appendonly) {
    const bool good = LoadSnapshot(sink);
    saved_dirty_ = keyspace_.dirty();
    // Their numbers may be given again.
    if (good) DeleteHistory();
    return good;
  }
  const AofReader::Options options = {.profile = profile_,
                                      .load_truncated = settings_.aof_load_truncated};
  const AofReader::Result result = reader_.Load(files_, &manifest_, options, sink, lines_);
  saved_dirty_ = keyspace_.dirty();
  if (result == AofReader::Result::kFailed || !OpenLog()) return false;
  DeleteHistory();
  return true;
}

bool Persistence::LoadSnapshot(AofSink* sink) {
  std::string& bytes = *own_task_.NewContents();
  const int error = ReadFile(files_, settings_.db_filename, &bytes);
  if (error == -ENOENT) return true;
  if (error != 0) {
    Log({"Fatal error loading the DB, check server logs. Exiting: ", FileErrorText(error)});
    return false;
  }
  return sink->LoadRdb(bytes).status == AofSink::Rdb::Status::kLoaded;
}

// redis 7.0 aof.c aofOpenIfNeededOnServerStart.
bool Persistence::OpenLog() {
  if (const int error = files_->MakeDirectory(AofManifest::kDirectory); error < 0) {
    Log({"Can't open or create append-only dir ", AofManifest::kDirectory, ": ",
         FileErrorText(error)});
    return false;
  }
  if (manifest_.empty()) {
    const std::string_view name = manifest_.NextBase(settings_.aof_use_rdb_preamble);
    if (!WriteBaseNow(name)) return false;
    Log({"Creating AOF base file ", name, " on server start"});
  }
  const int file = manifest_.OpenLastIncr(files_);
  if (file < 0) {
    Log({"Can't open the append-only file ", manifest_.LastIncr(), ": ", FileErrorText(file)});
    return false;
  }
  if (!manifest_.Persist(files_, lines_)) return false;
  const int64_t size = std::max<int64_t>(files_->Size(file), 0);
  log_.Open(file, size, now_us());
  log_.set_timestamps(settings_.aof_timestamp_enabled);
  aof_ = Aof::kOn;
  aof_closed_size_ = SizeOfAll() - size;
  aof_base_size_ = aof_size();
  return true;
}

// --- Snapshots.

void Persistence::AppendSnapshot(bool aof_base, std::string* out) const {
  AppendRdb(keyspace_,
            {.profile = profile_,
             .compress = settings_.rdb_compression,
             .checksum = settings_.rdb_checksum,
             .ctime = now_s(),
             .used_memory = keyspace_.used_memory(),
             .aof_base = aof_base},
            out);
}

Persistence::Result Persistence::Save() {
  // A rewrite may be under way.
  BeginSnapshot(&own_task_, &path_);
  const bool good = own_task_.Finish();
  if (good) {
    EndSave(true);
    saved_dirty_ = keyspace_.dirty();
  } else {
    Log({"Write error saving DB on disk: ", FileErrorText(own_task_.error())});
  }
  return good ? Result::kDone : Result::kFailed;
}

void Persistence::StartSave() {
  ++children_;
  child_ = Child::kSave;
  child_dirty_ = keyspace_.dirty();
  last_try_s_ = now_s();
  save_scheduled_ = false;
  BeginSnapshot(&task_, &temporary_);
}

void Persistence::BeginSnapshot(FileTask* task, std::string* temporary) {
  PidName("temp-", ".rdb", temporary);
  AppendSnapshot(/*aof_base=*/false, task->NewContents());
  task->Start(files_,
              {.temporary = *temporary, .name = settings_.db_filename, .sync_directory = true});
}

void Persistence::EndSave(bool good) {
  last_save_ok_ = good;
  if (!good) return;
  saved_dirty_ = child_dirty_;
  last_save_s_ = now_s();
  ++saves_;
}

// --- The append-only file.

void Persistence::AppendBase(std::string* out) const {
  if (settings_.aof_use_rdb_preamble) {
    AppendSnapshot(/*aof_base=*/true, out);
  } else {
    AppendAofBase(keyspace_, profile_, settings_.aof_timestamp_enabled ? now_s() : -1, out);
  }
}

bool Persistence::WriteBaseNow(std::string_view name) {
  PidName("temp-rewriteaof-", ".aof", &temporary_);
  AppendBase(own_task_.NewContents());
  own_task_.Start(files_, {.temporary = temporary_, .name = PathOf(name)});
  if (own_task_.Finish()) return true;
  Log({"Write error writing append only file on disk: ", FileErrorText(own_task_.error())});
  return false;
}

int64_t Persistence::SizeOf(std::string_view name) {
  const int file = files_->Open(PathOf(name), FileSystem::Mode::kRead);
  if (file < 0) return 0;
  const int64_t size = files_->Size(file);
  files_->Close(file);
  return std::max<int64_t>(size, 0);
}

int64_t Persistence::SizeOfAll() {
  int64_t size = manifest_.base() == nullptr ? 0 : SizeOf(manifest_.base()->name);
  for (const AofFile& file : manifest_.incrs()) size += SizeOf(file.name);
  return size;
}

Persistence::Result Persistence::TurnOn(bool in_exec) {
  aof_ = Aof::kWaitsForRewrite;
  if (in_exec || child_ == Child::kSave) {
    rewrite_scheduled_ = true;
  } else {
    if (child_ == Child::kRewrite) KillChild();
    if (StartRewrite() == Result::kFailed) {
      aof_ = Aof::kOff;
      return Result::kFailed;
    }
  }
  log_.ForgetErrors();
  return Result::kDone;
}

void Persistence::TurnOff() {
  log_.Stop(policy(), now_us());
  aof_ = Aof::kOff;
  ++times_off_;
  rewrite_scheduled_ = false;
  if (child_ == Child::kRewrite) KillChild();
}

void Persistence::BeginSync() {
  if (files_ == nullptr) return;
  if (aof_ != Aof::kOff) TurnOff();
  if (child_ == Child::kSave) KillChild();
}

void Persistence::EndSync(bool in_exec) {
  if (files_ == nullptr || !settings_.appendonly || aof_ != Aof::kOff) return;
  const std::string_view primary = profile_ == Profile::kValkey80 ? "primary" : "master";
  for (int i = 0; i < kAttemptsAfterSync; ++i) {
    if (TurnOn(in_exec) == Result::kDone) return;
    Log({"Failed enabling the AOF after successful ", primary,
         " synchronization! Trying it again in one second."});
  }
  Log({"FATAL: this replica instance finished the synchronization with its ", primary,
       ", but the AOF can't be turned on. Exiting now."});
  gives_up_ = true;
}

// redis 7.0 aof.c rewriteAppendOnlyFileBackground.
Persistence::Result Persistence::StartRewrite() {
  if (const int error = files_->MakeDirectory(AofManifest::kDirectory); error < 0) {
    Log({"Can't open or create append-only dir ", AofManifest::kDirectory, ": ",
         FileErrorText(error)});
    last_rewrite_ok_ = false;
    return Result::kFailed;
  }
  if (log_.is_open()) Flush(/*force=*/true);
  if (aof_ == Aof::kWaitsForRewrite) {
    log_.DropBuffer();  // nothing of the log counts yet
  } else if (log_.buffered() > 0) {
    // redis 7.0 and valkey 8.0 go on, and so the next file begins with commands that the base has,
    // too (docs/findings/aof-rewrite-writes-twice.md).
    Log({"The append only file cannot be written, so it is not rewritten"});
    last_rewrite_ok_ = false;
    ++failed_rewrites_;
    return Result::kFailed;
  }
  if (aof_ != Aof::kOff && !OpenNextIncr()) {
    last_rewrite_ok_ = false;
    ++failed_rewrites_;
    return Result::kFailed;
  }
  ++children_;
  child_ = Child::kRewrite;
  child_dirty_ = keyspace_.dirty();
  rewrite_scheduled_ = false;
  // The child writes a file, and renames it to the name that its parent knows.
  PidName("temp-rewriteaof-", ".aof", &path_);
  PidName("temp-rewriteaof-bg-", ".aof", &temporary_);
  AppendBase(task_.NewContents());
  task_.Start(files_, {.temporary = path_, .name = temporary_});
  return Result::kDone;
}

// redis 7.0 aof.c openNewIncrAofForAppend.
bool Persistence::OpenNextIncr() {
  const bool waits = aof_ == Aof::kWaitsForRewrite;
  AofManifest& next = next_manifest_;
  next = manifest_;
  const std::string path =
      waits ? std::string(AofManifest::kTemporaryIncrPath) : PathOf(next.NextIncr());
  // redis 7.0 and valkey 8.0 truncate a file that an earlier attempt has left, and do not sync that
  // (docs/findings/aof-stale-incremental-file.md). A new file has no old content.
  files_->Unlink(path);
  // They do not append, either: after a short write that was cut off the next one leaves a hole
  // (docs/findings/aof-hole-after-short-write.md).
  int file = files_->Open(path, FileSystem::Mode::kAppend);
  // It may be there, if it could not be removed.
  if (file >= 0 && files_->Size(file) != 0) {
    if (const int error = files_->Truncate(file, 0); error < 0) {
      files_->Close(file);
      file = error;
    }
  }
  if (file < 0) {
    Log({"Can't open the append-only file ", path, ": ", FileErrorText(file)});
    return false;
  }
  if (!waits) {
    if (!next.Persist(files_, lines_)) {
      files_->Close(file);
      return false;
    }
    manifest_ = next;
  }
  if (log_.is_open()) {
    aof_closed_size_ += log_.file_size();
    log_.Switch(file, now_us());
  } else {
    log_.Open(file, 0, now_us());
  }
  log_.set_timestamps(settings_.aof_timestamp_enabled);
  return true;
}

// redis 7.0 aof.c backgroundRewriteDoneHandler.
bool Persistence::EndRewrite() {
  AofManifest& next = next_manifest_;
  next = manifest_;
  const std::string base(next.NextBase(settings_.aof_use_rdb_preamble));
  if (const int error = files_->Rename(temporary_, PathOf(base)); error < 0) {
    Log({"Error trying to rename the temporary AOF base file ", temporary_, " into ", base, ": ",
         FileErrorText(error)});
    return false;
  }
  if (aof_ == Aof::kWaitsForRewrite) {
    const std::string incr(next.NextIncr());
    const int error = files_->Rename(AofManifest::kTemporaryIncrPath, PathOf(incr));
    if (error < 0) {
      Log({"Error trying to rename the temporary AOF incr file ", AofManifest::kTemporaryIncrPath,
           " into ", incr, ": ", FileErrorText(error)});
      files_->Unlink(PathOf(base));
      return false;
    }
  }
  next.MarkRewritten(/*keep_last=*/log_.is_open());
  // redis 7.0 and valkey 8.0 delete the base then, though the new manifest may be in place, and
  // needs it (docs/findings/aof-rewrite-deletes-base.md). The next rewrite replaces it.
  if (!next.Persist(files_, lines_)) return false;
  manifest_ = next;
  if (log_.is_open()) {
    log_.ForgetDatabase();
    aof_closed_size_ = SizeOfAll() - log_.file_size();
    aof_base_size_ = aof_size();
  }
  DeleteHistory();
  if (aof_ == Aof::kWaitsForRewrite) aof_ = Aof::kOn;
  return true;
}

// redis 7.0 aof.c aofDelHistoryFiles.
void Persistence::DeleteHistory() {
  if (manifest_.history().empty()) return;
  for (const AofFile& file : manifest_.history()) {
    Log({"Removing the history file ", file.name, " in the background"});
    files_->Unlink(PathOf(file.name));
  }
  AofManifest& next = next_manifest_;
  next = manifest_;
  next.ClearHistory();
  next.Persist(files_, lines_);
  manifest_ = next;
}

bool Persistence::Flush(bool force) {
  return log_.Flush(policy(), now_us(), force) != AofLog::Flushed::kFatal;
}

// --- Turns and time.

bool Persistence::BeforeSleep() {
  return !gives_up_ && (!log_.is_open() || Flush(/*force=*/false));
}

void Persistence::StepChild() {
  if (task_.running()) task_.Step();
}

void Persistence::RunThread(size_t n) {
  size_t ready = 0;
  for (size_t i = 0; i < log_.tasks().size(); ++i) ready += log_.CanRun(i) ? 1 : 0;
  if (ready == 0) return;
  n %= ready;
  for (size_t i = 0;; ++i) {
    if (!log_.CanRun(i) || n-- > 0) continue;
    log_.RunTask(i);
    return;
  }
}

void Persistence::EndChild() {
  const bool save = child_ == Child::kSave;
  const bool good = task_.done();
  if (save) {
    child_ = Child::kNone;
    if (!good) Log({"Background saving error"});
    EndSave(good);
  } else {
    const bool ended = good && EndRewrite();
    child_ = Child::kNone;
    last_rewrite_ok_ = ended;
    if (ended) {
      ++rewrites_;
      failed_rewrites_ = 0;
      no_rewrite_before_s_ = 0;
    } else {
      ++failed_rewrites_;
      Log({"Background AOF rewrite terminated with error"});
      files_->Unlink(temporary_);
      if (aof_ == Aof::kWaitsForRewrite) {
        // Nothing of the log counts, and the next rewrite begins a new one.
        rewrite_scheduled_ = true;
      }
    }
  }
  task_.Reset();
}

void Persistence::KillChild() {
  task_.Abandon();
  files_->Unlink(temporary_);
  if (child_ == Child::kRewrite) {
    PidName("temp-rewriteaof-", ".aof", &path_);
    files_->Unlink(path_);
  }
  child_ = Child::kNone;
}

bool Persistence::Cron() {
  if (child_ != Child::kNone && !task_.running()) EndChild();
  if (child_ == Child::kNone) {
    if (rewrite_scheduled_ && (aof_ == Aof::kWaitsForRewrite || no_rewrite_before_s_ <= now_s())) {
      StartRewrite();
    }
    if (child_ == Child::kNone && !CheckSavePoints()) CheckGrowth();
  }
  bool good = true;
  if (log_.is_open() && log_.wants_flush() && now_s() != last_retry_s_) {
    last_retry_s_ = now_s();
    good = Flush(/*force=*/false);
  }
  if (child_ == Child::kNone && save_scheduled_ &&
      (now_s() - last_try_s_ > kRetrySeconds || last_save_ok_)) {
    StartSave();
  }
  return good;
}

bool Persistence::CheckSavePoints() {
  for (const SavePoint& point : settings_.save) {
    if (unsaved_changes() < point.changes || now_s() - last_save_s_ <= point.seconds) continue;
    if (now_s() - last_try_s_ <= kRetrySeconds && !last_save_ok_) continue;
    StartSave();
    return true;
  }
  return false;
}

// redis 7.0 aof.c aofRewriteLimited.
void Persistence::CheckGrowth() {
  if (aof_ != Aof::kOn || settings_.auto_aof_rewrite_percentage == 0) return;
  if (aof_size() <= settings_.auto_aof_rewrite_min_size) return;
  const int64_t base = std::max<int64_t>(aof_base_size_, 1);
  if (aof_size() * 100 / base - 100 < settings_.auto_aof_rewrite_percentage) return;
  if (failed_rewrites_ >= kFailuresBeforeWait) {
    if (no_rewrite_before_s_ == 0) {
      const int64_t doublings = std::min<int64_t>(failed_rewrites_ - kFailuresBeforeWait, 6);
      no_rewrite_before_s_ =
          now_s() + 60 * std::min<int64_t>(int64_t{1} << doublings, kLongestWaitMinutes);
      return;
    }
    if (now_s() < no_rewrite_before_s_) return;
    no_rewrite_before_s_ = 0;
  }
  StartRewrite();
}

std::string_view Persistence::Refusal() {
  const std::string_view name = TraitsOf(profile_).product;
  if (settings_.stop_writes_on_bgsave_error && !settings_.save.empty() && !last_save_ok_) {
    refusal_.assign("MISCONF ").append(name);
    refusal_.append(
        " is configured to save RDB snapshots, but it's currently unable to persist to disk. "
        "Commands that may modify the data set are disabled, because this instance is configured "
        "to report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error "
        "option). Please check the ");
    refusal_.append(name).append(" logs for details about the RDB error.");
    return refusal_;
  }
  if (aof_ != Aof::kOff && !log_.ok()) {
    refusal_.assign("MISCONF Errors writing to the AOF file: ").append(log_.error_text());
    return refusal_;
  }
  return {};
}

// redis 7.0 server.c finishShutdown.
bool Persistence::PrepareShutdown(const Shutdown& how) {
  if (files_ == nullptr) return true;
  if (child_ == Child::kSave) KillChild();
  if (aof_ != Aof::kOff) {
    if (child_ == Child::kRewrite) {
      if (aof_ == Aof::kWaitsForRewrite && !how.force) {
        Log({"Writing initial AOF, can't exit."});
        return false;
      }
      KillChild();
    }
    if (log_.is_open()) log_.Finish(policy(), now_us());
  }
  if ((!settings_.save.empty() && !how.nosave) || how.save) {
    if (Save() == Result::kFailed && !how.force) {
      Log({"Error trying to save the DB, can't exit."});
      return false;
    }
  }
  return true;
}

}  // namespace resprobe
