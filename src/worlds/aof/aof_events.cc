#include "worlds/aof/aof_events.h"

#include "core/persistence/rdb.h"
#include "core/table/table.h"

namespace resprobe {

bool KnowsCommand(std::span<const std::string_view> args, Profile profile) {
  const Command* const command = FindCommand(args[0], profile);
  if (command == nullptr) return false;
  return args.size() == 1 || command->subcommands.empty() ||
         FindSubcommand(*command, args[1]) != nullptr;
}

AofSink::Rdb LoadAofBase(std::string_view bytes, Profile profile, Keyspace* keyspace,
                         PersistenceLog* log) {
  using Status = AofSink::Rdb::Status;
  RdbReport report;
  const RdbResult result =
      LoadRdb(bytes, {.profile = profile, .keep_expired = true}, keyspace, &report);
  if (result.ok()) return {.status = Status::kLoaded, .size = report.size};
  if (log != nullptr) log->Line(result.text);
  const bool refused = result.error == RdbError::kVersion || result.error == RdbError::kSignature;
  return {.status = refused ? Status::kRefused : Status::kFatal};
}

AofSink::Rdb AofEvents::LoadRdb(std::string_view bytes) {
  keyspace_.Reset(0);
  keyspace_.set_expiry(Keyspace::Expiry::kIgnored);
  const Rdb rdb = LoadAofBase(bytes, profile_, &keyspace_, log_);
  digests_.push_back(keyspace_.Digest());
  return rdb;
}

}  // namespace resprobe
