#include "core/persistence/aof_reader.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <initializer_list>

#include "core/keyspace/integers.h"
#include "core/persistence/c_number.h"
#include "core/persistence/file_io.h"
#include "core/table/letter_case.h"

namespace resprobe {
namespace {

constexpr uint64_t kReadBytes = 16 << 10;  // of a file that is read
constexpr size_t kMaxLine = 1023;          // AOF_ANNOTATION_LINE_MAX_LEN, without the NUL
constexpr size_t kPlainDigits = 6;
constexpr size_t kForgetBytes = 64 << 10;
constexpr uint64_t kAddressSpace = uint64_t{1} << 47;
constexpr std::string_view kRdbMagic = "REDIS";

}  // namespace

void AofReader::Log(std::initializer_list<std::string_view> parts) {
  if (log_ == nullptr) return;
  text_.clear();
  for (const std::string_view part : parts) text_.append(part);
  log_->Line(text_);
}

AofReader::Result AofReader::Load(FileSystem* files, AofManifest* manifest, const Options& options,
                                  AofSink* sink, PersistenceLog* log) {
  files_ = files;
  manifest_ = manifest;
  options_ = options;
  sink_ = sink;
  log_ = log;
  valid_up_to_ = 0;
  if (NeedsUpgrade() && !Upgrade()) return Result::kFailed;
  if (manifest->empty()) return Result::kNone;
  bool good = true;
  const int64_t total = TotalSize(&good);
  if (!good) return Result::kFailed;
  if (total == 0) return Result::kEmpty;
  Result result = Result::kLoaded;
  if (manifest->base() != nullptr) {
    result = LoadFile(*manifest->base(), manifest->incrs().empty());
    if (result == Result::kFailed) return result;
  }
  for (const AofFile& file : manifest->incrs()) {
    result = LoadFile(file, &file == &manifest->incrs().back());
    if (result == Result::kFailed) return result;
    if (result == Result::kEmpty) result = Result::kLoaded;
  }
  return result;
}

// --- The append-only file of redis 6.

bool AofReader::Exists(std::string_view path) {
  const int file = files_->Open(path, FileSystem::Mode::kRead);
  if (file < 0) return false;
  files_->Close(file);
  return true;
}

bool AofReader::NeedsUpgrade() {
  if (!Exists(AofManifest::kLogName)) return false;
  if (manifest_->empty()) return true;
  return manifest_->incrs().empty() && manifest_->base()->name == AofManifest::kLogName &&
         !Exists(PathOf(AofManifest::kLogName));
}

// A crash at any point of it leaves it to be done again.
bool AofReader::Upgrade() {
  if (const int error = files_->MakeDirectory(AofManifest::kDirectory); error < 0) {
    Log({"Can't open or create append-only dir ", AofManifest::kDirectory, ": ",
         FileErrorText(error)});
    return false;
  }
  manifest_->Add({std::string(AofManifest::kLogName), 1, AofFile::Type::kBase});
  if (!manifest_->Persist(files_, log_)) return false;
  const std::string path = AofManifest::PathOf(AofManifest::kLogName);
  if (const int error = files_->Rename(AofManifest::kLogName, path); error < 0) {
    Log({"Error trying to move the old AOF file ", AofManifest::kLogName, " into dir ",
         AofManifest::kDirectory, ": ", FileErrorText(error)});
    return false;
  }
  Log({"Successfully migrated an old-style AOF file (", AofManifest::kLogName,
       ") into the AOF directory (", AofManifest::kDirectory, ")."});
  return true;
}

// --- Files.

const std::string& AofReader::PathOf(std::string_view name) {
  path_.assign(AofManifest::kDirectory).append("/").append(name);
  return path_;
}

int64_t AofReader::SizeOf(std::string_view name) {
  const int file = files_->Open(PathOf(name), FileSystem::Mode::kRead);
  int64_t size = file;
  if (file >= 0) {
    size = files_->Size(file);
    files_->Close(file);
  }
  if (size < 0) {
    Log({"Unable to obtain the AOF file ", name, " length. stat: ", FileErrorText(size)});
  }
  return size;
}

int64_t AofReader::TotalSize(bool* good) {
  int64_t total = 0;
  const auto add = [&](const AofFile& file) {
    const int64_t size = SizeOf(file.name);
    *good = size >= 0;
    if (*good) total += size;
    return *good;
  };
  if (manifest_->base() != nullptr && !add(*manifest_->base())) return 0;
  for (const AofFile& file : manifest_->incrs()) {
    if (!add(file)) return 0;
  }
  return total;
}

AofReader::Result AofReader::LoadFile(const AofFile& file, bool last) {
  const FileResult result = ReadFile(file.name);
  if (result == FileResult::kLoaded || (result == FileResult::kTruncated && last)) {
    Log({"DB loaded from ", file.type == AofFile::Type::kBase ? "base" : "incr", " file ",
         file.name, ": 0.000 seconds"});
  }
  switch (result) {
    case FileResult::kLoaded:
      return Result::kLoaded;
    case FileResult::kEmpty:
    case FileResult::kMissing:  // since its size was taken
      return Result::kEmpty;
    case FileResult::kTruncated:
      if (last) return Result::kTruncated;
      Log({"Fatal error: the truncated file is not the last file"});
      break;
    case FileResult::kCannotOpen:
    case FileResult::kFailed:
      break;
  }
  return Result::kFailed;
}

AofReader::FileResult AofReader::ReadFile(std::string_view name) {
  file_ = files_->Open(PathOf(name), FileSystem::Mode::kRead);
  if (file_ == -ENOENT) {
    Log({"The append log file ", name, " doesn't exist: ", FileErrorText(file_)});
    return FileResult::kMissing;
  }
  if (file_ < 0) {
    Log({"Fatal error: can't open the append log file ", name,
         " for reading: ", FileErrorText(file_)});
    return FileResult::kCannotOpen;
  }
  buffer_.clear();
  begin_ = at_ = 0;
  error_ = 0;
  at_end_ = in_multi_ = false;
  valid_up_to_ = before_multi_ = 0;
  queued_bytes_.clear();
  queued_sizes_.clear();
  queued_counts_.clear();
  const int64_t size = files_->Size(file_);
  left_ = static_cast<uint64_t>(std::max<int64_t>(size, 0));
  FileResult result = FileResult::kEmpty;
  if (size != 0) {
    sink_->BeginFile();
    Fill(kRdbMagic.size());
    result = FileResult::kLoaded;
    if (std::string_view(buffer_).starts_with(kRdbMagic)) result = ReadBase(name);
    if (result == FileResult::kLoaded) result = ReadCommands(name);
  }
  files_->Close(file_);
  return result;
}

// Makes sure that this many bytes are there to be read. False at the end of the file, or after an
// error.
bool AofReader::Fill(size_t bytes) {
  while (buffer_.size() - at_ < bytes) {
    if (at_end_ || error_ != 0) return false;
    // Mostly with one byte more than there are, to see the end.
    const uint64_t chunk = std::min(left_ + 1, kReadBytes);
    const size_t old = buffer_.size();
    const int64_t got = ReadMore(files_, file_, chunk, &buffer_);
    const uint64_t came = buffer_.size() - old;
    left_ -= std::min(left_, came);
    if (got < 0) {
      error_ = got;
    } else if (came < chunk) {
      at_end_ = true;
    }
  }
  return true;
}

// What fgets() reads: up to a newline, at most kMaxLine bytes. Empty at the end, or after an error.
std::string_view AofReader::Line() {
  size_t searched = 0;
  for (bool more = true;;) {
    const std::string_view rest = std::string_view(buffer_).substr(at_, kMaxLine);
    const size_t newline = rest.find('\n', searched);
    const bool whole = newline != std::string_view::npos || rest.size() == kMaxLine;
    if (whole || !more) {
      if (!whole && error_ != 0) return {};
      const std::string_view line =
          rest.substr(0, newline == std::string_view::npos ? newline : newline + 1);
      at_ += line.size();
      return line;
    }
    searched = rest.size();
    more = Fill(searched + 1);
  }
}

bool AofReader::PlainLine(char type, uint32_t* number) {
  const size_t size = buffer_.size();
  size_t at = at_;
  if (at == size || buffer_[at] != type) return false;
  const size_t first = ++at;
  uint32_t value = 0;
  for (; at < size && buffer_[at] >= '0' && buffer_[at] <= '9'; ++at) {
    if (at - first == kPlainDigits) return false;
    value = value * 10 + static_cast<uint32_t>(buffer_[at] - '0');
  }
  if (at == first || size - at < 2 || buffer_[at] != '\r' || buffer_[at + 1] != '\n') return false;
  at_ = at + 2;
  *number = value;
  return true;
}

void AofReader::Forget() {
  if (at_ < kForgetBytes) return;
  buffer_.erase(0, at_);
  begin_ += at_;
  at_ = 0;
}

AofReader::FileResult AofReader::ReadBase(std::string_view name) {
  const bool old_style = name == AofManifest::kLogName;
  Log({old_style ? "Reading RDB preamble from AOF file..."
                 : "Reading RDB base file on AOF loading..."});
  while (!at_end_ && error_ == 0) Fill(buffer_.size() + 1);
  const AofSink::Rdb rdb = sink_->LoadRdb(buffer_);
  if (rdb.status == AofSink::Rdb::Status::kFatal) return FileResult::kFailed;
  if (rdb.status == AofSink::Rdb::Status::kRefused) {
    Log({"Error reading the RDB ", old_style ? "preamble of the AOF" : "base", " file ", name,
         ", AOF loading aborted"});
    if (TraitsOf(options_.profile).refused_base_is_read_error) {
      Log({"Unrecoverable error reading the append only file ", name, ": Invalid argument"});
    }
    return FileResult::kFailed;
  }
  at_ = std::min(rdb.size, buffer_.size());
  if (!options_.keep_faults) valid_up_to_ = at_;
  if (old_style) Log({"Reading the remaining AOF tail..."});
  return FileResult::kLoaded;
}

// --- Commands.

AofReader::FileResult AofReader::ReadCommands(std::string_view name) {
  Step step = Step::kOk;
  while (step == Step::kOk) {
    Forget();
    step = ReadCommand();
  }
  if (step != Step::kEnd) return Fail(step, name);
  if (!in_multi_) return FileResult::kLoaded;
  Log({"Revert incomplete MULTI/EXEC transaction in AOF file ", name});
  valid_up_to_ = before_multi_;
  return Short(name);
}

// The vectors are filled with numbers and pointers: AddressSanitizer makes a call of each copy of a
// struct.
AofReader::Step AofReader::ReadCommand() {
  uint32_t plain_count;
  if (PlainLine('*', &plain_count)) return ReadArguments(static_cast<int32_t>(plain_count));
  const std::string_view line = Line();
  if (line.empty()) return error_ != 0 ? Step::kReadError : Step::kEnd;
  const bool is_part = line.back() != '\n' && line.size() < kMaxLine;  // the file ends in it
  if (line[0] == '#') return is_part && !options_.keep_faults ? Step::kShort : Step::kOk;
  if (line[0] != '*') return Step::kBadFormat;
  if (line.size() == 1 || line[1] == '\0') return is_part ? Step::kShort : Step::kReadError;
  return ReadArguments(static_cast<int32_t>(ParseCNumber(line.substr(1))));
}

AofReader::Step AofReader::ReadArguments(int32_t count) {
  if (count < 1) return Step::kBadFormat;
  ranges_.clear();
  for (int32_t i = 0; i < count; ++i) {
    const Step step = ReadArgument();
    if (step != Step::kOk) return step;
  }
  args_.clear();
  for (const Range& range : ranges_) {
    args_.emplace_back(buffer_.data() + range.begin, range.size);
  }
  return RunCommand();
}

AofReader::Step AofReader::ReadArgument() {
  uint32_t plain_size;
  if (PlainLine('$', &plain_size)) return TakeArgument(plain_size);
  const std::string_view line = Line();
  if (line.empty()) return error_ != 0 ? Step::kReadError : Step::kShort;
  if (line[0] != '$') return Step::kBadFormat;
  const auto size = static_cast<uint64_t>(ParseCNumber(line.substr(1)));
  if (size >= kAddressSpace) return Step::kOutOfMemory;
  return TakeArgument(size);
}

AofReader::Step AofReader::TakeArgument(uint64_t size) {
  // The two bytes after it may be any.
  if (!Fill(size + 2)) return error_ != 0 ? Step::kReadError : Step::kShort;
  ranges_.emplace_back(at_, size);
  at_ += size + 2;
  return Step::kOk;
}

AofReader::Step AofReader::RunCommand() {
  if (!sink_->Knows(args_)) return Step::kUnknown;
  const bool multi = EqualsIgnoringCase(args_[0], "multi");
  if (multi && (!in_multi_ || options_.keep_faults)) before_multi_ = valid_up_to_;
  if (in_multi_ && EqualsIgnoringCase(args_[0], "exec")) {
    RunTransaction();
  } else if (in_multi_) {
    for (const std::string_view arg : args_) {
      queued_bytes_.append(arg);
      queued_sizes_.push_back(arg.size());
    }
    queued_counts_.push_back(args_.size());
  } else if (multi) {
    in_multi_ = true;
  } else {
    sink_->Run(args_);
  }
  if (options_.load_truncated) valid_up_to_ = offset();
  return Step::kOk;
}

void AofReader::RunTransaction() {
  in_multi_ = false;
  const bool runs = sink_->BeginTransaction();
  size_t byte = 0;
  size_t next = 0;
  for (const size_t count : queued_counts_) {
    args_.clear();
    for (size_t i = 0; i < count; ++i) {
      args_.emplace_back(queued_bytes_.data() + byte, queued_sizes_[next]);
      byte += queued_sizes_[next++];
    }
    if (!runs) break;
    if (EqualsIgnoringCase(args_[0], "multi")) {
      Log(
          {"== CRITICAL == This server is sending an error to its AOF-loading-client: 'MULTI "
           "calls ",
           "can not be nested' after processing the command 'exec'"});
    } else {
      sink_->Run(args_);
    }
  }
  sink_->EndTransaction();
  queued_bytes_.clear();
  queued_sizes_.clear();
  queued_counts_.clear();
}

// --- Ends.

AofReader::FileResult AofReader::Fail(Step step, std::string_view name) {
  switch (step) {
    case Step::kShort:
      return Short(name);
    case Step::kReadError:
      Log({"Unrecoverable error reading the append only file ", name, ": ",
           FileErrorText(error_ != 0 ? error_ : -ENOENT)});  // what errno happens to be
      break;
    case Step::kOutOfMemory:
      Log({"Out Of Memory allocating an argument of the append only file ", name});
      break;
    case Step::kUnknown:
      Log({"Unknown command '", std::string_view(args_[0]).substr(0, args_[0].find('\0')),
           "' reading the append only file ", name});
      break;
    case Step::kBadFormat:
    case Step::kOk:
    case Step::kEnd:
      Log({"Bad file format reading the append only file ", name,
           ": make a backup of your AOF file, then use ./", TraitsOf(options_.profile).server,
           "-check-aof --fix <filename.manifest>"});
      break;
  }
  return FileResult::kFailed;
}

AofReader::FileResult AofReader::Short(std::string_view name) {
  if (in_multi_ && !options_.keep_faults) valid_up_to_ = before_multi_;
  if (options_.load_truncated) {
    char digits[24];
    Log({"!!! Warning: short read while loading the AOF file ", name, "!!!"});
    Log({"!!! Truncating the AOF ", name, " at offset ",
         FormatInt64(static_cast<int64_t>(valid_up_to_), digits), " !!!"});
    int error = files_->Open(PathOf(name), FileSystem::Mode::kAppend);
    if (error >= 0) {
      const int file = error;
      error = files_->Truncate(file, static_cast<int64_t>(valid_up_to_));
      // redis 7.0 and valkey 8.0 do not sync it: what they have cut off may come back
      // (docs/findings/aof-cut-not-synced.md).
      if (error >= 0) error = files_->Sync(file);
      files_->Close(file);
    }
    if (error >= 0) {
      Log({"AOF ", name, " loaded anyway because aof-load-truncated is enabled"});
      return FileResult::kTruncated;
    }
    Log({"Error truncating the AOF file ", name, ": ", FileErrorText(error)});
  }
  Log({"Unexpected end of file reading the append only file ", name,
       ". You can: 1) Make a backup of your AOF file, then use ./",
       TraitsOf(options_.profile).server,
       "-check-aof --fix <filename.manifest>. 2) Alternatively you can set the ",
       "'aof-load-truncated' configuration option to yes and restart the server."});
  return FileResult::kFailed;
}

}  // namespace resprobe
