#ifndef RESPROBE_CORE_KEYSPACE_SET_VALUE_H_
#define RESPROBE_CORE_KEYSPACE_SET_VALUE_H_

#include <cstddef>
#include <string_view>

#include "core/keyspace/dict.h"

namespace resprobe {

// The value of a set: members in insertion order (an erased one is replaced by the last).
class Set {
 public:
  size_t size() const { return members_.size(); }
  bool empty() const { return members_.empty(); }
  size_t bytes() const { return bytes_; }
  // Members by position (`members().at(i).key`), and Scan().
  const Dict<Nothing>& members() const { return members_; }

  bool Contains(std::string_view member) const { return members_.Contains(member); }
  // Returns true if the member is new.
  bool Add(std::string_view member);
  bool Erase(std::string_view member);
  // i < size(). The last member takes its place.
  void EraseAt(size_t i);
  void Clear();
  void CopyFrom(const Set& other);
  void swap(Set& other) noexcept;

  // True if a real server would still report "intset": the set has never held a member that is not
  // an integer, nor more than 512 members.
  bool intset() const { return intset_; }
  // True if a server that packs small sets would report "listpack" for a set that is no intset: it
  // has never held more than 128 members, nor one over 64 bytes.
  bool compact() const { return compact_; }
  // A server that loads a set as "listpack" keeps that, unless there are too many members, whatever
  // they are.
  void KeepPacked();

  const char* Check() const;

 private:
  Dict<Nothing> members_;
  size_t bytes_ = 0;
  bool intset_ = true;
  bool compact_ = true;
};

}  // namespace resprobe

#endif  // RESPROBE_CORE_KEYSPACE_SET_VALUE_H_
