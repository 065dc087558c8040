#include "core/persistence/file_task.h"

#include <cerrno>
#include <utility>

namespace resprobe {
namespace {

constexpr size_t kIdleBytes = 64 << 10;

}  // namespace

std::string* FileTask::NewContents() {
  if (contents_.capacity() > kIdleBytes) std::string().swap(contents_);
  contents_.clear();
  return &contents_;
}

void FileTask::Start(FileSystem* files, const Target& target) {
  files_ = files;
  written_ = 0;
  temporary_.assign(target.temporary);
  name_.assign(target.name);
  sync_directory_ = target.sync_directory;
  directory_.assign(target.directory);
  file_ = -1;
  error_ = 0;
  state_ = State::kOpen;
}

void FileTask::Step() {
  switch (state_) {
    case State::kOpen:
      file_ = files_->Open(temporary_, FileSystem::Mode::kReplace);
      Next(file_, contents_.empty() ? State::kSync : State::kWrite);
      break;
    case State::kWrite: {
      const auto part = std::string_view(contents_).substr(written_, kWriteBytes);
      const int64_t result = files_->Write(file_, part);
      if (result == -EINTR) break;
      if (result == 0) return Fail(-EIO);
      if (result > 0) written_ += static_cast<size_t>(result);
      Next(result, written_ == contents_.size() ? State::kSync : State::kWrite);
      break;
    }
    case State::kSync:
      Next(files_->Sync(file_), State::kClose);
      break;
    case State::kClose:
      Next(files_->Close(std::exchange(file_, -1)), State::kRename);
      break;
    case State::kRename:
      Next(files_->Rename(temporary_, name_),
           sync_directory_ ? State::kSyncDirectory : State::kDone);
      break;
    case State::kSyncDirectory:
      Next(files_->SyncDirectory(directory_), State::kDone);
      break;
    case State::kNone:
    case State::kDone:
    case State::kFailed:
      break;
  }
}

bool FileTask::Finish() {
  while (running()) Step();
  return done();
}

void FileTask::Fail(int64_t error) {
  error_ = static_cast<int>(error);
  if (file_ >= 0) files_->Close(std::exchange(file_, -1));
  // After the rename there is no temporary file any more.
  if (state_ != State::kSyncDirectory) files_->Unlink(temporary_);
  state_ = State::kFailed;
}

void FileTask::Abandon() {
  if (file_ >= 0) files_->Close(std::exchange(file_, -1));
  state_ = State::kNone;
}

}  // namespace resprobe
