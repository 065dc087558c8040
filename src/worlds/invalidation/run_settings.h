#ifndef RESPROBE_WORLDS_INVALIDATION_RUN_SETTINGS_H_
#define RESPROBE_WORLDS_INVALIDATION_RUN_SETTINGS_H_

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>

#include "core/cache/policy.h"
#include "worlds/invalidation/invalidation_ops.h"

namespace resprobe::invalidation {

// How a run is set up: its configuration, as far as the servers and clients allow it, and what
// follows from it. Constant during a run; all parts of the world read it.
struct RunSettings {
  Config config;
  cache::Policy policy;  // the precautions that all clients lack; `config` adds to them
  Scope scope = Scope::kAll;
  size_t clients = 1;

  bool two_wires() const { return config.wires != cache::Wires::kOne; }
  // The connections of each client.
  size_t wires() const { return two_wires() ? 2 : 1; }
  // The one on which invalidations arrive.
  size_t push_wire() const { return two_wires() ? 1 : 0; }
  bool strings_only() const { return scope == Scope::kStrings; }
  size_t slots() const { return strings_only() ? kStrings : kSlots; }
  bool noloop() const { return config.noloop || policy.noloop; }
  bool replays() const { return config.replay || policy.replay_reads; }
  // The prefixes that a client listens to, with config.prefixes.
  std::span<const std::string_view> PrefixesOf(size_t client) const {
    const size_t set = config.shared ? 0 : config.prefix_sets.value >> (2 * client) & 3;
    return kPrefixSets[set];
  }
  // The server owes a client the invalidations of this key, in kBroadcast.
  bool Listens(size_t client, std::string_view key) const {
    return !config.prefixes ||
           std::ranges::any_of(PrefixesOf(client),
                               [&](std::string_view prefix) { return key.starts_with(prefix); });
  }
  // All clients have the same cache.
  bool one_cache() const { return config.shared && policy.one_cache; }
};

}  // namespace resprobe::invalidation

#endif  // RESPROBE_WORLDS_INVALIDATION_RUN_SETTINGS_H_
