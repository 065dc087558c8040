#ifndef RESPROBE_LIVE_PROXY_TOXIC_LINK_H_
#define RESPROBE_LIVE_PROXY_TOXIC_LINK_H_

#include <poll.h>
#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "live/net/unique_fd.h"
#include "live/proxy/reply_editor.h"
#include "live/proxy/socket_log.h"
#include "live/proxy/traffic_listener.h"
#include "sim/toxic.h"
#include "sim/toxic_stream.h"

namespace resprobe::live {

// The server side of a link: a server over a socket, or replies made in this process. Nothing
// blocks; Read and Write return what recv(2) and send(2) return, and set errno.
class Backend {
 public:
  virtual ~Backend() = default;
  virtual int fd() const { return -1; }         // for poll(); -1: only waiting() counts
  virtual size_t waiting() const = 0;           // bytes that Read can return now
  virtual bool ended() const { return false; }  // without fd(): Read would return 0
  virtual ssize_t Read(char* bytes, size_t size) = 0;
  virtual ssize_t Write(std::string_view bytes) = 0;
  virtual void EndWrites() = 0;  // the client has closed its direction
  virtual void Close(bool reset) = 0;
};

// A server at the other end of a connected socket.
class SocketBackend : public Backend {
 public:
  explicit SocketBackend(UniqueFd fd);
  int fd() const override { return fd_.get(); }
  size_t waiting() const override;
  ssize_t Read(char* bytes, size_t size) override;
  ssize_t Write(std::string_view bytes) override;
  void EndWrites() override;
  void Close(bool reset) override;

 private:
  UniqueFd fd_;
};

// Bytes that wait in the socket.
size_t WaitingBytes(int fd);
// Closes with a reset (SO_LINGER 0), or with a clean end of stream even if there are unread bytes.
void CloseWith(UniqueFd* fd, bool reset);

// One client, its backend, and a ToxicStream in each direction. Holds at most 1 MB for an end that
// does not read; then it stops reading from the other end.
class ToxicLink {
 public:
  struct Setting {
    uint64_t id;
    uint64_t seed;
    SocketLog* log;
    ToxicCounts* counts;
    TrafficListener* listener;  // may be null
  };

  // The results of poll(2) for WantedEvents().
  struct Events {
    short client = 0;
    short backend = 0;
  };

  ToxicLink(UniqueFd client, std::unique_ptr<Backend> backend, const Setting& setting);

  void SetToxics(std::span<const Toxic> toxics, int64_t now_us);

  // Sets the two entries for poll(2): the client's and the backend's.
  void WantedEvents(pollfd* client, pollfd* backend) const;
  // ServeUpstream() forwards what the client has sent, ServeDownstream() what there is for the
  // client. A loop calls the first for all links before the second for any, since one client's
  // request may produce another's reply.
  void ServeUpstream(const Events& events, int64_t now_us);
  void ServeDownstream(const Events& events, int64_t now_us);
  // When to run next without an event; ToxicStream::Step::kNever if not at all.
  int64_t wake_us() const;
  // True if the backend has output or an end that no descriptor signals.
  bool ready() const;

  bool done() const { return done_; }
  // `cut`: by a fault.
  void Close(bool reset, std::string_view note, bool cut = false);
  // True if the client has read all that it was sent, and the link all that the client has sent.
  // False if the client is on another machine: there is no way to know.
  bool ClientHasReadAll() const;
  uint64_t id() const { return setting_.id; }

 private:
  // The state of one direction.
  struct Flow {
    ToxicStream stream;
    bool ended = false;    // nothing more to read
    bool paused = false;   // a never_read holds back the waiting bytes
    bool blocked = false;  // the receiver accepts no more bytes for now
    bool closed = false;   // the end has been passed on
    bool deaf = false;     // the receiver has gone
    int64_t wake_us = ToxicStream::Step::kNever;
  };

  void Read(Flow& flow, bool from_client, int64_t now_us);
  void Pass(Flow& flow, bool to_client, bool writable, int64_t now_us);
  void NoteFired();
  void Log(std::string_view side, std::string_view what, int64_t asked, int64_t result, int error,
           std::string_view data = {}) const;
  bool MayRead(const Flow& flow) const;

  Setting setting_;
  UniqueFd client_;
  std::unique_ptr<Backend> backend_;
  Flow up_;
  Flow down_;
  ToxicCounts counts_;  // of this link
  ToxicCounts told_;    // the part of them already added to the setting's
  ReplyEditor editor_;
  bool client_hung_up_ = false;
  bool backend_hung_up_ = false;
  bool done_ = false;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_PROXY_TOXIC_LINK_H_
