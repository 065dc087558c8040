// DUMP and RESTORE (redis 7.0 cluster.c), and what DEBUG says about the contents of keys.

#include <cstdint>

#include "core/commands/object_form.h"
#include "core/persistence/c_number.h"
#include "core/persistence/debug_digest.h"
#include "core/persistence/rdb.h"
#include "core/server/propagate.h"
#include "core/server/server.h"
#include "core/table/command.h"
#include "core/table/groups.h"

namespace resprobe {
namespace {

void Dump(CommandContext& c) {
  const Object* object = c.keyspace.Find(c.db, c.args[1]);
  if (object == nullptr) {
    c.reply.NullBulk();
    return;
  }
  c.scratch.clear();
  AppendDumpPayload(*object, c.profile, c.server.config().persistence.rdb_compression, &c.scratch);
  c.reply.BulkString(c.scratch);
}

struct RestoreOptions {
  bool replace = false;
  bool absolute = false;
  int64_t idle_s = -1;
  int64_t frequency = -1;
};

bool ParseRestoreOptions(CommandContext& c, RestoreOptions* options) {
  for (size_t i = 4; i < c.argc(); ++i) {
    const bool more = i + 1 < c.argc();
    if (c.Is(i, "REPLACE")) {
      options->replace = true;
    } else if (c.Is(i, "ABSTTL")) {
      options->absolute = true;
    } else if (c.Is(i, "IDLETIME") && more && options->frequency == -1) {
      if (!c.Int(++i, &options->idle_s)) return false;
      if (options->idle_s < 0) return c.Error("ERR Invalid IDLETIME value, must be >= 0");
    } else if (c.Is(i, "FREQ") && more && options->idle_s == -1) {
      if (!c.Int(++i, &options->frequency)) return false;
      if (options->frequency < 0 || options->frequency > 255) {
        return c.Error("ERR Invalid FREQ value, must be >= 0 and <= 255");
      }
    } else {
      return c.SyntaxError();
    }
  }
  return true;
}

// With the expiry as a time: the same options, and ABSTTL.
void PropagateRestore(CommandContext& c, int64_t at) {
  char digits[kNumberBufferSize];
  c.views.assign(c.args.begin(), c.args.end());
  c.views[2] = FormatInt64(at, digits);
  c.views.emplace_back("ABSTTL");
  c.server.propagation().Instead(c.db, c.views);
}

bool ChecksDeeply(const CommandContext& c) {
  switch (c.server.config().persistence.sanitize_dump_payload) {
    case SanitizeDump::kNo:
      return false;
    case SanitizeDump::kYes:
      return true;
    case SanitizeDump::kClients:
      break;
  }
  return !c.client.primary;
}

void Restore(CommandContext& c) {
  const std::string_view key = c.args[1];
  const std::string_view payload = c.args[3];
  RestoreOptions options;
  if (!ParseRestoreOptions(c, &options)) return;
  if (!options.replace && c.keyspace.Find(c.db, key) != nullptr) {
    c.Error("BUSYKEY Target key name already exists.");
    return;
  }
  int64_t ttl;
  if (!c.Int(2, &ttl)) return;
  if (ttl < 0) {
    c.Error("ERR Invalid TTL value, must be >= 0");
    return;
  }
  if (!DumpPayloadFits(payload, c.profile, !c.server.config().persistence.skip_checksums)) {
    c.Error("ERR DUMP payload version or checksum are wrong");
    return;
  }
  // The value is read under another name if the key exists: it stays if the value is refused.
  const bool exists = c.keyspace.keys(c.db).Contains(key);
  c.scratch.assign(key);
  if (exists) MakeUnusedKey(c.keyspace, c.db, &c.scratch);
  const RdbReadOptions how = {.profile = c.profile, .deep = ChecksDeeply(c)};
  if (!ReadDumpPayload(payload, how, c.db, c.scratch, &c.keyspace).ok()) {
    c.Error("ERR Bad data format");
    return;
  }
  // As on the server, a time that is too far away is in the past.
  const int64_t at = options.absolute || ttl == 0
                         ? ttl
                         : static_cast<int64_t>(static_cast<uint64_t>(ttl) +
                                                static_cast<uint64_t>(c.keyspace.now_ms()));
  c.reply.Ok();
  if (ttl != 0 && c.keyspace.AlreadyExpired(at)) {
    c.keyspace.Remove(c.db, c.scratch);
    if (!exists) return;
    c.keyspace.Remove(c.db, key);
    c.Modified(key);
    PropagateDeletion(c, key);
    return;
  }
  if (exists) {
    c.keyspace.Remove(c.db, key);  // even if it has expired: nothing notices that
    c.keyspace.Rename(c.db, c.scratch, c.db, key);
  }
  if (ttl != 0) {
    c.keyspace.SetExpiry(c.db, key, at);
    if (!options.absolute && c.server.propagation().records()) PropagateRestore(c, at);
  }
  if (options.idle_s >= 0) {
    c.keyspace.SetIdle(c.db, key, static_cast<uint64_t>(options.idle_s));
  }
  c.Modified(key);
}

// What a server says besides (an address, a clock) is its own; here it is 0.
void DebugObject(CommandContext& c) {
  const Object* object = c.keyspace.keys(c.db).Find(c.args[2]);
  if (object == nullptr) {
    c.Error("ERR no such key");
    return;
  }
  c.scratch.clear();
  AppendDumpPayload(*object, c.profile, c.server.config().persistence.rdb_compression, &c.scratch);
  constexpr size_t kTypeAndFooter = 1 + 10;
  char digits[kNumberBufferSize];
  std::string text = "Value at:0x0 refcount:";
  text.append(FormatInt64(ReferencesTo(*object), digits));
  text.append(" encoding:").append(EncodingOf(*object, c.traits()));
  text.append(" serializedlength:");
  text.append(FormatInt64(static_cast<int64_t>(c.scratch.size() - kTypeAndFooter), digits));
  text.append(" lru:0 lru_seconds_idle:0");
  c.reply.SimpleString(text);
}

void Debug(CommandContext& c) {
  if (c.Is(1, "OBJECT") && c.argc() == 3) {
    DebugObject(c);
  } else if (c.Is(1, "DIGEST") && c.argc() == 2) {
    c.reply.SimpleString(DebugDigestText(DigestOf(c.keyspace, c.profile)));
  } else if (c.Is(1, "DIGEST-VALUE")) {
    c.reply.ArrayHeader(c.argc() - 2);
    for (const std::string_view key : c.args.subspan(2)) {
      // Also of a key that has expired.
      const Dict<Object>& keys = c.keyspace.keys(c.db);
      const Object* object = keys.Find(key);
      c.reply.SimpleString(
          DebugDigestText(object == nullptr ? DebugDigest() : DigestOf(*object, c.profile)));
    }
  } else if (c.Is(1, "SET-SKIP-CHECKSUM-VALIDATION") && c.argc() == 3) {
    ServerConfig config = c.server.config();
    config.persistence.skip_checksums = ParseCNumber(c.args[2]) != 0;
    c.server.Configure(config);
    c.reply.Ok();
  } else {
    c.ErrorAbout("ERR unknown subcommand or wrong number of arguments for '", c.args[1],
                 "'. Try DEBUG HELP.");
  }
}

constexpr CommandSpec kDumpCommands[] = {
    {.name = "debug",
     .arity = -2,
     .flags = kAdmin | kNoScript | kLoading | kStale,
     .group = CommandGroup::kServer,
     .since = "1.0.0",
     .summary = "Digests of the contents of keys",
     .syntax = "<DIGEST | DIGEST-VALUE key [key ...] | OBJECT key | SET-SKIP-CHECKSUM-VALIDATION "
               "integer>",
     .reply = "status|array<status>",
     .handler = Debug,
     .traits = {.freedom = ReplyFreedom::kObject, .bits = kNotCompared}},
    {.name = "dump",
     .arity = 2,
     .flags = kReadonly | kRandomOutput,
     .keys = OneKey().Uses(kReads),
     .group = CommandGroup::kGeneric,
     .since = "2.6.0",
     .summary = "The value of a key, as RESTORE takes it",
     .syntax = "key",
     .reply = "bulk|null",
     .handler = Dump,
     .traits = {.freedom = ReplyFreedom::kDump, .bits = kNotCompared}},
    {.name = "restore",
     .arity = -4,
     .flags = kWrite | kDenyOom,
     .keys = OneKey().Uses(kOverwrites),
     .group = CommandGroup::kGeneric,
     .since = "2.6.0",
     .summary = "Create a key from what DUMP replied",
     .syntax = "key milliseconds payload [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ count]",
     .reply = "ok",
     .handler = Restore,
     .traits = {.bits = kNotCompared}},
};

}  // namespace

std::span<const CommandSpec> DumpCommands() { return kDumpCommands; }

}  // namespace resprobe
