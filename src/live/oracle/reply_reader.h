#ifndef RESPROBE_LIVE_ORACLE_REPLY_READER_H_
#define RESPROBE_LIVE_ORACLE_REPLY_READER_H_

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

// Sends what clients have said, and reads and compares what the live server owes them. Every
// difference goes to the verdict.
class ReplyReader {
 public:
  enum class Wait {
    kMore,    // bytes have come
    kNever,   // the server has nothing more to say to this client
    kClosed,  // the server has closed the connection
    kFailed,  // the server does not answer; the verdict says so
  };

  // All must outlive the reader.
  ReplyReader(const Server* core, RequestLog* log, OracleVerdict* verdict, OracleFence* fence,
              Comparer* comparer, OracleCounts* counts)
      : core_(core),
        log_(log),
        verdict_(verdict),
        fence_(fence),
        comparer_(comparer),
        values_(log, verdict, comparer),
        counts_(counts) {}

  void Send(OracleConnection& connection);
  // Sends, and reads all that the client is owed.
  void Flush(OracleClient& client);
  // Reads what the client is owed, at least up to `end` of it, and compares it.
  void Read(OracleClient& client, size_t end = SIZE_MAX);
  // Waits for bytes.
  Wait WaitFor(OracleClient& client);
  // The whole values that have come and not been taken, and their size in bytes; false, with a
  // verdict, if what comes is no RESP.
  bool ParseReceived(const OracleClient& client, std::vector<SentValue>* values, size_t* consumed);
  // The server has to close the connection, as the core has. False with a verdict if it does not.
  bool ReadClose(OracleClient& client);

 private:
  bool ReadNumber(OracleClient& client);
  bool ReadEqual(OracleConnection& connection, size_t end);
  bool ReadAlike(OracleConnection& connection, const OracleConnection::Chunk& chunk,
                 std::string_view core);
  void ReadByValue(OracleClient& client);
  void ReadOpaque(OracleClient& client);
  // False if the core's output nests what must not be nested (EXEC of SUBSCRIBE in RESP3).
  static bool ParseExpected(const OracleConnection& connection, std::vector<SentValue>* values);

  const Server* core_;
  RequestLog* log_;
  OracleVerdict* verdict_;
  OracleFence* fence_;
  Comparer* comparer_;
  ValueComparer values_;
  OracleCounts* counts_;
  // Of ReadAlike() and ReadNumber().
  resp::ReplyParser parsers_[2];
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_ORACLE_REPLY_READER_H_
