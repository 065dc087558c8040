#ifndef RESPROBE_CACHELAB_HUNT_STALE_OPS_H_
#define RESPROBE_CACHELAB_HUNT_STALE_OPS_H_

// The ops of the world `shared_cache` and the config of a case. They contain everything that the
// driver decides. The operating system decides how far each process gets, so a failing case may not
// fail every time. Add new fields, kinds and names at the end: the meaning of existing tapes must
// not change.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "cachelab/hunt/key_plan.h"
#include "cachelab/subject/cache_worker.h"
#include "cachelab/subject/failpoint.h"
#include "engine/op.h"

namespace resprobe::cachelab {

constexpr std::span<const std::string_view> EnumNames(TrackingMode) { return kTrackingModeNames; }
constexpr std::span<const std::string_view> EnumNames(Failpoint) { return kFailpointNames; }

namespace stale {

// A command of LiveCommands() that reads, or one that writes. The names are the commands' own in
// lower case; a second form of a command has its distinguishing word after a dash: sadd-member.
enum class ReadCommand : uint8_t {};
enum class WriteCommand : uint8_t {};
std::span<const std::string_view> EnumNames(ReadCommand);
std::span<const std::string_view> EnumNames(WriteCommand);

// A signal that ends or stops a process: SIGKILL, then all others by number.
enum class KillSignal : uint8_t {};
std::span<const std::string_view> EnumNames(KillSignal);
int NumberOf(KillSignal signal);
// The first signal, SIGKILL, if `number` neither ends nor stops a process.
KillSignal KillSignalOf(int number);
bool IsKillSignal(int number);

// How long a read is awaited before the next op.
enum class Wait : uint8_t {
  kNo,      // the next op overlaps with it
  kAnswer,  // until it is answered
  kHit,     // until it is answered; counts whether the answer came from the cache, as expected
  kHeld,    // until the worker is held at its failpoint, or the read is answered
};
inline constexpr std::string_view kWaitNames[] = {"no", "answer", "hit", "held"};
constexpr std::span<const std::string_view> EnumNames(Wait) { return kWaitNames; }

inline constexpr int kMostKeys = 256;  // as many as an Index can address
inline constexpr int kMostMembers = 1000;
inline constexpr int kMostValueBytes = 256 << 10;

// Numbers out of range are clamped.
struct Config {
  // The pool on which the case runs. A target with other numbers of workers can run it as well.
  Number workers{4};  // 1 to kMaxWorkers
  Number writers{4};  // 0 to the smaller of workers and kMaxWriters
  TrackingMode tracking = TrackingMode::kDefault;
  Number keys{16};        // 1 to kMostKeys
  Number first_key{0};    // KeyPlan::first_key, 0 to INT32_MAX
  Number members{4};      // 1 to kMostMembers
  Number value_size{32};  // 1 to kMostValueBytes
  // The types of the keys, in turn; none selected means all.
  bool string = false;
  bool set = false;
  bool list = false;
  bool hash = false;
  bool zset = false;
  bool stream = false;
  bool operator==(const Config&) const = default;
};

// The config's numbers of workers and writers, clamped.
struct PoolShape {
  int workers = 0;
  int writers = 0;
  TrackingMode tracking = TrackingMode::kDefault;
  bool operator==(const PoolShape&) const = default;
};
PoolShape ShapeOf(const Config& config);
KeyPlan KeysOf(const Config& config);
// Stores the plan in the config, except for the prefix and the commands, which are not part of a
// case. Keys beyond kMostKeys are dropped.
void SetKeys(const KeyPlan& keys, Config* config);

// A read through the cache.
struct Read {
  static constexpr std::string_view kName = "read";
  static constexpr int kWeight = 8;
  Index worker;
  Index key;
  ReadCommand command = {};
  Index member = {};
  Wait wait = Wait::kNo;
  bool operator==(const Read&) const = default;
};

// A write over the driver's own connection, bypassing the cache. Waits for the answer.
struct DirectWrite {
  static constexpr std::string_view kName = "direct_write";
  static constexpr int kWeight = 4;
  Index key;
  WriteCommand command = {};
  Index member = {};
  bool operator==(const DirectWrite&) const = default;
};

// A write by a worker, through the cache.
struct CachedWrite {
  static constexpr std::string_view kName = "cached_write";
  static constexpr int kWeight = 2;
  Index worker;
  Index key;
  WriteCommand command = {};
  Index member = {};
  bool wait = false;  // for the answer
  bool operator==(const CachedWrite&) const = default;
};

// FLUSHALL or FLUSHDB over the driver's own connection.
struct Flush {
  static constexpr std::string_view kName = "flush";
  bool all = false;
  bool operator==(const Flush&) const = default;
};

// Returns when every invalidation that the server has sent is in the cache.
struct Barrier {
  static constexpr std::string_view kName = "barrier";
  bool operator==(const Barrier&) const = default;
};

// The worker waits when it next reaches the failpoint, until the round ends or it gets another
// command. It does not wait at a failpoint that is under the lock.
struct Hold {
  static constexpr std::string_view kName = "hold";
  static constexpr int kWeight = 2;
  Index worker;
  Failpoint point = Failpoint::kNone;
  bool operator==(const Hold&) const = default;
};

// The worker raises the signal when it next reaches the failpoint.
struct Arm {
  static constexpr std::string_view kName = "arm";
  Index worker;
  Failpoint point = Failpoint::kNone;
  KillSignal signal = {};
  bool operator==(const Arm&) const = default;
};

// CLIENT KILL of the worker's tracked connection.
struct KillConnection {
  static constexpr std::string_view kName = "kill_connection";
  Index worker;
  bool operator==(const KillConnection&) const = default;
};

// Sends a signal to the worker's process.
struct KillWorker {
  static constexpr std::string_view kName = "kill_worker";
  Index worker;
  KillSignal signal = {};
  bool operator==(const KillWorker&) const = default;
};

// A read through the cache that must return the newest version. The first check after other ops
// waits for everything in flight, and for a barrier. Consecutive checks overlap.
struct Check {
  static constexpr std::string_view kName = "check";
  static constexpr int kWeight = 8;
  Index worker;
  Index key;
  ReadCommand command = {};
  Index member = {};
  bool operator==(const Check&) const = default;
};

// Ends a round: waits for everything in flight and for a barrier, and resumes stopped workers.
struct Settle {
  static constexpr std::string_view kName = "settle";
  static constexpr int kWeight = 2;
  bool operator==(const Settle&) const = default;
};

using Op = std::variant<Read, DirectWrite, CachedWrite, Flush, Barrier, Hold, Arm, KillConnection,
                        KillWorker, Check, Settle>;

// The command, an index in LiveCommands(), that an op on this key uses: the one that it names, if
// it fits the key, otherwise one that fits. All commands are allowed.
int CommandFor(const KeyPlan& keys, int key, ReadCommand command);
int CommandFor(const KeyPlan& keys, int key, WriteCommand command);
// The name of the command in an op; it must read or write respectively.
ReadCommand ReadCommandOf(int command);
WriteCommand WriteCommandOf(int command);
// Replaces each command that does not fit its key by the one that is used instead, so that the text
// shows what runs. The meaning of the case does not change.
void NameCommands(const KeyPlan& keys, std::span<Op> ops);

// The kill that a round of `kill` tries: "SIGKILL before-put", "CLIENT KILL idle". Empty if it
// kills nothing.
std::string KillOf(std::span<const Op> round);

}  // namespace stale
}  // namespace resprobe::cachelab

#endif  // RESPROBE_CACHELAB_HUNT_STALE_OPS_H_
