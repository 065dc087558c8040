// The HTTP side of ProxyApi; only this file includes the library's headers.

#include <absl/strings/str_split.h>
#include <httplib.h>

#include <thread>

#include "cli/proxy/proxy_api.h"

namespace resprobe::cli {
namespace {

std::vector<std::string> PartsOf(const std::string& path) {
  return absl::StrSplit(path, '/', absl::SkipEmpty());
}

}  // namespace

class ProxyApi::Server {
 public:
  Server(live::ToxicLoop* loop, ProxySet* proxies) : loop_(loop), proxies_(proxies) {
    const auto handle = [this](const httplib::Request& request, httplib::Response& response) {
      Handle(request, response);
    };
    http_.set_socket_options(live::ReuseAddress);
    http_.set_tcp_nodelay(true);
    http_.set_keep_alive_max_count(100'000);
    // Each keep-alive connection occupies a thread.
    http_.new_task_queue = [] { return new httplib::ThreadPool(/*n=*/64); };
    // `curl -X POST` sends a request without content and without a content length. httplib would
    // refuse it when it reads the content, which happens after this.
    http_.set_pre_routing_handler(
        [this](const httplib::Request& request, httplib::Response& response) {
          using Result = httplib::Server::HandlerResponse;
          if (request.has_header("Content-Length") || request.has_header("Transfer-Encoding")) {
            return Result::Unhandled;
          }
          Handle(request, response);
          return Result::Handled;
        });
    http_.Get(".*", handle);
    http_.Post(".*", handle);
    http_.Put(".*", handle);
    http_.Patch(".*", handle);
    http_.Delete(".*", handle);
  }
  ~Server() {
    if (!thread_.joinable()) return;
    // The server may not run yet, and would then ignore stop().
    while (!http_.is_running()) std::this_thread::yield();
    http_.stop();
    thread_.join();
  }

  uint16_t Start(uint16_t port) {
    const char* const host = "127.0.0.1";
    const int bound =
        port == 0 ? http_.bind_to_any_port(host) : (http_.bind_to_port(host, port) ? port : -1);
    if (bound <= 0) return 0;
    thread_ = std::thread([this] { http_.listen_after_bind(); });
    return static_cast<uint16_t>(bound);
  }

 private:
  void Handle(const httplib::Request& request, httplib::Response& response) {
    // As in Toxiproxy: no web page can change a proxy on this machine.
    if (request.get_header_value("User-Agent").starts_with("Mozilla/")) {
      response.status = 403;
      response.set_content("User agent not allowed\n", "text/plain");
      return;
    }
    ProxySet::Answer answer;
    const bool done = loop_->Call(
        [&] { answer = proxies_->Handle(request.method, PartsOf(request.path), request.body); });
    response.status = done ? answer.status : 503;
    if (done && answer.status != 204) {
      response.set_content(answer.body.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n",
                           "application/json");
    }
  }

  live::ToxicLoop* loop_;
  ProxySet* proxies_;
  httplib::Server http_;
  std::thread thread_;
};

ProxyApi::ProxyApi(live::ToxicLoop* loop, ProxySet* proxies)
    : server_(std::make_unique<Server>(loop, proxies)) {}
ProxyApi::~ProxyApi() = default;

uint16_t ProxyApi::Start(uint16_t port) { return server_->Start(port); }

}  // namespace resprobe::cli
