#ifndef RESPROBE_WORLDS_CLUSTER_ELECTION_WATCH_H_
#define RESPROBE_WORLDS_CLUSTER_ELECTION_WATCH_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace resprobe {

// Elections, as the nodes' own logs and nodes.conf tell them.
//
// Model: a node writes down each vote and each election that it has won; what was read once counts,
// even if a power failure takes the end of the log.
//
// Promise: a node votes once in an epoch, over all its processes; the epoch of its last vote, in
// nodes.conf, never falls; at most one election is won in an epoch, as long as the nodes agree on
// who votes.
class ElectionWatch {
 public:
  void Reset(size_t nodes);

  // What a node has written down until now; nullptr: there is no such file. Returns the name of the
  // invariant that is broken, with what was seen in `seen`; empty: all is well. A broken one is
  // reported once.
  std::string_view Read(size_t node, const std::string* log, const std::string* nodes_conf,
                        std::string* seen);
  // From now on the nodes may disagree on who votes.
  void AllowTwoWinners() { two_winners_ = true; }

  size_t votes() const;
  size_t won() const { return won_; }

 private:
  struct Node {
    size_t read = 0;  // bytes of the log
    bool winning = false;
    std::set<uint64_t> votes;
    uint64_t last_vote = 0;
  };

  std::string_view ReadLine(size_t node, std::string_view line, std::string* seen);

  std::vector<Node> nodes_;
  std::map<uint64_t, size_t> winners_;  // by epoch
  size_t won_ = 0;
  bool two_winners_ = false;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_CLUSTER_ELECTION_WATCH_H_
