#include "core/commands/acl_categories.h"

namespace resprobe {
namespace {

using Category = AclCategory;

constexpr std::string_view kNames[kAclCategories] = {
    "keyspace", "read",   "write",       "set",       "sortedset",  "list",        "hash",
    "string",   "bitmap", "hyperloglog", "geo",       "stream",     "pubsub",      "admin",
    "fast",     "slow",   "blocking",    "dangerous", "connection", "transaction", "scripting"};

constexpr uint32_t Bit(Category category) { return 1u << static_cast<int>(category); }

uint32_t OfGroup(CommandGroup group) {
  switch (group) {
    case CommandGroup::kGeneric:
      return Bit(Category::kKeyspace);
    case CommandGroup::kString:
      return Bit(Category::kString);
    case CommandGroup::kList:
      return Bit(Category::kList);
    case CommandGroup::kHash:
      return Bit(Category::kHash);
    case CommandGroup::kSet:
      return Bit(Category::kSet);
    case CommandGroup::kSortedSet:
      return Bit(Category::kSortedSet);
    case CommandGroup::kBitmap:
      return Bit(Category::kBitmap);
    case CommandGroup::kPubSub:
      return Bit(Category::kPubSub);
    case CommandGroup::kTransactions:
      return Bit(Category::kTransaction);
    case CommandGroup::kConnection:
      return Bit(Category::kConnection);
    case CommandGroup::kServer:
      return 0;
  }
  return 0;
}

// These replace the group's category.
struct Declared {
  std::string_view name;
  uint32_t categories;
};
constexpr Declared kDeclared[] = {
    {"command", Bit(Category::kConnection)},
    {"dbsize", Bit(Category::kKeyspace)},
    {"debug", Bit(Category::kAdmin) | Bit(Category::kDangerous)},
    {"flushall", Bit(Category::kKeyspace) | Bit(Category::kDangerous)},
    {"flushdb", Bit(Category::kKeyspace) | Bit(Category::kDangerous)},
    {"info", Bit(Category::kDangerous)},
    {"lastsave", Bit(Category::kAdmin) | Bit(Category::kDangerous)},
    {"keys", Bit(Category::kKeyspace) | Bit(Category::kDangerous)},
    {"pubsub|help", 0},
    {"restore", Bit(Category::kKeyspace) | Bit(Category::kDangerous)},
    {"role", Bit(Category::kAdmin) | Bit(Category::kDangerous)},
    {"sort", Bit(Category::kList) | Bit(Category::kSet) | Bit(Category::kSortedSet) |
                 Bit(Category::kDangerous)},
    {"sort_ro", Bit(Category::kList) | Bit(Category::kSet) | Bit(Category::kSortedSet) |
                    Bit(Category::kDangerous)},
    {"swapdb", Bit(Category::kKeyspace) | Bit(Category::kDangerous)},
    {"wait", Bit(Category::kConnection)},
    {"waitaof", Bit(Category::kConnection)},
};

uint32_t DeclaredCategories(const Command& command) {
  const std::string_view name = command.full_name();
  for (const Declared& declared : kDeclared) {
    // COMMAND's subcommands have the categories of COMMAND.
    if (name == declared.name ||
        (command.parent != nullptr && name.starts_with("command|") && declared.name == "command")) {
      return declared.categories;
    }
  }
  // A container that is not a command itself has no category.
  return command.spec->handler == nullptr ? 0 : OfGroup(command.spec->group);
}

}  // namespace

std::string_view AclCategoryName(AclCategory category) {
  return kNames[static_cast<size_t>(category)];
}

bool ParseAclCategory(std::string_view name, AclCategory* category) {
  for (int i = 0; i < kAclCategories; ++i) {
    if (name.size() != kNames[i].size()) continue;
    bool same = true;
    for (size_t j = 0; j < name.size() && same; ++j) same = (name[j] | 0x20) == kNames[i][j];
    if (!same) continue;
    *category = static_cast<AclCategory>(i);
    return true;
  }
  return false;
}

uint32_t AclCategoriesOf(const Command& command) {
  uint32_t categories = DeclaredCategories(command);
  if (command.Has(kWrite)) categories |= Bit(Category::kWrite);
  if (command.Has(kReadonly)) categories |= Bit(Category::kRead);
  if (command.Has(kAdmin)) categories |= Bit(Category::kAdmin) | Bit(Category::kDangerous);
  if (command.Has(kPubSub)) categories |= Bit(Category::kPubSub);
  if (command.Has(kBlocking)) categories |= Bit(Category::kBlocking);
  categories |= Bit(command.Has(kFast) ? Category::kFast : Category::kSlow);
  return categories;
}

}  // namespace resprobe
