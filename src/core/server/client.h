#ifndef RESPROBE_CORE_SERVER_CLIENT_H_
#define RESPROBE_CORE_SERVER_CLIENT_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/keyspace/dict.h"
#include "core/keyspace/object.h"
#include "core/resp/request_parser.h"
#include "core/tracking/tracking_mode.h"

namespace resprobe {

struct Command;

// A key that a client watches.
struct WatchedKey {
  int db = 0;
  bool expired = false;  // its time had come before WATCH, but it was not yet deleted
  std::string key;
};

// Commands that wait for EXEC. All arguments lie in one buffer.
class CommandQueue {
 public:
  struct Entry {
    const Command* command;
    size_t first;  // in the arguments
    size_t argc;
  };

  void Add(const Command& command, std::span<const std::string_view> args);
  void Clear();
  size_t size() const { return entries_.size(); }
  // The i-th of all arguments.
  std::string_view argument(size_t i) const {
    const size_t begin = i == 0 ? 0 : ends_[i - 1];
    return std::string_view(bytes_).substr(begin, ends_[i] - begin);
  }
  const Entry& entry(size_t i) const { return entries_[i]; }
  // All arguments of all entries; valid until the next Add() or Clear().
  void Arguments(std::vector<std::string_view>* args) const;

 private:
  std::vector<Entry> entries_;
  std::vector<size_t> ends_;  // where each argument ends in bytes_
  std::string bytes_;
};

// What a client waits for.
struct Wait {
  // What it is told if it waits in vain.
  enum class Nothing : uint8_t { kNullArray, kZero };

  ObjectType type = ObjectType::kNone;  // the value that one of the keys must hold
  size_t first_key = 0;                 // among the arguments
  size_t keys = 0;
  int64_t until = 0;  // absolute milliseconds; 0 for ever
  Nothing nothing = Nothing::kNullArray;
};

// What the server knows of a connection.
struct Client {
  explicit Client(const resp::RequestLimits& limits) : parser(limits) {}

  // As new, keeping memory.
  void Reset(uint64_t new_id);

  uint64_t id = 0;
  bool open = false;     // false once the server has closed it
  bool closing = false;  // to be closed after the reply: nothing more is written
  bool primary = false;  // what a replica has its stream from
  int protocol = 2;
  int db = 0;
  int64_t connected_at = 0;  // milliseconds of the virtual clock
  std::string name;
  resp::RequestParser parser;
  std::string output;
  size_t turn = 0;  // where what the current turn has written starts in the output

  // CLIENT REPLY.
  bool reply_off = false;
  bool reply_skip = false;       // this command's reply is not sent
  bool reply_skip_next = false;  // nor will the next one's be

  // Transactions.
  bool multi = false;
  bool dirty_cas = false;   // a watched key was touched
  bool dirty_exec = false;  // a command was rejected while queueing
  CommandQueue queue;
  std::vector<WatchedKey> watched;  // the first watched_count; the others keep memory
  size_t watched_count = 0;

  // While the client waits, and until its turn comes again, nothing that it sends is read.
  bool blocked = false;
  bool postponed = false;       // CLIENT PAUSE keeps it: `waiting` has not begun to run
  bool runs_postponed = false;  // and now it may
  Wait wait;
  CommandQueue waiting;  // the command that waits
  std::string unread;

  // Pub/sub.
  Dict<Nothing> channels;
  Dict<Nothing> patterns;
  Dict<Nothing> shards;     // channels of SSUBSCRIBE
  bool subscribed = false;  // in the subscription context (the server's CLIENT_PUBSUB)
  size_t subscription_count() const { return channels.size() + patterns.size() + shards.size(); }

  // CLIENT NO-TOUCH: what it reads is not marked as used.
  bool no_touch = false;

  // CLIENT TRACKING.
  bool tracking = false;
  TrackingMode tracking_mode;
  uint64_t redirect = 0;         // the id of the client that is sent its invalidations; 0: itself
  bool broken_redirect = false;  // there was none of that id when one was due
  bool caching = false;          // CLIENT CACHING was given for the next command
  bool bcast() const { return tracking && tracking_mode.bcast; }
};

}  // namespace resprobe

#endif  // RESPROBE_CORE_SERVER_CLIENT_H_
