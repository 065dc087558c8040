#ifndef RESPROBE_CORE_COMMANDS_PROFILE_H_
#define RESPROBE_CORE_COMMANDS_PROFILE_H_

#include <cstdint>
#include <span>
#include <string_view>

namespace resprobe {

// The server whose behaviour the core follows.
enum class Profile : uint8_t { kRedis70 };

// Whatever depends on the profile is here, and nowhere else.

std::string_view ProfileName(Profile profile);    // "redis-7.0"
std::string_view ServerVersion(Profile profile);  // as HELLO reports it: "7.0.15"

// A double as a reply carries it (a bulk string in RESP2, "," in RESP3): redis-7.0 prints "%.17g",
// "inf", "-inf". `buffer` holds at least kNumberBufferSize bytes; the result points into it or is
// static.
std::string_view FormatDouble(Profile profile, double value, std::span<char> buffer);

}  // namespace resprobe

#endif  // RESPROBE_CORE_COMMANDS_PROFILE_H_
