#ifndef RESPROBE_LIVE_RESTORE_RESTORE_MODEL_H_
#define RESPROBE_LIVE_RESTORE_RESTORE_MODEL_H_

#include <set>
#include <string>
#include <string_view>

#include "core/keyspace/keyspace.h"
#include "core/table/profile.h"

namespace resprobe::live {

// What the core says of a payload: the model of a server's verdict.
class RestoreModel {
 public:
  struct Verdict {
    bool known = false;            // false: the core does not have the type
    std::string_view error = {};   // "" if the payload is accepted; otherwise the error of RESTORE
    std::string_view reason = {};  // of the core, for the error of a bad value; lives as the model
  };

  explicit RestoreModel(Profile profile);

  // `sanitize`: of the server's sanitize-dump-payload.
  Verdict Judge(std::string_view payload, bool sanitize);

 private:
  Profile profile_;
  Keyspace keyspace_;
  std::set<std::string> reasons_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_RESTORE_RESTORE_MODEL_H_
