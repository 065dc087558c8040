#include "core/tracking/tracking_table.h"

#include <algorithm>

namespace resprobe {

void TrackingTable::Remember(std::string_view key, uint64_t client) {
  ClientIds& ids = keys_.Insert(key).first;
  if (std::find(ids.begin(), ids.end(), client) == ids.end()) ids.push_back(client);
}

bool TrackingTable::Contains(std::string_view key, uint64_t client) const {
  const ClientIds* ids = keys_.Find(key);
  return ids != nullptr && std::find(ids->begin(), ids->end(), client) != ids->end();
}

bool TrackingTable::Take(std::string_view key, ClientIds* ids) {
  ids->clear();
  const size_t i = keys_.IndexOf(key);
  if (i == Dict<ClientIds>::kNone) return false;
  // Swap, so that both vectors keep their memory.
  ids->swap(keys_.at(i).value);
  keys_.EraseAt(i);
  return true;
}

}  // namespace resprobe
