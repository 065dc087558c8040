#ifndef RESPROBE_WORLDS_INVALIDATION_CLIENT_REQUESTS_H_
#define RESPROBE_WORLDS_INVALIDATION_CLIENT_REQUESTS_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/cache/policy.h"
#include "worlds/invalidation/invalidation_ops.h"

namespace resprobe::invalidation {

// A request in the stream to the server.
struct Sent {
  enum class Kind : uint8_t { kOther, kRead, kReadMany, kWrite, kExec } kind = Kind::kOther;
  WriteKind write = WriteKind::kSet;
  uint8_t db = 0;
  uint8_t node = 0;      // the server that it is sent to
  uint8_t count = 0;     // slots
  bool tracked = false;  // of a read: the server tracks its keys
  std::array<uint8_t, 2> slots{};
  int64_t ms = 0;                      // of kSetPx and kPexpire
  std::array<uint64_t, 2> values{};    // numbers of the values written or read; 0: nil
  std::array<uint64_t, 2> versions{};  // versions when the server ran it; 0: not run
  uint64_t end = 0;                    // its end in the stream

  // True if a key that it writes may vanish later, without a command.
  bool LetsVanish() const { return write == WriteKind::kSetPx || write == WriteKind::kPexpire; }
};

// A request, by the number that the client gave it.
struct Asked {
  static constexpr uint64_t kNever = UINT64_MAX;
  uint64_t sent = kNever;  // index into the client's requests
  uint8_t position = 0;    // index among its slots
  uint8_t slot = 0;
  bool read = false;
  bool done = false;
  uint64_t seen = 0;       // what the session had read by then
  uint64_t written = 0;    // what it had written by then, acknowledged
  uint64_t own_write = 0;  // the client's last write of the slot before it: index, + 1
};

// The requests of one client, on its first connection and on those before it: what they mean, which
// of them the server has answered, and which one belongs to a request that the client has numbered.
// It follows what the client sends by itself, and relies on nothing that the client says of it.
//
// From kMuch on it forgets now and then the oldest requests that are done, so that an endless run
// needs no more memory than a long one. Indices and numbers keep their meaning.
class ClientRequests {
 public:
  static constexpr size_t kMuch = 2048;  // requests and numbers

  // Forgets everything, for a new run.
  void Reset();
  // What follows is sent on a new connection, to this server.
  void Connected(uint8_t node);

  // The client has sent this request. Valid until the next call.
  Sent& Add(std::span<const std::string_view> args, cache::Mode mode);
  // The number of all that were sent in this run.
  uint64_t size() const { return forgotten_sent_ + sent_.size(); }
  // Must not be forgotten: it is not answered, or a request in asked() refers to it.
  const Sent& operator[](uint64_t i) const { return sent_[i - forgotten_sent_]; }
  // The next request that the server has to answer, if it has arrived: if it ends at most at this
  // offset of the stream. nullptr if there is none.
  Sent* Next(uint64_t arrived) {
    if (answered_ == size()) return nullptr;
    Sent& next = sent_[answered_ - forgotten_sent_];
    return next.end <= arrived ? &next : nullptr;
  }
  // The server has answered that one.
  void Answered() { ++answered_; }

  // The client has given this number to a request for a slot: to the last one that it has sent, if
  // it has sent one on this connection. Pointers to requests become invalid.
  Asked& Number(uint64_t number, size_t slot, size_t position, bool read, bool connected);
  // It has numbered a request that reads and writes nothing.
  void NumberOther() { asked_.emplace_back().done = true; }
  // The request of that number; nullptr if the client has not numbered it yet, or it was done and
  // is forgotten.
  Asked* Find(uint64_t number) {
    const uint64_t i = number - 1 - forgotten_asked_;
    return i < asked_.size() ? &asked_[i] : nullptr;
  }
  // Those that are not forgotten: at least all that are not done.
  std::span<const Asked> asked() const { return asked_; }
  // What is kept: requests and numbers.
  size_t held() const { return sent_.size() + asked_.size(); }
  // The i-th request resends a read that an older connection has left unanswered: the oldest of
  // those, however often it has been resent.
  void MatchReplay(uint64_t i);

  // The last request is a write of its slots, of its whole database, or of all.
  void NoteWrite();
  // Notes the client's last write of a slot in a request for it.
  void RememberWrite(size_t db, size_t slot, Asked* asked) const {
    asked->own_write = last_write_[db][slot];
    Fold(db, slot, asked);
  }
  // The version that the client's own write before this request has made; 0: none, or not run.
  uint64_t OwnWrite(const Asked& asked) const;
  // The servers that ran the writes so far are gone.
  void ForgetWrites();

 private:
  void Forget();
  // If the write that a request remembers is forgotten, remembers its version instead.
  void Fold(size_t db, size_t slot, Asked* asked) const {
    if (asked->own_write == 0 || asked->own_write > forgotten_sent_) [[likely]]
      return;
    asked->written = std::max(asked->written, forgotten_writes_[db][slot]);
    asked->own_write = 0;
  }

  std::vector<Sent> sent_;    // of all connections; index i at i - forgotten_sent_
  uint64_t first_sent_ = 0;   // index of the first on the current connection
  uint64_t answered_ = 0;     // the first that the server has not answered
  std::vector<Asked> asked_;  // number n at n - 1 - forgotten_asked_
  uint64_t forgotten_sent_ = 0;
  uint64_t forgotten_asked_ = 0;
  size_t forget_at_ = kMuch;
  // The state of the stream to the server.
  uint8_t node_ = 0;
  uint8_t db_ = 0;
  bool multi_ = false;
  bool caching_ = false;
  Sent queued_;
  // The last write of each slot: its index, + 1; 0: none. If that is forgotten, its version.
  std::array<std::array<uint64_t, kSlots>, kDatabases> last_write_{};
  std::array<std::array<uint64_t, kSlots>, kDatabases> forgotten_writes_{};
};

}  // namespace resprobe::invalidation

#endif  // RESPROBE_WORLDS_INVALIDATION_CLIENT_REQUESTS_H_
