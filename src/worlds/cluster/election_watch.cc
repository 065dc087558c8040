#include "worlds/cluster/election_watch.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace resprobe {
namespace {

// The number after the last `word` in `line`.
std::optional<uint64_t> NumberAfter(std::string_view line, std::string_view word) {
  const size_t at = line.rfind(word);
  if (at == line.npos) return {};
  const std::string_view text = line.substr(at + word.size());
  uint64_t number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc()) return {};
  return number;
}

}  // namespace

void ElectionWatch::Reset(size_t nodes) {
  nodes_.assign(nodes, {});
  winners_.clear();
  won_ = 0;
  two_winners_ = false;
}

size_t ElectionWatch::votes() const {
  size_t count = 0;
  for (const Node& node : nodes_) count += node.votes.size();
  return count;
}

std::string_view ElectionWatch::ReadLine(size_t number, std::string_view line, std::string* seen) {
  Node& node = nodes_[number];
  if (line.contains("Failover auth granted")) {
    const std::optional<uint64_t> epoch = NumberAfter(line, "for epoch ");
    if (epoch && !node.votes.insert(*epoch).second) {
      *seen = "node " + std::to_string(number) + " has voted twice in epoch " +
              std::to_string(*epoch) + ": " + std::string(line);
      return "one_vote";
    }
  } else if (line.contains("Failover election won")) {
    node.winning = true;
    ++won_;
  } else if (node.winning && line.contains("after successful failover")) {
    node.winning = false;
    const std::optional<uint64_t> epoch = NumberAfter(line, "configEpoch set to ");
    if (!epoch) return {};
    const auto [winner, first] = winners_.emplace(*epoch, number);
    if (!first && !two_winners_) {
      *seen = "nodes " + std::to_string(winner->second) + " and " + std::to_string(number) +
              " have won elections of epoch " + std::to_string(*epoch);
      return "one_winner";
    }
  }
  return {};
}

std::string_view ElectionWatch::Read(size_t number, const std::string* log,
                                     const std::string* nodes_conf, std::string* seen) {
  Node& node = nodes_[number];
  std::string_view broken;
  if (log != nullptr) {
    node.read = std::min(node.read, log->size());
    std::string_view rest = std::string_view(*log).substr(node.read);
    for (size_t end = rest.find('\n'); end != rest.npos && broken.empty(); end = rest.find('\n')) {
      broken = ReadLine(number, rest.substr(0, end), seen);
      rest.remove_prefix(end + 1);
      node.read += end + 1;
    }
  }
  if (nodes_conf == nullptr || !broken.empty()) return broken;
  const std::optional<uint64_t> vote = NumberAfter(*nodes_conf, "lastVoteEpoch ");
  if (!vote) return {};
  if (*vote < node.last_vote) {
    *seen = "nodes.conf of node " + std::to_string(number) + " has lastVoteEpoch " +
            std::to_string(*vote) + ", and had " + std::to_string(node.last_vote);
    broken = "vote_kept";
  }
  node.last_vote = *vote;
  return broken;
}

}  // namespace resprobe
