#include "core/table/numbers.h"

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace resprobe {
namespace {

// isspace() of the C locale.
bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// `text` with a terminating NUL, for the C library; on the stack if it fits.
class CText {
 public:
  explicit CText(std::string_view text) {
    if (text.size() < sizeof(buffer_)) {
      std::memcpy(buffer_, text.data(), text.size());
      buffer_[text.size()] = '\0';
      data_ = buffer_;
    } else {
      long_.assign(text);
      data_ = long_.c_str();
    }
  }
  const char* data() const { return data_; }

 private:
  char buffer_[64];
  std::string long_;
  const char* data_;
};

}  // namespace

bool ParseDouble(std::string_view text, double* value) {
  if (text.empty() || IsSpace(text[0])) return false;
  // Most scores are small integers.
  int64_t integer;
  if (text.size() <= 15 && text[0] != '-' && ParseInt64(text, &integer)) {
    *value = static_cast<double>(integer);
    return true;
  }
  const CText c(text);
  char* end = nullptr;
  errno = 0;
  const double d = std::strtod(c.data(), &end);
  if (static_cast<size_t>(end - c.data()) != text.size() || std::isnan(d)) return false;
  if (errno == ERANGE && (std::isinf(d) || d == 0)) return false;
  *value = d;
  return true;
}

bool ParseScoreBound(std::string_view text, double* value) {
  int64_t integer;
  if (text.size() <= 15 && ParseInt64(text, &integer)) {
    *value = static_cast<double>(integer);
    return true;
  }
  const CText c(text);
  char* end = nullptr;
  const double d = std::strtod(c.data(), &end);
  if (*end != '\0' || std::isnan(d)) return false;
  *value = d;
  return true;
}

bool ParseLongDouble(std::string_view text, long double* value) {
  constexpr size_t kMaxLength = 5 * 1024;  // MAX_LONG_DOUBLE_CHARS, including the NUL
  if (text.empty() || text.size() >= kMaxLength || IsSpace(text[0])) return false;
  const CText c(text);
  char* end = nullptr;
  errno = 0;
  const long double d = std::strtold(c.data(), &end);
  if (static_cast<size_t>(end - c.data()) != text.size() || std::isnan(d)) return false;
  if (errno == ERANGE && (std::isinf(d) || d == 0)) return false;
  *value = d;
  return true;
}

std::string_view FormatLongDoubleHuman(long double value, std::span<char> buffer) {
  const int written = std::snprintf(buffer.data(), buffer.size(), "%.17Lf", value);
  size_t length = static_cast<size_t>(written);
  if (written < 0 || length >= buffer.size()) return {};
  if (std::memchr(buffer.data(), '.', length) != nullptr) {
    while (buffer[length - 1] == '0') --length;
    if (buffer[length - 1] == '.') --length;
  }
  std::string_view text(buffer.data(), length);
  if (text == "-0") text.remove_prefix(1);
  return text;
}

}  // namespace resprobe
