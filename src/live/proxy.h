#ifndef RESPROBE_LIVE_PROXY_H_
#define RESPROBE_LIVE_PROXY_H_

#include <poll.h>

#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <vector>

#include "live/traffic_listener.h"
#include "live/unique_fd.h"

namespace resprobe::live {

// A TCP proxy in one thread: each connection that is accepted gets one of its own to the server,
// and bytes pass both ways unchanged. A side that closes is closed towards the other side, once
// what it sent has been passed on. An end that does not read makes the other end wait; no more
// than 1 MB is held for it.
class Proxy {
 public:
  using Connector = std::function<UniqueFd(std::string* error)>;

  Proxy(UniqueFd listening, Connector connect, TrafficListener* listener);

  // Serves until `stop_fd` can be read (or its other end is closed). Connections that are open then
  // are closed, with OnClose(). False with `error` if the system fails it.
  bool Run(int stop_fd, std::string* error);

 private:
  // One direction of a connection.
  struct Flow {
    std::string waiting;  // read, not yet written
    bool ended = false;   // nothing more to read
    bool closed = false;  // the end has been passed on
  };
  struct Connection {
    uint64_t id;
    UniqueFd client;
    UniqueFd server;
    Flow requests;
    Flow replies;
    bool broken = false;

    bool done() const { return broken || (requests.closed && replies.closed); }
  };

  void Accept();
  void Serve(Connection& connection, short client_events, short server_events);
  void Move(Connection& connection, bool from_client, bool readable);

  UniqueFd listening_;
  Connector connect_;
  TrafficListener* listener_;
  uint64_t last_id_ = 0;
  std::list<Connection> connections_;
  std::vector<pollfd> polled_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_PROXY_H_
