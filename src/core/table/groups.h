#ifndef RESPROBE_CORE_TABLE_GROUPS_H_
#define RESPROBE_CORE_TABLE_GROUPS_H_

#include <span>

#include "core/table/spec.h"

namespace resprobe {

// Each file of commands contributes its part of the table.
std::span<const CommandSpec> ConnectionCommands();    // connection_commands.cc
std::span<const CommandSpec> ClientCommands();        // client_commands.cc
std::span<const CommandSpec> ServerCommands();        // server_commands.cc
std::span<const CommandSpec> ReplicationCommands();   // replication_commands.cc
std::span<const CommandSpec> PersistenceCommands();   // persistence_commands.cc
std::span<const CommandSpec> InfoCommands();          // info_command.cc
std::span<const CommandSpec> ConfigCommands();        // config_commands.cc
std::span<const CommandSpec> DumpCommands();          // dump_commands.cc
std::span<const CommandSpec> GenericCommands();       // generic_commands.cc
std::span<const CommandSpec> ExpireCommands();        // expire_commands.cc
std::span<const CommandSpec> ObjectCommands();        // object_commands.cc
std::span<const CommandSpec> CounterCommands();       // counter_commands.cc
std::span<const CommandSpec> StringCommands();        // string_commands.cc
std::span<const CommandSpec> BitmapCommands();        // bitmap_commands.cc
std::span<const CommandSpec> BitFieldCommands();      // bitfield_commands.cc
std::span<const CommandSpec> LcsCommands();           // lcs_commands.cc
std::span<const CommandSpec> SortCommands();          // sort_commands.cc
std::span<const CommandSpec> TableCommands();         // command_command.cc
std::span<const CommandSpec> TransactionCommands();   // transaction_commands.cc
std::span<const CommandSpec> PubSubCommands();        // pubsub_commands.cc
std::span<const CommandSpec> ListCommands();          // list_commands.cc
std::span<const CommandSpec> ListBlockingCommands();  // list_blocking_commands.cc
std::span<const CommandSpec> HashCommands();          // hash_commands.cc
std::span<const CommandSpec> SetCommands();           // set_commands.cc
std::span<const CommandSpec> ZSetCommands();          // zset_commands.cc

}  // namespace resprobe

#endif  // RESPROBE_CORE_TABLE_GROUPS_H_
