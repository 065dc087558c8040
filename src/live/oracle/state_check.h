#ifndef RESPROBE_LIVE_ORACLE_STATE_CHECK_H_
#define RESPROBE_LIVE_ORACLE_STATE_CHECK_H_

#include "core/keyspace/keyspace.h"
#include "live/oracle/oracle_verdict.h"
#include "live/oracle/request_writer.h"
#include "live/server/live_server.h"

namespace resprobe::live {

// Compares, through `writer`, everything that the case has left in `keyspace`: the number of keys,
// and each key's type, encoding, expiry and value; and of one key without expiry in each database
// the same again after RESTORE of what the core dumps. Then resets the server.
void CheckState(const LiveServer& target, const Keyspace& keyspace, const OracleVerdict& verdict,
                RequestWriter* writer);

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_ORACLE_STATE_CHECK_H_
