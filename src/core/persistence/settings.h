#ifndef RESPROBE_CORE_PERSISTENCE_SETTINGS_H_
#define RESPROBE_CORE_PERSISTENCE_SETTINGS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/persistence/aof_log.h"

namespace resprobe {

// A snapshot is taken once `seconds` have passed since the last one, and at least `changes` were
// made.
struct SavePoint {
  int64_t seconds;
  int64_t changes;
};

// Which payloads of RESTORE are checked deeply (sanitize-dump-payload): none, all, those of clients
// other than the primary.
enum class SanitizeDump : uint8_t { kNo, kYes, kClients };

// The settings of persistence, with the names and defaults of redis.conf. Only `save` differs:
// there are no save points unless a run asks for them.
struct PersistenceSettings {
  bool appendonly = false;
  AppendFsync appendfsync = AppendFsync::kEverySecond;
  bool no_appendfsync_on_rewrite = false;
  bool aof_load_truncated = true;
  bool aof_use_rdb_preamble = true;
  bool aof_timestamp_enabled = false;
  int64_t auto_aof_rewrite_percentage = 100;
  int64_t auto_aof_rewrite_min_size = 64 << 20;  // bytes
  std::vector<SavePoint> save;
  bool stop_writes_on_bgsave_error = true;
  bool rdb_compression = true;
  bool rdb_checksum = true;
  SanitizeDump sanitize_dump_payload = SanitizeDump::kNo;
  // WAITAOF answers before the fsync, as valkey 8.0.1 does (docs/findings/valkey-waitaof-early.md).
  bool early_receipts = false;
  // DEBUG SET-SKIP-CHECKSUM-VALIDATION.
  bool skip_checksums = false;
  std::string db_filename = "dump.rdb";
};

// Save points as in the setting `save`: pairs of seconds and changes, "3600 1 300 100"; "" is none.
// False if it is not valid; then `points` is unchanged.
bool ParseSavePoints(std::string_view text, std::vector<SavePoint>* points);

// "everysec"; the same, whatever the case of the letters, back. False if it is no policy.
std::string_view AppendFsyncName(AppendFsync policy);
bool ParseAppendFsync(std::string_view text, AppendFsync* policy);

}  // namespace resprobe

#endif  // RESPROBE_CORE_PERSISTENCE_SETTINGS_H_
