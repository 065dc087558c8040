#ifndef RESPROBE_REPORT_WATCH_PAGE_H_
#define RESPROBE_REPORT_WATCH_PAGE_H_

#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>

#include "report/report.h"
#include "runner/output.h"

namespace resprobe::report {

// The report of a run, as it is so far, as a page on 127.0.0.1 that renews itself (`/`), and as
// JSON
// (`/report.json`). A thread of its own serves it until this object goes.
class WatchPage {
 public:
  // Port 0: any free one. Throws UserError if it cannot listen there.
  explicit WatchPage(uint16_t port);
  ~WatchPage();

  const std::string& url() const { return url_; }
  // Shows the report that `make` returns, from now on. Calls `make` only if the page was requested
  // since the last call of `make`, and at most once a second: a caller may call Show() at each
  // step.
  void Show(const std::function<Report()>& make);

 private:
  class Server;

  std::unique_ptr<Server> server_;
  std::string url_;
  double shown_ = 0;  // when, in seconds of runner::Now(); 0: never
};

// The page that the options ask for, whose address is printed to `out`; null if they ask for none.
std::unique_ptr<WatchPage> WatchPageOf(const runner::OutputOptions& output, std::FILE* out);

}  // namespace resprobe::report

#endif  // RESPROBE_REPORT_WATCH_PAGE_H_
