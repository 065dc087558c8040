#ifndef RESPROBE_ENGINE_ARENA_H_
#define RESPROBE_ENGINE_ARENA_H_

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <vector>

namespace resprobe {

// Memory for the variable parts of ops (texts and argument lists). It is freed all at once and kept
// for the next run: after warm-up, decoding a tape allocates nothing.
class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  Arena(Arena&&) = default;
  Arena& operator=(Arena&&) = default;

  // All that was handed out is void from here on.
  void Reset() {
    chunk_ = 0;
    used_ = 0;
  }

  // Bytes of memory that are kept.
  size_t capacity() const {
    size_t bytes = 0;
    for (const Chunk& chunk : chunks_) bytes += chunk.size;
    return bytes;
  }

  char* Bytes(size_t size) { return static_cast<char*>(Allocate(size, 1)); }

  std::string_view Copy(std::string_view text) {
    if (text.empty()) return {};
    char* copy = Bytes(text.size());
    std::memcpy(copy, text.data(), text.size());
    return {copy, text.size()};
  }

  // Builds a list of words of unknown length: Add() each, then take the list.
  void Add(std::string_view word) { open_.emplace_back(word.data(), word.size()); }
  std::span<std::string_view> TakeWords() {
    auto* const words = static_cast<std::string_view*>(
        Allocate(open_.size() * sizeof(std::string_view), alignof(std::string_view)));
    auto* next = words;
    for (const OpenWord& word : open_) std::construct_at(next++, word.data, word.size);
    open_.clear();
    return {words, next};
  }

  // Allocates `count` empty words.
  std::span<std::string_view> Words(size_t count) {
    if (count == 0) return {};
    auto* words = static_cast<std::string_view*>(
        Allocate(count * sizeof(std::string_view), alignof(std::string_view)));
    std::uninitialized_default_construct_n(words, count);
    return {words, count};
  }

 private:
  struct Chunk {
    std::unique_ptr<char[]> memory;
    size_t size;
  };
  static constexpr size_t kChunkBytes = 16 * 1024;

  void* Allocate(size_t size, size_t alignment) {
    for (; chunk_ < chunks_.size(); ++chunk_, used_ = 0) {
      const size_t start = (used_ + alignment - 1) & ~(alignment - 1);
      if (start + size <= chunks_[chunk_].size) {
        used_ = start + size;
        return chunks_[chunk_].memory.get() + start;
      }
    }
    const size_t chunk_size = size > kChunkBytes ? size : kChunkBytes;
    chunks_.push_back({std::make_unique_for_overwrite<char[]>(chunk_size), chunk_size});
    used_ = size;
    return chunks_.back().memory.get();
  }

  // A word of the list that is being built. Copied by its members: AddressSanitizer makes a call of
  // the copy of a whole string_view.
  struct OpenWord {
    const char* data;
    size_t size;
  };
  std::vector<OpenWord> open_;
  std::vector<Chunk> chunks_;
  size_t chunk_ = 0;
  size_t used_ = 0;
};

}  // namespace resprobe

#endif  // RESPROBE_ENGINE_ARENA_H_
