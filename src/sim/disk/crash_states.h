#ifndef RESPROBE_SIM_DISK_CRASH_STATES_H_
#define RESPROBE_SIM_DISK_CRASH_STATES_H_

// The states in which a power failure may leave a disk now. A state is a series of choices, each of
// a few possibilities, in an order that depends on the level:
//   prefix     how many of the pending effects are kept, and where the last one is torn
//   reordered  the same for the names, then for each file that can be reached by these names
//   weak       for each pending name whether it is kept, then for each file that can be reached its
//              size, and for each unit of data how many of the writes to it are kept (or, if
//              nothing of the unit is durable, garbage)
// Disk::Crash() draws these choices; CrashStates can also list the states. So every listed state
// can be reached again, by handing its choices() to a disk.
//
// Memory is kept from use to use.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sim/disk/disk.h"

namespace resprobe {

class CrashStates {
 public:
  // The pending effects of `disk`, which must not change as long as its states are asked for.
  void Start(const Disk& disk);

  // An upper bound of the number of states: the number of series of choices. Different series can
  // give the same contents, which Next() leaves out. UINT64_MAX: that many or more.
  uint64_t Count();

  // --- Listing.

  // Lists at most `budget` states, no two with the same hash(). If there are more: nothing kept and
  // everything kept, then all kept but one choice and nothing kept but one, then others by the
  // seed.
  void List(uint64_t budget, uint64_t seed);
  // The next one; false: that was all. The first one is that nothing is kept.
  bool Next();

  // --- One state, by choices. The first choice of 8: 0 nothing is kept, 1 everything is kept, else
  // by the other choices.
  void Draw(DiskChoices* choices);
  void DropAll();
  void KeepAll();

  // --- The current state.

  // A digest of its paths and contents: the StateHash() of the disk after such a crash. Equal for
  // equal states also at different crash points, so that a recovery need not be repeated.
  uint64_t hash() const { return hash_; }
  // Makes `into` a disk after such a crash: no descriptors, nothing pending, no I/O counted, no
  // faults. Its options, choices and observer stay.
  void Materialize(Disk* into) const;
  // What FixedChoices must hold so that Disk::Crash() leaves this state.
  std::vector<uint32_t> choices() const;
  // One line: "3 of 5 names; dump.rdb: 2 of 4 writes".
  std::string Describe() const;

 private:
  enum class Kind : uint8_t { kPosition, kNames, kName, kFile, kSize, kUnit };
  struct Digit {
    Kind kind;
    uint32_t file = 0;  // index in files_; kName: index in name_ops_
    uint32_t unit = 0;  // of the file, from first_unit
  };
  // The first `ops` effects of a list are kept, and the first `bytes` of the one after.
  struct Position {
    uint32_t ops;
    int64_t bytes;
  };
  struct Segment {
    uint32_t op;  // index in the disk's ops_
    int64_t start;
    int64_t end;
  };
  struct File {
    uint32_t inode = 0;
    std::vector<uint32_t> ops;  // indices in the disk's ops_
    std::vector<Position> positions;
    // kWeak.
    std::vector<int64_t> sizes;  // in order; the first is durable
    int64_t first_unit = 0;
    std::vector<uint32_t> first_segment;  // of each unit; one more
    std::vector<Segment> segments;
    size_t first_digit = 0;  // kFile or kSize
    size_t end_digit = 0;
    // The content in the current state.
    bool reached = false;
    std::vector<uint32_t> built;  // the values of its digits of which `content` was made
    bool valid = false;
    std::string content;
    uint64_t digest = 0;
  };
  struct Reached {
    uint32_t inode;
    uint64_t path;    // digest
    uint32_t file;    // index in files_, or kNone
    uint64_t digest;  // of the content, if it has no pending effects; or of a directory
  };
  static constexpr uint32_t kNone = UINT32_MAX;

  void AddFile(uint32_t inode);
  void FindPositions(std::span<const uint32_t> ops, std::vector<Position>* positions) const;
  // Calls see(op, start, end, size) for each range of bytes that an effect changes, with the file's
  // size after it; op kNone: space that no one has written.
  template <class See>
  void ForEachSegment(const File& file, See see) const;
  void FindUnits(File* file);
  // The number of possibilities of a choice, given those before it.
  uint32_t Radix(size_t digit) const;
  uint32_t UnitRadix(const File& file, uint32_t unit, int64_t size) const;
  uint32_t Kept(size_t digit) const;
  // How many of a unit's segments are visible in a file of this size.
  uint32_t Visible(const File& file, uint32_t unit, int64_t size) const;
  uint64_t CountFile(const File& file) const;
  // Applies the choices of names, if they have changed.
  void FindReached();
  void Walk(uint32_t dir, uint64_t path);
  void Build(File* file);
  void BuildUnit(const File& file, uint32_t unit, int64_t size, std::string* content) const;
  // Makes the contents and hash_ those of the choices.
  void Finish();
  void Fill(bool keep);
  bool Propose();
  bool Increment();
  bool IsNew();
  void DescribeBelow(uint32_t dir, const std::string& path, std::string* text) const;

  const Disk* disk_ = nullptr;
  std::vector<uint32_t> all_ops_;    // indices in the disk's ops_
  std::vector<uint32_t> name_ops_;   // the same, of names
  std::vector<Position> positions_;  // kPosition, kNames
  std::vector<File> files_;
  size_t files_used_ = 0;
  std::vector<uint32_t> file_of_;  // by inode
  std::vector<uint64_t> clean_;    // digests of files without pending effects, by inode
  std::vector<Digit> digits_;
  std::vector<uint32_t> values_;
  size_t name_digits_ = 0;

  // The names of the current state, and what they reach.
  std::vector<std::vector<Disk::Entry>> entries_;  // by inode
  std::vector<uint32_t> names_built_;
  bool names_valid_ = false;
  std::vector<Reached> reached_;
  uint64_t names_hash_ = 0;
  uint64_t hash_ = 0;

  // The listing.
  uint64_t budget_ = 0;
  uint64_t listed_ = 0;
  uint64_t tries_ = 0;
  bool exhaustive_ = false;
  size_t stage_ = 0;
  SeededChoices random_{0};
  std::vector<uint64_t> seen_;  // a table with open addressing; 0: free
  size_t seen_count_ = 0;

  // Scratch.
  std::vector<uint64_t> counted_;
  std::vector<uint32_t> names_now_;
  std::vector<uint32_t> built_now_;
  std::vector<uint32_t> next_segment_;
  std::vector<uint8_t> directories_seen_;
};

}  // namespace resprobe

#endif  // RESPROBE_SIM_DISK_CRASH_STATES_H_
