#include "live/model/pair_streams.h"

#include <poll.h>

#include <charconv>
#include <optional>
#include <utility>

#include "core/table/letter_case.h"
#include "engine/quote.h"

namespace resprobe::live {
namespace {

// Added to times to live where time cannot be set: no key expires within a run.
constexpr int64_t kFarAwayMs = int64_t{10} * 24 * 3600 * 1000;
// On TCP, bytes that are written are not yet read; they are waited for where they are missed.
constexpr int kOnTheWayMs = 200;

constexpr std::string_view kHeld[] = {"CLIENT"};
constexpr std::string_view kHeldWithoutClock[] = {"CLIENT", "SET", "PEXPIRE"};

template <class T>
std::optional<T> Whole(std::string_view text) {
  T number = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (status != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

void PairStreams::Connect(uint64_t id) {
  auto connection = sets_clock_ ? std::make_unique<PairConnection>(kHeld)
                                : std::make_unique<PairConnection>(kHeldWithoutClock);
  connection->id = id;
  std::string error;
  UniqueFd fd = target_->Connect(&error);
  if (!fd.valid()) return verdict_->ServerFailed();
  RespConnection& link = connection->link;
  link.Use(std::move(fd), verdict_->hang_ms(), target_->stop());
  link.out() = "CLIENT ID\r\n";
  link.Send();
  while (!link.in().ends_with('\n')) {
    if (link.Read(verdict_->hang_ms()) == RespConnection::Got::kBytes) continue;
    return verdict_->ServerFailed();
  }
  connection->server_id =
      Whole<int64_t>(link.in().substr(1, link.in().size() - 3)).value_or(0);  // ":12\r\n"
  link.Take(link.in().size());
  ids_[connection->server_id] = id;
  connections_.push_back(std::move(connection));
}

void PairStreams::Erase(const PairConnection& connection) {
  std::erase_if(connections_, [&](const auto& other) { return other.get() == &connection; });
}

void PairStreams::Clear() {
  connections_.clear();
  ids_.clear();
}

void PairStreams::CloseAll() {
  for (const auto& connection : connections_) connection->link.Close(verdict_->hang_ms());
  Clear();
}

size_t PairStreams::Send(PairConnection& connection, std::string_view bytes) {
  const auto translate = [&](RequestStream::Words request, std::vector<std::string>* instead) {
    verdict_->Note(std::to_string(connection.id) + "> " + WordsLine(request),
                   LowerCase(request[0]));
    return Translate(request, instead);
  };
  const size_t whole = connection.requests.Take(bytes, translate, &connection.link.out());
  connection.link.Send();
  core_->Send(connection.id, bytes);
  return whole;
}

PairConnection* PairStreams::Find(uint64_t id) {
  for (const auto& connection : connections_) {
    if (connection->id == id) return connection.get();
  }
  return nullptr;
}

bool PairStreams::Translate(RequestStream::Words request, std::vector<std::string>* instead) const {
  if (!sets_clock_) {
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

// The live server's number of the connection. Unknown numbers map to one that no connection has.
std::string PairStreams::TranslateId(std::string_view id) const {
  constexpr uint64_t kNobody = 1'000'000'000'000;
  const std::optional<uint64_t> number = Whole<uint64_t>(id);
  if (!number || *number == 0) return std::string(id);
  for (const auto& [theirs, ours] : ids_) {
    if (ours == *number) return std::to_string(theirs);
  }
  return std::to_string(*number % kNobody + kNobody);
}

void PairStreams::ReadAll() {
  std::vector<pollfd> polled;
  polled.reserve(connections_.size());
  for (const auto& connection : connections_) polled.push_back({connection->link.fd(), POLLIN, 0});
  poll(polled.data(), polled.size(), 0);
  for (size_t i = 0; i < connections_.size(); ++i) {
    if (polled[i].revents == 0) continue;
    PairConnection& connection = *connections_[i];
    const RespConnection::Got got = connection.link.Read(0);
    if (got == RespConnection::Got::kClosed && verdict_->going()) {
      PairDifference& difference = verdict_->Differ("connection closed");
      difference.where = "connection " + std::to_string(connection.id);
      difference.model = "keeps the connection";
      difference.server = "closes it";
      return;
    }
    connection.link.Take(SplitValues(connection.link.in(), &connection.server));
  }
}

void PairStreams::TakeModelOutput() {
  for (const auto& connection : connections_) {
    std::string& bytes = connection->model_bytes;
    const size_t before = bytes.size();
    core_->Receive(connection->id, &bytes);
    if (bytes.size() == before) continue;
    SplitValues(std::string_view(bytes).substr(before), &connection->model);
  }
}

// The live server's numbers of connections become the core's. Its version may be another of the
// same profile.
void PairStreams::Rename(const PairConnection& connection, size_t i, std::string* value) {
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
  ++verdict_->counts().free["version in HELLO"];
}

bool PairStreams::Compare(PairConnection& connection, bool any_order) {
  PairConnection& c = connection;
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
    PairDifference& difference = verdict_->Differ(kind);
    difference.where = "connection " + std::to_string(c.id);
    difference.model = ToText(c.model);
    difference.server = ToText(c.server);
    return false;
  }
  PairCounts& counts = verdict_->counts();
  for (const StreamValue& value : c.server) ++(value.push ? counts.pushes : counts.replies);
  return true;
}

void PairStreams::CompareTurn(bool any_order) {
  if (verdict_->going()) {
    for (const auto& connection : connections_) {
      if (!Compare(*connection, any_order)) break;
    }
  }
  for (const auto& connection : connections_) {
    PairConnection& c = *connection;
    if (verdict_->going()) {
      for (const StreamValue& value : c.server) c.received += value.bytes;
    } else {
      c.received += c.model_bytes;
    }
    c.model_bytes.clear();
    c.model.clear();
    c.server.clear();
  }
}

}  // namespace resprobe::live
