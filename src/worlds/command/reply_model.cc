#include "worlds/command/reply_model.h"

#include <algorithm>

#include "core/table/command.h"
#include "core/table/glob.h"

namespace resprobe {
namespace {

constexpr std::string_view kShape = "reply_has_shape";
constexpr std::string_view kOne = "one_reply_per_request";
constexpr std::string_view kExecInvariant = "exec_all_or_nothing";

// An error starts with a code, an upper-case word.
bool HasCode(std::string_view error) {
  size_t i = 0;
  while (i < error.size() && error[i] >= 'A' && error[i] <= 'Z') ++i;
  return i > 0 && (i == error.size() || error[i] == ' ');
}

// True if the reply of a later request depends on whether this one was run.
bool ChangesSession(CommandRole role) {
  return role == CommandRole::kHello || role == CommandRole::kTracking ||
         (role >= CommandRole::kReset && role <= CommandRole::kUnwatch);
}

bool Contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

void ReplyModel::Reset() {
  asked_.clear();
  front_ = 0;
  words_.clear();
  word_ends_.clear();
  messages_taken_ = 0;
  opaque_ = refused_ = false;
  may_close_ = kills_ = blinds_ = pauses_ = unblocks_ = false;
  ForgetSession();
}

void ReplyModel::ForgetSession() {
  protocol_ = 2;
  reply_off_ = reply_skip_ = reply_skip_next_ = false;
  multi_ = dirty_exec_ = exec_opaque_ = watching_ = false;
  tracking_ = subscribed_ = false;
  queued_.clear();
  channels_.clear();
  patterns_.clear();
  shards_.clear();
}

const Command* ReplyModel::Find(std::span<const std::string_view> args, Profile profile) {
  const Command* command = FindCommand(args[0], profile);
  if (command != nullptr && !command->subcommands.empty() && args.size() > 1) {
    command = FindSubcommand(*command, args[1]);
  }
  return command;
}

void ReplyModel::Asked(const Command* command, std::span<const std::string_view> args) {
  if (front_ == asked_.size()) {
    asked_.clear();
    front_ = 0;
    words_.clear();
    word_ends_.clear();
  }
  Request& asked = asked_.emplace_back();
  asked.command = command;
  asked.argc = static_cast<uint32_t>(args.size());
  if (command == nullptr) {
    if (CommandContext::IsWord(args[0], "HOST:") || CommandContext::IsWord(args[0], "POST")) {
      if (FindCommand(args[0]) == nullptr) asked.other = Other::kHttp;
    }
  } else {
    asked.role = command->role;
    asked.arity_fits = command->ArityFits(args.size());
    kills_ |= asked.role == CommandRole::kKillClient;
    pauses_ |= asked.role == CommandRole::kPauseClients;
    unblocks_ |= asked.role == CommandRole::kUnblockClient;
    if (asked.role == CommandRole::kTracking) {
      for (size_t i = 3; i + 1 < args.size(); ++i) {
        blinds_ |= CommandContext::IsWord(args[i], "REDIRECT") ||
                   CommandContext::IsWord(args[i], "PREFIX");
      }
    }
    if (asked.role == CommandRole::kHello && args.size() > 1) {
      asked.protocol = args[1] == "2" ? uint8_t{2} : args[1] == "3" ? uint8_t{3} : uint8_t{0};
    } else if (asked.role == CommandRole::kReplyMode && args.size() > 2) {
      asked.mode = CommandContext::IsWord(args[2], "ON")     ? 'N'
                   : CommandContext::IsWord(args[2], "OFF")  ? 'F'
                   : CommandContext::IsWord(args[2], "SKIP") ? 'S'
                                                             : 0;
    }
    if (asked.role == CommandRole::kEcho || command->changes_subscriptions()) {
      asked.first = static_cast<uint32_t>(word_ends_.size());
      for (const std::string_view arg : args) {
        words_.append(arg);
        word_ends_.push_back(static_cast<uint32_t>(words_.size()));
      }
    }
  }
}

void ReplyModel::AskedNothing(uint32_t times) {
  // Two of them have the same effect as more.
  for (uint32_t i = 0; i < std::min<uint32_t>(times, 2); ++i) {
    asked_.push_back({.other = Other::kNothing});
  }
}

void ReplyModel::AskedNonsense(bool has_reply) {
  may_close_ = true;
  if (has_reply) asked_.push_back({.other = Other::kNonsense});
}

std::string_view ReplyModel::Word(const Request& asked, size_t i) const {
  const size_t at = asked.first + i;
  const uint32_t begin = at == 0 ? 0 : word_ends_[at - 1];
  return std::string_view(words_).substr(begin, word_ends_[at] - begin);
}

std::string_view ReplyModel::front_name() const {
  if (outstanding() == 0) return "nothing";
  const Command* command = asked_[front_].command;
  return command == nullptr ? "what is no command" : command->full_name();
}

bool ReplyModel::may_wait() const {
  if (outstanding() == 0) return false;
  const Request& asked = asked_[front_];
  // A foreign server may have commands that are not answered (SYNC of redis).
  if (asked.command == nullptr) return foreign_ && asked.other == Other::kNone;
  return asked.command->may_wait && !MustFail(asked) && !Queues(asked);
}

bool ReplyModel::Wrong(std::string_view invariant, std::string_view expected,
                       std::string_view expected2, std::string_view expected3) {
  problem_.invariant = invariant;
  problem_.expected.assign(expected).append(expected2).append(expected3);
  return false;
}

void ReplyModel::Closed() {
  asked_.clear();
  front_ = 0;
}

// A RESP2 client with subscriptions may call few other commands.
bool ReplyModel::Restricted(const Request& asked) const {
  return subscribed_ && protocol_ == 2 && !asked.command->runs_subscribed;
}

bool ReplyModel::MustFail(const Request& asked) const {
  return asked.command == nullptr || !asked.arity_fits ||
         (multi_ && asked.command->Has(kNoMulti)) || Restricted(asked);
}

bool ReplyModel::Queues(const Request& asked) const {
  return multi_ && !asked.command->runs_in_multi;
}

ReplyModel::Names& ReplyModel::NamesOf(CommandRole role) {
  switch (role) {
    case CommandRole::kSubscribe:
    case CommandRole::kUnsubscribe:
      return channels_;
    case CommandRole::kPsubscribe:
    case CommandRole::kPunsubscribe:
      return patterns_;
    default:
      return shards_;
  }
}

size_t ReplyModel::Messages(const Request& asked) {
  if (asked.argc > 1) return asked.argc - 1;
  return std::max<size_t>(1, NamesOf(asked.role).size() + messages_taken_);
}

void ReplyModel::Pop() {
  ++front_;
  messages_taken_ = 0;
  reply_skip_ = reply_skip_next_;
  reply_skip_next_ = false;
}

void ReplyModel::Prepare(bool replied) {
  while (front_ < asked_.size() && !opaque_) {
    const Request& asked = asked_[front_];
    if (asked.other == Other::kNothing) {
      Pop();
      continue;
    }
    const bool fails = MustFail(asked);
    if (asked.role == CommandRole::kExec && !fails && multi_ && exec_opaque_) {
      opaque_ = true;
      return;
    }
    const bool queues = !fails && Queues(asked);
    const bool subscribes = asked.command != nullptr && asked.command->changes_subscriptions();
    if (foreign_) [[unlikely]] {
      // The server is silent if it knows the commands of the first case, or does not know those of
      // the second.
      const bool silent_if_known = asked.other == Other::kHttp ||
                                   (!fails && !queues && asked.role == CommandRole::kReplyMode &&
                                    asked.mode != 'N' && asked.mode != 0);
      const bool silent_if_unknown = (reply_off_ || reply_skip_) && !fails && !queues &&
                                     (subscribes || asked.role == CommandRole::kReset);
      if (silent_if_known || silent_if_unknown) {
        if (front_ + 1 < asked_.size()) {
          opaque_ = true;
          return;
        }
        if (replied) return;
        if (silent_if_unknown && messages_taken_ == 0) {
          Pop();
          continue;
        }
      }
    }
    if (asked.other == Other::kHttp) {  // closed without a reply
      may_close_ = true;
      front_ = asked_.size();
      return;
    }
    if (!fails && !queues && asked.role == CommandRole::kReplyMode) {
      if (asked.mode == 'N') {
        reply_off_ = reply_skip_ = false;
        return;
      }
      if (asked.mode == 'F') reply_off_ = true;
      if (asked.mode == 'S' && !reply_off_) reply_skip_next_ = true;
      if (asked.mode != 0) {
        Pop();
        continue;
      }
    }
    if (!reply_off_ && !reply_skip_) return;
    // It has no reply; its effect must be tracked nevertheless.
    if (!fails) {
      if (!queues && subscribes) return;
      // RESET ends CLIENT REPLY OFF, and is answered; but CLIENT REPLY SKIP may skip a RESET.
      if (!queues && asked.role == CommandRole::kReset && !reply_skip_) return;
      if (queues || ChangesSession(asked.role) || asked.command->may_wait) {
        opaque_ = true;
        return;
      }
    } else if (multi_) {
      opaque_ = true;
      return;
    }
    Pop();
  }
}

// True for values without a request: a message, an invalidation.
bool ReplyModel::IsMessage(const resp::ReplyView& value) const {
  if (value.type() == resp::Type::kPush) {
    if (value.size() == 0) return true;
    const std::string_view what = value[0].text();
    return what == "message" || what == "pmessage" || what == "smessage" || what == "invalidate";
  }
  if (protocol_ != 2 || !subscribed_ || value.type() != resp::Type::kArray) return false;
  if (value.size() < 3 || value.size() > 4) return false;
  const std::string_view what = value[0].text();
  return what == "message" || what == "pmessage" || what == "smessage";
}

bool ReplyModel::TakeMessage(const resp::ReplyView& value) {
  constexpr std::string_view kInvariant = "pushes_are_asked_for";
  if (protocol_ == 2 && value.type() == resp::Type::kPush) {
    return Wrong(kInvariant, "no push in protocol 2");
  }
  const std::string_view what = value.size() == 0 ? std::string_view() : value[0].text();
  if (what == "invalidate") {
    if (!tracking_) return Wrong(kInvariant, "no invalidation for a client without tracking");
    if (value.size() != 2 || !(value[1].is_null() || value[1].type() == resp::Type::kArray)) {
      return Wrong(kInvariant, "invalidate with a list of keys or null");
    }
    return true;
  }
  if (what == "message" || what == "smessage") {
    const Names& names = what == "message" ? channels_ : shards_;
    if (value.size() == 3 && Contains(names, value[1].text())) return true;
    return Wrong(kInvariant, "a message on a channel that is subscribed to");
  }
  if (value.size() == 4 && Contains(patterns_, value[1].text()) &&
      GlobMatch(value[1].text(), value[2].text())) {
    return true;
  }
  return Wrong(kInvariant, "a message that matches a pattern that is subscribed to");
}

bool ReplyModel::Shaped(const Command& command, const resp::ReplyView& value) {
  if (command.reply.Matches(value, protocol_)) return true;
  return Wrong(kShape, command.full_name(),
               protocol_ == 2 ? " in protocol 2: " : " in protocol 3: ", command.spec->reply);
}

bool ReplyModel::TakeSubscription(const Request& asked, const resp::ReplyView& value) {
  if (!Shaped(*asked.command, value)) return false;
  const std::string_view name = value[1].text();
  Names& names = NamesOf(asked.role);
  if (value[0].text() != asked.command->name() ||
      (asked.argc > 1 && name != Word(asked, 1 + messages_taken_))) {
    return Wrong(kOne, "the confirmation of ", asked.command->name(), " in its turn");
  }
  const size_t due = Messages(asked);
  if (asked.role == CommandRole::kSubscribe || asked.role == CommandRole::kPsubscribe ||
      asked.role == CommandRole::kSsubscribe) {
    if (!Contains(names, name)) names.emplace_back(name);
  } else {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found != names.end()) {
      names.erase(found);
    } else if (asked.argc == 1 && !names.empty()) {
      return Wrong(kOne, "the name of a subscription");
    }
  }
  const size_t channels = channels_.size() + patterns_.size();
  const size_t count = &names == &shards_ ? shards_.size() : channels;
  if (value[2].integer() != static_cast<int64_t>(count)) {
    return Wrong(kShape, "the number of subscriptions");
  }
  if (++messages_taken_ >= due) {
    subscribed_ = channels + shards_.size() > 0;
    Pop();
  } else {
    // Inside a command the client counts as subscribed as soon as the server's message says so.
    subscribed_ = true;
  }
  return true;
}

void ReplyModel::EndTransaction() {
  multi_ = dirty_exec_ = exec_opaque_ = watching_ = false;
  queued_.clear();
}

bool ReplyModel::TakeExec(const resp::ReplyView& value) {
  if (!multi_) return Wrong(kExecInvariant, "an error: there is no transaction");
  if (dirty_exec_) return Wrong(kExecInvariant, "EXECABORT after an error while queueing");
  if (value.is_null()) {
    refused_ = true;
    if (!watching_) return Wrong(kExecInvariant, "no null without a watched key");
    if (!Shaped(*asked_[front_].command, value)) return false;
    EndTransaction();
    return true;
  }
  if (value.type() != resp::Type::kArray || value.size() != queued_.size()) {
    return Wrong(kExecInvariant, "as many replies as were queued");
  }
  size_t i = 0;
  for (const resp::ReplyView element : value) {
    const Queued& queued = queued_[i++];
    if (element.is_error()) {
      if (!HasCode(element.text())) return Wrong(kShape, "an error that starts with its code");
      continue;
    }
    if (queued.protocol != 0) protocol_ = queued.protocol;  // of HELLO
    if (queued.command->role == CommandRole::kTracking) tracking_ = true;
    if (!Shaped(*queued.command, element)) return false;
  }
  EndTransaction();
  return true;
}

// The first request was not queued; if it was EXEC, the transaction is over.
void ReplyModel::Refused(const Request& asked) {
  refused_ = true;
  if (!multi_) return;
  if (asked.role == CommandRole::kExec) {
    EndTransaction();
  } else {
    dirty_exec_ = true;
  }
}

bool ReplyModel::TakeExecuted(const Request& asked, const resp::ReplyView& value) {
  if (value.is_error()) {
    refused_ = true;
    // Without MULTI, EXEC does not affect the watched keys, unless it is refused before it runs.
    if (asked.role == CommandRole::kExec && (multi_ || IsExecAbort(value))) EndTransaction();
    return true;
  }
  if (asked.role == CommandRole::kExec) return TakeExec(value);
  if (asked.role == CommandRole::kHello && asked.protocol != 0) protocol_ = asked.protocol;
  if (!Shaped(*asked.command, value)) return false;
  switch (asked.role) {
    case CommandRole::kReset:
      ForgetSession();
      break;
    case CommandRole::kMulti:
      if (multi_) return Wrong(kExecInvariant, "an error: MULTI inside MULTI");
      multi_ = true;
      break;
    case CommandRole::kDiscard:
      if (!multi_) return Wrong(kExecInvariant, "an error: DISCARD without MULTI");
      EndTransaction();
      break;
    case CommandRole::kWatch:
      watching_ = true;
      break;
    case CommandRole::kUnwatch:
      watching_ = false;
      break;
    case CommandRole::kTracking:
      tracking_ = true;
      break;
    case CommandRole::kReplyMode:
      if (asked.mode == 'F' || asked.mode == 'S') return Wrong(kOne, "no reply, or an error");
      break;
    case CommandRole::kEcho:
      if (value.text() != Word(asked, 1)) {
        return Wrong(kOne, "the text that was to be echoed");
      }
      break;
    default:
      break;
  }
  return true;
}

bool ReplyModel::Take(const resp::ReplyView& value) {
  refused_ = false;
  if (IsMessage(value)) return TakeMessage(value);
  if (front_ == asked_.size()) return Wrong(kOne, "nothing: every request was answered");
  const Request& asked = asked_[front_];
  if (value.is_error() && !HasCode(value.text())) {
    return Wrong(kShape, "an error that starts with its code");
  }
  if (asked.other == Other::kNonsense) {
    if (!value.is_error()) return Wrong(kShape, "an error: that was no request");
    refused_ = true;
  } else if (MustFail(asked)) {
    if (!value.is_error()) {
      if (foreign_ && asked.command == nullptr) {
        opaque_ = true;
        return true;
      }
      return Wrong(kShape, "an error: ", front_name(), " cannot be called like that");
    }
    Refused(asked);
  } else if (Queues(asked)) {
    if (value.is_error()) {
      Refused(asked);
    } else if (value.type() != resp::Type::kSimpleString || value.text() != "QUEUED") {
      return Wrong(kShape, "QUEUED: ", front_name(), " inside MULTI");
    } else {
      queued_.push_back({asked.command, asked.protocol});
      if (asked.role == CommandRole::kReplyMode || asked.role == CommandRole::kPublish ||
          asked.command->changes_subscriptions()) {
        exec_opaque_ = true;
      }
    }
  } else if (asked.command->changes_subscriptions() && !value.is_error()) {
    return TakeSubscription(asked, value);
  } else {
    if (!TakeExecuted(asked, value)) return false;
    if (asked.role == CommandRole::kQuit && !value.is_error()) {
      Closed();
      may_close_ = true;
      return true;
    }
  }
  Pop();
  return true;
}

}  // namespace resprobe
