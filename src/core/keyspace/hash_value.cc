#include "core/keyspace/hash_value.h"

#include "core/keyspace/accounting.h"

namespace resprobe {
namespace {

// redis 7.0's hash-max-listpack-entries and hash-max-listpack-value.
constexpr size_t kCompactFields = 512;
constexpr size_t kCompactFieldBytes = 64;

}  // namespace

bool Hash::Set(std::string_view field, std::string_view value) {
  const auto [slot, added] = fields_.Insert(field);
  if (added) {
    bytes_ += ElementBytes(field) + value.size();
  } else {
    bytes_ += value.size() - slot.size();
  }
  slot.assign(value);
  if (field.size() > kCompactFieldBytes || value.size() > kCompactFieldBytes ||
      size() > kCompactFields) {
    compact_ = false;
  }
  return added;
}

bool Hash::Erase(std::string_view field) {
  const size_t i = fields_.IndexOf(field);
  if (i == Dict<std::string>::kNone) return false;
  bytes_ -= ElementBytes(field) + fields_.at(i).value.size();
  fields_.EraseAt(i);
  return true;
}

void Hash::Clear() {
  fields_.Clear();
  bytes_ = 0;
  compact_ = true;
}

void Hash::KeepPacked() { compact_ = size() <= kCompactFields; }

void Hash::CopyFrom(const Hash& other) {
  Clear();
  for (size_t i = 0; i < other.size(); ++i) {
    Set(other.fields_.at(i).key, other.fields_.at(i).value);
  }
  compact_ = other.compact_;
}

const char* Hash::Check() const {
  size_t bytes = 0;
  for (size_t i = 0; i < size(); ++i) {
    bytes += ElementBytes(fields_.at(i).key) + fields_.at(i).value.size();
  }
  if (bytes != bytes_) return "hash: byte count is wrong";
  return fields_.Check();
}

}  // namespace resprobe
