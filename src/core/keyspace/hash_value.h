#ifndef RESPROBE_CORE_KEYSPACE_HASH_VALUE_H_
#define RESPROBE_CORE_KEYSPACE_HASH_VALUE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/keyspace/dict.h"

namespace resprobe {

// The value of a hash: field -> value, in insertion order (an erased field is replaced by the last
// one).
class Hash {
 public:
  size_t size() const { return fields_.size(); }
  bool empty() const { return fields_.empty(); }
  size_t bytes() const { return bytes_; }
  // The fields and values by position, and Scan(). Read only: use Set and Erase for changes.
  const Dict<std::string>& fields() const { return fields_; }

  const std::string* Find(std::string_view field) const { return fields_.Find(field); }
  // Returns true if the field is new.
  bool Set(std::string_view field, std::string_view value);
  bool Erase(std::string_view field);
  void Clear();
  void CopyFrom(const Hash& other);

  // True if a real server would still report the compact encoding ("listpack"): the hash has never
  // exceeded 512 fields, nor 64 bytes in a field or value.
  bool compact() const { return compact_; }
  // A server that loads a hash in its compact encoding keeps that, unless there are too many
  // fields, whatever their sizes.
  void KeepPacked();

  const char* Check() const;

 private:
  Dict<std::string> fields_;
  size_t bytes_ = 0;
  bool compact_ = true;
};

}  // namespace resprobe

#endif  // RESPROBE_CORE_KEYSPACE_HASH_VALUE_H_
