#include "core/persistence/lzf.h"

#include <algorithm>
#include <cstring>

namespace resprobe {
namespace {

constexpr size_t kMostLiterals = 32;
constexpr size_t kMostBack = 8192;
constexpr size_t kMostCopied = 264;
constexpr size_t kHashes = 1 << 16;

// False if the bytes are malformed, or are not those of out->size() bytes.
bool Decompress(std::string_view in, std::string* out) {
  char* const begin = out->data();
  const size_t size = out->size();
  size_t done = 0;
  size_t at = 0;
  while (at < in.size()) {
    const size_t control = static_cast<uint8_t>(in[at++]);
    if (control < 32) {
      const size_t count = control + 1;
      if (count > size - done || count > in.size() - at) return false;
      std::memcpy(begin + done, in.data() + at, count);
      done += count;
      at += count;
      continue;
    }
    size_t count = (control >> 5) + 2;
    if (count == 9) {
      if (at == in.size()) return false;
      count += static_cast<uint8_t>(in[at++]);
    }
    if (at == in.size()) return false;
    const size_t back = ((control & 31) << 8 | static_cast<uint8_t>(in[at++])) + 1;
    if (back > done || count > size - done) return false;
    // The copy may overlap what it produces.
    for (size_t i = 0; i < count; ++i) begin[done + i] = begin[done + i - back];
    done += count;
  }
  return done == size;
}

// How many bytes from `reference` and from `at` on are equal, the first three being so. As in
// lzf_c.c, the limit is checked only from the 17th byte on, and then after a step.
size_t Matching(std::string_view in, size_t reference, size_t at) {
  const size_t most = std::min(in.size() - at - 2, kMostCopied);
  size_t count = 2;
  if (most > 16) {
    for (int i = 0; i < 16; ++i) {
      ++count;
      if (in[reference + count] != in[at + count]) return count;
    }
  }
  do {
    ++count;
  } while (count < most && in[reference + count] == in[at + count]);
  return count;
}

}  // namespace

bool LzfDecompress(std::string_view compressed, uint64_t size, std::string* out) {
  out->clear();
  if (size == 0) return true;
  if (size > compressed.size() * kMostLzfExpansion) return false;
  out->resize(size);
  if (Decompress(compressed, out)) return true;
  out->clear();
  return false;
}

uint32_t LzfCompressor::Exchange(uint32_t hash, uint32_t position) {
  size_t i = hash & mask_;
  while (slots_[i].position != 0 && slots_[i].hash != hash) i = (i + 1) & mask_;
  const uint32_t before = slots_[i].position;
  slots_[i] = {position, hash};
  return before;
}

bool LzfCompressor::Compress(std::string_view in, size_t limit, std::string* out) {
  if (in.empty() || limit == 0 || in.size() > UINT32_MAX) return false;
  size_t slots = 64;
  while (slots < kHashes && slots < 2 * in.size()) slots *= 2;
  slots_.assign(slots, {});
  mask_ = slots - 1;

  const auto byte = [in](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(in[i])); };
  const auto exchange = [&](size_t at) {
    const uint32_t three = byte(at) << 16 | byte(at + 1) << 8 | byte(at + 2);
    const uint32_t hash = ((three >> 8) - three * 5) & (kHashes - 1);
    return Exchange(hash, static_cast<uint32_t>(at) + 1);
  };
  // As in lzf_c.c, `done` is where the next literal goes: one byte for the count of the literals
  // before it is left free.
  out->resize(limit + 4);
  std::string& to = *out;
  size_t done = 1;
  size_t literals = 0;
  size_t at = 0;
  const auto end_run = [&] { to[done - literals - 1] = static_cast<char>(literals - 1); };
  const auto literal = [&] {
    ++literals;
    to[done++] = in[at++];
    if (literals == kMostLiterals) {
      end_run();
      literals = 0;
      ++done;
    }
  };
  while (at + 2 < in.size()) {
    const size_t before = exchange(at);
    // The server's table holds no match at position 0.
    const size_t reference = before == 0 ? 0 : before - 1;
    if (reference == 0 || at - reference > kMostBack ||
        std::memcmp(in.data() + reference, in.data() + at, 3) != 0) {
      if (done >= limit) return false;
      literal();
      continue;
    }
    if (done - (literals == 0 ? 1 : 0) + 4 >= limit) return false;
    if (literals > 0) {
      end_run();
    } else {
      --done;
    }
    const size_t count = Matching(in, reference, at);
    const size_t back = at - reference - 1;
    const size_t code = count - 2;
    if (code < 7) {
      to[done++] = static_cast<char>((back >> 8) + (code << 5));
    } else {
      to[done++] = static_cast<char>((back >> 8) + (7 << 5));
      to[done++] = static_cast<char>(code - 7);
    }
    to[done++] = static_cast<char>(back & 0xff);
    ++done;
    literals = 0;
    at += count;
    if (at + 2 >= in.size()) break;
    exchange(at - 2);
    exchange(at - 1);
  }
  if (done + 3 > limit) return false;
  while (at < in.size()) literal();
  if (literals > 0) {
    end_run();
  } else {
    --done;
  }
  out->resize(done);
  return true;
}

}  // namespace resprobe
