#ifndef RESPROBE_HISTORY_WORKLOAD_H_
#define RESPROBE_HISTORY_WORKLOAD_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/table/profile.h"
#include "engine/rng.h"
#include "history/history.h"

namespace resprobe::history {

struct WorkloadOptions {
  uint64_t seed = 1;
  uint32_t clients = 8;
  uint32_t keys = 100;  // shared by all clients; at least 1
  Profile profile = Profile::kRedis70;
  uint32_t most_transactions = 1000;  // of 1000 operations
  // Whether the server has a command, by its name in lower case. Empty: all of the profile.
  std::function<bool(std::string_view name)> has = {};
};

// The operations of clients that share keys, made so that a history of them can be checked: no
// times to live, no command that waits or whose reply is the server's choice, and each written
// value is unique where the type permits, so that a read names the write that it saw.
//
// Each seed has a swarm of its own: some commands are left out, others are frequent, some keys are
// hot. The operations of a client are a function of the seed and the client alone, whatever the
// others do and however fast the server is.
class Workload {
 public:
  explicit Workload(const WorkloadOptions& options);

  // False if the server has none of the commands.
  bool possible() const { return !shapes_.empty(); }

  struct Request {
    std::string bytes;   // one request, or a transaction from MULTI to EXEC
    size_t replies = 1;  // that it has
  };
  // The next operation of a client, which is below `clients`.
  Request Next(uint32_t client);
  // A read of each key that the workload uses, for the end of a life.
  std::vector<Request> ReadAll() const;

 private:
  enum class Type : uint8_t { kRegister, kCounter, kList, kHash, kSet, kZset, kBitmap };
  static constexpr size_t kTypes = 7;
  // A kind of request: "LMOVE $k $K LEFT RIGHT".
  struct Shape {
    std::vector<std::string_view> words;
    Type type = Type::kRegister;
    uint64_t weight = 0;
    bool in_transaction = false;
  };
  struct Line {
    Type type;
    const char* words;
    uint64_t weight;
  };
  static const Line kLines[];

  struct Client {
    Rng rng{0};
    uint64_t values = 0;  // written so far
  };

  const Shape& Pick(Rng& rng, bool in_transaction) const;
  std::vector<std::string> Words(const Shape& shape, uint32_t client);
  uint32_t CountOf(Type type) const { return keys_of_[static_cast<size_t>(type)]; }
  std::string KeyOf(Type type, Rng& rng) const;
  std::string KeyName(size_t type, uint32_t number) const;

  WorkloadOptions options_;
  std::vector<Shape> shapes_;
  uint64_t weights_ = 0;
  uint64_t transaction_weights_ = 0;
  uint32_t transactions_per_mille_ = 0;
  bool discards_ = false;  // some of them
  uint32_t hot_per_mille_ = 0;
  std::vector<uint32_t> keys_of_;  // by type
  std::vector<Client> clients_;
};

}  // namespace resprobe::history

#endif  // RESPROBE_HISTORY_WORKLOAD_H_
