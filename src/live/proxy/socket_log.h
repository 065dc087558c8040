#ifndef RESPROBE_LIVE_PROXY_SOCKET_LOG_H_
#define RESPROBE_LIVE_PROXY_SOCKET_LOG_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace resprobe::live {

// One call on a socket with its result, or an action of a toxic.
struct SocketEvent {
  static constexpr int64_t kNone = INT64_MIN;

  uint64_t connection = 0;     // 0: the listening socket
  std::string_view side = {};  // "client", "server": the peer
  std::string_view what;       // "accept", "recv", "send", "shutdown", "close", "toxic", …
  int64_t asked = kNone;       // bytes requested in the call
  int64_t result = kNone;      // the call's result
  int error = 0;               // errno, if it failed
  std::string_view data = {};  // bytes transferred; the log contains the first ones
  std::string_view note = {};  // "fin", "rst", a toxic
};

// The actual socket activity, as JSON lines with one sequence number:
//
//   {"seq":7,"us":1042,"connection":1,"side":"client","what":"send","asked":90,"result":12,
//    "data":"*2\r\n$3\r\nfoo"}
//
// (in one line). `us` is microseconds since the log was opened. Each line is a single write(2), so
// that nothing is lost when the process is killed, and two processes may share a file.
class SocketLog {
 public:
  SocketLog() = default;
  // Logs to that descriptor, which the caller keeps open.
  explicit SocketLog(int fd);

  // Between these calls lines are kept, and written at the end.
  void Hold() { held_ = true; }
  void Release();

  bool on() const { return fd_ >= 0; }
  void Add(const SocketEvent& event);
  // Logs a line with one text of any length.
  void Text(std::string_view what, std::string_view text);
  uint64_t written() const { return sequence_; }

 private:
  void Begin();
  void Finish();

  int fd_ = -1;
  int64_t start_us_ = 0;
  uint64_t sequence_ = 0;
  bool held_ = false;
  std::string lines_;  // the one that is being made, after those that are held
};

// Microseconds of a monotonic clock.
int64_t SteadyUs();

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_PROXY_SOCKET_LOG_H_
