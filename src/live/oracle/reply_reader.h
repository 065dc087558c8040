#ifndef RESPROBE_LIVE_ORACLE_REPLY_READER_H_
#define RESPROBE_LIVE_ORACLE_REPLY_READER_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/resp/reply_parser.h"
#include "core/server/server.h"
#include "live/oracle/oracle_client.h"
#include "live/oracle/oracle_compare.h"
#include "live/oracle/oracle_fence.h"
#include "live/oracle/oracle_verdict.h"
#include "live/oracle/request_log.h"
#include "live/oracle/value_comparer.h"

namespace resprobe::live {

// Sends the clients' requests, and reads and compares the live server's replies. Every difference
// goes to the verdict.
class ReplyReader {
 public:
  enum class Wait {
    kMore,    // bytes have arrived
    kNever,   // the server has nothing more to send to this client
    kClosed,  // the server has closed the connection
    kFailed,  // the server does not answer; the verdict says so
  };

  // All must outlive the reader. `in_order`: the server handles the requests of all clients in the
  // order of their arrival, so that an answer to one shows that those before it were handled.
  // Otherwise the first reply on a connection may take several times `first_reply_ms`, and each
  // further one `reply_ms`.
  ReplyReader(const Server* core, RequestLog* log, OracleVerdict* verdict, OracleFence* fence,
              Comparer* comparer, OracleCounts* counts, bool in_order, int first_reply_ms,
              int reply_ms)
      : in_order_(in_order),
        first_reply_ms_(first_reply_ms),
        reply_ms_(reply_ms),
        core_(core),
        log_(log),
        verdict_(verdict),
        fence_(fence),
        comparer_(comparer),
        values_(log, verdict, comparer),
        counts_(counts) {}

  void Send(OracleConnection& connection);
  // Sends, and reads all replies due to the client.
  void Flush(OracleClient& client);
  // Reads and compares the replies due to the client, at least up to the offset `end`.
  void Read(OracleClient& client, size_t end = SIZE_MAX);
  // Waits for bytes.
  Wait WaitFor(OracleClient& client);
  // What has arrived on a connection and was not taken. Each byte is parsed once.
  struct Arrived {
    resp::ReplyParser parser;
    std::vector<SentValue> values;  // the complete ones
    size_t parsed = 0;              // bytes
    size_t complete = 0;            // bytes of the complete values
    std::chrono::steady_clock::time_point since =
        std::chrono::steady_clock::now();  // when the last value was complete
  };
  // Parses what has arrived since the last call. False, with a verdict, if it is not RESP, or a
  // reply has over 64 MB or no end within the hang timeout. `ours`: the values that are due, if
  // they are known.
  bool Parse(const OracleClient& client, Arrived* arrived,
             const std::vector<SentValue>* ours = nullptr);
  // The server must neither send more nor close the connection after the reply to this request, if
  // the core does not. Waits a moment for it.
  void CheckNothingFollows(OracleClient& client, size_t asked);
  // The same for the client's last request, without waiting.
  void CheckNothingHasFollowed(OracleClient& client);
  // The server must close the connection, as the core has. False with a verdict if it does not.
  bool ReadClose(OracleClient& client);

 private:
  bool ReadNumber(OracleClient& client);
  bool ReadEqual(OracleConnection& connection, size_t end);
  bool ReadAlike(OracleConnection& connection, const OracleConnection::Chunk& chunk,
                 std::string_view core);
  void ReadByValue(OracleClient& client);
  void ReadOpaque(OracleClient& client);
  // False if the core's output is nested illegally (EXEC of SUBSCRIBE in RESP3).
  static bool ParseExpected(const OracleConnection& connection, std::vector<SentValue>* values);

  // True if it is a push to a client that can get none.
  bool IsUnasked(const OracleClient& client, const resp::ReplyView& value) const;
  bool IsEndless(size_t bytes, std::chrono::steady_clock::time_point since) const;

  const bool in_order_;
  const int first_reply_ms_;
  const int reply_ms_;
  const Server* core_;
  RequestLog* log_;
  OracleVerdict* verdict_;
  OracleFence* fence_;
  Comparer* comparer_;
  ValueComparer values_;
  OracleCounts* counts_;
  bool last_was_error_ = false;  // of the core's replies that were read
  // For ReadAlike() and ReadNumber().
  resp::ReplyParser parsers_[2];
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_ORACLE_REPLY_READER_H_
