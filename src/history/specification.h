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

// What the command table says of an operation.
struct OperationFacts {
  std::vector<std::string> keys;  // each once
  bool all_keys = false;          // it reads or changes the whole keyspace (DBSIZE, KEYS, FLUSHDB)
  bool writes = false;
  // Its reply has elements in no promised order; or pairs of them.
  bool any_order = false;
  bool pairs = false;
  // Why no history with it can be checked; "" if it can: "BLPOP: it waits".
  std::string refused;

  // It says nothing about the keys (PING), so any reply is right.
  bool says_nothing() const { return keys.empty() && !all_keys; }
};

OperationFacts FactsOf(const Operation& operation, Profile profile);

// True if a client may take one for the other: with elements (or `pairs`) in another order where
// the command promises none, and errors with other texts and the same code.
bool SameReplies(std::string_view a, std::string_view b, bool any_order, bool pairs);

// The sequential specification of a server: the core, which runs operations one after another and
// can take them back.
class Specification {
 public:
  explicit Specification(Profile profile);

  // Forgets all keys.
  void Reset();

  // An operation that was prepared for Run(). Keys are numbered by the caller.
  struct Step {
    const Operation* operation = nullptr;
    std::vector<uint32_t> keys;
    bool writes = false;
    bool any_order = false;
    bool pairs = false;
  };
  // The key with the next number, from 0.
  void AddKey(std::string key);

  // Runs the operation. False if it was answered and the core answers otherwise: then it is taken
  // back, and answer() is what the core says.
  bool Run(const Step& step);
  // Takes back the last operation that is not taken back.
  void Undo();
  std::string_view answer() const { return answer_; }
  // A digest of all keys.
  uint64_t state() const { return state_; }

 private:
  // A key before an operation changed it.
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
