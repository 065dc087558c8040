#ifndef RESPROBE_CLI_PROXY_QDISC_H_
#define RESPROBE_CLI_PROXY_QDISC_H_

#include <string>

namespace resprobe::cli {

// Moves this process and its future children into a separate network namespace, whose loopback has
// a queueing discipline of tc(8): "netem delay 5ms 2ms loss 1% duplicate 1% reorder 25%"
// (tc-netem(8)), "tbf rate 1mbit burst 16kb latency 400ms". Requires root or unprivileged user
// namespaces, and the kernel's module for that discipline. If one is missing throws UserError that
// says why; nothing has run then.
void EnterNetworkWith(const std::string& qdisc);

// Its statistics, as `tc -s qdisc` prints them: "netem: sent 1234 bytes 12 pkt (dropped 0, …)".
std::string QdiscFigures();

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_PROXY_QDISC_H_
