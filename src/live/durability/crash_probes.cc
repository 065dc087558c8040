#include "live/durability/crash_probes.h"

#include <string_view>
#include <utility>

namespace resprobe::live {
CrashProbes::CrashProbes(PreparedServers* prepared, const ServerConfig& config,
                         RecoveryRuling* ruling, const DurabilityJudge* judge,
                         DurabilityCounts* counts)
    : server_(prepared), core_(config), ruling_(ruling), judge_(judge), counts_(counts) {}

void CrashProbes::Start() {
  seen_disk_ = 0;
  failure_.reset();
  second_life_failed_ = false;
  unsupported_.clear();
}

bool CrashProbes::IsNew(const Disk& disk, uint32_t version) {
  const bool is_new = disk.version() != seen_disk_ || version != seen_version_;
  seen_disk_ = disk.version();
  seen_version_ = version;
  return is_new;
}

void CrashProbes::Probe(const Moment& moment) {
  disk_.Reset(moment.disk->options());
  states_.Start(*moment.disk);
  if (options_.kill) {
    states_.KeepAll();
    states_.Materialize(&disk_);
    Recover(moment, CrashKind::kProcess);
  }
  if (!options_.power) return;
  states_.List(options_.states, moment.call->number);
  while (unsupported_.empty() && states_.Next()) {
    states_.Materialize(&disk_);
    Recover(moment, CrashKind::kMachine);
  }
}

void CrashProbes::Recover(const Moment& moment, CrashKind kind) {
  ++counts_->probes;
  ++counts_->lives;
  Unsynced unsynced = Unsynced::On(*moment.disk, kind, moment.began);
  unsynced.See(disk_);
  if (!server_.Start(moment.settings, disk_, moment.call_us + kMsUs, nullptr, nullptr)) {
    if (server_.unsupported()) {
      unsupported_ = server_.why();
      return;
    }
    counts_->Refused(server_.reason());
    if (server_.why().empty()) {
      Fail(moment, kind,
           {.invariant = "refusal_says_why", .expected = "a line in the log", .seen = "nothing"});
    } else if (!moment.disk_faults && !unsynced.any) {
      Fail(moment, kind,
           {.invariant = "restarts", .expected = "the server starts", .seen = server_.why()});
    }
    return;
  }
  if (!server_.Read(&keys_)) {
    return Fail(moment, kind,
                {.invariant = "stays_up",
                 .expected = "the server answers after its start",
                 .seen = server_.why()});
  }
  if (const std::string why = LoadAt(keys_, server_.now_ms(), &core_); !why.empty()) {
    unsupported_ = "the core cannot take a value of the server's: " + why;
    return;
  }
  const DurabilityVerdict verdict = ruling_->Rule(CrashOf(kind, moment.now_ms), core_.keyspace());
  if (IsBroken(verdict.result)) {
    if (ruling_->Excuses(verdict, kind, disk_.options().level, unsynced, core_.keyspace())) {
      counts_->Excused();
    } else {
      Fail(moment, kind, ruling_->Explain(verdict, core_.keyspace()));
    }
    return;
  }
  if (counts_->probes % options_.second_life_one_in == 0) LiveOn(moment);
}

void CrashProbes::LiveOn(const Moment& moment) {
  ++counts_->lives;
  const auto fail = [&](std::string expected, std::string seen) {
    counts_->Recovered(DurabilityOutcome::kPoisoned);
    Fail(moment, CrashKind::kProcess,
         {.invariant = "loads_twice",
          .expected = std::move(expected),
          .seen = std::string(NameOf(DurabilityResult::kPoisoned)) + ": " + std::move(seen)});
    if (failure_) second_life_failed_ = true;
  };
  const bool logs = judge_->policy() != DurabilityPolicy::kSnapshots;
  server_.Ask({"SELECT", "0"});
  const std::optional<std::string> wrote = server_.Ask({"SET", "second life", "1"});
  const std::optional<std::string> rewrote =
      logs ? server_.Ask({"BGREWRITEAOF"}) : server_.Ask({"SAVE"});
  for (const std::optional<std::string>& reply : {wrote, rewrote}) {
    if (!reply || (!IsUnsuited(*reply) && !reply->starts_with("-ERR unknown command"))) continue;
    unsupported_ = "with these settings it answers " + *reply;
    return;
  }
  if (wrote != "OK" || !rewrote) {
    return fail("the server writes after its recovery",
                wrote.value_or("no reply") + ", " + rewrote.value_or("no reply"));
  }
  constexpr int64_t kRewriteUs = 500'000;
  server_.Pass(kRewriteUs);
  std::vector<DumpedKey> before;
  if (!server_.Read(&before)) return fail("the server goes on", server_.why());
  server_.Crash(CrashKind::kProcess);
  if (!server_.Start(moment.settings, server_.disk(), server_.now_us() + kMsUs, nullptr, nullptr)) {
    return fail("the server starts a second time", server_.why());
  }
  if (!server_.Read(&keys_)) return fail("the server answers", server_.why());
  core_.Reset();
  core_.Advance(static_cast<uint64_t>(server_.now_ms() - kDurableStartMs));
  Load(before, &core_);
  const uint64_t digest = core_.keyspace().Digest();
  Load(keys_, &core_);
  if (core_.keyspace().Digest() != digest) {
    fail("the same keys after a rewrite and a kill", "others: " + std::to_string(before.size()) +
                                                         " keys before, " +
                                                         std::to_string(keys_.size()) + " after");
  }
}

void CrashProbes::Fail(const Moment& moment, CrashKind kind, Violation violation) {
  if (failure_) return;
  failure_.emplace();
  failure_->op = moment.op;
  failure_->after = moment.calls_of_op;
  failure_->kind = kind;
  if (kind == CrashKind::kMachine) failure_->choices = states_.choices();
  failure_->left = kind == CrashKind::kMachine ? states_.Describe() : "everything";
  violation.op = moment.op;
  failure_->violation = std::move(violation);
}

}  // namespace resprobe::live
