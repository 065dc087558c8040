#ifndef RESPROBE_CACHELAB_SUBJECT_CACHE_WORKER_H_
#define RESPROBE_CACHELAB_SUBJECT_CACHE_WORKER_H_

// One worker process: reads through the shared cache, as the workers of a web server do. A writer
// has a connection with CLIENT TRACKING and caches what it reads; every worker also has a plain
// connection.
//
// It takes requests from its control socket, as RESP arrays, one after the other:
//   cached COMMAND…    through the cache: answered with a WorkerAnswer
//   direct COMMAND…    bypassing the cache: a WorkerAnswer
//   barrier            pings the tracked connection and so processes every invalidation that the
//                      server has sent before: a WorkerAnswer, kLost if the connection was lost
//   arm POINT SIGNAL   when it next reaches POINT: writes `>raise` and raises SIGNAL, or with 0
//   writes
//                      `>held` and waits for go. Answered at once, so that what is sent after the
//                      answer meets it armed
//   go                 continues, or is disarmed; not answered
// It ends when the control socket does. It processes invalidations whenever it is idle.

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "cachelab/subject/injected_fault.h"
#include "cachelab/subject/live_commands.h"
#include "cachelab/subject/shared_cache.h"
#include "cachelab/subject/worker_answer.h"
#include "core/resp/request_parser.h"
#include "live/net/resp3_client.h"
#include "live/net/unique_fd.h"

namespace resprobe::cachelab {

enum class TrackingMode : uint8_t { kDefault, kNoloop, kOptin, kBcast };
inline constexpr std::string_view kTrackingModeNames[] = {"default", "noloop", "optin", "bcast"};

struct WorkerConfig {
  int index = 0;
  int writer = kNoWriter;  // whose lease it owns
  live::Resp3Client::Connector connect = {};
  TrackingMode tracking = TrackingMode::kDefault;
  InjectedFault injected_fault = InjectedFault::kNone;
};

class CacheWorker {
 public:
  CacheWorker(SharedCache* cache, WorkerConfig config, live::UniqueFd control);

  // Runs until the control socket ends.
  void Run();

 private:
  bool TakeControl();
  bool NextRequest(Words* request);
  void Handle(const Words& request);
  void Answer(const WorkerAnswer& answer, std::string_view reply);
  WorkerAnswer Cached(std::span<const std::string_view> args, std::string* reply);
  WorkerAnswer Read(std::span<const std::string_view> args, std::string* reply);
  WorkerAnswer Write(std::span<const std::string_view> args, std::string* reply);
  WorkerAnswer Ask(live::Resp3Client& link, std::span<const std::string_view> args,
                   std::string* reply);
  WorkerAnswer Barrier(std::string* reply);
  live::Resp3Client* Link(std::string* error);
  bool OpenPlain(std::string* error);
  void DropOwn(bool all, std::span<const std::string_view> keys);
  void OnPush(const resp::ReplyView& push);
  void OnLoss();
  void Publish();
  void Say(std::string_view word);
  void Reach(Failpoint point);

  SharedCache* cache_;
  WorkerConfig config_;
  live::UniqueFd control_;
  live::Resp3Client tracked_;
  live::Resp3Client plain_;
  resp::RequestParser parser_;
  std::string control_bytes_;
  std::deque<Words> requests_;
  Failpoint armed_ = Failpoint::kNone;
  int signal_ = 0;
};

}  // namespace resprobe::cachelab

#endif  // RESPROBE_CACHELAB_SUBJECT_CACHE_WORKER_H_
