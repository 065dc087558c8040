#ifndef RESPROBE_TESTS_WORLDS_FAULTY_SUBJECT_H_
#define RESPROBE_TESTS_WORLDS_FAULTY_SUBJECT_H_

#include <string>
#include <string_view>
#include <utility>

#include "sim/core_subject.h"
#include "worlds/command/command_world.h"

namespace resprobe {

// The core with a fault: a test overrides what is to fail.
class FaultySubject : public ServerSubject {
 public:
  void Reset() override { real_.Reset(); }
  uint64_t Connect() override { return real_.Connect(); }
  void Send(uint64_t connection, std::string_view bytes) override { real_.Send(connection, bytes); }
  void Receive(uint64_t connection, std::string* append) override {
    std::string received;
    real_.Receive(connection, &received);
    append->append(Altered(connection, std::move(received)));
  }
  bool IsOpen(uint64_t connection) const override { return real_.IsOpen(connection); }
  void Close(uint64_t connection) override { real_.Close(connection); }
  void Advance(uint64_t ms) override { real_.Advance(ms); }
  uint64_t now_ms() const override { return real_.now_ms(); }
  bool Evict(int database, std::string_view key) override { return real_.Evict(database, key); }
  void set_host(ServerHost* host) override { real_.set_host(host); }
  ServerSubject* replica() override { return real_.replica(); }
  Server* core() override { return real_.core(); }

  // What the client receives instead of `received`.
  virtual std::string Altered(uint64_t connection, std::string received) {
    (void)connection;
    return received;
  }

 private:
  CoreSubject real_{ServerConfig{.max_bulk = CommandWorld::kMaxBulk}};
};

// A replica with a fault, in the same way.
class FaultyReplica : public ServerSubject {
 public:
  explicit FaultyReplica(ServerSubject* real) : real_(*real) {}

  void Reset() override { real_.Reset(); }
  uint64_t Connect() override { return real_.Connect(); }
  void Send(uint64_t connection, std::string_view bytes) override { real_.Send(connection, bytes); }
  void Receive(uint64_t connection, std::string* append) override {
    real_.Receive(connection, append);
  }
  bool IsOpen(uint64_t connection) const override { return real_.IsOpen(connection); }
  void Close(uint64_t connection) override { real_.Close(connection); }
  void Advance(uint64_t ms) override { real_.Advance(ms); }
  uint64_t now_ms() const override { return real_.now_ms(); }
  Server* core() override { return real_.core(); }
  void set_host(ServerHost* host) override { real_.set_host(host); }

 private:
  ServerSubject& real_;
};

}  // namespace resprobe

#endif  // RESPROBE_TESTS_WORLDS_FAULTY_SUBJECT_H_
