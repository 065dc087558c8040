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
#include "live/oracle/server_survey.h"
#include "live/server/live_server.h"

namespace resprobe::live {

// The clients of a case, their connections to both servers, and the client whose turn it is. Before
// the turn passes to another client, all replies due to the first one have been read.
class CaseClients {
 public:
  // All must outlive the clients. `connections` are reused from case to case.
  CaseClients(LiveServer* target, const ServerSurvey* survey, Server* core, RequestLog* log,
              OracleVerdict* verdict, ReplyReader* reader, OracleConnections* connections,
              Profile profile);

  // Connects `count` clients and the oracle's own to the core; if bit i of `protocol3` is set,
  // client i starts with HELLO 3.
  void Begin(size_t count, uint8_t protocol3);
  // The number of clients of the case, without the oracle's own.
  size_t count() const { return count_; }
  OracleClient& at(size_t i) { return clients_[i]; }
  const OracleClients& all() const { return clients_; }
  OracleClient& control() { return clients_[kOracleControl]; }
  OracleClient* active() { return active_; }

  // The client that an op names; reconnects it if its connection is gone.
  OracleClient& Use(Index index);
  // Makes it the client's turn, and gives it a connection to the live server.
  void Turn(OracleClient& client);
  // No client has its turn.
  void EndTurn() { active_ = nullptr; }
  // Takes a connection to the live server for a client that has none.
  void TakeConnection(OracleClient& client);
  // Closes the client, once everything sent is done, and reconnects it to the core.
  void HangUp(OracleClient& client);
  // The client whose turn it is, or the oracle's own, closes its connection and makes a new one, on
  // both sides; keeps what it has not sent.
  void Reconnect(OracleClient& client);
  void Open(OracleClient& client) { client.Begin(core_->Connect()); }
  // If the core has closed a client's connection, the live server must close it too.
  void ReadClose(OracleClient& client);
  // True if the client is blocked: a server stores what it sends meanwhile, and reads it later.
  bool Waits(const OracleClient& client) const;
  // True if only the client could distinguish a close from a RESET, which needs no new connection.
  bool LeavesNothing(const OracleClient& client) const;
  // Closes all connections without waiting; pending replies are discarded.
  void DropAll();
  // Closes all connections, and waits until the server has closed them too.
  void CloseAll();

 private:
  void Connect(OracleConnection* connection);

  LiveServer* target_;
  const ServerSurvey* survey_;
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
