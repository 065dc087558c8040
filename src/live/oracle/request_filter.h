#ifndef RESPROBE_LIVE_ORACLE_REQUEST_FILTER_H_
#define RESPROBE_LIVE_ORACLE_REQUEST_FILTER_H_

#include <string>
#include <vector>

#include "core/server/server.h"
#include "core/table/profile.h"
#include "core/table/table.h"
#include "live/oracle/server_survey.h"
#include "live/server/live_server.h"

namespace resprobe::live {

// Decides which requests are sent to neither server, because their replies cannot be compared, and
// which are sent alone.
class RequestFilter {
 public:
  // All must outlive the filter.
  RequestFilter(const Server* core, const LiveServer* target, const ServerSurvey* survey,
                Profile profile)
      : core_(core), target_(target), survey_(survey), profile_(profile) {}

  struct Judgement {
    std::string left_out;  // why it is sent to neither server; empty if it is sent
    // Its replies end in the middle of a transaction, so no other request may be in flight.
    bool breaks_off = false;
    // A wrong password: valkey 8.0.1 (seen live) does not answer it while an earlier reply of the
    // same pipeline waits to be written.
    bool logs_in = false;
  };
  // `command` is nullptr for an unknown command. `state`: the request compares the final state.
  Judgement Judge(const Client& client, const Command* command,
                  const std::vector<std::string>& args, bool state);

  // True if the server may have left ERANGE in errno (docs/findings/sort-stale-errno.md).
  bool out_of_range() const { return out_of_range_; }
  void ClearOutOfRange() { out_of_range_ = false; }

 private:
  const Server* core_;
  const LiveServer* target_;
  const ServerSurvey* survey_;
  Profile profile_;
  bool out_of_range_ = false;
};

// True if the client's next reply is suppressed.
bool RepliesAreOff(const Client& client);

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_ORACLE_REQUEST_FILTER_H_
