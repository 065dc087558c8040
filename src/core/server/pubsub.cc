#include "core/server/pubsub.h"

#include <algorithm>

namespace resprobe {

bool Subscriptions::Add(std::string_view name, uint64_t client) {
  ClientIds& ids = names_.Insert(name).first;
  if (std::find(ids.begin(), ids.end(), client) != ids.end()) return false;
  ids.push_back(client);
  return true;
}

bool Subscriptions::Remove(std::string_view name, uint64_t client) {
  const size_t i = names_.IndexOf(name);
  if (i == Dict<ClientIds>::kNone) return false;
  ClientIds& ids = names_.at(i).value;
  const auto found = std::find(ids.begin(), ids.end(), client);
  if (found == ids.end()) return false;
  ids.erase(found);
  if (ids.empty()) names_.EraseAt(i);
  return true;
}

}  // namespace resprobe
