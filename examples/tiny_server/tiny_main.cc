// The tiny server as a program: an event loop on a port. It takes the arguments that resprobe gives
// to redis-server, and uses --port of them.

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <list>
#include <string_view>
#include <vector>

#include "examples/tiny_server/tiny_server.h"

namespace {

int64_t NowMs() {
  using std::chrono::duration_cast;
  using std::chrono::milliseconds;
  return duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

int Listen(int port) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const int yes = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
      listen(listener, 64) != 0) {
    std::perror("tiny_server");
    std::exit(1);
  }
  return listener;
}

struct Client {
  int socket = -1;
  tiny::Session session;
};

// False if the connection has ended.
bool Read(tiny::Server& server, Client& client) {
  char bytes[4096];
  const ssize_t size = read(client.socket, bytes, sizeof(bytes));
  if (size <= 0) return false;
  server.OnData(client.session, {bytes, static_cast<size_t>(size)});
  return true;
}

bool Write(Client& client) {
  std::string& output = client.session.output;
  if (!output.empty()) {
    const ssize_t size = write(client.socket, output.data(), output.size());
    if (size > 0) output.erase(0, static_cast<size_t>(size));
  }
  return !client.session.closed || !output.empty();
}

}  // namespace

int main(int argc, char** argv) {
  int port = 6379;
  for (int i = 1; i + 1 < argc; ++i) {
    if (std::string_view(argv[i]) == "--port") port = std::atoi(argv[i + 1]);
  }
  const int listener = Listen(port);
  tiny::Server server(NowMs);
  std::list<Client> clients;
  std::vector<pollfd> polled;
  for (;;) {
    polled.assign(1, {listener, POLLIN, 0});
    for (const Client& client : clients) {
      const int events = client.session.output.empty() ? POLLIN : POLLIN | POLLOUT;
      polled.push_back({client.socket, static_cast<short>(events), 0});
    }
    poll(polled.data(), polled.size(), -1);
    size_t i = 1;
    for (auto client = clients.begin(); client != clients.end();) {
      const short ready = polled[i++].revents;
      const bool open = (ready & (POLLIN | POLLHUP | POLLERR)) == 0 || Read(server, *client);
      if (open) {
        ++client;
        continue;
      }
      server.OnHangup(client->session);
      close(client->socket);
      client = clients.erase(client);
    }
    // What one client has done may have made pushes to others.
    for (auto client = clients.begin(); client != clients.end();) {
      if (Write(*client)) {
        ++client;
        continue;
      }
      server.OnHangup(client->session);
      close(client->socket);
      client = clients.erase(client);
    }
    if ((polled[0].revents & POLLIN) != 0) {
      const int accepted = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
      if (accepted >= 0) {
        clients.emplace_back().socket = accepted;
        server.OnConnect(clients.back().session);
      }
    }
  }
}
