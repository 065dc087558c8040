#ifndef RESPROBE_TESTS_FINDINGS_EXAMPLE_FAILURE_H_
#define RESPROBE_TESTS_FINDINGS_EXAMPLE_FAILURE_H_

#include <string>

#include "findings/failure.h"
#include "runner/project.h"

namespace resprobe::findings {

// A failure that says something in every field.
inline Failure ExampleFailure() {
  Failure failure;
  failure.run.runner = "oracle";
  failure.run.harness = "command_handler";
  ServerSpec& server = failure.run.server;
  server.start = "redis-server --hz 50";
  server.arguments = {"--set-max-intset-entries", "1"};
  server.profile = "redis-7.0";
  server.flush = true;
  server.allow_remote = true;
  server.sandbox = true;
  server.hang_seconds = 3;
  server.version = "redis 7.0.15";
  failure.run.limits = {.timeout_seconds = 7, .rss_mb = 100};
  failure.run.options["memory"] = 64u;
  failure.what = {.signature = "get: another reply",
                  .kind = "difference",
                  .invariant = "same_reply",
                  .statement = "replies are the same",
                  .op = 3,
                  .expected = "1\n2",
                  .seen = "ERR",
                  .frames = {"f", "g"},
                  .details = {{"request", "GET k"}}};
  failure.input.tape = std::string(
      "\x00\xff\x7f"
      "a",
      4);
  failure.input.text = "ops command_handler\ncall client=0 GET k\n";
  failure.input.minimized = true;
  failure.input.ops_before = 9;
  failure.input.ops_after = 1;
  failure.input.bytes_before = 90;
  failure.input.bytes_after = 4;
  failure.input.candidates = 33;
  failure.hash = "0123";
  failure.replays = true;
  failure.interrupted = true;
  failure.verb = "oracle --unmodelled";
  failure.arguments = {"oracle", "--unmodelled", "--seed", "17"};
  failure.engine = "seeds";
  failure.seed = 17;
  failure.from = "seed 21";
  failure.versions = {{"resprobe", "1"}, {"subject", "redis 7.0.15"}};
  failure.first_seen = "2026-01-02T03:04:05Z";
  failure.last_seen = "2026-02-02T03:04:05Z";
  failure.met = 5;
  failure.checked = "2026-03-02T03:04:05Z";
  failure.state = "failing";
  return failure;
}

// A project of which only the folder for findings is used.
inline runner::Project ProjectIn(const fs::path& folder) {
  runner::Project project;
  project.source = folder;
  project.work = folder / "work";
  return project;
}

}  // namespace resprobe::findings

#endif  // RESPROBE_TESTS_FINDINGS_EXAMPLE_FAILURE_H_
