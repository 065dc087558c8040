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

// The evil peer of sim/toxic.h over real TCP: a server whose answers and connections have toxics,
// in a thread of this process or in one of its own (a real boundary of the operating system).
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
    int log_fd = -1;    // gets a SocketLog; stays the caller's
    // Makes the server that answers; called where the peer lives. Left out: the script's replies,
    // or else the core.
    std::function<std::unique_ptr<ServerSubject>()> subject = {};
  };
  // What has happened by the time of the question.
  struct Report {
    ToxicCounts fired;
    uint64_t connections = 0;  // accepted
    uint64_t open = 0;
  };

  // Listens when it returns. nullptr with one line in `error` if it cannot.
  static std::unique_ptr<ChaosPeer> Start(const PeerScript& script, const Options& options,
                                          std::string* error);
  ~ChaosPeer();
  ChaosPeer(const ChaosPeer&) = delete;
  ChaosPeer& operator=(const ChaosPeer&) = delete;

  uint16_t port() const { return port_; }
  pid_t pid() const { return pid_; }  // of Place::kProcess, else -1

  // The toxics in the place of all there were; in force when it returns. False if the peer is gone.
  bool SetToxics(const std::vector<GateToxic>& toxics);
  Report Ask();
  // Ends it: connections are closed, the thread or process is gone when it returns.
  Report Stop();

 private:
  ChaosPeer() = default;
  // A line to the peer; its answer, "" if it is gone.
  std::string Talk(const std::string& line);

  uint16_t port_ = 0;
  pid_t pid_ = -1;
  std::thread thread_;
  UniqueFd control_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_PROXY_CHAOS_PEER_H_
