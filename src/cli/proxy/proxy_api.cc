#include "cli/proxy/proxy_api.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>
#include <utility>

#include "cli/proxy/toxic_options.h"
#include "live/net/socket.h"

namespace resprobe::cli {
namespace {

using live::GateToxic;
using Answer = ProxySet::Answer;

Answer Error(int status, const std::string& what) {
  return {status, {{"error", what}, {"status", status}}};
}

std::string_view DirectionName(ToxicDirection direction) {
  return kToxicDirectionNames[static_cast<size_t>(direction)];
}

// The string with this name; nothing if it is missing or not a string.
std::optional<std::string> TextOf(const Json& json, const char* key) {
  const auto at = json.find(key);
  if (at == json.end() || !at->is_string()) return std::nullopt;
  return at->get<std::string>();
}

// Applies attributes and toxicity from the body. Returns "" or the error.
std::string Change(GateToxic* toxic, const Json& body) {
  if (const auto at = body.find("toxicity"); at != body.end()) {
    const double share = at->is_number() ? at->get<double>() : -1;
    if (!(share >= 0 && share <= 1)) return "toxicity: give a number from 0 to 1";
    toxic->toxicity = share;
  }
  const auto attributes = body.find("attributes");
  if (attributes == body.end() || attributes->is_null()) return "";
  if (!attributes->is_object()) return "attributes: give an object of numbers";
  for (const auto& [name, value] : attributes->items()) {
    std::string error;
    if (!value.is_number_integer()) return name + ": give a whole number";
    if (!SetAttribute(&toxic->toxic, name, value.get<int64_t>(), &error)) return error;
  }
  return "";
}

// The port of "HOST:PORT", ":PORT" or "PORT"; 0 means a free one.
std::optional<uint16_t> PortOf(std::string_view listen) {
  const size_t colon = listen.rfind(':');
  const std::string_view port = colon == listen.npos ? listen : listen.substr(colon + 1);
  uint16_t number = 0;
  const auto [end, status] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (status != std::errc() || end != port.data() + port.size()) return std::nullopt;
  return number;
}

// Returns the error in the given fields of a proxy; "" if there is none.
std::string WrongIn(const Json& body) {
  if (!body.is_object()) return "bad request body: give an object";
  for (const char* const key : {"name", "listen", "upstream"}) {
    const auto at = body.find(key);
    if (at != body.end() && !at->is_string()) {
      return "bad request body: " + std::string(key) + ": give a string";
    }
  }
  const auto enabled = body.find("enabled");
  if (enabled != body.end() && !enabled->is_boolean()) {
    return "bad request body: enabled: give true or false";
  }
  return "";
}

// The same for a new proxy, which needs all of them.
std::string WrongInNew(const Json& body) {
  std::string wrong = WrongIn(body);
  if (!wrong.empty()) return wrong;
  for (const char* const key : {"name", "upstream"}) {
    if (TextOf(body, key).value_or("").empty()) {
      return "missing required field: " + std::string(key);
    }
  }
  return WrongInName(*TextOf(body, "name"));
}

bool EnabledIn(const Json& body, bool otherwise) {
  const auto at = body.find("enabled");
  return at == body.end() ? otherwise : at->get<bool>();
}

// All toxics that a proxy can have, with their attributes and limits.
Json AllToxics() {
  Json all = Json::array();
  for (const ToxicInfo& info : Toxics()) {
    std::string why;
    if (!live::WorksOnSockets(MakeToxic(info.kind), &why)) continue;
    Json attributes = Json::object();
    for (const ToxicAttribute& one : info.named()) {
      attributes[std::string(one.name)] = {{"unit", std::string(one.unit)},
                                           {"usual", one.usual},
                                           {"least", one.least},
                                           {"most", one.most}};
    }
    all.push_back({{"type", std::string(info.name)},
                   {"summary", std::string(info.summary)},
                   {"client_sees", std::string(info.client_sees)},
                   {"attributes", std::move(attributes)}});
  }
  return all;
}

}  // namespace

Json ToJson(const GateToxic& toxic) {
  const ToxicInfo& info = InfoOf(toxic.toxic.kind);
  Json attributes = Json::object();
  const std::span<const ToxicAttribute> named = info.named();
  for (size_t i = 0; i < named.size(); ++i) {
    attributes[std::string(named[i].name)] = toxic.toxic.values[i];
  }
  return {{"name", toxic.name},
          {"type", std::string(info.name)},
          {"stream", std::string(DirectionName(toxic.toxic.direction))},
          {"toxicity", toxic.toxicity},
          {"attributes", std::move(attributes)}};
}

ProxySet::~ProxySet() {
  for (auto& [name, proxy] : proxies_) loop_->Remove(proxy.gate.get());
}

const live::ToxicGate* ProxySet::Find(const std::string& name) const {
  const auto found = proxies_.find(name);
  return found == proxies_.end() ? nullptr : found->second.gate.get();
}

live::ToxicGate::Connector ProxySet::ConnectorTo(const std::string& server,
                                                 std::string* error) const {
  if (server == upstream_->ToText()) return upstream_->connector();
  const std::optional<live::Address> address = live::ParseAddress(server, error);
  if (address && live::MayConnect(*address, setting_.allow_remote, error)) {
    return live::Upstream::ConnectorTo({.server = server, .allow_remote = setting_.allow_remote});
  }
  *error = "upstream: " + *error;
  return nullptr;
}

std::string ProxySet::Open(const std::string& name, const std::string& listen,
                           const std::string& server, bool enabled, std::vector<GateToxic> toxics,
                           Proxy* proxy) {
  std::string error;
  live::ToxicGate::Connector connector = ConnectorTo(server, &error);
  if (connector == nullptr) return error;
  const std::optional<uint16_t> port = PortOf(listen);
  if (!port) return "listen: '" + listen + "' is not HOST:PORT";
  uint64_t seed = setting_.seed;
  for (const char c : name) seed = seed * 31 + static_cast<unsigned char>(c);
  const bool remote = setting_.allow_remote;
  // The gate is made after its listener, which asks it.
  const auto of_gate = std::make_shared<const live::ToxicGate*>(nullptr);
  auto verdict = std::make_unique<live::ClientVerdict>(live::ClientVerdict::Setting{
      .tag = setting_.tag,
      .back_within_us = setting_.back_within_us,
      .now_us = live::SteadyUs,
      .has_read_all = [of_gate](uint64_t id) { return (*of_gate)->ClientHasReadAll(id); }});
  auto gate = std::make_unique<live::ToxicGate>(
      live::ToxicGate::Setting{.port = *port, .allow_remote = remote, .seed = seed},
      std::move(connector), log_, verdict.get());
  *of_gate = gate.get();
  gate->SetToxics(std::move(toxics));
  gate->Enable(enabled);
  if (!gate->Open(&error)) return "listen: " + error;
  proxy->listen = (remote ? "0.0.0.0:" : "127.0.0.1:") + std::to_string(gate->port());
  proxy->server = server;
  proxy->gate = std::move(gate);  // the old gate ends before its listener
  proxy->verdict = std::move(verdict);
  loop_->Add(proxy->gate.get());
  return "";
}

std::string ProxySet::Create(const std::string& name, const std::string& listen,
                             const std::string& server, bool enabled,
                             std::vector<GateToxic> toxics) {
  Proxy proxy;
  std::string error = Open(name, listen, server, enabled, std::move(toxics), &proxy);
  if (error.empty()) proxies_[name] = std::move(proxy);
  return error;
}

Json ProxySet::ToJson(const std::string& name, const Proxy& proxy) const {
  Json toxics = Json::array();
  for (const GateToxic& toxic : proxy.gate->toxics()) toxics.push_back(cli::ToJson(toxic));
  return {{"name", name},
          {"listen", proxy.listen},
          {"upstream", proxy.server},
          {"enabled", proxy.gate->enabled()},
          {"toxics", std::move(toxics)}};
}

Answer ProxySet::Handle(std::string_view method, const std::vector<std::string>& path,
                        const std::string& body) {
  Json json = Json::object();
  if (!body.empty()) {
    json = Json::parse(body, nullptr, false);
    if (json.is_discarded()) return Error(400, "bad request body: it is no JSON");
  }
  if (path.size() == 1) {
    const std::string& what = path[0];
    if (what == "proxies") return OnProxies(method, json);
    if (what != "version" && what != "toxics" && what != "reset" && what != "populate") {
      return Error(404, "no such path");
    }
    const bool asks = what == "version" || what == "toxics";
    if (method != (asks ? "GET" : "POST")) return Error(405, "method not allowed");
    if (what == "version") return {200, {{"version", RESPROBE_VERSION}, {"server", "resprobe"}}};
    if (what == "toxics") return {200, AllToxics()};
    if (what == "populate") return Populate(json);
    for (auto& [name, proxy] : proxies_) {
      proxy.gate->SetToxics({});
      proxy.gate->Enable(true);
    }
    return {204, {}};
  }
  if (path.empty() || path[0] != "proxies" || path.size() > 4) return Error(404, "no such path");
  const auto found = proxies_.find(path[1]);
  if (found == proxies_.end()) return Error(404, "proxy not found");
  if (path.size() == 2) return OnProxy(method, path[1], json);
  if (path.size() == 3 && path[2] == "counts") {
    return method == "GET" ? Counts(found->second) : Error(405, "method not allowed");
  }
  if (path[2] != "toxics") return Error(404, "no such path");
  if (path.size() == 3) return OnToxics(method, found->second, json);
  return OnToxic(method, found->second, path[3], json);
}

Answer ProxySet::Populate(const Json& body) {
  if (!body.is_array()) return Error(400, "bad request body: give an array of proxies");
  // Create nothing unless the whole list is valid.
  for (size_t i = 0; i < body.size(); ++i) {
    const std::string wrong = WrongInNew(body[i]);
    if (!wrong.empty()) return Error(400, wrong + " at proxy " + std::to_string(i + 1));
  }
  Answer answer = {201, Json::object()};
  Json made = Json::array();
  for (const Json& one : body) {
    const auto found = proxies_.find(*TextOf(one, "name"));
    Answer done;
    if (found == proxies_.end()) {
      done = CreateFrom(one);
    } else if (IsAt(found->second, one)) {
      done.body = ToJson(found->first, found->second);  // it stays as it is, with its toxics
    } else {
      done = Move(found->first, found->second, one, EnabledIn(one, true), {});
    }
    if (done.status != 200 && done.status != 201) {
      answer = std::move(done);
      break;
    }
    made.push_back(std::move(done.body));
  }
  answer.body["proxies"] = std::move(made);
  return answer;
}

Answer ProxySet::CreateFrom(const Json& body) {
  const std::string wrong = WrongInNew(body);
  if (!wrong.empty()) return Error(400, wrong);
  const std::string name = *TextOf(body, "name");
  if (proxies_.contains(name)) return Error(409, "proxy already exists");
  const std::string error = Create(name, TextOf(body, "listen").value_or("127.0.0.1:0"),
                                   *TextOf(body, "upstream"), EnabledIn(body, true), {});
  if (!error.empty()) return Error(400, error);
  return {201, ToJson(name, proxies_[name])};
}

Answer ProxySet::OnProxies(std::string_view method, const Json& body) {
  if (method == "POST") return CreateFrom(body);
  if (method != "GET") return Error(405, "method not allowed");
  Json all = Json::object();
  for (const auto& [name, proxy] : proxies_) all[name] = ToJson(name, proxy);
  return {200, std::move(all)};
}

bool ProxySet::IsAt(const Proxy& proxy, const Json& body) {
  const std::optional<std::string> listen = TextOf(body, "listen");
  return (!listen || *listen == proxy.listen || PortOf(*listen) == proxy.gate->port()) &&
         TextOf(body, "upstream").value_or(proxy.server) == proxy.server;
}

Answer ProxySet::Update(const std::string& name, Proxy& proxy, const Json& body) {
  const std::string wrong = WrongIn(body);
  if (!wrong.empty()) return Error(400, wrong);
  const bool enabled = EnabledIn(body, proxy.gate->enabled());
  if (!IsAt(proxy, body)) return Move(name, proxy, body, enabled, proxy.gate->toxics());
  if (enabled != proxy.gate->enabled()) proxy.gate->Enable(enabled);
  return {200, ToJson(name, proxy)};
}

Answer ProxySet::Move(const std::string& name, Proxy& proxy, const Json& body, bool enabled,
                      std::vector<GateToxic> toxics) {
  const std::string listen = TextOf(body, "listen").value_or(proxy.listen);
  const std::string server = TextOf(body, "upstream").value_or(proxy.server);
  // Report errors before connections are closed.
  std::string wrong;
  if (ConnectorTo(server, &wrong) == nullptr) return Error(400, wrong);
  // Create a new gate. The old one must release its port first.
  const std::string old_listen = proxy.listen;
  const std::string old_server = proxy.server;
  const bool was_enabled = proxy.gate->enabled();
  std::vector<GateToxic> old_toxics = proxy.gate->toxics();
  loop_->Remove(proxy.gate.get());
  proxy.gate.reset();
  std::string error = Open(name, listen, server, enabled, std::move(toxics), &proxy);
  if (error.empty()) return {200, ToJson(name, proxy)};
  const std::string back =
      Open(name, old_listen, old_server, was_enabled, std::move(old_toxics), &proxy);
  if (!back.empty()) {
    proxies_.erase(name);
    error += "; and where it was: " + back;
  }
  return Error(400, error);
}

Answer ProxySet::OnProxy(std::string_view method, const std::string& name, const Json& body) {
  Proxy& proxy = proxies_[name];
  if (method == "GET") return {200, ToJson(name, proxy)};
  if (method == "POST" || method == "PATCH") return Update(name, proxy, body);
  if (method != "DELETE") return Error(405, "method not allowed");
  loop_->Remove(proxy.gate.get());
  proxies_.erase(name);
  return {204, {}};
}

Answer ProxySet::Counts(const Proxy& proxy) const {
  Json fired = Json::object();
  for (const ToxicInfo& info : Toxics()) {
    const uint64_t count = proxy.gate->counts()[info.kind];
    if (count > 0) fired[std::string(info.name)] = count;
  }
  Json verdict = {{"requests", proxy.verdict->requests()}, {"replies", proxy.verdict->replies()}};
  for (const auto& [name, wrong] : proxy.verdict->Wrongs()) {
    verdict["wrong"][name] = wrong.times;
    if (wrong.times > 0) verdict["first"][name] = runner::JsonText(wrong.first);
  }
  verdict["not_judged"] = proxy.verdict->NotJudged();
  return {200,
          {{"connections", proxy.gate->connections()},
           {"open", proxy.gate->open_connections()},
           {"fired", std::move(fired)},
           {"verdict", std::move(verdict)}}};
}

Answer ProxySet::OnToxics(std::string_view method, Proxy& proxy, const Json& body) {
  std::vector<GateToxic> toxics = proxy.gate->toxics();
  if (method == "GET") {
    Json all = Json::array();
    for (const GateToxic& toxic : toxics) all.push_back(cli::ToJson(toxic));
    return {200, std::move(all)};
  }
  if (method != "POST") return Error(405, "method not allowed");
  if (!body.is_object()) return Error(400, "bad request body: give an object");
  const ToxicInfo* info = FindToxic(TextOf(body, "type").value_or(""));
  if (info == nullptr) return Error(400, "invalid toxic type");
  std::string stream = TextOf(body, "stream").value_or("downstream");
  for (char& c : stream) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (stream != "upstream" && stream != "downstream") {
    return Error(400, "stream was invalid, can be either upstream or downstream");
  }
  GateToxic toxic;
  toxic.toxic = MakeToxic(
      info->kind, stream == "upstream" ? ToxicDirection::kUpstream : ToxicDirection::kDownstream);
  toxic.name = TextOf(body, "name").value_or("");
  if (toxic.name.empty()) toxic.name = std::string(info->name) + "_" + stream;
  std::string error = WrongInName(toxic.name);
  if (error.empty()) error = Change(&toxic, body);
  if (!error.empty() || !live::WorksOnSockets(toxic.toxic, &error)) return Error(400, error);
  if (!StandsBeside(toxics, toxic, &error)) return Error(409, error);
  Json told = cli::ToJson(toxic);
  toxics.push_back(std::move(toxic));
  proxy.gate->SetToxics(std::move(toxics));
  return {200, std::move(told)};
}

Answer ProxySet::OnToxic(std::string_view method, Proxy& proxy, const std::string& name,
                         const Json& body) {
  std::vector<GateToxic> toxics = proxy.gate->toxics();
  const auto at = std::find_if(toxics.begin(), toxics.end(),
                               [&](const GateToxic& toxic) { return toxic.name == name; });
  if (at == toxics.end()) return Error(404, "toxic not found");
  if (method == "GET") return {200, cli::ToJson(*at)};
  if (method == "DELETE") {
    toxics.erase(at);
    proxy.gate->SetToxics(std::move(toxics));
    return {204, {}};
  }
  if (method != "POST" && method != "PATCH") return Error(405, "method not allowed");
  if (!body.is_object()) return Error(400, "bad request body: give an object");
  std::string error = Change(&*at, body);
  if (!error.empty() || !live::WorksOnSockets(at->toxic, &error)) return Error(400, error);
  Json told = cli::ToJson(*at);
  proxy.gate->SetToxics(std::move(toxics));
  return {200, std::move(told)};
}

}  // namespace resprobe::cli
