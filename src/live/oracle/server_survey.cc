#include "live/oracle/server_survey.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <map>
#include <utility>

#include "core/resp/writer.h"
#include "core/server/server.h"
#include "core/table/command.h"
#include "core/table/letter_case.h"
#include "live/net/resp_probe.h"
#include "worlds/command/command_syntax.h"

namespace resprobe::live {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view kNoCommand = ServerSurvey::kNoCommand;
constexpr std::string_view kNoWord = "NOSUCHWORD";
constexpr std::string_view kNoReply = "no reply";
// What a server does instead of an error reply counts as one.
constexpr std::string_view kCloses = "-closes the connection";
constexpr std::string_view kNoResp = "-no RESP";
constexpr std::string_view kTooLong = "-a reply without end";
constexpr int kPatienceMs = 2000;
constexpr int kEndsMs = 200;
constexpr int kSayAfterMs = 2000;
constexpr std::string_view kKeys = "probe:";
// How long a second reply may take.
constexpr int kSecondMs = 50;

// What is asked about first, should there be no time for all.
constexpr const char* kFirst[] = {
    "ping",     "set",   "get",     "del",      "exists",  "type",   "flushall", "flushdb",
    "dbsize",   "pttl",  "ttl",     "expire",   "pexpire", "incr",   "append",   "strlen",
    "lpush",    "rpush", "lpop",    "rpop",     "llen",    "lrange", "lindex",   "hset",
    "hget",     "hdel",  "hlen",    "hgetall",  "sadd",    "srem",   "scard",    "sismember",
    "smembers", "zadd",  "zrem",    "zscore",   "zcard",   "zrange", "select",   "echo",
    "incrby",   "decr",  "getset",  "getrange", "mget",    "mset",   "setnx",    "persist",
    "multi",    "exec",  "discard", "reset",    "hello"};

size_t Rank(const Command& command) {
  return static_cast<size_t>(std::ranges::find(kFirst, command.full_name()) - std::begin(kFirst));
}

// Keys and values of the checks of effects.
constexpr const char* kEffectKey = "probe:effect";

// Data of one type: how it is made, and what shows that it is there: an integer above 0, or a
// value.
struct Data {
  const char* name;
  std::vector<const char*> commands;
  std::vector<std::vector<std::string>> make;
  std::vector<std::vector<std::string>> read;
};

const std::vector<Data>& AllData() {
  using Words = std::vector<std::string>;
  static const std::vector<Data> kAll = [] {
    const Words string = {"SET", kEffectKey, "v"};
    const Words rpush = {"RPUSH", kEffectKey, "v"};
    const Words lpush = {"LPUSH", kEffectKey, "v"};
    const Words llen = {"LLEN", kEffectKey};
    const Words hash = {"HSET", kEffectKey, "f", "v"};
    const Words set = {"SADD", kEffectKey, "v"};
    std::vector<Data> all = {{"string", {"set", "exists"}, {string}, {{"EXISTS", kEffectKey}}},
                             {"string", {"set", "get"}, {string}, {{"GET", kEffectKey}}},
                             {"list", {"rpush", "llen"}, {rpush}, {llen}},
                             {"list", {"lpush", "llen"}, {lpush}, {llen}},
                             {"hash", {"hset", "hget"}, {hash}, {{"HGET", kEffectKey, "f"}}},
                             {"set", {"sadd", "scard"}, {set}, {{"SCARD", kEffectKey}}},
                             {"sorted set",
                              {"zadd", "zscore"},
                              {{"ZADD", kEffectKey, "1", "v"}},
                              {{"ZSCORE", kEffectKey, "v"}}}};
    // A key that is made again has no expiry; SET would delete one.
    for (const auto& [writer, write] :
         {std::pair("rpush", rpush), std::pair("hset", hash), std::pair("sadd", set)}) {
      for (const auto& [expire, ms] :
           {std::pair("expire", "1000"), std::pair("pexpire", "100000")}) {
        for (const char* ttl : {"ttl", "pttl"}) {
          all.push_back({"time to live",
                         {writer, expire, ttl},
                         {write, {expire, kEffectKey, ms}},
                         {write, {ttl, kEffectKey}}});
        }
      }
    }
    return all;
  }();
  return kAll;
}

const Data& OfAnotherDatabase() {
  static const Data kData = {"key of another database",
                             {"select", "set", "exists"},
                             {{"SELECT", "1"}, {"SET", kEffectKey, "v"}, {"SELECT", "0"}},
                             {{"SELECT", "1"}, {"EXISTS", kEffectKey}}};
  return kData;
}

// The text of an error without these words, one of which it may be about.
std::string Without(std::string_view error, std::string_view word, std::string_view other) {
  std::string text = LowerCase(error);
  for (const std::string& name : {LowerCase(word), LowerCase(other)}) {
    for (size_t at = 0; (at = text.find(name, at)) != text.npos;) {
      text.replace(at, name.size(), "?");
    }
  }
  return text;
}

}  // namespace

// Asks the questions of a survey.
class Surveyor {
 public:
  Surveyor(LiveServer* target, Profile profile, double seconds, const ServerSurvey::Say& say)
      : until_(Clock::now() + std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000))),
        target_(target),
        profile_(profile),
        say_(say),
        core_(ServerConfig{.profile = profile}),
        probe_([target](std::string* why) { return target->Dial(why); },
               std::min(target->hang_ms(), kPatienceMs), target->stop()) {}

  bool Run(ServerSurvey* survey, std::string* error) {
    MeasureReplies(survey);
    survey->closes_after_replies_ = ClosesAfter("PING", "PING");
    survey->closes_after_errors_ =
        ClosesAfter(std::string(kNoCommand) + " first", std::string(kNoCommand) + " second");
    const std::string unknown = Ask({std::string(kNoCommand)});
    if (unknown.starts_with('-')) survey->unknown_error_ = unknown.substr(1);
    std::vector<const Command*> all;
    for (const Command& command : Commands(profile_)) {
      if (!command.HasTrait(kNotCompared)) all.push_back(&command);
    }
    std::ranges::sort(all, {}, [](const Command* one) { return std::pair(Rank(*one), one); });
    for (const Command* command : all) {
      if (command->spec->handler != nullptr && !AskAbout(*command, survey)) break;
      bool has_any = command->subcommands.empty() || command->spec->handler != nullptr;
      for (const Command& subcommand : command->subcommands) {
        if (!AskAbout(subcommand, survey)) break;
        has_any |= Has(*survey, subcommand.full_name());
      }
      // Without subcommands it is no command either; the list names those.
      if (!has_any) survey->absent_.insert(std::string(command->full_name()));
    }
    for (const Command* command : all) {
      AskAboutOptions(*command, survey);
      for (const Command& subcommand : command->subcommands) AskAboutOptions(subcommand, survey);
    }
    AskAboutResp3(survey);
    probe_.Disconnect();
    AskAboutDatabases(survey);
    Sort(survey);
    CheckEffects(survey);
    CleanUp(*survey);
    survey->pushes_ = probe_.pushes() > 0;
    if (!error_.empty()) *error = "while the oracle asks what the server has: " + error_;
    return error_.empty();
  }

 private:
  static bool Has(const ServerSurvey& survey, std::string_view name) { return survey.Has(name); }

  // True if the server closes the connection after its reply to the first of these requests, or
  // instead of one.
  bool ClosesAfter(const std::string& first, const std::string& second) {
    const size_t lost = probe_.lost();
    for (const std::string& request : {first, second}) {
      std::vector<std::string> words = {request.substr(0, request.find(' '))};
      if (words.front().size() < request.size()) {
        words.push_back(request.substr(words.front().size() + 1));
      }
      Ask(words);
    }
    return probe_.lost() > lost || probe_.lack() == RespProbe::Lack::kClosed;
  }

  void MeasureReplies(ServerSurvey* survey) {
    constexpr int kConnections = 3;
    for (int i = 0; i < kConnections; ++i) {
      probe_.Disconnect();
      for (int* most : {&survey->first_reply_ms_, &survey->reply_ms_}) {
        const Clock::time_point start = Clock::now();
        Ask({"PING"});
        const auto ms =
            std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start).count();
        *most = std::max(*most, static_cast<int>(ms));
      }
    }
  }

  bool TimeIsOver() const { return Clock::now() > until_; }

  // In the order of the table.
  void Sort(ServerSurvey* survey) const {
    std::map<std::string, size_t> order;
    for (const Command& command : Commands(profile_)) {
      order.emplace(std::string(command.full_name()), order.size());
      for (const Command& subcommand : command.subcommands) {
        order.emplace(std::string(subcommand.full_name()), order.size());
      }
    }
    const auto place = [&](const std::string& name) {
      const auto at = order.find(name.substr(0, name.find(' ')));
      return at == order.end() ? order.size() : at->second;
    };
    std::ranges::sort(survey->list_, {}, [&](const ServerSurvey::Absent& one) {
      return std::pair(place(one.name), one.name);
    });
    std::ranges::sort(survey->not_asked_, {},
                      [&](const std::string& one) { return std::pair(place(one), one); });
  }

  // Asks about the command. False if the server stops answering.
  bool AskAbout(const Command& command, ServerSurvey* survey) {
    ++survey->commands_;
    if (TimeIsOver()) {
      survey->absent_.insert(std::string(command.full_name()));
      survey->not_asked_.emplace_back(command.full_name());
      return error_.empty();
    }
    if (say_ && Clock::now() > say_after_) {
      say_("asking the server what it has, command by command: at " +
           std::string(command.full_name()) + " after " + std::to_string(kSayAfterMs / 1000) +
           " s\n");
      say_after_ = Clock::time_point::max();
    }
    const std::string name(command.full_name());
    std::vector<std::string> words = OwnKeys(PlainRequest(command));
    const std::string reply = Ask(words);
    const size_t at = command.parent == nullptr ? 0 : 1;
    if (target_->stop()()) error_ = "it was stopped";
    if (!ended_.empty()) {
      ++survey->present_;
      AddFatal(name, words, survey);
      return error_.empty();
    }
    // A server that answers a name which it does not have is silent for another reason.
    if (reply == kNoReply && !survey->unknown_error_.empty() && !CoreReplyTo(words).empty()) {
      ++survey->present_;
      survey->unfit_[name] = {.name = name, .why = "it gives no reply", .shown_by = {words}};
      return error_.empty();
    }
    if (reply == kNoReply || IsUnknown(reply, words, at, kNoCommand)) {
      survey->absent_.insert(name);
      survey->list_.push_back({name, reply});
      return error_.empty();
    }
    ++survey->present_;
    if (twice_ && !reply.starts_with('-')) {
      survey->unfit_[name] = {.name = name, .why = "it replies twice", .shown_by = {words}};
    }
    if (command.role == CommandRole::kPlain) present_.emplace(&command, reply.starts_with('-'));
    return error_.empty();
  }

  // The request has ended the server, which is what a case of it shows once more.
  void AddFatal(const std::string& name, const std::vector<std::string>& words,
                ServerSurvey* survey) {
    survey->unfit_[name] = {.name = name, .why = std::exchange(ended_, {}), .shown_by = {words}};
  }

  // Asks about the options of a command that the server has.
  void AskAboutOptions(const Command& command, ServerSurvey* survey) {
    const auto present = present_.find(&command);
    if (present == present_.end() || !error_.empty()) return;
    const std::string name(command.full_name());
    const size_t at = command.parent == nullptr ? 0 : 1;
    const size_t plain = PlainRequest(command).size();
    AskAboutMoreWords(command, plain, survey);
    size_t options = 0;
    size_t absent = 0;
    for (const std::string_view literal : LiteralsOf(command.spec->syntax)) {
      if (TimeIsOver()) {
        survey->absent_.insert(name + " " + std::string(literal));
        survey->not_asked_.push_back(name + " " + std::string(literal));
        continue;
      }
      std::vector<std::string> words = OwnKeys(PlainRequest(command, literal));
      const auto given =
          std::find(words.begin() + static_cast<ptrdiff_t>(at), words.end(), literal);
      if (given == words.end() || CoreRefuses(words)) continue;
      const std::string answer = Ask(words);
      ++options;
      if (!ended_.empty()) {
        AddFatal(name + " " + std::string(literal), words, survey);
        continue;
      }
      if (!IsUnknown(answer, words, static_cast<size_t>(given - words.begin()), kNoWord)) continue;
      ++absent;
      std::string option = name + " " + std::string(literal);
      survey->absent_.insert(option);
      survey->list_.push_back({std::move(option), answer});
    }
    // What may follow its arguments is an option, and the server has none: it may refuse any word.
    if (options > 0 && absent == options && !present->second &&
        RequestWithArguments(command).size() <= plain) {
      survey->most_words_.emplace(name, plain);
    }
  }

  // One that has HELLO may speak RESP2 alone.
  void AskAboutResp3(ServerSurvey* survey) {
    survey->resp3_ = false;
    if (!Has(*survey, "hello")) return;
    std::string answer = Ask({"HELLO", "3"});
    survey->resp3_ = !answer.starts_with('-');
    if (survey->resp3_) return;
    survey->absent_.insert("hello 3");
    survey->list_.push_back({"hello 3", std::move(answer)});
  }

  // A server whose SELECT accepts the first database alone has no other.
  void AskAboutDatabases(ServerSurvey* survey) {
    if (!Has(*survey, "select")) return;
    const std::string answer = Ask({"SELECT", "1"});
    if (!answer.starts_with('-')) return;
    survey->absent_.insert("select");
    survey->list_.push_back({"select of another database", answer});
  }

  using Requests = std::vector<std::vector<std::string>>;

  // What the oracle relies upon must have an effect, on data of each type.
  void CheckEffects(ServerSurvey* survey) {
    const auto can_make = [&](const Data& data) {
      return std::ranges::all_of(data.commands,
                                 [&](const char* command) { return Has(*survey, command); });
    };
    std::vector<const Data*> all;
    for (const Data& data : AllData()) {
      const bool again = std::ranges::any_of(
          all, [&](const Data* one) { return std::string_view(one->name) == data.name; });
      if (!again && can_make(data)) all.push_back(&data);
    }
    if (all.empty()) return;
    for (const Data* data : all) keys_.push_back(KeyOf(*data));
    const auto unfit = [&](const char* name, const Requests& requests, const std::string& why) {
      survey->unfit_[name] = {.name = name,
                              .why = why,
                              .shown_by = ShownBy(*all.front(), requests),
                              .cause = name + (": " + why)};
    };
    CheckDeletes("del", {{"DEL", kEffectKey}}, all, survey);
    CheckDeletes("flushdb", {{"FLUSHDB"}}, all, survey);
    const Requests select = {{"SELECT", "1"}};
    if (Leaves("select", select, *all.front(), *survey) == std::optional(true)) {
      unfit("select", select, "it is accepted and selects nothing");
    }
    const Requests reset = {{"SELECT", "1"}, {"RESET"}};
    if (Has(*survey, "select") &&
        Leaves("reset", reset, *all.front(), *survey) == std::optional(false)) {
      unfit("reset", reset, "it leaves the database selected");
    }
    if (can_make(OfAnotherDatabase())) all.push_back(&OfAnotherDatabase());
    CheckDeletes("flushall", {{"FLUSHALL"}}, all, survey);
  }

  void CheckDeletes(const std::string& name, const Requests& requests,
                    const std::vector<const Data*>& all, ServerSurvey* survey) {
    std::vector<const Data*> left;
    std::string names;
    size_t checked = 0;
    for (const Data* data : all) {
      if (checked > 0 && TimeIsOver()) break;
      const std::optional<bool> leaves = Leaves(name, requests, *data, *survey);
      if (!leaves) continue;
      ++checked;
      if (!*leaves) continue;
      left.push_back(data);
      names += (names.empty() ? "a " : ", a ") + std::string(data->name);
    }
    if (left.empty()) return;
    ServerSurvey::Unfit& unfit = survey->unfit_[name];
    const bool nothing = left.size() == checked;
    unfit = {.name = name,
             .why = nothing ? "it is accepted and deletes nothing" : "it leaves " + names,
             .shown_by = ShownBy(*left.front(), requests)};
    if (!nothing) unfit.cause = name + ": " + unfit.why;
  }

  // True if the data is there after the requests, as on a new connection; nullopt if the server has
  // no such command, cannot make the data, or refuses a request.
  std::optional<bool> Leaves(const std::string& name, const Requests& requests, const Data& data,
                             const ServerSurvey& survey) {
    if (!Has(survey, name) || !error_.empty()) return std::nullopt;
    const auto ask_all = [&](const Requests& all, bool* accepted) {
      std::optional<resp::ReplyView> reply;
      for (const std::vector<std::string>& words : all) {
        reply = probe_.Ask(WithKeyOf(data, words));
        *accepted &= reply && !reply->is_error();
      }
      return reply;
    };
    bool ignored = true;
    const auto is_there = [&] {
      const std::optional<resp::ReplyView> reply = ask_all(data.read, &ignored);
      return reply && !reply->is_error() && !reply->is_null() &&
             !(reply->type() == resp::Type::kInteger && reply->integer() <= 0);
    };
    ask_all(data.make, &ignored);
    if (!is_there()) {
      probe_.Disconnect();
      return std::nullopt;
    }
    // What reads a key of another database has selected that.
    ask_all(data.make, &ignored);
    bool accepted = true;
    ask_all(requests, &accepted);
    const bool there = is_there();
    // The next one begins in the first database. A server may be slow to accept a connection.
    if (name == "select" || name == "reset" || &data == &OfAnotherDatabase()) probe_.Disconnect();
    return accepted ? std::optional(there) : std::nullopt;
  }

  // What one type of data leaves is no other's.
  static std::string KeyOf(const Data& data) { return kEffectKey + (":" + std::string(data.name)); }

  static std::vector<std::string> WithKeyOf(const Data& data, std::vector<std::string> words) {
    std::ranges::replace(words, kEffectKey, KeyOf(data));
    return words;
  }

  static Requests ShownBy(const Data& data, const Requests& requests) {
    Requests all;
    for (const Requests* part : {&data.make, &requests, &data.read}) {
      for (const std::vector<std::string>& words : *part) all.push_back(WithKeyOf(data, words));
    }
    return all;
  }

  // Arguments that may follow: RPOP key [count], DEL key [key ...].
  void AskAboutMoreWords(const Command& command, size_t plain, ServerSurvey* survey) {
    const std::vector<std::string> words = OwnKeys(RequestWithArguments(command));
    if (words.size() <= plain || CoreRefuses(words)) return;
    const std::string more =
        std::string(command.full_name()) + " with over " + std::to_string(plain) + " words";
    if (TimeIsOver()) {
      survey->most_words_[std::string(command.full_name())] = plain;
      survey->not_asked_.push_back(more);
      return;
    }
    const std::string answer = Ask(words);
    if (!ended_.empty()) return AddFatal(more, words, survey);
    if (!answer.starts_with('-')) return;
    // Not an error of these values: the same request without them is accepted.
    if (Ask({words.begin(), words.begin() + static_cast<ptrdiff_t>(plain)}).starts_with('-')) {
      return;
    }
    survey->most_words_[std::string(command.full_name())] = plain;
    survey->list_.push_back({more, answer});
  }

  // True if the reply is the error that another word gets at this place.
  bool IsUnknown(const std::string& reply, std::vector<std::string> words, size_t at,
                 std::string_view other) {
    if (!reply.starts_with('-')) return false;
    const std::string word = std::exchange(words[at], std::string(other));
    const std::string answer = Ask(words);
    return answer.starts_with('-') && Without(answer, word, other) == Without(reply, word, other);
  }

  // Returns '-' and the text of an error, or of what the server does instead; otherwise the name of
  // the reply's type, or kNoReply. Sets ended_ if the request has ended the server, which is then
  // there again, or error_.
  std::string Ask(const std::vector<std::string>& words) {
    if (!error_.empty()) return "";
    const std::optional<resp::ReplyView> reply = probe_.Ask(words);
    const RespProbe::Lack lack = probe_.lack();
    twice_ = false;
    std::string text;
    if (reply) {
      text = reply->is_error() ? "-" + std::string(reply->text())
                               : std::string(resp::TypeName(reply->type()));
      twice_ = probe_.more() != RespProbe::More::kNothing && RepliesTwice(words);
    } else {
      text = lack == RespProbe::Lack::kNoResp    ? kNoResp
             : lack == RespProbe::Lack::kTooLong ? kTooLong
             : lack == RespProbe::Lack::kSilent  ? kNoReply
                                                 : kCloses;
      CheckLives();
    }
    const Command* const command = FindCommand(words.front(), profile_);
    const Command* const own =
        command == nullptr || words.size() < 2 || command->subcommands.empty()
            ? command
            : FindSubcommand(*command, words[1]);
    if (own != nullptr && ChangesConnection(*own)) probe_.Disconnect();
    return text;
  }

  // True if the server replies more than once to this request, on a new connection.
  bool RepliesTwice(const std::vector<std::string>& words) {
    RespProbe alone([this](std::string* why) { return target_->Dial(why); },
                    std::min(target_->hang_ms(), kPatienceMs), target_->stop());
    alone.Ask(words);
    return alone.lack() == RespProbe::Lack::kNone && alone.MoreArrives(kSecondMs);
  }

  // A server that answers on a new connection goes on, whatever became of the last one. Any other
  // is started again.
  void CheckLives() {
    RespProbe again([this](std::string* why) { return target_->Dial(why); },
                    std::min(target_->hang_ms(), kPatienceMs), target_->stop());
    again.Ask("PING");
    if (again.lack() != RespProbe::Lack::kSilent &&
        again.lack() != RespProbe::Lack::kNoConnection &&
        again.lack() != RespProbe::Lack::kClosed) {
      return;
    }
    if (target_->stop()()) return;
    const std::optional<ServerEnd> end = target_->AwaitEnd(kEndsMs);
    if (!end && again.lack() == RespProbe::Lack::kClosed) return;
    ended_ = end ? end->Text() : ServerEnd().Text();
    if (target_->own()) {
      target_->Restart(&error_);
    } else {
      error_ = ended_;
    }
  }

  static bool ChangesConnection(const Command& command) {
    return command.role != CommandRole::kPlain || command.HasTrait(kRare);
  }

  bool CoreRefuses(const std::vector<std::string>& words) {
    return CoreReplyTo(words).starts_with('-');
  }

  std::string CoreReplyTo(const std::vector<std::string>& words) {
    const uint64_t id = core_.Connect();
    std::string request;
    resp::AppendRequest(&request, std::vector<std::string_view>(words.begin(), words.end()));
    core_.Receive(id, request);
    std::string reply = core_.Output(id);
    core_.Close(id);
    return reply;
  }

  // No request meets what another one has left.
  std::vector<std::string> OwnKeys(std::vector<std::string> words) {
    ++asked_;
    for (std::string& word : words) {
      if (!word.starts_with(kKeys)) continue;
      word += ":" + std::to_string(asked_);
      keys_.push_back(word);
    }
    return words;
  }

  void CleanUp(const ServerSurvey& survey) {
    for (const char* all : {"flushall", "flushdb"}) {
      if (survey.Has(all)) {
        Ask({all});
        return;
      }
    }
    if (!survey.Has("del")) return;
    for (const std::string& key : keys_) Ask({"DEL", key});
  }

  const Clock::time_point until_;
  LiveServer* target_;
  const Profile profile_;
  const ServerSurvey::Say& say_;
  Clock::time_point say_after_ = Clock::now() + std::chrono::milliseconds(kSayAfterMs);
  Server core_;
  RespProbe probe_;
  std::vector<std::string> keys_;
  size_t asked_ = 0;
  bool twice_ = false;  // the last request has had two replies
  // The commands that the server has, and whether the plain request has an error.
  std::map<const Command*, bool> present_;
  std::string ended_;  // how the last request has ended the server
  std::string error_;
};

std::optional<ServerSurvey> ServerSurvey::Make(LiveServer* target, Profile profile, double seconds,
                                               const Say& say, std::string* error) {
  ServerSurvey survey;
  survey.redis_ = target->IsRedis(profile);
  if (survey.redis_) {
    for (const Command& command : Commands(profile)) {
      survey.commands_ += command.HasTrait(kNotCompared) ? 0 : 1;
    }
    survey.present_ = survey.commands_;
    return survey;
  }
  if (!Surveyor(target, profile, seconds, say).Run(&survey, error)) return std::nullopt;
  return survey;
}

bool ServerSurvey::DumpsData() const {
  constexpr std::pair<const char*, const char*> kReaders[] = {
      {"set", "get"},      {"rpush", "lrange"},  {"lpush", "lrange"},
      {"hset", "hgetall"}, {"sadd", "smembers"}, {"zadd", "zrange"},
      {"expire", "ttl"},   {"pexpire", "ttl"},   {"set", "type"}};
  return std::ranges::all_of(kReaders, [&](const auto& one) {
    const auto& [writer, reader] = one;
    return !Has(writer) || Has(reader) || (std::string_view(reader) == "ttl" && Has("pttl"));
  });
}

std::string ServerSurvey::Lacks(const Command& command,
                                const std::vector<std::string>& words) const {
  if (absent_.empty() && most_words_.empty()) return "";
  const std::string_view name = command.full_name();
  if (absent_.contains(name)) return std::string(name);
  if (const auto most = most_words_.find(name);
      most != most_words_.end() && words.size() > most->second) {
    return std::string(name) + " with more words";
  }
  for (auto it = absent_.upper_bound(std::string(name) + " ");
       it != absent_.end() && it->starts_with(std::string(name) + " "); ++it) {
    const std::string_view option = std::string_view(*it).substr(name.size() + 1);
    if (std::ranges::any_of(
            words, [&](const std::string& word) { return CommandContext::IsWord(word, option); })) {
      return *it;
    }
  }
  return "";
}

}  // namespace resprobe::live
