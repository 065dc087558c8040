#ifndef RESPROBE_WORLDS_IO_CHAOS_IO_LINES_H_
#define RESPROBE_WORLDS_IO_CHAOS_IO_LINES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "sim/core_subject.h"
#include "sim/network.h"
#include "sim/scheduler.h"
#include "sim/sim_posix.h"
#include "sim/toxic_stream.h"
#include "worlds/io_chaos/active_toxics.h"
#include "worlds/io_chaos/client_contract.h"
#include "worlds/io_chaos/client_slots.h"
#include "worlds/io_chaos/io_peer.h"
#include "worlds/io_chaos/io_run.h"
#include "worlds/io_chaos/look_ahead.h"

namespace resprobe {

// The lines of a run: for each of the clients' sockets, its connection through the network
// (sim/network.h) and the peer at the other end (io_peer.h). It moves bytes and ends between
// socket, network and peer, as far as the toxics allow, and promises that a peer gets what the
// client has sent (`prefix`). When something moves is decided by its caller.
class IoLines : private Scheduler::Handler {
 public:
  static constexpr size_t kAll = SIZE_MAX;
  static constexpr size_t kLines = SimPosix::kSockets;

  IoLines(IoRun* run, ClientSlots* slots, ActiveToxics* toxics, ClientContract* contract,
          LookAhead* ahead)
      : run_(run), slots_(slots), toxics_(toxics), contract_(contract), ahead_(ahead) {}

  // Starts a run without connections, with peers that share this server.
  void Reset(ServerSubject* server);
  // The toxics have changed.
  void Refresh();

  // A client's socket begins to connect, for the slot; the toxics decide the outcome.
  void Open(int socket, const ClientSlot& slot);
  // The client has closed the socket.
  void Close(int socket);
  // The peer ends the connection at once, without regard to what is in flight.
  void End(int socket, PeerEnd how);
  // The peer closes the connection, after all that it has sent.
  void Hangup(int socket);

  // True from Open() to Close(), and if the peer has not ended it meanwhile.
  bool open(int socket) const { return At(socket).open; }
  bool whole(int socket) const { return Whole(At(socket)); }
  bool hung_up(int socket) const { return At(socket).hung_up; }
  // True if no toxic is on.
  bool sound() const { return toxics_->list().empty(); }
  // The client that has opened the socket.
  ClientSlot& slot(int socket) { return (*slots_)[At(socket).slot]; }
  // The peer of the socket's last connection.
  IoPeer& peer(int socket) { return At(socket).peer; }

  // One step of each direction asked for: at most `most` bytes arrive. False if nothing moved.
  bool Move(int socket, bool up, bool down, size_t most);
  // The same for all lines.
  bool MoveAll(bool up, bool down, size_t most);
  // Looks at what has arrived for a client that reads it differently from now on (LookAhead).
  void LookAgain(int socket, bool stays);

  // The bytes that are on their way in the connections, or wait in its peer.
  size_t InFlight(int socket);

 private:
  // The endpoints of the network.
  static constexpr Network::Endpoint kClientMachine = 0;
  static constexpr Network::Endpoint kPeerMachine = 1;

  struct Line {
    Network::End end = Network::End::kNone;  // the client's; exists while the line is Whole()
    Scheduler::Event connects;               // while the connection is being made
    IoPeer peer;
    size_t slot = 0;
    bool open = false;
    bool ended = false;    // the peer has closed or reset it
    bool hung_up = false;  // the peer has ended it, perhaps only one way, perhaps unnoticed
  };

  Line& At(int socket) { return lines_[static_cast<size_t>(socket)]; }
  const Line& At(int socket) const { return lines_[static_cast<size_t>(socket)]; }
  static bool Whole(const Line& line) { return line.open && !line.ended; }
  static Network::End PeersEnd(const Line& line) { return Network::Peer(line.end); }

  void OnDue(uint64_t) override {}  // a connection is made: the client's system notices
  // False: the peer has received what the client was not given to send.
  bool MoveUp(Line& line, int socket, size_t most, bool* moved);
  bool MoveDown(Line& line, int socket, size_t most);
  // A toxic, or a server that closes, ends the line.
  void EndBy(Line& line, int socket, const ToxicStream::Step& step);
  // The peer is gone.
  void Drop(Line& line);

  IoRun* const run_;
  ClientSlots* const slots_;
  ActiveToxics* const toxics_;
  ClientContract* const contract_;
  LookAhead* const ahead_;
  ServerSubject* server_ = nullptr;
  Network network_{&run_->scheduler};
  std::array<Line, kLines> lines_;
  uint32_t open_ = 0;  // bit i: line i is open, so that moving need not look at the others
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_IO_CHAOS_IO_LINES_H_
