#ifndef RESPROBE_TESTS_CANARIES_INVALIDATION_BUGS_H_
#define RESPROBE_TESTS_CANARIES_INVALIDATION_BUGS_H_

// Families of bugs that caching clients and their servers have had, for the world `invalidation`: a
// correct client with one precaution removed, a client with a wrong behaviour, or a faulty server.

#include <memory>
#include <span>
#include <string_view>

#include "core/cache/caching_client.h"
#include "core/cache/policy.h"
#include "worlds/invalidation/invalidation_world.h"

namespace resprobe {

struct InvalidationBug {
  std::string_view name;
  std::string_view what;
  cache::Policy policy;
  InvalidationWorld::MakeClient make = nullptr;
  std::unique_ptr<ServerSubject> (*make_server)() = nullptr;  // nullptr: the core
};

std::span<const InvalidationBug> InvalidationBugs();

}  // namespace resprobe

#endif  // RESPROBE_TESTS_CANARIES_INVALIDATION_BUGS_H_
