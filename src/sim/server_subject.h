#ifndef RESPROBE_SIM_SERVER_SUBJECT_H_
#define RESPROBE_SIM_SERVER_SUBJECT_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace resprobe {

class ReplicaSubject;
class Server;

// A server under test: bytes in and bytes out per connection, and a clock that the world moves.
// The core is one (core_subject.h); yours is one when these eight functions drive it; the
// others have defaults. The worlds
// talk to a server through nothing else.
//
// A run must be a function of the calls alone: no wall clock, no entropy, no threads that show.
class ServerSubject {
 public:
  virtual ~ServerSubject() = default;

  // Back to a fresh server: no connections, no keys, the clock at its start.
  virtual void Reset() = 0;

  // A new connection; its id is never 0 and not that of another connection since Reset().
  virtual uint64_t Connect() = 0;
  // Bytes from the client, cut anywhere. The server runs every request that is whole before this
  // returns. Ignored on a connection that is not open.
  virtual void Send(uint64_t connection, std::string_view bytes) = 0;
  // Appends all bytes that the server has sent to this client and that were not yet received; also
  // after the server has closed the connection. Nothing for an unknown connection.
  virtual void Receive(uint64_t connection, std::string* append) = 0;
  // False once either side has closed it.
  virtual bool IsOpen(uint64_t connection) const = 0;
  // The client hangs up; what it has not received is lost.
  virtual void Close(uint64_t connection) = 0;

  // Moves the clock forward, which runs whatever the server does by time alone.
  virtual void Advance(uint64_t ms) = 0;
  // Milliseconds since 1970.
  virtual uint64_t now_ms() const = 0;

  // Memory is short, and the server deletes this key as its maxmemory policy would: it tells all
  // who track it. False if there is no such key, or if the server cannot be told which to choose;
  // then nothing has happened.
  virtual bool Evict(int database, std::string_view key) {
    (void)database, (void)key;
    return false;
  }

  // A second server that can follow this one; it lives as long as this one does. nullptr if there
  // is none.
  virtual ReplicaSubject* replica() { return nullptr; }

  // The core inside, for the checks that look into the server; nullptr if it is another server,
  // and then those checks are left out.
  virtual Server* core() { return nullptr; }
};

// A server that follows another one. It does so from Reset() on, until it is promoted: it refuses
// writes, and deletes no key by itself. Whoever drives it carries the primary's stream.
class ReplicaSubject : public ServerSubject {
 public:
  // Its connection to its primary, as Connect(): what is sent there are the write commands that the
  // primary has run, its deletions of keys as DEL and its times to live as points in time. None is
  // answered.
  virtual uint64_t ConnectPrimary() = 0;
  // It is the primary from now on. Its clients keep their connections, and are told nothing.
  virtual void Promote() = 0;
};

}  // namespace resprobe

#endif  // RESPROBE_SIM_SERVER_SUBJECT_H_
