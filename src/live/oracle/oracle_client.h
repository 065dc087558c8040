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
// The number of the oracle's own client, which compares the final state.
inline constexpr size_t kOracleControl = kOracleClients;

// A connection to the live server, with the replies that the server owes on it.
struct OracleConnection {
  // Output of the core for this connection, caused by one request.
  struct Chunk {
    size_t end;    // in `expected`; it starts where the one before ends
    size_t asked;  // the number of the request
    bool own;      // the request was the client's own
  };

  // The server does not tell its id of the connection.
  static constexpr uint64_t kNoNumber = UINT64_MAX;

  RespConnection link;
  bool taken = false;         // by a client of the case
  uint64_t server_id = 0;     // the server's id of it; 0: unknown, its reply comes first
  std::string expected;       // the core's output; up to `read` the server has sent the same
  size_t read = 0;            // bytes
  std::vector<Chunk> chunks;  // of `expected`
  size_t next = 0;            // the first chunk that has not been read
  size_t sent = 0;            // offset in `expected` up to which replies belong to the writes
                              // before the last one
  size_t unanswered = 0;      // bytes written since a reply was read
  bool answered = false;      // the server has sent something on it
  bool after_error = false;   // the server's last reply was an error
  bool closed = false;        // the server has closed it, which is a known difference

  bool owes() const { return next < chunks.size(); }
  size_t owed() const { return expected.size() - read; }
  size_t owed_replies() const { return chunks.size() - next; }
  void Owe(std::string_view output, size_t asked, bool own) {
    expected += output;
    chunks.push_back({expected.size(), asked, own});
  }
  // Discards what is still owed because of another client's request.
  void Forgive(size_t asked);
  // Discards what has been read.
  void Forget();
  // Discards all pending replies.
  void Clear();
};

// A client of the case, or the oracle's own.
struct OracleClient {
  size_t number = 0;
  uint64_t core_id = 0;
  OracleConnection* connection = nullptr;  // once it sends
  std::string greeting;  // the core's answer to HELLO 3, which is still to be sent
  std::string unsent;
  std::string held;  // delivered, but not yet a complete request
  resp::RequestParser requests;
  bool nonsense = false;
  std::vector<size_t> silent;  // requests without a reply, since the last that has one
  std::string deferred;        // what the client sends while it is blocked (BLPOP)
  bool unfenced = false;       // the last request sent has no reply
  bool lossy = false;          // closed because of another client: earlier output may be lost
  bool stays_open = false;     // the server does not close although the core has
  bool named = false;          // a request, possibly a queued one, contains its id

  // A new client, with the id of its connection to the core.
  void Begin(uint64_t id);
  void Release();
};

// Connections are kept from case to case; between cases at most one has pending replies.
using OracleConnections = std::array<OracleConnection, kOracleClients>;
// The clients of a case, and the oracle's own.
using OracleClients = std::array<OracleClient, kOracleClients + 1>;

// The first request whose replies have not been compared; `end` if there is none.
size_t FirstOwed(const OracleConnections& connections, size_t end);

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_ORACLE_ORACLE_CLIENT_H_
