#include "live/oracle/oracle.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "core/resp/writer.h"
#include "live/oracle/state_check.h"

namespace resprobe::live {
namespace {

// At most this many cases begin before all replies to the first have been compared, and before the
// server's log is read.
constexpr uint64_t kMostAhead = 64;

}  // namespace

Oracle::Oracle(LiveServer* target, const OracleOptions& options)
    : target_(target),
      survey_(options.survey),
      profile_(options.profile),
      core_(ServerConfig{.profile = options.profile,
                         .max_bulk = target->max_bulk(),
                         .active_expiry = !target->active_expiry_off()}),
      verdict_(target, &log_, &connections_, &counts_, options.hang_ms),
      fence_(target, &verdict_, &connections_, survey_.reply_ms()),
      reader_(&core_, &log_, &verdict_, &fence_, &comparer_, &counts_, survey_.redis(),
              survey_.first_reply_ms(), survey_.reply_ms()),
      clients_(target, &survey_, &core_, &log_, &verdict_, &reader_, &connections_,
               options.profile),
      adopter_(target, &survey_, &core_, &clients_, &verdict_),
      writer_(target, &survey_, &core_, &log_, &verdict_, &reader_, &clients_, &counts_,
              options.profile) {
  comparer_.set_only_error_codes(options.only_error_codes);
  comparer_.set_clock_uncertainty_ms(target->clock_uncertainty_ms());
  comparer_.set_exact_time(target->has_virtual_time());
  writer_.set_exact_time(target->has_virtual_time());
  comparer_.set_groups_errors(!survey_.redis());
  verdict_.set_finds_causes(!survey_.redis());
  // Its encodings show how a value was made.
  if (survey_.redis()) return;
  comparer_.set_unknown_command(survey_.unknown_error(), ServerSurvey::kNoCommand);
  verdict_.set_adopt([this](const Asked& asked) { return adopter_.Adopt(asked); });
}

bool Oracle::Prepare(std::string* error, bool fresh) {
  const std::optional<Difference>& last = verdict_.difference();
  const bool restart = fresh || (last && last->fatal);
  if (restart && target_->own() && !target_->Restart(error)) return false;
  verdict_.Restart();
  clients_.DropAll();
  adopter_.Disconnect();
  log_.Clear();
  writer_.filter().ClearOutOfRange();  // accepting a connection sets errno
  Link link = target_->Dial(error);
  if (!link.valid()) return false;
  fence_.Use(std::move(link));
  // An aborted case has left its settings.
  if (writer_.settings_changed() && !target_->most_tracked().empty() &&
      !fence_.Demand("CONFIG SET tracking-table-max-keys " + target_->most_tracked(), error)) {
    return false;
  }
  writer_.ClearSettingsChanged();
  return DeleteLeftKeys(error);
}

// What an aborted case has left.
bool Oracle::DeleteLeftKeys(std::string* error) {
  if (survey_.redis()) return fence_.Demand("FLUSHALL", error);
  for (const char* all : {"flushall", "flushdb"}) {
    if (survey_.Has(all)) return fence_.Ask({all}, error);
  }
  if (!survey_.Has("del")) return true;
  for (const std::set<std::string>* keys : {&writer_.named_keys(), &writer_.left_keys()}) {
    for (const std::string& key : *keys) {
      if (!fence_.Ask({"DEL", key}, error)) return false;
    }
  }
  writer_.ForgetLeftKeys();
  return true;
}

std::optional<Difference> Oracle::Run(const Case<CommandWorld>& c) {
  RunAhead(c);
  return CatchUp();
}

std::optional<Difference> Oracle::RunAhead(const Case<CommandWorld>& c) {
  Begin(c.config);
  for (size_t i = 0; i < c.ops.size() && verdict_.going(); ++i) {
    std::visit([&](const auto& op) { Step(op); }, c.ops[i]);
  }
  End();
  // With virtual time, what a case has left to be sent belongs to its time.
  const bool ahead =
      verdict_.difference() || (verdict_.unlogged() < kMostAhead && !target_->has_virtual_time());
  return ahead ? verdict_.difference() : CatchUp();
}

void Oracle::Finish() {
  End();
  CatchUp();
}

void Oracle::End() {
  if (verdict_.going()) Settle();
  if (!verdict_.going()) Abort();
}

std::optional<Difference> Oracle::CatchUp() {
  if (!verdict_.going()) return verdict_.difference();
  OracleClient& last = clients_.control();
  if (last.connection != nullptr) reader_.Flush(last);
  if (verdict_.going()) verdict_.CheckLog();
  if (verdict_.going()) {
    Retire();
    // All cases have deleted their own.
    writer_.ForgetLeftKeys();
  }
  if (!verdict_.going()) Abort();
  return verdict_.difference();
}

void Oracle::Begin(const CommandWorld::Config& config) {
  verdict_.BeginCase();
  clients_.control().Release();
  Retire();
  log_.BeginCase();
  core_.Reset();
  const auto case_now = static_cast<int64_t>(core_.now_ms());
  if (target_->has_virtual_time()) target_->SetClock(case_now);
  const int64_t now = target_->now_ms();
  core_.Advance(static_cast<uint64_t>(std::max<int64_t>(now - case_now, 0)));
  writer_.Begin(case_now, now);
  clients_.Begin(1 + config.clients.Of(kOracleClients), config.protocol3.value);
}

void Oracle::Apply(const CommandWorld::Call& op) {
  if (op.args.words.empty()) return;
  OracleClient& client = clients_.Use(op.client);
  resp::AppendRequest(&client.unsent, op.args.words);
  writer_.Deliver(client, std::exchange(client.unsent, {}));
}

void Oracle::Apply(const CommandWorld::Queue& op) {
  if (!op.args.words.empty()) resp::AppendRequest(&clients_.Use(op.client).unsent, op.args.words);
}

void Oracle::Apply(const CommandWorld::Deliver& op) {
  OracleClient& client = clients_.Use(op.client);
  if (client.unsent.empty()) return;
  const size_t bytes = op.bytes.UpTo(client.unsent.size());
  const std::string part = client.unsent.substr(0, bytes);
  client.unsent.erase(0, bytes);
  writer_.Deliver(client, part);
}

void Oracle::Apply(const CommandWorld::Raw& op) {
  clients_.Use(op.client).unsent.append(op.bytes.bytes);
}

void Oracle::Apply(const CommandWorld::Advance& op) {
  if (!target_->has_virtual_time()) return writer_.Advance(op.ms.value);
  if (clients_.active() != nullptr) reader_.Flush(*clients_.active());
  if (!verdict_.going()) return;
  target_->SetClock(target_->now_ms() + static_cast<int64_t>(op.ms.value));
  FollowClock();
}

// The core's time is the server's, which passes while the oracle waits for it.
void Oracle::FollowClock() {
  const auto ahead = target_->now_ms() - static_cast<int64_t>(core_.now_ms());
  if (ahead > 0) core_.Advance(static_cast<uint64_t>(ahead));
}

void Oracle::Apply(const CommandWorld::Reconnect& op) {
  OracleClient& client = clients_.at(op.client.Of(clients_.count()));
  if (client.connection != nullptr && clients_.LeavesNothing(client) && writer_.Reset(client)) {
    OracleConnection* const connection = client.connection;
    core_.Close(client.core_id);
    clients_.Open(client);
    client.connection = connection;
    return;
  }
  clients_.HangUp(client);
  clients_.Open(client);
}

void Oracle::Settle() {
  for (size_t i = 0; i < clients_.count() && verdict_.going(); ++i) {
    OracleClient& client = clients_.at(i);
    if (core_.IsOpen(client.core_id)) writer_.Deliver(client, std::exchange(client.unsent, {}));
  }
  // Clients that these requests have unblocked have more to send.
  for (size_t i = 0; i < clients_.count() && verdict_.going(); ++i) {
    if (core_.IsOpen(clients_.at(i).core_id)) writer_.Deliver(clients_.at(i), {});
  }
  // Reset every client: first the one whose turn it is, then the others at once. Compare the final
  // state after that, since no client may be notified of it. With a single client there is nothing
  // to wait for.
  OracleClient* const active = clients_.active();
  std::array<bool, kOracleClients> drop = {};
  if (verdict_.going() && active != nullptr) {
    drop[active->number] = !writer_.Reset(*active);
    const bool alone =
        std::all_of(clients_.all().begin(), clients_.all().end(), [&](const OracleClient& client) {
          return &client == active || client.connection == nullptr;
        });
    if (verdict_.going() && (drop[active->number] || !alone)) reader_.Flush(*active);
  }
  clients_.EndTurn();
  for (size_t i = 0; i < clients_.count() && verdict_.going(); ++i) {
    OracleClient& client = clients_.at(i);
    if (&client == active || client.connection == nullptr) continue;
    drop[i] = !writer_.Reset(client);
    reader_.Send(*client.connection);
  }
  for (size_t i = 0; i < clients_.count() && verdict_.going(); ++i) {
    OracleClient& client = clients_.at(i);
    if (client.connection == nullptr) continue;
    if (&client != active) reader_.Read(client);
    if (verdict_.going() && drop[i]) clients_.HangUp(client);
    client.Release();
  }
  if (verdict_.going()) CheckState(*target_, core_.keyspace(), verdict_, &writer_);
}

// After a difference no data of the case may reach the next one.
void Oracle::Abort() {
  if (!verdict_.difference()) return Retire();  // given up: there will be no next one
  ++counts_.cases;
  if (verdict_.difference()->fatal) return;
  clients_.CloseAll();
  std::string error;
  const Difference kept = *verdict_.difference();
  const bool prepared = Prepare(&error);
  verdict_.Keep(kept, /*fatal=*/!prepared);
}

}  // namespace resprobe::live
