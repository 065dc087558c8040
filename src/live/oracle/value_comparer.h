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
  // For the core's values: the number of the request that caused it, and whether that was the
  // client's own.
  size_t asked = 0;
  bool own = true;
};

// True if a value is unsolicited, or answers a subscription in RESP3.
bool IsPush(const resp::ReplyView& value);

// Compares all values that a client received: replies in their order, pushes in theirs, and those
// caused by one request in any order.
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
