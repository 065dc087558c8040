#include "core/server/replication_source.h"

#include <algorithm>

#include "core/keyspace/integers.h"
#include "core/persistence/rdb.h"
#include "core/resp/writer.h"
#include "core/server/server.h"

namespace resprobe {
namespace {

// The memory of the backlog that is kept for the next run.
constexpr size_t kIdleBacklogBytes = 64 << 10;

}  // namespace

void ReplicationSource::Reset() {
  if (!started()) return;  // nothing has been recorded
  leads_ = false;
  id_.clear();
  previous_id_.clear();
  previous_end_ = offset_ = 0;
  if (backlog_.capacity() > kIdleBacklogBytes) std::string().swap(backlog_);
  backlog_.clear();
  db_ = -1;
  ids_made_ = 0;
  ping_at_ = 0;
  replicas_.clear();
}

void ReplicationSource::Append(const Propagation& effects, bool framed) {
  bytes_.clear();
  effects.AppendTo(Propagation::Receiver::kReplicas, framed, &db_, &bytes_);
  Feed(bytes_);
}

void ReplicationSource::Feed(std::string_view bytes) {
  offset_ += bytes.size();
  backlog_.append(bytes);
  // Twice the size, so that it is not moved for each command.
  if (backlog_.size() > 2 * settings_.backlog_bytes) {
    backlog_.erase(0, backlog_.size() - settings_.backlog_bytes);
  }
  for (const Replica& replica : replicas_) replica.client->output.append(bytes);
}

// --- Replicas.

bool ReplicationSource::Has(std::string_view id, int64_t offset) const {
  if (offset < 0 || !started()) return false;
  const auto from = static_cast<uint64_t>(offset);
  if (from < backlog_begin() + 1 || from > offset_ + 1) return false;
  return id == id_ || (id == previous_id_ && from <= previous_end_);
}

void ReplicationSource::AddReplica(Client& client, std::string_view id, int64_t offset,
                                   uint64_t process) {
  std::string& out = client.output;
  const bool has = Has(id, offset);
  if (!started()) {
    MakeId(process);
    leads_ = true;
  }
  char digits[24];
  if (has) {
    out.append("+CONTINUE ").append(id_).append("\r\n");
    out.append(backlog_, static_cast<uint64_t>(offset) - 1 - backlog_begin());
  } else {
    out.append("+FULLRESYNC ").append(id_).append(" ");
    out.append(FormatInt64(static_cast<int64_t>(offset_), digits)).append("\r\n$");
    bytes_.clear();
    AppendRdb(*keyspace_,
              {.profile = profile_,
               .packed = false,
               .compress = false,
               .checksum = false,
               .fields = false,
               .stream_db = selected_db()},
              &bytes_);
    out.append(FormatInt64(static_cast<int64_t>(bytes_.size()), digits)).append("\r\n");
    out.append(bytes_);
    if (leads_) db_ = -1;
  }
  client.replica = true;
  replicas_.push_back({&client, 0, keyspace_->now_ms()});
}

void ReplicationSource::RemoveReplica(const Client& client) {
  std::erase_if(replicas_, [&](const Replica& replica) { return replica.client == &client; });
}

void ReplicationSource::Acknowledge(const Client& client, uint64_t offset) {
  for (Replica& replica : replicas_) {
    if (replica.client != &client) continue;
    replica.acknowledged = std::max(replica.acknowledged, offset);
    replica.acknowledged_at = keyspace_->now_ms();
  }
}

void ReplicationSource::AcknowledgeDurable(const Client& client, uint64_t offset) {
  for (Replica& replica : replicas_) {
    if (replica.client == &client) replica.durable = std::max(replica.durable, offset);
  }
}

int64_t ReplicationSource::CountDurable(uint64_t offset) const {
  return std::ranges::count_if(replicas_,
                               [&](const Replica& replica) { return replica.durable >= offset; });
}

int64_t ReplicationSource::CountAcknowledged(uint64_t offset) const {
  return std::ranges::count_if(
      replicas_, [&](const Replica& replica) { return replica.acknowledged >= offset; });
}

void ReplicationSource::Tick() {
  const int64_t now = keyspace_->now_ms();
  if (settings_.ping_ms == 0 || !leads_ || replicas_.empty() || now < ping_at_) return;
  ping_at_ = now + settings_.ping_ms;
  const std::string_view words[] = {"PING"};
  bytes_.clear();
  resp::AppendRequest(&bytes_, words);
  Feed(bytes_);
}

Client* ReplicationSource::SilentReplica() const {
  if (settings_.timeout_ms == 0) return nullptr;
  const int64_t since = keyspace_->now_ms() - settings_.timeout_ms;
  const auto silent = std::ranges::find_if(
      replicas_, [&](const Replica& replica) { return replica.acknowledged_at < since; });
  return silent == replicas_.end() ? nullptr : silent->client;
}

void ReplicationSource::AskForAcknowledgement() {
  if (replicas_.empty()) return;
  const std::string_view words[] = {"REPLCONF", "GETACK", "*"};
  bytes_.clear();
  resp::AppendRequest(&bytes_, words);
  Feed(bytes_);
}

// --- The identity of the stream.

// A function of the process and of the number of ids that it has made: no two are the same in a
// system, and a run is repeated with the same ones.
void ReplicationSource::MakeId(uint64_t process) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  uint64_t state = process * 0x9e3779b97f4a7c15 + ++ids_made_;
  id_.resize(kIdSize);
  for (char& digit : id_) {
    state = (state ^ state >> 31) * 0xbf58476d1ce4e5b9 + 0x94d049bb133111eb;
    digit = kDigits[state >> 60];
  }
}

void ReplicationSource::Adopt(std::string_view id, uint64_t offset, int db) {
  id_.assign(id);
  previous_id_.clear();
  previous_end_ = 0;
  offset_ = offset;
  backlog_.clear();
  db_ = db;
}

bool ReplicationSource::Continue(std::string_view id) {
  if (id.empty() || id == id_) return false;
  previous_id_ = id_;
  previous_end_ = offset_ + 1;
  id_.assign(id);
  return true;
}

void ReplicationSource::Branch(uint64_t process) {
  leads_ = started();
  if (!started()) return;
  previous_id_ = id_;
  previous_end_ = offset_ + 1;
  MakeId(process);
  db_ = -1;
}

}  // namespace resprobe
