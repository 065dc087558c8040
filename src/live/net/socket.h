#ifndef RESPROBE_LIVE_NET_SOCKET_H_
#define RESPROBE_LIVE_NET_SOCKET_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "live/net/unique_fd.h"

namespace resprobe::live {

struct Address {
  std::string host;  // a name or an IPv4 or IPv6 address, without brackets
  uint16_t port = 0;

  std::string ToText() const;  // "127.0.0.1:6379", "[::1]:6379"
};

// Parses "HOST:PORT" or "[IPV6]:PORT". On failure `error` says in one line what is wrong and how to
// fix it, as in the functions below.
std::optional<Address> ParseAddress(std::string_view text, std::string* error);

// Connects within ten seconds. Without `allow_remote`, an address outside of loopback is refused
// before a packet is sent. The socket is blocking and does not delay small writes.
UniqueFd Connect(const Address& address, bool allow_remote, std::string* error);
// True if the host can be resolved and is permitted, so that Connect() would try it.
bool MayConnect(const Address& address, bool allow_remote, std::string* error);
UniqueFd ConnectUnix(const std::string& path, std::string* error);

// Listens on 127.0.0.1, or with `allow_remote` on every IPv4 address of the machine. Port 0 selects
// a free one.
UniqueFd Listen(uint16_t port, bool allow_remote, std::string* error);
// A free port of 127.0.0.1 for a program that is about to be started. As long as the returned
// descriptor is open, no other caller on this machine gets the same port from here; but a program
// that knows nothing of this may take it.
UniqueFd ReservePort(uint16_t* port, std::string* error);
// The port that a socket is bound to, 0 if none.
uint16_t LocalPort(int fd);
// Call before bind(2): allows a port whose last connections are still closing (TIME_WAIT), but not,
// as SO_REUSEPORT would, one with another listener.
void ReuseAddress(int fd);

bool SetNonBlocking(int fd);

// Acknowledges what has arrived on a TCP connection at once (TCP_QUICKACK of tcp(7)). The system
// forgets it: call it again before each wait. Nothing on other sockets.
void AcknowledgeNow(int fd);

// Bytes that have arrived at the other end of a connection over IPv4 and that the program there has
// not read, by the system's own table of sockets. nullopt if that end is on another machine.
std::optional<size_t> UnreadAtPeer(int fd);

// The inode of the socket that listens on this port of 127.0.0.1; 0 if there is none, nullopt if
// the system does not tell.
std::optional<uint64_t> ListenerInode(uint16_t port);

// Sends all bytes on a blocking socket, or returns false. A closed peer raises no signal.
bool SendAll(int fd, std::string_view bytes);

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_NET_SOCKET_H_
