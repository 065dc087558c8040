#include "cachelab/http/url_target.h"

#include <httplib.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>

#include "live/net/socket.h"

namespace resprobe::cachelab {
namespace {

using Clock = std::chrono::steady_clock;
using nlohmann::json;

constexpr std::chrono::seconds kDiesWithin(5);
constexpr std::chrono::milliseconds kLook(2);
constexpr time_t kAnswersWithin = 30;
constexpr int kNoWorker = -1;

std::string Query(const std::string& type, const Words& words) {
  httplib::Params params = {{"class", type}, {"cmd", words.empty() ? "" : words[0]}};
  for (size_t i = 1; i < words.size(); ++i) {
    params.emplace("args[" + std::to_string(i - 1) + "]", words[i]);
  }
  return httplib::detail::params_to_query_str(params);
}

// Checks that the endpoint exists, and is on this machine.
bool Reach(const HttpUrl& url, bool allow_remote, std::string* error) {
  return live::Connect({url.host, static_cast<uint16_t>(url.port)}, allow_remote, error).valid();
}

// In the form in which Canonical() prints errors.
std::string ErrorText(const json& body) { return "(error) " + body.value("error", ""); }

bool IsAbsent(pid_t pid) { return kill(pid, 0) != 0; }

}  // namespace

UrlTarget::UrlTarget() = default;
UrlTarget::~UrlTarget() = default;

std::unique_ptr<UrlTarget> UrlTarget::Open(const std::string& url, bool allow_remote,
                                           bool overwrite, std::string* error) {
  std::unique_ptr<UrlTarget> target(new UrlTarget);
  if (!ParseHttpUrl(url, &target->url_, error) || !Reach(target->url_, allow_remote, error)) {
    return nullptr;
  }
  target->root_ = target->url_.path.substr(0, target->url_.path.rfind('/') + 1);
  const Http size = target->Get(target->CommandPath("redis", {"DBSIZE"}, kNoWorker));
  if (size.status != 200 || !size.body.is_object() || !size.body.contains("result")) {
    *error = url +
             " does not answer class=redis&cmd=DBSIZE with {\"status\":\"ok\",…,\"result\":…}"
             " (HTTP status " +
             std::to_string(size.status) + ")";
    return nullptr;
  }
  if (!overwrite && size.body["result"] != json(0)) {
    *error = "the server behind " + url + " holds keys, which a run deletes: --flush permits it";
    return nullptr;
  }
  target->has_barrier_ = target->Get(target->root_ + "barrier").status == 200;
  const Http clients = target->Get(target->root_ + "clients");
  target->has_clients_ = clients.status == 200 && clients.body.is_object() &&
                         clients.body.contains("clients") && clients.body["clients"].is_array() &&
                         !clients.body["clients"].empty();
  if (target->has_clients_) {
    const json& all = clients.body["clients"];
    target->workers_ = static_cast<int>(all.size());
    target->writers_ = static_cast<int>(std::count_if(
        all.begin(), all.end(), [](const json& c) { return c.value("writer", true); }));
  }
  return target;
}

UrlTarget::Http UrlTarget::Get(const std::string& path) const {
  httplib::Client client(url_.host, url_.port);
  client.set_read_timeout(kAnswersWithin);
  client.set_tcp_nodelay(true);
  const httplib::Result result = client.Get(path);
  if (!result) return {};
  return {result->status, json::parse(result->body, nullptr, false)};
}

UrlTarget::Http UrlTarget::GetInTurn(const std::string& path) {
  if (kept_ == nullptr) {
    kept_ = std::make_unique<httplib::Client>(url_.host, url_.port);
    kept_->set_read_timeout(kAnswersWithin);
    kept_->set_tcp_nodelay(true);
    kept_->set_keep_alive(true);
  }
  const httplib::Result result = kept_->Get(path);
  if (!result) return {};
  return {result->status, json::parse(result->body, nullptr, false)};
}

std::string UrlTarget::CommandPath(const char* type, const Words& words, int worker) const {
  std::string path = url_.path + "?" + Query(type, words);
  if (worker != kNoWorker) path += "&worker=" + std::to_string(worker);
  return path;
}

std::string UrlTarget::Text(const json& result, bool unordered) {
  if (!unordered || !result.is_array()) return DumpHttpJson(result);
  std::vector<json> elements(result.begin(), result.end());
  std::sort(elements.begin(), elements.end());
  return DumpHttpJson(elements);
}

uint64_t UrlTarget::Start(int worker, const Words& words, bool unordered) {
  const uint64_t ticket = next_ticket_++;
  // Send no worker number to a cache that does not know its workers.
  const std::string path = CommandPath("relay", words, has_clients_ ? worker : kNoWorker);
  started_[ticket] = {std::async(std::launch::async, [this, path] { return Get(path); }),
                      unordered};
  return ticket;
}

TargetAnswer UrlTarget::Finish(uint64_t ticket) {
  const auto found = started_.find(ticket);
  TargetAnswer answer;
  if (found == started_.end()) return answer;
  const Http http = found->second.http.get();
  const bool unordered = found->second.unordered;
  started_.erase(found);
  if (!http.body.is_object() || http.status >= 500 || http.status == 0) {
    answer.text = http.status == 0 ? "no answer" : "HTTP status " + std::to_string(http.status);
    return answer;
  }
  if (http.status != 200) {
    answer.status = TargetAnswer::Status::kError;
    answer.text = ErrorText(http.body);
    return answer;
  }
  answer.status = TargetAnswer::Status::kReply;
  answer.text = Text(http.body.value("result", json()), unordered);
  const json& hit = http.body.value("hit", json());
  answer.hit_known = hit.is_boolean();
  answer.hit = answer.hit_known && hit.get<bool>();
  answer.torn = http.body.value("torn", false);
  answer.refused = http.body.value("refused", false);
  const json granted = http.body.value("granted_by", json::object());
  answer.pid = granted.value("pid", http.body.value("pid", 0));
  answer.client_id = granted.value("client_id", http.body.value("client_id", int64_t{0}));
  last_ = {answer.pid, answer.client_id};
  return answer;
}

bool UrlTarget::Direct(std::span<const DirectRequest> requests, std::vector<std::string>* texts) {
  texts->clear();
  for (const DirectRequest& request : requests) {
    const Http http = GetInTurn(CommandPath("redis", request.words, kNoWorker));
    if (http.status == 0 || http.status >= 500 || !http.body.is_object()) {
      failure_ = "the endpoint does not answer class=redis (HTTP status " +
                 std::to_string(http.status) + ")";
      return false;
    }
    texts->push_back(http.status == 200 ? Text(http.body.value("result", json()), request.unordered)
                                        : ErrorText(http.body));
  }
  return true;
}

bool UrlTarget::Barrier() {
  if (!has_barrier_ || Get(root_ + "barrier").status == 200) return true;
  failure_ = "the endpoint's /barrier fails";
  return false;
}

UrlTarget::Who UrlTarget::Find(int worker) {
  if (!has_clients_) return last_;
  const Http http = Get(root_ + "clients");
  if (http.status != 200 || !http.body.is_object()) return {};
  for (const json& client : http.body.value("clients", json::array())) {
    if (client.value("worker", kNoWorker) != worker) continue;
    return {client.value("pid", 0), client.value("client_id", int64_t{0})};
  }
  return {};
}

bool UrlTarget::KillClient(int worker) {
  const Who who = Find(worker);
  if (who.client_id == 0) return false;
  const DirectRequest kill = {{"CLIENT", "KILL", "ID", std::to_string(who.client_id)}};
  std::vector<std::string> texts;
  return Direct({&kill, 1}, &texts) && texts[0] == DumpHttpJson(1);
}

bool UrlTarget::KillWorker(int worker, int signal) {
  const Who who = Find(worker);
  if (who.pid <= 1 || who.pid == getpid() || kill(who.pid, signal) != 0) return false;
  if (signal == SIGSTOP || signal == SIGTSTP) {
    stopped_.insert(who.pid);
    ++stops_;
    return true;
  }
  // Wait until its parent has reaped it; then the pid no longer exists.
  for (const Clock::time_point give_up = Clock::now() + kDiesWithin; !IsAbsent(who.pid);) {
    if (Clock::now() > give_up) return false;
    std::this_thread::sleep_for(kLook);
  }
  ++deaths_;
  return true;
}

bool UrlTarget::Settle() {
  for (const pid_t pid : std::exchange(stopped_, {})) kill(pid, SIGCONT);
  return true;
}

bool UrlTarget::Reset() {
  const DirectRequest flush = {{"FLUSHALL"}};
  std::vector<std::string> texts;
  return Settle() && Direct({&flush, 1}, &texts) && Barrier();
}

HttpAnswer AskEndpoint(const std::string& url, const std::string& type, const Words& words,
                       bool allow_remote, int timeout_seconds) {
  HttpAnswer answer;
  HttpUrl parsed;
  if (!ParseHttpUrl(url, &parsed, &answer.error) || !Reach(parsed, allow_remote, &answer.error)) {
    return answer;
  }
  httplib::Client client(parsed.host, parsed.port);
  client.set_read_timeout(timeout_seconds);
  const httplib::Result result = client.Get(parsed.path + "?" + Query(type, words));
  if (result.error() == httplib::Error::Read) {
    answer.error = url + ": no answer within " + std::to_string(timeout_seconds) +
                   " s, or none of HTTP; --timeout sets how long to wait";
    return answer;
  }
  if (!result) {
    answer.error = url + ": " + httplib::to_string(result.error());
    return answer;
  }
  answer.status = result->status;
  answer.body = json::parse(result->body, nullptr, false);
  if (answer.body.is_object()) return answer;
  answer.error = url + " answers with status " + std::to_string(answer.status) +
                 " and what is no JSON object: is it the endpoint?";
  answer.status = 0;
  return answer;
}

}  // namespace resprobe::cachelab
