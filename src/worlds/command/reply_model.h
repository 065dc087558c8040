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

// True if EXEC was refused before it ran (redis 7.0 server.c rejectCommand): the client then
// watches nothing any more, in MULTI or not.
inline bool IsExecAbort(const resp::ReplyView& value) {
  return value.is_error() && value.text().starts_with("EXECABORT ");
}

// What a client may expect on its connection, given the requests that it has sent and the replies
// that have arrived: which reply is due, in which protocol, of what shape. It models transactions,
// subscriptions, HELLO, RESET and CLIENT REPLY as in redis 7.0.15 (server.c processCommand,
// multi.c, pubsub.c, networking.c).
//
// After a request whose reply no parser can follow, the stream is opaque: a transaction that writes
// subscription messages into the reply of EXEC, or state that changes while replies are off.
class ReplyModel {
 public:
  // How a value violates an invariant.
  struct Problem {
    std::string_view invariant;
    std::string expected;
  };

  // True for a server other than redis and the core. It may lack commands, which it then answers
  // with an error, or have more, after which the stream is not followed. If only the answer shows
  // whether it has the command (CLIENT REPLY OFF; SUBSCRIBE while replies are off), a pipeline
  // makes the stream opaque.
  void set_foreign(bool foreign) { foreign_ = foreign; }

  // Starts a new connection.
  void Reset();

  // The client has sent a request. `command` is Find()'s result.
  void Asked(const Command* command, std::span<const std::string_view> args);
  // `times` requests without arguments preceded the next one: they are not answered, but use up a
  // CLIENT REPLY SKIP.
  void AskedNothing(uint32_t times);
  // The client has sent bytes that are not a request; the server must report an error (if
  // `has_reply`) and close.
  void AskedNonsense(bool has_reply);
  // The command that the arguments name, or its subcommand; nullptr if there is none.
  static const Command* Find(std::span<const std::string_view> args,
                             Profile profile = Profile::kRedis70);

  // Call this before each value is parsed: drops the requests that have no reply. `replied` says
  // whether bytes from the server are waiting to be parsed.
  void Prepare(bool replied);
  // A value has arrived. False if it is wrong; problem() says how.
  bool Take(const resp::ReplyView& value);
  const Problem& problem() const { return problem_; }

  // The number of requests that wait for their reply; after Prepare(), each is owed at least one
  // value.
  size_t outstanding() const { return asked_.size() - front_; }
  // The name of the first of them.
  std::string_view front_name() const;
  // True if the first of them may be answered later: a blocking command.
  bool may_wait() const;
  // The server has closed the connection: it owes nothing any more.
  void Closed();
  bool opaque() const { return opaque_; }
  // A foreign server need not close a connection after an error that it does not report: redis and
  // valkey do not (docs/findings/reply-off-never-closed.md).
  bool may_stay_open() const { return foreign_ && reply_off_; }
  // True if the last value answers a request, and says that nothing was done: an error, or the null
  // of EXEC.
  bool refused() const { return refused_; }
  // may_close(): the server may close this connection because of what the client has sent. kills():
  // the client has sent a request that closes other connections.
  bool may_close() const { return may_close_; }
  bool kills() const { return kills_; }
  // True if from now on no stream of the server can be predicted: the client has requested
  // invalidations that servers write where no parser can follow: on another connection, inside a
  // reply, after an error as a second reply (docs/findings/redis-tracking-framing.md).
  bool blinds() const { return blinds_; }
  // True if it has requested a pause of all clients.
  bool pauses() const { return pauses_; }
  // True if it has requested that others need not wait any longer.
  bool unblocks() const { return unblocks_; }
  // Makes the stream opaque from here on.
  void GiveUp() { opaque_ = true; }
  bool in_multi() const { return multi_; }
  int protocol() const { return protocol_; }

 private:
  // What the client has sent that is no command of the table.
  enum class Other : uint8_t {
    kNone,      // a request, perhaps of an unknown command
    kHttp,      // the server closes the connection
    kNonsense,  // no request
    kNothing,   // a request without arguments
  };
  struct Request {
    const Command* command = nullptr;
    CommandRole role = CommandRole::kPlain;  // of the command
    Other other = Other::kNone;
    bool arity_fits = false;
    uint8_t protocol = 0;  // that HELLO requests, 0 if not valid
    char mode = 0;         // of CLIENT REPLY: 'N' on, 'F' off, 'S' skip, 0 none
    uint32_t argc = 0;
    uint32_t first = 0;  // index into words_: the arguments, where they are needed
  };
  struct Queued {
    const Command* command;
    uint8_t protocol;
  };
  using Names = std::vector<std::string>;

  Names& NamesOf(CommandRole role);
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
  // Records the problem, in up to three pieces; returns false.
  [[gnu::cold]] bool Wrong(std::string_view invariant, std::string_view expected,
                           std::string_view expected2 = {}, std::string_view expected3 = {});
  size_t Messages(const Request& asked);
  void Refused(const Request& asked);
  void EndTransaction();
  // Clears what RESET clears: everything except the pending requests and their effects on the
  // connection.
  void ForgetSession();
  void Pop();

  std::vector<Request> asked_;
  size_t front_ = 0;
  std::vector<uint32_t> word_ends_;
  std::string words_;
  size_t messages_taken_ = 0;  // for the first subscription command

  Problem problem_;
  bool foreign_ = false;
  int protocol_ = 2;
  bool opaque_ = false;
  bool refused_ = false;
  bool may_close_ = false;
  bool kills_ = false;
  bool blinds_ = false;
  bool pauses_ = false;
  bool unblocks_ = false;
  bool reply_off_ = false;
  bool reply_skip_ = false;       // the first request has no reply
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
