#ifndef RESPROBE_CORE_PERSISTENCE_DEBUG_DIGEST_H_
#define RESPROBE_CORE_PERSISTENCE_DEBUG_DIGEST_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/keyspace/keyspace.h"
#include "core/table/profile.h"

namespace resprobe {

// The digests of DEBUG DIGEST and DEBUG DIGEST-VALUE (redis 7.0 debug.c), by which states of
// different servers can be compared. Of an expiry they say only that there is one. Scores are
// digested as the profile's server prints them.
using DebugDigest = std::array<uint8_t, 20>;

// SHA-1 (FIPS 180-4).
DebugDigest Sha1(std::string_view bytes);

// Of all keys of all databases.
DebugDigest DigestOf(const Keyspace& keyspace, Profile profile);
// Of one value.
DebugDigest DigestOf(const Object& object, Profile profile);

// In hexadecimal digits.
std::string DebugDigestText(const DebugDigest& digest);

}  // namespace resprobe

#endif  // RESPROBE_CORE_PERSISTENCE_DEBUG_DIGEST_H_
