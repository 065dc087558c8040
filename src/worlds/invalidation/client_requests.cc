#include "worlds/invalidation/client_requests.h"

#include <algorithm>
#include <charconv>

#include "core/keyspace/hash.h"
#include "worlds/invalidation/invalidation_names.h"

namespace resprobe::invalidation {
namespace {

// A word that is compared with many names, most of which differ from it in the first letter.
class Word {
 public:
  explicit Word(std::string_view text) : first_(text[0]), text_(text) {}
  // Inlined into its caller, so that the name is a constant.
  [[gnu::always_inline]] bool Is(std::string_view name) const {
    return first_ == name[0] && SameBytes(text_, name);
  }

 private:
  const char first_;
  const std::string_view text_;
};

int64_t Milliseconds(std::string_view text) {
  int64_t ms = 0;
  std::from_chars(text.data(), text.data() + text.size(), ms);
  return ms;
}

// The version that a write has given to one of its slots.
uint64_t VersionAt(const Sent& write, size_t slot) {
  return write.versions[write.count == 2 && write.slots[1] == slot ? 1 : 0];
}

}  // namespace

void ClientRequests::Reset() {
  sent_.clear();
  answered_ = 0;
  asked_.clear();
  last_write_ = {};
  forgotten_sent_ = forgotten_asked_ = 0;
  forget_at_ = kMuch;
}

void ClientRequests::Connected(uint8_t node) {
  answered_ = first_sent_ = size();
  node_ = node;
  db_ = 0;
  multi_ = caching_ = false;
}

Sent& ClientRequests::Add(std::span<const std::string_view> args, cache::Mode mode) {
  Sent& sent = sent_.emplace_back();
  sent.db = db_;
  sent.node = node_;
  const Word name(args[0]);
  const auto slot_at = [&](size_t i) {
    sent.slots[sent.count++] = static_cast<uint8_t>(SlotOfKey(args[i]));
  };
  const auto field_at = [&](size_t i) {
    slot_at(i);
    sent.slots[0] = static_cast<uint8_t>(sent.slots[0] + FieldNumber(args[i + 1]));
  };
  const auto write = [&](WriteKind kind) {
    sent.kind = Sent::Kind::kWrite;
    sent.write = kind;
  };
  if (name.Is("GET") || name.Is("HGET") || name.Is("MGET")) {
    sent.kind = name.Is("MGET") ? Sent::Kind::kReadMany : Sent::Kind::kRead;
    if (name.Is("HGET")) {
      field_at(1);
    } else {
      for (size_t i = 1; i < args.size() && sent.count < sent.slots.size(); ++i) slot_at(i);
    }
    using cache::Mode;
    sent.tracked = mode == Mode::kDefault || (mode == Mode::kOptIn && caching_) ||
                   (mode == Mode::kOptOut && !caching_);
  } else if (name.Is("SET")) {
    write(args.size() > 3 ? WriteKind::kSetPx : WriteKind::kSet);
    if (args.size() > 4) sent.ms = Milliseconds(args[4]);
    slot_at(1);
    sent.values[0] = ValueNumber(false, args[2]);
  } else if (name.Is("MSET")) {
    write(WriteKind::kMset);
    slot_at(1);
    slot_at(3);
    sent.values = {ValueNumber(false, args[2]), ValueNumber(false, args[4])};
  } else if (name.Is("DEL")) {
    slot_at(1);
    if (SlotsOfKey(sent.slots[0]) == 2) {
      write(WriteKind::kDelHash);
      sent.slots[sent.count++] = static_cast<uint8_t>(sent.slots[0] + 1);
    } else {
      write(WriteKind::kDel);
    }
  } else if (name.Is("PEXPIRE")) {
    sent.ms = Milliseconds(args[2]);
    write(sent.ms <= 0 ? WriteKind::kDel : WriteKind::kPexpire);
    slot_at(1);
  } else if (name.Is("HSET")) {
    write(WriteKind::kHset);
    field_at(1);
    sent.values[0] = ValueNumber(false, args[3]);
  } else if (name.Is("HDEL")) {
    write(WriteKind::kHdel);
    field_at(1);
  } else if (name.Is("FLUSHALL") || name.Is("FLUSHDB")) {
    write(name.Is("FLUSHALL") ? WriteKind::kFlushAll : WriteKind::kFlushDb);
  } else if (name.Is("SELECT")) {
    db_ = static_cast<uint8_t>(args[1] == "1" ? 1 : 0);
  } else if (name.Is("RESET")) {
    db_ = 0;
    multi_ = false;
  } else if (name.Is("MULTI")) {
    multi_ = true;
  } else if (name.Is("EXEC")) {
    multi_ = false;
    sent = queued_;
    sent.kind = Sent::Kind::kExec;
  }
  if (multi_ && sent.kind != Sent::Kind::kOther) {
    queued_ = sent;
    sent = {};
  }
  caching_ = name.Is("CLIENT") && args.size() > 2 && SameBytes(args[1], "CACHING");
  return sent;
}

Asked& ClientRequests::Number(uint64_t number, size_t slot, size_t position, bool read,
                              bool connected) {
  if (held() >= forget_at_) [[unlikely]]
    Forget();
  const uint64_t i = number - 1 - forgotten_asked_;
  if (asked_.size() < i) [[unlikely]]
    asked_.resize(i);
  if (asked_.size() == i) {
    asked_.emplace_back();
  } else {
    asked_[i] = {};
  }
  Asked& asked = asked_[i];
  asked.position = static_cast<uint8_t>(position);
  asked.slot = static_cast<uint8_t>(slot);
  asked.read = read;
  if (sent_.empty() || !connected) return asked;
  const uint64_t last = size() - 1;
  const Sent& sent = sent_.back();
  const bool is_read = sent.kind == Sent::Kind::kRead || sent.kind == Sent::Kind::kReadMany;
  if (last >= first_sent_ && is_read == read && sent.kind != Sent::Kind::kOther) asked.sent = last;
  return asked;
}

void ClientRequests::MatchReplay(uint64_t i) {
  Asked* first = nullptr;
  for (Asked& asked : asked_) {
    if (asked.done || !asked.read || asked.sent == Asked::kNever) continue;
    if (asked.sent >= first_sent_ || asked.slot != (*this)[i].slots[0]) continue;
    if (first == nullptr || asked.sent < first->sent) first = &asked;
  }
  if (first != nullptr) first->sent = i;
}

void ClientRequests::NoteWrite() {
  const Sent& sent = sent_.back();
  const uint64_t mark = size();
  const bool everywhere = sent.write == WriteKind::kFlushAll;
  const bool all = everywhere || sent.write == WriteKind::kFlushDb;
  for (size_t db = 0; db < kDatabases; ++db) {
    if (all && (db == sent.db || everywhere)) {
      last_write_[db].fill(mark);
    } else if (!all && db == sent.db) {
      for (size_t i = 0; i < sent.count; ++i) last_write_[db][sent.slots[i]] = mark;
    }
  }
}

uint64_t ClientRequests::OwnWrite(const Asked& asked) const {
  if (asked.own_write == 0) return 0;
  return VersionAt((*this)[asked.own_write - 1], asked.slot);
}

// Forgets the numbers before the first request that is not done, and the requests before the first
// that is not answered or that belongs to one of the others.
void ClientRequests::Forget() {
  const auto kept = std::ranges::find(asked_, false, &Asked::done);
  forgotten_asked_ += static_cast<uint64_t>(kept - asked_.begin());
  asked_.erase(asked_.begin(), kept);
  // The last one is needed by Number() and NoteWrite().
  uint64_t first = sent_.empty() ? size() : std::min(answered_, size() - 1);
  for (const Asked& asked : asked_) {
    first = std::min(first, asked.sent);
    if (asked.own_write != 0) first = std::min(first, asked.own_write - 1);
  }
  for (size_t db = 0; db < kDatabases; ++db) {
    for (size_t slot = 0; slot < kSlots; ++slot) {
      const uint64_t write = last_write_[db][slot];
      if (write <= forgotten_sent_ || write > first) continue;
      forgotten_writes_[db][slot] = VersionAt((*this)[write - 1], slot);
    }
  }
  sent_.erase(sent_.begin(), sent_.begin() + static_cast<ptrdiff_t>(first - forgotten_sent_));
  forgotten_sent_ = first;
  // If much is left, not again soon.
  forget_at_ = std::max(kMuch, 2 * held());
}

void ClientRequests::ForgetWrites() {
  last_write_ = {};
  for (Asked& asked : asked_) {
    asked.seen = asked.written = 0;
    asked.own_write = 0;
  }
}

}  // namespace resprobe::invalidation
