#ifndef RESPROBE_CORE_QUERY_STOPWORDS_H_
#define RESPROBE_CORE_QUERY_STOPWORDS_H_

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace resprobe::query {

// A set of stop words. ASCII letters compare without case, as in the server.
class Stopwords {
 public:
  // No stop words (STOPWORDS 0).
  Stopwords() = default;
  explicit Stopwords(std::span<const std::string_view> words);

  // The 33 words of the documentation's "Stop words" page.
  static const Stopwords& Default();
  static std::span<const std::string_view> DefaultWords();
  static const Stopwords& None();

  bool Contains(std::string_view word) const;
  // The same for a word that has 8 readable bytes after its first one.
  bool ContainsPadded(const char* word, uint32_t size) const {
    return size <= longest_ && FindPadded(word, size);
  }

 private:
  static constexpr size_t kShort = 8;  // a word of up to 8 bytes is one integer
  static constexpr size_t kSlots = 128;

  // The first `size` bytes with the bit set that makes letters lower case. Words with the same key
  // may still differ: the bit changes other bytes too.
  static uint64_t Key(const char* word, uint32_t size);
  bool FindPadded(const char* word, uint32_t size) const;

  uint32_t longest_ = 0;
  std::vector<std::string> words_;  // in lower case
  // Open addressing over the keys of words of up to 8 bytes, at most half full; 0: an empty slot.
  std::array<uint64_t, kSlots> keys_{};
  std::array<uint16_t, kSlots> key_words_{};  // the index in words_
  std::vector<uint16_t> other_words_;         // words that are not in the table
};

}  // namespace resprobe::query

#endif  // RESPROBE_CORE_QUERY_STOPWORDS_H_
