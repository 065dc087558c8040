#ifndef RESPROBE_LIVE_ORACLE_REQUEST_LOG_H_
#define RESPROBE_LIVE_ORACLE_REQUEST_LOG_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "live/oracle/oracle_compare.h"

namespace resprobe::live {

struct CommandCounts {
  uint64_t requests = 0;
  // How often each literal word of its syntax was given.
  std::vector<std::pair<std::string, uint64_t>> options;
};

// Requests are counted once their replies have been compared.
struct OracleCounts {
  uint64_t cases = 0;
  uint64_t requests = 0;  // of the cases
  uint64_t state = 0;     // of the comparisons of final states
  uint64_t writes = 0;    // pipelines sent
  uint64_t opaque = 0;    // pipelines whose replies were compared by their length
  // Those of the cases; nullptr: unknown commands.
  std::unordered_map<const Command*, CommandCounts> commands;
  std::map<std::string, uint64_t, std::less<>> left_out;  // by reason
  ComparerCounts replies;
  uint64_t taken_over = 0;  // requests of which the core has taken over what the server made
  uint64_t doubtful = 0;    // replies that were not compared because of a known difference
};

// Calls take(key) for each key of the request, and of those that it ran (EXEC).
void ForEachKey(const Asked& asked, const std::function<void(std::string_view)>& take);
// True if the request, or one that it ran, is of such a command.
bool RunsAny(const Asked& asked, const std::function<bool(const Command&)>& is);

// The requests since the first one of a case with replies that have not been compared. Numbers
// count from the first request of the oracle.
class RequestLog {
 public:
  // Requests added from now on belong to the next case.
  void BeginCase();
  // Sets the op of the case that causes the following requests.
  void set_op(size_t op) { op_ = op; }
  size_t op() const { return op_; }
  uint64_t case_number() const { return case_number_; }

  // The reference is valid until the request is retired.
  Asked& Add(size_t client, Asked::Part part);
  Asked& At(size_t number) { return requests_[number - first_]; }
  const Asked& At(size_t number) const { return requests_[number - first_]; }
  size_t first() const { return first_; }
  size_t last() const { return end() - 1; }
  size_t end() const { return first_ + requests_.size(); }
  bool empty() const { return requests_.empty(); }

  // How many of the last cases have requests with numbers from `first_owed` on.
  uint64_t Unsettled(size_t first_owed) const;
  // Counts the requests before `first_owed`, whose replies have been compared, and discards them,
  // but for those of its own case: they may explain what is still to be compared.
  void Retire(size_t first_owed, OracleCounts* counts);
  // Discards all requests without counting them.
  void Clear();

 private:
  std::deque<Asked> requests_;
  size_t first_ = 0;    // the number of the first request in requests_
  size_t counted_ = 0;  // that of the first one that was not counted
  size_t op_ = 0;
  uint64_t case_number_ = 0;
  int64_t began_ms_ = 0;  // that case
  uint64_t settled_ = 0;  // the last case that was compared completely
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_ORACLE_REQUEST_LOG_H_
