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

// Random choices of a server that the core cannot know: the set to choose from (SRANDMEMBER, SCAN),
// and the choice of SPOP, which the core copies.
class ServerChoice {
 public:
  // All must outlive this.
  ServerChoice(Server* core, CaseClients* clients, ReplyReader* reader)
      : core_(core), clients_(clients), reader_(reader) {}

  // True if the request, or EXEC of the queued ones, pops at random.
  bool IsChoice(const Client& client, const Command& command,
                const std::vector<std::string>& args) const;
  // Sets the elements from which the request can choose.
  void FindUniverse(const Client& client, Asked* asked);
  // Runs the request, which is written to the client's connection, on the server and then on the
  // core, which removes the same elements by SREM. `core_wire`: the request's bytes.
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
