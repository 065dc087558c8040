#include "core/persistence/aof_log.h"

#include <algorithm>
#include <cerrno>
#include <initializer_list>

#include "core/keyspace/integers.h"
#include "core/persistence/file_io.h"
#include "core/resp/writer.h"

namespace resprobe {
namespace {

constexpr int64_t kSecondUs = 1'000'000;
constexpr int64_t kErrorLogSeconds = 30;  // AOF_WRITE_LOG_ERROR_RATE
// The memory of the buffer that is kept for the next run.
constexpr size_t kIdleBufferBytes = 64 << 10;

}  // namespace

void AofLog::Reset() {
  file_ = db_ = -1;
  size_ = synced_size_ = 0;
  timestamps_ = false;
  timestamp_ = 0;
  if (buffer_.capacity() > kIdleBufferBytes) std::string().swap(buffer_);
  buffer_.clear();
  last_fsync_ = last_error_logged_ = 0;
  postponed_since_ = -1;
  last_write_ok_ = last_fsync_ok_ = true;
  write_error_ = fsync_error_ = 0;
  appended_ = synced_ = delayed_fsyncs_ = 0;
  tasks_.clear();
}

int64_t AofLog::per_second() const { return traits_->fsyncs_by_whole_second ? 1 : 1000; }
int64_t AofLog::Ticks(int64_t now_us) const { return now_us / (kSecondUs / per_second()); }

void AofLog::Log(std::initializer_list<std::string_view> parts) {
  if (log_ == nullptr) return;
  line_.clear();
  for (const std::string_view part : parts) line_.append(part);
  log_->Line(line_);
}

// --- The file.

void AofLog::Open(int file, int64_t size, int64_t now_us) {
  file_ = file;
  size_ = synced_size_ = size;
  db_ = -1;
  last_fsync_ = Ticks(now_us);
}

void AofLog::Switch(int file, int64_t now_us) {
  if (file_ >= 0) {
    tasks_.push_back({file_, true, appended_ - buffer_.size(), files_->SyncPoint()});
    last_fsync_ = Ticks(now_us);
  }
  file_ = file;
  size_ = synced_size_ = 0;
  db_ = -1;
}

AofLog::Flushed AofLog::Finish(const Policy& policy, int64_t now_us) {
  const Flushed flushed = Flush(policy, now_us, /*force=*/true);
  if (flushed == Flushed::kFatal) return flushed;
  if (const int error = files_->Sync(file_); error < 0) {
    Log({"Fail to fsync the AOF file: ", FileErrorText(error), "."});
    return Flushed::kFailed;
  }
  synced_size_ = size_;
  synced_ = appended_ - buffer_.size();
  last_fsync_ = Ticks(now_us);
  return flushed;
}

AofLog::Flushed AofLog::Stop(const Policy& policy, int64_t now_us) {
  if (Finish(policy, now_us) == Flushed::kFatal) return Flushed::kFatal;
  // A background fsync finds the descriptor closed, which it ignores.
  std::erase_if(tasks_, [&](const Task& task) { return !task.closes; });
  files_->Close(file_);
  file_ = db_ = -1;
  size_ = synced_size_ = 0;
  postponed_since_ = -1;
  buffer_.clear();
  return Flushed::kDone;
}

// --- Commands.

void AofLog::Append(int db, std::string_view command, int64_t now_us) {
  const size_t before = buffer_.size();
  char digits[24];
  const int64_t second = now_us / kSecondUs;
  if (timestamps_ && timestamp_ < second) {
    timestamp_ = second;
    buffer_.append("#TS:").append(FormatInt64(second, digits)).append("\r\n");
  }
  if (db >= 0 && db != db_) {
    db_ = db;
    const std::string_view words[] = {"SELECT", FormatInt64(db, digits)};
    resp::AppendRequest(&buffer_, words);
  }
  buffer_.append(command);
  appended_ += buffer_.size() - before;
}

void AofLog::DropBuffer() {
  buffer_.clear();
  postponed_since_ = -1;
  last_write_ok_ = true;
}

// --- Writing.

AofLog::Flushed AofLog::Flush(const Policy& policy, int64_t now_us, bool force) {
  const int64_t now = Ticks(now_us);
  const bool every_second = policy.fsync == AppendFsync::kEverySecond;
  bool in_progress = false;
  if (buffer_.empty()) {
    // What was written before may still have to be synced.
    if (every_second && synced_size_ != size_ && now - last_fsync_ >= per_second() &&
        !(in_progress = fsync_in_progress())) {
      return Sync(policy, now, in_progress);
    }
    if (policy.fsync == AppendFsync::kAlways && synced_size_ != size_) {
      return Sync(policy, now, in_progress);
    }
    // Nothing is left to be synced. valkey 8.0 also answers so while an fsync is due, or under way.
    const bool all = synced_size_ == size_ && tasks_.empty() && last_fsync_ok_;
    if (policy.fsync != AppendFsync::kNo && (all || (policy.early_receipts && !in_progress))) {
      synced_ = appended_;
    }
    return Flushed::kDone;
  }
  if (every_second) in_progress = fsync_in_progress();
  if (in_progress && !force) {
    if (postponed_since_ < 0) {
      postponed_since_ = now;
      return Flushed::kPostponed;
    }
    if (now - postponed_since_ < 2 * per_second()) return Flushed::kPostponed;
    ++delayed_fsyncs_;
    Log({"Asynchronous AOF fsync is taking too long (disk is busy?). Writing the AOF buffer ",
         "without waiting for fsync to complete, this may slow down ",
         traits_->product == "Redis" ? "Redis." : "the server."});
  }
  const int64_t written = WriteAll(files_, file_, buffer_);
  postponed_since_ = -1;
  if (written != static_cast<int64_t>(buffer_.size())) {
    return WriteFailed(policy, written, now_us / kSecondUs);
  }
  if (!last_write_ok_) {
    Log({"AOF write error looks solved", traits_->product == "Redis"
                                             ? ", Redis can write again."
                                             : ". The server can write again."});
    last_write_ok_ = true;
  }
  size_ += written;
  buffer_.clear();
  return Sync(policy, now, in_progress);
}

AofLog::Flushed AofLog::WriteFailed(const Policy& policy, int64_t written, int64_t second) {
  const bool logs = second - last_error_logged_ > kErrorLogSeconds;
  if (logs) last_error_logged_ = second;
  if (written < 0) {
    if (logs) Log({"Error writing to the AOF file: ", FileErrorText(written)});
    write_error_ = written;
  } else {
    char part[24];
    char all[24];
    if (logs) {
      Log({"Short write while writing to the AOF file: (nwritten=", FormatInt64(written, part),
           ", expected=", FormatInt64(static_cast<int64_t>(buffer_.size()), all), ")"});
    }
    const int error = files_->Truncate(file_, size_);
    if (error == 0) {
      written = 0;
    } else if (logs) {
      Log({"Could not remove short write from the append-only file. ",
           traits_->product == "Redis" ? " Redis" : "The server",
           " may refuse to load the AOF the next time it starts. ",
           traits_->product == "Redis" ? " " : "", "ftruncate: ", FileErrorText(error)});
    }
    write_error_ = -ENOSPC;
  }
  if (policy.fsync == AppendFsync::kAlways) {
    Log({"Can't recover from AOF write error when the AOF fsync policy is 'always'. Exiting..."});
    return Flushed::kFatal;
  }
  last_write_ok_ = false;
  if (written > 0) {
    size_ += written;
    buffer_.erase(0, static_cast<size_t>(written));
  }
  return Flushed::kFailed;
}

AofLog::Flushed AofLog::Sync(const Policy& policy, int64_t now, bool in_progress) {
  if (policy.hold_fsync) return Flushed::kDone;
  if (policy.fsync == AppendFsync::kAlways) {
    if (const int error = files_->Sync(file_); error < 0) {
      Log({"Can't persist AOF for fsync error when the AOF fsync policy is 'always': ",
           FileErrorText(error), ". Exiting..."});
      return Flushed::kFatal;
    }
    synced_size_ = size_;
    synced_ = appended_;
    last_fsync_ = now;
  } else if (policy.fsync == AppendFsync::kEverySecond && now - last_fsync_ >= per_second()) {
    if (!in_progress) {
      tasks_.push_back({file_, false, appended_, files_->SyncPoint()});
      synced_size_ = size_;
    }
    last_fsync_ = now;
  }
  return Flushed::kDone;
}

// --- Background tasks.

bool AofLog::fsync_in_progress() const {
  return std::ranges::any_of(tasks_, [](const Task& task) { return !task.closes; });
}

bool AofLog::CanRun(size_t task) const {
  for (size_t i = 0; i < task; ++i) {
    if (traits_->one_thread_syncs_log || tasks_[i].closes == tasks_[task].closes) return false;
  }
  return task < tasks_.size();
}

void AofLog::RunTask(size_t task) {
  const Task run = tasks_[task];
  tasks_.erase(tasks_.begin() + static_cast<std::ptrdiff_t>(task));
  const int error = files_->SyncUpTo(run.file, run.point);
  if (!run.closes || traits_->one_thread_syncs_log) {
    if (error < 0 && error != -EBADF && error != -EINVAL) {
      if (last_fsync_ok_) Log({"Fail to fsync the AOF file: ", FileErrorText(error)});
      last_fsync_ok_ = false;
      fsync_error_ = error;
    } else {
      last_fsync_ok_ = true;
      synced_ = std::max(synced_, run.mark);
    }
  }
  if (run.closes) files_->Close(run.file);
}

void AofLog::RunTasks() {
  while (!tasks_.empty()) RunTask(0);
}

// --- Status.

std::string_view AofLog::error_text() const {
  return FileErrorText(last_write_ok_ && !last_fsync_ok_ ? fsync_error_ : write_error_);
}

void AofLog::ForgetErrors() {
  if (!last_fsync_ok_) Log({"AOF reopen, just ignore the AOF fsync error in bio job"});
  if (!last_write_ok_) Log({"AOF reopen, just ignore the last error."});
  last_fsync_ok_ = last_write_ok_ = true;
}

}  // namespace resprobe
