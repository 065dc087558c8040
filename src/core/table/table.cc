#include "core/table/table.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "core/keyspace/hash.h"
#include "core/keyspace/integers.h"
#include "core/table/command.h"
#include "core/table/groups.h"

namespace resprobe {
namespace {

[[noreturn]] void Malformed(std::string_view command, const std::string& problem) {
  std::fprintf(stderr, "command table: %.*s: %s\n", static_cast<int>(command.size()),
               command.data(), problem.c_str());
  std::abort();
}

constexpr size_t kMaxNameLength = 16;

// Converts eight letters to lower case at once; other bytes are unchanged.
uint64_t LowerWord(uint64_t word) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  const uint64_t low = word & (kOnes * 0x7f);
  const uint64_t from_a = low + kOnes * (0x80 - 'A');
  const uint64_t above_z = low + kOnes * (0x7f - 'Z');
  const uint64_t upper = (from_a ^ above_z) & ~word & (kOnes * 0x80);
  return word | upper >> 2;
}

// A command's name as two words, ignoring case.
struct NameKey {
  explicit NameKey(std::string_view name) : size(name.size()) {
    const ShortText text = LoadShortText(name);
    first = LowerWord(text.first);
    last = LowerWord(text.last);
  }
  bool operator==(const NameKey& other) const {
    return ((first ^ other.first) | (last ^ other.last) | (size ^ other.size)) == 0;
  }
  size_t Hash() const {
    const uint64_t h = (first ^ (last << 7) ^ size) * 0x9e3779b97f4a7c15;
    return static_cast<size_t>(h >> 54);
  }

  uint64_t first;
  uint64_t last;
  uint64_t size;
};

class Table {
 public:
  explicit Table(Profile profile) : changes_(CommandChanges(profile)) {
    for (const auto group :
         {BitFieldCommands(),    BitmapCommands(),  ClientCommands(),       ConfigCommands(),
          ConnectionCommands(),  CounterCommands(), ExpireCommands(),       GenericCommands(),
          HashCommands(),        LcsCommands(),     ListBlockingCommands(), ListCommands(),
          ObjectCommands(),      PubSubCommands(),  PersistenceCommands(),  InfoCommands(),
          ReplicationCommands(), ServerCommands(),  SetCommands(),          SortCommands(),
          StringCommands(),      TableCommands(),   TransactionCommands(),  ZSetCommands(),
          DumpCommands()}) {
      for (const CommandSpec& spec : group) {
        if (!spec.later || IsChanged(spec.name)) commands_.push_back(Make(spec, {}));
      }
    }
    Sort(commands_);
    for (Command& command : commands_) {
      command.place = static_cast<uint16_t>(&command - commands_.data());
      AddSubcommands(command);
    }
    Index();
  }

  std::span<const Command> commands() const { return commands_; }

  const Command* Find(std::string_view name) const {
    if (name.size() > kMaxNameLength) return nullptr;
    const NameKey key(name);
    for (size_t at = key.Hash(); slots_[at].command != nullptr; at = (at + 1) & kMask) {
      if (slots_[at].key == key) return slots_[at].command;
    }
    return nullptr;
  }

 private:
  static constexpr size_t kMask = 1023;  // NameKey::Hash() has 10 bits

  Command Make(const CommandSpec& spec, std::string_view container) {
    Command command;
    command.spec = &spec;
    if (!container.empty()) command.full_name_ = std::string(container) + "|";
    command.full_name_ += spec.name;
    const std::string& name = command.full_name_;
    for (const CommandChange& change : changes_) {
      if (change.name == name) command.spec = Changed(spec, change);
    }
    const CommandTraits& traits = spec.traits;
    command.role = traits.role;
    command.is_exec = traits.role == CommandRole::kExec;
    command.may_wait = command.Has(kBlocking) || command.HasTrait(kMayWait);
    command.runs_in_multi = command.HasTrait(kRunsInMulti);
    command.reports_refusal = command.HasTrait(kReportsRefusal);
    command.runs_subscribed = command.HasTrait(kRunsSubscribed);
    command.marks_use = command.HasTrait(kMarksUse);
    command.keeps_caching = command.HasTrait(kKeepsCaching);
    command.unsubscribes =
        traits.role >= CommandRole::kUnsubscribe && traits.role <= CommandRole::kSunsubscribe;
    if (command.Has(kBlocking) && traits.time.kind != TimeArgument::Kind::kTimeout) {
      Malformed(name, "a blocking command must say where its timeout is");
    }
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
      auto shape = Shape::Compile(command.spec->reply, &error);
      if (!shape) Malformed(name, error);
      command.reply = *std::move(shape);
    }
    return command;
  }

  bool IsChanged(std::string_view full_name) const {
    return std::any_of(changes_.begin(), changes_.end(),
                       [&](const CommandChange& change) { return change.name == full_name; });
  }

  // Returns the profile's version of the spec, owned by this table.
  const CommandSpec* Changed(const CommandSpec& spec, const CommandChange& change) {
    specs_.push_back(std::make_unique<CommandSpec>(spec));
    CommandSpec& changed = *specs_.back();
    if (change.arity != 0) changed.arity = change.arity;
    changed.flags = (changed.flags | change.add_flags) & ~change.remove_flags;
    if (!change.syntax.empty()) changed.syntax = change.syntax;
    if (!change.reply.empty()) changed.reply = change.reply;
    if (!change.since.empty()) changed.since = change.since;
    if (change.first_use != kNoUse) changed.keys.first_use = change.first_use;
    return &changed;
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
      if (spec.later && !IsChanged(std::string(command.name()) + "|" + std::string(spec.name)))
        continue;
      list.push_back(Make(spec, command.name()));
      list.back().parent = &command;
      list.back().place = command.place;
      list.back().keeps_caching = command.keeps_caching;
    }
    Sort(list);
    command.subcommands = list;
  }

  void Index() {
    for (const Command& command : commands_) {
      const NameKey key(command.name());
      size_t at = key.Hash();
      while (slots_[at].command != nullptr) at = (at + 1) & kMask;
      slots_[at] = {key, &command};
    }
  }

  const std::span<const CommandChange> changes_;
  std::vector<std::unique_ptr<CommandSpec>> specs_;
  std::vector<Command> commands_;
  std::vector<std::unique_ptr<std::vector<Command>>> subcommands_;
  struct Slot {
    NameKey key{std::string_view()};
    const Command* command = nullptr;
  };
  Slot slots_[kMask + 1];  // open addressing, mostly empty
};

const Table& TableOf(Profile profile) {
  static const Table* const tables[kProfileCount] = {new Table(Profile::kRedis70),
                                                     new Table(Profile::kValkey80)};
  return *tables[static_cast<size_t>(profile)];
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

std::span<const Command> Commands(Profile profile) { return TableOf(profile).commands(); }

const Command* FindCommand(std::string_view name, Profile profile) {
  return TableOf(profile).Find(name);
}

const Command* FindSubcommand(const Command& container, std::string_view name) {
  if (name.size() > kMaxNameLength) return nullptr;
  const NameKey key(name);
  for (const Command& command : container.subcommands) {
    if (command.name().size() == name.size() && NameKey(command.name()) == key) return &command;
  }
  return nullptr;
}

namespace {

// The position of SORT's last STORE, 0 if it has none. Like the server, it treats unknown words as
// options without arguments.
size_t StoreOption(std::span<const std::string_view> args) {
  size_t store = 0;
  for (size_t i = 2; i < args.size(); ++i) {
    const std::string_view arg = args[i];
    if (CommandContext::IsWord(arg, "LIMIT")) {
      i += 2;
    } else if (CommandContext::IsWord(arg, "GET") || CommandContext::IsWord(arg, "BY")) {
      i += 1;
    } else if (CommandContext::IsWord(arg, "STORE") && i + 1 < args.size()) {
      store = i;
    }
  }
  return store;
}

}  // namespace

bool KeyPositions(const Command& command, std::span<const std::string_view> args,
                  std::vector<int>& positions) {
  const KeySpec& keys = command.spec->keys;
  const int argc = static_cast<int>(args.size());
  switch (keys.kind) {
    case KeySpec::Kind::kNone:
    case KeySpec::Kind::kChannels:
      return true;
    case KeySpec::Kind::kRange: {
      const int last = keys.last + (keys.last < 0 ? argc : 0);
      if (keys.first >= argc || last >= argc || last < keys.first) return false;
      for (int i = 0; keys.first + i <= last; i += keys.step) positions.push_back(keys.first + i);
      return true;
    }
    case KeySpec::Kind::kKeyAndPatterns:
    case KeySpec::Kind::kKeyAndStore:
      if (argc < 2) return false;
      positions.push_back(1);
      if (keys.kind == KeySpec::Kind::kKeyAndPatterns) return true;
      if (const size_t store = StoreOption(args); store != 0) {
        positions.push_back(static_cast<int>(store) + 1);
      }
      return true;
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
