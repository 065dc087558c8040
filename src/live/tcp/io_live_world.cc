#include "live/tcp/io_live_world.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "engine/ops_text.h"

namespace resprobe::live {
namespace {

constexpr size_t kContext = 3;  // lines shown before the first difference

[[noreturn]] void GiveUp(const std::string& why) {
  std::fprintf(stderr, "resprobe: io_live: %s\n", why.c_str());
  std::fflush(stderr);
  std::_Exit(2);
}

std::string_view CutLine(std::string_view* text) {
  const std::string_view line = text->substr(0, text->find('\n'));
  text->remove_prefix(std::min(line.size() + 1, text->size()));
  return line;
}

// Where two texts differ: the lines before, and the first different line of each.
struct Parting {
  std::string before;
  std::string first;
  std::string second;
};
Parting Part(std::string_view a, std::string_view b) {
  std::vector<std::string_view> before;
  while (!a.empty() || !b.empty()) {
    const std::string_view x = a.empty() ? "the end" : CutLine(&a);
    const std::string_view y = b.empty() ? "the end" : CutLine(&b);
    if (x != y) {
      Parting parting = {.before = "", .first = std::string(x), .second = std::string(y)};
      for (size_t i = before.size() - std::min(before.size(), kContext); i < before.size(); ++i) {
        parting.before += std::string(before[i]) + "\n";
      }
      return parting;
    }
    before.push_back(x);
  }
  return {};
}

}  // namespace

IoLiveWorld::Options IoLiveWorld::FromEnvironment() {
  const auto choice = [](const char* name, std::span<const std::string_view> known) {
    const char* const value = std::getenv(name);
    if (value == nullptr || *value == '\0') return -1;
    const auto at = std::find(known.begin(), known.end(), value);
    if (at != known.end()) return static_cast<int>(at - known.begin());
    std::string all;
    for (const std::string_view one : known) all += " " + std::string(one);
    GiveUp(std::string(name) + "=" + value + ": use one of" + all);
  };
  constexpr std::string_view kPeers[] = {"memory", "tcp", "forked"};
  Options options;
  if (const int peer = choice("RESPROBE_IO_PEER", kPeers); peer >= 0) {
    options.peer = static_cast<Peer>(peer);
  }
  if (const int client = choice("RESPROBE_IO_CLIENT", kClientKindNames); client >= 0) {
    options.client = static_cast<ClientKind>(client);
  }
  return options;
}

IoLiveWorld::IoLiveWorld(std::vector<IoChaosWorld::Subject> subjects, Options options)
    : options_(std::move(options)), world_(std::move(subjects)) {}

void IoLiveWorld::Open() {
  if (options_.peer == Peer::kMemory || owner_ == getpid()) return;
  owner_ = getpid();
  std::string error;
  peer_ = options_.peer == Peer::kTcp ? MakePeerHands(&error) : ForkPeerHands(&error);
  if (peer_ == nullptr) GiveUp(error);
  kernel_ = std::make_unique<KernelSockets>(peer_.get());
  decorated_ = options_.decorate ? options_.decorate(kernel_.get()) : nullptr;
}

void IoLiveWorld::Start(const Config& config, RunContext& run) {
  config_ = config;
  if (options_.client) config_.client = *options_.client;
  ops_.clear();
  if (config_.client != config.client) {
    run.trace().Line("io instead-of " +
                     std::string(kClientKindNames[static_cast<size_t>(config.client)]));
  }
  run.trace().Line("io client " +
                   std::string(kClientKindNames[static_cast<size_t>(config_.client)]));
}

void IoLiveWorld::LeaveOut(RunContext& run) {
  std::array<size_t, kToxicKinds> left_out{};
  std::erase_if(ops_, [&](const Op& op) {
    const auto* const toxic = std::get_if<IoChaosWorld::Toxify>(&op);
    if (toxic == nullptr || WhyLeftOut(toxic->kind).empty()) return false;
    ++left_out[static_cast<size_t>(toxic->kind)];
    return true;
  });
  for (const ToxicInfo& info : Toxics()) {
    const size_t count = left_out[static_cast<size_t>(info.kind)];
    if (count == 0) continue;
    run.trace().Line("io left-out " + std::string(info.name) + " " + std::to_string(count));
  }
}

void IoLiveWorld::RunOn(SocketApi* wire, RunContext& run) {
  run.Reset();
  world_.UseWire(wire);
  run.set_op(0);
  world_.Start(config_, run);
  for (size_t i = 0; i < ops_.size() && !run.violated(); ++i) {
    run.set_op(i);
    std::string line = "#" + std::to_string(i) + " ";
    PrintOp(ops_[i], &line);
    run.trace().Line(line);
    std::visit([&](const auto& op) { world_.Apply(op, run); }, ops_[i]);
  }
  if (!run.violated()) {
    run.set_op(ops_.size());
    run.trace().Line("settle");
    world_.Settle(run);
  }
  if (run.violated()) {
    const Violation& violation = run.violation();
    run.trace().Line("violation of " + violation.invariant + ": " + violation.seen);
  }
  world_.UseWire(nullptr);
}

void IoLiveWorld::Settle(RunContext& run) {
  Open();
  LeaveOut(run);
  SocketApi* const wire = decorated_ != nullptr ? decorated_.get() : kernel_.get();
  RunOn(nullptr, in_memory_);
  if (kernel_ != nullptr) kernel_->Begin();
  RunOn(wire, over_tcp_);
  const auto same = [&] { return in_memory_.trace().text() == over_tcp_.trace().text(); };
  if (kernel_ != nullptr && !kernel_->error().empty()) {
    run.trace().Line("io not-run " + kernel_->error());
    // After a peer has failed, the next run creates a new one.
    owner_ = 0;
    return;
  }
  if (run.trace().on()) {
    std::string_view seen = over_tcp_.trace().text();
    while (!seen.empty()) run.trace().Line(std::string(kSaw) + std::string(CutLine(&seen)));
  }
  if (same()) {
    run.trace().Line("io equal");
  } else {
    const Parting parting = Part(in_memory_.trace().text(), over_tcp_.trace().text());
    if (kernel_ != nullptr) {
      told_.Tell(kernel_->writes(), kernel_->writables());
      RunOn(&told_, in_memory_);
    }
    if (!same()) {
      run.trace().Line("io differs");
      run.Fail("same_as_memory", parting.before + "in memory: " + parting.first,
               parting.before + "over TCP: " + parting.second);
      return;
    }
    run.trace().Line("io explained " + std::string(IoDifferences()[0].name));
  }
  if (in_memory_.violated()) {
    const Violation& violation = in_memory_.violation();
    run.set_op(violation.op);
    run.Fail(violation.invariant, violation.expected, violation.seen);
  }
}

}  // namespace resprobe::live
