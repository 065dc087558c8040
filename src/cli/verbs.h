#ifndef RESPROBE_CLI_VERBS_H_
#define RESPROBE_CLI_VERBS_H_

#include <CLI/CLI.hpp>

namespace resprobe::cli {

// One function for each verb, in the file of that name: adds the subcommand with its options to
// `app`, and a callback that does the work and leaves the exit code in `*code`.
void AddList(CLI::App& app, int* code);
void AddFuzz(CLI::App& app, int* code);
void AddReplay(CLI::App& app, int* code);
void AddShow(CLI::App& app, int* code);
void AddMinimize(CLI::App& app, int* code);
void AddFreeze(CLI::App& app, int* code);
void AddRecord(CLI::App& app, int* code);
void AddOracle(CLI::App& app, int* code);
void AddConformance(CLI::App& app, int* code);
void AddServe(CLI::App& app, int* code);
void AddProxy(CLI::App& app, int* code);
void AddChaosPeer(CLI::App& app, int* code);
void AddIo(CLI::App& app, int* code);
void AddInvalidate(CLI::App& app, int* code);
void AddKill(CLI::App& app, int* code);
void AddWorkers(CLI::App& app, int* code);
void AddCmd(CLI::App& app, int* code);
void AddCorpus(CLI::App& app, int* code);
void AddBench(CLI::App& app, int* code);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_VERBS_H_
