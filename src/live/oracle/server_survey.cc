#include "live/oracle/server_survey.h"

#include <algorithm>
#include <chrono>
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
  Surveyor(LiveServer* target, Profile profile, const ServerSurvey::Say& say)
      : target_(target),
        profile_(profile),
        say_(say),
        core_(ServerConfig{.profile = profile}),
        probe_([target](std::string* why) { return target->Dial(why); },
               std::min(target->hang_ms(), kPatienceMs), target->stop()) {}

  bool Run(ServerSurvey* survey, std::string* error) {
    survey->closes_after_errors_ = ClosesAfterErrors();
    const std::string unknown = Ask({std::string(kNoCommand)});
    if (unknown.starts_with('-')) survey->unknown_error_ = unknown.substr(1);
    for (const Command& command : Commands(profile_)) {
      if (command.HasTrait(kNotCompared)) continue;
      if (command.spec->handler != nullptr && !AskAbout(command, survey)) break;
      bool has_any = command.subcommands.empty() || command.spec->handler != nullptr;
      for (const Command& subcommand : command.subcommands) {
        if (!AskAbout(subcommand, survey)) break;
        has_any |= Has(*survey, subcommand.full_name());
      }
      // Without subcommands it is no command either; the list names those.
      if (!has_any) survey->absent_.insert(std::string(command.full_name()));
    }
    survey->resp3_ = Has(*survey, "hello") && !Ask({"HELLO", "3"}).starts_with('-');
    probe_.Disconnect();
    CleanUp(*survey);
    if (!error_.empty()) *error = "while the oracle asks what the server has: " + error_;
    return error_.empty();
  }

 private:
  static bool Has(const ServerSurvey& survey, std::string_view name) { return survey.Has(name); }

  // True if the server closes the connection after an error reply, or instead of one.
  bool ClosesAfterErrors() {
    for (const char* word : {"first", "second"}) Ask({std::string(kNoCommand), word});
    return probe_.lost() > 0 || probe_.lack() == RespProbe::Lack::kClosed;
  }

  // Asks about the command, and then about its options. False if the server stops answering.
  bool AskAbout(const Command& command, ServerSurvey* survey) {
    ++survey->commands_;
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
      survey->absent_.insert(name);
      survey->list_.push_back({name, std::exchange(ended_, {}), /*ended=*/true});
      return error_.empty();
    }
    if (reply == kNoReply || IsUnknown(reply, words, at, kNoCommand)) {
      survey->absent_.insert(name);
      survey->list_.push_back({name, reply, false});
      return error_.empty();
    }
    ++survey->present_;
    if (command.role != CommandRole::kPlain) return error_.empty();
    const size_t plain = words.size();
    AskAboutMoreWords(command, plain, survey);
    size_t options = 0;
    size_t absent = 0;
    for (const std::string_view literal : LiteralsOf(command.spec->syntax)) {
      words = OwnKeys(PlainRequest(command, literal));
      const auto given =
          std::find(words.begin() + static_cast<ptrdiff_t>(at), words.end(), literal);
      if (given == words.end() || CoreRefuses(words)) continue;
      const std::string answer = Ask(words);
      ++options;
      if (!ended_.empty()) {
        ++absent;
        survey->absent_.insert(name + " " + std::string(literal));
        survey->list_.push_back(
            {name + " " + std::string(literal), std::exchange(ended_, {}), true});
        continue;
      }
      if (!IsUnknown(answer, words, static_cast<size_t>(given - words.begin()), kNoWord)) continue;
      ++absent;
      std::string option = name + " " + std::string(literal);
      survey->absent_.insert(option);
      survey->list_.push_back({std::move(option), answer, false});
    }
    // What may follow its arguments is an option, and the server has none: it may refuse any word.
    if (options > 0 && absent == options && !reply.starts_with('-') &&
        RequestWithArguments(command).size() <= plain) {
      survey->most_words_.emplace(name, plain);
    }
    return error_.empty();
  }

  // Arguments that may follow: RPOP key [count], DEL key [key ...].
  void AskAboutMoreWords(const Command& command, size_t plain, ServerSurvey* survey) {
    const std::vector<std::string> words = OwnKeys(RequestWithArguments(command));
    if (words.size() <= plain || CoreRefuses(words)) return;
    const std::string answer = Ask(words);
    const std::string ended = std::exchange(ended_, {});
    if (!answer.starts_with('-') && ended.empty()) return;
    // Not an error of these values: the same request without them is accepted.
    if (Ask({words.begin(), words.begin() + static_cast<ptrdiff_t>(plain)}).starts_with('-')) {
      return;
    }
    const std::string name(command.full_name());
    survey->most_words_[name] = plain;
    survey->list_.push_back({name + " with over " + std::to_string(plain) + " words",
                             ended.empty() ? answer : ended, !ended.empty()});
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
    std::string text;
    if (reply) {
      text = reply->is_error() ? "-" + std::string(reply->text())
                               : std::string(resp::TypeName(reply->type()));
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
    const uint64_t id = core_.Connect();
    std::string request;
    resp::AppendRequest(&request, std::vector<std::string_view>(words.begin(), words.end()));
    core_.Receive(id, request);
    const bool refuses = core_.Output(id).starts_with('-');
    core_.Close(id);
    return refuses;
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

  LiveServer* target_;
  const Profile profile_;
  const ServerSurvey::Say& say_;
  Clock::time_point say_after_ = Clock::now() + std::chrono::milliseconds(kSayAfterMs);
  Server core_;
  RespProbe probe_;
  std::vector<std::string> keys_;
  size_t asked_ = 0;
  std::string ended_;  // how the last request has ended the server
  std::string error_;
};

std::optional<ServerSurvey> ServerSurvey::Make(LiveServer* target, Profile profile, const Say& say,
                                               std::string* error) {
  ServerSurvey survey;
  survey.redis_ = target->IsRedis(profile);
  if (survey.redis_) {
    for (const Command& command : Commands(profile)) {
      survey.commands_ += command.HasTrait(kNotCompared) ? 0 : 1;
    }
    survey.present_ = survey.commands_;
    return survey;
  }
  if (!Surveyor(target, profile, say).Run(&survey, error)) return std::nullopt;
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
  if (list_.empty()) return "";
  const std::string_view name = command.full_name();
  if (!Has(name)) return std::string(name);
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
