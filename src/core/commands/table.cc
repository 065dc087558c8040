#include "core/commands/table.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "core/commands/groups.h"
#include "core/keyspace/hash.h"
#include "core/keyspace/integers.h"

namespace resprobe {
namespace {

[[noreturn]] void Malformed(std::string_view command, const std::string& problem) {
  std::fprintf(stderr, "command table: %.*s: %s\n", static_cast<int>(command.size()),
               command.data(), problem.c_str());
  std::abort();
}

constexpr size_t kMaxNameLength = 32;

// A name in lower case, in place.
struct LowerName {
  explicit LowerName(std::string_view name) : size(name.size()) {
    for (size_t i = 0; i < size; ++i) {
      const char c = name[i];
      bytes[i] = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    }
  }
  std::string_view view() const { return {bytes, size}; }

  char bytes[kMaxNameLength];
  size_t size;
};

class Table {
 public:
  Table() {
    for (const auto group : {
#ifdef RESPROBE_HAS_BITMAP_COMMANDS
             BitmapCommands(),
#endif
#ifdef RESPROBE_HAS_CONNECTION_COMMANDS
             ConnectionCommands(),
#endif
#ifdef RESPROBE_HAS_GENERIC_COMMANDS
             GenericCommands(),
#endif
#ifdef RESPROBE_HAS_HASH_COMMANDS
             HashCommands(),
#endif
#ifdef RESPROBE_HAS_LIST_COMMANDS
             ListCommands(),
#endif
#ifdef RESPROBE_HAS_PUBSUB_COMMANDS
             PubSubCommands(),
#endif
#ifdef RESPROBE_HAS_SERVER_COMMANDS
             ServerCommands(),
#endif
#ifdef RESPROBE_HAS_SET_COMMANDS
             SetCommands(),
#endif
#ifdef RESPROBE_HAS_STRING_COMMANDS
             StringCommands(),
#endif
#ifdef RESPROBE_HAS_TRANSACTION_COMMANDS
             TransactionCommands(),
#endif
#ifdef RESPROBE_HAS_ZSET_COMMANDS
             ZSetCommands(),
#endif
             std::span<const CommandSpec>(),
         }) {
      for (const CommandSpec& spec : group) commands_.push_back(Make(spec, {}));
    }
    Sort(commands_);
    for (Command& command : commands_) AddSubcommands(command);
    Index();
  }

  std::span<const Command> commands() const { return commands_; }

  const Command* Find(std::string_view name) const {
    if (name.size() > kMaxNameLength) return nullptr;
    const LowerName lower(name);
    for (size_t at = HashBytes(lower.view()) & kMask; index_[at] != 0; at = (at + 1) & kMask) {
      const Command& command = commands_[index_[at] - 1];
      if (command.name() == lower.view()) return &command;
    }
    return nullptr;
  }

 private:
  static constexpr size_t kMask = 1023;

  static Command Make(const CommandSpec& spec, std::string_view container) {
    Command command;
    command.spec = &spec;
    if (!container.empty()) command.full_name_ = std::string(container) + "|";
    command.full_name_ += spec.name;
    const std::string& name = command.full_name_;
    if (spec.name.empty() || spec.name.size() > kMaxNameLength ||
        std::any_of(spec.name.begin(), spec.name.end(),
                    [](char c) { return c >= 'A' && c <= 'Z'; })) {
      Malformed(name, "the name must be in lower case and not too long");
    }
    if (spec.arity == 0) Malformed(name, "no arity");
    if (spec.handler == nullptr && spec.subcommands.empty()) Malformed(name, "no handler");
    if (spec.handler != nullptr && spec.reply.empty()) Malformed(name, "no reply shape");
    if (!spec.reply.empty()) {
      std::string error;
      auto shape = Shape::Compile(spec.reply, &error);
      if (!shape) Malformed(name, error);
      command.reply = *std::move(shape);
    }
    return command;
  }

  static void Sort(std::vector<Command>& commands) {
    std::sort(commands.begin(), commands.end(),
              [](const Command& a, const Command& b) { return a.name() < b.name(); });
    for (size_t i = 1; i < commands.size(); ++i) {
      if (commands[i - 1].name() == commands[i].name()) {
        Malformed(commands[i].name(), "stands in the table twice");
      }
    }
  }

  void AddSubcommands(Command& command) {
    if (command.spec->subcommands.empty()) return;
    subcommands_.push_back(std::make_unique<std::vector<Command>>());
    std::vector<Command>& list = *subcommands_.back();
    for (const CommandSpec& spec : command.spec->subcommands) {
      list.push_back(Make(spec, command.name()));
      list.back().parent = &command;
    }
    Sort(list);
    command.subcommands = list;
  }

  void Index() {
    for (size_t i = 0; i < commands_.size(); ++i) {
      size_t at = HashBytes(commands_[i].name()) & kMask;
      while (index_[at] != 0) at = (at + 1) & kMask;
      index_[at] = static_cast<uint16_t>(i + 1);
    }
  }

  std::vector<Command> commands_;
  std::vector<std::unique_ptr<std::vector<Command>>> subcommands_;
  uint16_t index_[kMask + 1] = {};  // position + 1; open addressing, mostly empty
};

const Table& TheTable() {
  static const Table* const table = new Table;
  return *table;
}

}  // namespace

std::string_view CommandGroupName(CommandGroup group) {
  switch (group) {
    case CommandGroup::kGeneric:
      return "generic";
    case CommandGroup::kString:
      return "string";
    case CommandGroup::kList:
      return "list";
    case CommandGroup::kHash:
      return "hash";
    case CommandGroup::kSet:
      return "set";
    case CommandGroup::kSortedSet:
      return "sorted-set";
    case CommandGroup::kBitmap:
      return "bitmap";
    case CommandGroup::kPubSub:
      return "pubsub";
    case CommandGroup::kTransactions:
      return "transactions";
    case CommandGroup::kConnection:
      return "connection";
    case CommandGroup::kServer:
      return "server";
  }
  return "";
}

std::span<const Command> Commands() { return TheTable().commands(); }

const Command* FindCommand(std::string_view name) { return TheTable().Find(name); }

const Command* FindSubcommand(const Command& container, std::string_view name) {
  if (name.size() > kMaxNameLength) return nullptr;
  const LowerName lower(name);
  for (const Command& command : container.subcommands) {
    if (command.name() == lower.view()) return &command;
  }
  return nullptr;
}

bool KeyPositions(const Command& command, std::span<const std::string_view> args,
                  std::vector<int>& positions) {
  const KeySpec& keys = command.spec->keys;
  const int argc = static_cast<int>(args.size());
  switch (keys.kind) {
    case KeySpec::Kind::kNone:
      return true;
    case KeySpec::Kind::kRange: {
      const int last = keys.last < 0 ? argc + keys.last : keys.last;
      if (keys.first >= argc || last >= argc || last < keys.first) return false;
      for (int i = keys.first; i <= last; i += keys.step) positions.push_back(i);
      return true;
    }
    case KeySpec::Kind::kNumKeys: {
      int64_t count;
      if (keys.first >= argc || !ParseInt64(args[static_cast<size_t>(keys.first)], &count) ||
          count < 1 || count > argc - keys.first - 1) {
        return false;
      }
      if (keys.last != 0) positions.push_back(keys.last);
      for (int i = 0; i < count; ++i) positions.push_back(keys.first + 1 + i);
      return true;
    }
  }
  return false;
}

}  // namespace resprobe
