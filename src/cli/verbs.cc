#include "cli/verbs.h"

#include "cli/command_line/completion.h"
#include "cli/command_line/man_page.h"
#include "runner/files.h"
#include "runner/project.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

constexpr const char* kPresets[] = {"fuzz",     "afl",  "standalone", "release",
                                    "coverage", "tsan", "checked"};

// --- Verbs of the script ./resprobe, described here for completion and the man page.

// Target of the script's options, whose values this program ignores.
struct Ignored {
  bool flag = false;
  std::string word;
  std::vector<std::string> words;
};

Ignored* Nothing() {
  static Ignored ignored;
  return &ignored;
}

Verb ScriptVerb(const std::string& name, const std::string& summary, const std::string& details,
                std::vector<Example> examples) {
  Verb verb(name, summary);
  verb.details = details;
  verb.examples = std::move(examples);
  verb.by_script = true;
  return verb;
}

Verb TestVerb() {
  Verb verb =
      ScriptVerb("test", "build and run all tests; arguments go to ctest (-R REGEX)",
                 "The arguments go to ctest.",
                 {{"test", "builds everything and runs all tests"},
                  {"test -R cli", "runs the tests whose names match a regular expression"}});
  verb.Arguments("ARGUMENT", &Nothing()->words, "Arguments of ctest: -R REGEX, --rerun-failed");
  return verb;
}

Verb HarnessScriptVerb(const std::string& name, const std::string& summary,
                       const std::string& details, const std::string& purpose) {
  Verb verb = ScriptVerb(name, summary, details, {{name + " resp_parser", purpose}});
  verb.Arguments("HARNESS", &Nothing()->words, "Harnesses (./resprobe list); default: all")
      .Complete(Completion::kHarness);
  return verb;
}

Verb BuildVerb() {
  Verb verb = ScriptVerb("build", "build one preset: fuzz, afl, standalone, release …", "",
                         {{"build coverage", "builds everything for coverage reports"},
                          {"build fuzz resprobe_cli", "builds the program alone"}});
  verb.Argument("PRESET", &Nothing()->word, "The build preset")
      .Offer({std::begin(kPresets), std::end(kPresets)})
      .Required();
  verb.Arguments("TARGET", &Nothing()->words, "Targets of the build; default: all");
  return verb;
}

Verb LintVerb() {
  Verb verb = ScriptVerb("lint", "clang-format and clang-tidy", "",
                         {{"lint --changed", "checks what differs from the last commit"}});
  verb.Flag("--changed", &Nothing()->flag, "Only files that differ from the last commit");
  return verb;
}

Verb PackagesVerb() {
  Verb verb = ScriptVerb("packages", "fetch what only this build uses: hiredis, real servers",
                         "hiredis, redis-server, valkey-server.",
                         {{"packages --retry", "tries again to fetch what was not available"}});
  verb.Flag("--retry", &Nothing()->flag, "Try again what could not be fetched");
  return verb;
}

// The names of all harnesses; empty if the project has not been configured.
std::vector<std::string> HarnessNames() {
  std::vector<std::string> names;
  try {
    for (const runner::HarnessEntry& harness : runner::OpenProject().all)
      names.push_back(harness.name);
  } catch (const runner::UserError&) {  // nothing is built
  }
  return names;
}

}  // namespace

Verb CompletionVerb() {
  const auto shell = std::make_shared<std::string>();
  Verb verb("completion", "print completion for bash or zsh");
  verb.details =
      "Completes verbs, options, names of harnesses, choices and files. A line for ~/.bashrc or "
      "~/.zshrc is under Examples.";
  verb.examples = {{"completion bash", "bash: source <(./resprobe completion bash)"},
                   {"completion zsh", "zsh: source <(./resprobe completion zsh)"}};
  verb.exit_codes = "0 printed, 2 wrong use.";
  verb.Choice("SHELL", {"bash", "zsh"}, shell.get(), "bash or zsh").Required();
  verb.run = [=] {
    const Verb root = AllVerbs();
    const std::string script = *shell == "bash" ? BashCompletion(root, HarnessNames())
                                                : ZshCompletion(root, HarnessNames());
    std::fputs(script.c_str(), stdout);
    return runner::kAllWell;
  };
  return verb;
}

Verb ManVerb() {
  const auto output = std::make_shared<std::string>();
  Verb verb("man", "print the manual page");
  verb.details = "Prints the source of resprobe(1), made from the text of --help of all verbs.";
  verb.examples = {{"man | man -l -", "reads it"},
                   {"man --output resprobe.1", "writes it to a file"}};
  verb.exit_codes = "0 printed, 2 wrong use.";
  verb.Text("--output", "FILE", output.get(), "Write it to FILE")
      .Short("-o")
      .Complete(Completion::kFile);
  verb.run = [=] {
    const std::string page = ManPage(AllVerbs(), RESPROBE_VERSION);
    if (output->empty()) {
      std::fputs(page.c_str(), stdout);
    } else {
      runner::WriteFile(*output, page);
    }
    return runner::kAllWell;
  };
  return verb;
}

Verb AllVerbs() {
  Verb root = NewProgram();
  for (const auto& make :
       {FuzzVerb,   TestVerb,     ListVerb,      ReplayVerb,    ShowVerb,        MinimizeVerb,
        FreezeVerb, FindingsVerb, RecordVerb,    OracleVerb,    ConformanceVerb, ModelCheckVerb,
        ServeVerb,  ProxyVerb,    ChaosPeerVerb, IoVerb,        InvalidateVerb,  KillVerb,
        CrashVerb,  ChaosVerb,    ClientVerb,    ClusterVerb,   CrashPointsVerb, SimulateVerb,
        SmokeVerb,  SeedsVerb,    StressVerb,    WorkersVerb,   CmdVerb,         CorpusVerb,
        BenchVerb,  MutantsVerb,  ReportVerb,    SoakVerb,      FullVerb,        SpecVerb,
        CloudVerb,  UnitVerb,     MergeVerb,     PropertiesVerb}) {
    root.verbs.push_back(make());
  }
  root.verbs.push_back(
      HarnessScriptVerb("coverage", "what the seed corpora cover, as text and HTML (llvm-cov)",
                        "Builds with llvm-cov's instrumentation and runs the seed corpora.",
                        "reports what the seeds of one harness cover"));
  root.verbs.push_back(HarnessScriptVerb("stability", "how deterministic AFL++ finds each harness",
                                         "Runs each harness with the seeds under afl-fuzz.",
                                         "measures one harness"));
  root.verbs.push_back(HarnessScriptVerb(
      "recheck", "replay all cases under all checks, slow ones included",
      "Replays seeds, regressions and what was learnt.", "replays the cases of one harness"));
  root.verbs.push_back(BuildVerb());
  root.verbs.push_back(ScriptVerb("oss-fuzz-check",
                                  "build as OSS-Fuzz does, and check what it would check",
                                  "Builds with libc++ and checks what OSS-Fuzz would check.",
                                  {{"oss-fuzz-check", "builds and checks"}}));
  root.verbs.push_back(LintVerb());
  root.verbs.push_back(PackagesVerb());
  root.verbs.push_back(CompletionVerb());
  root.verbs.push_back(ManVerb());
  return root;
}

}  // namespace resprobe::cli
