#ifndef RESPROBE_CORE_COMMANDS_ACL_CATEGORIES_H_
#define RESPROBE_CORE_COMMANDS_ACL_CATEGORIES_H_

#include <cstdint>
#include <span>
#include <string_view>

#include "core/table/table.h"

namespace resprobe {

// The ACL categories of the commands in the table, in the order in which redis 7.0 lists them
// (acl.c). A set of categories has bit 1 << category for each.
enum class AclCategory : uint8_t {
  kKeyspace,
  kRead,
  kWrite,
  kSet,
  kSortedSet,
  kList,
  kHash,
  kString,
  kBitmap,
  kHyperLogLog,
  kGeo,
  kStream,
  kPubSub,
  kAdmin,
  kFast,
  kSlow,
  kBlocking,
  kDangerous,
  kConnection,
  kTransaction,
  kScripting,
};
inline constexpr int kAclCategories = 21;

// For example "keyspace", without the @ that replies prepend.
std::string_view AclCategoryName(AclCategory category);
// Ignores case, like ACL names; false if there is no such category.
bool ParseAclCategory(std::string_view name, AclCategory* category);

// Derived from the flags (server.c setImplicitACLCategories), the group, and a short list of
// commands that are declared differently.
uint32_t AclCategoriesOf(const Command& command);
constexpr bool IsInCategory(uint32_t categories, AclCategory category) {
  return (categories >> static_cast<int>(category) & 1) != 0;
}

}  // namespace resprobe

#endif  // RESPROBE_CORE_COMMANDS_ACL_CATEGORIES_H_
