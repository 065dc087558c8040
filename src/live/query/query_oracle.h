#ifndef RESPROBE_LIVE_QUERY_QUERY_ORACLE_H_
#define RESPROBE_LIVE_QUERY_QUERY_ORACLE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/query/ast.h"
#include "core/resp/reply_parser.h"
#include "engine/harness.h"
#include "live/net/resp_connection.h"
#include "live/query/search_profile.h"
#include "live/server/live_server.h"

namespace resprobe::live {

struct QueryOracleOptions {
  // A server that sends nothing for this long hangs.
  int hang_ms = 10'000;
  // A private server fails above this much resident memory, in megabytes; 0: no limit.
  size_t memory_mb = 1024;
  // Polled during waits; true ends all waits, and with them the case.
  std::function<bool()> stop = [] { return false; };
};

// What was wrong with the answers to one query.
struct QueryFailure {
  enum class Kind : uint8_t {
    kEnded,     // the server has ended
    kHangs,     // it answers on no connection
    kMemory,    // it has used more memory than allowed
    kReport,    // it has logged a crash report, but still runs
    kAccepted,  // it accepts what the core's parser refuses
    kRefused,   // it refuses what the core's parser accepts
    kTree,      // its tree is another one
    kExplain,   // FT.EXPLAIN accepts what FT.SEARCH refuses, or the other way round
    kNoAnswer,  // a reply is missing, or is no RESP
  };
  Kind kind = Kind::kEnded;
  std::string cause;     // groups failures of one kind
  std::string expected;  // the tree, or why the query must be refused
  std::string seen;
  std::string request;               // as words for redis-cli
  std::vector<std::string> session;  // all that redis-cli needs, the schema first
  std::string log;                   // the end of the log of a server that failed

  // True if the server must be restarted.
  bool fatal() const { return kind <= Kind::kMemory; }
  // True if the server fails whatever the parser says.
  bool is_fault() const { return kind <= Kind::kReport || kind == Kind::kNoAnswer; }
  // "server has ended: signal 11: f|g: ft.explain", "another tree: UNION, server INTERSECT".
  std::string Signature() const;
};

struct QueryCounts {
  uint64_t cases = 0;
  uint64_t requests = 0;
  uint64_t restarts = 0;
  uint64_t trees = 0;                                  // compared
  uint64_t refusals = 0;                               // by both
  std::map<std::string, uint64_t, std::less<>> rules;  // of the profile: how often each decided
};

// Sends queries to the RediSearch of a live server, and compares whether they are accepted, and
// their trees, with the core's parser. Cases are tapes of query_parser (worlds/query/query_tape.h);
// their dialect and limits have no meaning here.
class QueryOracle {
 public:
  // `target` must outlive the oracle.
  QueryOracle(LiveServer* target, QueryOracleOptions options);

  // Connects and makes the index; restarts a private server after a fatal failure, or if `fresh`.
  // False with one line in `error` if no server is available, or it is no RediSearch 1.2.
  bool Prepare(bool fresh, std::string* error);
  // Returns the first failure, or nullopt if there is none or `stop` returned true. After a fatal
  // failure the next case needs Prepare().
  std::optional<QueryFailure> Run(Bytes tape);
  // Deletes the index.
  void Close();

  // True if the next case needs Prepare() first.
  bool stale() const { return stale_; }
  // "search 1.2.0".
  const std::string& version() const { return version_; }
  void set_hang_ms(int ms) { options_.hang_ms = ms; }
  int hang_ms() const { return options_.hang_ms; }
  const QueryCounts& counts() const { return counts_; }

 private:
  struct Answer {
    bool refused = false;
    std::string text;  // of the tree, or of the error
  };

  bool ReadVersion(std::string* error);
  // Sets `foreign_numbers` if the rule for numbers leaves the query out.
  std::optional<QueryFailure> Send(std::string_view query, bool stopwords, bool compare,
                                   bool* foreign_numbers = nullptr);
  // Sends the request and waits for the reply; false if there is none, and then `failure_` is set.
  bool Ask(const std::vector<std::string>& words, Answer* answer);
  void Fail(QueryFailure::Kind kind, std::string cause);
  void ServerGone();

  LiveServer* target_;
  QueryOracleOptions options_;
  RespConnection link_;
  resp::ReplyParser replies_;
  query::Ast tree_;
  std::string version_;
  std::vector<std::string> request_;
  std::optional<QueryFailure> failure_;
  bool stale_ = true;
  QueryCounts counts_;
};

// The command of a server with RediSearch: `start` itself if it loads a module, otherwise with the
// module that the variable RESPROBE_REDISEARCH names.
std::string WithSearchModule(const std::string& start);
// The inverse: without that module, if the command loads it.
std::string WithoutSearchModule(const std::string& start);

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_QUERY_QUERY_ORACLE_H_
