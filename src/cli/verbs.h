#ifndef RESPROBE_CLI_VERBS_H_
#define RESPROBE_CLI_VERBS_H_

#include "cli/command_line/verb.h"

namespace resprobe::cli {

// The program with all its verbs, including those of the script ./resprobe.
Verb AllVerbs();

// The program with only the verbs that run harnesses and nothing else: fuzz, list, corpus, mutants.
Verb HarnessVerbs();

// The program, to which verbs are added.
Verb NewProgram();

// One function for each verb, in the file of that name.
Verb BenchVerb();
Verb ChaosPeerVerb();
Verb ChaosVerb();
Verb ClientVerb();
Verb CloudVerb();
Verb ClusterVerb();
Verb CmdVerb();
Verb CompletionVerb();
Verb ConformanceVerb();
Verb CorpusVerb();
Verb CrashVerb();
Verb CrashPointsVerb();
Verb FindingsVerb();
Verb FreezeVerb();
Verb FullVerb();
Verb FuzzVerb();
Verb InvalidateVerb();
Verb IoVerb();
Verb KillVerb();
Verb ListVerb();
Verb ManVerb();
Verb MergeVerb();
Verb MinimizeVerb();
Verb ModelCheckVerb();
Verb MutantsVerb();
Verb OracleVerb();
Verb PropertiesVerb();
Verb ProxyVerb();
Verb RecordVerb();
Verb ReplayVerb();
Verb ReportVerb();
Verb SeedsVerb();
Verb ServeVerb();
Verb ShowVerb();
Verb SimulateVerb();
Verb SmokeVerb();
Verb SoakVerb();
Verb SpecVerb();
Verb StressVerb();
Verb UnitVerb();
Verb WorkersVerb();

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_VERBS_H_
