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
  bool expired = false;  // it had expired before WATCH, but was not yet deleted
  std::string key;
};

// Queued commands. All arguments are in one buffer.
class CommandQueue {
 public:
  struct Entry {
    const Command* command;
    size_t first;  // index among the arguments
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
  // The reply after a time-out.
  enum class Nothing : uint8_t { kNullArray, kReplicas, kDurable };

  ObjectType type = ObjectType::kNone;  // the type that one of the keys must have
  size_t first_key = 0;                 // index among the arguments
  size_t keys = 0;
  int64_t until = 0;  // absolute milliseconds; 0: no time-out
  Nothing nothing = Nothing::kNullArray;
  // Of WAIT and WAITAOF: the number of replicas that must reach an offset of the stream.
  int64_t replicas = 0;
  uint64_t offset = 0;
  // Of WAITAOF: the log must be durable up to this mark (AofLog::appended()).
  bool local = false;
  uint64_t mark = 0;
};

// The server's state of a connection.
struct Client {
  explicit Client(const resp::RequestLimits& limits) : parser(limits) {}

  // Resets to a new connection, keeping memory.
  void Reset(uint64_t new_id);

  uint64_t id = 0;
  bool open = false;     // false once the server has closed it
  bool closing = false;  // to be closed after the reply; no further output is written
  bool primary = false;  // this server's connection to its primary
  bool replica = false;  // a replica's connection: it gets the stream
  int replica_port = 0;  // where that replica listens (REPLCONF listening-port)
  int protocol = 2;
  int db = 0;
  int64_t connected_at = 0;  // milliseconds of the virtual clock
  std::string name;
  resp::RequestParser parser;
  std::string output;
  size_t turn = 0;  // where the output of the current turn starts
  std::string
      refused;  // replies and pushes to a replica: they are not sent, and end its connection

  // CLIENT REPLY.
  bool reply_off = false;
  bool reply_skip = false;       // this command's reply is not sent
  bool reply_skip_next = false;  // nor is the next one's

  // The log's mark (AofLog::appended()) after the last effect of this client's commands.
  uint64_t written_mark = 0;

  // Transactions.
  bool multi = false;
  bool dirty_cas = false;   // a watched key was touched
  bool dirty_exec = false;  // a command was rejected while queueing
  CommandQueue queue;
  std::vector<WatchedKey> watched;  // the first watched_count are in use; the others keep memory
  size_t watched_count = 0;

  // Input of a blocked client is not read until the server resumes it.
  bool blocked = false;
  bool postponed = false;       // held by CLIENT PAUSE: `waiting` has not started to run
  bool runs_postponed = false;  // it may run now
  Wait wait;
  CommandQueue waiting;  // the command that waits
  std::string unread;

  // Pub/sub.
  Dict<Nothing> channels;
  Dict<Nothing> patterns;
  Dict<Nothing> shards;     // channels of SSUBSCRIBE
  bool subscribed = false;  // in the subscription context (the server's CLIENT_PUBSUB)
  size_t subscription_count() const { return channels.size() + patterns.size() + shards.size(); }

  // CLIENT NO-TOUCH: this client's reads do not mark keys as used.
  bool no_touch = false;

  // CLIENT TRACKING.
  bool tracking = false;
  TrackingMode tracking_mode;
  uint64_t redirect = 0;         // the id of the client that receives its invalidations; 0: itself
  bool broken_redirect = false;  // no client had that id when an invalidation was due
  bool caching = false;          // CLIENT CACHING was given for the next command
  bool bcast() const { return tracking && tracking_mode.bcast; }
};

}  // namespace resprobe

#endif  // RESPROBE_CORE_SERVER_CLIENT_H_
