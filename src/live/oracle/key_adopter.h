#ifndef RESPROBE_LIVE_ORACLE_KEY_ADOPTER_H_
#define RESPROBE_LIVE_ORACLE_KEY_ADOPTER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/server/server.h"
#include "live/net/resp_probe.h"
#include "live/oracle/case_clients.h"
#include "live/oracle/oracle_compare.h"
#include "live/oracle/oracle_verdict.h"
#include "live/oracle/server_survey.h"
#include "live/server/live_server.h"

namespace resprobe::live {

// Makes keys of the core what they are on the live server, after a request that is known to do
// something else there: reads them back (TYPE, GET, LRANGE, HGETALL, SMEMBERS, ZRANGE, PTTL or TTL)
// on a connection of its own. No client of the core is notified of it.
class KeyAdopter {
 public:
  // All must outlive the adopter.
  KeyAdopter(LiveServer* target, const ServerSurvey* survey, Server* core,
             const CaseClients* clients, const OracleVerdict* verdict);

  // Takes over the keys that the request has named. Both servers must have run it, and the core
  // nothing after it. nullopt if a key may still differ: the server cannot read it back, the
  // request or what reads it is known to differ, the request is about other databases or all keys,
  // or a client is blocked.
  std::optional<OracleVerdict::Adopted> Adopt(const Asked& asked);
  // Ends the connection; after a restart of the server.
  void Disconnect();

 private:
  struct Value {
    ObjectType type = ObjectType::kNone;
    std::vector<std::string> words;  // the elements; of hashes and sorted sets, pairs
    int64_t expire_at = kNoExpiry;
  };
  bool Select(int db);
  std::optional<Value> Read(const std::string& key);
  bool ReadExpiry(const std::string& key, Value* value);
  bool Store(int db, std::string_view key, const Value& value);

  const ServerSurvey* survey_;
  Server* core_;
  const CaseClients* clients_;
  const OracleVerdict* verdict_;
  RespProbe probe_;
  int db_ = 0;  // of the connection
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_ORACLE_KEY_ADOPTER_H_
