#include "worlds/invalidation/replication_stream.h"

#include <charconv>

#include "core/resp/writer.h"
#include "worlds/invalidation/invalidation_names.h"

namespace resprobe::invalidation {

void ReplicationStream::Begin(Network* network, Network::Endpoint primary, Network::Endpoint at,
                              ReplicaSubject* replica) {
  End();
  network_ = network;
  replica_ = replica;
  connection_ = replica->ConnectPrimary();
  end_ = network->Connect(at, primary);
}

void ReplicationStream::End() {
  if (open()) {
    replica_->Close(connection_);
    network_->Remove(end_);
  }
  connection_ = 0;
  db_ = 0;
  changes_.clear();
  next_ = 0;
}

std::span<const std::string> ReplicationStream::Send(Change change) {
  bytes_.clear();
  const bool one_db =
      change.what != Change::What::kFlushAll && change.what != Change::What::kSwapDb;
  if (one_db && db_ != change.db) {
    db_ = change.db;
    const std::string_view select[] = {"SELECT", change.db == 0 ? "0" : "1"};
    resp::AppendRequest(&bytes_, select);
  }
  std::array<std::string_view, 5> words;
  size_t count = 0;
  const auto say = [&](auto... word) { ((words[count++] = word), ...); };
  char digits[24];
  const std::string_view at(
      digits, static_cast<size_t>(
                  std::to_chars(digits, digits + sizeof(digits), change.expire_at).ptr - digits));
  const ValueText values[] = {ValueText(change.values[0]), ValueText(change.values[1])};
  const std::string_view key = SlotKey(change.slots[0]);
  switch (change.what) {
    case Change::What::kValues: {
      const bool field = change.slots[0] >= kStrings && change.count == 1;
      if (change.values[0] == 0 && field) {
        say("HDEL", key, SlotField(change.slots[0]));
      } else if (change.values[0] == 0) {
        say("DEL", key);
      } else if (field) {
        say("HSET", key, SlotField(change.slots[0]), values[0].view());
      } else if (change.count == 2) {
        say("MSET", key, values[0].view(), SlotKey(change.slots[1]), values[1].view());
      } else if (change.expire_at != 0) {
        say("SET", key, values[0].view(), "PXAT", at);
      } else {
        say("SET", key, values[0].view());
      }
      break;
    }
    case Change::What::kExpiry:
      say("PEXPIREAT", key, at);
      break;
    case Change::What::kFlushAll:
      say("FLUSHALL");
      break;
    case Change::What::kFlushDb:
      say("FLUSHDB");
      break;
    case Change::What::kSwapDb:
      say("SWAPDB", "0", "1");
      break;
  }
  resp::AppendRequest(&bytes_, std::span(words).first(count));
  network_->Send(Network::Peer(end_), bytes_);
  change.end = network_->Incoming(end_).sent();
  changes_.push_back(change);
  words_.resize(count);
  for (size_t i = 0; i < count; ++i) words_[i].assign(words[i]);
  return words_;
}

}  // namespace resprobe::invalidation
