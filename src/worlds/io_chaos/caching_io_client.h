#ifndef RESPROBE_WORLDS_IO_CHAOS_CACHING_IO_CLIENT_H_
#define RESPROBE_WORLDS_IO_CHAOS_CACHING_IO_CLIENT_H_

// The caching client of core/cache as a client under test of io_chaos. It speaks RESP3 only, sends
// its own handshake, and supports only the commands GET, SET and PING.

#include <string>
#include <vector>

#include "core/cache/caching_client.h"
#include "worlds/io_chaos/io_client.h"

namespace resprobe {

class CachingIoClient : public IoClient {
 public:
  void Start(SimPosix* system, IoClientOwner* owner) override;
  bool Connect(const IoClientOptions& options) override;
  bool Command(uint64_t number, IoAnswer answer, std::span<const std::string_view> args) override;
  void Disconnect() override { Free(); }
  void Free() override;
  bool exists() const override { return open_; }
  int descriptor() const override { return socket_; }
  bool wants(Event event) const override;
  void Fire(Event event) override;
  IoError error() const override { return error_; }
  // It sends a handshake before any command.
  bool has_handshake() const override { return true; }

 private:
  struct Asked {
    uint64_t request;  // the cache's number
    uint64_t number;   // the world's number
  };

  void Deliver();
  void Finish();

  SimPosix* system_ = nullptr;
  IoClientOwner* owner_ = nullptr;
  cache::CachingClient cache_;
  std::vector<Asked> asked_;
  std::vector<cache::CachingClient::Completion> completions_;
  bool open_ = false;
  bool connected_ = false;
  bool freeing_ = false;
  int depth_ = 0;
  int socket_ = -1;
  IoError error_ = IoError::kNone;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_IO_CHAOS_CACHING_IO_CLIENT_H_
