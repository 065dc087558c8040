#include "history/specification.h"

#include <algorithm>
#include <charconv>
#include <span>
#include <utility>

#include "core/table/table.h"
#include "history/mixed.h"

namespace resprobe::history {
namespace {

constexpr int kDb = 0;
constexpr int kKeptDb = 1;  // earlier values, for Undo()

ServerConfig ConfigOf(Profile profile) {
  ServerConfig config;
  config.profile = profile;
  config.databases = 2;
  return config;
}

// Why an operation with this request cannot be checked; "" if it can be.
std::string_view WhyNot(const Command* command, std::span<const std::string_view> args) {
  if (command == nullptr) return "the core does not have it";
  const CommandTraits& traits = command->traits();
  if (command->may_wait || command->Has(kBlocking)) return "it waits";
  if (command->role == CommandRole::kWatch || command->role == CommandRole::kUnwatch) {
    return "what a client watches is not part of a history";
  }
  if (command->spec->group == CommandGroup::kPubSub || command->changes_subscriptions()) {
    return "messages are not part of a history";
  }
  if (command->HasTrait(kOtherDatabase)) return "a history is of one database";
  if (traits.time.kind != TimeArgument::Kind::kNone || traits.freedom == ReplyFreedom::kTime) {
    // SET has options for a time, and is used without.
    if (traits.time.kind != TimeArgument::Kind::kOptions || args.size() > 3) {
      return "a history has no times to live";
    }
  }
  switch (traits.freedom) {
    case ReplyFreedom::kPick:
    case ReplyFreedom::kPop:
      return "its reply is chosen by the server";
    case ReplyFreedom::kMasked:
      return command->spec->keys.kind == KeySpec::Kind::kNone ? ""
                                                              : "its reply is the server's own";
    case ReplyFreedom::kScan:
      return "a scan is no single moment";
    default:
      return "";
  }
}

// A value as text; equal values have equal texts.
std::string Canonical(const resp::ReplyView& value) {
  if (value.is_null()) return "_";
  if (value.is_error()) return "-" + std::string(value.text().substr(0, value.text().find(' ')));
  std::string text(1, static_cast<char>(value.type()));
  if (value.type() == resp::Type::kBoolean) return text += value.boolean() ? 't' : 'f';
  if (!value.is_aggregate()) {
    text += std::to_string(value.text().size()) + ":";
    return text += value.text();
  }
  text += std::to_string(value.size()) + "(";
  for (const resp::ReplyView child : value) text += Canonical(child);
  return text + ")";
}

// The same without the order of the elements, or of the pairs.
std::string Sorted(const resp::ReplyView& value, bool pairs) {
  if (!value.is_aggregate()) return Canonical(value);
  std::vector<std::string> parts;
  bool second = false;
  for (const resp::ReplyView child : value) {
    if (second) {
      parts.back() += Canonical(child);
    } else {
      parts.push_back(Canonical(child));
    }
    second = (pairs || value.type() == resp::Type::kMap) && !second;
  }
  std::sort(parts.begin(), parts.end());
  std::string text = std::to_string(value.size()) + "(";
  for (const std::string& part : parts) text += part;
  return text + ")";
}

}  // namespace

OperationFacts FactsOf(const Operation& operation, Profile profile) {
  OperationFacts facts;
  std::vector<std::vector<std::string>> requests;
  if (!RequestsOf(operation, &requests)) {
    facts.refused = "the requests are not whole";
    return facts;
  }
  for (const std::vector<std::string>& request : requests) {
    const std::vector<std::string_view> args(request.begin(), request.end());
    const Command* command = FindCommand(args[0], profile);
    if (command != nullptr && !command->subcommands.empty() && args.size() > 1) {
      if (const Command* const sub = FindSubcommand(*command, args[1])) command = sub;
    }
    if (const std::string_view why = WhyNot(command, args); !why.empty()) {
      facts.refused = request[0] + ": " + std::string(why);
      return facts;
    }
    facts.writes |= command->Has(kWrite);
    const ReplyFreedom freedom = command->traits().freedom;
    facts.pairs |= freedom == ReplyFreedom::kPairs;
    facts.any_order |=
        facts.pairs || freedom == ReplyFreedom::kOrder || freedom == ReplyFreedom::kSort;
    std::vector<int> positions;
    if (!KeyPositions(*command, args, positions)) {
      facts.refused = request[0] + ": its arguments do not say which keys it uses";
      return facts;
    }
    for (const int at : positions) facts.keys.emplace_back(args[static_cast<size_t>(at)]);
    facts.all_keys |= positions.empty() && (command->Has(kWrite) || command->Has(kReadonly));
  }
  if (facts.any_order && requests.size() > 1) {
    facts.refused =
        requests[0][0] + ": a reply in it has no promised order, which is for single requests";
  }
  std::sort(facts.keys.begin(), facts.keys.end());
  facts.keys.erase(std::unique(facts.keys.begin(), facts.keys.end()), facts.keys.end());
  return facts;
}

bool WasRefused(const Operation& operation) {
  constexpr std::string_view kCodes[] = {"OOM",        "MISCONF",     "LOADING",  "READONLY",
                                         "NOREPLICAS", "MASTERDOWN",  "BUSY",     "NOAUTH",
                                         "NOPERM",     "CLUSTERDOWN", "EXECABORT"};
  // The last reply is that of the only request, or of EXEC.
  std::string_view last = operation.replies;
  if (!last.ends_with("\r\n")) return false;
  last.remove_suffix(2);
  if (const size_t line = last.rfind("\r\n"); line != last.npos) last.remove_prefix(line + 2);
  if (!last.starts_with('-')) return false;
  const std::string_view code = last.substr(1, last.find(' ') - 1);
  return std::ranges::find(kCodes, code) != std::end(kCodes);
}

bool SameReplies(std::string_view a, std::string_view b, bool any_order, bool pairs) {
  resp::ReplyParser first;
  resp::ReplyParser second;
  while (!a.empty() && !b.empty()) {
    const resp::ReplyParser::Result one = first.Parse(a);
    const resp::ReplyParser::Result other = second.Parse(b);
    if (one.status != resp::ReplyParser::Status::kValue ||
        other.status != resp::ReplyParser::Status::kValue) {
      return false;
    }
    const resp::ReplyView x = first.reply().root();
    const resp::ReplyView y = second.reply().root();
    if (any_order ? Sorted(x, pairs) != Sorted(y, pairs) : Canonical(x) != Canonical(y)) {
      return false;
    }
    a.remove_prefix(one.consumed);
    b.remove_prefix(other.consumed);
  }
  return a.empty() && b.empty();
}

Specification::Specification(Profile profile) : server_(ConfigOf(profile)) { Reset(); }

void Specification::Reset() {
  server_.Reset();
  client_ = server_.Connect();
  keys_.clear();
  digests_.clear();
  state_ = 0;
  old_.clear();
  changes_.clear();
}

void Specification::AddKey(std::string key) {
  keys_.push_back(std::move(key));
  digests_.push_back(0);
}

uint64_t Specification::DigestOf(uint32_t key) const {
  const uint64_t value = server_.keyspace().ValueDigest(kDb, keys_[key]);
  return value == 0 ? 0 : Mixed(value ^ Mixed(key + 1));
}

std::string_view Specification::KeptName(size_t at) {
  char digits[20];
  const auto [end, code] = std::to_chars(std::begin(digits), std::end(digits), at);
  name_.assign(digits, end);
  return name_;
}

bool Specification::Run(const Step& step) {
  Keyspace& keyspace = server_.keyspace();
  changes_.push_back(old_.size());
  if (step.writes) {
    for (const uint32_t key : step.keys) {
      const bool existed = keyspace.Peek(kDb, keys_[key]) != nullptr;
      if (existed) keyspace.Copy(kDb, keys_[key], kKeptDb, KeptName(old_.size()));
      old_.push_back({key, existed, digests_[key]});
    }
  }
  std::string& output = server_.Output(client_);
  output.clear();
  server_.Receive(client_, step.operation->requests);
  const bool same = !step.operation->answered() || output == step.operation->replies ||
                    SameReplies(output, step.operation->replies, step.any_order, step.pairs);
  if (!same) answer_ = output;
  if (step.writes) {
    for (const uint32_t key : step.keys) {
      const uint64_t digest = DigestOf(key);
      state_ ^= digests_[key] ^ digest;
      digests_[key] = digest;
    }
  }
  if (!same) Undo();
  return same;
}

void Specification::Undo() {
  Keyspace& keyspace = server_.keyspace();
  const size_t begin = changes_.back();
  changes_.pop_back();
  while (old_.size() > begin) {
    const Old old = old_.back();
    old_.pop_back();
    const std::string& key = keys_[old.key];
    state_ ^= digests_[old.key] ^ old.digest;
    digests_[old.key] = old.digest;
    if (old.existed) {
      keyspace.Copy(kKeptDb, KeptName(old_.size()), kDb, key);
      keyspace.Remove(kKeptDb, name_);
    } else {
      keyspace.Remove(kDb, key);
    }
  }
}

void Specification::Commit() {
  Keyspace& keyspace = server_.keyspace();
  for (size_t at = 0; at < old_.size(); ++at) {
    if (old_[at].existed) keyspace.Remove(kKeptDb, KeptName(at));
  }
  old_.clear();
  changes_.clear();
}

}  // namespace resprobe::history
