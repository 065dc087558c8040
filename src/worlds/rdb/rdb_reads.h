#ifndef RESPROBE_WORLDS_RDB_RDB_READS_H_
#define RESPROBE_WORLDS_RDB_RDB_READS_H_

#include <initializer_list>
#include <string>
#include <string_view>

#include "core/resp/reply.h"
#include "core/resp/reply_parser.h"
#include "core/server/server.h"

namespace resprobe {

// Reads the keys of a server with its own commands.
class RdbReads {
 public:
  // Reads keys of all databases, with `few` the first ones, with several commands of their type
  // each. Returns what is wrong: a reply that is malformed or an error, replies that disagree with
  // each other; empty if nothing is.
  std::string Run(Server& server, bool few);
  // The reply to RESTORE of a payload to a key of database 0 that does not exist.
  std::string Restore(Server& server, std::string_view key, std::string_view payload);
  // RESTORE of a good payload to an existing key of database 0, with each of its options. Returns
  // what is wrong; empty if nothing is. The key is gone afterwards.
  std::string RestoreOver(Server& server, std::string_view key, std::string_view payload);

 private:
  // The reply to one request, valid until the next one; nullptr after setting wrong_.
  const resp::Reply* Ask(std::initializer_list<std::string_view> args);
  // The integer that a request is answered with; -1 after setting wrong_.
  int64_t Count(std::initializer_list<std::string_view> args);
  // Checks that a request is answered with an aggregate of this many elements.
  void Expect(size_t elements, std::initializer_list<std::string_view> args);
  void ReadKey(std::string_view key, ObjectType type);
  // Checks the footer of what DUMP replies.
  void ReadDump(std::string_view key);
  // Sends a request and returns the reply's bytes.
  std::string Send(std::initializer_list<std::string_view> args);

  Server* server_ = nullptr;
  uint64_t client_ = 0;
  resp::ReplyParser parser_;
  std::string request_;
  std::string key_;
  std::string wrong_;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_RDB_RDB_READS_H_
