#ifndef RESPROBE_LIVE_CLIENT_CLIENT_PEER_H_
#define RESPROBE_LIVE_CLIENT_CLIENT_PEER_H_

#include <poll.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "live/net/unique_fd.h"
#include "sim/core_subject.h"
#include "sim/toxic.h"
#include "sim/toxic_stream.h"
#include "worlds/io_chaos/io_peer.h"

namespace resprobe::live {

// The peer of a client in another process: a port of 127.0.0.1, on which the core answers (IoPeer)
// below toxics. It does nothing by itself: its owner says when bytes move, and what the time is.
class ClientPeer {
 public:
  class Watch {
   public:
    virtual ~Watch() = default;
    // As IoPeer::Watch, of a connection: these are numbered from 0 in each run.
    virtual void OnServed(size_t connection, std::span<const std::string_view> request,
                          std::string_view answer) = 0;
    virtual void OnMalformed(size_t connection, std::string_view error) = 0;
    // Something that did not depend on the client's speed, for the trace.
    virtual void OnEvent(std::string_view event) = 0;
  };

  explicit ClientPeer(Watch* watch) : watch_(watch) {}

  // A new run: no connections, a fresh server, no toxics. False with one line in `error` if there
  // is no port to listen on.
  bool Reset(std::string* error);
  uint16_t port() const { return port_; }

  // The toxics that are on. At most one of a kind and direction.
  void Add(const Toxic& toxic, int64_t now_us);
  void Heal(int64_t now_us);
  // While true, nothing reaches the client.
  void set_holds(bool holds) { holds_ = holds; }

  // Another client of the server does this, without faults: its messages and invalidations go out.
  void Act(std::span<const std::string_view> words, int64_t now_us);

  // Sends bytes of no request on each connection.
  void SendRaw(std::string_view bytes, int64_t now_us);
  // Ends all connections that are open. False if there is none.
  bool HangUp(bool reset);
  bool HangUpDishonest();

  // Adds what has to be watched for the next Move().
  void AddTo(std::vector<pollfd>* fds) const;
  // Moves what can be moved now. False if nothing could. A slice waits until the client has read
  // the one before it, unless `client_rests`.
  bool Move(int64_t now_us, bool client_rests);
  // When something is due that is not now; kNever if nothing is.
  int64_t NextDue(int64_t now_us) const;

  // In this run: connections that were accepted, and the ends of connections and refusals that the
  // client could see.
  size_t connections() const { return links_.size(); }
  uint64_t ends() const { return ends_; }
  // A connection whose peer has sent only what a server would have sent.
  bool honest(size_t connection) const { return links_[connection]->peer.honest(); }
  bool always_honest() const;
  const ToxicCounts& counts() const { return counts_; }

 private:
  struct Link : IoPeer::Watch {
    void OnServed(std::span<const std::string_view> request, std::string_view answer) override {
      owner->watch_->OnServed(number, request, answer);
    }
    void OnMalformed(std::string_view error) override { owner->watch_->OnMalformed(number, error); }

    ClientPeer* owner = nullptr;
    size_t number = 0;
    UniqueFd fd;
    IoPeer peer;
    ToxicStream up;
    ToxicStream down;
    bool reads = true;       // the client has not ended its direction
    bool slice_out = false;  // a slice was sent that the client may not have read
  };

  bool Listen(std::string* error);
  void EndSlicing(int64_t now_us);
  void Refuse(bool refuses);
  bool Accept(int64_t now_us);
  bool Read(Link& link, int64_t now_us);
  bool MoveUp(Link& link, int64_t now_us);
  bool MoveDown(Link& link, int64_t now_us, bool client_rests);
  void Close(Link& link, bool reset, std::string_view why);

  Watch* const watch_;
  UniqueFd reserved_;  // keeps the port while nothing listens
  UniqueFd listener_;
  uint16_t port_ = 0;
  CoreSubject server_;
  uint64_t other_ = 0;  // a connection of the server; 0: not made yet
  std::vector<Toxic> toxics_;
  std::vector<std::unique_ptr<Link>> links_;
  ToxicCounts counts_;
  uint64_t ends_ = 0;
  int slices_ = 0;  // of this run
  bool holds_ = false;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_CLIENT_CLIENT_PEER_H_
