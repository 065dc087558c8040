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

#include "live/net/socket.h"
#include "live/proxy/toxic_gate.h"
#include "live/proxy/toxic_loop.h"
#include "runner/json.h"
#include "runner/output.h"

namespace resprobe::cli {

// {"name":…,"type":…,"stream":…,"toxicity":…,"attributes":{…}}: a toxic as Toxiproxy's API has it,
// with every attribute.
Json ToJson(const live::GateToxic& toxic);

// Proxies with toxics by name, and what Toxiproxy's HTTP API does to them. Lives on the thread of
// its loop.
class ProxySet {
 public:
  struct Setting {
    uint64_t seed = 1;
    bool allow_remote = false;
  };
  // What a request gets: a status and JSON; of 204 no content.
  struct Answer {
    int status = 200;
    Json body;
  };

  ProxySet(live::ToxicLoop* loop, live::SocketLog* log, const Setting& setting)
      : loop_(loop), log_(log), setting_(setting) {}
  ~ProxySet();

  // "" or what is wrong.
  std::string Create(const std::string& name, const std::string& listen, const std::string& server,
                     bool enabled, std::vector<live::GateToxic> toxics);
  const live::ToxicGate* Find(const std::string& name) const;

  // The API (github.com/Shopify/toxiproxy#http-api), with the same names, shapes and statuses:
  //   GET /proxies, POST /proxies, POST /populate, POST /reset, GET /version
  //   GET, POST, PATCH, DELETE /proxies/NAME
  //   GET, POST /proxies/NAME/toxics
  //   GET, POST, PATCH, DELETE /proxies/NAME/toxics/TOXIC
  // and of our own GET /proxies/NAME/counts (what toxics really did) and GET /toxics (all there
  // are, with attributes and their limits).
  Answer Handle(std::string_view method, const std::vector<std::string>& path,
                const std::string& body);

 private:
  struct Proxy {
    std::string listen;  // as it was asked for
    std::string server;
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
  // To where the body says, with these toxics; if that cannot be, it stays as it was.
  Answer Move(const std::string& name, Proxy& proxy, const Json& body, bool enabled,
              std::vector<live::GateToxic> toxics);
  // Whether it listens and leads where the body says, as far as the body says.
  static bool IsAt(const Proxy& proxy, const Json& body);
  // Where `server` is, if it is one and may be connected to.
  std::optional<live::Address> Upstream(const std::string& server, std::string* error) const;
  std::string Open(const std::string& name, const std::string& listen, const std::string& server,
                   bool enabled, std::vector<live::GateToxic> toxics, Proxy* proxy);
  Json ToJson(const std::string& name, const Proxy& proxy) const;

  live::ToxicLoop* loop_;
  live::SocketLog* log_;
  Setting setting_;
  std::map<std::string, Proxy> proxies_;
};

// Serves the API of a ProxySet on 127.0.0.1, in threads of its own.
class ProxyApi {
 public:
  ProxyApi(live::ToxicLoop* loop, ProxySet* proxies);
  ~ProxyApi();
  // Port 0 picks a free one. The port, or 0 if it is not to be had.
  uint16_t Start(uint16_t port);

 private:
  class Server;
  std::unique_ptr<Server> server_;
};

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_PROXY_PROXY_API_H_
