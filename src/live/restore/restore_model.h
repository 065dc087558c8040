#ifndef RESPROBE_LIVE_RESTORE_RESTORE_MODEL_H_
#define RESPROBE_LIVE_RESTORE_RESTORE_MODEL_H_

#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "core/server/server.h"
#include "core/table/profile.h"

namespace resprobe::live {

// What the core's RESTORE says of a payload: the model of a server's verdict.
class RestoreModel {
 public:
  struct Verdict {
    bool known = false;  // false: the core does not have the type
    // "" if the payload is accepted; otherwise the error of RESTORE. It lives as long as the model.
    std::string_view error = {};
    std::string_view reason = {};  // of the core's reader, for the error of a bad value; the same
  };

  explicit RestoreModel(Profile profile);

  // `sanitize`: of the server's sanitize-dump-payload.
  Verdict Judge(std::string_view payload, bool sanitize);

 private:
  std::string_view Keep(std::string_view text);

  Profile profile_;
  std::unique_ptr<Server> server_;
  uint64_t client_ = 0;
  Keyspace keyspace_{1};
  std::string request_;
  std::set<std::string, std::less<>> texts_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_RESTORE_RESTORE_MODEL_H_
