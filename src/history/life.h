#ifndef RESPROBE_HISTORY_LIFE_H_
#define RESPROBE_HISTORY_LIFE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/resp/reply_parser.h"
#include "engine/rng.h"
#include "history/history.h"
#include "history/workload.h"

namespace resprobe::history {

// What happens in a life besides operations.
enum class Part : uint8_t {
  kConcurrent,  // nothing
  kCrash,       // the server is killed, and starts again on its files
  kStorm,       // clients come back on new connections, some in the middle of an operation; other
                // connections come and go
};
inline constexpr std::string_view kPartNames[] = {"concurrent_operations", "crash_recovery",
                                                  "connection_storm"};
inline std::string_view NameOf(Part part) { return kPartNames[static_cast<size_t>(part)]; }

struct LifeOptions {
  WorkloadOptions workload;  // its seed decides everything about the life
  Part part = Part::kConcurrent;
  uint64_t operations = 1000;  // of all clients together, before the reads at the end
};

// One life of a server as its clients see it: decides what each client does next, and records the
// history. Who owns it moves the bytes, in a simulation or over sockets, and says what time it is.
//
// Safety, then liveness: first the operations, with the faults of the part; then, without faults, a
// client reads every key. The owner judges the history, and fails the life if a client that waits
// for a reply gets none for too long.
class Life {
 public:
  explicit Life(const LifeOptions& options);

  struct Turn {
    enum class Step : uint8_t {
      kSend,       // send the bytes
      kCut,        // send the bytes and close at once; then Lost(), and connect again
      kReconnect,  // close, and connect again
      kRest,       // nothing to do until other clients have come further
      kOver,       // nothing to do any more
    };
    Step step = Step::kRest;
    std::string bytes;
    // This many other connections are opened and closed now, every second one after a part of a
    // request.
    uint32_t strangers = 0;
  };
  // What a client does that waits for no reply. Bytes are sent right after this call.
  Turn Next(uint32_t slot, uint64_t now_us);

  enum class Heard : uint8_t {
    kWaits,   // for more
    kIdle,    // all its operations are answered
    kBroken,  // what the server sent is not RESP, or more than was asked for
  };
  Heard Arrived(uint32_t slot, std::string_view bytes, uint64_t now_us);
  // The connection is gone; what was not answered is unknown.
  void Lost(uint32_t slot);
  // The client's number in the history, on its present connection.
  uint32_t number(uint32_t slot) const { return clients_[slot].number; }
  bool waits(uint32_t slot) const { return !clients_[slot].open.empty(); }

  // True if the caller must kill the server now. Call Crashed() once it is dead and everything that
  // it had sent has arrived; all clients connect again.
  bool CrashIsDue() const {
    return next_crash_ < crashes_.size() && sent_ >= crashes_[next_crash_];
  }
  void Crashed(uint64_t now_us);

  uint32_t slots() const { return static_cast<uint32_t>(clients_.size()); }
  bool over() const { return over_; }
  // True once the faults are over and the last reads have begun.
  bool reading() const { return reading_; }
  // The life ends here, whether it is over or not: what was not answered stays unknown. Returns
  // what the clients saw.
  const History& Finish();

  struct Counts {
    uint64_t operations = 0;
    uint64_t unknown = 0;
    uint64_t reconnects = 0;
    uint64_t strangers = 0;
    uint64_t crashes = 0;
  };
  const Counts& counts() const { return counts_; }

 private:
  struct Open {
    size_t operation;  // index in the history
    size_t replies;    // that are missing
  };
  struct Client {
    uint32_t number = 0;  // in the history
    uint64_t left = 0;    // operations
    Rng rng{0};           // for the faults
    std::vector<Open> open;
    std::unique_ptr<resp::ReplyParser> parser;
  };

  void Send(uint32_t slot, Workload::Request request, uint64_t now_us, std::string* bytes);
  Turn Read(uint64_t now_us);
  void Reconnect(Client* client);

  Workload workload_;
  const Part part_;
  std::vector<Workload::Request> reads_;
  size_t next_read_ = 0;
  std::vector<Client> clients_;
  uint32_t next_number_ = 0;
  uint32_t pipeline_ = 1;
  uint32_t reconnects_per_mille_ = 0;
  uint32_t cuts_left_ = 0;
  std::vector<uint64_t> crashes_;  // each after this many operations
  size_t next_crash_ = 0;
  uint64_t sent_ = 0;
  bool reading_ = false;
  bool over_ = false;
  History history_;
  Counts counts_;
};

}  // namespace resprobe::history

#endif  // RESPROBE_HISTORY_LIFE_H_
