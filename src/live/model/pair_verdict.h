#ifndef RESPROBE_LIVE_MODEL_PAIR_VERDICT_H_
#define RESPROBE_LIVE_MODEL_PAIR_VERDICT_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "live/server/live_server.h"

namespace resprobe::live {

// Where the model and the live server part.
struct PairDifference {
  std::string kind;     // "push missing", "order", "server hangs" …
  std::string command;  // that was run: "get"; "advance"; "state" of what is left at the end
  std::string request;  // "3> GET k0", by the number of the connection
  std::string where;    // "connection 2"
  std::string model;    // what it sent there, one value a line
  std::string server;
  std::vector<std::string> session;  // the requests up to there
  bool fatal = false;                // the server has to be restarted

  std::string Signature() const { return command + ": " + kind; }
};

struct PairCounts {
  uint64_t cases = 0;
  uint64_t requests = 0;
  uint64_t replies = 0;  // compared
  uint64_t pushes = 0;   // compared
  uint64_t state = 0;    // answers about what is left, compared
  uint64_t restarts = 0;
  uint64_t processes = 0;  // of them, those by a new process
  uint64_t expired = 0;    // keys whose time came on both
  // What a server may choose, and the model took over from it.
  std::map<std::string, uint64_t, std::less<>> free;
  // What cannot be done on this server, by kind.
  std::map<std::string, uint64_t, std::less<>> left_out;
};

// What a case has done so far, and where the two servers parted.
class PairVerdict {
 public:
  // The target must outlive the verdict.
  PairVerdict(LiveServer* target, int hang_ms) : target_(target), hang_ms_(hang_ms) {}

  void set_hang_ms(int ms) { hang_ms_ = ms; }
  int hang_ms() const { return hang_ms_; }

  // Whether both servers still run the case; else the core goes on alone.
  bool going() const { return !difference_ && !given_up_; }
  const std::optional<PairDifference>& difference() const { return difference_; }
  PairCounts& counts() { return counts_; }
  const PairCounts& counts() const { return counts_; }

  // A new case.
  void Begin();
  // Forgets that the case was given up, and the difference.
  void Clear();
  void ForgetDifference() { difference_.reset(); }

  // Adds a line to the session; `command` is what a difference from now on is blamed on.
  void Note(std::string line, std::string command);
  void set_command(std::string command) { command_ = std::move(command); }

  // The difference, which is a new one unless there is one already.
  PairDifference& Differ(std::string kind);
  // The same, and the server has to be restarted.
  PairDifference& DifferFatally(std::string kind);
  // The server's choice cannot be seen.
  void GiveUp(std::string_view why);
  // Waiting was cut short.
  void Stop() { given_up_ = true; }
  // The server does not answer: it has ended, or it hangs.
  void ServerFailed();

 private:
  LiveServer* target_;
  int hang_ms_;
  bool given_up_ = false;
  std::optional<PairDifference> difference_;
  std::vector<std::string> session_;
  std::string command_;
  PairCounts counts_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_MODEL_PAIR_VERDICT_H_
