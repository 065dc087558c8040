#ifndef RESPROBE_LIVE_ORACLE_VALUE_COMPARER_H_
#define RESPROBE_LIVE_ORACLE_VALUE_COMPARER_H_

#include <cstddef>
#include <vector>

#include "core/resp/reply.h"
#include "live/oracle/oracle_compare.h"
#include "live/oracle/oracle_verdict.h"
#include "live/oracle/request_log.h"

namespace resprobe::live {

// A value that one of the servers has sent to a client.
struct SentValue {
  resp::Reply reply;
  // Of the core's: the number of the request that made it, and whether it was the client's own.
  size_t asked = 0;
  bool own = true;
};

// Whether a value comes without being asked for, or answers a subscription in RESP3.
bool IsPush(const resp::ReplyView& value);

// Compares all values that a client was sent: replies in their order, pushes in theirs, and those
// that one request made in any order.
class ValueComparer {
 public:
  // All must outlive the comparer.
  ValueComparer(const RequestLog* log, OracleVerdict* verdict, Comparer* comparer)
      : log_(log), verdict_(verdict), comparer_(comparer) {}

  // The first difference goes to the verdict.
  void Compare(const std::vector<SentValue>& core, const std::vector<SentValue>& server);

 private:
  void CompareLists(const std::vector<const SentValue*>& ours,
                    const std::vector<const SentValue*>& theirs);

  const RequestLog* log_;
  OracleVerdict* verdict_;
  Comparer* comparer_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_ORACLE_VALUE_COMPARER_H_
