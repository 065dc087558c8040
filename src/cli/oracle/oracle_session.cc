#include "cli/oracle/oracle_session.h"

#include <algorithm>
#include <cstdio>
#include <initializer_list>
#include <set>
#include <span>
#include <utility>
#include <variant>

#include "cli/profile_option.h"
#include "engine/shrink.h"
#include "live/net/server_listener.h"
#include "runner/files.h"
#include "runner/json.h"
#include "runner/process.h"
#include "runner/user_error.h"
#include "runner/whole_number.h"

namespace resprobe::cli {
namespace {

// As in Difference::command.
constexpr std::string_view kOfState = "state: ";
constexpr std::string_view kExpiryReaders[] = {"state: ttl", "state: pttl", "state: pexpiretime"};

// Ops that do nothing: a request without words.
void WithoutEmptyOps(const std::function<bool(const CommandCase&)>& fails, CommandCase* c) {
  CommandCase without = *c;
  const size_t erased = std::erase_if(without.ops, [](const CommandWorld::Op& op) {
    const auto* call = std::get_if<CommandWorld::Call>(&op);
    const auto* queue = std::get_if<CommandWorld::Queue>(&op);
    return (call != nullptr && call->args.words.empty()) ||
           (queue != nullptr && queue->args.words.empty());
  });
  if (erased > 0 && fails(without)) *c = without;
}

// The command that the op calls, with its options; "" if it calls none.
std::string NameOf(const CommandWorld::Op& op, Profile profile) {
  const auto* call = std::get_if<CommandWorld::Call>(&op);
  const auto* queue = std::get_if<CommandWorld::Queue>(&op);
  if (call == nullptr && queue == nullptr) return "";
  const std::span<const std::string_view> words =
      call != nullptr ? call->args.words : queue->args.words;
  if (words.empty()) return "";
  const Command* command = FindCommand(words.front(), profile);
  if (command != nullptr && words.size() > 1 && !command->subcommands.empty()) {
    command = FindSubcommand(*command, words[1]);
  }
  if (command == nullptr) return "";
  return live::CommandWithOptions(*command, {words.begin(), words.end()});
}

}  // namespace

void LiveOptions::AddTo(Verb* verb, const ServerTraits& traits) {
  server.AddTo(verb, traits);
  verb->Group("Which server");
  AddProfile(verb, &profile, "the core");
  Option& watches =
      verb->Flag("--unmodelled", &unmodelled,
                 "Do not compare: call commands that the core does not have, with hostile values, "
                 "and watch the server");
  watches.Excludes("--profile");
  if (traits.sandbox) watches.Excludes("--sandbox");
  verb->Flag("--dangerous", &dangerous,
             "Send what is never sent otherwise: SHUTDOWN, DEBUG, CONFIG SET dir …")
      .Needs("--unmodelled");
  verb->Number("--memory", "MB", &memory_mb, 0, runner::kMostMegabytes,
               "A private server that takes more memory than this is a finding; 0: no limit")
      .ShowDefault();
  verb->Group("");
}

OracleSession::OracleSession(const LiveOptions& options) {
  std::string error;
  live::TargetOptions target = options.server.Target();
  target.any = true;
  target.stop = [this, stop = target.stop] { return stop() || (over_ && over_()); };
  target_ = live::LiveServer::Open(target, &error);
  if (target_ == nullptr) runner::ThrowServerError(error);
  live::OracleOptions oracle;
  oracle.hang_ms = options.server.hang_seconds * 1000;
  if (options.profile != "auto") {
    const std::optional<Profile> profile = live::ParseProfile(options.profile, &error);
    if (!profile) throw runner::UserError("--profile: " + error);
    oracle.profile = *profile;
  } else if (!target_->ProfileOf(&oracle.profile) && target_->IsRedis(oracle.profile)) {
    throw runner::UserError("there is no profile for " + target_->version() +
                            ": name the one to compare it with, such as --profile " +
                            std::string(ProfileName(oracle.profile)));
  }
  profile_ = ProfileName(oracle.profile);
  std::optional<live::ServerSurvey> survey = live::ServerSurvey::Make(
      target_.get(), oracle.profile, options.survey_seconds,
      [](const std::string& line) {
        std::fputs(line.c_str(), stderr);
        std::fflush(stderr);
      },
      &error);
  if (!survey) runner::ThrowServerError(error);
  oracle.survey = *std::move(survey);
  oracle.only_error_codes = options.only_error_codes;
  known_.insert(options.known.begin(), options.known.end());
  oracle_ = std::make_unique<live::Oracle>(target_.get(), oracle);
  oracle_->set_known(&known_);
  if (!oracle_->Prepare(&error)) runner::ThrowServerError(error);
}

int ShrinkingHangMs(int hang_ms) {
  constexpr int kParts = 5;
  constexpr int kLeastMs = 500;
  return std::min(hang_ms, std::max(hang_ms / kParts, kLeastMs));
}

std::optional<live::Difference> OracleSession::RunOnce(const CommandCase& c) {
  std::optional<live::Difference> difference = oracle_->Run(c);
  if (difference && !difference->fatal && !oracle_->survey().unfit().empty()) {
    difference->cause = UnfitCause(c, *difference);
  }
  return difference;
}

std::string OracleSession::UnfitCause(const CommandCase& c,
                                      const live::Difference& difference) const {
  // What has a cause of its own, or comes before it, is not its.
  if (!difference.cause.empty()) return difference.cause;
  for (size_t i = 0; i < c.ops.size() && i <= difference.op; ++i) {
    const auto* call = std::get_if<CommandWorld::Call>(&c.ops[i]);
    if (call == nullptr || call->args.words.empty()) continue;
    const Command* const command = FindCommand(call->args.words.front(), oracle_->profile());
    if (command == nullptr) continue;
    const auto unfit = oracle_->survey().unfit().find(command->full_name());
    if (unfit != oracle_->survey().unfit().end() && !unfit->second.cause.empty()) {
      return unfit->second.cause;
    }
  }
  return "";
}

std::optional<live::Difference> OracleSession::Run(const CommandCase& c) {
  if (gone()) throw runner::UserError("the server does not come back: " + gone_);
  std::optional<live::Difference> difference = RunOnce(c);
  if (difference && difference->behind_known) return std::nullopt;
  if (difference && !difference->fatal) {
    // A reply too many or too few shifts all that follow: which request it was shows when each
    // waits for its reply.
    oracle_->set_one_by_one(true);
    std::optional<live::Difference> again = RunOnce(c);
    oracle_->set_one_by_one(false);
    const bool shifted = again && !again->behind_known &&
                         (again->out_of_step || difference->out_of_step || again->fatal);
    if (shifted) difference = std::move(again);
  }
  if (!difference || !difference->fatal) return difference;
  // Run it again, request by request, to identify the request.
  Revive();
  if (target_->own() && !gone()) {
    oracle_->set_one_by_one(true);
    std::optional<live::Difference> again = RunOnce(c);
    oracle_->set_one_by_one(false);
    if (again && again->fatal) {
      Revive();
      difference = std::move(again);
    }
  }
  return difference;
}

std::optional<live::Difference> OracleSession::RunAhead(const CommandCase& c) {
  std::optional<live::Difference> difference = oracle_->RunAhead(c);
  if (difference && difference->fatal) Revive();
  return difference;
}

std::optional<live::Difference> OracleSession::CatchUp() {
  std::optional<live::Difference> difference = oracle_->CatchUp();
  if (difference && difference->fatal) Revive();
  return difference;
}

void OracleSession::Resume() {
  if (oracle_->verdict().given_up() && !gone()) oracle_->Prepare(&gone_);
}

void OracleSession::Revive() {
  last_log_ = target_->Log();
  // A server that a limit keeps from starting again is not gone.
  const std::function<bool()> over = std::exchange(over_, nullptr);
  oracle_->Prepare(&gone_);
  over_ = over;
}

bool OracleSession::Shrink(const std::string& signature, findings::ShrinkBudget* budget,
                           Arena* arena, CommandCase* c) {
  // It must be seen here, even if the campaign knows it.
  const bool was_known = known_.erase(signature) > 0;
  const std::optional<live::Difference> first = gone() ? std::nullopt : Run(*c);
  if (!first || (!first->fatal && first->Signature() != signature)) {
    if (was_known) known_.insert(signature);
    return false;
  }
  // One run of a candidate shows the value of a reply; for anything else Run() takes several.
  const bool of_value = !first->fatal && !first->out_of_step;
  const std::function<bool(const CommandCase&)> fails = [&](const CommandCase& candidate) {
    if (gone() || !budget->Spend()) return false;
    std::optional<live::Difference> difference = of_value ? RunOnce(candidate) : Run(candidate);
    if (of_value && difference && difference->fatal) Revive();
    return difference && difference->Signature() == signature;
  };
  CommandCase small = *c;
  WithoutEmptyOps(fails, &small);
  const int hang_ms = oracle_->hang_ms();
  oracle_->set_hang_ms(ShrinkingHangMs(hang_ms));
  resprobe::Shrink<CommandWorld>(fails, arena, &small);
  WithoutEmptyOps(fails, &small);
  oracle_->set_hang_ms(hang_ms);
  // With the full timeout it may turn out not to hang.
  if (gone() || signature.find("server hangs") == signature.npos || Run(small)) *c = small;
  if (was_known) known_.insert(signature);
  return true;
}

std::optional<live::Difference> OracleSession::RunFresh(const CommandCase& c) {
  if (target_->own() && !oracle_->Prepare(&gone_, /*fresh=*/true)) return std::nullopt;
  return Run(c);
}

void OracleSession::KnowIfInStep(const CommandCase& c, const live::Difference& difference) {
  if (difference.fatal || (difference.out_of_step && !difference.closed) || gone()) return;
  const std::string signature = difference.Signature();
  if (!known_.insert(signature).second) return;
  oracle_->set_one_by_one(true);
  const std::optional<live::Difference> next = RunOnce(c);
  oracle_->set_one_by_one(false);
  if (next && next->fatal) Revive();
  if (next && next->out_of_step && !next->closed) known_.erase(signature);
}

std::string OracleSession::CauseOf(const CommandCase& c, const live::Difference& difference) {
  constexpr size_t kMostOps = 12;
  if (oracle_->survey().redis() || difference.fatal || c.ops.size() > kMostOps) {
    return difference.Signature();
  }
  const live::KnownDifferences known = known_;
  LookAtState(c);
  std::string cause = FirstCause(c, difference);
  known_ = known;
  return cause;
}

// What a case leaves is compared even if that difference is known; but not what the server answers
// without a case.
void OracleSession::LookAtState(const CommandCase& c) {
  std::erase_if(known_, [](const std::string& one) { return one.starts_with("state: "); });
  CommandCase empty = c;
  empty.ops.clear();
  for (;;) {
    const std::optional<live::Difference> left = gone() ? std::nullopt : Run(empty);
    if (!left || left->fatal || !known_.insert(left->Signature()).second) return;
  }
}

std::string OracleSession::FirstCause(const CommandCase& c, const live::Difference& difference) {
  // If all that a write leaves is compared, then a write that leaves the same data has no part in
  // it.
  const auto signature = [&](live::Difference one) {
    if (oracle_->survey().DumpsData()) one.after.clear();
    return one.Signature();
  };
  CommandCase prefix = c;
  // A write without which the same is left has no part in it: the order of ops is not always that
  // of requests, and one that is refused is a client's last one too.
  const auto without_bystanders = [&](live::Difference left) {
    for (size_t i = 0; i < prefix.ops.size();) {
      if (NameOf(prefix.ops[i], oracle_->profile()) == left.left_by) {
        CommandCase fewer = prefix;
        fewer.ops.erase(fewer.ops.begin() + static_cast<ptrdiff_t>(i));
        const std::optional<live::Difference> again = Run(fewer);
        if (again && !again->fatal && again->command == left.command && again->kind == left.kind &&
            !again->left_by.empty()) {
          prefix = std::move(fewer);
          left = *again;
          i = 0;
          continue;
        }
      }
      ++i;
    }
    return left;
  };
  for (size_t n = 1; n <= c.ops.size() && !gone(); ++n) {
    prefix.ops.assign(c.ops.begin(), c.ops.begin() + static_cast<ptrdiff_t>(n));
    std::optional<live::Difference> first = Run(prefix);
    if (!first) continue;
    if (first->fatal) break;
    if (!first->command.starts_with(kOfState)) return signature(*first);
    // The stream breaks in the reply to what reads; and a write may be read wrongly.
    if (!first->cause.empty()) return first->cause;
    if (first->left_by.empty()) break;
    first = without_bystanders(*std::move(first));
    if (first->out_of_step || OthersReadTheSame(prefix, *first) || OtherWritesToo(prefix, *first)) {
      return signature(*first).substr(kOfState.size());
    }
    const bool expiry = std::ranges::any_of(
        kExpiryReaders, [&](std::string_view one) { return first->command == one; });
    return first->left_by + ": " +
           std::string(expiry ? live::kLeavesOtherExpiry : live::kLeavesOtherData);
  }
  return signature(difference);
}

bool OracleSession::OthersReadTheSame(const CommandCase& c, const live::Difference& left) {
  if (left.words.size() < 2) return false;
  const std::string_view key = left.words[1];
  // Fields and members are among the words of the case.
  constexpr size_t kMostWords = 24;
  std::set<std::string_view> words;
  for (const CommandWorld::Op& op : c.ops) {
    if (std::holds_alternative<CommandWorld::Raw>(op)) return false;
    const auto* call = std::get_if<CommandWorld::Call>(&op);
    const auto* queue = std::get_if<CommandWorld::Queue>(&op);
    if (call == nullptr && queue == nullptr) continue;
    const std::span<const std::string_view> request =
        call != nullptr ? call->args.words : queue->args.words;
    if (request.empty()) continue;
    const Command* const command = FindCommand(request.front(), oracle_->profile());
    if (command == nullptr || !command->Has(kReadonly | kWrite)) return false;
    words.insert(request.begin() + 1, request.end());
  }
  Arena arena;
  CommandCase more = c;
  const auto ask = [&](const char* name, std::initializer_list<std::string_view> args) {
    if (!oracle_->survey().Has(name)) return;
    const std::span<std::string_view> copy = arena.Words(args.size() + 2);
    copy[0] = name;
    copy[1] = key;
    std::ranges::copy(args, copy.begin() + 2);
    more.ops.emplace_back(CommandWorld::Call{.client = {}, .args = {.words = copy}});
  };
  const std::string_view reader = left.words.front();
  const auto is = [&](std::string_view name) { return CommandContext::IsWord(reader, name); };
  size_t elements = 0;
  const auto each_word = [&](const char* name) {
    for (const std::string_view word : words) {
      if (++elements <= kMostWords) ask(name, {word});
    }
  };
  if (is("GET")) {
    ask("strlen", {});
    ask("getrange", {"0", "-1"});
  } else if (is("LRANGE")) {
    ask("llen", {});
    for (const char* index : {"0", "1", "2", "3", "4", "5", "6", "7", "-1", "-2"}) {
      ask("lindex", {index});
    }
  } else if (is("HGETALL")) {
    ask("hlen", {});
    each_word("hget");
  } else if (is("SMEMBERS")) {
    ask("scard", {});
    each_word("sismember");
  } else if (is("ZRANGE")) {
    ask("zcard", {});
    each_word("zscore");
  }
  // The number alone, which is asked first, says nothing of values of one length.
  const bool sizes_differ =
      left.kind == "number of elements" || left.core.size() != left.server.size();
  if (more.ops.size() <= c.ops.size() + (sizes_differ ? 0 : 1)) return false;
  const std::optional<live::Difference> first = Run(more);
  return first && first->op >= more.ops.size() && first->Signature() == left.Signature();
}

bool OracleSession::OtherWritesToo(const CommandCase& c, const live::Difference& left) {
  struct Way {
    const char* reader;
    const char* writer;
    std::vector<std::string_view> before;  // the value
  };
  static const std::vector<Way> kWays = {{"get", "set", {}},         {"get", "append", {}},
                                         {"lrange", "rpush", {}},    {"lrange", "lpush", {}},
                                         {"hgetall", "hset", {"f"}}, {"hgetall", "hsetnx", {"f"}}};
  if (left.words.size() < 2 || c.ops.empty()) return false;
  const auto* last = std::get_if<CommandWorld::Call>(&c.ops.back());
  if (last == nullptr || last->args.words.size() < 3) return false;
  const std::string_view value = last->args.words[2];
  for (const Way& way : kWays) {
    if (!CommandContext::IsWord(left.words.front(), way.reader)) continue;
    if (left.left_by.starts_with(way.writer) || !oracle_->survey().Has(way.writer)) continue;
    Arena arena;
    const std::span<std::string_view> words = arena.Words(way.before.size() + 3);
    words[0] = way.writer;
    words[1] = left.words[1];
    std::ranges::copy(way.before, words.begin() + 2);
    words.back() = value;
    CommandCase other = c;
    other.ops.assign(1, CommandWorld::Call{.client = {}, .args = {.words = words}});
    const std::optional<live::Difference> first = Run(other);
    if (first && first->Signature() == left.Signature()) return true;
  }
  return false;
}

std::string Session(const std::vector<std::string>& lines) {
  const auto client = [](const std::string& line) { return line.substr(0, line.find('>')); };
  const bool one = std::all_of(lines.begin(), lines.end(), [&](const std::string& line) {
    return client(line) == client(lines.front());
  });
  std::string text;
  for (const std::string& line : lines) {
    text += (one ? line.substr(line.find('>') + 2) : line) + "\n";
  }
  return text;
}

std::string Describe(const live::Difference& difference) {
  // The complete text is in report.json.
  const auto cut = [](const std::string& text) {
    constexpr size_t kMost = 400;
    return text.size() <= kMost ? text : text.substr(0, kMost) + " …";
  };
  std::string text = "  request:   " + cut(difference.request) +
                     "\n  core:      " + cut(difference.core) +
                     "\n  server:    " + cut(difference.server) + "\n  redis-cli:\n";
  const std::string session = Session(difference.session);
  for (size_t at = 0; at < session.size();) {
    const size_t end = session.find('\n', at);
    text += "    " + session.substr(at, end - at) + "\n";
    at = end + 1;
  }
  return text;
}

Json ToJson(const live::Difference& difference) {
  return {{"signature", runner::JsonText(difference.Signature())},
          {"command", runner::JsonText(difference.command)},
          {"kind", runner::JsonText(difference.kind)},
          {"op", difference.op},
          {"fatal", difference.fatal},
          {"request", runner::JsonText(difference.request)},
          {"core", runner::JsonText(difference.core)},
          {"server", runner::JsonText(difference.server)},
          {"session", runner::JsonText(Session(difference.session))}};
}

}  // namespace resprobe::cli
