#include "report/watch_page.h"

#include <absl/strings/str_format.h>
#include <httplib.h>
#include <sys/socket.h>

#include <atomic>
#include <csignal>
#include <mutex>
#include <thread>
#include <utility>

#include "report/writers.h"
#include "runner/process.h"
#include "runner/user_error.h"

namespace resprobe::report {
namespace {

constexpr int kRenewSeconds = 2;
constexpr int kForbidden = 403;
constexpr int kNotYet = 503;

// A page of another site must not read the report by a name that it makes point here.
bool IsOfThisMachine(const std::string& host) {
  const std::string name = host.substr(0, host.find(':'));
  return name == "127.0.0.1" || name == "localhost";
}

}  // namespace

class WatchPage::Server {
 public:
  // False if it cannot listen.
  bool Listen(uint16_t port) {
    // What it serves is ready: one thread is enough.
    http_.new_task_queue = [] { return new httplib::ThreadPool(1); };
    http_.Get("/", [this](const httplib::Request& request, httplib::Response& response) {
      response.set_header("Refresh", std::to_string(kRenewSeconds));
      Reply(request, &html_, "text/html; charset=utf-8", &response);
    });
    http_.Get("/report.json", [this](const httplib::Request& request, httplib::Response& response) {
      Reply(request, &json_, "application/json", &response);
    });
    // Not SO_REUSEPORT, the library's own choice: a port in use is refused.
    http_.set_socket_options([](socket_t fd) {
      const int on = 1;
      setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    });
    port_ = port == 0 ? http_.bind_to_any_port("127.0.0.1")
                      : (http_.bind_to_port("127.0.0.1", port) ? port : -1);
    if (port_ <= 0) return false;
    // Signals go to the thread that runs the campaign.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { http_.listen_after_bind(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return true;
  }

  ~Server() {
    if (!thread_.joinable()) return;
    // Before it runs, it cannot be stopped.
    while (!http_.is_running()) std::this_thread::yield();
    http_.stop();
    thread_.join();
  }

  int port() const { return port_; }
  // True once after it was asked for.
  bool TakeAsked() { return asked_.exchange(false); }

  void Set(std::string html, std::string json) {
    const std::lock_guard lock(mutex_);
    html_ = std::move(html);
    json_ = std::move(json);
  }

 private:
  void Reply(const httplib::Request& request, const std::string* text, const char* type,
             httplib::Response* response) {
    if (!IsOfThisMachine(request.get_header_value("Host"))) {
      response->status = kForbidden;
      return;
    }
    asked_ = true;
    response->set_header("Cache-Control", "no-store");
    const std::lock_guard lock(mutex_);
    if (text->empty()) {
      response->status = kNotYet;
      response->set_content("the run begins\n", "text/plain");
      return;
    }
    response->set_content(*text, type);
  }

  httplib::Server http_;
  std::thread thread_;
  int port_ = -1;
  std::atomic<bool> asked_ = true;
  std::mutex mutex_;  // guards the texts
  std::string html_;
  std::string json_;
};

WatchPage::WatchPage(uint16_t port) : server_(std::make_unique<Server>()) {
  if (!server_->Listen(port)) {
    throw runner::UserError(absl::StrFormat(
        "--watch: cannot listen on port %d of 127.0.0.1: give another one, or 0", port));
  }
  url_ = absl::StrFormat("http://127.0.0.1:%d/", server_->port());
}

WatchPage::~WatchPage() = default;

void WatchPage::Show(const std::function<Report()>& make) {
  const double now = runner::Now();
  if (shown_ > 0 && now < shown_ + 1) return;
  if (!server_->TakeAsked()) return;
  Report report = make();
  report.results.push_back(
      {.name = "the end of the run",
       .status = Status::kUnknown,
       .note = absl::StrFormat("it goes on: this page renews itself every %d s", kRenewSeconds)});
  server_->Set(HtmlOf(report), ToJson(report).dump());
  shown_ = now;
}

std::unique_ptr<WatchPage> WatchPageOf(const runner::OutputOptions& output, std::FILE* out) {
  if (!output.watch_port) return nullptr;
  auto page = std::make_unique<WatchPage>(*output.watch_port);
  absl::FPrintF(out, "watch it at %s\n", page->url());
  std::fflush(out);
  return page;
}

}  // namespace resprobe::report
