#include "core/table/glob.h"

#include <cstddef>
#include <utility>

namespace resprobe {
namespace {

// Matches `c` against the class that starts at pattern[*at] == '['; leaves *at on the class's last
// byte. A class without its ']' extends to the end of the pattern. Ranges compare signed bytes and
// may be reversed, as on the server.
bool MatchClass(std::string_view pattern, size_t* at, char c) {
  size_t p = *at + 1;
  const bool negated = p < pattern.size() && pattern[p] == '^';
  if (negated) ++p;
  bool match = false;
  for (;; ++p) {
    const size_t left = p < pattern.size() ? pattern.size() - p : 0;
    if (left >= 2 && pattern[p] == '\\') {
      match |= pattern[++p] == c;
    } else if (left > 0 && pattern[p] == ']') {
      break;
    } else if (left == 0) {
      --p;
      break;
    } else if (left >= 3 && pattern[p + 1] == '-') {
      auto low = static_cast<signed char>(pattern[p]);
      auto high = static_cast<signed char>(pattern[p + 2]);
      if (low > high) std::swap(low, high);
      const auto byte = static_cast<signed char>(c);
      match |= byte >= low && byte <= high;
      p += 2;
    } else {
      match |= pattern[p] == c;
    }
  }
  *at = p;
  return match != negated;
}

}  // namespace

bool GlobMatch(std::string_view pattern, std::string_view text) {
  // Where to resume after a mismatch: after the last '*', which then covers one more byte. An
  // earlier '*' never needs another try: it could only start the rest later than this one can.
  constexpr size_t kNoStar = SIZE_MAX;
  size_t star = kNoStar;
  size_t star_text = 0;
  size_t p = 0;
  size_t t = 0;
  // An empty text matches only an empty pattern, not even "*": the server's loop never runs.
  while (t < text.size()) {
    bool matched = false;
    if (p < pattern.size()) {
      switch (pattern[p]) {
        case '*':
          while (p + 1 < pattern.size() && pattern[p + 1] == '*') ++p;
          if (p + 1 == pattern.size()) return true;
          star = ++p;
          star_text = t;
          continue;
        case '?':
          matched = true;
          break;
        case '[':
          matched = MatchClass(pattern, &p, text[t]);
          break;
        case '\\':
          if (p + 1 < pattern.size()) ++p;
          matched = pattern[p] == text[t];
          break;
        default:
          matched = pattern[p] == text[t];
      }
    }
    if (matched) {
      ++p;
      ++t;
      if (t < text.size()) continue;
      while (p < pattern.size() && pattern[p] == '*') ++p;
      if (p == pattern.size()) return true;
    }
    if (star == kNoStar) return false;
    p = star;
    t = ++star_text;
  }
  return t == text.size() && p == pattern.size() && star == kNoStar;
}

}  // namespace resprobe
