#ifndef RESPROBE_LIVE_ORACLE_ORACLE_H_
#define RESPROBE_LIVE_ORACLE_ORACLE_H_

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "core/server/server.h"
#include "engine/codec.h"
#include "live/oracle/case_clients.h"
#include "live/oracle/key_adopter.h"
#include "live/oracle/oracle_client.h"
#include "live/oracle/oracle_compare.h"
#include "live/oracle/oracle_fence.h"
#include "live/oracle/oracle_verdict.h"
#include "live/oracle/reply_reader.h"
#include "live/oracle/request_log.h"
#include "live/oracle/request_writer.h"
#include "live/oracle/server_survey.h"
#include "live/server/live_server.h"
#include "worlds/command/command_world.h"

namespace resprobe::live {

struct OracleOptions {
  Profile profile = Profile::kRedis70;
  // A server hangs if it owes a reply and sends nothing, to any client, for this long.
  int hang_ms = 10'000;
  // What the server has.
  ServerSurvey survey = {};
  // Errors are compared by their codes, not by their texts.
  bool only_error_codes = false;
};

// Runs cases of the harness command_handler on the core and on a live server, and compares every
// reply, every push, and the final state.
//
// The live server receives the requests in the order of the case: what one client sends is gathered
// into few writes, and before another client has its turn, all replies due to the first one have
// been read. The core runs every request first; its output determines the replies that the server
// owes. Only SPOP runs on the server first: the core then removes the same elements.
//
// A server in a sandbox (LiveServer::has_virtual_time()) has the time of the case: its clock is set
// at the start of each case and by its ops, so that times to live are compared to the millisecond.
//
// Connections are kept from case to case. RESET, the comparison of the final state and FLUSHALL
// follow the last requests of a case, and the next case may begin after them, on the connection
// with these pending replies: then the server works on one case while the core runs the next.
//
// The parts, each of which uses only those before it: RequestLog (the requests), OracleVerdict (the
// difference and its cause), OracleFence (has the server seen everything), ReplyReader with
// ValueComparer and Comparer (the replies due to a client), CaseClients (connections and turns),
// KeyAdopter (the core takes over what the server has made of a request that is known to differ),
// RequestWriter with RequestFilter and ServerChoice (the requests to both servers), CheckState().
class Oracle {
 public:
  // The target must outlive the oracle.
  Oracle(LiveServer* target, const OracleOptions& options);

  // Connects; call it before the first case, and after a fatal difference, when it also restarts a
  // server that the target started. False with one line in `error` if there is no server.
  // `fresh`: restarts it in any case.
  bool Prepare(std::string* error, bool fresh = false);
  // Returns the first difference, or nothing; also nothing if the target's stop() has ended
  // waiting.
  std::optional<Difference> Run(const Case<CommandWorld>& c);
  // Like Run(), but does not wait for the last replies, so the difference may be one of an earlier
  // case (Difference::cases_ago), or may only show in CatchUp(). What came after it was not
  // compared then. If the server died, any of the last Difference::suspects cases may be the cause:
  // rerun them one at a time.
  std::optional<Difference> RunAhead(const Case<CommandWorld>& c);
  // Reads and compares all pending replies.
  std::optional<Difference> CatchUp();
  // The number of last cases that have not been compared completely.
  uint64_t unsettled() const { return verdict_.unsettled(); }

  // The same op by op. After a difference further ops do nothing; Finish() compares the final
  // state, or aborts the case; call it once in either case.
  void Begin(const CommandWorld::Config& config);
  template <class Op>
  void Step(const Op& op) {
    if (target_->has_virtual_time()) FollowClock();
    if (verdict_.going()) Apply(op);
    log_.set_op(log_.op() + 1);
  }
  void Finish();
  const std::optional<Difference>& difference() const { return verdict_.difference(); }

  // Each pair of reply kinds (the core's and the server's) to a command sets one of these. They
  // must outlive the oracle.
  void ObserveShapes(std::span<uint8_t> shapes) { comparer_.ObserveShapes(shapes); }

  // Differences that do not end a case; must outlive the oracle. nullptr: none.
  void set_known(const KnownDifferences* known) { verdict_.set_known(known); }
  Profile profile() const { return profile_; }
  const OracleVerdict& verdict() const { return verdict_; }
  const ServerSurvey& survey() const { return survey_; }

  // Makes each request wait for its reply, so that a fatal difference identifies the request.
  void set_one_by_one(bool one_by_one) { writer_.set_one_by_one(one_by_one); }
  void set_hang_ms(int ms) { verdict_.set_hang_ms(ms); }
  int hang_ms() const { return verdict_.hang_ms(); }

  const OracleCounts& counts() const { return counts_; }
  // So that cases run for another purpose are not counted.
  void set_counts(OracleCounts counts) { counts_ = std::move(counts); }

 private:
  void Apply(const CommandWorld::Call& op);
  void Apply(const CommandWorld::Queue& op);
  void Apply(const CommandWorld::Deliver& op);
  void Apply(const CommandWorld::Raw& op);
  void Apply(const CommandWorld::Advance& op);
  void Apply(const CommandWorld::Reconnect& op);
  void FollowClock();
  void Settle();
  void End();
  void Abort();
  // Counts and discards what has been compared.
  void Retire() { log_.Retire(FirstOwed(connections_, log_.end()), &counts_); }

  bool DeleteLeftKeys(std::string* error);

  LiveServer* target_;
  const ServerSurvey survey_;
  const Profile profile_;
  Server core_;
  OracleCounts counts_;
  RequestLog log_;
  OracleConnections connections_;
  OracleVerdict verdict_;
  OracleFence fence_;
  Comparer comparer_{&counts_.replies};
  ReplyReader reader_;
  CaseClients clients_;
  KeyAdopter adopter_;
  RequestWriter writer_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_ORACLE_ORACLE_H_
