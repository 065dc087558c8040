#include "cli/verbs.h"

namespace resprobe::cli {

Verb NewProgram() {
  Verb root("resprobe", "fuzzes software that speaks the Redis protocol");
  root.details =
      "resprobe fuzzes software that speaks the Redis protocol: parsers, servers, caching clients.";
  root.exit_codes =
      "0 all well, 1 a finding or a failed test, 2 wrong use, 130 interrupted (143 by SIGTERM, 129 "
      "by SIGHUP).";
  return root;
}

Verb HarnessVerbs() {
  Verb root = NewProgram();
  for (const auto& make : {FuzzVerb, ListVerb, CorpusVerb, MutantsVerb})
    root.verbs.push_back(make());
  return root;
}

}  // namespace resprobe::cli
