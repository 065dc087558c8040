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
  may_close_ = kills_ = blinds_ = pauses_ = false;
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

ReplyModel::Kind ReplyModel::KindOf(const Command& command) {
  switch (command.role) {
    case CommandRole::kHello:
      return Kind::kHello;
    case CommandRole::kReset:
      return Kind::kReset;
    case CommandRole::kMulti:
      return Kind::kMulti;
    case CommandRole::kExec:
      return Kind::kExec;
    case CommandRole::kDiscard:
      return Kind::kDiscard;
    case CommandRole::kWatch:
      return Kind::kWatch;
    case CommandRole::kUnwatch:
      return Kind::kUnwatch;
    case CommandRole::kSubscribe:
      return Kind::kSubscribe;
    case CommandRole::kQuit:
      return Kind::kQuit;
    case CommandRole::kUnsubscribe:
      return Kind::kUnsubscribe;
    case CommandRole::kPublish:
      return Kind::kPublish;
    case CommandRole::kPsubscribe:
      return Kind::kPsubscribe;
    case CommandRole::kEcho:
      return Kind::kEcho;
    case CommandRole::kPunsubscribe:
      return Kind::kPunsubscribe;
    case CommandRole::kSsubscribe:
      return Kind::kSsubscribe;
    case CommandRole::kSunsubscribe:
      return Kind::kSunsubscribe;
    case CommandRole::kReplyMode:
      return Kind::kReplyMode;
    case CommandRole::kTracking:
      return Kind::kTracking;
    default:
      return Kind::kPlain;
  }
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
      if (FindCommand(args[0]) == nullptr) asked.kind = Kind::kHttp;
    }
  } else {
    asked.kind = KindOf(*command);
    asked.arity_fits = command->ArityFits(args.size());
    kills_ |= command->role == CommandRole::kKillClient;
    pauses_ |= command->role == CommandRole::kPauseClients;
    if (asked.kind == Kind::kTracking) {
      for (size_t i = 3; i + 1 < args.size(); ++i) {
        blinds_ |= CommandContext::IsWord(args[i], "REDIRECT") ||
                   CommandContext::IsWord(args[i], "PREFIX");
      }
    }
    if (asked.kind == Kind::kHello && args.size() > 1) {
      asked.protocol = args[1] == "2" ? uint8_t{2} : args[1] == "3" ? uint8_t{3} : uint8_t{0};
    } else if (asked.kind == Kind::kReplyMode && args.size() > 2) {
      asked.mode = CommandContext::IsWord(args[2], "ON")     ? 'N'
                   : CommandContext::IsWord(args[2], "OFF")  ? 'F'
                   : CommandContext::IsWord(args[2], "SKIP") ? 'S'
                                                             : 0;
    }
    if (KeepsWords(asked.kind)) {
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
    asked_.push_back({nullptr, Kind::kNothing, false, 0, 0, 0, 0});
  }
}

void ReplyModel::AskedNonsense(bool has_reply) {
  may_close_ = true;
  if (has_reply) asked_.push_back({nullptr, Kind::kNonsense, false, 0, 0, 0, 0});
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
  return asked.command != nullptr && asked.command->may_wait && !MustFail(asked) && !Queues(asked);
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

ReplyModel::Names& ReplyModel::NamesOf(Kind kind) {
  switch (kind) {
    case Kind::kSubscribe:
    case Kind::kUnsubscribe:
      return channels_;
    case Kind::kPsubscribe:
    case Kind::kPunsubscribe:
      return patterns_;
    default:
      return shards_;
  }
}

size_t ReplyModel::Messages(const Request& asked) {
  if (asked.argc > 1) return asked.argc - 1;
  return std::max<size_t>(1, NamesOf(asked.kind).size() + messages_taken_);
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
    if (asked.kind == Kind::kNothing) {
      Pop();
      continue;
    }
    const bool fails = MustFail(asked);
    if (asked.kind == Kind::kExec && !fails && multi_ && exec_opaque_) {
      opaque_ = true;
      return;
    }
    const bool queues = !fails && Queues(asked);
    const bool subscribes = asked.kind >= Kind::kSubscribe && asked.kind <= Kind::kPunsubscribe;
    if (foreign_) [[unlikely]] {
      // The server is silent if it knows the commands of the first case, or does not know those of
      // the second.
      const bool silent_if_known =
          asked.kind == Kind::kHttp || (!fails && !queues && asked.kind == Kind::kReplyMode &&
                                        asked.mode != 'N' && asked.mode != 0);
      const bool silent_if_unknown = (reply_off_ || reply_skip_) && !fails && !queues &&
                                     (subscribes || asked.kind == Kind::kReset);
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
    if (asked.kind == Kind::kHttp) {  // closed without a reply
      may_close_ = true;
      front_ = asked_.size();
      return;
    }
    if (!fails && !queues && asked.kind == Kind::kReplyMode) {
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
      if (!queues && asked.kind == Kind::kReset && !reply_skip_) return;
      if (queues || (asked.kind >= Kind::kHello && asked.kind <= Kind::kUnwatch) ||
          asked.kind == Kind::kTracking || asked.kind == Kind::kQuit || asked.command->may_wait) {
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
  Names& names = NamesOf(asked.kind);
  if (value[0].text() != asked.command->name() ||
      (asked.argc > 1 && name != Word(asked, 1 + messages_taken_))) {
    return Wrong(kOne, "the confirmation of ", asked.command->name(), " in its turn");
  }
  const size_t due = Messages(asked);
  if (asked.kind == Kind::kSubscribe || asked.kind == Kind::kPsubscribe ||
      asked.kind == Kind::kSsubscribe) {
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
    if (queued.kind == Kind::kHello && queued.protocol != 0) protocol_ = queued.protocol;
    if (queued.kind == Kind::kTracking) tracking_ = true;
    if (!Shaped(*queued.command, element)) return false;
  }
  EndTransaction();
  return true;
}

// The first request was not queued; if it was EXEC, the transaction is over.
void ReplyModel::Refused(const Request& asked) {
  refused_ = true;
  if (!multi_) return;
  if (asked.kind == Kind::kExec) {
    EndTransaction();
  } else {
    dirty_exec_ = true;
  }
}

bool ReplyModel::TakeExecuted(const Request& asked, const resp::ReplyView& value) {
  if (value.is_error()) {
    refused_ = true;
    // Without MULTI, EXEC does not affect the watched keys, unless it is refused before it runs.
    if (asked.kind == Kind::kExec && (multi_ || IsExecAbort(value))) EndTransaction();
    return true;
  }
  if (asked.kind == Kind::kExec) return TakeExec(value);
  if (asked.kind == Kind::kHello && asked.protocol != 0) protocol_ = asked.protocol;
  if (!Shaped(*asked.command, value)) return false;
  switch (asked.kind) {
    case Kind::kReset:
      ForgetSession();
      break;
    case Kind::kMulti:
      if (multi_) return Wrong(kExecInvariant, "an error: MULTI inside MULTI");
      multi_ = true;
      break;
    case Kind::kDiscard:
      if (!multi_) return Wrong(kExecInvariant, "an error: DISCARD without MULTI");
      EndTransaction();
      break;
    case Kind::kWatch:
      watching_ = true;
      break;
    case Kind::kUnwatch:
      watching_ = false;
      break;
    case Kind::kTracking:
      tracking_ = true;
      break;
    case Kind::kReplyMode:
      if (asked.mode == 'F' || asked.mode == 'S') return Wrong(kOne, "no reply, or an error");
      break;
    case Kind::kEcho:
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
  if (asked.kind == Kind::kNonsense) {
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
      queued_.push_back({asked.command, asked.kind, asked.protocol});
      if (asked.kind == Kind::kReplyMode ||
          (asked.kind >= Kind::kSubscribe && asked.kind <= Kind::kPublish)) {
        exec_opaque_ = true;
      }
    }
  } else if (asked.kind >= Kind::kSubscribe && asked.kind <= Kind::kPunsubscribe &&
             !value.is_error()) {
    return TakeSubscription(asked, value);
  } else {
    if (!TakeExecuted(asked, value)) return false;
    if (asked.kind == Kind::kQuit && !value.is_error()) {
      Closed();
      may_close_ = true;
      return true;
    }
  }
  Pop();
  return true;
}

}  // namespace resprobe
