#include "core/keyspace/set_value.h"

#include <utility>

#include "core/keyspace/accounting.h"
#include "core/keyspace/integers.h"

namespace resprobe {
namespace {

constexpr size_t kIntsetMembers = 512;  // redis 7.0's set-max-intset-entries
// valkey 8.0's set-max-listpack-entries and set-max-listpack-value.
constexpr size_t kCompactMembers = 128;
constexpr size_t kCompactBytes = 64;

}  // namespace

bool Set::Add(std::string_view member) {
  if (!members_.Insert(member).second) return false;
  bytes_ += ElementBytes(member);
  int64_t number;
  if (intset_ && (size() > kIntsetMembers || !ParseInt64(member, &number))) intset_ = false;
  if (!intset_ && (size() > kCompactMembers || member.size() > kCompactBytes)) compact_ = false;
  return true;
}

bool Set::Erase(std::string_view member) {
  const size_t i = members_.IndexOf(member);
  if (i == Dict<Nothing>::kNone) return false;
  EraseAt(i);
  return true;
}

void Set::EraseAt(size_t i) {
  bytes_ -= ElementBytes(members_.at(i).key);
  members_.EraseAt(i);
}

void Set::Clear() {
  members_.Clear();
  bytes_ = 0;
  intset_ = compact_ = true;
}

void Set::KeepPacked() {
  intset_ = false;
  compact_ = size() <= kCompactMembers;
}

void Set::CopyFrom(const Set& other) {
  Clear();
  for (size_t i = 0; i < other.size(); ++i) Add(other.members_.at(i).key);
  intset_ = other.intset_;
  compact_ = other.compact_;
}

void Set::swap(Set& other) noexcept {
  members_.swap(other.members_);
  std::swap(bytes_, other.bytes_);
  std::swap(intset_, other.intset_);
  std::swap(compact_, other.compact_);
}

const char* Set::Check() const {
  size_t bytes = 0;
  for (size_t i = 0; i < size(); ++i) bytes += ElementBytes(members_.at(i).key);
  if (bytes != bytes_) return "set: byte count is wrong";
  return members_.Check();
}

}  // namespace resprobe
