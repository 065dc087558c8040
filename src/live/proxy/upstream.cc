#include "live/proxy/upstream.h"

#include <optional>
#include <utility>

#include "live/net/socket.h"
#include "live/proxy/toxic_link.h"

namespace resprobe::live {

std::unique_ptr<Upstream> Upstream::Open(const TargetOptions& options, std::string* error) {
  std::unique_ptr<Upstream> upstream(new Upstream(options));
  if (!options.start.empty()) {
    if (std::optional<ServerProcessOptions> process = ProcessOf(options, error)) {
      process->tcp = true;
      upstream->process_ = ServerProcess::Start(*process, error);
    }
    if (upstream->process_ != nullptr) {
      upstream->options_.start.clear();
      upstream->options_.server = Address{"127.0.0.1", upstream->process_->port()}.ToText();
    }
  }
  if ((!options.start.empty() && upstream->process_ == nullptr) ||
      !ConnectTo(upstream->options_, error).valid()) {
    *error = WhyNoServer(options, *error);
    return nullptr;
  }
  return upstream;
}

std::string Upstream::ToText() const {
  if (!options_.unix_path.empty()) return "unix:" + options_.unix_path;
  std::string ignored;
  const std::optional<Address> address = ParseAddress(options_.server, &ignored);
  return address ? address->ToText() : options_.server;
}

ToxicGate::Connector Upstream::ConnectorTo(const TargetOptions& options) {
  return [options](std::string* error) -> std::unique_ptr<Backend> {
    UniqueFd fd = ConnectTo(options, error);
    if (!fd.valid()) return nullptr;
    return std::make_unique<SocketBackend>(std::move(fd));
  };
}

}  // namespace resprobe::live
