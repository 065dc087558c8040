#ifndef RESPROBE_CORE_PERSISTENCE_CRC64_H_
#define RESPROBE_CORE_PERSISTENCE_CRC64_H_

#include <cstdint>
#include <string_view>

namespace resprobe {

// CRC-64 "Jones" (redis 7.0 crc64.c), of RDB files and DUMP payloads: polynomial
// 0xad93d23594c935a9, reflected, initial value 0, not inverted. `crc` is that of the bytes before.
uint64_t Crc64(uint64_t crc, std::string_view bytes);
inline uint64_t Crc64(std::string_view bytes) { return Crc64(0, bytes); }

}  // namespace resprobe

#endif  // RESPROBE_CORE_PERSISTENCE_CRC64_H_
