#include "worlds/cluster/cluster_view.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "worlds/cluster/cluster_servers.h"

namespace resprobe {
namespace {

// Cuts the text up to a separator off `rest`.
std::string_view Cut(std::string_view* rest, char separator) {
  const size_t at = rest->find(separator);
  const std::string_view word = rest->substr(0, at);
  rest->remove_prefix(at == rest->npos ? rest->size() : at + 1);
  return word;
}

template <class T>
bool ReadNumber(std::string_view text, T* value) {
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return code == std::errc() && end == text.data() + text.size();
}

bool ReadFlags(std::string_view flags, ClusterMember* member) {
  while (!flags.empty()) {
    const std::string_view flag = Cut(&flags, ',');
    if (flag == "myself") {
      member->myself = true;
    } else if (flag == "master") {
      member->primary = true;
    } else if (flag == "fail?") {
      member->suspected = true;
    } else if (flag == "fail") {
      member->failed = true;
    } else if (flag == "handshake") {
      member->handshake = true;
    } else if (flag == "noaddr") {
      member->no_address = true;
    } else if (flag != "slave" && flag != "nofailover" && flag != "noflags") {
      return false;
    }
  }
  return true;
}

bool ReadMember(std::string_view line, ClusterMember* member) {
  member->id = Cut(&line, ' ');
  std::string_view address = Cut(&line, ' ');
  member->ip = Cut(&address, ':');
  if (!ReadFlags(Cut(&line, ' '), member)) return false;
  const std::string_view primary = Cut(&line, ' ');
  if (primary != "-") member->replicates = primary;
  Cut(&line, ' ');  // ping
  Cut(&line, ' ');  // pong
  if (!ReadNumber(Cut(&line, ' '), &member->epoch)) return false;
  Cut(&line, ' ');  // link
  while (!line.empty()) {
    std::string_view range = Cut(&line, ' ');
    if (range.starts_with('[')) continue;  // on its way
    int first = 0;
    int last = 0;
    if (!ReadNumber(Cut(&range, '-'), &first)) return false;
    last = first;
    if (!range.empty() && !ReadNumber(range, &last)) return false;
    member->slots.emplace_back(first, last);
  }
  return true;
}

}  // namespace

bool ClusterMember::Owns(int slot) const {
  return std::ranges::any_of(
      slots, [&](const auto& range) { return range.first <= slot && slot <= range.second; });
}

std::optional<ClusterView> ClusterView::Parse(std::string_view text) {
  ClusterView view;
  while (!text.empty()) {
    std::string_view line = Cut(&text, '\n');
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    if (!ReadMember(line, &view.members_.emplace_back())) return {};
  }
  std::ranges::sort(view.members_, {}, &ClusterMember::id);
  return view;
}

const ClusterMember* ClusterView::Find(std::string_view id) const {
  const auto found = std::ranges::find(members_, id, &ClusterMember::id);
  return found == members_.end() ? nullptr : &*found;
}

const ClusterMember* ClusterView::Myself() const {
  const auto found = std::ranges::find_if(members_, &ClusterMember::myself);
  return found == members_.end() ? nullptr : &*found;
}

const ClusterMember* ClusterView::OwnerOf(int slot) const {
  const auto found = std::ranges::find_if(
      members_, [&](const ClusterMember& member) { return member.Owns(slot); });
  return found == members_.end() ? nullptr : &*found;
}

std::string ClusterView::Agreed() const {
  std::string text;
  for (const ClusterMember& member : members_) {
    text += member.id + (member.primary ? " primary" : " replica of " + member.replicates);
    if (!member.slots.empty()) text += " epoch " + std::to_string(member.epoch);
    for (const auto& [first, last] : member.slots) {
      text += ' ' + std::to_string(first) + '-' + std::to_string(last);
    }
    text += '\n';
  }
  return text;
}

std::string ClusterView::WhyUnsettled(size_t nodes) const {
  int owned = 0;
  std::map<uint64_t, std::string> epochs;
  for (const ClusterMember& member : members_) {
    const std::string name = "node " + member.ip + " (" + member.id.substr(0, 8) + ")";
    if (member.handshake) return name + " is in a handshake";
    if (member.no_address) return name + " has no address";
    if (member.failed) return name + " has failed";
    if (member.suspected) return name + " is suspected to have failed";
    for (const auto& [first, last] : member.slots) owned += last - first + 1;
    if (!member.primary) {
      const ClusterMember* const primary = Find(member.replicates);
      if (primary == nullptr) return name + " follows a node that is not there";
      if (!primary->primary) return name + " follows a replica";
    } else if (!member.slots.empty() && member.epoch != 0) {
      if (!epochs.emplace(member.epoch, name).second) {
        return name + " and " + epochs[member.epoch] + " share configuration epoch " +
               std::to_string(member.epoch);
      }
    }
  }
  if (members_.size() != nodes) {
    return std::to_string(members_.size()) + " nodes instead of " + std::to_string(nodes);
  }
  if (owned != ClusterServers::kSlots) {
    return std::to_string(ClusterServers::kSlots - owned) + " slots have no owner";
  }
  return {};
}

int SlotOfKey(std::string_view key) {
  if (const size_t open = key.find('{'); open != key.npos) {
    const size_t close = key.find('}', open);
    if (close != key.npos && close > open + 1) key = key.substr(open + 1, close - open - 1);
  }
  uint32_t crc = 0;
  for (const char byte : key) {
    crc ^= static_cast<uint32_t>(static_cast<uint8_t>(byte)) << 8;
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1;
    }
    crc &= 0xffff;
  }
  return static_cast<int>(crc % ClusterServers::kSlots);
}

}  // namespace resprobe
