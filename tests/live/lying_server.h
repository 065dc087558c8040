#ifndef RESPROBE_TESTS_LIVE_LYING_SERVER_H_
#define RESPROBE_TESTS_LIVE_LYING_SERVER_H_

#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "live/net/server_listener.h"
#include "live/net/socket.h"

namespace resprobe::live {

// The core on a port of its own, in a thread, with one fault before and one after each input;
// without faults it is correct.
class LyingServer {
 public:
  // A fault for the bytes of client `id`: it may change them, or the server's output for its
  // clients.
  using Fault = std::function<void(Server& server, uint64_t id, std::string* bytes)>;

  // `time`: kReal for a client that takes the server's time to pass.
  LyingServer(Fault before, Fault behind,
              ServerListener::Time time = ServerListener::Time::kVirtual) {
    std::string error;
    UniqueFd fd = Listen(0, false, &error);
    EXPECT_TRUE(fd.valid()) << error;
    address_ = "127.0.0.1:" + std::to_string(LocalPort(fd.get()));
    listener_ =
        std::make_unique<Listener>(std::move(fd), std::move(before), std::move(behind), time);
    thread_ = std::thread([this] {
      std::string ignored;
      listener_->Run(stop_.get(), &ignored);
    });
  }
  ~LyingServer() {
    eventfd_write(stop_.get(), 1);
    thread_.join();
  }
  LyingServer(const LyingServer&) = delete;
  LyingServer& operator=(const LyingServer&) = delete;

  // HOST:PORT.
  const std::string& address() const { return address_; }

 private:
  class Listener : public ServerListener {
   public:
    Listener(UniqueFd fd, Fault before, Fault behind, Time time)
        : ServerListener(std::move(fd), {}, time),
          before_(std::move(before)),
          behind_(std::move(behind)) {}

   protected:
    void Receive(Server& server, uint64_t id, std::string_view bytes) override {
      std::string changed(bytes);
      if (before_) before_(server, id, &changed);
      ServerListener::Receive(server, id, changed);
      if (behind_) behind_(server, id, &changed);
    }

   private:
    Fault before_;
    Fault behind_;
  };

  std::string address_;
  UniqueFd stop_ = UniqueFd(eventfd(0, EFD_CLOEXEC));
  std::unique_ptr<Listener> listener_;
  std::thread thread_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_TESTS_LIVE_LYING_SERVER_H_
