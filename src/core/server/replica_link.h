#ifndef RESPROBE_CORE_SERVER_REPLICA_LINK_H_
#define RESPROBE_CORE_SERVER_REPLICA_LINK_H_

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "core/server/client.h"

namespace resprobe {

class Server;

// A replica's connection to its primary (redis 7.0 replication.c, syncWithMaster and
// replicationCron): dials it through the server's host, asks for its stream, replaces the keys by
// those that it sends, and from then on runs the commands of the stream and reports once a second
// how far it has come. A connection that ends is dialled again: at once if the primary had answered
// on it, otherwise after a second; one on which nothing has arrived for the time-out
// (ReplicationSettings) ends.
class ReplicaLink {
 public:
  enum class State : uint8_t {
    kNone,         // this server follows none
    kDown,         // to be dialled
    kPing,         // waits for the reply to PING
    kConfigure,    // … to REPLCONF
    kSynchronize,  // … to PSYNC
    kSize,         // waits for the size of the keys
    kKeys,         // for the keys themselves
    kStream,
  };

  explicit ReplicaLink(Server* server) : server_(*server) {}

  // Forgets the primary and the connection.
  void Reset();

  State state() const { return state_; }
  bool follows() const { return state_ != State::kNone; }
  bool follows(std::string_view host, int port) const {
    return follows() && host == host_ && port == port_;
  }
  bool streams() const { return state_ == State::kStream; }
  // As ROLE calls it: "connect", "handshake", "sync", "connected".
  std::string_view StateName() const;
  const std::string& host() const { return host_; }
  int port() const { return port_; }
  // The time at which bytes of the primary last arrived, in milliseconds; 0: never.
  int64_t heard_at() const { return heard_at_; }

  // Follows another server from now on. The stream stays the same until that server has answered,
  // so that it goes on if that server has it too, and so do this server's replicas (redis 7.0
  // replication.c replicationSetMaster).
  void Follow(std::string_view host, int port);
  // Follows none. The keys stay.
  void Leave();

  // Takes bytes of the connection to the primary.
  void Receive(Client& client, std::string_view bytes);
  // A command of the stream that CLIENT PAUSE had held has run.
  void Applied(Client& client);
  // The connection has ended; it is still open here.
  void Ended(Client& client);
  // Time has passed.
  void Tick();
  // Reports the offset to the primary.
  void Acknowledge();

 private:
  static constexpr int64_t kPeriodMs = 1000;  // of reports, and between two attempts to connect
  static constexpr size_t kLongestLine = 1024;

  void Dial();
  // Ends the connection.
  void HangUp();
  // Ends the connection; it is dialled again by Tick().
  void Fail();
  bool TakeLine(std::string_view* bytes);
  void HandleLine(Client& client);
  void Ask(Client& client);
  void TakeKeys(Client& client, std::string_view* bytes);
  void Apply(Client& client, std::string_view bytes);
  void Say(Client& client, std::initializer_list<std::string_view> words);

  Server& server_;
  State state_ = State::kNone;
  std::string host_;
  int port_ = 0;
  uint64_t connection_ = 0;  // the server's id of it; 0: there is none
  int64_t due_ = 0;          // milliseconds: of the next report, or the next attempt
  int64_t heard_at_ = 0;
  int64_t alive_at_ = 0;  // the same, or when it was dialled
  std::string line_;      // a line that has not arrived completely
  std::string keys_;      // the keys so far
  size_t keys_size_ = 0;  // of all of them
  uint64_t begins_ = 0;   // the offset at which the stream begins after the keys
  std::string new_id_;    // its id
  std::string running_;   // applied bytes of a command, or of a transaction, that is not complete
};

}  // namespace resprobe

#endif  // RESPROBE_CORE_SERVER_REPLICA_LINK_H_
