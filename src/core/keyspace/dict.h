#ifndef RESPROBE_CORE_KEYSPACE_DICT_H_
#define RESPROBE_CORE_KEYSPACE_DICT_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/keyspace/hash.h"

namespace resprobe {

// An idle slot keeps its heap memory for its next use, up to this many bytes; larger buffers are
// freed.
inline constexpr size_t kMaxIdleStringBytes = 256;

[[gnu::noinline]] inline void FreeString(std::string& s) { std::string().swap(s); }

// Not inlined: its branch depends on what earlier runs left in the slot, so coverage excludes it
// (cmake/uncovered.txt).
[[gnu::noinline]] inline void RecycleString(std::string& s) {
  if (s.capacity() > kMaxIdleStringBytes) {
    FreeString(s);
  } else {
    s.clear();
  }
}

// What a Dict does with the value of a slot that becomes idle; overload it for other types.
inline void RecycleSlot(std::string& s) { RecycleString(s); }
inline void RecycleSlot(double& d) { d = 0; }

// The value of a set's entry.
struct Nothing {
  friend bool operator==(Nothing, Nothing) { return true; }
};
inline void RecycleSlot(Nothing&) {}

// A map from byte strings to V whose order is a function of its history alone.
//
// The entries are contiguous in a vector, in insertion order; an erased entry is replaced by the
// last one. An open-addressing index exists only above kLinearLimit entries. Clear() and Erase()
// keep the memory for reuse, so that a keyspace that is emptied and filled again, as in a fuzzing
// run, does not allocate.
//
// References and pointers to entries are valid until the next insertion or erasure.
template <class V>
class Dict {
 public:
  struct Entry {
    std::string key;
    V value{};
    uint32_t hash = 0;
  };

  static constexpr size_t kLinearLimit = 8;
  static constexpr size_t kNone = SIZE_MAX;

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // Entries by position, [0, size()). The key of an entry must not be changed.
  const Entry& at(size_t i) const { return entries_[i]; }
  Entry& at(size_t i) { return entries_[i]; }

  // The position of the key, or kNone.
  size_t IndexOf(std::string_view key) const {
    // A command often looks up its key several times in a row.
    if (hint_ < size_ && SameBytes(entries_[hint_].key, key)) return hint_;
    const size_t found = Locate(key, HashBytes(key));
    if (found != kNone) hint_ = found;
    return found;
  }

  V* Find(std::string_view key) {
    const size_t i = IndexOf(key);
    return i == kNone ? nullptr : &entries_[i].value;
  }
  const V* Find(std::string_view key) const {
    const size_t i = IndexOf(key);
    return i == kNone ? nullptr : &entries_[i].value;
  }
  bool Contains(std::string_view key) const { return IndexOf(key) != kNone; }

  // Finds the key, or adds it at the end with an empty value. The second result is true if it was
  // added.
  std::pair<size_t, bool> InsertAt(std::string_view key) {
    if (hint_ < size_ && SameBytes(entries_[hint_].key, key)) return {hint_, false};
    const uint32_t hash = HashBytes(key);
    const size_t found = Locate(key, hash);
    if (found != kNone) {
      hint_ = found;
      return {found, false};
    }
    if (size_ == entries_.size()) entries_.emplace_back();
    Entry& e = entries_[size_];
    e.key.assign(key);
    e.hash = hash;
    const size_t at = size_++;
    hint_ = at;
    if (indexed_ && size_ * 2 <= index_.size()) {
      Link(at);
    } else if (size_ > kLinearLimit) {
      BuildIndex();
    }
    return {at, true};
  }
  std::pair<V&, bool> Insert(std::string_view key) {
    const auto [i, added] = InsertAt(key);
    return {entries_[i].value, added};
  }

  // Removes the entry at a position; the last entry takes its place.
  void EraseAt(size_t i) {
    const size_t last = size_ - 1;
    if (indexed_) {
      Unlink(i);
      if (i != last) Relabel(last, i);
    }
    if (i != last) std::swap(entries_[i], entries_[last]);
    RecycleString(entries_[last].key);
    RecycleSlot(entries_[last].value);
    size_ = last;
  }
  bool Erase(std::string_view key) {
    const size_t i = IndexOf(key);
    if (i == kNone) return false;
    EraseAt(i);
    return true;
  }

  void Clear() {
    for (size_t i = 0; i < size_; ++i) {
      RecycleString(entries_[i].key);
      RecycleSlot(entries_[i].value);
    }
    if (size_ > kMaxIdleEntries) {
      entries_.resize(kMaxIdleEntries);
      entries_.shrink_to_fit();
      index_.clear();
      index_.shrink_to_fit();
    }
    size_ = 0;
    indexed_ = false;
  }

  // One step of an iteration that tolerates changes between its steps: visits up to `count` entries
  // downwards from `cursor` and returns the next cursor, 0 at the end. Start with 0. An entry that
  // is present throughout is visited at least once: an erasure moves only the last entry, and only
  // downwards, to a position not visited yet (or to one already visited, in which case the last
  // entry had been visited too); insertions add above the start of the iteration.
  template <class Visit>
  uint64_t Scan(uint64_t cursor, uint64_t count, Visit&& visit) const {
    size_t i = cursor == 0 ? size_ : static_cast<size_t>(std::min<uint64_t>(cursor, size_));
    for (; i > 0 && count > 0; --count) visit(entries_[--i]);
    return i;
  }

  void swap(Dict& other) noexcept {
    entries_.swap(other.entries_);
    index_.swap(other.index_);
    std::swap(size_, other.size_);
    std::swap(indexed_, other.indexed_);
    std::swap(hint_, other.hint_);
  }

  // Describes the first error in the index, or nullptr. For tests and invariants; linear in size().
  const char* Check() const {
    if (size_ > entries_.size()) return "dict: more entries than slots";
    if (size_ > kLinearLimit && !indexed_) return "dict: index missing";
    for (size_t i = 0; i < size_; ++i) {
      if (entries_[i].hash != HashBytes(entries_[i].key)) return "dict: stored hash is wrong";
      if (Locate(entries_[i].key, entries_[i].hash) != i) {
        return "dict: a key is not found at its position";
      }
    }
    if (indexed_) {
      const auto used = std::count_if(index_.begin(), index_.end(), [](uint32_t x) { return x; });
      if (static_cast<size_t>(used) != size_) return "dict: index size differs from entry count";
    }
    return nullptr;
  }

 private:
  static constexpr size_t kMaxIdleEntries = 1024;

  // The index holds position + 1; 0 is free. Its size is a power of two, at most half full.
  size_t Mask() const { return index_.size() - 1; }

  size_t Locate(std::string_view key, uint32_t hash) const {
    if (!indexed_) {
      for (size_t i = 0; i < size_; ++i) {
        if (entries_[i].hash == hash && SameBytes(entries_[i].key, key)) return i;
      }
      return kNone;
    }
    for (size_t at = hash & Mask(); index_[at] != 0; at = (at + 1) & Mask()) {
      const Entry& e = entries_[index_[at] - 1];
      if (e.hash == hash && SameBytes(e.key, key)) return index_[at] - 1;
    }
    return kNone;
  }

  void Link(size_t i) {
    size_t at = entries_[i].hash & Mask();
    while (index_[at] != 0) at = (at + 1) & Mask();
    index_[at] = static_cast<uint32_t>(i + 1);
  }
  size_t IndexSlot(size_t i) const {
    size_t at = entries_[i].hash & Mask();
    while (index_[at] != i + 1) at = (at + 1) & Mask();
    return at;
  }
  void Relabel(size_t from, size_t to) { index_[IndexSlot(from)] = static_cast<uint32_t>(to + 1); }

  // Removes position i from the index, closing the gap in its probe chain.
  void Unlink(size_t i) {
    size_t hole = IndexSlot(i);
    for (size_t at = (hole + 1) & Mask(); index_[at] != 0; at = (at + 1) & Mask()) {
      const size_t home = entries_[index_[at] - 1].hash & Mask();
      if (((at - home) & Mask()) >= ((at - hole) & Mask())) {
        index_[hole] = index_[at];
        hole = at;
      }
    }
    index_[hole] = 0;
  }

  void BuildIndex() {
    size_t slots = 32;
    while (slots < size_ * 2) slots *= 2;
    index_.assign(slots, 0);
    indexed_ = true;
    for (size_t i = 0; i < size_; ++i) Link(i);
  }

  std::vector<Entry> entries_;  // [size_, entries_.size()) are idle slots
  std::vector<uint32_t> index_;
  size_t size_ = 0;
  bool indexed_ = false;
  // Where the last key was found: a hint that is verified before use.
  mutable size_t hint_ = 0;
};

}  // namespace resprobe

#endif  // RESPROBE_CORE_KEYSPACE_DICT_H_
