#ifndef RESPROBE_CACHELAB_HTTP_URL_TARGET_H_
#define RESPROBE_CACHELAB_HTTP_URL_TARGET_H_

#include <future>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "cachelab/http/http_json.h"
#include "cachelab/hunt/stale_target.h"

namespace httplib {
class Client;
}

namespace resprobe::cachelab {

// A foreign cache behind the endpoint described in src/cachelab/http/endpoint.h. Only /cmd is
// required. The rest is used if it exists: /barrier makes checks exact, /clients names the workers,
// `hit` in a reply says whether it came from the cache; the endpoint may ignore `worker=N`.
class UrlTarget : public StaleTarget {
 public:
  // Returns nullptr with one line in `error` if there is no such endpoint, it is on another machine
  // (without `allow_remote`), or the database holds keys (without `overwrite`).
  static std::unique_ptr<UrlTarget> Open(const std::string& url, bool allow_remote, bool overwrite,
                                         std::string* error);

  ~UrlTarget() override;

  int workers() const override { return workers_; }
  int writers() const override { return writers_; }
  uint64_t Start(int worker, const Words& words, bool unordered) override;
  TargetAnswer Finish(uint64_t ticket) override;
  bool Direct(std::span<const DirectRequest> requests, std::vector<std::string>* texts) override;
  bool Barrier() override;
  bool exact() const override { return has_barrier_; }
  bool writes_are_seen() const override { return false; }
  bool has_points() const override { return false; }
  void Hold(int, Failpoint) override {}
  bool WaitHeld(int, uint64_t) override { return false; }
  bool held(int) const override { return false; }
  void Go(int) override {}
  void SignalAt(int, Failpoint, int) override {}
  bool KillClient(int worker) override;
  bool KillWorker(int worker, int signal) override;
  bool Settle() override;
  bool Reset() override;
  uint64_t deaths() const override { return deaths_; }
  uint64_t stops() const override { return stops_; }
  std::string failure() const override { return failure_; }
  bool WorkerHangs() override { return false; }

 private:
  struct Http {
    int status = 0;  // HTTP status; 0: no answer
    nlohmann::json body;
  };
  struct Who {
    pid_t pid = 0;
    int64_t client_id = 0;
  };
  struct Started {
    std::future<Http> http;
    bool unordered = false;
  };

  UrlTarget();
  // Over a separate connection, from any thread.
  Http Get(const std::string& path) const;
  // Over one persistent connection.
  Http GetInTurn(const std::string& path);
  std::string CommandPath(const char* type, const Words& words, int worker) const;
  static std::string Text(const nlohmann::json& result, bool unordered);
  // The identity of the worker: from /clients, otherwise the worker that answered last.
  Who Find(int worker);

  HttpUrl url_;
  std::unique_ptr<httplib::Client> kept_;
  std::string root_;  // the path before "cmd"
  int workers_ = 4;
  int writers_ = 4;
  bool has_clients_ = false;
  bool has_barrier_ = false;
  uint64_t next_ticket_ = 1;
  std::map<uint64_t, Started> started_;
  Who last_;
  std::set<pid_t> stopped_;
  uint64_t deaths_ = 0;
  uint64_t stops_ = 0;
  std::string failure_;
};

// Sends one command through an endpoint, for the verb cmd.
struct HttpAnswer {
  int status = 0;  // HTTP status; 0: no answer
  nlohmann::json body;
  std::string error;  // if status is 0
};
// `timeout_seconds`: an endpoint that is silent for this long gives no answer.
HttpAnswer AskEndpoint(const std::string& url, const std::string& type, const Words& words,
                       bool allow_remote, int timeout_seconds);

}  // namespace resprobe::cachelab

#endif  // RESPROBE_CACHELAB_HTTP_URL_TARGET_H_
