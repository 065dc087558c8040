#ifndef RESPROBE_CACHELAB_HUNT_STALE_OPS_H_
#define RESPROBE_CACHELAB_HUNT_STALE_OPS_H_

// The ops of the world `shared_cache` and the config of a case. They hold everything that the
// driver decides. How far each process gets is decided by the operating system, so a case that
// fails once need not fail every time. New fields, kinds and names go to the end: the meaning of
// existing tapes must not change.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "cachelab/hunt/key_plan.h"
#include "cachelab/subject/cache_worker.h"
#include "cachelab/subject/failpoint.h"
#include "engine/op.h"

namespace resprobe::live {

constexpr std::span<const std::string_view> EnumNames(TrackingMode) { return kTrackingModeNames; }
constexpr std::span<const std::string_view> EnumNames(Failpoint) { return kFailpointNames; }

namespace stale {

// A command of LiveCommands() that reads, or that writes. The names are the commands' own in lower
// case; a second form of a command has the word that tells it apart after a dash: sadd-member.
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

// How far a read is followed before the next op.
enum class Wait : uint8_t {
  kNo,      // the next op overlaps with it
  kAnswer,  // until it is answered
  kHit,     // the same; counts whether the answer came from the cache, as it should
  kHeld,    // until the worker is held at its failpoint, or the read is answered
};
inline constexpr std::string_view kWaitNames[] = {"no", "answer", "hit", "held"};
constexpr std::span<const std::string_view> EnumNames(Wait) { return kWaitNames; }

inline constexpr int kMostKeys = 256;  // as many as an Index can name
inline constexpr int kMostMembers = 1000;
inline constexpr int kMostValueBytes = 256 << 10;

// Numbers outside their range are taken as the nearest one inside.
struct Config {
  // The pool that the case runs on. A target with other numbers of workers runs it as well.
  Number workers{4};  // 1 to kMaxWorkers
  Number writers{4};  // 0 to the smaller of workers and kMaxWriters
  TrackingMode tracking = TrackingMode::kDefault;
  Number keys{16};        // 1 to kMostKeys
  Number first_key{0};    // KeyPlan::first_key, 0 to INT32_MAX
  Number members{4};      // 1 to kMostMembers
  Number value_size{32};  // 1 to kMostValueBytes
  // The types of the keys, in turn; none is as all.
  bool string = false;
  bool set = false;
  bool list = false;
  bool hash = false;
  bool zset = false;
  bool stream = false;
  bool operator==(const Config&) const = default;
};

// What the config says of the pool, within range.
struct PoolShape {
  int workers = 0;
  int writers = 0;
  TrackingMode tracking = TrackingMode::kDefault;
  bool operator==(const PoolShape&) const = default;
};
PoolShape ShapeOf(const Config& config);
KeyPlan KeysOf(const Config& config);
// Puts the plan into the config, but for the prefix and the commands, which are no part of a case.
// Keys over kMostKeys are cut off.
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

// A write by the driver's own connection, past the cache. Waits for the answer.
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

// FLUSHALL or FLUSHDB by the driver's own connection.
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

// The worker waits when it is next at the failpoint, until the round ends or something else is
// wanted from it. A worker that is under the lock there does not wait.
struct Hold {
  static constexpr std::string_view kName = "hold";
  static constexpr int kWeight = 2;
  Index worker;
  Failpoint point = Failpoint::kNone;
  bool operator==(const Hold&) const = default;
};

// The worker raises the signal when it is next at the failpoint.
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

// A signal to the process of the worker.
struct KillWorker {
  static constexpr std::string_view kName = "kill_worker";
  Index worker;
  KillSignal signal = {};
  bool operator==(const KillWorker&) const = default;
};

// A read through the cache that must see the newest version. The first check after other ops lets
// all that is on its way finish, and passes a barrier. Checks that follow one another overlap.
struct Check {
  static constexpr std::string_view kName = "check";
  static constexpr int kWeight = 8;
  Index worker;
  Index key;
  ReadCommand command = {};
  Index member = {};
  bool operator==(const Check&) const = default;
};

// Ends a round: what is on its way finishes, a barrier passes, stopped workers go on.
struct Settle {
  static constexpr std::string_view kName = "settle";
  static constexpr int kWeight = 2;
  bool operator==(const Settle&) const = default;
};

using Op = std::variant<Read, DirectWrite, CachedWrite, Flush, Barrier, Hold, Arm, KillConnection,
                        KillWorker, Check, Settle>;

// The command, an index in LiveCommands(), that an op on this key uses: the one that it names, if
// it fits the key, else one that fits. All commands may be used.
int CommandFor(const KeyPlan& keys, int key, ReadCommand command);
int CommandFor(const KeyPlan& keys, int key, WriteCommand command);
// How an op names the command, which must read or write respectively.
ReadCommand ReadCommandOf(int command);
WriteCommand WriteCommandOf(int command);
// Replaces each command that does not fit its key by the one that is used instead, so that the text
// shows what runs. The case means the same.
void NameCommands(const KeyPlan& keys, std::span<Op> ops);

// What a round of `kill` tries: "SIGKILL before-put", "CLIENT KILL idle". Empty if it kills
// nothing.
std::string KillOf(std::span<const Op> round);

}  // namespace stale
}  // namespace resprobe::live

#endif  // RESPROBE_CACHELAB_HUNT_STALE_OPS_H_
