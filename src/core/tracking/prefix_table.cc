#include "core/tracking/prefix_table.h"

#include <algorithm>

namespace resprobe {
namespace {

bool Has(const ClientIds& ids, uint64_t id) {
  return std::binary_search(ids.begin(), ids.end(), id);
}

void Recycle(PrefixTable::Prefix& prefix) {
  RecycleString(prefix.text);
  prefix.clients.clear();
  prefix.keys.Clear();
}

}  // namespace

bool PrefixTable::Listens(std::string_view prefix, uint64_t client) const {
  return std::ranges::any_of(
      prefixes(), [&](const Prefix& p) { return p.text == prefix && Has(p.clients, client); });
}

void PrefixTable::PrefixesOf(uint64_t client, std::vector<std::string_view>* texts) const {
  texts->clear();
  for (const Prefix& prefix : prefixes()) {
    if (Has(prefix.clients, client)) texts->push_back(prefix.text);
  }
}

bool PrefixTable::Waits(uint64_t client, std::string_view key) const {
  return std::ranges::any_of(
      prefixes(), [&](const Prefix& p) { return Has(p.clients, client) && p.keys.Contains(key); });
}

void PrefixTable::Add(std::string_view text, uint64_t client) {
  const auto begin = prefixes_.begin();
  const auto end = begin + static_cast<ptrdiff_t>(count_);
  auto at = std::lower_bound(begin, end, text, [](const Prefix& prefix, std::string_view other) {
    return std::string_view(prefix.text) < other;
  });
  if (at == end || at->text != text) {
    const ptrdiff_t i = at - begin;
    if (count_ == prefixes_.size()) prefixes_.emplace_back();
    std::rotate(prefixes_.begin() + i, prefixes_.begin() + static_cast<ptrdiff_t>(count_),
                prefixes_.begin() + static_cast<ptrdiff_t>(count_) + 1);
    ++count_;
    at = prefixes_.begin() + i;
    at->text.assign(text);
  }
  ClientIds& ids = at->clients;
  const auto place = std::lower_bound(ids.begin(), ids.end(), client);
  if (place == ids.end() || *place != client) ids.insert(place, client);
}

void PrefixTable::Remove(uint64_t client) {
  for (size_t i = 0; i < count_;) {
    ClientIds& ids = prefixes_[i].clients;
    const auto found = std::lower_bound(ids.begin(), ids.end(), client);
    if (found != ids.end() && *found == client) ids.erase(found);
    if (!ids.empty()) {
      ++i;
      continue;
    }
    Recycle(prefixes_[i]);
    std::rotate(prefixes_.begin() + static_cast<ptrdiff_t>(i),
                prefixes_.begin() + static_cast<ptrdiff_t>(i) + 1,
                prefixes_.begin() + static_cast<ptrdiff_t>(count_));
    --count_;
  }
}

void PrefixTable::Note(std::string_view key, uint64_t writer) {
  for (size_t i = 0; i < count_; ++i) {
    if (!key.starts_with(prefixes_[i].text)) continue;
    prefixes_[i].keys.Insert(key).first.writer = writer;
    pending_ = true;
  }
}

void PrefixTable::Sent() {
  if (!pending_) return;
  for (size_t i = 0; i < count_; ++i) prefixes_[i].keys.Clear();
  pending_ = false;
}

void PrefixTable::Clear() {
  for (size_t i = 0; i < count_; ++i) Recycle(prefixes_[i]);
  count_ = 0;
  pending_ = false;
}

}  // namespace resprobe
