#ifndef RESPROBE_SANDBOX_SANDBOX_CLIENT_H_
#define RESPROBE_SANDBOX_SANDBOX_CLIENT_H_

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>

#include "core/resp/reply_parser.h"
#include "sandbox/sandbox.h"

namespace resprobe::sandbox {

// A client of a node: sends a request, and lets the system run until the reply is there.
class SandboxClient {
 public:
  SandboxClient(Sandbox* sandbox, size_t node, uint16_t port = 6379)
      : sandbox_(sandbox), node_(node), port_(port) {}
  ~SandboxClient() { Disconnect(); }
  SandboxClient(const SandboxClient&) = delete;
  SandboxClient& operator=(const SandboxClient&) = delete;

  // The reply, as text: strings as they are, errors with "-" before them, integers in decimal,
  // nulls as "(nil)", elements of aggregates one a line. "(no reply)" if none comes within
  // `within_us` of virtual time, or if the connection ends; then the next call connects again.
  std::string Ask(std::initializer_list<std::string_view> words, int64_t within_us = 5'000'000);
  // The same for bytes that hold `count` whole requests. `see` gets each reply, in order. Returns
  // the number of replies. It also returns when the disk of a node has frozen.
  size_t Send(std::string_view requests, size_t count, int64_t within_us = 5'000'000,
              const std::function<void(const resp::ReplyView&)>& see = nullptr);
  void Disconnect();
  // Sends bytes and closes the connection: at once, or when something has arrived, for at most
  // `reply_us`. Returns whether it has.
  bool SendAndCut(std::string_view bytes, int64_t reply_us = 0);
  // A reply as Ask() gives it.
  static std::string TextOf(const resp::ReplyView& reply);

 private:
  Sandbox* const sandbox_;
  const size_t node_;
  const uint16_t port_;
  uint64_t connection_ = 0;
  resp::ReplyParser parser_;
  std::string in_;
  std::string text_;
};

}  // namespace resprobe::sandbox

#endif  // RESPROBE_SANDBOX_SANDBOX_CLIENT_H_
