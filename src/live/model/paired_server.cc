#include "live/model/paired_server.h"

#include <poll.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/resp/writer.h"
#include "engine/quote.h"
#include "live/net/resp_probe.h"

namespace resprobe::live {
namespace {

// A server started by this process looks for expired keys frequently.
const char* const kPrompt[] = {"--hz", "500"};
// If time cannot be set, no key expires within a run.
constexpr int64_t kFarAwayMs = int64_t{10} * 24 * 3600 * 1000;
// On TCP, written bytes may not have arrived yet; how long to wait for missing ones.
constexpr int kOnTheWayMs = 200;

constexpr std::string_view kHeld[] = {"CLIENT"};
constexpr std::string_view kHeldWithoutClock[] = {"CLIENT", "SET", "PEXPIRE"};

std::string Words(RequestStream::Words request) {
  std::string line;
  for (const std::string_view word : request) {
    if (!line.empty()) line += ' ';
    AppendWord(&line, word);
  }
  return line;
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 0x20) : c;
  return lower;
}

template <class T>
std::optional<T> Whole(std::string_view text) {
  T number = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (status != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// The number after "name:" in the text of INFO.
std::optional<uint64_t> InfoNumber(std::string_view info, std::string_view name) {
  const size_t at = info.find("\n" + std::string(name) + ":");
  if (at == info.npos) return std::nullopt;
  const size_t begin = at + name.size() + 2;
  return Whole<uint64_t>(info.substr(begin, info.find('\r', begin) - begin));
}

}  // namespace

std::unique_ptr<PairedServer> PairedServer::Open(const PairOptions& options, std::string* error) {
  PairOptions with = options;
  const bool own = !options.target.start.empty();
  const auto start_ms = static_cast<int64_t>(CoreSubject().now_ms());
  std::unique_ptr<ServerClock> clock = own ? ServerClock::Make(start_ms) : nullptr;
  if (own) {
    with.target.arguments.insert(with.target.arguments.begin(), std::begin(kPrompt),
                                 std::end(kPrompt));
  }
  if (clock != nullptr) with.target.environment = clock->environment();
  std::unique_ptr<LiveServer> target = LiveServer::Open(with.target, error);
  if (target == nullptr && clock != nullptr) {
    // It may not support preloading (AddressSanitizer must be first).
    clock.reset();
    with.target.environment.clear();
    std::string ignored;
    target = LiveServer::Open(with.target, &ignored);
  }
  if (target == nullptr) return nullptr;
  Profile profile = Profile::kRedis70;
  const bool exact = target->ProfileOf(&profile);
  if (options.profile) {
    profile = *options.profile;
  } else if (!exact) {
    *error = "there is no profile for " + target->version() +
             ": name the one to compare it with, such as --profile " +
             std::string(ProfileName(profile));
    return nullptr;
  }
  if (clock != nullptr) {
    constexpr int64_t kProbeMs = 1'234'567'000;
    clock->Set(kProbeMs);
    UniqueFd fd = target->Connect(error);
    if (!fd.valid()) return nullptr;
    RespProbe server(std::move(fd), options.hang_ms, target->stop());
    const std::optional<resp::ReplyView> time = server.Ask("TIME");
    const bool set = time && time->size() == 2 && (*time)[0].text() == "1234567";
    if (!set || !target->active_expiry_off()) clock.reset();
  }
  std::unique_ptr<PairedServer> pair(
      new PairedServer(std::move(target), std::move(clock), profile, options));
  return pair->Prepare(error) ? std::move(pair) : nullptr;
}

PairedServer::PairedServer(std::unique_ptr<LiveServer> target, std::unique_ptr<ServerClock> clock,
                           Profile profile, const PairOptions& options)
    : target_(std::move(target)),
      clock_(std::move(clock)),
      profile_(profile),
      hang_ms_(options.hang_ms),
      restart_every_(options.restart_every),
      core_(ServerConfig{.profile = profile}) {}

bool PairedServer::Prepare(std::string* error) {
  if (difference_ && difference_->fatal && target_->own() && !target_->Restart(error)) return false;
  difference_.reset();
  given_up_ = false;
  connections_.clear();
  ids_.clear();
  core_.Reset();
  target_->NewReport();
  if (clock_ != nullptr) clock_->Set(static_cast<int64_t>(core_.now_ms()));
  UniqueFd fd = target_->Connect(error);
  if (!fd.valid()) return false;
  control_.Use(std::move(fd), hang_ms_, target_->stop());
  control_parser_.Reset();
  // If nothing expires, undo the probe's DEBUG SET-ACTIVE-EXPIRE 0.
  if (clock_ == nullptr) Ask("DEBUG SET-ACTIVE-EXPIRE 1");
  told_limit_ = Whole<size_t>(target_->most_tracked()).value_or(0);
  Ask("CONFIG SET tracking-table-max-keys " + std::to_string(told_limit_));
  const std::optional<resp::ReplyView> flushed = Ask("FLUSHALL");
  if (flushed && flushed->text() == "OK") return true;
  *error = flushed ? "the server refuses FLUSHALL: " + std::string(flushed->text())
                   : "the server does not answer";
  difference_.reset();
  return false;
}

// --- Cases.

void PairedServer::BeginCase() {
  difference_.reset();
  given_up_ = false;
  phase_ = Phase::kNone;
  session_.clear();
  ++counts_.cases;
}

void PairedServer::EndCase() { phase_ = Phase::kEnding; }

void PairedServer::Reset() {
  if (phase_ == Phase::kRunning) return Restart();
  if (phase_ == Phase::kEnding && going()) CompareState();
  CountExpired();
  core_.Reset();
  for (const auto& connection : connections_) connection->link.Close(hang_ms_);
  connections_.clear();
  ids_.clear();
  phase_ = phase_ == Phase::kNone ? Phase::kRunning : Phase::kNone;
  if (difference_ && difference_->fatal) return;
  // After a difference too: nothing of a case may affect the next one.
  TellLimit();
  if (clock_ != nullptr) clock_->Set(static_cast<int64_t>(core_.now_ms()));
  Ask("FLUSHALL");
}

void PairedServer::CountExpired() {
  if (going() && phase_ != Phase::kNone) counts_.expired += model().keyspace().expired();
}

void PairedServer::Restart() {
  CountExpired();
  core_.Reset();
  if (!going()) return;
  session_.push_back("the server is restarted");
  command_ = "restart";
  ++counts_.restarts;
  if (target_->own() && counts_.restarts % restart_every_ == 0) {
    ++counts_.processes;
    connections_.clear();
    std::string error;
    if (target_->Restart(&error) && Prepare(&error)) return;
    if (target_->stop()()) {
      given_up_ = true;
    } else {
      Differ("server does not start again").server = error;
      difference_->fatal = true;
    }
    return;
  }
  if (!target_->own()) {
    ++counts_.left_out["restart: all connections closed and FLUSHALL in its place"];
  }
  for (const auto& connection : connections_) connection->link.Close(hang_ms_);
  connections_.clear();
  ids_.clear();
  TellLimit();
  Ask("FLUSHALL");
}

// --- Connections.

PairedServer::Connection* PairedServer::Find(uint64_t id) {
  for (const auto& connection : connections_) {
    if (connection->id == id) return connection.get();
  }
  return nullptr;
}

uint64_t PairedServer::Connect() {
  const uint64_t id = core_.Connect();
  if (!going()) return id;
  auto connection = clock_ != nullptr ? std::make_unique<Connection>(kHeld)
                                      : std::make_unique<Connection>(kHeldWithoutClock);
  connection->id = id;
  command_ = "connect";
  std::string error;
  UniqueFd fd = target_->Connect(&error);
  if (!fd.valid()) {
    ServerFailed();
    return id;
  }
  RespConnection& link = connection->link;
  link.Use(std::move(fd), hang_ms_, target_->stop());
  link.out() = "CLIENT ID\r\n";
  link.Send();
  while (!link.in().ends_with('\n')) {
    if (link.Read(hang_ms_) == RespConnection::Got::kBytes) continue;
    ServerFailed();
    return id;
  }
  connection->server_id =
      Whole<int64_t>(link.in().substr(1, link.in().size() - 3)).value_or(0);  // ":12\r\n"
  link.Take(link.in().size());
  ids_[connection->server_id] = id;
  connections_.push_back(std::move(connection));
  return id;
}

void PairedServer::Close(uint64_t id) {
  core_.Close(id);
  Connection* const connection = Find(id);
  if (connection == nullptr) return;
  if (going()) {
    session_.push_back(std::to_string(id) + "> (hangs up)");
    command_ = "close";
    if (!connection->link.Close(hang_ms_)) ServerFailed();
  }
  std::erase_if(connections_, [&](const auto& other) { return other.get() == connection; });
}

void PairedServer::Receive(uint64_t id, std::string* append) {
  Connection* const connection = Find(id);
  if (connection != nullptr) {
    append->append(connection->received);
    connection->received.clear();
  }
  if (!going() || connection == nullptr) core_.Receive(id, append);
}

void PairedServer::Send(uint64_t id, std::string_view bytes) {
  if (!core_.IsOpen(id)) return;
  Connection* const connection = Find(id);
  if (going() && connection != nullptr) TellLimit();
  // Between requests it can be observed which keys are evicted when the table is full.
  const bool one_by_one = small_table();
  while (!bytes.empty()) {
    if (!going() || connection == nullptr) return core_.Send(id, bytes);
    const size_t size = one_by_one ? connection->requests.UpToEndOfRequest(bytes) : bytes.size();
    Turn(*connection, bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
}

// --- A turn.

void PairedServer::Turn(Connection& connection, std::string_view bytes) {
  const auto translate = [&](RequestStream::Words request, std::vector<std::string>* instead) {
    command_ = Lower(request[0]);
    session_.push_back(std::to_string(connection.id) + "> " + Words(request));
    return Translate(connection, request, instead);
  };
  const size_t whole = connection.requests.Take(bytes, translate, &connection.link.out());
  connection.link.Send();
  counts_.requests += whole;
  core_.Send(connection.id, bytes);
  // An incomplete request has no reply.
  if (whole == 0 || !Fence()) return;
  EndTurn();
}

void PairedServer::EndTurn() {
  ReadAll();
  TakeModelOutput();
  TakeEvictions();
  CompareTurn(/*any_order=*/false);
}

bool PairedServer::Translate(const Connection&, RequestStream::Words request,
                             std::vector<std::string>* instead) {
  if (clock_ == nullptr) {
    size_t at = 0;
    if (request[0] == "SET" && request.size() == 5 && request[3] == "PX") at = 4;
    if (request[0] == "PEXPIRE" && request.size() == 3) at = 2;
    const std::optional<int64_t> ms = at == 0 ? std::nullopt : Whole<int64_t>(request[at]);
    if (ms && *ms > 0) {
      instead->assign(request.begin(), request.end());
      (*instead)[at] = std::to_string(*ms + kFarAwayMs);
      return true;
    }
  }
  for (size_t i = 1; i + 1 < request.size(); ++i) {
    if (request[i] != "REDIRECT") continue;
    instead->assign(request.begin(), request.end());
    (*instead)[i + 1] = TranslateId(request[i + 1]);
    return true;
  }
  return false;
}

// The live server's id of the connection. Unknown ids map to an id that no client has.
std::string PairedServer::TranslateId(std::string_view id) const {
  constexpr uint64_t kNobody = 1'000'000'000'000;
  const std::optional<uint64_t> number = Whole<uint64_t>(id);
  if (!number || *number == 0) return std::string(id);
  for (const auto& [theirs, ours] : ids_) {
    if (ours == *number) return std::to_string(theirs);
  }
  return std::to_string(*number % kNobody + kNobody);
}

std::optional<resp::ReplyView> PairedServer::Ask(std::string_view line) {
  control_.out().append(line).append("\r\n");
  control_.Send();
  for (;;) {
    const auto result = control_parser_.Parse(control_.in());
    if (result.status == resp::ReplyParser::Status::kValue) {
      control_.Take(result.consumed);
      return control_parser_.reply().root();
    }
    control_.Take(control_.in().size());
    if (result.status == resp::ReplyParser::Status::kError ||
        control_.Read(hang_ms_) != RespConnection::Got::kBytes) {
      ServerFailed();
      return std::nullopt;
    }
  }
}

// Afterwards the server has written everything due to what it had received before.
//
// Its event loop reads sockets in an order of its own: the first PING may precede the current
// request, the second one follows it; and between two requests of any client a full tracking table
// evicts keys. Replies of one turn of the loop are also sent in an order of its own, so one more
// PING is needed to know that they are sent.
bool PairedServer::Fence() {
  const int rounds = small_table() ? 3 : 2;
  for (int i = 0; i < rounds; ++i) {
    if (!Ask("PING")) return false;
  }
  return true;
}

bool PairedServer::small_table() {
  const size_t most = model().tracking_table_max_keys();
  return most != 0 && most != ServerConfig().tracking_table_max_keys;
}

// Reads all that the server has sent, which must be complete values.
void PairedServer::ReadAll() {
  std::vector<pollfd> polled;
  polled.reserve(connections_.size());
  for (const auto& connection : connections_) polled.push_back({connection->link.fd(), POLLIN, 0});
  poll(polled.data(), polled.size(), 0);
  for (size_t i = 0; i < connections_.size(); ++i) {
    if (polled[i].revents == 0) continue;
    Connection& connection = *connections_[i];
    const RespConnection::Got got = connection.link.Read(0);
    if (got == RespConnection::Got::kClosed && going()) {
      PairDifference& difference = Differ("connection closed");
      difference.where = "connection " + std::to_string(connection.id);
      difference.model = "keeps the connection";
      difference.server = "closes it";
      return;
    }
    connection.link.Take(SplitValues(connection.link.in(), &connection.server));
  }
}

void PairedServer::TakeModelOutput() {
  for (const auto& connection : connections_) {
    std::string& bytes = connection->model_bytes;
    const size_t before = bytes.size();
    core_.Receive(connection->id, &bytes);
    if (bytes.size() == before) continue;
    SplitValues(std::string_view(bytes).substr(before), &connection->model);
  }
}

// Replaces the live server's connection ids by the core's. Its version may be another of the same
// profile.
void PairedServer::Rename(const Connection& connection, size_t i, std::string* value) {
  if (const auto place = ConnectionNumber(*value)) {
    const auto number = Whole<int64_t>(value->substr(place->begin, place->size));
    const auto known = ids_.find(number.value_or(0));
    if (known != ids_.end()) {
      value->replace(place->begin, place->size, std::to_string(known->second));
    }
  }
  if (i >= connection.model.size()) return;
  const std::string& model = connection.model[i].bytes;
  const auto ours = VersionOfHello(model);
  const auto theirs = VersionOfHello(*value);
  if (!ours || !theirs) return;
  const std::string version = model.substr(ours->begin, ours->size);
  if (value->compare(theirs->begin, theirs->size, version) == 0) return;
  value->replace(theirs->begin, theirs->size, version);
  ++counts_.free["version in HELLO"];
}

void PairedServer::CompareTurn(bool any_order) {
  if (going()) {
    for (const auto& connection : connections_) {
      Connection& c = *connection;
      for (size_t i = 0; i < c.server.size(); ++i) Rename(c, i, &c.server[i].bytes);
      std::string kind = FindDifference(c.model, c.server, any_order);
      if (c.model.size() > c.server.size() &&
          c.link.Read(target_->own() ? 0 : kOnTheWayMs) == RespConnection::Got::kBytes) {
        const size_t from = c.server.size();
        c.link.Take(SplitValues(c.link.in(), &c.server));
        for (size_t i = from; i < c.server.size(); ++i) Rename(c, i, &c.server[i].bytes);
        kind = FindDifference(c.model, c.server, any_order);
      }
      if (!kind.empty()) {
        PairDifference& difference = Differ(kind);
        difference.where = "connection " + std::to_string(c.id);
        difference.model = ToText(c.model);
        difference.server = ToText(c.server);
        break;
      }
      for (const StreamValue& value : c.server) ++(value.push ? counts_.pushes : counts_.replies);
    }
  }
  for (const auto& connection : connections_) {
    Connection& c = *connection;
    if (going()) {
      for (const StreamValue& value : c.server) c.received += value.bytes;
    } else {
      c.received += c.model_bytes;
    }
    c.model_bytes.clear();
    c.model.clear();
    c.server.clear();
  }
}

// --- The final state.

void PairedServer::CompareState() {
  command_ = "state";
  const auto compare = [&](std::string_view what, uint64_t ours, std::optional<uint64_t> theirs) {
    if (!going() || !theirs) return;
    ++counts_.state;
    if (ours == *theirs) return;
    PairDifference& difference = Differ(std::string(what));
    difference.where = "INFO";
    difference.model = std::to_string(ours);
    difference.server = std::to_string(*theirs);
  };
  TellLimit();
  const std::optional<resp::ReplyView> reply = Ask("INFO");
  if (!reply) return;
  const std::string info(reply->text());
  const auto& table = model().tracking_table();
  uint64_t items = 0;
  for (size_t i = 0; i < table.size(); ++i) items += table.keys().at(i).value.size();
  const auto clients = std::ranges::count_if(model().active_clients(),
                                             [](const Client* client) { return client->tracking; });
  compare("tracking_total_keys", table.size(), InfoNumber(info, "tracking_total_keys"));
  compare("tracking_total_items", items, InfoNumber(info, "tracking_total_items"));
  compare("tracking_total_prefixes", model().prefix_table().prefixes().size(),
          InfoNumber(info, "tracking_total_prefixes"));
  compare("tracking_clients", static_cast<uint64_t>(clients), InfoNumber(info, "tracking_clients"));
}

// --- Differences.

PairDifference& PairedServer::Differ(std::string kind) {
  if (difference_) return *difference_;
  PairDifference& difference = difference_.emplace();
  difference.kind = std::move(kind);
  difference.command = command_;
  if (!session_.empty()) difference.request = session_.back();
  difference.session = session_;
  return difference;
}

void PairedServer::GiveUp(std::string_view why) {
  ++counts_.left_out[std::string(why) + ": the rest of the case"];
  given_up_ = true;
}

void PairedServer::ServerFailed() {
  if (difference_) {
    difference_->fatal = true;
    return;
  }
  const ServerEnd end = target_->FindEnd(hang_ms_);
  // The cause is unknown; or a wait for a new process was interrupted, which ends that process.
  if (target_->stop()() && (!end.ended || given_up_)) {
    given_up_ = true;
    return;
  }
  PairDifference& difference = Differ(end.Text());
  difference.where = "the server";
  difference.model = "goes on";
  difference.server = "does not";
  difference.fatal = true;
}

}  // namespace resprobe::live
