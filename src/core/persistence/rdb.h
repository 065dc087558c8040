#ifndef RESPROBE_CORE_PERSISTENCE_RDB_H_
#define RESPROBE_CORE_PERSISTENCE_RDB_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "core/keyspace/keyspace.h"
#include "core/table/profile.h"

namespace resprobe {

// RDB files and the payloads of DUMP (redis 7.0 and valkey 8.0 rdb.c).

// --- Writing.

struct RdbWriteOptions {
  Profile profile = Profile::kRedis70;
  // Values are in the server's packed encodings. Without them all are tables, which any server of
  // the version loads too, and which take less time to write and to read.
  bool packed = true;
  // Long strings are compressed where that saves bytes (rdbcompression).
  bool compress = true;
  // Without one the checksum is 0, which a reader takes for none (rdbchecksum).
  bool checksum = true;
  // The auxiliary fields; without them only the last of the values below is used.
  bool fields = true;
  int64_t ctime = 0;  // seconds since 1970
  uint64_t used_memory = 0;
  bool aof_base = false;
  // repl-stream-db, for a replica: the database that the stream has selected where the file ends.
  // -1: left out.
  int stream_db = -1;
};

// Appends a file with all keys of all databases, in the encodings in which the profile's server
// writes them.
void AppendRdb(const Keyspace& keyspace, const RdbWriteOptions& options, std::string* rdb);

// Appends what DUMP replies: type, value, version and checksum.
void AppendDumpPayload(const Object& object, Profile profile, bool compress, std::string* payload);

// --- Reading.

enum class RdbError : uint8_t {
  kNone,
  kSignature,
  kVersion,
  kShortRead,
  kChecksum,
  kCorrupt,      // wrong bytes: a length, an encoding, a packed blob, a member that occurs twice
  kUnknownType,  // no type of a value
  kUnsupported,  // a stream, or a module's type or field, or a function of a release candidate
  kDuplicateKey,
  kDatabase,  // there are fewer databases
  kEmptyKey,  // in a payload: a container without elements
};

struct RdbResult {
  RdbError error = RdbError::kNone;
  // The line that the server logs before it ends; of kCorrupt and kUnknownType, the reason that it
  // logs after "Internal error in RDB reading offset …, function at rdb.c:… -> ".
  std::string text = {};

  bool ok() const { return error == RdbError::kNone; }
};

struct RdbReadOptions {
  Profile profile = Profile::kRedis70;
  // Keys that have expired are loaded too: by a replica, and from the base of an append-only file.
  bool keep_expired = false;
  // Packed blobs are checked as with sanitize-dump-payload yes. Otherwise a bad one is read up to
  // its first wrong entry, and the first of equal members counts: a server would keep the blob, and
  // may abort in a later command.
  bool deep = false;
  // A wrong checksum is an error.
  bool checksum = true;
};

// What else a file has said.
struct RdbReport {
  int version = 0;
  int64_t ctime = 0;
  bool aof_base = false;
  int stream_db = 0;     // repl-stream-db
  size_t size = 0;       // bytes, after which others may follow; only if it was loaded
  uint64_t loaded = 0;   // keys
  uint64_t expired = 0;  // keys that were dropped because they had expired
  uint64_t empty = 0;    // keys that were dropped because they had no elements
};

// Replaces all keys by those of a file. The keyspace's observer is notified once, of the flush.
// After an error the keyspace has the keys before it. Bytes after the end of the file are ignored.
RdbResult LoadRdb(std::string_view rdb, const RdbReadOptions& options, Keyspace* keyspace,
                  RdbReport* report = nullptr);

// False if the payload is shorter than its footer, is of a later version, or, unless told not to
// look, has another checksum. Here 0 is a checksum like any other.
bool DumpPayloadFits(std::string_view payload, Profile profile, bool checksum = true);

// Reads the value of a payload, whose footer is neither checked nor left out, to a new key without
// an expiry. The key must not exist; call Keyspace::Modified() for it, or remove it. After an error
// it does not exist.
RdbResult ReadDumpPayload(std::string_view payload, const RdbReadOptions& options, int db,
                          std::string_view key, Keyspace* keyspace);

// Appends zeros to the name until no key of the database has it.
void MakeUnusedKey(const Keyspace& keyspace, int db, std::string* key);

}  // namespace resprobe

#endif  // RESPROBE_CORE_PERSISTENCE_RDB_H_
