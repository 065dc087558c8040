#include "cachelab/http/endpoint.h"

#include <httplib.h>
#include <poll.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "cachelab/http/http_json.h"
#include "live/net/socket.h"

namespace resprobe::cachelab {
namespace {

using nlohmann::json;

constexpr int kBadRequest = 400;
constexpr int kNotAllowed = 405;
constexpr int kFailed = 500;

void Reply(httplib::Response& response, int status, const json& body) {
  response.status = status;
  response.set_content(DumpHttpJson(body), "application/json");
}

void Refuse(httplib::Response& response, int status, const std::string& why) {
  Reply(response, status, {{"status", "error"}, {"error", why}});
}

json ToJson(const Grant& grant) {
  return {{"pid", grant.pid},
          {"client_id", grant.client_id},
          {"writer", grant.writer},
          {"generation", grant.generation}};
}

// The arguments args[0], args[1], … in the order of their numbers, or args[] in their own order.
Words Arguments(const httplib::Request& request) {
  std::map<long, std::string> numbered;
  Words words;
  for (const auto& [name, value] : request.params) {
    if (name == "args[]") {
      words.push_back(value);
    } else if (name.starts_with("args[") && name.ends_with(']')) {
      numbered[std::strtol(name.c_str() + 5, nullptr, 10)] = value;
    }
  }
  for (auto& [number, value] : numbered) words.push_back(std::move(value));
  return words;
}

}  // namespace

class Endpoint::Impl {
 public:
  bool Open(PoolOptions options, uint16_t port, std::string* error) {
    options.stop = [this] { return stopping_.load(); };
    options.before_poll = [this] { mutex_.unlock(); };
    options.after_poll = [this] { mutex_.lock(); };
    {
      const std::lock_guard lock(mutex_);
      pool_ = WorkerPool::Start(std::move(options), error);
    }
    if (pool_ == nullptr) return false;
    Route();
    port_ = port == 0 ? server_.bind_to_any_port("127.0.0.1")
                      : (server_.bind_to_port("127.0.0.1", port) ? port : -1);
    if (port_ > 0) return true;
    *error = "cannot listen on port " + std::to_string(port);
    return false;
  }

  ~Impl() {
    const std::lock_guard lock(mutex_);
    pool_.reset();
  }

  void Run(int stop_fd) {
    std::thread supervisor([this] { Supervise(); });
    std::thread server([this] { server_.listen_after_bind(); });
    pollfd polled = {stop_fd, POLLIN, 0};
    while (poll(&polled, 1, -1) < 0) {
    }
    stopping_ = true;
    supervisor.join();
    server_.stop();
    server.join();
  }

  int port() const { return port_; }
  uint64_t requests() const { return requests_; }

 private:
  using Handler = void (Impl::*)(const httplib::Request&, httplib::Response&);

  void Route() {
    server_.set_keep_alive_max_count(1'000'000);
    server_.set_socket_options(live::ReuseAddress);
    server_.set_tcp_nodelay(true);
    const std::pair<const char*, Handler> routes[] = {
        {"/cmd", &Impl::Cmd},        {"/cmd.php", &Impl::Cmd}, {"/clients", &Impl::Clients},
        {"/stats", &Impl::Stats},    {"/keys", &Impl::Keys},   {"/leases", &Impl::Leases},
        {"/barrier", &Impl::Barrier}};
    for (const auto& [path, handler] : routes) {
      server_.Get(path, [this, handle = handler](const auto& request, auto& response) {
        ++requests_;
        (this->*handle)(request, response);
      });
      const auto refuse = [](const httplib::Request&, httplib::Response& response) {
        Refuse(response, kNotAllowed, "only GET is understood");
      };
      server_.Post(path, refuse);
      server_.Put(path, refuse);
      server_.Delete(path, refuse);
      server_.Patch(path, refuse);
    }
  }

  // Waits with the mutex held. False if `ready` will not become true: a worker hangs, or the
  // endpoint stops.
  template <class Ready>
  bool Until(std::unique_lock<std::mutex>& lock, const Ready& ready) {
    happened_.wait(lock, [&] { return ready() || stopping_ || !pool_->hung().empty(); });
    return ready();
  }

  // Serves the workers until the endpoint stops: reads their answers, replaces those that end or
  // hang.
  void Supervise() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      pool_->Pump();
      while (const std::optional<WorkerCrash> crash = pool_->TakeCrash()) {
        std::fprintf(stderr, "worker %d (pid %d) ended by itself, with %s:\n%s", crash->worker,
                     static_cast<int>(crash->pid), crash->how.c_str(), crash->report.c_str());
      }
      if (!pool_->hung().empty() && !pool_->ReplaceHung()) break;
      happened_.notify_all();
    }
    happened_.notify_all();
  }

  void Cmd(const httplib::Request& request, httplib::Response& response) {
    const std::string type = request.get_param_value("class");
    const bool cached = type == "cached" || type == "relay";
    if (!cached && type != "direct" && type != "redis") {
      Refuse(response, kBadRequest, "class: cached (or relay) or direct (or redis)");
      return;
    }
    if (request.get_param_value("cmd").empty()) {
      Refuse(response, kBadRequest, "cmd: name a command");
      return;
    }
    Words words = {request.get_param_value("cmd")};
    for (std::string& word : Arguments(request)) words.push_back(std::move(word));
    int worker = static_cast<int>(turn_++ % static_cast<unsigned>(pool_->size()));
    if (request.has_param("worker")) {
      char* end = nullptr;
      const std::string text = request.get_param_value("worker");
      const long number = std::strtol(text.c_str(), &end, 10);
      if (text.empty() || *end != '\0' || number < 0 || number >= pool_->size()) {
        Refuse(response, kBadRequest, "worker: 0 to " + std::to_string(pool_->size() - 1));
        return;
      }
      worker = static_cast<int>(number);
    }

    std::unique_lock lock(mutex_);
    const pid_t pid = pool_->pid(worker);
    const uint64_t ticket = cached ? pool_->Cached(worker, words) : pool_->Direct(worker, words);
    const bool answered = Until(lock, [&] { return pool_->Done(ticket); });
    const WorkerAnswer answer = answered ? pool_->Wait(ticket) : WorkerAnswer();
    lock.unlock();

    if (answer.status == WorkerAnswer::Status::kLost) {
      Refuse(response, kFailed, answer.why.empty() ? "no worker answers" : answer.why);
      return;
    }
    if (answer.status == WorkerAnswer::Status::kError) {
      Refuse(response, kBadRequest, std::string(answer.reply.root().text()));
      return;
    }
    json body = {{"status", "ok"},
                 {"pid", pid},
                 {"client_id", answer.client_id},
                 {"class", type},
                 {"result", ToHttpJson(answer.reply.root())},
                 {"worker", worker}};
    if (cached) {
      body["hit"] = answer.hit;
      body["torn"] = answer.torn;
      body["refused"] = answer.stored == WorkerAnswer::Stored::kRefused;
      if (answer.hit) body["granted_by"] = ToJson(answer.grant);
    }
    Reply(response, 200, body);
  }

  void Clients(const httplib::Request&, httplib::Response& response) {
    const std::lock_guard lock(mutex_);
    json all = json::array();
    for (int i = 0; i < pool_->size(); ++i) {
      const SharedCache::WorkerRecord record = pool_->cache().Worker(i);
      all.push_back({{"worker", i},
                     {"pid", pool_->pid(i)},
                     {"writer", i < pool_->writers()},
                     {"client_id", record.tracked_id},
                     {"plain_client_id", record.plain_id},
                     {"stopped", pool_->stopped(i)}});
    }
    Reply(response, 200, {{"status", "ok"}, {"clients", all}});
  }

  void Stats(const httplib::Request&, httplib::Response& response) {
    const std::lock_guard lock(mutex_);
    const SharedCache::Counts c = pool_->cache().counts();
    Reply(response, 200,
          {{"status", "ok"},
           {"stats",
            {{"hits", c.hits},
             {"misses", c.misses},
             {"stores", c.stores},
             {"refused", c.refused},
             {"drops", c.drops},
             {"flushes", c.flushes},
             {"evictions", c.evictions},
             {"too_big", c.too_big},
             {"revocations", c.revocations},
             {"recoveries", c.recoveries},
             {"torn", c.torn},
             {"deaths", pool_->deaths()},
             {"crashes", pool_->crashes()},
             {"stops", pool_->stops()}}}});
  }

  void Keys(const httplib::Request&, httplib::Response& response) {
    const std::lock_guard lock(mutex_);
    json all = json::array();
    for (const SharedCache::Entry& entry : pool_->cache().Entries()) {
      all.push_back({{"key", entry.key},
                     {"command", entry.command},
                     {"state", entry.valid ? "valid" : "pending"},
                     {"bytes", entry.bytes},
                     {"granted_by", ToJson(entry.grant)}});
    }
    Reply(response, 200, {{"status", "ok"}, {"keys", all}});
  }

  void Leases(const httplib::Request&, httplib::Response& response) {
    const std::lock_guard lock(mutex_);
    json all = json::array();
    for (int i = 0; i < pool_->writers(); ++i) {
      json lease = ToJson(pool_->cache().Lease(i));
      lease["owned"] = pool_->cache().IsOwned(i);
      all.push_back(lease);
    }
    Reply(response, 200, {{"status", "ok"}, {"leases", all}});
  }

  void Barrier(const httplib::Request&, httplib::Response& response) {
    std::unique_lock lock(mutex_);
    const std::vector<uint64_t> tickets = pool_->StartBarrier();
    const bool passed = Until(lock, [&] {
      return std::all_of(tickets.begin(), tickets.end(),
                         [this](uint64_t ticket) { return pool_->Done(ticket); });
    });
    for (const uint64_t ticket : tickets) {
      if (passed) pool_->Wait(ticket);
    }
    if (passed) {
      Reply(response, 200, {{"status", "ok"}});
    } else {
      Refuse(response, kFailed, pool_->hung().empty() ? "it is ending" : pool_->hung());
    }
  }

  std::mutex mutex_;  // guards the pool
  std::condition_variable happened_;
  std::atomic<bool> stopping_ = false;
  std::unique_ptr<WorkerPool> pool_;
  httplib::Server server_;
  int port_ = -1;
  std::atomic<uint64_t> requests_ = 0;
  std::atomic<unsigned> turn_ = 0;
};

Endpoint::Endpoint(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Endpoint::~Endpoint() = default;

std::unique_ptr<Endpoint> Endpoint::Open(PoolOptions options, uint16_t port, std::string* error) {
  auto impl = std::make_unique<Impl>();
  if (!impl->Open(std::move(options), port, error)) return nullptr;
  return std::unique_ptr<Endpoint>(new Endpoint(std::move(impl)));
}

uint16_t Endpoint::port() const { return static_cast<uint16_t>(impl_->port()); }
void Endpoint::Run(int stop_fd) { impl_->Run(stop_fd); }
uint64_t Endpoint::requests() const { return impl_->requests(); }

}  // namespace resprobe::cachelab
