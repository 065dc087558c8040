#ifndef RESPROBE_CLI_PROXY_TOXIPROXY_H_
#define RESPROBE_CLI_PROXY_TOXIPROXY_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "live/proxy/toxic_gate.h"
#include "live/proxy/toxic_loop.h"
#include "runner/json.h"
#include "runner/process.h"

namespace resprobe::cli {

// A real Toxiproxy (github.com/Shopify/toxiproxy) instead of our own proxy, with one proxy of ours
// in it. Every change goes through its HTTP API, and counts as done only if the answer confirms it.
class Toxiproxy {
 public:
  struct Setting {
    // HOST:PORT of the API of a running one; otherwise the program to start, which is looked up in
    // PATH unless it contains a slash.
    std::string where = "toxiproxy-server";
    uint16_t api_port = 0;      // of a started one, on 127.0.0.1; 0: a free one
    bool allow_remote = false;  // else a running one must be on this machine
  };

  // Returns once the API answers. Throws UserError if there is no Toxiproxy, or it does not answer
  // within 30 seconds.
  explicit Toxiproxy(const Setting& setting);
  // Removes the proxy, and stops what was started. Ignores errors; Remove() reports them.
  ~Toxiproxy();

  const std::string& title() const { return title_; }  // "toxiproxy 2.12.0"
  const std::string& api() const { return api_; }      // "http://127.0.0.1:8474"

  // Creates the proxy; returns its address. Throws UserError if it is refused.
  std::string AddProxy(const std::string& name, const std::string& listen,
                       const std::string& upstream);
  // Throws UserError if it is refused, or was not created as requested.
  void AddToxic(const live::GateToxic& toxic);
  // The names of the proxy's current toxics, and the bytes that it has passed, as text. Toxiproxy
  // does not report how often a toxic acted, and counts bytes when a connection ends.
  std::string Figures();
  // Removes the proxy with its toxics. Throws UserError if that fails; they may then still exist.
  void Remove();

  // Makes the loop read the output of a started program. If the program exits by itself, calls
  // `on_end` with its last message; then Run() returns.
  void WatchIn(live::ToxicLoop* loop, std::function<void(const std::string&)> on_end);

 private:
  class Http;
  struct Answer {
    int status = 0;  // HTTP status; 0: no answer, and the text says why
    std::string text;
    Json body;  // discarded if it is not JSON

    std::string Error() const;
  };

  Answer Ask(const std::string& method, const std::string& path, const std::string& body = "");
  void Start(const Setting& setting);
  void Reach(const Setting& setting);
  std::string Version();  // "" if unknown
  std::string LastLine() const;

  std::unique_ptr<runner::Process> process_;  // if we started it
  std::unique_ptr<Http> http_;
  std::string api_;
  std::string title_ = "toxiproxy";
  std::string proxy_;  // path of our proxy, once it exists
};

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_PROXY_TOXIPROXY_H_
