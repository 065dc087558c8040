#include "live/oracle/request_filter.h"

#include "core/server/client.h"
#include "live/oracle/oracle_compare.h"
#include "live/oracle/oracle_requests.h"

namespace resprobe::live {
namespace {

// Which expired keys these commands delete depends on the layout of the server's tables; DBSIZE
// then shows it.
constexpr const char* kExpiredLeft = "SCAN or RANDOMKEY where expired keys are yet to be deleted";
bool MayDeleteExpired(const Command& command) { return command.HasTrait(kDeletesExpired); }

constexpr const char* kSortsLate =
    "SORT behind a number out of range (docs/findings/sort-stale-errno.md)";
bool Sorts(const Command& command) { return command.HasTrait(kSorts); }
bool PopsAny(const Command& command) { return command.traits().freedom == ReplyFreedom::kPop; }

bool LogsIn(const Command& command) {
  return command.role == CommandRole::kAuth || command.role == CommandRole::kHello;
}

// With a password.
bool LogsIn(const Command& command, const std::vector<std::string>& args) {
  return LogsIn(command) && args.size() > (command.role == CommandRole::kAuth ? 1 : 2);
}

}  // namespace

bool RepliesAreOff(const Client& client) {
  return client.reply_off || client.reply_skip || client.reply_skip_next;
}

RequestFilter::Judgement RequestFilter::Judge(const Client& client, const Command* command,
                                              const std::vector<std::string>& args, bool state) {
  Judgement judgement;
  std::string& reason = judgement.left_out;
  if (!state) {
    reason = command == nullptr ? "" : survey_->Lacks(*command, args);
    if (!reason.empty()) reason.insert(0, "absent: ");
    if (reason.empty() && survey_->KeepsKeys() && command != nullptr &&
        command->spec->keys.kind == KeySpec::Kind::kNone && command->Has(kReadonly | kWrite)) {
      reason = "about all keys, of a server that deletes none";
    }
    if (reason.empty()) reason = LeftOut(command, args, profile_, *target_);
  }
  if (reason.empty() && command != nullptr && command->is_exec) {
    bool pops = false;
    bool free = false;
    bool deletes = false;
    bool sorts = false;
    for (size_t i = 0; i < client.queue.size(); ++i) {
      const Command& queued = *client.queue.entry(i).command;
      pops |= PopsAny(queued);
      deletes |= MayDeleteExpired(queued);
      sorts |= Sorts(queued);
      // Without names the server chooses which subscription ends first.
      free |= queued.traits().freedom != Freedom::kNone ||
              (queued.unsubscribes && client.queue.entry(i).argc == 1);
      judgement.breaks_off |= queued.changes_subscriptions() ||
                              (queued.role == CommandRole::kPublish && client.subscribed) ||
                              queued.role == CommandRole::kReplyMode ||
                              (LogsIn(queued) && TraitsOf(profile_).auth_error_needs_silence);
    }
    if (deletes && core_->keyspace().ExpiredCount(client.db) > 0) reason = kExpiredLeft;
    if (sorts && out_of_range_) reason = kSortsLate;
    if (pops && RepliesAreOff(client)) reason = "EXEC of SPOP without reply";
    // The two cannot be distinguished then (docs/core-server.md).
    if (free && judgement.breaks_off) {
      reason = "EXEC of replies that break off and what a server may choose";
    }
  }
  if (reason.empty() && command != nullptr && MayDeleteExpired(*command) && !client.multi &&
      core_->keyspace().ExpiredCount(client.db) > 0) {
    reason = kExpiredLeft;
  }
  out_of_range_ |= OutOfRange(args);
  if (reason.empty() && command != nullptr && Sorts(*command) && out_of_range_ && !client.multi) {
    reason = kSortsLate;
  }
  if (reason.empty() && command != nullptr && PopsAny(*command) && !client.multi &&
      RepliesAreOff(client)) {
    reason = "SPOP without reply";
  }
  judgement.logs_in = command != nullptr && LogsIn(*command, args);
  return judgement;
}

}  // namespace resprobe::live
