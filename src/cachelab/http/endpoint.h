#ifndef RESPROBE_CACHELAB_HTTP_ENDPOINT_H_
#define RESPROBE_CACHELAB_HTTP_ENDPOINT_H_

#include <cstdint>
#include <memory>
#include <string>

#include "cachelab/subject/worker_pool.h"

namespace resprobe::cachelab {

// A pool of caching workers served over HTTP.
//
//   GET /cmd?class=cached|direct&cmd=get&args[0]=k      also as /cmd.php, and relay, redis
//     200 {"status":"ok","pid":N,"client_id":N,"class":"cached","result":…,
//          "hit":true,"worker":N,"granted_by":{"pid":N,"client_id":N,"writer":N,"generation":N}}
//     400 {"status":"error","error":…}   the request is invalid, or the server answers an error
//     405 another method than GET;  500 the worker or its connection was lost
//   `pid` and `client_id` identify the worker and the connection that answered; `granted_by`, for a
//   hit, identifies who cached the entry. `worker=N` selects a worker; otherwise they take turns.
//   GET /clients, /stats, /keys, /leases                the current contents of the cache
//   GET /barrier                                        200 when every invalidation that the server
//                                                       had sent has been processed
class Endpoint {
 public:
  // Takes the options of the pool, without `stop` and the callbacks around poll(). Returns nullptr
  // with one line in `error` on failure. Port 0 selects a free one of 127.0.0.1.
  static std::unique_ptr<Endpoint> Open(PoolOptions options, uint16_t port, std::string* error);
  ~Endpoint();

  uint16_t port() const;
  // Serves until `stop_fd` is readable.
  void Run(int stop_fd);
  uint64_t requests() const;

 private:
  class Impl;
  explicit Endpoint(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace resprobe::cachelab

#endif  // RESPROBE_CACHELAB_HTTP_ENDPOINT_H_
