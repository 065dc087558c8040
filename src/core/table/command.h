#ifndef RESPROBE_CORE_TABLE_COMMAND_H_
#define RESPROBE_CORE_TABLE_COMMAND_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/keyspace/keyspace.h"
#include "core/keyspace/random.h"
#include "core/resp/writer.h"
#include "core/table/errors.h"
#include "core/table/numbers.h"
#include "core/table/profile.h"
#include "core/table/spec.h"

namespace resprobe {

class CommandContext;
class Server;
struct Client;
struct Command;

// The handler of HELP in every container (in command_command.cc).
void ContainerHelp(CommandContext& c);

// An element that SORT sorts, with its sort key.
struct SortElement {
  std::string_view element;
  double weight = 0;
  size_t place = 0;  // position before sorting: equal elements keep their order
  // For ALPHA with BY: the text, as a range of a separate buffer.
  bool found = false;
  size_t text = 0;
  size_t length = 0;
};

// A handler's view of the request. A handler writes exactly one reply, or calls one of the
// functions below that write an error and returns; an error changes nothing, so a handler checks
// everything before its first change. After changing a key it calls Modified(key), once.
//
// The arguments are valid until the handler returns. An Object* is valid until the next insertion
// or deletion in its database.
class CommandContext {
 public:
  struct Scratch {
    std::string text;
    std::vector<std::string_view> views;
    std::vector<int> positions;
    Set set;
    ZSet zset;
    List list;
    std::vector<SortElement> sort_elements;
    std::string sort_texts;
    std::vector<uint32_t> lengths;

    // Resets to the initial state, keeping memory.
    void Clear() {
      text.clear();
      views.clear();
      positions.clear();
      set.Clear();
      zset.Clear();
      list.Clear();
      sort_elements.clear();
      sort_texts.clear();
      lengths.clear();
    }
  };

  CommandContext(Server& server_in, Client& client_in, Keyspace& keyspace_in, Random& random_in,
                 resp::Writer& reply_in, Scratch& scratch_in, const Command& command_in,
                 Profile profile_in, int db_in, std::span<const std::string_view> args_in)
      : server(server_in),
        client(client_in),
        keyspace(keyspace_in),
        random(random_in),
        reply(reply_in),
        scratch(scratch_in.text),
        views(scratch_in.views),
        positions(scratch_in.positions),
        scratch_set(scratch_in.set),
        scratch_zset(scratch_in.zset),
        more_scratch(scratch_in),
        command(command_in),
        profile(profile_in),
        db(db_in),
        args(args_in) {}

  Server& server;
  Client& client;
  Keyspace& keyspace;
  Random& random;
  resp::Writer& reply;
  // Memory that a handler may use while it runs; the initial contents are unspecified.
  std::string& scratch;
  std::vector<std::string_view>& views;
  std::vector<int>& positions;
  Set& scratch_set;
  ZSet& scratch_zset;
  Scratch& more_scratch;
  const Command& command;
  const Profile profile;
  int db;
  std::span<const std::string_view> args;  // args[0] is the command's name as it was sent

  size_t argc() const { return args.size(); }
  const ProfileTraits& traits() const { return TraitsOf(profile); }
  int protocol() const { return reply.protocol(); }
  // True if args[i] is this word, ignoring case. `word` must be upper case. As on the server,
  // anything after a NUL in the argument is ignored.
  bool Is(size_t i, std::string_view word) const { return IsWord(args[i], word); }
  static bool IsWord(std::string_view arg, std::string_view word);

  // --- Errors. Each returns false, so that a helper can end with `return c.SyntaxError();`.
  bool Error(std::string_view text) {
    reply.SimpleError(text);
    return false;
  }
  // "ERR wrong number of arguments for '…' command", for errors that the declared arity does not
  // catch.
  bool WrongArity();
  // "ERR unknown subcommand or wrong number of arguments for '…'. Try … HELP.", for a subcommand
  // that checks its arity itself.
  bool UnknownSubcommandOrArity();
  // "ERR invalid expire time in '…' command".
  bool InvalidExpireTime();
  // An error that quotes an argument, converted to one line as the server does.
  bool ErrorAbout(std::string_view before, std::string_view arg, std::string_view after = {});
  bool SyntaxError() { return Error(errors::kSyntax); }
  bool WrongType() { return Error(errors::kWrongType); }

  // --- Arguments. On failure these write an error reply and return false.
  bool Int(size_t i, int64_t* value, std::string_view error = errors::kNotInteger) {
    return ParseInt64(args[i], value) || Error(error);
  }
  bool IntBetween(size_t i, int64_t low, int64_t high, int64_t* value,
                  std::string_view error = errors::kOutOfRange);
  // An integer in the range of the server's int.
  bool Int32(size_t i, int64_t* value) {
    return Int(i, value) &&
           ((*value >= INT32_MIN && *value <= INT32_MAX) || Error(errors::kNotInt32));
  }
  bool Double(size_t i, double* value, std::string_view error = errors::kNotFloat);
  // The cursor of the SCAN family, parsed like strtoul.
  bool Cursor(size_t i, uint64_t* cursor);

  // --- Values. Find and FindOrCreate in the selected database; false, after a WRONGTYPE reply, if
  // the key holds another type. For a missing key Find sets nullptr and returns true.
  bool Find(std::string_view key, ObjectType type, Object** object) {
    *object = keyspace.Find(db, key);
    return CheckType(*object, type);
  }
  bool CheckType(const Object* object, ObjectType type) {
    return object == nullptr || object->type() == type || WrongType();
  }
  Object& FindOrCreate(std::string_view key, ObjectType type) {
    return keyspace.FindOrCreate(db, key, type);
  }
  void Modified(std::string_view key) { keyspace.Modified(db, key); }

  // --- Replies that depend on the profile.
  void ReplyDouble(double value);

  // Parses the options of HSCAN, SSCAN, ZSCAN and SCAN from args[first] on: MATCH pattern, COUNT n,
  // and for SCAN TYPE name. False after an error reply.
  struct ScanOptions {
    int64_t count = 10;
    std::string_view pattern = "*";
    bool match_all = true;
    bool by_type = false;
    std::string_view type;
    bool Wants(std::string_view name) const;
  };
  bool ParseScanOptions(size_t first, bool allow_type, ScanOptions* options);
};

}  // namespace resprobe

#endif  // RESPROBE_CORE_TABLE_COMMAND_H_
