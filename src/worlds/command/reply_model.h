#ifndef RESPROBE_WORLDS_COMMAND_REPLY_MODEL_H_
#define RESPROBE_WORLDS_COMMAND_REPLY_MODEL_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/resp/reply.h"
#include "core/table/table.h"

namespace resprobe {

// EXEC was refused before it ran (redis 7.0 server.c rejectCommand): whatever the client watched it
// watches no more, in MULTI or not.
inline bool IsExecAbort(const resp::ReplyView& value) {
  return value.is_error() && value.text().starts_with("EXECABORT ");
}

// What a client may expect on its connection, from the requests that it has sent and the replies
// that have come: which reply is due, in which protocol, of what shape. It knows transactions,
// subscriptions, HELLO, RESET and CLIENT REPLY as redis 7.0.15 has them (server.c processCommand,
// multi.c, pubsub.c, networking.c).
//
// Where no parser can follow, the stream is opaque from there on: a transaction that writes
// subscription messages into the reply of EXEC, state that changes while replies are off.
class ReplyModel {
 public:
  // What is wrong with a value.
  struct Problem {
    std::string_view invariant;
    std::string expected;
  };

  // Another server than redis and the core: it may know fewer commands, and then answers them with
  // an error, or more, and then they are followed no further. Where only its answer shows whether
  // it knows the command (CLIENT REPLY OFF; SUBSCRIBE while replies are off), a pipeline makes the
  // stream opaque.
  void set_foreign(bool foreign) { foreign_ = foreign; }

  // A new connection.
  void Reset();

  // The client has sent a request. `command` is what Find() says.
  void Asked(const Command* command, std::span<const std::string_view> args);
  // So many requests without arguments came before the one that is asked next: they are not
  // answered, but use up a CLIENT REPLY SKIP.
  void AskedNothing(uint32_t times);
  // The client has sent bytes that are no request; the server must say so (if `has_reply`) and
  // close.
  void AskedNonsense(bool has_reply);
  // The command that the arguments name, or its subcommand; nullptr if there is none.
  static const Command* Find(std::span<const std::string_view> args,
                             Profile profile = Profile::kRedis70);

  // To be called before each value is parsed: drops the requests that are answered by nothing.
  // `replied` says whether bytes from the server wait to be parsed.
  void Prepare(bool replied);
  // A value has come. False if it is wrong; problem() says how.
  bool Take(const resp::ReplyView& value);
  const Problem& problem() const { return problem_; }

  // Requests that wait for their reply; after Prepare(), each is owed at least one value.
  size_t outstanding() const { return asked_.size() - front_; }
  // The name of the first of those.
  std::string_view front_name() const;
  // Whether that one may be answered later: a command that waits.
  bool may_wait() const;
  // The server has closed: nothing is owed any more.
  void Closed();
  bool opaque() const { return opaque_; }
  // Whether the last value taken answers a request, and says that nothing has been done: an error,
  // or the null of EXEC.
  bool refused() const { return refused_; }
  // Whether the server may close this connection, for what the client has sent; and whether the
  // client has sent what closes others.
  bool may_close() const { return may_close_; }
  bool kills() const { return kills_; }
  // From now on no stream of the server can be told. It has asked for invalidations that servers
  // put where no parser can follow: on another connection, inside a reply, after an error as a
  // second reply (docs/findings/redis-tracking-framing.md).
  bool blinds() const { return blinds_; }
  // It has asked for a pause of all clients.
  bool pauses() const { return pauses_; }
  // The stream is opaque from here on.
  void GiveUp() { opaque_ = true; }
  bool in_multi() const { return multi_; }
  int protocol() const { return protocol_; }

 private:
  enum class Kind : uint8_t {
    kPlain,
    kUnknown,
    kHttp,
    kNonsense,
    kNothing,
    kHello,
    kReset,
    kMulti,
    kExec,
    kDiscard,
    kWatch,
    kUnwatch,
    kSubscribe,
    kUnsubscribe,
    kPsubscribe,
    kSsubscribe,
    kSunsubscribe,
    kPunsubscribe,
    kPublish,
    kReplyMode,
    kTracking,
    kEcho,
    kQuit,
  };
  struct Request {
    const Command* command = nullptr;
    Kind kind = Kind::kUnknown;
    bool arity_fits = false;
    uint8_t protocol = 0;  // what HELLO asks for, 0 if nothing valid
    char mode = 0;         // of CLIENT REPLY: 'N' on, 'F' off, 'S' skip, 0 none of them
    uint32_t argc = 0;
    uint32_t first = 0;  // in words_: the arguments, for kinds that need them
  };
  struct Queued {
    const Command* command;
    Kind kind;
    uint8_t protocol;
  };
  using Names = std::vector<std::string>;

  Names& NamesOf(Kind kind);
  static Kind KindOf(const Command& command);
  static bool KeepsWords(Kind kind) {
    return kind == Kind::kEcho || (kind >= Kind::kSubscribe && kind <= Kind::kPunsubscribe);
  }
  std::string_view Word(const Request& asked, size_t i) const;
  bool Restricted(const Request& asked) const;
  bool Queues(const Request& asked) const;
  bool MustFail(const Request& asked) const;
  bool IsMessage(const resp::ReplyView& value) const;
  bool TakeMessage(const resp::ReplyView& value);
  bool TakeSubscription(const Request& asked, const resp::ReplyView& value);
  bool TakeExec(const resp::ReplyView& value);
  bool TakeExecuted(const Request& asked, const resp::ReplyView& value);
  bool Shaped(const Command& command, const resp::ReplyView& value);
  // Notes the problem, in up to three pieces; false.
  [[gnu::cold]] bool Wrong(std::string_view invariant, std::string_view expected,
                           std::string_view expected2 = {}, std::string_view expected3 = {});
  size_t Messages(const Request& asked);
  void Refused(const Request& asked);
  void EndTransaction();
  // What RESET forgets: all but what was asked, and what that may do to the connection.
  void ForgetSession();
  void Pop();

  std::vector<Request> asked_;
  size_t front_ = 0;
  std::vector<uint32_t> word_ends_;
  std::string words_;
  size_t messages_taken_ = 0;  // of the subscription command in front

  Problem problem_;
  bool foreign_ = false;
  int protocol_ = 2;
  bool opaque_ = false;
  bool refused_ = false;
  bool may_close_ = false;
  bool kills_ = false;
  bool blinds_ = false;
  bool pauses_ = false;
  bool reply_off_ = false;
  bool reply_skip_ = false;       // the request in front has no reply
  bool reply_skip_next_ = false;  // the one after it
  bool multi_ = false;
  bool dirty_exec_ = false;
  bool exec_opaque_ = false;
  bool watching_ = false;
  bool tracking_ = false;
  bool subscribed_ = false;
  std::vector<Queued> queued_;
  Names channels_;
  Names patterns_;
  Names shards_;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_COMMAND_REPLY_MODEL_H_
