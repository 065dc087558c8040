#include "core/table/profile.h"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "core/table/numbers.h"
#include "core/table/short_double.h"
#include "core/table/spec.h"

namespace resprobe {
namespace {

constexpr CommandChange kValkey80Changes[] = {
    {.name = "blmove", .remove_flags = kNoScript},
    {.name = "blpop", .remove_flags = kNoScript},
    {.name = "brpop", .remove_flags = kNoScript},
    {.name = "brpoplpush", .remove_flags = kNoScript},
    {.name = "bzpopmax", .remove_flags = kNoScript},
    {.name = "bzpopmin", .remove_flags = kNoScript},
    {.name = "client|capa"},
    {.name = "client|no-touch"},
    {.name = "client|setinfo"},
    {.name = "client|setname", .add_flags = kToAllNodes | kFromAllSucceeded},
    {.name = "client|pause", .since = "3.0.0"},
    {.name = "command|getkeys", .arity = -3},
    {.name = "command|getkeysandflags", .arity = -3},
    {.name = "config|resetstat", .add_flags = kToAllNodes | kFromAllSucceeded},
    {.name = "config|rewrite", .add_flags = kToAllNodes | kFromAllSucceeded},
    {.name = "msetnx", .remove_flags = kToMultiShard | kFromMin},
    {.name = "multi", .add_flags = kNoMulti},
    {.name = "randomkey", .add_flags = kFromSpecial},
    {.name = "scan", .add_flags = kFromSpecial},
    {.name = "sinterstore", .first_use = kOverwrites},
    {.name = "wait", .add_flags = kBlocking, .remove_flags = kNoScript},
    {.name = "waitaof"},
    {.name = "watch", .add_flags = kNoMulti},
    {.name = "zrank",
     .arity = -3,
     .syntax = "key member [WITHSCORE]",
     .reply = "int(0..)|null|tuple<int(0..),double>|nullarray"},
    {.name = "zrevrank",
     .arity = -3,
     .syntax = "key member [WITHSCORE]",
     .reply = "int(0..)|null|tuple<int(0..),double>|nullarray"},
};

// fpconv_dtoa: the shortest decimal that reads back as the same number, without an exponent if that
// needs few zeros.
std::string_view ShortDouble(double value, std::span<char> buffer) {
  char digits[32];
  const char* end =
      std::to_chars(digits, digits + sizeof digits, std::fabs(value), std::chars_format::scientific)
          .ptr;
  // Splits d.ddde[+-]xx into the digits without the point, and the exponent of the last one.
  const char* e =
      static_cast<const char*>(std::memchr(digits, 'e', static_cast<size_t>(end - digits)));
  char plain[32];
  int count = 0;
  for (const char* p = digits; p < e; ++p) {
    if (*p != '.') plain[count++] = *p;
  }
  int exponent = 0;
  std::from_chars(e[1] == '+' ? e + 2 : e + 1, end, exponent);
  while (count > 1 && plain[count - 1] == '0') --count;
  const int last = exponent - (count - 1);

  char* out = buffer.data();
  const auto put = [&](const char* text, int n) {
    std::memcpy(out, text, static_cast<size_t>(n));
    out += n;
  };
  const auto zeros = [&](int n) {
    std::memset(out, '0', static_cast<size_t>(n));
    out += n;
  };
  if (std::signbit(value)) *out++ = '-';
  const int magnitude = exponent < 0 ? -exponent : exponent;
  if (last >= 0 && magnitude < count + 7) {
    put(plain, count);
    zeros(last);
  } else if (last < 0 && (last > -7 || magnitude < 4)) {
    const int before = count + last;  // digits before the point
    if (before <= 0) {
      put("0.", 2);
      zeros(-before);
      put(plain, count);
    } else {
      put(plain, before);
      *out++ = '.';
      put(plain + before, count - before);
    }
  } else {
    *out++ = plain[0];
    if (count > 1) {
      *out++ = '.';
      put(plain + 1, count - 1);
    }
    *out++ = 'e';
    *out++ = exponent < 0 ? '-' : '+';
    out = std::to_chars(out, buffer.data() + buffer.size(), magnitude).ptr;
  }
  return {buffer.data(), static_cast<size_t>(out - buffer.data())};
}

}  // namespace

std::string_view ProfileName(Profile profile) {
  const auto i = static_cast<size_t>(profile);
  return i < kProfileCount ? kProfileTraits[i].name : std::string_view();
}

std::span<const CommandChange> CommandChanges(Profile profile) {
  if (profile == Profile::kValkey80) return kValkey80Changes;
  return {};
}

std::string_view FormatShortDouble(double value, std::span<char> buffer) {
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  if (value == 0) return std::signbit(value) ? "-0" : "0";
  return ShortDouble(value, buffer);
}

std::string_view FormatDouble(Profile profile, double value, std::span<char> buffer) {
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  const bool short_doubles = TraitsOf(profile).short_doubles;
  // The output of %.17g for an integer of up to 17 digits, several times as fast.
  const double most = short_doubles ? 0x1p62 : 9'999'999'999'999'998.0;
  if (std::fabs(value) <= most && value == std::trunc(value) &&
      !(value == 0 && std::signbit(value))) {
    return FormatInt64(static_cast<int64_t>(value), buffer);
  }
  if (short_doubles) return value == 0 ? "-0" : ShortDouble(value, buffer);
  const int n = std::snprintf(buffer.data(), buffer.size(), "%.17g", value);
  return {buffer.data(), static_cast<size_t>(n)};
}

std::string_view FormatRewrittenScore(Profile profile, double value, std::span<char> buffer) {
  if (!TraitsOf(profile).short_doubles || value == 0 || std::isinf(value)) {
    return FormatDouble(profile, value, buffer);
  }
  return ShortDouble(value, buffer);
}

}  // namespace resprobe
