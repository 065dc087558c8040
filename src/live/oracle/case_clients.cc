#include "live/oracle/case_clients.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "core/server/client.h"

namespace resprobe::live {
namespace {

constexpr int kCloseMs = 100;
constexpr std::string_view kHello3 = "*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n";

}  // namespace

CaseClients::CaseClients(LiveServer* target, const ServerSurvey* survey, Server* core,
                         RequestLog* log, OracleVerdict* verdict, ReplyReader* reader,
                         OracleConnections* connections, Profile profile)
    : target_(target),
      survey_(survey),
      core_(core),
      log_(log),
      verdict_(verdict),
      reader_(reader),
      connections_(connections) {
  resp::RequestLimits limits;
  limits.max_bulk = target->max_bulk();
  for (size_t i = 0; i < clients_.size(); ++i) {
    clients_[i].number = i;
    clients_[i].requests.Reset(limits);
    clients_[i].requests.set_blanks_keep_inline(TraitsOf(profile).blanks_keep_inline);
  }
}

void CaseClients::Begin(size_t count, uint8_t protocol3) {
  control().Release();
  active_ = nullptr;
  count_ = count;
  for (size_t i = 0; i < count_; ++i) {
    OracleClient& client = clients_[i];
    Open(client);
    if ((protocol3 >> i & 1) != 0 && survey_->resp3()) {
      core_->Receive(client.core_id, kHello3);
      client.greeting = std::exchange(core_->Output(client.core_id), {});
    }
  }
  Open(control());
}

// The client sends for the first time, or reconnects.
void CaseClients::TakeConnection(OracleClient& client) {
  // Prefer a connection with pending replies: the case continues where the previous one ended.
  const auto fitness = [](const OracleConnection& connection) {
    return connection.taken ? 0 : connection.owes() ? 3 : connection.link.connected() ? 2 : 1;
  };
  OracleConnection& connection =
      *std::max_element(connections_->begin(), connections_->end(),
                        [&](const OracleConnection& a, const OracleConnection& b) {
                          return fitness(a) < fitness(b);
                        });
  connection.taken = true;
  client.connection = &connection;
  if (!connection.link.connected()) Connect(&connection);
  if (!verdict_->going() || client.greeting.empty()) return;
  Asked& asked = log_->Add(client.number, Asked::Part::kBetween);
  asked.command = FindCommand("hello");
  asked.args = {"HELLO", "3"};
  asked.protocol = 3;
  connection.link.out() += kHello3;
  connection.Owe(std::exchange(client.greeting, {}), log_->last(), /*own=*/true);
}

void CaseClients::Connect(OracleConnection* connection) {
  std::string error;
  Link link = target_->Dial(&error);
  if (!link.valid()) return verdict_->ServerFailed();
  connection->link.Use(std::move(link), verdict_->hang_ms(), target_->stop());
  connection->Clear();
  connection->unanswered = 0;
  connection->answered = connection->after_error = connection->closed = false;
  connection->server_id = survey_->Has("client|id") ? 0 : OracleConnection::kNoNumber;
  if (connection->server_id == 0) connection->link.out() = "*2\r\n$6\r\nCLIENT\r\n$2\r\nID\r\n";
}

void CaseClients::HangUp(OracleClient& client) {
  if (client.connection != nullptr) {
    if (active_ != nullptr) reader_->Flush(*active_);
    active_ = nullptr;
    if (!survey_->redis() && verdict_->going()) reader_->CheckNothingHasFollowed(client);
    // Other servers than redis may leave the connection half open.
    const int wait_ms = survey_->redis() ? verdict_->hang_ms() : kCloseMs;
    if (verdict_->going() && !client.connection->link.Close(wait_ms) && survey_->redis()) {
      verdict_->ServerFailed();
    }
    client.connection->Clear();
    client.Release();
  }
  core_->Close(client.core_id);
}

void CaseClients::Reconnect(OracleClient& client) {
  // All its replies have been read.
  active_ = nullptr;
  std::string unsent = std::move(client.unsent);
  HangUp(client);
  Open(client);
  client.unsent = std::move(unsent);
}

OracleClient& CaseClients::Use(Index index) {
  OracleClient& client = clients_[index.Of(count_)];
  if (!core_->IsOpen(client.core_id)) {
    HangUp(client);
    Open(client);
  }
  return client;
}

bool CaseClients::LeavesNothing(const OracleClient& client) const {
  const Client* state = core_->FindClient(client.core_id);
  if (state == nullptr || !state->open || client.named || state->multi ||
      state->watched_count > 0 || state->blocked || state->subscription_count() > 0 ||
      state->tracking) {
    return false;
  }
  return std::none_of(clients_.begin(), clients_.end(), [&](const OracleClient& other) {
    const Client* redirecting = core_->FindClient(other.core_id);
    return redirecting != nullptr && redirecting->redirect == client.core_id;
  });
}

bool CaseClients::Waits(const OracleClient& client) const {
  const Client* state = core_->FindClient(client.core_id);
  return state != nullptr && state->blocked;
}

void CaseClients::Turn(OracleClient& client) {
  if (active_ == &client) return;
  if (active_ != nullptr) reader_->Flush(*active_);
  active_ = &client;
  if (verdict_->going() && client.connection == nullptr) TakeConnection(client);
}

void CaseClients::DropAll() {
  for (OracleConnection& connection : *connections_) {
    connection.link.Drop();
    connection.Clear();
    connection.taken = false;
  }
  for (OracleClient& client : clients_) client.connection = nullptr;
  active_ = nullptr;
}

void CaseClients::CloseAll() {
  const int wait_ms = survey_->redis() ? verdict_->hang_ms() : kCloseMs;
  for (OracleConnection& connection : *connections_) connection.link.Close(wait_ms);
}

void CaseClients::ReadClose(OracleClient& client) {
  if (!reader_->ReadClose(client)) return;
  if (active_ == &client) active_ = nullptr;
  client.Release();
}

}  // namespace resprobe::live
