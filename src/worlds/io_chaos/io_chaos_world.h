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
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/resp/reply.h"
#include "core/resp/reply_parser.h"
#include "engine/generate.h"
#include "engine/op.h"
#include "engine/run_context.h"
#include "sim/core_subject.h"
#include "sim/network.h"
#include "sim/scheduler.h"
#include "sim/sim_posix.h"
#include "sim/toxic.h"
#include "worlds/io_chaos/io_client.h"
#include "worlds/io_chaos/io_known_faults.h"
#include "worlds/io_chaos/io_peer.h"

namespace resprobe {

// A request of the client's user.
enum class ClientStep : uint8_t {
  kPing,
  kSet,
  kGet,
  kDownload,
  kUpload,
  kMulti,
  kExec,
  kSubscribe,
  kPsubscribe,
  kUnsubscribe,
  kPunsubscribe,
  kMonitor,
  kHello,
  kTracking,
};
inline constexpr std::string_view kClientStepNames[] = {
    "ping",      "set",        "get",         "download",     "upload",  "multi", "exec",
    "subscribe", "psubscribe", "unsubscribe", "punsubscribe", "monitor", "hello", "tracking"};
constexpr std::span<const std::string_view> EnumNames(ClientStep) { return kClientStepNames; }

// The action of a client's callback, or of its user at any time.
enum class ClientAction : uint8_t { kNothing, kCommand, kDisconnect, kFree, kReconnect };
inline constexpr std::string_view kClientActionNames[] = {"nothing", "command", "disconnect",
                                                          "free", "reconnect"};
constexpr std::span<const std::string_view> EnumNames(ClientAction) { return kClientActionNames; }

enum class ClientCallback : uint8_t { kConnect, kReply, kNoReply, kPush, kDisconnect };
inline constexpr std::string_view kClientCallbackNames[] = {"connect", "reply", "no-reply", "push",
                                                            "disconnect"};
constexpr std::span<const std::string_view> EnumNames(ClientCallback) {
  return kClientCallbackNames;
}

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

enum class ClientKind : uint8_t { kAsync, kSync, kPlain, kCaching };
inline constexpr std::string_view kClientKindNames[] = {"async", "sync", "plain", "caching"};
constexpr std::span<const std::string_view> EnumNames(ClientKind) { return kClientKindNames; }

class IoChaosWorld : private SimPosix::World, private IoClientOwner, private Scheduler::Handler {
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
      {"no_hang", "once all is healed and quiet, an honest peer leaves nothing pending"},
      {"nothing_leaks", "a client that is gone has given back its memory and its sockets"},
      {"true_error", "the error that is told is the one that happened"},
      {"belated_timer", "a timer of connecting does nothing once the connection is made"},
  };

  static constexpr size_t kClients = 3;  // at the same time: one, and others that are ending
  static constexpr size_t kSendBuffer = 2048;

  struct Config {
    ClientKind client = ClientKind::kAsync;
    bool resp3 = false;
    bool push_handler = false;
    bool functions = false;
    bool connect_timeout = false;
    bool command_timeout = false;
    bool unlimited = false;
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

  // A kind of client that this harness supports.
  struct Subject {
    std::function<std::unique_ptr<IoClient>()> make;
    // Determines its known faults: a version of hiredis, 0 for none; and whether it is asynchronous
    // hiredis.
    int hiredis_version = 0;
    bool hiredis_async = false;
  };
  // Config::client selects one of the subjects, modulo their number. The known faults in `go_to`
  // are not avoided.
  explicit IoChaosWorld(std::vector<Subject> subjects, KnownFaultSet go_to = {});

  // Sets what connects the client and its peer in the following runs; nullptr: memory.
  void UseWire(SocketApi* wire) { system_.UseWire(wire); }

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

  const ToxicCounts& counts() const { return system_.counts(); }

 private:
  struct Command {
    uint8_t client = 0;
    ClientStep step = ClientStep::kPing;
    ClientAction then = ClientAction::kNothing;
    bool stays = false;
    bool refused = false;
    bool silent = false;  // has no callback: (P)UNSUBSCRIBE
    bool noted = false;   // called back before the last NotePairs()
    uint32_t live = 0;    // replies
    uint32_t failed = 0;  // callbacks without a reply
  };
  // A client under test with its current or last connection.
  struct Slot {
    std::unique_ptr<IoClient> client;
    bool used = false;  // since Start()
    bool connected = false;
    bool ending = false;        // Disconnect() was called
    bool freed = false;         // Free() was called
    bool disconnected = false;  // the disconnect callback was called
    bool stays = false;         // has subscribed or monitors
    bool stays_monitor = false;
    bool queues = false;    // between MULTI and EXEC
    size_t of_subject = 0;  // the subject of the client, in the pool
    bool plain = true;      // only commands, then deliveries: split_invariance applies
    int socket = -1;
    int64_t connected_us = 0;
    uint64_t last_called = 0;        // the last ordinary command called back
    uint64_t pending = 0;            // ordinary commands
    std::vector<uint64_t> requests;  // the commands in the order in which they were sent
    std::string expected;            // their bytes
    uint64_t received = 0;           // how many of them the peer has compared
  };
  // The arguments of a command, so that it can be repeated.
  struct GivenCommand {
    ClientStep step;
    size_t which;
    size_t size;
  };
  // The state of one of the client's sockets.
  struct Line {
    Network::End end = Network::End::kNone;  // the client's; exists while the line is Whole()
    Scheduler::Event connects;               // while the connection is being made
    IoPeer peer;
    int slot = -1;
    bool open = false;
    bool ended = false;  // the peer has closed or reset it
    bool client_closed = false;
    // Parses what the client has read, independently of it.
    resp::ReplyParser parser;
    size_t parsed = 0;
    size_t values = 0;  // values parsed so far
    // The same for what has arrived; only where known faults are avoided.
    resp::ReplyParser ahead_parser;
    size_t ahead = 0;
    bool foreign = false;  // the parser cannot follow the bytes any more
  };
  struct Callback {
    uint64_t command;  // kPushed, or the number
    uint64_t value;    // index of the value read; kNoValue
    bool operator==(const Callback&) const = default;
  };
  // Endpoints of the network.
  static constexpr Network::Endpoint kClientMachine = 0;
  static constexpr Network::Endpoint kPeerMachine = 1;
  static constexpr uint64_t kPushed = 0;
  static constexpr uint64_t kNoValue = UINT64_MAX;

  // SimPosix::World.
  int64_t now_us() const override { return scheduler_.now_us(); }
  void OnConnecting(int socket) override;
  void OnClosed(int socket) override;
  bool Wait(int socket, bool readable, bool writable, int64_t until_us) override;
  void OnResult(const char* call, int socket, int64_t result) override;

  // IoClientOwner.
  void OnConnect(IoClient& client, bool ok) override;
  void OnReply(IoClient& client, uint64_t command, const IoReply* reply) override;
  void OnPush(IoClient& client, const IoReply& push) override;
  void OnDisconnect(IoClient& client, bool ok) override;
  void OnGone(IoClient& client) override;

  const Subject& subject() const { return subjects_[subject_]; }
  bool Avoids(KnownFault fault) const;
  Slot& SlotOf(const IoClient& client);
  Slot& current() { return slots_[current_]; }
  Line& LineOf(const Slot& slot) { return lines_[static_cast<size_t>(slot.socket)]; }

  void Connect();
  uint64_t Give(Slot& slot, ClientStep step, size_t which, size_t size, ClientAction then);
  std::span<const std::string_view> Arguments(ClientStep step, size_t which, size_t size);
  void Do(Slot& slot, ClientAction action, const ClientCallback* inside);
  // The value that a client reports must be the next of those that it has read, or a later one.
  // Returns its number; kNoValue if none matches.
  uint64_t Match(Slot& slot, const IoReply& reply);
  void CheckOwner(Slot& slot, uint64_t command, uint64_t value);

  // Advances time without moving a byte.
  void PassTime(int64_t until_us) { scheduler_.RunUntil(until_us); }
  void OnDue(uint64_t) override {}  // a connection is made: the client's system notices
  static Network::End PeersEnd(const Line& line) { return Network::Peer(line.end); }
  static bool Whole(const Line& line) { return line.open && !line.ended; }
  // The peer has closed or reset the connection.
  void EndLine(Line& line);
  // One step of the network in the given directions, at most `most` bytes.
  bool Move(int socket, bool up, bool down, size_t most);
  void Refresh();
  void LookAhead(int socket);
  bool FireAll();
  void RunUntilQuiet();
  void FireOne(Slot& slot, IoClient::Event event, bool spurious);
  void CheckGone(RunContext& run);
  void CheckSplit(RunContext& run);
  void NotePairs();

  // Runs `body`, which calls a client; false if it ended with an assert that is a known fault.
  template <class Body>
  bool Guarded(const Body& body);
  void Abandon(const KnownFaultInfo& fault);
  static void OnAssert(const char* expression, const char* function);

  std::vector<Subject> subjects_;
  KnownFaultSet go_to_;
  std::vector<std::array<std::unique_ptr<IoClient>, kClients>> pool_;  // by subject
  size_t subject_ = 0;
  Config config_;
  RunContext* run_ = nullptr;
  SimPosix system_;
  CoreSubject server_;
  uint64_t other_ = 0;  // the connection of the other client
  Scheduler scheduler_;
  Network network_{&scheduler_};
  bool over_ = false;  // a known fault has ended the run
  bool evil_memory_ = false;
  std::array<Slot, kClients> slots_;
  size_t current_ = 0;
  std::array<Line, SimPosix::kSockets> lines_;
  std::vector<Command> commands_;  // number n at n - 1
  std::vector<GivenCommand> given_;
  std::vector<Toxic> toxics_;
  std::array<ClientAction, 5> reactions_{};
  int depth_ = 0;           // callbacks that we are in
  bool replaying_ = false;  // CheckSplit() is feeding a second client
  int refuse_ = 0;          // connections to refuse; -1: all
  int64_t late_us_ = 0;
  int rounds_left_ = 0;
  bool in_timeout_ = false;
  uint64_t acted_ = 0;        // actions of callbacks and of the user other than commands
  uint64_t connections_ = 0;  // started

  std::vector<Callback> callbacks_;
  std::vector<Callback> again_;
  std::string scratch_;
  std::string blob_;
  std::array<std::string_view, 8> words_;
  ToxicCounts noted_;
  std::array<std::array<bool, std::size(kClientStepNames)>, kToxicKinds> pairs_{};
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_IO_CHAOS_IO_CHAOS_WORLD_H_
