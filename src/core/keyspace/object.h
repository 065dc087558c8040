#ifndef RESPROBE_CORE_KEYSPACE_OBJECT_H_
#define RESPROBE_CORE_KEYSPACE_OBJECT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/keyspace/hash_value.h"
#include "core/keyspace/list.h"
#include "core/keyspace/set_value.h"
#include "core/keyspace/zset.h"

namespace resprobe {

enum class ObjectType : uint8_t { kNone, kString, kList, kHash, kSet, kZset };

// The name that TYPE reports: "none", "string", "list", "hash", "set", "zset".
std::string_view ObjectTypeName(ObjectType type);

// No expiry.
inline constexpr int64_t kNoExpiry = -1;

// The value of a key. Only the Keyspace creates and destroys objects, and it owns the containers. A
// container's address is stable while the key exists; the Object's own is not (it is in a Dict).
class Object {
 public:
  Object() = default;
  Object(Object&&) = default;
  Object& operator=(Object&&) = default;

  ObjectType type() const { return type_; }

  // Each requires the matching type.
  std::string& string() { return string_; }
  const std::string& string() const { return string_; }
  List& list() { return *container_.list; }
  const List& list() const { return *container_.list; }
  Hash& hash() { return *container_.hash; }
  const Hash& hash() const { return *container_.hash; }
  Set& set() { return *container_.set; }
  const Set& set() const { return *container_.set; }
  ZSet& zset() { return *container_.zset; }
  const ZSet& zset() const { return *container_.zset; }

  // Absolute milliseconds of the virtual clock, or kNoExpiry. The Keyspace changes it.
  int64_t expire_at() const { return expire_at_; }
  // The time of the last lookup, by the keyspace's clock (Keyspace::Find()).
  int64_t used_at() const { return used_at_; }

  // How a string was created, which OBJECT ENCODING reveals. Resets to kNatural when the value is
  // replaced.
  enum class StringForm : uint8_t {
    kNatural,     // stored as given: "int", "embstr" or "raw" by its contents
    kCopied,      // by COPY: as kNatural, but a small integer is not the shared one
    kNotInteger,  // INCRBYFLOAT's result: never "int"
    kRaw,         // changed in place, or created by BITOP: "raw" whatever its length
  };
  StringForm string_form() const { return string_form_; }
  void set_string_form(StringForm form) { string_form_ = form; }

  // Elements of a container; 1 for a string.
  size_t size() const;
  // The accounted bytes of the value.
  size_t bytes() const;

 private:
  friend class Keyspace;

  ObjectType type_ = ObjectType::kNone;
  StringForm string_form_ = StringForm::kNatural;
  int64_t expire_at_ = kNoExpiry;
  int64_t used_at_ = 0;
  size_t accounted_ = 0;  // this key's share of used_memory()
  std::string string_;
  union {
    List* list;
    Hash* hash;
    Set* set;
    ZSet* zset;
  } container_ = {nullptr};
};

// The Keyspace has already taken back the containers.
inline void RecycleSlot(Object&) {}

}  // namespace resprobe

#endif  // RESPROBE_CORE_KEYSPACE_OBJECT_H_
