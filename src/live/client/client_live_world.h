#ifndef RESPROBE_LIVE_CLIENT_CLIENT_LIVE_WORLD_H_
#define RESPROBE_LIVE_CLIENT_CLIENT_LIVE_WORLD_H_

// Model: a client library in a process of its own, used through a driver (client_driver.h), and its
// peer on a port of 127.0.0.1 (client_peer.h): the core, below toxics. Each command has a tag that
// no other has, so that the peer's reply to it is known, however often the client connects.
//
// Faults: toxics (sim/toxic.h) on streams, connecting and replies; bytes of the tape instead of
// replies; connections that end at any time; commands that are cancelled.
//
// Promise: kInvariants, what a client owes its caller, in any language.
//
// The peer's time is virtual: when the client and its peer both wait, it advances to what is due
// next. If nothing is due, or not before the client's own timeout, the client is waited for; one
// without a timeout sees its connections end instead. Real time is only the limit after which a
// client hangs, and the length of the client's own timeout.

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/generate.h"
#include "engine/instantiate.h"
#include "engine/op.h"
#include "engine/run_context.h"
#include "live/client/client_driver.h"
#include "live/client/client_judge.h"
#include "live/client/client_peer.h"
#include "sim/toxic.h"

namespace resprobe::live {

enum class DriverStep : uint8_t {
  kEcho,
  kSet,
  kGet,
  kPush,  // RPUSH, which shows whether it was done twice
  kMget,  // an array
  kDownload,
  kUpload,
  kError,
};
inline constexpr std::string_view kDriverStepNames[] = {"echo", "set",      "get",    "push",
                                                        "mget", "download", "upload", "error"};
constexpr std::span<const std::string_view> EnumNames(DriverStep) { return kDriverStepNames; }

class ClientLiveWorld : private ClientPeer::Watch {
 public:
  static constexpr std::string_view kName = "client_live";
  static constexpr std::string_view kSummary =
      "any client, through a driver, against an evil peer on a real socket";
  static constexpr InvariantInfo kInvariants[] = {
      {"own_reply", "from an honest peer a command gets the reply to this command"},
      {"called_once", "every command gets one result, and no other result comes"},
      {"in_order", "replies from one connection come in the order of their commands"},
      {"true_error", "the error that is reported is one that has happened"},
      {"no_reply_after_end", "after the client was closed, nothing comes"},
      {"well_formed", "what the peer receives are the requests that were given"},
      {"sent_once",
       "a command is not sent again when it may have been done: no command without "
       "retrying, no write with it"},
      {"no_use_after_error", "a connection with a protocol error is not used again"},
      {"no_hang", "a call ends: when its connections end, or at its timeout"},
      {"comes_back", "once all is healed, one of three commands gets its reply"},
      {"alive", "the client's process does not end"},
      {"messages",
       "a subscriber gets the messages of its channel, in order, once, and all while its "
       "connection "
       "lasts; a push handler what the peer has pushed"},
      {"true_state",
       "the client is told to be connected once per connection, gets no reply while it is "
       "disconnected, and is disconnected once it is closed"},
      {"split_invariance", "the same replies in slices and whole give the same results"},
  };

  struct Config {
    bool timeout = false;  // the client's own, kTimeoutMs; not for a driver that cannot
    bool retry = false;    // the client reconnects and retries as it does by default
    bool push = false;     // it speaks RESP3, tracks all keys, and has a push handler
    // Not 0: all that the client receives comes in slices of about this many bytes. At the end a
    // second client is given the same without slices, and must say the same. Left out are then
    // timeouts, retries, and ops whose effect depends on when the client does something. (Blocking
    // hiredis sends a command only when it has no reply to return for it yet.) So toxics count
    // only before the first command.
    Count slices;
  };

  // One command.
  struct Step {
    static constexpr std::string_view kName = "step";
    static constexpr int kWeight = 10;
    DriverStep step = DriverStep::kEcho;
    Index which;           // of the key
    Count size;            // bytes of an upload or download
    bool no_wait = false;  // an asynchronous client: it stays pending
  };
  struct Pipeline {
    static constexpr std::string_view kName = "pipeline";
    static constexpr int kWeight = 3;
    Count commands;
    Count size;
  };
  // The oldest pending command is cancelled; with `sent`, once the peer has received it.
  struct Cancel {
    static constexpr std::string_view kName = "cancel";
    static constexpr int kWeight = 3;
    bool sent = false;
  };
  // Until no command is pending.
  struct Wait {
    static constexpr std::string_view kName = "wait";
  };
  // The program closes the client; the next command opens a new one.
  struct Close {
    static constexpr std::string_view kName = "close";
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
    static constexpr int kWeight = 2;
  };
  struct Advance {
    static constexpr std::string_view kName = "advance";
    static constexpr bool kAddsUp = true;
    Count ms;
  };
  // The peer sends bytes of the tape on its connections.
  struct Raw {
    static constexpr std::string_view kName = "raw";
    Text bytes;
  };
  // The peer ends its connections.
  struct Hangup {
    static constexpr std::string_view kName = "hangup";
    static constexpr int kWeight = 2;
    bool reset = false;
  };
  // The client subscribes to one more channel, of its own.
  struct Subscribe {
    static constexpr std::string_view kName = "subscribe";
  };
  // Another client publishes to a channel that was subscribed to.
  struct Publish {
    static constexpr std::string_view kName = "publish";
    static constexpr int kWeight = 2;
    Index which;
  };
  // The client looks at what has come without a command.
  struct Tick {
    static constexpr std::string_view kName = "tick";
  };
  // Another client writes a key.
  struct Change {
    static constexpr std::string_view kName = "change";
    Index which;
  };
  using Op = std::variant<Step, Pipeline, Cancel, Wait, Close, Toxify, Heal, Advance, Raw, Hangup,
                          Subscribe, Publish, Tick, Change>;

  static constexpr int kTimeoutMs = 100;
  static constexpr int kHangMs = 5000;
  struct Options {
    std::string driver;  // the command; see ClientDriver::Start()
    // Called while waiting; true ends the run, which then says nothing.
    std::function<bool()> stop = [] { return false; };
    // A driver that does not keep the protocol ends the process, with one line and exit code 2;
    // else it ends the run, which then says nothing (trouble()).
    bool exit_on_trouble = true;
    int hang_ms = kHangMs;  // real time after which a call hangs that nothing keeps
  };
  using Counts = ClientCounts;

  // The driver is started at the first run. Without a command, RESPROBE_CLIENT_DRIVER names it.
  ClientLiveWorld() : ClientLiveWorld(Options()) {}
  explicit ClientLiveWorld(Options options);
  ~ClientLiveWorld() override;

  // Starts the driver unless it runs, and tries it: it has to open and close its client. False with
  // one line in `error`. A run without a driver ends the process with that line and exit code 2.
  bool Open(std::string* error);
  // "redis-py 4.3.4", after Open().
  const std::string& client() const { return client_; }
  // Of all runs.
  const Counts& totals() const { return totals_; }
  // The run was stopped, and says nothing.
  bool stopped() const { return stopped_; }
  // One line about a driver that does not keep the protocol; "" if it does.
  const std::string& trouble() const { return trouble_; }

  static void Generate(Gen& gen, Config& config);
  static void Generate(Gen& gen, Step& op);
  static void Generate(Gen& gen, Pipeline& op);
  static void Generate(Gen& gen, Toxify& op);
  static void Generate(Gen& gen, Advance& op);
  static void Generate(Gen& gen, Raw& op);

  void Start(const Config& config, RunContext& run);
  template <class T>
  void Apply(const T& op, RunContext& /*run*/) {
    if (sliced()) given_.emplace_back(op);
    Do(op);
  }
  void Settle(RunContext& run);

 private:
  // --- ClientPeer::Watch
  void OnServed(size_t connection, std::span<const std::string_view> request,
                std::string_view answer) override;
  void OnMalformed(size_t connection, std::string_view error) override;
  void OnEvent(std::string_view event) override;

  void Do(const Step& op);
  void Do(const Pipeline& op);
  void Do(const Cancel& op);
  void Do(const Wait& op);
  void Do(const Close& op);
  void Do(const Toxify& op);
  void Do(const Heal& op);
  void Do(const Advance& op);
  void Do(const Raw& op);
  void Do(const Hangup& op);
  void Do(const Subscribe& op);
  void Do(const Publish& op);
  void Do(const Tick& op);
  void Do(const Change& op);

  bool Try(std::string* error);
  // A new run with the driver that there is. False with one line in `error`.
  bool Begin(const Config& config, RunContext& run, std::string* error);
  void Trouble(const std::string& what);
  ClientJudge::Command& Make(DriverStep step, size_t which, size_t size);
  void OpenClient();
  // Sends a request to the driver, and lets the peer act until the driver is ready.
  void Drive(const nlohmann::json& request);
  // Lets the peer act until `done`, or until the driver is ready if it is null.
  void Pump(const std::function<bool()>& done);
  // Takes what the driver has written.
  void TakeLines();
  bool Leaves(const char* ability);  // true if the driver lacks it; counts
  bool over() const { return run_->violated() || stopped_ || !trouble_.empty(); }
  void EndDriver();
  bool sliced() const { return config_.slices.value > 0; }
  void Slice();
  // Runs the case again without slices, and compares the results of the first `count` commands.
  void CheckSlices(RunContext& run, size_t count);
  // Adds the run to the totals, once.
  void Finish();

  Options options_;
  RunContext* run_ = nullptr;
  pid_t owner_ = 0;  // the process that has started the driver; a forked child starts its own
  std::unique_ptr<ClientDriver> driver_;
  std::string client_;
  ClientPeer peer_{this};
  Counts totals_;
  ClientJudge judge_{&peer_, &totals_};

  // --- This run.
  Config config_;
  bool finished_ = true;
  std::vector<Op> given_;  // if it is sliced
  bool whole_ = false;     // the second time, without slices
  bool open_ = false;
  bool ready_ = true;
  bool stopped_ = false;
  std::string trouble_;
  int64_t now_us_ = 0;
  int64_t active_us_ = 0;  // when bytes moved last
};

}  // namespace resprobe::live

namespace resprobe {

// Compiled in client_live_world.cc.
RESPROBE_WORLD_TEMPLATES(extern, live::ClientLiveWorld);

}  // namespace resprobe

#endif  // RESPROBE_LIVE_CLIENT_CLIENT_LIVE_WORLD_H_
