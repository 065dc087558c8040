#ifndef RESPROBE_LIVE_PROXY_UPSTREAM_H_
#define RESPROBE_LIVE_PROXY_UPSTREAM_H_

#include <memory>
#include <string>

#include "live/proxy/toxic_gate.h"
#include "live/server/server_process.h"
#include "live/server/target.h"

namespace resprobe::live {

// The server that a proxy or a recorder forwards to: one that runs, or a private one that is
// started for it and ends with this object. A started one has the command line that it was given
// and listens on 127.0.0.1; nothing is sent to either.
class Upstream {
 public:
  // Starts the server if requested, and connects to it once. nullptr with one line in `error` if
  // there is no such server.
  static std::unique_ptr<Upstream> Open(const TargetOptions& options, std::string* error);

  // "127.0.0.1:6379" or "unix:/run/redis.sock".
  std::string ToText() const;
  // For the connections of a gate.
  ToxicGate::Connector connector() const { return ConnectorTo(options_); }

  // The same for a server that runs, which need not be there yet.
  static ToxicGate::Connector ConnectorTo(const TargetOptions& options);

 private:
  explicit Upstream(TargetOptions options) : options_(std::move(options)) {}

  TargetOptions options_;  // of a server that runs
  std::unique_ptr<ServerProcess> process_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_PROXY_UPSTREAM_H_
