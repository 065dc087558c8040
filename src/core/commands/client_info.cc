#include "core/commands/client_info.h"

#include <algorithm>

#include "core/server/server.h"
#include "core/table/table.h"

namespace resprobe {
namespace {

void Add(std::string* line, std::string_view name, std::string_view value) {
  if (!line->empty() && line->back() != '\n') *line += ' ';
  line->append(name).append("=").append(value);
}

void Add(std::string* line, std::string_view name, int64_t value) {
  char buffer[kNumberBufferSize];
  Add(line, name, FormatInt64(value, buffer));
}

void AddFlags(std::string* line, const Client& client) {
  Add(line, "flags", "");
  const size_t none = line->size();
  if (client.replica) *line += 'S';
  if (client.primary) *line += 'M';
  if (client.subscribed) *line += 'P';
  if (client.multi) *line += 'x';
  if (client.blocked) *line += 'b';
  if (client.tracking) *line += 't';
  if (client.broken_redirect) *line += 'R';
  if (client.bcast()) *line += 'B';
  if (client.dirty_cas) *line += 'd';
  if (client.closing) *line += 'c';
  if (line->size() == none) *line += 'N';
}

void AddLine(CommandContext& c, const Client& client, std::string* line) {
  Add(line, "id", static_cast<int64_t>(client.id));
  Add(line, "addr", "?:0");
  Add(line, "laddr", "?:0");
  Add(line, "fd", static_cast<int64_t>(client.id));
  Add(line, "name", client.name);
  Add(line, "age", (c.keyspace.now_ms() - client.connected_at) / 1000);
  Add(line, "idle", 0);
  AddFlags(line, client);
  Add(line, "db", client.db);
  Add(line, "sub", static_cast<int64_t>(client.channels.size()));
  Add(line, "psub", static_cast<int64_t>(client.patterns.size()));
  Add(line, "ssub", static_cast<int64_t>(client.shards.size()));
  Add(line, "multi", client.multi ? static_cast<int64_t>(client.queue.size()) : -1);
  for (const std::string_view name : {"qbuf", "qbuf-free", "argv-mem", "multi-mem", "rbs", "rbp",
                                      "obl", "oll", "omem", "tot-mem"}) {
    Add(line, name, 0);
  }
  Add(line, "events", "r");
  const Command* command = &client == &c.client ? &c.command
                           : client.blocked     ? client.waiting.entry(0).command
                                                : nullptr;
  Add(line, "cmd", command == nullptr ? "NULL" : command->full_name());
  Add(line, "user", "default");
  Add(line, "redir", client.tracking ? static_cast<int64_t>(client.redirect) : -1);
  Add(line, "resp", client.protocol);
  *line += '\n';
}

// redis 7.0 networking.c getClientType().
ClientType TypeOf(const Client& client) {
  if (client.primary) return ClientType::kPrimary;
  if (client.replica) return ClientType::kReplica;
  return client.subscribed ? ClientType::kPubSub : ClientType::kNormal;
}

}  // namespace

bool ParseClientType(CommandContext& c, size_t i, ClientType* type) {
  if (c.Is(i, "NORMAL")) {
    *type = ClientType::kNormal;
  } else if (c.Is(i, "PUBSUB")) {
    *type = ClientType::kPubSub;
  } else if (c.Is(i, "MASTER")) {
    *type = ClientType::kPrimary;
  } else if (c.Is(i, "REPLICA") || c.Is(i, "SLAVE")) {
    *type = ClientType::kReplica;
  } else {
    return c.ErrorAbout("ERR Unknown client type '", c.args[i], "'");
  }
  return true;
}

bool IsOfType(const Client& client, ClientType type) {
  return type == ClientType::kAny || type == TypeOf(client);
}

void ClientList(CommandContext& c) {
  ClientType type = ClientType::kAny;
  const bool by_id = c.argc() > 3 && c.Is(2, "ID");
  int64_t id;
  if (c.argc() == 4 && c.Is(2, "TYPE")) {
    if (!ParseClientType(c, 3, &type)) return;
  } else if (by_id) {
    for (size_t i = 3; i < c.argc(); ++i) {
      if (!c.Int(i, &id, "ERR Invalid client ID")) return;
    }
  } else if (c.argc() != 2) {
    c.SyntaxError();
    return;
  }
  std::string& text = c.scratch;
  text.clear();
  if (by_id) {
    for (size_t i = 3; i < c.argc(); ++i) {
      ParseInt64(c.args[i], &id);
      const Client* client = c.server.FindOpenClient(static_cast<uint64_t>(id));
      if (client != nullptr) AddLine(c, *client, &text);
    }
  } else {
    for (const Client* client : c.server.active_clients()) {
      if (IsOfType(*client, type)) AddLine(c, *client, &text);
    }
  }
  c.reply.Verbatim("txt", text);
}

void ClientInfo(CommandContext& c) {
  c.scratch.clear();
  AddLine(c, c.client, &c.scratch);
  c.reply.Verbatim("txt", c.scratch);
}

bool CheckClientName(CommandContext& c, std::string_view name) {
  for (const char byte : name) {
    if (byte == '\0' && c.traits().names_end_at_nul) break;
    if (byte < '!' || byte > '~') {
      return c.Error("ERR Client names cannot contain spaces, newlines or special characters.");
    }
  }
  return true;
}

bool SetClientName(CommandContext& c, std::string_view name) {
  if (!CheckClientName(c, name)) return false;
  c.client.name.assign(name);
  return true;
}

}  // namespace resprobe
