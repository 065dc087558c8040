#include "worlds/durability/crash_points.h"

#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <variant>

namespace resprobe {

Case<DurabilityWorld> CrashedCase(const Case<DurabilityWorld>& all, const CrashFailure& failure,
                                  CrashLevel level, Arena* arena) {
  Case<DurabilityWorld> crashed;
  crashed.config = all.config;
  crashed.config.level = level;
  const size_t before = std::min(failure.op, all.ops.size());
  crashed.ops.assign(all.ops.begin(), all.ops.begin() + static_cast<std::ptrdiff_t>(before));
  const auto after =
      static_cast<uint32_t>(failure.after) + (failure.starting ? DurabilityWorld::kAtNextStart : 0);
  if (failure.kind == CrashKind::kProcess) {
    crashed.ops.emplace_back(DurabilityWorld::Kill{.after = {after}});
  } else {
    const std::span<std::string_view> words = arena->Words(failure.choices.size());
    for (size_t i = 0; i < words.size(); ++i) {
      words[i] = arena->Copy(std::to_string(failure.choices[i]));
    }
    crashed.ops.emplace_back(
        DurabilityWorld::PowerLoss{.after = {after}, .choices = {.words = words}});
  }
  // The op in the midst of which it crashes.
  if (failure.op < all.ops.size()) crashed.ops.push_back(all.ops[failure.op]);
  return crashed;
}

CrashPoints::CrashPoints(const DurabilityWorld::Wrap& wrap) : world_(wrap) {
  for (size_t i = 0; i < std::size(servers_); ++i) {
    servers_[i] = std::make_unique<Server>(DurabilityWorld::BaseConfig(static_cast<Profile>(i)));
  }
}

bool CrashPoints::Run(const DurabilityWorld::Config& config,
                      const std::vector<DurabilityWorld::Op>& ops, const Options& options,
                      RunContext& run) {
  config_ = config;
  config_.level = options.level;
  options_ = options;
  counts_ = {};
  failure_.reset();
  seen_disk_ = 0;
  world_.Start(config_, run);
  world_.disk().set_observer(this);
  for (op_ = 0; op_ < ops.size() && !run.violated() && !options_.stop(); ++op_) {
    run.set_op(op_);
    op_began_ = world_.disk().io_count();
    std::visit([&](const auto& op) { world_.Apply(op, run); }, ops[op_]);
  }
  op_began_ = world_.disk().io_count();
  if (!run.violated()) world_.Settle(run);
  world_.disk().set_observer(nullptr);
  return !run.violated();
}

// Before the call has any effect.
void CrashPoints::OnCall(const Disk& disk, const DiskCall& call) {
  if (!IsIo(call.op) || disk.frozen()) return;
  ++counts_.points;
  if (world_.starts_over()) {
    ++counts_.over;
    return;
  }
  if (world_.starting()) ++counts_.starting;
  // Changes of the turn that is under way are whole: a server does its I/O between them.
  const uint32_t version = world_.history().Commit();
  now_ms_ = world_.now_ms();
  const uint32_t least = world_.Least(CrashKind::kMachine);
  if (disk.version() == seen_disk_ && version == seen_version_ && least == seen_least_) {
    ++counts_.same;
    return;
  }
  seen_disk_ = disk.version();
  seen_version_ = version;
  seen_least_ = least;
  world_.NextSettings(&settings_);
  DiskOptions options = disk.options();
  disk_.Reset(options);

  states_.Start(disk);
  states_.KeepAll();
  states_.Materialize(&disk_);
  Judge(world_.FactsOf(CrashKind::kProcess));
  const uint64_t states = states_.Count();
  counts_.states = states > UINT64_MAX - counts_.states ? UINT64_MAX : counts_.states + states;
  const DurabilityWorld::CrashFacts power = world_.FactsOf(CrashKind::kMachine);
  states_.List(options_.states_per_point, /*seed=*/counts_.points);
  while (!options_.stop() && states_.Next()) {
    states_.Materialize(&disk_);
    Judge(power);
  }
}

void CrashPoints::Judge(const DurabilityWorld::CrashFacts& crash) {
  const CrashKind kind = crash.kind;
  ++counts_.run;
  Server& server = *servers_[config_.valkey ? 1 : 0];
  server.Reset();
  server.Configure(settings_);
  server.Advance(static_cast<uint64_t>(now_ms_) - server.now_ms());
  lines_.last.clear();
  const bool weak =
      kind == CrashKind::kMachine && config_.level != CrashLevel::kPrefix && crash.torn;
  if (!server.Start(&files_, /*process=*/1000, &lines_)) {
    if (lines_.last.empty()) {
      return Fail(
          kind,
          {.invariant = "refusal_says_why", .expected = "a line in the log", .seen = "nothing"});
    }
    if (!weak && !world_.DiskDamaged()) {
      return Fail(kind,
                  {.invariant = "restarts", .expected = "the server starts", .seen = lines_.last});
    }
    ++counts_.refused;
    return;
  }
  const DurabilityWorld::Ruling ruling = world_.Rule(server.keyspace(), crash);
  if (ruling.kept()) {
    ++(ruling.verdict.recovered == world_.history().version() ? counts_.all : counts_.prefix);
  } else if (ruling.excused) {
    ++counts_.torn;
  } else {
    Fail(kind, world_.Explain(server.keyspace(), ruling));
  }
}

void CrashPoints::Fail(CrashKind kind, Violation violation) {
  ++counts_.failed;
  if (failure_) return;
  failure_.emplace();
  failure_->op = op_;
  // A call that has begun is counted already.
  failure_->starting = world_.starting();
  failure_->after =
      world_.disk().io_count() - (failure_->starting ? world_.start_io() + 1 : op_began_);
  failure_->kind = kind;
  if (kind == CrashKind::kMachine) failure_->choices = states_.choices();
  failure_->left = kind == CrashKind::kMachine ? states_.Describe() : "everything";
  violation.op = op_;
  failure_->violation = std::move(violation);
}

}  // namespace resprobe
