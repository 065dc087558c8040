#ifndef RESPROBE_LIVE_RECORD_INVALIDATION_CASE_RECORDER_H_
#define RESPROBE_LIVE_RECORD_INVALIDATION_CASE_RECORDER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace resprobe::live {

// Records reads, writes and the order of deliveries, as `.ops` text for the harness invalidation
// (worlds/invalidation/invalidation_world.h): GET and MGET; SET, MSET, DEL, UNLINK, PEXPIRE,
// EXPIRE, FLUSHALL and FLUSHDB. Other commands are ignored. Keys are numbered in order of
// appearance; the harness has four. Records up to four connections at a time, each from its first
// such command on; a further one takes the slot of a closed one, as a reconnect of that client.
//
// A text ends after about `max_ops`; one without both a read and a write is not emitted.
class InvalidationCaseRecorder {
 public:
  using Emit = std::function<void(std::string_view text)>;

  InvalidationCaseRecorder(size_t max_ops, Emit emit) : max_ops_(max_ops), emit_(std::move(emit)) {}

  // Records a request of the client.
  void Request(uint64_t connection, std::span<const std::string_view> args);
  // Called after the last request from one read, before it goes to the server.
  void EndOfRead(uint64_t connection);
  // Records that the server has sent something to the client.
  void Received(uint64_t connection);
  void Close(uint64_t connection);
  // Ends the current text, which is the last.
  void Finish();

 private:
  static constexpr size_t kKeys = 4;
  static constexpr size_t kNoSlot = static_cast<size_t>(-1);
  struct Slot {
    uint64_t connection = 0;  // 0: free
    bool connected = true;    // in the current text
    bool sent = false;        // since the last EndOfRead()
  };

  // The slot of the connection; with `take`, assigns a free one if it has none.
  size_t SlotOf(uint64_t connection, bool take);
  size_t KeyOf(std::string_view name);
  void Add(std::string_view op, size_t slot, std::string_view fields);
  void Write(std::string_view kind, size_t slot, size_t key, int64_t ms = 1);
  void Deliver(size_t slot, std::string_view direction);

  size_t max_ops_;
  Emit emit_;
  std::array<Slot, 4> slots_;
  std::map<std::string, size_t, std::less<>> keys_;
  std::string text_;
  size_t ops_ = 0;
  bool read_ = false;
  bool written_ = false;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_RECORD_INVALIDATION_CASE_RECORDER_H_
