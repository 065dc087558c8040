// INFO (redis 7.0 server.c genRedisInfoString): the sections about files and replication.

#include <string>

#include "core/server/server.h"
#include "core/table/command.h"
#include "core/table/groups.h"

namespace resprobe {
namespace {

// The core does not see addresses.
constexpr std::string_view kUnknownAddress = "?";

// Appends a section.
class InfoText {
 public:
  InfoText(std::string_view title, std::string* out) : out_(*out) {
    if (!out_.empty()) out_ += "\r\n";
    out_.append("# ").append(title).append("\r\n");
  }
  void Line(std::string_view name, std::string_view value) {
    out_.append(name).append(":").append(value).append("\r\n");
  }
  void Line(std::string_view name, int64_t value) {
    char digits[kNumberBufferSize];
    Line(name, FormatInt64(value, digits));
  }

 private:
  std::string& out_;
};

std::string_view Status(bool ok) { return ok ? "ok" : "err"; }

void InfoOfPersistence(CommandContext& c, std::string* text) {
  InfoText info("Persistence", text);
  const Persistence& files = c.server.persistence();
  const bool on = files.aof() != Persistence::Aof::kOff;
  info.Line("loading", 0);
  info.Line("rdb_changes_since_last_save", files.unsaved_changes());
  info.Line("rdb_bgsave_in_progress", files.child() == Persistence::Child::kSave ? 1 : 0);
  info.Line("rdb_last_save_time", files.last_save_s());
  info.Line("rdb_last_bgsave_status", Status(files.last_save_ok()));
  info.Line("rdb_saves", files.saves());
  info.Line("aof_enabled", on ? 1 : 0);
  info.Line("aof_rewrite_in_progress", files.child() == Persistence::Child::kRewrite ? 1 : 0);
  info.Line("aof_rewrite_scheduled", files.rewrite_scheduled() ? 1 : 0);
  info.Line("aof_last_bgrewrite_status", Status(files.last_rewrite_ok()));
  info.Line("aof_rewrites", files.rewrites());
  info.Line("aof_rewrites_consecutive_failures", files.failed_rewrites());
  info.Line("aof_last_write_status", Status(files.log().ok()));
  if (!on) return;
  info.Line("aof_current_size", files.aof_size());
  info.Line("aof_base_size", files.aof_base_size());
  info.Line("aof_pending_rewrite", 0);
  info.Line("aof_buffer_length", static_cast<int64_t>(files.log().buffered()));
  info.Line("aof_pending_bio_fsync", static_cast<int64_t>(files.log().tasks().size()));
  info.Line("aof_delayed_fsync", static_cast<int64_t>(files.log().delayed_fsyncs()));
}

void InfoOfReplica(CommandContext& c, InfoText& info) {
  const ReplicaLink& link = c.server.link();
  const auto offset = static_cast<int64_t>(c.server.source().offset());
  info.Line("master_host", link.host());
  info.Line("master_port", link.port());
  info.Line("master_link_status", link.streams() ? "up" : "down");
  info.Line("master_last_io_seconds_ago",
            link.streams() ? (c.keyspace.now_ms() - link.heard_at()) / 1000 : -1);
  info.Line("master_sync_in_progress", link.state() == ReplicaLink::State::kKeys ? 1 : 0);
  info.Line("slave_read_repl_offset", offset);
  info.Line("slave_repl_offset", offset);
  info.Line("slave_priority", 100);
  info.Line("slave_read_only", 1);
  info.Line("replica_announced", 1);
}

void InfoOfReplication(CommandContext& c, std::string* text) {
  InfoText info("Replication", text);
  const ReplicationSource& source = c.server.source();
  info.Line("role", c.server.replica() ? "slave" : "master");
  if (c.server.replica()) InfoOfReplica(c, info);
  info.Line("connected_slaves", static_cast<int64_t>(source.replicas().size()));
  size_t number = 0;
  for (const ReplicationSource::Replica& replica : source.replicas()) {
    std::string value = "ip=" + std::string(kUnknownAddress) +
                        ",port=" + std::to_string(replica.client->replica_port) +
                        ",state=online,offset=" + std::to_string(replica.acknowledged) + ",lag=" +
                        std::to_string((c.keyspace.now_ms() - replica.acknowledged_at) / 1000);
    info.Line("slave" + std::to_string(number++), value);
  }
  const std::string none(ReplicationSource::kIdSize, '0');
  const bool branched = !source.previous_id().empty();
  info.Line("master_failover_state", "no-failover");
  info.Line("master_replid", source.started() ? source.id() : none);
  info.Line("master_replid2", branched ? source.previous_id() : none);
  info.Line("master_repl_offset", static_cast<int64_t>(source.offset()));
  info.Line("second_repl_offset", branched ? static_cast<int64_t>(source.previous_end()) : -1);
  info.Line("repl_backlog_active", source.started() ? 1 : 0);
  info.Line("repl_backlog_size", static_cast<int64_t>(c.server.config().replication.backlog_bytes));
  info.Line("repl_backlog_first_byte_offset",
            source.started() ? static_cast<int64_t>(source.backlog_begin() + 1) : 0);
  info.Line("repl_backlog_histlen", static_cast<int64_t>(source.backlog_size()));
}

void Info(CommandContext& c) {
  bool persistence = c.argc() == 1;
  bool replication = c.argc() == 1;
  for (size_t i = 1; i < c.argc(); ++i) {
    const bool all = c.Is(i, "DEFAULT") || c.Is(i, "ALL") || c.Is(i, "EVERYTHING");
    persistence |= all || c.Is(i, "PERSISTENCE");
    replication |= all || c.Is(i, "REPLICATION");
  }
  c.scratch.clear();
  if (persistence && c.server.files() != nullptr) InfoOfPersistence(c, &c.scratch);
  if (replication) InfoOfReplication(c, &c.scratch);
  c.reply.Verbatim("txt", c.scratch);
}

constexpr CommandSpec kInfoCommands[] = {
    {.name = "info",
     .arity = -1,
     .flags = kLoading | kStale | kRandomOutput | kToAllShards | kFromSpecial,
     .group = CommandGroup::kServer,
     .since = "1.0.0",
     .summary = "The state of files and replication; other sections are empty",
     .syntax = "[string ...]",
     .reply = "verbatim",
     .handler = Info,
     .traits = {.bits = kNotCompared}},
};

}  // namespace

std::span<const CommandSpec> InfoCommands() { return kInfoCommands; }

}  // namespace resprobe
