// The program `resprobe-harness`: `resprobe` with only the verbs that run harnesses. The script
// ./resprobe starts it for those verbs, so that they do not wait for the rest to be built.

#include "cli/program.h"
#include "cli/verbs.h"
#include "runner/process.h"

int main(int argc, char** argv) {
  resprobe::runner::CatchInterrupts();
  return resprobe::cli::RunProgram(resprobe::cli::HarnessVerbs(), {argv + 1, argv + argc});
}
