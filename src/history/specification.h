#ifndef RESPROBE_HISTORY_SPECIFICATION_H_
#define RESPROBE_HISTORY_SPECIFICATION_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/resp/reply_parser.h"
#include "core/server/server.h"
#include "core/table/profile.h"
#include "history/history.h"

namespace resprobe::history {

// What the command table says about an operation.
struct OperationFacts {
  std::vector<std::string> keys;  // each once
  bool all_keys = false;          // it reads or changes the whole keyspace (DBSIZE, KEYS, FLUSHDB)
  bool writes = false;
  // The command promises no order for the elements of its reply; `pairs`: each two of them belong
  // together (HGETALL).
  bool any_order = false;
  bool pairs = false;
  // Why a history that contains it cannot be checked, "BLPOP: it waits"; "" if it can be.
  std::string refused;

  // True if it has nothing to do with keys (PING): any reply is accepted.
  bool says_nothing() const { return keys.empty() && !all_keys; }
};

OperationFacts FactsOf(const Operation& operation, Profile profile);

// True if the server answered that it has not done it, for a reason of its own (OOM, MISCONF,
// LOADING, READONLY …, or EXECABORT for a transaction): the operation had no effect.
bool WasRefused(const Operation& operation);

// True if the replies mean the same to a client: elements (or `pairs`) may be in any order where
// the command promises none, and errors are equal if their codes are.
bool SameReplies(std::string_view a, std::string_view b, bool any_order, bool pairs);

// The sequential specification of a server: the core, which runs operations one after another and
// can undo them. It undoes changes of keys, not of settings or connections.
class Specification {
 public:
  explicit Specification(Profile profile);

  // Starts again, without keys.
  void Reset();

  // An operation, prepared for Run(). Keys have the numbers that AddKey() gave them.
  struct Step {
    const Operation* operation = nullptr;
    std::vector<uint32_t> keys;
    bool writes = false;
    bool any_order = false;
    bool pairs = false;
  };
  // Gives a key the next number, from 0.
  void AddKey(std::string key);

  // Runs the operation. Returns false if it was answered and the core answers differently: the
  // operation is then undone, and answer() is the core's reply.
  bool Run(const Step& step);
  // Undoes the last operation that was not undone.
  void Undo();
  // What was run so far can no longer be undone; frees the memory that this takes.
  void Commit();
  std::string_view answer() const { return answer_; }
  // A digest of all keys and their values.
  uint64_t state() const { return state_; }

 private:
  // The state of a key before an operation changed it.
  struct Old {
    uint32_t key;
    bool existed;
    uint64_t digest;
  };

  uint64_t DigestOf(uint32_t key) const;
  std::string_view KeptName(size_t at);

  Server server_;
  uint64_t client_ = 0;
  std::vector<std::string> keys_;
  std::vector<uint64_t> digests_;
  uint64_t state_ = 0;
  std::vector<Old> old_;         // of all operations
  std::vector<size_t> changes_;  // for each operation: where its part of old_ begins
  std::string answer_;
  std::string name_;
};

}  // namespace resprobe::history

#endif  // RESPROBE_HISTORY_SPECIFICATION_H_
