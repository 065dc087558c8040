#ifndef RESPROBE_LIVE_HISTORY_LIVE_LIFE_H_
#define RESPROBE_LIVE_HISTORY_LIVE_LIFE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/table/profile.h"
#include "history/life.h"
#include "history/witness.h"
#include "live/oracle/server_survey.h"
#include "live/server/live_server.h"
#include "live/server/target.h"

namespace resprobe::live {

// What one life of a live server has shown.
struct LiveLife {
  history::History history;
  history::Life::Counts counts;
  // The order in which the server says that it ran the requests (MONITOR), if it offers one.
  bool ordered = false;
  std::vector<history::Executed> executed;
  // Why the life did not reach its end, "server hangs", "server has ended: signal 11: f|g|h"; "" if
  // it did.
  std::string failure;
  bool stopped = false;  // by TargetOptions::stop; then nothing else has a meaning
};

// Lives of a live server: the clients of history::Life over real connections, all open at once. One
// thread moves the bytes of all of them, and reads one monotonic clock before it sends and after it
// has received.
//
// crash_recovery kills a started server (SIGKILL) and starts it again on its append-only file,
// which it syncs before each reply (appendfsync always): redis and valkey owe that no answered
// operation is lost then. Any other server is not asked to recover.
class LiveLives {
 public:
  // nullptr with one line in `error` if there is no such server, or if it has none of the commands
  // of the workload.
  static std::unique_ptr<LiveLives> Open(const TargetOptions& options, std::string* error);

  // Why it cannot live this part; "" if it can.
  std::string WhyNot(history::Part part) const;

  struct Options {
    uint64_t seed = 1;
    uint32_t clients = 8;
    uint32_t keys = 100;
    uint64_t operations = 1000;
    history::Part part = history::Part::kConcurrent;
    bool monitor = true;  // ask for its order, if it offers one
  };
  // False with one line in `error` if the server cannot be reached any more.
  bool Run(const Options& options, LiveLife* life, std::string* error);

  const std::string& version() const { return server_->version(); }
  Profile profile() const { return profile_; }
  const ServerSurvey& survey() const { return *survey_; }

 private:
  explicit LiveLives(TargetOptions options) : options_(std::move(options)) {}
  bool Clear(LiveServer* server, std::string* error);

  TargetOptions options_;
  std::unique_ptr<LiveServer> server_;
  Profile profile_ = Profile::kRedis70;
  std::optional<ServerSurvey> survey_;
  uint64_t lives_ = 0;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_HISTORY_LIVE_LIFE_H_
