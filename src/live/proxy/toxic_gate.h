#ifndef RESPROBE_LIVE_PROXY_TOXIC_GATE_H_
#define RESPROBE_LIVE_PROXY_TOXIC_GATE_H_

#include <poll.h>

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "live/net/socket.h"
#include "live/net/unique_fd.h"
#include "live/proxy/socket_log.h"
#include "live/proxy/toxic_link.h"
#include "live/proxy/traffic_listener.h"
#include "sim/toxic.h"

namespace resprobe::live {

// A toxic on some or all connections of a gate.
struct GateToxic {
  std::string name;
  Toxic toxic;
  double toxicity = 1;      // the fraction of connections that have it; the seed decides which
  uint64_t connection = 0;  // only this one, counted from 1; 0: all
};

// True if a gate supports such a toxic: those on the client's own calls and memory cannot be
// applied over real sockets. If false, `error` says why.
bool WorksOnSockets(const Toxic& toxic, std::string* error);

// A port whose connections have toxics: each accepted connection gets a backend and a ToxicLink.
// Decisions (jitter, slice sizes, which connections) depend only on the seed and the connection's
// number; the timing depends on the machine.
class ToxicGate {
 public:
  using Connector = std::function<std::unique_ptr<Backend>(std::string* error)>;

  struct Setting {
    uint16_t port = 0;          // 0: a free one
    bool allow_remote = false;  // otherwise on 127.0.0.1
    uint64_t seed = 1;
    int send_buffer = 0;  // SO_SNDBUF and SO_RCVBUF of the accepted sockets; 0: the system's
                          // default
    int receive_buffer = 0;
  };

  ToxicGate(const Setting& setting, Connector connect, SocketLog* log,
            TrafficListener* listener = nullptr);
  ~ToxicGate();

  // Binds the port. False with one line in `error` if it is not available. The gate listens unless
  // a toxic prevents it or it is disabled.
  bool Open(std::string* error);
  uint16_t port() const { return port_; }

  // All must satisfy WorksOnSockets(); at most one of a kind for a direction and connection.
  void SetToxics(std::vector<GateToxic> toxics);
  const std::vector<GateToxic>& toxics() const { return toxics_; }
  // A disabled gate closes its connections and refuses new ones.
  void Enable(bool enabled);
  bool enabled() const { return enabled_; }

  const ToxicCounts& counts() const { return counts_; }
  uint64_t connections() const { return last_id_; }
  // As ToxicLink's; false for a connection that has ended.
  bool ClientHasReadAll(uint64_t connection) const;
  size_t open_connections() const { return links_.size(); }

  // For the loop: AddEvents() appends what to poll for; Serve() then handles the poll's results.
  void AddEvents(std::vector<pollfd>* polled) const;
  void Serve(const pollfd* answers);
  int64_t wake_us() const;
  bool ready() const;

 private:
  // connect() with a delay: the gate keeps its accept queue full with a connection of its own, so
  // that the system drops incoming ones, until one has been dropped and the delay has passed. The
  // client's system retries after a second.
  enum class Late : uint8_t { kOff, kFull, kDropping, kLetIn };

  void TellFaults();
  void UpdateListening();
  bool Bind(std::string* error);
  void Listen();
  void StopListening();
  void FillQueue();
  void ServeLate(int64_t now_us);
  void Accept(int64_t now_us);
  std::vector<Toxic> ToxicsOf(uint64_t connection) const;
  const Toxic* Find(ToxicKind kind) const;

  Setting setting_;
  Connector connect_;
  SocketLog* log_;
  TrafficListener* listener_;
  UniqueFd socket_;  // bound; refuses connections while it does not listen
  bool listening_ = false;
  uint16_t port_ = 0;
  bool enabled_ = true;
  std::vector<GateToxic> toxics_;
  ToxicCounts counts_;
  std::list<ToxicLink> links_;
  uint64_t last_id_ = 0;
  Late late_ = Late::kOff;
  UniqueFd filler_;
  uint16_t filler_port_ = 0;
  uint32_t dropped_ = 0;  // the counter's value before the queue was filled
  int64_t let_in_us_ = 0;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_PROXY_TOXIC_GATE_H_
