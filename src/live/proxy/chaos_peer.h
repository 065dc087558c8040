#ifndef RESPROBE_LIVE_PROXY_CHAOS_PEER_H_
#define RESPROBE_LIVE_PROXY_CHAOS_PEER_H_

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "live/net/unique_fd.h"
#include "live/proxy/peer_script.h"
#include "live/proxy/socket_log.h"
#include "sim/server_subject.h"
#include "sim/toxic.h"

namespace resprobe::live {

// The evil peer of sim/toxic.h over real TCP: a server whose replies and connections have toxics,
// in a thread of this process or in a process of its own (a real boundary of the operating system).
//
//   PeerScript script;                                   // or ParsePeerScript(), Generate…()
//   script.toxics = {{"cut", MakeToxic(ToxicKind::kRst, {}, …)}};
//   auto peer = ChaosPeer::Start(script, {.place = ChaosPeer::Place::kProcess}, &error);
//   … connect to 127.0.0.1, peer->port() …
//   peer->SetToxics({});                                 // in force when it returns
//   ToxicCounts fired = peer->Stop().fired;
class ChaosPeer {
 public:
  enum class Place : uint8_t { kThread, kProcess };

  struct Options {
    Place place = Place::kThread;
    uint16_t port = 0;  // of 127.0.0.1; 0: a free one
    int log_fd = -1;    // receives a SocketLog; the caller keeps ownership
    // Called with the port, in the peer's thread or process, when it listens; nothing is written to
    // the log before. May be empty.
    std::function<void(uint16_t port)> on_ready = {};
    // Creates the server that answers; called in the peer's thread or process. If not set: the
    // script's replies, or without those the core.
    std::function<std::unique_ptr<ServerSubject>()> subject = {};
  };
  // The state at the time of the query.
  struct Report {
    ToxicCounts fired;
    uint64_t connections = 0;  // accepted
    uint64_t open = 0;
  };

  // Starts the peer and returns when it listens. nullptr with one line in `error` on failure.
  static std::unique_ptr<ChaosPeer> Start(const PeerScript& script, const Options& options,
                                          std::string* error);
  ~ChaosPeer();
  ChaosPeer(const ChaosPeer&) = delete;
  ChaosPeer& operator=(const ChaosPeer&) = delete;

  uint16_t port() const { return port_; }
  pid_t pid() const { return pid_; }  // for Place::kProcess; otherwise -1

  // Replaces all toxics; the new ones are in force when this returns. False if the peer has ended.
  bool SetToxics(const std::vector<GateToxic>& toxics);
  Report Ask();
  // Ends the peer: when this returns, its connections are closed and its thread or process has
  // ended.
  Report Stop();

 private:
  ChaosPeer() = default;
  // Sends a line to the peer and returns its answer, or "" if it has ended.
  std::string Talk(const std::string& line);

  uint16_t port_ = 0;
  pid_t pid_ = -1;
  std::thread thread_;
  UniqueFd control_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_PROXY_CHAOS_PEER_H_
