#ifndef RESPROBE_CLI_ORACLE_MODEL_SESSION_H_
#define RESPROBE_CLI_ORACLE_MODEL_SESSION_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/oracle/oracle_session.h"
#include "engine/arena.h"
#include "engine/codec.h"
#include "engine/ops_harness.h"
#include "live/model/invalidation_live_world.h"
#include "live/model/paired_server.h"

namespace resprobe::cli {

using InvalidationCase = Case<InvalidationWorld>;

// How a case of `invalidation` failed on a live server: by a difference from the model, or by an
// invariant that both violate.
struct ModelFailure {
  std::string signature;  // "get: push missing", "invariant: cached_implies_tracked"
  size_t op = 0;
  std::string expected;
  std::string seen;
  std::optional<live::PairDifference> difference;
};

// Runs cases of `invalidation` on a live server with the model beside it.
class ModelSession {
 public:
  // `restart_every`: see PairOptions. Throws UserError if there is no such server or profile.
  explicit ModelSession(const LiveOptions& options, uint64_t restart_every = 1);

  // Returns the first failure. After a failure that ended the server, the server has been
  // restarted; throws UserError if that is not possible.
  std::optional<ModelFailure> Run(const InvalidationCase& c);
  // Shrinks the case within the budget, as long as it shows the same failure; texts are allocated
  // in `arena`.
  void Shrink(const std::string& signature, findings::ShrinkBudget* budget, Arena* arena,
              InvalidationCase* c);

  const live::PairedServer& pair() const { return *pair_; }
  const std::string& version() const { return pair_->target().version(); }
  std::string_view profile() const { return ProfileName(pair_->profile()); }

 private:
  std::unique_ptr<live::PairedServer> pair_;
  std::unique_ptr<OpsHarness<live::InvalidationLiveWorld>> harness_;
};

// The failure as text, with both sides and what was sent; and as JSON.
std::string Describe(const ModelFailure& failure);
Json ToJson(const ModelFailure& failure);
// What was compared, and what was not: as text, and as JSON.
std::string Describe(const live::PairCounts& counts, bool sets_clock);
Json ToJson(const live::PairCounts& counts);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_ORACLE_MODEL_SESSION_H_
