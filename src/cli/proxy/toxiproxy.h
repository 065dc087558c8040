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

// A real Toxiproxy (github.com/Shopify/toxiproxy), in place of our own proxy, with one proxy of
// ours in it. All that is done to it goes through its HTTP API, and counts as done only when the
// answer says so.
class Toxiproxy {
 public:
  struct Setting {
    // HOST:PORT of the API of one that runs; else the program to start, which is looked up in PATH
    // unless it holds a slash.
    std::string where = "toxiproxy-server";
    uint16_t api_port = 0;      // of one that is started, on 127.0.0.1; 0: a free one
    bool allow_remote = false;  // else one that runs has to be on this machine
  };

  // Returns once the API answers. Throws UserError if there is no Toxiproxy, or it does not answer
  // within 30 seconds.
  explicit Toxiproxy(const Setting& setting);
  // Removes the proxy, and ends what was started. What goes wrong then is not told: Remove() does.
  ~Toxiproxy();

  const std::string& title() const { return title_; }  // "toxiproxy 2.12.0"
  const std::string& api() const { return api_; }      // "http://127.0.0.1:8474"

  // Makes the proxy; gives where it listens. Throws UserError if it is refused.
  std::string AddProxy(const std::string& name, const std::string& listen,
                       const std::string& upstream);
  // Throws UserError if it is refused, or is not there as it was asked for.
  void AddToxic(const live::GateToxic& toxic);
  // The names of the toxics that the proxy has now, and the bytes that have gone through it, for
  // people. Toxiproxy does not tell how often a toxic acted, and counts bytes when a connection
  // ends.
  std::string Figures();
  // Removes the proxy with its toxics. Throws UserError if that fails; they may be there still
  // then.
  void Remove();

  // Has the loop take what a program that was started writes. `on_end` is called, with what it said
  // last, when it ends by itself; then Run() returns.
  void WatchIn(live::ToxicLoop* loop, std::function<void(const std::string&)> on_end);

 private:
  class Http;
  struct Answer {
    int status = 0;  // of HTTP; 0: none came, and the text says why
    std::string text;
    Json body;  // discarded if it is no JSON

    std::string Error() const;
  };

  Answer Ask(const std::string& method, const std::string& path, const std::string& body = "");
  void Start(const Setting& setting);
  void Reach(const Setting& setting);
  std::string Version();  // "" if it does not say
  std::string LastLine() const;

  std::unique_ptr<Process> process_;  // of one that was started
  std::unique_ptr<Http> http_;
  std::string api_;
  std::string title_ = "toxiproxy";
  std::string proxy_;  // the path of ours, once it is there
};

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_PROXY_TOXIPROXY_H_
