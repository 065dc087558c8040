#include "core/commands/profile.h"

#include <cmath>
#include <cstdio>

#include "core/commands/numbers.h"

namespace resprobe {

std::string_view ProfileName(Profile profile) {
  switch (profile) {
    case Profile::kRedis70:
      return "redis-7.0";
  }
  return "";
}

std::string_view ServerVersion(Profile profile) {
  switch (profile) {
    case Profile::kRedis70:
      return "7.0.15";
  }
  return "";
}

std::string_view FormatDouble(Profile profile, double value, std::span<char> buffer) {
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  // What %.17g prints for an integer of up to 17 digits, several times as fast.
  if (std::fabs(value) < 1e16 && value == std::trunc(value) &&
      !(value == 0 && std::signbit(value))) {
    return FormatInt64(static_cast<int64_t>(value), buffer);
  }
  switch (profile) {
    case Profile::kRedis70: {
      const int n = std::snprintf(buffer.data(), buffer.size(), "%.17g", value);
      return {buffer.data(), static_cast<size_t>(n)};
    }
  }
  return "";
}

}  // namespace resprobe
