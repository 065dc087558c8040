#include "live/client/client_live_world.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace resprobe {

RESPROBE_WORLD_TEMPLATES(, live::ClientLiveWorld);

}  // namespace resprobe

namespace resprobe::live {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr size_t kMostBytes = 64 * 1024;  // of an upload or download
constexpr size_t kMostPipelined = 16;
constexpr int kMostHangups = 16;        // in one call
constexpr int kHangupsUntilHealed = 4;  // likewise
// Of a client that connects again and again, for no end, while each connection fails.
constexpr size_t kConnectionsUntilHealed = 50;  // in one call
constexpr size_t kMostConnections = 500;        // likewise
constexpr int kTriesToComeBack = 3;
constexpr int kMostLeftovers = 64;  // answers that are no tries
constexpr std::string_view kKeys[] = {"a", "b", "c"};

// Without exit(): libFuzzer takes that for a failure. The driver's guard ends the driver.
[[noreturn]] void EndProcess(const std::string& why) {
  std::fprintf(stderr, "resprobe: client_live: %s\n", why.c_str());
  std::fflush(stderr);
  std::_Exit(2);
}

}  // namespace

ClientLiveWorld::ClientLiveWorld(Options options) : options_(std::move(options)) {
  if (!options_.driver.empty()) return;
  if (const char* driver = std::getenv("RESPROBE_CLIENT_DRIVER")) options_.driver = driver;
}

ClientLiveWorld::~ClientLiveWorld() { EndDriver(); }

void ClientLiveWorld::EndDriver() {
  // A forked child must not end what its parent uses.
  // NOLINTNEXTLINE(bugprone-unused-return-value)
  if (owner_ != getpid()) static_cast<void>(driver_.release());
  driver_.reset();
}

bool ClientLiveWorld::Open(std::string* error) {
  if (driver_ != nullptr && owner_ == getpid() && !driver_->ended()) return true;
  if (options_.driver.empty()) {
    *error = "no client to test: name its driver with --driver (RESPROBE_CLIENT_DRIVER)";
    return false;
  }
  EndDriver();
  owner_ = getpid();
  driver_ = ClientDriver::Start(options_.driver, options_.stop, error);
  if (driver_ == nullptr) return false;
  client_ = driver_->name();
  if (Try(error)) return true;
  EndDriver();
  return false;
}

// What a driver cannot do at all is no fault of its client.
bool ClientLiveWorld::Try(std::string* error) {
  RunContext run(Trace::Mode::kOff);
  const bool begun = Begin(Config(), run, error);
  if (begun) {
    OpenClient();
    Do(Close());
    if (run.violated()) {
      *error = "the driver '" + options_.driver + "' cannot open and close its client: expected " +
               run.violation().expected + ", seen: " + run.violation().seen;
    } else if (stopped_) {
      *error = "interrupted before the driver '" + options_.driver + "' was ready";
    } else {
      *error = trouble_;
    }
  }
  run_ = nullptr;
  finished_ = true;
  return begun && error->empty();
}

void ClientLiveWorld::Trouble(const std::string& what) {
  trouble_ = "the driver '" + options_.driver + "' " + what + " (docs/client-drivers.md)";
  // While it is tried, there is no run yet.
  if (!options_.exit_on_trouble || finished_) return;
  EndProcess(trouble_);
}

// --- The peer's side.

void ClientLiveWorld::OnServed(size_t connection, std::span<const std::string_view> request,
                               std::string_view answer) {
  if (!over()) judge_.OnServed(connection, request, answer);
}

void ClientLiveWorld::OnMalformed(size_t connection, std::string_view error) {
  if (!over()) judge_.OnMalformed(connection, error);
}

void ClientLiveWorld::OnEvent(std::string_view event) { run_->trace().Line(event); }

// --- The driver's side.

void ClientLiveWorld::TakeLines() {
  driver_->Exchange();
  for (std::string line; !over() && driver_->NextLine(&line);) {
    const json said = json::parse(line, nullptr, false);
    const uint64_t timeouts = judge_.timeouts();
    if (said.is_object() && said.contains("ready") && !ready_) {
      ready_ = true;
    } else if (!judge_.Take(said)) {
      Trouble("prints a line that answers no request: " + line.substr(0, kShownBytes));
    }
    if (judge_.timeouts() > timeouts) {
      now_us_ = active_us_ = std::max(now_us_, active_us_ + int64_t{kTimeoutMs} * 1000);
    }
  }
  if (driver_->rambles()) Trouble("prints a line without an end");
}

bool ClientLiveWorld::Leaves(const char* ability) {
  if (driver_->Can(ability)) return false;
  ++totals_.left_out[ability];
  return true;
}

void ClientLiveWorld::Drive(const json& request) {
  if (over()) return;
  ready_ = false;
  active_us_ = now_us_;
  driver_->Send(request);
  Pump(nullptr);
}

void ClientLiveWorld::Pump(const std::function<bool()>& done) {
  std::vector<pollfd> fds;
  Clock::time_point last = Clock::now();
  bool rests = false;
  int hangups = 0;
  const size_t before = peer_.connections();
  bool healed = false;
  while (!over()) {
    const size_t made = peer_.connections() - before;
    if (made >= kConnectionsUntilHealed && !std::exchange(healed, true)) peer_.Heal(now_us_);
    if (made >= kMostConnections) {
      return run_->Fail("no_hang", "the call ends: the peer works",
                        "the client goes on connecting: " + std::to_string(made) + " times");
    }
    TakeLines();
    if (over()) return;
    const bool finished = done ? done() : ready_;
    if (peer_.Move(now_us_, rests || finished)) {
      last = Clock::now();
      active_us_ = now_us_;
      rests = false;
      continue;
    }
    if (finished || over()) return;
    if (driver_->ended()) {
      return run_->Fail("alive", "a client that goes on",
                        "the driver ends: " + driver_->HowEnded());
    }
    if (options_.stop()) stopped_ = true;
    fds.clear();
    driver_->AddTo(&fds);
    peer_.AddTo(&fds);
    // A driver that writes without an end is late, too.
    const bool late = Clock::now() - last > std::chrono::milliseconds(options_.hang_ms);
    if (poll(fds.data(), fds.size(), 1) > 0 && !late) {
      rests = false;
      continue;
    }
    if (!late && !driver_->Asleep()) {
      rests = false;
      continue;
    }
    if (!rests) {
      rests = true;
      continue;
    }
    if (done && !late) return;  // nothing more comes by itself
    const int64_t due = peer_.NextDue(now_us_);
    const int64_t next = due <= now_us_ ? kNever : due;
    const int64_t own = config_.timeout ? active_us_ + int64_t{kTimeoutMs} * 1000 : kNever;
    if (next < own) {
      now_us_ = next;
      rests = false;
      continue;
    }
    if (own == kNever && hangups < kMostHangups) {
      // Nothing would ever come.
      if (++hangups == kHangupsUntilHealed) peer_.Heal(now_us_);
      if (peer_.HangUp(false)) {
        last = Clock::now();
        rests = false;
        continue;
      }
    }
    if (late) {
      return run_->Fail("no_hang", "the call ends: nothing keeps it any longer",
                        std::to_string(judge_.pending()) + " commands wait for " +
                            std::to_string(options_.hang_ms) + " ms");
    }
  }
}

// --- Ops.

void ClientLiveWorld::Start(const Config& config, RunContext& run) {
  // What a client is after a violation concerns no other run.
  if (!finished_) EndDriver();
  Finish();
  std::string error;
  if (!Open(&error) || !Begin(config, run, &error)) {
    EndProcess(error);
  }
  finished_ = false;
}

bool ClientLiveWorld::Begin(const Config& config, RunContext& run, std::string* error) {
  run_ = &run;
  if (!peer_.Reset(error)) return false;
  config_ = config;
  given_.clear();
  whole_ = false;
  if (config_.timeout && Leaves("timeout")) config_.timeout = false;
  if (config_.retry && Leaves("retry")) config_.retry = false;
  if (config_.push && Leaves("push")) config_.push = false;
  if (config_.slices.value > 0) config_.timeout = config_.retry = config_.push = false;
  open_ = stopped_ = false;
  ready_ = true;
  now_us_ = active_us_ = 0;
  trouble_.clear();
  judge_.Begin({.timeout = config_.timeout, .retry = config_.retry, .push = config_.push}, run_);
  Slice();
  return true;
}

void ClientLiveWorld::OpenClient() {
  if (open_) return;
  open_ = true;
  Drive({{"do", "open"},
         {"host", "127.0.0.1"},
         {"port", peer_.port()},
         {"push", config_.push},
         {"timeout_ms", config_.timeout ? kTimeoutMs : 0},
         {"retry", config_.retry}});
}

ClientJudge::Command& ClientLiveWorld::Make(DriverStep step, size_t which, size_t size) {
  const std::string tag = judge_.NextTag();
  const std::string key(kKeys[which % std::size(kKeys)]);
  const auto long_value = [&] {
    std::string value = tag + ":";
    for (size_t i = 0; i < std::min(size, kMostBytes); ++i)
      value += static_cast<char>('a' + i % 26);
    return value;
  };
  // If it is sliced, no reply depends on whether an earlier command that failed was done.
  switch (step) {
    case DriverStep::kEcho:
      return judge_.Give({"ECHO", tag}, false);
    case DriverStep::kSet:
      return judge_.Give({"SET", key, tag}, true);
    case DriverStep::kGet:
      return judge_.Give({"GET", tag}, false);
    case DriverStep::kPush:
      return judge_.Give({"RPUSH", sliced() ? tag : "list", tag}, true);
    case DriverStep::kMget:
      return judge_.Give({"MGET", sliced() ? tag : key, tag}, false);
    case DriverStep::kDownload:
      return judge_.Give({"ECHO", long_value()}, false);
    case DriverStep::kUpload:
      return judge_.Give({"SET", key, long_value()}, true);
    case DriverStep::kError:
      break;
  }
  return judge_.Give({"NOSUCH", tag}, false);
}

void ClientLiveWorld::Do(const Step& op) {
  OpenClient();
  if (over()) return;
  const bool no_wait = op.no_wait && !sliced() && !Leaves("async");
  const ClientJudge::Command& command = Make(op.step, op.which.value, op.size.value);
  Drive({{"do", "command"}, {"id", command.id}, {"words", command.words}, {"wait", !no_wait}});
  if (!over() && !no_wait) judge_.CheckDone(command);
}

void ClientLiveWorld::Do(const Pipeline& op) {
  OpenClient();
  if (over() || Leaves("pipeline")) return;
  const size_t count = std::clamp<size_t>(op.commands.value, 1, kMostPipelined);
  json commands = json::array();
  std::vector<const ClientJudge::Command*> made;
  for (size_t i = 0; i < count; ++i) {
    const DriverStep step = i % 3 == 1   ? DriverStep::kPush
                            : i % 3 == 2 ? DriverStep::kDownload
                                         : DriverStep::kEcho;
    made.push_back(&Make(step, i, op.size.value));
    commands.push_back({{"id", made.back()->id}, {"words", made.back()->words}});
  }
  Drive({{"do", "pipeline"}, {"commands", commands}});
  for (const ClientJudge::Command* command : made) {
    if (!over()) judge_.CheckDone(*command);
  }
}

void ClientLiveWorld::Do(const Cancel& op) {
  if (over() || sliced() || Leaves("cancel") || judge_.pending() == 0) return;
  ClientJudge::Command& command = judge_.OldestPending();
  peer_.set_holds(true);
  if (op.sent) Pump([&] { return command.served > 0 || command.done; });
  if (!over() && !command.done) {
    judge_.Cancel(command);
    Drive({{"do", "cancel"}, {"id", command.id}});
  }
  peer_.set_holds(false);
}

void ClientLiveWorld::Do(const Wait& /*op*/) {
  if (over() || judge_.pending() == 0) return;
  Drive({{"do", "wait"}});
  if (!over()) judge_.CheckAllDone("");
}

void ClientLiveWorld::Do(const Close& /*op*/) {
  if (over() || !open_) return;
  judge_.BeginClose();
  Drive({{"do", "close"}});
  open_ = false;
  if (!stopped_ && trouble_.empty()) judge_.EndClose();
}

void ClientLiveWorld::Do(const Toxify& op) {
  const ToxicPlace place = InfoOf(op.kind).place;
  if (place == ToxicPlace::kCall || place == ToxicPlace::kMemory ||
      op.kind == ToxicKind::kLateConnect) {
    return;  // no peer can do that
  }
  if (sliced() && (place != ToxicPlace::kReply || judge_.given() > 0)) return;
  peer_.Add(
      MakeToxic(op.kind, op.direction, std::array{op.first.value, op.second.value, op.third.value}),
      now_us_);
}

void ClientLiveWorld::Do(const Heal& /*op*/) {
  if (!sliced()) peer_.Heal(now_us_);
}

void ClientLiveWorld::Do(const Advance& op) {
  if (sliced()) return;
  now_us_ += int64_t{op.ms.value} * 1000;
  peer_.Move(now_us_, true);
}

void ClientLiveWorld::Do(const Raw& op) {
  if (sliced()) return;
  peer_.SendRaw(op.bytes.bytes, now_us_);
  peer_.Move(now_us_, true);
}

void ClientLiveWorld::Do(const Hangup& op) {
  if (!sliced()) peer_.HangUp(op.reset);
}

void ClientLiveWorld::Do(const Subscribe& /*op*/) {
  if (sliced()) return;
  OpenClient();
  if (over() || Leaves("subscribe")) return;
  const ClientJudge::Command& command = judge_.Subscribe();
  Drive({{"do", "subscribe"}, {"id", command.id}, {"words", command.words}});
  if (!over()) judge_.CheckDone(command);
}

void ClientLiveWorld::Do(const Publish& op) {
  if (over() || judge_.subscriptions() == 0) return;
  ClientJudge::Command& command = judge_.SubscriptionAt(op.which.Of(judge_.subscriptions()));
  const std::string text = judge_.Publish(command);
  peer_.Act(std::array<std::string_view, 3>{"PUBLISH", command.words[1], text}, now_us_);
  peer_.Move(now_us_, true);
}

void ClientLiveWorld::Do(const Tick& /*op*/) {
  if (over() || sliced() || !open_ || Leaves("subscribe")) return;
  // A client looks once, so what has been sent must be there; a process of its own may read for it.
  Pump([] { return false; });
  Drive({{"do", "tick"}});
}

void ClientLiveWorld::Do(const Change& op) {
  if (over() || sliced()) return;
  const std::string_view key = kKeys[op.which.Of(std::size(kKeys))];
  judge_.Write(key);
  peer_.Act(std::array<std::string_view, 3>{"SET", key, "changed"}, now_us_);
  peer_.Move(now_us_, true);
}

void ClientLiveWorld::Slice() {
  if (!sliced() || whole_) return;
  peer_.Add(MakeToxic(ToxicKind::kSlicer, ToxicDirection::kDownstream,
                      std::array{int64_t{config_.slices.value}}),
            now_us_);
}

void ClientLiveWorld::CheckSlices(RunContext& run, size_t count) {
  const std::map<uint64_t, ClientJudge::Command> in_slices = judge_.TakeCommands();
  const std::vector<Op> ops = std::move(given_);
  const Config config = config_;
  std::string error;
  if (!Begin(config, run, &error)) EndProcess(error);
  run.trace().Line("the same without slices");
  whole_ = true;
  peer_.Heal(now_us_);
  for (const Op& op : ops) {
    if (over()) return;
    std::visit([&](const auto& one) { Do(one); }, op);
  }
  for (uint64_t id = 1; id <= count && !over(); ++id) {
    const ClientJudge::Command& command = judge_.At(id);
    const json& sliced = in_slices.at(id).result;
    run.Check(
        command.result == sliced, "split_invariance",
        [&] {
          return ClientJudge::NameOf(command) + " in one piece: " + ShownJson(command.result);
        },
        [&] { return "in slices: " + ShownJson(sliced); });
  }
  Do(Close());
}

void ClientLiveWorld::Settle(RunContext& run) {
  const size_t given = judge_.given();
  peer_.Heal(now_us_);
  if (!over() && judge_.MissesMessage()) {
    // A client that looks without waiting looks once: what was delayed comes before.
    for (int64_t due = 0; (due = peer_.NextDue(now_us_)) != kNever && due > now_us_;) {
      now_us_ = due;
      peer_.Move(now_us_, true);
    }
    Do(Tick());
    Pump([&] { return !judge_.MissesMessage(); });
    if (!over()) judge_.CheckMessages();
  }
  peer_.HangUpDishonest();
  Do(Wait());
  bool back = false;
  int leftovers = 0;
  for (int i = 0; i < kTriesToComeBack && !back && !over(); ++i) {
    OpenClient();
    if (over()) break;
    const ClientJudge::Command& command = Make(DriverStep::kEcho, 0, 0);
    Drive({{"do", "command"}, {"id", command.id}, {"words", command.words}, {"wait", true}});
    back = command.got_reply && command.served > 0;
    // What a dishonest peer had sent before it was healed may still answer: that is no try.
    if (command.answered && command.served == 0 && ++leftovers < kMostLeftovers) --i;
  }
  if (!over()) {
    run.Check(back, "comes_back",
              "a reply to one of " + std::to_string(kTriesToComeBack) + " commands",
              "an error for each, from a peer that works");
  }
  Do(Close());
  if (over()) return;
  Finish();
  if (!sliced()) return;
  finished_ = false;
  CheckSlices(run, given);
  finished_ = !over();
}

void ClientLiveWorld::Finish() {
  if (std::exchange(finished_, true)) return;
  totals_.connections += peer_.connections();
  for (size_t i = 0; i < kToxicKinds; ++i) {
    if (peer_.counts()[static_cast<ToxicKind>(i)] > 0) ++totals_.fired[i];
  }
}

// --- Cases.

void ClientLiveWorld::Generate(Gen& gen, Config& config) {
  config.timeout = gen.rng().OneIn(3);
  config.retry = gen.rng().OneIn(3);
  config.push = gen.rng().OneIn(3);
  if (gen.rng().OneIn(5)) config.slices.value = static_cast<uint32_t>(1 + gen.rng().Below(8));
}

void ClientLiveWorld::Generate(Gen& gen, Step& op) {
  Rng& rng = gen.rng();
  for (int tries = 0; tries < 4; ++tries) {
    op.step = static_cast<DriverStep>(rng.Below(std::size(kDriverStepNames)));
    if (gen.Swarm(1000 + static_cast<uint64_t>(op.step)) > 0) break;
  }
  op.which.value = static_cast<uint8_t>(rng.Below(std::size(kKeys)));
  const bool sized = op.step == DriverStep::kDownload || op.step == DriverStep::kUpload;
  op.size.value = sized ? static_cast<uint32_t>(rng.Below(uint64_t{4} << rng.Below(13))) : 0;
  op.no_wait = rng.OneIn(2);
}

void ClientLiveWorld::Generate(Gen& gen, Pipeline& op) {
  op.commands.value = static_cast<uint32_t>(1 + gen.rng().Below(8));
  op.size.value = static_cast<uint32_t>(gen.rng().Below(uint64_t{4} << gen.rng().Below(10)));
}

void ClientLiveWorld::Generate(Gen& gen, Toxify& op) {
  Rng& rng = gen.rng();
  for (int tries = 0; tries < 8; ++tries) {
    op.kind = static_cast<ToxicKind>(rng.Below(kToxicKinds));
    const ToxicPlace place = InfoOf(op.kind).place;
    const bool possible = place != ToxicPlace::kCall && place != ToxicPlace::kMemory &&
                          op.kind != ToxicKind::kLateConnect;
    if (possible && gen.Swarm(2000 + static_cast<uint64_t>(op.kind)) > 0) break;
  }
  op.direction = rng.OneIn(4) ? ToxicDirection::kUpstream : ToxicDirection::kDownstream;
  const std::span<const ToxicAttribute> named = InfoOf(op.kind).named();
  const auto value = [&](size_t i) -> int64_t {
    if (i >= named.size()) return 0;
    if (named[i].name == "type") return "+-:$*_#,(!=%~|>"[rng.Below(15)];
    if (named[i].name == "length") return gen.EdgeNumber();
    if (named[i].name == "at") return static_cast<int64_t>(rng.Below(4));
    if (named[i].name == "depth") {
      return static_cast<int64_t>(1 + rng.Below(uint64_t{4} << rng.Below(13)));
    }
    return rng.OneIn(3) ? named[i].usual
                        : std::clamp<int64_t>(rng.Between(-4, 300), named[i].least, named[i].most);
  };
  op.first.value = value(0);
  op.second.value = value(1);
  op.third.value = value(2);
}

void ClientLiveWorld::Generate(Gen& gen, Advance& op) {
  op.ms.value = static_cast<uint32_t>(1 + gen.rng().Below(uint64_t{4} << gen.rng().Below(8)));
}

void ClientLiveWorld::Generate(Gen& gen, Raw& op) {
  constexpr std::string_view kRaw[] = {"+OK\r\n",
                                       "-ERR max number of clients reached\r\n",
                                       "-LOADING Redis is loading the dataset in memory\r\n",
                                       ":1\r\n",
                                       "$-1\r\n",
                                       "*0\r\n",
                                       "$5\r\nhe",
                                       "*2\r\n",
                                       ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n",
                                       "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nx\r\n",
                                       "*-2\r\n",
                                       "$9223372036854775807\r\n",
                                       "\r\n",
                                       "x"};
  op.bytes.bytes = gen.rng().Pick(kRaw);
}

}  // namespace resprobe::live
