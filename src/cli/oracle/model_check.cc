// model-check: the seed corpus and generated cases of `invalidation` on a live server
// with the model beside it.

#include <cstdio>
#include <memory>

#include "cli/oracle/model_session.h"
#include "cli/output_options.h"
#include "cli/verbs.h"
#include "findings/live_run.h"
#include "runner/json.h"
#include "runner/seed_cases.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

constexpr size_t kCandidates = 3000;
// A new process takes as long as ten cases.
constexpr uint64_t kRestartEvery = 16;

struct ModelCheckOptions {
  LiveOptions server;
  uint64_t seed = 1;
  uint64_t seeds = 0;  // 0: until the time is over
  double seconds = 0;  // 0: until the seeds are done
  OutputOptions output;
};
class ModelCheck {
 public:
  explicit ModelCheck(const ModelCheckOptions& options)
      : options_(options),
        server_(options.server, kRestartEvery),
        cases_(project_, options.seed),
        out_(options.output.text_on_stdout() ? stdout : stderr),
        findings_(project_, out_,
                  {.noun = "difference",
                   .harness = "invalidation",
                   .prefix = "model-" + std::string(server_.profile()),
                   .server = options.server.Typed()}) {}

  int Run() {
    std::fprintf(out_, "%s against the model of %.*s, seed %llu\n", server_.version().c_str(),
                 static_cast<int>(server_.profile().size()), server_.profile().data(),
                 static_cast<unsigned long long>(options_.seed));
    const uint64_t all = options_.seeds + cases_.corpus();
    for (; (options_.seeds == 0 || ran_ < all) && !Interrupted(); ++ran_) {
      if (options_.seconds > 0 && clock_.Seconds() >= options_.seconds) break;
      const InvalidationCase& c = cases_.Next();
      if (const auto failure = server_.Run(c)) Add(*failure, c);
      ops_ += c.ops.size();
      if (clock_.LineDue()) Line();
    }
    Line();
    std::fprintf(out_, "%s",
                 Describe(server_.pair().counts(), server_.pair().sets_clock()).c_str());
    findings_.Sum();
    if (options_.output.json()) options_.output.Write(Report());
    return findings_.ExitCode();
  }

 private:
  void Add(ModelFailure failure, const InvalidationCase& c) {
    if (findings_.MetBefore(failure.signature)) return;
    const RunClock::Pause pause(&clock_);
    const std::string tape = TapeOf(c);
    LiveFinding& finding = findings_.Begin(failure.signature, cases_.name(), tape);
    finding.ops_before = c.ops.size();
    Arena arena;
    InvalidationCase small;
    DecodeCase(tape, &arena, &small);
    finding.candidates = server_.Shrink(failure.signature, kCandidates, &arena, &small);
    // What depends on the server's choices may need another attempt.
    if (const auto again = server_.Run(small); again && again->signature == failure.signature) {
      failure = *again;
    }
    finding.ops_after = small.ops.size();
    finding.text = Describe(failure);
    finding.report = ToJson(failure);
    finding.report["server"] = server_.version();
    finding.report["profile"] = std::string(server_.profile());
    findings_.End(finding, TapeOf(small), Print(small), {});
  }

  void Line() {
    std::fprintf(out_, "%s cases, %s ops, %s, %s\n", Grouped(ran_).c_str(), Grouped(ops_).c_str(),
                 findings_.Count().c_str(), clock_.Rate(ran_, "cases").c_str());
    std::fflush(out_);
  }

  Json Report() const {
    return {{"server", server_.version()},
            {"profile", std::string(server_.profile())},
            {"seed", options_.seed},
            {"cases", ran_},
            {"ops", ops_},
            {"seconds", clock_.Seconds()},
            {"interrupted", Interrupted()},
            {"sets_clock", server_.pair().sets_clock()},
            {"counts", ToJson(server_.pair().counts())},
            {"differences", findings_.ToJson()}};
  }

  const ModelCheckOptions& options_;
  const Project project_ = OpenProject();
  ModelSession server_;
  SeedCases<live::InvalidationLiveWorld> cases_;
  std::FILE* out_;
  LiveFindings findings_;
  RunClock clock_;
  uint64_t ran_ = 0;  // cases
  uint64_t ops_ = 0;
};

}  // namespace

Verb ModelCheckVerb() {
  const auto options = std::make_shared<ModelCheckOptions>();
  Verb verb("model-check", "compare the model of a server with a live one");
  verb.details =
      "Cases of the harness invalidation run over connections to the server, with the model beside "
      "it: its seed corpus and regressions, then generated ones. Each reply and push is compared. "
      "Without --seeds and --time: 30 seconds.\n"
      "Differences are minimized and go to work/findings/invalidation/model-….\n"
      "The old spelling is ./resprobe invalidate --model-check.";
  verb.examples = {{"model-check --start valkey-server --time 60s", "compares for a minute"},
                   {"model-check --server 127.0.0.1:6379 --flush --seeds 500",
                    "compares 500 cases with a running server, and deletes its keys"}};
  verb.exit_codes = "0 no difference, 1 a difference, 2 wrong use, 130 interrupted.";
  options->server.server.AddTo(&verb);
  AddProfile(&verb, &options->server.profile, "the model");
  verb.Number("--seeds", "N", &options->seeds, 1, UINT64_MAX / 2, "N generated cases");
  verb.Time("--time", &options->seconds, "30s, 5m, 1h; what shrinking takes is not counted");
  verb.Number("--seed", "S", &options->seed, 0, UINT64_MAX, "The first generated case")
      .ShowDefault();
  AddOutputOptions(&verb, &options->output);
  verb.run = [=] {
    options->output.Check();
    options->server.server.Require("model-check");
    if (options->seconds == 0 && options->seeds == 0) options->seconds = 30;
    return ModelCheck(*options).Run();
  };
  return verb;
}

}  // namespace resprobe::cli
