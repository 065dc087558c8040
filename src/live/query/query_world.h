#ifndef RESPROBE_LIVE_QUERY_QUERY_WORLD_H_
#define RESPROBE_LIVE_QUERY_QUERY_WORLD_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <string_view>

#include "engine/harness.h"
#include "live/query/query_oracle.h"
#include "live/server/live_server.h"
#include "worlds/query/query_parser.h"

namespace resprobe::live {

// The cases of query_parser on the core's parser and on a live RediSearch side by side, for an
// engine. It is guided by the coverage of the core's parser.
//
// The server is a private one, started at the first run by the command in RESPROBE_ORACLE_START,
// else redis-server; unless the command loads a module, it loads the one that RESPROBE_REDISEARCH
// names. If it cannot be started or compared with, the process prints one line and exits with 2.
class QueryWorld {
 public:
  // The harness is a variant of query_parser: the cases of each run in the other.
  static constexpr std::string_view kName = QueryParser<>::kName;
  static constexpr std::string_view kSummary =
      "the core's parser and a live RediSearch side by side: the same queries, the same trees";
  static constexpr InvariantInfo kInvariants[] = {
      {"same_acceptance", "the server accepts the queries that the parser accepts, and no others"},
      {"same_tree", "the tree that FT.EXPLAIN prints is the parser's"},
      {"server_alive", "the server answers, and neither ends nor hangs nor takes too much memory"},
  };

  void Run(Bytes input, RunContext& run);
  std::string Show(Bytes input) { return parser_.Show(input); }
  void Generate(uint64_t seed, Tape& out) { parser_.Generate(seed, out); }

 private:
  void Open();

  QueryParser<> parser_;
  std::unique_ptr<LiveServer> target_;
  std::unique_ptr<QueryOracle> oracle_;
  pid_t owner_ = 0;  // the process that owns the connection: a forked child opens its own
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_QUERY_QUERY_WORLD_H_
