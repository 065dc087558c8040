#ifndef RESPROBE_LIVE_PROXY_SCRIPTED_SUBJECT_H_
#define RESPROBE_LIVE_PROXY_SCRIPTED_SUBJECT_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/resp/request_parser.h"
#include "sim/server_subject.h"

namespace resprobe::live {

// A server that answers each request with the next of its replies, whatever the request; after the
// last it continues with the first. Each connection begins with the first. A protocol error closes
// the connection.
class ScriptedSubject final : public ServerSubject {
 public:
  explicit ScriptedSubject(std::vector<std::string> replies) : replies_(std::move(replies)) {}

  void Reset() override { connections_.clear(); }
  uint64_t Connect() override {
    connections_[++last_id_];
    return last_id_;
  }
  void Send(uint64_t connection, std::string_view bytes) override;
  void Receive(uint64_t connection, std::string* append) override;
  bool IsOpen(uint64_t connection) const override;
  void Close(uint64_t connection) override { connections_.erase(connection); }
  void Advance(uint64_t ms) override { now_ms_ += ms; }
  uint64_t now_ms() const override { return now_ms_; }

 private:
  struct Connection {
    resp::RequestParser parser;
    std::string output;
    uint64_t requests = 0;
    bool open = true;
  };

  std::vector<std::string> replies_;
  std::map<uint64_t, Connection> connections_;
  uint64_t last_id_ = 0;
  uint64_t now_ms_ = 1'700'000'000'000;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_PROXY_SCRIPTED_SUBJECT_H_
