#ifndef RESPROBE_LIVE_ORACLE_SERVER_SURVEY_H_
#define RESPROBE_LIVE_ORACLE_SERVER_SURVEY_H_

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/table/table.h"
#include "live/server/live_server.h"

namespace resprobe::live {

// Which commands and options of the core's table a server has.
//
// redis and valkey have all of their profile. Any other server is asked: each command of the table
// is called once, with harmless arguments, and so is each of its options. A command that the server
// answers with the same error as a name that no server knows is absent; so is an option that it
// answers with the same error as a word that is none, where the core accepts it. Closing the
// connection instead of a reply counts as an error, and so does what is no RESP. A command that it
// does not answer within two seconds is absent, too. What there is no time to ask about counts as
// absent.
//
// A command that the server has may be unfit: it ends the server, has more than one reply, or no
// effect although the oracle relies on that (FLUSHALL, FLUSHDB, DEL, SELECT, RESET). It is compared
// once, by a case of
// the survey's own, and is neither generated nor relied upon.
class ServerSurvey {
 public:
  struct Absent {
    std::string name;   // "hgetall", "client|id", "set KEEPTTL"
    std::string reply;  // the server's, to the request that asked
  };

  struct Unfit {
    std::string name;
    std::string why;  // "it replies twice"
    // The requests of a case that shows it.
    std::vector<std::vector<std::string>> shown_by;
    // What a difference that such a case shows is called; "": after the request that it starts
    // from.
    std::string cause = {};
  };

  using Say = std::function<void(const std::string&)>;

  // Asks the server, and deletes the keys that this makes. nullopt with one line in `error` if the
  // server stops answering. Asks for at most about `seconds`. `say` gets a line if it takes longer
  // than two seconds; may be empty.
  static std::optional<ServerSurvey> Make(LiveServer* target, Profile profile, double seconds,
                                          const Say& say, std::string* error);

  // The server is redis or valkey: it handles all requests in the order of their arrival.
  bool redis() const { return redis_; }
  // The server closes the connection after an error reply, or instead of one: then each request is
  // sent alone, and after an error the client reconnects on both sides.
  bool closes_after_errors() const { return closes_after_errors_; }
  // The server closes the connection after each reply.
  bool closes_after_replies() const { return closes_after_replies_; }
  // How long the server took at most for the first reply on a new connection.
  int first_reply_ms() const { return first_reply_ms_; }
  // How long a further reply may take, as far as the first ones show it; 0 for redis.
  int reply_ms() const { return reply_ms_; }
  // The server sends pushes that no client has asked for.
  bool pushes() const { return pushes_; }
  // The name of a command that no server has, and the error with which the server replies to it; ""
  // if it does not.
  static constexpr std::string_view kNoCommand = "nosuchcmd";
  const std::string& unknown_error() const { return unknown_error_; }
  // HELLO 3 is not refused.
  bool resp3() const { return resp3_; }
  // A command of the profile, by its full name in lower case: "client|id".
  // False if it is unfit.
  bool Has(std::string_view full_name) const {
    return !absent_.contains(full_name) && !unfit_.contains(full_name);
  }
  // What the request needs and the server lacks, "set KEEPTTL"; "" if nothing. `command` is the
  // table's entry for its words.
  std::string Lacks(const Command& command, const std::vector<std::string>& words) const;
  // No command deletes keys, so each case needs keys of its own.
  bool KeepsKeys() const { return !redis_ && !Has("flushall") && !Has("flushdb") && !Has("del"); }
  // The server has what reads all types of data that it can hold, and their expiry: what a case
  // leaves is compared completely.
  bool DumpsData() const;
  // In the order of the table.
  const std::vector<Absent>& absent() const { return list_; }
  const std::map<std::string, Unfit, std::less<>>& unfit() const { return unfit_; }
  // Commands and options that there was no time to ask about.
  const std::vector<std::string>& not_asked() const { return not_asked_; }
  // Commands of the profile that are compared, and those of them that the server has.
  size_t commands() const { return commands_; }
  size_t present() const { return present_; }

 private:
  friend class Surveyor;

  bool redis_ = true;
  bool resp3_ = true;
  bool closes_after_errors_ = false;
  bool closes_after_replies_ = false;
  bool pushes_ = false;
  int first_reply_ms_ = 0;
  int reply_ms_ = 0;
  std::string unknown_error_;
  size_t commands_ = 0;
  size_t present_ = 0;
  std::set<std::string, std::less<>> absent_;              // commands, and "set KEEPTTL"
  std::map<std::string, size_t, std::less<>> most_words_;  // of a command, if there is a limit
  std::vector<Absent> list_;
  std::map<std::string, Unfit, std::less<>> unfit_;  // by name
  std::vector<std::string> not_asked_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_ORACLE_SERVER_SURVEY_H_
