#ifndef RESPROBE_EXAMPLES_TINY_SERVER_TINY_SUBJECT_H_
#define RESPROBE_EXAMPLES_TINY_SERVER_TINY_SUBJECT_H_

#include <map>
#include <optional>

#include "examples/tiny_server/tiny_server.h"
#include "sim/server_subject.h"

// Adapts the tiny server to the interface of resprobe's worlds.
class TinySubject final : public resprobe::ServerSubject {
 public:
  explicit TinySubject(tiny::Fault fault) : fault_(fault) {}

  void Reset() override {
    sessions_.clear();
    last_id_ = 0;
    now_ms_ = 1'700'000'000'000;
    server_.emplace([this] { return static_cast<int64_t>(now_ms_); }, fault_);
  }
  uint64_t Connect() override {
    server_->OnConnect(sessions_[++last_id_]);
    return last_id_;
  }
  void Send(uint64_t connection, std::string_view bytes) override {
    if (IsOpen(connection)) server_->OnData(sessions_.at(connection), bytes);
  }
  void Receive(uint64_t connection, std::string* append) override {
    const auto session = sessions_.find(connection);
    if (session == sessions_.end()) return;
    append->append(session->second.output);
    session->second.output.clear();
  }
  bool IsOpen(uint64_t connection) const override {
    const auto session = sessions_.find(connection);
    return session != sessions_.end() && !session->second.closed;
  }
  void Close(uint64_t connection) override {
    const auto session = sessions_.find(connection);
    if (session == sessions_.end()) return;
    server_->OnHangup(session->second);
    sessions_.erase(session);
  }
  void Advance(uint64_t ms) override { now_ms_ += ms; }
  uint64_t now_ms() const override { return now_ms_; }

 private:
  const tiny::Fault fault_;
  uint64_t now_ms_ = 0;
  uint64_t last_id_ = 0;
  std::map<uint64_t, tiny::Session> sessions_;
  std::optional<tiny::Server> server_;
};

#endif  // RESPROBE_EXAMPLES_TINY_SERVER_TINY_SUBJECT_H_
