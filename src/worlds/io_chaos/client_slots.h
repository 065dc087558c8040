#ifndef RESPROBE_WORLDS_IO_CHAOS_CLIENT_SLOTS_H_
#define RESPROBE_WORLDS_IO_CHAOS_CLIENT_SLOTS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "sim/sim_posix.h"
#include "worlds/io_chaos/io_client.h"
#include "worlds/io_chaos/sent_requests.h"

namespace resprobe {

// A kind of client that a harness supports.
struct IoSubject {
  std::function<std::unique_ptr<IoClient>()> make;
  // Determines its known faults: a version of hiredis, 0 for none; and whether it is asynchronous
  // hiredis.
  int hiredis_version = 0;
  bool hiredis_async = false;
  std::string_view adapter = {};  // … with this adapter of hiredis
};

// A client under test with its current or last connection, as its user knows it.
struct ClientSlot {
  std::unique_ptr<IoClient> client;
  uint8_t index = 0;
  size_t of_subject = 0;  // whose pool the client belongs to
  bool ending = false;    // Disconnect() was called in this run, on this or an earlier connection

  // The connection.
  uint64_t connection = 0;  // its number, from 1 in each run
  int socket = -1;
  bool connected = false;
  bool freed = false;         // Free() was called
  bool disconnected = false;  // the disconnect callback was called
  bool stays = false;         // has subscribed or monitors
  bool monitors = false;
  bool queues = false;       // between MULTI and EXEC
  bool resp3 = false;        // was given HELLO 3
  bool timed = false;        // a timer has fired in a turn of its own loop
  bool shifted = false;      // has taken a message for a reply, as one may in RESP2
  uint64_t last_called = 0;  // the last ordinary command called back
  uint64_t pending = 0;      // ordinary commands that were not called back
  // What its peer owes it for all commands, also for those that were called back: replies, and a
  // least number of confirmations of subscriptions.
  uint64_t owed = 0;
  uint64_t owed_confirmations = 0;
  SentRequests sent;

  // Forgets the last connection for a new one.
  void Begin(uint64_t number);
};

// The clients of a run: one that is in use, and others that are ending. Their objects, and the
// memory that these keep, are used again in later runs.
class ClientSlots {
 public:
  static constexpr size_t kClients = 3;  // at the same time

  explicit ClientSlots(std::vector<IoSubject> subjects);

  // Starts a run with clients of this subject, without connections. `system` and `owner` are used
  // until the next call.
  void Start(size_t subject, SimPosix* system, IoClientOwner* owner);
  // Drops all clients without callbacks; what they held was reclaimed.
  void DropAll();

  const IoSubject& subject(size_t index) const { return subjects_[index]; }
  size_t subjects() const { return subjects_.size(); }

  ClientSlot& operator[](size_t index) { return slots_[index]; }
  ClientSlot* begin() { return slots_.data(); }
  ClientSlot* end() { return slots_.data() + kClients; }
  // The slot of a client of this run.
  ClientSlot& Of(const IoClient& client);
  // The slot whose client uses this socket; the newest, if several have it that are not gone yet;
  // the current one, if none does.
  ClientSlot& OfSocket(int socket);
  // The slot that was connected last.
  ClientSlot& current() { return slots_[current_]; }
  void set_current(const ClientSlot& slot) { current_ = slot.index; }
  // A slot whose client can connect; nullptr if all are in use.
  ClientSlot* FindIdle();
  bool AllIdle() const;

 private:
  const std::vector<IoSubject> subjects_;
  std::vector<std::array<std::unique_ptr<IoClient>, kClients>> pool_;  // by subject
  SimPosix* system_ = nullptr;
  IoClientOwner* owner_ = nullptr;
  std::array<ClientSlot, kClients> slots_;
  size_t current_ = 0;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_IO_CHAOS_CLIENT_SLOTS_H_
