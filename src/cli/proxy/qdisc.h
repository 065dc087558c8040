#ifndef RESPROBE_CLI_PROXY_QDISC_H_
#define RESPROBE_CLI_PROXY_QDISC_H_

#include <string>

namespace resprobe::cli {

// Moves this process, and what it starts from now on, into a network namespace of its own, whose
// loopback has a queueing discipline of tc(8) below it: "netem delay 5ms 2ms loss 1% duplicate 1%
// reorder 25%" (tc-netem(8)), "tbf rate 1mbit burst 16kb latency 400ms". It takes root, or user
// namespaces that the system permits, and the kernel's module for that discipline. Throws UserError
// that says why where the machine cannot: then nothing has run.
void EnterNetworkWith(const std::string& qdisc);

// What has gone through it, as `tc -s qdisc` says: "netem: sent 1234 bytes 12 pkt (dropped 0, …)".
std::string QdiscFigures();

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_PROXY_QDISC_H_
