#ifndef RESPROBE_SANDBOX_SANDBOX_CLUSTER_H_
#define RESPROBE_SANDBOX_SANDBOX_CLUSTER_H_

#include <cstddef>
#include <string>

#include "sandbox/sandbox.h"

namespace resprobe::sandbox {

inline constexpr size_t kClusterNodes = 6;

// Adds a node that may belong to a cluster, and starts it on port 6379. Its directory is made in
// `folder`. False with one line in `error` if it does not start.
bool StartClusterNode(Sandbox* sandbox, const std::string& program, const std::string& folder,
                      std::string* error);
// Adds six nodes to an empty sandbox, and starts them as a cluster that is not formed yet. As
// above.
bool StartClusterNodes(Sandbox* sandbox, const std::string& program, const std::string& folder,
                       std::string* error);
// Forms a cluster of three primaries (nodes 0 to 2) with a replica each (3 to 5), and waits until
// it is whole. False if it is not, after some virtual time.
bool FormCluster(Sandbox* sandbox);
// "cluster_state:ok", as a node says.
std::string ClusterState(Sandbox* sandbox, size_t node);
// Kills primary 1, and runs until its replica has taken over. What the other nodes say then
// (CLUSTER NODES); empty: it has not.
std::string FailOver(Sandbox* sandbox);

}  // namespace resprobe::sandbox

#endif  // RESPROBE_SANDBOX_SANDBOX_CLUSTER_H_
