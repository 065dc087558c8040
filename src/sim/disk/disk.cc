// The simulated disk: its calls, and the page cache. disk_crash.cc has what is durable.

#include "sim/disk/disk.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/keyspace/hash.h"
#include "sim/disk/crash_states.h"
#include "sim/disk/state_hash.h"

namespace resprobe {
namespace {

constexpr uint32_t kAccess = 3;
constexpr size_t kFewInodes = 64;

bool Reads(uint32_t flags) { return (flags & kAccess) != Disk::kWriteOnly; }
bool Writes(uint32_t flags) { return (flags & kAccess) != Disk::kReadOnly; }

}  // namespace

Disk::Disk() = default;
Disk::~Disk() = default;

void Disk::Reset(const DiskOptions& options, DiskChoices* choices) {
  options_ = options;
  choices_ = choices;
  names_.Reset();
  inodes_used_ = 0;
  collect_at_ = kFewInodes;
  ops_.clear();
  bytes_.clear();
  next_seq_ = 1;
  version_ = 1;
  io_count_ = 0;
  crash_at_ = 0;
  crash_part_ = 0;
  crash_writes_ = 0;
  write_delay_us_ = 0;
  frozen_ = false;
  faults_.clear();
  fault_counts_.Reset();
  next_delay_us_ = -1;
  CloseAll();
  NewInode(/*directory=*/true);
}

// --- Names.

uint32_t Disk::Names::Find(std::string_view name) const {
  for (uint32_t i = 0; i < used_; ++i) {
    if (SameBytes(names_[i], name)) return i;
  }
  return kNone;
}

uint32_t Disk::Names::Add(std::string_view name) {
  const uint32_t found = Find(name);
  if (found != kNone) return found;
  if (used_ == names_.size()) names_.emplace_back();
  names_[used_].assign(name);
  return used_++;
}

void Disk::Names::CopyFrom(const Names& other) {
  if (names_.size() < other.used_) names_.resize(other.used_);
  for (uint32_t i = 0; i < other.used_; ++i) {
    if (i >= used_ || names_[i] != other.names_[i]) names_[i].assign(other.names_[i]);
  }
  used_ = other.used_;
}

void Disk::Set(std::vector<Entry>* entries, uint32_t name, uint32_t inode) {
  for (Entry& entry : *entries) {
    if (entry.name == name) {
      entry.inode = inode;
      return;
    }
  }
  entries->push_back({name, inode});
}

void Disk::Erase(std::vector<Entry>* entries, uint32_t name) {
  std::erase_if(*entries, [name](const Entry& entry) { return entry.name == name; });
}

uint32_t Disk::Get(const std::vector<Entry>& entries, uint32_t name) {
  for (const Entry& entry : entries) {
    if (entry.name == name) return entry.inode;
  }
  return kNone;
}

Disk::Target Disk::Resolve(std::string_view path) const {
  Target target{.inode = kRoot};
  while (true) {
    while (path.starts_with('/')) path.remove_prefix(1);
    if (path.empty()) return target;
    size_t size = 0;  // a loop: an engine intercepts memchr()
    while (size < path.size() && path[size] != '/') ++size;
    const std::string_view name = path.substr(0, size);
    path.remove_prefix(size);
    if (name == ".") continue;
    if (name == "..") return {.error = -EINVAL};
    if (target.inode == kNone) return {.error = -ENOENT};
    if (!inodes_[target.inode].directory) return {.error = -ENOTDIR};
    target.dir = target.inode;
    target.name = name;
    const uint32_t id = names_.Find(name);
    target.inode = id == kNone ? kNone : Get(inodes_[target.dir].entries, id);
  }
}

// --- Calls.

int Disk::Begin(DiskCall* call) {
  if (IsIo(call->op)) ++io_count_;
  call->number = io_count_;
  if (observer_ != nullptr) observer_->OnCall(*this, *call);
  if (crash_at_ != 0 && io_count_ >= crash_at_ && IsIo(call->op)) frozen_ = true;
  return frozen_ ? -EIO : 0;
}

int64_t Disk::End(DiskCall* call, int64_t result) {
  if (observer_ != nullptr) {
    call->result = result;
    observer_->OnResult(*this, *call);
  }
  return result;
}

DiskFault* Disk::ActsAt(DiskFaultKind kind, uint64_t io) {
  for (DiskFault& fault : faults_) {
    if (fault.kind != kind || fault.times == 0 || io < fault.from) continue;
    if (fault.one_in > 1 &&
        (choices_ == nullptr || choices_->Choose(fault.one_in) != fault.one_in - 1)) {
      continue;
    }
    if (fault.times != DiskFault::kForever) --fault.times;
    fault_counts_.Acted(fault);
    return &fault;
  }
  return nullptr;
}

Disk::Descriptor* Disk::Find(int fd) {
  if (fd < 0 || static_cast<size_t>(fd) >= descriptors_.size()) return nullptr;
  Descriptor& descriptor = descriptors_[static_cast<size_t>(fd)];
  return descriptor.open ? &descriptor : nullptr;
}

std::string_view Disk::PathOf(int fd) {
  const Descriptor* descriptor = Find(fd);
  return descriptor == nullptr ? std::string_view() : std::string_view(descriptor->path);
}

int Disk::Open(std::string_view path, uint32_t flags) {
  DiskCall call{.op = DiskOp::kOpen, .path = path};
  const int error = Begin(&call);
  const int64_t fd = error != 0 ? error : DoOpen(path, flags);
  if (fd >= 0) call.fd = static_cast<int>(fd);
  return static_cast<int>(End(&call, fd));
}

int64_t Disk::DoOpen(std::string_view path, uint32_t flags) {
  if (Acts(DiskFaultKind::kInterrupted) != nullptr) return -EINTR;
  if (Acts(DiskFaultKind::kOpenError) != nullptr) return -EIO;
  Target target = Resolve(path);
  if (target.error != 0) return target.error;
  const bool creates = target.inode == kNone;
  if (creates && (flags & kCreate) == 0) return -ENOENT;
  if (!creates && (flags & kCreate) != 0 && (flags & kExclusive) != 0) return -EEXIST;
  if (!creates) {
    const bool directory = inodes_[target.inode].directory;
    if (directory && (Writes(flags) || (flags & kCreate) != 0)) return -EISDIR;
    if (!directory && (flags & kDirectory) != 0) return -ENOTDIR;
  }
  if ((creates || Writes(flags)) && Acts(DiskFaultKind::kReadOnly) != nullptr) return -EROFS;
  if (creates) {
    target.inode = NewInode(/*directory=*/false);
    const uint32_t name = names_.Add(target.name);
    Set(&inodes_[target.dir].entries, name, target.inode);
    AddName(Effect::kLink, target.inode, target.dir, name);
  } else if ((flags & kTruncate) != 0 && Writes(flags)) {
    DoTruncate(target.inode, 0);
  }
  Inode& inode = inodes_[target.inode];
  if (!inode.directory && !inode.content().empty()) {
    if (const DiskFault* flip = Acts(DiskFaultKind::kRestFlip)) {
      Split(&inode);
      const auto place = static_cast<uint64_t>(flip->values[0]);
      const auto mask = static_cast<char>(1 << flip->values[1]);
      inode.cache[inode.cache.size() * place / 1000] ^= mask;
      if (!inode.durable.empty()) inode.durable[inode.durable.size() * place / 1000] ^= mask;
      ++version_;
    }
  }
  size_t fd = 0;
  while (fd < descriptors_.size() && descriptors_[fd].open) ++fd;
  if (fd == descriptors_.size()) descriptors_.emplace_back();
  Descriptor& descriptor = descriptors_[fd];
  descriptor.open = true;
  descriptor.flags = flags;
  descriptor.inode = target.inode;
  // As Linux does: an error that no descriptor was told of yet is told to a new one.
  descriptor.errors_seen = inode.errors > 0 && !inode.error_told ? inode.errors - 1 : inode.errors;
  descriptor.offset = 0;
  descriptor.path.assign(path);
  return static_cast<int64_t>(fd);
}

int Disk::Close(int fd) {
  DiskCall call{.op = DiskOp::kClose, .fd = fd, .path = PathOf(fd)};
  int error = Begin(&call);
  if (error == 0) {
    Descriptor* descriptor = Find(fd);
    if (descriptor == nullptr) {
      error = -EBADF;
    } else {
      descriptor->open = false;
    }
  }
  return static_cast<int>(End(&call, error));
}

int64_t Disk::Read(int fd, std::span<char> into) { return ReadCall(fd, into, nullptr); }

int64_t Disk::ReadAt(int fd, std::span<char> into, int64_t offset) {
  return ReadCall(fd, into, &offset);
}

int64_t Disk::ReadCall(int fd, std::span<char> into, const int64_t* at) {
  Descriptor* descriptor = Find(fd);
  DiskCall call{.op = DiskOp::kRead,
                .fd = fd,
                .path = PathOf(fd),
                .offset = at != nullptr           ? *at
                          : descriptor != nullptr ? descriptor->offset
                                                  : 0,
                .bytes = static_cast<int64_t>(into.size())};
  if (const int error = Begin(&call)) return End(&call, error);
  if (descriptor == nullptr || !Reads(descriptor->flags)) return End(&call, -EBADF);
  const int64_t result = DoRead(*descriptor, into, call.offset);
  if (result > 0 && at == nullptr) descriptor->offset += result;
  return End(&call, result);
}

int64_t Disk::DoRead(const Descriptor& descriptor, std::span<char> into, int64_t offset) {
  const Inode& inode = inodes_[descriptor.inode];
  if (inode.directory) return -EISDIR;
  if (offset < 0) return -EINVAL;
  if (Acts(DiskFaultKind::kInterrupted) != nullptr) return -EINTR;
  if (Acts(DiskFaultKind::kReadError) != nullptr) return -EIO;
  const std::string& content = inode.content();
  const auto from = static_cast<size_t>(offset);
  size_t size = from < content.size() ? std::min(into.size(), content.size() - from) : 0;
  if (size == 0) return 0;
  if (size > 1) {
    if (const DiskFault* fault = Acts(DiskFaultKind::kShortRead)) {
      size = std::min(size, static_cast<size_t>(fault->values[0]));
    }
  }
  std::memcpy(into.data(), content.data() + from, size);
  if (const DiskFault* flip = Acts(DiskFaultKind::kReadFlip)) {
    into[size * static_cast<size_t>(flip->values[0]) / 1000] ^=
        static_cast<char>(1 << flip->values[1]);
  }
  return static_cast<int64_t>(size);
}

int64_t Disk::Write(int fd, std::string_view bytes) { return WriteCall(fd, bytes, nullptr); }

int64_t Disk::WriteAt(int fd, std::string_view bytes, int64_t offset) {
  return WriteCall(fd, bytes, &offset);
}

int64_t Disk::WriteCall(int fd, std::string_view bytes, const int64_t* at) {
  Descriptor* descriptor = Find(fd);
  DiskCall call{.op = DiskOp::kWrite,
                .fd = fd,
                .path = PathOf(fd),
                .offset = at != nullptr ? *at : 0,
                .bytes = static_cast<int64_t>(bytes.size())};
  const bool writable = descriptor != nullptr && Writes(descriptor->flags);
  if (writable && at == nullptr) {
    call.offset = (descriptor->flags & kAppend) != 0
                      ? static_cast<int64_t>(inodes_[descriptor->inode].content().size())
                      : descriptor->offset;
  }
  const bool counts = crash_writes_ > 0 && writable && !bytes.empty();
  if (counts) --crash_writes_;
  if (counts && crash_writes_ == 0) {
    CrashAt(io_count_ + 1, static_cast<int64_t>(bytes.size()) * crash_share_ / UINT8_MAX);
  }
  const bool was_frozen = frozen_;
  if (const int error = Begin(&call)) {
    if (!was_frozen && writable && crash_part_ > 0) {
      const auto part = std::min(bytes.size(), static_cast<size_t>(crash_part_));
      DoWrite(descriptor->inode, bytes.substr(0, part), call.offset);
    }
    return End(&call, error);
  }
  if (!writable) return End(&call, -EBADF);
  if (Acts(DiskFaultKind::kReadOnly) != nullptr) return End(&call, -EROFS);
  if (Acts(DiskFaultKind::kInterrupted) != nullptr) return End(&call, -EINTR);
  if (Acts(DiskFaultKind::kWriteError) != nullptr) return End(&call, -EIO);
  if (!bytes.empty()) {
    if (DiskFault* fault = Acts(DiskFaultKind::kNoSpace)) {
      bytes = bytes.substr(0, std::min(static_cast<size_t>(fault->values[0]), bytes.size() - 1));
      fault->values[0] = 0;  // the room is used up
      if (bytes.empty()) return End(&call, -ENOSPC);
    }
  }
  if (bytes.size() > 1) {
    if (const DiskFault* fault = Acts(DiskFaultKind::kShortWrite)) {
      bytes = bytes.substr(0, static_cast<size_t>(fault->values[0]));
    }
  }
  std::string flipped;
  if (!bytes.empty()) {
    if (const DiskFault* flip = Acts(DiskFaultKind::kWriteFlip)) {
      flipped = bytes;
      flipped[bytes.size() * static_cast<size_t>(flip->values[0]) / 1000] ^=
          static_cast<char>(1 << flip->values[1]);
      bytes = flipped;
    }
    if (const DiskFault* slow = Acts(DiskFaultKind::kSlowWrite)) {
      write_delay_us_ += slow->values[0] * 1000;
    }
  }
  const int64_t result = DoWrite(descriptor->inode, bytes, call.offset);
  if (result > 0 && at == nullptr) descriptor->offset = call.offset + result;
  return End(&call, result);
}

int64_t Disk::DoWrite(uint32_t inode, std::string_view bytes, int64_t offset) {
  if (offset < 0) return -EINVAL;
  if (bytes.empty()) return 0;
  if (offset > options_.max_file_bytes - static_cast<int64_t>(bytes.size())) return -EFBIG;
  if (options_.space_bytes != INT64_MAX) {
    const auto size = static_cast<int64_t>(inodes_[inode].content().size());
    const int64_t fits = std::max(size, size + Room()) - offset;
    if (fits <= 0) return -ENOSPC;
    bytes = bytes.substr(0, static_cast<size_t>(fits));
  }
  Put(inode, offset, bytes);
  return static_cast<int64_t>(bytes.size());
}

int64_t Disk::Seek(int fd, int64_t offset, Whence whence) {
  DiskCall call{.op = DiskOp::kSeek, .fd = fd, .path = PathOf(fd), .offset = offset};
  if (const int error = Begin(&call)) return End(&call, error);
  Descriptor* descriptor = Find(fd);
  if (descriptor == nullptr) return End(&call, -EBADF);
  int64_t from = 0;
  if (whence == Whence::kCurrent) from = descriptor->offset;
  if (whence == Whence::kEnd) {
    from = static_cast<int64_t>(inodes_[descriptor->inode].content().size());
  }
  int64_t to = 0;
  if (__builtin_add_overflow(from, offset, &to) || to < 0) return End(&call, -EINVAL);
  descriptor->offset = to;
  return End(&call, to);
}

int64_t Disk::sync_delay_us() {
  if (next_delay_us_ < 0) {
    next_delay_us_ = options_.sync_us;
    // An fsync counts as one I/O call, the next one.
    if (const DiskFault* fault = ActsAt(DiskFaultKind::kSlowSync, io_count_ + 1)) {
      next_delay_us_ += fault->values[0] * 1000;
    }
  }
  return next_delay_us_;
}

int Disk::Sync(int fd, uint64_t up_to) {
  DiskCall call{.op = DiskOp::kSync, .fd = fd, .path = PathOf(fd)};
  if (!frozen_) sync_delay_us();
  next_delay_us_ = -1;
  if (const int error = Begin(&call)) return static_cast<int>(End(&call, error));
  Descriptor* descriptor = Find(fd);
  const int64_t result = descriptor == nullptr ? -EBADF : DoSync(descriptor, up_to);
  return static_cast<int>(End(&call, result));
}

int64_t Disk::DoSync(Descriptor* descriptor, uint64_t up_to) {
  if (Acts(DiskFaultKind::kInterrupted) != nullptr) return -EINTR;
  if (Acts(DiskFaultKind::kSyncLost) != nullptr) return 0;
  const DiskFault* fault = Acts(DiskFaultKind::kSyncFails);
  if (inodes_[descriptor->inode].directory) {
    if (fault != nullptr) return -EIO;
    SyncNames(descriptor->inode, up_to);
    return 0;
  }
  bool late = false;
  if (fault != nullptr) {
    const auto how = static_cast<SyncFailure>(fault->values[0]);
    late = how == SyncFailure::kLate;
    LoseData(descriptor->inode, how);
  } else {
    SyncData(descriptor->inode, up_to);
  }
  Inode& inode = inodes_[descriptor->inode];
  if (late || descriptor->errors_seen == inode.errors) return 0;
  descriptor->errors_seen = inode.errors;
  inode.error_told = true;
  return -EIO;
}

int Disk::Truncate(int fd, int64_t size) {
  DiskCall call{.op = DiskOp::kTruncate, .fd = fd, .path = PathOf(fd), .offset = size};
  if (const int error = Begin(&call)) return static_cast<int>(End(&call, error));
  const Descriptor* descriptor = Find(fd);
  if (descriptor == nullptr) return static_cast<int>(End(&call, -EBADF));
  if (!Writes(descriptor->flags)) return static_cast<int>(End(&call, -EINVAL));
  return static_cast<int>(End(&call, TruncateCall(descriptor->inode, size)));
}

int Disk::Truncate(std::string_view path, int64_t size) {
  DiskCall call{.op = DiskOp::kTruncate, .path = path, .offset = size};
  if (const int error = Begin(&call)) return static_cast<int>(End(&call, error));
  const Target target = Resolve(path);
  if (target.error != 0) return static_cast<int>(End(&call, target.error));
  if (target.inode == kNone) return static_cast<int>(End(&call, -ENOENT));
  if (inodes_[target.inode].directory) return static_cast<int>(End(&call, -EISDIR));
  return static_cast<int>(End(&call, TruncateCall(target.inode, size)));
}

int64_t Disk::TruncateCall(uint32_t inode, int64_t size) {
  if (size < 0) return -EINVAL;
  if (size > options_.max_file_bytes) return -EFBIG;
  if (Acts(DiskFaultKind::kReadOnly) != nullptr) return -EROFS;
  if (Acts(DiskFaultKind::kWriteError) != nullptr) return -EIO;
  DoTruncate(inode, size);
  return 0;
}

int64_t Disk::Size(int fd) {
  DiskCall call{.op = DiskOp::kSize, .fd = fd, .path = PathOf(fd)};
  if (const int error = Begin(&call)) return End(&call, error);
  const Descriptor* descriptor = Find(fd);
  if (descriptor == nullptr) return End(&call, -EBADF);
  return End(&call, static_cast<int64_t>(inodes_[descriptor->inode].content().size()));
}

int64_t Disk::Size(std::string_view path) {
  DiskCall call{.op = DiskOp::kSize, .path = path};
  if (const int error = Begin(&call)) return End(&call, error);
  const Target target = Resolve(path);
  if (target.error != 0) return End(&call, target.error);
  if (target.inode == kNone) return End(&call, -ENOENT);
  const Inode& inode = inodes_[target.inode];
  return End(&call, inode.directory ? 0 : static_cast<int64_t>(inode.content().size()));
}

int Disk::Rename(std::string_view from, std::string_view to) {
  DiskCall call{.op = DiskOp::kRename, .path = from, .to = to};
  const int error = Begin(&call);
  return static_cast<int>(End(&call, error != 0 ? error : DoRename(from, to)));
}

int64_t Disk::DoRename(std::string_view from, std::string_view to) {
  if (Acts(DiskFaultKind::kReadOnly) != nullptr) return -EROFS;
  if (Acts(DiskFaultKind::kRenameError) != nullptr) return -EIO;
  const Target source = Resolve(from);
  if (source.error != 0) return source.error;
  const Target target = Resolve(to);
  if (target.error != 0) return target.error;
  if (source.inode == kNone) return -ENOENT;
  if (source.dir == kNone || target.dir == kNone) return -EBUSY;
  if (target.inode == source.inode) return 0;
  if (inodes_[source.inode].directory && Reaches(source.inode, target.dir)) return -EINVAL;
  if (target.inode != kNone && Reaches(target.inode, source.dir)) return -ENOTEMPTY;
  if (target.inode != kNone) {
    if (inodes_[target.inode].directory) {
      if (!inodes_[source.inode].directory) return -EISDIR;
      if (!inodes_[target.inode].entries.empty()) return -ENOTEMPTY;
    } else if (inodes_[source.inode].directory) {
      return -ENOTDIR;
    }
  }
  const uint32_t old_name = names_.Find(source.name);
  const uint32_t new_name = names_.Add(target.name);
  Erase(&inodes_[source.dir].entries, old_name);
  Set(&inodes_[target.dir].entries, new_name, source.inode);
  AddName(Effect::kRename, source.inode, source.dir, old_name, target.dir, new_name);
  return 0;
}

bool Disk::Reaches(uint32_t from, uint32_t dir) const {
  if (from == dir) return true;
  return std::ranges::any_of(inodes_[from].entries, [&](const Entry& entry) {
    return inodes_[entry.inode].directory && Reaches(entry.inode, dir);
  });
}

int Disk::Unlink(std::string_view path) {
  DiskCall call{.op = DiskOp::kUnlink, .path = path};
  const int error = Begin(&call);
  return static_cast<int>(End(&call, error != 0 ? error : DoUnlink(path, /*directory=*/false)));
}

int Disk::RemoveDirectory(std::string_view path) {
  DiskCall call{.op = DiskOp::kRemoveDirectory, .path = path};
  const int error = Begin(&call);
  return static_cast<int>(End(&call, error != 0 ? error : DoUnlink(path, /*directory=*/true)));
}

int64_t Disk::DoUnlink(std::string_view path, bool directory) {
  if (Acts(DiskFaultKind::kReadOnly) != nullptr) return -EROFS;
  if (Acts(DiskFaultKind::kRenameError) != nullptr) return -EIO;
  const Target target = Resolve(path);
  if (target.error != 0) return target.error;
  if (target.inode == kNone) return -ENOENT;
  const Inode& inode = inodes_[target.inode];
  if (directory && !inode.directory) return -ENOTDIR;
  if (!directory && inode.directory) return -EISDIR;
  if (target.dir == kNone) return -EBUSY;
  if (directory && !inode.entries.empty()) return -ENOTEMPTY;
  const uint32_t name = names_.Find(target.name);
  Erase(&inodes_[target.dir].entries, name);
  AddName(Effect::kUnlink, target.inode, target.dir, name);
  return 0;
}

int Disk::MakeDirectory(std::string_view path) {
  DiskCall call{.op = DiskOp::kMakeDirectory, .path = path};
  const int error = Begin(&call);
  return static_cast<int>(End(&call, error != 0 ? error : DoMakeDirectory(path)));
}

int64_t Disk::DoMakeDirectory(std::string_view path) {
  const Target target = Resolve(path);
  if (target.error != 0) return target.error;
  if (target.inode != kNone) return -EEXIST;
  if (Acts(DiskFaultKind::kReadOnly) != nullptr) return -EROFS;
  if (Acts(DiskFaultKind::kRenameError) != nullptr) return -EIO;
  const uint32_t inode = NewInode(/*directory=*/true);
  const uint32_t name = names_.Add(target.name);
  Set(&inodes_[target.dir].entries, name, inode);
  AddName(Effect::kLink, inode, target.dir, name);
  return 0;
}

int Disk::List(std::string_view path, std::vector<std::string>* names) {
  DiskCall call{.op = DiskOp::kList, .path = path};
  names->clear();
  if (const int error = Begin(&call)) return static_cast<int>(End(&call, error));
  const Target target = Resolve(path);
  if (target.error != 0) return static_cast<int>(End(&call, target.error));
  if (target.inode == kNone) return static_cast<int>(End(&call, -ENOENT));
  if (!inodes_[target.inode].directory) return static_cast<int>(End(&call, -ENOTDIR));
  for (const Entry& entry : inodes_[target.inode].entries) names->push_back(names_[entry.name]);
  std::ranges::sort(*names);
  return static_cast<int>(End(&call, 0));
}

// --- The page cache.

uint32_t Disk::NewInode(bool directory) {
  const auto free_inode = [this] {
    uint32_t i = 0;
    while (i < inodes_used_ && inodes_[i].used) ++i;
    return i;
  };
  uint32_t number = free_inode();
  if (number == inodes_used_ && inodes_used_ >= collect_at_) {
    CollectInodes();
    number = free_inode();
    collect_at_ = std::max<size_t>(kFewInodes, 2 * static_cast<size_t>(number));
  }
  if (number == inodes_used_) {
    ++inodes_used_;
    if (inodes_.size() < inodes_used_) inodes_.resize(inodes_used_);
  }
  Inode& inode = inodes_[number];
  inode.used = true;
  inode.directory = directory;
  inode.split = false;
  inode.error_told = false;
  inode.errors = 0;
  inode.cache.clear();
  inode.durable.clear();
  inode.lost.clear();
  inode.entries.clear();
  inode.durable_entries.clear();
  return number;
}

void Disk::CollectInodes() {
  scratch_.clear();
  for (uint32_t i = 0; i < inodes_used_; ++i) inodes_[i].used = false;
  const auto reach = [this](uint32_t number) {
    if (number == kNone || inodes_[number].used) return;
    inodes_[number].used = true;
    scratch_.push_back(number);
  };
  reach(kRoot);
  for (const Op& op : ops_) {
    reach(op.inode);
    reach(op.dir);
    reach(op.to_dir);
  }
  for (const Descriptor& descriptor : descriptors_) {
    if (descriptor.open) reach(descriptor.inode);
  }
  while (!scratch_.empty()) {
    const uint32_t number = scratch_.back();
    scratch_.pop_back();
    for (const Entry& entry : inodes_[number].entries) reach(entry.inode);
    for (const Entry& entry : inodes_[number].durable_entries) reach(entry.inode);
  }
}

void Disk::Split(Inode* inode) {
  if (inode->split) return;
  inode->cache.assign(inode->durable);
  inode->split = true;
}

int64_t Disk::Room() const {
  int64_t used = 0;
  for (uint32_t i = 0; i < inodes_used_; ++i) {
    if (inodes_[i].used) used += static_cast<int64_t>(inodes_[i].content().size());
  }
  return options_.space_bytes - used;
}

void Disk::Put(uint32_t number, int64_t offset, std::string_view bytes) {
  Inode& inode = inodes_[number];
  Split(&inode);
  int64_t end = offset + static_cast<int64_t>(bytes.size());
  if (inode.cache.size() < static_cast<size_t>(end)) inode.cache.resize(static_cast<size_t>(end));
  std::memcpy(inode.cache.data() + offset, bytes.data(), bytes.size());
  // A clean page whose content never reached the medium is written in whole once it is dirty again.
  if (!inode.lost.empty()) [[unlikely]] {
    const int64_t first = offset / kPage;
    const int64_t last = (end - 1) / kPage;
    const auto size = static_cast<int64_t>(inode.cache.size());
    std::erase_if(inode.lost, [&](int64_t page) {
      if (page < first || page > last) return false;
      offset = std::min(offset, page * kPage);
      end = std::max(end, std::min(size, (page + 1) * kPage));
      return true;
    });
    bytes = std::string_view(inode.cache)
                .substr(static_cast<size_t>(offset), static_cast<size_t>(end - offset));
  }
  const size_t place = bytes_.size();
  bytes_.append(bytes);
  ops_.push_back({.effect = Effect::kWrite,
                  .inode = number,
                  .seq = next_seq_++,
                  .offset = offset,
                  .size = end - offset,
                  .bytes = place});
  ++version_;
}

void Disk::DoTruncate(uint32_t number, int64_t size) {
  Inode& inode = inodes_[number];
  if (static_cast<int64_t>(inode.content().size()) == size) return;
  Split(&inode);
  inode.cache.resize(static_cast<size_t>(size));
  std::erase_if(inode.lost, [size](int64_t page) { return page * kPage >= size; });
  ops_.push_back(
      {.effect = Effect::kTruncate, .inode = number, .seq = next_seq_++, .offset = size});
  ++version_;
}

void Disk::AddName(Effect effect, uint32_t inode, uint32_t dir, uint32_t name, uint32_t to_dir,
                   uint32_t to_name) {
  ops_.push_back({.effect = effect,
                  .inode = inode,
                  .seq = next_seq_++,
                  .dir = dir,
                  .name = name,
                  .to_dir = to_dir,
                  .to_name = to_name});
  ++version_;
}

// --- Inspection.

bool Disk::IsDirectory(std::string_view path) const {
  const Target target = Resolve(path);
  return target.error == 0 && target.inode != kNone && inodes_[target.inode].directory;
}

void Disk::CopyFrom(const Disk& other) {
  options_ = other.options_;
  inodes_ = other.inodes_;
  inodes_used_ = other.inodes_used_;
  collect_at_ = other.collect_at_;
  names_.CopyFrom(other.names_);
  descriptors_ = other.descriptors_;
  ops_ = other.ops_;
  bytes_ = other.bytes_;
  next_seq_ = other.next_seq_;
  version_ = other.version_;
  io_count_ = other.io_count_;
  crash_at_ = other.crash_at_;
  crash_part_ = other.crash_part_;
  crash_writes_ = other.crash_writes_;
  crash_share_ = other.crash_share_;
  write_delay_us_ = other.write_delay_us_;
  frozen_ = other.frozen_;
  faults_ = other.faults_;
  fault_counts_ = other.fault_counts_;
  next_delay_us_ = other.next_delay_us_;
}

const std::string* Disk::Content(std::string_view path) const {
  const Target target = Resolve(path);
  if (target.inode == kNone || target.error != 0 || inodes_[target.inode].directory) return nullptr;
  return &inodes_[target.inode].content();
}

uint64_t Disk::StateHash() const { return HashOf(kRoot, kRootDigest); }

uint64_t Disk::HashOf(uint32_t dir, uint64_t path) const {
  uint64_t hash = TreeTerm(path, kDirectoryDigest);
  for (const Entry& entry : inodes_[dir].entries) {
    const uint64_t below = PathDigest(path, names_[entry.name]);
    const Inode& inode = inodes_[entry.inode];
    hash += inode.directory ? HashOf(entry.inode, below)
                            : TreeTerm(below, ContentDigest(inode.content()));
  }
  return hash;
}

void Disk::Place(std::string_view path, std::string_view content) {
  // Level by level, each entry durable at once.
  uint32_t dir = kRoot;
  while (true) {
    while (path.starts_with('/')) path.remove_prefix(1);
    size_t size = 0;  // a loop: an engine intercepts memchr()
    while (size < path.size() && path[size] != '/') ++size;
    const uint32_t name = names_.Add(path.substr(0, size));
    path.remove_prefix(size);
    uint32_t inode = Get(inodes_[dir].entries, name);
    if (inode == kNone) {
      inode = NewInode(/*directory=*/!path.empty());
      Set(&inodes_[dir].entries, name, inode);
      Set(&inodes_[dir].durable_entries, name, inode);
    }
    if (path.empty()) {
      inodes_[inode].durable.assign(content);
      inodes_[inode].split = false;
      ++version_;
      return;
    }
    dir = inode;
  }
}

}  // namespace resprobe
