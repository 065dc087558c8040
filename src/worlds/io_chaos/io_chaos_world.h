#ifndef RESPROBE_WORLDS_IO_CHAOS_IO_CHAOS_WORLD_H_
#define RESPROBE_WORLDS_IO_CHAOS_IO_CHAOS_WORLD_H_

// Model: a client of the protocol under test, on a system whose sockets, clock and memory belong to
// the world (sim/sim_posix.h), and a peer at the other end of a network (sim/network.h): the core,
// whose replies the tape may edit (io_peer.h). The client may be any (io_client.h).
//
// Faults: toxics (sim/toxic.h) on the streams, on connecting, on the client's calls, on its memory
// and on the peer's replies; bytes of the tape instead of replies; events of a tick in any order;
// users who cancel, disconnect or free at any time, also inside a callback.
//
// Promise: kInvariants, which are the client's contract with its caller. A world in which nothing
// moves while work is left is a hang.
//
// Blocking clients wait inside their calls: time then advances by the toxics alone, until there is
// something to read or the call times out. If nothing would ever come and nothing times out, the
// peer closes the connection.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/generate.h"
#include "engine/op.h"
#include "engine/run_context.h"
#include "sim/core_subject.h"
#include "sim/socket_api.h"
#include "sim/toxic.h"
#include "worlds/io_chaos/active_toxics.h"
#include "worlds/io_chaos/client_contract.h"
#include "worlds/io_chaos/client_slots.h"
#include "worlds/io_chaos/client_user.h"
#include "worlds/io_chaos/command_book.h"
#include "worlds/io_chaos/connection_memory.h"
#include "worlds/io_chaos/event_loop.h"
#include "worlds/io_chaos/io_known_faults.h"
#include "worlds/io_chaos/io_lines.h"
#include "worlds/io_chaos/io_run.h"
#include "worlds/io_chaos/io_steps.h"
#include "worlds/io_chaos/known_fault_guard.h"
#include "worlds/io_chaos/look_ahead.h"
#include "worlds/io_chaos/other_client.h"
#include "worlds/io_chaos/read_values.h"
#include "worlds/io_chaos/request_words.h"
#include "worlds/io_chaos/split_check.h"
#include "worlds/io_chaos/toxic_pairs.h"

namespace resprobe {

// The events that fire in one tick, in this order.
enum class ClientTick : uint8_t {
  kReadable,
  kWritable,
  kTimeout,
  kReadableWritable,
  kWritableReadable,
  kTimeoutReadable,
};
inline constexpr std::string_view kClientTickNames[] = {"readable",          "writable",
                                                        "timeout",           "readable+writable",
                                                        "writable+readable", "timeout+readable"};
constexpr std::span<const std::string_view> EnumNames(ClientTick) { return kClientTickNames; }

enum class Wire : uint8_t { kBoth, kUpstream, kDownstream };
inline constexpr std::string_view kWireNames[] = {"both", "upstream", "downstream"};
constexpr std::span<const std::string_view> EnumNames(Wire) { return kWireNames; }

// The last three are asynchronous hiredis with the adapters that come with it.
enum class ClientKind : uint8_t { kAsync, kSync, kPlain, kCaching, kLibevent, kLibuv, kPoll };
inline constexpr std::string_view kClientKindNames[] = {"async",    "sync",  "plain", "caching",
                                                        "libevent", "libuv", "poll"};
constexpr std::span<const std::string_view> EnumNames(ClientKind) { return kClientKindNames; }

// The world itself only turns ops into calls of its parts, each of which has one purpose:
//
//   ClientSlots, ClientUser     the clients, and the program that uses them
//   CommandBook, SentRequests,  the model: what a client was given and owes, what its peer must
//   ReadValues                  receive, what it may report
//   IoLines, ActiveToxics,      the network with the peers, its faults, another client of the
//   server OtherClient EventLoop                   when bytes move, events fire and time passes
//   ClientContract, SplitCheck  the checkers
//   KnownFaultGuard, LookAhead  keep the run away from faults that are known
//   ConnectionMemory            bounds what an endless run keeps
//   ToxicPairs                  what a traced run has covered
class IoChaosWorld {
 public:
  static constexpr std::string_view kName = "io_chaos";
  static constexpr std::string_view kSummary =
      "clients against an evil peer: slices, silence, resets, lies, cancellations at any point";
  static constexpr InvariantInfo kInvariants[] = {
      {"called_once", "every command that was accepted is called back exactly once, no other ever"},
      {"in_order", "commands are called back in the order in which they were given"},
      {"no_reply_after_end",
       "after free, and once the disconnect callback is done, no reply comes"},
      {"disconnect_once", "the end of a connection that was made is told once, of no other"},
      {"split_invariance", "the same bytes in other slices give the same callbacks"},
      {"faithful", "a reply is one of the values that were read, and they come in order"},
      {"own_reply", "from an honest peer a command gets the reply to this command"},
      {"prefix", "what the peer has received is a prefix of what the client was given to send"},
      {"no_hang",
       "once all is healed and quiet, an honest peer leaves nothing pending, and no blocking call "
       "waits for what cannot come"},
      {"nothing_leaks", "a client that is gone has given back its memory and its sockets"},
      {"true_error", "the error that is told is the one that happened"},
      {"belated_timer", "a timer of connecting does nothing once the connection is made"},
      {"timer_ends", "a command timer that fires ends the commands that wait for a reply"},
      {"patient_connect", "EINTR, or a full backlog, by itself makes no attempt to connect fail"},
      {"no_signal", "a write to a peer that is gone raises no SIGPIPE"},
      {"own_channel", "a message goes to the callback of a subscription to its channel, no other"},
      {"memory",
       "the memory a client holds is in proportion to the bytes it was given and received"},
  };

  struct Config {
    ClientKind client = ClientKind::kAsync;
    bool resp3 = false;
    bool push_handler = false;
    bool functions = false;
    bool connect_timeout = false;
    bool command_timeout = false;
    bool unlimited = false;
    bool lazy = false;  // connects at the first step: toxics before it reach connecting
    bool pushes_as_replies = false;  // a blocking client without a push handler gets them
  };

  // The client performs a step; the callback of its reply performs `then`.
  struct Step {
    static constexpr std::string_view kName = "step";
    static constexpr int kWeight = 10;
    ClientStep step = ClientStep::kPing;
    Index which;  // index of the key, channel or pattern
    Count size;   // bytes of an upload or download; channels of (un)subscribe, 0: all
    ClientAction then = ClientAction::kNothing;
    bool pipelined = false;  // a blocking client: do not wait for the reply
  };
  struct Toxify {
    static constexpr std::string_view kName = "toxic";
    static constexpr int kWeight = 4;
    ToxicKind kind = ToxicKind::kLatency;
    ToxicDirection direction = ToxicDirection::kDownstream;
    Number first;
    Number second;
    Number third;
  };
  struct Heal {
    static constexpr std::string_view kName = "heal";
  };
  // Bytes in flight arrive.
  struct Deliver {
    static constexpr std::string_view kName = "deliver";
    static constexpr int kWeight = 8;
    Wire wire = Wire::kBoth;
    Count bytes;
  };
  // Events of one tick fire, if the client waits for them; with `spurious`, even if nothing has
  // happened.
  struct Tick {
    static constexpr std::string_view kName = "tick";
    static constexpr int kWeight = 10;
    ClientTick events = ClientTick::kReadable;
    bool spurious = false;
  };
  // Moves bytes and fires events until nothing is left to do.
  struct Run {
    static constexpr std::string_view kName = "run";
    static constexpr int kWeight = 4;
  };
  struct Advance {
    static constexpr std::string_view kName = "advance";
    static constexpr bool kAddsUp = true;
    static constexpr int kWeight = 2;
    Count ms;
  };
  // The user acts outside any callback.
  struct Act {
    static constexpr std::string_view kName = "act";
    static constexpr int kWeight = 2;
    ClientAction action = ClientAction::kNothing;
  };
  // The next callback of this kind acts.
  struct On {
    static constexpr std::string_view kName = "on";
    static constexpr int kWeight = 2;
    ClientCallback callback = ClientCallback::kConnect;
    ClientAction action = ClientAction::kNothing;
  };
  // Another client publishes to a channel.
  struct Publish {
    static constexpr std::string_view kName = "publish";
    static constexpr int kWeight = 2;
    Index channel;
  };
  // Another client changes a key, or all: this causes an invalidation if the client tracks.
  struct Change {
    static constexpr std::string_view kName = "change";
    Index key;
    bool flush = false;
  };
  struct MonitorLine {
    static constexpr std::string_view kName = "monitor_line";
  };
  // The peer sends bytes of the tape.
  struct Raw {
    static constexpr std::string_view kName = "raw";
    static constexpr int kWeight = 2;
    Text bytes;
  };
  // The peer closes the connection, after all that it has sent.
  struct Hangup {
    static constexpr std::string_view kName = "hangup";
  };
  using Op = std::variant<Step, Toxify, Heal, Deliver, Tick, Run, Advance, Act, On, Publish, Change,
                          MonitorLine, Raw, Hangup>;

  using Subject = IoSubject;
  // Config::client selects one of the subjects, modulo their number. The known faults in `go_to`
  // are not avoided.
  explicit IoChaosWorld(std::vector<Subject> subjects, KnownFaultSet go_to = {});

  // Sets what connects the client and its peer in the following runs; nullptr: memory.
  void UseWire(SocketApi* wire) { run_.system.UseWire(wire); }

  static void Generate(Gen& gen, Step& op);
  static void Generate(Gen& gen, Toxify& op);
  static void Generate(Gen& gen, Advance& op);
  static void Generate(Gen& gen, Raw& op);

  void Start(const Config& config, RunContext& run);
  void Apply(const Step& op, RunContext& run);
  void Apply(const Toxify& op, RunContext& run);
  void Apply(const Heal& op, RunContext& run);
  void Apply(const Deliver& op, RunContext& run);
  void Apply(const Tick& op, RunContext& run);
  void Apply(const Run& op, RunContext& run);
  void Apply(const Advance& op, RunContext& run);
  void Apply(const Act& op, RunContext& run);
  void Apply(const On& op, RunContext& run);
  void Apply(const Publish& op, RunContext& run);
  void Apply(const Change& op, RunContext& run);
  void Apply(const MonitorLine& op, RunContext& run);
  void Apply(const Raw& op, RunContext& run);
  void Apply(const Hangup& op, RunContext& run);
  void Settle(RunContext& run);

  // How often each toxic has had an effect in the last run.
  const ToxicCounts& counts() const { return run_.system.counts(); }
  // What the world keeps of the present run, in bytes and entries; bounded, also in an endless run.
  size_t held() { return memory_.held() + book_.size(); }
  // The number of commands that clients were given in it.
  uint64_t given() const { return book_.given(); }

 private:
  // An op begins. False if the run is over.
  bool Begin(RunContext& run);
  // This run has the cause of a known fault that fails an assert.
  bool IsCaused(KnownFault fault);
  // After healing, an honest peer leaves nothing pending.
  void CheckNothingPending();

  IoRun run_;
  ClientSlots slots_;
  KnownFaultGuard guard_;
  ClientContract contract_{&run_};
  ActiveToxics toxics_{&run_, &guard_};
  LookAhead ahead_{&run_, &guard_};
  ReadValues values_{&run_, &contract_};
  IoLines lines_{&run_, &slots_, &toxics_, &contract_, &ahead_};
  EventLoop loop_{&run_, &slots_, &guard_, &lines_, &values_, &ahead_, &contract_};
  RequestWords words_;
  CommandBook book_;
  SplitCheck split_{&run_, &slots_, &guard_, &loop_, &values_, &contract_, &book_, &words_};
  ClientUser user_;
  ConnectionMemory memory_{&run_, &slots_, &lines_, &values_, &ahead_, &split_};
  ToxicPairs pairs_{&run_};
  CoreSubject server_;
  OtherClient other_;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_IO_CHAOS_IO_CHAOS_WORLD_H_
