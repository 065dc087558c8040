#ifndef RESPROBE_LIVE_ORACLE_REQUEST_WRITER_H_
#define RESPROBE_LIVE_ORACLE_REQUEST_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/server/server.h"
#include "core/table/profile.h"
#include "core/table/table.h"
#include "live/oracle/case_clients.h"
#include "live/oracle/oracle_client.h"
#include "live/oracle/oracle_requests.h"
#include "live/oracle/oracle_verdict.h"
#include "live/oracle/reply_reader.h"
#include "live/oracle/request_filter.h"
#include "live/oracle/request_log.h"
#include "live/oracle/server_choice.h"
#include "live/oracle/server_survey.h"
#include "live/server/live_server.h"

namespace resprobe::live {

// Runs requests on the core, writes them to the live server's connections, and records the replies
// due: the core's output for all clients.
class RequestWriter {
 public:
  // All must outlive the writer.
  RequestWriter(const LiveServer* target, const ServerSurvey* survey, Server* core, RequestLog* log,
                OracleVerdict* verdict, ReplyReader* reader, CaseClients* clients,
                OracleCounts* counts, Profile profile)
      : survey_(survey),
        core_(core),
        log_(log),
        verdict_(verdict),
        reader_(reader),
        clients_(clients),
        counts_(counts),
        profile_(profile),
        filter_(core, target, survey, profile),
        choice_(core, clients, reader) {}

  // Starts a case; times as in TimeRewriter::Reset().
  void Begin(int64_t case_now_ms, int64_t now_ms);
  void Advance(int64_t ms) { times_.Advance(ms); }
  // The server has the time of the case.
  void set_exact_time(bool exact) { times_.set_exact(exact); }
  // Makes each request wait for its reply.
  void set_one_by_one(bool one_by_one) { one_by_one_ = one_by_one; }
  RequestFilter& filter() { return filter_; }
  // Whether requests of the case may have changed the server's settings, or may have left keys in
  // databases other than the first.
  bool settings_changed() const { return settings_changed_; }
  void ClearSettingsChanged() { settings_changed_ = false; }
  bool all_databases() const { return all_databases_; }
  const ServerSurvey& survey() const { return *survey_; }
  Profile profile() const { return profile_; }
  // The keys that requests since the last Begin() have named, if the server cannot delete all keys
  // at once, or cannot count them.
  const std::set<std::string>& named_keys() const { return named_keys_; }
  // The same for earlier cases, since the last ForgetLeftKeys().
  const std::set<std::string>& left_keys() const { return left_keys_; }
  void ForgetLeftKeys() { left_keys_.clear(); }

  // Bytes of the client arrive: runs each complete request.
  void Deliver(OracleClient& client, std::string_view bytes);
  // Runs a request of the oracle's own that compares the final state.
  void Ask(std::vector<std::string> args);
  // Appends RESET to the client's requests. False if its completion cannot be known: an incomplete
  // request precedes it, the client is blocked, or its replies are off.
  bool Reset(OracleClient& client);

 private:
  // `wire`: the bytes of the request. `part`: kState for one of the oracle's own.
  void Execute(OracleClient& client, std::vector<std::string> args, std::string_view wire,
               Asked::Part part);
  void ExecuteNonsense(OracleClient& client, std::string_view bytes);
  // Records the core's state that is relevant for the request before it runs.
  void Describe(const Client& state, const Command& command, const std::vector<std::string>& args,
                Asked* asked);
  void TakeOutputs(OracleClient& client, size_t asked);
  void AfterCore(OracleClient& client);
  bool MapIds(const Command& command, std::vector<std::string>* core,
              std::vector<std::string>* server);

  // Gives the keys of a request names of this case's own.
  bool MakeKeysOwn(const Command& command, std::vector<std::string>* args) const;
  void NoteKeys(const Command& command, const std::vector<std::string>& args);

  const ServerSurvey* survey_;
  Server* core_;
  RequestLog* log_;
  OracleVerdict* verdict_;
  ReplyReader* reader_;
  CaseClients* clients_;
  OracleCounts* counts_;
  Profile profile_;
  RequestFilter filter_;
  ServerChoice choice_;
  TimeRewriter times_;
  bool one_by_one_ = false;
  bool settings_changed_ = false;
  bool all_databases_ = false;
  std::set<std::string> named_keys_;
  std::set<std::string> left_keys_;
  std::string key_prefix_;
  std::string core_wire_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_ORACLE_REQUEST_WRITER_H_
