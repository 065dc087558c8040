// The program `resprobe`. The script of that name at the root of the repository builds what a verb
// needs, then starts this.

#include "cli/program.h"
#include "cli/verbs.h"
#include "runner/process.h"

int main(int argc, char** argv) {
  resprobe::runner::CatchInterrupts();
  return resprobe::cli::RunProgram(resprobe::cli::AllVerbs(), {argv + 1, argv + argc});
}
