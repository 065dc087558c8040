#ifndef RESPROBE_SIM_SERVER_SUBJECT_H_
#define RESPROBE_SIM_SERVER_SUBJECT_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "core/server/host.h"

namespace resprobe {

class Server;

// A server under test: bytes in and bytes out per connection, and a clock that the world advances.
// The core is one (core_subject.h); yours is one if it implements these eight functions; the others
// have defaults. The worlds use a server through nothing else.
//
// A run must be a function of the calls alone: no wall clock, no entropy, no observable threads.
class ServerSubject {
 public:
  virtual ~ServerSubject() = default;

  // Resets to a fresh server: no connections, no keys, the clock at its start.
  virtual void Reset() = 0;

  // Opens a connection; its id is never 0 and never that of another connection since Reset().
  virtual uint64_t Connect() = 0;
  // Takes bytes from the client, cut anywhere. The server runs every complete request before this
  // returns. Ignored on a connection that is not open.
  virtual void Send(uint64_t connection, std::string_view bytes) = 0;
  // Appends all bytes that the server has sent to this client and that were not yet received; also
  // after the server has closed the connection. Appends nothing for an unknown connection.
  virtual void Receive(uint64_t connection, std::string* append) = 0;
  // False if Receive() would append nothing: a world asks each connection after each event. A
  // server that does not know it says true.
  virtual bool HasOutput(uint64_t connection) const {
    (void)connection;
    return true;
  }
  // False once either side has closed it.
  virtual bool IsOpen(uint64_t connection) const = 0;
  // The client closes the connection; data that it has not received is lost.
  virtual void Close(uint64_t connection) = 0;

  // Moves the clock forward, and runs the server's timed work.
  virtual void Advance(uint64_t ms) = 0;
  // Milliseconds since 1970.
  virtual uint64_t now_ms() const = 0;

  // Memory is short, and the server deletes this key as its maxmemory policy would: it notifies all
  // clients that track it. False if there is no such key, or if the server's choice cannot be
  // controlled; then nothing has happened.
  virtual bool Evict(int database, std::string_view key) {
    (void)database, (void)key;
    return false;
  }

  // The machine on which the server runs, also after Reset(); nullptr: none. A server that can
  // follow another one (REPLICAOF) opens its connections through it.
  virtual void set_host(ServerHost* host) { (void)host; }

  // A second server, which can follow this one: both have REPLICAOF, PSYNC and REPLCONF, and use
  // their host. It lives as long as this one. nullptr if there is none.
  virtual ServerSubject* replica() { return nullptr; }

  // The core, for checks that inspect the server; nullptr for any other server, and then those
  // checks are skipped.
  virtual Server* core() { return nullptr; }
};

}  // namespace resprobe

#endif  // RESPROBE_SIM_SERVER_SUBJECT_H_
