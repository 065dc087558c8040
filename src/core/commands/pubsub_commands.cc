// Publish and subscribe (redis 7.0 pubsub.c). A subscription command replies with one message per
// channel, a push in RESP3; these are sent even if CLIENT REPLY has switched replies off.

#include "core/server/server.h"
#include "core/table/command.h"
#include "core/table/glob.h"
#include "core/table/groups.h"

namespace resprobe {
namespace {

enum class Kind { kChannel, kPattern, kShard };

Dict<Nothing>& Names(CommandContext& c, Kind kind) {
  return kind == Kind::kChannel   ? c.client.channels
         : kind == Kind::kPattern ? c.client.patterns
                                  : c.client.shards;
}

Subscriptions& Registry(CommandContext& c, Kind kind) {
  return kind == Kind::kChannel   ? c.server.channels()
         : kind == Kind::kPattern ? c.server.patterns()
                                  : c.server.shards();
}

// `name` is null if there was nothing to unsubscribe from. Channels and patterns share one count,
// shard channels have their own.
void Confirm(CommandContext& c, Kind kind, std::string_view what, const std::string_view* name) {
  const Client& client = c.client;
  const size_t left =
      kind == Kind::kShard ? client.shards.size() : client.channels.size() + client.patterns.size();
  resp::Writer out = c.server.PushWriter(c.client);
  out.PushHeader(3);
  out.BulkString(what);
  if (name == nullptr) {
    out.NullBulk();
  } else {
    out.BulkString(*name);
  }
  out.Integer(static_cast<int64_t>(left));
}

void Subscribe(CommandContext& c, Kind kind, std::string_view what) {
  for (size_t i = 1; i < c.argc(); ++i) {
    Names(c, kind).Insert(c.args[i]);
    Registry(c, kind).Add(c.args[i], c.client.id);
    Confirm(c, kind, what, &c.args[i]);
  }
  c.client.subscribed = true;
}

void Unsubscribe(CommandContext& c, Kind kind, std::string_view what) {
  Dict<Nothing>& names = Names(c, kind);
  if (c.argc() > 1) {
    for (size_t i = 1; i < c.argc(); ++i) {
      names.Erase(c.args[i]);
      Registry(c, kind).Remove(c.args[i], c.client.id);
      Confirm(c, kind, what, &c.args[i]);
    }
  } else if (names.empty()) {
    Confirm(c, kind, what, nullptr);
  } else {
    // EraseAt() puts the last entry in the place of the first, so look that up each time. The order
    // is none that a client may count on: on a server it is that of a hash table.
    while (!names.empty()) {
      c.scratch.assign(names.at(0).key);
      names.EraseAt(0);
      Registry(c, kind).Remove(c.scratch, c.client.id);
      const std::string_view name = c.scratch;
      Confirm(c, kind, what, &name);
    }
  }
  if (c.client.subscription_count() == 0) c.client.subscribed = false;
}

void SubscribeChannels(CommandContext& c) { Subscribe(c, Kind::kChannel, "subscribe"); }
void SubscribePatterns(CommandContext& c) { Subscribe(c, Kind::kPattern, "psubscribe"); }
void UnsubscribeChannels(CommandContext& c) { Unsubscribe(c, Kind::kChannel, "unsubscribe"); }
void UnsubscribePatterns(CommandContext& c) { Unsubscribe(c, Kind::kPattern, "punsubscribe"); }

// redis 7.0: inside EXEC a client expects one reply per command.
void SubscribeShards(CommandContext& c) {
  if (c.client.multi) {
    c.Error("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client");
    return;
  }
  Subscribe(c, Kind::kShard, "ssubscribe");
}
void UnsubscribeShards(CommandContext& c) { Unsubscribe(c, Kind::kShard, "sunsubscribe"); }

void PublishToShard(CommandContext& c) {
  c.reply.Integer(c.server.PublishToShard(c.args[1], c.args[2]));
}

void Publish(CommandContext& c) { c.reply.Integer(c.server.Publish(c.args[1], c.args[2])); }

// addReplySubcommandSyntaxError: a container's error for arguments that pass the arity check.
void SubcommandError(CommandContext& c) {
  c.ErrorAbout("ERR unknown subcommand or wrong number of arguments for '",
               c.args[1].substr(0, 128), "'. Try PUBSUB HELP.");
}

void ListChannels(CommandContext& c, Kind kind) {
  if (c.argc() > 3) {
    SubcommandError(c);
    return;
  }
  const Dict<ClientIds>& channels = Registry(c, kind).names();
  c.views.clear();
  for (size_t i = 0; i < channels.size(); ++i) {
    const std::string& name = channels.at(i).key;
    if (c.argc() == 2 || GlobMatch(c.args[2], name)) c.views.push_back(name);
  }
  c.reply.ArrayHeader(c.views.size());
  for (const std::string_view name : c.views) c.reply.BulkString(name);
}

void CountSubscribers(CommandContext& c, Kind kind) {
  c.reply.ArrayHeader((c.argc() - 2) * 2);
  for (size_t i = 2; i < c.argc(); ++i) {
    const ClientIds* ids = Registry(c, kind).Find(c.args[i]);
    c.reply.BulkString(c.args[i]);
    c.reply.Integer(ids == nullptr ? 0 : static_cast<int64_t>(ids->size()));
  }
}

void PubSubChannels(CommandContext& c) { ListChannels(c, Kind::kChannel); }
void PubSubShardChannels(CommandContext& c) { ListChannels(c, Kind::kShard); }
void PubSubNumSub(CommandContext& c) { CountSubscribers(c, Kind::kChannel); }
void PubSubShardNumSub(CommandContext& c) { CountSubscribers(c, Kind::kShard); }

void PubSubNumPat(CommandContext& c) {
  c.reply.Integer(static_cast<int64_t>(c.server.patterns().names().size()));
}

constexpr uint32_t kSubscription = kPubSub | kNoScript | kLoading | kStale;
constexpr uint32_t kInspection = kPubSub | kLoading | kStale;

constexpr CommandSpec kPubSubSubcommands[] = {
    {.name = "channels",
     .arity = -2,
     .flags = kInspection,
     .group = CommandGroup::kPubSub,
     .since = "2.8.0",
     .summary = "The channels that have subscribers",
     .syntax = "[pattern]",
     .reply = "array<bulk>",
     .handler = PubSubChannels,
     .traits = {.freedom = ReplyFreedom::kOrder}},
    {.name = "help",
     .arity = 2,
     .flags = kLoading | kStale,
     .group = CommandGroup::kPubSub,
     .since = "6.2.0",
     .summary = "The subcommands of PUBSUB",
     .syntax = "",
     .reply = "array<status>",
     .handler = ContainerHelp,
     .traits = {.freedom = ReplyFreedom::kMasked}},
    {.name = "numpat",
     .arity = 2,
     .flags = kInspection,
     .group = CommandGroup::kPubSub,
     .since = "2.8.0",
     .summary = "How many patterns are subscribed to",
     .syntax = "",
     .reply = "int(0..)",
     .handler = PubSubNumPat},
    {.name = "numsub",
     .arity = -2,
     .flags = kInspection,
     .group = CommandGroup::kPubSub,
     .since = "2.8.0",
     .summary = "How many subscribers channels have",
     .syntax = "[channel ...]",
     .reply = "flat<bulk,int(0..)>",
     .handler = PubSubNumSub},
    {.name = "shardchannels",
     .arity = -2,
     .flags = kInspection,
     .group = CommandGroup::kPubSub,
     .since = "7.0.0",
     .summary = "The channels of shards that have subscribers",
     .syntax = "[pattern]",
     .reply = "array<bulk>",
     .handler = PubSubShardChannels,
     .traits = {.freedom = ReplyFreedom::kOrder}},
    {.name = "shardnumsub",
     .arity = -2,
     .flags = kInspection,
     .group = CommandGroup::kPubSub,
     .since = "7.0.0",
     .summary = "How many subscribers channels of shards have",
     .syntax = "[channel ...]",
     .reply = "flat<bulk,int(0..)>",
     .handler = PubSubShardNumSub},
};

constexpr CommandSpec kPubSubCommands[] = {
    {.name = "psubscribe",
     .arity = -2,
     .flags = kSubscription,
     .group = CommandGroup::kPubSub,
     .since = "2.0.0",
     .summary = "Listen to the channels that match patterns",
     .syntax = "pattern [pattern ...]",
     .reply = "push<bulk,bulk,int(1..)>",
     .handler = SubscribePatterns,
     .traits = {.role = CommandRole::kPsubscribe, .bits = kRunsSubscribed | kRare}},
    {.name = "publish",
     .arity = 3,
     .flags = kPubSub | kLoading | kStale | kFast | kMayReplicate,
     .group = CommandGroup::kPubSub,
     .since = "2.0.0",
     .summary = "Send a message to a channel",
     .syntax = "channel message",
     .reply = "int(0..)",
     .handler = Publish,
     .traits = {.role = CommandRole::kPublish}},
    {.name = "pubsub",
     .arity = -2,
     .group = CommandGroup::kPubSub,
     .since = "2.8.0",
     .summary = "Commands on subscriptions",
     .subcommands = kPubSubSubcommands},
    {.name = "punsubscribe",
     .arity = -1,
     .flags = kSubscription,
     .group = CommandGroup::kPubSub,
     .since = "2.0.0",
     .summary = "Listen no longer to patterns",
     .syntax = "[pattern ...]",
     .reply = "push<bulk,bulk|null,int(0..)>",
     .handler = UnsubscribePatterns,
     .traits = {.role = CommandRole::kPunsubscribe, .bits = kRunsSubscribed}},
    {.name = "spublish",
     .arity = 3,
     .flags = kPubSub | kLoading | kStale | kFast | kMayReplicate,
     .keys = Channels(1, 1).Uses(kIsNoKey),
     .group = CommandGroup::kPubSub,
     .since = "7.0.0",
     .summary = "Send a message to a channel of a shard",
     .syntax = "channel message",
     .reply = "int(0..)",
     .handler = PublishToShard,
     .traits = {.role = CommandRole::kPublish}},
    {.name = "ssubscribe",
     .arity = -2,
     .flags = kSubscription,
     .keys = Channels(1, -1).Uses(kIsNoKey),
     .group = CommandGroup::kPubSub,
     .since = "7.0.0",
     .summary = "Listen to channels of shards",
     .syntax = "channel [channel ...]",
     .reply = "push<bulk,bulk,int(1..)>",
     .handler = SubscribeShards,
     .traits = {.role = CommandRole::kSsubscribe, .bits = kRunsSubscribed | kRare}},
    {.name = "sunsubscribe",
     .arity = -1,
     .flags = kSubscription,
     .keys = Channels(1, -1).Uses(kIsNoKey),
     .group = CommandGroup::kPubSub,
     .since = "7.0.0",
     .summary = "Listen no longer to channels of shards",
     .syntax = "[channel ...]",
     .reply = "push<bulk,bulk|null,int(0..)>",
     .handler = UnsubscribeShards,
     .traits = {.role = CommandRole::kSunsubscribe, .bits = kRunsSubscribed}},
    {.name = "subscribe",
     .arity = -2,
     .flags = kSubscription,
     .group = CommandGroup::kPubSub,
     .since = "2.0.0",
     .summary = "Listen to channels",
     .syntax = "channel [channel ...]",
     .reply = "push<bulk,bulk,int(1..)>",
     .handler = SubscribeChannels,
     .traits = {.role = CommandRole::kSubscribe, .bits = kRunsSubscribed | kRare}},
    {.name = "unsubscribe",
     .arity = -1,
     .flags = kSubscription,
     .group = CommandGroup::kPubSub,
     .since = "2.0.0",
     .summary = "Listen no longer to channels",
     .syntax = "[channel ...]",
     .reply = "push<bulk,bulk|null,int(0..)>",
     .handler = UnsubscribeChannels,
     .traits = {.role = CommandRole::kUnsubscribe, .bits = kRunsSubscribed}},
};

}  // namespace

std::span<const CommandSpec> PubSubCommands() { return kPubSubCommands; }

}  // namespace resprobe
