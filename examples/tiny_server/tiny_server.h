#ifndef RESPROBE_EXAMPLES_TINY_SERVER_TINY_SERVER_H_
#define RESPROBE_EXAMPLES_TINY_SERVER_TINY_SERVER_H_

// A small server in memory that speaks RESP2 and RESP3: strings, expiry, CLIENT TRACKING. It stands
// for your server and does not depend on resprobe. An event loop would call it.

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tiny {

// Faults that can be planted, so that a test can show that they are found.
enum class Fault : uint8_t {
  kNone,
  kDbsizeCountsExpired,  // DBSIZE counts expired keys that were not looked up
  kSetKeepsDeadline,     // SET keeps the time to live of the value that it replaces
};

// One client's connection.
struct Session {
  uint64_t id = 0;
  std::string input;    // received, not yet a complete request
  std::string output;   // for the event loop to send
  bool closed = false;  // by the server; `output` is still to be sent

  bool resp3 = false;
  bool tracking = false;
  bool noloop = false;
};

class Server {
 public:
  // Milliseconds since 1970.
  using Clock = std::function<int64_t()>;

  explicit Server(Clock clock, Fault fault = Fault::kNone)
      : clock_(std::move(clock)), fault_(fault) {}

  // The caller owns the sessions; each lives from OnConnect() to OnHangup().
  void OnConnect(Session& session);
  void OnData(Session& session, std::string_view bytes);
  void OnHangup(Session& session);

 private:
  using Args = std::vector<std::string>;
  struct Value {
    std::string text;
    int64_t deadline = 0;  // 0: none
  };
  struct Call {
    Session& session;
    const Args& args;
    std::string reply;
  };
  struct Command {
    std::string_view name;
    size_t least;  // number of arguments, with the name
    size_t most;
    void (Server::*run)(Call& call);
  };
  static const Command kCommands[];

  void Execute(Session& session, const Args& args);
  bool Expired(const Value& value) const;
  // The value of a key; an expired one is removed first.
  Value* Find(const std::string& key);
  // `by` is the client that changed the key; nullptr: it has expired.
  void Remove(const std::string& key, const Session* by);
  void Invalidate(const std::string& key, const Session* by);
  std::string Names() const;
  size_t Count() const;
  // Converts a time to live to a deadline; 0 if it is invalid.
  int64_t Deadline(const std::string& text, int64_t unit) const;

  void Client(Call& call);
  void Dbsize(Call& call);
  void Del(Call& call);
  void Echo(Call& call);
  void Exists(Call& call);
  void Flush(Call& call);
  void Get(Call& call);
  void Hello(Call& call);
  void Keys(Call& call);
  void Mset(Call& call);
  void Pexpire(Call& call);
  void Ping(Call& call);
  void Scan(Call& call);
  void Set(Call& call);
  void Type(Call& call);

  Clock clock_;
  Fault fault_;
  uint64_t next_id_ = 1;
  std::vector<Session*> sessions_;
  std::map<std::string, Value> values_;
  std::map<std::string, std::vector<Session*>> readers_;  // clients to notify of a change
  // Pushes caused by the current request; they are sent after its reply.
  std::vector<std::pair<Session*, std::string>> pushes_;
};

}  // namespace tiny

#endif  // RESPROBE_EXAMPLES_TINY_SERVER_TINY_SERVER_H_
