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

// What stands behind the toxics: a server over a socket, or answers that are made here. Nothing
// blocks; Read and Write give what recv(2) and send(2) give, and set errno.
class Backend {
 public:
  virtual ~Backend() = default;
  virtual int fd() const { return -1; }         // to be polled; -1: waiting() tells all
  virtual size_t waiting() const = 0;           // bytes that Read would give
  virtual bool ended() const { return false; }  // without fd(): Read would give 0
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
// Closes so that the other end sees what is meant: a reset (SO_LINGER 0), or an end of the stream
// even if bytes have come that nobody has read.
void CloseWith(UniqueFd* fd, bool reset);

// One client, what answers it, and a ToxicStream in each direction. No more than 1 MB is held for
// an end that does not read; then the other end waits.
class ToxicLink {
 public:
  struct Setting {
    uint64_t id;
    uint64_t seed;
    SocketLog* log;
    ToxicCounts* counts;
    TrafficListener* listener;  // may be null
  };

  // What poll(2) has answered to WantedEvents().
  struct Events {
    short client = 0;
    short backend = 0;
  };

  ToxicLink(UniqueFd client, std::unique_ptr<Backend> backend, const Setting& setting);

  void SetToxics(std::span<const Toxic> toxics, int64_t now_us);

  // Two entries to poll for: the client's, the backend's.
  void WantedEvents(pollfd* client, pollfd* backend) const;
  // What the client has sent is passed on; then what there is for it. All links of a loop do the
  // first before any does the second, since what one client sends may answer another.
  void ServeUpstream(const Events& events, int64_t now_us);
  void ServeDownstream(const Events& events, int64_t now_us);
  // When something is due without an event; ToxicStream::Step::kNever if nothing is.
  int64_t wake_us() const;
  // The backend has something that no descriptor tells of.
  bool ready() const;

  bool done() const { return done_; }
  void Close(bool reset, std::string_view note);
  uint64_t id() const { return setting_.id; }

 private:
  // One direction: from whom it is read, how far it has come.
  struct Flow {
    ToxicStream stream;
    bool ended = false;    // nothing more to read
    bool paused = false;   // a never_read holds back what waits
    bool blocked = false;  // the receiver takes no more for now
    bool closed = false;   // the end has been passed on
    bool deaf = false;     // the receiver is gone
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
  ToxicCounts told_;    // of those, told to the setting's
  ReplyEditor editor_;
  bool client_hung_up_ = false;
  bool backend_hung_up_ = false;
  bool done_ = false;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_PROXY_TOXIC_LINK_H_
