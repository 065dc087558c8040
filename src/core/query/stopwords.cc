#include "core/query/stopwords.h"

#include <algorithm>
#include <cstring>

#include "core/query/chars.h"

namespace resprobe::query {
namespace {

constexpr std::string_view kDefaultWords[] = {
    "a",    "is",    "the",  "an",    "and",   "are",  "as",   "at", "be",  "but",  "by",
    "for",  "if",    "in",   "into",  "it",    "no",   "not",  "of", "on",  "or",   "such",
    "that", "their", "then", "there", "these", "they", "this", "to", "was", "will", "with"};
static_assert(std::size(kDefaultWords) == 33);

size_t Slot(uint64_t key) { return (key * 0x9e3779b97f4a7c15) >> 57; }

}  // namespace

Stopwords::Stopwords(std::span<const std::string_view> words) {
  size_t in_table = 0;
  for (const std::string_view word : words) {
    if (word.empty() || Contains(word) || words_.size() == UINT16_MAX) continue;
    longest_ = std::max(longest_, static_cast<uint32_t>(word.size()));
    const auto index = static_cast<uint16_t>(words_.size());
    std::string& lower = words_.emplace_back(word);
    for (char& c : lower) c = LowerCase(c);

    if (word.size() <= kShort && in_table < kSlots / 2) {
      std::array<char, kShort> padded{};
      std::copy(word.begin(), word.end(), padded.begin());
      const uint64_t key = Key(padded.data(), static_cast<uint32_t>(word.size()));
      size_t slot = Slot(key);
      while (keys_[slot] != 0 && keys_[slot] != key) slot = (slot + 1) % kSlots;
      if (keys_[slot] == 0) {
        keys_[slot] = key;
        key_words_[slot] = index;
        ++in_table;
        continue;
      }
    }
    other_words_.push_back(index);
  }
}

uint64_t Stopwords::Key(const char* word, uint32_t size) {
  uint64_t key;
  std::memcpy(&key, word, sizeof(key));
  return (key | 0x2020202020202020) & FirstBytes(size);
}

bool Stopwords::FindPadded(const char* word, uint32_t size) const {
  if (size <= kShort) {
    const uint64_t key = Key(word, size);
    size_t slot = Slot(key);
    while (keys_[slot] != 0 && keys_[slot] != key) slot = (slot + 1) % kSlots;
    if (keys_[slot] != 0 && EqualsNoCase({word, size}, words_[key_words_[slot]])) return true;
  }
  for (const uint16_t index : other_words_) {
    if (EqualsNoCase({word, size}, words_[index])) return true;
  }
  return false;
}

bool Stopwords::Contains(std::string_view word) const {
  if (word.empty() || word.size() > longest_) return false;
  std::string padded(word);
  padded.append(kShort, '\0');
  return FindPadded(padded.data(), static_cast<uint32_t>(word.size()));
}

const Stopwords& Stopwords::Default() {
  static const Stopwords words(kDefaultWords);
  return words;
}

std::span<const std::string_view> Stopwords::DefaultWords() { return kDefaultWords; }

const Stopwords& Stopwords::None() {
  static const Stopwords words;
  return words;
}

}  // namespace resprobe::query
