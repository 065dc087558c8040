#ifndef RESPROBE_WORLDS_CLUSTER_CLUSTER_VIEW_H_
#define RESPROBE_WORLDS_CLUSTER_CLUSTER_VIEW_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace resprobe {

// A node as another one sees it: a line of CLUSTER NODES.
struct ClusterMember {
  std::string id;
  std::string ip;  // empty: unknown
  bool myself = false;
  bool primary = false;
  bool suspected = false;  // fail?
  bool failed = false;     // fail
  bool handshake = false;
  bool no_address = false;
  std::string replicates;  // the identifier of its primary; empty: none
  uint64_t epoch = 0;
  std::vector<std::pair<int, int>> slots;  // ranges, both ends included

  bool Owns(int slot) const;
};

// What a node says of its cluster.
class ClusterView {
 public:
  // Reads the reply to CLUSTER NODES; nothing if a line has another form.
  static std::optional<ClusterView> Parse(std::string_view text);

  const std::vector<ClusterMember>& members() const { return members_; }  // ordered by id
  const ClusterMember* Find(std::string_view id) const;
  const ClusterMember* Myself() const;
  const ClusterMember* OwnerOf(int slot) const;
  // What all nodes of a settled cluster agree on: who is there, roles, slots, and the
  // configuration epochs of those that have slots. One line for each member.
  std::string Agreed() const;
  // Empty, or why no settled cluster of `nodes` looks like this: a node is missing, unreachable or
  // in a handshake; a slot has no owner; a replica follows no primary; primaries with slots share
  // a configuration epoch.
  std::string WhyUnsettled(size_t nodes) const;

 private:
  std::vector<ClusterMember> members_;
};

// The slot of a key: CRC16 (XMODEM) of the part between the first '{' and the next '}', unless that
// is empty, else of all of it.
int SlotOfKey(std::string_view key);

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_CLUSTER_CLUSTER_VIEW_H_
