#include "live/model/pair_evictions.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "core/server/client.h"
#include "live/model/stream_values.h"

namespace resprobe::live {

bool PairEvictions::small_table() const {
  const size_t most = model_->tracking_table_max_keys();
  return most != 0 && most != ServerConfig().tracking_table_max_keys;
}

// Whether a client is told the name of a key of these clients that is given up.
bool PairEvictions::Named(const ClientIds& ids) const {
  return std::ranges::any_of(ids, [&](uint64_t id) {
    const Client* const client = model_->FindClient(id);
    if (client == nullptr || !client->open || !client->tracking || client->bcast()) return false;
    if (client->redirect == 0) return client->protocol == 3;
    const Client* const target = model_->FindClient(client->redirect);
    return target != nullptr && target->open && (target->protocol == 3 || target->subscribed);
  });
}

// The key that the live server has given up next: the first that it sent beyond what the model did,
// on each connection that was told of it.
std::optional<std::string> PairEvictions::NextEviction() const {
  for (const auto& one : streams_->all()) {
    if (one->server.size() <= one->model.size()) continue;
    const std::optional<std::string> key = InvalidatedKey(one->server[one->model.size()]);
    if (!key || !model_->tracking_table().keys().Contains(*key)) continue;
    const bool first = std::ranges::none_of(streams_->all(), [&](const auto& other) {
      for (size_t i = other->model.size() + 1; i < other->server.size(); ++i) {
        if (InvalidatedKey(other->server[i]) == key) {
          return InvalidatedKey(other->server[other->model.size()]) != key;
        }
      }
      return false;
    });
    if (first) return key;
  }
  return std::nullopt;
}

void PairEvictions::TakeEvictions() {
  const size_t most = model_->tracking_table_max_keys();
  const auto& table = model_->tracking_table();
  const bool anybody = std::ranges::any_of(model_->active_clients(),
                                           [](const Client* client) { return client->tracking; });
  if (most == 0 || !anybody || table.size() <= most || !verdict_->going()) return;
  while (table.size() > most) {
    const std::optional<std::string> key = NextEviction();
    if (!key) break;
    model_->GiveUpTracking(*key);
    streams_->TakeModelOutput();
    ++verdict_->counts().free["keys given up by a full tracking table"];
  }
  if (table.size() <= most) return;
  std::vector<std::string> unnamed;
  for (size_t i = 0; i < table.size(); ++i) {
    if (!Named(table.keys().at(i).value)) unnamed.emplace_back(table.keys().at(i).key);
  }
  if (unnamed.size() > table.size() - most) {
    return verdict_->GiveUp(
        "a full tracking table gave up one of several keys and did not name it");
  }
  for (const std::string& key : unnamed) model_->GiveUpTracking(key);
  // Some client should have been told of the others.
  while (table.size() > most) model_->GiveUpTracking(std::string(table.keys().at(0).key));
  streams_->TakeModelOutput();
}

}  // namespace resprobe::live
