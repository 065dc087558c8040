#ifndef RESPROBE_CORE_COMMANDS_CLIENT_INFO_H_
#define RESPROBE_CORE_COMMANDS_CLIENT_INFO_H_

#include "core/table/command.h"

namespace resprobe {

// CLIENT LIST and CLIENT INFO: one line per connection, with the fields of redis 7.0. Fields that
// the core does not have are 0; connections have no addresses.
void ClientList(CommandContext& c);
void ClientInfo(CommandContext& c);

// The name of a connection; empty for none. False after an error reply.
bool CheckClientName(CommandContext& c, std::string_view name);
bool SetClientName(CommandContext& c, std::string_view name);

// The client types that CLIENT KILL and CLIENT LIST distinguish.
enum class ClientType : uint8_t { kAny, kNormal, kPubSub, kReplica, kPrimary };
// Parses the type at args[i]. False after an error reply.
bool ParseClientType(CommandContext& c, size_t i, ClientType* type);
bool IsOfType(const Client& client, ClientType type);

}  // namespace resprobe

#endif  // RESPROBE_CORE_COMMANDS_CLIENT_INFO_H_
