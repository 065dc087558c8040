#include "sim/disk/disk_fault.h"

#include <algorithm>

namespace resprobe {
namespace {

constexpr int64_t kMostMs = 600'000;
constexpr int64_t kMostBytes = 1 << 30;

// The byte of the file at `place` thousandths of its length, and the bit in that byte.
constexpr std::array<DiskFaultAttribute, kDiskFaultAttributes> kFlip = {
    {{"place", "thousandths", 500, 0, 999}, {"bit", "number", 0, 0, 7}}};

// clang-format off
constexpr DiskFaultInfo kFaults[] = {
    {DiskFaultKind::kSyncFails, "sync_fails", "fsync, fdatasync",
     "the write to the medium fails, and the pages are marked clean nevertheless",
     "EIO, once per open file; the next fsync succeeds, though the data is not on disk",
     {{{"variant", "0 keep, 1 revert, 2 late", 0, 0, kSyncFailures - 1}}}},
    {DiskFaultKind::kSlowSync, "slow_sync", "fsync, fdatasync",
     "the fsync takes longer",
     "0 after the delay (Disk::sync_delay_us)",
     {{{"delay", "ms", 1000, 0, kMostMs}}}},
    {DiskFaultKind::kNoSpace, "no_space", "write",
     "the file system is full after a part of the write",
     "the part's length, or ENOSPC if the part is empty",
     {{{"part", "bytes", 0, 0, kMostBytes}}}},
    {DiskFaultKind::kReadError, "read_error", "read",
     "the medium cannot be read",
     "EIO",
     {}},
    {DiskFaultKind::kWriteError, "write_error", "write, truncate",
     "nothing is written",
     "EIO",
     {}},
    {DiskFaultKind::kOpenError, "open_error", "open",
     "the directory or the inode cannot be read",
     "EIO",
     {}},
    {DiskFaultKind::kRenameError, "rename_error", "rename, unlink, mkdir, rmdir",
     "the directory cannot be changed",
     "EIO",
     {}},
    {DiskFaultKind::kInterrupted, "interrupted", "open, read, write, fsync",
     "a signal interrupts the call before it has any effect",
     "EINTR",
     {}},
    {DiskFaultKind::kShortRead, "short_read", "read",
     "fewer bytes are read than were asked for",
     "at most N bytes",
     {{{"bytes", "bytes", 1, 1, kMostBytes}}}},
    {DiskFaultKind::kShortWrite, "short_write", "write",
     "fewer bytes are written than were given",
     "at most N bytes",
     {{{"bytes", "bytes", 1, 1, kMostBytes}}}},
    {DiskFaultKind::kReadFlip, "read_flip", "read",
     "one bit of what is read is inverted on its way; the disk has the right one",
     "one wrong bit",
     kFlip},
    {DiskFaultKind::kRestFlip, "rest_flip", "open",
     "one bit of the file that is opened is inverted on the medium, for ever",
     "one wrong bit in each read of it",
     kFlip},
    {DiskFaultKind::kReadOnly, "read_only", "open for writing, write, truncate, rename, unlink, mkdir, rmdir",
     "the file system is mounted read-only, as after an error",
     "EROFS",
     {}},
    {DiskFaultKind::kSyncLost, "sync_lost", "fsync, fdatasync",
     "the drive keeps the data in a cache that a power failure empties",
     "0; what was pending stays pending, until an fsync that this does not act on",
     {}},
    {DiskFaultKind::kWriteFlip, "write_flip", "write",
     "one bit of what is written is inverted on its way, for ever",
     "the result of the write; one wrong bit in each read of it",
     kFlip},
    {DiskFaultKind::kSlowWrite, "slow_write", "write",
     "the write takes time",
     "the result of the write, after the delay (Disk::TakeDelay)",
     {{{"delay", "ms", 100, 0, kMostMs}}}},
};
// clang-format on
static_assert(std::size(kFaults) == kDiskFaultKinds);

constexpr auto kNames = [] {
  std::array<std::string_view, kDiskFaultKinds> names;
  for (size_t i = 0; i < kDiskFaultKinds; ++i) names[i] = kFaults[i].name;
  return names;
}();

}  // namespace

std::span<const DiskFaultInfo> DiskFaults() { return kFaults; }
std::span<const std::string_view> DiskFaultNames() { return kNames; }

DiskFault MakeDiskFault(DiskFaultKind kind, std::span<const int64_t> values) {
  DiskFault fault{.kind = kind};
  const std::span<const DiskFaultAttribute> attributes = InfoOf(kind).named();
  for (size_t i = 0; i < attributes.size(); ++i) {
    const DiskFaultAttribute& attribute = attributes[i];
    fault.values[i] = i < values.size() ? std::clamp(values[i], attribute.least, attribute.most)
                                        : attribute.usual;
  }
  return fault;
}

}  // namespace resprobe
