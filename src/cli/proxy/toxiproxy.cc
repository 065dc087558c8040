#include "cli/proxy/toxiproxy.h"

#include <httplib.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <sstream>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/proxy/proxy_api.h"
#include "live/net/socket.h"
#include "runner/json.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

constexpr double kAnswersWithin = 30;  // seconds
constexpr double kLook = 0.01;         // seconds between two attempts to reach the API

// Toxiproxy stores it as a float.
bool SameToxicity(const Json& asked, const Json& answer) {
  return answer.is_number() && std::abs(asked.get<double>() - answer.get<double>()) < 1e-6;
}

// How the answer differs from the request; "" if it does not.
std::string Difference(const Json& asked, const Json& answer) {
  if (!answer.is_object()) return "no toxic in the answer";
  for (const char* const key : {"name", "type", "stream", "toxicity"}) {
    const Json told = answer.value(key, Json());
    const bool same =
        std::string_view(key) == "toxicity" ? SameToxicity(asked[key], told) : told == asked[key];
    if (!same) return std::string(key) + " is " + told.dump();
  }
  const Json attributes = answer.value("attributes", Json());
  for (const auto& [name, value] : asked["attributes"].items()) {
    const Json told = attributes.is_object() ? attributes.value(name, Json()) : Json();
    if (told != value) return name + " is " + told.dump();
  }
  return "";
}

// The sum of a counter in Prometheus's text format over the samples that have all of the labels.
std::optional<uint64_t> SumOf(const std::string& metrics, const std::string& counter,
                              const std::vector<std::string>& labels) {
  std::optional<uint64_t> sum;
  std::istringstream lines(metrics);
  for (std::string line; std::getline(lines, line);) {
    const size_t end = line.rfind('}');
    if (!line.starts_with(counter + "{") || end == line.npos) continue;
    const std::string_view given = std::string_view(line).substr(0, end);
    bool all = true;
    for (const std::string& label : labels) all = all && given.find(label) != given.npos;
    if (all) sum = sum.value_or(0) + static_cast<uint64_t>(std::strtod(&line[end + 1], nullptr));
  }
  return sum;
}

}  // namespace

class Toxiproxy::Http : public httplib::Client {
 public:
  Http(const std::string& host, int port) : httplib::Client(host, port) {
    set_read_timeout(static_cast<time_t>(kAnswersWithin));
    set_tcp_nodelay(true);
  }
};

std::string Toxiproxy::Answer::Error() const {
  if (status == 0) return text;
  if (body.is_object() && body.contains("error") && body["error"].is_string()) {
    return body["error"].get<std::string>();
  }
  return "HTTP status " + std::to_string(status);
}

Toxiproxy::Toxiproxy(const Setting& setting) {
  std::string error;
  const bool runs = setting.where.find('/') == setting.where.npos &&
                    live::ParseAddress(setting.where, &error).has_value();
  if (runs) {
    Reach(setting);
  } else {
    Start(setting);
  }
  const Answer proxies = Ask("GET", "/proxies");
  if (proxies.status != 200 || !proxies.body.is_object()) {
    throw runner::UserError("--toxiproxy: " + api_ +
                            " is not a Toxiproxy: GET /proxies: " + proxies.Error());
  }
}

Toxiproxy::~Toxiproxy() {
  if (!proxy_.empty()) Ask("DELETE", proxy_);
}

void Toxiproxy::Reach(const Setting& setting) {
  std::string error;
  const live::Address address = *live::ParseAddress(setting.where, &error);
  if (!live::Connect(address, setting.allow_remote, &error).valid()) {
    if (error.starts_with("cannot connect")) error += ": start one there, or give the program";
    throw runner::UserError("--toxiproxy: " + error);
  }
  http_ = std::make_unique<Http>(address.host, address.port);
  api_ = "http://" + address.ToText();
  const std::string version = Version();
  if (version.empty()) {
    throw runner::UserError("--toxiproxy: " + api_ +
                            " is not a Toxiproxy: it does not answer GET /version");
  }
  title_ += " " + version;
}

void Toxiproxy::Start(const Setting& setting) {
  // If the port were taken, it would continue without its API, and another process would answer
  // instead.
  std::string error;
  live::UniqueFd held = live::Listen(setting.api_port, false, &error);
  if (!held.valid()) throw runner::UserError("--api: " + error + ": choose another port, or 0");
  const std::string port = std::to_string(live::LocalPort(held.get()));
  held.Reset();
  try {
    process_ = std::make_unique<runner::Process>(runner::Command{
        {setting.where, "-host", "127.0.0.1", "-port", port, "-proxy-metrics"}, {}});
  } catch (const runner::UserError& none) {
    throw runner::UserError(
        "proxy: skipped, since there is no Toxiproxy here: " + std::string(none.what()) +
        ": install one, or name it: --toxiproxy PATH, or HOST:PORT of its API");
  }
  http_ = std::make_unique<Http>("127.0.0.1", std::stoi(port));
  api_ = "http://127.0.0.1:" + port;
  const double until = runner::Now() + kAnswersWithin;
  std::string version;
  while ((version = Version()).empty()) {
    const bool running = process_->Pump(kLook);
    if (runner::Interrupted()) throw runner::Interruption();
    if (!running) {
      throw runner::UserError("--toxiproxy: " + setting.where + " has ended: " + LastLine() +
                              ": is it toxiproxy-server 2.5 or later?");
    }
    if (runner::Now() > until) {
      throw runner::UserError("--toxiproxy: " + setting.where + " does not answer at " + api_ +
                              ": is it toxiproxy-server?");
    }
  }
  title_ += " " + version;
}

std::string Toxiproxy::LastLine() const {
  // Go's flag package prints the error first, then the usage.
  const std::string& text = process_->err.empty() ? process_->out : process_->err;
  const std::string line = text.substr(0, text.find('\n'));
  return line.empty() ? "without a word" : line;
}

std::string Toxiproxy::Version() {
  const Answer answer = Ask("GET", "/version");
  if (answer.status != 200) return "";
  if (answer.body.is_object() && answer.body.contains("version") &&
      answer.body["version"].is_string()) {
    return answer.body["version"].get<std::string>();
  }
  // 2.1 answers with the bare version, 2.5 with JSON followed by a stray "\n".
  const size_t from = std::min(answer.text.find_first_of("0123456789"), answer.text.size());
  return answer.text.substr(from, answer.text.find_first_of("\"\r\n", from) - from);
}

Toxiproxy::Answer Toxiproxy::Ask(const std::string& method, const std::string& path,
                                 const std::string& body) {
  const char* const json = "application/json";
  const httplib::Result result = method == "GET"    ? http_->Get(path)
                                 : method == "POST" ? http_->Post(path, body, json)
                                                    : http_->Delete(path);
  if (!result) return {0, api_ + " does not answer: " + httplib::to_string(result.error()), Json()};
  return {result->status, result->body, Json::parse(result->body, nullptr, false)};
}

std::string Toxiproxy::AddProxy(const std::string& name, const std::string& listen,
                                const std::string& upstream) {
  const Json asked = {
      {"name", name}, {"listen", listen}, {"upstream", upstream}, {"enabled", true}};
  const Answer answer = Ask("POST", "/proxies", asked.dump());
  if (answer.status == 409) {
    throw runner::UserError("--name: " + title_ + " has a proxy '" + name +
                            "' already: choose another name, or remove it there");
  }
  if (answer.status != 201)
    throw runner::UserError("--listen: " + title_ + ": " + answer.Error() +
                            ": choose another port, or 0");
  proxy_ = "/proxies/" + name;
  const Json& told = answer.body;
  if (!told.is_object() || told.value("name", Json()) != name ||
      told.value("enabled", Json()) != true || !told.value("listen", Json()).is_string()) {
    throw runner::UserError("--listen: " + title_ +
                            " does not confirm the request: " + answer.text);
  }
  return told["listen"].get<std::string>();
}

void Toxiproxy::AddToxic(const live::GateToxic& toxic) {
  const Json asked = ToJson(toxic);
  const Answer answer = Ask("POST", proxy_ + "/toxics", asked.dump());
  const std::string what = "--toxics: " + toxic.name + ": " + title_;
  if (answer.status != 200) {
    throw runner::UserError(what + " refuses it: " + answer.Error() +
                            ": it has its own kinds only (./resprobe proxy has them all)");
  }
  const std::string difference = Difference(asked, answer.body);
  if (!difference.empty()) throw runner::UserError(what + " has made another of it: " + difference);
}

std::string Toxiproxy::Figures() {
  const Answer toxics = Ask("GET", proxy_ + "/toxics");
  if (toxics.status != 200 || !toxics.body.is_array()) return "its toxics: " + toxics.Error();
  std::string text;
  for (const Json& toxic : toxics.body) {
    if (!toxic.is_object() || !toxic.value("name", Json()).is_string()) continue;
    text += (text.empty() ? "" : ", ") + toxic["name"].get<std::string>();
  }
  text = "toxics: " + (text.empty() ? "none" : text);
  const Answer metrics = Ask("GET", "/metrics");
  const std::string name = "proxy=\"" + proxy_.substr(proxy_.rfind('/') + 1) + "\"";
  for (const char* const direction : {"upstream", "downstream"}) {
    const std::vector<std::string> labels = {name, "direction=\"" + std::string(direction) + "\""};
    const auto got = SumOf(metrics.text, "toxiproxy_proxy_received_bytes_total", labels);
    const auto sent = SumOf(metrics.text, "toxiproxy_proxy_sent_bytes_total", labels);
    if (!got) continue;
    text += std::string("; ") + direction + ": " + runner::Grouped(sent.value_or(0)) + " of " +
            runner::Grouped(*got) + " bytes passed";
  }
  return text;
}

void Toxiproxy::Remove() {
  const std::string path = std::exchange(proxy_, "");
  const Answer answer = Ask("DELETE", path);
  if (answer.status == 204 || answer.status == 404) return;  // or it was already deleted
  throw runner::UserError("--toxiproxy: " + title_ + " keeps " + path + ": " + answer.Error() +
                          ": remove it there");
}

void Toxiproxy::WatchIn(live::ToxicLoop* loop, std::function<void(const std::string&)> on_end) {
  if (process_ == nullptr) return;
  const auto take = [this, on_end = std::move(on_end)] {
    process_->out.clear();
    const bool running = process_->Pump(0);
    if (running && process_->out_fd() >= 0 && process_->err_fd() >= 0) return true;
    on_end(LastLine());
    return false;
  };
  loop->Watch(process_->out_fd(), take);
  loop->Watch(process_->err_fd(), take);
}

}  // namespace resprobe::cli
