#ifndef RESPROBE_LIVE_PROXY_TRAFFIC_LISTENER_H_
#define RESPROBE_LIVE_PROXY_TRAFFIC_LISTENER_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace resprobe::live {

// Observes the traffic through a proxy. Connections count from 1.
class TrafficListener {
 public:
  virtual ~TrafficListener() = default;
  virtual void OnOpen(uint64_t connection) = 0;
  // Bytes as they were read, before they are forwarded: the listener has seen everything that the
  // other end has.
  virtual void OnClientBytes(uint64_t connection, std::string_view bytes) = 0;
  virtual void OnServerBytes(uint64_t connection, std::string_view bytes) = 0;
  // Bytes as the client gets them: edited by toxics, and once the system has taken them.
  virtual void OnSent(uint64_t /*connection*/, std::string_view /*bytes*/) {}
  // A fault ends the connection; OnClose() follows.
  virtual void OnCut(uint64_t /*connection*/) {}
  virtual void OnClose(uint64_t connection) = 0;
  // The server could not be reached for a new client; the client's connection is closed.
  virtual void OnRefused(const std::string& error) = 0;
  // Whether there are any faults from now on: toxics, or a proxy that is not enabled.
  virtual void OnFaults(bool /*any*/) {}
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_PROXY_TRAFFIC_LISTENER_H_
