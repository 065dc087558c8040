#ifndef RESPROBE_CLI_PROXY_PROXY_API_H_
#define RESPROBE_CLI_PROXY_PROXY_API_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "live/proxy/client_verdict.h"
#include "live/proxy/toxic_gate.h"
#include "live/proxy/toxic_loop.h"
#include "live/proxy/upstream.h"
#include "runner/json.h"
#include "runner/output.h"

namespace resprobe::cli {

// {"name":…,"type":…,"stream":…,"toxicity":…,"attributes":{…}}: a toxic in the form of Toxiproxy's
// API, with every attribute.
Json ToJson(const live::GateToxic& toxic);

// Proxies with their toxics, by name, and the operations of Toxiproxy's HTTP API on them. Use it
// only on the thread of its loop.
class ProxySet {
 public:
  struct Setting {
    uint64_t seed = 1;
    bool allow_remote = false;
    std::string tag = {};  // ClientVerdict::Setting
    int64_t back_within_us = 5'000'000;
  };
  // The answer to a request: a status and JSON; a 204 has no content.
  struct Answer {
    int status = 200;
    Json body;
  };

  // `upstream` is the server of the command line. Others, which the API may name, are HOST:PORT: a
  // unix socket has permissions, and a proxy would bypass them.
  ProxySet(live::ToxicLoop* loop, live::SocketLog* log, const live::Upstream* upstream,
           const Setting& setting)
      : loop_(loop), log_(log), upstream_(upstream), setting_(setting) {}
  ~ProxySet();

  // Returns "" or the error.
  std::string Create(const std::string& name, const std::string& listen, const std::string& server,
                     bool enabled, std::vector<live::GateToxic> toxics);
  const live::ToxicGate* Find(const std::string& name) const;
  // On the clients of a proxy that Find() finds.
  const live::ClientVerdict& VerdictOn(const std::string& name) const {
    return *proxies_.at(name).verdict;
  }

  // The API (github.com/Shopify/toxiproxy#http-api), with the same names, shapes and statuses:
  //   GET /proxies, POST /proxies, POST /populate, POST /reset, GET /version
  //   GET, POST, PATCH, DELETE /proxies/NAME
  //   GET, POST /proxies/NAME/toxics
  //   GET, POST, PATCH, DELETE /proxies/NAME/toxics/TOXIC
  // and our extensions GET /proxies/NAME/counts (how often toxics had an effect, and what the
  // clients did that they must not) and GET /toxics
  // (all kinds, with attributes and their limits).
  Answer Handle(std::string_view method, const std::vector<std::string>& path,
                const std::string& body);

 private:
  struct Proxy {
    std::string listen;  // as requested
    std::string server;
    std::unique_ptr<live::ClientVerdict> verdict;  // outlives the gate, which tells it
    std::unique_ptr<live::ToxicGate> gate;
  };

  Answer OnProxies(std::string_view method, const Json& body);
  Answer OnProxy(std::string_view method, const std::string& name, const Json& body);
  Answer OnToxics(std::string_view method, Proxy& proxy, const Json& body);
  Answer OnToxic(std::string_view method, Proxy& proxy, const std::string& name, const Json& body);
  Answer Counts(const Proxy& proxy) const;
  Answer CreateFrom(const Json& body);
  Answer Populate(const Json& body);
  Answer Update(const std::string& name, Proxy& proxy, const Json& body);
  // Moves the proxy to the body's addresses, with these toxics; on failure it stays as it was.
  Answer Move(const std::string& name, Proxy& proxy, const Json& body, bool enabled,
              std::vector<live::GateToxic> toxics);
  // True if the proxy already has the addresses that the body gives.
  static bool IsAt(const Proxy& proxy, const Json& body);
  // Connects to `server`, if it is valid and connecting to it is allowed; else null.
  live::ToxicGate::Connector ConnectorTo(const std::string& server, std::string* error) const;
  std::string Open(const std::string& name, const std::string& listen, const std::string& server,
                   bool enabled, std::vector<live::GateToxic> toxics, Proxy* proxy);
  Json ToJson(const std::string& name, const Proxy& proxy) const;

  live::ToxicLoop* loop_;
  live::SocketLog* log_;
  const live::Upstream* upstream_;
  Setting setting_;
  std::map<std::string, Proxy> proxies_;
};

// Serves the API of a ProxySet on 127.0.0.1, in its own threads.
class ProxyApi {
 public:
  ProxyApi(live::ToxicLoop* loop, ProxySet* proxies);
  ~ProxyApi();
  // Returns the port, or 0 if it cannot be used. Port 0 selects a free one.
  uint16_t Start(uint16_t port);

 private:
  class Server;
  std::unique_ptr<Server> server_;
};

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_PROXY_PROXY_API_H_
