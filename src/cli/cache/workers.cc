// workers: serves the caching workers over HTTP.

#include <absl/strings/str_format.h>

#include <cstdio>
#include <memory>

#include "cachelab/http/endpoint.h"
#include "cli/cache/stale_options.h"
#include "cli/verbs.h"
#include "live/net/interrupt_fd.h"
#include "runner/user_error.h"
#include "runner/whole_number.h"

namespace resprobe::cli {
namespace {

struct WorkersOptions {
  PoolVerbOptions pool;
  int listen = 0;
};

int RunWorkers(const WorkersOptions& options) {
  options.pool.Check();
  // From here on Ctrl-C is read from a descriptor, in all threads; set up before any worker starts.
  live::InterruptFd interrupted;
  if (!interrupted.valid()) throw runner::UserError("the system refuses a signal descriptor");
  const std::unique_ptr<live::LiveServer> server = options.pool.OpenServer(true);
  std::string error;
  const std::unique_ptr<cachelab::Endpoint> endpoint =
      cachelab::Endpoint::Open(options.pool.Pool(server.get(), options.pool.slot_bytes),
                               static_cast<uint16_t>(options.listen), &error);
  if (endpoint == nullptr) throw runner::UserError("workers: " + error);
  std::printf(
      "%d workers, %d of them writers, before %s: http://127.0.0.1:%d/cmd; Ctrl-C ends it\n",
      options.pool.workers, options.pool.Writers(), server->version().c_str(), endpoint->port());
  std::fflush(stdout);
  endpoint->Run(interrupted.get());
  absl::PrintF("%d requests\n", endpoint->requests());
  interrupted.Finish();
  return runner::kAllWell;
}

}  // namespace

Verb WorkersVerb() {
  const auto options = std::make_shared<WorkersOptions>();
  options->pool.slot_bytes = 16 << 10;
  Verb verb("workers", "serve such a cache over HTTP");
  verb.details =
      "A cache that worker processes share, served over HTTP for cmd, invalidate and kill.\n"
      "GET /cmd?class=cached|direct&cmd=get&args[0]=k, also as /cmd.php with relay|redis; "
      "/clients, /stats, /keys, /leases, /barrier. Listens on 127.0.0.1 only.";
  verb.examples = {{"workers --listen 8080 --start redis-server",
                    "serves a cache in front of a private server"}};
  verb.exit_codes = "0 ended, 2 wrong use.";
  verb.Number("--listen", "PORT", &options->listen, 0, 65535, "Port for HTTP; 0 picks a free one")
      .Required();
  verb.Size("--slot-size", &options->pool.slot_bytes, 64, 16 << 20, "Maximum bytes of an entry")
      .ShowDefault();
  options->pool.AddTo(&verb, true, false);
  verb.run = [=] { return RunWorkers(*options); };
  return verb;
}

}  // namespace resprobe::cli
