#ifndef RESPROBE_LIVE_ORACLE_SERVER_CHOICE_H_
#define RESPROBE_LIVE_ORACLE_SERVER_CHOICE_H_

#include <string>
#include <string_view>
#include <vector>

#include "core/server/server.h"
#include "core/table/table.h"
#include "live/oracle/case_clients.h"
#include "live/oracle/oracle_client.h"
#include "live/oracle/oracle_compare.h"
#include "live/oracle/reply_reader.h"

namespace resprobe::live {

// What a server may choose at random, and the core cannot know: what there is to choose from
// (SRANDMEMBER, SCAN), and the choice of SPOP, which the core takes over.
class ServerChoice {
 public:
  // All must outlive this.
  ServerChoice(Server* core, CaseClients* clients, ReplyReader* reader)
      : core_(core), clients_(clients), reader_(reader) {}

  // Whether the request, or EXEC of what is queued, pops at random.
  bool IsChoice(const Client& client, const Command& command,
                const std::vector<std::string>& args) const;
  // Sets what the request can choose from.
  void FindUniverse(const Client& client, Asked* asked);
  // Runs the request, which is written to the client's connection, on the server and then on the
  // core, which takes what the server took, by SREM. `core_wire`: the request's bytes.
  void Take(OracleClient& client, Asked* asked, std::string_view core_wire);

 private:
  // The leaves of the core's reply; false if it is an error.
  bool Probe(int db, const std::vector<std::string>& args, std::vector<std::string>* leaves);

  Server* core_;
  CaseClients* clients_;
  ReplyReader* reader_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_ORACLE_SERVER_CHOICE_H_
