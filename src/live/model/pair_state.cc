#include "live/model/pair_state.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/server/client.h"

namespace resprobe::live {
namespace {

// The number after "name:" in the text of INFO.
std::optional<uint64_t> InfoNumber(std::string_view info, std::string_view name) {
  const size_t at = info.find("\n" + std::string(name) + ":");
  if (at == info.npos) return std::nullopt;
  const std::string_view rest = info.substr(at + name.size() + 2);
  const std::string_view text = rest.substr(0, rest.find('\r'));
  uint64_t number = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (status != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

void ComparePairState(const Server& model, PairControl* control, PairVerdict* verdict) {
  verdict->set_command("state");
  const auto compare = [&](std::string_view what, uint64_t ours, std::optional<uint64_t> theirs) {
    if (!verdict->going() || !theirs) return;
    ++verdict->counts().state;
    if (ours == *theirs) return;
    PairDifference& difference = verdict->Differ(std::string(what));
    difference.where = "INFO";
    difference.model = std::to_string(ours);
    difference.server = std::to_string(*theirs);
  };
  control->SetTrackedKeys(model.tracking_table_max_keys());
  const std::optional<resp::ReplyView> reply = control->Ask("INFO");
  if (!reply) return;
  const std::string info(reply->text());
  const auto& table = model.tracking_table();
  uint64_t items = 0;
  for (size_t i = 0; i < table.size(); ++i) items += table.keys().at(i).value.size();
  const auto clients = std::ranges::count_if(model.active_clients(),
                                             [](const Client* client) { return client->tracking; });
  compare("tracking_total_keys", table.size(), InfoNumber(info, "tracking_total_keys"));
  compare("tracking_total_items", items, InfoNumber(info, "tracking_total_items"));
  compare("tracking_total_prefixes", model.prefix_table().prefixes().size(),
          InfoNumber(info, "tracking_total_prefixes"));
  compare("tracking_clients", static_cast<uint64_t>(clients), InfoNumber(info, "tracking_clients"));
}

}  // namespace resprobe::live
