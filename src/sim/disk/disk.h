#ifndef RESPROBE_SIM_DISK_DISK_H_
#define RESPROBE_SIM_DISK_DISK_H_

// A simulated disk with its file system and page cache, at the level of system calls. It knows
// nothing of the program that uses it.
//
// Model: what the program reads is the page cache. What is durable is kept apart: the content and
// size of each file, the entries of each directory, and everything pending in the order of the
// calls: writes, truncates, creations, renames, unlinks. fsync of a file makes its content and size
// durable, not its name; fsync of a directory makes its entries durable.
//
// Faults: disk_fault.h, switched on by Inject(); a crash, by Crash() or, in the middle of a series
// of calls, by CrashAt().
//
// Promise: after Crash(kProcess) the files are as the program has written them. After
// Crash(kMachine) each file and directory is in one of the states that the level allows
// (crash_states.h lists them); what was synced is always kept.
//
// A result below 0 is an error: the negated errno value. A path is relative to the root directory,
// with or without a leading "/"; ".." is not supported (-EINVAL), and there are no links.
//
// Memory is kept from run to run: once the disk has held the most that it will, a run allocates
// nothing.

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/disk/disk_choices.h"
#include "sim/disk/disk_fault.h"
#include "sim/node_disk.h"

namespace resprobe {

class CrashStates;
class Disk;

// What a power failure may leave of what is pending. Each level allows all states of the one
// before.
enum class CrashLevel : uint8_t {
  // The effects of a first part of all calls, in their order; the last one may be torn. An fsync
  // makes everything before it durable. (ext3, and ext4 with data=ordered without delayed
  // allocation: metadata in order, appended data before the size.)
  kPrefix,
  // The same for each file, and for the names of all directories together, independently. (ext4 and
  // XFS: a journal of metadata; data of different files in any order.)
  kReordered,
  // Any subset that respects fsync: each name, each unit of data and each size by itself. A file
  // can
  // have its new size without its data, which is then zeros or garbage. (ALICE, OSDI 2014.)
  kWeak,
};
inline constexpr size_t kCrashLevels = 3;
inline constexpr std::string_view kCrashLevelNames[] = {"prefix", "reordered", "weak"};
constexpr std::span<const std::string_view> EnumNames(CrashLevel) { return kCrashLevelNames; }

struct DiskOptions {
  CrashLevel level = CrashLevel::kPrefix;
  // What the medium writes atomically, in bytes: a page (4096) or a sector (512). A write can be
  // torn between two of them.
  uint32_t unit_bytes = 4096;
  // An fsync takes this long without any fault, in microseconds.
  int64_t sync_us = 0;
  // The size of the file system: the sum of all file contents, in bytes. A write beyond it is
  // shortened; with no room at all it gets -ENOSPC.
  int64_t space_bytes = INT64_MAX;
  // A write beyond this offset gets -EFBIG.
  int64_t max_file_bytes = 64 << 20;
};

enum class DiskOp : uint8_t {
  // These are I/O calls: they are counted, and can be crash points.
  kOpen,
  kRead,
  kWrite,
  kSync,
  kTruncate,
  kRename,
  kUnlink,
  kMakeDirectory,
  kRemoveDirectory,
  kList,
  // These are not.
  kClose,
  kSeek,
  kSize,
};
inline constexpr size_t kDiskOps = 13;
inline constexpr std::string_view kDiskOpNames[] = {
    "open",  "read",  "write",   "fsync", "truncate", "rename", "unlink",
    "mkdir", "rmdir", "readdir", "close", "lseek",    "fstat"};
constexpr std::span<const std::string_view> EnumNames(DiskOp) { return kDiskOpNames; }
constexpr bool IsIo(DiskOp op) { return op < DiskOp::kClose; }

struct DiskCall {
  DiskOp op = DiskOp::kOpen;
  uint64_t number = 0;         // of the I/O call, from 1; for other calls, of the last I/O call
  int fd = -1;                 // -1: the call has a path only
  std::string_view path = {};  // of a descriptor: as it was opened
  std::string_view to = {};    // of a rename
  int64_t offset = 0;          // of a read or write; the new size of a truncate
  int64_t bytes = 0;           // asked for
  int64_t result = 0;          // valid in OnResult()
};

// Sees all calls. It may read the disk (list the crash states, for instance), but not change it.
class DiskObserver {
 public:
  virtual ~DiskObserver() = default;
  // Before the call has any effect: a crash at this call finds this state.
  virtual void OnCall(const Disk&, const DiskCall&) {}
  virtual void OnResult(const Disk&, const DiskCall&) {}
};

class Disk : public NodeDisk {
 public:
  // The flags of Open(), with Linux's values on x86-64.
  enum Flags : uint32_t {
    kReadOnly = 0,
    kWriteOnly = 1,
    kReadWrite = 2,
    kCreate = 0100,
    kExclusive = 0200,
    kTruncate = 01000,
    kAppend = 02000,
    kDirectory = 0200000,
  };
  enum class Whence : uint8_t { kSet, kCurrent, kEnd };
  static constexpr uint64_t kEverything = UINT64_MAX;

  Disk();
  ~Disk() override;
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  // An empty disk that holds a root directory. `choices` is not owned; nullptr: always 0.
  void Reset(const DiskOptions& options = {}, DiskChoices* choices = nullptr);
  const DiskOptions& options() const { return options_; }
  // Both take effect from the next call on.
  void set_space_bytes(int64_t bytes) { options_.space_bytes = bytes; }
  void set_sync_us(int64_t us) { options_.sync_us = us; }
  // Not owned; nullptr: always 0.
  void set_choices(DiskChoices* choices) { choices_ = choices; }
  // Sees all calls from now on; not owned; nullptr: none.
  void set_observer(DiskObserver* observer) { observer_ = observer; }

  // --- System calls.

  // The lowest free descriptor. A directory can be opened with kReadOnly, for Sync().
  int Open(std::string_view path, uint32_t flags);
  int Close(int fd);
  int64_t Read(int fd, std::span<char> into);
  int64_t ReadAt(int fd, std::span<char> into, int64_t offset);
  int64_t Write(int fd, std::string_view bytes);
  int64_t WriteAt(int fd, std::string_view bytes, int64_t offset);
  int64_t Seek(int fd, int64_t offset, Whence whence);
  // fsync and fdatasync (only times differ, which this disk does not have), of a file or directory.
  // `up_to`: a sync_point(): the fsync began then, and what came later may still be pending.
  int Sync(int fd, uint64_t up_to = kEverything);
  int Truncate(int fd, int64_t size);
  int Truncate(std::string_view path, int64_t size);
  int64_t Size(int fd);
  int64_t Size(std::string_view path);
  // Replaces a file, or an empty directory, that has the new name, atomically.
  int Rename(std::string_view from, std::string_view to);
  int Unlink(std::string_view path);
  int MakeDirectory(std::string_view path);
  int RemoveDirectory(std::string_view path);
  // The names in a directory, sorted by bytes.
  int List(std::string_view path, std::vector<std::string>* names);

  // --- An fsync that takes virtual time.

  // How long an fsync takes that is started now, in microseconds. The caller lets this time pass
  // and calls Sync() at its end. If the program goes on meanwhile (an fsync in a thread), the
  // caller notes sync_point() at the start, and hands it to Sync().
  int64_t sync_delay_us();
  uint64_t sync_point() const { return next_seq_; }
  // How long writes have taken since this was last asked, in microseconds (kSlowWrite): the caller
  // lets this time pass.
  int64_t TakeDelay() { return std::exchange(write_delay_us_, 0); }

  // --- Faults.

  void Inject(const DiskFault& fault);
  // All faults end, and a full disk has room again. What they have done remains.
  void Heal();
  const DiskFaultCounts& fault_counts() const { return fault_counts_; }

  // --- Crashes.

  // The number of I/O calls so far, those without effect included.
  uint64_t io_count() const { return io_count_; }
  // At the I/O call with this number the disk freezes: this call and all later ones have no effect
  // and return -EIO. If it is a write, its first `part` bytes reach the page cache before. The
  // world looks at frozen() after a turn of the server, discards what that has not sent yet, and
  // crashes the node. 0: never.
  void CrashAt(uint64_t io, int64_t part = 0);
  // The same at the n-th write from now (1: the next one), of which `share` 255ths reach the page
  // cache. CrashAt() takes it back.
  void CrashInWrite(uint64_t nth, uint8_t share);
  bool frozen() const { return frozen_; }
  // Freezes now.
  void Freeze() { frozen_ = true; }

  // The program is gone, and its descriptors with it. kMachine: the choices decide which of the
  // possible states is left. Faults stay; the disk is no longer frozen.
  void Crash(CrashKind kind) override;
  // The kernel writes the oldest pending effects back by itself, until at most `keep` are left.
  // A run without end calls it to bound the memory.
  void WriteBack(size_t keep);
  // Everything is durable (sync(2), a clean shutdown of the machine).
  void SyncAll() { WriteBack(0); }
  // The number of effects that are not durable yet.
  size_t pending() const { return ops_.size(); }
  // Of these, names: of files that were created, renamed or deleted.
  size_t pending_names() const;
  // What is not durable: for each pending effect the path of its file, empty if that has no name
  // any more; whether the effect is a name; and its number, less than the sync_point() after it. A
  // path may come several times.
  void VisitPending(
      const std::function<void(const std::string& path, bool name, uint64_t seq)>& visit) const;
  // Changes whenever the page cache or what is durable does: as long as it is the same, a crash has
  // the same states.
  uint64_t version() const { return version_; }

  // --- Inspection. No calls: not counted, and no fault acts on them.

  // Whether there is a directory of this name.
  bool IsDirectory(std::string_view path) const;
  // What the program sees; nothing if there is no such file. Valid until the next call.
  const std::string* Content(std::string_view path) const;
  // A digest of all paths and contents that the program sees.
  uint64_t StateHash() const;
  // Makes this disk equal to another one, open descriptors and faults included, but for the choices
  // and the observer.
  void CopyFrom(const Disk& other);
  // Places a file there, durable, with the directories above it: the state before a run.
  void Place(std::string_view path, std::string_view content);

 private:
  friend class CrashStates;

  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr uint32_t kRoot = 0;
  static constexpr int64_t kPage = 4096;

  struct Entry {
    uint32_t name;
    uint32_t inode;
  };
  struct Inode {
    bool used = false;
    bool directory = false;
    // A file: `cache` is valid if `split`; otherwise the page cache equals `durable`.
    bool split = false;
    bool error_told = false;
    uint32_t errors = 0;  // failed writes to the medium so far
    std::string cache;
    std::string durable;
    std::vector<int64_t> lost;  // clean pages whose content is not on the medium
    // A directory.
    std::vector<Entry> entries;
    std::vector<Entry> durable_entries;

    const std::string& content() const { return split ? cache : durable; }
  };
  enum class Effect : uint8_t { kWrite, kTruncate, kGrow, kLink, kUnlink, kRename };
  // A pending effect. kGrow: the size of a write whose data was lost.
  struct Op {
    Effect effect;
    uint32_t inode;  // the file, or what the name stands for
    uint64_t seq;
    int64_t offset = 0;                        // kWrite; the new size: kTruncate, kGrow
    int64_t size = 0;                          // kWrite: bytes
    size_t bytes = 0;                          // kWrite: place in bytes_
    uint32_t dir = kNone, name = kNone;        // names
    uint32_t to_dir = kNone, to_name = kNone;  // kRename

    bool is_name() const { return effect >= Effect::kLink; }
    bool Touches(uint32_t directory) const { return dir == directory || to_dir == directory; }
  };
  struct Descriptor {
    bool open = false;
    uint32_t flags = 0;
    uint32_t inode = kNone;
    uint32_t errors_seen = 0;
    int64_t offset = 0;
    std::string path;
  };
  // Names are numbers, in the order in which they were first used.
  class Names {
   public:
    void Reset() { used_ = 0; }
    uint32_t Find(std::string_view name) const;
    uint32_t Add(std::string_view name);
    const std::string& operator[](uint32_t id) const { return names_[id]; }
    void CopyFrom(const Names& other);

   private:
    std::vector<std::string> names_;
    uint32_t used_ = 0;
  };
  struct Target {
    int error = 0;         // the directory does not exist
    uint32_t dir = kNone;  // the directory above
    std::string_view name = {};
    uint32_t inode = kNone;  // kNone: there is no such entry
  };

  // --- Calls.
  // Counts the call, and returns an error if it must not have any effect.
  int Begin(DiskCall* call);
  int64_t End(DiskCall* call, int64_t result);
  // Whether a fault of this kind acts on the current call; returns it, or nullptr.
  DiskFault* Acts(DiskFaultKind kind) {
    return faults_.empty() ? nullptr : ActsAt(kind, io_count_);
  }
  DiskFault* ActsAt(DiskFaultKind kind, uint64_t io);
  Descriptor* Find(int fd);
  std::string_view PathOf(int fd);
  Target Resolve(std::string_view path) const;
  int64_t DoOpen(std::string_view path, uint32_t flags);
  int64_t DoRead(const Descriptor& descriptor, std::span<char> into, int64_t offset);
  int64_t DoWrite(uint32_t inode, std::string_view bytes, int64_t offset);
  int64_t DoRename(std::string_view from, std::string_view to);
  int64_t DoUnlink(std::string_view path, bool directory);
  int64_t DoMakeDirectory(std::string_view path);
  int64_t DoSync(Descriptor* descriptor, uint64_t up_to);
  int64_t TruncateCall(uint32_t inode, int64_t size);
  int64_t WriteCall(int fd, std::string_view bytes, const int64_t* at);
  int64_t ReadCall(int fd, std::span<char> into, const int64_t* at);

  // --- The page cache.
  uint32_t NewInode(bool directory);
  void CollectInodes();
  void Split(Inode* inode);
  void Put(uint32_t inode, int64_t offset, std::string_view bytes);
  void DoTruncate(uint32_t inode, int64_t size);
  int64_t Room() const;
  // Whether `dir` is `from` or below it.
  bool Reaches(uint32_t from, uint32_t dir) const;
  void AddName(Effect effect, uint32_t inode, uint32_t dir, uint32_t name, uint32_t to_dir = kNone,
               uint32_t to_name = kNone);
  static void Set(std::vector<Entry>* entries, uint32_t name, uint32_t inode);
  static void Erase(std::vector<Entry>* entries, uint32_t name);
  static uint32_t Get(const std::vector<Entry>& entries, uint32_t name);
  // Of an inode below `dir`, in front of which is `prefix`; empty: there is none.
  std::string PathOf(uint32_t inode, uint32_t dir, const std::string& prefix) const;

  // --- What is durable.
  std::string_view BytesOf(const Op& op) const {
    return {bytes_.data() + op.bytes, static_cast<size_t>(op.size)};
  }
  // Applies an effect on a file, of a write the first `part` bytes.
  void ApplyData(const Op& op, size_t part, std::string* content) const;
  void MakeDurable(const Op& op);
  // Makes those pending effects durable for which `synced` is true.
  template <class Synced>
  void Apply(Synced synced);
  void SyncData(uint32_t inode, uint64_t up_to);
  void SyncNames(uint32_t dir, uint64_t up_to);
  // An fsync of the file fails.
  void LoseData(uint32_t inode, SyncFailure how);
  void TrimBytes();
  void CloseAll();
  uint64_t HashOf(uint32_t dir, uint64_t path) const;

  DiskOptions options_;
  DiskChoices* choices_ = nullptr;
  DiskObserver* observer_ = nullptr;

  std::vector<Inode> inodes_;
  uint32_t inodes_used_ = 0;  // in this run
  size_t collect_at_ = 0;
  Names names_;
  std::vector<Descriptor> descriptors_;
  std::vector<Op> ops_;  // in the order of the calls
  std::string bytes_;    // of pending writes
  uint64_t next_seq_ = 1;
  uint64_t version_ = 1;

  uint64_t io_count_ = 0;
  uint64_t crash_at_ = 0;
  int64_t crash_part_ = 0;
  uint64_t crash_writes_ = 0;  // until the write in which it crashes; 0: in none
  uint8_t crash_share_ = 0;
  bool frozen_ = false;

  std::vector<DiskFault> faults_;
  DiskFaultCounts fault_counts_;
  int64_t next_delay_us_ = -1;  // of the next fsync; -1: not drawn yet
  int64_t write_delay_us_ = 0;

  std::unique_ptr<CrashStates> states_;
  std::vector<uint32_t> scratch_;
  std::vector<uint8_t> reached_;
};

}  // namespace resprobe

#endif  // RESPROBE_SIM_DISK_DISK_H_
