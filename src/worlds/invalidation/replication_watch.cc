#include "worlds/invalidation/replication_watch.h"

#include <algorithm>
#include <charconv>

#include "core/keyspace/hash.h"
#include "worlds/invalidation/invalidation_names.h"

namespace resprobe::invalidation {
namespace {

template <class Number>
bool Parse(std::string_view text, Number* number) {
  const char* const end = text.data() + text.size();
  const auto [stop, status] = std::from_chars(text.data(), end, *number);
  return status == std::errc() && stop == end;
}

// The slot of a key, and of a field if there is one; false if the world has none.
bool ParseSlot(std::string_view key, const std::string_view* field, uint8_t* slot) {
  const size_t first = SlotOfKey(key);
  if (first == kSlots) return false;
  *slot = static_cast<uint8_t>(first + (field == nullptr ? 0 : FieldNumber(*field)));
  return true;
}

}  // namespace

void ReplicationWatch::End() {
  end_ = Network::End::kNone;
  Forget();
}

void ReplicationWatch::Forget() {
  changes_.clear();
  texts_.clear();
  next_ = named_ = 0;
}

bool ReplicationWatch::Begin(Network* network, Node* primary, Node* replica, bool texts) {
  End();
  if (replica->dialled().empty()) return false;
  network_ = network;
  primary_ = primary;
  replica_ = replica;
  with_texts_ = texts;
  end_ = replica->dialled().back();
  phase_ = Phase::kHandshake;
  line_.clear();
  parser_.Reset();
  db_ = 0;
  multi_ = false;
  primary->Accept(Network::Peer(end_));
  while (true) {
    DeliverToPrimary();
    if (!Read()) return false;
    if (phase_ != Phase::kHandshake) return true;
    const std::string_view arrived = network->Take(end_, SIZE_MAX);
    if (arrived.empty()) return false;
    replica->Deliver(end_, arrived);
  }
}

void ReplicationWatch::DeliverToPrimary() {
  replica_->Collect(end_);
  const std::string_view bytes = network_->Take(Network::Peer(end_), SIZE_MAX);
  if (!bytes.empty()) primary_->Deliver(Network::Peer(end_), bytes);
}

bool ReplicationWatch::Read() {
  std::string_view bytes = primary_->Collect(Network::Peer(end_));
  while (!bytes.empty()) {
    if (phase_ != Phase::kCommands) {
      if (!ReadPrelude(&bytes)) return false;
      continue;
    }
    const resp::RequestParser::Result result = parser_.Parse(bytes);
    if (result.status == resp::RequestParser::Status::kNeedMore) return true;
    if (result.status == resp::RequestParser::Status::kError) {
      unknown_ = parser_.error().text;
      return false;
    }
    bytes.remove_prefix(result.consumed);
    if (ReadCommand(parser_.args(), network_->Incoming(end_).sent() - bytes.size())) continue;
    unknown_.clear();
    for (const std::string_view word : parser_.args()) {
      unknown_.append(unknown_.empty() ? "" : " ").append(word);
    }
    return false;
  }
  return true;
}

// The replies to the handshake, then the snapshot: "$SIZE" and SIZE bytes.
bool ReplicationWatch::ReadPrelude(std::string_view* bytes) {
  if (phase_ == Phase::kKeys) {
    const size_t count = std::min(keys_left_, bytes->size());
    bytes->remove_prefix(count);
    keys_left_ -= count;
    if (keys_left_ > 0) return true;
    phase_ = Phase::kCommands;
    // The snapshot replaces the replica's keys, and holds none itself: the world makes a replica
    // follow only an empty server.
    Change change;
    change.what = Change::What::kFlushAll;
    Add(change, network_->Incoming(end_).sent() - bytes->size(), "all its keys: none");
    return true;
  }
  const size_t end = bytes->find('\n');
  line_.append(bytes->substr(0, end));
  bytes->remove_prefix(end == bytes->npos ? bytes->size() : end + 1);
  if (end == bytes->npos) return true;
  if (!line_.empty() && line_.back() == '\r') line_.pop_back();
  bool good = true;
  if (phase_ == Phase::kHandshake) {
    good = line_.empty() || line_[0] == '+';
    if (line_.starts_with("+FULLRESYNC")) phase_ = Phase::kSize;
    if (line_.starts_with("+CONTINUE")) phase_ = Phase::kCommands;
  } else if (!line_.empty()) {
    good = line_[0] == '$' && Parse(std::string_view(line_).substr(1), &keys_left_);
    phase_ = Phase::kKeys;
  }
  if (!good) unknown_ = line_;
  line_.clear();
  return good;
}

void ReplicationWatch::Add(const Change& change, uint64_t end, std::string_view text) {
  changes_.push_back(change);
  changes_.back().end = multi_ ? UINT64_MAX : end;
  if (with_texts_) {
    texts_.resize(changes_.size());
    texts_.back().assign(text);
  }
}

void ReplicationWatch::Drop() {
  changes_.erase(changes_.begin() + static_cast<ptrdiff_t>(named_));
  if (with_texts_) texts_.erase(texts_.begin() + static_cast<ptrdiff_t>(named_));
}

// What a primary makes of the commands that the world's clients send. False for any other.
bool ReplicationWatch::ReadCommand(std::span<const std::string_view> words, uint64_t end) {
  const std::string_view name = words[0];
  const size_t count = words.size();
  const auto is = [&](std::string_view other, size_t size) {
    return count == size && SameBytes(name, other);
  };
  Change change;
  change.db = db_;
  bool good = true;
  const auto slot_at = [&](size_t i, const std::string_view* field = nullptr) {
    good &= ParseSlot(words[i], field, &change.slots[change.count]);
    ++change.count;
  };
  const auto value_at = [&](size_t i) {
    change.values[change.count - 1] = ValueNumber(false, words[i]);
  };
  if (is("SET", 3) || is("SET", 5)) {
    slot_at(1);
    value_at(2);
    if (count == 5) good &= words[3] == "PXAT" && Parse(words[4], &change.expire_at);
  } else if (is("DEL", 2) || is("UNLINK", 2)) {
    slot_at(1);
    if (good && SlotsOfKey(change.slots[0]) == 2) {
      change.slots[change.count++] = static_cast<uint8_t>(change.slots[0] + 1);
    }
  } else if (is("HSET", 4)) {
    slot_at(1, &words[2]);
    value_at(3);
  } else if (is("HDEL", 3)) {
    slot_at(1, &words[2]);
  } else if (is("MSET", 5)) {
    slot_at(1);
    value_at(2);
    slot_at(3);
    value_at(4);
  } else if (is("PEXPIREAT", 3)) {
    change.what = Change::What::kExpiry;
    slot_at(1);
    good &= Parse(words[2], &change.expire_at);
  } else if (is("FLUSHALL", 1)) {
    change.what = Change::What::kFlushAll;
  } else if (is("FLUSHDB", 1)) {
    change.what = Change::What::kFlushDb;
  } else if (is("SWAPDB", 3)) {
    change.what = Change::What::kSwapDb;
  } else if (is("SELECT", 2)) {
    return Parse(words[1], &db_) && db_ < kDatabases;
  } else if (is("MULTI", 1)) {
    multi_ = true;
    return true;
  } else if (is("EXEC", 1)) {
    multi_ = false;
    for (size_t i = changes_.size(); i > 0 && changes_[i - 1].end == UINT64_MAX; --i) {
      changes_[i - 1].end = end;
    }
    return true;
  } else {
    return is("PING", 1) || name == "REPLCONF";
  }
  if (!good) return false;
  std::string& text = line_;
  text.clear();
  if (with_texts_) {
    for (const std::string_view word : words) text.append(text.empty() ? "" : " ").append(word);
  }
  Add(change, end, text);
  return true;
}

}  // namespace resprobe::invalidation
