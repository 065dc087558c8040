#ifndef RESPROBE_LIVE_ORACLE_CASE_CLIENTS_H_
#define RESPROBE_LIVE_ORACLE_CASE_CLIENTS_H_

#include <cstddef>
#include <cstdint>

#include "core/server/server.h"
#include "core/table/profile.h"
#include "engine/op.h"
#include "live/oracle/oracle_client.h"
#include "live/oracle/oracle_verdict.h"
#include "live/oracle/reply_reader.h"
#include "live/oracle/request_log.h"
#include "live/server/live_server.h"

namespace resprobe::live {

// The clients of a case, their connections to both servers, and whose turn it is. Before another
// client has its turn, all that the first one is owed has been read.
class CaseClients {
 public:
  // All must outlive the clients. `connections` are used from case to case.
  CaseClients(LiveServer* target, Server* core, RequestLog* log, OracleVerdict* verdict,
              ReplyReader* reader, OracleConnections* connections, Profile profile);

  // Connects `count` clients and the oracle's own to the core; bit i of `protocol3`: client i
  // starts with HELLO 3.
  void Begin(size_t count, uint8_t protocol3);
  // How many clients the case has; the oracle's own is not counted.
  size_t count() const { return count_; }
  OracleClient& at(size_t i) { return clients_[i]; }
  const OracleClients& all() const { return clients_; }
  OracleClient& control() { return clients_[kOracleControl]; }
  OracleClient* active() { return active_; }

  // The client that an op names; one whose connection is gone connects again.
  OracleClient& Use(Index index);
  // Gives the client its turn, and a connection to the live server.
  void Turn(OracleClient& client);
  // No client has its turn.
  void EndTurn() { active_ = nullptr; }
  // Takes a connection to the live server for a client that has none.
  void TakeConnection(OracleClient& client);
  // Ends the client, once all that was sent is done, and connects it to the core anew.
  void HangUp(OracleClient& client);
  void Open(OracleClient& client) { client.Begin(core_->Connect()); }
  // The connection of a client that the core has closed is closed on the live server, too.
  void ReadClose(OracleClient& client);
  // Whether the client waits: a server keeps what it says meanwhile, and reads it later.
  bool Waits(const OracleClient& client) const;
  // Whether only the client could tell its end from RESET, which takes no new connection.
  bool LeavesNothing(const OracleClient& client) const;
  // Closes all connections without waiting for anything; what is owed is forgotten.
  void DropAll();
  // Closes all connections once the server has closed them, too.
  void CloseAll();

 private:
  void Connect(OracleConnection* connection);

  LiveServer* target_;
  Server* core_;
  RequestLog* log_;
  OracleVerdict* verdict_;
  ReplyReader* reader_;
  OracleConnections* connections_;
  OracleClients clients_;
  size_t count_ = 1;
  OracleClient* active_ = nullptr;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_ORACLE_CASE_CLIENTS_H_
