#ifndef RESPROBE_WORLDS_RDB_RDB_TAPE_H_
#define RESPROBE_WORLDS_RDB_RDB_TAPE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "core/persistence/rdb.h"
#include "core/table/profile.h"
#include "engine/harness.h"

namespace resprobe {

// The tape of the harness `rdb`: one byte of choices, then a DUMP payload or an RDB file. The bits
// of the first byte, from the lowest:
//   0  a file, otherwise a payload
//   1  the checksum is mended: the last eight bytes are replaced by that of the bytes before
//   2  the profile is valkey-8.0, otherwise redis-7.0
//   3  packed blobs are checked deeply (sanitize-dump-payload yes)
struct RdbTape {
  bool is_file = false;
  bool mended = false;
  bool deep = false;
  Profile profile = Profile::kRedis70;
  std::string_view bytes;  // after mending: of the input, or of `mended_bytes`
  std::string mended_bytes;
};

// The bytes of the tape are those of the input where nothing had to be mended, so that an address
// sanitizer sees where they end.
void DecodeRdbTape(Bytes input, RdbTape* tape);
uint8_t RdbTapeChoices(bool is_file, bool mended, Profile profile, bool deep);

// The checksum of RDB, byte by byte: it shares no code with the core's.
uint64_t PlainCrc64(std::string_view bytes);

// A plausible payload or file: values of all types in encodings of all versions, some of them with
// wrong lengths or changed bytes.
void GenerateRdbTape(uint64_t seed, Tape* out);

// The tape and what it holds, for people. `result`: what loading it said.
std::string ShowRdb(const RdbTape& tape, const RdbResult& result, const Keyspace& keyspace);

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_RDB_RDB_TAPE_H_
