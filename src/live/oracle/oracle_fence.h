#ifndef RESPROBE_LIVE_ORACLE_ORACLE_FENCE_H_
#define RESPROBE_LIVE_ORACLE_ORACLE_FENCE_H_

#include <string>
#include <string_view>
#include <vector>

#include "live/net/resp_connection.h"
#include "live/net/unique_fd.h"
#include "live/oracle/oracle_client.h"
#include "live/oracle/oracle_verdict.h"
#include "live/server/live_server.h"

namespace resprobe::live {

// A connection to the live server that belongs to no case.
class OracleFence {
 public:
  // `connections`: the others of the oracle, which get their replies while it waits. `reply_ms`:
  // how long one reply may take.
  OracleFence(LiveServer* target, OracleVerdict* verdict, OracleConnections* connections,
              int reply_ms)
      : target_(target), verdict_(verdict), connections_(connections), reply_ms_(reply_ms) {}

  void Use(Link link);
  // Sends a request, given as words, that the server must answer with OK. On failure returns false
  // with one line in `error`.
  bool Demand(const std::string& words, std::string* error);
  // The same; any answer will do.
  bool Ask(const std::vector<std::string>& words, std::string* error);
  // Waits until the server's event loop has turned: it has read everything sent before, and has
  // sent its replies. False, with a verdict, if the server does not answer.
  bool Pass(int rounds = kAnyRounds);

  // One round to accept a connection, one to read it, and one more for each that was about to end.
  static constexpr int kAnyRounds = 4;

 private:
  RespConnection::Got Answer();
  // How long a server that does not hang may be silent.
  int SilenceMs() const;
  // Waits for bytes, as long as the server sends some to any client.
  RespConnection::Got Wait();
  // Sends a request, and reads the answer_.
  bool Exchange(std::string_view request);

  LiveServer* target_;
  OracleVerdict* verdict_;
  OracleConnections* connections_;
  const int reply_ms_;
  RespConnection link_;
  std::string answer_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_ORACLE_ORACLE_FENCE_H_
