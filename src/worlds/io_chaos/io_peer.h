#ifndef RESPROBE_WORLDS_IO_CHAOS_IO_PEER_H_
#define RESPROBE_WORLDS_IO_CHAOS_IO_PEER_H_

// The peer of a client under test: the core with reply toxics applied to its output. One object is
// one connection; all connections of a run share the server.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/resp/reply.h"
#include "core/resp/reply_parser.h"
#include "core/resp/request_parser.h"
#include "sim/core_subject.h"
#include "sim/toxic.h"

namespace resprobe {

class IoPeer {
 public:
  // The origin of a value that an honest peer has sent: the number of a request on the connection,
  // from 0, or one of these.
  static constexpr uint64_t kMessage = UINT64_MAX;      // a message, a line of MONITOR, a push
  static constexpr uint64_t kUnknown = UINT64_MAX - 1;  // the peer was not honest

  // Gets what a peer receives and answers.
  class Watch {
   public:
    virtual ~Watch() = default;
    // A request, and the server's answer before toxics edit it.
    virtual void OnServed(std::span<const std::string_view> request, std::string_view answer) = 0;
    // The client's bytes are not requests; the peer reads no more of them.
    virtual void OnMalformed(std::string_view error) = 0;
  };

  // Opens a connection to `server` for what the client is about to send.
  void Open(ServerSubject* server, ToxicCounts* counts, Watch* watch = nullptr);
  void Close();
  bool open() const { return connection_ != 0; }

  // Takes bytes from the client; complete requests are answered. Applies `toxics` of place kReply.
  void Receive(std::string_view bytes, std::span<const Toxic> toxics);
  // Collects output that other connections caused for this client.
  void Collect(std::span<const Toxic> toxics);
  // Sends these bytes as they are.
  void SendRaw(std::string_view bytes);
  // Sends a line as MONITOR does; nothing unless the client monitors.
  void SendMonitorLine();

  // Bytes for the client; the owner erases what it has passed on.
  std::string& output() { return output_; }
  // False once it has sent something that a server would not have sent.
  bool honest() const { return honest_; }
  // The origin of a value, by its number on the connection, from 0; kUnknown also if it is
  // forgotten.
  uint64_t OriginOf(uint64_t value) const {
    const uint64_t at = value - forgotten_;
    return honest_ && at < origins_.size() ? origins_[at] : kUnknown;
  }
  // Nothing will ask for the origins of the values before this one. Returns the first request that
  // can be the origin of a later one.
  uint64_t ForgetOrigins(uint64_t value);
  size_t origins_held() const { return origins_.size(); }
  int protocol() const { return protocol_; }
  // That in which a value was sent, by its number on the connection.
  int ProtocolOf(uint64_t value) const { return value < resp3_from_ ? 2 : 3; }

 private:
  void Serve(std::span<const std::string_view> request, std::span<const Toxic> toxics);
  void Send(std::string_view values, uint64_t request, std::span<const Toxic> toxics);

  ServerSubject* server_ = nullptr;
  ToxicCounts* counts_ = nullptr;
  Watch* watch_ = nullptr;
  uint64_t connection_ = 0;
  int protocol_ = 2;
  uint64_t resp3_from_ = UINT64_MAX;  // the first value that was sent in RESP3
  bool monitoring_ = false;
  bool honest_ = true;
  uint64_t requests_ = 0;
  uint64_t replies_ = 0;
  std::string output_;
  std::string answer_;
  std::string request_;
  std::string edited_;
  std::string next_;
  std::vector<uint64_t> origins_;  // one for each value sent, while honest
  uint64_t forgotten_ = 0;         // values before origins_[0]
  resp::RequestParser parser_;
  resp::ReplyParser values_;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_IO_CHAOS_IO_PEER_H_
