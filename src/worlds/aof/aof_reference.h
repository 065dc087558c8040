#ifndef RESPROBE_WORLDS_AOF_AOF_REFERENCE_H_
#define RESPROBE_WORLDS_AOF_AOF_REFERENCE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/table/profile.h"

namespace resprobe {

// What a file of an append-only log says, read by the rules of what servers write, not by those of
// what they accept: a second opinion on AofReader. A unit is a command, or a transaction.
class AofReference {
 public:
  // A file in AOF format. False if it is not such as a server writes it (apart from its end): then
  // nothing is said about it.
  bool Read(std::string_view bytes, Profile profile);

  // The digests of the commands of all whole units, without MULTI and EXEC.
  std::span<const uint64_t> commands() const { return commands_; }
  // How many commands there are up to the end of each unit.
  std::span<const size_t> units() const { return units_; }
  // Where the last of them ends.
  size_t end() const { return end_; }
  // The file ends inside of a unit, or of an annotation.
  bool is_short() const { return short_; }
  // … inside of an annotation.
  bool ends_in_annotation() const { return annotation_; }
  // A command that the server does not have, where reading ends.
  bool has_unknown() const { return unknown_; }

 private:
  enum class Part : uint8_t { kWhole, kShort, kStrange };

  Part ReadCount(char type, size_t* count);
  Part ReadCommand();

  std::string_view bytes_;
  size_t at_ = 0;
  std::vector<std::string_view> args_;
  std::vector<uint64_t> commands_;
  std::vector<size_t> units_;
  size_t end_ = 0;
  bool short_ = false;
  bool annotation_ = false;
  bool unknown_ = false;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_AOF_AOF_REFERENCE_H_
