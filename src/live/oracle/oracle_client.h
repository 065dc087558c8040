#ifndef RESPROBE_LIVE_ORACLE_ORACLE_CLIENT_H_
#define RESPROBE_LIVE_ORACLE_ORACLE_CLIENT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/resp/request_parser.h"
#include "live/net/resp_connection.h"

namespace resprobe::live {

inline constexpr size_t kOracleClients = 4;  // at most, in a case
// The number of the oracle's own client, which compares what a case leaves.
inline constexpr size_t kOracleControl = kOracleClients;

// A connection to the live server, and what the server owes on it.
struct OracleConnection {
  // Output of the core for this connection, made by one request.
  struct Chunk {
    size_t end;    // in `expected`; it starts where the one before ends
    size_t asked;  // the number of the request
    bool own;      // of the client that asked
  };

  RespConnection link;
  bool taken = false;         // by a client of the case
  uint64_t server_id = 0;     // the server's number of it; 0: the first thing to come
  std::string expected;       // what the core has said; up to `read` the server has said it, too
  size_t read = 0;            // bytes
  std::vector<Chunk> chunks;  // of `expected`
  size_t next = 0;            // the first chunk that has not been read
  size_t sent = 0;            // in `expected`: what was asked for by the last write but one
  size_t unanswered = 0;      // bytes written since a reply was read

  bool owes() const { return next < chunks.size(); }
  size_t owed() const { return expected.size() - read; }
  void Owe(std::string_view output, size_t asked, bool own) {
    expected += output;
    chunks.push_back({expected.size(), asked, own});
  }
  // Forgets what has been read.
  void Forget();
  // Forgets all that is owed.
  void Clear();
};

// A client of the case, or the oracle's own.
struct OracleClient {
  size_t number = 0;
  uint64_t core_id = 0;
  OracleConnection* connection = nullptr;  // once it has something to say
  std::string greeting;  // what the core has answered to HELLO 3, which is yet to be sent
  std::string unsent;
  std::string held;  // delivered, but not yet a whole request
  resp::RequestParser requests;
  bool nonsense = false;
  std::vector<size_t> silent;  // requests without a reply so far, since the last that has one
  std::string deferred;        // what the client says while it waits (BLPOP)
  bool unfenced = false;       // the last request sent has no reply
  bool lossy = false;          // closed for another client's sake: what came before may be lost
  bool stays_open = false;     // the server does not close although the core has
  bool named = false;          // a request, perhaps one that is queued, has its number

  // A new client, with the id of its connection to the core.
  void Begin(uint64_t id);
  void Release();
};

// Connections are kept from case to case, and between cases at most one owes anything.
using OracleConnections = std::array<OracleConnection, kOracleClients>;
// The clients of a case, and the oracle's own.
using OracleClients = std::array<OracleClient, kOracleClients + 1>;

// The first request that has not been compared; `end` if all have been.
size_t FirstOwed(const OracleConnections& connections, size_t end);

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_ORACLE_ORACLE_CLIENT_H_
