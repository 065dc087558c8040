#include "worlds/command/promises.h"

namespace resprobe {
namespace {

constexpr PromiseStep kPauseOfWrites[] = {
    {'a', "CLIENT PAUSE 100 WRITE", "OK"},
    {'a', "CLIENT PAUSE 50 WRITE", "OK"},
    {'a', "EXISTS k", "(integer) 0"},
    {'b', "PERSIST k", ""},
    {'b', "", "", 60},
    {'b', "", "(integer) 0", 45},
};
constexpr PromiseStep kPauseOfAll[] = {
    {'a', "CLIENT PAUSE 100", "OK"},
    {'b', "EXISTS k", ""},
    {'b', "", "", 60},
    {'b', "", "(integer) 0", 45},
    {'a', "CLIENT PAUSE 100 WRITE", "OK"},
    {'b', "EXISTS k", "(integer) 0"},
    {'b', "PERSIST k", ""},
    {'a', "CLIENT UNPAUSE", "OK"},
    {'b', "", "(integer) 0"},
};
constexpr PromiseStep kRepliesOn[] = {
    {'a', "CLIENT REPLY OFF", ""},
    {'a', "CLIENT REPLY SKIP", ""},
    {'a', "CLIENT REPLY ON", "OK"},
    {'a', "ECHO x", "\"x\""},
};
constexpr PromiseStep kResetSubscriber[] = {
    {'a', "SUBSCRIBE x", "[\"subscribe\", \"x\", (integer) 1]"},
    {'a', "RESET", "RESET"},
    {'a', "EXISTS k", "(integer) 0"},
};
constexpr PromiseStep kEveryWatcher[] = {
    {'a', "WATCH k", "OK"}, {'b', "WATCH k", "OK"}, {'a', "MULTI", "OK"},   {'b', "MULTI", "OK"},
    {'c', "SET k 1", "OK"}, {'a', "EXEC", "(nil)"}, {'b', "EXEC", "(nil)"},
};
constexpr PromiseStep kWatchedDatabases[] = {
    {'a', "SET k 1", "OK"}, {'b', "SELECT 1", "OK"},   {'b', "SET m 1", "OK"},
    {'a', "WATCH k", "OK"}, {'b', "WATCH m", "OK"},    {'a', "MULTI", "OK"},
    {'b', "MULTI", "OK"},   {'c', "SWAPDB 0 1", "OK"}, {'a', "EXEC", "(nil)"},
    {'b', "EXEC", "(nil)"},
};
constexpr PromiseStep kWatchedKeyExpires[] = {
    {'a', "SET k v PX 10", "OK"},
    {'b', "WATCH k", "OK"},
    {'b', "MULTI", "OK"},
    {'b', "EXEC", "(nil)", 20},
};
constexpr PromiseStep kWatchedKeyHadExpired[] = {
    {'a', "SET k v PX 10", "OK"}, {'b', "WATCH k", "OK", 20},       {'b', "MULTI", "OK"},
    {'b', "PING", "QUEUED"},      {'c', "EXISTS k", "(integer) 0"}, {'b', "EXEC", "[PONG]"},
};
constexpr PromiseStep kRangesOfScores[] = {
    {'a', "ZADD z 1 a 2 b 3 c", "(integer) 3"},
    {'a', "ZRANGEBYSCORE z -inf +inf LIMIT 1 1", "[\"b\"]"},
    {'a', "ZRANGEBYSCORE z -inf +inf LIMIT 0 0", "[]"},
    {'a', "ZRANGEBYSCORE z (1 +inf LIMIT 0 -1", "[\"b\", \"c\"]"},
    {'a', "ZREVRANGEBYSCORE z +inf -inf LIMIT 0 2", "[\"c\", \"b\"]"},
    {'a', "ZRANGE z -inf +inf BYSCORE LIMIT 1 2", "[\"b\", \"c\"]"},
};
constexpr PromiseStep kWeights[] = {
    {'a', "ZADD z 1 a 2 b", "(integer) 2"},
    {'a', "ZADD y 10 a", "(integer) 1"},
    {'a', "ZINTERSTORE o 2 z y WEIGHTS 2 3", "(integer) 1"},
    {'a', "ZSCORE o a", "\"32\""},
};
constexpr PromiseStep kMoveOfPresent[] = {
    {'a', "SADD s m", "(integer) 1"},
    {'a', "SADD d m", "(integer) 1"},
    {'a', "SMOVE s d m", "(integer) 1"},
    {'a', "SCARD s", "(integer) 0"},
};
constexpr PromiseStep kPositions[] = {
    {'a', "RPUSH l a b c b", "(integer) 4"},
    {'a', "LPOS l c MAXLEN 2", "(nil)"},
    {'a', "LPOS l c MAXLEN 3", "(integer) 2"},
    {'a', "LPOS l b RANK -1", "(integer) 3"},
    {'a', "LPOS l b RANK -1 COUNT 0", "[(integer) 3, (integer) 1]"},
    {'a', "LMPOP 1 l LEFT COUNT 1 COUNT 1", "(error)"},
};
constexpr PromiseStep kTimes[] = {
    {'a', "SET k v PX 1600", "OK"},
    {'a', "TTL k", "(integer) 2"},
    {'a', "PEXPIREAT k 9999999999999", "(integer) 1"},
    {'a', "PEXPIREAT k 9999999999999 LT", "(integer) 0"},
    {'a', "PEXPIREAT k 9999999999999 GT", "(integer) 0"},
};
constexpr PromiseStep kSorted[] = {
    {'a', "RPUSH l 3 1 2", "(integer) 3"},
    {'a', "SORT l DESC", "[\"3\", \"2\", \"1\"]"},
    {'a', "SORT l DESC ASC", "[\"1\", \"2\", \"3\"]"},
    {'a', "SORT l BY constant", "[\"3\", \"1\", \"2\"]"},
    {'a', "HSET h1 f a", "(integer) 1"},
    {'a', "HSET h2 f b", "(integer) 1"},
    {'a', "HSET h3 f c", "(integer) 1"},
    {'a', "SORT l GET h*->f", "[\"a\", \"b\", \"c\"]"},
};
constexpr PromiseStep kFirstKeyWritten[] = {
    {'a', "BLPOP k l 0", ""},
    {'b', "MULTI", "OK"},
    {'b', "RPUSH l x", "QUEUED"},
    {'b', "RPUSH k y", "QUEUED"},
    {'b', "EXEC", "[(integer) 1, (integer) 1]"},
    {'a', "", "[\"l\", \"x\"]"},
};
constexpr PromiseStep kOverflows[] = {
    {'a', "BITFIELD f SET u8 0 255", "[(integer) 0]"},
    {'a', "BITFIELD f OVERFLOW FAIL INCRBY u8 0 1", "[(nil)]"},
    {'a', "BITFIELD f OVERFLOW SAT INCRBY i8 8 -300", "[(integer) -128]"},
    {'a', "BITFIELD f OVERFLOW SAT INCRBY i8 8 300", "[(integer) 127]"},
    {'a', "BITFIELD_RO f SET u8 0 1", "(error)"},
    {'a', "BITFIELD_RO f GET u8 0", "[(integer) 255]"},
};
constexpr PromiseStep kStarsInPatterns[] = {
    {'a', "SET aab 1", "OK"},
    {'a', "KEYS *ab", "[\"aab\"]"},
    {'a', "KEYS *a*b", "[\"aab\"]"},
    {'a', "KEYS [^b]?b", "[\"aab\"]"},
};

constexpr Promise kPromises[] = {
    {"CLIENT PAUSE WRITE holds writes alone, until the last of all pauses is over", kPauseOfWrites},
    {"CLIENT PAUSE holds everything, and what it holds ends with it", kPauseOfAll},
    {"CLIENT REPLY ON ends all that was before it", kRepliesOn},
    {"RESET ends subscriptions", kResetSubscriber},
    {"a change aborts the transactions of all clients that watch the key", kEveryWatcher},
    {"SWAPDB touches the watched keys of both databases", kWatchedDatabases},
    {"EXEC fails once a watched key has expired", kWatchedKeyExpires},
    {"a key that had expired before WATCH is no change when it is deleted", kWatchedKeyHadExpired},
    {"LIMIT counts from the side from which a range is read", kRangesOfScores},
    {"each set has a weight of its own", kWeights},
    {"SMOVE moves what the destination has, too", kMoveOfPresent},
    {"LPOS finds what RANK and MAXLEN say; COUNT is given once", kPositions},
    {"TTL rounds; LT and GT exclude the same time", kTimes},
    {"the last of ASC and DESC counts; a pattern without a star does not sort", kSorted},
    {"who waits for several keys is served from the one that was written first", kFirstKeyWritten},
    {"each kind of overflow does what it says, and BITFIELD_RO writes nothing", kOverflows},
    {"a star matches any number of bytes, the fewest last", kStarsInPatterns},
};

}  // namespace

std::span<const Promise> Promises() { return kPromises; }

}  // namespace resprobe
