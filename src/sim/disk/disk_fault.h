#ifndef RESPROBE_SIM_DISK_DISK_FAULT_H_
#define RESPROBE_SIM_DISK_DISK_FAULT_H_

// What a disk and its file system can do to a program while they run: one table. A fault is a kind,
// when it acts, and a few numbers. Disk::Inject() switches it on; what a crash leaves is a question
// of its own (crash_states.h).

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace resprobe {

enum class DiskFaultKind : uint8_t {
  kSyncFails,
  kSlowSync,
  kNoSpace,
  kReadError,
  kWriteError,
  kOpenError,
  kRenameError,
  kInterrupted,
  kShortRead,
  kShortWrite,
  kReadFlip,
  kRestFlip,
  kReadOnly,
  kSyncLost,
  kWriteFlip,
  kSlowWrite,
};
inline constexpr size_t kDiskFaultKinds = 16;

// What an fsync that fails leaves in the page cache (Rebello et al., USENIX ATC 2020). In each
// variant the pages are clean afterwards: the next fsync does not write them.
enum class SyncFailure : uint8_t {
  kKeep,    // ext4, XFS: the new content can be read until the machine crashes
  kRevert,  // Btrfs: the old content is back at once; file offsets stay
  kLate,    // ext4 data=journal: this fsync returns 0, the next one of the file the error
};
inline constexpr size_t kSyncFailures = 3;

struct DiskFaultAttribute {
  std::string_view name;
  std::string_view unit;
  int64_t usual;  // the default
  int64_t least;
  int64_t most;
};
inline constexpr size_t kDiskFaultAttributes = 2;

struct DiskFaultInfo {
  DiskFaultKind kind;
  std::string_view name;
  std::string_view calls;                                           // which calls it acts on
  std::string_view summary;                                         // what happens
  std::string_view caller_sees;                                     // the result of the call
  std::array<DiskFaultAttribute, kDiskFaultAttributes> attributes;  // without a name: unused

  std::span<const DiskFaultAttribute> named() const {
    size_t count = 0;
    while (count < attributes.size() && !attributes[count].name.empty()) ++count;
    return {attributes.data(), count};
  }
};

// All of them; kind k is at index k.
std::span<const DiskFaultInfo> DiskFaults();
inline const DiskFaultInfo& InfoOf(DiskFaultKind kind) {
  return DiskFaults()[static_cast<size_t>(kind)];
}
std::span<const std::string_view> DiskFaultNames();
inline std::span<const std::string_view> EnumNames(DiskFaultKind) { return DiskFaultNames(); }

struct DiskFault {
  DiskFaultKind kind = DiskFaultKind::kSyncFails;
  // The number of the first I/O call (Disk::io_count(), which counts from 1) that it may act on; a
  // call of another type is passed over. 0: the next one.
  uint64_t from = 0;
  // The number of calls that it acts on; kForever: all, until Disk::Heal().
  uint32_t times = 1;
  // It acts on one in this many of the calls that it could act on, as the disk's choices say.
  uint32_t one_in = 1;
  std::array<int64_t, kDiskFaultAttributes> values{};  // in the order of InfoOf(kind).attributes

  static constexpr uint32_t kForever = UINT32_MAX;
};

// A fault with the default of every attribute, and with the first ones given; values out of range
// are clamped.
DiskFault MakeDiskFault(DiskFaultKind kind, std::span<const int64_t> values = {});

// How often each kind has acted, as opposed to having been switched on.
class DiskFaultCounts {
 public:
  void Acted(const DiskFault& fault) {
    ++counts_[static_cast<size_t>(fault.kind)];
    ++total_;
    if (fault.kind == DiskFaultKind::kSyncFails &&
        fault.values[0] == static_cast<int64_t>(SyncFailure::kLate)) {
      ++late_;
    }
  }
  uint64_t total() const { return total_; }
  uint64_t operator[](DiskFaultKind kind) const { return counts_[static_cast<size_t>(kind)]; }
  // Of kSyncFails, those that were told late (SyncFailure::kLate).
  uint64_t late() const { return late_; }
  void Reset() { *this = {}; }

 private:
  std::array<uint64_t, kDiskFaultKinds> counts_{};
  uint64_t total_ = 0;
  uint64_t late_ = 0;
};

}  // namespace resprobe

#endif  // RESPROBE_SIM_DISK_DISK_FAULT_H_
