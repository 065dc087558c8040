#include "history/life.h"

#include <algorithm>
#include <utility>

namespace resprobe::history {
namespace {

constexpr uint64_t kLife = 0x4c495645;
constexpr size_t kReadsAtOnce = 8;

// A crash leaves an operation of each client unknown. A transaction joins its keys in the check,
// and what is unknown on joined keys multiplies.
WorkloadOptions WorkloadOf(const LifeOptions& options) {
  WorkloadOptions workload = options.workload;
  constexpr uint32_t kFewTransactions = 10;
  if (options.part == Part::kCrash) workload.most_transactions = kFewTransactions;
  return workload;
}

}  // namespace

Life::Life(const LifeOptions& options)
    : workload_(WorkloadOf(options)), part_(options.part), reads_(workload_.ReadAll()) {
  Rng rng(options.workload.seed ^ kLife ^ static_cast<uint64_t>(options.part) << 40);
  rng.Next();
  const uint32_t clients = std::max(options.workload.clients, uint32_t{1});
  // More at once on a hot key have too many orders to be searched.
  constexpr uint32_t kPipelines[] = {1, 1, 2};
  pipeline_ = part_ == Part::kCrash ? 1 : rng.Pick(kPipelines);
  if (part_ == Part::kStorm) {
    constexpr uint32_t kReconnects[] = {20, 100, 400};
    reconnects_per_mille_ = rng.Pick(kReconnects);
    // Each unknown outcome may double the search.
    cuts_left_ = static_cast<uint32_t>(rng.Below(5));
  }
  if (part_ == Part::kCrash) {
    const uint64_t count = 1 + rng.Below(3);
    for (uint64_t i = 0; i < count; ++i) {
      crashes_.push_back(1 + rng.Below(std::max(options.operations, uint64_t{1})));
    }
    std::sort(crashes_.begin(), crashes_.end());
  }
  for (uint32_t slot = 0; slot < clients; ++slot) {
    Client& client = clients_.emplace_back();
    client.rng = Rng(rng.Next());
    // The first clients get what does not divide.
    client.left = options.operations / clients + (slot < options.operations % clients ? 1 : 0);
    Reconnect(&client);
  }
}

void Life::Reconnect(Client* client) {
  client->number = next_number_++;
  client->parser = std::make_unique<resp::ReplyParser>();
}

void Life::Send(uint32_t slot, Workload::Request request, uint64_t now_us, std::string* bytes) {
  Client& client = clients_[slot];
  client.open.push_back({history_.operations.size(), request.replies});
  *bytes += request.bytes;
  Operation& operation = history_.operations.emplace_back();
  operation.client = client.number;
  operation.begin_us = now_us;
  operation.requests = std::move(request.bytes);
  ++counts_.operations;
}

Life::Turn Life::Read(uint64_t now_us) {
  Turn turn;
  const bool busy = std::ranges::any_of(
      clients_, [](const Client& client) { return client.left > 0 || !client.open.empty(); });
  if (busy) return turn;
  reading_ = true;
  if (next_read_ == reads_.size()) {
    over_ = true;
    turn.step = Turn::Step::kOver;
    return turn;
  }
  turn.step = Turn::Step::kSend;
  for (size_t i = 0; i < kReadsAtOnce && next_read_ < reads_.size(); ++i) {
    Send(0, reads_[next_read_++], now_us, &turn.bytes);
  }
  return turn;
}

Life::Turn Life::Next(uint32_t slot, uint64_t now_us) {
  Client& client = clients_[slot];
  Turn turn;
  if (client.left == 0) {
    if (over_) turn.step = Turn::Step::kOver;
    return slot == 0 && !over_ ? Read(now_us) : turn;
  }
  if (client.rng.Below(1000) < reconnects_per_mille_) {
    turn.step = Turn::Step::kReconnect;
    turn.strangers = static_cast<uint32_t>(client.rng.Below(6));
    counts_.strangers += turn.strangers;
    ++counts_.reconnects;
    Reconnect(&client);
    return turn;
  }
  turn.step = Turn::Step::kSend;
  if (cuts_left_ > 0 && client.rng.OneIn(40)) {
    --cuts_left_;
    turn.step = Turn::Step::kCut;
  }
  const uint64_t most = turn.step == Turn::Step::kCut ? 1 : 1 + client.rng.Below(pipeline_);
  for (uint64_t i = 0; i < most && client.left > 0; ++i) {
    --client.left;
    ++sent_;
    Send(slot, workload_.Next(slot), now_us, &turn.bytes);
  }
  return turn;
}

Life::Heard Life::Arrived(uint32_t slot, std::string_view bytes, uint64_t now_us) {
  Client& client = clients_[slot];
  while (!bytes.empty()) {
    if (client.open.empty()) return Heard::kBroken;
    const resp::ReplyParser::Result result = client.parser->Parse(bytes);
    if (result.status == resp::ReplyParser::Status::kError) return Heard::kBroken;
    Open& open = client.open.front();
    Operation& operation = history_.operations[open.operation];
    operation.replies += bytes.substr(0, result.consumed);
    bytes.remove_prefix(result.consumed);
    if (result.status == resp::ReplyParser::Status::kNeedMore) break;
    if (--open.replies > 0) continue;
    operation.end_us = now_us;
    client.open.erase(client.open.begin());
  }
  return client.open.empty() ? Heard::kIdle : Heard::kWaits;
}

void Life::Lost(uint32_t slot) {
  Client& client = clients_[slot];
  for (const Open& open : client.open) {
    history_.operations[open.operation].replies.clear();
    ++counts_.unknown;
  }
  client.open.clear();
  Reconnect(&client);
}

const History& Life::Finish() {
  for (uint32_t slot = 0; slot < slots(); ++slot) Lost(slot);
  return history_;
}

void Life::Crashed(uint64_t now_us) {
  for (Client& client : clients_) {
    for (const Open& open : client.open) history_.operations[open.operation].end_us = now_us;
  }
  for (uint32_t slot = 0; slot < slots(); ++slot) Lost(slot);
  ++next_crash_;
  ++counts_.crashes;
}

}  // namespace resprobe::history
